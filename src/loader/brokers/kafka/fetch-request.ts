// Kafka's Fetch request over a connection of the client library. The library's own parsing of the answer costs more
// than all the rest of loading. Here records stay bytes, and an answer may contain errors. Versions 11 to 17; no
// sessions, no preferred replicas.
import type { API, Connection, fetchV12 } from '@platformatic/kafka';
import type { KafkaLibrary } from './client-library.ts';
import type { Aborted } from './record-batches.ts';

const FETCH = 1;
const [OLDEST, NEWEST] = [11, 17];
/** First versions with compact lengths and tags, and with ids instead of topic names. */
const FLEXIBLE = 12;
const WITH_IDS = 13;
const READ_COMMITTED = 1;
const NO_EPOCH = -1;
/** Topics, partitions and aborted transactions of one answer. */
const MAX_ITEMS = 1_000_000;
/** Number of a tagged field. */
const DIVERGING_EPOCH = 0;

/** One partition of the request. */
export interface WantedPartition {
  readonly partition: number;
  /** The leader's epoch: a broker that is no longer the leader answers with an error. */
  readonly leaderEpoch: number;
  readonly offset: bigint;
  /** The epoch of the message before `offset`: a log that lacks it reports that. Null: unknown. */
  readonly lastEpoch: number | null;
  readonly maxBytes: number;
}

export interface FetchOptions {
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly maxBytes: number;
  readonly topics: readonly {
    readonly id: string;
    readonly name: string;
    readonly partitions: readonly WantedPartition[];
  }[];
}

/** One partition of the answer. */
export interface FetchedPartition {
  /** Topic id or name, by version. */
  readonly topic: string;
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: bigint;
  readonly lastStableOffset: bigint;
  readonly aborted: readonly Aborted[];
  /** Where the log diverges from what was read before; null: it does not. */
  readonly diverging: { readonly epoch: number; readonly end: bigint } | null;
  /** Record batches; the last one may be truncated. */
  readonly records: Buffer;
}

export interface Fetched {
  readonly errorCode: number;
  readonly partitions: readonly FetchedPartition[];
}

type Arguments = Parameters<typeof fetchV12.createRequest>;

/** Fetches with the newest version that both sides support. */
export class RawFetch {
  readonly #api: API<Arguments, Fetched>;
  readonly #version: number;

  /** @param newest version supported by the broker; null: unknown */
  constructor(library: KafkaLibrary, newest: number | null) {
    this.#version = Math.max(OLDEST, Math.min(NEWEST, newest ?? FLEXIBLE));
    const requests: Readonly<
      Record<number, { createRequest: (...args: Arguments) => ReturnType<typeof fetchV12.createRequest> }>
    > = {
      11: library.fetchV11,
      12: library.fetchV12,
      13: library.fetchV13,
      14: library.fetchV14,
      15: library.fetchV15,
      16: library.fetchV16,
      17: library.fetchV17,
    };
    const flexible = this.#version >= FLEXIBLE;
    this.#api = library.createAPI<Arguments, Fetched>(
      FETCH,
      this.#version,
      requests[this.#version]!.createRequest,
      (_correlation, _key, version, reader) => readAnswer(reader.buffer.slice(reader.position), version),
      flexible,
      flexible,
    );
  }

  /** @throws the library's errors if the connection fails */
  async fetch(connection: Connection, { maxWaitMs, minBytes, maxBytes, topics }: FetchOptions): Promise<Fetched> {
    return this.#api.async(
      connection,
      maxWaitMs,
      minBytes,
      maxBytes,
      READ_COMMITTED,
      0,
      NO_EPOCH,
      topics.map(({ id, name, partitions }) => ({
        topicId: this.#version >= WITH_IDS ? id : name,
        partitions: partitions.map(({ partition, leaderEpoch, offset, lastEpoch, maxBytes: most }) => ({
          partition,
          currentLeaderEpoch: leaderEpoch,
          fetchOffset: offset,
          lastFetchedEpoch: lastEpoch ?? NO_EPOCH,
          partitionMaxBytes: most,
        })),
      })),
      [],
      '',
    );
  }
}

/** Reads an answer after its header. */
function readAnswer(bytes: Buffer, version: number): Fetched {
  const answer = new AnswerReader(bytes, version >= FLEXIBLE);
  // Throttle time.
  answer.int32();
  const errorCode = answer.int16();
  answer.int32();
  const partitions = answer.list(() => {
    const topic = version >= WITH_IDS ? answer.uuid() : answer.text();
    const found = answer.list((): FetchedPartition => {
      const [partition, error, highWatermark, lastStableOffset] = [
        answer.int32(),
        answer.int16(),
        answer.int64(),
        answer.int64(),
      ];
      // The log's start offset.
      answer.int64();
      const aborted = answer.list(() => {
        const transaction = { producerId: answer.int64(), firstOffset: answer.int64() };
        answer.tags();
        return transaction;
      });
      // The preferred read replica.
      answer.int32();
      const records = answer.bytes();
      let diverging: FetchedPartition['diverging'] = null;
      answer.tags((tag) => {
        if (tag === DIVERGING_EPOCH) diverging = { epoch: answer.int32(), end: answer.int64() };
      });
      return { topic, partition, errorCode: error, highWatermark, lastStableOffset, aborted, diverging, records };
    });
    answer.tags();
    return found;
  });
  return { errorCode, partitions: partitions.flat() };
}

/** Reads the fields of an answer one after the other. @throws RangeError if it ends too early or has too many items */
export class AnswerReader {
  readonly #buffer: Buffer;
  readonly #flexible: boolean;
  #items = 0;
  #at = 0;

  constructor(buffer: Buffer, flexible: boolean) {
    this.#buffer = buffer;
    this.#flexible = flexible;
  }

  int16(): number {
    return this.#buffer.readInt16BE((this.#at += 2) - 2);
  }
  int32(): number {
    return this.#buffer.readInt32BE((this.#at += 4) - 4);
  }
  int64(): bigint {
    return this.#buffer.readBigInt64BE((this.#at += 8) - 8);
  }
  uuid(): string {
    return this.#take(16)
      .toString('hex')
      .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  }
  text(): string {
    return this.#take(this.#flexible ? this.#unsigned() - 1 : this.int16()).toString('utf8');
  }
  /** Empty for null. */
  bytes(): Buffer {
    return this.#take(this.#flexible ? this.#unsigned() - 1 : this.int32());
  }

  /** Empty for null. */
  list<T>(item: () => T): T[] {
    const length = Math.max(0, this.#flexible ? this.#unsigned() - 1 : this.int32());
    this.#items += length;
    if (this.#items > MAX_ITEMS) throw new RangeError(`an answer of more than ${MAX_ITEMS} items`);
    return Array.from({ length }, item);
  }

  /** Skips the tagged fields of newer brokers. @param known reads those that are supported */
  tags(known?: (tag: number) => void): void {
    if (!this.#flexible) return;
    for (let left = this.#unsigned(); left > 0; left--) {
      const tag = this.#unsigned();
      const end = this.#unsigned() + this.#at;
      known?.(tag);
      this.#take(end - this.#at);
      this.#at = end;
    }
  }

  #take(length: number): Buffer {
    const end = this.#at + Math.max(0, length);
    if (end > this.#buffer.length) throw new RangeError('an answer that is cut off');
    return this.#buffer.subarray(this.#at, (this.#at = end));
  }

  #unsigned(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#buffer.readUInt8(this.#at++);
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }
}
