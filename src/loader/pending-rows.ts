// What a loader has read and not written: rows, dead letters, and from where to where of each partition.
import { partitionKey, type TopicPartition } from './broker.ts';
import { RowBuffer } from './fast/row-buffer.ts';
import type { DeadLetter } from './sink.ts';

/** What has been read of one partition and not been flushed. */
export interface Held {
  readonly topic: string;
  readonly partition: number;
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
  since = 0;
  loadedAt = Buffer.alloc(0);

  /** @param rows empty */
  constructor(rows = new RowBuffer()) {
    this.rows = rows;
  }

  get empty(): boolean {
    return this.held.size === 0;
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
