// Partitions of a publication as Postgres SQL: the text of a row's partition, and a condition for rows of given
// partitions. The same for source and target.
import { quoteIdentifier, quoteText } from '../../adapters/postgres/literal.ts';
import type { Grain, PartitionKey } from '../../settings/partition-key.ts';
import type { PartitionChoice } from '../publication-target.ts';

const FORMATS: Readonly<Record<Grain, string>> = {
  hour: 'YYYY-MM-DD HH24',
  day: 'YYYY-MM-DD',
  month: 'YYYY-MM',
  year: 'YYYY',
};

/** The text of one key of a row's partition; times with a zone are in the session's time zone, UTC. */
export function partitionText({ column, grain }: PartitionKey): string {
  const name = quoteIdentifier(column);
  return grain === null ? `${name}::text` : `to_char(${name}, '${FORMATS[grain]}')`;
}

/** The condition for rows of the given partitions; `false` if there are none. */
export function inPartitions({ parts, partitions }: PartitionChoice): string {
  if (partitions.length === 0) return 'false';
  const chosen = partitions.map(
    ({ values }) =>
      `(${values.map((value) => (value === null ? 'null::text' : `${quoteText(value)}::text`)).join(', ')})`,
  );
  const names = parts.map((_, index) => `k${index}`).join(', ');
  return (
    `jsonb_build_array(${parts.map(partitionText).join(', ')}) in (select jsonb_build_array(${names}) from ` +
    `(values ${chosen.join(', ')}) chosen (${names}))`
  );
}
