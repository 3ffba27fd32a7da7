// Makes EXCHANGE TABLES safe while others write to the table. Before it, records which blocks the new table was built
// from; after it, moves newer rows and drops the old table. Macros build the new table and exchange.
import { TsdbtError } from '../../errors.ts';
import { toText } from '../../values/text.ts';
import { LOCAL_DATABASES, TABLE_UUID } from './catalogue.ts';
import type { Lease } from './leases.ts';
import { quoteIdentifier, quoteText } from './literal.ts';
import type { Row } from '../table.ts';
import { sleep } from '../../within.ts';

/** The state of an exchange. */
export interface Exchange {
  /** The table that replaces the target. After the EXCHANGE this is the name of the old table. */
  readonly shadow: string;
  /** UUID of the target before the EXCHANGE. */
  readonly uuid: string;
  /** The highest block number of each partition that the shadow table was built from. */
  readonly blocks: Readonly<Record<string, number>>;
  /** Parts of the old table whose rows are in `carry` or in the target. */
  readonly carried: readonly string[];
  /** A table whose partitions are being moved to the target. */
  readonly carry?: string | undefined;
}

interface Part {
  readonly name: string;
  readonly partition: string;
  readonly from: number;
  readonly to: number;
}

const PAUSE = 50;

/**
 * A mutation changes the data version but not the blocks. A patch part, of a lightweight UPDATE or DELETE, changes
 * older rows of the partition that its own partition is named after.
 */
function partsSql({ schema }: Lease, table: string): string {
  const isPatch = "startsWith(partition_id, 'patch-')";
  return (
    `select name, if(${isPatch}, substring(partition_id, 40), partition_id), if(${isPatch}, 0, min_block_number), ` +
    'greatest(toInt64(max_block_number), toInt64(data_version)) ' +
    `from system.parts where active and database = ${quoteText(schema)} and table = ${quoteText(table)}`
  );
}

function partsOf(rows: readonly Row[]): Part[] {
  return rows.map((row) => ({
    name: row.textAt(0),
    partition: row.textAt(1),
    from: Number(row.textAt(2)),
    to: Number(row.textAt(3)),
  }));
}

function uuidSql({ schema }: Lease, table: string): string {
  return (
    `select toString(${TABLE_UUID}) from system.tables where database = ${quoteText(schema)} and name = ` +
    `${quoteText(table)}`
  );
}

/** Stopping merges is an optimization: without the privilege a merge may mix blocks, which is detected. */
export async function setMerges(lease: Lease, action: 'start' | 'stop', table: string): Promise<void> {
  await lease.query(`system ${action} merges ${lease.table(table)}`).catch(() => undefined);
}

/**
 * Records the upcoming exchange.
 * @param blocks the blocks that the shadow table was built from
 * @param uuid of the table that it was built from
 * @returns false, without recording anything, if the target changed by more than new rows: the shadow table must be
 *   rebuilt
 * @throws if the target no longer exists
 */
export async function beginExchange(
  lease: Lease,
  shadow: string,
  blocks: Readonly<Record<string, number>>,
  uuid: string,
): Promise<boolean> {
  await lease.stopMerges({ shadow, uuid, blocks, carried: [] });
  const rows = await lease.query(
    `${partsSql(lease, lease.identifier)} union all select '', toString(${TABLE_UUID}), 0, 0 from ` +
      `system.tables where database = ${quoteText(lease.schema)} and name = ${quoteText(lease.identifier)}`,
  );
  const table = rows.find((row) => row.at(0) === '');
  if (table === undefined)
    throw new TsdbtError(
      'database',
      `${lease.schema}.${lease.identifier} is gone: somebody has dropped it while this run was building it`,
    );
  const parts = partsOf(rows.filter((row) => row !== table));
  const present = new Set(parts.map(({ partition }) => partition));
  const changed = parts.some(
    ({ partition, from, to }) => from <= (blocks[partition] ?? -1) && to > (blocks[partition] ?? -1),
  );
  if (!changed && table.textAt(1) === uuid && Object.keys(blocks).every((partition) => present.has(partition)))
    return true;
  await lease.note(undefined);
  return false;
}

/**
 * Completes an exchange, whether or not EXCHANGE has run: moves rows that others wrote to the old table, then drops it.
 * @param stopped merges of the old table are stopped, and stay stopped whatever its name
 * @throws if such rows cannot be identified; the old table is kept
 */
