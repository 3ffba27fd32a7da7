// Arithmetic as in Python: `+ - * / // % **` and the signs. Ints are unlimited, floats are distinct from ints, and
// unlike types are not coerced.
import { bounded, checkItems, checkText } from './budget.ts';
import { numericOf } from './equality.ts';
import { makeFloat, PyFloat } from './float.ts';
import { formatPercent } from './percent-format.ts';
import { floatPower } from './power.ts';
import { JinjaError, typeError } from './python-error.ts';
import { PyTuple } from './tuple.ts';
import { qualifiedTypeName, typeName } from './type-name.ts';
import type { Value } from './value.ts';

export type BinaryOperator = '+' | '-' | '*' | '/' | '//' | '%' | '**';

/** Maximum size of a result in bits. A larger computation would not end in useful time. */
const MAX_BITS = 4_000_000;

/** `a + b`. */
export function add(a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number') {
    const r = a + b;
    if (Number.isInteger(a) && Number.isInteger(b)) return Number.isSafeInteger(r) ? r : narrow(BigInt(a) + BigInt(b));
    return makeFloat(r);
  }
  if (typeof a === 'string' && typeof b === 'string') return bounded(a + b);
  return binary('+', a, b);
}

/** `a - b`. */
export function subtract(a: Value, b: Value): Value {
  if (typeof a === 'number' && typeof b === 'number') {
    const r = a - b;
    if (Number.isInteger(a) && Number.isInteger(b)) return Number.isSafeInteger(r) ? r : narrow(BigInt(a) - BigInt(b));
    return makeFloat(r);
  }
  return binary('-', a, b);
}

/** `a * b`. */
export function multiply(a: Value, b: Value): Value {
  return binary('*', a, b);
}

/** `a / b`: always a float, even of two ints. */
export function divide(a: Value, b: Value): Value {
  return binary('/', a, b);
}

/** `a // b`. */
export function floorDivide(a: Value, b: Value): Value {
  return binary('//', a, b);
}

/** `a % b`; formats if `a` is a str. */
export function modulo(a: Value, b: Value): Value {
  if (typeof a === 'string') return formatPercent(a, b);
  return binary('%', a, b);
}

/** `a ** b`. */
export function power(a: Value, b: Value): Value {
  return binary('**', a, b);
}

/** `-v`. */
export function negate(v: Value): Value {
  const n = numericOf(v);
  if (n !== undefined) {
    if (typeof n === 'bigint') return narrow(-n);
    return v instanceof PyFloat ? makeFloat(-n) : Number.isInteger(n) ? 0 - n : -n;
  }
  return unary('-', v);
}

/** `+v`. */
export function positive(v: Value): Value {
  const n = numericOf(v);
  if (n !== undefined) return v instanceof PyFloat ? v : n;
  return unary('+', v);
}

/** Normalizes an int: a number while it is exact, otherwise a bigint. */
export function narrow(v: bigint): number | bigint {
  return v >= -9007199254740991n && v <= 9007199254740991n ? Number(v) : v;
}

/** Whether a numeric value is a float. */
export function isFloat(v: Value): boolean {
  return v instanceof PyFloat || (typeof v === 'number' && !Number.isInteger(v));
}

function unary(op: '+' | '-', v: Value): Value {
  if (typeof v === 'object' && v !== null && !Array.isArray(v)) {
    const r = v.jinjaUnary?.(op);
    if (r !== undefined) return r;
  }
  throw typeError(`bad operand type for unary ${op}: '${typeName(v)}'`);
}

function binary(op: BinaryOperator, a: Value, b: Value): Value {
  const x = numericOf(a);
  const y = numericOf(b);
  if (x !== undefined && y !== undefined) {
    return isFloat(a) || isFloat(b) ? makeFloatResult(op, toFloat(x), toFloat(y)) : integers(op, x, y);
  }
  if (op === '+') {
    if (Array.isArray(a) && Array.isArray(b)) {
      checkItems(a.length + b.length);
      return a.concat(b);
    }
  } else if (op === '*') {
    const repeated = repeat(a, b, y) ?? repeat(b, a, x);
    if (repeated !== undefined) return repeated;
  }
  if (typeof a === 'object' && a !== null && !Array.isArray(a)) {
    const r = a.jinjaBinary?.(op, b, false);
    if (r !== undefined) return r;
  }
  if (typeof b === 'object' && b !== null && !Array.isArray(b)) {
    const r = b.jinjaBinary?.(op, a, true);
    if (r !== undefined) return r;
  }
  throw unsupported(op, a, b);
}

