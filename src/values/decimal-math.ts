// Arithmetic of Python's `decimal` in its default context: 28 digits, half to even, exponents up to ±999,999.
// exp, ln and log10 are computed with more digits than the result has and rounded once, as in libmpdec.
import { JinjaError, type PythonErrorType, typeError } from './python-error.ts';

/** A decimal number: coefficient × 10^exponent, or a special value. */
export interface DecimalNumber {
  readonly coefficient: bigint;
  readonly exponent: number;
  /** `NaN`, `Infinity` or `-Infinity`, if the number is not finite. */
  readonly special: string | undefined;
  /** Whether it is a negative zero. */
  readonly minus: boolean;
}

/** The digits of the context. */
export const PRECISION = 28;
const MAX_EXPONENT = 999_999;
/** The exponent of the smallest number. */
export const TINY = -MAX_EXPONENT - PRECISION + 1;

const NAN = special('NaN');
const ONE = finite(1n, 0);

/** @param negative tells the signs of zero apart; by default zero is positive */
export function finite(coefficient: bigint, exponent: number, negative = coefficient < 0n): DecimalNumber {
  return { coefficient, exponent, special: undefined, minus: coefficient === 0n && negative };
}

function special(name: string): DecimalNumber {
  return { coefficient: 0n, exponent: 0, special: name, minus: false };
}

/** The error of a signal that the context traps. */
export function signalError(signal: string, type: PythonErrorType = 'InvalidOperation'): JinjaError {
  return new JinjaError(type, `[<class 'decimal.${signal}'>]`);
}

export function isNegative(x: DecimalNumber): boolean {
  return x.coefficient < 0n || x.minus || x.special === '-Infinity';
}

export function digitsOf(n: bigint): number {
  return n.toString().replace('-', '').length;
}

function magnitude(n: bigint): bigint {
  return n < 0n ? -n : n;
}

/** The exponent of the first digit; 0 for special values. */
function adjusted(x: DecimalNumber): number {
  return x.special === undefined ? digitsOf(x.coefficient) - 1 + x.exponent : 0;
}

/** Both coefficients at the smaller exponent. */
export function aligned(a: DecimalNumber, b: DecimalNumber): [bigint, bigint] {
  const exponent = Math.min(a.exponent, b.exponent);
  return [a.coefficient * 10n ** BigInt(a.exponent - exponent), b.coefficient * 10n ** BigInt(b.exponent - exponent)];
}

/** Divides and rounds. @param mode one of Python's `ROUND_…` @throws JinjaError TypeError for another mode */
export function roundedQuotient(n: bigint, divisor: bigint, mode = 'ROUND_HALF_EVEN'): bigint {
  const negative = n < 0n;
  const abs = magnitude(n);
  const quotient = abs / divisor;
  const rest = abs % divisor;
  const half = rest * 2n === divisor ? 0 : rest * 2n > divisor ? 1 : -1;
  const up = roundsUp(mode, { quotient, exact: rest === 0n, half, negative }) ? 1n : 0n;
  return negative ? -(quotient + up) : quotient + up;
}

/** @param half the discarded part compared with one half */
function roundsUp(
  mode: string,
  { quotient, exact, half, negative }: { quotient: bigint; exact: boolean; half: number; negative: boolean },
): boolean {
  switch (mode) {
    case 'ROUND_UP':
      return !exact;
    case 'ROUND_DOWN':
      return false;
    case 'ROUND_CEILING':
      return !exact && !negative;
    case 'ROUND_FLOOR':
      return !exact && negative;
    case 'ROUND_HALF_UP':
      return half >= 0 && !exact;
    case 'ROUND_HALF_DOWN':
      return half > 0;
    case 'ROUND_HALF_EVEN':
      return half > 0 || (half === 0 && quotient % 2n === 1n);
    case 'ROUND_05UP':
      return !exact && quotient % 5n === 0n;
    default:
      throw typeError(
        'valid values for rounding are:\n  [ROUND_CEILING, ROUND_FLOOR, ROUND_UP, ROUND_DOWN,\n' +
          '   ROUND_HALF_UP, ROUND_HALF_DOWN, ROUND_HALF_EVEN,\n   ROUND_05UP]',
      );
  }
}

