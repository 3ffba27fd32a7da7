// A Kafka broker as the loader sees it, on @platformatic/kafka: its connections and its group, which only shares the
// partitions; what is fetched is read by raw-fetch.ts and record-batches.ts, what errors mean is in errors.ts.
// Positions are the caller's.
import type { BaseOptions, Connection, Consumer } from '@platformatic/kafka';
import { TsdbtError } from '../../errors.ts';
import {
  type AssignmentListener,
  type BrokerClient,
  type MessageBatch,
  type PartitionFailure,
  partitionKey,
  type Polled,
  type ReadPosition,
  type TopicInfo,
  type TopicPartition,
} from '../broker.ts';
import type { LoadConnection } from '../connections.ts';
import { type Crc32c, crc32cOf } from './crc32c.ts';
import { answerError, brokerError, errorName, remedyOf } from './errors.ts';
import { type EpochEnd, OLDEST_EPOCHS, RawEpochs } from './raw-epochs.ts';
import { type Fetched, type FetchedPartition, type FetchOptions, RawFetch } from './raw-fetch.ts';
import { RecordBatches, UnreadableBatch } from './record-batches.ts';
import { type Unpack, unpacker } from './unpack.ts';

const MAX_BYTES = 8 * 1024 * 1024;
const PARTITION_BYTES = 2 * 1024 * 1024;
/** What one poll unpacks: behind the batch with which it is so much, it ends. */
const UNPACKED_BYTES = 8 * 1024 * 1024;
const WAIT_MS = 200;
/**
 * After an error that passes a partition is left alone for a while, each time for longer; and from so many in a row on
 * it is said.
 */
const [TROUBLE_MS, LONGEST_TROUBLE_MS, TROUBLES_TOLD] = [100, 5000, 4];
/** How often a client looks whether the topic has got partitions, and whether it is still of the group. */
const LOOK_MS = 5000;
const SESSION = { sessionTimeout: 10_000, heartbeatInterval: 300, rebalanceTimeout: 30_000 };
const READ_COMMITTED = 1;
const EARLIEST = -2n;
const LATEST = -1n;
const NOT_AUTHORIZED = 29;

type Bytes = Consumer<Buffer, Buffer, Buffer, Buffer>;
type Library = Awaited<ReturnType<typeof loadClientLibrary>>;

/** What was asked of one broker, and its answer. */
interface Answer {
  readonly asked: FetchOptions['topics'];
  readonly fetched: Fetched;
}

/** What a round of questions brought. */
interface Round {
  readonly answers: readonly Answer[];
  readonly failures: readonly (readonly [Position, PartitionFailure])[];
}

/** How far a partition has been read. */
interface Position {
  readonly at: TopicPartition;
  next: bigint;
  epoch: number | null;
  /** Where to fetch from: behind what has been fetched and not been read yet. */
  ahead: bigint;
  /** The leader's epoch in which the log was seen to have what was read. */
  verified: number | null;
  /** The offset of a batch that came damaged: it is fetched once more. */
  damaged: bigint | null;
  /** Errors in a row that pass by themselves, what the last one was, and until when the partition is left alone. */
  troubles: number;
  trouble: string;
  restsUntil: number;
}

/** What was fetched of one partition and is being read. */
interface Opened {
  readonly position: Position;
  readonly batches: RecordBatches;
  readonly end: bigint;
  at: bigint;
}

type Topics = ReadonlyMap<
  string,
  { id: string; partitionsCount: number; partitions: readonly { leader: number; leaderEpoch: number }[] }
>;

/**
 * Makes a client; connects with its first call.
 * @param group its name: loaders of one group share the partitions
 */
