// Whether a text of SQL ends outside of quotes and comments, so that other statements may stand behind it. Knows
// nothing else of SQL.

/**
 * @returns false when a quoted text, a quoted name or a comment has no end (a comment to the end of the line has one)
 */
export function isClosed(sql: string): boolean {
  const opener = /--|\/\*|["']|(?<![\w$\u0080-\uffff])\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/g;
  for (let found = opener.exec(sql); found !== null; found = opener.exec(sql)) {
    const end = endOf(sql, found[0], opener.lastIndex);
    if (end < 0) return false;
    opener.lastIndex = end;
  }
  return true;
}

/**
 * The place behind a quoted text or comment; -1: it has no end. A doubled quote counts as two texts, with the same end.
 */
function endOf(sql: string, opener: string, start: number): number {
  if (opener === '--') {
    const line = sql.indexOf('\n', start);
    return line < 0 ? sql.length : line;
  }
  if (opener === '/*') return endOfComment(sql, start);
  if (opener === "'" && /(?<![\w$\u0080-\uffff])[eE]$/.test(sql.slice(Math.max(0, start - 3), start - 1)))
    return endOfEscaped(sql, start);
  const end = sql.indexOf(opener, start);
  return end < 0 ? -1 : end + opener.length;
}

/** Comments nest. */
function endOfComment(sql: string, start: number): number {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = start;
  let depth = 1;
  for (let found = edge.exec(sql); found !== null; found = edge.exec(sql)) {
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return edge.lastIndex;
  }
  return -1;
}

/** E'…': a backslash escapes the quote behind it. */
function endOfEscaped(sql: string, start: number): number {
  const end = /(?:[^'\\]|\\[\s\S])*'/y;
  end.lastIndex = start;
  return end.test(sql) ? end.lastIndex : -1;
}
