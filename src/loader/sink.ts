// What the loader needs from a database: the table, the positions, and a flush that commits rows, dead letters and
// positions together. Types only; one folder per dialect.
import type { Message, RangePlace, ReadPosition, TopicPartition } from './brokers/broker.ts';
import type { NewestChange } from './formats/debezium/snapshot-floors.ts';
import type { LoadColumn, LoadTarget } from './settings/load-target.ts';
import type { RowBuffer } from './formats/rows/row-buffer.ts';

/** A dead letter shortly before the positions. */
export interface RecentLetter extends TopicPartition {
  readonly offset: bigint;
  readonly error: string;
  /** Number of messages since, over all partitions. */
  readonly back: number;
}

/** A message that could not become a row. */
export interface DeadLetter {
  readonly message: Message;
  readonly topic: string;
  readonly partition: number;
  readonly error: string;
}

/** Bytes of dead letters that a replay reads at once. A single one may be larger. */
export const LETTER_BYTES = 16 * 1024 ** 2;

/** A stored dead letter with its decrypted bytes and its id. */
export interface StoredLetter {
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  readonly message: Message;
  /** Whether it belongs to an earlier topic of that name, whose log no longer exists. */
  readonly earlier: boolean;
}

/** The messages of one partition in a flush: `from` inclusive, `to` exclusive. */
export interface OffsetRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: bigint;
  readonly to: bigint;
  readonly end: bigint;
  readonly rows: number;
  readonly dead: number;
  /** Timestamp of the newest message in milliseconds since 1970; null if there was none. */
  readonly lastTimestamp: number | null;
  /** Leader epoch of the message before `to`; null: unknown. */
  readonly epoch: number | null;
  /** For changes: the highest position of a snapshot row before `to`; absent: none. */
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
  /** Maximum number of rows that the database may reject; with one more nothing is written. */
  readonly allowance?: number;
  /** Whether another flush may follow immediately: then it, or `rest`, may record that this one is written. */
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

/** The database rejects more rows than allowed: nothing was written. */
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
 * The table's position in a partition: its next offset and the leader epoch of the message before it; null: unknown.
 */
export interface Place {
  readonly next: bigint;
  readonly epoch: number | null;
  /** How often it was set other than by a flush, including to the same offset. Absent: the sink detects it itself. */
  readonly resets?: number | undefined;
}

/** Where reading of a partition continues, according to the table. */
export interface Start extends TopicPartition, Place {}

/** The bookkeeping of one partition. */
export interface KeptPosition extends TopicPartition, Place {
  readonly topicId: string | null;
  /** The partition's end at the last flush; null: unknown. */
  readonly end: bigint | null;
  /** Timestamp of the newest loaded message in milliseconds since 1970; null: none had one. */
  readonly newest: number | null;
  /** Number of dead letters. */
  readonly dead: number;
}

/** The bookkeeping of a table. */
export interface KeptState {
  /** By `topic/partition`. */
  readonly positions: ReadonlyMap<string, KeptPosition>;
  /** Why the table is not being loaded, and since when; null: it is. */
  readonly failure: string | null;
  /** Since when the table is paused, as an ISO time; null: it is not paused. */
  readonly paused: string | null;
}

/** The result of reading the bookkeeping. */
export interface Looked {
  /** The groups' other members, and how long each has been silent. */
  readonly others: readonly (GroupMember & { readonly seen: string; readonly silentMs: number })[];
  /** Each target's positions, by partition. */
  readonly positions: ReadonlyMap<LoadTarget, ReadonlyMap<number, Place>>;
  /** Targets whose table is paused. */
  readonly paused: ReadonlySet<LoadTarget>;
}

/** A flush that a loader has recorded and possibly not completed. */
export interface OpenFlush {
  readonly id: string;
  readonly ranges: readonly OpenRange[];
}

