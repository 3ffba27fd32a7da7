// Delivers the messages of archived files as a broker would: under their topic, partition and offset, so that a table
// can continue from the topic after them. Reports offsets that are missing between files, but not their contents.
import { TsdbtError } from '../../errors.ts';
import type { ObjectStore } from '../../object-store/store.ts';
import {
  type AssignmentListener,
  type BrokerClient,
  type MessageBatch,
  type PartitionFailure,
  partitionKey,
  type Polled,
  type RangeRead,
  type ReadPosition,
  readToEnd,
  type TopicInfo,
  type TopicPartition,
} from '../brokers/broker.ts';
import { recordsOf } from '../brokers/message-records.ts';
import { rangeOf } from '../settings/archive-settings.ts';
import { archivedKeys } from './layout.ts';
import type { ArchivedMessage } from '../formats/rows/archive-lines.ts';
import { FileGone, ForeignFile, inOffsetOrder, messagesOfFile, type NamedFile } from './read-file.ts';

/** Approximate maximum bytes and messages of a batch. */
const BATCH = { bytes: 8 * 1024 ** 2, messages: 20_000 };

/** Offsets that are delivered. */
interface Stretch {
  readonly from: bigint;
  to: bigint;
}

/** The archived data of a partition. */
interface Held {
  readonly stretches: readonly Stretch[];
  /** The files with messages of the stretches, and perhaps of others. */
  readonly files: readonly NamedFile[];
}

/** Messages of a partition from an offset on. */
interface Reading {
  next: bigint;
  readonly messages: AsyncGenerator<readonly ArchivedMessage[]>;
}

/**
 * @param prefix of the keys: a folder, or a part of one
 * @param topic of the table: the files' topic
 * @param path of the table's archive: if a range has a file below `prefix`, its files elsewhere are delivered, too
 * @throws `runtime` error if there is no file, or offsets are missing between files
 */
export async function archiveClient(
  store: ObjectStore,
  prefix: string,
  topic: string,
  path: string,
): Promise<BrokerClient> {
  const list = (): Promise<ReadonlyMap<number, Held>> => heldBelow(store, prefix, topic, path);
  const place = `${store.settings.bucket}/${prefix}`;
  const held = await list();
  if (held.size === 0)
    throw new TsdbtError('runtime', `No archived files are at s3://${place}`, {
      hint: 'Their names are p00000-….ndjson.gz or .parquet.',
    });
  return new ArchiveClient(store, topic, { held, list, place: `s3://${place}` });
}

/** The archived data, by partition. */
async function heldBelow(
  store: ObjectStore,
  prefix: string,
  topic: string,
  path: string,
): Promise<ReadonlyMap<number, Held>> {
  const found = new Map<number, NamedFile[]>();
  // Everything between two loaded offsets counts as loaded: half of it would be lost forever.
  for (const key of await archivedKeys(store, prefix, topic, path)) {
    const range = rangeOf(key);
    if (range !== null) found.set(range.partition, [...(found.get(range.partition) ?? []), { key, ...range }]);
  }
  const held = new Map<number, Held>();
  for (const [partition, files] of found) {
    const stretches = stretchesOf(files.filter(({ key }) => key.startsWith(prefix)));
    const wanted = files.filter(({ from, to }) => stretches.some((part) => part.from < to && from < part.to));
    if (stretches.length > 0) held.set(partition, { stretches, files: wanted });
  }
  return held;
}

