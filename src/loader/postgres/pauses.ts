// Paused tables in Postgres: one row per table. sink.ts sends the statements.
import { quoteText } from '../../adapters/postgres/literal.ts';
import { type LoadedTable, relationOf, STATE_SCHEMA } from './load-offsets.ts';

const TABLE = `${STATE_SCHEMA}.load_pauses`;

/** Since when the table is paused, as an ISO time in UTC; no row: it is not. */
export function pausedSince(table: LoadedTable): string {
  return (
    'select to_char(paused_at at time zone \'UTC\', \'YYYY-MM-DD"T"HH24:MI:SS"Z"\') ' +
    `from ${TABLE} where relation = ${quoteText(relationOf(table))}`
  );
}

/** Whether the table of pauses exists and may be read. An older version has none. */
export const KNOWS_PAUSES =
  `select case when to_regclass('${TABLE}') is null then false ` +
  `else has_table_privilege(to_regclass('${TABLE}')::oid, 'select') end`;

/** The paused relations among these tables. */
export function pausedOf(tables: readonly LoadedTable[]): string {
  const relations = [...new Set(tables.map(relationOf))].map(quoteText).join(', ');
  return `select relation from ${TABLE} where relation in (${relations})`;
}

/** Pauses or resumes the table; returns a row if that changes its state. */
export function pauseTable(table: LoadedTable, paused: boolean): string {
  const relation = quoteText(relationOf(table));
  return paused
    ? `insert into ${TABLE} (relation) values (${relation}) on conflict (relation) do nothing returning relation`
    : `delete from ${TABLE} where relation = ${relation} returning relation`;
}
