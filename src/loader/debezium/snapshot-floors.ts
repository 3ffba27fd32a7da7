// Ranks changes behind the snapshot before them. Postgres decodes transactions that were under way when the slot became
// consistent: they commit after the snapshot, and their records, written before, have lower positions than its rows. In
// a partition they stand behind the snapshot's rows, so they take the position of these; offsets tell which is newer.
import { partitionKey, type TopicPartition } from '../broker.ts';
import { Change, type Operation } from '../change.ts';

/** One partition's: the highest position of a snapshot's row that was read. */
export class Floor {
  #position = -1n;

  /** -1: no snapshot's row was read. */
  get position(): bigint {
    return this.#position;
  }

  /** @param position of a snapshot's row that the table has */
  known(position: bigint): void {
    if (position > this.#position) this.#position = position;
  }

  /** The position that counts. Changes of a partition must come in their order. */
  ranked(op: Operation, position: bigint): bigint {
    if (op === 'r') this.known(position);
    return op === 'r' || position >= this.#position ? position : this.#position;
  }
}

export class SnapshotFloors {
  readonly #floors = new Map<string, Floor>();

  of(place: TopicPartition): Floor {
    const key = partitionKey(place);
    let floor = this.#floors.get(key);
    if (floor === undefined) this.#floors.set(key, (floor = new Floor()));
    return floor;
  }

  /** The change with the position that counts. */
  ranked(place: TopicPartition, change: Change): Change {
    const { op, record, unavailable, source, at } = change;
    const position = this.of(place).ranked(op, change.position);
    return position === change.position ? change : new Change(op, record, unavailable, { position, source, at });
  }
}
