// Classifies a statement by its text before it is sent: whether it may leave state, change columns, or end a
// transaction. Pure. Looks at words without parsing SQL: in doubt it returns the slower, safe answer.
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

/** Whether it may leave state in the connection beyond its transaction: a setting, a temporary table, a lock. */
export function leavesState(sql: string): boolean {
  return LEAVES_STATE.test(sql);
}

/** Whether it may share a message and its transaction with later statements. */
export function mayBeJoined(sql: string): boolean {
  return !ENDS_TRANSACTION.test(sql) && isClosed(sql);
}

/** Whether it is empty or begins with a comment. A comment alone produces no distinguishable result. */
export function mayBeComment(sql: string): boolean {
  return BLANK_OR_COMMENT.test(sql);
}

/**
 * Whether it certainly changes no existing column.
 * @param fetch its rows are wanted; otherwise a query may call a function for its side effects
 */
export function keepsColumns(sql: string, fetch: boolean): boolean {
  return (KEEPS_COLUMNS.test(sql) || (fetch && QUERY.test(sql))) && !CHANGES_COLUMNS.test(sql);
}

/**
 * Whether its end commits something. Then a lost connection leaves the outcome open.
 * @param idle no transaction was open when it was sent
 */
export function isMeantToLast(sql: string, idle: boolean): boolean {
  return /\bcommit\s*$/i.test(sql) || (idle && !/^begin\b/i.test(sql));
}
