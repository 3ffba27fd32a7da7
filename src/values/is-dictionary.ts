// Tests whether a value from JSON or YAML is a dictionary. Callers check its keys. Pure.
import type { Json } from '../contracts/node.ts';

/**
 * Whether a value is an object with keys, neither null nor a list. Objects of any class pass: callers with values that
 * are not JSON, such as template values, check the class.
 */
export function isDictionary(value: Json | undefined): value is { [name: string]: Json };
export function isDictionary(value: unknown): value is { readonly [name: string]: unknown };
export function isDictionary(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
