// Python's datetime.timedelta: an exact span in days, seconds and microseconds, with Python's arithmetic, text and
// rounding.
import {
  divideNearest,
  floatRatio,
  floorDiv,
  MICROS_PER_DAY,
  MICROS_PER_SECOND,
  pad,
  roundHalfEven,
} from './calendar.ts';
import { callable } from './callable.ts';
import { makeFloat, PyFloat } from './float.ts';
import { JinjaError, typeError, valueError } from './python-error.ts';
import { typeName } from './type-name.ts';
import type { HostObject, Value } from './value.ts';
import { narrow } from './arithmetic.ts';

const MAX_DAYS = 999_999_999;

/** Arguments of `timedelta(...)` in positional order, with their length in microseconds. */
const UNITS = [
  ['days', MICROS_PER_DAY],
  ['seconds', MICROS_PER_SECOND],
  ['microseconds', 1n],
  ['milliseconds', 1000n],
  ['minutes', 60n * MICROS_PER_SECOND],
  ['hours', 3600n * MICROS_PER_SECOND],
  ['weeks', 7n * MICROS_PER_DAY],
] as const;

export type TimedeltaUnit = (typeof UNITS)[number][0];

export class PyTimedelta implements HostObject {
  readonly jinjaType = 'datetime.timedelta';
  /** The whole span in microseconds; may be negative. */
  readonly micros: bigint;

  constructor(micros: bigint) {
    const days = floorDiv(micros, MICROS_PER_DAY);
    if (days > MAX_DAYS || days < -MAX_DAYS) {
      throw new JinjaError('OverflowError', `days=${days}; must have magnitude <= 999999999`);
    }
    this.micros = micros;
  }

  /** `timedelta(days=…, seconds=…, …)`: ints and floats are summed exactly and rounded half to even at the end. */
  static of(parts: Partial<Record<TimedeltaUnit, Value>>): PyTimedelta {
    let total = 0n;
    let leftover = 0;
    for (const [unit, length] of UNITS) {
      const value = parts[unit];
      if (value === undefined) continue;
      if (typeof value === 'bigint') total += value * length;
      else if (typeof value === 'boolean') total += value ? length : 0n;
      else {
        const number = value instanceof PyFloat ? value.value : value;
        if (typeof number !== 'number') {
          throw typeError(`unsupported type for timedelta ${unit} component: ${typeName(value)}`);
        }
        if (!Number.isFinite(number))
          throw valueError(`cannot convert float ${Number.isNaN(number) ? 'NaN' : 'infinity'} to integer`);
        const whole = Math.trunc(number);
        total += BigInt(whole) * length;
        const scaled = (number - whole) * Number(length);
        const scaledWhole = Math.trunc(scaled);
        total += BigInt(scaledWhole);
        leftover += scaled - scaledWhole;
      }
    }
    if (leftover !== 0) {
      const rounded = roundHalfEven(leftover);
      const tie = Math.abs(rounded - leftover) === 0.5;
      total += tie ? divideNearest(total * 2n + BigInt(Math.round(leftover * 2)), 2n) - total : BigInt(rounded);
    }
    return new PyTimedelta(total);
  }

  static ofSeconds(seconds: number): PyTimedelta {
    return new PyTimedelta(BigInt(seconds) * MICROS_PER_SECOND);
  }

  get days(): number {
    return Number(floorDiv(this.micros, MICROS_PER_DAY));
  }

  /** Seconds within the day: 0 to 86,399. */
  get seconds(): number {
    return Number((this.micros - BigInt(this.days) * MICROS_PER_DAY) / MICROS_PER_SECOND);
  }

  /** Microseconds within the second: 0 to 999,999. */
  get microseconds(): number {
    return Number(this.micros - floorDiv(this.micros, MICROS_PER_SECOND) * MICROS_PER_SECOND);
  }

  totalSeconds(): number {
    return Number(this.micros) / 1e6;
  }

  jinjaGet(name: string): Value | undefined {
    switch (name) {
      case 'days':
        return this.days;
      case 'seconds':
        return this.seconds;
      case 'microseconds':
        return this.microseconds;
      case 'total_seconds':
        return callable(name, '', () => makeFloat(this.totalSeconds()));
      case 'min':
        return new PyTimedelta(BigInt(-MAX_DAYS) * MICROS_PER_DAY);
      case 'max':
        return new PyTimedelta(BigInt(MAX_DAYS + 1) * MICROS_PER_DAY - 1n);
      case 'resolution':
        return new PyTimedelta(1n);
      default:
        return undefined;
    }
  }

  jinjaText(): string {
    const { days, seconds, microseconds } = this;
    const clock = `${Math.floor(seconds / 3600)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}`;
    const dayText = days === 0 ? '' : `${days} day${Math.abs(days) === 1 ? '' : 's'}, `;
    return dayText + clock + (microseconds === 0 ? '' : `.${pad(microseconds, 6)}`);
  }

  jinjaRepr(): string {
    const args = (['days', 'seconds', 'microseconds'] as const)
      .filter((k) => this[k] !== 0)
      .map((k) => `${k}=${this[k]}`);
    return `datetime.timedelta(${args.length > 0 ? args.join(', ') : '0'})`;
  }

  jinjaTruth(): boolean {
    return this.micros !== 0n;
  }

  jinjaEquals(other: Value): boolean {
    return other instanceof PyTimedelta && other.micros === this.micros;
  }

  jinjaHash(): string {
    return `timedelta:${this.micros}`;
  }

  jinjaCompare(other: Value): number | undefined {
    if (!(other instanceof PyTimedelta)) return undefined;
    return this.micros < other.micros ? -1 : this.micros > other.micros ? 1 : 0;
  }

  jinjaUnary(op: '+' | '-'): Value {
    return op === '-' ? new PyTimedelta(-this.micros) : this;
  }

  jinjaBinary(op: string, other: Value, reflected: boolean): Value | undefined {
    if (other instanceof PyTimedelta) {
      const [a, b] = reflected ? [other.micros, this.micros] : [this.micros, other.micros];
      switch (op) {
        case '+':
          return new PyTimedelta(a + b);
        case '-':
          return new PyTimedelta(a - b);
        case '//':
          return narrow(floorDiv(a, nonZero(b)));
        case '%':
          return new PyTimedelta(a - floorDiv(a, nonZero(b)) * b);
        case '/':
          nonZero(b);
          return makeFloat(Number(a) / Number(b));
        default:
          return undefined;
      }
    }
    const ratio = ratioOf(other);
    if (ratio === undefined) return undefined;
    const [numerator, denominator, isInt] = ratio;
    if (op === '*') return new PyTimedelta(divideNearest(this.micros * numerator, denominator));
    if (reflected) return undefined;
    if (op === '/') return new PyTimedelta(divideNearest(this.micros * denominator, nonZero(numerator)));
    if (op === '//' && isInt) return new PyTimedelta(floorDiv(this.micros, nonZero(numerator)));
    return undefined;
  }
}

function ratioOf(value: Value): [bigint, bigint, boolean] | undefined {
  if (typeof value === 'bigint') return [value, 1n, true];
  if (typeof value === 'boolean') return [value ? 1n : 0n, 1n, true];
  const number = value instanceof PyFloat ? value.value : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) return undefined;
  const [numerator, denominator] = floatRatio(number);
  return [numerator, denominator, !(value instanceof PyFloat) && Number.isInteger(number)];
}

function nonZero(x: bigint): bigint {
  if (x === 0n) throw new JinjaError('ZeroDivisionError', 'integer division or modulo by zero');
  return x;
}