function unsupported(op: BinaryOperator, a: Value, b: Value): JinjaError {
  if (op === '+' && (typeof a === 'string' || Array.isArray(a) || a instanceof PyTuple)) {
    const name = a instanceof PyTuple ? 'tuple' : typeName(a);
    return typeError(`can only concatenate ${name} (not "${typeName(b)}") to ${name}`);
  }
  const repeats = (v: Value): boolean => isSequence(v) || typeName(v) === 'bytes';
  if (op === '*' && (repeats(a) || repeats(b))) {
    return typeError(`can't multiply sequence by non-int of type '${typeName(repeats(a) ? b : a)}'`);
  }
  const sign = op === '**' ? '** or pow()' : op;
  return typeError(`unsupported operand type(s) for ${sign}: '${operandName(a)}' and '${operandName(b)}'`);
}

/** This message names datetime types with their module, as CPython does for types implemented in C. */
function operandName(v: Value): string {
  const full = qualifiedTypeName(v);
  return full.startsWith('datetime.') ? full : typeName(v);
}

function isSequence(v: Value): boolean {
  return typeof v === 'string' || Array.isArray(v) || v instanceof PyTuple;
}

function repeat(sequence: Value, times: Value, n: number | bigint | undefined): Value | undefined {
  if (!isSequence(sequence) || n === undefined || isFloat(times)) return undefined;
  if (typeof n === 'bigint') throw new JinjaError('OverflowError', "cannot fit 'int' into an index-sized integer");
  const count = n < 0 ? 0 : n;
  const length =
    typeof sequence === 'string'
      ? sequence.length
      : Array.isArray(sequence)
        ? sequence.length
        : (sequence as PyTuple).items.length;
  (typeof sequence === 'string' ? checkText : checkItems)(length * count);
  if (typeof sequence === 'string') return sequence.repeat(count);
  const items = Array.isArray(sequence) ? sequence : (sequence as PyTuple).items;
  const out: Value[] = [];
  for (let i = 0; i < count; i++) for (const item of items) out.push(item);
  return Array.isArray(sequence) ? out : new PyTuple(out);
}

function toFloat(n: number | bigint): number {
  const x = Number(n);
  if (typeof n === 'bigint' && !Number.isFinite(x))
    throw new JinjaError('OverflowError', 'int too large to convert to float');
  return x;
}

function zeroDivision(message: string): JinjaError {
  return new JinjaError('ZeroDivisionError', message);
}

function makeFloatResult(op: BinaryOperator, x: number, y: number): Value {
  switch (op) {
    case '+':
      return makeFloat(x + y);
    case '-':
      return makeFloat(x - y);
    case '*':
      return makeFloat(x * y);
    case '/':
      if (y === 0) throw zeroDivision('float division by zero');
      return makeFloat(x / y);
    case '//':
      if (y === 0) throw zeroDivision('float floor division by zero');
      return makeFloat(floatFloorDivide(x, y));
    case '%':
      if (y === 0) throw zeroDivision('float modulo');
      return makeFloat(floatModulo(x, y));
    case '**': {
      if (x === 0 && y < 0) throw zeroDivision('0.0 cannot be raised to a negative power');
      if (x < 0 && Number.isFinite(x) && !Number.isInteger(y) && Number.isFinite(y)) {
        throw new JinjaError('ValueError', 'a negative number cannot be raised to a fractional power');
      }
      if (x === 1 || (x === -1 && !Number.isFinite(y) && !Number.isNaN(y))) return makeFloat(1);
      const r = floatPower(x, y);
      if (!Number.isFinite(r) && Number.isFinite(x) && Number.isFinite(y)) {
        throw new JinjaError('OverflowError', "(34, 'Numerical result out of range')");
      }
      return makeFloat(r);
    }
  }
}

