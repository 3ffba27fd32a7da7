// Rows in COPY's text format in one buffer, with the position of each row's message and key. Rows are not objects.
// row-encoder.ts and json-row-path.ts write rows; the sink sends them.
import type { Message } from '../../brokers/broker.ts';
import type { EncodedRow } from './row-encoder.ts';
import { TAB } from '../values/ascii.ts';
import type { Records } from '../../brokers/message-records.ts';

const DAY = 86_400_000;
const MIN_BYTES = 1 << 16;
const CHUNK_BYTES = 256 * 1024;
/** The share by which the next flush may exceed the last one before its buffer has to grow. */
const SPARE_SHARE = 8;
/** Size from which a buffer is doubled; smaller ones grow by a factor of four. */
const WIDE_STEPS_TO = 8 * 1024 * 1024;
/** Start and factor of FNV-1a. */
const [FNV_BASIS, FNV_PRIME] = [0x811c9dc5, 0x01000193];

/** Messages of one partition, from which rows are built. */
interface Source {
  readonly records: Records;
  readonly topic: string;
  readonly partition: number;
}

export class RowBuffer {
  /** Rows are written here from `end` on, after a call of `room`. */
  bytes: Buffer;
  end = 0;
  /** Keys in COPY's format, from `keyEnd` on, after a call of `keyRoom`. Empty in append mode. */
  keys: Buffer;
  keyEnd = 0;
  #count = 0;
  #ends: Int32Array;
  #keyEnds: Int32Array;
  /** For each row: the number of its source, and of its message in it. */
  #origins: Int32Array;
  readonly #sources: Source[] = [];
  /** One timestamp per day that has rows. */
  readonly #days = new Map<number, number>();
  /** Number of rows that delete. */
  tombstones = 0;
  /** Number of rows that truncate the table. */
  truncates = 0;
  /** Rows of changes that keep columns of the previous row: which columns, by row number. */
  readonly #kept = new Map<number, readonly number[]>();
  /** Lines that replace those in `bytes`. */
  readonly #replaced = new Map<number, Buffer>();
  /** Each row's position in the source's order; empty if the only order is the topic's. */
  #positions = new BigInt64Array(0);

  constructor(bytes = MIN_BYTES) {
    this.bytes = Buffer.allocUnsafe(bytes);
    this.keys = Buffer.allocUnsafe(1 << 10);
    const rows = 256;
    this.#ends = new Int32Array(rows);
    this.#keyEnds = new Int32Array(rows);
    this.#origins = new Int32Array(rows * 2);
  }

  /** Creates an empty buffer with the same capacity. */
  static like({ end }: RowBuffer): RowBuffer {
    return new RowBuffer(Math.max(MIN_BYTES, end + Math.floor(end / SPARE_SHARE)));
  }

  get length(): number {
    return this.#count;
  }

  /** Empties it; the memory is kept. */
  clear(): this {
    this.end = this.keyEnd = this.#count = this.tombstones = this.truncates = this.#sources.length = 0;
    this.#days.clear();
    this.#kept.clear();
    this.#replaced.clear();
    this.#positions = new BigInt64Array(0);
    return this;
  }

