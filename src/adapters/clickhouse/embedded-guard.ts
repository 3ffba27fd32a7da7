// Keeps SQL of a project on the embedded ClickHouse away from files, programs and other hosts: the engine's grants,
// and what the grants leave open. chdb checks paths and dictionary sources less than a server does, since it takes
// itself for a command-line tool.
import { join } from 'node:path';

/**
 * The engine's configuration file and its users. Sources (`file()`, `url()`, `s3()`, `remote()` and their engines) are
 * not granted, and no table chooses its disk.
 * @param folder one that only this user can write
 * @returns texts by path; the first is the one that the engine is given
 */
export function restrictedConfig(folder: string): ReadonlyMap<string, string> {
  const users = join(folder, 'restricted-users.xml');
  const escaped = users.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return new Map([
    [join(folder, 'restricted.xml'), `<clickhouse><users_config>${escaped}</users_config></clickhouse>\n`],
    [users, USERS],
  ]);
}

/** Settings that name files, hosts or disks, are SQL in a text, or change the language that the guard reads. */
const FIXED_SETTINGS = [
  ...['additional_result_filter', 'additional_table_filters', 'parallel_replicas_custom_key'],
  ...['dialect', 'polyglot_dialect', 'format_schema', 'format_schema_source', 'output_format_schema'],
  ...['format_template_row', 'format_template_resultset', 'input_format_record_errors_file_path'],
  ...['format_avro_schema_registry_url', 'url_base', 'merge_tree_disk', 'merge_tree_storage_policy'],
];

const USERS = `<clickhouse>
  <profiles><default><constraints>
    ${FIXED_SETTINGS.map((name) => `<${name}><const/></${name}>`).join('\n    ')}
  </constraints></default></profiles>
  <quotas><default/></quotas>
  <users><default>
    <password></password>
    <networks><ip>::/0</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
    <grants>
      <query>GRANT CHECK, SHOW, SELECT, INSERT, ALTER, CREATE, DROP, UNDROP TABLE, TRUNCATE, OPTIMIZE, KILL QUERY,
        dictGet, SYSTEM FLUSH, SYSTEM MERGES, SYSTEM TTL MERGES, SYSTEM MOVES, SYSTEM VIEWS, SYSTEM RELOAD DICTIONARY,
        SYSTEM DROP CACHE ON *.*</query>
    </grants>
  </default></users>
</clickhouse>
`;

interface Token {
  readonly kind: 'word' | 'name' | 'text' | 'sign';
  /** Without quotes and escapes. */
  readonly value: string;
}

