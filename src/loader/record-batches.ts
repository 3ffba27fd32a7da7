// Kafka's batches of records (version 2 of the format), read from the bytes of a fetch: without those of aborted transactions and without control
// records. Pure; a message's bytes stay where they are.
import type { Message } from './broker.ts';
import { Records } from './records.ts';

/** Bytes of a batch before its length counts, and up to its first record. */
const HEAD = 12;
const FIRST_RECORD = 61;
const MAGIC = 2;
/** Attributes of a batch. */
const COMPRESSION = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
/** Moments that a table can hold: the years 1 to 9999. */
const [FIRST_MOMENT, LAST_MOMENT] = [-62_135_596_800_000, 253_402_300_799_999];

/** A transaction that came to nothing. */
export interface Aborted { readonly producerId: bigint; readonly firstOffset: bigint }

/** Bytes that are no batches of records. */
export class CorruptRecords extends Error {}

/**
 * Messages from `position` on.
 * @param decompress by the number of the algorithm in a batch's attributes
 * @returns the messages, and the offset behind the last batch
 * @throws CorruptRecords
 */
export function readRecordBatches(bytes: Buffer, position: bigint, abortedTransactions: readonly Aborted[], decompress: (algorithm: number, bytes: Buffer) => Buffer): { records: Records[]; next: bigint } {
  const aborted = [...abortedTransactions].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
  const open = new Set<bigint>();
  const found: Records[] = [];
  let records: Records | null = null;
  let next = position;
  // The last batch may be cut off: it comes again with the next fetch.
  for (let at = 0, end = 0; at + FIRST_RECORD <= bytes.length && (end = at + HEAD + bytes.readInt32BE(at + 8)) <= bytes.length; at = end) {
    if (end < at + FIRST_RECORD) throw new CorruptRecords('a batch of records that ends before it begins');
    if (bytes[at + 16] !== MAGIC) throw new CorruptRecords(`records in version ${bytes[at + 16]} of the format, which brokers before 0.11 wrote`);
    const first = bytes.readBigInt64BE(at);
    const attributes = bytes.readInt16BE(at + 21);
    const last = first + BigInt(bytes.readInt32BE(at + 23));
    const producer = bytes.readBigInt64BE(at + 43);
    while (aborted[0] !== undefined && aborted[0].firstOffset <= last) open.add(aborted.shift()!.producerId);
    if (last + 1n > next) next = last + 1n;
    if ((attributes & CONTROL) !== 0) {
      // A control record ends its producer's transaction, aborted or not.
      open.delete(producer);
      continue;
    }
    if ((attributes & TRANSACTIONAL) !== 0 && open.has(producer)) continue;
    const count = bytes.readInt32BE(at + 57);
    const algorithm = attributes & COMPRESSION;
    const source: Buffer = algorithm === 0 ? bytes : decompress(algorithm, bytes.subarray(at + FIRST_RECORD, end));
    if (records === null || records.bytes !== source) {
      records = new Records(source, position, 0, (place) => headersAt(source, place));
      found.push(records);
    }
    records.reserve(count);
    const appended = (attributes & LOG_APPEND_TIME) !== 0;
    new RecordReader(source, algorithm === 0 ? at + FIRST_RECORD : 0, algorithm === 0 ? end : source.length)
      .read(records, count, Number(first - position), Number(bytes.readBigInt64BE(appended ? at + 35 : at + 27)), appended);
  }
  return { records: found.filter(({ length }) => length > 0), next };
}

class RecordReader {
  private readonly bytes: Buffer;
  private readonly end: number;
  private at: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** @param first offset of the batch less the position @param appended all have the batch's time */
  read(into: Records, count: number, first: number, time: number, appended: boolean): void {
    for (let i = 0; i < count; i++) {
      const length = this.varint();
      const end = this.at + length;
      if (length < 0 || end > this.end) throw new CorruptRecords('a record that is longer than its batch');
      this.at++;
      const timeDelta = this.varint();
      const delta = first + this.varint();
      const keyLength = this.varint();
      const keyStart = keyLength < 0 ? -1 : this.at;
      const keyEnd = keyLength < 0 ? -1 : (this.at += keyLength);
      const valueLength = this.varint();
      const valueStart = valueLength < 0 ? -1 : this.at;
      const valueEnd = valueLength < 0 ? -1 : (this.at += valueLength);
      if (this.at > end) throw new CorruptRecords('a record whose parts are longer than itself');
      // What stands before the position was asked for by nobody.
      if (delta >= 0) into.add(delta, moment(appended ? time : time + timeDelta), keyStart, keyEnd, valueStart, valueEnd, this.at);
      this.at = end;
    }
  }

  /** The headers that begin here. */
  headers(): Message['headers'] {
    const part = (): Buffer | null => {
      const length = this.varint();
      return length < 0 ? null : this.bytes.subarray(this.at, (this.at += length));
    };
    // Bytes that say otherwise are broken: a header has two of them at least.
    return Array.from({ length: Math.max(0, Math.min(this.varint(), this.end - this.at)) }, () => [part()?.toString('utf8') ?? '', part()] as const);
  }

  /** A number of at most 64 bits in zigzag form; beyond 53 bits it is not exact, and no moment either. */
  private varint(): number {
    const { bytes } = this;
    let byte = bytes[this.at++]!;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 0x7f;
    byte = bytes[this.at++]!;
    value |= (byte & 0x7f) << 7;
    if (byte >= 0x80) {
      byte = bytes[this.at++]!;
      value |= (byte & 0x7f) << 14;
      if (byte >= 0x80) return this.long(value);
    }
    return (value >>> 1) ^ -(value & 1);
  }

  private long(low: number): number {
    let value = low;
    for (let factor = 2 ** 21; ; factor *= 128) {
      if (this.at >= this.end) throw new CorruptRecords('a record that is cut off');
      const byte = this.bytes[this.at++]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

function headersAt(bytes: Buffer, at: number): Message['headers'] {
  return new RecordReader(bytes, at, bytes.length).headers();
}

function moment(time: number): number {
  return time < FIRST_MOMENT ? FIRST_MOMENT : time > LAST_MOMENT ? LAST_MOMENT : time;
}
