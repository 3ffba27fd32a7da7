// Parses aggregates in the SQL expressions of OSI documents as MetricFlow's converter does: `SUM(orders.amount)`,
// `COUNT(DISTINCT id)`, `(a) / (b)`. Pure. Text within an aggregate is kept; only spaces and the case of keywords and
// functions are normalized. osi.ts builds metrics from the result.

/** The single aggregate of an expression. */
export interface Aggregate {
  readonly agg: string;
  /** Column or expression without its qualifier, the part up to the last dot. */
  readonly column: string;
  /** The same with its qualifier; null for a percentile. */
  readonly qualified: string | null;
  readonly percentile: number | null;
}

const TOKEN =
  /\s+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|('(?:[^']|'')*'|"(?:[^"]|"")*"|\d+(?:\.\d*)?|\.\d+|[\w$]+|[<>!|:][=>|:]|.)/gu;
const KEYWORDS: ReadonlySet<string> = new Set(
  (
    'all and as asc between by case desc distinct else end escape exists false filter from group ilike in ' +
    'interval is like not null or order over partition rows then true when where within'
  ).split(' '),
);
const AGGREGATES: Readonly<Record<string, string>> = {
  count: 'count',
  sum: 'sum',
  avg: 'average',
  min: 'min',
  max: 'max',
};
/** Operators with lower precedence than a division. */
const LOOSER: ReadonlySet<string> = new Set('+ - || = <> != < > <= >= and or not is in like ilike between'.split(' '));
const FACTORS: ReadonlySet<string> = new Set(['*', '/', '%']);

type Tokens = readonly string[];

/** Tokenizes an expression without comments; null if its parentheses do not match. */
function tokensOf(expression: string): Tokens | null {
  const tokens = [...expression.matchAll(TOKEN)].flatMap(([, token]) => token ?? []);
  let depth = 0;
  for (const token of tokens) {
    depth += opens(token) - closes(token);
    if (depth < 0) return null;
  }
  return depth === 0 && tokens.length > 0 ? tokens : null;
}

const is = (token: string | undefined, word: string): boolean => token?.toLowerCase() === word;
const opens = (token: string): number => Number(token === '(' || is(token, 'case'));
const closes = (token: string): number => Number(token === ')' || is(token, 'end'));