const BLANK = /(?:\s+|--[^\n]*|\/\/[^\n]*|#[ !][^\n]*)+/uy;
const WORD = /[\w$]+/uy;
/** `$tag$…$tag$` */
const HEREDOC = /\$\w*\$/uy;
/** Closing quotes by their opening ones; the curly ones have no escapes. */
const QUOTES: Readonly<Record<string, string>> = { "'": "'", '"': '"', '`': '`', '‘': '’', '“': '”' };

/** The tokens of a statement, as ClickHouse's lexer finds them. Comments may be nested. */
function tokensOf(sql: string): Token[] {
  const found: Token[] = [];
  const match = (pattern: RegExp, at: number): string => {
    pattern.lastIndex = at;
    return pattern.exec(sql)?.[0] ?? '';
  };
  for (let at = 0; at < sql.length; ) {
    const sign = sql[at] ?? '';
    const blank = match(BLANK, at).length;
    const tag = sign === '$' ? match(HEREDOC, at) : '';
    const close = QUOTES[sign];
    if (blank > 0) at += blank;
    else if (sql.startsWith('/*', at)) at = endOfComment(sql, at);
    else if (tag !== '' && sql.includes(tag, at + tag.length)) {
      const end = sql.indexOf(tag, at + tag.length);
      found.push({ kind: 'text', value: sql.slice(at + tag.length, end) });
      at = end + tag.length;
    } else if (close !== undefined) {
      const end = endOfQuoted(sql, at + 1, close);
      const value = sql.slice(at + 1, end);
      found.push({ kind: close === "'" || close === '’' ? 'text' : 'name', value: unescaped(value) });
      at = end + 1;
    } else {
      const word = match(WORD, at);
      found.push(word === '' ? { kind: 'sign', value: sign } : { kind: 'word', value: word });
      at += word.length || 1;
    }
  }
  return found;
}

function endOfComment(sql: string, start: number): number {
  const mark = /\/\*|\*\//g;
  mark.lastIndex = start;
  let depth = 0;
  for (let found = mark.exec(sql); found !== null; found = mark.exec(sql)) {
    depth += found[0] === '/*' ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  return sql.length;
}

/** Where the closing quote is, or the end. */
function endOfQuoted(sql: string, start: number, close: string): number {
  if (close === '’' || close === '”') return (sql.indexOf(close, start) + 1 || sql.length + 1) - 1;
  for (let at = start; at < sql.length; at++) {
    if (sql[at] === '\\') at++;
    else if (sql[at] === close && sql[at + 1] === close) at++;
    else if (sql[at] === close) return at;
  }
  return sql.length;
}

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', 0: '\0' };

function unescaped(text: string): string {
  return text.replace(/\\x([0-9a-f]{2})|\\(.)|(['"`])\3/gis, (_, hex?: string, char?: string, quote?: string) =>
    hex === undefined ? (quote ?? ESCAPES[char ?? ''] ?? char ?? '') : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** Functions that open files or disks. */
const CLOSED_FUNCTIONS = new Set(['file', 'disk']);
/** Engines of tables and databases that open files, programs or hosts without a right that could be withheld. */
const CLOSED_ENGINES = new Set([
  'embeddedrocksdb',
  'executable',
  'executablepool',
  'filelog',
  'datalakecatalog',
  'backup',
]);
/** Table functions whose columns, given as text, may have expressions. */
const STRUCTURED = new Set(['generaterandom', 'values', 'sqlstandardvalues', 'null', 'input']);
/** What stands before a table function, and never before the rows of an INSERT. */
const BEFORE_TABLE = new Set(['from', 'join', 'in', 'describe', 'desc', 'table', 'function', 'as', 'exists', ',', '(']);
const DICTIONARY_SOURCES = new Set(['clickhouse', 'null']);

/**
 * What a statement must not do on the embedded engine of a project that is not trusted.
 * @returns what it would reach; null: nothing
 */
export function closedAccess(sql: string): string | null {
  const found = tokensOf(sql);
  const statement = found.slice(0, endOfSql(found));
  const word = (at: number): string => {
    const token = statement[at];
    return token === undefined || token.kind === 'text' ? '' : token.value.toLowerCase();
  };
  const opens = (at: number): boolean => statement[at]?.kind === 'sign' && statement[at].value === '(';
  let isDictionary = false;
  let hasAttach = false;
  for (const [at, { kind, value }] of statement.entries()) {
    if (kind === 'sign' || kind === 'text') continue;
    const name = value.toLowerCase();
    const isPart = word(at - 1) === '.' && statement[at - 1]?.kind === 'sign';
    if (name === 'dictionary') isDictionary = true;
    if (CLOSED_FUNCTIONS.has(name) && !isPart && (opens(at + 1) || isArgument(word, opens, at))) return `${value}()`;
    if (name === 'outfile' && word(at - 1) === 'into' && statement[at + 1]?.kind === 'text') return 'INTO OUTFILE';
    if (name === 'infile' && word(at - 1) === 'from' && statement[at + 1]?.kind === 'text') return 'FROM INFILE';
    if (name === 'from' && hasAttach && statement[at + 1]?.kind === 'text') return 'ATTACH FROM';
    if (name === 'attach') hasAttach = true;
    if (name === 'engine') {
      const engine = word(word(at + 1) === '=' ? at + 2 : at + 1);
      if (CLOSED_ENGINES.has(engine)) return `engine ${engine}`;
    }
    if (opens(at + 1)) {
      const isTable = name !== 'values' || BEFORE_TABLE.has(word(at - 1));
      const parts = STRUCTURED.has(name) && isTable ? argumentsOf(statement, at + 1).slice(0, 1) : [];
      if (name === 'format') parts.push(...columnsOfFormat(argumentsOf(statement, at + 1)));
      for (const part of parts) {
        const inside = insideStructure(part);
        if (inside !== null) return inside;
      }
    }
  }
  if (!isDictionary) return null;
  const source = closedSource(statement);
  if (source !== null) return source;
  for (const { kind, value } of statement) {
    const inside = kind === 'text' || kind === 'name' ? closedAccess(value) : null;
    if (inside !== null) return inside;
  }
  return null;
}

/** Is the name at this place handed over as a function: `apply file`, `arrayMap(file, …)`? */
function isArgument(word: (at: number) => string, opens: (at: number) => boolean, at: number): boolean {
  if (word(at - 1) === 'apply' || (opens(at - 1) && word(at - 2) === 'apply')) return true;
  return opens(at - 1) && word(at + 1) === ',' && /^(?:array|map)/.test(word(at - 2));
}

/** Where the rows of an INSERT begin that are not SQL. */
function endOfSql(found: readonly Token[]): number {
  const words = found.map(({ kind, value }) => (kind === 'word' ? value.toLowerCase() : ''));
  const start = words[0] === 'insert' ? words.indexOf('format') : -1;
  const isFormat = (at: number): boolean => words[at] === 'format' && ROW_FORMAT.test(words[at + 1] ?? '');
  for (let at = start; at > 0 && at < words.length; at++) if (isFormat(at)) return at;
  return found.length;
}
const ROW_FORMAT = new RegExp(
  '^(?:tabseparated|tsv|tskv|csv|customseparated|template|regexp|json|bson|native|rowbinary|rawblob|lineasstring|' +
    'parquet|arrow|orc|avro|protobuf|msgpack|npy|form$|mysqldump|dwarf|capnproto|prometheus|markdown|hash)',
);

function argumentsOf(statement: readonly Token[], start: number): Token[][] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of statement.slice(start)) {
    const sign = token.kind === 'sign' ? token.value : '';
    if ('([{'.includes(sign) && sign !== '' && depth++ === 0) continue;
    if (')]}'.includes(sign) && sign !== '' && --depth === 0) break;
    if (sign === ',' && depth === 1) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

/** The columns in `format(name, columns, data)`; the function for texts, `format('{}', …)`, has none. */
function columnsOfFormat(parts: readonly Token[][]): Token[][] {
  const [name = [], columns = []] = parts;
  const isText = name.length === 1 && name[0]?.kind === 'text' && name[0].value.includes('{');
  return isText || parts.length < 3 ? [] : [columns];
}

/** Columns that are text are read; those that are computed could be anything. */
function insideStructure(part: readonly Token[]): string | null {
  const [first] = part;
  if (part.length === 1 && first?.kind === 'text') return closedAccess(first.value);
  const isComputed = part.some(
    ({ kind, value }) =>
      (kind === 'word' && !/^(?:\d.*|null|true|false)$/i.test(value)) || kind === 'name' || value === '|',
  );
  if (isComputed) return 'a table function with computed columns';
  for (const { kind, value } of part) if (kind === 'text' && closedAccess(value) !== null) return closedAccess(value);
  return null;
}

/** A dictionary reads from this engine alone, by values that are written out, and lies in memory. */
function closedSource(statement: readonly Token[]): string | null {
  for (const [at, { kind, value }] of statement.entries()) {
    if (kind !== 'text' && /ssd_cache$/i.test(value)) return `a dictionary of layout ${value}`;
    if (kind !== 'word' || value.toLowerCase() !== 'source' || statement[at + 1]?.value !== '(') continue;
    const [source, ...rest] = argumentsOf(statement, at + 1).flat();
    if (source === undefined || !DICTIONARY_SOURCES.has(source.value.toLowerCase()))
      return `a dictionary of source ${source?.value ?? ''}`;
    const isFar = (token: Token): boolean => token.kind !== 'text' && /^(?:host|port|secure)$/i.test(token.value);
    if (rest.some(isFar)) return 'a dictionary of another host';
    if (rest.filter((token) => token.kind === 'sign' && token.value === '(').length > 1)
      return 'a dictionary with a computed source';
  }
  return null;
}
