// Tracks the order of changes in each partition. Changes are ordered after the snapshot before them: Postgres decodes
// transactions that were in progress when the slot became consistent. They commit after the snapshot, and their
// records, written earlier, have lower positions than its rows. In a partition they follow the snapshot's rows, so they
// take the position of these; offsets decide which is newer.
//
// If the table's previous row is not looked up, a source whose positions restart is detected here: a transaction that
// commits later than the change with the highest position, although nothing beyond that position was committed before
// it. Times of other changes are ignored: those of the new positions are as late as what follows them.
import { partitionKey, type TopicPartition } from '../../brokers/broker.ts';
import { Change, Halt, type Operation } from '../row-change.ts';
import type { LoadTarget } from '../../settings/load-target.ts';
import { otherSource, stepsBack } from './source-position.ts';

/** Two concurrent commits may have their times in the reverse order. */
const SAME_TIME_MICROS = 1_000_000;

/** The change with the highest position of a partition, excluding snapshot rows. */
export interface NewestChange {
  readonly position: bigint;
  /** Its time, in microseconds since 1970. */
  readonly micros: number;
  /** Source of the last one; empty: unknown. */
  readonly source: string;
}

/** For one partition: the highest position of a snapshot row, and the newest change. */
export class Floor {
  #position = -1n;
  #newest = -1n;
  #micros = Number.NEGATIVE_INFINITY;
  readonly #watches: boolean;
  #source: string | null = null;
  /** Whether the last message was a delete event. */
  #deleted = false;
  /** The key of the last message, if the message itself is no longer available; null: it was not a delete event. */
  #deletedKey: Uint8Array | null = null;

  /** @param watches whether the newest change is tracked */
  constructor(watches: boolean) {
    this.#watches = watches;
  }

  /** -1: no snapshot row was read. */
  get position(): bigint {
    return this.#position;
  }

  /** The highest position of a change; -1: none was read. */
  get newest(): bigint {
    return this.#newest;
  }

  /** The source of the rows in the table; null: unknown. */
  get source(): string | null {
    return this.#source;
  }

  /** Forgets everything, also where this object is held: the table's rows may have been deleted. */
  forget(): void {
    this.#position = -1n;
    this.#newest = -1n;
    this.#micros = Number.NEGATIVE_INFINITY;
    this.#source = null;
    this.passed();
  }

  /** @param position of a snapshot row in the table */
  known(position: bigint): void {
    if (position > this.#position) this.#position = position;
  }

  /** Learns the state of the table. */
  knownChange({ position, micros, source }: NewestChange): void {
    if (!this.#watches) return;
    if (position > this.#newest) [this.#newest, this.#micros] = [position, micros];
    if (source !== '') this.#source = source;
  }

  /**
   * Whether the change is after the one with the highest position, and later. This also holds for a longer transaction,
   * before which that one was committed.
   * @param micros null: it has no time
   */
  isBehind(op: Operation, position: bigint, micros: number | null): boolean {
    return (
      this.#watches &&
      position < this.#newest &&
      op !== 'r' &&
      micros !== null &&
      micros > this.#micros + SAME_TIME_MICROS &&
      // Such a position may be that of a snapshot, which a change has taken.
      this.#newest > this.#position
    );
  }

  /** The effective position. Changes of a partition must be passed in order. */
  ranked(op: Operation, position: bigint, micros: number | null): bigint {
    this.#deleted = op === 'd';
    if (op === 'r') this.known(position);
    else if (position >= this.#newest) {
      this.#newest = position;
      if (micros !== null) this.#micros = micros;
    }
    return op === 'r' || position >= this.#position ? position : this.#position;
  }

  /**
   * The position of a tombstone: the highest one before it in the partition. Every earlier change of its key is at most
   * as high. A later change with a lower position takes the same one, as after a snapshot; offsets decide.
   */
  rankedTombstone(): bigint {
    this.#deleted = true;
    if (this.#newest > this.#position) this.#position = this.#newest;
    return this.#position < 0n ? 0n : this.#position;
  }

  /** Whether there is a position that a tombstone could take. */
  get hasPosition(): boolean {
    return this.#newest >= 0n || this.#position >= 0n;
  }

  /** The last message is not a change of a row: a tombstone after it does not belong to a delete event. */
  passed(): void {
    this.#deleted = false;
    this.#deletedKey = null;
  }

  /** Keeps the key of the last message if it is a delete event: its tombstone may come with the next batch. */
  keepKey(key: Uint8Array | null): void {
    this.#deletedKey = this.#deleted && key !== null ? Buffer.from(key) : null;
  }

  /**
   * Whether a tombstone is the one that the connector writes after a delete event.
   * @param before key of the previous message; null: not available
   */
  followsDelete(key: Uint8Array | null, before: Uint8Array | null): boolean {
    const deleted = before ?? this.#deletedKey;
    return this.#deleted && key !== null && deleted !== null && Buffer.compare(key, deleted) === 0;
  }
}

type FloorTarget = Pick<LoadTarget, 'name' | 'path' | 'topic' | 'mode' | 'changes'>;

export class SnapshotFloors {
  readonly #floors = new Map<string, Floor>();
  readonly #target: FloorTarget;
  readonly #watches: boolean;

  constructor(target: FloorTarget) {
    this.#target = target;
    this.#watches = target.mode === 'upsert' && target.changes?.keeps === false;
  }

  of(place: TopicPartition): Floor {
    const key = partitionKey(place);
    let floor = this.#floors.get(key);
    if (floor === undefined) this.#floors.set(key, (floor = new Floor(this.#watches)));
    return floor;
  }

  /** A replayed change keeps its position; a tombstone takes the highest one before it. */
  inOrder(place: TopicPartition, change: Change): Change {
    if (change.source === null) return this.ranked(place, change);
    this.of(place).ranked(change.op, change.position, null);
    return change;
  }

  /** The change with its effective position. @throws Halt if the source's positions have restarted */
  ranked(place: TopicPartition, change: Change): Change {
    const { op, record, unavailable } = change;
    const floor = this.of(place);
    if (change.source === null)
      return new Change(op, record, unavailable, { ...change, position: floor.rankedTombstone() });
    const { newest } = floor;
    const { committed, micros, at, source } = change;
    // The first change of each partition is handled in this way if its source is another one.
    if (floor.source !== null && floor.source !== source) throw otherSource(this.#target, source, floor.source);
    if (floor.isBehind(op, change.position, micros) && committed !== null && committed < newest)
      throw new Halt(
        stepsBack(this.#target, `position ${change.position} at ${at} comes behind position ${newest}, and is later`),
      );
    const position = floor.ranked(op, change.position, micros);
    return position === change.position ? change : new Change(op, record, unavailable, { ...change, position });
  }
}
