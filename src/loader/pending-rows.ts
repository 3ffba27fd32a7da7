// What a loader has read and not written: rows, dead letters, and from where to where of each partition.
import { partitionKey, type TopicPartition } from './broker.ts';
import { RowBuffer } from './fast/row-buffer.ts';
import type { LoadTarget } from './load-target.ts';
import type { DeadLetter, OffsetRange } from './sink.ts';

/** What has been read of one partition and not been flushed. */
export interface Held extends TopicPartition {
  readonly from: bigint;
  next: bigint;
  end: bigint;
  rows: number;
  dead: number;
  newest: number | null;
  /** Leader epoch of what was read last. */
  epoch: number | null;
}

export class PendingRows {
  readonly held = new Map<string, Held>();
  rows: RowBuffer;
  dead: DeadLetter[] = [];
  /** What is held, as memory goes, and how much of it is the messages'. */
  bytes = 0;
  messageBytes = 0;
  /** When the first of it was read. */
  since = 0;
  /** The same as a text. */
  loadedAt = Buffer.alloc(0);

  /** @param rows empty */
  constructor(rows = new RowBuffer()) {
    this.rows = rows;
  }

  get empty(): boolean {
    return this.held.size === 0;
  }

  /** Is it as much as one flush should be? */
  isFull({ rows, bytes }: LoadTarget['flush']): boolean {
    return this.rows.length + this.dead.length >= rows || this.bytes >= bytes;
  }

  /**
   * What is held of a partition; begun where nothing is.
   * @param from offset that it then begins at @param end of the topic @param now milliseconds since 1970
   */
  hold({ topic, partition }: TopicPartition, from: bigint, end: bigint, now: () => number): Held {
    if (this.empty) {
      this.since = now();
      this.loadedAt = Buffer.from(new Date(this.since).toISOString());
    }
    const key = partitionKey({ topic, partition });
    let held = this.held.get(key);
    if (held === undefined) {
      held = { topic, partition, from, next: from, end, rows: 0, dead: 0, newest: null, epoch: null };
      this.held.set(key, held);
    }
    return held;
  }

  /** From where to where the positions move with it. */
  ranges(): readonly OffsetRange[] {
    return [...this.held.values()].map(({ next, newest, ...held }) => ({ ...held, to: next, lastTimestamp: newest }));
  }

  /** @returns dead letters among what is forgotten */
  forget(partitions: readonly TopicPartition[]): number {
    const letters = this.dead.length;
    const gone = new Set(partitions.map(partitionKey));
    for (const key of gone) this.held.delete(key);
    this.rows = this.rows.without((topic, partition) => gone.has(partitionKey({ topic, partition })));
    this.dead = this.dead.filter((letter) => !gone.has(partitionKey(letter)));
    return letters - this.dead.length;
  }
}
