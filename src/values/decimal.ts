// Python's Decimal, the type of numeric columns. Exact: keeps every digit and trailing zero of its text.
import { narrow } from './arithmetic.ts';
import { callable } from './callable.ts';
import {
  aligned,
  atExponent,
  BINARY,
  type DecimalNumber,
  digitsOf,
  finite,
  fusedProduct,
  isNegative,
  negated,
  normalized,
  order,
  PRECISION,
  quantized,
  rounded,
  ROUNDING,
  shortened,
  signalError,
  TINY,
  UNARY,
} from './decimal-math.ts';
import { makeFloat, PyFloat } from './float.ts';
import { numericOf } from './equality.ts';
import { NamedTuple } from './named-tuple.ts';
import { JinjaError, typeError } from './python-error.ts';
import { PyTuple } from './tuple.ts';
import { typeName } from './type-name.ts';
import type { HostObject, Value } from './value.ts';

/** An exact decimal number: coefficient × 10^exponent. */
export class PyDecimal implements HostObject, DecimalNumber {
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

  static of({ coefficient, exponent, special, minus }: DecimalNumber): PyDecimal {
    return new PyDecimal(coefficient, exponent, special, minus);
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

  /** Every method of Python's Decimal. `context` is accepted and ignored: templates cannot make one. */
  jinjaGet(name: string): Value | undefined {
    if (Object.hasOwn(UNARY, name)) return callable(name, 'context=None', () => toValue(UNARY[name]?.(this)));
    if (Object.hasOwn(BINARY, name)) {
      return callable(name, 'other, context=None', (other) => toValue(BINARY[name]?.(this, operand(other))));
    }
    if (Object.hasOwn(ROUNDING, name)) {
      return callable(name, 'rounding=None, context=None', (mode) => toValue(ROUNDING[name]?.(this, modeOf(mode))));
    }
    switch (name) {
      case 'real':
        return this;
      case 'imag':
        return new PyDecimal(0n, 0);
      case 'as_integer_ratio':
        return callable(name, '', () => this.#ratio());
      case 'as_tuple':
        return callable(name, '', () => this.#tuple());
      case 'fma':
        return callable(name, 'other, third, context=None', (other, third) =>
          toValue(fusedProduct(this, operand(other), operand(third))),
        );
      case 'from_float':
        return callable(name, 'f', (f) => fromFloat(f));
      case 'quantize':
        return callable(name, 'exp, rounding=None, context=None', (exp, mode) =>
          toValue(quantized(this, operand(exp), modeOf(mode))),
        );
      case 'to_eng_string':
        return callable(name, 'context=None', () => this.#text(3));
      default:
        return undefined;
    }
  }

  #ratio(): PyTuple {
    const whole = this.whole('floor', ' ratio');
    if (this.exponent >= 0) return new PyTuple([narrow(whole), 1]);
    let [a, b] = [this.coefficient, 10n ** BigInt(-this.exponent)];
    for (const prime of [2n, 5n]) {
      while (b % prime === 0n && a % prime === 0n) [a, b] = [a / prime, b / prime];
    }
    return new PyTuple([narrow(a), narrow(b)]);
  }

  #tuple(): PyTuple {
    const digits =
      this.special === undefined
        ? Array.from(String(this.coefficient).replace('-', ''), Number)
        : this.special === 'NaN'
          ? []
          : [0];
    return new NamedTuple('DecimalTuple', [
      ['sign', isNegative(this) ? 1 : 0],
      ['digits', new PyTuple(digits)],
      ['exponent', this.special === undefined ? this.exponent : this.special === 'NaN' ? 'n' : 'F'],
    ]);
  }

  jinjaText(): string {
    return this.#text(1);
  }

  /** @param step exponents of ten are multiples of it */
  #text(step: 1 | 3): string {
    if (this.special !== undefined) return this.special;
    let digits = String(this.coefficient).replace('-', '');
    let adjusted = digits.length - 1 + this.exponent;
    const sign = isNegative(this) ? '-' : '';
    if (this.exponent > 0 || adjusted < -6) {
      // Before the point are one to three digits; of zero, the exponent is the next multiple.
      const zero = step === 3 && this.coefficient === 0n;
      if (zero) adjusted += 2;
      const before = zero ? 1 : (((adjusted % step) + step) % step) + 1;
      const exponent = zero ? adjusted - (((adjusted % 3) + 3) % 3) : adjusted - before + 1;
      if (zero) digits = '0'.padEnd(1 + exponent - this.exponent, '0');
      const whole = digits.slice(0, before).padEnd(before, '0');
      const fraction = digits.slice(before);
      const power = exponent === 0 ? '' : `E${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`;
      return `${sign}${whole}${fraction ? `.${fraction}` : ''}${power}`;
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
    const { coefficient, exponent, special } = normalized(this);
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
    const { coefficient, exponent, special } = op === '-' ? negated(this) : this;
    return special === undefined ? PyDecimal.of(rounded(coefficient, exponent)) : PyDecimal.from(special);
  }

  /** Number of digits, without the point and the sign. */
  get digits(): number {
    return String(this.coefficient < 0n ? -this.coefficient : this.coefficient).length;
  }

  /** Rounds half to even to that many decimal places. */
  quantized(places: number): PyDecimal {
    return this.special === undefined ? PyDecimal.of(atExponent(this, -places)) : this;
  }

  /**
   * `math.floor` and `math.ceil`.
   * @param what ends the message, for example ` ratio`
   * @throws JinjaError `cannot convert NaN to integer`
   */
  whole(method: 'floor' | 'ceil', what = ''): bigint {
    if (this.special !== undefined)
      throw new JinjaError(
        this.special === 'NaN' ? 'ValueError' : 'OverflowError',
        `cannot convert ${this.special.replace('-', '')} to integer${what}`,
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

  #order(other: Value): number | undefined {
    const n = numericOf(other);
    if (n === undefined && !(other instanceof PyDecimal)) return undefined;
    return order(this, other instanceof PyDecimal ? other : exactly(n as number | bigint));
  }

  #compute(op: string, that: PyDecimal): Value | undefined {
    if (this.special !== undefined || that.special !== undefined) return this.#computeSpecial(op, that);
    const result = this.#computeFinite(op, that);
    return result === undefined || result instanceof PyDecimal ? result : PyDecimal.of(result);
  }

  /** NaN stays NaN, and infinities count as those of floats. */
  #computeSpecial(op: string, that: PyDecimal): PyDecimal | undefined {
    if (this.special === 'NaN' || that.special === 'NaN') return PyDecimal.from('NaN');
    const [a, b] = [this.toNumber(), that.toNumber()];
    // A finite number modulo an infinite one is the number itself, also of the other sign.
    if (op === '%' && this.special === undefined) return PyDecimal.of(rounded(this.coefficient, this.exponent));
    const results: Readonly<Record<string, number>> = {
      ...{ '+': a + b, '-': a - b, '*': a * b, '/': a / b, '//': a / b, '%': Number.NaN, '**': a ** b },
    };
    const result = results[op];
    if (result === undefined) return undefined;
    if (Number.isNaN(result)) throw signalError('InvalidOperation');
    if (op === '/' && result === 0) return PyDecimal.of(finite(0n, TINY, Object.is(result, -0)));
    return PyDecimal.from(Object.is(result, -0) ? '-0' : result);
  }

  #computeFinite(op: string, that: PyDecimal): DecimalNumber | undefined {
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
        if (that.coefficient === 0n)
          throw signalError(a === 0n ? 'DivisionUndefined' : 'DivisionByZero', 'ZeroDivisionError');
        const shift = PRECISION + 2 + digitsOf(that.coefficient);
        const quotient = (this.coefficient * 10n ** BigInt(shift)) / that.coefficient;
        const exact = quotient * that.coefficient === this.coefficient * 10n ** BigInt(shift);
        const result = rounded(quotient, this.exponent - that.exponent - shift);
        return exact ? shortened(result, this.exponent - that.exponent) : result;
      }
      case '//':
      case '%': {
        if (b === 0n)
          throw signalError(
            a === 0n ? 'DivisionUndefined' : op === '%' ? 'InvalidOperation' : 'DivisionByZero',
            'ZeroDivisionError',
          );
        if (digitsOf(a / b) > PRECISION) throw signalError('DivisionImpossible', 'ZeroDivisionError');
        return op === '//' ? new PyDecimal(a / b, 0) : rounded(a % b, exponent);
      }
      case '**': {
        const n = Number(that.jinjaText());
        if (this.coefficient === 0n && n === 0) throw signalError('InvalidOperation', 'ZeroDivisionError');
        if (this.coefficient === 0n && n > 0) return new PyDecimal(0n, 0);
        if (this.coefficient === 0n) return PyDecimal.from(this.minus && n % 2 !== 0 ? '-Infinity' : 'Infinity');
        if (Number.isInteger(n) && n >= 0 && n < 1000) return rounded(this.coefficient ** BigInt(n), this.exponent * n);
        if (Number.isInteger(n) && n < 0 && n > -1000 && this.coefficient !== 0n)
          return new PyDecimal(1n, 0).#computeFinite(
            '/',
            new PyDecimal(this.coefficient ** BigInt(-n), this.exponent * -n),
          );
        return PyDecimal.from(this.toNumber() ** n);
      }
      default:
        return undefined;
    }
  }
}

