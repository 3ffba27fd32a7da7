// `iter(v)` and `len(v)` of Python.
import { checkItems, MAX_ITEMS } from './budget.ts';
import { typeError } from './python-error.ts';
import { codePoints, textLength } from './sequence.ts';
import { typeName } from './type-name.ts';
import type { Value } from './value.ts';

/**
 * Returns the iterator of a `for` over `v`.
 * @throws JinjaError `'int' object is not iterable`
 */
export function iterate(v: Value): Iterable<Value> {
  if (typeof v === 'string') return codePoints(v);
  if (typeof v === 'object' && v !== null) {
    if (Array.isArray(v)) return v;
    if (v.jinjaIter !== undefined) return v.jinjaIter();
  }
  throw typeError(`'${typeName(v)}' object is not iterable`);
}

/** Returns the items of a `for` over `v` as an array. The array must not be changed: a list is returned as it is. */
export function toArray(v: Value): readonly Value[] {
  if (Array.isArray(v)) return v;
  const items = iterate(v);
  return Array.isArray(items) ? items : collect(items);
}

/** Collects the items of an iterator in a new array. @throws JinjaError if there are too many */
export function collect<T>(items: Iterable<T>): T[] {
  const out: T[] = [];
  for (const item of items) {
    if (out.length >= MAX_ITEMS) checkItems(out.length + 1);
    out.push(item);
  }
  checkItems(out.length);
  return out;
}

/**
 * `len(v)`.
 * @throws JinjaError `object of type 'int' has no len()`
 */
export function lengthOf(v: Value): number {
  if (typeof v === 'string') return textLength(v);
  if (typeof v === 'object' && v !== null) {
    if (Array.isArray(v)) return v.length;
    if (v.jinjaLength !== undefined) return v.jinjaLength();
  }
  throw typeError(`object of type '${typeName(v)}' has no len()`);
}
