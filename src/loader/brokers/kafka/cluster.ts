// Sends requests to a Kafka cluster: topics and leaders, end offsets, records, ends of epochs. Converts each failure to
// a clear error. fetch-loop.ts and log-verification.ts decide what answers mean for a partition.
import type { ClusterMetadata, Connection } from '@platformatic/kafka';
import { TsdbtError } from '../../../errors.ts';
import { partitionKey, type TopicPartition } from '../broker.ts';
import type { LoadConnection } from '../../../connections/kafka-connection.ts';
import { answerError, brokerError } from './protocol-errors.ts';
import { type ByteConsumer, called, clientOptions, type KafkaLibrary } from './client-library.ts';
import { type DescribedTopic, partialConsumer } from './partial-metadata.ts';
import { type AskedEpoch, type EpochEnd, OLDEST_EPOCHS, RawEpochs } from './epoch-request.ts';
import { type Fetched, type FetchOptions, RawFetch } from './fetch-request.ts';

/** Topics by name, with the leader of each partition; -1: none. */
export type Topics = ClusterMetadata['topics'];

const READ_COMMITTED = 1;
/** Timeout of the first answer: the library tries four times, which takes minutes. */
const FIRST_ANSWER_MS = 45_000;
/** Timeout of any other answer: the library tries four times, 30 s each. */
const ANY_ANSWER_MS = 180_000;
const EARLIEST = -2n;
export const LATEST = -1n;

export class Cluster {
  readonly library: KafkaLibrary;
  readonly consumer: ByteConsumer;
  readonly connection: LoadConnection;
  /** Topics named in errors. */
  subscribed: readonly string[] = [];
  /** Whether the known leaders are outdated. */
  stale = true;
  #fetch: RawFetch | null = null;
  #epochs: RawEpochs | null = null;
  /** Error codes of partitions in the last metadata, by `topic/partition`. */
  readonly #errors = new Map<string, number>();
  /** Whether the broker has ever answered. */
  #answered = false;
  /** Timeouts of the first answer and of the others. */
  readonly #timeouts: readonly [number, number];

