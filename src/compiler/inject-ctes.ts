// Injects the CTEs of ephemeral models into a query at the same place as dbt (sqlparse): after the first top-level WITH
// of the first statement, or in a new WITH.

export interface InjectedCte {
  readonly id: string;
  readonly sql: string;
}

/** A query with injected CTEs, and how its offsets map back to the original query. */
export interface Injection {
  readonly sql: string;
  /** Offset in `sql` of the inserted text, and its length. The original query continues after it. */
  readonly at: number;
  readonly length: number;
}

/**
 * @param ctes texts as `" name as (\n…\n)"`, innermost first
 * @returns the query unchanged if there are no CTEs
 */
export function injectCtes(sql: string, ctes: readonly InjectedCte[]): Injection {
  if (ctes.length === 0) return { sql, at: 0, length: 0 };
  const { withEnd, statementEnd, firstToken } = scan(sql);
  const statement = sql.slice(0, statementEnd);
  const joined = ctes.map((c) => c.sql).join(', ');
  const [at, inserted] =
    withEnd === null ? [firstToken, `with${joined} `] : [skipBlanks(statement, withEnd), `${joined}, `];
  return { sql: statement.slice(0, at) + inserted + statement.slice(at), at, length: inserted.length };
}

function skipBlanks(sql: string, from: number): number {
  return from + (/^\s*/.exec(sql.slice(from))?.[0].length ?? 0);
}

/**
 * Finds the end of the first top-level WITH [RECURSIVE], the end of the first statement, and the start of its first
 * token.
 */
function scan(sql: string): { withEnd: number | null; statementEnd: number; firstToken: number } {
  const n = sql.length;
  let depth = 0;
  let withEnd: number | null = null;
  let recursive = false;
  const firstToken = /\S/.exec(sql)?.index ?? n;
  let i = 0;
  while (i < n) {
    const c = sql.charAt(i);
    const skipped = skipQuoted(sql, i);
    if (skipped > i) {
      if (withEnd !== null) recursive = true;
      i = skipped;
      continue;
    }
    if (c === '(') depth++;
    else if (c === ')') depth = Math.max(0, depth - 1);
    else if (c === ';' && depth === 0) return { withEnd, statementEnd: endOfStatement(sql, i + 1), firstToken };
    else if (/[A-Za-z_]/.test(c)) {
      const [word] = /^\w+/.exec(sql.slice(i, i + 128)) ?? [c];
      if (depth === 0 && withEnd === null && word.toLowerCase() === 'with') withEnd = i + word.length;
      else if (withEnd !== null && !recursive) {
        recursive = true;
        if (word.toLowerCase() === 'recursive') withEnd = i + word.length;
      }
      i += word.length;
      continue;
    } else if (withEnd !== null && !/\s/.test(c)) recursive = true;
    i++;
  }
  return { withEnd, statementEnd: n, firstToken };
}

/** Returns the end of the comment, string, quoted name or dollar-quoted text that starts at `i`; `i` if none does. */
function skipQuoted(sql: string, i: number): number {
  const c = sql[i];
  const until = (end: string, from: number): number => {
    const at = sql.indexOf(end, from);
    return at < 0 ? sql.length : at + end.length;
  };
  if (c === '-' && sql[i + 1] === '-') return until('\n', i + 2);
  if (c === '/' && sql[i + 1] === '*') return until('*/', i + 2);
  if (c === "'" || c === '"' || c === '`') {
    let at = i + 1;
    for (;;) {
      at = until(c, at);
      if (at >= sql.length || sql[at] !== c) return at;
      at++;
    }
  }
  if (c === '$') {
    const tag = /^\$\w*\$/.exec(sql.slice(i, i + 80))?.[0];
    if (tag) return until(tag, i + tag.length);
  }
  return i;
}

/** A statement keeps the blanks after its semicolon up to the end of the line. */
function endOfStatement(sql: string, from: number): number {
  return from + (/^[ \t]*(\r?\n)?/.exec(sql.slice(from))?.[0].length ?? 0);
}
