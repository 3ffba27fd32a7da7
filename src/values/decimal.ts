// Python's Decimal, the type of numeric columns. Exact: keeps every digit and trailing zero of its text.
import { narrow } from './arithmetic.ts';
import { makeFloat } from './float.ts';
import { numericOf } from './equality.ts';
import { JinjaError } from './python-error.ts';
import type { HostObject, Value } from './value.ts';

const PRECISION = 28;

/** An exact decimal number: coefficient × 10^exponent. */
export class PyDecimal implements HostObject {
  readonly jinjaType = 'decimal.Decimal';
  readonly coefficient: bigint;
  readonly exponent: number;
  /** `NaN`, `Infinity` or `-Infinity`, if the number is not finite. */
  readonly special: string | undefined;

  /** Whether this is a negative zero. */
  readonly minus: boolean;

  constructor(coefficient: bigint, exponent: number, special?: string, minus = false) {
    this.minus = minus;
    this.coefficient = coefficient;
    this.exponent = exponent;
    this.special = special;
  }

  /**
   * @param text as databases or Python write it: `-12.50`, `1E+3`, `NaN`
   * @throws JinjaError if the text is not a number
   */
  static from(text: string | number | bigint): PyDecimal {
    const source = String(text).trim();
    const match = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(source);
    if (match === null || (match[2] === '' && !match[3])) {
      const special = /^([+-]?)(nan|inf(?:inity)?)$/i.exec(source);
      if (special === null) throw new JinjaError('ValueError', `[<class 'decimal.ConversionSyntax'>]`);
      return new PyDecimal(0n, 0, /nan/i.test(source) ? 'NaN' : special[1] === '-' ? '-Infinity' : 'Infinity');
    }
    const [, sign, whole = '', fraction = '', exponent = '0'] = match;
    const coefficient = BigInt(whole + fraction);
    return new PyDecimal(
      sign === '-' ? -coefficient : coefficient,
      Number(exponent) - fraction.length,
      undefined,
      sign === '-' && coefficient === 0n,
    );
  }

  toNumber(): number {
    return Number(this.jinjaText());
  }

  jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'real':
        return this;
      case 'imag':
        return new PyDecimal(0n, 0);
      case 'is_nan':
        return () => this.special === 'NaN';
      case 'is_finite':
        return () => this.special === undefined;
      case 'to_integral_value':
        return () => this.quantized(0);
      case 'normalize':
        return () => this.#normalized();
      default:
        return undefined;
    }
  }

  jinjaText(): string {
    if (this.special !== undefined) return this.special;
    const negative = this.coefficient < 0n;
    const digits = (negative ? -this.coefficient : this.coefficient).toString();
    const adjusted = digits.length - 1 + this.exponent;
    const sign = negative || this.minus ? '-' : '';
    if (this.exponent > 0 || adjusted < -6) {
      const fraction = digits.slice(1);
      return `${sign}${digits[0]}${fraction ? `.${fraction}` : ''}E${adjusted < 0 ? '-' : '+'}${Math.abs(adjusted)}`;
    }
    if (this.exponent === 0) return sign + digits;
    const padded = digits.padStart(1 - this.exponent, '0');
    return `${sign}${padded.slice(0, this.exponent)}.${padded.slice(this.exponent)}`;
  }

  jinjaRepr(): string {
    return `Decimal('${this.jinjaText()}')`;
  }

  jinjaTruth(): boolean {
    return this.special !== undefined || this.coefficient !== 0n;
  }

  jinjaEquals(other: Value): boolean {
    return this.#order(other) === 0;
  }

  jinjaCompare(other: Value): number | undefined {
    return this.#order(other);
  }

  jinjaKey(): Value | undefined {
    if (this.special !== undefined) return undefined;
    if (this.exponent >= 0 || this.coefficient % 10n ** BigInt(-this.exponent) === 0n)
      return narrow(this.whole('floor'));
    const near = makeFloat(this.toNumber());
    return this.#order(near) === 0 ? near : undefined;
  }

  jinjaHash(): string {
    const { coefficient, exponent, special } = this.#normalized();
    return `decimal ${special ?? `${coefficient}e${exponent}`}`;
  }

  jinjaBinary(op: string, other: Value, reflected: boolean): Value | undefined {
    const n = numericOf(other);
    const that =
      other instanceof PyDecimal
        ? other
        : n !== undefined && (typeof n === 'bigint' || (Number.isInteger(n) && typeof other !== 'object'))
          ? PyDecimal.from(n)
          : undefined;
    if (that === undefined) return undefined;
    const [a, b] = reflected ? [that, this] : [this, that];
    const result = a.#compute(op, b);
    return result instanceof PyDecimal &&
      result.coefficient === 0n &&
      result.special === undefined &&
      zeroIsNegative(op, a, b)
      ? new PyDecimal(0n, result.exponent, undefined, true)
      : result;
  }

  jinjaUnary(op: '+' | '-'): Value | undefined {
    return new PyDecimal(op === '-' ? -this.coefficient : this.coefficient, this.exponent, this.special);
  }

  /** Number of digits, without the point and the sign. */
  get digits(): number {
    return String(this.coefficient < 0n ? -this.coefficient : this.coefficient).length;
  }

  /** Rounds half to even to that many decimal places. */
  quantized(places: number): PyDecimal {
    if (this.special !== undefined) return this;
    const shift = this.exponent + places;
    const coefficient =
      shift >= 0 ? this.coefficient * 10n ** BigInt(shift) : roundedQuotient(this.coefficient, 10n ** BigInt(-shift));
    return new PyDecimal(coefficient, -places, undefined, coefficient === 0n && (this.minus || this.coefficient < 0n));
  }

  /**
   * `math.floor` and `math.ceil`.
   * @throws JinjaError `cannot convert NaN to integer`
   */
  whole(method: 'floor' | 'ceil'): bigint {
    if (this.special !== undefined)
      throw new JinjaError(
        this.special === 'NaN' ? 'ValueError' : 'OverflowError',
        `cannot convert ${this.special.replace('-', '')} to integer`,
      );
    if (this.exponent >= 0) return this.coefficient * 10n ** BigInt(this.exponent);
    const unit = 10n ** BigInt(-this.exponent);
    const quotient = this.coefficient / unit;
    const rest = this.coefficient % unit;
    return method === 'floor' ? (rest < 0n ? quotient - 1n : quotient) : rest > 0n ? quotient + 1n : quotient;
  }

  toJsonValue(): unknown {
    return this.toNumber();
  }

  /** Converts to the nearest float. */
  toFloat(): Value {
    return makeFloat(this.toNumber());
  }

  #normalized(): PyDecimal {
    let { coefficient, exponent } = this;
    if (coefficient === 0n) return new PyDecimal(0n, 0, this.special);
    while (coefficient % 10n === 0n) {
      coefficient /= 10n;
      exponent++;
    }
    return new PyDecimal(coefficient, exponent, this.special);
  }

  #order(other: Value): number | undefined {
    const n = numericOf(other);
    if (n === undefined && !(other instanceof PyDecimal)) return undefined;
    const that = other instanceof PyDecimal ? other : exactly(n as number | bigint);
    if (this.special !== undefined || that.special !== undefined)
      return (
        this.toNumber() - that.toNumber() || (this.special === that.special && this.special !== 'NaN' ? 0 : Number.NaN)
      );
    const [a, b] = aligned(this, that);
    return a < b ? -1 : a > b ? 1 : 0;
  }

  #compute(op: string, that: PyDecimal): Value | undefined {
    const exponent = Math.min(this.exponent, that.exponent);
    const [a, b] = aligned(this, that);
    switch (op) {
      case '+':
        return rounded(a + b, exponent);
      case '-':
        return rounded(a - b, exponent);
      case '*':
        return rounded(this.coefficient * that.coefficient, this.exponent + that.exponent);
      case '/': {
        if (that.coefficient === 0n) throw zeroDivision(a === 0n ? 'DivisionUndefined' : 'DivisionByZero');
        const shift = PRECISION + 2 + digitsOf(that.coefficient);
        const quotient = (this.coefficient * 10n ** BigInt(shift)) / that.coefficient;
        const exact = quotient * that.coefficient === this.coefficient * 10n ** BigInt(shift);
        const result = rounded(quotient, this.exponent - that.exponent - shift);
        return exact ? shortened(result, this.exponent - that.exponent) : result;
      }
      case '//':
      case '%': {
        if (b === 0n)
          throw zeroDivision(a === 0n ? 'DivisionUndefined' : op === '%' ? 'InvalidOperation' : 'DivisionByZero');
        if (digitsOf(a / b) > PRECISION) throw zeroDivision('DivisionImpossible');
        return op === '//' ? new PyDecimal(a / b, 0) : rounded(a % b, exponent);
      }
      case '**': {
        const n = Number(that.jinjaText());
        if (this.coefficient === 0n && n === 0) throw zeroDivision('InvalidOperation');
        if (this.coefficient === 0n && n > 0) return new PyDecimal(0n, 0);
        if (this.coefficient === 0n) return PyDecimal.from(this.minus && n % 2 !== 0 ? '-Infinity' : 'Infinity');
        if (Number.isInteger(n) && n >= 0 && n < 1000) return rounded(this.coefficient ** BigInt(n), this.exponent * n);
        if (Number.isInteger(n) && n < 0 && n > -1000 && this.coefficient !== 0n)
          return new PyDecimal(1n, 0).#compute('/', new PyDecimal(this.coefficient ** BigInt(-n), this.exponent * -n));
        return PyDecimal.from(this.toNumber() ** n);
      }
      default:
        return undefined;
    }
  }
}

