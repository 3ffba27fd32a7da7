// The Kafka client library: when it is loaded, and how it is called. What is asked of brokers by it is in cluster.ts.
import type { BaseOptions, Callback, Consumer } from '@platformatic/kafka';
import type { LoadConnection } from '../connections.ts';

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
    ...(tls === null ? {} : { tls: { rejectUnauthorized: true, ...tls } }),
    ...(sasl === null ? {} : { sasl: { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password } }),
  };
}
