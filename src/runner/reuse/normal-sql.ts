// Reduces SQL to what a database executes: without comments and redundant white space. Pure. Text that is not certain
// to be split correctly is left as it is, so that it counts as changed rather than unchanged.

/** Texts, names, and runs of white space and comments. */
const PART =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|(?:\s|--[^\n]*|\/\*[\s\S]*?\*\/)+/g;
const QUOTED = /^['"`$]/;

/** SQL without comments, with one space for white space outside of texts and names. */
export function normalSql(sql: string): string {
  // A backslash escapes a quote in some texts only; comments may contain comments in some databases only.
  if (sql.includes('\\') || /\/\*(?:(?!\*\/)[\s\S])*\/\*/.test(sql)) return sql.trim();
  return sql.replace(PART, (part) => (QUOTED.test(part) ? part : ' ')).trim();
}

/** The same without the contents of texts, to search for calls and names. */
export function withoutTexts(sql: string): string {
  return sql.replace(PART, (part) => (part.startsWith("'") || part.startsWith('$') ? "''" : part));
}

/** Relations with at least two-part names after FROM and JOIN, without quotes. */
export function namedRelations(sql: string): string[] {
  const name = '(?:"[^"]+"|' + '`[^`]+`' + String.raw`|[\w$]+)`;
  const found = withoutTexts(sql).matchAll(
    new RegExp(`\\b(?:from|join)\\s+(?:only\\s+)?(${name}(?:\\s*\\.\\s*${name})+)`, 'gi'),
  );
  return [...found].map(([, path = '']) => path.replace(/["`\s]/g, '').toLowerCase());
}