/** Rounds to the digits of the context. @throws JinjaError Overflow */
export function rounded(coefficient: bigint, exponent: number, negative = coefficient < 0n): DecimalNumber {
  const extra = Math.max(digitsOf(coefficient) - PRECISION, TINY - exponent);
  const kept =
    extra > 0
      ? finite(roundedQuotient(coefficient, 10n ** BigInt(extra)), exponent + extra, negative)
      : finite(coefficient, exponent, negative);
  if (digitsOf(kept.coefficient) > PRECISION) return rounded(kept.coefficient, kept.exponent, negative);
  if (kept.coefficient !== 0n && adjusted(kept) > MAX_EXPONENT) throw signalError('Overflow', 'OverflowError');
  return kept;
}

/** An exact quotient drops trailing zeros down to its ideal exponent. */
export function shortened(value: DecimalNumber, ideal: number): DecimalNumber {
  let { coefficient, exponent } = value;
  while (exponent < ideal && coefficient % 10n === 0n && coefficient !== 0n) {
    coefficient /= 10n;
    exponent++;
  }
  return coefficient === 0n ? finite(0n, ideal, isNegative(value)) : finite(coefficient, exponent);
}

/** Without trailing zeros. */
export function normalized(x: DecimalNumber): DecimalNumber {
  if (x.special !== undefined) return x;
  if (x.coefficient === 0n) return finite(0n, 0, isNegative(x));
  const { coefficient, exponent } = rounded(x.coefficient, x.exponent);
  return shortened(finite(coefficient, exponent), Number.POSITIVE_INFINITY);
}

/** -1, 0 or 1; NaN if one of them is NaN. Two infinities of one sign are equal. */
export function order(a: DecimalNumber, b: DecimalNumber): number {
  if (a.special === 'NaN' || b.special === 'NaN') return Number.NaN;
  if (a.special !== undefined || b.special !== undefined) return Math.sign(infinity(a) - infinity(b)) || 0;
  if (a.coefficient === 0n || b.coefficient === 0n || isNegative(a) !== isNegative(b)) {
    return Math.sign(signOf(a) - signOf(b));
  }
  const difference = adjusted(a) - adjusted(b);
  if (difference !== 0) return isNegative(a) ? -Math.sign(difference) : Math.sign(difference);
  const [x, y] = aligned(a, b);
  return x < y ? -1 : x > y ? 1 : 0;
}

function signOf(x: DecimalNumber): number {
  return x.coefficient === 0n ? 0 : x.coefficient < 0n ? -1 : 1;
}

function infinity(x: DecimalNumber): number {
  return x.special === undefined ? 0 : x.special === 'Infinity' ? 1 : -1;
}

/** Python's total order: also between -0 and 0, 1.0 and 1.00, and with NaN as the largest. */
function totalOrder(a: DecimalNumber, b: DecimalNumber): number {
  const rank = (x: DecimalNumber): number => (x.special === 'NaN' ? 1 : 0);
  if (rank(a) !== 0 || rank(b) !== 0) return rank(a) - rank(b);
  const [x, y] = [isNegative(a), isNegative(b)];
  if (x !== y) return x ? -1 : 1;
  return order(a, b) || Math.sign(a.exponent - b.exponent) * (x ? -1 : 1);
}

function absolute(x: DecimalNumber): DecimalNumber {
  return x.special === undefined ? finite(magnitude(x.coefficient), x.exponent) : special(x.special.replace('-', ''));
}

export function negated(x: DecimalNumber): DecimalNumber {
  if (x.special === undefined) return finite(-x.coefficient, x.exponent, !isNegative(x));
  return x.special === 'NaN' ? x : special(x.special === 'Infinity' ? '-Infinity' : 'Infinity');
}

function withSign(x: DecimalNumber, negative: boolean): DecimalNumber {
  return isNegative(x) === negative ? x : negated(x);
}

