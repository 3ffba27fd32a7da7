// What the loader needs of a message broker: batches of messages from an offset on, and whose turn a partition is. Types only; the
// clients are kafka-client.ts and file-client.ts, tests have one in memory.
import type { Records } from './records.ts';

/** One message as it lies in the topic. */
export interface Message {
  readonly offset: bigint;
  /** Milliseconds since 1970, within the years 1 to 9999. */
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  /** Null: a tombstone. */
  readonly value: Uint8Array | null;
  readonly headers: readonly (readonly [name: string, value: Uint8Array | null])[];
}

/** Messages of one partition in the order of their offsets. Offsets may have gaps: compaction, control records, aborted transactions. */
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
}

/** A partition's place in its topic. */
export interface TopicPartition { readonly topic: string; readonly partition: number }

/** A topic as the broker knows it. */
export interface TopicInfo {
  readonly topic: string;
  /** Given anew when a topic is deleted and made again; null where the broker has no ids. */
  readonly id: string | null;
  readonly partitions: number;
}

/** What stops one partition and leaves the others alone. */
export interface PartitionFailure extends TopicPartition {
  readonly reason: 'offset_out_of_range' | 'made_anew' | 'not_authorized' | 'corrupt';
  readonly message: string;
}

/** What a poll brings. */
export interface Polled { readonly batches: readonly MessageBatch[]; readonly failures: readonly PartitionFailure[] }

/** Who is told when partitions come and go. */
export interface AssignmentListener {
  /** The partitions are this client's from now on; answers where each one starts. */
  assigned(partitions: readonly TopicPartition[]): Promise<ReadonlyMap<string, bigint>>;
  /** The partitions are about to go to somebody else: flush what is held of them. */
  revoked(partitions: readonly TopicPartition[]): Promise<void>;
}

/** A connection to a broker. Methods fail with a `connection` error that names the broker. */
export interface BrokerClient {
  /** @throws `runtime` error naming a topic that does not exist or may not be read */
  topics(names: readonly string[]): Promise<readonly TopicInfo[]>;
  /** Earliest and end offset of every partition, by `topic/partition`. */
  ends(topics: readonly string[]): Promise<ReadonlyMap<string, { readonly earliest: bigint; readonly end: bigint }>>;
  /** The first offset at or after a moment, by `topic/partition`; the end where there is none. @param time milliseconds since 1970 */
  offsetsAt(topics: readonly string[], time: number): Promise<ReadonlyMap<string, bigint>>;
  /** Could the topics be read, and their group be joined? Reads and writes nothing. @throws `runtime` error that says what is missing */
  check(topics: readonly string[]): Promise<void>;
  /** Joins the group; from now on `poll` brings messages of what the listener was given. */
  join(topics: readonly string[], listener: AssignmentListener): Promise<void>;
  /** The next messages of the assigned partitions that are not paused; waits a little when there are none. */
  poll(): Promise<Polled>;
  pause(partitions: readonly TopicPartition[]): void;
  /** Reads on from other offsets, by `topic/partition`, also what was paused. */
  seek(positions: ReadonlyMap<string, bigint>): void;
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
