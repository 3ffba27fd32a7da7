// What a publication sends: the columns that it names of those that there are, and the version of what the source
// holds. The types of a receiver are in its own folder.
import { createHash } from 'node:crypto';
import type { PublicationConfig } from '../contracts/publication.ts';
import { errorOf } from '../error-table.ts';
import { pluralize } from '../log.ts';
import { readPartitionKey } from './partition-key.ts';
import type { PlannedColumn, PublishSource, Received, SourceColumn, Summary } from './receiver.ts';

/**
 * The columns of the source that are published, in the order of `columns`.
 * @throws `runtime` error for an option that names a column which is not there
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
 * A partition is found at the receiver by the text of its key: where that were another one, its rows would stay beside
 * the new ones.
 * @param hasOneText of a type: do its values have the same text in both databases?
 * @throws `runtime` error for a column whose value is a partition and has another text at the receiver
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

/** What the receiver would hold: the same settings, columns and rows give the same version. */
export function versionOf(config: PublicationConfig, plan: readonly PlannedColumn[], summary: Summary): string {
  const columns = plan.map(({ name, type, nullable, expression }) => [name, type, nullable, expression]);
  const { adopt: _adopt, when: _when, snapshots: _snapshots, ...settings } = config;
  return createHash('sha256')
    .update(JSON.stringify([settings, columns, summary.mark]))
    .digest('hex');
}

/**
 * Compares the rows that a receiver has with what the source held, before readers see them.
 * @param place for people
 * @param rows how many the receiver has got
 * @throws `runtime` error when the receiver has other rows than the source held
 */
export function confirmReceived(source: PublishSource, place: string, received: Received, rows: number): void {
  const { summary, partitions } = received;
  const wanted = partitions === null ? summary.rows : partitions.reduce((sum, each) => sum + each.rows, 0);
  if (rows !== wanted)
    throw errorOf('notPublished', { place, why: `${rows} of ${wanted} rows arrived: other sessions change the rows` });
  source.confirm(received);
}

/** @throws `runtime` error with the first value that the receiver cannot hold */
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
