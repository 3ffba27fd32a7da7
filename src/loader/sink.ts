// What the loader needs of a database: the table, the positions, and a flush that commits rows, dead letters and
// positions together. Types only; one folder a dialect.
import type { Message, ReadPosition, TopicPartition } from './broker.ts';
import type { NewestChange } from './debezium/snapshot-floors.ts';
import type { LoadColumn, LoadTarget } from './load-target.ts';
import type { RowBuffer } from './fast/row-buffer.ts';

/** A dead letter shortly before the positions. */
export interface RecentLetter extends TopicPartition {
  readonly offset: bigint;
  readonly error: string;
  /** How many messages ago it was, over all partitions. */
  readonly back: number;
}

/** A message that could not become a row. */
export interface DeadLetter {
  readonly message: Message;
  readonly topic: string;
  readonly partition: number;
  readonly error: string;
}

/** A dead letter as the database keeps it, its bytes opened, with its id. */
export interface StoredLetter {
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  readonly message: Message;
  /** Is it of an earlier topic of the name? No log has it any more. */
  readonly earlier: boolean;
}

/** The messages of one partition in a flush: from `from` up to before `to`. */
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
  /** Of changes: the highest position of a snapshot's row before `to`; absent: there is none. */
  readonly floor?: bigint;
  /** `Place.resets` of the position from which it was read. */
  readonly resets?: number | undefined;
}

/** The contents of one flush. */
export interface Flush {
  readonly target: LoadTarget;
  readonly columns: readonly LoadColumn[];
  readonly ranges: readonly OffsetRange[];
  readonly rows: RowBuffer;
  readonly dead: readonly DeadLetter[];
  readonly loadId: string;
  /** Ids of dead letters that this flush replays. */
  readonly replayed?: readonly string[];
  /** Limit of rows that the database may refuse; with one more nothing is written. */
  readonly allowance?: number;
  /** Another flush may follow at once: it may be left to it, or to `rest`, to note that this one is written. */
  readonly follows?: boolean;
}

/** The result of a flush. */
export interface Flushed {
  readonly rows: number;
  readonly dead: readonly DeadLetter[];
}

/** Another loader has moved a position since this one read from it: the rows of that partition must be dropped. */
export class Fenced extends Error {
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[];

  constructor(partitions: Fenced['partitions']) {
    super(
      `another loader has taken over ${partitions.map(({ topic, partition }) => `${topic}/${partition}`).join(', ')}`,
    );
    this.partitions = partitions;
  }
}

/** The database refuses more rows than allowed: nothing was written. */
export class TooManyRefused extends Error {
  readonly letters: readonly DeadLetter[];

  constructor(letters: readonly DeadLetter[]) {
    super('the database refuses too many rows');
    this.letters = letters;
  }
}

/** A member of a consumer group. */
export interface GroupMember {
  readonly group: string;
  readonly member: string;
}

/**
 * The table's position in a partition: its next offset and the leader epoch of the message before it; null: not known.
 */
export interface Place {
  readonly next: bigint;
  readonly epoch: number | null;
  /** How often it was set otherwise than by a flush: to the same offset, too. Absent: the sink itself finds out. */
  readonly resets?: number | undefined;
}

/** Where a partition is read on, as the table has it. */
export interface Start extends TopicPartition, Place {}

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
  /** Since when somebody has paused the table, as an ISO time; null: it is not paused. */
  readonly paused: string | null;
}

/** What a look at the bookkeeping finds. */
export interface Looked {
  /** The groups' other members, with how long each has been silent. */
  readonly others: readonly (GroupMember & { readonly seen: string; readonly silentMs: number })[];
  /** Each target's positions, by partition. */
  readonly positions: ReadonlyMap<LoadTarget, ReadonlyMap<number, Place>>;
  /** Targets whose table is paused. */
  readonly paused: ReadonlySet<LoadTarget>;
}

/** A flush that a loader has recorded and perhaps not written to its end. */
export interface OpenFlush {
  readonly id: string;
  readonly ranges: readonly OpenRange[];
}

/** The messages of such a flush in one partition: from `from` up to before `to`. */
export interface OpenRange extends TopicPartition {
  readonly from: bigint;
  readonly to: bigint;
  /** The topic's id when it was recorded; null: not known. */
  readonly topicId: string | null;
}

/** Points at which tests kill or stop a loader. */
export type FaultPoint =
  | 'before_copy'
  | 'before_merge'
  | 'in_files'
  | 'before_commit'
  | 'after_commit'
  | 'in_revoke'
  | 'in_drift'
  | 'before_join'
  | 'joining'
  | 'joined'
  | 'after_join'
  | 'in_deletion'
  | 'trimmed';

/** How often the bookkeeping is looked at, and after how long a member that was not seen is dead; milliseconds. */
export interface Pace {
  readonly everyMs: number;
  readonly silentMs: number;
}

