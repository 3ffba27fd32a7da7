// Partitions of a publication as ClickHouse SQL: the text of a row's partition, and a condition for rows of given
// partitions.
import { quoteIdentifier, quoteText } from '../../adapters/clickhouse/literal.ts';
import type { Grain, PartitionKey } from '../../settings/partition-key.ts';
import type { PartitionChoice } from '../publication-target.ts';

const FORMATS: Readonly<Record<Grain, string>> = {
  hour: '%Y-%m-%d %H',
  day: '%Y-%m-%d',
  month: '%Y-%m',
  year: '%Y',
};
/** Cannot be the text of a value, because it begins with a NUL. */
const NULL = "'\\0null'";

/**
 * The text of one key of a row's partition; times are in UTC. With fewer digits, times before 1970 would be rounded up.
 * @param of prefix of the column name
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

/** @param json a value of `partitionTuple` */
export function readPartitionTuple(json: string): (string | null)[] {
  const values: string[] = JSON.parse(json);
  return values.map((value) => (value === '\0null' ? null : value));
}

/** For rows of a relation with the alias `t`. With many partitions it needs the settings `LONG_QUERY`. */
export function inPartitions({ parts, partitions }: PartitionChoice): string {
  if (partitions.length === 0) return '0';
  const chosen = partitions.map(
    ({ values }) => `(${values.map((value) => (value === null ? NULL : quoteText(value))).join(', ')})`,
  );
  // ClickHouse turns the right side into a set: the cost per row does not depend on the number of partitions.
  return `(${partitionTexts(parts, 't.')}) IN (${chosen.join(', ')})`;
}
