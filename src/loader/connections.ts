// Validates connections.yml, next to profiles.yml: brokers, TLS, SASL, schema registry. The caller renders its text;
// secrets come from the environment.
import { readFileSync } from 'node:fs';
import type { Json } from '../contracts/node.ts';
import type { TlsOptions } from '../http/ask.ts';
import type { OauthOptions } from '../http/oauth-tokens.ts';
import { isDictionary } from '../values/is-dictionary.ts';
import {
  connectionEntry,
  connectionsOf,
  type Dictionary,
  expectType,
  onlyOptions,
  type PlaceOfConnection,
  typeOf,
} from '../connections/entry.ts';
import { namedFile, type Secret, secretOf, type SecretPlace } from '../connections/secret.ts';

/** How to reach a broker. */
export interface LoadConnection {
  readonly name: string;
  /** The file, for errors. */
  readonly path: string;
  /** `host:port` each. */
  readonly brokers: readonly string[];
  readonly tls: TlsOptions | null;
  readonly sasl: SaslOptions | null;
  /** A Schema Registry; `token` is a bearer token. */
  readonly registry: {
    readonly url: string;
    readonly username: string | null;
    readonly password: Secret | null;
    readonly token: Secret | null;
    readonly tls: TlsOptions | null;
  } | null;
}

export type SaslOptions =
  | {
      readonly mechanism: (typeof BY_PASSWORD)[number];
      readonly username: string;
      readonly password: Secret;
    }
  | {
      readonly mechanism: 'OAUTHBEARER';
      readonly oauth: OauthOptions;
      /** Additional SASL extensions that some vendors' brokers require. */
      readonly extensions: Readonly<Record<string, string>>;
    };

const BY_PASSWORD = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'] as const;

/**
 * Returns one connection of the file.
 * @param data the file's content, rendered
 * @param wanted null: the only broker, otherwise the one named `default`
 * @param seen called with each secret that is read, now or later
 * @param folder that must contain the files it names; null: any
 * @throws `profile` error with file, line, connection and option
 */
export function loadConnection(
  data: Json,
  wanted: string | null,
  path: string,
  seen: (secret: string) => void = () => undefined,
  placeOf: PlaceOfConnection = () => undefined,
  folder: string | null = null,
): LoadConnection {
  const brokersThere = Object.entries(connectionsOf(data)).flatMap(([name, each]) =>
    isDictionary(each) && typeOf(each) === 'kafka' ? [name] : [],
  );
  const only = brokersThere.length === 1 ? brokersThere[0] : undefined;
  const entry = connectionEntry(data, wanted ?? only ?? 'default', path, seen, placeOf, folder);
  const { name, options: found, refuse } = entry;
  expectType(entry, ['kafka'], 'a broker');
  onlyOptions(entry, ['brokers', 'tls', 'sasl', 'registry']);
  const brokers = (Array.isArray(found['brokers']) ? found['brokers'] : String(found['brokers'] ?? '').split(','))
    .map((broker) => String(broker).trim())
    .filter((broker) => broker !== '');
  if (brokers.length === 0 || !brokers.every((broker) => /^[^:\s]+:\d+$|^\[[^\]]+\]:\d+$/.test(broker)))
    refuse(
      `'brokers' of connection '${name}' must be a list of host:port, found ` +
        `${JSON.stringify(found['brokers'] ?? null)}`,
      undefined,
      'brokers',
    );
  for (const broker of brokers)
    if (Number(broker.slice(broker.lastIndexOf(':') + 1)) > 65_535)
      refuse(`'brokers' of connection '${name}': the port of ${broker} is above 65535`, undefined, 'brokers');
  const place: SecretPlace = entry;
  return {
    name,
    path,
    brokers,
    tls: tlsOf(found['tls'], place),
    sasl: saslOf(found['sasl'], name, place),
    registry: registryOf(found['registry'], name, place),
  };
}

