// Converts between values and JSON: plain JSON from files and artifacts, and the text of Python's `json.dumps` and
// `json.loads`.
import { EnumMember } from './enum-member.ts';
import { bounded, enter, walk } from './budget.ts';
import { compare } from './comparison.ts';
import { PyDict } from './dict.ts';
import { floatRepr, makeFloat, PyFloat } from './float.ts';
import { numericOf } from './equality.ts';
import { narrow } from './arithmetic.ts';
import { typeError, valueError } from './python-error.ts';
import { toText } from './text.ts';
import { PyTuple } from './tuple.ts';
import { shortTypeName } from './type-name.ts';
import { Undefined } from './undefined.ts';
import type { HostObject, Value } from './value.ts';

/** Converts plain JSON (also a Map, a Set or a Value) to a Value: objects become dicts, integral numbers ints. */
export function fromJson(x: unknown): Value {
  switch (typeof x) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return x;
    case 'number':
      return Number.isInteger(x) && !Number.isSafeInteger(x) ? new PyFloat(x) : x;
    case 'function':
      return x as Value;
    case 'object': {
      if (x === null) return null;
      if (Array.isArray(x)) return x.map(fromJson);
      if ('jinjaType' in x) return x as Value;
      const dict = new PyDict();
      if (x instanceof Map) {
        for (const [key, value] of x as Map<unknown, unknown>) dict.set(fromJson(key), fromJson(value));
      } else {
        for (const key of Object.keys(x)) {
          const value = (x as { [key: string]: unknown })[key];
          if (value !== undefined) dict.set(key, fromJson(value));
        }
      }
      return dict;
    }
    default:
      return null;
  }
}

/**
 * Converts a Value to plain JSON: dicts become objects with text keys, tuples and sets arrays. Other objects convert
 * themselves.
 * @param floats whether an integral float stays a `PyFloat`, as in configs
 * @param missing replaces an undefined value; without it such a value is an error, as in Python's `json.dumps`
 */
export function toJson(v: Value, floats = false, missing?: string | null): unknown {
  if (typeof v !== 'object' || v === null) {
    if (typeof v === 'bigint') return Number(v);
    return typeof v === 'function' ? toText(v) : v;
  }
  const outside = enter();
  try {
    return collectionJson(v, floats, missing);
  } finally {
    walk.depth = outside;
  }
}

function collectionJson(v: HostObject | Value[], floats: boolean, missing: string | null | undefined): unknown {
  if (Array.isArray(v)) return v.map((item) => toJson(item, floats, missing));
  if (v instanceof PyDict) {
    const out: { [key: string]: unknown } = {};
    for (const [key, value] of v.entries()) {
      const name = jsonKey(key) ?? toText(key);
      if (name === '__proto__')
        Object.defineProperty(out, name, {
          value: toJson(value, floats, missing),
          enumerable: true,
          configurable: true,
          writable: true,
        });
      else out[name] = toJson(value, floats, missing);
    }
    return out;
  }
  if (floats && v instanceof PyFloat) return v;
  if (missing !== undefined && v instanceof Undefined) return missing;
  if (v.toJsonValue === undefined) return toText(v);
  const plain = v.toJsonValue();
  return Array.isArray(plain) ? plain.map((item) => toJson(item as Value, floats, missing)) : plain;
}

/** Options of Python's `json.dumps`. */
export interface DumpOptions {
  sortKeys?: boolean;
  indent?: number;
  /** Replaces a value that JSON cannot represent. By default such a value raises. */
  fallback?: ((v: Value) => Value) | undefined;
}

/**
 * `json.dumps(v)`: separators `, ` and `: `, non-ASCII characters escaped, floats as Python writes them.
 * @throws JinjaError `Object of type set is not JSON serializable`
 */
export function dumpJson(v: Value, options: DumpOptions = {}): string {
  return dump(v, options, options.indent === undefined ? undefined : '\n', []);
}

function dump(v: Value, options: DumpOptions, newline: string | undefined, open: Value[]): string {
  if (v === null) return 'null';
  if (typeof v === 'string') return jsonString(v);
  if (typeof v === 'boolean') return v ? 'true' : 'false';
  const n = numericOf(v);
  if (n !== undefined) return typeof n === 'number' ? jsonNumber(v, n) : n.toString();
  if (open.includes(v)) throw valueError('Circular reference detected');
  const outside = enter();
  try {
    return bounded(dumpCollection(v, options, newline, open));
  } finally {
    walk.depth = outside;
  }
}

function dumpCollection(v: Value, options: DumpOptions, newline: string | undefined, open: Value[]): string {
  const inner = newline === undefined ? undefined : newline + ' '.repeat(Math.max(0, options.indent ?? 0));
  if (Array.isArray(v) || v instanceof PyTuple) {
    open.push(v);
    const parts = (Array.isArray(v) ? v : v.items).map((item) => dump(item, options, inner, open));
    open.pop();
    return wrap('[', parts, ']', inner, newline);
  }
  if (v instanceof PyDict) {
    open.push(v);
    const sorted = options.sortKeys ? [...v.entries()].sort(([a], [b]) => compare(a, b)) : [...v.entries()];
    const entries = sorted.map(([key, value]) => {
      const name = jsonKey(key);
      if (name === undefined) throw typeError(`keys must be str, int, float, bool or None, not ${shortTypeName(key)}`);
      return { name, value };
    });
    const parts = entries.map((e) => `${jsonString(e.name)}: ${dump(e.value, options, inner, open)}`);
    open.pop();
    return wrap('{', parts, '}', inner, newline);
  }
  if (v instanceof EnumMember) return jsonString(v.text);
  if (options.fallback !== undefined)
    return dump(options.fallback(v), { ...options, fallback: undefined }, newline, open);
  throw typeError(`Object of type ${shortTypeName(v)} is not JSON serializable`);
}

