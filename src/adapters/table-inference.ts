// Decides the types of a table's columns from its values, as dbt asks agate to: for seeds (text) and for results of
// queries (values of the database). The types themselves are in data-type.ts.
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
 * A table whose types come from its values, each column getting the first type that takes all of them.
 * @param rows as many values as there are names; fewer are filled with None
 * @param textColumns columns that are text whatever they hold
 * @param text which text is None: that of seeds (`''`, `null`) or none at all
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
 * A column of a query's result. Text stays text (`005` is no number), containers become JSON text, a column of nulls is
 * an Integer one.
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
 * What Python's JSON cannot write as what dbt writes instead: decimals as floats, moments in ISO form, the rest as
 * text.
 */
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