/** Changes the exponent. @throws JinjaError InvalidOperation if the result needs more than 28 digits */
function quantized(x: DecimalNumber, to: DecimalNumber, mode?: string): DecimalNumber {
  if (x.special !== undefined || to.special !== undefined) {
    if (x.special === 'NaN' || to.special === 'NaN') return NAN;
    if (x.special !== undefined && to.special !== undefined) return x;
    throw signalError('InvalidOperation');
  }
  // Its digits are counted before a huge power of ten is computed.
  if (adjusted(x) - to.exponent > PRECISION && x.coefficient !== 0n) throw signalError('InvalidOperation');
  const result = atExponent(x, to.exponent, mode);
  if (digitsOf(result.coefficient) > PRECISION) throw signalError('InvalidOperation');
  return result;
}

/** Rounds to an exponent, without a limit of digits. */
export function atExponent(x: DecimalNumber, exponent: number, mode?: string): DecimalNumber {
  const shift = x.exponent - exponent;
  if (x.coefficient === 0n) return finite(0n, exponent, isNegative(x));
  if (shift >= 0) return finite(x.coefficient * 10n ** BigInt(shift), exponent, isNegative(x));
  // All digits are discarded: the size of the rest does not matter.
  const divisor = 10n ** BigInt(Math.min(-shift, digitsOf(x.coefficient) + 1));
  return finite(roundedQuotient(x.coefficient, divisor, mode), exponent, isNegative(x));
}

function integral(x: DecimalNumber, mode?: string): DecimalNumber {
  return x.special !== undefined || x.exponent >= 0 ? x : atExponent(x, 0, mode);
}

function squareRoot(x: DecimalNumber): DecimalNumber {
  if (x.special === 'NaN' || x.special === 'Infinity') return x;
  const ideal = Math.floor(x.exponent / 2);
  if (x.coefficient === 0n && x.special === undefined) return finite(0n, ideal, x.minus);
  if (isNegative(x)) throw signalError('InvalidOperation');
  // Two digits more than the result has, and a last digit that says whether the root is exact.
  const digits = Math.max(0, 2 * (PRECISION + 2) - digitsOf(x.coefficient));
  const shift = digits + (Math.abs(x.exponent - digits) % 2);
  const scaled = x.coefficient * 10n ** BigInt(shift);
  const root = integerRoot(scaled);
  const exponent = (x.exponent - shift) / 2;
  if (root * root === scaled) return shortened(rounded(root, exponent), ideal);
  return rounded(root * 10n + 1n, exponent - 1);
}

function integerRoot(n: bigint): bigint {
  let root = 10n ** BigInt(Math.ceil(digitsOf(n) / 2));
  for (;;) {
    const next = (root + n / root) / 2n;
    if (next >= root) return root;
    root = next;
  }
}

/** 2 × atanh(1/n) in units of 1/one. */
function twiceAtanh(n: bigint, one: bigint): bigint {
  let sum = 0n;
  for (let [power, k] = [one / n, 1n]; power > 0n; power /= n * n, k += 2n) sum += power / k;
  return 2n * sum;
}

/** ln 10 in units of 1/one. */
function lnTen(one: bigint): bigint {
  return 3n * twiceAtanh(3n, one) + twiceAtanh(9n, one);
}

/** e^(x / one) in units of 1/one, for small x. */
function expFixed(x: bigint, one: bigint): bigint {
  let sum = one;
  for (let [term, k] = [one, 1n]; term !== 0n; k++) {
    term = (term * x) / (one * k);
    sum += term;
  }
  return sum;
}

function exponential(x: DecimalNumber): DecimalNumber {
  if (x.special !== undefined) return x.special === '-Infinity' ? finite(0n, 0) : x;
  if (x.coefficient === 0n) return ONE;
  if (adjusted(x) > 7) {
    if (isNegative(x)) return finite(0n, TINY);
    throw signalError('Overflow', 'OverflowError');
  }
  // 1 and a rest of more digits than the result has
  if (adjusted(x) < -PRECISION - 2) return rounded(10n ** 29n + (isNegative(x) ? -1n : 1n), -29);
  const places = PRECISION + 24;
  const one = 10n ** BigInt(places);
  const scaled = atExponent(x, -places, 'ROUND_DOWN').coefficient;
  const ten = lnTen(one);
  const power = scaled / ten;
  return rounded(expFixed(scaled - power * ten, one), Number(power) - places);
}

