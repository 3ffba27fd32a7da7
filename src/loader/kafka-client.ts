// A Kafka broker as the loader sees it, on @platformatic/kafka: its connections and its group, which only shares the partitions; what is fetched is read
// by raw-fetch.ts and record-batches.ts. Positions are the caller's.
import zlib from 'node:zlib';
import type { BaseOptions, Consumer } from '@platformatic/kafka';
import { TsdbtError } from '../errors.ts';
import { type AssignmentListener, type BrokerClient, type MessageBatch, type PartitionFailure, partitionKey, type Polled, type TopicInfo, type TopicPartition } from './broker.ts';
import type { LoadConnection } from './connections.ts';
import { type Fetched, type FetchOptions, RawFetch } from './raw-fetch.ts';
import { CorruptRecords, readRecordBatches } from './record-batches.ts';

const MAX_BYTES = 8 * 1024 * 1024;
const PARTITION_BYTES = 2 * 1024 * 1024;
const WAIT_MS = 200;
/** How often a client looks whether the topic has got partitions, and whether it is still of the group. */
const LOOK_MS = 5000;
const SESSION = { sessionTimeout: 10_000, heartbeatInterval: 300, rebalanceTimeout: 30_000 };
const READ_COMMITTED = 1;
const EARLIEST = -2n;
const LATEST = -1n;
/** Error codes of the protocol. */
const OFFSET_OUT_OF_RANGE = 1;
const MOVED = new Set([3, 5, 6, 9, 74, 75, 76, 100, 103]);
const NOT_AUTHORIZED = 29;

type Bytes = Consumer<Buffer, Buffer, Buffer, Buffer>;
type Library = Awaited<ReturnType<typeof loadClientLibrary>>;

/** What was asked of one broker, and its answer. */
interface Answer { readonly asked: FetchOptions['topics']; readonly fetched: Fetched }

/**
 * Makes a client; connects with its first call.
 * @param group its name: loaders of one group share the partitions
 */
export async function kafkaClient(connection: LoadConnection, group: string): Promise<BrokerClient> {
  const library = await loadClientLibrary();
  return new KafkaClient(connection, library, new library.Consumer({ groupId: group, ...clientOptions(connection) }) as Bytes);
}

/** The client library, loaded when a broker is needed. */
export async function loadClientLibrary(): Promise<typeof import('@platformatic/kafka')> {
  // It wants Node 22, for this one function.
  (Promise as { withResolvers?: unknown }).withResolvers ??= function withResolvers<T>() {
    let resolve!: (value: T) => void;
    let reject!: (reason: unknown) => void;
    const promise = new Promise<T>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    return { promise, resolve, reject };
  };
  // And this, of Node 22.15: batches that are compressed by zstd.
  if (!('zstdDecompressSync' in zlib)) {
    const { decompress } = await import('fzstd');
    Object.assign(zlib, {
      zstdDecompressSync: (bytes: Uint8Array) => Buffer.from(decompress(bytes)),
      zstdCompressSync: () => { throw new TsdbtError('runtime', 'writing with zstd needs Node 22.15'); },
    });
  }
  return import('@platformatic/kafka');
}

/** Options that every client of a connection has. */
export function clientOptions(connection: LoadConnection): Omit<BaseOptions, 'groupId'> {
  const { sasl, tls, brokers } = connection;
  return {
    clientId: 'tsdbt', bootstrapBrokers: [...brokers], connectTimeout: 5000, retries: 3, retryDelay: 250, autocreateTopics: false,
    ...(tls === null ? {} : { tls: { rejectUnauthorized: true, ...tls } }),
    ...(sasl === null ? {} : { sasl: { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password } }),
  };
}

class KafkaClient implements BrokerClient {
  private readonly connection: LoadConnection;
  private readonly library: Library;
  private readonly consumer: Bytes;
  private raw: RawFetch | null = null;
  /** Answers that are on their way while the last ones are being taken. */
  private ahead: Promise<Answer[]> | null = null;
  private listener: AssignmentListener | null = null;
  private readonly positions = new Map<string, { readonly at: TopicPartition; next: bigint }>();
  private readonly paused = new Set<string>();
  private subscribed: readonly string[] = [];
  private readonly ids = new Map<string, string>();
  private fresh = true;
  private looked = Date.now();
  private partitions = 0;
  private idle = 0;
  /** Has the broker ever answered? */
  private answered = false;

