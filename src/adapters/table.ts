// Tables of query results and seeds, for templates: agate's Table, Row and Column with the methods that need no file.
// table-inference.ts infers types, table-print.ts prints.
import { TsdbtError } from '../errors.ts';
import { isGenerator, callableOf, NO_KWARGS } from '../values/call.ts';
import { callable } from '../values/callable.ts';
import { compare } from '../values/comparison.ts';
import { PyDict, PyOrderedDict } from '../values/dict.ts';
import { equals } from '../values/equality.ts';
import { toArray } from '../values/iterate.ts';
import { JinjaError } from '../values/python-error.ts';
import { PySlice, sequenceItem, sliceItems } from '../values/sequence.ts';
import { toRepr, toText } from '../values/text.ts';
import { isTruthy } from '../values/truth.ts';
import { PyTuple } from '../values/tuple.ts';
import { shortTypeName } from '../values/type-name.ts';
import type { Callable, HostObject, Value } from '../values/value.ts';
import { type DataType, TEXT } from './data-type.ts';
import { csvOfTable, jsonOfTable, printTable } from './table-print.ts';

/** Names of a table's columns, shared by all of its rows. */
export class RowKeys {
  readonly names: readonly string[];
  readonly #indexes = new Map<string, number>();

  constructor(names: readonly string[]) {
    this.names = names;
    names.forEach((name, index) => {
      if (!this.#indexes.has(name)) this.#indexes.set(name, index);
    });
  }

  indexOf(name: string): number | undefined {
    return this.#indexes.get(name);
  }
}

/** A sequence of values with optional keys: agate's MappedSequence. */
abstract class Sequence implements HostObject {
  abstract readonly jinjaType: string;
  abstract get values(): readonly Value[];
  abstract get keys(): readonly string[] | null;
  abstract byKey(key: Value): Value | undefined;

  jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'values':
        return callable(name, '', () => new PyTuple(this.values));
      case 'keys':
        return callable(name, '', () => (this.keys === null ? null : new PyTuple(this.keys)));
      case 'items':
        return callable(name, '', () => new PyTuple(this.#items().map((item) => new PyTuple(item))));
      case 'dict':
        return callable(name, '', () => new PyOrderedDict(this.#items()));
      case 'get':
        return callable(name, 'key, default=None', (key, fallback) => {
          this.#requireKeys();
          return this.byKey(key) ?? (isTruthy(fallback) ? fallback : null);
        });
      case 'index':
        return callable(name, 'value', (value) => {
          const index = this.values.findIndex((item) => equals(item, value));
          if (index < 0) throw new JinjaError('ValueError', `${toRepr(value)} is not in sequence`);
          return index;
        });
      case 'count':
        return callable(name, 'value', (value) => this.values.filter((item) => equals(item, value)).length);
      default:
        return undefined;
    }
  }

  jinjaItem(key: Value): Value | undefined {
    if (key instanceof PySlice) return new PyTuple(sliceItems(this.values, key));
    return typeof key === 'number' ? sequenceItem(this.values, key) : this.byKey(key);
  }

  jinjaLength(): number {
    return this.values.length;
  }
  jinjaTruth(): boolean {
    return this.values.length > 0;
  }
  jinjaIter(): Iterable<Value> {
    return this.values;
  }
  jinjaContains(item: Value): boolean {
    return this.values.some((value) => equals(value, item));
  }

  jinjaEquals(other: Value): boolean {
    const items =
      other instanceof Sequence
        ? other.values
        : other instanceof PyTuple
          ? other.items
          : Array.isArray(other)
            ? other
            : undefined;
    const { values } = this;
    return (
      items !== undefined &&
      items.length === values.length &&
      items.every((item, i) => equals(item, valueAt(values, i)))
    );
  }

  jinjaText(): string {
    const shown = this.values.slice(0, 5).map(toRepr);
    if (this.values.length > 5) shown.push('...');
    return `<agate.${shortTypeName(this)}: (${shown.join(', ')})>`;
  }

  #items(): (readonly [key: string, value: Value])[] {
    const { values } = this;
    return this.#requireKeys().map((key, i) => [key, valueAt(values, i)] as const);
  }

  #requireKeys(): readonly string[] {
    if (this.keys === null) throw new JinjaError('KeyError', 'this sequence has no keys');
    return this.keys;
  }
}

function valueAt(values: readonly Value[], index: number): Value {
  const value = values[index];
  if (value === undefined)
    throw new TsdbtError('internal', `position ${index} was read of a sequence of ${values.length} values`);
  return value;
}

/** A row. Immutable, can be part of several tables. */
export class Row extends Sequence {
  readonly jinjaType = 'agate.rows.Row';
  readonly values: readonly Value[];
  readonly rowKeys: RowKeys;

