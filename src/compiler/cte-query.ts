// Replaces the last SELECT of a query by one that reads a CTE of it, for unit tests of a CTE. Pure.
import { closingAt, sqlMask } from '../values/sql-mask.ts';

const WITH = /^\s*with\s+(?:recursive\s+)?/i;
/** A CTE's name, with the parenthesis in which its query begins. */
const CTE =
  /^\s*([\w$\u0080-\uffff]+|(?:"\u0001*")+|(?:`\u0001*`)+)\s*(?:\([^()]*\)\s*)?as\s*(?:(?:not\s+)?materialized\s*)?\(/i;
/** What ends a list of CTEs, or an entry of it, outside of parentheses. */
const NEXT = /[,(]|\b(?:select|from|values|table|insert|update|delete|merge)\b/gi;

/** A query that reads only the CTE, or the names of those that exist. */
export type CteQuery = { readonly sql: string } | { readonly known: readonly string[] };

/**
 * @param name as written in the query, without quotes
 * @param texts how the database quotes: see sqlMask
 */
export function cteQuery(sql: string, name: string, texts: 'plain' | 'escaped'): CteQuery {
  const mask = sqlMask(sql, texts);
  const written = new Map<string, string>();
  let at = WITH.exec(mask)?.[0].length ?? mask.length;
  for (let more = at < mask.length; more; ) {
    const [cte = '', found] = CTE.exec(mask.slice(at)) ?? [];
    if (found !== undefined) {
      const start = mask.indexOf(found, at);
      const quoted = sql.slice(start, start + found.length);
      written.set(/^["`]/.test(quoted) ? quoted.slice(1, -1).replace(/(["`])\1/g, '$1') : quoted, quoted);
      at = closingAt(mask, at + cte.length - 1);
    }
    [at, more] = entryEnd(mask, at);
  }
  const quoted = written.get(name) ?? [...written].find(([each]) => each.toLowerCase() === name.toLowerCase())?.[1];
  return quoted === undefined
    ? { known: [...written.keys()] }
    : { sql: `${sql.slice(0, at).trimEnd()}\nselect * from ${quoted}` };
}

/** Where an entry of the list ends, and whether another one follows. */
function entryEnd(mask: string, start: number): [end: number, more: boolean] {
  for (let at = start; ; ) {
    NEXT.lastIndex = at;
    const found = NEXT.exec(mask);
    if (found === null) return [mask.length, false];
    if (found[0] === ',') return [found.index + 1, true];
    if (found[0] !== '(') return [found.index, false];
    at = closingAt(mask, found.index);
  }
}