function tlsOf(value: Json | undefined, place: SecretPlace): TlsOptions | null {
  const { seen, refuse } = place;
  if (value === undefined || value === null || value === false) return null;
  if (value === true) return {};
  if (!isDictionary(value)) return refuse("'tls' must be true or { ca, cert, key, servername }");
  for (const option of Object.keys(value))
    if (!['ca', 'cert', 'key', 'servername'].includes(option))
      refuse(
        `'tls' has the unknown option '${option}'; verification cannot be switched off, name who is trusted with 'ca'`,
      );
  const tls = typeof value['servername'] === 'string' ? { servername: value['servername'] } : {};
  for (const option of ['ca', 'cert', 'key'] as const) {
    const name = value[option];
    if (name === undefined) continue;
    const find = namedFile(place, option, String(name));
    let last = '';
    try {
      last = readFileSync(find(), 'utf8');
    } catch (error) {
      refuse(`'${option}' of 'tls' cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (option === 'key') seen(last);
    const get = (): string => {
      try {
        last = readFileSync(find(), 'utf8');
        if (option === 'key') seen(last);
      } catch {
        // The file is being changed: its last content applies to this connection.
      }
      return last;
    };
    Object.defineProperty(tls, option, { enumerable: true, get });
  }
  return tls;
}

function saslOf(value: Json | undefined, name: string, place: SecretPlace): SaslOptions | null {
  const { refuse } = place;
  if (value === undefined || value === null) return null;
  const options: Dictionary = isDictionary(value) ? value : {};
  const mechanism = String(options['mechanism'] ?? 'PLAIN').toUpperCase();
  if (mechanism === 'OAUTHBEARER') return oauthOf(options, name, place);
  const known = BY_PASSWORD.find((each) => each === mechanism);
  if (known === undefined)
    return refuse(
      `'mechanism' of connection '${name}' must be PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER, found ` +
        JSON.stringify(options['mechanism'] ?? null),
    );
  onlyKnown(options, ['mechanism', 'username', 'password', 'password_file'], `'sasl' of connection '${name}'`, refuse);
  const { username } = options;
  const password = secretOf(options, 'password', place);
  if (typeof username !== 'string' || password === null)
    return refuse(
      `'sasl' of connection '${name}' needs username, and password: "{{ env_var('KAFKA_PASSWORD') }}" or password_file`,
    );
  return { mechanism: known, username, password };
}

const OAUTH_OPTIONS = [
  'mechanism',
  'token_endpoint_url',
  'client_id',
  'client_secret',
  'client_secret_file',
  'scope',
  'token_file',
  'extensions',
  'tls',
];

function oauthOf(options: Dictionary, name: string, place: SecretPlace): SaslOptions {
  const { refuse, seen } = place;
  const of = `'sasl' of connection '${name}'`;
  onlyKnown(options, OAUTH_OPTIONS, of, refuse);
  const { token_endpoint_url: url, client_id: clientId, scope, extensions: written } = options;
  const extensions = isDictionary(written ?? {})
    ? Object.fromEntries(Object.entries(written ?? {}).map(([key, value]) => [key, String(value)]))
    : refuse(`'extensions' of ${of} must be a dictionary`);
  if (options['token_file'] !== undefined) {
    if (url !== undefined) refuse(`${of} has token_file and token_endpoint_url; one of them must go`);
    const token = secretOf({ token_file: options['token_file'] }, 'token', place);
    if (token === null) return refuse(`'token_file' of ${of} must be a path`);
    return { mechanism: 'OAUTHBEARER', extensions, oauth: { kind: 'file', token } };
  }
  const clientSecret = secretOf(options, 'client_secret', place);
  if (typeof url !== 'string' || typeof clientId !== 'string' || clientSecret === null)
    return refuse(
      `${of} needs token_endpoint_url, client_id and client_secret or client_secret_file; or token_file alone`,
    );
  checkUrl(url, `'token_endpoint_url' of ${of}`, 'client_id and client_secret', refuse);
  return {
    mechanism: 'OAUTHBEARER',
    extensions,
    oauth: {
      kind: 'endpoint',
      url,
      clientId,
      clientSecret,
      scope: scope === undefined || scope === null ? null : String(scope),
      inBody: false,
      tls: tlsOf(options['tls'], place),
      seen,
      hint: 'sasl: token_endpoint_url, client_id, client_secret, scope.',
      tlsHint: 'sasl: { tls: { ca: path/to/ca.pem } } names who is trusted.',
    },
  };
}

/** @param others the options for what a URL must not contain */
function checkUrl(url: string, what: string, others: string, refuse: (message: string) => never): void {
  if (!URL.canParse(url) || !/^https?:\/\//.test(url)) refuse(`${what} must be a URL`);
  const parsed = new URL(url);
  if (parsed.username !== '' || parsed.password !== '')
    refuse(`${what} must not hold credentials: ${others} are options of their own`);
}

function onlyKnown(
  options: Dictionary,
  known: readonly string[],
  what: string,
  refuse: (message: string) => never,
): void {
  for (const option of Object.keys(options))
    if (!known.includes(option)) refuse(`${what} has the unknown option '${option}'`);
}

function registryOf(value: Json | undefined, name: string, place: SecretPlace): LoadConnection['registry'] {
  const { refuse } = place;
  if (value === undefined || value === null) return null;
  const options: Dictionary = isDictionary(value) ? value : { url: value };
  const known = ['url', 'username', 'password', 'password_file', 'token', 'token_file', 'tls'];
  onlyKnown(options, known, `'registry' of connection '${name}'`, refuse);
  const { url, tls, username = null } = options;
  if (typeof url !== 'string' || !URL.canParse(url) || !/^https?:\/\//.test(url))
    return refuse(`'registry' of connection '${name}' must be a URL or { url, username, password, token, tls }`);
  checkUrl(url, `'url' of 'registry' of connection '${name}'`, 'username and password', refuse);
  const [password, token] = [secretOf(options, 'password', place), secretOf(options, 'token', place)];
  if (token !== null && username !== null)
    refuse(`'registry' of connection '${name}' has a username and a token; one of them must go`);
  return {
    url: url.replace(/(?<!\/)\/+$/, ''),
    username: username === null ? null : String(username),
    password,
    token,
    tls: tlsOf(tls, place),
  };
}

/** Options of object stores and databases that contain a secret. */
const OWN_SECRETS = ['secret_access_key', 'session_token', 'password', 'pass'];

/** Options that contain a secret, by their group. */
const SECRETS = [
  ['sasl', 'password'],
  ['sasl', 'client_secret'],
  ['registry', 'password'],
  ['registry', 'token'],
] as const;

/**
 * Secrets that are in the file itself instead of the environment: `name.sasl.password`.
 * @param data the file's content, not rendered
 */
export function writtenSecrets(data: Json): string[] {
  return Object.entries(connectionsOf(data)).flatMap(([name, found]) => [
    ...OWN_SECRETS.flatMap((option) => {
      const value = isDictionary(found) ? found[option] : undefined;
      return value === undefined || value === null || String(value).includes('env_var(') ? [] : [`${name}.${option}`];
    }),
    ...SECRETS.flatMap(([group, option]) => {
      const options = isDictionary(found) ? found[group] : undefined;
      const value = isDictionary(options) ? options[option] : undefined;
      return value === undefined || value === null || String(value).includes('env_var(')
        ? []
        : [`${name}.${group}.${option}`];
    }),
  ]);
}
