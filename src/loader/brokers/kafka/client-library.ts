// Loads the Kafka client library on demand, and calls it. cluster.ts sends requests with it.
import type { BaseOptions, Callback, Consumer } from '@platformatic/kafka';
import type { TlsOptions } from '../../../http/ask.ts';
import { type OauthOptions, OauthTokens } from '../../../http/oauth-tokens.ts';
import type { LoadConnection, SaslOptions } from '../../../connections/kafka-connection.ts';
import { refusedCredentials } from './protocol-errors.ts';

export type KafkaLibrary = typeof import('@platformatic/kafka');
/** A consumer of raw messages. */
export type ByteConsumer = Consumer<Buffer, Buffer, Buffer, Buffer>;

/** Loaded when a broker is needed: most commands need none. */
export async function loadClientLibrary(): Promise<KafkaLibrary> {
  return import('@platformatic/kafka');
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
  if (sasl.mechanism !== 'OAUTHBEARER')
    return { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password };
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

const known = new WeakMap<OauthOptions, OauthTokens>();

/** All clients of a connection share its token. */
function tokensOf(connection: LoadConnection, oauth: OauthOptions): OauthTokens {
  const tokens = known.get(oauth) ?? new OauthTokens(oauth, connection, Date.now);
  known.set(oauth, tokens);
  return tokens;
}
