// What somebody wrote into a YAML of serve's: is it a dictionary, and how does an error show it?
import type { Json } from '../contracts/node.ts';
import { showJson } from '../values/float.ts';
import { isDictionary } from '../values/is-dictionary.ts';

/** A dictionary of a YAML. */
export type Dictionary = { readonly [name: string]: Json };

/** Characters of a value in an error. */
const MOST = 60;

/** A value in an error, cut where it is long; what is missing is null. */
export function shown(value: Json | undefined): string {
  const text = showJson(value ?? null);
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}

/** YAML 1.1, which dbt reads, takes the key `on` for the boolean: at any depth it is `on` again. */
export function withOn(value: Json): Json {
  if (Array.isArray(value)) return value.map(withOn);
  if (!isDictionary(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key === 'true' ? 'on' : key, withOn(item)]));
}