  constructor(values: readonly Value[], keys: RowKeys) {
    super();
    this.values = values;
    this.rowKeys = keys;
  }

  get keys(): readonly string[] {
    return this.rowKeys.names;
  }

  /** The value at an index, for queries whose columns are known. @throws `internal` error if it does not exist */
  at(index: number): Value {
    return valueAt(this.values, index);
  }

  /** The value at an index as text. */
  textAt(index: number): string {
    return toText(this.at(index));
  }

  /** The value of a column; undefined if the name is unknown. */
  get(name: string): Value | undefined {
    const index = this.rowKeys.indexOf(name);
    return index === undefined ? undefined : this.values[index];
  }

  byKey(key: Value): Value | undefined {
    return typeof key === 'string' ? this.get(key) : undefined;
  }
}

/** A column of a table; reads its values from the rows on demand. */
export class TableColumn extends Sequence {
  readonly jinjaType = 'agate.columns.Column';
  readonly keys = null;
  readonly index: number;
  readonly name: string;
  readonly dataType: DataType;
  readonly #rows: readonly Row[];

  constructor(index: number, name: string, dataType: DataType, rows: readonly Row[]) {
    super();
    this.index = index;
    this.name = name;
    this.dataType = dataType;
    this.#rows = rows;
  }

  get values(): readonly Value[] {
    return this.#rows.map((row) => row.at(this.index));
  }

  byKey(): undefined {
    return undefined;
  }

  override jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'index':
        return this.index;
      case 'name':
        return this.name;
      case 'data_type':
        return this.dataType;
      case 'values_distinct':
        return callable(name, '', () => new PyTuple(distinct(this.values)));
      case 'values_without_nulls':
        return callable(name, '', () => new PyTuple(this.values.filter((value) => value !== null)));
      case 'values_sorted':
        return callable(name, '', () => this.values.toSorted(nullsLast));
      case 'values_without_nulls_sorted':
        return callable(name, '', () => this.values.filter((value) => value !== null).sort(nullsLast));
      default:
        return super.jinjaGet(name);
    }
  }
}

class NamedSequence extends Sequence {
  readonly jinjaType = 'agate.mapped_sequence.MappedSequence';
  readonly values: readonly Value[];
  readonly keys: readonly string[] | null;

  constructor(values: readonly Value[], keys: readonly string[] | null) {
    super();
    this.values = values;
    this.keys = keys;
  }

  byKey(key: Value): Value | undefined {
    const index = typeof key === 'string' && this.keys !== null ? this.keys.indexOf(key) : -1;
    return index < 0 ? undefined : this.values[index];
  }
}

function distinct(values: readonly Value[]): Value[] {
  const out: Value[] = [];
  for (const value of values) if (!out.some((seen) => equals(seen, value))) out.push(value);
  return out;
}

function nullsLast(a: Value, b: Value): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (a instanceof PyTuple && b instanceof PyTuple) {
    for (const [i, item] of a.items.entries()) {
      const other = b.items[i];
      if (other === undefined) break;
      const order = nullsLast(item, other);
      if (order !== 0) return order;
    }
    return a.items.length - b.items.length;
  }
  return compare(a, b);
}

