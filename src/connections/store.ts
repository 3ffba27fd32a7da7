// A connection of type s3: endpoint, bucket, keys. The client is in src/object-store/.
import { readFileSync } from 'node:fs';
import type { StoreSettings } from '../object-store/store.ts';
import { type ConnectionEntry, expectType, onlyOptions } from './entry.ts';
import { namedFile, secretOf } from './secret.ts';
import { isDictionary } from '../values/is-dictionary.ts';

const OPTIONS = [
  'endpoint',
  'region',
  'bucket',
  'access_key_id',
  'secret_access_key',
  'secret_access_key_file',
  'session_token',
  'session_token_file',
  'path_style',
  'tls',
];

/** @throws `profile` error naming file, connection and option */
export function storeConnection(entry: ConnectionEntry): StoreSettings {
  const { name, path, options, refuse } = entry;
  expectType(entry, ['s3'], 'an object store');
  onlyOptions(entry, OPTIONS);
  const text = (option: string, fallback?: string): string => {
    const value = options[option] ?? fallback;
    return typeof value === 'string' && value !== ''
      ? value
      : refuse(`'${option}' of connection '${name}' must be a text, found ${JSON.stringify(value ?? null)}`);
  };
  const region = text('region', 'us-east-1');
  const endpoint = text('endpoint', `https://s3.${region}.amazonaws.com`).replace(/\/$/, '');
  if (!URL.canParse(endpoint) || !/^https?:\/\/[^/?#]+$/.test(endpoint))
    refuse(`'endpoint' of connection '${name}' must be http(s)://host:port`, 'The bucket is an option of its own.');
  const { username, password, hostname } = new URL(endpoint);
  if (username !== '' || password !== '')
    refuse(
      `'endpoint' of connection '${name}' must not hold credentials: access_key_id and secret_access_key are options ` +
        'of their own',
    );
  const secret = secretOf(options, 'secret_access_key', entry);
  const accessKeyId = options['access_key_id'];
  if (typeof accessKeyId !== 'string' || accessKeyId === '' || secret === null)
    return refuse(
      `Connection '${name}' needs access_key_id, and secret_access_key: "{{ env_var('S3_SECRET') }}" or ` +
        'secret_access_key_file',
    );
  const pathStyle = options['path_style'] ?? !hostname.endsWith('.amazonaws.com');
  if (typeof pathStyle !== 'boolean') return refuse(`'path_style' of connection '${name}' must be true or false`);
  return {
    name,
    path,
    endpoint,
    region,
    bucket: text('bucket'),
    accessKeyId,
    secretAccessKey: secret,
    sessionToken: secretOf(options, 'session_token', entry),
    pathStyle,
    ca: authorityOf(entry),
  };
}

function authorityOf(entry: ConnectionEntry): StoreSettings['ca'] {
  const { name, options, refuse } = entry;
  const { tls = null } = options;
  if (tls === null) return null;
  const ca = isDictionary(tls) && Object.keys(tls).join() === 'ca' ? tls['ca'] : null;
  if (typeof ca !== 'string') return refuse(`'tls' of connection '${name}' must be { ca: path }`);
  const find = namedFile(entry, 'ca', ca);
  const read = (): string => readFileSync(find(), 'utf8');
  try {
    read();
  } catch (error) {
    refuse(`'ca' of 'tls' cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return read;
}