  constructor(connection: LoadConnection, library: Library, consumer: Bytes) {
    this.connection = connection;
    this.library = library;
    this.consumer = consumer;
    // An error without a listener would end the process; calls report their own.
    consumer.on('error', () => undefined);
  }

  async topics(names: readonly string[]): Promise<readonly TopicInfo[]> {
    this.subscribed = names;
    const { topics } = await this.metadata(names, true);
    this.partitions = names.reduce((sum, name) => sum + (topics.get(name)?.partitionsCount ?? 0), 0);
    return names.map((topic) => {
      const found = topics.get(topic);
      if (found !== undefined) this.ids.set(topic, found.id);
      if (found === undefined || found.partitionsCount === 0) {
        throw new TsdbtError('runtime', `Topic ${topic} does not exist on ${this.connection.brokers.join(', ')}`, { hint: 'Make it, or mend `topic:` in the load config of the source.' });
      }
      return { topic, id: found.id, partitions: found.partitionsCount };
    });
  }

  async ends(names: readonly string[]): Promise<ReadonlyMap<string, { earliest: bigint; end: bigint }>> {
    const [earliest, latest] = await Promise.all([EARLIEST, LATEST].map((timestamp) => this.offsets(names, timestamp)));
    return new Map([...latest!].map(([key, end]) => [key, { end, earliest: earliest!.get(key) ?? 0n }]));
  }

  async offsetsAt(names: readonly string[], time: number): Promise<ReadonlyMap<string, bigint>> {
    const [found, ends] = await Promise.all([this.offsets(names, BigInt(Math.floor(time))), this.offsets(names, LATEST)]);
    return new Map([...ends].map(([key, end]) => [key, (found.get(key) ?? -1n) < 0n ? end : found.get(key)!]));
  }

  async check(names: readonly string[]): Promise<void> {
    const { topics } = await this.metadata(names, true);
    for (const name of names) {
      const { id = '', partitions = [] } = topics.get(name) ?? {};
      const ends = await this.offsets([name], LATEST);
      const at = partitions.findIndex(({ leader }) => leader >= 0);
      if (at < 0) continue;
      const { partitions: fetched } = await this.fetch(partitions[at]!.leader, 0, 1, [{ id, name, partitions: [{ partition: at, leaderEpoch: partitions[at]!.leaderEpoch, offset: ends.get(partitionKey({ topic: name, partition: at })) ?? 0n, maxBytes: 1 }] }]);
      if (fetched.some(({ errorCode }) => errorCode === NOT_AUTHORIZED)) throw notAuthorized(this.connection, `read topic ${name}`);
      await this.asking(() => this.consumer.listCommittedOffsets({ topics: [{ topic: name, partitions: [0] }] }));
    }
  }

  async join(names: readonly string[], listener: AssignmentListener): Promise<void> {
    this.subscribed = names;
    this.listener = listener;
    this.consumer.topics.trackAll(...names);
    await this.asking(() => this.consumer.joinGroup({ ...SESSION }));
    await this.reassign();
  }

  /** New partitions, and a membership that the library has given up after a few attempts, need another round of the group. */
  private async look(): Promise<void> {
    this.looked = Date.now();
    const { topics } = await this.metadata(this.subscribed, true);
    const partitions = this.subscribed.reduce((sum, name) => sum + (topics.get(name)?.partitionsCount ?? 0), 0);
    this.idle = this.consumer.isActive() ? 0 : this.idle + 1;
    const grown = this.partitions > 0 && partitions > this.partitions;
    if (grown || this.idle > 2) {
      await this.asking(() => this.consumer.joinGroup({ ...SESSION }));
      this.idle = 0;
    }
    this.partitions = partitions;
  }

  async poll(): Promise<Polled> {
    if (Date.now() - this.looked > LOOK_MS) await this.look();
    await this.reassign();
    const failures: PartitionFailure[] = [];
    const answers = await (this.ahead ?? this.ask(failures)).finally(() => { this.ahead = null; });
    const batches = answers.flatMap((answer) => this.read(answer, failures));
    // What comes next is fetched while this is being taken.
    if (batches.some(({ records }) => records.length > 0)) {
      this.ahead = this.ask([]);
      this.ahead.catch(() => undefined);
    }
    return { batches, failures };
  }