/** The messages of such a flush in one partition: `from` inclusive, `to` exclusive. */
export interface OpenRange extends RangePlace {
  readonly from: bigint;
  readonly to: bigint;
  /** The topic's id when it was recorded; null: unknown. */
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

/** Interval of reading the bookkeeping, and time after which a silent member is dead; milliseconds. */
export interface Pace {
  readonly everyMs: number;
  readonly silentMs: number;
}

/** The database of a loader. Methods fail with a `database` or `connection` error. */
export interface Sink {
  /** Absent: suitable for Postgres. */
  readonly pace?: Pace;
  /** Whether a small flush has no lasting cost for later ones or readers. */
  readonly takesSmall?: true;
  /** @returns descriptions of obstacles to loading into the target; empty if there are none. Writes nothing. */
  problems(target: LoadTarget): Promise<string[]>;
  /** @returns what loading would change for readers of the table, in words; absent: nothing. Writes nothing. */
  notes?(target: LoadTarget): Promise<readonly string[]>;
  /** Columns that the table fills if a message has no value; absent: none. Writes nothing. */
  filled?(target: LoadTarget): Promise<ReadonlySet<string>>;
  /**
   * What is stored about the target's table, also by an older version; empty if it was never loaded. Writes nothing.
   */
  kept(target: LoadTarget): Promise<KeptState>;
  /**
   * Creates the bookkeeping and the table, and adds newly declared columns.
   * @returns the columns of the table that messages fill
   */
  prepare(target: LoadTarget): Promise<readonly LoadColumn[]>;
  /** Adds nullable columns for new fields. @returns all columns */
  addColumns(target: LoadTarget, columns: readonly LoadColumn[]): Promise<readonly LoadColumn[]>;
  /** Creates only the bookkeeping. */
  prepareState(): Promise<void>;
  /**
   * The stored positions of the target's topic, and the topic's id at that time.
   * @param starts partitions from which the caller continues: any flush recorded later fences its flushes
   */
  positions(
    target: LoadTarget,
    starts?: readonly number[],
  ): Promise<ReadonlyMap<number, Place & { readonly topicId: string | null }>>;
  /**
   * The last flushes of these partitions that may be partly written, including their ranges of other partitions: they
   * must be settled before anything else is written. Empty if a flush is one transaction.
   */
  unsettled(target: LoadTarget, partitions: readonly number[]): Promise<readonly OpenFlush[]>;
  /**
   * Completes such a flush.
   * @param flush the messages of its ranges, read again; without those that no log contains any more
   * @throws Fenced if another loader has settled it
   */
  settle(open: OpenFlush, flush: Flush): Promise<Flushed>;
  /** Adds the topic's id to positions of the target's topic, by partition. An existing id is kept. */
  nameTopic(target: LoadTarget, ids: ReadonlyMap<number, string>): Promise<void>;
  /** Inserts positions of partitions that have none. */
  startAt(target: LoadTarget, topicId: string | null, starts: ReadonlyMap<number, bigint>): Promise<void>;
  /**
   * Sets positions unconditionally.
   * @param from deletes rows and dead letters from these offsets on in the same transaction. Absent: nothing is
   *   deleted, and only positions of an earlier topic of that name, or lower ones, are set: another loader may have
   *   done it, and continued
   * @returns the number of deleted rows and dead letters
   */
  rewind(
    target: LoadTarget,
    topicId: string | null,
    next: ReadonlyMap<number, bigint>,
    from?: ReadonlyMap<number, bigint>,
  ): Promise<{ readonly rows: number; readonly letters: number }>;
  /** The offset after the topic's last row or dead letter, by partition; omits partitions without any. */
  ends(target: LoadTarget): Promise<ReadonlyMap<number, bigint>>;
  /**
   * The highest position of a snapshot row of the topic, by partition, among current and earlier rows of the table.
   * Omits partitions without any.
   */
  snapshots(target: LoadTarget): Promise<ReadonlyMap<number, bigint>>;
  /**
   * The newest of the changes shortly before these positions of the topic, by partition; of all changes if there is
   * none, or the topic was recreated. Absent if the sink itself detects a source that steps back.
   */
  newestChanges?(target: LoadTarget, next: readonly ReadPosition[]): Promise<ReadonlyMap<number, NewestChange>>;
  /** Whether the table contains rows of the topic. */
  holdsRows(target: LoadTarget): Promise<boolean>;
  /** The partitions of whose topic it contains rows; absent if older rows do not count as newer. */
  heldPartitions?(target: LoadTarget): Promise<readonly number[]>;
  /**
   * The newest dead letters that were not replayed: at most `limit`, from the last `window` offsets before each
   * position.
   */
  recentDead(
    target: LoadTarget,
    next: ReadonlyMap<number, bigint>,
    window: number,
    limit: number,
  ): Promise<readonly RecentLetter[]>;
  /** The id of the target's newest dead letter; '0' if it has none. */
  newestLetter(target: LoadTarget): Promise<string>;
  /** At most `limit` dead letters of the target that were not replayed, after `after` and up to `upTo`, by id. */
  letters(
    target: LoadTarget,
    range: { readonly after: string; readonly upTo: string; readonly limit: number },
  ): Promise<readonly StoredLetter[]>;
  /** Stores the reason why the table is not being loaded, for `load status`; null: it is. */
  note(target: LoadTarget, failure: string | null): Promise<void>;
  /**
   * Pauses or resumes the target's table. Positions are kept. Creates the bookkeeping if it is missing.
   * @returns false: it already had that state
   */
  setPaused(target: LoadTarget, paused: boolean): Promise<boolean>;
  /**
   * Renews the own members; reads the other members of the groups, the targets' positions and pauses.
   * @param asked targets whose positions are needed; those of others may be omitted. Absent: all
   */
  look(
    own: readonly GroupMember[],
    groups: readonly string[],
    targets: readonly LoadTarget[],
    asked?: readonly LoadTarget[],
  ): Promise<Looked>;
  /** Deletes members that have left. */
  forget(members: readonly GroupMember[]): Promise<void>;
  /** Cancels the target's running statements, which then change nothing. Never throws. */
  stop(target: LoadTarget): Promise<void>;
  /**
   * Flushes in one transaction, or each range separately: then a second call with the same ranges completes it.
   * @throws Fenced, TooManyRefused, and `database` errors after which nothing has changed, or it can be called again
   */
  flush(flush: Flush): Promise<Flushed>;
  /**
   * Called if no flush follows immediately: records that the last flushes are written. Absent: not needed. A flush
   * without that record appears incomplete to another loader, which settles it.
   */
  rest?(target: LoadTarget, loadId: string): Promise<void>;
  /**
   * Drops partitions past their retention, 31 at most, deletes rows that were past it on arrival, and creates the
   * partitions of the next days.
   * @returns names of the dropped partitions, and the number of deleted rows
   */
  maintain(target: LoadTarget): Promise<readonly string[]>;
}
