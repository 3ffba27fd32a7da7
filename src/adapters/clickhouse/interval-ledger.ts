// The ledger of a microbatch model's built intervals: an append-only table `tsdbt_intervals` in the model's schema.
// Without transactions, a batch is recorded after it is published; a batch without a record runs again.
import type { Adapter, DoneInterval, IntervalLedger, Session } from '../adapter.ts';
import type { Relation } from '../relation.ts';
import { quoteWritten, quoteText } from './literal.ts';

const LEDGER_TABLE = 'tsdbt_intervals';
/**
 * Kinds of rows: an interval is built; a rebuild begins, so no interval is built; nothing is known. The last two
 * invalidate all earlier rows.
 */
type Word = 'done' | 'begun anew' | 'forgotten';

/** @param adapter its cache shows whether the table exists */
export function createIntervalLedger(adapter: Pick<Adapter, 'cache' | 'createRelation'>): IntervalLedger {
  const named = new Map<string, Promise<ReadonlySet<string>>>();
  const ledgerOf = ({ schema }: Relation): Relation =>
    adapter.createRelation({ schema, identifier: LEDGER_TABLE, type: 'table' });
  return {
    exists: (relation) => adapter.cache.get(ledgerOf(relation)) !== undefined,
    named(session, relation) {
      const table = tableName(relation);
      const names = named.get(table) ?? relationNames(session, table);
      named.set(table, names);
      names.catch(() => named.delete(table));
      return names;
    },
    async read(session, relation) {
      const ledger = ledgerOf(relation);
      if (adapter.cache.get(ledger) === undefined) {
        await makeTable(session, relation);
        adapter.cache.replace(ledger);
      }
      return readIntervals(session, relation);
    },
    markSql: (relation, interval) => noteSql(relation, 'done', interval),
    forgetSql: (relation) => noteSql(relation, 'forgotten'),
    beginSql: (relation) => noteSql(relation, 'begun anew'),
  };
}

async function makeTable(session: Session, relation: Relation): Promise<void> {
  await session.execute(`create table if not exists ${tableName(relation)} (
  relation_name String,
  word LowCardinality(String),
  done_from DateTime64(3, 'UTC'),
  done_to DateTime64(3, 'UTC'),
  noted_at DateTime64(6, 'UTC')
) engine = MergeTree order by (relation_name, noted_at)
comment 'tsdbt: intervals of event time for which microbatch models of this schema are built'`);
}

/** An empty interval means that the table is being rebuilt. Adjacent intervals are merged. */
async function readIntervals(session: Session, relation: Relation): Promise<DoneInterval[]> {
  const [table, name] = [tableName(relation), quoteText(relation.identifier ?? '')];
  const {
    table: { rows },
  } = await session.execute(
    'select word, toString(toUnixTimestamp64Milli(done_from)), toString(toUnixTimestamp64Milli(done_to)) from ' +
      `${table}
where relation_name = ${name} and noted_at >= (select max(noted_at) from ${table} where relation_name = ` +
      `${name} and word <> 'done') and word <> 'forgotten' order by done_from, done_to`,
    { fetch: true, internal: true },
  );
  const found: { start: number; end: number }[] = [];
  for (const row of rows) {
    const [start, end] = [Number(row.textAt(1)), Number(row.textAt(2))];
    const last = found.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else found.push({ start, end });
  }
  return found;
}

/** Inserts a row that sorts after all others of the relation, whatever the server's clock. */
function noteSql(relation: Relation, word: Word, { start, end }: DoneInterval = { start: 0, end: 0 }): string {
  const [table, name] = [tableName(relation), quoteText(relation.identifier ?? '')];
  return (
    `insert into ${table} (relation_name, word, done_from, done_to, noted_at)
settings empty_result_for_aggregation_by_empty_set = 0
select ${name}, ${quoteText(word)}, fromUnixTimestamp64Milli(toInt64(${start}), 'UTC'), ` +
    `fromUnixTimestamp64Milli(toInt64(${end}), 'UTC'),
  greatest(now64(6, 'UTC'), max(noted_at) + toIntervalMicrosecond(1)) from ${table} where relation_name = ` +
    `${name}`
  );
}

function tableName({ schema }: Relation): string {
  return `${quoteWritten(schema ?? '')}.${LEDGER_TABLE}`;
}

async function relationNames(session: Session, table: string): Promise<ReadonlySet<string>> {
  const names = await session.execute(`select distinct relation_name from ${table}`, {
    fetch: true,
    internal: true,
  });
  return new Set(names.table.rows.map((row) => row.textAt(0)));
}
