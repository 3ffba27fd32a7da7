// What the loader asks of a database: the table, the positions, and a flush that holds rows, dead letters and positions in one commit.
// Types only; one folder a dialect.
import type { OffsetRange } from '../state/load-offsets.ts';
import type { Message } from './broker.ts';
import type { LoadColumn, LoadTarget } from './load-target.ts';
import type { RowBuffer } from './row-buffer.ts';

/** A message that could not become a row. */
export interface DeadLetter {
  readonly message: Message;
  readonly topic: string;
  readonly partition: number;
  readonly error: string;
}

/** What goes into the database at once. */
export interface Flush {
  readonly target: LoadTarget;
  readonly columns: readonly LoadColumn[];
  readonly ranges: readonly OffsetRange[];
  readonly rows: RowBuffer;
  readonly dead: readonly DeadLetter[];
  readonly loadId: string;
  /** Ids of dead letters that this flush does again. */
  readonly replayed?: readonly string[];
}

/** What became of it. */
export interface Flushed { readonly rows: number; readonly dead: readonly DeadLetter[] }

/** Another loader has moved a position since this one read from it; what this one holds of the partition must be thrown away. */
export class Fenced extends Error {
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[];

  constructor(partitions: Fenced['partitions']) {
    super(`another loader has taken over ${partitions.map(({ topic, partition }) => `${topic}/${partition}`).join(', ')}`);
    this.partitions = partitions;
  }
}

/** Places at which tests kill or stop a loader. */
export type FaultPoint = 'before_copy' | 'before_merge' | 'before_commit' | 'after_commit' | 'in_revoke' | 'in_drift';

/** The database of a loader. Methods fail with a `database` or `connection` error. */
export interface Sink {
  /** Makes the bookkeeping, the table, and what the declaration has gained since. @returns the columns of the table that messages fill */
  prepare(target: LoadTarget): Promise<readonly LoadColumn[]>;
  /** Adds nullable columns for new fields. @returns all columns then */
  addColumns(target: LoadTarget, columns: readonly LoadColumn[]): Promise<readonly LoadColumn[]>;
  /** The next offset of each partition of the target's topic that has one, and the id that the topic had then. */
  positions(target: LoadTarget): Promise<ReadonlyMap<number, { readonly next: bigint; readonly topicId: string | null }>>;
  /** Gives partitions without a position one. */
  startAt(target: LoadTarget, topicId: string | null, starts: ReadonlyMap<number, bigint>): Promise<void>;
  /** Sets positions, whatever they were. */
  rewind(target: LoadTarget, topicId: string | null, next: ReadonlyMap<number, bigint>): Promise<void>;
  /** One transaction. @throws Fenced, and `database` errors after which nothing has changed */
  flush(flush: Flush): Promise<Flushed>;
  /** Drops partitions that are past their retention and makes the coming ones. @returns names of what was dropped */
  maintain(target: LoadTarget): Promise<readonly string[]>;
}
