// The column types of a table and the values that each accepts: agate's types with dbt's settings. table-inference.ts
// chooses a column's type.
import { callable } from '../values/callable.ts';
import { PyDate } from '../values/date.ts';
import { PyDateTime } from '../values/datetime.ts';
import { PyDecimal } from '../values/decimal.ts';
import { floatRepr, PyFloat } from '../values/float.ts';
import { valueError } from '../values/python-error.ts';
import { toText } from '../values/text.ts';
import type { HostObject, Value } from '../values/value.ts';
import { parseIsoDateTime } from './iso-datetime.ts';
import { stripCharacter } from '../values/whitespace.ts';

export type DataTypeName = 'Integer' | 'Number' | 'Date' | 'DateTime' | 'ISODateTime' | 'Boolean' | 'Text';

/** Type of a table's column. */
export interface DataType extends HostObject {
  readonly name: DataTypeName;
  /** Converts a text to this type; undefined if that is impossible. */
  cast(value: Value): Value | undefined;
  /** Converts a value for `table.to_json` and `print_json`. */
  jsonify(value: Value): Value;
}

const DBT_NULLS: ReadonlySet<string> = new Set(['null', '']);
const CURRENCY = ['؋', '$', 'ƒ', '៛', '¥', '₡', '₱', '£', '€', '¢', '﷼', '₪', '₩', '₭', '₮', '₦', '฿', '₤', '₫'];
const DATE = /^(\d{4})-(1[0-2]|0[1-9]|[1-9])-(3[01]|[12]\d|0[1-9]|[1-9]| [1-9])$/;
const DATE_TIME = new RegExp(
  String.raw`^(\d{4})-(1[0-2]|0[1-9]|[1-9])-(3[01]|[12]\d|0[1-9]|[1-9]| [1-9])\s+(2[0-3]|[01]\d|\d):([0-5]\d` +
    String.raw`|\d):(6[01]|[0-5]\d|\d)$`,
);
// Python's str.strip() strips more kinds of white space than JavaScript's \s, but not the byte order mark.
const EDGES = /^[\s\x1c-\x1f\x85]+|(?<![\s\x1c-\x1f\x85])[\s\x1c-\x1f\x85]+$/g;

/** Strips Python's white space, as agate's `strip()` does. */
export function strip(text: string): string {
  const first = text.charCodeAt(0);
  const last = text.charCodeAt(text.length - 1);
  return (first > 32 && first < 127 && last > 32 && last < 127) || text === ''
    ? text
    : text.replace(EDGES, (edge) => (edge.includes('\ufeff') ? edge.replace(/[^\ufeff]/g, '') : ''));
}

function isNull(text: string, nulls: ReadonlySet<string>): boolean {
  return text.length <= 4 && nulls.has(text.toLowerCase());
}

abstract class AgateType implements DataType {
  abstract readonly name: DataTypeName;
  abstract cast(value: Value): Value | undefined;

  /** The module of the class in dbt and agate. */
  get jinjaType(): string {
    const module = {
      Integer: 'dbt_common.clients.agate_helper',
      Number: 'dbt_common.clients.agate_helper',
      ISODateTime: 'dbt_common.clients.agate_helper',
      Date: 'agate.data_types.date',
      DateTime: 'agate.data_types.date_time',
      Boolean: 'agate.data_types.boolean',
      Text: 'agate.data_types.text',
    }[this.name];
    return `${module}.${this.name}`;
  }

  jsonify(value: Value): Value {
    return value === null ? null : toText(value);
  }

  /** Formats a value for a CSV file. */
  csvify(value: Value): Value {
    return value === null ? null : toText(value);
  }

  jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'jsonify':
        return callable(name, 'd', (value = null) => this.jsonify(value));
      case 'csvify':
        return callable(name, 'd', (value = null) => this.csvify(value));
      case 'test':
        return callable(name, 'd', (value = null) => this.cast(value) !== undefined);
      case 'cast':
        return callable(name, 'd', (value = null) => {
          const cast = this.cast(value);
          if (cast !== undefined) return cast;
          throw valueError(`Can not parse value "${toText(value)}" as ${this.name}.`);
        });
      default:
        return undefined;
    }
  }

  jinjaText(): string {
    return `<${this.jinjaType} object>`;
  }
}

/** Accepts only ints: a number in a CSV file has the type Number. */
class IntegerType extends AgateType {
  readonly name = 'Integer';

  cast(value: Value): Value | undefined {
    return value === null || typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))
      ? value
      : undefined;
  }

  override jsonify(value: Value): Value {
    return value;
  }
}

const PLAIN_NUMBER = /^-?\d{1,25}(\.\d{1,25})?$/;
const DECIMAL_TEXT = /^([+-]?)(\d*(?:\.\d*)?)(e[+-]?\d+)?$/i;
const SPECIAL = /^([+-]?)(?:(inf(?:inity)?)|(s?)nan(\d*))$/i;

class NumberType extends AgateType {
  readonly name = 'Number';

  cast(value: Value): Value | undefined {
    if (value === null || value instanceof PyDecimal) return value;
    if (typeof value === 'string') return this.#castText(value);
    if (typeof value === 'bigint') return PyDecimal.from(value);
    if (typeof value === 'number')
      return Number.isInteger(value) ? PyDecimal.from(value) : PyDecimal.from(floatRepr(value));
    return value instanceof PyFloat ? PyDecimal.from(floatRepr(value.value)) : undefined;
  }

  #castText(text: string): Value | undefined {
    if (PLAIN_NUMBER.test(text) && text.length < 29) return PyDecimal.from(text);
    let rest = strip(text);
    if (isNull(rest, DBT_NULLS)) return null;
    rest = stripCharacter(rest, '%');
    const negative = rest.startsWith('-');
    if (negative) rest = rest.slice(1);
    for (const symbol of CURRENCY) rest = stripCharacter(rest, symbol);
    // Decimal() accepts underscores anywhere, and surrounding white space.
    const number = decimalOf(strip(rest.replaceAll(',', '')).replaceAll('_', ''));
    if (number === undefined) return undefined;
    if (number.special !== undefined)
      return negative && number.special !== 'NaN'
        ? PyDecimal.from(number.special === 'Infinity' ? '-Infinity' : 'Infinity')
        : number;
    // Python multiplies by the sign, which rounds to 28 digits; here they all stay.
    const { coefficient, exponent, minus } = number;
    if (!negative) return number;
    return new PyDecimal(-coefficient, exponent, undefined, coefficient === 0n && !minus);
  }

  override jsonify(value: Value): Value {
    return value instanceof PyDecimal ? value.toFloat() : value;
  }
}

function decimalOf(text: string): PyDecimal | undefined {
  const ascii = /^[\x20-\x7e]*$/.test(text) ? text : text.replace(/\p{Nd}/gu, (digit) => String(digitValue(digit)));
  if (DECIMAL_TEXT.test(ascii) && /\d/.test(ascii.replace(/e.*$/i, ''))) return PyDecimal.from(ascii);
  const special = SPECIAL.exec(ascii);
  if (!special || special[3]) return undefined;
  return PyDecimal.from(`${special[1]}${special[2] ? 'Infinity' : 'NaN'}`);
}

