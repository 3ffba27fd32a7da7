// The sample producer: sends a file's records to a topic, idempotent, keyed, at a given rate. For trials and tests.
import { TsdbtError } from '../errors.ts';
import { type Message, partitionKey } from './brokers/broker.ts';
import type { LoadConnection } from '../connections/kafka-connection.ts';
import { fileClient, fileTopic } from './brokers/file-client.ts';
import { called, clientOptions, loadClientLibrary } from './brokers/kafka/client-library.ts';
import type { MessageEncoder } from './produce-format.ts';
import { brokerError } from './brokers/kafka/protocol-errors.ts';

export interface ProduceOptions {
  readonly connection: LoadConnection;
  readonly topic: string;
  /** NDJSON or CSV. */
  readonly path: string;
  /** Field whose text becomes the message's key: messages with one key stay in order. Null: none. */
  readonly key: string | null;
  /** Messages per second; null: unlimited. */
  readonly rate: number | null;
  /** Number of partitions of a topic that is created if missing; null: it must exist. */
  readonly partitions: number | null;
  /** Converts the records' JSON to messages; null: records are sent unchanged. */
  readonly encode: MessageEncoder | null;
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

const AT_ONCE = 1000;
const REQUEST_BYTES = 400_000;

/** @returns number of messages that the broker has acknowledged */
export async function produceFile(options: ProduceOptions): Promise<number> {
  const { connection, topic, path, key, rate, partitions, encode, signal, now, pause } = options;
  const source = fileClient(path, (_column, cell) => /^[[{]/.test(cell));
  await source.join([fileTopic(path)], {
    assigned: async (partitions) =>
      new Map(partitions.map((at) => [partitionKey(at), { ...at, next: 0n, epoch: null }])),
    revoked: async () => undefined,
  });
  if (partitions !== null) await createTopic(connection, topic, partitions);
  const { Producer } = await loadClientLibrary();
  const producer = new Producer<Buffer, Buffer, Buffer, Buffer>({
    ...clientOptions(connection),
    idempotent: true,
    acks: -1,
    retries: 25,
    retryDelay: 200,
  });
  const began = now();
  let sent = 0;
  try {
    for (;;) {
      const {
        batches: [batch],
      } = await source.poll();
      if (batch === undefined) return sent;
      const read = batch.records.flatMap((records) =>
        Array.from({ length: records.length }, (_, i) => records.message(i)),
      );
      const most = rate === null ? AT_ONCE : Math.max(1, Math.min(AT_ONCE, Math.ceil(rate / 20)));
      for (let at = 0, size = 0; at < read.length && !signal.aborted; at += size) {
        size = howMany(read, at, most);
        const part = read.slice(at, at + size);
        const messages = part.map(({ value, offset }) => ({
          topic,
          value: encode === null ? Buffer.from(value ?? []) : encode(value ?? Buffer.alloc(0), offset + 1n),
          ...(key === null ? {} : { key: keyOf(value, key, path, offset + 1n) }),
        }));
        await called((done) => producer.send({ messages }, done));
        sent += part.length;
        if (rate !== null) await pause(Math.max(0, began + (sent / rate) * 1000 - now()));
      }
      if (signal.aborted) return sent;
    }
  } catch (error) {
    throw brokerError(error, connection, [topic]);
  } finally {
    await called<void>((done) => producer.close(done)).catch(() => undefined);
  }
}

/** A request must be smaller than the broker's default limit: 1 MB. */
function howMany(messages: readonly Message[], from: number, most: number): number {
  let bytes = 0;
  let count = 0;
  while (count < most && from + count < messages.length && (count === 0 || bytes < REQUEST_BYTES))
    bytes += messages[from + count++]?.value?.length ?? 0;
  return count;
}

async function createTopic(connection: LoadConnection, topic: string, partitions: number): Promise<void> {
  const { Admin } = await loadClientLibrary();
  const admin = new Admin(clientOptions(connection));
  try {
    const known = await called<string[]>((done) => admin.listTopics({}, done));
    if (!known.includes(topic))
      await called((done) => admin.createTopics({ topics: [topic], partitions, replicas: -1 }, done));
  } catch (error) {
    if (
      !JSON.stringify(error, (_key, value: unknown) =>
        value instanceof Error ? { ...value, cause: value.cause } : value,
      ).includes('TOPIC_ALREADY_EXISTS')
    )
      throw brokerError(error, connection, [topic]);
  } finally {
    await called<void>((done) => admin.close(done)).catch(() => undefined);
  }
}

/** @param record its number in the file, from 1 */
function keyOf(value: Uint8Array | null, field: string, path: string, record: bigint): Buffer {
  let found: unknown;
  try {
    found = (JSON.parse(Buffer.from(value ?? []).toString('utf8')) as { [name: string]: unknown })[field];
  } catch {
    found = undefined;
  }
  if (found === undefined || found === null)
    throw new TsdbtError('runtime', `record ${record} has no '${field}' to be its key`, { path });
  return Buffer.from(typeof found === 'object' ? JSON.stringify(found) : String(found));
}
