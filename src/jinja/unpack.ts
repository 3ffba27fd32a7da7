// Taking a sequence apart into a known number of values: `for a, b in …`, `set a, b = …`.
import { toArray } from '../values/iterate.ts';
import { typeError, valueError } from '../values/python-error.ts';
import { typeName } from '../values/type-name.ts';
import { Undefined } from '../values/undefined.ts';
import type { Value } from '../values/value.ts';

/** @throws JinjaError in CPython's words */
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
