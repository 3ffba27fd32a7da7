// A connection of type kafka: brokers, TLS, SASL, schema registry.
import type { Json } from '../contracts/node.ts';
import type { TlsOptions } from '../http/ask.ts';
import type { OauthOptions } from '../http/oauth-tokens.ts';
import {
  certificateFile,
  dictionary,
  httpUrl,
  keyFile,
  list,
  matching,
  scalar,
  type Secret,
  secret,
  secretFile,
  switched,
  text,
} from '../settings/kinds.ts';
import {
  exclusive,
  oneOf,
  onlyWith,
  optional,
  record,
  required,
  together,
  variants,
} from '../settings/record-settings.ts';
import { mapped, type Place, type Setting, type ValueOf } from '../settings/setting.ts';
import { isDictionary } from '../values/is-dictionary.ts';
import { connectionEntry, connectionsOf, type PlaceOfConnection, readConnection, typeOf } from './entry.ts';

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
      readonly mechanism: 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
      readonly username: string;
      readonly password: Secret;
    }
  | {
      readonly mechanism: 'OAUTHBEARER';
      readonly oauth: OauthOptions;
      /** What brokers of some vendors want beside the token. */
      readonly extensions: Readonly<Record<string, string>>;
    };

const FILE = 'A file with it: [secrets that rotate](#secrets-that-rotate)';

/** Verification cannot be switched off. */
export const TLS_FILES = record(
  {
    ca: optional(certificateFile, 'Who is trusted (PEM)', "the system's"),
    cert: optional(certificateFile, "The client's certificate"),
    key: optional(keyFile, 'Its private key'),
    servername: optional(text, "The name that the server's certificate must have", 'the host'),
  },
  { unknown: "Verification cannot be switched off: 'ca' names who is trusted." },
);
export const TLS: Setting<TlsOptions | null> = mapped(switched(TLS_FILES), tlsOptions);

/** A file that is being replaced when it is read counts with its last content. */
function tlsOptions(tls: ValueOf<typeof TLS_FILES> | null): TlsOptions | null {
  if (tls === null) return null;
  const options = tls.servername === null ? {} : { servername: tls.servername };
  for (const name of ['ca', 'cert', 'key'] as const) {
    const read = tls[name];
    if (read === null) continue;
    let last = read();
    const get = (): string => {
      try {
        last = read();
      } catch {
        // Its last content counts.
      }
      return last;
    };
    Object.defineProperty(options, name, { enumerable: true, get });
  }
  return options;
}

const PASSWORD_EXAMPLE = 'password: "{{ env_var(\'DBT_ENV_SECRET_KAFKA\') }}", or password_file';
export const BY_PASSWORD = record(
  {
    username: required(text, ''),
    password: optional(secret, 'From the environment', 'required, or a file'),
    password_file: optional(secretFile, FILE),
  },
  { rules: [exclusive('password', 'password_file'), oneOf(['password', 'password_file'], PASSWORD_EXAMPLE)] },
);
export const BY_TOKEN = record(
  {
    token_endpoint_url: optional(
      httpUrl({ instead: 'client_id and client_secret' }),
      'Where tokens are given',
      'required, or `token_file`',
    ),
    client_id: optional(text, '', 'required with an endpoint'),
    client_secret: optional(secret, 'From the environment', 'required, or a file'),
    client_secret_file: optional(secretFile, FILE),
    scope: optional(text, 'What the token is for'),
    tls: optional(TLS, 'Of the endpoint: as [above](#tls)', "the system's"),
    token_file: optional(secretFile, 'A file with the token, in place of an endpoint'),
    extensions: optional(dictionary(scalar), 'What brokers of some vendors want beside the token'),
  },
  {
    rules: [
      exclusive('token_file', 'token_endpoint_url'),
      exclusive('client_secret', 'client_secret_file'),
      oneOf(
        ['token_endpoint_url', 'token_file'],
        'An endpoint goes with client_id and client_secret or client_secret_file.',
      ),
      together('token_endpoint_url', 'client_id'),
      onlyWith(['client_secret', 'client_secret_file', 'scope', 'tls'], ['token_endpoint_url']),
      onlyWith(['token_endpoint_url'], ['client_secret', 'client_secret_file']),
    ],
  },
);
const SASL = variants(
  'mechanism',
  { PLAIN: BY_PASSWORD, 'SCRAM-SHA-256': BY_PASSWORD, 'SCRAM-SHA-512': BY_PASSWORD, OAUTHBEARER: BY_TOKEN },
  'PLAIN',
);