export async function kafkaClient(connection: LoadConnection, group: string): Promise<BrokerClient> {
  const library = await loadClientLibrary();
  return new KafkaClient(
    connection,
    library,
    new library.Consumer({ groupId: group, ...clientOptions(connection) }) as Bytes,
  );
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
  return import('@platformatic/kafka');
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

class KafkaClient implements BrokerClient {
  private readonly connection: LoadConnection;
  private readonly library: Library;
  private readonly consumer: Bytes;
  private readonly crc32c: Crc32c;
  private readonly unpack: Unpack;
  private raw: RawFetch | null = null;
  private epochs: RawEpochs | null = null;
  /** Answers that are on their way while the last ones are being taken. */
  private ahead: Promise<Round> | null = null;
  private opened: Opened[] = [];
  private listener: AssignmentListener | null = null;
  private readonly positions = new Map<string, Position>();
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
    this.crc32c = crc32cOf(library);
    this.unpack = unpacker(library);
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
        throw new TsdbtError('runtime', `Topic ${topic} does not exist on ${this.connection.brokers.join(', ')}`, {
          hint: 'Make it, or mend `topic:` in the load config of the source.',
        });
      }
      return { topic, id: found.id, partitions: found.partitionsCount };
    });
  }

  async ends(names: readonly string[]): Promise<ReadonlyMap<string, { earliest: bigint; end: bigint }>> {
    const [earliest, latest] = await Promise.all([EARLIEST, LATEST].map((timestamp) => this.offsets(names, timestamp)));
    return new Map([...latest!].map(([key, end]) => [key, { end, earliest: earliest!.get(key) ?? 0n }]));
  }

  async offsetsAt(names: readonly string[], time: number): Promise<ReadonlyMap<string, bigint>> {
    const [found, ends] = await Promise.all([
      this.offsets(names, BigInt(Math.floor(time))),
      this.offsets(names, LATEST),
    ]);
    return new Map([...ends].map(([key, end]) => [key, (found.get(key) ?? -1n) < 0n ? end : found.get(key)!]));
  }

  async check(names: readonly string[]): Promise<void> {
    const { topics } = await this.metadata(names, true);
    for (const name of names) {
      const { id = '', partitions = [] } = topics.get(name) ?? {};
      const ends = await this.offsets([name], LATEST);
      const at = partitions.findIndex(({ leader }) => leader >= 0);
      if (at < 0) continue;
      const { errorCode, partitions: fetched } = await this.fetch(partitions[at]!.leader, 0, 1, [
        {
          id,
          name,
          partitions: [
            {
              partition: at,
              leaderEpoch: partitions[at]!.leaderEpoch,
              offset: ends.get(partitionKey({ topic: name, partition: at })) ?? 0n,
              lastEpoch: null,
              maxBytes: 1,
            },
          ],
        },
      ]);
      for (const code of [errorCode, ...fetched.map((each) => each.errorCode)]) {
        // What passes by itself says nothing about whether the topic may be read.
        if (code !== 0 && !['retry', 'verify', 'range'].includes(remedyOf(code)))
          throw answerError(code, this.connection, [name]);
      }
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

  /**
   * New partitions, and a membership that the library has given up after a few attempts, need another round of the
   * group.
   */
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
    if (this.opened.length === 0) {
      const round = await (this.ahead ?? this.ask()).finally(() => {
        this.ahead = null;
      });
      // Who was sent elsewhere meanwhile has not failed there.
      for (const [position, failure] of round.failures)
        if (this.positions.get(partitionKey(position.at)) === position) failures.push(failure);
      for (const answer of round.answers) failures.push(...(await this.open(answer)));
      // What comes next is fetched while this is being taken.
      if (this.opened.some(({ batches, at }) => batches.next > at)) {
        this.ahead = this.ask();
        this.ahead.catch(() => undefined);
      }
    }
    const batches = this.read(failures);
    const waiting = [...this.positions]
      .filter(([key, { troubles }]) => troubles >= TROUBLES_TOLD && !this.paused.has(key))
      .map(([key, { trouble }]) => `${key}: ${trouble}`);
    return { batches, failures, waiting: waiting.length === 0 ? null : waiting.join('; ') };
  }

  /** Asks each broker for what it leads; waits a little when there is nothing to ask. @throws when no broker answers */
  private async ask(): Promise<Round> {
    const byNode = new Map<
      number,
      Map<string, { id: string; name: string; partitions: FetchOptions['topics'][number]['partitions'][number][] }>
    >();
    const { topics } = await this.metadata(this.subscribed, this.fresh);
    this.fresh = false;
    const failures: [Position, PartitionFailure][] = [];
    const now = Date.now();
    const led: {
      readonly position: Position;
      readonly id: string;
      readonly leader: number;
      readonly leaderEpoch: number;
    }[] = [];
    for (const [key, position] of this.positions) {
      if (this.paused.has(key) || position.restsUntil > now) continue;
      const { at } = position;
      const topic = topics.get(at.topic);
      const place = topic?.partitions[at.partition];
      if (topic === undefined || place === undefined || place.leader < 0) this.troubled(position, 'it has no leader');
      else if ((this.ids.get(at.topic) ?? topic.id) !== topic.id)
        failures.push([
          position,
          { ...at, reason: 'made_anew', message: `topic ${at.topic} was deleted and made again` },
        ]);
      else led.push({ position, id: topic.id, ...place });
    }
    // A leader of another epoch may lack what was read of the one before.
    const unsure = led.filter(
      ({ position: { epoch, verified }, leaderEpoch }) => epoch !== null && verified !== leaderEpoch,
    );
    const refused = new Set<Position>();
    if (unsure.length > 0) {
      for (const [position, failure] of await this.partings(
        unsure.map(({ position }) => position),
        topics,
      )) {
        refused.add(position);
        if (failure !== null) failures.push([position, failure]);
      }
      for (const { position, leaderEpoch } of unsure) if (!refused.has(position)) position.verified = leaderEpoch;
    }
    for (const { position, id, leader, leaderEpoch } of led) {
      if (refused.has(position)) continue;
      const { at, epoch, next, ahead } = position;
      const node = byNode.get(leader) ?? new Map();
      byNode.set(leader, node);
      const asked = node.get(id) ?? { id, name: at.topic, partitions: [] };
      node.set(id, asked);
      // Of what is fetched ahead the epoch is seen when it is read.
      asked.partitions.push({
        partition: at.partition,
        leaderEpoch,
        offset: ahead,
        lastEpoch: ahead === next ? epoch : null,
        maxBytes: PARTITION_BYTES,
      });
    }
    if (byNode.size === 0 && failures.length === 0)
      await new Promise((resolve) => {
        setTimeout(resolve, WAIT_MS);
      });
    const answers = await Promise.allSettled(
      [...byNode].map(async ([node, byTopic]): Promise<Answer> => {
        const asked = [...byTopic.values()];
        try {
          return { asked, fetched: await this.fetch(node, WAIT_MS, MAX_BYTES, asked) };
        } catch (error) {
          // One broker that is away leaves the others alone.
          if (!(error instanceof TsdbtError) || error.kind !== 'connection' || byNode.size === 1) throw error;
          this.allTroubled(asked, error.message);
          return { asked, fetched: { errorCode: 0, partitions: [] } };
        }
      }),
    );
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return { answers: answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])), failures };
  }

  /** An error that passes: the cluster is looked at anew, and the partition is left alone for a while. */
  private troubled(position: Position, trouble: string): void {
    this.fresh = true;
    position.troubles++;
    position.trouble = trouble;
    position.restsUntil = Date.now() + Math.min(LONGEST_TROUBLE_MS, TROUBLE_MS * 2 ** Math.min(position.troubles, 10));
  }

  private allTroubled(asked: FetchOptions['topics'], trouble: string): void {
    for (const { name, partitions } of asked) {
      for (const { partition } of partitions) {
        const position = this.positions.get(partitionKey({ topic: name, partition }));
        if (position !== undefined) this.troubled(position, trouble);
      }
    }
  }

  /** Makes what was fetched ready to be read; checksums are compared here. @returns what stops partitions */
  private async open({ asked, fetched }: Answer): Promise<PartitionFailure[]> {
    if (fetched.errorCode !== 0) {
      const error = answerError(fetched.errorCode, this.connection, this.subscribed);
      if (error.kind !== 'connection') throw error;
      this.allTroubled(asked, `the broker answers ${errorName(fetched.errorCode)}`);
      return [];
    }
    const failures: PartitionFailure[] = [];
    const lost: Position[] = [];
    for (const found of fetched.partitions) {
      const topic = asked.find(({ id, name }) => id === found.topic || name === found.topic);
      const at = topic === undefined ? null : { topic: topic.name, partition: found.partition };
      const position = at === null ? undefined : this.positions.get(partitionKey(at));
      // Who was sent elsewhere meanwhile does not want this answer: it would leave a gap.
      if (
        at === null ||
        position === undefined ||
        this.paused.has(partitionKey(at)) ||
        position.next !== topic?.partitions.find(({ partition }) => partition === at.partition)?.offset
      )
        continue;
      if (found.errorCode !== 0) {
        const remedy = remedyOf(found.errorCode);
        if (remedy === 'retry' || remedy === 'verify') {
          if (remedy === 'verify') position.verified = null;
          this.troubled(position, `the broker answers ${errorName(found.errorCode)}`);
        } else if (remedy === 'range') lost.push(position);
        else if (found.errorCode === NOT_AUTHORIZED)
          failures.push({ ...at, reason: 'not_authorized', message: `not authorized to read topic ${at.topic}` });
        else
          failures.push({
            ...at,
            reason: 'refused',
            message: `the broker answers ${errorName(found.errorCode)} at offset ${position.next}`,
          });
        continue;
      }
      if (found.diverging !== null) {
        const parted = parting(position, { ...found.diverging });
        if (parted !== null) failures.push(parted);
        else position.epoch = found.diverging.epoch;
        continue;
      }
      position.troubles = 0;
      this.opened.push(this.batchesOf(found, position));
    }
    if (lost.length > 0) failures.push(...(await this.outOfRange(lost)));
    return failures;
  }

  private batchesOf(
    { records, aborted, highWatermark, lastStableOffset }: FetchedPartition,
    position: Position,
  ): Opened {
    const batches = new RecordBatches(records, {
      position: position.next,
      end: highWatermark,
      aborted,
      crc32c: this.crc32c,
      unpack: this.unpack,
    });
    position.ahead = batches.next;
    return { position, batches, at: position.next, end: lastStableOffset >= 0n ? lastStableOffset : highWatermark };
  }

  /** Positions that a broker does not find in its log: which side of it are they on? */
  private async outOfRange(positions: readonly Position[]): Promise<PartitionFailure[]> {
    const ends = await this.ends([...new Set(positions.map(({ at }) => at.topic))]);
    const beyond = await this.verify(positions.map(({ at, next, epoch }) => ({ ...at, next, epoch })));
    return positions.flatMap((position): PartitionFailure[] => {
      const { at, next } = position;
      const failure = beyond.find((each) => partitionKey(each) === partitionKey(at));
      if (failure !== undefined) return [failure];
      const earliest = ends.get(partitionKey(at))?.earliest ?? 0n;
      if (next < earliest)
        return [
          {
            ...at,
            reason: 'offset_out_of_range',
            message: `offset ${next} is out of range: the log begins at ${earliest}`,
          },
        ];
      // It is there by now: the leader was behind.
      this.troubled(position, `offset ${next} is out of range`);
      return [];
    });
  }

  /**
   * Reads what was fetched, batch after batch, as much of it as may be unpacked at once; the positions go on behind it.
   */
  private read(failures: PartitionFailure[]): MessageBatch[] {
    const found: MessageBatch[] = [];
    for (let left = UNPACKED_BYTES; left > 0 && this.opened[0] !== undefined; ) {
      const opened = this.opened[0];
      const { position, batches, end } = opened;
      const key = partitionKey(position.at);
      if (this.positions.get(key) !== position || this.paused.has(key) || position.next !== opened.at) {
        this.opened.shift();
        continue;
      }
      try {
        const taken = batches.take(left);
        if (taken === null) {
          this.opened.shift();
          if (opened.at === position.next && found.every((each) => partitionKey(each) !== key))
            found.push({ ...position.at, records: [], from: position.next, next: position.next, end, epoch: null });
          continue;
        }
        left -= taken.bytes;
        found.push({
          ...position.at,
          records: taken.records,
          from: position.next,
          next: taken.next,
          end,
          epoch: taken.epoch,
        });
        position.next = opened.at = taken.next;
        position.epoch = taken.epoch;
        position.damaged = null;
      } catch (error) {
        if (!(error instanceof UnreadableBatch)) throw error;
        this.opened.shift();
        position.ahead = position.next;
        // It may have been damaged on its way: a second look at what the broker has tells.
        if (error.damaged && position.damaged !== error.offset) position.damaged = error.offset;
        else
          failures.push({
            ...position.at,
            reason: error.damaged ? 'corrupt' : 'too_large',
            message: `the batch at offset ${error.offset} cannot be read: ${error.message}`,
          });
      }
    }
    return found;
  }

  async verify(positions: readonly ReadPosition[]): Promise<readonly PartitionFailure[]> {
    if (positions.length === 0) return [];
    const names = [...new Set(positions.map(({ topic }) => topic))];
    const { topics } = await this.metadata(names, true);
    const known = positions
      .filter(({ epoch }) => epoch !== null)
      .map(({ topic, partition, next, epoch }) => newPosition({ topic, partition }, next, epoch));
    const failures = new Map<string, PartitionFailure>();
    for (const [position, failure] of await this.partings(known, topics)) {
      if (failure === null)
        throw new TsdbtError(
          'connection',
          `the broker at ${this.connection.brokers.join(', ')} does not say where an epoch of ` +
            `${partitionKey(position.at)} ends: ${position.trouble}`,
        );
      failures.set(partitionKey(position.at), failure);
    }
    const ends = await this.ends(names);
    for (const { topic, partition, next } of positions) {
      const key = partitionKey({ topic, partition });
      const end = ends.get(key)?.end;
      if (end !== undefined && next > end && !failures.has(key))
        failures.set(key, {
          topic,
          partition,
          reason: 'beyond_end',
          message: `position ${next} is beyond the end of the log, ${end}`,
          from: end,
        });
    }
    return [...failures.values()];
  }

  /** Which positions' epochs end before them now. Null: the broker did not say, and is to be asked again. */
  private async partings(
    positions: readonly Position[],
    topics: Topics,
  ): Promise<Map<Position, PartitionFailure | null>> {
    const found = new Map<Position, PartitionFailure | null>();
    if (positions.length === 0) return found;
    const newest =
      (await this.asking(() => this.consumer.listApis())).find(({ name }) => name === 'OffsetForLeaderEpoch')
        ?.maxVersion ?? 0;
    if (newest < OLDEST_EPOCHS) return found;
    const byNode = new Map<number, Position[]>();
    for (const position of positions) {
      const leader = topics.get(position.at.topic)?.partitions[position.at.partition]?.leader ?? -1;
      byNode.set(leader, [...(byNode.get(leader) ?? []), position]);
    }
    await Promise.all(
      [...byNode].map(async ([node, asked]) => {
        const again = (position: Position, trouble: string): void => {
          this.troubled(position, trouble);
          found.set(position, null);
        };
        let ends: readonly EpochEnd[];
        try {
          if (node < 0) throw new TsdbtError('connection', 'it has no leader');
          ends = await this.asking(async () => {
            this.epochs ??= new RawEpochs(this.library, newest);
            return this.epochs.ends(
              await this.connectionTo(node),
              asked.map(({ at, epoch }) => ({
                ...at,
                epoch: epoch!,
                leaderEpoch: topics.get(at.topic)!.partitions[at.partition]!.leaderEpoch,
              })),
            );
          });
        } catch (error) {
          if (!(error instanceof TsdbtError) || error.kind !== 'connection') throw error;
          for (const position of asked) again(position, error.message);
          return;
        }
        for (const position of asked) {
          const end = ends.find(
            ({ topic, partition }) => topic === position.at.topic && partition === position.at.partition,
          );
          const code = end?.errorCode ?? -1;
          const remedy = remedyOf(code);
          if (end !== undefined && code === 0) {
            const failure = parting(position, end);
            if (failure !== null) found.set(position, failure);
          } else if (remedy === 'retry' || remedy === 'verify')
            again(position, `the broker answers ${errorName(code)}`);
          else
            found.set(position, {
              ...position.at,
              reason: 'refused',
              message: `the broker answers ${errorName(code)} when it is asked where epoch ${position.epoch} ends`,
            });
        }
      }),
    );
    return found;
  }

  private async connectionTo(node: number): Promise<Connection> {
    const { brokers } = await this.consumer.metadata({ topics: [...this.subscribed], forceUpdate: false });
    const broker = brokers.get(node);
    if (broker === undefined) throw new TsdbtError('connection', `broker ${node} is not known to the cluster`);
    return this.consumer.connections.get(broker);
  }

  /** @throws `connection` error while the broker is away */
  private async fetch(
    node: number,
    maxWaitMs: number,
    maxBytes: number,
    topics: FetchOptions['topics'],
  ): Promise<Fetched> {
    return this.asking(async () => {
      try {
        const connection = await this.connectionTo(node);
        this.raw ??= new RawFetch(
          this.library,
          (await this.consumer.listApis()).find(({ name }) => name === 'Fetch')?.maxVersion ?? null,
        );
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

  seek(positions: ReadonlyMap<string, Pick<ReadPosition, 'next' | 'epoch'>>): void {
    for (const [key, { next, epoch }] of positions) {
      const position = this.positions.get(key);
      if (position !== undefined) this.positions.set(key, newPosition(position.at, next, epoch));
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
      await admin.removeMembersFromConsumerGroup({
        groupId: this.consumer.groupId,
        members: members.map((memberId) => ({ memberId, reason: 'not seen any more' })),
      });
    } catch {
      // It is gone already, or the broker will find out by itself.
    } finally {
      await admin.close().catch(() => undefined);
    }
  }

  async commit(next: ReadonlyMap<string, bigint>): Promise<void> {
    const offsets = [...next].flatMap(([key, offset]) => {
      const position = this.positions.get(key);
      return position === undefined ? [] : [{ ...position.at, offset, leaderEpoch: position.epoch ?? -1 }];
    });
    if (offsets.length > 0) await this.consumer.commit({ offsets }).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.positions.clear();
    await this.consumer.close(true).catch(() => undefined);
  }

  /** Follows what the group gives and takes. */
  private async reassign(): Promise<void> {
    const now = new Map(
      (this.consumer.assignments ?? []).flatMap(({ topic, partitions }) =>
        partitions.map((partition) => [partitionKey({ topic, partition }), { topic, partition }] as const),
      ),
    );
    const gone = [...this.positions.values()].map(({ at }) => at).filter((at) => !now.has(partitionKey(at)));
    if (gone.length > 0) {
      await this.listener?.revoked(gone);
      for (const at of gone) {
        this.positions.delete(partitionKey(at));
        this.paused.delete(partitionKey(at));
      }
    }
    const come = [...now.values()].filter((at) => !this.positions.has(partitionKey(at)));
    if (come.length === 0) return;
    this.fresh = true;
    const starts = await this.listener!.assigned(come);
    for (const at of come)
      this.positions.set(
        partitionKey(at),
        newPosition(at, starts.get(partitionKey(at))?.next ?? 0n, starts.get(partitionKey(at))?.epoch ?? null),
      );
  }

  private async metadata(names: readonly string[], forceUpdate: boolean): Promise<{ topics: Topics }> {
    return this.asking(() => this.consumer.metadata({ topics: [...names], forceUpdate }));
  }

  private async offsets(names: readonly string[], timestamp: bigint): Promise<Map<string, bigint>> {
    await this.metadata(names, false);
    const found = await this.asking(() =>
      this.consumer.listOffsets({ topics: [...names], timestamp, isolationLevel: READ_COMMITTED }),
    );
    return new Map(
      [...found].flatMap(([topic, offsets]) =>
        offsets.flatMap((offset, partition) =>
          offset === undefined ? [] : [[partitionKey({ topic, partition }), offset] as const],
        ),
      ),
    );
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

function newPosition(at: TopicPartition, next: bigint, epoch: number | null): Position {
  return { at, next, epoch, ahead: next, verified: null, damaged: null, troubles: 0, trouble: '', restsUntil: 0 };
}

/**
 * Does the log part from what was read before the position? An epoch that the broker knows nothing of says nothing: the
 * position's place in the log still counts.
 */
function parting(
  { at, next, epoch }: Position,
  { epoch: known, end }: { readonly epoch: number; readonly end: bigint },
): PartitionFailure | null {
  if (known < 0 || end < 0n || end >= next) return null;
  const now =
    known === epoch
      ? `epoch ${epoch} ends there now`
      : `the log has epoch ${known} up to there, and nothing of epoch ${epoch}`;
  return {
    ...at,
    reason: 'truncated',
    from: end,
    message:
      `what was loaded from offset ${end} on, in leader epoch ${epoch}, is no longer in the topic (${now}; its ` +
      'leader was elected without it)',
  };
}
