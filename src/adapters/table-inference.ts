// Infers the types of a table's columns from its values, as dbt configures agate. Values are a seed's texts or a
// query's results. data-type.ts defines the types.
import { PyDateTime } from '../values/datetime.ts';
import { PyDecimal } from '../values/decimal.ts';
import { PyDict } from '../values/dict.ts';
import { dumpJson } from '../values/json.ts';
import { PyTuple } from '../values/tuple.ts';
import { toText } from '../values/text.ts';
import type { Value } from '../values/value.ts';
import { candidateTypes, type DataType, EXACT_TEXT, TEXT } from './data-type.ts';
import { Row, RowKeys, Table } from './table.ts';

/**
 * Builds a table. Each column gets the first type that accepts all of its values.
 * @param rows as many values as names; missing ones are None
 * @param textColumns columns that are text whatever they contain
 * @param text which texts are None: those of seeds (`''`, `null`), or none
 */
export function inferTable(
  names: readonly string[],
  rows: readonly (readonly Value[])[],
  textColumns: ReadonlySet<string> = new Set(),
  text: DataType = TEXT,
): Table {
  const columns = names.map((name, index) =>
    inferColumn(
      rows.map((row) => row[index] ?? null),
      textColumns.has(name) ? [text] : candidateTypes(text),
    ),
  );
  return tableOfColumns(names, columns, rows.length);
}

/** Values of a column, all of its type. */
export interface TypedColumn {
  readonly type: DataType;
  readonly values: readonly Value[];
}

function inferColumn(values: readonly Value[], candidates: readonly DataType[]): TypedColumn {
  for (const type of candidates) {
    const cast = castColumn(values, type);
    if (cast !== undefined) return { type, values: cast };
  }
  throw new TypeError('text takes every value');
}

function castColumn(values: readonly Value[], type: DataType): Value[] | undefined {
  const out: Value[] = new Array(values.length);
  let i = 0;
  for (const given of values) {
    const value = type.cast(given);
    if (value === undefined) return undefined;
    out[i++] = value;
  }
  return out;
}

/** Builds a table from values by column; a column shorter than `rowCount` is filled up with nulls. */
export function tableOfColumns(names: readonly string[], columns: readonly TypedColumn[], rowCount: number): Table {
  const keys = new RowKeys(names);
  const rows: Row[] = new Array(rowCount);
  for (let i = 0; i < rowCount; i++)
    rows[i] = new Row(
      columns.map((column) => column.values[i] ?? null),
      keys,
    );
  return new Table(
    keys,
    columns.map((column) => column.type),
    rows,
  );
}

/**
 * A column of a query's result. Text stays text (`005` is not a number), containers become JSON text, a column of nulls
 * is an Integer column.
 */
export function resultColumn(values: readonly Value[]): TypedColumn {
  let text = false;
  const flat = values.map((value): Value => {
    if (typeof value === 'string') {
      text = true;
      return value;
    }
    if (Array.isArray(value) || value instanceof PyDict || value instanceof PyTuple) {
      text = true;
      return dumpJson(value, { fallback: forgiving });
    }
    return value;
  });
  return inferColumn(flat, text ? [EXACT_TEXT] : candidateTypes(EXACT_TEXT));
}

/** The table of a query's result, see `resultColumn`. */
export function tableFromResult(names: readonly string[], rows: readonly (readonly Value[])[]): Table {
  return tableOfColumns(
    names,
    names.map((_, index) => resultColumn(rows.map((row) => row[index] ?? null))),
    rows.length,
  );
}

/**
 * dbt's replacements for values that Python's JSON cannot serialize: decimals as floats, datetimes in ISO form, others
 * as text.
 */
function forgiving(value: Value): Value {
  if (value instanceof PyDecimal) return value.toFloat();
  if (value instanceof PyDateTime) return value.isoformat();
  return toText(value);
}

/** Makes names unique as dbt does: the second `a` is `a_2`. */
export function uniqueNames(names: readonly string[]): string[] {
  const seen = new Map<string, number>();
  return names.map((name) => {
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    return count === 1 ? name : `${name}_${count}`;
  });
}
