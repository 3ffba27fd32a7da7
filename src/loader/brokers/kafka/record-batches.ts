// Reads Kafka's record batches (format version 2) from the bytes of a fetch. Checks all of them first, then
// decompresses one after the other. Skips aborted transactions and control records. Pure; a message's bytes are not
// copied.
import type { Message } from '../broker.ts';
import type { Crc32c } from './crc32c.ts';
import { FIRST_MOMENT, LAST_MOMENT, Records } from '../message-records.ts';
import { TooLarge, type Unpack } from './decompress.ts';

/** Offsets within a batch: after its length, of the bytes covered by the checksum, of its first record. */
const HEAD = 12;
const CHECKED = 21;
const FIRST_RECORD = 61;
const MAGIC = 2;
/** Bits of a batch's attributes. */
const COMPRESSION = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
/** Minimum bytes of a record, and the maximum number of records in one batch. */
const SHORTEST_RECORD = 7;
const MOST_RECORDS = 8_388_608;
/** Minimum bytes of a header: two lengths. */
const SHORTEST_HEADER = 2;
/**
 * Decompressed batches up to the first size share chunks of the second: many small buffers would cost more than
 * copying.
 */
const SMALL_BATCH = 8 * 1024;
const CHUNK = 256 * 1024;
/** The timestamp of a message without one. */
const NO_TIME = -1;

/** An aborted transaction. */
export interface Aborted {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/** A batch that cannot be read. */
export class UnreadableBatch extends Error {
  readonly offset: bigint;
  /** Whether a second fetch could return it undamaged. */
  readonly damaged: boolean;
  /** The offset after it, according to its header; null: the header is invalid. */
  readonly behind: bigint | null;

  constructor(offset: bigint, damaged: boolean, message: string, behind: bigint | null = null) {
    super(message);
    this.offset = offset;
    this.damaged = damaged;
    this.behind = behind;
  }
}

/** Messages of consecutive batches. */
export interface ReadBatches {
  readonly records: readonly Records[];
  /** The offset after them. */
  readonly next: bigint;
  /** The leader epoch of the messages. */
  readonly epoch: number;
  /** Decompressed bytes. */
  readonly bytes: number;
}

export interface BatchOptions {
  /** Start offset: earlier records are skipped. */
  readonly position: bigint;
  /** The end of what may be read: a batch that begins there is an error. */
  readonly end: bigint;
  readonly aborted: readonly Aborted[];
  readonly crc32c: Crc32c;
  readonly unpack: Unpack;
}

/** The location of a batch according to its header. */
interface Batch {
  readonly at: number;
  readonly stop: number;
  readonly first: bigint;
  readonly last: bigint;
  readonly epoch: number;
}

/** The fetched batches of one partition. */
export class RecordBatches {
  /** The offset after the last complete batch. */
  readonly next: bigint;
  readonly #bytes: Buffer;
  readonly #position: bigint;
  readonly #crc32c: Crc32c;
  readonly #unpack: Unpack;
  readonly #batches: Batch[] = [];
  readonly #aborted: Aborted[];
  readonly #open = new Set<bigint>();
  #read = 0;
  /** Contains small decompressed batches, up to `#chunkEnd`. */
  #chunk: Buffer = Buffer.alloc(0);
  #chunkEnd = 0;
  /** The error of the first unreadable batch. */
  #failure: UnreadableBatch | null = null;

  constructor(bytes: Buffer, { position, end, aborted, crc32c, unpack }: BatchOptions) {
    this.#bytes = bytes;
    this.#position = position;
    this.#crc32c = crc32c;
    this.#unpack = unpack;
    this.#aborted = [...aborted].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1));
    let next = position;
    // The last batch may be incomplete: the next fetch returns it again.
    for (let at = 0; at < bytes.length && this.#failure === null; ) {
      try {
        const batch = this.#check(at, next, end);
        if (batch === null) break;
        this.#batches.push(batch);
        if (batch.last >= next) next = batch.last + 1n;
        at = batch.stop;
      } catch (error) {
        if (!(error instanceof UnreadableBatch)) throw error;
        this.#failure = error;
      }
    }
    this.next = next;
  }

  /** @param next the minimum end offset @returns null for an incomplete batch */
  #check(at: number, next: bigint, end: bigint): Batch | null {
    const bytes = this.#bytes;
    const damaged = (what: string): UnreadableBatch =>
      new UnreadableBatch(next, true, what, behindOf(bytes.subarray(at), next, end));
    const stop = at + HEAD + (at + HEAD <= bytes.length ? bytes.readInt32BE(at + 8) : 0);
    if (at + FIRST_RECORD > bytes.length || stop > bytes.length) {
      // A broker sends the first batch whole, whatever its length.
      if (at === 0) throw damaged('it is longer than what the broker sent of it');
      return null;
    }
    if (stop < at + FIRST_RECORD) throw damaged('it ends before it begins');
    if (bytes[at + 16] !== MAGIC)
      throw damaged(`it is in version ${bytes[at + 16]} of the format, which brokers before 0.11 wrote`);
    if (this.#crc32c(bytes.subarray(at + CHECKED, stop)) !== bytes.readUInt32BE(at + 17))
      throw damaged('its checksum (CRC-32C) does not hold');
    const first = bytes.readBigInt64BE(at);
    const last = first + BigInt(bytes.readInt32BE(at + 23));
    const before = this.#batches.at(-1);
    if (last < first || first >= end || (before !== undefined && first <= before.last))
      throw damaged(`its offsets, ${first} to ${last}, do not follow`);
    return { at, stop, first, last, epoch: bytes.readInt32BE(at + HEAD) };
  }

