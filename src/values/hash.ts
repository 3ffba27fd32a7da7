// Maps Python's hash and equality to JavaScript Map keys: equal values have the same key.
import { PyFloat } from './float.ts';
import { typeError } from './python-error.ts';
import { typeName } from './type-name.ts';
import type { Value } from './value.ts';

/**
 * Returns the Map key of a value: the value itself where possible, so that string keys cost nothing.
 * @throws JinjaError `unhashable type: 'list'`
 */
export function mapKey(v: Value): unknown {
  switch (typeof v) {
    case 'string':
      return v.charCodeAt(0) === 0 ? `\0s${v}` : v;
    case 'number':
    case 'bigint':
    case 'function':
      return v;
    case 'boolean':
      return v ? 1 : 0;
    default: {
      if (v === null) return null;
      if (Array.isArray(v)) throw typeError("unhashable type: 'list'");
      if (v instanceof PyFloat)
        return Number.isSafeInteger(v.value) ? v.value + 0 : Number.isFinite(v.value) ? BigInt(v.value) : v.value;
      const key = v.jinjaKey?.();
      if (key !== undefined) return mapKey(key);
      if (v.jinjaHash !== undefined) return `\0h${v.jinjaHash()}`;
      if (v.jinjaEquals !== undefined) throw typeError(`unhashable type: '${typeName(v)}'`);
      return v;
    }
  }
}

/**
 * Returns a string that is equal for equal values.
 * @throws JinjaError `unhashable type: 'list'`, also for an object without an identity text
 */
export function hashKey(v: Value): string {
  const key = mapKey(v);
  switch (typeof key) {
    case 'string':
      return `s${key.length}:${key}`;
    case 'object':
      if (key === null) return 'z';
      throw typeError(`unhashable type: '${typeName(v)}'`);
    case 'function':
      throw typeError(`unhashable type: '${typeName(v)}'`);
    default:
      return `n${String(key)}`;
  }
}
