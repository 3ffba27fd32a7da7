// Prepares a query for EXPLAIN QUERY TREE, whose text shows names without quotes and omits column lists: replaces
// quoted names by words, and reads `name (a, b) AS (SELECT …)`.
import type { SqlToken } from '../column-lineage.ts';
import { isSign, isWord } from '../query-parts.ts';

export interface PreparedQuery {
  readonly sql: string;
  /** What a word in the tree stands for. */
  readonly nameOf: (word: string) => string;
  /** Where the text begins in the original SQL. */
  readonly start: number;
  /** Columns of CTEs, by the CTE's name. */
  readonly columnLists: ReadonlyMap<string, readonly string[]>;
}

const PLAIN_NAME = /^[A-Za-z_]\w*$/;
const QUERY_STARTS = /^(?:select|with|from|\()$/i;
/** Words after an expression or query that are not the alias of a table. */
const NO_ALIAS = new Set(
  (
    'all and anti any apply array as asc asof between by columns cross desc distinct div else end except filter ' +
    'final format from full global having ilike in inner interpolate intersect is join left like limit mod not on or ' +
    'over paste prewhere qualify replace right sample select semi settings step then to union using values when ' +
    'where window with within xor'
  ).split(' '),
);

/** @returns why the query cannot be prepared, as a text */
export function preparedQuery(sql: string, tokens: readonly SqlToken[] | null): PreparedQuery | string {
  if (tokens === null)
    return 'the SQL has a sign outside of texts whose meaning is uncertain, such as a backslash or `$`';
  const last = tokens.findLastIndex(({ kind, value }) => kind !== 'sign' || value !== ';');
  const used = tokens.slice(0, last + 1);
  const [first] = used;
  if (first === undefined) return 'the SQL is empty';
  const ends = used.filter(({ kind, value }) => kind === 'sign' && value === ';').length;
  if (ends > 0) return `the SQL is ${ends + 1} statements`;
  if (first.kind === 'name' || first.kind === 'text' || !QUERY_STARTS.test(first.value))
    return 'the SQL is not a SELECT';
  const lists = columnListsOf(used);
  if (typeof lists === 'string') return lists;
  let word = 'tsdbt_name_';
  while (sql.includes(word)) word += '_';
  const names = new Map<string, string>();
  const words = new Map<string, string>();
  let text = '';
  let at = first.start;
  for (const { kind, value, start, end } of used) {
    if (kind !== 'name' || PLAIN_NAME.test(value)) continue;
    const known = words.get(value) ?? `${word}${words.size}`;
    words.set(value, known);
    names.set(known, value);
    text += `${sql.slice(at, start)}\`${known}\``;
    at = end;
  }
  const end = used.at(-1)?.end ?? sql.length;
  return {
    sql: text + sql.slice(at, end),
    start: first.start,
    nameOf: (each) => names.get(each) ?? each,
    columnLists: lists,
  };
}

const isName = (token: SqlToken | undefined): boolean =>
  token?.kind === 'name' || (token?.kind === 'word' && PLAIN_NAME.test(token.value));

/** Column lists of CTEs. */
function columnListsOf(tokens: readonly SqlToken[]): Map<string, readonly string[]> | string {
  const lists = new Map<string, readonly string[]>();
  const plain = new Set<string>();
  for (let at = 0; at < tokens.length; at++) {
    const [before, name, next] = [tokens[at - 1], tokens[at], tokens[at + 1]];
    if (name === undefined || !isName(name)) continue;
    if (isWord(next, 'as') && isSign(tokens[at + 2], '(')) plain.add(name.value);
    if (!isSign(next, '(')) continue;
    const columns: string[] = [];
    let end = at + 2;
    for (; isName(tokens[end]); end += 2) {
      columns.push(tokens[end]?.value ?? '');
      if (!isSign(tokens[end + 1], ',')) break;
    }
    if (columns.length === 0 || !isSign(tokens[end + 1], ')')) continue;
    if (isWord(tokens[end + 2], 'as') && isSign(tokens[end + 3], '(')) {
      if (lists.has(name.value)) return `two CTEs with column lists have the name "${name.value}"`;
      lists.set(name.value, columns);
      continue;
    }
    const afterAs = isWord(before, 'as') ? tokens[at - 2] : before;
    const aliases =
      isSign(afterAs, ')') && (isWord(before, 'as') || name.kind === 'name' || !NO_ALIAS.has(name.value.toLowerCase()));
    if (aliases) return `the column list of the table alias "${name.value}" is not supported`;
  }
  for (const name of lists.keys()) if (plain.has(name)) return `two CTEs have the name "${name}", one a column list`;
  return lists;
}
