// What the loader needs of a message broker: batches of messages from an offset on, and whose turn a partition is.
// Types only; the clients are kafka/client.ts and file-client.ts, tests have one in memory.
import type { Records } from './fast/records.ts';

/** One message as it lies in the topic. */
export interface Message {
  readonly offset: bigint;
  /** Milliseconds since 1970, within the years 1 to 9999; null: the message has no time. */
  readonly timestamp: number | null;
  readonly key: Uint8Array | null;
  /** Null: a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [name: string, value: Uint8Array | null])[];
}

/**
 * Messages of one partition, ordered by offset. Offsets may have gaps: compaction, control records, aborted
 * transactions.
 */
export interface MessageBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly Records[];
  /** The requested offset: no message between it and `next` is missing. */
  readonly from: bigint;
  /** The offset to read on from, behind the last message and behind records that were skipped. */
  readonly next: bigint;
  /** The end offset of what may be read now. */
  readonly end: bigint;
  /** The leader epoch that all of its messages were written in; null where there are none, or no epochs. */
  readonly epoch: number | null;
}

/** A partition's place in its topic. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Where a partition is read on: the next offset, and the leader epoch of what was read last; null: not known. */
export interface ReadPosition extends TopicPartition {
  readonly next: bigint;
  readonly epoch: number | null;
}

/** A topic as the broker knows it. */
export interface TopicInfo {
  readonly topic: string;
  /** Changes when a topic is deleted and created again; null where the broker has no ids. */
  readonly id: string | null;
  readonly partitions: number;
}

/** An error that stops one partition; the others go on. */
export interface PartitionFailure extends TopicPartition {
  /**
   * `offset_out_of_range`: the log begins behind the position. `beyond_end`: it ends before the position. `truncated`:
   * the log no longer has what was read last. `corrupt`: the bytes cannot be read. `too_large`: a batch unpacks to more
   * than is allowed. `unreachable`: no leader has answered in time.
   */
  readonly reason:
    | 'offset_out_of_range'
    | 'beyond_end'
    | 'truncated'
    | 'made_anew'
    | 'not_authorized'
    | 'refused'
    | 'corrupt'
    | 'too_large'
    | 'unreachable';
  readonly message: string;
  /**
   * For `truncated` and `beyond_end`: from this offset on the log lacks what was read. For `corrupt` and `too_large`
   * of a range: where the batch begins, unless that is where reading began.
   */
  readonly from?: bigint;
  /** For `corrupt` and `too_large`: the offset behind the batch; absent where its header does not tell. */
  readonly behind?: bigint;
}

/** The result of a poll. */
export interface Polled {
  readonly batches: readonly MessageBatch[];
  readonly failures: readonly PartitionFailure[];
  /** What some partitions wait for, in words, while others go on; null: none waits. */
  readonly waiting: string | null;
}

/** A poll that brings nothing. */
export const NOTHING_READ: Polled = { batches: [], failures: [], waiting: null };

/** The messages of a range of offsets. */
export interface RangeRead {
  readonly batches: readonly MessageBatch[];
  /** Why messages are missing; null: none is. */
  readonly failure: PartitionFailure | null;
}

/** Called when the group assigns and revokes partitions. */
export interface AssignmentListener {
  /**
   * The partitions are assigned to this client; answers where each one starts. One that is left out is not read, and
   * assigned again a little later.
   */
  assigned(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, ReadPosition>>;
  /** The partitions are about to be revoked: flush what is held of them. */
  revoked(partitions: readonly TopicPartition[]): Promise<void>;
}

/** A connection to a broker. Methods fail with a `connection` error that names the broker. */
export interface BrokerClient {
  /** @throws `runtime` error naming a topic that does not exist or may not be read */
  topics(names: readonly string[]): Promise<readonly TopicInfo[]>;
  /** The names of the topics that match, sorted, without the broker's own. */
  matching(pattern: RegExp): Promise<readonly string[]>;
  /**
   * Earliest and end offset of every partition, by `topic/partition`.
   * @param only of these alone; all others of the topics may be without a leader
   */
  ends(
    topics: readonly string[],
    only?: readonly TopicPartition[],
  ): Promise<ReadonlyMap<string, { readonly earliest: bigint; readonly end: bigint }>>;
  /** Those of the partitions that have a leader now; absent: all can be read. */
  led?(partitions: readonly TopicPartition[]): Promise<readonly TopicPartition[]>;
  /**
   * The first offset at or after a moment, by `topic/partition`; the end where there is none.
   * @param time milliseconds since 1970
   */
  offsetsAt(topics: readonly string[], time: number): Promise<ReadonlyMap<string, bigint>>;
  /** The positions up to which the log no longer leads: `truncated`, `beyond_end`, or the broker's error. */
  verify(positions: readonly ReadPosition[]): Promise<readonly PartitionFailure[]>;
  /**
   * Checks that the topics can be read and their group can be joined. Reads and writes nothing.
   * @throws `runtime` error that says what is missing
   */
  check(topics: readonly string[]): Promise<void>;
  /**
   * Joins the group; from now on `poll` returns messages of the assigned partitions. Called again with other topics it
   * takes up the new ones and leaves those that are missing.
   */
  join(topics: readonly string[], listener: AssignmentListener): Promise<void>;
  /** The next messages of the assigned partitions that are not paused; waits a little when there are none. */
  poll(): Promise<Polled>;
  /**
   * Reads a range of offsets once more, whoever owns the partition.
   * @param waitMs for how long a leader that is away is waited for; null: always
   * @returns its messages, ordered by offset; fewer and a failure when the log does not have the range any more
   */
  read(at: TopicPartition, from: bigint, to: bigint, waitMs?: number | null): Promise<RangeRead>;
  pause(partitions: readonly TopicPartition[]): void;
  /** Reads on from other offsets, by `topic/partition`; resumes partitions that were paused. */
  seek(positions: ReadonlyMap<string, Pick<ReadPosition, 'next' | 'epoch'>>): void;
  /** Commits the group's offsets to the broker. Informative: the positions in the database count. Never throws. */
  commit(next: ReadonlyMap<string, bigint>): Promise<void>;
  /** The group and the member id, null before it has one; absent where there are no groups. */
  member?(): { readonly group: string; readonly member: string | null };
  /** Removes dead members from the group, so that their partitions are reassigned at once. */
  evict?(members: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** The name of a partition in maps: `topic/0`. */
export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
