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

/**
 * The text of a key of a row's partition; times count in UTC. With fewer digits one before 1970 were rounded up.
 * @param of what stands before a column's name
 */
export function partitionText({ column, grain }: PartitionKey, of = 't.'): string {
  const name = `${of}${quoteIdentifier(column)}`;
  return grain === null ? `toString(${name})` : `formatDateTime(toDateTime64(${name}, 6, 'UTC'), '${FORMATS[grain]}')`;
}

/** All keys of a row's partition, never null. */
export function partitionTuple(parts: readonly PartitionKey[], of = 't.'): string {
  return `(${partitionTexts(parts, of)})`;
}

function partitionTexts(parts: readonly PartitionKey[], of: string): string {
  return parts.map((part) => `ifNull(${partitionText(part, of)}, ${NULL})`).join(', ');
}

/** @param json what `partitionTuple` gave */
export function readPartitionTuple(json: string): (string | null)[] {
  const values: string[] = JSON.parse(json);
  return values.map((value) => (value === '\0null' ? null : value));
}

/** Of rows of a relation that is called `t`. Of many partitions it is longer than a query may be: `LONG_QUERY`. */
export function inPartitions({ parts, partitions }: PartitionChoice): string {
  if (partitions.length === 0) return '0';
  const chosen = partitions.map(
    ({ values }) => `(${values.map((value) => (value === null ? NULL : quoteText(value))).join(', ')})`,
  );
  // Its right side becomes a set: many partitions cost a row no more than one.
  return `(${partitionTexts(parts, 't.')}) IN (${chosen.join(', ')})`;
}
