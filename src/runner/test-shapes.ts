// Recognizes from the SQL of a compiled test whether it checks rows individually or searches for duplicate values: such
// tests of one relation fit into one statement. Pure text; a test of any other form runs alone.

const QUOTED = /'(?:[^']|'')*'|"[^"]*"|`[^`]*`/g;
/** Words that end a condition, or begin another query in it. */
const CLAUSE = /\b(?:group|order|having|limit|union|intersect|except|window|offset|fetch|settings|qualify)\b/i;

/** What a test looks for. It passes when there is nothing of it. */
export type TestShape =
  | { readonly kind: 'rows'; readonly condition: string }
  | {
      readonly kind: 'unique';
      /** Columns or expressions, as SQL. */
      readonly columns: string;
      readonly where: string | null;
      /** One expression, whose NULLs do not count. */
      readonly single: boolean;
    }
  | {
      readonly kind: 'whole';
      readonly sql: string;
      /** What it says of each row; null where that cannot be said. */
      readonly reference: Reference | null;
    };

/** Values of a column that another relation has, except NULL. A value that finds none is a row of its own. */
export interface Reference {
  readonly column: string;
  readonly where: string | null;
  /** The rendered name of the other relation, or a query in parentheses. */
  readonly parent: string;
  readonly field: string;
}

/** A whole text, of parts in regular expressions. */
const whole = (...parts: readonly string[]): RegExp => new RegExp(`^${parts.join('')}$`);

const RANGE = whole(
  String.raw`with meet_condition as ?\( ?select \* from (.+) ?\), validation_errors as ?\( ?select \* from `,
  String.raw`meet_condition where 1 = 2 (or .+?) ?\) select \* from validation_errors`,
);
const NOT_EMPTY = whole(
  String.raw`with all_values as \( select (trim\()?(\S+?)\)? as (\S+) from (.+) \), `,
  String.raw`errors as \( select \* from all_values where (\S+) = '' \) select \* from errors`,
);
const COMBINATION = whole(
  String.raw`with validation_errors as \( select (.+?) from (.+) group by (.+?) having count\(\*\) > 1 \) `,
  String.raw`select \* from validation_errors`,
);
const UNIQUE = whole(
  String.raw`select (.+?) as unique_field, count\(\*\) as n_records from (.+) where (.+?) is not null `,
  String.raw`group by (.+?) having count\(\*\) > 1`,
);
const VALUES = whole(
  String.raw`with all_values as \( select (.+?) as value_field, count\(\*\) as n_records from (.+) group by (.+?) \) `,
  String.raw`select \* from all_values where value_field not in \( (.+) \)`,
);
const RELATIONSHIPS = whole(
  String.raw`with child as \( select (.+) as from_field from (.+) where (.+) is not null \), parent as \( select (.+) `,
  String.raw`as to_field from (.+) \) select (?:child\.)?from_field (?:as from_field )?from child left join parent on `,
  String.raw`(.+) where parent\.to_field is null( settings join_use_nulls = 1)?`,
);
const JOINS = ['parent.to_field = child.from_field', 'child.from_field = parent.to_field'];

/**
 * @param code a test's compiled SQL
 * @param relation the rendered name of what is tested
 * @returns null for a test that runs alone
 */
export function shapeOf(code: string, relation: string): TestShape | null {
  const sql = squash(code);
  if (sql === null) return null;
  const parts = RELATIONSHIPS.exec(sql);
  if (parts !== null) return { kind: 'whole', sql: code.trim(), reference: referenceOf(parts, relation) };
  return uniqueShape(sql, relation) ?? rowsShape(sql, relation);
}

/** Without join_use_nulls ClickHouse has no NULL for a value that finds no row. */
function referenceOf(parts: RegExpExecArray, relation: string): Reference | null {
  const [, column = '', from = '', tested, field = '', parent = '', join = '', nulls] = parts;
  const rows = rowsOf(from, relation);
  if (rows === null || nulls === undefined || tested !== column || !JOINS.includes(join)) return null;
  return isColumn(column) && isColumn(field) ? { column, where: rows.where, parent, field } : null;
}