  /**
   * @param group name of the consumer group: its loaders share the partitions
   * @param answerMs for tests: timeout of every answer
   */
  constructor(connection: LoadConnection, library: KafkaLibrary, group: string, answerMs?: number) {
    this.connection = connection;
    this.#timeouts = [answerMs ?? FIRST_ANSWER_MS, answerMs ?? ANY_ANSWER_MS];
    this.library = library;
    this.consumer = partialConsumer(library, connection, group, (topics) => this.#describe(topics));
    // An error event without a listener would end the process; calls report their own errors.
    this.consumer.on('error', () => undefined);
  }

  /** The names of all topics visible to this client, except the broker's internal ones. */
  async topicNames(): Promise<readonly string[]> {
    const { library, connection } = this;
    const admin = new library.Admin(clientOptions(connection));
    admin.on('error', () => undefined);
    try {
      return await this.asking(() => called<string[]>((done) => admin.listTopics({}, done)));
    } finally {
      await called<void>((done) => admin.close(done)).catch(() => undefined);
    }
  }

  /** Topics and leaders, even if some partitions have errors. @param anew ignores the cache */
  async topics(names: readonly string[], anew: boolean): Promise<Topics> {
    return (await this.#metadata(names, anew)).topics;
  }

  /**
   * Topics and leaders.
   * @param only the required partitions; absent: all of the topics
   * @throws also if a partition has an error
   */
  async wholeTopics(names: readonly string[], anew: boolean, only?: readonly TopicPartition[]): Promise<Topics> {
    const topics = await this.topics(names, anew || this.#errorOf(names, only) !== undefined);
    const code = this.#errorOf(names, only);
    if (code !== undefined) throw answerError(code, this.connection, this.subscribed);
    return topics;
  }

  /** The error code of a partition in the last metadata; 0: none. */
  errorOf(topic: string, partition: number): number {
    return this.#errors.get(partitionKey({ topic, partition })) ?? 0;
  }

  /** Earliest and end offset of every partition, by `topic/partition`. @param only as in `wholeTopics` */
  async ends(
    names: readonly string[],
    only?: readonly TopicPartition[],
  ): Promise<ReadonlyMap<string, { earliest: bigint; end: bigint }>> {
    const [earliest, latest] = await Promise.all([
      this.offsets(names, EARLIEST, only),
      this.offsets(names, LATEST, only),
    ]);
    return new Map([...latest].map(([key, end]) => [key, { end, earliest: earliest.get(key) ?? 0n }]));
  }

  /**
   * Offsets by `topic/partition`.
   * @param timestamp milliseconds since 1970, or EARLIEST or LATEST
   * @param only as in `wholeTopics`
   */
  async offsets(
    names: readonly string[],
    timestamp: bigint,
    only?: readonly TopicPartition[],
  ): Promise<ReadonlyMap<string, bigint>> {
    const topics = only === undefined ? [...names] : [...new Set(only.map(({ topic }) => topic))];
    if (topics.length === 0) return new Map();
    await this.wholeTopics(topics, false, only);
    const partitions: Record<string, number[]> = {};
    for (const { topic, partition } of only ?? []) (partitions[topic] ??= []).push(partition);
    const found = await this.asking(() =>
      called<Map<string, (bigint | undefined)[]>>((done) =>
        this.consumer.listOffsets({ topics, partitions, timestamp, isolationLevel: READ_COMMITTED }, done),
      ),
    );
    return new Map(
      [...found].flatMap(([topic, offsets]) =>
        // Not by index: a broker may have named partition 2^31.
        Object.entries(offsets).flatMap(([partition, offset]) =>
          offset === undefined ? [] : [[partitionKey({ topic, partition: Number(partition) }), offset] as const],
        ),
      ),
    );
  }

  /** Fetches records from a broker. @throws `connection` error while it is unavailable */
  async fetch(node: number, options: Omit<FetchOptions, 'minBytes'>): Promise<Fetched> {
    return this.asking(async () => {
      try {
        const connection = await this.#connectionTo(node);
        this.#fetch ??= new RawFetch(this.library, await this.#newest('Fetch'));
        return await this.#fetch.fetch(connection, { ...options, minBytes: Math.min(1, options.maxWaitMs) });
      } catch (error) {
        // Another broker may have become the leader.
        this.stale = true;
        throw error;
      }
    });
  }

  /** Whether the brokers can report where an epoch ends. */
  async knowsEpochs(): Promise<boolean> {
    return ((await this.asking(() => this.#newest('OffsetForLeaderEpoch'))) ?? 0) >= OLDEST_EPOCHS;
  }

  /**
   * Fetches the ends of epochs from the leader of their partitions. @throws `connection` error while it is unavailable
   */
  async epochEnds(node: number, asked: readonly AskedEpoch[]): Promise<readonly EpochEnd[]> {
    return this.asking(async () => {
      this.#epochs ??= new RawEpochs(this.library, (await this.#newest('OffsetForLeaderEpoch')) ?? OLDEST_EPOCHS);
      return this.#epochs.ends(await this.#connectionTo(node), asked);
    });
  }

  /** Makes a call and converts its failure to a clear error. */
  async asking<T>(work: () => Promise<T>): Promise<T> {
    try {
      const answer = await this.#timed(work, this.#timeouts[this.#answered ? 1 : 0]);
      this.#answered = true;
      return answer;
    } catch (error) {
      throw brokerError(error, this.connection, this.subscribed, this.#answered);
    }
  }

  /** The library forgets a request if it cannot use the answer; and the address may belong to another service. */
  async #timed<T>(work: () => Promise<T>, ms: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const waited = `it has said nothing for ${ms / 1000} s`;
        reject(brokerError(new Error(waited), this.connection, this.subscribed));
      }, ms);
    });
    return Promise.race([work(), late]).finally(() => clearTimeout(timer));
  }

  #errorOf(names: readonly string[], only?: readonly TopicPartition[]): number | undefined {
    const keys = only === undefined ? null : new Set(only.map(partitionKey));
    for (const [key, code] of this.#errors)
      if (keys === null ? names.some((name) => key.startsWith(`${name}/`)) : keys.has(key)) return code;
    return undefined;
  }

  #describe(topics: readonly DescribedTopic[]): void {
    for (const { name, partitions } of topics)
      for (const { partitionIndex, errorCode } of partitions) {
        const key = partitionKey({ topic: name ?? '', partition: partitionIndex });
        if (errorCode === 0) this.#errors.delete(key);
        else this.#errors.set(key, errorCode);
      }
  }

  async #metadata(names: readonly string[], forceUpdate: boolean): Promise<ClusterMetadata> {
    return this.asking(() =>
      called<ClusterMetadata>((done) => this.consumer.metadata({ topics: [...names], forceUpdate }, done)),
    );
  }

  async #connectionTo(node: number): Promise<Connection> {
    if (node < 0) throw new TsdbtError('connection', 'it has no leader');
    const { brokers } = await called<ClusterMetadata>((done) =>
      this.consumer.metadata({ topics: [...this.subscribed], forceUpdate: false }, done),
    );
    const broker = brokers.get(node);
    if (broker === undefined) throw new TsdbtError('connection', `broker ${node} is not known to the cluster`);
    return called<Connection>((done) => this.consumer.connections.get(broker, done));
  }

  /** The newest version of a request that the brokers support; null: they do not report it. */
  async #newest(request: string): Promise<number | null> {
    const apis = await called<{ readonly name: string; readonly maxVersion: number }[]>((done) =>
      this.consumer.listApis(done),
    );
    return apis.find(({ name }) => name === request)?.maxVersion ?? null;
  }
}
