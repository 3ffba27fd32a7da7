// Is a value of JSON or YAML a dictionary? What its keys have to be is the caller's. Pure.
import type { Json } from '../contracts/node.ts';

/**
 * An object with keys: neither null nor a list. A value that is no JSON may be of any class: who has such values, as
 * those of templates, asks for their classes.
 */
export function isDictionary(value: Json | undefined): value is { [name: string]: Json };
export function isDictionary(value: unknown): value is { readonly [name: string]: unknown };
export function isDictionary(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