function zeroDivision(signal: string): JinjaError {
  return new JinjaError('ZeroDivisionError', `[<class 'decimal.${signal}'>]`);
}

/** The exact decimal value of a double. */
function exactly(n: number | bigint): PyDecimal {
  if (typeof n === 'bigint' || Number.isInteger(n) || !Number.isFinite(n)) return PyDecimal.from(n);
  let scaled = n;
  let places = 0;
  for (; !Number.isInteger(scaled); scaled *= 2) places++;
  return new PyDecimal(BigInt(scaled) * 5n ** BigInt(places), -places);
}

/** Whether a zero result is negative. */
function zeroIsNegative(op: string, a: PyDecimal, b: PyDecimal): boolean {
  const [x, y] = [a, b].map((v) => v.coefficient < 0n || v.minus);
  switch (op) {
    case '+':
      return x === true && y === true;
    case '-':
      return x === true && y === false && a.minus;
    case '%':
      return x === true;
    case '**':
      return x === true && Math.abs(b.toNumber()) % 2 === 1;
    case '*':
    case '/':
    case '//':
      return x !== y;
    default:
      return false;
  }
}

function aligned(a: PyDecimal, b: PyDecimal): [bigint, bigint] {
  const exponent = Math.min(a.exponent, b.exponent);
  return [a.coefficient * 10n ** BigInt(a.exponent - exponent), b.coefficient * 10n ** BigInt(b.exponent - exponent)];
}

function digitsOf(n: bigint): number {
  return n.toString().replace('-', '').length;
}

/** Rounds to at most 28 significant digits, Python's default context. */
function rounded(coefficient: bigint, exponent: number): PyDecimal {
  const extra = digitsOf(coefficient) - PRECISION;
  if (extra <= 0) return new PyDecimal(coefficient, exponent);
  return new PyDecimal(roundedQuotient(coefficient, 10n ** BigInt(extra)), exponent + extra);
}

/** An exact quotient drops trailing zeros down to its ideal exponent. */
function shortened(value: PyDecimal, ideal: number): PyDecimal {
  let { coefficient, exponent } = value;
  while (exponent < ideal && coefficient % 10n === 0n && coefficient !== 0n) {
    coefficient /= 10n;
    exponent++;
  }
  return coefficient === 0n ? new PyDecimal(0n, ideal) : new PyDecimal(coefficient, exponent);
}

function roundedQuotient(n: bigint, divisor: bigint): bigint {
  const negative = n < 0n;
  const abs = negative ? -n : n;
  let quotient = abs / divisor;
  const rest = (abs % divisor) * 2n;
  if (rest > divisor || (rest === divisor && quotient % 2n === 1n)) quotient++;
  return negative ? -quotient : quotient;
}
