// Python's `<`, `<=`, `>`, `>=`. Values of unlike types raise.
import { enter, walk } from './budget.ts';
import { equals, numericOf } from './equality.ts';
import { typeError } from './python-error.ts';
import { PyTuple } from './tuple.ts';
import { typeName } from './type-name.ts';
import type { Value } from './value.ts';

export type OrderOperator = '<' | '<=' | '>' | '>=';

/**
 * Returns a negative number, zero or a positive number, as Python orders `a` and `b`; NaN if neither is less (sets,
 * nan).
 * @throws JinjaError `'<' not supported between instances of 'int' and 'str'`
 */
export function compare(a: Value, b: Value, operator: OrderOperator = '<'): number {
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : a > b ? 1 : a === b ? 0 : Number.NaN;
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b);
  const x = numericOf(a);
  const y = numericOf(b);
  if (x !== undefined && y !== undefined) return x < y ? -1 : x > y ? 1 : x <= y ? 0 : Number.NaN;
  if (Array.isArray(a) && Array.isArray(b)) return compareSequences(a, b, operator);
  if (a instanceof PyTuple && b instanceof PyTuple) return compareSequences(a.items, b.items, operator);
  if (typeof a === 'object' && a !== null && !Array.isArray(a)) {
    const result = a.jinjaCompare?.(b);
    if (result !== undefined) return result;
  }
  if (typeof b === 'object' && b !== null && !Array.isArray(b)) {
    const result = b.jinjaCompare?.(a);
    if (result !== undefined) return -result;
  }
  throw typeError(`'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`);
}

/** Compares two lists or two tuples lexicographically. */
export function compareSequences(a: readonly Value[], b: readonly Value[], operator: OrderOperator = '<'): number {
  const length = Math.min(a.length, b.length);
  const outside = enter();
  try {
    for (let i = 0; i < length; i++) {
      const x = a[i] as Value;
      const y = b[i] as Value;
      if (!equals(x, y)) return compare(x, y, operator);
    }
  } finally {
    walk.depth = outside;
  }
  return a.length - b.length;
}

const SURROGATE = /[\ud800-\udfff]/;

/** Compares by code points. JavaScript compares by UTF-16 units. */
export function compareStrings(a: string, b: string): number {
  if (a === b) return 0;
  if (!SURROGATE.test(a) && !SURROGATE.test(b)) return a < b ? -1 : 1;
  const x = Array.from(a, codePoint);
  const y = Array.from(b, codePoint);
  const length = Math.min(x.length, y.length);
  for (let i = 0; i < length; i++) if (x[i] !== y[i]) return (x[i] as number) - (y[i] as number);
  return x.length - y.length;
}

function codePoint(char: string): number {
  return char.codePointAt(0) as number;
}
