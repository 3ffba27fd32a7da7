// Python's float where JavaScript cannot distinguish it from an int: a box for integral floats, and the text of a
// float.
import type { HostObject, Value } from './value.ts';

/**
 * Prefix that marks a number in JSON until it is written: an integral float, or an int beyond 2^53, which JSON alone
 * would change. No text of a project begins with it.
 */
const FLOAT_MARK = '\u0010float ';
const JSON_MARK = '"\\u0010float ';
/** An int: `floatRepr` writes a point, an exponent or a name. */
const WHOLE = /^-?\d+$/;
const MARKED = /"\\u0010float ([^"]*)"/g;

/**
 * A float with an integral value (`1.0`, `-0.0`, `1e300`). Other floats are plain numbers; create floats with
 * `makeFloat`.
 */
export class PyFloat implements HostObject {
  readonly jinjaType = 'float';
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  /** Templates reach the attributes of numbers through methods/number-methods.ts. */
  jinjaGet(): undefined {
    return undefined;
  }

  jinjaText(): string {
    return floatRepr(this.value);
  }

  jinjaTruth(): boolean {
    return this.value !== 0;
  }

  toJsonValue(): unknown {
    return this.value;
  }

  /** Marked text that `stringifyJson` turns into a number with a decimal point. JSON alone would drop the point. */
  toJSON(): string {
    return `${FLOAT_MARK}${floatRepr(this.value)}`;
  }
}

/**
 * Serializes a plain tree to JSON; integral floats keep their point: `1.0`. Otherwise like `JSON.stringify`, including
 * what it throws.
 */
export function stringifyJson(value: unknown): string {
  return unmarkFloats(JSON.stringify(value));
}

/** Like `stringifyJson`, for messages and comparisons: also writes ints beyond 2^53. */
export function showJson(value: unknown, indent?: number): string {
  return unmarkFloats(
    JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? String(part) : part), indent) ?? 'null',
  );
}

/** An int beyond 2^53 as a marked text; `JSON.stringify` refuses it. */
export function markInt(value: bigint): string {
  return `${FLOAT_MARK}${value}`;
}

/** JSON of a plain tree whose numbers `parseMarkedJson` reads exactly. */
export function markedJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? markInt(part) : part));
  }
}

/** Whether marked JSON text contains a mark. */
export function holdsMarks(utf8: Uint8Array): boolean {
  return Buffer.from(utf8.buffer, utf8.byteOffset, utf8.byteLength).includes(JSON_MARK);
}

/** Serializes a tree that may contain `PyFloat`s to marked JSON. */
export function unmarkFloats(json: string): string {
  return json.includes(JSON_MARK) ? json.replaceAll(MARKED, '$1') : json;
}

/** Parses marked JSON. */
export function parseMarkedJson(json: string): unknown {
  const tree: unknown = JSON.parse(json);
  return json.includes(JSON_MARK) ? withFloats(tree) : tree;
}

function withFloats(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith(FLOAT_MARK) ? marked(value.slice(FLOAT_MARK.length)) : value;
  if (typeof value !== 'object' || value === null) return value;
  const members = value as { [key: string]: unknown };
  for (const key in members) {
    const member = members[key];
    if (typeof member === 'string' || typeof member === 'object') members[key] = withFloats(member);
  }
  return value;
}

function marked(text: string): unknown {
  return WHOLE.test(text) ? BigInt(text) : new PyFloat(Number(text));
}

/** Creates the Python float with this value. */
export function makeFloat(x: number): Value {
  return Number.isInteger(x) ? new PyFloat(x) : x;
}

/** `repr` of a Python float: `1.0`, `1e+16`, `1e-05`, `inf`, `nan`. */
export function floatRepr(x: number): string {
  if (Number.isNaN(x)) return 'nan';
  if (x === Infinity) return 'inf';
  if (x === -Infinity) return '-inf';
  if (Object.is(x, -0)) return '-0.0';
  const [mantissa = '', exponentText = '0'] = x.toExponential().split('e');
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= 16) {
    const sign = exponent < 0 ? '-' : '+';
    return `${mantissa}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const text = String(x);
  if (text.includes('e')) return smallDecimal(mantissa, exponent);
  return text.includes('.') ? text : `${text}.0`;
}

function smallDecimal(mantissa: string, exponent: number): string {
  const negative = mantissa.startsWith('-');
  const digits = mantissa.replace('-', '').replace('.', '');
  return `${negative ? '-' : ''}0.${'0'.repeat(-exponent - 1)}${digits}`;
}
