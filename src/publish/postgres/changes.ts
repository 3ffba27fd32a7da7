// Changes a published table in place, in one transaction: by key, where only rows that differ are written, or whole
// partitions, of which only those that differ are sent.
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';
import { errorOf } from '../../error-table.ts';
import { type PartitionKey, readPartitionKey, retentionMs } from '../partition-key.ts';
import type { Standing } from './ledger.ts';
import { inPartitions, partitionText } from './partitions.ts';
import type { Changed, PublishWork } from './publish-work.ts';
import { stageRows } from './stage.ts';

/** Deletes what is gone, writes what is new or differs. The table has a unique index on the key. */
export async function mergeKeyed(work: PublishWork): Promise<Changed> {
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
  const others = columns.filter((column) => !list.includes(column));
  const texts = (table: string): string => others.map((column) => `${table}.${column}::text`).join(', ');
  // As text: json and others have no equality. A key alone has nothing that could differ.
  const differs = others.length === 0 ? 'false' : `row(${texts('t')}) is distinct from row(${texts('s')})`;
  const update =
    others.length === 0
      ? 'nothing'
      : `update set ${others.map((column) => `${column} = excluded.${column}`).join(', ')}`;
  const sent = await rowsOf(
    work,
    `insert into ${name} (${columns.join(', ')})
select ${columns.map((column) => `s.${column}`).join(', ')} from ${staged.name} s left join ${name} t on ${same}
where t.${list[0]} is null or ${differs}
on conflict (${list.join(', ')}) do ${update}`,
  );
  return { rows: staged.rows, sent, removed, parts: {} };
}

/** Replaces the partitions that the source holds and that have changed; others stay until retention ends them. */
export async function replacePartitions(work: PublishWork, standing: Standing): Promise<Changed> {
  const { session, name, plan, publishing } = work;
  const { source, force, node } = publishing;
  const parts = partitionKeys(work);
  const partitions = await source.partitions(parts);
  const changed = partitions.filter(({ values, mark }) => force || standing.parts[JSON.stringify(values)] !== mark);
  const choice = { parts, partitions: changed };
  const staged = await stageRows(work, choice);
  const gone = await rowsOf(work, `delete from ${name} where ${inPartitions(choice)}`);
  const columns = plan.map((column) => quoteIdentifier(column.name)).join(', ');
  await session.execute(`insert into ${name} (${columns}) select ${columns} from ${staged.name}`);
  const removed = node.config.retention === null ? 0 : await retire(work, parts, node.config.retention);
  const { table } = await session.execute(`select count(*) from ${name}`, { fetch: true });
  return {
    rows: Number(table.rows[0]?.textAt(0) ?? 0),
    sent: staged.rows,
    removed: Math.max(gone - staged.rows, 0) + removed,
    parts: {
      ...standing.parts,
      ...Object.fromEntries(partitions.map(({ values, mark }) => [JSON.stringify(values), mark])),
    },
  };
}

/** Deletes the partitions whose time is over. */
export function retire(work: PublishWork, parts: readonly PartitionKey[], retention: string): Promise<number> {
  const time = parts.find(({ grain }) => grain !== null);
  if (time === undefined)
    throw errorOf('notPublished', {
      place: `${work.schema}.${work.table}`,
      why: "'retention' needs a time in 'partition_by', such as day(created_at)",
    });
  const before = new Date(Date.parse(work.publishing.time) - (retentionMs(retention) ?? 0)).toISOString();
  const text = partitionText(time);
  return rowsOf(
    work,
    `delete from ${work.name} where ${text} < ${text.replace(quoteIdentifier(time.column), `timestamptz '${before}'`)}`,
  );
}

export function partitionKeys({ publishing: { node } }: PublishWork): PartitionKey[] {
  return node.config.partition_by.map((part) => readPartitionKey(part) ?? { column: part, grain: null });
}

/** @returns how many rows the statement changed */
async function rowsOf({ session }: PublishWork, sql: string): Promise<number> {
  const { response } = await session.execute(sql);
  return Number(response.rows_affected ?? 0);
}