/** The offsets of files; adjacent ones are one stretch. */
function stretchesOf(files: readonly NamedFile[]): Stretch[] {
  const sorted = [...files].sort((a, b) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
  const stretches: Stretch[] = [];
  for (const { from, to } of sorted) {
    const last = stretches.at(-1);
    if (last === undefined || from > last.to) stretches.push({ from, to });
    else if (to > last.to) last.to = to;
  }
  return stretches;
}

class ArchiveClient implements BrokerClient {
  readonly #store: ObjectStore;
  readonly #topic: string;
  readonly #place: string;
  readonly #list: () => Promise<ReadonlyMap<number, Held>>;
  #held: ReadonlyMap<number, Held>;
  /** The next offset of each partition. */
  readonly #next = new Map<number, bigint>();
  /** The current reader of each partition. */
  readonly #readings = new Map<number, Reading>();

  /** @param found the archived data, how to list it again, and its location */
  constructor(
    store: ObjectStore,
    topic: string,
    found: {
      readonly held: ReadonlyMap<number, Held>;
      readonly list: () => Promise<ReadonlyMap<number, Held>>;
      readonly place: string;
    },
  ) {
    this.#store = store;
    this.#topic = topic;
    this.#held = found.held;
    this.#list = found.list;
    this.#place = found.place;
  }

  async topics(): Promise<readonly TopicInfo[]> {
    // Files do not contain the topic's id.
    return [{ topic: this.#topic, id: null, partitions: Math.max(...this.#held.keys()) + 1 }];
  }

  async matching(): Promise<readonly string[]> {
    return [this.#topic];
  }

  async ends(): Promise<ReadonlyMap<string, { earliest: bigint; end: bigint }>> {
    return new Map(
      [...this.#held].map(([partition, { stretches }]) => [
        partitionKey({ topic: this.#topic, partition }),
        { earliest: stretches[0]?.from ?? 0n, end: stretches.at(-1)?.to ?? 0n },
      ]),
    );
  }

  async offsetsAt(): Promise<ReadonlyMap<string, bigint>> {
    throw new TsdbtError('runtime', 'archived files have no times to rewind to', {
      hint: '--to earliest, or an offset.',
    });
  }

  /** A table with a position after the files needs none of them. */
  async verify(): Promise<readonly PartitionFailure[]> {
    return [];
  }

  async check(): Promise<void> {
    await this.#store.check();
  }

  async join(_topics: readonly string[], listener: AssignmentListener): Promise<void> {
    const own = [...this.#held.keys()].sort((a, b) => a - b).map((partition) => ({ topic: this.#topic, partition }));
    for (const { partition, next } of (await listener.assigned(own)).values()) this.#next.set(partition, next);
  }

  async poll(): Promise<Polled> {
    for (const [partition, { stretches }] of this.#held) {
      const next = this.#next.get(partition) ?? 0n;
      const stretch = stretches.find(({ to }) => to > next);
      if (stretch === undefined) continue;
      if (stretch.from > next)
        return {
          batches: [],
          failures: [
            {
              topic: this.#topic,
              partition,
              reason: 'offset_out_of_range',
              message: `${this.#place} has no file with offsets ${next} to ${stretch.from} of partition ${partition}`,
            },
          ],
          waiting: null,
        };
      const batch = await this.#batch(partition, next, stretch.to);
      this.#next.set(partition, batch.next);
      return { batches: [batch], failures: [], waiting: null };
    }
    return readToEnd();
  }

  async read({ topic, partition }: TopicPartition, from: bigint, to: bigint): Promise<RangeRead> {
    const batches: MessageBatch[] = [];
    let next = from;
    for (const stretch of this.#held.get(partition)?.stretches ?? [])
      while (stretch.from <= next && next < stretch.to && next < to) {
        const batch = await this.#batch(partition, next, stretch.to < to ? stretch.to : to);
        batches.push(batch);
        next = batch.next;
      }
    const message = `the files at ${this.#place} end at ${next}`;
    return {
      batches,
      failure: next < to ? { topic, partition, reason: 'beyond_end', message, from: next } : null,
    };
  }

  pause(partitions: readonly TopicPartition[]): void {
    for (const { partition } of partitions) this.#next.set(partition, this.#endOf(partition) ?? 0n);
  }

  seek(positions: ReadonlyMap<string, Pick<ReadPosition, 'next'>>): void {
    for (const partition of this.#held.keys()) {
      const place = positions.get(partitionKey({ topic: this.#topic, partition }));
      if (place !== undefined) this.#next.set(partition, place.next);
    }
  }

  async commit(): Promise<void> {}

  async close(): Promise<void> {
    for (const partition of this.#readings.keys()) await this.#leave(partition);
    this.#store.close();
  }

  #endOf(partition: number): bigint | null {
    return this.#held.get(partition)?.stretches.at(-1)?.to ?? null;
  }

  /** Some messages of a stretch from `from` on, in offset order; all before `to` if they are few. */
  async #batch(partition: number, from: bigint, to: bigint): Promise<MessageBatch> {
    const messages: ArchivedMessage[] = [];
    let next = from;
    for (let [bytes, listed] = [0, false]; next < to && bytes < BATCH.bytes && messages.length < BATCH.messages; ) {
      try {
        const piece = await this.#piece(partition, next);
        // A chunk may extend further: the rest is read again.
        const before = piece === null ? [] : piece.filter(({ offset }) => offset < to);
        for (const message of before) {
          messages.push(message);
          bytes += message.value?.length ?? 0;
        }
        const whole = piece !== null && before.length === piece.length;
        if (!whole) await this.#leave(partition);
        next = whole ? (before.at(-1)?.offset ?? next) + 1n : to;
      } catch (error) {
        await this.#leave(partition);
        if (error instanceof ForeignFile) throw this.#foreign(error.message);
        if (!(error instanceof FileGone) || listed) throw error;
        // Files of a closed day were joined since they were listed. Any other missing file is a loss.
        const before = this.#held.get(partition)?.files ?? [];
        this.#held = await this.#list();
        const now = this.#held.get(partition)?.files ?? [];
        if (!before.every((file) => file.to <= next || now.some((other) => replaces(other, file)))) throw error;
        listed = true;
      }
    }
    return {
      topic: this.#topic,
      partition,
      records: messages.length === 0 ? [] : [recordsOf(messages)],
      from,
      next,
      end: this.#endOf(partition) ?? to,
      epoch: null,
    };
  }

  /** The next messages from an offset on; null: there are none. */
  async #piece(partition: number, from: bigint): Promise<readonly ArchivedMessage[] | null> {
    if (this.#readings.get(partition)?.next !== from) await this.#leave(partition);
    const files = this.#held.get(partition)?.files ?? [];
    const reading = this.#readings.get(partition) ?? {
      next: from,
      messages: inOffsetOrder(files, (file) => this.#messages(file), from),
    };
    this.#readings.set(partition, reading);
    const { done, value } = await reading.messages.next();
    if (done === true) return null;
    reading.next = (value.at(-1)?.offset ?? from) + 1n;
    return value;
  }

  async #leave(partition: number): Promise<void> {
    const reading = this.#readings.get(partition);
    this.#readings.delete(partition);
    await reading?.messages.return(undefined);
  }

  async *#messages({ key, partition, from, to }: NamedFile): AsyncGenerator<readonly ArchivedMessage[]> {
    for await (const messages of messagesOfFile(this.#store, key)) {
      for (const message of messages)
        if (message.partition !== partition || message.topic !== this.#topic) throw this.#foreign(key);
      yield messages.filter(({ offset }) => offset >= from && offset < to);
    }
  }

  #foreign(key: string): TsdbtError {
    return new TsdbtError('runtime', `The object ${key} holds something that is no message of topic ${this.#topic}.`, {
      hint: `Is ${this.#topic} the topic that was archived there?`,
    });
  }
}

/** Whether a file is another one, or contains its messages: a joined file replaces the files of its day and range. */
function replaces(file: NamedFile, other: NamedFile): boolean {
  if (file.key === other.key) return true;
  return file.joined && file.from <= other.from && other.to <= file.to && daysOf(file.key) === daysOf(other.key);
}

/** The days in a key's folder. */
function daysOf(key: string): string {
  return (key.match(/\d{4}-\d\d-\d\d(?=.*\/)/g) ?? []).join();
}