/** Splits at a token that is not in parentheses. */
function cutAt(tokens: Tokens, word: string): Tokens[] {
  const parts: string[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    depth += opens(token) - closes(token);
    if (depth === 0 && is(token, word)) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

/** Returns the tokens between the parentheses of a call that is the whole expression; null if it is not one. */
function insideOf(tokens: Tokens, from: number): Tokens | null {
  if (tokens[from] !== '(') return null;
  let depth = 0;
  for (let at = from; at < tokens.length; at++) {
    const token = tokens[at] ?? '';
    depth += opens(token) - closes(token);
    if (depth === 0) return at === tokens.length - 1 ? tokens.slice(from + 1, at) : null;
  }
  return null;
}

function written(tokens: Tokens): string {
  let text = '';
  tokens.forEach((token, at) => {
    const before = tokens[at - 1];
    const word = KEYWORDS.has(token.toLowerCase()) && before !== '.';
    const call = tokens[at + 1] === '(' && /^[A-Za-z_]/.test(token);
    const shown = word || call ? token.toUpperCase() : token === '!=' ? '<>' : token;
    text += (before === undefined || joined(tokens, at) ? '' : ' ') + shown;
  });
  return text;
}

/** Whether no space precedes a token. */
function joined(tokens: Tokens, at: number): boolean {
  const [before = '', token = ''] = [tokens[at - 1], tokens[at]];
  if (before === '(' || before === '.' || before === '::') return true;
  if (token === ')' || token === ',' || token === '.' || token === '::') return true;
  if (token === '(') return /^[A-Za-z_]/.test(before) && !KEYWORDS.has(before.toLowerCase());
  return before === '-' && signs(tokens, at - 1);
}

/** Whether a minus is a sign, not a subtraction. */
function signs(tokens: Tokens, at: number): boolean {
  const before = tokens[at - 1];
  return (
    before === undefined ||
    before === '(' ||
    before === ',' ||
    LOOSER.has(before) ||
    FACTORS.has(before) ||
    KEYWORDS.has(before.toLowerCase())
  );
}

/** Returns a column's unqualified name, or an expression as text. */
function bare(tokens: Tokens): string {
  const column = tokens.every((token, i) => (i % 2 === 0 ? /^["\w$]/.test(token) : token === '.'));
  const last = tokens.at(-1) ?? '';
  if (column && tokens.length % 2 === 1 && !/^\d/.test(last) && !KEYWORDS.has(last.toLowerCase()))
    return last.startsWith('"') ? last.slice(1, -1).replaceAll('""', '"') : last;
  return unqualified(written(tokens));
}

/** Parses an expression that is a single aggregate; null if it is something else. */
export function aggregateOf(expression: string): Aggregate | null {
  const tokens = tokensOf(expression);
  if (tokens === null) return null;
  const name = tokens[0]?.toLowerCase() ?? '';
  if (name === 'percentile_cont' || name === 'percentile_disc') return percentileOf(tokens, name);
  const agg = AGGREGATES[name];
  const inside = insideOf(tokens, 1);
  if (agg === undefined || inside === null || inside.length === 0) return null;
  if (agg === 'count' && is(inside[0], 'distinct')) {
    const columns = cutAt(inside.slice(1), ',');
    const [column] = columns;
    return column === undefined || column.length === 0 || columns.length > 1 ? null : found('count_distinct', column);
  }
  if (agg === 'sum' && is(inside[0], 'case')) return countedCase(inside);
  return found(agg, cutAt(inside, ',')[0] ?? []);
}

function found(agg: string, column: Tokens): Aggregate {
  return { agg, column: bare(column), qualified: written(column), percentile: null };
}

/** `CASE WHEN condition THEN 1 ELSE 0 END` counts the rows that meet the condition. Any other CASE is not a count. */
function countedCase(tokens: Tokens): Aggregate | null {
  const inside = tokens.slice(1, -1);
  const [before = [], ...branches] = cutAt(inside, 'when');
  const [condition = [], result = []] = cutAt(branches[0] ?? [], 'then');
  const [one = [], zero = []] = cutAt(result, 'else');
  const literal = (part: Tokens, value: string): boolean => part.length === 1 && part[0]?.replaceAll("'", '') === value;
  if (!is(tokens.at(-1), 'end') || branches.length !== 1 || !literal(one, '1') || !literal(zero, '0')) return null;
  const qualified = before.length === 0 ? written(tokens) : null;
  return { agg: 'sum_boolean', column: written(condition), qualified, percentile: null };
}

/** `PERCENTILE_CONT(0.9) WITHIN GROUP (ORDER BY column)`. */
function percentileOf(tokens: Tokens, name: string): Aggregate | null {
  const [, open, number, close, within, group] = tokens;
  const order = insideOf(tokens, 6);
  const percentile = Number(number);
  if (open !== '(' || close !== ')' || !is(within, 'within') || !is(group, 'group')) return null;
  if (order === null || !is(order[0], 'order') || !is(order[1], 'by') || Number.isNaN(percentile)) return null;
  const [first = []] = cutAt(order.slice(2), ',');
  const column = bare(is(first.at(-1), 'desc') || is(first.at(-1), 'asc') ? first.slice(0, -1) : first);
  const median = percentile === 0.5 && name === 'percentile_cont';
  return { agg: median ? 'median' : 'percentile', column, qualified: null, percentile: median ? null : percentile };
}

/** Returns both sides of an expression that is a single division; otherwise null. */
export function ratioOf(expression: string): readonly [string, string] | null {
  const tokens = tokensOf(expression);
  if (tokens === null) return null;
  let depth = 0;
  let last = -1;
  for (const [at, token] of tokens.entries()) {
    depth += opens(token) - closes(token);
    if (depth > 0) continue;
    if (LOOSER.has(token.toLowerCase()) && !(token === '-' && signs(tokens, at))) return null;
    if (FACTORS.has(token)) last = at;
  }
  if (tokens[last] !== '/') return null;
  const side = (part: Tokens): string => written(insideOf(part, 0) ?? part);
  const [above, below] = [tokens.slice(0, last), tokens.slice(last + 1)];
  return above.length === 0 || below.length === 0 ? null : [side(above), side(below)];
}

/** Removes the qualifier of an expression: the part up to its last dot. */
export function unqualified(text: string): string {
  return text.slice(text.lastIndexOf('.') + 1);
}
