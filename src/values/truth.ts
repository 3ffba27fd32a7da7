// Python's truth of a value.
import type { Value } from './value.ts';

/** `bool(v)`. */
export function isTruthy(v: Value): boolean {
  switch (typeof v) {
    case 'boolean':
      return v;
    case 'string':
      return v !== '';
    case 'number':
      return v !== 0;
    case 'bigint':
      return v !== 0n;
    case 'function':
      return true;
    default:
      if (v === null) return false;
      if (Array.isArray(v)) return v.length > 0;
      if (v.jinjaTruth !== undefined) return v.jinjaTruth();
      return v.jinjaLength === undefined || v.jinjaLength() > 0;
  }
}
