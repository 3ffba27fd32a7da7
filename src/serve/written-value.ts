// What somebody wrote into a YAML of serve's: is it a dictionary, and how does an error show it?
import type { Json } from '../contracts/node.ts';

/** A dictionary of a YAML. */
export type Dictionary = { readonly [name: string]: Json };

/** Characters of a value in an error. */
const MOST = 60;

export function isDictionary(value: unknown): value is Dictionary {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value in an error, cut where it is long; what is missing is null. */
export function shown(value: Json | undefined): string {
  const text = JSON.stringify(value ?? null);
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}
