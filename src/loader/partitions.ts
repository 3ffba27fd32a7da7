// The state of the partitions of a target's topics in one loader: which it owns, what is read next, what the table
// contains, which have stopped. loader.ts acts on it.
import { type MessageBatch, partitionKey, type TopicPartition } from './brokers/broker.ts';
import type { PartitionLag } from './events.ts';
import type { OffsetRange, Place } from './sink.ts';

/** The table's position in a partition, and the timestamp of its newest message. */
interface Written extends Place {
  readonly newest: number | null;
}

type Saw = Pick<MessageBatch, 'topic' | 'partition' | 'end' | 'next' | 'records'>;

export class Partitions {
  /** End offsets of the partitions when loading began, or when they first had a leader, by `topic/partition`. */
  readonly #ends = new Map<string, bigint>();
  /** Partitions that the group has assigned to this loader. */
  readonly #ours = new Map<string, TopicPartition>();
  /** Next offset to read of each of them; absent while it is being determined. */
  readonly #next = new Map<string, bigint>();
  /** The topics' end offsets as far as known. */
  readonly #latest = new Map<string, bigint>();
  /** The table's positions. */
  readonly #written = new Map<string, Written>();
  /** Why partitions have stopped. */
  readonly #stopped = new Map<string, string>();
  /**
   * Batches that were read and are not completely in the table: their ends, and the timestamp of each one's first
   * message.
   */
  readonly #unwritten = new Map<string, { readonly next: bigint; readonly first: number | null }[]>();
  /** The turn in which each of the table's positions was learned. */
  readonly #learned = new Map<string, number>();
  #turns = 0;

  /** Increases with each change of the table's positions: what was read of them before is outdated. */
  get turns(): number {
    return this.#turns;
  }

  turn(): void {
    this.#turns++;
  }

  /** Sets the end offset that `once` loads a partition up to. @param key its `topic/partition` */
  aimAt(key: string, end: bigint): void {
    this.#ends.set(key, end);
  }

  /** Whether the end offset for `once` is known. */
  isAimed(at: TopicPartition): boolean {
    return this.#ends.has(partitionKey(at));
  }

  has(at: TopicPartition): boolean {
    return this.#ours.has(partitionKey(at));
  }

  /** Assigns partitions to this loader. */
  give(partitions: readonly TopicPartition[]): void {
    for (const at of partitions) this.#ours.set(partitionKey(at), at);
  }

  /** Partitions are no longer assigned to this loader. */
  release(partitions: readonly TopicPartition[]): void {
    for (const key of partitions.map(partitionKey))
      for (const known of [
        this.#ours,
        this.#next,
        this.#written,
        this.#latest,
        this.#stopped,
        this.#learned,
        this.#unwritten,
      ])
        known.delete(key);
  }

