// Loads the Kafka client library on demand, and calls it. cluster.ts sends requests with it.
import type { BaseOptions, Callback, Consumer, SASLCustomAuthenticator } from '@platformatic/kafka';
import type { TlsOptions } from '../../../http/ask.ts';
import { type OauthOptions, OauthTokens } from '../../../http/oauth-tokens.ts';
import type { LoadConnection, SaslOptions } from '../../../connections/kafka-connection.ts';
import { guardReader } from './guarded-reader.ts';
import { guardSockets } from './guarded-sockets.ts';
import { refusedCredentials } from './protocol-errors.ts';

/** Brokers allow 16,384; a million take a second. */
const MAX_ITERATIONS = 1_000_000;

export type KafkaLibrary = typeof import('@platformatic/kafka');
/** A consumer of raw messages. */
export type ByteConsumer = Consumer<Buffer, Buffer, Buffer, Buffer>;

/** Loaded when a broker is needed: most commands need none. */
export async function loadClientLibrary(): Promise<KafkaLibrary> {
  const library = await import('@platformatic/kafka');
  guardReader(library);
  guardSockets(library);
  return library;
}

/**
 * Calls a method of the library with a callback. Its promises use `Promise.withResolvers`, which Node 20 lacks.
 * @param call receives the callback
 * @throws the library's error
 */
export function called<T>(call: (done: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    // A method without a result passes undefined if there is no error.
    call((error, answer) => (error ? reject(error) : resolve(answer as T)));
  });
}

/** Options of every client of a connection. */
export function clientOptions(connection: LoadConnection): Omit<BaseOptions, 'groupId'> {
  const { sasl, tls, brokers } = connection;
  return {
    clientId: 'tsdbt',
    bootstrapBrokers: [...brokers],
    connectTimeout: 5000,
    retries: 3,
    retryDelay: 250,
    autocreateTopics: false,
    ...(tls === null ? {} : { tls: whenConnecting(tls) }),
    ...(sasl === null ? {} : { sasl: saslOptions(connection, sasl) }),
  };
}

/** Certificates are read for each connection: they may have changed. */
function whenConnecting(tls: TlsOptions): TlsOptions & { rejectUnauthorized: boolean } {
  return Object.defineProperties({ rejectUnauthorized: true }, Object.getOwnPropertyDescriptors(tls));
}

/** The library requests credentials for each connection, and when a session ends. */
function saslOptions(connection: LoadConnection, sasl: SaslOptions): NonNullable<BaseOptions['sasl']> {
  const { mechanism } = sasl;
  if (mechanism === 'PLAIN') return { mechanism, username: sasl.username, password: sasl.password };
  if (mechanism !== 'OAUTHBEARER')
    return { mechanism, username: sasl.username, password: sasl.password, authenticate: scram(mechanism, sasl) };
  const tokens = tokensOf(connection, sasl.oauth);
  return {
    mechanism: sasl.mechanism,
    token: () => tokens.token(),
    oauthBearerExtensions: { ...sasl.extensions },
    // A broker that rejects a token answers without an error, with a reason in JSON.
    authBytesValidator: (bytes: Buffer, done: Callback<Buffer>) =>
      bytes.length > 0 ? done(refusedCredentials(connection), bytes) : done(null, bytes),
  };
}

/** SCRAM in which the broker cannot choose an endless number of iterations. */
function scram(
  mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512',
  { username, password }: { readonly username: string; readonly password: () => string },
): SASLCustomAuthenticator {
  const algorithm = mechanism === 'SCRAM-SHA-256' ? 'SHA-256' : 'SHA-512';
  return (_mechanism, connection, authenticate, _username, _password, _token, done) => {
    loadClientLibrary().then(({ saslScramSha }) => {
      const { defaultCrypto } = saslScramSha;
      const hi: typeof defaultCrypto.hi = async (definition, secret, salt, iterations) => {
        if (iterations > MAX_ITERATIONS)
          throw new Error(`the broker wants ${iterations} iterations of SCRAM, more than ${MAX_ITERATIONS}`);
        return defaultCrypto.hi(definition, secret, salt, iterations);
      };
      saslScramSha.authenticate(
        ...([authenticate, connection, algorithm, username, password, { ...defaultCrypto, hi }, done] as const),
      );
    }, done);
  };
}

const known = new WeakMap<OauthOptions, OauthTokens>();

/** All clients of a connection share its token. */
function tokensOf(connection: LoadConnection, oauth: OauthOptions): OauthTokens {
  const tokens = known.get(oauth) ?? new OauthTokens(oauth, connection, Date.now);
  known.set(oauth, tokens);
  return tokens;
}
