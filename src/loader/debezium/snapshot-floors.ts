// What is known of the order of changes in each partition. Changes are ranked behind the snapshot before them: Postgres
// decodes transactions that were under way when the slot became consistent. They commit after the snapshot, and their
// records, written before, have lower positions than its rows. In a partition they stand behind the snapshot's rows, so
// they take the position of these; offsets tell which is newer.
//
// Where the table's row before is not looked at, a source whose positions begin anew is seen here: a transaction that
// commits later than the change with the highest position, before which nothing was committed beyond that one. Times of
// other changes do not count: those of the new positions are as late as what follows them.
import { partitionKey, type TopicPartition } from '../broker.ts';
import { Change, Halt, type Operation } from '../change.ts';
import type { LoadTarget } from '../load-target.ts';
import { otherSource, stepsBack } from './source-position.ts';

/** Two transactions that commit at once may have their times in the other order. */
const SAME_TIME_MICROS = 1_000_000;

/** The change with the highest position of a partition, but rows of a snapshot. */
export interface NewestChange {
  readonly position: bigint;
  /** Its time, in microseconds since 1970. */
  readonly micros: number;
  /** Of the last one; empty: its row does not say. */
  readonly source: string;
}

/** One partition's: the highest position of a snapshot's row that was read, and the newest change. */
export class Floor {
  #position = -1n;
  #newest = -1n;
  #micros = Number.NEGATIVE_INFINITY;
  readonly #watches: boolean;
  #source: string | null = null;
  /** Was the last message a delete event? */
  #deleted = false;
  /** The key of the last message, where that is not at hand any more; null: it was not a delete event. */
  #deletedKey: Uint8Array | null = null;

  /** @param watches the newest change is kept */
  constructor(watches: boolean) {
    this.#watches = watches;
  }

  /** -1: no snapshot's row was read. */
  get position(): bigint {
    return this.#position;
  }

  /** The highest position of a change; -1: none was read. */
  get newest(): bigint {
    return this.#newest;
  }

  /** The source of the rows that the table has; null: not known. */
  get source(): string | null {
    return this.#source;
  }

  /** Nothing is known any more, also where this object is held: the table's rows may have been deleted. */
  forget(): void {
    this.#position = -1n;
    this.#newest = -1n;
    this.#micros = Number.NEGATIVE_INFINITY;
    this.#source = null;
    this.passed();
  }

  /** @param position of a snapshot's row that the table has */
  known(position: bigint): void {
    if (position > this.#position) this.#position = position;
  }

  /** Takes up what the table has. */
  knownChange({ position, micros, source }: NewestChange): void {
    if (!this.#watches) return;
    if (position > this.#newest) [this.#newest, this.#micros] = [position, micros];
    if (source !== '') this.#source = source;
  }

  /**
   * Is the change behind the one with the highest position, and later? So is one of a transaction that has taken longer
   * than that one's, which then was committed before it.
   * @param micros null: it says no time
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

  /** The position that counts. Changes of a partition must come in their order. */
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
   * The position of a tombstone: the highest one before it in the partition. Every change of its key before it is at
   * most as high. A change after it that is lower takes the same position, as after a snapshot. Offsets decide.
   */
  rankedTombstone(): bigint {
    this.#deleted = true;
    if (this.#newest > this.#position) this.#position = this.#newest;
    return this.#position < 0n ? 0n : this.#position;
  }

  /** The last message is not a change of a row: a tombstone after it does not belong to a delete event. */
  passed(): void {
    this.#deleted = false;
    this.#deletedKey = null;
  }

  /** Keeps the key of the last message if that is a delete event: its tombstone may come with the next batch. */
  keepKey(key: Uint8Array | null): void {
    this.#deletedKey = this.#deleted && key !== null ? Buffer.from(key) : null;
  }

  /**
   * Is a tombstone the one that the connector writes after a delete event?
   * @param before key of the message before it; null: that is not at hand
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

  /** A change of a replay, which keeps its position; a tombstone takes the highest one before it. */
  inOrder(place: TopicPartition, change: Change): Change {
    if (change.source === null) return this.ranked(place, change);
    this.of(place).ranked(change.op, change.position, null);
    return change;
  }

  /** The change with the position that counts. @throws Halt where the source's positions have begun anew */
  ranked(place: TopicPartition, change: Change): Change {
    const { op, record, unavailable } = change;
    const floor = this.of(place);
    if (change.source === null)
      return new Change(op, record, unavailable, { ...change, position: floor.rankedTombstone() });
    const { newest } = floor;
    const { committed, micros, at, source } = change;
    // Each partition's first change is taken this way where its source is another.
    if (floor.source !== null && floor.source !== source) throw otherSource(this.#target, source, floor.source);
    if (floor.isBehind(op, change.position, micros) && committed !== null && committed < newest)
      throw new Halt(
        stepsBack(this.#target, `position ${change.position} at ${at} comes behind position ${newest}, and is later`),
      );
    const position = floor.ranked(op, change.position, micros);
    return position === change.position ? change : new Change(op, record, unavailable, { ...change, position });
  }
}