  /** Continues from these offsets of the table; resumes partitions that had stopped. */
  goOn(starts: ReadonlyMap<string, Place>): void {
    this.turn();
    for (const [key, { next, epoch, resets }] of starts) {
      if (!this.#ours.has(key)) continue;
      this.#next.set(key, next);
      this.#unwritten.delete(key);
      this.#stopped.delete(key);
      this.#learned.set(key, this.#turns);
      this.#written.set(key, { next, epoch, resets, newest: this.#written.get(key)?.newest ?? null });
    }
  }

  /** Reads nothing of them until their position is known. */
  suspend(partitions: readonly TopicPartition[]): void {
    for (const at of partitions) this.#next.delete(partitionKey(at));
  }

  /** The next offset to read; null: the partition is not being read. */
  nextOf(at: TopicPartition): bigint | null {
    const key = partitionKey(at);
    return this.#stopped.has(key) ? null : (this.#next.get(key) ?? null);
  }

  /** Every message before the offset has been added. */
  reach(at: TopicPartition, next: bigint): void {
    this.#next.set(partitionKey(at), next);
  }

  /** Whether the offset is still the next one to read. */
  isAt(at: TopicPartition, next: bigint): boolean {
    return this.#next.get(partitionKey(at)) === next;
  }

  /** Where to fetch from: the next offset, with its epoch if the table is there. */
  readPosition(at: TopicPartition, next: bigint): Place {
    const known = this.#written.get(partitionKey(at));
    return { next, epoch: known?.next === next ? known.epoch : null };
  }

  /** How often the position was set before messages were read from it; undefined: unknown. */
  resetsOf(at: TopicPartition): number | undefined {
    return this.#written.get(partitionKey(at))?.resets;
  }

  /**
   * Records the partition's end and, for a batch that continues at the position, the timestamp of its first message.
   */
  saw({ topic, partition, end, next, records }: Saw): void {
    const key = partitionKey({ topic, partition });
    this.#latest.set(key, end);
    const first = records.find(({ length }) => length > 0)?.timestamp(0);
    if (first === undefined || next <= (this.#next.get(key) ?? next)) return;
    const batches = this.#unwritten.get(key) ?? [];
    batches.push({ next, first: Number.isNaN(first) ? null : first });
    this.#unwritten.set(key, batches);
  }

  /** Timestamp of the first message read from these ranges that the table does not contain; null: unknown. */
  oldest(ranges: readonly OffsetRange[]): number | null {
    const times = ranges.flatMap((range) => this.#unwritten.get(partitionKey(range))?.[0]?.first ?? []);
    return times.length === 0 ? null : Math.min(...times);
  }

  /** The table contains these ranges. */
  wrote(ranges: readonly OffsetRange[]): void {
    this.turn();
    for (const { topic, partition, to, lastTimestamp, epoch } of ranges) {
      const key = partitionKey({ topic, partition });
      const before = this.#written.get(key);
      if (before === undefined) continue;
      this.#learned.set(key, this.#turns);
      const batches = this.#unwritten.get(key) ?? [];
      while (batches[0] !== undefined && batches[0].next <= to) batches.shift();
      this.#written.set(key, {
        ...before,
        ...{ next: to, epoch: epoch ?? before.epoch, newest: lastTimestamp ?? before.newest },
      });
    }
  }

  isStopped(at: TopicPartition): boolean {
    return this.#stopped.has(partitionKey(at));
  }

  stop(at: TopicPartition, reason: string): void {
    this.#stopped.set(partitionKey(at), `${partitionKey(at)}: ${reason}`);
  }

  /** Describes why partitions have stopped. */
  get stopped(): readonly string[] {
    return [...this.#stopped.values()];
  }

  /** Whether all partitions have stopped, and there is at least one. */
  get allStopped(): boolean {
    return this.#ours.size > 0 && [...this.#ours.keys()].every((key) => this.#stopped.has(key));
  }

  /** Whether everything is read up to the end offsets when loading began. */
  get atEnds(): boolean {
    return this.#behind().length === 0;
  }

  /** Describes the partitions that have not reached those offsets. */
  get behind(): readonly string[] {
    return this.#behind().map(([key, next]) => `${key} is at ${next} of ${this.#ends.get(key)}`);
  }

  /** The lag of the table, by `topic/partition`. */
  get lag(): ReadonlyMap<string, PartitionLag> {
    return new Map(
      [...this.#written].map(([key, { next, newest }]) => {
        const end = this.#latest.get(key) ?? this.#ends.get(key) ?? next;
        const [unwritten] = this.#unwritten.get(key) ?? [];
        return [
          key,
          { rows: end > next ? end - next : 0n, oldest: unwritten === undefined ? newest : unwritten.first },
        ];
      }),
    );
  }

  /** The table's positions, for display. */
  get place(): string {
    return [...this.#written].map(([key, { next }]) => `${key} offset ${next}`).join(', ');
  }

  /**
   * The partitions whose position in the table is not the one that this loader left.
   * @param places the table's positions, by `topic/partition`
   * @param turn the last one before they were read: later knowledge is ignored
   */
  elsewhere(places: ReadonlyMap<string, Place>, turn = Number.POSITIVE_INFINITY): readonly TopicPartition[] {
    return [...this.#ours].flatMap(([key, at]) => {
      if ((this.#learned.get(key) ?? 0) > turn) return [];
      const found = places.get(key);
      const known = this.#written.get(key);
      // A position set by `load rewind` has no epoch, even if the offset is the same.
      return found !== undefined &&
        known !== undefined &&
        (known.next !== found.next || known.epoch !== found.epoch || known.resets !== found.resets)
        ? [at]
        : [];
    });
  }

  #behind(): readonly (readonly [key: string, next: bigint])[] {
    return [...this.#next].filter(([key, next]) => !this.#stopped.has(key) && next < (this.#ends.get(key) ?? 0n));
  }
}
