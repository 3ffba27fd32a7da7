// A connection of type iceberg: a REST catalog, and the object store that its tables are in, with the options of s3.
import type { TokenEndpoint } from '../http/oauth-tokens.ts';
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

const CREDENTIALS = ['token', 'token_file', 'credential', 'credential_file', 'oauth2-server-uri', 'scope'];

/** @throws `profile` error naming file, connection and option */
export function catalogConnection(entry: ConnectionEntry): LakeConnection {
  const { name, path, options, refuse } = entry;
  expectType(entry, ['iceberg'], 'a catalog');
  const { uri, warehouse = null, namespace = 'default', ...others } = options;
  const store = Object.fromEntries(Object.entries(others).filter(([option]) => !CREDENTIALS.includes(option)));
  if (typeof uri !== 'string' || !/^https?:\/\/[^?#@]+$/.test(uri))
    return refuse(`'uri' of connection '${name}' must be http(s)://host:port/path of a REST catalog`);
  if (warehouse !== null && typeof warehouse !== 'string')
    return refuse(`'warehouse' of connection '${name}' must be a text`);
  if (typeof namespace !== 'string' || namespace === '')
    return refuse(`'namespace' of connection '${name}' must be a text`);
  const place = uri.replace(/\/$/, '');
  const token = secretOf(options, 'token', entry);
  const oauth = oauthOf(entry, place);
  if (token !== null && oauth !== null)
    return refuse(`'token' and 'credential' of connection '${name}' are given; one of them must go`);
  return {
    catalog: { name, path, uri: place, warehouse, token, oauth },
    store: storeConnection({ ...entry, type: 's3', options: store }),
    namespace,
  };
}

/** By Iceberg's own names of properties. @returns null: no token is asked for */
function oauthOf(entry: ConnectionEntry, uri: string): TokenEndpoint | null {
  const { name, options, refuse, seen } = entry;
  const credential = secretOf(options, 'credential', entry);
  const { 'oauth2-server-uri': url = `${uri}/v1/oauth/tokens`, scope = 'catalog' } = options;
  if (credential === null) {
    for (const option of ['oauth2-server-uri', 'scope'])
      if (options[option] !== undefined)
        return refuse(`'${option}' of connection '${name}' needs 'credential', or 'credential_file'`);
    return null;
  }
  const parts = (): readonly [string, string] => {
    const [, id, secret] = /^([^:]+):(.+)$/s.exec(credential()) ?? [];
    if (id === undefined || secret === undefined)
      return refuse(`'credential' of connection '${name}' must be an id and a secret: "ID:SECRET"`);
    seen(secret);
    return [id, secret];
  };
  const [clientId] = parts();
  if (typeof url !== 'string' || !/^https?:\/\/[^?#@]+$/.test(url))
    return refuse(`'oauth2-server-uri' of connection '${name}' must be http(s)://host:port/path, without credentials`);
  if (typeof scope !== 'string') return refuse(`'scope' of connection '${name}' must be a text`);
  return {
    kind: 'endpoint',
    url,
    clientId,
    clientSecret: () => parts()[1],
    scope,
    inBody: true,
    tls: null,
    seen,
    hint: 'credential: ID:SECRET, oauth2-server-uri, scope.',
    tlsHint: 'NODE_EXTRA_CA_CERTS names who is trusted beside the usual authorities.',
  };
}