function toValue(found: DecimalNumber | boolean | string | number | undefined): Value {
  return typeof found === 'object' ? PyDecimal.of(found) : (found ?? null);
}

/** The other number of a method. @throws JinjaError TypeError for floats and texts, as in Python */
function operand(value: Value | undefined): DecimalNumber {
  if (value instanceof PyDecimal) return value;
  if (typeof value === 'boolean' || typeof value === 'bigint' || Number.isInteger(value)) {
    return PyDecimal.from(typeof value === 'boolean' ? Number(value) : String(value));
  }
  throw typeError(`conversion from ${typeName(value ?? null)} to Decimal is not supported`);
}

function modeOf(value: Value | undefined): string | undefined {
  return value === null || value === undefined ? undefined : String(value);
}

function fromFloat(value: Value | undefined): PyDecimal {
  if (value instanceof PyFloat) return exactly(value.value);
  if (typeof value === 'number' || typeof value === 'bigint') return exactly(value);
  if (typeof value === 'boolean') return exactly(Number(value));
  throw typeError('argument must be int or float');
}

/** The exact decimal value of a double. */
function exactly(n: number | bigint): PyDecimal {
  if (n === 0 || !Number.isFinite(n)) return PyDecimal.from(Object.is(n, -0) ? '-0' : String(n));
  if (typeof n === 'bigint' || Number.isInteger(n)) return new PyDecimal(BigInt(n), 0);
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
