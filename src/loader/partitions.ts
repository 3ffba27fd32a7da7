// What a loader knows of its topic's partitions: which are its own, what is read next of each, what of it is in the
// table, which have stopped. Values only; what is done about them is loader.ts's.
import { partitionKey, type ReadPosition, type TopicPartition } from './broker.ts';
import type { PartitionLag } from './events.ts';
import type { OffsetRange, Place } from './sink.ts';

/** Where the table is in a partition, and the moment of its newest message there. */
interface Written extends Place {
  readonly newest: number | null;
}

export class Partitions {
  /** Where the topic ended when loading began, by `topic/partition`. */
  #ends: ReadonlyMap<string, bigint> = new Map();
  /** The partitions that the group has given to this loader. */
  readonly #ours = new Map<string, TopicPartition>();
  /** Next offset to read of each of them; none while it is being found out. */
  readonly #next = new Map<string, bigint>();
  /** Where the topic ends as far as is known. */
  readonly #latest = new Map<string, bigint>();
  /** What is in the table. */
  readonly #written = new Map<string, Written>();
  /** Why partitions have stopped. */
  readonly #stopped = new Map<string, string>();
  #turns = 0;

  /** Grows when it changes where the table is: what somebody has read of it meanwhile says nothing. */
  get turns(): number {
    return this.#turns;
  }

  turn(): void {
    this.#turns++;
  }

  /** Loading is to get there at least. */
  aimAt(ends: ReadonlyMap<string, bigint>): void {
    this.#ends = ends;
  }

  has(at: TopicPartition): boolean {
    return this.#ours.has(partitionKey(at));
  }

  /** The partitions are this loader's from now on. */
  give(partitions: readonly TopicPartition[]): void {
    for (const at of partitions) this.#ours.set(partitionKey(at), at);
  }

  /** The partitions are somebody else's. */
  release(partitions: readonly TopicPartition[]): void {
    for (const key of partitions.map(partitionKey))
      for (const known of [this.#ours, this.#next, this.#written, this.#latest, this.#stopped]) known.delete(key);
  }

  /** Reads from these offsets on, which are the table's, also what had stopped. */
  goOn(starts: ReadonlyMap<string, ReadPosition>): void {
    this.turn();
    for (const [key, { next, epoch }] of starts) {
      if (!this.#ours.has(key)) continue;
      this.#next.set(key, next);
      this.#stopped.delete(key);
      this.#written.set(key, { next, epoch, newest: this.#written.get(key)?.newest ?? null });
    }
  }

  /** Nothing is taken of them until it is known where they go on. */
  suspend(partitions: readonly TopicPartition[]): void {
    for (const at of partitions) this.#next.delete(partitionKey(at));
  }

  /** What is read next; null: nothing is taken of the partition now. */
  nextOf(at: TopicPartition): bigint | null {
    const key = partitionKey(at);
    return this.#stopped.has(key) ? null : (this.#next.get(key) ?? null);
  }

  /** Everything before the offset is taken. */
  reach(at: TopicPartition, next: bigint): void {
    this.#next.set(partitionKey(at), next);
  }

  /** Is it still read from there on? */
  isAt(at: TopicPartition, next: bigint): boolean {
    return this.#next.get(partitionKey(at)) === next;
  }

  /** Where to fetch from again: what is read next, with its epoch when the table is there. */
  readPosition(at: TopicPartition, next: bigint): Place {
    const known = this.#written.get(partitionKey(at));
    return { next, epoch: known?.next === next ? known.epoch : null };
  }

  /** The end of what may be read, as a batch says it. */
  sawEnd(at: TopicPartition, end: bigint): void {
    this.#latest.set(partitionKey(at), end);
  }

  /** The table has these. */
  wrote(ranges: readonly OffsetRange[]): void {
    for (const { topic, partition, to, lastTimestamp, epoch } of ranges) {
      const key = partitionKey({ topic, partition });
      const before = this.#written.get(key);
      if (before !== undefined)
        this.#written.set(key, { next: to, epoch: epoch ?? before.epoch, newest: lastTimestamp ?? before.newest });
    }
  }

  isStopped(at: TopicPartition): boolean {
    return this.#stopped.has(partitionKey(at));
  }

  stop(at: TopicPartition, reason: string): void {
    this.#stopped.set(partitionKey(at), `${partitionKey(at)}: ${reason}`);
  }

  /** Why partitions have stopped, in words. */
  get stopped(): readonly string[] {
    return [...this.#stopped.values()];
  }

  /** Is there something to read, and all of it has stopped? */
  get allStopped(): boolean {
    return this.#ours.size > 0 && [...this.#ours.keys()].every((key) => this.#stopped.has(key));
  }

  /** Is everything read that the topic had when loading began? */
  get atEnds(): boolean {
    return this.#behind().length === 0;
  }

  /** The partitions that are not at those ends, in words. */
  get behind(): readonly string[] {
    return this.#behind().map(([key, next]) => `${key} is at ${next} of ${this.#ends.get(key)}`);
  }

  /** How far the table is behind the topic, by `topic/partition`. */
  get lag(): ReadonlyMap<string, PartitionLag> {
    return new Map(
      [...this.#written].map(([key, { next, newest }]) => {
        const end = this.#latest.get(key) ?? this.#ends.get(key) ?? next;
        return [key, { rows: end > next ? end - next : 0n, newest }];
      }),
    );
  }

  /** Where the table is, for people. */
  get place(): string {
    return [...this.#written].map(([key, { next }]) => `${key} offset ${next}`).join(', ');
  }

  /**
   * Those partitions of which the table is elsewhere than where this loader has left it.
   * @param places where it was found, by partition
   */
  elsewhere(places: ReadonlyMap<number, Place>): readonly TopicPartition[] {
    return [...this.#ours].flatMap(([key, at]) => {
      const found = places.get(at.partition);
      const known = this.#written.get(key);
      // A position that was set by hand has no epoch, also where the offset is the same.
      return found !== undefined && known !== undefined && (known.next !== found.next || known.epoch !== found.epoch)
        ? [at]
        : [];
    });
  }

  #behind(): readonly (readonly [key: string, next: bigint])[] {
    return [...this.#next].filter(([key, next]) => !this.#stopped.has(key) && next < (this.#ends.get(key) ?? 0n));
  }
}
