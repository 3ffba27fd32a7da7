// A connection of type s3: endpoint, bucket, keys. The client is in src/object-store/.
import type { StoreSettings } from '../object-store/store.ts';
import { certificateFile, flag, httpUrl, secret, secretFile, text } from '../settings/kinds.ts';
import { exclusive, oneOf, optional, record, required, withDefault } from '../settings/record-settings.ts';
import type { ValueOf } from '../settings/setting.ts';
import { type ConnectionEntry, readConnection } from './entry.ts';

const FILE = 'A file with it: [secrets that rotate](#secrets-that-rotate)';

export const STORE_FIELDS = {
  endpoint: optional(
    httpUrl({ path: false, instead: 'access_key_id and secret_access_key' }),
    '`https://host:port`, without the bucket',
    "Amazon's of the region",
  ),
  region: withDefault(text, 'us-east-1', 'Part of the signature'),
  bucket: required(text, ''),
  access_key_id: required(text, ''),
  secret_access_key: optional(secret, 'From the environment', 'required, or a file'),
  secret_access_key_file: optional(secretFile, FILE),
  session_token: optional(secret, 'Of temporary keys'),
  session_token_file: optional(secretFile, FILE),
  path_style: optional(flag, '`endpoint/bucket/key`, or `bucket.endpoint/key`', '`true`, but at Amazon'),
  tls: optional(record({ ca: required(certificateFile, 'PEM') }), 'Who is trusted', "the system's authorities"),
};
export const STORE_RULES = [
  exclusive('secret_access_key', 'secret_access_key_file'),
  exclusive('session_token', 'session_token_file'),
  oneOf(
    ['secret_access_key', 'secret_access_key_file'],
    'secret_access_key: "{{ env_var(\'DBT_ENV_SECRET_S3\') }}", or secret_access_key_file.',
  ),
];
export const STORE = record(STORE_FIELDS, { rules: STORE_RULES });

/** @throws `profile` error naming file, connection and option */
export function storeConnection(entry: ConnectionEntry): StoreSettings {
  return storeSettings(readConnection(entry, ['s3'], 'an object store', STORE), entry);
}

export function storeSettings(
  read: ValueOf<typeof STORE>,
  { name, path }: Pick<ConnectionEntry, 'name' | 'path'>,
): StoreSettings {
  const { region, bucket, tls, access_key_id: accessKeyId } = read;
  const endpoint = read.endpoint ?? `https://s3.${region}.amazonaws.com`;
  return {
    name,
    path,
    endpoint,
    region,
    bucket,
    accessKeyId,
    secretAccessKey: read.secret_access_key ?? read.secret_access_key_file ?? (() => ''),
    sessionToken: read.session_token ?? read.session_token_file,
    pathStyle: read.path_style ?? !new URL(endpoint).hostname.endsWith('.amazonaws.com'),
    ca: tls?.ca ?? null,
  };
}