/** The natural logarithm of a positive number and its decimal places. */
function lnFixed(x: DecimalNumber): [bigint, number] {
  // Near 1 the logarithm begins with as many zeros as the number has digits.
  const places = PRECISION + 24 + digitsOf(x.coefficient);
  const one = 10n ** BigInt(places);
  const power = adjusted(x) + 1;
  // Between 0.1 and 1, or 1 and 10 for numbers from 1: near 1 no large terms cancel out.
  const shift = power === 1 ? 0 : power;
  const m = atExponent({ ...x, exponent: x.exponent - shift }, -places, 'ROUND_DOWN').coefficient;
  let y =
    BigInt(Math.round(Math.log(Number(m / 10n ** BigInt(places - 17)) / 1e17) * 1e15)) * 10n ** BigInt(places - 15);
  for (let known = 14; known < places * 2; known *= 3) {
    const e = expFixed(y, one);
    y += (2n * (m - e) * one) / (m + e);
  }
  return [y + BigInt(shift) * lnTen(one), places];
}

function logarithm(x: DecimalNumber, ten: boolean): DecimalNumber {
  if (x.special === 'NaN' || x.special === 'Infinity') return x;
  if (x.coefficient === 0n && x.special === undefined) return special('-Infinity');
  if (isNegative(x)) throw signalError('InvalidOperation');
  const { coefficient, exponent } = normalizedExactly(x);
  if (coefficient === 1n && (ten || exponent === 0)) return finite(BigInt(exponent), 0);
  const [ln, places] = lnFixed(x);
  if (!ten) return rounded(ln, -places);
  const one = 10n ** BigInt(places);
  return rounded((ln * one) / lnTen(one), -places);
}

function normalizedExactly(x: DecimalNumber): DecimalNumber {
  return shortened(x, Number.POSITIVE_INFINITY);
}

/** The nearest number in a direction. @param up 1 or -1 */
function neighbour(x: DecimalNumber, up: 1 | -1): DecimalNumber {
  if (x.special === 'NaN') return x;
  const largest = finite(10n ** BigInt(PRECISION) - 1n, MAX_EXPONENT - PRECISION + 1);
  if (x.special !== undefined) {
    return isNegative(x) === up > 0 ? (up > 0 ? negated(largest) : largest) : x;
  }
  const exponent = x.coefficient === 0n ? TINY : Math.max(adjusted(x) - PRECISION + 1, TINY);
  const floor = atExponent(x, exponent, up > 0 ? 'ROUND_FLOOR' : 'ROUND_CEILING');
  // Below a power of ten the numbers are ten times as dense.
  const towardsZero = x.coefficient !== 0n && isNegative(x) === up > 0;
  const power = magnitude(floor.coefficient) === 10n ** BigInt(PRECISION - 1) && order(x, floor) === 0;
  if (towardsZero && power && exponent > TINY) return finite(floor.coefficient * 10n + BigInt(up), exponent - 1);
  return rounded(floor.coefficient + BigInt(up), exponent, isNegative(x));
}

/** Digits of 0 and 1 as Python's logical operations take them. */
function bits(x: DecimalNumber): bigint {
  const text = String(x.coefficient);
  if (x.special !== undefined || x.exponent !== 0 || isNegative(x) || !/^[01]+$/.test(text)) {
    throw signalError('InvalidOperation');
  }
  return BigInt(`0b${text.slice(-PRECISION)}`);
}

function ofBits(n: bigint): DecimalNumber {
  return finite(BigInt(n.toString(2)), 0);
}

/** A whole number of at most this size, as operand of `shift`, `rotate` and `scaleb`. */
function wholeWithin(x: DecimalNumber, limit: number): number {
  const n = Number(x.coefficient);
  if (x.special !== undefined || x.exponent !== 0 || Math.abs(n) > limit) throw signalError('InvalidOperation');
  return n;
}

