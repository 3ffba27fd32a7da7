// The connector's configuration and the schema that Connect's JSON converter writes beside each message of the recorded
// table of orders, for the test and the measurement of envelopes.
import type { ChangeConfig } from '../../../../src/loader/settings/change-settings.ts';

export const CHANGES: ChangeConfig = {
  deletes: 'soft',
  keeps: true,
  truncate: 'ignore',
  decimals: 'precise',
  times: 'adaptive',
  binary: 'bytes',
};
/** Fields of the row in the words of Connect's schemas. */
export const FIELDS = [
  { field: 'id', type: 'int64', optional: false },
  { field: 'customer', type: 'string', name: 'io.debezium.data.Uuid' },
  { field: 'status', type: 'string', name: 'io.debezium.data.Enum' },
  { field: 'total', type: 'bytes', name: 'org.apache.kafka.connect.data.Decimal', parameters: { scale: '2' } },
  { field: 'created_at', type: 'string', name: 'io.debezium.time.ZonedTimestamp' },
  { field: 'due', type: 'int32', name: 'io.debezium.time.Date' },
  { field: 'local_ts', type: 'int64', name: 'io.debezium.time.MicroTimestamp' },
  { field: 'lines', type: 'string', name: 'io.debezium.data.Json' },
  { field: 'tags', type: 'array', items: { type: 'string' } },
  { field: 'note', type: 'string' },
];
/** Schema of an envelope of which the row after the change matters. */
export const ENVELOPE = [{ field: 'after', type: 'struct', fields: FIELDS }];

/** A message of these fields beside its schema. @param text the payload's JSON */
export function wrapped(text: string, fields: readonly unknown[]): string {
  return `{"schema":${JSON.stringify({ type: 'struct', fields })},"payload":${text}}`;
}