  /** Asks each broker for what it leads; waits a little when there is nothing to ask. */
  private async ask(failures: PartitionFailure[]): Promise<Answer[]> {
    const byNode = new Map<number, Map<string, { id: string; name: string; partitions: { partition: number; leaderEpoch: number; offset: bigint; maxBytes: number }[] }>>();
    const { topics } = await this.metadata(this.subscribed, this.fresh);
    this.fresh = false;
    for (const [key, { at, next }] of this.positions) {
      if (this.paused.has(key)) continue;
      const topic = topics.get(at.topic);
      const place = topic?.partitions[at.partition];
      if (topic === undefined || place === undefined || place.leader < 0) {
        this.fresh = true;
        continue;
      }
      if ((this.ids.get(at.topic) ?? topic.id) !== topic.id) {
        failures.push({ ...at, reason: 'made_anew', message: `topic ${at.topic} was deleted and made again` });
        continue;
      }
      const node = byNode.get(place.leader) ?? new Map();
      byNode.set(place.leader, node);
      const asked = node.get(topic.id) ?? { id: topic.id, name: at.topic, partitions: [] };
      node.set(topic.id, asked);
      asked.partitions.push({ partition: at.partition, leaderEpoch: place.leaderEpoch, offset: next, maxBytes: PARTITION_BYTES });
    }
    if (byNode.size === 0 && failures.length === 0) await new Promise((resolve) => { setTimeout(resolve, WAIT_MS); });
    return Promise.all([...byNode].map(async ([node, byTopic]) => {
      const asked = [...byTopic.values()];
      return { asked, fetched: await this.fetch(node, WAIT_MS, MAX_BYTES, asked) };
    }));
  }

  /** What an answer brings; the positions go on behind it. */
  private read({ asked, fetched }: Answer, failures: PartitionFailure[]): MessageBatch[] {
    return fetched.partitions.flatMap((found): MessageBatch[] => {
      const topic = asked.find(({ id, name }) => id === found.topic || name === found.topic);
      if (topic === undefined) return [];
      const at = { topic: topic.name, partition: found.partition };
      const key = partitionKey(at);
      const position = this.positions.get(key);
      // Who was sent elsewhere meanwhile does not want this answer: it would leave a gap.
      if (position === undefined || this.paused.has(key) || position.next !== topic.partitions.find(({ partition }) => partition === at.partition)?.offset) return [];
      if (MOVED.has(found.errorCode)) {
        this.fresh = true;
        return [];
      }
      const fail = (reason: PartitionFailure['reason'], message: string): [] => {
        failures.push({ ...at, reason, message });
        return [];
      };
      if (found.errorCode === OFFSET_OUT_OF_RANGE) return fail('offset_out_of_range', `offset ${position.next} is out of range`);
      if (found.errorCode === NOT_AUTHORIZED) return fail('not_authorized', `not authorized to read topic ${at.topic}`);
      if (found.errorCode !== 0) return fail('corrupt', `the broker answers with error ${found.errorCode}`);
      try {
        const { records, next } = readRecordBatches(found.records, position.next, found.aborted, (algorithm, bytes) => this.decompress(algorithm, bytes));
        const batch = { ...at, records, from: position.next, next, end: found.lastStableOffset >= 0n ? found.lastStableOffset : found.highWatermark };
        position.next = next;
        return records.length > 0 || next > 0n ? [batch] : [];
      } catch (error) {
        if (!(error instanceof CorruptRecords)) throw error;
        return fail('corrupt', `what the broker has from offset ${position.next} on cannot be read: ${error.message}`);
      }
    });
  }

  private decompress(algorithm: number, bytes: Buffer): Buffer {
    const found = this.library.compressionsAlgorithmsByBitmask[algorithm];
    if (found === undefined) throw new TsdbtError('runtime', `Messages are compressed by an algorithm that is not known here (number ${algorithm}).`, { path: this.connection.path });
    try {
      return found.decompressSync(bytes);
    } catch (error) {
      throw new CorruptRecords(`a batch does not decompress (${error instanceof Error ? error.message : String(error)})`);
    }
  }

