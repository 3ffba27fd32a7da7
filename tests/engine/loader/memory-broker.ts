// A broker in memory for tests of the loader: topics with partitions, gaps, groups that share partitions, clients that
// can be cut off.
import { randomUUID } from 'node:crypto';
import type {
  AssignmentListener,
  BrokerClient,
  Message,
  MessageBatch,
  PartitionFailure,
  Polled,
  RangeRead,
  ReadPosition,
  TopicInfo,
  TopicPartition,
} from '../../../src/loader/brokers/broker.ts';
import { partitionKey } from '../../../src/loader/brokers/broker.ts';
import { recordsOf } from '../../../src/loader/brokers/message-records.ts';
import { TsdbtError } from '../../../src/errors.ts';

interface Log {
  messages: Message[];
  earliest: bigint;
  end: bigint;
  /** Leader epochs and where each begins. */
  epochs: { epoch: number; start: bigint }[];
}
interface Topic {
  id: string;
  partitions: Log[];
}

export class MemoryBroker {
  private topics = new Map<string, Topic>();
  private readonly members: MemoryClient[] = [];
  /** Partitions without a leader, by `topic/partition`. */
  readonly leaderless = new Set<string>();
  /** Older brokers have no ids of topics. */
  hasIds = true;
  /** Messages a poll brings of a partition at most. */
  batch = 100;

  create(name: string, partitions = 1): void {
    this.topics.set(name, {
      id: randomUUID(),
      partitions: Array.from({ length: partitions }, () => ({
        messages: [],
        earliest: 0n,
        end: 0n,
        epochs: [{ epoch: 0, start: 0n }],
      })),
    });
  }

  /** Adds a partition to a topic. */
  grow(name: string): void {
    this.topics.get(name)?.partitions.push({
      messages: [],
      earliest: 0n,
      end: 0n,
      epochs: [{ epoch: 0, start: 0n }],
    });
  }

  produce(
    name: string,
    partition: number,
    value: unknown,
    options: {
      key?: string | null;
      keyBytes?: Uint8Array;
      timestamp?: number;
      raw?: Uint8Array | null;
      headers?: Message['headers'];
    } = {},
  ): bigint {
    const log = this.log({ topic: name, partition });
    const offset = log.end++;
    const bytes = 'raw' in options ? (options.raw ?? null) : Buffer.from(JSON.stringify(value));
    log.messages.push({
      offset,
      timestamp: options.timestamp ?? 1_700_000_000_000 + Number(offset),
      key: options.keyBytes ?? (options.key == null ? null : Buffer.from(options.key)),
      value: bytes,
      headers: options.headers ?? [['h', Buffer.from('1')]],
    });
    return offset;
  }

  /** A control record or an aborted message: an offset that nobody sees. */
  skip(name: string, partition: number): void {
    this.log({ topic: name, partition }).end++;
  }

  /** Kafka's own compaction: these messages are gone, their offsets are not given again. */
  compactAway(name: string, partition: number, offsets: readonly bigint[]): void {
    const log = this.log({ topic: name, partition });
    const kept = log.messages.filter(({ offset }) => !offsets.includes(offset));
    log.messages.splice(0, log.messages.length, ...kept);
  }

  /** Retention: what stands before the offset is gone. */
  expire(name: string, partition: number, before: bigint): void {
    const log = this.log({ topic: name, partition });
    log.messages = log.messages.filter((message) => message.offset >= before);
    log.earliest = before;
  }

  /** An unclean election: the new leader has the log only up to before the offset. */
  cut(name: string, partition: number, before: bigint): void {
    const log = this.log({ topic: name, partition });
    log.messages = log.messages.filter((message) => message.offset < before);
    const epoch = log.epochs.at(-1)!.epoch + 1;
    log.epochs = [...log.epochs.filter(({ start }) => start < before), { epoch, start: before }];
    log.end = before;
  }

  remove(name: string): void {
    this.topics.delete(name);
  }

  names(): string[] {
    return [...this.topics.keys()].sort();
  }

  client(): MemoryClient {
    return new MemoryClient(this);
  }

