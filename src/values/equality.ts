// Python's `==`: deep, across number types, without errors for unlike types.
import { enter, walk } from './budget.ts';
import { PyFloat } from './float.ts';
import type { HostObject, Value } from './value.ts';

/** Returns the JavaScript number of an int, float or bool; `undefined` for other values. */
export function numericOf(v: Value): number | bigint | undefined {
  switch (typeof v) {
    case 'number':
    case 'bigint':
      return v;
    case 'boolean':
      return v ? 1 : 0;
    default:
      return v instanceof PyFloat ? v.value : undefined;
  }
}

/** `a == b`. */
export function equals(a: Value, b: Value): boolean {
  if (a === b) return typeof a !== 'number' || !Number.isNaN(a);
  if (typeof a === 'string' || a === null) return isHost(b) && (b.jinjaEquals?.(a) ?? false);
  const x = numericOf(a);
  if (x !== undefined) {
    const y = numericOf(b);
    if (y !== undefined) return x <= y && x >= y;
  }
  if (Array.isArray(a)) {
    if (Array.isArray(b)) {
      if (a.length !== b.length) return false;
      const outside = enter();
      try {
        for (let i = 0; i < a.length; i++) if (!equals(a[i] as Value, b[i] as Value)) return false;
        return true;
      } finally {
        walk.depth = outside;
      }
    }
  } else if (isHost(a) && a.jinjaEquals !== undefined) {
    const outside = enter();
    try {
      return a.jinjaEquals(b);
    } finally {
      walk.depth = outside;
    }
  }
  return isHost(b) && (b.jinjaEquals?.(a) ?? false);
}

function isHost(v: Value): v is HostObject {
  return typeof v === 'object' && v !== null && !Array.isArray(v);
}
