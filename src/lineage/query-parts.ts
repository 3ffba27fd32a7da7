// Splits a SELECT into its CTEs, the items of its select list and its clauses, so that two versions of it can be
// compared part by part.
import type { SqlToken } from './column-lineage.ts';

export interface QueryItem {
  /** The expression without its alias. */
  readonly value: readonly SqlToken[];
  /** Aliases that it defines. */
  readonly names: readonly string[];
  /** Whether it may stand for several columns. */
  readonly star: boolean;
  /** Names of the called functions, and keywords before a parenthesis. */
  readonly functions: readonly string[];
}

export interface QueryParts {
  readonly ctes: readonly { readonly name: string; readonly sql: string }[];
  /** The query without its CTEs. */
  readonly sql: string;
  /** Aliases of expressions in WITH, and DISTINCT. */
  readonly head: readonly SqlToken[];
  readonly distinct: boolean;
  readonly items: readonly QueryItem[];
  /** Tokens of the clauses from FROM on, by keyword. */
  readonly clauses: ReadonlyMap<string, readonly SqlToken[]>;
}

/** Keywords that start a clause after the select list. */
const CLAUSES = new Set(
  'from prewhere where group having window qualify order limit offset fetch for settings format into with'.split(' '),
);
const SET_OPERATIONS = new Set(['union', 'intersect', 'except', 'minus']);
/** Words whose case does not matter in any dialect. */
const KEYWORDS = new Set(
  [
    ...CLAUSES,
    'and as asc between by case cross desc distinct else end exists in inner is join like not null on or over',
    'partition rows select then using when',
  ].flatMap((words) => words.split(' ')),
);
const CASTS = new Set(['cast', 'try_cast', 'extract', 'accuratecast']);

export const isSign = (token: SqlToken | undefined, sign: string): boolean =>
  token?.kind === 'sign' && token.value === sign;
export const isWord = (token: SqlToken | undefined, ...words: string[]): boolean =>
  token?.kind === 'word' && words.includes(token.value.toLowerCase());
const isName = (token: SqlToken | undefined): token is SqlToken => token?.kind === 'word' || token?.kind === 'name';

/** The tokens as a text that is equal for equal SQL. @param renamed names that count as others */
export function textOf(tokens: readonly SqlToken[], renamed?: ReadonlyMap<string, string>): string {
  return tokens
    .map(({ kind, value }) => {
      if (kind === 'sign') return value;
      if (kind === 'text') return JSON.stringify([value]);
      const name = renamed?.get(value) ?? value;
      if (kind === 'name') return JSON.stringify(name);
      return KEYWORDS.has(name.toLowerCase()) ? name.toLowerCase() : name;
    })
    .join(' ');
}

/** @returns null if the query has another form, such as a set operation or a recursive CTE */
export function splitQuery(sql: string, all: readonly SqlToken[]): QueryParts | null {
  const tokens = all.slice(0, all.findLastIndex((token) => !isSign(token, ';')) + 1);
  const depth = depthsOf(tokens);
  const textBetween = (from: number, to: number): string =>
    sql.slice(tokens[from]?.start ?? 0, tokens[to - 1]?.end ?? 0);
  const top = (from: number, is: (at: number) => boolean): number => {
    for (let at = from; at < tokens.length; at++) if (depth[at] === 0 && is(at)) return at;
    return -1;
  };
  const select = isWord(tokens[0], 'select') ? 0 : top(0, (at) => isWord(tokens[at], 'select'));
  if (select < 0 || (select > 0 && !isWord(tokens[0], 'with')) || isWord(tokens[1], 'recursive')) return null;
  const ctes: { name: string; sql: string }[] = [];
  const expressions: [number, number][] = [];
  for (let from = 1; from < select; ) {
    const comma = top(from, (at) => at >= select || isSign(tokens[at], ','));
    const to = comma < 0 || comma > select ? select : comma;
    const open = top(from, (at) => isSign(tokens[at], '('));
    const [name, as] = [tokens[from], tokens[from + 1]];
    const body = open >= 0 && open < to && isWord(as, 'as') && isWord(tokens[open + 1], 'select', 'with');
    if (isName(name) && body && isSign(tokens[to - 1], ')'))
      ctes.push({ name: name.value, sql: textBetween(open + 1, to - 1) });
    else if (isWord(tokens[to - 2], 'as') && isName(tokens[to - 1])) expressions.push([from, to]);
    else return null;
    from = to + 1;
  }
  let start = select + 1;
  const distinct = isWord(tokens[start], 'distinct');
  if (isWord(tokens[start], 'distinct', 'all')) start++;
  if (distinct && isWord(tokens[start], 'on')) start = top(start + 2, (at) => !isSign(tokens[at], ')'));
  if (isWord(tokens[start], 'top')) return null;
  const starts = (at: number, words: ReadonlySet<string>): boolean =>
    tokens[at]?.kind === 'word' &&
    words.has(tokens[at].value.toLowerCase()) &&
    !isSign(tokens[at - 1], '.') &&
    !isWord(tokens[at - 1], 'as');
  // `* except (x)` is not a set operation.
  if (top(start, (at) => starts(at, SET_OPERATIONS) && !isSign(tokens[at - 1], '*')) >= 0) return null;
  const compared = (at: number): boolean => isWord(tokens[at - 1], 'distinct') && isWord(tokens[at - 2], 'is', 'not');
  const from = top(start, (at) => starts(at, new Set(['from'])) && !compared(at));
  const first = from >= 0 ? from : top(start, (at) => starts(at, CLAUSES));
  const end = first < 0 ? tokens.length : first;
  const items: QueryItem[] = [];
  for (let at = start; at < end; ) {
    const comma = top(at, (each) => each >= end || isSign(tokens[each], ','));
    const to = comma < 0 || comma > end ? end : comma;
    items.push(itemOf(tokens.slice(at, to)));
    at = to + 1;
  }
  if (items.length === 0 || items.some(({ value }) => value.length === 0)) return null;
  const clauses = new Map<string, readonly SqlToken[]>();
  for (let at = end; at < tokens.length; ) {
    const next = top(at + 1, (each) => starts(each, CLAUSES));
    const to = next < 0 ? tokens.length : next;
    const name = tokens[at]?.value.toLowerCase() ?? '';
    clauses.set(name, [...(clauses.get(name) ?? []), ...tokens.slice(at, to)]);
    at = to;
  }
  const prefix = expressions.map(([a, b]) => textBetween(a, b)).join(', ');
  const withPrefix = (text: string): string => {
    if (prefix === '') return text;
    return /^with\b/i.test(text) ? `with ${prefix}, ${text.slice(4)}` : `with ${prefix} ${text}`;
  };
  return {
    ctes: ctes.map(({ name, sql: text }) => ({ name, sql: withPrefix(text) })),
    sql: withPrefix(textBetween(select, tokens.length)),
    head: [...expressions.flatMap(([a, b]) => tokens.slice(a, b)), ...tokens.slice(select, start)],
    distinct,
    items,
    clauses,
  };
}

