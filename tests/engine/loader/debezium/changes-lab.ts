// Messages of Debezium in JSON and the table that they change, for tests of decoding.
import type { Message } from '../../../../src/loader/brokers/broker.ts';
import type { ChangeConfig } from '../../../../src/loader/settings/change-settings.ts';
import { changeDecoder } from '../../../../src/loader/formats/debezium/debezium-decoder.ts';
import type { LoadTarget } from '../../../../src/loader/settings/load-target.ts';
import { loadTargetOf } from '../../support/load-target.ts';

export const CHANGES: ChangeConfig = {
  deletes: 'soft',
  keeps: true,
  truncate: 'fail',
  decimals: 'precise',
  times: 'adaptive',
  binary: 'bytes',
};
export type Members = { readonly [name: string]: unknown };

/** An envelope's text; numbers that JavaScript rounds come as texts of JSON. */
export function envelope(op: string, after: string | Members | null, lsn = 10, more: Members = {}): string {
  const source = { connector: 'postgresql', name: 'app', lsn, ts_ms: 1_780_000_000_000 + lsn, ...more };
  const row = typeof after === 'string' ? after : JSON.stringify(after);
  return `{"before":null,"after":${row},"source":${JSON.stringify(source)},"op":"${op}"}`;
}

/** A message of no offset. */
export function message(key: string | null, value: string | null): Message {
  return {
    offset: 0n,
    timestamp: 0,
    key: key === null ? null : Buffer.from(key),
    value: value === null ? null : Buffer.from(value),
    headers: [],
  };
}

/** A table that is upserted by `id`. */
export const targetOf = (columns: Readonly<Record<string, string>>, changes: Partial<ChangeConfig> = {}): LoadTarget =>
  loadTargetOf('orders', {
    format: 'debezium',
    mode: 'upsert',
    key: ['id'],
    changes: { ...CHANGES, ...changes },
    columns: Object.entries({ id: 'bigint', ...columns }).map(([name, type]) => ({ name, type })),
  });

/** What a message says of the table's row. */
export async function decoded(target: LoadTarget, key: string | null, value: string | null): Promise<unknown> {
  return changeDecoder(null, target, Date.now).message?.(message(key, value));
}