/** The database of a loader. Methods fail with a `database` or `connection` error. */
export interface Sink {
  /** Absent: as often as Postgres bears it. */
  readonly pace?: Pace;
  /** A small flush leaves nothing behind that later ones or readers pay for. */
  readonly takesSmall?: true;
  /** @returns the obstacles to loading into the target, in words; empty when there are none. Writes nothing. */
  problems(target: LoadTarget): Promise<string[]>;
  /** Columns that the table fills where a message has no value; absent: none is. Writes nothing. */
  filled?(target: LoadTarget): Promise<ReadonlySet<string>>;
  /** What is kept of the target's table, also by an older version; empty when it was never loaded. Writes nothing. */
  kept(target: LoadTarget): Promise<KeptState>;
  /**
   * Creates the bookkeeping and the table, and adds columns declared since.
   * @returns the columns of the table that messages fill
   */
  prepare(target: LoadTarget): Promise<readonly LoadColumn[]>;
  /** Adds nullable columns for new fields. @returns all columns */
  addColumns(target: LoadTarget, columns: readonly LoadColumn[]): Promise<readonly LoadColumn[]>;
  /** Creates the bookkeeping alone. */
  prepareState(): Promise<void>;
  /**
   * The kept positions of the target's topic, and the topic's id at that time.
   * @param starts partitions that the caller reads on from there: whatever is recorded later fences its flushes
   */
  positions(
    target: LoadTarget,
    starts?: readonly number[],
  ): Promise<ReadonlyMap<number, Place & { readonly topicId: string | null }>>;
  /**
   * The last flushes of these partitions that may be written in part, with what they hold of others: they must be
   * settled before anything else is written. None where a flush is one transaction.
   */
  unsettled(target: LoadTarget, partitions: readonly number[]): Promise<readonly OpenFlush[]>;
  /**
   * Writes what is missing of such a flush.
   * @param flush the messages of its ranges, read again; without those that no log has any more
   * @throws Fenced when another loader has settled it
   */
  settle(open: OpenFlush, flush: Flush): Promise<Flushed>;
  /**
   * Gives positions of the target's topic, by partition, an id of their topic. One that has an id keeps it.
   */
  nameTopic(target: LoadTarget, ids: ReadonlyMap<number, string>): Promise<void>;
  /** Inserts positions of partitions that have none. */
  startAt(target: LoadTarget, topicId: string | null, starts: ReadonlyMap<number, bigint>): Promise<void>;
  /**
   * Sets positions, whatever they were.
   * @param from deletes rows and dead letters from these offsets on in the same transaction. Absent: nothing is
   *   deleted, and only positions of an earlier topic of the name, or before these, are set: another loader may have
   *   done it, and gone on
   * @returns how many were deleted
   */
  rewind(
    target: LoadTarget,
    topicId: string | null,
    next: ReadonlyMap<number, bigint>,
    from?: ReadonlyMap<number, bigint>,
  ): Promise<{ readonly rows: number; readonly letters: number }>;
  /** The offset behind the topic's last row or dead letter, by partition; a partition without any is left out. */
  ends(target: LoadTarget): Promise<ReadonlyMap<number, bigint>>;
  /**
   * The highest position of a snapshot's row of the topic, by partition: of rows that the table has, and of those that
   * it had. A partition without any is left out.
   */
  snapshots(target: LoadTarget): Promise<ReadonlyMap<number, bigint>>;
  /**
   * The newest of the changes shortly before these positions of the topic, by partition; of all changes where there is
   * none, or the topic was made anew. Absent where the sink itself finds a source that steps back.
   */
  newestChanges?(target: LoadTarget, next: readonly ReadPosition[]): Promise<ReadonlyMap<number, NewestChange>>;
  /** Does the table hold rows of the topic? */
  holdsRows(target: LoadTarget): Promise<boolean>;
  /** The partitions of which it holds rows of the topic; absent where older rows do not count as newer. */
  heldPartitions?(target: LoadTarget): Promise<readonly number[]>;
  /**
   * The newest dead letters that were not replayed: at most `limit`, of the last `window` offsets before each position.
   */
  recentDead(
    target: LoadTarget,
    next: ReadonlyMap<number, bigint>,
    window: number,
    limit: number,
  ): Promise<readonly RecentLetter[]>;
  /** The id of the target's newest dead letter; '0' when it has none. */
  newestLetter(target: LoadTarget): Promise<string>;
  /** At most `limit` dead letters of the target that were not replayed, after `after` and up to `upTo`, by id. */
  letters(
    target: LoadTarget,
    range: { readonly after: string; readonly upTo: string; readonly limit: number },
  ): Promise<readonly StoredLetter[]>;
  /** Keeps the reason why the table is not being loaded, for `load status`; null: it is. */
  note(target: LoadTarget, failure: string | null): Promise<void>;
  /**
   * Pauses the target's table, or lets it go on. Positions stay as they are. Makes the bookkeeping when it is missing.
   * @returns false: it was so already
   */
  setPaused(target: LoadTarget, paused: boolean): Promise<boolean>;
  /**
   * Renews the own members; reads the other members of the groups, the targets' positions and pauses.
   * @param asked targets whose positions are wanted; those of others may be left out. Absent: all
   */
  look(
    own: readonly GroupMember[],
    groups: readonly string[],
    targets: readonly LoadTarget[],
    asked?: readonly LoadTarget[],
  ): Promise<Looked>;
  /** Deletes members that have left. */
  forget(members: readonly GroupMember[]): Promise<void>;
  /** Cancels the target's running statements; they change nothing then. Never throws. */
  stop(target: LoadTarget): Promise<void>;
  /**
   * Flushes in one transaction, or each range on its own: then a second call with the same ranges writes what is
   * missing.
   * @throws Fenced, TooManyRefused, and `database` errors after which nothing has changed, or it can be called again
   */
  flush(flush: Flush): Promise<Flushed>;
  /**
   * No flush follows at once: notes that those are written which have left it to the next one. Absent: none does. What
   * is not noted looks to another loader like a flush that was cut off, and is settled.
   */
  rest?(target: LoadTarget, loadId: string): Promise<void>;
  /**
   * Drops partitions past their retention, 31 at most, deletes rows that were past it when they came, and makes the
   * partitions of the next days.
   * @returns names of the dropped partitions, and how many rows were deleted
   */
  maintain(target: LoadTarget): Promise<readonly string[]>;
}
