// Rows and dead letters that are read and not written yet, with the range of offsets of each partition.
import { partitionKey, type TopicPartition } from './brokers/broker.ts';
import { RowBuffer } from './formats/rows/row-buffer.ts';
import type { LoadTarget } from './settings/load-target.ts';
import type { DeadLetter, OffsetRange } from './sink.ts';

/** The range of one partition that is read and not flushed yet. */
export interface Held extends TopicPartition {
  readonly from: bigint;
  next: bigint;
  end: bigint;
  rows: number;
  dead: number;
  newest: number | null;
  /** Leader epoch of the last message. */
  epoch: number | null;
  /** The highest position of a snapshot row so far. */
  floor?: bigint;
}

export class PendingRows {
  readonly held = new Map<string, Held>();
  rows: RowBuffer;
  dead: DeadLetter[] = [];
  /** Memory in use, and the part of it for messages. */
  bytes = 0;
  messageBytes = 0;
  /** When the first message was read. */
  since = 0;
  /** The same in ISO form. */
  loadedAt = Buffer.alloc(0);

  /** @param rows empty */
  constructor(rows = new RowBuffer()) {
    this.rows = rows;
  }

  get empty(): boolean {
    return this.held.size === 0;
  }

  /** Whether it has the size of a flush. */
  isFull({ rows, bytes }: LoadTarget['flush']): boolean {
    return this.rows.length + this.dead.length >= rows || this.bytes >= bytes;
  }

  /**
   * Returns the range of a partition; creates one if there is none.
   * @param from first offset of a new range
   * @param end the partition's end
   * @param now milliseconds since 1970
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

  /** The ranges by which a flush moves the positions. */
  ranges(): readonly OffsetRange[] {
    return [...this.held.values()].map(({ next, newest, ...held }) => ({ ...held, to: next, lastTimestamp: newest }));
  }

  /** @returns the dead letters that are dropped */
  forget(partitions: readonly TopicPartition[]): readonly DeadLetter[] {
    const { dead } = this;
    const gone = new Set(partitions.map(partitionKey));
    for (const key of gone) this.held.delete(key);
    this.rows = this.rows.without((topic, partition) => gone.has(partitionKey({ topic, partition })));
    this.dead = this.dead.filter((letter) => !gone.has(partitionKey(letter)));
    return dead.filter((letter) => gone.has(partitionKey(letter)));
  }
}
