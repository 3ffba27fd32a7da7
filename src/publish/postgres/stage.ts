// Loads rows into a staging table: by COPY, with indexes and ANALYZE. Everything belongs to the open transaction, and
// disappears with it.
import { createHash } from 'node:crypto';
import { quoteIdentifier } from '../../adapters/postgres/literal.ts';
import type { PartitionChoice } from '../publication-target.ts';
import type { PublishWork } from './publish-work.ts';

/** A staging table. */
export interface Staged {
  /** As SQL. */
  readonly name: string;
  readonly rows: number;
  /** Current names of its indexes, and their names after the swap. */
  readonly indexes: readonly (readonly [now: string, wanted: string])[];
}

const LONGEST_NAME = 63;

/** Loads rows into a table that is to replace the target table. @param only of these partitions; null: all */
export async function stageTable(work: PublishWork, only: PartitionChoice | null): Promise<Staged> {
  const { session, publishing, schema, table } = work;
  const { key, indexes } = publishing.node.config;
  const stage = shortened(`${table}__tsdbt_${publishing.runId.replaceAll('-', '').slice(0, 12)}`);
  const name = `${quoteIdentifier(schema)}.${quoteIdentifier(stage)}`;
  const columns = work.plan.map(({ name: column, type, nullable }) => {
    const required = !nullable || key.includes(column);
    return `${quoteIdentifier(column)} ${type}${required ? ' not null' : ''}`;
  });
  await session.execute(`create table ${name} (${columns.join(', ')})`);
  // Frozen rows are visible to readers whose snapshot is older than the swap: they see the new version, not an empty
  // table.
  const rows = await copyInto(work, name, only, ' with (freeze)');
  const wanted = [
    ...(key.length > 0 ? [{ columns: key, unique: true, primary: true }] : []),
    ...indexes.map((index) => ({ ...index, primary: false })),
  ];
  const named: [string, string][] = [];
  for (const [place, { columns: of, unique, primary }] of wanted.entries()) {
    const now = shortened(`${stage}_${place}`);
    const list = of.map(quoteIdentifier).join(', ');
    await session.execute(
      primary
        ? `alter table ${name} add constraint ${quoteIdentifier(now)} primary key (${list})`
        : `create ${unique ? 'unique ' : ''}index ${quoteIdentifier(now)} on ${name} (${list})`,
    );
    named.push([now, shortened(primary ? `${table}_pkey` : `${table}_${of.join('_')}_${unique ? 'key' : 'idx'}`)]);
  }
  await session.execute(`analyze ${name}`);
  return { name, rows, indexes: named };
}

/** Loads rows into a temporary table with the columns of the table. @param only of these partitions; null: all */
export async function stageRows(work: PublishWork, only: PartitionChoice | null): Promise<Staged> {
  const { session, plan } = work;
  const name = 'pg_temp.tsdbt_published_rows';
  const columns = plan.map(({ name: column, type }) => `${quoteIdentifier(column)} ${type}`).join(', ');
  await session.execute(`create temporary table tsdbt_published_rows (${columns}) on commit drop`);
  const rows = await copyInto(work, name, only, '');
  await session.execute(`analyze ${name}`);
  return { name, rows, indexes: [] };
}

function copyInto(
  { session, publishing, plan }: PublishWork,
  name: string,
  only: PartitionChoice | null,
  options: string,
): Promise<number> {
  const columns = plan.map((column) => quoteIdentifier(column.name)).join(', ');
  return publishing.source.rows(plan, 'text', only, (rows) =>
    session.copyIn(`copy ${name} (${columns}) from stdin${options}`, rows),
  );
}

/** A name within the server's length limit: long names end in a hash. */
export function shortened(name: string): string {
  if (Buffer.byteLength(name) <= LONGEST_NAME) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 8);
  let start = name;
  while (Buffer.byteLength(start) > LONGEST_NAME - 9) start = start.slice(0, -1);
  return `${start}_${hash}`;
}
