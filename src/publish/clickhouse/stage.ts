// The staging table that becomes the copy: creates it, loads it from the source, counts its rows and checks its key.
// partition-stage.ts decides which rows of the previous copy are kept.
import type { Session } from '../../adapters/adapter.ts';
import { quoteIdentifier } from '../../adapters/clickhouse/literal.ts';
import { LONG_QUERY } from '../../adapters/clickhouse/long-query.ts';
import type { ClickHouseSession } from '../../adapters/clickhouse/session.ts';
import { errorOf } from '../../error-table.ts';
import type { PartitionKey } from '../../settings/partition-key.ts';
import type { PartitionChoice, PlannedColumn, Publishing, ReadColumn } from '../publication-target.ts';
import { inPartitions, partitionTuple } from './partition-sql.ts';
import { formatOf } from './plan-columns.ts';
import { rowHash } from './row-hashes.ts';

export interface Stage {
  readonly session: Session;
  readonly publishing: Publishing;
  /** `schema.table`, for messages. */
  readonly place: string;
  /** As SQL. */
  readonly staged: string;
  readonly plan: readonly PlannedColumn[];
  /** Columns of the sorting key. */
  readonly order: readonly string[];
}

/** @param parts partition keys; empty: the copy is not partitioned */
export async function createStage({ session, staged, plan, order }: Stage, parts: readonly PartitionKey[]) {
  const columns = plan.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`).join(', ');
  const key = order.map(quoteIdentifier).join(', ');
  const partition = parts.length === 0 ? '' : ` PARTITION BY ${partitionTuple(parts, '')}`;
  // A Nested column stays one column, as in the published relation.
  await session.execute(
    `CREATE TABLE ${staged} (${columns}) ENGINE = MergeTree${partition} ` +
      `ORDER BY (${key === '' ? 'tuple()' : key}) SETTINGS flatten_nested = 0`,
  );
}

/**
 * @param only rows of these partitions, which the stage does not contain yet; null: all rows
 * @returns the mark of the rows that arrived; null: the source sends text
 * @throws `runtime` error if the number of rows that arrived is not `wanted`
 */
export async function loadStage(stage: Stage, only: PartitionChoice | null, wanted: number): Promise<string | null> {
  const { session, publishing, place, staged, plan } = stage;
  const columns = plan.map(({ name }) => quoteIdentifier(name)).join(', ');
  if (!inserts(session)) throw errorOf('notPublished', { place, why: 'the session takes no rows' });
  const format = formatOf(publishing.source.dialect);
  const any = 'max_partitions_per_insert_block = 0';
  // The default, fast parsing of floats, gets the last bit wrong.
  const into =
    format === 'native'
      ? `SETTINGS ${any} FORMAT Native`
      : `SETTINGS ${any}, precise_float_parsing = 1 FORMAT TabSeparated`;
  await publishing.source.rows(plan, format, only, (rows) =>
    session.insert(`INSERT INTO ${staged} (${columns}) ${into}`, rows),
  );
  const hash = format === 'native' ? `sum(${rowHash(arrivedColumns(plan))})` : '0';
  const where = only === null ? '' : ` WHERE ${inPartitions(only)}`;
  const { table } = await session.execute(`SELECT count(), toString(${hash}) FROM ${staged} t${where}`, {
    fetch: true,
    ...(where === '' ? {} : { settings: LONG_QUERY }),
  });
  const rows = Number(table.rows[0]?.textAt(0) ?? 0);
  if (rows !== wanted) throw errorOf('notPublished', { place, why: `${rows} of ${wanted} rows have arrived` });
  return format === 'native' ? `${rows}:${table.rows[0]?.textAt(1)}` : null;
}

function arrivedColumns(plan: readonly PlannedColumn[]): ReadColumn[] {
  return plan.map(({ name }) => ({ name, expression: `t.${quoteIdentifier(name)}` }));
}

function inserts(session: Session): session is ClickHouseSession {
  return 'insert' in session;
}

/** @param table as SQL */
export async function countRows(session: Session, table: string): Promise<number> {
  const { table: found } = await session.execute(`SELECT count() FROM ${table}`, { fetch: true });
  return Number(found.rows[0]?.textAt(0) ?? 0);
}

/** @throws `runtime` error with the first key that more than one row has */
export async function refuseTwice({ session, staged, publishing }: Stage): Promise<void> {
  const { key } = publishing.node.config;
  if (key.length === 0) return;
  const list = key.map(quoteIdentifier).join(', ');
  const { table } = await session.execute(
    `SELECT toString(tuple(${list})) FROM ${staged} GROUP BY ${list} HAVING count() > 1 LIMIT 1`,
    { fetch: true },
  );
  const [found] = table.rows;
  if (found !== undefined)
    throw errorOf('keyNotUnique', { key: key.join(', '), example: `${found.textAt(0)} is there more than once` });
}
