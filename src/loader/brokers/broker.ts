// What the loader needs from a message broker: batches of messages from an offset, and assignment of partitions. Types
// and the empty poll; brokers/kafka/kafka-client.ts and file-client.ts are the clients, tests have one in memory.
import { setTimeout as pause } from 'node:timers/promises';
import type { Records } from './message-records.ts';

/** A message as stored in the topic. */
export interface Message {
  readonly offset: bigint;
  /** Milliseconds since 1970, within the years 1 to 9999; null: the message has no timestamp. */
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
  /** The offset to continue from, after the last message and after records that were skipped. */
  readonly next: bigint;
  /** The end offset of what may be read now. */
  readonly end: bigint;
  /** The leader epoch in which all of its messages were written; null if there are none, or no epochs. */
  readonly epoch: number | null;
  /** Time of the source, in milliseconds since 1970, up to which nothing is missing; absent: that of the messages. */
  readonly time?: number | null;
}

/** A topic and a partition. */
export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Where reading of a partition continues: the next offset, and the leader epoch of the last message; null: unknown. */
export interface ReadPosition extends TopicPartition {
  readonly next: bigint;
  readonly epoch: number | null;
}

/** A topic according to the broker. */
export interface TopicInfo {
  readonly topic: string;
  /** Changes when a topic is deleted and created again; null if the broker has no ids. */
  readonly id: string | null;
  readonly partitions: number;
}

/** An error that stops one partition; the others go on. */
export interface PartitionFailure extends TopicPartition {
  /**
   * `offset_out_of_range`: the log begins after the position. `beyond_end`: it ends before the position. `truncated`:
   * the log no longer contains what was read last. `corrupt`: the bytes are invalid. `too_large`: a batch decompresses
   * to more than is allowed. `unreachable`: no leader has answered in time. `unfinished_snapshot`: rows of a snapshot
   * were read, and it cannot be continued.
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
    | 'unreachable'
    | 'unfinished_snapshot';
  readonly message: string;
  /**
   * For `truncated` and `beyond_end`: the offset from which the log lacks what was read. For `corrupt` and `too_large`
   * in a range: start of the batch, unless reading began there.
   */
  readonly from?: bigint;
  /** For `corrupt` and `too_large`: the offset after the batch; absent if its header is invalid. */
  readonly behind?: bigint;
}

/** The result of a poll. */
export interface Polled {
  readonly batches: readonly MessageBatch[];
  readonly failures: readonly PartitionFailure[];
  /** What some partitions wait for while others are read; null: none waits. */
  readonly waiting: string | null;
}

/** A poll without messages. */
export const NOTHING_READ: Polled = { batches: [], failures: [], waiting: null };

/**
 * What a client without a broker returns after its last record. It waits 5 ms, because while another loader's rows are
 * awaited, polls go on, and without a pause nothing else in the process could run.
 */
export async function readToEnd(): Promise<Polled> {
  await pause(5);
  return NOTHING_READ;
}

/** Where a range of offsets is; with the epoch of its last message if it is known. */
export interface RangePlace extends TopicPartition {
  readonly epoch?: number | null;
}

/** The messages of a range of offsets. */
export interface RangeRead {
  readonly batches: readonly MessageBatch[];
  /** Why messages are missing; null: none are. */
  readonly failure: PartitionFailure | null;
}

/** The replication slot of a table, which other tables may share. */
export interface SlotLag {
  readonly slot: string;
  /** The table whose position is the lowest; null: no other table shares the slot. */
  readonly heldBy: string | null;
  /** Bytes of the source's log that it keeps. */
  readonly retained: number;
  /** How many it may keep; null: any number. */
  readonly limit: number | null;
}

/** Called when the group assigns and revokes partitions. */
export interface AssignmentListener {
  /**
   * The partitions are assigned to this client. Returns where each one starts; an omitted one is not read, and is
   * assigned again a little later.
   */
  assigned(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, ReadPosition>>;
  /** The partitions will be revoked: flush their pending rows. */
  revoked(partitions: readonly TopicPartition[]): Promise<void>;
}

/** A connection to a broker. Methods fail with a `connection` error that names the broker. */
export interface BrokerClient {
  /** @throws `runtime` error that names a topic that does not exist or may not be read */
  topics(names: readonly string[]): Promise<readonly TopicInfo[]>;
  /** The names of the topics that match, sorted, without the broker's internal topics. */
  matching(pattern: RegExp): Promise<readonly string[]>;
  /**
   * Earliest and end offset of every partition, by `topic/partition`.
   * @param only only of these; the topics' other partitions may have no leader
   */
  ends(
    topics: readonly string[],
    only?: readonly TopicPartition[],
  ): Promise<ReadonlyMap<string, { readonly earliest: bigint; readonly end: bigint }>>;
  /** The partitions that currently have a leader; absent: all can be read. */
  led?(partitions: readonly TopicPartition[]): Promise<readonly TopicPartition[]>;
  /**
   * The first offset at or after a time, by `topic/partition`; the end if there is none.
   * @param time milliseconds since 1970
   */
  offsetsAt(topics: readonly string[], time: number): Promise<ReadonlyMap<string, bigint>>;
  /**
   * Returns the positions up to which the log is no longer intact: `truncated`, `beyond_end`, or the broker's error.
   */
  verify(positions: readonly ReadPosition[]): Promise<readonly PartitionFailure[]>;
  /**
   * Checks that the topics can be read and their group can be joined. Reads and writes nothing.
   * @throws `runtime` error that says what is missing
   */
  check(topics: readonly string[]): Promise<void>;
  /**
   * Joins the group. From now on `poll` returns messages of the assigned partitions. If called again, changes the
   * subscribed topics.
   */
  join(topics: readonly string[], listener: AssignmentListener): Promise<void>;
  /** Returns the next messages of the assigned partitions that are not paused; waits a little if there are none. */
  poll(): Promise<Polled>;
  /**
   * Reads a range of offsets again, whichever client owns the partition.
   * @param waitMs how long to wait for an unavailable leader; null: indefinitely
   * @returns its messages, ordered by offset; fewer, and a failure, if the log no longer contains the range
   */
  read(at: RangePlace, from: bigint, to: bigint, waitMs?: number | null): Promise<RangeRead>;
  pause(partitions: readonly TopicPartition[]): void;
  /** Continues from other offsets, by `topic/partition`; resumes partitions that were paused. */
  seek(positions: ReadonlyMap<string, Pick<ReadPosition, 'next' | 'epoch'>>): void;
  /**
   * Commits the group's offsets to the broker, for information only: the positions in the database count. Never throws.
   */
  commit(next: ReadonlyMap<string, bigint>): Promise<void>;
  /** The table's replication slot, null before it has one; absent if there are none. */
  slot?(): Promise<SlotLag | null>;
  /** Drops a slot that keeps too much, if the table's settings say so. @returns whether it did */
  dropSlot?(): Promise<boolean>;
  /** The group and the member id, null before it has one; absent if there are no groups. */
  member?(): { readonly group: string; readonly member: string | null };
  /** Removes dead members from the group, so that their partitions are reassigned at once. */
  evict?(members: readonly string[]): Promise<void>;
  /** Whether everything before `ends` was returned; absent: offsets show it. */
  caughtUp?(): boolean;
  close(): Promise<void>;
}

/** The name of a partition in maps: `topic/0`. */
export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
