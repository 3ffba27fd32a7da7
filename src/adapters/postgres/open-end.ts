// Finds the ends of quotes, comments and statements in SQL text: whether other statements may follow it, and its
// statements one by one.

/**
 * @returns false if a quoted text, a quoted name or a comment is not closed (the end of the line closes a line comment)
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

/** A statement that Citus passes on to its workers as the text of the whole message. */
const PASSED_ON =
  /^(?:\s|--[^\r\n]*[\r\n]|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\/)*(?:alter|create|drop|comment|grant|revoke|truncate|do)\b/i;

/**
 * Splits a text into messages, so that DDL is sent alone. Other statements stay together.
 * @returns the pieces, which concatenate to the text
 */
export function cutStatements(sql: string): string[] {
  // The body of such a function contains semicolons.
  if (/\bbegin\s+atomic\b/i.test(sql)) return [sql];
  const pieces: string[] = [];
  const mark = /;|--|\/\*|["']|(?<![\w$\u0080-\uffff])\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/g;
  let start = 0;
  let joins = false;
  const add = (end: number): void => {
    const piece = sql.slice(start, end);
    const alone = PASSED_ON.test(piece);
    const before = pieces.at(-1);
    if (before !== undefined && ((joins && !alone) || /^[\s;]*$/.test(piece)))
      pieces[pieces.length - 1] = before + piece;
    else {
      pieces.push(piece);
      joins = !alone;
    }
    start = end;
  };
  for (let found = mark.exec(sql); found !== null; found = mark.exec(sql)) {
    if (found[0] === ';') {
      add(mark.lastIndex);
      continue;
    }
    const end = endOf(sql, found[0], mark.lastIndex);
    if (end < 0) break;
    mark.lastIndex = end;
  }
  if (start < sql.length) add(sql.length);
  return pieces;
}

/**
 * Returns the position after a quoted text or comment; -1 if it is not closed. A doubled quote counts as two texts,
 * with the same end.
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

/** E'…': a backslash escapes the following quote. */
function endOfEscaped(sql: string, start: number): number {
  const end = /(?:[^'\\]|\\[\s\S])*'/y;
  end.lastIndex = start;
  return end.test(sql) ? end.lastIndex : -1;
}