function floatModulo(x: number, y: number): number {
  const r = x % y;
  if (r === 0) return y < 0 ? -0 : 0;
  return r < 0 !== y < 0 ? r + y : r;
}

function floatFloorDivide(x: number, y: number): number {
  const div = (x - floatModulo(x, y)) / y;
  if (div === 0) return x / y < 0 || Object.is(x / y, -0) ? -0 : 0;
  const floor = Math.floor(div);
  return div - floor > 0.5 ? floor + 1 : floor;
}

function integers(op: BinaryOperator, x: number | bigint, y: number | bigint): Value {
  const small = typeof x === 'number' && typeof y === 'number';
  switch (op) {
    case '+': {
      const r = small ? x + y : Number.NaN;
      return Number.isSafeInteger(r) ? r : narrow(BigInt(x) + BigInt(y));
    }
    case '-': {
      const r = small ? x - y : Number.NaN;
      return Number.isSafeInteger(r) ? r : narrow(BigInt(x) - BigInt(y));
    }
    case '*': {
      const r = small ? x * y : Number.NaN;
      if (Number.isSafeInteger(r)) return r + 0;
      if (bits(x) + bits(y) > MAX_BITS) throw tooLarge();
      return narrow(BigInt(x) * BigInt(y));
    }
    case '/':
      if (Number(y) === 0) throw zeroDivision('division by zero');
      return makeFloat(small ? x / y : divideBig(BigInt(x), BigInt(y)));
    case '//': {
      if (Number(y) === 0) throw zeroDivision('integer division or modulo by zero');
      if (small) return (x - integerModulo(x, y)) / y + 0;
      const r = BigInt(x) / BigInt(y);
      return narrow(bigModulo(BigInt(x), BigInt(y)) !== 0n && x < 0n !== y < 0n ? r - 1n : r);
    }
    case '%':
      if (Number(y) === 0) throw zeroDivision('integer modulo by zero');
      return small ? integerModulo(x, y) : narrow(bigModulo(BigInt(x), BigInt(y)));
    case '**':
      return integerPower(x, y);
  }
}

function integerModulo(x: number, y: number): number {
  const r = x % y;
  return r !== 0 && r < 0 !== y < 0 ? r + y : r + 0;
}

function bigModulo(x: bigint, y: bigint): bigint {
  const r = x % y;
  return r !== 0n && r < 0n !== y < 0n ? r + y : r;
}

function divideBig(x: bigint, y: bigint): number {
  const negative = x < 0n !== y < 0n;
  const a = x < 0n ? -x : x;
  const b = y < 0n ? -y : y;
  // 64 significant bits and a sticky bit round to the same double as the exact quotient.
  const shift = Math.max(0, 66 - (bits(a) - bits(b)));
  const scaled = (a << BigInt(shift)) / b;
  const sticky = (a << BigInt(shift)) % b === 0n ? 0n : 1n;
  const r = Number((scaled << 1n) | sticky) / 2 ** (shift + 1);
  if (!Number.isFinite(r)) throw new JinjaError('OverflowError', 'integer division result too large for a float');
  return negative ? -r : r;
}

function integerPower(x: number | bigint, y: number | bigint): Value {
  if (y < 0) {
    if (Number(x) === 0) throw zeroDivision('0.0 cannot be raised to a negative power');
    return makeFloat(floatPower(toFloat(x), toFloat(y)));
  }
  const r = Number(x) ** Number(y);
  if (Number.isSafeInteger(r)) return r + 0;
  if (bits(x) * Number(y) > MAX_BITS) throw tooLarge();
  return narrow(BigInt(x) ** BigInt(y));
}

function tooLarge(): JinjaError {
  return new JinjaError('OverflowError', 'the integer is larger than a template may build');
}

function bits(v: number | bigint): number {
  return typeof v === 'number' ? Math.ceil(Math.log2(Math.abs(v) + 1)) : v.toString(16).length * 4;
}
