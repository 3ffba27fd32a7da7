// A column of a relation for templates: name, type with its sizes, and the methods that dbt's macros call. Dialects
// provide their differences as data; macros read columns from the catalog.
import { TsdbtError } from '../errors.ts';
import { callable } from '../values/callable.ts';
import { PyDict } from '../values/dict.ts';
import { toRepr, toText } from '../values/text.ts';
import type { Callable, HostObject, Value } from '../values/value.ts';

/** A dialect's rules for columns. */
export interface ColumnDialect {
  readonly className: string;
  /** The class with its Python module, as in jinja2's messages. */
  readonly typeName: string;
  /** `column.quoted`: the quoted name, whatever it contains. */
  readonly quote: (name: string) => string;
  /** Type names in contracts that differ from the database's, by upper-case name. */
  readonly typeLabels: Readonly<Record<string, string>>;
  /** Types that print without a size; undefined: the general rule. */
  readonly dataType?: (column: Column) => string | undefined;
  /** The type of a text with a size; absent: `character varying(size)`. */
  readonly stringType?: (size: Value) => string;
  /** Type names by family; default: Postgres's names, which dbt's own class uses. */
  readonly kinds?: ColumnKinds;
  /** Parses a type with sizes and wrappers; such a class takes only name and type. */
  readonly takeApart?: (dtype: string) => ColumnParts;
  /** Whether the second column's type can hold every value of the first one's; not called for texts. */
  readonly widerType?: (column: Column, other: Column) => boolean;
  /** Attributes and methods that add to or replace dbt's. */
  readonly members?: Readonly<Record<string, (column: Column) => Value>>;
  /** The same for the class: `api.Column.x`. */
  readonly statics?: Readonly<Record<string, Value>>;
  readonly text?: (column: Column) => string;
  readonly repr?: (column: Column) => string;
}

/** Families of a type, by its lower-case name. */
export interface ColumnKinds {
  string(dtype: string): boolean;
  float(dtype: string): boolean;
  integer(dtype: string): boolean;
  numeric(dtype: string): boolean;
}

export interface ColumnParts {
  readonly dtype: string;
  readonly charSize?: Value;
  readonly numericPrecision?: Value;
  readonly numericScale?: Value;
  readonly fullType?: string;
  /** The dialect's own fields. */
  readonly own?: Readonly<Record<string, Value>>;
}

const STRING_TYPES = new Set(['text', 'character varying', 'character', 'varchar']);
const FLOAT_TYPES = new Set(['real', 'float4', 'float', 'double precision', 'float8', 'double']);
const INTEGER_TYPES = new Set([
  'smallint',
  'integer',
  'bigint',
  'smallserial',
  'serial',
  'bigserial',
  'int2',
  'int4',
  'int8',
  'serial2',
  'serial4',
  'serial8',
]);
const NUMERIC_TYPES = new Set(['numeric', 'decimal']);
const KINDS: ColumnKinds = {
  string: (dtype) => STRING_TYPES.has(dtype),
  float: (dtype) => FLOAT_TYPES.has(dtype),
  integer: (dtype) => INTEGER_TYPES.has(dtype),
  numeric: (dtype) => NUMERIC_TYPES.has(dtype),
};
const NO_FIELDS: Readonly<Record<string, Value>> = {};

/** A column. Immutable. */
export class Column implements HostObject {
  readonly dialect: ColumnDialect;
  readonly name: string;
  readonly dtype: string;
  readonly charSize: Value;
  readonly numericPrecision: Value;
  readonly numericScale: Value;
  /** The type with everything that DDL needs; null: only `dataType` is known. */
  readonly fullType: string | null;
  /** Fields that the dialect adds. */
  readonly own: Readonly<Record<string, Value>>;

  constructor(
    dialect: ColumnDialect,
    name: string,
    dtype: string,
    charSize: Value = null,
    numericPrecision: Value = null,
    numericScale: Value = null,
    fullType: string | null = null,
  ) {
    this.dialect = dialect;
    this.name = name;
    const parts: ColumnParts = dialect.takeApart?.(dtype) ?? { dtype, charSize, numericPrecision, numericScale };
    this.dtype = parts.dtype;
    this.charSize = parts.charSize ?? null;
    this.numericPrecision = parts.numericPrecision ?? null;
    this.numericScale = parts.numericScale ?? null;
    this.fullType = parts.fullType ?? fullType;
    this.own = parts.own ?? NO_FIELDS;
  }

