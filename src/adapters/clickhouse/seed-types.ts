// Types for the columns of seeds. They are dbt-clickhouse's, but that a value which these would change gets a wider
// one: the server wraps integers and moments that are out of a type's range, without an error. Pure.
import { PyDate } from '../../values/date.ts';
import { PyDateTime } from '../../values/datetime.ts';
import { PyDecimal } from '../../values/decimal.ts';
import type { Value } from '../../values/value.ts';
import { areBetween, decimalDigits, fitDouble, fitSingle, integerBits, isInteger } from '../seed-numbers.ts';
import { mostDecimals } from '../table-print.ts';

const MOST_DIGITS = 76;

export function numberType(values: readonly Value[]): string {
  const digits = decimalDigits(values);
  if (mostDecimals(values) === 0) {
    const bits = integerBits(values, [32, 64, 128, 256]);
    return bits === undefined || digits === null ? 'String' : `Int${bits}`;
  }
  if (fitSingle(values)) return 'Float32';
  if (fitDouble(values)) return 'Float64';
  return digits === null || digits.whole + digits.scale > MOST_DIGITS
    ? 'String'
    : `Decimal(${digits.whole + digits.scale}, ${digits.scale})`;
}

export function dateType(values: readonly Value[]): string {
  if (areBetween(values, '1970-01-01', '2149-06-06')) return 'Date';
  return areBetween(values, '1900-01-01', '2300-01-01') ? 'Date32' : 'String';
}

/** A moment is one of the server's time zone: a day less than the types hold. */
export function momentType(values: readonly Value[]): string {
  const precise = values.some((value) => value instanceof PyDateTime && value.microsecond !== 0);
  if (!precise && areBetween(values, '1970-01-02', '2106-02-06')) return 'DateTime';
  return areBetween(values, '1900-01-02', '2299-12-31') ? `DateTime64(${precise ? 6 : 0})` : 'String';
}

const DIGITS = /^[+-]?\d+$/;
const DAY = /^\d{4}-\d{2}-\d{2}/;
const WHOLE = /^(U?)Int(8|16|32|64|128|256)$/;
/** Days that the types of dates hold; a day less than moments do, whose zone is the server's. */
const DAYS: Readonly<Record<string, readonly [first: string, end: string]>> = {
  Date: ['1970-01-01', '2149-06-07'],
  Date32: ['1900-01-01', '2300-01-01'],
  DateTime: ['1970-01-01', '2106-02-08'],
  DateTime64: ['1900-01-01', '2300-01-01'],
};

/** Is there a type of whole numbers or days that does not hold the value? */
export function isUnusual(value: Value): boolean {
  if (value instanceof PyDate || typeof value === 'string') {
    const text = value instanceof PyDate ? value.jinjaText() : value;
    if (DAY.test(text)) return text < '1970-01-02' || text >= '2106-02-07';
    return DIGITS.test(text) && !(Number(text) >= 0 && Number(text) < 128);
  }
  return value instanceof PyDecimal && !isInteger(value, 7, false);
}

/** Would the server store another value in a column of this type, without an error? */
export function wraps(columnType: string, value: Value): boolean {
  const type = columnType.replace(/^(?:(?:Nullable|LowCardinality)\()+/, '').replace(/[()].*$/, '');
  const whole = WHOLE.exec(type);
  if (whole !== null) {
    const number = typeof value === 'string' && DIGITS.test(value) ? PyDecimal.from(value) : value;
    if (!(number instanceof PyDecimal) || number.special !== undefined || number.exponent < 0) return false;
    return !isInteger(number, Number(whole[2]), whole[1] !== 'U');
  }
  const days = DAYS[type];
  const text = value instanceof PyDate ? value.jinjaText() : typeof value === 'string' && DAY.test(value) ? value : '';
  return days !== undefined && text !== '' && !(text >= days[0] && text < days[1]);
}
