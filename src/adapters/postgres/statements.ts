// What the text of a statement tells about it, before it is sent: what it may leave behind, change or end. Pure. Reads
// words, not SQL: where it cannot be sure, the answer is the one that costs time and no harm.
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

/** May it leave something in the connection that outlives its transaction: a setting, a temporary table, a lock? */
export function leavesState(sql: string): boolean {
  return LEAVES_STATE.test(sql);
}

/** May other statements follow it in one message, in the transaction that it runs in? */
export function mayBeJoined(sql: string): boolean {
  return !ENDS_TRANSACTION.test(sql) && isClosed(sql);
}

/** Does it begin with a comment, or is it empty? A comment alone gives no answer that could be told apart. */
export function mayBeComment(sql: string): boolean {
  return BLANK_OR_COMMENT.test(sql);
}

/**
 * Is it sure that it changes no column of a relation that was there?
 * @param fetch its rows are asked for; a query whose rows nobody wants may call a function for what that changes
 */
export function keepsColumns(sql: string, fetch: boolean): boolean {
  return (KEEPS_COLUMNS.test(sql) || (fetch && QUERY.test(sql))) && !CHANGES_COLUMNS.test(sql);
}

/**
 * Is what it changed to stay when it has ended? Then a connection that is lost meanwhile leaves a question.
 * @param idle no transaction was open when it was sent
 */
export function isMeantToLast(sql: string, idle: boolean): boolean {
  return /\bcommit\s*$/i.test(sql) || (idle && !/^begin\b/i.test(sql));
}
