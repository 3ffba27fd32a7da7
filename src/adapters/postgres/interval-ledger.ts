// The ledger of a microbatch model's built intervals: a table `tsdbt_intervals` in the model's schema, copied, dropped
// and restored with it. Adjacent intervals are one row.
import type { Adapter, DoneInterval, IntervalLedger, Session } from '../adapter.ts';
import type { Relation } from '../relation.ts';
import { quoteIdentifier, quoteText } from './literal.ts';

const LEDGER_TABLE = 'tsdbt_intervals';

/** @param adapter its cache shows whether the table exists */
export function createIntervalLedger(
  adapter: Pick<Adapter, 'cache' | 'createRelation' | 'lockRelation'>,
): IntervalLedger {
  const named = new Map<string, Promise<ReadonlySet<string>>>();
  return {
    exists: (relation, session) => adapter.cache.get(ledgerOf(adapter, relation), session) !== undefined,
    named(session, relation) {
      const table = tableName(relation);
      const names = named.get(table) ?? relationNames(session, table);
      named.set(table, names);
      names.catch(() => named.delete(table));
      return names;
    },
    async read(session, relation) {
      await ensureTable(adapter, session, relation);
      const { table } = await session.execute(
        'select extract(epoch from done_from)::text, extract(epoch from done_to)::text from ' +
          `${tableName(relation)} where relation_name = ${nameOf(relation)} order by done_from`,
        { autoBegin: true, fetch: true },
      );
      return table.rows.map((row) => ({ start: Number(row.textAt(0)) * 1000, end: Number(row.textAt(1)) * 1000 }));
    },
    markSql: (relation, interval, anew) => `${anew ? `${forgetSql(relation)};\n` : ''}${markSql(relation, interval)}`,
    forgetSql,
  };
}

function ledgerOf(adapter: Pick<Adapter, 'createRelation'>, { database, schema }: Relation): Relation {
  return adapter.createRelation({ database, schema, identifier: LEDGER_TABLE, type: 'table' });
}

async function ensureTable(
  adapter: Pick<Adapter, 'cache' | 'createRelation' | 'lockRelation'>,
  session: Session,
  relation: Relation,
): Promise<void> {
  const ledger = ledgerOf(adapter, relation);
  // Another model of the schema may have created it without committing yet: the lock waits for that transaction.
  if (adapter.cache.get(ledger, session) !== undefined) return;
  await adapter.lockRelation(session, ledger);
  if (adapter.cache.get(ledger, session) !== undefined) return;
  const table = tableName(ledger);
  await session.execute(
    `create table ${table} (
  relation_name text not null,
  done_from timestamptz not null,
  done_to timestamptz not null,
  updated_at timestamptz not null default now(),
  primary key (relation_name, done_from)
);
comment on table ${table} is 'tsdbt: intervals of event time for which microbatch models of this schema are built'`,
    { autoBegin: true },
  );
  adapter.cache.replace(ledger, session);
}

/** One statement: merges the new interval with adjacent ones. */
function markSql(relation: Relation, { start, end }: DoneInterval): string {
  const table = tableName(relation);
  const name = nameOf(relation);
  return (
    `with touching as (
  delete from ${table} where relation_name = ${name} and done_from <= ${moment(end)} and done_to >= ` +
    `${moment(start)} returning done_from, done_to
)
insert into ${table} (relation_name, done_from, done_to)
select ${name}, least(${moment(start)}, min(done_from)), greatest(${moment(end)}, max(done_to)) from ` +
    'touching'
  );
}

function forgetSql(relation: Relation): string {
  return `delete from ${tableName(relation)} where relation_name = ${nameOf(relation)}`;
}

function tableName({ schema }: Relation): string {
  return `${quoteIdentifier(schema ?? '')}.${LEDGER_TABLE}`;
}

function nameOf({ identifier }: Relation): string {
  return quoteText(identifier ?? '');
}

function moment(time: number): string {
  return `timestamptz ${quoteText(new Date(time).toISOString())}`;
}

async function relationNames(session: Session, table: string): Promise<ReadonlySet<string>> {
  const names = await session.execute(`select distinct relation_name from ${table}`, { fetch: true });
  return new Set(names.table.rows.map((row) => row.textAt(0)));
}
