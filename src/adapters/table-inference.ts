// Decides the types of a table's columns from its values, as dbt asks agate to: for seeds (text) and for results of queries (values of
// the database). The types themselves are in data-type.ts.
import { PyDateTime } from '../values/datetime.ts';
import { PyDecimal } from '../values/decimal.ts';
import { PyDict } from '../values/dict.ts';
import { dumpJson } from '../values/json.ts';
import { PyTuple } from '../values/tuple.ts';
import { toText } from '../values/text.ts';
import type { Value } from '../values/value.ts';
import { candidateTypes, type DataType, EXACT_TEXT, INTEGER, TEXT } from './data-type.ts';
import { Row, RowKeys, Table } from './table.ts';

/**
 * A table whose types come from its values, each column getting the first type that takes all of them.
 * @param rows as many values as there are names; fewer are filled with None
 * @param textColumns columns that are text whatever they hold
 * @param text which text is None: that of seeds (`''`, `null`) or none at all
 */
export function inferTable(names: readonly string[], rows: readonly (readonly Value[])[], textColumns: ReadonlySet<string> = new Set(), text: DataType = TEXT): Table {
  const candidates = candidateTypes(text);
  const columns: Value[][] = [];
  const types = names.map((name, index) => {
    const tried = textColumns.has(name) ? [text] : candidates;
    for (const type of tried) {
      const values = castColumn(rows, index, type);
      if (values === undefined) continue;
      columns.push(values);
      return type;
    }
    throw new TypeError('text takes every value');
  });
  const keys = new RowKeys(names);
  return new Table(keys, types, rows.map((_, i) => new Row(columns.map((column) => column[i]!), keys)));
}

function castColumn(rows: readonly (readonly Value[])[], index: number, type: DataType): Value[] | undefined {
  const out: Value[] = new Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const value = type.cast(rows[i]![index] ?? null);
    if (value === undefined) return undefined;
    out[i] = value;
  }
  return out;
}

/**
 * The table of a query's result. Text stays text (`005` is no number), containers become JSON text, a column of nulls is an Integer one.
 */
export function tableFromResult(names: readonly string[], rows: readonly (readonly Value[])[]): Table {
  const textColumns = new Set<string>();
  const flat = rows.map((row) => row.map((value, index): Value => {
    if (typeof value === 'string') {
      textColumns.add(names[index]!);
      return value;
    }
    if (Array.isArray(value) || value instanceof PyDict || value instanceof PyTuple) {
      textColumns.add(names[index]!);
      return dumpJson(value, { fallback: forgiving });
    }
    return value;
  }));
  return inferTable(names, flat, textColumns, EXACT_TEXT);
}

/** What Python's JSON cannot write as what dbt writes instead: decimals as floats, moments in ISO form, the rest as text. */
function forgiving(value: Value): Value {
  if (value instanceof PyDecimal) return value.toFloat();
  if (value instanceof PyDateTime) return value.isoformat();
  return toText(value);
}

/** Names as dbt makes them unique: the second `a` is `a_2`. */
export function uniqueNames(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name}_${count}`;
  });
}

/**
 * A table of dicts with the given columns, in that order: dbt's `table_from_data`.
 */
export function tableFromDicts(names: readonly string[], dicts: readonly PyDict[]): Table {
  if (dicts.length === 0) return new Table(new RowKeys(names), names.map(() => INTEGER), []);
  return inferTable(names, dicts.map((dict) => names.map((name) => dict.get(name) ?? null)));
}
