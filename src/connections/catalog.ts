// A connection of type iceberg: a REST catalog, and the object store that its tables are in, with the options of s3.
import type { TokenEndpoint } from '../http/oauth-tokens.ts';
import type { CatalogSettings } from '../object-store/rest-catalog.ts';
import type { StoreSettings } from '../object-store/store.ts';
import { httpUrl, type Secret, secret, secretFile, text } from '../settings/kinds.ts';
import { exclusive, onlyWith, optional, record, required, withDefault } from '../settings/record-settings.ts';
import { Place } from '../settings/setting.ts';
import { type ConnectionEntry, readConnection } from './entry.ts';
import { STORE_FIELDS, STORE_RULES, storeSettings } from './store.ts';

export interface LakeConnection {
  readonly catalog: CatalogSettings;
  readonly store: StoreSettings;
  /** Of tables without one. */
  readonly namespace: string;
}

export const CATALOG_FIELDS = {
  uri: required(httpUrl({ instead: 'credential' }), 'Of the REST catalog'),
  warehouse: optional(text, 'The warehouse that the catalog is asked for'),
  namespace: withDefault(text, 'default', 'Namespace of tables without one'),
  token: optional(secret, 'Bearer token, from the environment'),
  token_file: optional(secretFile, 'A file with it'),
  credential: optional(secret, '`ID:SECRET` of OAuth2, from the environment'),
  credential_file: optional(secretFile, 'A file with it'),
  'oauth2-server-uri': optional(httpUrl({ instead: 'credential' }), 'Where tokens are given', "the catalog's own"),
  scope: withDefault(text, 'catalog', 'What the token is for'),
};
export const CATALOG = record(
  { ...CATALOG_FIELDS, ...STORE_FIELDS },
  {
    rules: [
      ...STORE_RULES,
      exclusive('token', 'token_file', 'credential', 'credential_file'),
      onlyWith(['oauth2-server-uri', 'scope'], ['credential', 'credential_file']),
    ],
  },
);

/** @throws `profile` error naming file, connection and option */
export function catalogConnection(entry: ConnectionEntry): LakeConnection {
  const { name, path } = entry;
  const read = readConnection(entry, ['iceberg'], 'a catalog', CATALOG);
  const { uri, warehouse, namespace, scope } = read;
  const credential = read.credential ?? read.credential_file;
  const url = read['oauth2-server-uri'] ?? `${uri}/v1/oauth/tokens`;
  const oauth = credential === null ? null : tokenEndpoint(entry, credential, url, scope);
  return {
    catalog: { name, path, uri, warehouse, token: read.token ?? read.token_file, oauth },
    store: storeSettings(read, entry),
    namespace,
  };
}

function tokenEndpoint(
  { name, context }: ConnectionEntry,
  credential: Secret,
  url: string,
  scope: string,
): TokenEndpoint {
  const place = new Place(context, `connection '${name}'`, ['credential']);
  const parts = (): readonly [string, string] => {
    const [, id, password] = /^([^:]+):(.+)$/s.exec(credential()) ?? [];
    if (id === undefined || password === undefined) return place.must('must be an id and a secret: "ID:SECRET"');
    place.secret(password);
    return [id, password];
  };
  return {
    kind: 'endpoint',
    url,
    clientId: parts()[0],
    clientSecret: () => parts()[1],
    scope,
    inBody: true,
    tls: null,
    seen: (each) => place.secret(each),
    hint: 'credential: ID:SECRET, oauth2-server-uri, scope.',
    tlsHint: 'NODE_EXTRA_CA_CERTS names who is trusted beside the usual authorities.',
  };
}