/** The rules have made sure that one of the two is given. */
function either(value: Secret | null, file: Secret | null): Secret {
  return value ?? file ?? (() => '');
}

function saslOptions(found: ValueOf<typeof SASL>, place: Place): SaslOptions {
  if (found.variant !== 'OAUTHBEARER') {
    const { username, password, password_file: file } = found.settings;
    return { mechanism: found.variant, username, password: either(password, file) };
  }
  const { token_file: token, token_endpoint_url: url, client_id: clientId, scope, tls, ...more } = found.settings;
  const oauth: OauthOptions =
    token !== null
      ? { kind: 'file', token }
      : {
          kind: 'endpoint',
          url: url ?? '',
          clientId: clientId ?? '',
          clientSecret: either(more.client_secret, more.client_secret_file),
          scope,
          inBody: false,
          tls,
          seen: (each) => place.secret(each),
          hint: 'sasl: token_endpoint_url, client_id, client_secret, scope.',
          tlsHint: 'sasl: { tls: { ca: path/to/ca.pem } } names who is trusted.',
        };
  return { mechanism: 'OAUTHBEARER', oauth, extensions: more.extensions ?? {} };
}

export const REGISTRY = record(
  {
    url: required(httpUrl({ instead: 'username and password' }), '`http` or `https`, without credentials in it'),
    username: optional(scalar, 'Basic authentication'),
    password: optional(secret, 'From the environment'),
    password_file: optional(secretFile, FILE),
    token: optional(secret, 'Bearer token, in place of a username; from the environment'),
    token_file: optional(secretFile, FILE),
    tls: optional(TLS, 'As [above](#tls)'),
  },
  {
    short: 'url',
    rules: [
      exclusive('password', 'password_file'),
      exclusive('token', 'token_file', 'username'),
      onlyWith(['password', 'password_file'], ['username']),
    ],
  },
);

const PORT = '(?:\\d{1,4}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d\\d|655[0-2]\\d|6553[0-5])';
const BROKERS = list(
  matching(new RegExp(`^(?:[^:\\s]+|\\[[^\\]]+\\]):${PORT}$`), 'host:port, with a port up to 65535'),
  {
    of: 'host:port',
  },
);

export const BROKER = record({
  brokers: required(
    {
      ...BROKERS,
      type: 'list, or text with commas',
      schema: () => ({ type: ['array', 'string'], items: { type: 'string' } }),
      read: (value, place) =>
        BROKERS.read(
          typeof value === 'string'
            ? value
                .split(',')
                .map((each) => each.trim())
                .filter(Boolean)
            : value,
          place,
        ),
    },
    '`host:port` each; IPv6 as `[::1]:9092`',
  ),
  tls: optional(
    { ...TLS, type: '`true` or dictionary' },
    "Encrypts. `true` trusts the system's authorities: [tls](#tls)",
  ),
  sasl: optional(mapped(SASL, saslOptions), '[sasl](#sasl)'),
  registry: optional({ ...REGISTRY, type: 'URL or dictionary' }, 'Schema Registry: [registry](#registry)'),
});

/**
 * A broker of the file.
 * @param data the file's content, rendered
 * @param wanted null: the only broker that there is, or else `default`
 * @param seen called with each secret that is read, now or later
 * @param folder that the files it names must lie in; null: any
 * @throws `profile` error naming file, line, connection and option
 */
export function loadConnection(
  data: Json,
  wanted: string | null,
  path: string,
  seen?: (secret: string) => void,
  placeOf?: PlaceOfConnection,
  folder: string | null = null,
): LoadConnection {
  const brokersThere = Object.entries(connectionsOf(data)).flatMap(([name, each]) =>
    isDictionary(each) && typeOf(each) === 'kafka' ? [name] : [],
  );
  const only = brokersThere.length === 1 ? brokersThere[0] : undefined;
  const entry = connectionEntry(data, wanted ?? only ?? 'default', path, seen, placeOf, folder);
  const { registry, ...rest } = readConnection(entry, ['kafka'], 'a broker', BROKER);
  return {
    name: entry.name,
    path,
    ...rest,
    registry: registry && {
      url: registry.url,
      username: registry.username,
      password: registry.password ?? registry.password_file,
      token: registry.token ?? registry.token_file,
      tls: registry.tls,
    },
  };
}
