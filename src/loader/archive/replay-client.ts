// Delivers the messages of archived files as a broker would: under their topic, partition and offset, so that a table
// goes on from the topic behind them. Whether offsets are missing between two files is told, not what they held.
import { TsdbtError } from '../../errors.ts';
import type { ObjectStore } from '../../object-store/store.ts';
import {
  type AssignmentListener,
  type BrokerClient,
  type Message,
  type MessageBatch,
  type PartitionFailure,
  partitionKey,
  type Polled,
  type RangeRead,
  type ReadPosition,
  type TopicInfo,
  type TopicPartition,
} from '../broker.ts';
import { recordsOf } from '../fast/records.ts';
import { rangeOf } from './config.ts';
import { messagesIn } from './file-format.ts';
import { archivedKeys } from './layout.ts';

/** The files of one range: a range's messages may lie in several folders. */
interface Part {
  readonly from: bigint;
  readonly to: bigint;
  readonly keys: string[];
}

/**
 * @param prefix of the keys: a folder, or a part of one
 * @param topic of the table: the files' topic
 * @param path of the table's archive: of a range that has a file below `prefix`, its files elsewhere are delivered, too
 * @throws `runtime` error when there is no file, or offsets are missing between files
 */
export async function archiveClient(
  store: ObjectStore,
  prefix: string,
  topic: string,
  path: string,
): Promise<BrokerClient> {
  const found = new Map<number, Map<string, Part>>();
  // A loaded range counts as loaded as a whole: half of it would be lost for ever.
  for (const key of await archivedKeys(store, prefix, topic, path)) {
    const range = rangeOf(key);
    if (range === null) continue;
    const parts = found.get(range.partition) ?? new Map<string, Part>();
    found.set(range.partition, parts);
    const name = `${range.from}-${range.to}`;
    const part = parts.get(name) ?? { from: range.from, to: range.to, keys: [] };
    parts.set(name, part);
    part.keys.push(key);
  }
  for (const [partition, parts] of found) {
    for (const [name, { keys }] of parts) if (!keys.some((key) => key.startsWith(prefix))) parts.delete(name);
    if (parts.size === 0) found.delete(partition);
  }
  const place = `${store.settings.bucket}/${prefix}`;
  if (found.size === 0)
    throw new TsdbtError('runtime', `No archived files are at s3://${place}`, {
      hint: 'Their names are p00000-….ndjson.gz or .parquet.',
    });
  const partitions = new Map([...found].map(([partition, parts]) => [partition, inOrder([...parts.values()])]));
  return new ArchiveClient(store, topic, partitions, place);
}

/** Parts by their offsets; what a larger file holds too is left out. */
function inOrder(parts: readonly Part[]): Part[] {
  const sorted = [...parts].sort((a, b) => (a.from === b.from ? (a.to > b.to ? -1 : 1) : a.from < b.from ? -1 : 1));
  const kept: Part[] = [];
  for (const part of sorted) if (part.to > (kept.at(-1)?.to ?? -1n)) kept.push(part);
  return kept;
}

class ArchiveClient implements BrokerClient {
  readonly #store: ObjectStore;
  readonly #topic: string;
  readonly #parts: ReadonlyMap<number, readonly Part[]>;
  readonly #place: string;
  /** The next offset of each partition. */
  readonly #next = new Map<number, bigint>();

  constructor(store: ObjectStore, topic: string, parts: ReadonlyMap<number, readonly Part[]>, place: string) {
    this.#store = store;
    this.#topic = topic;
    this.#parts = parts;
    this.#place = place;
  }

