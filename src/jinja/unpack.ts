// Unpacks a sequence into a known number of values: `for a, b in …`, `set a, b = …`.
import type { Expr } from './ast.ts';
import { toArray } from '../values/iterate.ts';
import { typeError, valueError } from '../values/python-error.ts';
import { PyTuple } from '../values/tuple.ts';
import { typeName } from '../values/type-name.ts';
import { Undefined } from '../values/undefined.ts';
import type { Value } from '../values/value.ts';

/** @throws JinjaError with CPython's message */
export function unpack(v: Value, count: number): readonly Value[] {
  let items: readonly Value[];
  try {
    items = toArray(v);
  } catch (error) {
    if (v instanceof Undefined) throw error;
    throw typeError(`cannot unpack non-iterable ${typeName(v)} object`);
  }
  if (items.length > count) throw valueError(`too many values to unpack (expected ${count})`);
  if (items.length < count) throw valueError(`not enough values to unpack (expected ${count}, got ${items.length})`);
  return items;
}

/** How many values a loop's target takes in each position; null for a single name. */
export type Shape = readonly Shape[] | null;

export function shapeOf(target: Expr): Shape {
  return target.type === 'Tuple' ? target.items.map(shapeOf) : null;
}

/** Unpacks an item that passed a loop's `if`: jinja2 unpacks it and builds a tuple of the parts. */
export function repack(item: Value, shape: Shape): Value {
  return shape === null
    ? item
    : new PyTuple(unpack(item, shape.length).map((part, i) => repack(part, shape[i] as Shape)));
}