  get jinjaType(): string {
    return this.dialect.typeName;
  }
  get #kinds(): ColumnKinds {
    return this.dialect.kinds ?? KINDS;
  }
  get quoted(): string {
    return this.dialect.quote(this.name);
  }
  get isString(): boolean {
    return this.#kinds.string(this.dtype.toLowerCase());
  }
  get isFloat(): boolean {
    return this.#kinds.float(this.dtype.toLowerCase());
  }
  get isInteger(): boolean {
    return this.#kinds.integer(this.dtype.toLowerCase());
  }
  get isNumeric(): boolean {
    return this.#kinds.numeric(this.dtype.toLowerCase());
  }
  get isNumber(): boolean {
    return this.isInteger || this.isNumeric || this.isFloat;
  }

  /** The type as dbt shows it: `character varying(20)`, `numeric(10,2)`, but `ARRAY` and `bit`. */
  get dataType(): string {
    const own = this.dialect.dataType?.(this);
    if (own !== undefined) return own;
    if (this.isString) return stringType(this.stringSize());
    if (this.isNumeric) return numericType(this.dtype, this.numericPrecision, this.numericScale);
    return this.dtype;
  }

  /** Maximum text length in characters; 256 if the type has no limit. */
  stringSize(): number {
    if (!this.isString) throw new TsdbtError('runtime', 'Called string_size() on non-string field!');
    if (this.dtype === 'text' || this.charSize === null) return 256;
    return Number(toText(this.charSize));
  }

  /** The type for DDL: `integer[]`, `bit(3)`. */
  get expandedDataType(): string {
    return this.fullType ?? this.dataType;
  }

  /** Like `stringSize`, but texts without a limit are longer than all others. */
  get #longest(): number {
    return this.dtype.toLowerCase() === 'text' || this.charSize === null ? Number.POSITIVE_INFINITY : this.stringSize();
  }

  canExpandTo(other: Column): boolean {
    if (this.isString && other.isString) return other.#longest > this.#longest;
    return this.dialect.widerType?.(this, other) ?? false;
  }

  /** The type that holds the values of both text columns. */
  expandedTo(longer: Column): string {
    if (longer.dtype === this.dtype) return longer.expandedDataType;
    const { dialect } = this;
    if (longer.#longest === Number.POSITIVE_INFINITY && !dialect.stringType) return 'text';
    return stringType(longer.stringSize(), dialect);
  }

  jinjaGet(name: string): Value | undefined {
    const { members } = this.dialect;
    if (members && Object.hasOwn(members, name)) return members[name]?.(this);
    if (Object.hasOwn(this.own, name)) return this.own[name];
    switch (name) {
      case 'name':
      case 'column':
        return this.name;
      case 'dtype':
        return this.dtype;
      case 'char_size':
        return this.charSize;
      case 'numeric_precision':
        return this.numericPrecision;
      case 'numeric_scale':
        return this.numericScale;
      case 'quoted':
        return this.quoted;
      case 'data_type':
        return this.dataType;
      case 'expanded_data_type':
        return this.expandedDataType;
      case 'is_string':
        return answer(name, this.isString);
      case 'is_number':
        return answer(name, this.isNumber);
      case 'is_float':
        return answer(name, this.isFloat);
      case 'is_integer':
        return answer(name, this.isInteger);
      case 'is_numeric':
        return answer(name, this.isNumeric);
      case 'string_size':
        return callable(name, '', () => this.stringSize());
      case 'can_expand_to':
        return callable(name, 'other_column', (other) => other instanceof Column && this.canExpandTo(other));
      case 'literal':
        return callable(name, 'value', (value) => `${toText(value)}::${this.dataType}`);
      default:
        return columnStatic(this.dialect, name);
    }
  }

  jinjaText(): string {
    return this.dialect.text?.(this) ?? this.jinjaRepr();
  }

  jinjaRepr(): string {
    return (
      this.dialect.repr?.(this) ??
      `${this.dialect.className}(column=${toRepr(this.name)}, dtype=${toRepr(this.dtype)}, ` +
        `char_size=${toRepr(this.charSize)}, ` +
        `numeric_precision=${toRepr(this.numericPrecision)}, numeric_scale=${toRepr(this.numericScale)})`
    );
  }

  jinjaEquals(other: Value): boolean {
    return other instanceof Column && other.jinjaRepr() === this.jinjaRepr();
  }
}