  /** @throws `connection` error while the broker is away */
  private async fetch(node: number, maxWaitMs: number, maxBytes: number, topics: FetchOptions['topics']): Promise<Fetched> {
    return this.asking(async () => {
      try {
        const { brokers } = await this.consumer.metadata({ topics: [...this.subscribed], forceUpdate: false });
        const connection = await this.consumer.connections.get(brokers.get(node)!);
        this.raw ??= new RawFetch(this.library, (await this.consumer.listApis()).find(({ name }) => name === 'Fetch')?.maxVersion ?? null);
        return await this.raw.fetch(connection, { maxWaitMs, minBytes: Math.min(1, maxWaitMs), maxBytes, topics });
      } catch (error) {
        // Somebody else may lead by now.
        this.fresh = true;
        throw error;
      }
    });
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.paused.add(partitionKey(partition));
  }

  seek(positions: ReadonlyMap<string, bigint>): void {
    for (const [key, next] of positions) {
      const position = this.positions.get(key);
      if (position !== undefined) position.next = next;
      this.paused.delete(key);
    }
  }

  member(): { readonly group: string; readonly member: string | null } {
    return { group: this.consumer.groupId, member: this.consumer.memberId };
  }

  async evict(members: readonly string[]): Promise<void> {
    const admin = new this.library.Admin(clientOptions(this.connection));
    admin.on('error', () => undefined);
    try {
      await admin.removeMembersFromConsumerGroup({ groupId: this.consumer.groupId, members: members.map((memberId) => ({ memberId, reason: 'not seen any more' })) });
    } catch {
      // It is gone already, or the broker will find out by itself.
    } finally {
      await admin.close().catch(() => undefined);
    }
  }

  async commit(next: ReadonlyMap<string, bigint>): Promise<void> {
    const offsets = [...next].flatMap(([key, offset]) => {
      const position = this.positions.get(key);
      return position === undefined ? [] : [{ ...position.at, offset, leaderEpoch: -1 }];
    });
    if (offsets.length > 0) await this.consumer.commit({ offsets }).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.positions.clear();
    await this.consumer.close(true).catch(() => undefined);
  }

  /** Follows what the group gives and takes. */
  private async reassign(): Promise<void> {
    const now = new Map((this.consumer.assignments ?? []).flatMap(({ topic, partitions }) => partitions.map((partition) => [partitionKey({ topic, partition }), { topic, partition }] as const)));
    const gone = [...this.positions.values()].map(({ at }) => at).filter((at) => !now.has(partitionKey(at)));
    if (gone.length > 0) {
      await this.listener?.revoked(gone);
      for (const at of gone) this.positions.delete(partitionKey(at));
    }
    const come = [...now.values()].filter((at) => !this.positions.has(partitionKey(at)));
    if (come.length === 0) return;
    this.fresh = true;
    const starts = await this.listener!.assigned(come);
    for (const at of come) this.positions.set(partitionKey(at), { at, next: starts.get(partitionKey(at)) ?? 0n });
  }

  private async metadata(names: readonly string[], forceUpdate: boolean): Promise<{ topics: ReadonlyMap<string, { id: string; partitionsCount: number; partitions: readonly { leader: number; leaderEpoch: number }[] }> }> {
    return this.asking(() => this.consumer.metadata({ topics: [...names], forceUpdate }));
  }

  private async offsets(names: readonly string[], timestamp: bigint): Promise<Map<string, bigint>> {
    await this.metadata(names, false);
    const found = await this.asking(() => this.consumer.listOffsets({ topics: [...names], timestamp, isolationLevel: READ_COMMITTED }));
    return new Map([...found].flatMap(([topic, offsets]) => offsets.flatMap((offset, partition) => (offset === undefined ? [] : [[partitionKey({ topic, partition }), offset] as const]))));
  }

  /** A call whose failure is told in our words. */
  private async asking<T>(work: () => Promise<T>): Promise<T> {
    try {
      const answer = await work();
      this.answered = true;
      return answer;
    } catch (error) {
      throw brokerError(error, this.connection, this.subscribed, this.answered);
    }
  }
}