  async topics(): Promise<readonly TopicInfo[]> {
    // Which topic of this name it was, files do not say.
    return [{ topic: this.#topic, id: null, partitions: Math.max(...this.#parts.keys()) + 1 }];
  }

  async matching(): Promise<readonly string[]> {
    return [this.#topic];
  }

  async ends(): Promise<ReadonlyMap<string, { earliest: bigint; end: bigint }>> {
    return new Map(
      [...this.#parts].map(([partition, parts]) => [
        partitionKey({ topic: this.#topic, partition }),
        { earliest: parts[0]?.from ?? 0n, end: parts.at(-1)?.to ?? 0n },
      ]),
    );
  }

  async offsetsAt(): Promise<ReadonlyMap<string, bigint>> {
    throw new TsdbtError('runtime', 'archived files have no times to rewind to', {
      hint: '--to earliest, or an offset.',
    });
  }

  /** A table that is further than the files needs nothing of them. */
  async verify(): Promise<readonly PartitionFailure[]> {
    return [];
  }

  async check(): Promise<void> {
    await this.#store.check();
  }

  async join(_topics: readonly string[], listener: AssignmentListener): Promise<void> {
    const own = [...this.#parts.keys()].sort((a, b) => a - b).map((partition) => ({ topic: this.#topic, partition }));
    for (const { partition, next } of (await listener.assigned(own)).values()) this.#next.set(partition, next);
  }

  async poll(): Promise<Polled> {
    for (const [partition, parts] of this.#parts) {
      const next = this.#next.get(partition) ?? 0n;
      const at = parts.findIndex(({ to }) => to > next);
      const part = parts[at];
      if (part === undefined) continue;
      if (part.from > next)
        return {
          batches: [],
          failures: [
            {
              topic: this.#topic,
              partition,
              reason: 'offset_out_of_range',
              message: `s3://${this.#place} has no file with offsets ${next} to ${part.from} of partition ${partition}`,
            },
          ],
          waiting: null,
        };
      const batch = await this.#batch(partition, part, next, part.to);
      this.#next.set(partition, part.to);
      return { batches: [batch], failures: [], waiting: null };
    }
    return { batches: [], failures: [], waiting: null };
  }

  async read({ topic, partition }: TopicPartition, from: bigint, to: bigint): Promise<RangeRead> {
    const batches: MessageBatch[] = [];
    let next = from;
    for (const part of this.#parts.get(partition) ?? []) {
      if (part.to <= next || part.from > next || next >= to) continue;
      const upTo = part.to < to ? part.to : to;
      batches.push(await this.#batch(partition, part, next, upTo));
      next = upTo;
    }
    const message = `the files at s3://${this.#place} end at ${next}`;
    return {
      batches,
      failure: next < to ? { topic, partition, reason: 'beyond_end', message, from: next } : null,
    };
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const { partition } of partitions) this.#next.set(partition, this.#parts.get(partition)?.at(-1)?.to ?? 0n);
  }

  seek(positions: ReadonlyMap<string, Pick<ReadPosition, 'next'>>): void {
    for (const partition of this.#parts.keys()) {
      const place = positions.get(partitionKey({ topic: this.#topic, partition }));
      if (place !== undefined) this.#next.set(partition, place.next);
    }
  }

  async commit(): Promise<void> {}

  async close(): Promise<void> {
    this.#store.close();
  }

  /** The messages of a part from `from` on, up to before `to`, in the order of their offsets. */
  async #batch(partition: number, part: Part, from: bigint, to: bigint): Promise<MessageBatch> {
    const messages: Message[] = [];
    for (const key of part.keys) {
      const packed = await this.#store.get(key);
      if (packed === null) throw new TsdbtError('runtime', `The object ${key} has been deleted while it was loaded.`);
      const held = await messagesIn(key, packed);
      for (const message of held ?? [null]) {
        if (message === null || message.partition !== partition || message.topic !== this.#topic)
          throw new TsdbtError(
            'runtime',
            `The object ${key} holds something that is no message of topic ${this.#topic}.`,
            {
              hint: `Is ${this.#topic} the topic that was archived there?`,
            },
          );
        if (message.offset >= from && message.offset < to) messages.push(message);
      }
    }
    messages.sort((a, b) => (a.offset < b.offset ? -1 : 1));
    return {
      topic: this.#topic,
      partition,
      records: messages.length === 0 ? [] : [recordsOf(messages)],
      from,
      next: to,
      end: this.#parts.get(partition)?.at(-1)?.to ?? to,
      epoch: null,
    };
  }
}