/** Writes the output of `print_table` and similar methods. */
export type Print = (text: string) => void;

/** The file that a table was read from. */
export interface TableOrigin {
  readonly path: string;
  /** 1-based line on which a row begins. @param row 0-based */
  lineOf(row: number): number | undefined;
}

/** Rows with named, typed columns. Immutable: every method returns a new table. */
export class Table implements HostObject {
  readonly jinjaType = 'agate.table.Table';
  readonly keys: RowKeys;
  readonly types: readonly DataType[];
  readonly rows: readonly Row[];
  readonly print: Print | undefined;
  /** Known while the rows are those of the file. */
  readonly origin: TableOrigin | undefined;

  constructor(
    keys: RowKeys,
    types: readonly DataType[],
    rows: readonly Row[],
    print?: Print | undefined,
    origin?: TableOrigin | undefined,
  ) {
    this.keys = keys;
    this.types = types;
    this.rows = rows;
    this.print = print;
    this.origin = origin;
  }

  /** The result of a statement without rows. */
  static empty(): Table {
    return new Table(new RowKeys([]), [], []);
  }

  get columnNames(): readonly string[] {
    return this.keys.names;
  }
  get columns(): TableColumn[] {
    return this.keys.names.map((name, index) => new TableColumn(index, name, this.typeAt(index), this.rows));
  }

  /** The type of the column at an index. @throws `internal` error if it does not exist */
  typeAt(index: number): DataType {
    const type = this.types[index];
    if (type === undefined)
      throw new TsdbtError('internal', `column ${index} was read of a table of ${this.types.length} columns`);
    return type;
  }

  /** The same table with another print output. */
  printingTo(print: Print | undefined): Table {
    return print === undefined || this.print === print
      ? this
      : new Table(this.keys, this.types, this.rows, print, this.origin);
  }

  readFrom(origin: TableOrigin): Table {
    return new Table(this.keys, this.types, this.rows, this.print, origin);
  }

  /** The rows from which the SQL types of columns are inferred. */
  get measuredRows(): readonly Row[] {
    return this.rows;
  }

  fork(rows: readonly Row[]): Table {
    return new Table(this.keys, this.types, rows, this.print);
  }

  select(names: readonly string[]): Table {
    const indexes = names.map((name) => this.requireIndex(name));
    const keys = new RowKeys(names);
    return new Table(
      keys,
      indexes.map((i) => this.typeAt(i)),
      this.rows.map(
        (row) =>
          new Row(
            indexes.map((i) => row.at(i)),
            keys,
          ),
      ),
      this.print,
    );
  }

  exclude(names: readonly string[]): Table {
    return this.select(this.columnNames.filter((name) => !names.includes(name)));
  }

  rename(names: readonly string[]): Table {
    if (names.length !== this.columnNames.length)
      throw new JinjaError('ValueError', 'column_names and column_types must be the same length.');
    const keys = new RowKeys(deduplicated(names));
    return new Table(
      keys,
      this.types,
      this.rows.map((row) => new Row(row.values, keys)),
      this.print,
    );
  }

  limit(startOrStop: Value = null, stop: Value = null, step: Value = null): Table {
    const slice =
      isTruthy(stop) || isTruthy(step) ? new PySlice(startOrStop, stop, step) : new PySlice(null, startOrStop, null);
    return this.fork(sliceItems(this.rows, slice));
  }

