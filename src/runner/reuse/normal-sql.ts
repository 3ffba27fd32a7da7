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

const NAME = '[A-Za-z_\\u0080-\\uffff][\\w$\\u0080-\\uffff]*';
/** A name with its qualifiers that is not that of a function. */
const PATH = `${NAME}(?:\\s*\\.\\s*${NAME})*(?![\\w$]|\\s*[.(])`;
const FROM = /(?<!\bdistinct\s+)\bfrom\b/gi;
/** What ends a list of relations. */
const END = new RegExp(
  '\\b(?:where|prewhere|group|order|having|limit|offset|for|union|intersect|except|qualify|select|returning|' +
    '(?:left\\s+|inner\\s+)?array\\s+join|fetch\\s+(?:first|next)|window\\s+\\w+\\s+as)\\b|' +
    '\\bsettings\\s+\\w+\\s*=|\\bformat\\s+\\w+\\s*$|;',
  'i',
);
const BETWEEN = /,|(?<!\barray\s+)\bjoin\b/i;
const FIRST = new RegExp(`^\\s*(?:only\\s+)?(${PATH})`, 'i');
const JOINED = new RegExp(`(?<!\\barray\\s+)\\bjoin\\s+(?:only\\s+)?(${PATH})`, 'gi');
const MEMBER = new RegExp(`\\bin\\s+(${PATH})`, 'gi');
/** ClickHouse reads a table whose name is in parentheses. */
const MEMBER_IN_PARENTHESES = new RegExp(`\\bin\\s*\\(+\\s*(${PATH})\\s*\\)`, 'gi');
/** The command TABLE of Postgres. */
const TABLE = new RegExp(
  `(?:^\\s*|\\b(?:union|except|intersect)(?:\\s+(?:all|distinct))?\\s+)table\\s+(?:only\\s+)?(${PATH})`,
  'gi',
);
const WITH_NAME = new RegExp(
  `(?:\\bwith\\s+(?:recursive\\s+)?|,\\s*)(${NAME})(?:\\s*\\(\\))?\\s+as\\s+(?:(?:not\\s+)?materialized\\s*)?[({]`,
  'gi',
);
const NO_RELATIONS = new Set(['lateral', 'only', 'select', 'values', 'null', 'true', 'false', 'table']);
/** Nested parentheses that are reduced. Deeper ones count as they are. */
const DEEPEST = 50;

/** The same with braces around subqueries and joins, and without the contents of other parentheses. */
function withoutArguments(sql: string): string {
  let text = sql;
  for (let i = 0; i < DEEPEST && text.includes('('); i++) {
    const next = text.replace(/\([^()]*\)/g, (part) =>
      /\b(?:select|join|table)\b/i.test(part) ? `{${part.slice(1, -1)}}` : '\u0001\u0002',
    );
    if (next === text) break;
    text = next;
  }
  return text.replaceAll('\u0001', '(').replaceAll('\u0002', ')');
}

/** The texts within and outside of braces, each without the contents of braces in it. */
function levelsOf(text: string): string[] {
  const levels: string[] = [];
  let rest = text;
  for (let inner = ''; inner !== rest; ) {
    inner = rest;
    rest = rest.replace(/\{([^{}]*)\}/g, (_, level: string) => {
      levels.push(level);
      return '\u0003';
    });
  }
  return [...levels, rest];
}

/** Names in lists after FROM, with those after JOIN in them. A level without SELECT is a join in parentheses. */
function listedIn(level: string): string[] {
  const starts = /\b(?:select|from)\b/i.test(level) ? [...level.matchAll(FROM)].map(({ index }) => index + 4) : [0];
  return starts.flatMap((start) => {
    const list = level.slice(start);
    const end = END.exec(list)?.index ?? list.length;
    return list
      .slice(0, end)
      .split(BETWEEN)
      .flatMap((item) => FIRST.exec(item)?.[1] ?? []);
  });
}

/** Relations that a query reads, except those that it defines itself, in lower case without quotes. */
export function namedRelations(sql: string): string[] {
  const quoted: string[] = [];
  // A quoted name may be a word of the language.
  const named = withoutTexts(sql).replace(/"[^"]+"|`[^`]+`/g, (name) => {
    const known = quoted.indexOf(name);
    return `q$${known >= 0 ? known : quoted.push(name) - 1}$`;
  });
  const plain = (name: string): string =>
    name
      .replace(/\bq\$(\d+)\$/g, (_, index: string) => quoted[Number(index)] ?? '')
      .replace(/["`\s]/g, '')
      .toLowerCase();
  const text = withoutArguments(named);
  const own = new Set([...text.matchAll(WITH_NAME)].map(([, name = '']) => plain(name)));
  const found = (pattern: RegExp, where: string): string[] => [...where.matchAll(pattern)].map(([, name = '']) => name);
  const paths = [
    ...levelsOf(text).flatMap((level) => [...listedIn(level), ...found(JOINED, level), ...found(TABLE, level)]),
    ...found(MEMBER, text),
    ...found(MEMBER_IN_PARENTHESES, named),
  ].filter((path) => !NO_RELATIONS.has(path.toLowerCase()));
  return [...new Set(paths.map(plain))].filter((path) => !own.has(path));
}
