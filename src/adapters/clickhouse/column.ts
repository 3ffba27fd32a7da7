// ClickHouse's rules for column types: Nullable and LowCardinality wrappers, sizes inside a type, and which columns an
// incremental model must change. ../column.ts has the rest.
import { callable } from '../../values/callable.ts';
import { toText } from '../../values/text.ts';
import { isTruthy } from '../../values/truth.ts';
import type { HostObject, Value } from '../../values/value.ts';
import { quoteDouble } from './literal.ts';
import type { Column, ColumnDialect, ColumnKinds, ColumnParts } from '../column.ts';

const STRINGS = new Set([
  'string',
  'fixedstring',
  'longblob',
  'longtext',
  'tinytext',
  'text',
  'varchar',
  'mediumblob',
  'blob',
  'tinyblob',
  'char',
  'mediumtext',
]);

const KINDS: ColumnKinds = {
  string: (dtype) => STRINGS.has(dtype) || dtype.startsWith('fixedstring'),
  float: (dtype) => dtype.startsWith('float'),
  integer: (dtype) => dtype.startsWith('int') || dtype.startsWith('uint'),
  numeric: (dtype) => dtype.startsWith('decimal'),
};

function nestedType(dtype: string, lowCardinality: boolean, nullable: boolean): string {
  const inner = nullable ? `Nullable(${dtype})` : dtype;
  return lowCardinality ? `LowCardinality(${inner})` : inner;
}

/** Formats a type on one line: DESCRIBE breaks the lines of named tuples, system.columns does not. */
function inOneLine(type: string): string {
  return type
    .trim()
    .replaceAll(/,\n\s*/g, ', ')
    .replaceAll(/\n\s*/g, '');
}

function takeApart(text: string): ColumnParts {
  const fullType = inOneLine(text);
  let dtype = fullType;
  const lowCardinality = /^LowCardinality\((.*)\)$/.exec(dtype);
  if (lowCardinality) dtype = lowCardinality[1] ?? '';
  const nullable = /^Nullable\((.*)\)$/.exec(dtype);
  if (nullable) dtype = nullable[1] ?? '';
  const size = dtype.toLowerCase().startsWith('fixedstring') ? /FixedString\((\d+)\)/.exec(dtype) : null;
  const numeric = dtype.toLowerCase().startsWith('decimal');
  const digits = numeric ? /Decimal\((\d+), (\d+)\)/.exec(dtype) : null;
  return {
    dtype,
    fullType,
    charSize: size ? Number(size[1]) : null,
    numericPrecision: numeric ? Number(digits?.[1] ?? 0) : null,
    numericScale: numeric ? Number(digits?.[2] ?? 0) : null,
    own: { is_nullable: nullable !== null, is_low_cardinality: lowCardinality !== null },
  };
}

function dataType(column: Column): string {
  const { own } = column;
  const bare = column.isString
    ? 'String'
    : column.isNumeric
      ? `Decimal(${toText(column.numericPrecision)}, ${toText(column.numericScale)})`
      : column.dtype;
  return nestedType(bare, own['is_low_cardinality'] === true, own['is_nullable'] === true);
}

export const CLICKHOUSE_COLUMN: ColumnDialect = {
  className: 'ClickHouseColumn',
  typeName: 'dbt.adapters.clickhouse.column.ClickHouseColumn',
  quote: quoteDouble,
  typeLabels: { STRING: 'String', TIMESTAMP: 'DateTime', FLOAT: 'Float32', INTEGER: 'Int32' },
  kinds: KINDS,
  takeApart,
  dataType,
  stringType: () => 'String',
  members: {
    literal: (column) => callable('literal', 'value', (value) => `to${column.dtype}(${toText(value)})`),
  },
  statics: {
    numeric_type: callable(
      'numeric_type',
      'dtype, precision, scale',
      (_dtype, precision, scale) => `Decimal(${toText(precision)}, ${toText(scale)})`,
    ),
    nested_type: callable('nested_type', 'dtype, is_low_cardinality, is_nullable', (dtype, low, nullable) =>
      nestedType(toText(dtype), isTruthy(low), isTruthy(nullable)),
    ),
  },
  text: (column) =>
    `${column.name} ${column.own['is_nullable'] === true ? `Nullable(${column.dataType})` : column.dataType}`,
  repr: (column) =>
    `<ClickhouseColumn ${column.name} (${column.dataType}, is nullable: ` +
    `${column.own['is_nullable'] === true ? 'True' : 'False'})>`,
};

/** The differences between an incremental model's table and its query: `adapter.check_incremental_schema_changes`. */
export class ColumnChanges implements HostObject {
  readonly jinjaType = 'dbt.adapters.clickhouse.column.ClickHouseColumnChanges';
  readonly #fields: Readonly<Record<string, Value>>;

  /** @param mode `on_schema_change` */
  constructor(mode: string, added: readonly Column[], dropped: readonly Column[], modified: readonly Column[]) {
    const sync = dropped.length > 0 || modified.length > 0;
    const any = sync || added.length > 0;
    this.#fields = {
      on_schema_change: mode,
      columns_to_add: [...added],
      columns_to_drop: [...dropped],
      columns_to_modify: [...modified],
      has_schema_changes: any,
      has_sync_changes: sync,
      has_conflicting_changes: (mode === 'fail' && any) || (mode !== 'sync_all_columns' && sync),
    };
  }

  get conflicting(): boolean {
    return this.#fields['has_conflicting_changes'] === true;
  }

  jinjaGet(name: string): Value | undefined {
    return Object.hasOwn(this.#fields, name) ? this.#fields[name] : undefined;
  }

  jinjaTruth(): boolean {
    return this.#fields['has_schema_changes'] === true;
  }
}
