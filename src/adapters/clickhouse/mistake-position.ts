// Finds the place of a mistake in a statement for which ClickHouse reports none: the part without which the statement
// is valid.
import type { TsdbtError } from '../../errors.ts';
import type { Session } from '../adapter.ts';
import { type SqlToken, tokensOf, UncertainSql } from './sql-tokens.ts';

/** Maximum number of parts that are tried. */
const TRIES = 80;
const SYNTAX = '62';
const UNION = '258';
/** Words between expressions. */
const BETWEEN = new Set(
  (
    'all and any array as asc asof between by case cross desc distinct else end except final from full global group ' +
    'having in inner intersect interval is join left like limit not offset on or order outer over partition prewhere ' +
    'qualify right rows select semi settings then union using when where window with'
  ).split(' '),
);
/** Words before a name that is not an expression. */
const BEFORE_NAMES = new Set(['as', 'from', 'join', 'with', 'window', 'over']);

/** @returns 1-based, in code points; undefined if it is not known better than the error says */
export async function mistakePosition(session: Session, error: TsdbtError): Promise<number | undefined> {
  const { code, sql = '', position } = error.details;
  let tokens: SqlToken[];
  try {
    tokens = [...tokensOf(sql)];
  } catch (caught) {
    if (caught instanceof UncertainSql) return undefined;
    throw caught;
  }
  const place = (at: number | undefined): number | undefined =>
    at === undefined ? undefined : [...sql.slice(0, at)].length + 1;
  if (code === SYNTAX) return place(unclosed(tokens, sql, position));
  const named = /[Ii]dentifier [`'](.*?)[`']/.exec(error.message)?.[1];
  const parts = named === undefined ? expressions(tokens) : occurrences(sql, tokens, named);
  if (parts.length === 1 && named !== undefined) return place(parts[0]?.start);
  for (const { start, end } of parts.slice(0, TRIES)) {
    // No table can have the type of NULL.
    const changed = `${sql.slice(0, start)}NULL${sql.slice(end)}`.replace(/^create table [^(]*\(/, 'describe (');
    if ((await session.attempt(changed)) === null) return place(start);
  }
  return code === UNION ? place(lastQuery(tokens)) : undefined;
}

interface Part {
  readonly start: number;
  readonly end: number;
}

/** Runs of tokens between commas, parentheses and keywords. */
function expressions(tokens: readonly SqlToken[]): Part[] {
  const parts: { start: number; end: number }[] = [];
  let before = '';
  let open = false;
  for (const { kind, value, start, end } of tokens) {
    const word = kind === 'word' ? value.toLowerCase() : '';
    if (BETWEEN.has(word) || (kind === 'sign' && /^[(),;]$/.test(value))) {
      before = word;
      open = false;
      continue;
    }
    const last = parts.at(-1);
    if (open && last !== undefined) last.end = end;
    else if (!BEFORE_NAMES.has(before)) {
      parts.push({ start, end });
      open = true;
    }
  }
  return parts;
}

/** Where the statement has a name, which may be qualified. */
function occurrences(sql: string, tokens: readonly SqlToken[], name: string): Part[] {
  const path = name.split('.');
  return tokens.flatMap(({ start }, at) => {
    const found = tokens.slice(at, at + 2 * path.length - 1);
    const [first, last] = [found[0], found.at(-1)];
    if (first === undefined || last === undefined || sql[start - 1] === '.') return [];
    const text = found.map(({ kind, value }) => (kind === 'text' ? `'${value}'` : value)).join('');
    return text === name ? { start, end: last.end } : [];
  });
}

/** The last parenthesis of the query that is not closed, if the error is at the one around the query. */
function unclosed(tokens: readonly SqlToken[], sql: string, position: number | undefined): number | undefined {
  const outer = tokens.findIndex(({ kind, value }) => kind === 'sign' && value === '(');
  const around = tokens[outer];
  if (around === undefined || (position ?? 0) > [...sql.slice(0, around.start)].length + 1) return undefined;
  const open: number[] = [];
  for (const { kind, value, start } of tokens.slice(outer + 1, -1)) {
    if (kind === 'sign' && value === '(') open.push(start);
    if (kind === 'sign' && value === ')') open.pop();
  }
  return open.at(-1);
}

function lastQuery(tokens: readonly SqlToken[]): number | undefined {
  return tokens.findLast(({ kind, value }) => kind === 'word' && value.toLowerCase() === 'select')?.start;
}
