// Columns of a unit test's input according to the project: with the declared data_type, otherwise with the type of the
// given values. Used if the relation is not in the database. Pure.
import type { Adapter } from '../adapters/adapter.ts';
import { inferTable } from '../adapters/table-inference.ts';
import type { ColumnInfo, Json } from '../contracts/node.ts';
import { fromJson, toText } from '../values/index.ts';
import { isDictionary } from '../values/is-dictionary.ts';

type Columns = { [name: string]: ColumnInfo };

const MAX_INTEGER = 2_147_483_647;

/**
 * @param declared columns of the resource that the input replaces
 * @param rows records of the fixture; any other form (SQL) has no values to inspect
 * @returns declared columns first; a column whose values are all null is text
 */
export function fixtureColumns(declared: Columns, rows: Json, adapter: Pick<Adapter, 'convertType'>): Columns {
  const columns: Columns = {};
  for (const [name, column] of Object.entries(declared)) if (column.data_type) columns[name] = column;
  if (!Array.isArray(rows)) return columns;
  const known = new Set(Object.values(columns).map((column) => column.name.toLowerCase()));
  const records = rows
    .filter((row) => isDictionary(row))
    .map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name.toLowerCase(), value])));
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))].filter((name) => !known.has(name));
  for (const name of names) columns[name] = columnOf(name, typeOf(name, records, adapter));
  return columns;
}

function typeOf(
  name: string,
  records: readonly { [name: string]: Json }[],
  adapter: Pick<Adapter, 'convertType'>,
): string {
  const values = records.map((record) => record[name] ?? null).filter((value) => value !== null);
  if (values.length === 0) return 'text';
  if (
    values.every((value) => typeof value === 'number' && Number.isInteger(value)) &&
    values.some((value) => Math.abs(value as number) > MAX_INTEGER)
  )
    return 'bigint';
  return adapter.convertType(
    inferTable(
      [name],
      values.map((value) => [toText(fromJson(value))]),
    ),
    0,
  );
}

function columnOf(name: string, data_type: string): ColumnInfo {
  return {
    name,
    description: '',
    meta: {},
    data_type,
    constraints: [],
    quote: null,
    config: { meta: {}, tags: [] },
    tags: [],
    granularity: null,
    doc_blocks: [],
  };
}