  /** Merges tables with the same columns; a column that a table lacks is None there. */
  static merge(tables: readonly Table[], columnNames: readonly string[] | null = null): Table {
    const types = new Map<string, DataType>();
    for (const table of tables) {
      table.columnNames.forEach((name, i) => {
        if (columnNames !== null && !columnNames.includes(name)) return;
        const known = types.get(name);
        const type = table.typeAt(i);
        if (known && known.name !== type.name)
          throw new JinjaError('ValueError', 'Tables contain columns with the same names, but different types.');
        types.set(name, type);
      });
    }
    const keys = new RowKeys([...types.keys()]);
    const rows = tables.flatMap((table) =>
      table.rows.map(
        (row) =>
          new Row(
            keys.names.map((name) => row.get(name) ?? null),
            keys,
          ),
      ),
    );
    return new Table(keys, [...types.values()], rows, tables[0]?.print);
  }

  jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'rows':
        return new NamedSequence(this.rows, null);
      case 'columns':
        return new NamedSequence(this.columns, this.columnNames);
      case 'column_names':
        return new PyTuple(this.columnNames);
      case 'column_types':
        return new PyTuple(this.types);
      case 'row_names':
        return null;
      default:
        return Object.hasOwn(TABLE_METHODS, name) ? TABLE_METHODS[name]?.(this) : undefined;
    }
  }

  jinjaItem(key: Value): Value | undefined {
    return key instanceof PySlice ? new PyTuple(sliceItems(this.rows, key)) : sequenceItem(this.rows, key);
  }

  jinjaIter(): Iterable<Value> {
    return this.rows;
  }
  jinjaLength(): number {
    return this.rows.length;
  }
  jinjaTruth(): boolean {
    return this.rows.length > 0;
  }

  /** The structure: names and types of the columns. */
  jinjaText(): string {
    return structureOf(this);
  }
  jinjaRepr(): string {
    return '<agate.table.Table object>';
  }

  requireIndex(name: string): number {
    const index = this.keys.indexOf(name);
    if (index === undefined) throw new JinjaError('ValueError', 'tuple.index(x): x not in tuple');
    return index;
  }

  write(text: string): null {
    if (this.print === undefined) throw new TsdbtError('internal', 'this table has nowhere to print to');
    this.print(text);
    return null;
  }
}

function structureOf(table: Table): string {
  const keys = new RowKeys(['column', 'data_type']);
  const rows = table.columnNames.map((name, i) => new Row([name, table.typeAt(i).name], keys));
  return printTable(new Table(keys, [TEXT, TEXT], rows), { maxRows: null, maxColumnWidth: null });
}

function deduplicated(names: readonly string[]): string[] {
  const out: string[] = [];
  for (const name of names) {
    let unique = name;
    for (let n = 2; out.includes(unique); n++) unique = `${name}_${n}`;
    out.push(unique);
  }
  return out;
}

function namesOf(value: Value): string[] {
  return typeof value === 'string' ? [value] : toArray(value).map(toText);
}

function limitOf(value: Value): number | null {
  return typeof value === 'number' ? value : null;
}

/** Calls a template's function or macro, which may return a promise. */
function* invoke(fn: Value, row: Row): Generator<unknown, Value, unknown> {
  const result = callableOf(fn)([row], NO_KWARGS);
  if (isGenerator(result)) return yield* result;
  return result instanceof Promise ? ((yield result) as Value) : result;
}

function isFunction(value: Value): boolean {
  return (
    typeof value === 'function' ||
    (typeof value === 'object' && value !== null && !Array.isArray(value) && value.jinjaCall !== undefined)
  );
}

function* keyOfRow(key: Value, row: Row): Generator<unknown, Value, unknown> {
  if (key === null) return new PyTuple(row.values);
  if (isFunction(key)) return yield* invoke(key, row);
  const item = (name: Value): Value => {
    const value = row.jinjaItem(name);
    if (value === undefined) throw new JinjaError('KeyError', toRepr(name));
    return value;
  };
  return Array.isArray(key) || key instanceof PyTuple ? new PyTuple(toArray(key).map(item)) : item(key);
}

const PRINT_SIGNATURE = 'max_rows=20, max_columns=6, output=None, max_column_width=20, locale=None, max_precision=3';

