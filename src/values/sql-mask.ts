// Finds the code of an SQL text: what is not a text, a quoted name or a comment. Pure.

const COMMENT = String.raw`--[^\n]*|\/\*[\s\S]*?\*\/`;
const QUOTED = String.raw`"[^"]*"|\x60[^\x60]*\x60|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$`;
const ESCAPED = String.raw`'[^'\\]*(?:\\[\s\S][^'\\]*)*'`;
const MASKED = {
  /** Only `E'…'` has escapes, as in Postgres. */
  plain: new RegExp(`${COMMENT}|${QUOTED}|\\b[eE]${ESCAPED}|'[^']*'`, 'g'),
  /** A backslash escapes in each text, as in ClickHouse. */
  escaped: new RegExp(`${COMMENT}|${QUOTED}|${ESCAPED}`, 'g'),
};

/**
 * The SQL with each comment replaced by spaces, and each character within quotes by `\u0001`. The quotes stay, so that
 * a place in it is the same place in the SQL.
 */
export function sqlMask(sql: string, texts: keyof typeof MASKED): string {
  return sql.replace(MASKED[texts], (part) => {
    if (part.startsWith('--') || part.startsWith('/*')) return ' '.repeat(part.length);
    const first = part.search(/['"`$]/) + 1;
    return `${part.slice(0, first)}${'\u0001'.repeat(part.length - first - 1)}${part.slice(-1)}`;
  });
}

/** The place behind the parenthesis that closes the one at `open`; the end of the text if none does. */
export function closingAt(mask: string, open: number): number {
  let depth = 0;
  for (let at = open; at < mask.length; at++) {
    if (mask[at] === '(') depth++;
    else if (mask[at] === ')' && --depth === 0) return at + 1;
  }
  return mask.length;
}
