// Partitions of a publication as SQL of ClickHouse: the text of a row's partition, and whether it is one of some.
import { quoteIdentifier, quoteText } from '../../adapters/clickhouse/literal.ts';
import type { Grain, PartitionKey } from '../partition-key.ts';
import type { PartitionChoice } from '../receiver.ts';

const FORMATS: Readonly<Record<Grain, string>> = {
  hour: '%Y-%m-%d %H',
  day: '%Y-%m-%d',
  month: '%Y-%m',
  year: '%Y',
};
/** No text of a value: it begins with a NUL. */
const NULL = "'\\0null'";

/** The text of a key of a row's partition; times count in UTC. With fewer digits one before 1970 were rounded up. */
export function partitionText({ column, grain }: PartitionKey): string {
  const name = `t.${quoteIdentifier(column)}`;
  return grain === null ? `toString(${name})` : `formatDateTime(toDateTime64(${name}, 6, 'UTC'), '${FORMATS[grain]}')`;
}

/** Of rows of a relation that is called `t`. */
export function inPartitions({ parts, partitions }: PartitionChoice): string {
  if (partitions.length === 0) return '0';
  const list = (values: readonly string[]): string => `[${values.join(', ')}]`;
  const chosen = partitions.map(({ values }) =>
    list(values.map((value) => (value === null ? NULL : quoteText(value)))),
  );
  return `has(${list(chosen)}, ${list(parts.map((part) => `ifNull(${partitionText(part)}, ${NULL})`))})`;
}