function shifted(x: DecimalNumber, by: DecimalNumber, rotate: boolean): DecimalNumber {
  if (x.special === 'NaN' || by.special === 'NaN') return NAN;
  const n = wholeWithin(by, PRECISION);
  if (x.special !== undefined) return x;
  const digits = String(magnitude(x.coefficient)).padStart(PRECISION, '0').slice(-PRECISION);
  const padding = '0'.repeat(Math.abs(n));
  const moved = rotate
    ? digits.slice(n) + digits.slice(0, n)
    : n >= 0
      ? digits.slice(n) + padding
      : padding + digits.slice(0, n);
  return withSign(finite(BigInt(moved), x.exponent), isNegative(x));
}

function nearRemainder(x: DecimalNumber, y: DecimalNumber): DecimalNumber {
  if (x.special === 'NaN' || y.special === 'NaN') return NAN;
  if (x.special !== undefined || y.coefficient === 0n) {
    if (y.special !== undefined && x.special === undefined) return inContext(x);
    const undefinedQuotient = x.special === undefined && x.coefficient === 0n;
    throw signalError(undefinedQuotient ? 'DivisionUndefined' : 'InvalidOperation');
  }
  const [a, b] = aligned(x, y);
  const quotient = roundedQuotient(b < 0n ? -a : a, magnitude(b));
  if (digitsOf(quotient) > PRECISION) throw signalError('DivisionImpossible');
  return rounded(a - quotient * b, Math.min(x.exponent, y.exponent), isNegative(x));
}

function product(x: DecimalNumber, y: DecimalNumber): DecimalNumber {
  const negative = isNegative(x) !== isNegative(y);
  if (x.special === 'NaN' || y.special === 'NaN') return NAN;
  if (x.special === undefined && y.special === undefined) {
    return finite(x.coefficient * y.coefficient, x.exponent + y.exponent, negative);
  }
  if ((x.special ?? x.coefficient) === 0n || (y.special ?? y.coefficient) === 0n) throw signalError('InvalidOperation');
  return special(negative ? '-Infinity' : 'Infinity');
}

/** x × y + z, rounded once. */
function fusedProduct(x: DecimalNumber, y: DecimalNumber, z: DecimalNumber): DecimalNumber {
  const xy = product(x, y);
  if (xy.special !== undefined || z.special !== undefined) {
    if (xy.special === undefined || z.special === 'NaN') return z;
    if (z.special !== undefined && z.special !== xy.special && xy.special !== 'NaN')
      throw signalError('InvalidOperation');
    return xy;
  }
  const [a, b] = aligned(xy, z);
  return rounded(a + b, Math.min(xy.exponent, z.exponent), a + b < 0n || (isNegative(xy) && isNegative(z)));
}

function picked(x: DecimalNumber, y: DecimalNumber, sign: 1 | -1, byMagnitude: boolean): DecimalNumber {
  if (x.special === 'NaN' || y.special === 'NaN') return inContext(x.special === 'NaN' ? y : x);
  const [a, b] = byMagnitude ? [absolute(x), absolute(y)] : [x, y];
  return inContext((order(a, b) || totalOrder(x, y)) * sign >= 0 ? x : y);
}

function inContext(x: DecimalNumber): DecimalNumber {
  return x.special === undefined ? rounded(x.coefficient, x.exponent, isNegative(x)) : x;
}

function compared(x: DecimalNumber, y: DecimalNumber): DecimalNumber {
  const found = order(x, y);
  return Number.isNaN(found) ? NAN : finite(BigInt(found), 0);
}

function kind(x: DecimalNumber): string {
  if (x.special === 'NaN') return 'NaN';
  const sign = isNegative(x) ? '-' : '+';
  if (x.special !== undefined) return `${sign}Infinity`;
  return sign + (x.coefficient === 0n ? 'Zero' : adjusted(x) < -MAX_EXPONENT ? 'Subnormal' : 'Normal');
}