/** Value of a decimal digit of any script: its distance from the zero of its block of ten. */
function digitValue(digit: string): number {
  const code = digit.codePointAt(0) ?? 0;
  let zero = code;
  while (code - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
  return (code - zero) % 10;
}

class DateType extends AgateType {
  readonly name = 'Date';

  cast(value: Value): Value | undefined {
    if (value === null || (value instanceof PyDate && !(value instanceof PyDateTime))) return value;
    if (typeof value !== 'string') return undefined;
    const text = strip(value);
    if (isNull(text, DBT_NULLS)) return null;
    const match = DATE.exec(text);
    return match ? attempt(() => new PyDate(Number(match[1]), Number(match[2]), Number(match[3]))) : undefined;
  }

  override jsonify(value: Value): Value {
    return value instanceof PyDate ? value.isoDate() : null;
  }

  override csvify(value: Value): Value {
    return this.jsonify(value);
  }
}

abstract class AnyDateTime extends AgateType {
  abstract parse(text: string): Value | undefined;

  cast(value: Value): Value | undefined {
    if (value === null || value instanceof PyDateTime) return value;
    if (value instanceof PyDate)
      return new PyDateTime({
        year: value.year,
        month: value.month,
        day: value.day,
        hour: 0,
        minute: 0,
        second: 0,
        microsecond: 0,
      });
    if (typeof value !== 'string') return undefined;
    const text = strip(value);
    return isNull(text, DBT_NULLS) ? null : this.parse(text);
  }

  override jsonify(value: Value): Value {
    return value instanceof PyDateTime ? value.isoformat() : null;
  }

  override csvify(value: Value): Value {
    return this.jsonify(value);
  }
}

class DateTimeType extends AnyDateTime {
  readonly name = 'DateTime';

  parse(text: string): Value | undefined {
    const match = DATE_TIME.exec(text);
    if (!match) return undefined;
    const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    return attempt(() => new PyDateTime({ year, month, day, hour, minute, second, microsecond: 0 }));
  }
}

class IsoDateTimeType extends AnyDateTime {
  readonly name = 'ISODateTime';

  parse(text: string): Value | undefined {
    return attempt(() => parseIsoDateTime(text));
  }
}

class BooleanType extends AgateType {
  readonly name = 'Boolean';

  cast(value: Value): Value | undefined {
    if (value === null || typeof value === 'boolean') return value;
    if (typeof value === 'string') {
      const text = strip(value.replaceAll(',', '')).toLowerCase();
      return isNull(text, DBT_NULLS) ? null : text === 'true' ? true : text === 'false' ? false : undefined;
    }
    if (typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value)))
      return BigInt(value) === 1n ? true : BigInt(value) === 0n ? false : undefined;
    if (value instanceof PyDecimal && value.special === undefined)
      return value.jinjaEquals(1) ? true : value.jinjaEquals(0) ? false : undefined;
    return undefined;
  }

  override jsonify(value: Value): Value {
    return value;
  }
}

class TextType extends AgateType {
  readonly name = 'Text';
  readonly nulls: ReadonlySet<string>;

  constructor(nulls: ReadonlySet<string>) {
    super();
    this.nulls = nulls;
  }

  cast(value: Value): Value | undefined {
    if (value === null) return null;
    if (typeof value !== 'string') return toText(value);
    return (value.length === 0 || value.length < 20) && isNull(strip(value), this.nulls) ? null : value;
  }
}

/** `undefined` if the date does not exist (31 February). */
function attempt<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch {
    return undefined;
  }
}

export const INTEGER: DataType = new IntegerType();
export const NUMBER: DataType = new NumberType();
export const DATE_TYPE: DataType = new DateType();
export const DATETIME: DataType = new DateTimeType();
const ISO_DATETIME: DataType = new IsoDateTimeType();
export const BOOLEAN: DataType = new BooleanType();
/** Empty text and `null` are None, as in seeds. */
export const TEXT: DataType = new TextType(DBT_NULLS);
/** Text is kept unchanged, as in query results. */
export const EXACT_TEXT: DataType = new TextType(new Set());
/** Bytes, each as two hexadecimal digits after `\x`. */
export const BYTES: DataType = new TextType(new Set());

/** In the order in which dbt tries them. */
export function candidateTypes(text: DataType): readonly DataType[] {
  return [INTEGER, NUMBER, DATE_TYPE, DATETIME, ISO_DATETIME, BOOLEAN, text];
}
