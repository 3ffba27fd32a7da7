// Merges the config of a model version into the model's config, as dbt's deep_merge does.
import type { Json } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import type { TsdbtError } from '../../errors.ts';
import { isDict } from '../../project/schema-check.ts';
import { pyTypeName } from '../../values/python-text.ts';

export interface JsonDict {
  [key: string]: Json;
}

/** An error with the position of the value at these keys of the second dict. */
type Placing = (at: readonly string[], told: TsdbtError) => TsdbtError;

/**
 * Merges two values. Dicts are merged by key. A list in the second is prepended to the first's value, which is
 * converted as by Python's `list()`: items of a list, letters of a text, keys of a dict. Any other value replaces the
 * first's.
 * @throws TsdbtError `parsing` where Python fails: a dict over a value that is not a dict, or a list over a value that
 *   is not iterable
 */
export function deepMerge(
  first: JsonDict,
  second: JsonDict,
  place: Placing = (_, told) => told,
  at: readonly string[] = [],
): JsonDict {
  const out: JsonDict = { ...first };
  for (const [key, value] of Object.entries(second)) {
    const existing = out[key];
    if (existing === undefined) out[key] = isDict(value) ? deepMerge({}, value) : value;
    else if (isDict(value) && isDict(existing)) out[key] = deepMerge(existing, value, place, [...at, key]);
    else if (isDict(value)) {
      if (Object.keys(value).length > 0) throw notJoined(existing, value, place, [...at, key]);
    } else if (Array.isArray(value)) {
      const items = itemsOf(existing);
      if (items === undefined) throw notJoined(existing, value, place, [...at, key]);
      out[key] = [...value, ...items];
    } else out[key] = value;
  }
  return out;
}

/** Python's `list()` of a value; undefined where it fails. */
function itemsOf(value: Json): readonly Json[] | undefined {
  if (Array.isArray(value)) return value;
  if (typeof value === 'string') return [...value];
  return isDict(value) ? Object.keys(value) : undefined;
}

function notJoined(first: Json, second: Json, place: Placing, at: readonly string[]): TsdbtError {
  return place(
    at,
    errorOf('configsNotJoined', {
      key: at.join('.'),
      first: KINDS[pyTypeName(first)],
      second: KINDS[pyTypeName(second)],
    }),
  );
}

const KINDS = {
  NoneType: 'null',
  bool: 'a boolean',
  int: 'a number',
  float: 'a number',
  str: 'a text',
  list: 'a list',
  dict: 'a dictionary',
} as const;
