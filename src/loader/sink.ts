// What the loader asks of a database: the table, the positions, and a flush that holds rows, dead letters and positions
// in one commit. Types only; one folder a dialect.
import type { Message, TopicPartition } from './broker.ts';
import type { LoadColumn, LoadTarget } from './load-target.ts';
import type { RowBuffer } from './fast/row-buffer.ts';

/** A message that could not become a row. */
export interface DeadLetter {
  readonly message: Message;
  readonly topic: string;
  readonly partition: number;
  readonly error: string;
}

/** A dead letter as the database keeps it, its bytes opened, with the id under which it is kept. */
export interface StoredLetter {
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  readonly message: Message;
}

/** What a flush has read of one partition: from `from` up to before `to`. */
export interface OffsetRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly end: bigint;
  readonly rows: number;
  readonly dead: number;
  /** Milliseconds since 1970 of the newest message; null when there was none. */
  readonly lastTimestamp: number | null;
  /** Leader epoch of the message before `to`; null: not known. */
  readonly epoch: number | null;
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
  /** Rows that the database may refuse; one more, and nothing is written. */
  readonly allowance?: number;
}

/** What became of it. */
export interface Flushed {
  readonly rows: number;
  readonly dead: readonly DeadLetter[];
}

/**
 * Another loader has moved a position since this one read from it; what this one holds of the partition must be thrown
 * away.
 */
export class Fenced extends Error {
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[];

  constructor(partitions: Fenced['partitions']) {
    super(
      `another loader has taken over ${partitions.map(({ topic, partition }) => `${topic}/${partition}`).join(', ')}`,
    );
    this.partitions = partitions;
  }
}

/** The database refuses more rows of a flush than it was allowed: nothing of it was written. */
export class TooManyRefused extends Error {
  readonly letters: readonly DeadLetter[];

  constructor(letters: readonly DeadLetter[]) {
    super('the database refuses too many rows');
    this.letters = letters;
  }
}

/** A loader of a group, as its broker knows it. */
export interface GroupMember {
  readonly group: string;
  readonly member: string;
}

/** Where a table is in a partition: its next offset, and the leader epoch of the message before it; null: not known. */
export interface Place {
  readonly next: bigint;
  readonly epoch: number | null;
}

/** What the bookkeeping holds of one partition. */
export interface KeptPosition extends TopicPartition, Place {
  readonly topicId: string | null;
  /** The end of the partition at the last flush; null: not known. */
  readonly end: bigint | null;
  /** Milliseconds since 1970 of the newest loaded message; null: none had a time. */
  readonly newest: number | null;
  /** Number of dead letters. */
  readonly dead: number;
}

/** What the bookkeeping holds of a table. */
export interface KeptState {
  /** By `topic/partition`. */
  readonly positions: ReadonlyMap<string, KeptPosition>;
  /** Why the table is not being loaded, and since when; null: it is. */
  readonly failure: string | null;
}

/** What a look at the bookkeeping finds. */
export interface Looked {
  /** The other members of the groups and for how long nothing has been seen of them. */
  readonly others: readonly (GroupMember & { readonly seen: string; readonly silentMs: number })[];
  /** Where each target is, by partition. */
  readonly positions: ReadonlyMap<LoadTarget, ReadonlyMap<number, Place>>;
}

/** Places at which tests kill or stop a loader. */
export type FaultPoint = 'before_copy' | 'before_merge' | 'before_commit' | 'after_commit' | 'in_revoke' | 'in_drift';

/** The database of a loader. Methods fail with a `database` or `connection` error. */
export interface Sink {
  /** @returns what stands in the way of loading into the target, in words; empty when nothing does. Writes nothing. */
  problems(target: LoadTarget): Promise<string[]>;
  /** What is kept of the target's table, also by an older version; empty when it was never loaded. Writes nothing. */
  kept(target: LoadTarget): Promise<KeptState>;
  /**
   * Makes the bookkeeping, the table, and what the declaration has gained since.
   * @returns the columns of the table that messages fill
   */
  prepare(target: LoadTarget): Promise<readonly LoadColumn[]>;
  /** Adds nullable columns for new fields. @returns all columns then */
  addColumns(target: LoadTarget, columns: readonly LoadColumn[]): Promise<readonly LoadColumn[]>;
  /** The next offset of each partition of the target's topic that has one, and the id that the topic had then. */
  positions(target: LoadTarget): Promise<ReadonlyMap<number, Place & { readonly topicId: string | null }>>;
  /** Gives partitions without a position one. */
  startAt(target: LoadTarget, topicId: string | null, starts: ReadonlyMap<number, bigint>): Promise<void>;
  /**
   * Sets positions, whatever they were.
   * @param from what was loaded of these partitions from an offset on goes, rows and dead letters, in the same
   *   transaction
   * @returns how many went
   */
  rewind(
    target: LoadTarget,
    topicId: string | null,
    next: ReadonlyMap<number, bigint>,
    from?: ReadonlyMap<number, bigint>,
  ): Promise<{ readonly rows: number; readonly letters: number }>;
  /**
   * The offset behind the last one that the table or its dead letters have of the topic, by partition; none when they
   * have nothing of it.
   */
  ends(target: LoadTarget): Promise<ReadonlyMap<number, bigint>>;
  /** Does the table hold rows of the topic? */
  holdsRows(target: LoadTarget): Promise<boolean>;
  /**
   * The newest dead letters that were not replayed, at most `limit`, of the last `window` offsets before each
   * partition's.
   */
  recentDead(
    target: LoadTarget,
    next: ReadonlyMap<number, bigint>,
    window: number,
    limit: number,
  ): Promise<readonly { readonly back: number; readonly error: string }[]>;
  /** The id of the target's newest dead letter; '0' when it has none. */
  newestLetter(target: LoadTarget): Promise<string>;
  /** At most `limit` dead letters of the target that were not replayed, after `after` and up to `upTo`, by id. */
  letters(
    target: LoadTarget,
    range: { readonly after: string; readonly upTo: string; readonly limit: number },
  ): Promise<readonly StoredLetter[]>;
  /** Keeps why the table is not being loaded, for `load status`; null: it is. */
  note(target: LoadTarget, failure: string | null): Promise<void>;
  /** Says that these members are alive, and looks who else is, and where the targets are. */
  look(own: readonly GroupMember[], groups: readonly string[], targets: readonly LoadTarget[]): Promise<Looked>;
  /** These members are gone. */
  forget(members: readonly GroupMember[]): Promise<void>;
  /** Asks the server to stop what runs for the target; it changes nothing then. Never throws. */
  stop(target: LoadTarget): Promise<void>;
  /** One transaction. @throws Fenced, TooManyRefused, and `database` errors after which nothing has changed */
  flush(flush: Flush): Promise<Flushed>;
  /** Drops partitions that are past their retention and makes the coming ones. @returns names of what was dropped */
  maintain(target: LoadTarget): Promise<readonly string[]>;
}