function answer(name: string, value: boolean): Callable {
  return callable(name, '', () => value);
}

/** The type of texts of at most `size` characters; without a dialect, Postgres's. */
function stringType(size: Value, dialect?: ColumnDialect): string {
  return dialect?.stringType?.(size) ?? `character varying(${toText(size)})`;
}

function numericType(dtype: string, precision: Value, scale: Value): string {
  return precision === null || scale === null ? dtype : `${dtype}(${toText(precision)},${toText(scale)})`;
}

function translateType(dialect: ColumnDialect, dtype: string): string {
  const label = dialect.typeLabels[dtype.toUpperCase()];
  return label ?? dtype;
}

/** A column of a type as text, sizes in parentheses: `numeric(10,2)`. */
function columnFromDescription(dialect: ColumnDialect, name: string, description: string): Column {
  const match = /^([^(]+)(\([^)]+\))?/.exec(description);
  if (!match) throw new TsdbtError('runtime', `Could not interpret data type "${description}"`);
  const [, dtype = '', size] = match;
  if (size === undefined) return new Column(dialect, name, dtype);
  const parts = size.slice(1, -1).split(',');
  const number = (text: string): number => {
    if (/^\s*[+-]?\d+\s*$/.test(text)) return Number(text);
    throw new TsdbtError(
      'runtime',
      `Could not interpret data_type "${description}": could not convert "${text}" to an integer`,
    );
  };
  const [first = '', second] = parts;
  if (second === undefined) return new Column(dialect, name, dtype, number(first));
  if (parts.length === 2) return new Column(dialect, name, dtype, null, number(first), number(second));
  return new Column(dialect, name, dtype);
}

function columnStatic(dialect: ColumnDialect, name: string): Value | undefined {
  if (dialect.statics && Object.hasOwn(dialect.statics, name)) return dialect.statics[name];
  switch (name) {
    case 'TYPE_LABELS':
      return PyDict.from(dialect.typeLabels);
    case 'translate_type':
      return callable(name, 'dtype', (dtype) => translateType(dialect, toText(dtype)));
    case 'create':
      return callable(
        name,
        'name, label_or_dtype',
        (column, dtype) => new Column(dialect, toText(column), translateType(dialect, toText(dtype))),
      );
    case 'string_type':
      return callable(name, 'size', (size) => stringType(size, dialect));
    case 'numeric_type':
      return callable(name, 'dtype, precision, scale', (dtype, precision, scale) =>
        numericType(toText(dtype), precision, scale),
      );
    case 'from_description':
      return callable(name, 'name, raw_data_type', (column, type) =>
        columnFromDescription(dialect, toText(column), toText(type)),
      );
    default:
      return undefined;
  }
}

/** `api.Column`: the class, which templates call to create a column. */
export class ColumnClass implements HostObject {
  readonly jinjaType = 'type';
  readonly dialect: ColumnDialect;
  readonly jinjaCall: Callable;

  constructor(dialect: ColumnDialect) {
    this.dialect = dialect;
    this.jinjaCall = callable(
      'Column.__init__',
      dialect.takeApart
        ? 'column, dtype'
        : 'column, dtype, char_size=None, numeric_precision=None, numeric_scale=None, full_type=None',
      (column, dtype, charSize, precision, scale, fullType) =>
        new Column(
          dialect,
          toText(column),
          toText(dtype),
          charSize,
          precision,
          scale,
          typeof fullType === 'string' ? fullType : null,
        ),
    );
  }

  jinjaGet(name: string): Value | undefined {
    return columnStatic(this.dialect, name);
  }

  jinjaText(): string {
    return `<class '${this.dialect.typeName}'>`;
  }
}
