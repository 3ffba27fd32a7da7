// Python's indexing and slicing of sequences.
import { typeError, valueError } from './python-error.ts';
import type { HostObject, Value } from './value.ts';

/** `slice(start, stop, step)`: the key of `a[1:2]`. */
export class PySlice implements HostObject {
  readonly jinjaType = 'slice';
  readonly start: Value;
  readonly stop: Value;
  readonly step: Value;

  constructor(start: Value, stop: Value, step: Value) {
    this.start = start;
    this.stop = stop;
    this.step = step;
  }

  jinjaGet(name: string): Value | undefined {
    return name === 'start' ? this.start : name === 'stop' ? this.stop : name === 'step' ? this.step : undefined;
  }

  jinjaText(): string {
    return `slice(${[this.start, this.stop, this.step].map((x) => (x === null ? 'None' : String(x))).join(', ')})`;
  }

  /** Python's `slice.indices`: first position, exclusive end, step. */
  bounds(length: number): readonly [from: number, to: number, step: number] {
    const step = bound(this.step) ?? 1;
    if (step === 0) throw valueError('slice step cannot be zero');
    const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
    const clamp = (x: number) => Math.min(Math.max(x < 0 ? x + length : x, low), high);
    const start = bound(this.start);
    const stop = bound(this.stop);
    const from = start === undefined ? (step > 0 ? low : high) : clamp(start);
    const to = stop === undefined ? (step > 0 ? high : low) : clamp(stop);
    return [from, to, step];
  }

  /** Returns the positions that the slice selects in a sequence of this length. */
  *indexes(length: number): Generator<number, void, undefined> {
    const [from, to, step] = this.bounds(length);
    for (let i = from; step > 0 ? i < to : i > to; i += step) yield i;
  }
}

function bound(v: Value): number | undefined {
  if (v === null) return undefined;
  if (typeof v === 'boolean') return Number(v);
  if (typeof v === 'number' && Number.isInteger(v)) return v;
  if (typeof v === 'bigint') return v > 0n ? Number.MAX_SAFE_INTEGER : Number.MIN_SAFE_INTEGER;
  throw typeError('slice indices must be integers or None or have an __index__ method');
}

/** The code point of a character. */
export function codeOf(char: string): number {
  return char.codePointAt(0) ?? 0;
}

/** Returns the position that `key` selects, or `undefined` if it is not an int or is out of range. */
export function sequenceIndex(length: number, key: Value): number | undefined {
  const n = typeof key === 'boolean' ? Number(key) : key;
  if (typeof n !== 'number' || !Number.isInteger(n)) return undefined;
  const index = n < 0 ? n + length : n;
  return index >= 0 && index < length ? index : undefined;
}

/** `items[key]` for an int key, or `undefined`. `getItem` handles slices, because it knows which type to build. */
export function sequenceItem(items: readonly Value[], key: Value): Value | undefined {
  const index = sequenceIndex(items.length, key);
  return index === undefined ? undefined : items[index];
}

/** Returns the items at the positions of a slice. */
export function sliceItems<T>(items: ArrayLike<T>, slice: PySlice): T[] {
  const out: T[] = [];
  for (const i of slice.indexes(items.length)) out.push(items[i] as T);
  return out;
}

const SURROGATE = /[\ud800-\udfff]/;

/** Returns the code points of a string. Text without surrogates is returned unchanged: its indexes are the same. */
export function codePoints(text: string): string | string[] {
  return SURROGATE.test(text) ? Array.from(text) : text;
}

/** `len(text)`. */
export function textLength(text: string): number {
  return codePoints(text).length;
}
