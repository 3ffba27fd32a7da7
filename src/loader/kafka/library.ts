// The Kafka client library: when it is loaded, and how it is called. What is asked of brokers by it is in cluster.ts.
import type { BaseOptions, Callback, Consumer } from '@platformatic/kafka';
import type { TlsOptions } from '../../http/ask.ts';
import { type OauthOptions, OauthTokens } from '../../http/oauth-tokens.ts';
import type { LoadConnection, SaslOptions } from '../connections.ts';
import { refusedCredentials } from './errors.ts';

export type KafkaLibrary = typeof import('@platformatic/kafka');
/** A consumer of messages as they are. */
export type ByteConsumer = Consumer<Buffer, Buffer, Buffer, Buffer>;

/** Loaded when a broker is needed: most commands need none. */
export async function loadClientLibrary(): Promise<KafkaLibrary> {
  return import('@platformatic/kafka');
}

/**
 * Calls a method of the library. Its own promises are made by `Promise.withResolvers`, which Node 20 has not; with a
 * callback it makes none.
 * @param call hands over the callback
 * @throws what the library gives as an error
 */
export function called<T>(call: (done: Callback<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    // A method without a result gives undefined when there is no error.
    call((error, answer) => (error ? reject(error) : resolve(answer as T)));
  });
}

/** Options that every client of a connection has. */
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

/** Certificates are read when a connection is made: they may have changed since. */
function whenConnecting(tls: TlsOptions): TlsOptions & { rejectUnauthorized: boolean } {
  return Object.defineProperties({ rejectUnauthorized: true }, Object.getOwnPropertyDescriptors(tls));
}

/** The library asks for credentials with each connection, and when a session ends. */
function saslOptions(connection: LoadConnection, sasl: SaslOptions): NonNullable<BaseOptions['sasl']> {
  if (sasl.mechanism !== 'OAUTHBEARER')
    return { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password };
  const tokens = tokensOf(connection, sasl.oauth);
  return {
    mechanism: sasl.mechanism,
    token: () => tokens.token(),
    oauthBearerExtensions: { ...sasl.extensions },
    // A broker that refuses a token answers without an error, and with a reason in JSON.
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
