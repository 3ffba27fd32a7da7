// Arguments of the methods of dates and times, refused in Python's words.
import { typeError } from './python-error.ts';
import { isTimeZone, type TimeZone } from './timezone.ts';
import { typeName } from './type-name.ts';
import type { Value } from './value.ts';

/** A required text. @throws JinjaError when it is something else */
export function text(value: Value | undefined, method: string): string {
  if (typeof value !== 'string') throw typeError(`${method}() argument 1 must be str, not ${typeName(value ?? null)}`);
  return value;
}

/** A number, or `fallback` where None or nothing is given. @throws JinjaError when it is no integer */
export function int(value: Value | undefined, fallback: number): number {
  if (value === null || value === undefined) return fallback;
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  throw typeError(`'${typeName(value)}' object cannot be interpreted as an integer`);
}

/** A zone or None; `fallback` where nothing (or the default True) is given. @throws JinjaError when it is no tzinfo */
export function zone(value: Value | undefined, fallback: TimeZone | null): TimeZone | null {
  if (value === true || value === undefined) return fallback;
  return value === null ? null : requireZone(value);
}

/** @throws JinjaError when the value is no tzinfo */
export function requireZone(value: Value): TimeZone {
  if (isTimeZone(value)) return value;
  throw typeError(`tzinfo argument must be None or of a tzinfo subclass, not type '${typeName(value)}'`);
}