  /** The same topics in another group: its members believe that they own every partition. */
  rival(): MemoryBroker {
    const rival = new MemoryBroker();
    rival.topics = this.topics;
    rival.batch = this.batch;
    return rival;
  }

  log({ topic, partition }: TopicPartition): Log {
    const log = this.topics.get(topic)?.partitions[partition];
    if (log === undefined) throw new TsdbtError('runtime', `topic ${topic} does not exist`);
    return log;
  }

  info(name: string): TopicInfo {
    const topic = this.topics.get(name);
    if (topic === undefined) throw new TsdbtError('runtime', `topic ${name} does not exist`);
    return { topic: name, id: this.hasIds ? topic.id : null, partitions: topic.partitions.length };
  }

  async enter(client: MemoryClient): Promise<void> {
    if (!this.members.includes(client)) this.members.push(client);
    await this.rebalance();
  }

  async leave(client: MemoryClient): Promise<void> {
    const at = this.members.indexOf(client);
    if (at < 0) return;
    this.members.splice(at, 1);
    await this.rebalance();
  }

  private async rebalance(): Promise<void> {
    const wanted = new Map<MemoryClient, TopicPartition[]>(this.members.map((member) => [member, []]));
    for (const name of new Set(this.members.flatMap((member) => member.subscribed))) {
      this.topics.get(name)?.partitions.forEach((_, partition) => {
        wanted.get(this.members[partition % this.members.length]!)!.push({ topic: name, partition });
      });
    }
    for (const [member, partitions] of wanted) await member.release(partitions);
    for (const [member, partitions] of wanted) await member.give(partitions);
  }
}

export class MemoryClient implements BrokerClient {
  subscribed: readonly string[] = [];
  readonly committed = new Map<string, bigint>();
  private readonly broker: MemoryBroker;
  private listener: AssignmentListener | null = null;
  private readonly positions = new Map<string, ReadPosition & { next: bigint; epoch: number | null }>();
  private readonly paused = new Set<string>();
  /** Partitions that were assigned and not started. */
  private away: readonly TopicPartition[] = [];

  constructor(broker: MemoryBroker) {
    this.broker = broker;
  }

  async topics(names: readonly string[]): Promise<readonly TopicInfo[]> {
    return names.map((name) => this.broker.info(name));
  }

  async matching(pattern: RegExp): Promise<readonly string[]> {
    return this.broker.names().filter((name) => pattern.test(name));
  }

  async ends(
    topics: readonly string[],
    only?: readonly TopicPartition[],
  ): Promise<ReadonlyMap<string, { earliest: bigint; end: bigint }>> {
    const all = topics.flatMap((topic) =>
      Array.from({ length: this.broker.info(topic).partitions }, (_, partition) => ({ topic, partition })),
    );
    const asked = only ?? all;
    if (asked.some((at) => this.broker.leaderless.has(partitionKey(at))))
      throw new TsdbtError('connection', 'a partition has no leader');
    return new Map(
      asked.map((at) => {
        const { earliest, end } = this.broker.log(at);
        return [partitionKey(at), { earliest, end }] as const;
      }),
    );
  }

  async led(partitions: readonly TopicPartition[]): Promise<readonly TopicPartition[]> {
    return partitions.filter((at) => !this.broker.leaderless.has(partitionKey(at)));
  }

  async offsetsAt(topics: readonly string[], time: number): Promise<ReadonlyMap<string, bigint>> {
    return new Map(
      topics.flatMap((topic) =>
        Array.from({ length: this.broker.info(topic).partitions }, (_, partition) => {
          const log = this.broker.log({ topic, partition });
          return [
            partitionKey({ topic, partition }),
            log.messages.find((message) => message.timestamp !== null && message.timestamp >= time)?.offset ?? log.end,
          ] as const;
        }),
      ),
    );
  }

  async verify(positions: readonly ReadPosition[]): Promise<readonly PartitionFailure[]> {
    return positions.flatMap(({ topic, partition, next, epoch }): PartitionFailure[] => {
      const { epochs, end } = this.broker.log({ topic, partition });
      const following = epoch === null ? undefined : epochs.find((each) => each.epoch > epoch);
      if (following !== undefined && following.start < next)
        return [
          {
            topic,
            partition,
            reason: 'truncated',
            message: `what was loaded from offset ${following.start} on, in leader epoch ${epoch}, is gone`,
            from: following.start,
          },
        ];
      return next > end
        ? [
            {
              topic,
              partition,
              reason: 'beyond_end',
              message: `position ${next} is beyond the end of the log, ${end}`,
              from: end,
            },
          ]
        : [];
    });
  }

