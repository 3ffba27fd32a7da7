// Settings that `adapter` methods read from a node's config: a snapshot's treatment of deleted rows, and a model's
// catalog.
import { errorOf } from '../error-table.ts';
import type { TsdbtError } from '../errors.ts';
import { getItem } from '../values/access.ts';
import { PyDict } from '../values/dict.ts';
import { toText } from '../values/text.ts';
import { isTruthy } from '../values/truth.ts';
import { Undefined } from '../values/undefined.ts';
import type { Value } from '../values/value.ts';

/** `get_hard_deletes_behavior`: `ignore`, `invalidate` or `new_record`. @throws if the config contradicts itself */
export function hardDeletes(config: Value): string {
  const invalidate = setting(config, 'invalidate_hard_deletes');
  const mode = setting(config, 'hard_deletes');
  if (invalidate !== null && mode !== null) {
    throw errorOf('twoHardDeletes', {});
  }
  if (isTruthy(invalidate) || mode === 'invalidate') return 'invalidate';
  if (mode === 'new_record') return 'new_record';
  if (mode === null || mode === 'ignore') return 'ignore';
  throw errorOf('badHardDeletes', {});
}

/**
 * `build_catalog_relation`: None if the config names no catalog. @throws if it names one, because none are supported
 */
export function buildCatalogRelation(config: Value): Value {
  const own = config instanceof PyDict ? (config.get('config') ?? null) : setting(config, 'config');
  if (own === null || !isTruthy(own)) return null;
  const name = setting(own, 'catalog_name') ?? setting(own, 'catalog');
  if (name !== null && isTruthy(name)) throw noCatalog(toText(name));
  return null;
}

/** dbt's error for a catalog that catalogs.yml does not define. */
export function noCatalog(name: string): TsdbtError {
  return errorOf('catalogMissing', { catalog: name });
}

/** Reads a member of a dict, of `config` (with `get`) or of any object; None if it does not exist. */
function setting(config: Value, name: string): Value {
  if (config instanceof PyDict) return config.get(name) ?? null;
  const get = getItem(config, 'get');
  const value = typeof get === 'function' ? get([name], new Map()) : getItem(config, name);
  return value instanceof Promise ||
    value instanceof Undefined ||
    (typeof value === 'object' && value !== null && 'next' in value)
    ? null
    : value;
}
