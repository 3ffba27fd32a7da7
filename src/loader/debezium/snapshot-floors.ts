// Ranks changes behind the snapshot before them. Postgres decodes transactions that were under way when the slot became
// consistent: they commit after the snapshot, and their records, written before, have lower positions than its rows. In
// a partition they stand behind the snapshot's rows, so they take the position of these; offsets tell which is newer.
import { partitionKey, type TopicPartition } from '../broker.ts';
import { Change } from '../change.ts';

export class SnapshotFloors {
  /** The highest position of a snapshot's row that was read, by partition. */
  readonly #floors = new Map<string, bigint>();

  /** @param position of a snapshot's row that the table has */
  known(place: TopicPartition, position: bigint): void {
    const key = partitionKey(place);
    if (position > (this.#floors.get(key) ?? -1n)) this.#floors.set(key, position);
  }

  /** The change with the position that counts. Changes of a partition must come in their order. */
  ranked(place: TopicPartition, change: Change): Change {
    if (change.op === 'r') {
      this.known(place, change.position);
      return change;
    }
    const floor = this.#floors.get(partitionKey(place));
    if (floor === undefined || change.position >= floor) return change;
    const { op, record, unavailable, source, at } = change;
    return new Change(op, record, unavailable, { position: floor, source, at });
  }
}