function uniqueShape(sql: string, relation: string): TestShape | null {
  const [, column = '', from = '', tested, grouped] = UNIQUE.exec(sql) ?? [];
  if (tested !== undefined) {
    const rows = rowsOf(from, relation);
    if (rows === null || tested !== column || grouped !== column || !isColumn(column)) return null;
    return { kind: 'unique', columns: column, where: rows.where, single: true };
  }
  const [, columns = '', of = '', by] = COMBINATION.exec(sql) ?? [];
  const rows = by === undefined ? null : rowsOf(of, relation);
  if (rows === null || by !== columns || !columns.split(', ').every(isColumn)) return null;
  return { kind: 'unique', columns, where: rows.where, single: false };
}

function rowsShape(sql: string, relation: string): TestShape | null {
  const of = (from: string, condition: string): TestShape | null => {
    const rows = rowsOf(from, relation);
    if (rows === null || !isWhole(condition)) return null;
    return { kind: 'rows', condition: rows.where === null ? `(${condition})` : `((${rows.where}) and (${condition}))` };
  };
  const [, column = '', from = '', grouped, list = ''] = VALUES.exec(sql) ?? [];
  if (grouped !== undefined)
    return grouped === column && isColumn(column) && isWhole(list) ? of(from, `${column} not in (${list})`) : null;
  const [, ranged, range = ''] = RANGE.exec(sql) ?? [];
  if (ranged !== undefined) return of(ranged.trim(), `1 = 2 ${range}`);
  const [, trims, text = '', named, all = '', compared] = NOT_EMPTY.exec(sql) ?? [];
  if (named !== undefined)
    return text === named && text === compared && isColumn(text)
      ? of(all, `${trims === undefined ? text : `trim(${text})`} = ''`)
      : null;
  return simpleRows(sql, relation, of);
}

/** `select X from R where X is null`, `select 1 from R where not(…)`. */
function simpleRows(
  sql: string,
  relation: string,
  of: (from: string, condition: string) => TestShape | null,
): TestShape | null {
  const [, selected = '', rest = ''] = /^select (.+?) from (.+)$/.exec(sql) ?? [];
  const tail = ` where ${selected} is null`;
  if (isColumn(selected) && rest.endsWith(tail)) return of(rest.slice(0, -tail.length), `${selected} is null`);
  if (selected !== '1') return null;
  for (const end of [`${relation} where `, ') dbt_subquery where ']) {
    const at = rest.indexOf(end);
    if (at < 0 || (end.startsWith(relation) && at !== 0)) continue;
    const split = at + end.length;
    return of(rest.slice(0, split - ' where '.length), rest.slice(split));
  }
  return null;
}

/** The rows of the relation that a test reads; null when it reads something else. */
function rowsOf(from: string, relation: string): { readonly where: string | null } | null {
  if (from === relation) return { where: null };
  const [head, tail] = [`(select * from ${relation} where `, ') dbt_subquery'];
  if (!from.startsWith(head) || !from.endsWith(tail)) return null;
  const where = from.slice(head.length, -tail.length);
  return isWhole(where) ? { where } : null;
}

/** A name, with or without quotes: no position in GROUP BY, no expression. */
function isColumn(text: string): boolean {
  return /^(?:[A-Za-z_][\w.]*|"[^"]+"|`[^`]+`)$/.test(text);
}

/** Whether a text keeps its meaning inside parentheses. */
function isWhole(text: string): boolean {
  if (CLAUSE.test(text.replace(QUOTED, "''"))) return false;
  let depth = 0;
  for (const [part] of text.matchAll(/'(?:[^']|'')*'|"[^"]*"|`[^`]*`|[\s\S]/g)) {
    if (part === ';' || part === "'" || part === '"' || part === '`') return false;
    if (part === '(') depth++;
    if (part === ')' && --depth < 0) return false;
  }
  return depth === 0;
}

/** Removes line comments and collapses white space; null if that requires a parser. */
function squash(code: string): string | null {
  if (/\/\*|\\|\$/.test(code)) return null;
  const parts = code.matchAll(/'(?:[^']|'')*'|"[^"]*"|`[^`]*`|--[^\n]*|\s+|[^\s'"`-]+|[\s\S]/g);
  return [...parts]
    .map(([part]) => (/^\s/.test(part) || part.startsWith('--') ? ' ' : part))
    .join('')
    .replace(/ {2,}/g, (blanks, at: number, all: string) => (insideQuotes(all, at) ? blanks : ' '))
    .trim();
}

function insideQuotes(text: string, at: number): boolean {
  const before = text.slice(0, at).replace(/'(?:[^']|'')*'|"[^"]*"|`[^`]*`/g, '');
  return /['"`]/.test(before);
}