  /**
   * Returns the next messages, all of one leader epoch.
   * @param limit stops after the batch with which this many decompressed bytes are reached
   * @returns null if there are no more @throws UnreadableBatch if that comes next
   */
  take(limit: number): ReadBatches | null {
    const found: Records[] = [];
    let taken = 0;
    let last: Batch | null = null;
    for (; this.#read < this.#batches.length; this.#read++) {
      const batch = this.#batches[this.#read]!;
      if (last !== null && (taken >= limit || batch.epoch !== last.epoch)) break;
      try {
        taken += this.#unpacked(batch, found, limit - taken);
      } catch (error) {
        if (!(error instanceof UnreadableBatch)) throw error;
        if (last === null) throw new UnreadableBatch(error.offset, error.damaged, error.message, batch.last + 1n);
        break;
      }
      last = batch;
    }
    if (last !== null)
      return {
        records: found.filter(({ length }) => length > 0),
        next: last.last + 1n > this.#position ? last.last + 1n : this.#position,
        epoch: last.epoch,
        bytes: taken,
      };
    if (this.#failure !== null) throw this.#failure;
    return null;
  }

  /** Adds a batch's messages. @param limit as in `take`, from this batch on @returns the number of their bytes */
  #unpacked({ at, stop, first, last }: Batch, found: Records[], limit: number): number {
    const bytes = this.#bytes;
    const aborted = this.#aborted;
    const open = this.#open;
    const position = this.#position;
    const attributes = bytes.readInt16BE(at + 21);
    const producer = bytes.readBigInt64BE(at + 43);
    while (aborted[0] !== undefined && aborted[0].firstOffset <= last) open.add(aborted.shift()!.producerId);
    if ((attributes & CONTROL) !== 0) {
      // A control record ends its producer's transaction, aborted or not.
      open.delete(producer);
      return 0;
    }
    if (last < position || ((attributes & TRANSACTIONAL) !== 0 && open.has(producer))) return 0;
    const from = first > position ? first : position;
    const count = bytes.readInt32BE(at + 57);
    const algorithm = attributes & COMPRESSION;
    const { source, start, end } =
      algorithm === 0
        ? { source: bytes, start: at + FIRST_RECORD, end: stop }
        : this.#placed(this.#source(algorithm, bytes.subarray(at + FIRST_RECORD, stop), from));
    if (count > MOST_RECORDS) throw new UnreadableBatch(from, false, `it holds ${count} messages`);
    if (count < 0 || count * SHORTEST_RECORD > end - start)
      throw new UnreadableBatch(from, true, `it says that it holds ${count} messages, and has not the bytes for them`);
    let records = found.at(-1);
    if (records === undefined || records.bytes !== source) {
      const room = algorithm === 0 ? this.#announced(limit) : count;
      records = new Records(source, position, room, (place) => headersAt(source, place));
      found.push(records);
    }
    const before = records.length;
    records.reserve(count);
    const appended = (attributes & LOG_APPEND_TIME) !== 0;
    try {
      new RecordReader(source, start, end).read(
        records,
        count,
        Number(first - position),
        Number(last - position),
        Number(bytes.readBigInt64BE(appended ? at + 35 : at + 27)),
        appended,
      );
    } catch (error) {
      records.cut(before);
      throw error instanceof DamagedRecord ? new UnreadableBatch(from, true, error.message) : error;
    }
    return end - start;
  }

