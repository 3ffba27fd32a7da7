// Partitions of a publication as SQL of Postgres: the text of a row's partition, and whether it is one of some. The
// same for source and receiver.
import { quoteIdentifier, quoteText } from '../../adapters/postgres/literal.ts';
import type { Grain, PartitionKey } from '../partition-key.ts';
import type { PartitionChoice } from '../receiver.ts';

const FORMATS: Readonly<Record<Grain, string>> = {
  hour: 'YYYY-MM-DD HH24',
  day: 'YYYY-MM-DD',
  month: 'YYYY-MM',
  year: 'YYYY',
};

/** The text of a key of a row's partition; times with a zone count in the session's, UTC. */
export function partitionText({ column, grain }: PartitionKey): string {
  const name = quoteIdentifier(column);
  return grain === null ? `${name}::text` : `to_char(${name}, '${FORMATS[grain]}')`;
}

/** The condition that a row is of one of the partitions; of none: `false`. */
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
