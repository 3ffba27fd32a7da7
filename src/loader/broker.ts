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
 * Messages of one partition in the order of their offsets. Offsets may have gaps: compaction, control records, aborted
 * transactions.
 */
export interface MessageBatch {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly Records[];
  /** The offset that was asked for: from here to `next` nothing is missing. */
  readonly from: bigint;
  /** The offset to go on from; behind the last message, and behind what was passed over. */
  readonly next: bigint;
  /** The end of what may be read now. */
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
  /** Given anew when a topic is deleted and made again; null where the broker has no ids. */
  readonly id: string | null;
  readonly partitions: number;
}

/** What stops one partition and leaves the others alone. */
export interface PartitionFailure extends TopicPartition {
  /**
   * `offset_out_of_range`: the log begins behind the position; `beyond_end`: it ends before it; `truncated`: what was
   * read last is no longer what the log has there; `corrupt`: bytes that cannot be read; `too_large`: more than may be
   * unpacked.
   */
  readonly reason:
    | 'offset_out_of_range'
    | 'beyond_end'
    | 'truncated'
    | 'made_anew'
    | 'not_authorized'
    | 'refused'
    | 'corrupt'
    | 'too_large';
  readonly message: string;
  /** Of `truncated` and `beyond_end`: from here on the log does not have what was read. */
  readonly from?: bigint;
}

/** What a poll brings. */
export interface Polled {
  readonly batches: readonly MessageBatch[];
  readonly failures: readonly PartitionFailure[];
  /** What some partitions have been waiting for, in words, while others go on; null: none waits. */
  readonly waiting: string | null;
}

/** Who is told when partitions come and go. */
export interface AssignmentListener {
  /** The partitions are this client's from now on; answers where each one starts. */
  assigned(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, ReadPosition>>;
  /** The partitions are about to go to somebody else: flush what is held of them. */
  revoked(partitions: readonly TopicPartition[]): Promise<void>;
}

/** A connection to a broker. Methods fail with a `connection` error that names the broker. */
export interface BrokerClient {
  /** @throws `runtime` error naming a topic that does not exist or may not be read */
  topics(names: readonly string[]): Promise<readonly TopicInfo[]>;
  /** Earliest and end offset of every partition, by `topic/partition`. */
  ends(topics: readonly string[]): Promise<ReadonlyMap<string, { readonly earliest: bigint; readonly end: bigint }>>;
  /**
   * The first offset at or after a moment, by `topic/partition`; the end where there is none.
   * @param time milliseconds since 1970
   */
  offsetsAt(topics: readonly string[], time: number): Promise<ReadonlyMap<string, bigint>>;
  /**
   * Those positions that the log does not lead up to any more: `truncated`, `beyond_end`, or what the broker says
   * instead of an answer.
   */
  verify(positions: readonly ReadPosition[]): Promise<readonly PartitionFailure[]>;
  /**
   * Could the topics be read, and their group be joined? Reads and writes nothing.
   * @throws `runtime` error that says what is missing
   */
  check(topics: readonly string[]): Promise<void>;
  /** Joins the group; from now on `poll` brings messages of what the listener was given. */
  join(topics: readonly string[], listener: AssignmentListener): Promise<void>;
  /** The next messages of the assigned partitions that are not paused; waits a little when there are none. */
  poll(): Promise<Polled>;
  pause(partitions: readonly TopicPartition[]): void;
  /** Reads on from other offsets, by `topic/partition`, also what was paused. */
  seek(positions: ReadonlyMap<string, Pick<ReadPosition, 'next' | 'epoch'>>): void;
  /** Tells the broker how far the group is. Informative: the truth is in the database. Never throws. */
  commit(next: ReadonlyMap<string, bigint>): Promise<void>;
  /** The group and the client's name in it, null before it has one; absent where there are no groups. */
  member?(): { readonly group: string; readonly member: string | null };
  /** Sends members away that are gone: what they had is given to others at once. Never throws. */
  evict?(members: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** The name of a partition in maps: `topic/0`. */
export function partitionKey({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}
