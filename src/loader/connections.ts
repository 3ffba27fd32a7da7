// connections.yml, beside profiles.yml: brokers, TLS, SASL, schema registry, checked. Its text is rendered by whoever
// reads it; secrets come from the environment.
import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import type { Json } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import { isDictionary } from './json.ts';
import { knownWords } from '../values/close-matches.ts';

export const CONNECTIONS_FILE = 'connections.yml';

/** How to reach a broker. */
export interface LoadConnection {
  readonly name: string;
  /** The file, for errors. */
  readonly path: string;
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly tls: TlsOptions | null;
  readonly sasl: {
    readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
    readonly username: string;
    readonly password: string;
  } | null;
  /** A Schema Registry; `token` is a bearer's. */
  readonly registry: {
    readonly url: string;
    readonly username: string | null;
    readonly password: string | null;
    readonly token: string | null;
    readonly tls: TlsOptions | null;
  } | null;
}

/** Contents of the files, and the name that the server's certificate must have. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
}

type Dictionary = { readonly [name: string]: Json };

/**
 * One connection of the file.
 * @param data the file's content, rendered
 * @param wanted null: `default`, or the only one that there is
 * @throws `profile` error naming file, connection and option
 */
export function loadConnection(data: Json, wanted: string | null, path: string): LoadConnection {
  const refuse = (message: string, hint?: string): never => {
    throw new TsdbtError('profile', message, { path, hint });
  };
  const connections =
    isDictionary(data) && isDictionary(data['connections']) ? data['connections'] : isDictionary(data) ? data : {};
  const names = Object.keys(connections);
  const [first] = names;
  const name = wanted ?? (first !== undefined && names.length === 1 ? first : 'default');
  const found = connections[name];
  if (!isDictionary(found))
    return refuse(`There is no connection '${name}'`, `Connections: ${names.join(', ') || 'none'}.`);
  const known = ['brokers', 'tls', 'sasl', 'registry'];
  for (const option of Object.keys(found))
    if (!known.includes(option))
      refuse(`Connection '${name}' has the unknown option '${option}'`, `${knownWords('Options', option, known)}.`);
  const brokers = (Array.isArray(found['brokers']) ? found['brokers'] : String(found['brokers'] ?? '').split(','))
    .map((broker) => String(broker).trim())
    .filter((broker) => broker !== '');
  if (brokers.length === 0 || !brokers.every((broker) => /^[^:\s]+:\d+$|^\[[^\]]+\]:\d+$/.test(broker)))
    refuse(
      `'brokers' of connection '${name}' must be a list of host:port, found ` +
        `${JSON.stringify(found['brokers'] ?? null)}`,
    );
  return {
    name,
    path,
    brokers,
    tls: tlsOf(found['tls'], path, refuse),
    sasl: saslOf(found['sasl'], name, refuse),
    registry: registryOf(found['registry'], name, path, refuse),
  };
}

function tlsOf(value: Json | undefined, path: string, refuse: (message: string) => never): LoadConnection['tls'] {
  if (value === undefined || value === null || value === false) return null;
  if (value === true) return {};
  if (!isDictionary(value)) return refuse("'tls' must be true or { ca, cert, key, servername }");
  const file = (option: string): { [name: string]: string } => {
    const name = value[option];
    if (name === undefined) return {};
    const place = isAbsolute(String(name)) ? String(name) : join(dirname(path), String(name));
    try {
      return { [option]: readFileSync(place, 'utf8') };
    } catch (error) {
      return refuse(`'${option}' of 'tls' cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  for (const option of Object.keys(value))
    if (!['ca', 'cert', 'key', 'servername'].includes(option))
      refuse(
        `'tls' has the unknown option '${option}'; verification cannot be switched off, name who is trusted with 'ca'`,
      );
  return {
    ...file('ca'),
    ...file('cert'),
    ...file('key'),
    ...(typeof value['servername'] === 'string' ? { servername: value['servername'] } : {}),
  };
}

function saslOf(value: Json | undefined, name: string, refuse: (message: string) => never): LoadConnection['sasl'] {
  if (value === undefined || value === null) return null;
  const { mechanism = 'PLAIN', username, password }: Dictionary = isDictionary(value) ? value : {};
  const known = (['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const).find(
    (each) => each === String(mechanism).toUpperCase(),
  );
  if (known === undefined)
    return refuse(`'mechanism' of connection '${name}' must be PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512`);
  if (typeof username !== 'string' || typeof password !== 'string' || password === '')
    return refuse(`'sasl' of connection '${name}' needs username and password: "{{ env_var('KAFKA_PASSWORD') }}"`);
  return { mechanism: known, username, password };
}

function registryOf(
  value: Json | undefined,
  name: string,
  path: string,
  refuse: (message: string) => never,
): LoadConnection['registry'] {
  if (value === undefined || value === null) return null;
  const options: Dictionary = isDictionary(value) ? value : { url: value };
  const known = ['url', 'username', 'password', 'token', 'tls'];
  for (const option of Object.keys(options))
    if (!known.includes(option)) refuse(`'registry' of connection '${name}' has the unknown option '${option}'`);
  const { url, tls } = options;
  if (typeof url !== 'string' || !URL.canParse(url) || !/^https?:\/\//.test(url))
    return refuse(`'registry' of connection '${name}' must be a URL or { url, username, password, token, tls }`);
  const parsed = new URL(url);
  if (parsed.username !== '' || parsed.password !== '')
    refuse(
      `'url' of 'registry' of connection '${name}' must not hold credentials: username and password are ` +
        'options of their own',
    );
  const textOf = (option: 'username' | 'password' | 'token'): string | null =>
    options[option] === undefined || options[option] === null ? null : String(options[option]);
  const [username, password, token] = [textOf('username'), textOf('password'), textOf('token')];
  if (token !== null && username !== null)
    refuse(`'registry' of connection '${name}' has a username and a token; one of them must go`);
  return {
    url: url.replace(/(?<!\/)\/+$/, ''),
    username,
    password,
    token,
    tls: tlsOf(tls, path, refuse),
  };
}

/** Options that hold a secret, by their group. */
const SECRETS = [
  ['sasl', 'password'],
  ['registry', 'password'],
  ['registry', 'token'],
] as const;

/**
 * Secrets that stand in the file as they are, instead of coming from the environment: `name.sasl.password`.
 * @param data the file's content, not rendered
 */
export function writtenSecrets(data: Json): string[] {
  const connections = isDictionary(data) && isDictionary(data['connections']) ? data['connections'] : data;
  if (!isDictionary(connections)) return [];
  return Object.entries(connections).flatMap(([name, found]) =>
    SECRETS.flatMap(([group, option]) => {
      const options = isDictionary(found) ? found[group] : undefined;
      const value = isDictionary(options) ? options[option] : undefined;
      return value === undefined || value === null || String(value).includes('env_var(')
        ? []
        : [`${name}.${group}.${option}`];
    }),
  );
}
