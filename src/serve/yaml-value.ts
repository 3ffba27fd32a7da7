// Values in serve's YAML files: checks for dictionaries, and formatting for errors.
import type { Json } from '../contracts/node.ts';
import { showJson } from '../values/float.ts';
import { isDictionary } from '../values/is-dictionary.ts';

/** A dictionary of a YAML. */
export type Dictionary = { readonly [name: string]: Json };

/** Maximum length of a value in an error. */
const MOST = 60;

/** A value for an error, truncated if it is long. A missing value is shown as null. */
export function shown(value: Json | undefined): string {
  const text = showJson(value ?? null);
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}

/** In YAML 1.1, which dbt reads, the key `on` is a boolean. Converts it back to `on` at any depth. */
export function withOn(value: Json): Json {
  if (Array.isArray(value)) return value.map(withOn);
  if (!isDictionary(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key === 'true' ? 'on' : key, withOn(item)]));
}