function depthsOf(tokens: readonly SqlToken[]): number[] {
  let depth = 0;
  return tokens.map(({ kind, value }) => {
    if (kind !== 'sign') return depth;
    if ('([{'.includes(value)) return depth++;
    return ')]}'.includes(value) ? --depth : depth;
  });
}

/** Whether it is only the name of a column. */
export function isPath(tokens: readonly SqlToken[]): boolean {
  return tokens.every((token, at) => (at % 2 === 0 ? isName(token) : isSign(token, '.'))) && tokens.length % 2 === 1;
}

function itemOf(tokens: readonly SqlToken[]): QueryItem {
  const last = tokens.at(-1);
  const aliased = tokens.length > 2 && isWord(tokens.at(-2), 'as') && isName(last);
  const value = aliased ? tokens.slice(0, -2) : tokens;
  // `t.x as x` is the column itself.
  const names = aliased && !(isPath(value) && value.at(-1)?.value === last.value) ? [last.value] : [];
  const functions: string[] = [];
  const openers: string[] = [];
  let star = isSign(value[0], '*');
  value.forEach((token, at) => {
    const before = value[at - 1];
    if (isSign(token, '(')) {
      const owner = isSign(value[at - 2], '.') ? '.' : '';
      openers.push(isName(before) ? before.value.toLowerCase() : '');
      if (isName(before)) functions.push(`${owner}${before.value}`);
    }
    if (isSign(token, ')')) openers.pop();
    if (isSign(token, '*') && isSign(before, '.')) star = true;
    if (isWord(token, 'columns') && isSign(value[at + 1], '(')) star = true;
    if (isName(token) && isWord(before, 'as') && !CASTS.has(openers.at(-1) ?? '')) names.push(token.value);
  });
  const [before, end] = value.slice(-2);
  // An alias without AS.
  if (!aliased && isName(end) && before?.kind !== 'sign' && !KEYWORDS.has(end.value.toLowerCase()))
    names.push(end.value);
  return { value, names, star, functions };
}

/** The clauses as texts. Positions in GROUP BY and ORDER BY are replaced by the items. */
export function clauseTexts(
  { clauses, items }: QueryParts,
  renamed?: ReadonlyMap<string, string>,
): Map<string, string> {
  const all = items.map(({ value }) => textOf(value, renamed)).join(', ');
  const starAt = items.findIndex(({ star }) => star);
  return new Map(
    [...clauses].map(([name, tokens]) => {
      let by = false;
      const texts = tokens.map((token, at) => {
        if (isWord(token, 'by')) by = true;
        const before = tokens[at - 1];
        const separated = isSign(before, ',') || isWord(before, 'by') || isSign(before, '-');
        if (!by || !separated || token.kind !== 'word' || !/^\d+$/.test(token.value)) return textOf([token], renamed);
        const position = Number(token.value) - 1;
        const item = starAt >= 0 && starAt <= position ? undefined : items[position];
        return item === undefined || isSign(before, '-') ? all : textOf(item.value, renamed);
      });
      return [name, texts.join(' ')];
    }),
  );
}