function wrap(
  open: string,
  parts: readonly string[],
  close: string,
  inner: string | undefined,
  outer: string | undefined,
): string {
  if (parts.length === 0) return open + close;
  if (inner === undefined) return `${open}${parts.join(', ')}${close}`;
  return `${open}${inner}${parts.join(`,${inner}`)}${outer}${close}`;
}

function jsonNumber(v: Value, n: number): string {
  if (typeof v === 'number' && Number.isInteger(v)) return toText(v);
  if (Number.isNaN(n)) return 'NaN';
  if (!Number.isFinite(n)) return n > 0 ? 'Infinity' : '-Infinity';
  return floatRepr(n);
}

function jsonKey(key: Value): string | undefined {
  if (typeof key === 'string') return key;
  if (key === null) return 'null';
  if (typeof key === 'boolean') return key ? 'true' : 'false';
  const n = numericOf(key);
  return n === undefined ? undefined : typeof n === 'bigint' ? n.toString() : jsonNumber(key, n);
}

const ESCAPES: { readonly [char: string]: string } = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\f': '\\f',
  '\b': '\\b',
};

function jsonString(text: string): string {
  const body = text.replace(
    /["\\]|[^ -~]/g,
    (char) => ESCAPES[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `"${body}"`;
}

/**
 * `json.loads(text)`: ints of any size are exact, `1.0` is a float.
 * @throws JinjaError if the text is not JSON
 */
export function parseJson(text: string): Value {
  if (!DIFFERENT.test(text)) {
    let plain: unknown;
    try {
      plain = JSON.parse(text);
    } catch {
      // JSON.parse failed: the reader below raises with Python's message.
      return new JsonReader(text).document();
    }
    return plainValue(plain);
  }
  const reader = new JsonReader(text);
  return reader.document();
}

/**
 * Whether the text may contain floats, ints beyond 2^53, or keys that JavaScript reorders or treats specially. Matches
 * inside strings count as well.
 */
const DIFFERENT = /\d[.eE]|\d{15}|-0|"\d+"\s*:|__proto__|\\u/;

function plainValue(plain: unknown): Value {
  if (typeof plain !== 'object' || plain === null) return plain as Value;
  if (Array.isArray(plain)) return plain.map(plainValue);
  const dict = new PyDict();
  for (const [key, value] of Object.entries(plain)) dict.set(key, plainValue(value));
  return dict;
}

class JsonReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Value {
    const value = this.#value();
    this.#space();
    if (this.#at < this.#text.length) throw this.#error('Extra data');
    return value;
  }

  #value(): Value {
    this.#space();
    const char = this.#text[this.#at];
    if (char === '{') return this.#dict();
    if (char === '[') return this.#list();
    if (char === '"') return this.#string();
    const word = /(?:null|true|false|NaN|-?Infinity)|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
    word.lastIndex = this.#at;
    const match = word.exec(this.#text)?.[0];
    if (match === undefined) throw this.#error('Expecting value');
    this.#at += match.length;
    switch (match) {
      case 'null':
        return null;
      case 'true':
        return true;
      case 'false':
        return false;
      case 'NaN':
        return Number.NaN;
      case 'Infinity':
        return Number.POSITIVE_INFINITY;
      case '-Infinity':
        return Number.NEGATIVE_INFINITY;
      default:
        return /^-?\d+$/.test(match) ? narrow(BigInt(match)) : makeFloat(Number(match));
    }
  }

  #dict(): Value {
    const dict = new PyDict();
    this.#at++;
    this.#space();
    if (this.#text[this.#at] === '}') {
      this.#at++;
      return dict;
    }
    for (;;) {
      this.#space();
      if (this.#text[this.#at] !== '"') throw this.#error('Expecting property name enclosed in double quotes');
      const key = this.#string();
      this.#space();
      if (this.#text[this.#at] !== ':') throw this.#error("Expecting ':' delimiter");
      this.#at++;
      dict.set(key, this.#value());
      this.#space();
      const char = this.#text[this.#at];
      if (char !== ',' && char !== '}') throw this.#error("Expecting ',' delimiter");
      this.#at++;
      if (char === '}') return dict;
    }
  }

  #list(): Value {
    const list: Value[] = [];
    this.#at++;
    this.#space();
    if (this.#text[this.#at] === ']') {
      this.#at++;
      return list;
    }
    for (;;) {
      list.push(this.#value());
      this.#space();
      const char = this.#text[this.#at];
      if (char !== ',' && char !== ']') throw this.#error("Expecting ',' delimiter");
      this.#at++;
      if (char === ']') return list;
    }
  }

  #string(): string {
    const from = this.#at + 1;
    const to = plainEnd(this.#text, from);
    if (to >= 0) {
      this.#at = to + 1;
      return this.#text.slice(from, to);
    }
    const pattern = /"(?:[^"\\\u0000-\u001f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/y;
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text)?.[0];
    if (match === undefined) throw this.#error('Unterminated string starting at');
    this.#at += match.length;
    return JSON.parse(match) as string;
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      this.#at++;
    }
  }

  #error(message: string) {
    const before = this.#text.slice(0, this.#at);
    const line = before.split('\n').length;
    const column = this.#at - (before.lastIndexOf('\n') + 1) + 1;
    return valueError(`${message}: line ${line} column ${column} (char ${this.#at})`);
  }
}

/** Returns the end of a string without escapes; -1 if it has an escape or an invalid character. */
function plainEnd(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 34) return at;
    if (code === 92 || code < 32) return -1;
  }
  return -1;
}