  /** The numbers of all rows. */
  all(): number[] {
    const rows: number[] = [];
    for (let row = 0; row < this.#count; row++) rows.push(row);
    return rows;
  }

  /** Sets the source of the following rows. */
  from(records: Records, topic: string, partition: number): void {
    this.#sources.push({ records, topic, partition });
  }

  /** Reserves space for more bytes. @param used the end of what is written, including a row that is not added yet */
  room(bytes: number, used = this.end): void {
    if (used + bytes > this.bytes.length) this.bytes = grown(this.bytes, used, bytes);
  }

  /** The same for keys. @param used the end of what is written, including a key whose row is not added yet */
  keyRoom(bytes: number, used: number): void {
    if (used + bytes > this.keys.length) this.keys = grown(this.keys, used, bytes);
  }

  /** Adds a cell of a row that is not added yet to its key. @returns the key's end */
  keyCell(start: number, end: number, keyEnd: number): number {
    this.keyRoom(end - start + 1, keyEnd);
    const to = keyEnd + this.bytes.copy(this.keys, keyEnd, start, end);
    this.keys[to] = TAB;
    return to + 1;
  }

  /**
   * Adds the row that was written up to `end`, with its key up to `keyEnd`.
   * @param message its number in the last source
   */
  added(message: number, end: number, keyEnd: number): void {
    const count = this.#count;
    if (count === this.#ends.length) {
      this.#ends = doubled(this.#ends);
      this.#keyEnds = doubled(this.#keyEnds);
      this.#origins = doubled(this.#origins);
    }
    this.#ends[count] = this.end = end;
    this.#keyEnds[count] = this.keyEnd = keyEnd;
    this.#origins[count * 2] = this.#sources.length - 1;
    this.#origins[count * 2 + 1] = message;
    this.#count = count + 1;
  }

  /** Adds a row with its line feed. @param key null in append mode */
  add(
    message: number,
    line: string,
    key: string | null,
    tombstone: boolean,
    change: EncodedRow['change'] = null,
  ): void {
    this.room(line.length * 3);
    const end = this.end + this.bytes.write(line, this.end, 'utf8');
    let { keyEnd } = this;
    if (key !== null) {
      this.keyRoom(key.length * 3, keyEnd);
      keyEnd += this.keys.write(key, keyEnd, 'utf8');
    }
    if (tombstone) this.tombstones++;
    if (change !== null) {
      this.place(change.position);
      if (change.truncates) this.truncates++;
      if (change.kept.length > 0) this.#kept.set(this.#count, change.kept);
    }
    this.added(message, end, keyEnd);
  }

  /** Sets the next row's position in the source's order. */
  place(position: bigint): void {
    const count = this.#count;
    if (count >= this.#positions.length) {
      const more = new BigInt64Array(Math.max(count * 2, this.#ends.length));
      more.set(this.#positions);
      this.#positions = more;
    }
    this.#positions[count] = position;
  }

  /** Whether there are rows that keep columns of the previous row. */
  get partial(): boolean {
    return this.#kept.size > 0;
  }

  /** Records the partition day of a row. */
  addTime(time: number): void {
    const day = Math.floor(time / DAY);
    if (!this.#days.has(day)) this.#days.set(day, time);
  }

  /** One timestamp for each day that has rows. */
  times(): Iterable<number> {
    return this.#days.values();
  }

  message(row: number): Message {
    return this.#source(row).records.message(this.#origins[row * 2 + 1]!);
  }
  topic(row: number): string {
    return this.#source(row).topic;
  }
  partition(row: number): number {
    return this.#source(row).partition;
  }
  /** Milliseconds since 1970; NaN: the message has no time. */
  timestamp(row: number): number {
    return this.#source(row).records.timestamp(this.#origins[row * 2 + 1] ?? 0);
  }
  offset(row: number): bigint {
    return this.#source(row).records.offset(this.#origins[row * 2 + 1] ?? 0);
  }

  /** The text of a row with its line feed. */
  line(row: number): string {
    const replaced = this.#replaced.get(row);
    if (replaced !== undefined) return replaced.toString('utf8');
    return this.bytes.toString('utf8', this.#start(row), this.#ends[row]);
  }

  /** The bytes of all rows, in chunks. */
  *allChunks(): Generator<Buffer> {
    if (this.#replaced.size > 0) yield* this.chunks(this.all());
    else
      for (let at = 0; at < this.end; at += CHUNK_BYTES)
        yield this.bytes.subarray(at, Math.min(this.end, at + CHUNK_BYTES));
  }

  /** The bytes of some rows, in chunks. */
  *chunks(rows: readonly number[]): Generator<Buffer> {
    for (let i = 0; i < rows.length; ) {
      let last = rows[i++]!;
      const replaced = this.#replaced.get(last);
      if (replaced !== undefined) {
        yield replaced;
        continue;
      }
      const start = this.#start(last);
      while (
        i < rows.length &&
        rows[i] === last + 1 &&
        this.#ends[last]! - start < CHUNK_BYTES &&
        !this.#replaced.has(last + 1)
      )
        last = rows[i++]!;
      yield this.bytes.subarray(start, this.#ends[last]);
    }
  }

  /** The bytes of some rows. */
  size(rows: readonly number[]): number {
    return rows.reduce((sum, row) => sum + (this.#ends[row] ?? 0) - this.#start(row), 0);
  }

  /** The numbers of each key's last row, by the source's order if there is one. */
  latest(): number[] {
    const older = new Set<number>();
    const positions = this.#positions;
    this.#eachByKey((row, before) => {
      if (before < 0) return true;
      const newer = positions.length === 0 || (positions[row] ?? 0n) >= (positions[before] ?? 0n);
      older.add(newer ? before : row);
      return newer;
    });
    return older.size === 0 ? this.all() : this.all().filter((row) => !older.has(row));
  }

  /**
   * Fills columns that a row keeps from the previous row of its key, if that is in the buffer.
   * @param operation number of the column that says which columns are kept
   * @param deletes whether a line belongs to a deleted row
   */
  fill(operation: number, deletes: (cells: readonly string[]) => boolean): void {
    this.#eachByKey((row, before) => {
      const kept = this.#kept.get(row);
      if (kept === undefined || before < 0) return true;
      const cells = this.line(row).slice(0, -1).split('\t');
      const earlier = this.line(before).slice(0, -1).split('\t');
      if (deletes(earlier)) return true;
      const still = new Set(this.#kept.get(before));
      for (const column of kept) if (!still.has(column)) cells[column] = earlier[column] ?? '';
      const left = kept.filter((column) => still.has(column));
      const word = cells[operation] ?? '';
      cells[operation] = left.length === 0 ? word.charAt(0) : `${word.split(',', 1)[0]},${left.join(',')},`;
      this.#replaced.set(row, Buffer.from(`${cells.join('\t')}\n`));
      if (left.length === 0) this.#kept.delete(row);
      else this.#kept.set(row, left);
      return true;
    });
  }

  /**
   * Calls back for each row with the previous row of its key, or -1. @param each returns whether the row replaces it
   */
  #eachByKey(each: (row: number, before: number) => boolean): void {
    const size = 2 ** Math.ceil(Math.log2(this.#count * 2 + 2));
    const slots = new Int32Array(size).fill(-1);
    for (let row = 0; row < this.#count; row++) {
      let slot = this.#hash(row) & (size - 1);
      while (slots[slot] !== -1 && !this.#sameKey(slots[slot]!, row)) slot = (slot + 1) & (size - 1);
      if (each(row, slots[slot] ?? -1)) slots[slot] = row;
    }
  }

  /** A copy without the rows of some partitions. */
  without(gone: (topic: string, partition: number) => boolean): RowBuffer {
    const rest = new RowBuffer(this.bytes.length);
    const numbers = new Map<number, number>();
    for (let row = 0; row < this.#count; row++) {
      if (gone(this.topic(row), this.partition(row))) continue;
      const source = this.#origins[row * 2]!;
      if (!numbers.has(source)) {
        numbers.set(source, numbers.size);
        rest.#sources.push(this.#sources[source]!);
      }
      const { end, keyEnd } = rest;
      const keyStart = this.#keyStart(row);
      rest.room(this.#ends[row]! - this.#start(row));
      rest.keyRoom(this.#keyEnds[row]! - keyStart, keyEnd);
      if (this.#positions.length > 0) rest.place(this.#positions[row] ?? 0n);
      rest.added(
        this.#origins[row * 2 + 1]!,
        end + this.bytes.copy(rest.bytes, end, this.#start(row), this.#ends[row]),
        keyEnd + this.keys.copy(rest.keys, keyEnd, keyStart, this.#keyEnds[row]),
      );
      const added = rest.#count - 1;
      rest.#origins[added * 2] = numbers.get(source)!;
      const kept = this.#kept.get(row);
      if (kept !== undefined) rest.#kept.set(added, kept);
      const replaced = this.#replaced.get(row);
      if (replaced !== undefined) rest.#replaced.set(added, replaced);
    }
    rest.tombstones = this.tombstones;
    rest.truncates = this.truncates;
    for (const time of this.#days.values()) rest.addTime(time);
    return rest;
  }

  #source(row: number): Source {
    return this.#sources[this.#origins[row * 2]!]!;
  }
  #start(row: number): number {
    return row === 0 ? 0 : this.#ends[row - 1]!;
  }
  #keyStart(row: number): number {
    return row === 0 ? 0 : this.#keyEnds[row - 1]!;
  }

  #hash(row: number): number {
    let hash = FNV_BASIS;
    const { keys } = this;
    for (let at = this.#keyStart(row), end = this.#keyEnds[row]!; at < end; at++)
      hash = Math.imul(hash ^ keys[at]!, FNV_PRIME);
    return hash ^ (hash >>> 15);
  }

  #sameKey(a: number, b: number): boolean {
    const { keys } = this;
    let i = this.#keyStart(a);
    let j = this.#keyStart(b);
    const end = this.#keyEnds[a]!;
    if (end - i !== this.#keyEnds[b]! - j) return false;
    while (i < end) if (keys[i++] !== keys[j++]) return false;
    return true;
  }
}

/** Old buffers wait for the garbage collector: grows in few steps, because untouched memory costs nothing. */
function grown(bytes: Buffer, used: number, more: number): Buffer {
  const factor = bytes.length < WIDE_STEPS_TO ? 4 : 2;
  const next = Buffer.allocUnsafe(Math.max(bytes.length * factor, used + more));
  bytes.copy(next, 0, 0, used);
  return next;
}

function doubled(numbers: Int32Array): Int32Array {
  const next = new Int32Array(numbers.length * 2);
  next.set(numbers);
  return next;
}