const TABLE_METHODS: Readonly<Record<string, (table: Table) => Callable>> = {
  select: (t) => callable('select', 'key', (key) => t.select(namesOf(key))),
  exclude: (t) => callable('exclude', 'key', (key) => t.exclude(namesOf(key))),
  limit: (t) =>
    callable('limit', 'start_or_stop=None, stop=None, step=None', (start, stop, step) => t.limit(start, stop, step)),
  rename: (t) =>
    callable(
      'rename',
      'column_names=None, row_names=None, slug_columns=False, slug_rows=False',
      (names, _rowNames, slug) => {
        const given =
          names instanceof PyDict
            ? t.columnNames.map((name) => toText(names.get(name) ?? name))
            : names === null
              ? [...t.columnNames]
              : namesOf(names);
        return t.rename(isTruthy(slug) ? given.map(slugOf) : given);
      },
    ),
  where: (t) =>
    callable('where', 'test', function* (test) {
      const rows: Row[] = [];
      for (const row of t.rows) if (isTruthy(yield* invoke(test, row))) rows.push(row);
      return t.fork(rows);
    }),
  find: (t) =>
    callable('find', 'test', function* (test) {
      for (const row of t.rows) if (isTruthy(yield* invoke(test, row))) return row;
      return null;
    }),
  order_by: (t) =>
    callable('order_by', 'key, reverse=False', function* (key, reverse) {
      const keyed: { row: Row; key: Value }[] = [];
      for (const row of t.rows) keyed.push({ row, key: yield* keyOfRow(key, row) });
      keyed.sort((a, b) => (isTruthy(reverse) ? nullsLast(b.key, a.key) : nullsLast(a.key, b.key)));
      return t.fork(keyed.map((entry) => entry.row));
    }),
  distinct: (t) =>
    callable('distinct', 'key=None', function* (key) {
      const seen: Value[] = [];
      const rows: Row[] = [];
      for (const row of t.rows) {
        const own = yield* keyOfRow(key, row);
        if (seen.some((value) => equals(value, own))) continue;
        seen.push(own);
        rows.push(row);
      }
      return t.fork(rows);
    }),
  group_by: (t) =>
    callable('group_by', 'key, key_name=None, key_type=None', function* (key) {
      const groups = new PyDict();
      for (const row of t.rows) {
        const group = yield* keyOfRow(key, row);
        const name = isFunction(key) ? toText(group) : group;
        groups.set(name, [...toArray(groups.get(name) ?? []), row]);
      }
      const names = [...groups.keys()].map(toText);
      return new NamedSequence(
        [...groups.values()].map((rows) => t.fork(rows as Row[])),
        names,
      );
    }),
  merge: () =>
    callable('merge', 'tables, row_names=None, column_names=None', (tables, _rowNames, names) =>
      Table.merge(
        toArray(tables).filter((table): table is Table => table instanceof Table),
        names === null ? null : namesOf(names),
      ),
    ),
  print_table: (t) =>
    callable('print_table', PRINT_SIGNATURE, (rows, columns, _output, width, _locale, precision) =>
      t.write(
        printTable(t, {
          maxRows: limitOf(rows),
          maxColumns: limitOf(columns),
          maxColumnWidth: limitOf(width),
          maxPrecision: limitOf(precision),
        }),
      ),
    ),
  print_structure: (t) => callable('print_structure', 'output=None, max_rows=None', () => t.write(structureOf(t))),
  print_csv: (t) => callable('print_csv', '**kwargs', () => t.write(csvOfTable(t))),
  print_json: (t) =>
    callable('print_json', 'key=None, newline=False, indent=None, **kwargs', (_key, newline, indent) =>
      t.write(jsonOfTable(t, { newline: isTruthy(newline), indent: limitOf(indent) })),
    ),
};

function slugOf(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_+|(?<!_)_+$/g, '');
}