/** What the client library's failure means: the broker is away, or it will not have us. */
export function brokerError(error: unknown, connection: LoadConnection, topics: readonly string[], answered = false): TsdbtError {
  if (error instanceof TsdbtError) return error;
  const texts: string[] = [];
  const codes = new Set<string>();
  const visit = (each: unknown): void => {
    if (!(each instanceof Error)) return;
    texts.push(each.message);
    const { code, apiId, errors } = each as { code?: unknown; apiId?: unknown; errors?: unknown };
    for (const id of [code, apiId]) if (typeof id === 'string') codes.add(id);
    if (Array.isArray(errors)) errors.forEach(visit);
    visit(each.cause);
  };
  visit(error);
  const unknown = /Unknown topic (\S+?)\.?$/.exec(texts[0] ?? '')?.[1];
  if (unknown !== undefined || codes.has('UNKNOWN_TOPIC_OR_PARTITION') || texts.some((text) => /does not host this topic/.test(text))) {
    return new TsdbtError('runtime', `Topic ${unknown ?? topics.join(', ')} does not exist on ${connection.brokers.join(', ')}`, { hint: 'Make it, or mend its name.', cause: error });
  }
  const brokers = connection.brokers.join(', ');
  const { path, name } = connection;
  const has = (pattern: RegExp): boolean => [...codes].some((code) => pattern.test(code));
  const denied = [...codes].find((code) => /_AUTHORIZATION_FAILED$/.test(code));
  if (denied !== undefined) return notAuthorized(connection, denied.startsWith('GROUP') ? `use its consumer group (read on group ${'`tsdbt.*`'})` : `read topic ${topics.join(', ')}`, error);
  if (has(/^(SASL_AUTHENTICATION_FAILED|UNSUPPORTED_SASL_MECHANISM|ILLEGAL_SASL_STATE)$/) || (has(/^PLT_KFK_AUTHENTICATION$/) && !has(/^(E[A-Z]+|PLT_KFK_NETWORK)$/))) {
    return new TsdbtError('runtime', `The broker at ${brokers} refuses the credentials of connection '${name}'.`, { path, hint: 'sasl: mechanism, username and password; the password comes from the environment.', cause: error });
  }
  const told = texts.find((text) => !/^(Connection to|Cannot connect|.* failed \d+ times)/.test(text)) ?? texts.at(-1) ?? String(error);
  if (has(/CERT|^ERR_SSL|^ERR_TLS|SELF_SIGNED|^UNABLE_TO/)) {
    const reason = texts.findLast((text) => /certificate|alert|SSL|ssl/i.test(text)) ?? told;
    return new TsdbtError('runtime', `No TLS connection to ${brokers}: ${reason}`, { path, hint: 'tls: { ca, cert, key, servername } in the connection: who is trusted, who we are, and the name in the broker\'s certificate.', cause: error });
  }
  const plain = texts.some((text) => /requires TLS/.test(text));
  // A broker that goes away in the midst of a handshake looks like one that knows no TLS.
  if (plain || (!answered && texts.some((text) => /TLS handshake failed/.test(text)))) {
    return new TsdbtError('runtime', plain ? `The broker at ${brokers} speaks TLS only.` : `The broker at ${brokers} does not speak TLS.`, { path, hint: plain ? `tls: true in connection '${name}'.` : `Leave 'tls' out of connection '${name}', or name the broker's port for TLS.`, cause: error });
  }
  // The library refuses what we ask of it: waiting will not help.
  if (has(/^PLT_KFK_USER$/) && !has(/^(E[A-Z]+|PLT_KFK_NETWORK)$/)) return new TsdbtError('internal', told, { cause: error });
  const closed = !answered && (connection.tls === null || connection.tls.cert === undefined) && texts.some((text) => /Connection closed/.test(text));
  return new TsdbtError('connection', `no broker answers at ${brokers}: ${closed ? `it closes the connection at once; it is starting, or it wants ${connection.tls === null ? 'TLS' : "a client's certificate"}` : (texts.at(-1) ?? String(error))}`, { path, cause: error });
}

function notAuthorized(connection: LoadConnection, what: string, cause?: unknown): TsdbtError {
  const user = connection.sasl === null ? 'this client' : `user ${connection.sasl.username}`;
  return new TsdbtError('runtime', `The broker at ${connection.brokers.join(', ')} does not let ${user} ${what}.`, { hint: 'An ACL of the broker must allow it.', cause });
}
