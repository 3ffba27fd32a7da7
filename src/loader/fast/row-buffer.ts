// Rows in COPY's text format in one buffer, with the place of each row's message and key. No row has an object.
// row-encoder.ts and fast-path.ts write rows; the sink sends them.
import type { Message } from '../broker.ts';
import { TAB } from './ascii.ts';
import type { Records } from './records.ts';

const DAY = 86_400_000;
const MIN_BYTES = 1 << 16;
const CHUNK_BYTES = 256 * 1024;
/** Start and factor of FNV-1a. */
const [FNV_BASIS, FNV_PRIME] = [0x811c9dc5, 0x01000193];

/** Messages of one partition that rows are made of. */
interface Source {
  readonly records: Records;
  readonly topic: string;
  readonly partition: number;
}

export class RowBuffer {
  /** Rows are written here from `end` on; `room` before. */
  bytes: Buffer;
  end = 0;
  /** Keys as COPY reads them, from `keyEnd` on; `keyRoom` before. Empty in append mode. */
  keys: Buffer;
  keyEnd = 0;
  #count = 0;
  #ends: Int32Array;
  #keyEnds: Int32Array;
  /** For each row: the number of its source, and of its message there. */
  #origins: Int32Array;
  readonly #sources: Source[] = [];
  /** One timestamp for each day that has rows. */
  readonly #days = new Map<number, number>();
  /** Number of rows that are tombstones. */
  tombstones = 0;

  constructor(bytes = MIN_BYTES) {
    this.bytes = Buffer.allocUnsafe(bytes);
    this.keys = Buffer.allocUnsafe(1 << 10);
    const rows = 256;
    this.#ends = new Int32Array(rows);
    this.#keyEnds = new Int32Array(rows);
    this.#origins = new Int32Array(rows * 2);
  }

  get length(): number {
    return this.#count;
  }

  /** Empties it; the memory is kept. */
  clear(): this {
    this.end = this.keyEnd = this.#count = this.tombstones = this.#sources.length = 0;
    this.#days.clear();
    return this;
  }

  /** The numbers of all rows. */
  all(): number[] {
    return Array.from({ length: this.#count }, (_, row) => row);
  }

  /** Sets the source of the rows that follow. */
  from(records: Records, topic: string, partition: number): void {
    this.#sources.push({ records, topic, partition });
  }

  /** Makes room for so many more bytes. */
  room(bytes: number): void {
    if (this.end + bytes > this.bytes.length) this.bytes = grown(this.bytes, this.end, bytes);
  }

  /** The same for keys. @param used the end of what is written, also of a key whose row is not added yet */
  keyRoom(bytes: number, used: number): void {
    if (used + bytes > this.keys.length) this.keys = grown(this.keys, used, bytes);
  }

  /** Notes a cell of a row that is not added yet as part of its key. @returns the key's end */
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
  add(message: number, line: string, key: string | null, tombstone: boolean): void {
    this.room(line.length * 3);
    const end = this.end + this.bytes.write(line, this.end, 'utf8');
    let { keyEnd } = this;
    if (key !== null) {
      this.keyRoom(key.length * 3, keyEnd);
      keyEnd += this.keys.write(key, keyEnd, 'utf8');
    }
    if (tombstone) this.tombstones++;
    this.added(message, end, keyEnd);
  }

  /** Notes the partition day of a row. */
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
  offset(row: number): bigint {
    return this.#source(row).records.offset(this.#origins[row * 2 + 1] ?? 0);
  }

  /** The text of a row with its line feed. */
  line(row: number): string {
    return this.bytes.toString('utf8', this.#start(row), this.#ends[row]);
  }

  /** The bytes of some rows, in chunks. */
  *chunks(rows: readonly number[]): Generator<Buffer> {
    for (let i = 0; i < rows.length; ) {
      const start = this.#start(rows[i]!);
      let last = rows[i++]!;
      while (i < rows.length && rows[i] === last + 1 && this.#ends[last]! - start < CHUNK_BYTES) last = rows[i++]!;
      yield this.bytes.subarray(start, this.#ends[last]);
    }
  }

  /** The numbers of each key's last row. */
  latest(): number[] {
    const size = 2 ** Math.ceil(Math.log2(this.#count * 2 + 2));
    const slots = new Int32Array(size).fill(-1);
    const older = new Set<number>();
    for (let row = 0; row < this.#count; row++) {
      let slot = this.#hash(row) & (size - 1);
      while (slots[slot] !== -1 && !this.#sameKey(slots[slot]!, row)) slot = (slot + 1) & (size - 1);
      if (slots[slot] !== -1) older.add(slots[slot]!);
      slots[slot] = row;
    }
    return older.size === 0 ? this.all() : this.all().filter((row) => !older.has(row));
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
      rest.added(
        this.#origins[row * 2 + 1]!,
        end + this.bytes.copy(rest.bytes, end, this.#start(row), this.#ends[row]),
        keyEnd + this.keys.copy(rest.keys, keyEnd, keyStart, this.#keyEnds[row]),
      );
      rest.#origins[(rest.#count - 1) * 2] = numbers.get(source)!;
    }
    rest.tombstones = this.tombstones;
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

function grown(bytes: Buffer, used: number, more: number): Buffer {
  const next = Buffer.allocUnsafe(Math.max(bytes.length * 2, used + more));
  bytes.copy(next, 0, 0, used);
  return next;
}

function doubled(numbers: Int32Array): Int32Array {
  const next = new Int32Array(numbers.length * 2);
  next.set(numbers);
  return next;
}
