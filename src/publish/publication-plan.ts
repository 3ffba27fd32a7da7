// What a publication sends: the selected columns, and the version of the source's content. The types of each target are
// in its own folder.
import { createHash } from 'node:crypto';
import type { PublicationConfig } from '../contracts/publication.ts';
import { errorOf } from '../error-table.ts';
import { pluralize } from '../log.ts';
import { readPartitionKey } from '../settings/partition-key.ts';
import type { PlannedColumn, PublishSource, Received, SourceColumn, Summary } from './publication-target.ts';

/**
 * The published columns of the source, in the order of `columns`.
 * @throws `runtime` error for an option that names a missing column
 */
export function publishedColumns(config: PublicationConfig, columns: readonly SourceColumn[]): SourceColumn[] {
  const byName = new Map(columns.map((column) => [column.name, column]));
  const find = (option: string, name: string): SourceColumn => {
    const found = byName.get(name);
    if (found === undefined)
      throw errorOf('publishedColumnMissing', { option, column: name, columns: [...byName.keys()].join(', ') });
    return found;
  };
  for (const option of ['key', 'order_by'] as const) for (const name of config[option]) find(option, name);
  for (const part of config.partition_by) find('partition_by', readPartitionKey(part)?.column ?? part);
  for (const index of config.indexes) for (const name of index.columns) find('indexes', name);
  return config.columns === null ? [...columns] : config.columns.map((name) => find('columns', name));
}

/**
 * The target finds a partition by the text of its key. If that text differed there, the old rows would stay next to the
 * new ones.
 * @param hasOneText whether values of a type have the same text in both databases
 * @throws `runtime` error for a partition key whose values have a different text at the target
 */
export function refuseOtherTexts(
  { mode, partition_by }: PublicationConfig,
  columns: readonly SourceColumn[],
  receiver: string,
  hasOneText: (type: string) => boolean,
): void {
  if (mode !== 'partitions') return;
  const keys = new Set(partition_by.map(readPartitionKey).flatMap((key) => (key?.grain === null ? [key.column] : [])));
  const other = columns.find(({ name, type }) => keys.has(name) && !hasOneText(type));
  if (other === undefined) return;
  const why =
    "its text is another one there, and 'partition_by' would not find its partitions; it takes texts, whole numbers, " +
    'booleans, UUID and dates, or hour, day, month or year of a time';
  throw errorOf('typeNotPublished', { column: other.name, type: other.type, receiver, why });
}

/** The version of the content to publish: the same settings, columns and rows have the same version. */
export function versionOf(config: PublicationConfig, plan: readonly PlannedColumn[], summary: Summary): string {
  const columns = plan.map(({ name, type, nullable, expression }) => [name, type, nullable, expression]);
  const { adopt: _adopt, when: _when, snapshots: _snapshots, ...settings } = config;
  return createHash('sha256')
    .update(JSON.stringify([settings, columns, summary.mark]))
    .digest('hex');
}

/**
 * Compares the rows at the target with those of the source, before readers see them.
 * @param place for messages
 * @param rows the number of rows that the target received
 * @throws `runtime` error if the target received other rows than the source contained
 */
export function confirmReceived(source: PublishSource, place: string, received: Received, rows: number): void {
  const { summary, partitions } = received;
  const wanted = partitions === null ? summary.rows : partitions.reduce((sum, each) => sum + each.rows, 0);
  if (rows !== wanted)
    throw errorOf('notPublished', { place, why: `${rows} of ${wanted} rows arrived: other sessions change the rows` });
  source.confirm(received);
}

/** @throws `runtime` error with the first value that the target cannot hold */
export function refuseValues({ found: [first] }: Summary): void {
  if (first === undefined) return;
  const { check, count, example } = first;
  throw errorOf('valuesNotPublished', {
    column: check.column,
    count: pluralize(count, 'value'),
    why: check.why,
    example,
  });
}

/** Marks that no partition has: the partitions are known, but not their rows. */
export function forgotten(marks: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.keys(marks).map((values) => [values, '']));
}
