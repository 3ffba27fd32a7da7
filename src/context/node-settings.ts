// What methods of `adapter` read off a node's config: how a snapshot treats deleted rows, and the catalog of a model.
import { errorOf } from '../error-table.ts';
import type { TsdbtError } from '../errors.ts';
import { getItem } from '../values/access.ts';
import { PyDict } from '../values/dict.ts';
import { toText } from '../values/text.ts';
import { isTruthy } from '../values/truth.ts';
import { Undefined } from '../values/undefined.ts';
import type { Value } from '../values/value.ts';

/** `get_hard_deletes_behavior`: `ignore`, `invalidate` or `new_record`. @throws where the config contradicts itself */
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

/** `build_catalog_relation`: None where the config names no catalog. @throws where it names one, as there are none */
export function buildCatalogRelation(config: Value): Value {
  const own = config instanceof PyDict ? (config.get('config') ?? null) : setting(config, 'config');
  if (own === null || !isTruthy(own)) return null;
  const name = setting(own, 'catalog_name') ?? setting(own, 'catalog');
  if (name !== null && isTruthy(name)) throw noCatalog(toText(name));
  return null;
}

/** dbt's error for a catalog that catalogs.yml does not have. */
export function noCatalog(name: string): TsdbtError {
  return errorOf('catalogMissing', { catalog: name });
}

/** A member of a dict, of `config` (by its `get`) or of any object; None when there is none. */
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