  /**
   * The number of messages that the following batches announce, up to a limit of bytes and to the first compressed
   * batch: messages after it are stored elsewhere, or get their own space.
   */
  #announced(limit: number): number {
    let count = 0;
    let taken = 0;
    for (let i = this.#read; i < this.#batches.length && taken < limit; i++) {
      const { at, stop } = this.#batches[i]!;
      if ((this.#bytes.readInt16BE(at + 21) & COMPRESSION) !== 0) break;
      const size = stop - at - FIRST_RECORD;
      // A damaged count is detected when its batch is read.
      count += Math.max(0, Math.min(this.#bytes.readInt32BE(at + 57), Math.floor(size / SHORTEST_RECORD)));
      taken += size;
    }
    return count;
  }

  /** Copies a small decompressed batch into the current chunk. @returns the position of its bytes */
  #placed(unpacked: Buffer): { readonly source: Buffer; readonly start: number; readonly end: number } {
    const { length } = unpacked;
    if (length > SMALL_BATCH) return { source: unpacked, start: 0, end: length };
    if (this.#chunkEnd + length > this.#chunk.length) {
      this.#chunk = Buffer.allocUnsafeSlow(CHUNK);
      this.#chunkEnd = 0;
    }
    const start = this.#chunkEnd;
    unpacked.copy(this.#chunk, start);
    this.#chunkEnd += length;
    return { source: this.#chunk, start, end: this.#chunkEnd };
  }

  #source(algorithm: number, packed: Buffer, from: bigint): Buffer {
    let source: Buffer | null;
    try {
      source = this.#unpack(algorithm, packed);
    } catch (error) {
      if (error instanceof TooLarge) throw new UnreadableBatch(from, false, error.message);
      throw new UnreadableBatch(from, true, 'it does not unpack');
    }
    if (source === null)
      throw new UnreadableBatch(
        from,
        false,
        `it is packed by an algorithm that is not known here (number ${algorithm})`,
      );
    return source;
  }
}

/** The offset after a batch that contains `next` and ends before `end`; null: its header says otherwise. */
function behindOf(batch: Buffer, next: bigint, end: bigint): bigint | null {
  if (batch.length < FIRST_RECORD) return null;
  const first = batch.readBigInt64BE(0);
  const last = first + BigInt(batch.readInt32BE(23));
  return first <= next && next <= last && last < end && last - first < MOST_RECORDS ? last + 1n : null;
}

/** Bytes that are not a record. */
class DamagedRecord extends Error {}

class RecordReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  /**
   * @param first offset of the batch, relative to the position
   * @param last that of its last message, likewise
   * @param appended all records have the batch's time
   */
  read(into: Records, count: number, first: number, last: number, time: number, appended: boolean): void {
    let before = first - 1;
    for (let i = 0; i < count; i++) {
      const length = this.#varint();
      const end = this.#at + length;
      if (length < 0 || end > this.#end) throw new DamagedRecord('a record that is longer than its batch');
      this.#at++;
      const timeDelta = this.#varint();
      const delta = first + this.#varint();
      const keyLength = this.#varint();
      const keyStart = keyLength < 0 ? -1 : this.#at;
      const keyEnd = keyLength < 0 ? -1 : (this.#at += keyLength);
      const valueLength = this.#varint();
      const valueStart = valueLength < 0 ? -1 : this.#at;
      const valueEnd = valueLength < 0 ? -1 : (this.#at += valueLength);
      const headers = this.#at;
      this.#skipHeaders(end);
      if (this.#at > end) throw new DamagedRecord('a record whose parts are longer than itself');
      if (delta <= before || delta > last) throw new DamagedRecord('records whose offsets do not follow');
      before = delta;
      // Records before the position were not requested.
      if (delta >= 0)
        into.add(delta, moment(appended ? time : time + timeDelta), keyStart, keyEnd, valueStart, valueEnd, headers);
      this.#at = end;
    }
  }

  /** Skips the headers. @param end of the record: a count or a length beyond it is damage */
  #skipHeaders(end: number): void {
    const count = this.#varint();
    if (count < 0 || count * SHORTEST_HEADER > end - this.#at)
      throw new DamagedRecord(`a record that says it has ${count} headers`);
    for (let left = count * 2; left > 0; left--) {
      const length = this.#varint();
      if (length > 0) this.#at += length;
      if (this.#at > end) throw new DamagedRecord('a record whose headers are longer than itself');
    }
  }

  /** Reads the headers at a position; `read` has verified them. */
  headers(): Message['headers'] {
    const part = (): Buffer | null => {
      const length = this.#varint();
      return length < 0 ? null : this.#bytes.subarray(this.#at, (this.#at += length));
    };
    return Array.from({ length: this.#varint() }, () => [part()?.toString('utf8') ?? '', part()] as const);
  }

  /** Reads a zigzag varint of at most 64 bits. Beyond 53 bits it is inexact, and not a valid timestamp either. */
  #varint(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.#at++]!;
    if (byte < 0x80) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 0x7f;
    byte = bytes[this.#at++]!;
    value |= (byte & 0x7f) << 7;
    if (byte >= 0x80) {
      byte = bytes[this.#at++]!;
      value |= (byte & 0x7f) << 14;
      if (byte >= 0x80) return this.#long(value);
    }
    return (value >>> 1) ^ -(value & 1);
  }

  #long(low: number): number {
    let value = low;
    for (let factor = 2 ** 21; ; factor *= 128) {
      if (this.#at >= this.#end) throw new DamagedRecord('a record that is cut off');
      const byte = this.#bytes[this.#at++]!;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}

function headersAt(bytes: Buffer, at: number): Message['headers'] {
  return new RecordReader(bytes, at, bytes.length).headers();
}

/** NaN: none. */
function moment(time: number): number {
  if (time === NO_TIME) return Number.NaN;
  return time < FIRST_MOMENT ? FIRST_MOMENT : time > LAST_MOMENT ? LAST_MOMENT : time;
}
