// Plans a comparison: matches columns of both sides by name, and chooses the compared form of their values and the key.
import { errorOf } from '../error-table.ts';
import type { DiffColumn, DiffSide, ValueForm } from './dialect.ts';
import { textOfCell } from './lines.ts';

/** The user's options. */
export interface DiffRequest {
  readonly key: readonly string[];
  /** Compares only these columns, and the key; null: all. */
  readonly columns: readonly string[] | null;
  readonly exclude: readonly string[];
  /** Condition on the rows of both sides, in SQL. */
  readonly where: string | null;
  /** Number of rows of each kind in the sample. */
  readonly limit: number;
}

/** A column that both sides have. */
export interface PairedColumn {
  readonly name: string;
  readonly family: string;
  readonly here: ValueForm;
  readonly there: ValueForm;
}

export interface DiffPlan {
  readonly key: readonly PairedColumn[];
  readonly columns: readonly PairedColumn[];
  readonly onlyHere: readonly string[];
  readonly onlyThere: readonly string[];
  readonly notCompared: readonly { readonly column: string; readonly here: string; readonly there: string }[];
}

/** @throws `usage` for a column that neither side has, or a key that one side lacks or that cannot be compared */
export async function planDiff(here: DiffSide, there: DiffSide, request: DiffRequest): Promise<DiffPlan> {
  const ours = byName(await here.columns());
  const theirs = byName(await there.columns());
  const all = [...new Set([...ours.keys(), ...theirs.keys()])];
  const known = (name: string): string => {
    if (!all.includes(name)) throw errorOf('diffColumnMissing', { column: name, columns: all.join(', ') });
    return name;
  };
  const excluded = new Set(request.exclude.map(known));
  const wanted = new Set(request.columns === null ? all : request.columns.map(known));
  const key = request.key.map((name) => {
    const pair = paired(name, here, there, ours.get(known(name)), theirs.get(name));
    if (typeof pair === 'string') throw errorOf('diffKeyNotCompared', { column: name, why: pair });
    return pair;
  });
  const columns: PairedColumn[] = [];
  const notCompared: { column: string; here: string; there: string }[] = [];
  const others = all.filter((name) => wanted.has(name) && !excluded.has(name) && !request.key.includes(name));
  for (const name of others) {
    const [a, b] = [ours.get(name), theirs.get(name)];
    if (a === undefined || b === undefined) continue;
    const pair = paired(name, here, there, a, b);
    if (typeof pair === 'string') notCompared.push({ column: name, here: a.type, there: b.type });
    else columns.push(pair);
  }
  return {
    key,
    columns,
    onlyHere: others.filter((name) => !theirs.has(name)),
    onlyThere: others.filter((name) => !ours.has(name)),
    notCompared,
  };
}

function byName(columns: readonly DiffColumn[]): Map<string, DiffColumn> {
  return new Map(columns.map((column) => [column.name, column]));
}

/** @returns the reason why it cannot be compared, as a text */
function paired(
  name: string,
  here: DiffSide,
  there: DiffSide,
  ours: DiffColumn | undefined,
  theirs: DiffColumn | undefined,
): PairedColumn | string {
  if (ours === undefined || theirs === undefined) return `it is only ${ours === undefined ? 'there' : 'here'}`;
  const [a, b] = [here.formOf(ours.type), there.formOf(theirs.type)];
  if (a === null || b === null || a.family !== b.family)
    return `its type is ${ours.type} here and ${theirs.type} there`;
  return { name, family: a.family, here: a, there: b };
}

const LONG = /^(?:text|bytes|postgres|clickhouse)/;

/** Whether its text may be long. */
function isLong({ family }: ValueForm): boolean {
  return LONG.test(family);
}

/** The text of a value, shortened to a beginning and a hash if it may be long. @param value in SQL */
export function shownText(side: DiffSide, form: ValueForm, value: string): string {
  const text = form.text(value);
  return isLong(form) ? side.shortened(text) : text;
}

/** Formats a value for display: floats are compared by their bits and shown as numbers. @param cell of a line */
export function readable({ family }: PairedColumn, cell: string | null): string | null {
  if (cell === null) return null;
  if (family !== 'float' || cell === 'NaN') return textOfCell(cell);
  return String(Buffer.from(cell, 'hex').readDoubleBE(0));
}

/**
 * The rows to compare, as `t`. The condition is in a subquery: in ClickHouse an alias next to it would hide a column.
 */
export function rowsOf({ relation }: DiffSide, where: string | null): string {
  return where === null ? `${relation} t` : `(select * from ${relation} t where (${where}\n)) t`;
}
