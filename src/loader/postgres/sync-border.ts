// From where a sync reads changes, so that none is missed. Two ways:
//
// - A cursor column. A row that commits late has the time of its transaction's beginning. So the border is no later
//   than the beginning of the oldest transaction that was under way before the snapshot was taken, nor than the
//   server's clock then: a row of the future pushes nothing beyond it. `lookback` is for clocks of applications.
//   Rows at the border are read again: of equal times some may have come later.
// Rows of a partition that was attached since have old cursors: they are read whole.
// - `xmin`. A row that a snapshot did not see was written by a transaction that was not finished then, hence by none
//   before the snapshot's xmin. Ages are compared, as numbers of transactions wrap around.
import type { Session } from '../../adapters/adapter.ts';
import { quoteIdentifier, quoteText } from '../../adapters/postgres/literal.ts';
import { TsdbtError } from '../../errors.ts';
import { XMIN } from '../../settings/load-settings.ts';
import type { SyncTarget } from '../sync/config.ts';
import { read } from './statements.ts';
import type { SourceTable } from './sync-source.ts';

/** Up to where a sync has read: the start of the next one. */
export interface KeptBorder {
  /** A value of the cursor as text; null: the table was empty, or the cursor is `xmin`. */
  readonly border: string | null;
  /** The snapshot's xmin as text; null: the cursor is a column. */
  readonly snapshotXmin: string | null;
  /** `SourceTable.tables` as they were read. */
  readonly tables: string;
}

/** The transactions that were in progress before a snapshot. */
export interface Writers {
  /** Before everything that they can have written, and not after the server's clock. */
  readonly since: string;
  /** Seconds between that and the server's clock. */
  readonly seconds: number;
  /** Whether there may be transactions that are not visible. */
  readonly hidden: boolean;
}

const LOOKBACK_MS = 600_000;
const TIMES = /^(?:date|timestamp)/;
const NUMBERS = /^(?:smallint|integer|bigint|numeric)/;

/** Runs before the snapshot is taken: transactions that end in between are counted. */
export async function oldestWriters(session: Session): Promise<Writers> {
  const [row] = await read(
    session,
    'select least(now(), min(since))::text, extract(epoch from now() - least(now(), min(since)))::text, ' +
      'bool_or(hidden) from (' +
      "select xact_start as since, query = '<insufficient privilege>' as hidden from pg_stat_activity " +
      'where datname = current_database() and pid <> pg_backend_pid() union all ' +
      'select prepared, false from pg_prepared_xacts where database = current_database() union all ' +
      // A standby does not show the writers on its primary.
      'select null, pg_is_in_recovery()) as writers',
  );
  return { since: String(row?.[0]), seconds: Number(row?.[1]), hidden: row?.[2] === true };
}

/** The condition for rows that may have changed since, from ` where ` on; empty: all rows. */
export function condition(
  { cursor, lookback }: SyncTarget,
  { cursorType, tables }: SourceTable,
  kept: KeptBorder | null,
): string {
  if (kept === null || cursor === null) return '';
  const known = new Set(kept.tables.split(' '));
  const attached = tables.split(' ').filter((oid) => !known.has(oid));
  const others = attached.length === 0 ? '' : ` or t.tableoid in (${attached.join(', ')})`;
  if (cursor === XMIN) {
    if (kept.snapshotXmin === null || !/^\d{1,20}$/.test(kept.snapshotXmin)) return '';
    const xid = BigInt(kept.snapshotXmin) % 2n ** 32n;
    return ` where (age(t.xmin) <= age('${xid}'::xid)${others})`;
  }
  if (kept.border === null || cursorType === null) return '';
  const column = `t.${quoteIdentifier(cursor)}`;
  const border = `${quoteText(kept.border)}::${cursorType}`;
  const back = NUMBERS.test(cursorType)
    ? `${border} - ${lookback !== null && 'steps' in lookback ? lookback.steps : 0}`
    : `(${border} - interval '${lookback !== null && 'ms' in lookback ? lookback.ms : LOOKBACK_MS} milliseconds')`;
  // A row without a time is in no range.
  return ` where (${column} >= ${back} or ${column} is null${others})`;
}

/**
 * Up to where the current snapshot of the source is complete. @throws `validation` error for a cursor of another type
 */
export async function nextBorder(
  session: Session,
  target: SyncTarget,
  { name, cursorType, tables }: SourceTable,
  { since, seconds }: Writers,
): Promise<KeptBorder> {
  const { cursor, path } = target;
  if (cursor === null) return { border: null, snapshotXmin: null, tables };
  if (cursor === XMIN) {
    const [row] = await read(session, 'select pg_snapshot_xmin(pg_current_snapshot())::text');
    return { border: null, snapshotXmin: String(row?.[0]), tables };
  }
  const type = cursorType ?? '';
  const refuse = (message: string): never => {
    throw new TsdbtError('validation', `${target.name} cannot be synced: ${message}`, { path });
  };
  if (!TIMES.test(type) && !NUMBERS.test(type))
    return refuse(`the cursor '${cursor}' is of type ${type}; it must be a time or a number`);
  if (target.lookback !== null && TIMES.test(type) !== 'ms' in target.lookback)
    refuse(
      `'lookback' must be a ${TIMES.test(type) ? 'duration' : 'number'}, as the cursor '${cursor}' is of type ${type}`,
    );
  const column = `t.${quoteIdentifier(cursor)}`;
  const newest = `max(${column})`;
  // Nothing is greater than NaN and infinity: as a border they would hide every later row.
  const finite = NUMBERS.test(type) ? `${column}::text not in ('NaN', 'Infinity', '-Infinity')` : `isfinite(${column})`;
  const border = NUMBERS.test(type)
    ? newest
    : type.startsWith('timestamp') && type.endsWith('with time zone')
      ? `least(${newest}, ${quoteText(since)}::timestamptz)`
      : // Whose zone it is, nobody says: it goes back by as much. No zone is further ahead of UTC than 14 hours.
        `least(${newest} - interval '${Math.ceil(seconds)} seconds', ${quoteText(since)}::timestamptz at time zone ` +
        `'UTC' + interval '14 hours')`;
  const [row] = await read(session, `select (${border})::text from ${name} as t where ${finite}`);
  const found = row?.[0] ?? null;
  return { border: found === null ? null : String(found), snapshotXmin: null, tables };
}