  async check(): Promise<void> {}

  async join(topics: readonly string[], listener: AssignmentListener): Promise<void> {
    this.subscribed = topics;
    this.listener = listener;
    await this.broker.enter(this);
  }

  /** What this member no longer has. */
  async release(wanted: readonly TopicPartition[]): Promise<void> {
    const keep = new Set(wanted.map(partitionKey));
    const gone = [...this.positions.values()].filter((at) => !keep.has(partitionKey(at)));
    if (gone.length > 0) await this.listener?.revoked(gone);
    for (const at of gone) {
      this.positions.delete(partitionKey(at));
      this.paused.delete(partitionKey(at));
    }
  }

  async give(wanted: readonly TopicPartition[]): Promise<void> {
    const fresh = wanted.filter((at) => !this.positions.has(partitionKey(at)));
    const starts = await this.listener!.assigned(fresh);
    this.away = fresh.filter((at) => !starts.has(partitionKey(at)));
    for (const [key, start] of starts) this.positions.set(key, { ...start });
  }

  async poll(): Promise<Polled> {
    if (this.away.length > 0) await this.give(this.away);
    const batches: MessageBatch[] = [];
    const failures: PartitionFailure[] = [];
    for (const [key, position] of this.positions) {
      if (this.paused.has(key)) continue;
      const log = this.broker.log(position);
      if (position.next < log.earliest) {
        failures.push({
          topic: position.topic,
          partition: position.partition,
          reason: 'offset_out_of_range',
          message: `offset ${position.next} is out of range`,
        });
        continue;
      }
      if (position.next >= log.end) continue;
      const messages = log.messages.filter((message) => message.offset >= position.next).slice(0, this.broker.batch);
      const more = log.messages.some((message) => message.offset > (messages.at(-1)?.offset ?? -1n));
      const next = more ? messages.at(-1)!.offset + 1n : log.end;
      const { epoch } = log.epochs.findLast(({ start }) => start < next)!;
      batches.push({
        topic: position.topic,
        partition: position.partition,
        records: [recordsOf(messages)],
        from: position.next,
        next,
        end: log.end,
        epoch,
      });
      position.next = next;
      position.epoch = epoch;
    }
    await new Promise((resolve) => {
      setTimeout(resolve, batches.length > 0 ? 0 : 5);
    });
    return { batches, failures, waiting: null };
  }

  async read(at: TopicPartition, from: bigint, to: bigint): Promise<RangeRead> {
    const { messages, earliest, end, epochs } = this.broker.log(at);
    const inside = messages.filter(({ offset }) => offset >= from && offset < to);
    const epoch = epochs.findLast(({ start }) => start < to)?.epoch ?? null;
    const next = end < to ? end : to;
    const batches = [{ ...at, records: [recordsOf(inside)], from, next, end, epoch }];
    if (from < earliest)
      return { batches, failure: { ...at, reason: 'offset_out_of_range', message: `the log begins at ${earliest}` } };
    return end < to
      ? { batches, failure: { ...at, reason: 'beyond_end', message: `the log ends at ${end}`, from: end } }
      : { batches, failure: null };
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.paused.add(partitionKey(partition));
  }

  seek(positions: ReadonlyMap<string, Pick<ReadPosition, 'next' | 'epoch'>>): void {
    for (const [key, { next, epoch }] of positions) {
      const position = this.positions.get(key);
      if (position !== undefined) this.positions.set(key, { ...position, next, epoch });
      this.paused.delete(key);
    }
  }

  async commit(next: ReadonlyMap<string, bigint>): Promise<void> {
    for (const [key, offset] of next) this.committed.set(key, offset);
  }

  async close(): Promise<void> {
    this.listener = { assigned: async () => new Map(), revoked: async () => undefined };
    await this.broker.leave(this);
  }
}
