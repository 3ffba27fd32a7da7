// Formats and pads numbers as Python's two format languages (`%` and `format`) do.

import { checkText } from './budget.ts';

/** A double has at most 1,074 decimals; further digits are zeros. */
const EXACT = 1_100;

/** Pads text in a field: `<` left, `>` right, `^` centered. Width counts code points. */
export function pad(text: string, width: number, align: string, fill: string): string {
  const missing = width - (/[\ud800-\udfff]/.test(text) ? Array.from(text).length : text.length);
  if (missing <= 0) return text;
  if (align === '<') return text + fill.repeat(missing);
  if (align === '^') return fill.repeat(Math.floor(missing / 2)) + text + fill.repeat(Math.ceil(missing / 2));
  return fill.repeat(missing) + text;
}

/**
 * Formats a non-negative float without a sign.
 * @param type one of `e E f F g G`
 * @param alternate the `#` flag: always writes a point, and `g` keeps trailing zeros
 */
export function formatFloat(x: number, type: string, precision: number, alternate = false): string {
  if (precision > EXACT) {
    checkText(precision);
    const zeros = '0'.repeat(precision - EXACT);
    const text = formatFloat(x, type, EXACT, alternate);
    if (/[nN]/.test(text) || (/[gG]/.test(type) && !alternate)) return text;
    return text.replace(/[eE]|$/, (e) => zeros + e);
  }
  const upper = type === 'E' || type === 'F' || type === 'G';
  let text: string;
  if (Number.isNaN(x)) text = 'nan';
  else if (x === Infinity) text = 'inf';
  else if (type === 'f' || type === 'F') text = fixed(x, precision) + (alternate && precision === 0 ? '.' : '');
  else if (type === 'e' || type === 'E') text = exponential(x, precision, alternate);
  else text = general(x, precision === 0 ? 1 : precision, alternate);
  return upper ? text.toUpperCase() : text;
}

/** Decimal digits of a double, rounded half to even on its exact value. */
function fixed(x: number, precision: number): string {
  const [digits, exponent] = exactDigits(x);
  const all = scaled(digits, exponent + precision)
    .toString()
    .padStart(precision + 1, '0');
  return precision === 0 ? all : `${all.slice(0, -precision)}.${all.slice(-precision)}`;
}

/** `digits` × 10^shift as an integer, rounded half to even. `digits` is not negative. */
export function scaled(digits: bigint, shift: number): bigint {
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const unit = 10n ** BigInt(-shift);
  const quotient = digits / unit;
  const rest = (digits % unit) * 2n;
  return rest > unit || (rest === unit && quotient % 2n === 1n) ? quotient + 1n : quotient;
}

/** A finite, non-negative double as exact coefficient × 10^exponent. */
export function exactDigits(x: number): [bigint, number] {
  let exponent = 0;
  let mantissa = x;
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2;
    exponent++;
  }
  return [BigInt(mantissa) * 5n ** BigInt(exponent), -exponent];
}

function exponential(x: number, precision: number, alternate: boolean): string {
  let exponent = x === 0 ? 0 : Number(x.toExponential().split('e')[1]);
  const [digits, scale] = exactDigits(x);
  let rounded = scaled(digits, scale - exponent + precision).toString();
  if (rounded.length > precision + 1) {
    exponent++;
    rounded = rounded.slice(0, -1);
  }
  rounded = rounded.padEnd(precision + 1, '0');
  const fraction = precision > 0 ? `.${rounded.slice(1)}` : alternate ? '.' : '';
  return `${rounded[0]}${fraction}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

function general(x: number, precision: number, alternate: boolean): string {
  if (x === 0) return alternate ? `0.${'0'.repeat(precision - 1)}` : '0';
  const exponent = Number(exponential(x, precision - 1, false).split('e')[1]);
  if (exponent < -4 || exponent >= precision) {
    const text = exponential(x, precision - 1, alternate);
    return alternate ? text : text.replace(/\.?0*e/, 'e').replace(/^e/, '0e');
  }
  const text = fixed(x, Math.max(0, precision - 1 - exponent));
  if (alternate) return text.includes('.') ? text : `${text}.`;
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** Groups digits by `size` with a separator. */
export function groupDigits(digits: string, separator: string, size = 3): string {
  let out = '';
  for (let i = digits.length; i > 0; i -= size)
    out = digits.slice(Math.max(0, i - size), i) + (out ? separator + out : '');
  return out;
}