export async function finishExchange(lease: Lease, noted: Exchange, stopped = false): Promise<void> {
  let exchange = noted;
  // The server's clock, because the durations of statements come from it as well.
  const [facts] = await lease.query(
    `select (${uuidSql(lease, exchange.shadow)}), toFloat64(now64(6)), (${sourcesSql(lease)})`,
  );
  const [uuid, began, sources] = facts?.values ?? [];
  if (uuid !== undefined && uuid !== null && toText(uuid) === exchange.uuid) {
    if (!stopped) await setMerges(lease, 'stop', exchange.shadow);
    const note = async (next: Exchange): Promise<void> => {
      exchange = next;
      await lease.note(next);
    };
    if (exchange.carry !== undefined) await moveRows(lease, exchange.carry);
    const writing = writersSql(lease, JSON.parse(toText(sources ?? '[]')) as string[]);
    for (let told = false; ; ) {
      const [row] = await lease.query(`${writing} and elapsed > toFloat64(now64(6)) - ${toText(began ?? 0)}`);
      const busy = Number(toText(row?.values[0] ?? 0)) > 0;
      const moved = await carryOver(lease, exchange, note);
      if (!busy && !moved) break;
      if (!told && busy)
        lease.notify(
          `Waiting for an INSERT into ${lease.schema}.${lease.identifier} that began before the table was replaced`,
        );
      told ||= busy;
      await sleep(PAUSE);
    }
    await lease.drop(exchange.shadow);
  } else {
    await lease.startMerges();
  }
  lease.settle();
}

async function carryOver(lease: Lease, exchange: Exchange, note: (next: Exchange) => Promise<void>): Promise<boolean> {
  const { blocks, carried, shadow } = exchange;
  const fresh = partsOf(await lease.query(partsSql(lease, shadow))).filter(
    ({ name, partition, to }) => to > (blocks[partition] ?? -1) && !carried.includes(name),
  );
  if (fresh.length === 0) return false;
  const mixed = fresh.filter(({ partition, from }) => from <= (blocks[partition] ?? -1));
  if (mixed.length > 0) {
    throw new TsdbtError(
      'database',
      `Somebody has changed ${lease.schema}.${lease.identifier} while it was replaced, and new rows cannot be ` +
        `told from old ones in ${mixed.map(({ name }) => name).join(', ')} of ${lease.table(shadow)}, which is ` +
        'kept',
      {
        hint: 'Compare the two tables, insert what is missing, and drop the old one together with the lock beside it.',
      },
    );
  }
  const carry = lease.workingName('carry');
  const names = fresh.map(({ name }) => name);
  await lease.query(`drop table if exists ${lease.table(carry)}`);
  await lease.query(`create table ${lease.table(carry)} as ${lease.table(lease.identifier)}`);
  const columns = await commonColumns(lease, shadow);
  await lease.query(
    `insert into ${lease.table(carry)} (${columns}) settings async_insert = 0, insert_deduplicate = 0, ` +
      `max_partitions_per_insert_block = 0 select ${columns} from ${lease.table(shadow)} where _part in ` +
      `(${names.map(quoteText).join(', ')})`,
  );
  await note({ ...exchange, carried: [...carried, ...names], carry });
  await moveRows(lease, carry);
  await note({ ...exchange, carried: [...carried, ...names] });
  return true;
}

/** Moves partitions: after a kill each is in exactly one of the two tables. */
async function moveRows(lease: Lease, carry: string): Promise<void> {
  for (const partition of new Set(partsOf(await lease.query(partsSql(lease, carry))).map((part) => part.partition))) {
    await lease.query(
      `alter table ${lease.table(carry)} move partition id ${quoteText(partition)} to table ` +
        `${lease.table(lease.identifier)}`,
    );
  }
  await lease.query(`drop table if exists ${lease.table(carry)}`);
}

/** Columns of both tables that can be written. */
async function commonColumns(lease: Lease, shadow: string): Promise<string> {
  const rows = await lease.query(
    `select name from system.columns where database = ${quoteText(lease.schema)} and table in ` +
      `(${quoteText(lease.identifier)}, ${quoteText(shadow)}) and default_kind not in ('MATERIALIZED', 'ALIAS', ` +
      "'EPHEMERAL') group by name having count() = 2 order by min(position)",
  );
  return rows.map((row) => quoteIdentifier(row.textAt(0))).join(', ');
}

/** Tables read by materialized views that write to the target, as JSON. */
function sourcesSql({ schema, identifier }: Lease): string {
  const target = [quoteText(` TO ${schema}.${identifier} `), quoteText(` TO ${schema}.${identifier} (`)];
  return (
    `select toJSONString(groupArray(name)) from system.tables where ${LOCAL_DATABASES} and arrayExists((d, t) -> ` +
    `(d, t) in (select database, name from system.tables where ${LOCAL_DATABASES} and ` +
    `engine = 'MaterializedView' and multiSearchAny(replaceAll(create_table_query, '\`', ''), ` +
    `[${target.join(', ')}])), dependencies_database, dependencies_table)`
  );
}

/**
 * Counts running statements that write to the target, or to a source of a materialized view that writes to it. They
 * write to the table that the name referred to when they began.
 */
function writersSql(lease: Lease, sources: readonly string[]): string {
  return insertsSql([lease.identifier, ...sources]);
}

/** Counts running INSERTs into tables with these names, in any database. */
export function insertsSql(tables: readonly string[]): string {
  const names = tables.map((name) => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = `(?is)insert\\s+(?:into\\s+)?(?:table\\s+)?[^\\s(]*\\b(?:${names.join('|')})\\b`;
  return (
    "select count() from system.processes where query_kind in ('Insert', 'AsyncInsertFlush') and match(query, " +
    `${quoteText(pattern)})`
  );
}
