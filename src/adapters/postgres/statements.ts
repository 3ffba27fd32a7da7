// Classifies a statement by its text before it is sent: may it leave state, change columns, end a transaction? Pure.
// Reads words, not SQL: in doubt it gives the answer that costs time and does no harm.
import { isClosed } from './open-end.ts';

const LEAVES_STATE = new RegExp(
  String.raw`\b(?:set|reset|temp|temporary|prepare|listen|load|declare|set_config(?!\('tsdbt\.)` +
    String.raw`|pg_advisory_lock\w*|pg_try_advisory_lock\w*|setseed)\b`,
  'i',
);
const KEEPS_COLUMNS =
  /^\s*(?:insert|update|delete|merge|copy|grant|revoke|comment|create\s+(?:(?:temporary|temp|unlogged)\s+)?table)\b/i;
const ENDS_TRANSACTION =
  /(?:^|;)(?:\s|--.*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*\*\/)*(?:commit|end|rollback|abort|prepare)\b/i;
const BLANK_OR_COMMENT = /^\s*(?:--|\/\*|;|$)/;
const QUERY = /^\s*(?:select|with)\b/i;
const CHANGES_COLUMNS = /\b(?:alter|drop|rename|replace)\b/i;

/** May it leave state in the connection beyond its transaction: a setting, a temporary table, a lock? */
export function leavesState(sql: string): boolean {
  return LEAVES_STATE.test(sql);
}

/** May it share a message and its transaction with later statements? */
export function mayBeJoined(sql: string): boolean {
  return !ENDS_TRANSACTION.test(sql) && isClosed(sql);
}

/** Is it empty or does it begin with a comment? A comment alone gives no result that can be told apart. */
export function mayBeComment(sql: string): boolean {
  return BLANK_OR_COMMENT.test(sql);
}

/**
 * Does it surely change no existing column?
 * @param fetch its rows are wanted; otherwise a query may call a function for its effects
 */
export function keepsColumns(sql: string, fetch: boolean): boolean {
  return (KEEPS_COLUMNS.test(sql) || (fetch && QUERY.test(sql))) && !CHANGES_COLUMNS.test(sql);
}

/**
 * Does its end commit something? Then a lost connection leaves the outcome open.
 * @param idle no transaction was open when it was sent
 */
export function isMeantToLast(sql: string, idle: boolean): boolean {
  return /\bcommit\s*$/i.test(sql) || (idle && !/^begin\b/i.test(sql));
}
