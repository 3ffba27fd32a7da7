// A connection of type iceberg: a REST catalog, and the object store that its tables are in, with the options of s3.
import type { CatalogSettings } from '../object-store/rest-catalog.ts';
import type { StoreSettings } from '../object-store/store.ts';
import { type ConnectionEntry, expectType } from './entry.ts';
import { secretOf } from './secret.ts';
import { storeConnection } from './store.ts';

export interface LakeConnection {
  readonly catalog: CatalogSettings;
  readonly store: StoreSettings;
  /** Of tables without one. */
  readonly namespace: string;
}

/** @throws `profile` error naming file, connection and option */
export function catalogConnection(entry: ConnectionEntry): LakeConnection {
  const { name, path, options, refuse } = entry;
  expectType(entry, ['iceberg'], 'a catalog');
  const { uri, warehouse = null, namespace = 'default', token: _, token_file: __, ...store } = options;
  if (typeof uri !== 'string' || !/^https?:\/\/[^?#@]+$/.test(uri))
    return refuse(`'uri' of connection '${name}' must be http(s)://host:port/path of a REST catalog`);
  if (warehouse !== null && typeof warehouse !== 'string')
    return refuse(`'warehouse' of connection '${name}' must be a text`);
  if (typeof namespace !== 'string' || namespace === '')
    return refuse(`'namespace' of connection '${name}' must be a text`);
  return {
    catalog: { name, path, uri: uri.replace(/\/$/, ''), warehouse, token: secretOf(options, 'token', entry) },
    store: storeConnection({ ...entry, type: 's3', options: store }),
    namespace,
  };
}