/** The nearest numbers 1 of a kind are equal; of zeros and special values only the kind counts. */
function sameQuantum(x: DecimalNumber, y: DecimalNumber): boolean {
  if (x.special === undefined && y.special === undefined) return x.exponent === y.exponent;
  return x.special?.replace('-', '') === y.special?.replace('-', '');
}

function exponentOf(x: DecimalNumber): DecimalNumber {
  if (x.special !== undefined) return absolute(x);
  if (x.coefficient === 0n) throw signalError('DivisionByZero', 'ZeroDivisionError');
  return finite(BigInt(adjusted(x)), 0);
}

function scaled(x: DecimalNumber, by: DecimalNumber): DecimalNumber {
  if (x.special === 'NaN' || by.special === 'NaN') return NAN;
  const n = wholeWithin(by, 2 * (MAX_EXPONENT + PRECISION));
  return x.special === undefined ? rounded(x.coefficient, x.exponent + n, isNegative(x)) : x;
}

type Unary = (x: DecimalNumber) => DecimalNumber | boolean | string | number;
type Binary = (x: DecimalNumber, y: DecimalNumber) => DecimalNumber | boolean;

/** Methods without operands. */
export const UNARY: Readonly<Record<string, Unary>> = {
  adjusted,
  canonical: (x) => x,
  conjugate: (x) => x,
  copy_abs: absolute,
  copy_negate: negated,
  exp: exponential,
  is_canonical: () => true,
  is_finite: (x) => x.special === undefined,
  is_infinite: (x) => /Infinity/.test(x.special ?? ''),
  is_nan: (x) => x.special === 'NaN',
  is_normal: (x) => kind(x).endsWith('Normal'),
  is_qnan: (x) => x.special === 'NaN',
  is_signed: isNegative,
  is_snan: () => false,
  is_subnormal: (x) => kind(x).endsWith('Subnormal'),
  is_zero: (x) => x.special === undefined && x.coefficient === 0n,
  ln: (x) => logarithm(x, false),
  log10: (x) => logarithm(x, true),
  logb: exponentOf,
  logical_invert: (x) => ofBits((1n << BigInt(PRECISION)) - 1n - bits(x)),
  next_minus: (x) => neighbour(x, -1),
  next_plus: (x) => neighbour(x, 1),
  normalize: normalized,
  number_class: kind,
  radix: () => finite(10n, 0),
  sqrt: squareRoot,
};

/** Methods with one operand. */
export const BINARY: Readonly<Record<string, Binary>> = {
  compare: compared,
  compare_signal: (x, y) => {
    if (x.special === 'NaN' || y.special === 'NaN') throw signalError('InvalidOperation');
    return compared(x, y);
  },
  compare_total: (x, y) => finite(BigInt(totalOrder(x, y)), 0),
  compare_total_mag: (x, y) => finite(BigInt(totalOrder(absolute(x), absolute(y))), 0),
  copy_sign: (x, y) => withSign(x, isNegative(y)),
  logical_and: (x, y) => ofBits(bits(x) & bits(y)),
  logical_or: (x, y) => ofBits(bits(x) | bits(y)),
  logical_xor: (x, y) => ofBits(bits(x) ^ bits(y)),
  max: (x, y) => picked(x, y, 1, false),
  max_mag: (x, y) => picked(x, y, 1, true),
  min: (x, y) => picked(x, y, -1, false),
  min_mag: (x, y) => picked(x, y, -1, true),
  next_toward: (x, y) => {
    const towards = order(x, y);
    if (Number.isNaN(towards)) return NAN;
    return towards === 0 ? withSign(x, isNegative(y)) : neighbour(x, towards < 0 ? 1 : -1);
  },
  remainder_near: nearRemainder,
  rotate: (x, y) => shifted(x, y, true),
  same_quantum: sameQuantum,
  scaleb: scaled,
  shift: (x, y) => shifted(x, y, false),
};

/** Methods with a rounding mode. */
export const ROUNDING: Readonly<Record<string, (x: DecimalNumber, mode?: string) => DecimalNumber>> = {
  to_integral: integral,
  to_integral_exact: integral,
  to_integral_value: integral,
};

export { fusedProduct, quantized };
