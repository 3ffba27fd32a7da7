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

const NAME = '(?:"[^"]+"|`[^`]+`|[A-Za-z_\\u0080-\\uffff][\\w$\\u0080-\\uffff]*)';
/** A name with its qualifiers that is not that of a function. */
const PATH = `${NAME}(?:\\s*\\.\\s*${NAME})*(?![\\w$"\`]|\\s*[.(])`;
const READ = new RegExp(
  '(?:(?<!\\bdistinct\\s+)\\bfrom|(?<!\\barray\\s+)\\bjoin)\\s+(?:only\\s+)?' +
    `(${PATH}(?:(?:\\s+(?:as\\s+)?${NAME})?\\s*,\\s*${PATH})*)|` +
    `\\bin\\s+(${PATH})`,
  'gi',
);
const WITH_NAME = new RegExp(
  `(?:\\bwith\\s+(?:recursive\\s+)?|,\\s*)(${NAME})(?:\\s*\\(\\))?\\s+as\\s+(?:(?:not\\s+)?materialized\\s*)?[({]`,
  'gi',
);
const NO_RELATIONS = new Set(['lateral', 'only', 'select', 'values']);
/** Nested parentheses that are reduced. Deeper ones count as they are. */
const DEEPEST = 50;

/** The same with braces around subqueries and joins, and without the contents of other parentheses. */
function withoutArguments(sql: string): string {
  let text = sql;
  for (let i = 0; i < DEEPEST && text.includes('('); i++) {
    const next = text.replace(/\([^()]*\)/g, (part) =>
      /\b(?:select|join)\b/i.test(part) ? `{${part.slice(1, -1)}}` : '\u0001\u0002',
    );
    if (next === text) break;
    text = next;
  }
  return text.replaceAll('\u0001', '(').replaceAll('\u0002', ')');
}

/** Relations that a query reads, except those that it defines itself, in lower case without quotes. */
export function namedRelations(sql: string): string[] {
  const text = withoutArguments(withoutTexts(sql));
  const plain = (name: string): string => name.replace(/["`\s]/g, '').toLowerCase();
  const own = new Set([...text.matchAll(WITH_NAME)].map(([, name = '']) => plain(name)));
  const paths = [...text.matchAll(READ)].flatMap(([, listed, member]) =>
    [...(listed ?? member ?? '').matchAll(new RegExp(`(?:^|,)\\s*(${PATH})`, 'gi'))].map(([, path = '']) =>
      plain(path),
    ),
  );
  return paths.filter((path) => !own.has(path) && !NO_RELATIONS.has(path));
}
