// Validates arguments of the methods of dates and times, with Python's messages.
import { typeError } from './python-error.ts';
import { isTimeZone, type TimeZone } from './timezone.ts';
import { typeName } from './type-name.ts';
import type { Value } from './value.ts';

/** A required text. @throws JinjaError if it is not a text */
export function text(value: Value | undefined, method: string): string {
  if (typeof value !== 'string') throw typeError(`${method}() argument 1 must be str, not ${typeName(value ?? null)}`);
  return value;
}

/** An integer, or `fallback` for None or a missing argument. @throws JinjaError if it is not an integer */
export function int(value: Value | undefined, fallback: number): number {
  if (value === null || value === undefined) return fallback;
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  throw typeError(`'${typeName(value)}' object cannot be interpreted as an integer`);
}

/** A zone or None; `fallback` for a missing argument (or the default True). @throws JinjaError if it is not a tzinfo */
export function zone(value: Value | undefined, fallback: TimeZone | null): TimeZone | null {
  if (value === true || value === undefined) return fallback;
  return value === null ? null : requireZone(value);
}

/** @throws JinjaError if the value is not a tzinfo */
export function requireZone(value: Value): TimeZone {
  if (isTimeZone(value)) return value;
  throw typeError(`tzinfo argument must be None or of a tzinfo subclass, not type '${typeName(value)}'`);
}
