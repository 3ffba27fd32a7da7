// Filters that convert to and format numbers: int, float, round, abs and the formatting filters.
import { isFloat, multiply, narrow, negate, divide, power } from '../../values/arithmetic.ts';
import { PyBytes } from '../../values/bytes.ts';
import { PyDecimal } from '../../values/decimal.ts';
import { numericOf } from '../../values/equality.ts';
import { makeFloat } from '../../values/float.ts';
import { exactDigits, scaled } from '../../values/format-number.ts';
import { formatPercent } from '../../values/percent-format.ts';
import { JinjaError, typeError, valueError } from '../../values/python-error.ts';
import { parseFloatText, parseIntText } from '../../values/number-text.ts';
import { toText } from '../../values/text.ts';
import { isTruthy } from '../../values/truth.ts';
import { typeName } from '../../values/type-name.ts';
import { Undefined } from '../../values/undefined.ts';
import { indexArgument } from '../../values/methods/list-methods.ts';
import type { Value } from '../../values/value.ts';
import { Markup } from '../markup.ts';
import { type FilterFunction, filter, simpleFilter } from './filter.ts';

const int = filter('do_int', 'value, default=0, base=10', (_context, value, fallback, base) => {
  const v = plain(value);
  const direct = typeof v === 'string' ? parseIntText(v, indexArgument(base)) : intOf(v);
  if (direct !== undefined) return direct;
  const float = typeof v === 'string' ? parseFloatText(v) : undefined;
  return float === undefined || !Number.isFinite(float) ? fallback : truncate(float);
});

/** Returns the text of marked-up text and of bytes. */
function plain(v: Value): Value {
  if (v instanceof PyBytes) return String.fromCharCode(...v.bytes);
  return v instanceof Markup ? v.text : v;
}

/** `int(v)`; returns undefined where Python raises a TypeError or ValueError. */
function intOf(v: Value): Value | undefined {
  if (v instanceof Undefined) throw v.error();
  if (v instanceof PyDecimal && v.special === undefined) return narrow(v.whole(v.coefficient < 0n ? 'ceil' : 'floor'));
  const n = v instanceof PyDecimal ? v.toNumber() : numericOf(v);
  if (n === undefined || Number.isNaN(n)) return undefined;
  if (typeof n === 'bigint') return n;
  if (!Number.isFinite(n)) throw new JinjaError('OverflowError', 'cannot convert float infinity to integer');
  return truncate(n);
}

function truncate(n: number): Value {
  const whole = Math.trunc(n);
  return Number.isSafeInteger(whole) ? whole + 0 : narrow(BigInt(whole));
}

const float = filter('do_float', 'value, default=0.0', (_context, value, fallback) => {
  const v = plain(value);
  if (v instanceof Undefined) throw v.error();
  if (typeof v === 'string') {
    const n = parseFloatText(v);
    return n === undefined ? fallback : makeFloat(n);
  }
  const n = v instanceof PyDecimal ? v.toNumber() : numericOf(v);
  if (n === undefined) return fallback;
  const x = Number(n);
  if (typeof n === 'bigint' && !Number.isFinite(x))
    throw new JinjaError('OverflowError', 'int too large to convert to float');
  return makeFloat(x);
});

const abs = simpleFilter('abs', 'x', (value) => {
  if (value instanceof Undefined) throw typeError(`bad operand type for abs(): '${typeName(value)}'`);
  const n = numericOf(value);
  if (n === undefined) {
    if (value instanceof PyDecimal)
      return value.coefficient < 0n || value.minus ? (value.jinjaUnary('-') as Value) : value;
    throw typeError(`bad operand type for abs(): '${typeName(value)}'`);
  }
  if (typeof value === 'boolean') return Number(value);
  return n < 0 || Object.is(n, -0) ? negate(value) : value;
});

const round = filter('do_round', "value, precision=0, method='common'", (_context, value, precision, method) => {
  if (method !== 'common' && method !== 'ceil' && method !== 'floor')
    throw new JinjaError('FilterArgumentError', 'method must be common, ceil or floor');
  const v = value;
  if (method !== 'common') {
    const scale = power(10, precision);
    const product = multiply(v, scale);
    const scaled = product instanceof PyDecimal ? product.whole(method) : numericOf(product);
    if (scaled === undefined) throw typeError(`must be real number, not ${typeName(v)}`);
    const whole = typeof scaled === 'bigint' ? scaled : method === 'ceil' ? Math.ceil(scaled) : Math.floor(scaled);
    return divide(typeof whole === 'number' ? truncate(whole) : whole, scale);
  }
  const places = (): number => (precision === null ? 0 : indexArgument(precision));
  const rounded = roundTo(v, places);
  return precision === null ? (intOf(rounded) as Value) : rounded;
});

function roundTo(v: Value, places: () => number): Value {
  if (v instanceof PyDecimal) {
    const result = v.quantized(places());
    if (result.digits > 28) throw new JinjaError('InvalidOperation', "[<class 'decimal.InvalidOperation'>]");
    return result;
  }
  const n = numericOf(v);
  if (v instanceof Undefined) throw typeError(`type ${typeName(v)} doesn't define __round__ method`);
  if (n === undefined) throw typeError(`type ${typeName(v)} doesn't define __round__ method`);
  if (!isFloat(v)) return roundInt(n, places());
  return makeFloat(roundFloat(Number(n), places()));
}

function roundInt(n: number | bigint, places: number): Value {
  if (places >= 0) return n;
  const value = BigInt(n);
  const rounded = scaled(value < 0n ? -value : value, places) * 10n ** BigInt(-places);
  return narrow(value < 0n ? -rounded : rounded);
}

/** Rounds half to even on the exact value of the double, as CPython does. */
function roundFloat(x: number, places: number): number {
  if (!Number.isFinite(x) || x === 0 || places > 322) return x;
  if (places < -308) return x < 0 ? -0 : 0;
  const [digits, exponent] = exactDigits(Math.abs(x));
  if (exponent + places >= 0) return x;
  const result = Number(`${scaled(digits, exponent + places)}e${-places}`);
  return x < 0 ? -result : result;
}

const PREFIXES = ['k', 'M', 'G', 'T', 'P', 'E', 'Z', 'Y'];

const filesizeformat = filter('do_filesizeformat', 'value, binary=False', (_context, value, binary) => {
  const v = plain(value);
  const n = typeof v === 'string' ? parseFloatText(v) : v instanceof PyDecimal ? v.toNumber() : numericOf(v);
  if (n === undefined) {
    if (v instanceof Undefined) throw v.error();
    if (typeof v === 'string') throw valueError(`could not convert string to float: ${toText([value]).slice(1, -1)}`);
    throw typeError(`float() argument must be a string or a real number, not '${typeName(v)}'`);
  }
  const bytes = Number(n);
  const useBinary = isTruthy(binary);
  const base = useBinary ? 1024 : 1000;
  if (bytes === 1) return '1 Byte';
  if (bytes < base) return `${toText(truncate(bytes))} Bytes`;
  const index = PREFIXES.findIndex((_, i) => bytes < base ** (i + 2));
  const i = index < 0 ? PREFIXES.length - 1 : index;
  const prefix = useBinary ? `${(PREFIXES[i] as string).toUpperCase()}iB` : `${PREFIXES[i]}B`;
  return `${formatPercent('%.1f', makeFloat((base * bytes) / base ** (i + 2)))} ${prefix}`;
});

export const NUMBER_FILTERS: readonly (readonly [string, FilterFunction])[] = [
  ['abs', abs],
  ['filesizeformat', filesizeformat],
  ['float', float],
  ['int', int],
  ['round', round],
];
