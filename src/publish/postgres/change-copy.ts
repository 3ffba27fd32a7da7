// Changes a published table in place, in one transaction: by key, writing only rows that differ, or by partition,
// sending only partitions that differ.
import { quoteIdentifier, quoteText } from '../../adapters/postgres/literal.ts';
import type { PartitionKey } from '../../settings/partition-key.ts';
import type { Partition } from '../publication-target.ts';
import { partitionKeysOf } from '../retention.ts';
import type { Standing } from './published-versions.ts';
import { inPartitions, partitionText } from './partition-sql.ts';
import type { Changed, PublishWork } from './publish-work.ts';
import { stageRows } from './stage.ts';

/**
 * Deletes removed rows, writes new and changed ones. The table has a unique index on the key.
 * @param others whether it has other unique indexes: rows may then exchange values that must not be duplicated
 */
export async function mergeKeyed(work: PublishWork, others: boolean): Promise<Changed> {
  const { session, name, plan, publishing } = work;
  const { key } = publishing.node.config;
  const staged = await stageRows(work, null);
  const list = key.map(quoteIdentifier);
  await session.execute(`alter table ${staged.name} add primary key (${list.join(', ')}); analyze ${staged.name}`);
  const same = list.map((column) => `t.${column} = s.${column}`).join(' and ');
  const removed = await rowsOf(
    work,
    `delete from ${name} t where not exists (select from ${staged.name} s where ${same})`,
  );
  const columns = plan.map((column) => quoteIdentifier(column.name));
  const texts = (table: string): string => columns.map((column) => `${table}.${column}::text`).join(', ');
  // As text: json and other types have no equality, and equal values may differ, also in the key (citext, numeric).
  const differs = `row(${texts('t')}) is distinct from row(${texts('s')})`;
  const update = `update set ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}`;
  if (others) await session.execute(`delete from ${name} t using ${staged.name} s where ${same} and ${differs}`);
  const sent = await rowsOf(
    work,
    `insert into ${name} (${columns.join(', ')})
select ${columns.map((column) => `s.${column}`).join(', ')} from ${staged.name} s left join ${name} t on ${same}
where t.${list[0]} is null or ${differs}
on conflict (${list.join(', ')}) do ${update}`,
  );
  return { rows: staged.rows, sent, removed, partitions: null, parts: {} };
}

/**
 * Replaces the partitions of the source that have changed. Others stay until their retention ends; with `force` all are
 * replaced.
 */
export async function replacePartitions(work: PublishWork, standing: Standing): Promise<Changed> {
  const { session, name, plan, publishing } = work;
  const { force } = publishing;
  const parts = partitionKeys(work);
  const over = overOf(work);
  const partitions = await keptPartitions(work);
  const before = force ? {} : standing.parts;
  const changed = partitions.filter(({ values, mark }) => before[JSON.stringify(values)] !== mark);
  const choice = { parts, partitions: changed };
  const staged = await stageRows(work, choice);
  const gone = await rowsOf(work, `delete from ${name}${force ? '' : ` where ${inPartitions(choice)}`}`);
  const columns = plan.map((column) => quoteIdentifier(column.name)).join(', ');
  await session.execute(`insert into ${name} (${columns}) select ${columns} from ${staged.name}`);
  const removed = over === null ? 0 : await rowsOf(work, `delete from ${name} where ${over.condition}`);
  const { table } = await session.execute(`select count(*) from ${name}`, { fetch: true });
  return {
    rows: Number(table.rows[0]?.textAt(0) ?? 0),
    sent: staged.rows,
    removed: Math.max(gone - staged.rows, 0) + removed,
    partitions: changed,
    parts: {
      // Marks of expired partitions are forgotten: a longer retention sends them again.
      ...Object.fromEntries(Object.entries(before).filter(([values]) => over?.has(values) !== true)),
      ...Object.fromEntries(partitions.map(({ values, mark }) => [JSON.stringify(values), mark])),
    },
  };
}

/** The partitions of the source that have not expired. */
export async function keptPartitions(work: PublishWork): Promise<Partition[]> {
  const partitions = await work.publishing.source.partitions(partitionKeys(work), work.plan);
  const over = overOf(work);
  return partitions.filter(({ values }) => over?.has(JSON.stringify(values)) !== true);
}

/** Whether the table contains expired partitions. */
export function isOverdue(work: PublishWork, { parts }: Standing): boolean {
  const over = overOf(work);
  return over !== null && Object.keys(parts).some((values) => over.has(values));
}

interface Over {
  /** A condition on rows, as SQL. */
  readonly condition: string;
  /** @param values of a partition, as JSON */
  has(values: string): boolean;
}

/** What has expired; null: nothing. */
function overOf({ ended }: PublishWork): Over | null {
  if (ended === null) return null;
  const [text, first] = [partitionText(ended.key), quoteText(ended.first)];
  return {
    // Years beyond 9999 have longer texts.
    condition: `length(${text}) <= length(${first}) and ${text} collate "C" < ${first}`,
    has(values) {
      const texts: (string | null)[] = JSON.parse(values);
      return ended.has(texts);
    },
  };
}

export function partitionKeys({ publishing }: PublishWork): PartitionKey[] {
  return partitionKeysOf(publishing);
}

/** @returns the number of rows that the statement changed */
async function rowsOf({ session }: PublishWork, sql: string): Promise<number> {
  const { response } = await session.execute(sql);
  return Number(response.rows_affected ?? 0);
}
