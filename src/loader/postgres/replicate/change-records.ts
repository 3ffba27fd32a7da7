// Writes changes of one table into message records, as Debezium's envelopes in JSON without schema. Values are copied
// from the bytes of the log or of COPY.
import { BACKSLASH, CLOSE, COMMA, isDigit, MINUS, OPEN, QUOTE, SMALL_T, SPACE } from '../../formats/values/ascii.ts';
import { Records } from '../../brokers/message-records.ts';
import { jsonOfText, type ReplicatedColumn } from './replicated-relation.ts';

/** Positions of a row's values in bytes: start and end of each; instead of the start, one of these. */
export const [NULL_VALUE, UNCHANGED_VALUE] = [-1, -2];

/** A row in the log or in a line of COPY. */
export interface SourceRow {
  readonly bytes: Buffer;
  /** Start and end of each column's value. */
  readonly spans: readonly number[];
}

/** The commit that a change belongs to. */
export interface Commit {
  readonly lsn: bigint;
  /** Microseconds since 1970. */
  readonly micros: bigint;
}

const FIRST_BYTES = 64 * 1024;
const UNCHANGED = Buffer.from('"__debezium_unavailable_value"');
const [NULL_JSON, TRUE, FALSE] = [Buffer.from('null'), Buffer.from('true'), Buffer.from('false')];
/** Bytes of an envelope in addition to its row, without the source's name. */
const ENVELOPE_BYTES = 256;
const MICROS_PER_MS = 1000n;

export class ChangeRecords {
  readonly #source: string;
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #end = 0;
  /** Offset, time, and the four positions of key and value. */
  #offsets: bigint[] = [];
  #times: number[] = [];
  #spans: number[] = [];
  /** What follows the row, and the commit that it was written for. */
  #tail = Buffer.alloc(0);
  #commit: Commit | null = null;

  /** @param source the name in `_source` */
  constructor(source: string) {
    this.#source = source;
  }

  /** Bytes that are held. */
  get size(): number {
    return this.#end;
  }

  get length(): number {
    return this.#offsets.length;
  }

  /**
   * Adds a change.
   * @param op as in Debezium
   * @param after null for a delete or truncate
   * @param keyed the row with the key's values; null: the message has no key
   * @param key indexes of the key's columns
   * @param old values for unchanged columns of the replica identity; null: none
   */
  add(
    op: 'c' | 'r' | 'u' | 'd' | 't',
    offset: bigint,
    commit: Commit,
    columns: readonly ReplicatedColumn[],
    after: SourceRow | null,
    keyed: SourceRow | null,
    key: readonly number[],
    old: SourceRow | null = null,
  ): void {
    this.#offsets.push(offset);
    this.#times.push(Number(commit.micros / MICROS_PER_MS));
    if (keyed === null || key.length === 0) this.#spans.push(-1, -1);
    else {
      const start = this.#end;
      this.#row(columns, keyed, key, old);
      this.#spans.push(start, this.#end);
    }
    const start = this.#end;
    this.#room(ENVELOPE_BYTES);
    this.#text(`{"op":"${op}","after":`);
    if (after === null) this.#copy(NULL_JSON);
    else this.#row(columns, after, null, old);
    this.#copy(this.#tailOf(commit));
    this.#spans.push(start, this.#end);
  }

  /** Returns the messages so far, and starts with none. */
  take(): readonly Records[] {
    const [offsets, times, spans] = [this.#offsets, this.#times, this.#spans];
    const base = offsets[0];
    if (base === undefined) return [];
    const records = new Records(this.#bytes.subarray(0, this.#end), base, offsets.length, () => []);
    for (let i = 0; i < offsets.length; i++) {
      const [keyStart = 0, keyEnd = 0, start = 0, end = 0] = spans.slice(i * 4, i * 4 + 4);
      records.add(Number((offsets[i] ?? base) - base), times[i] ?? Number.NaN, keyStart, keyEnd, start, end, 0);
    }
    this.drop();
    return [records];
  }

  /** Forgets the messages so far. */
  drop(): void {
    this.#bytes = Buffer.allocUnsafe(FIRST_BYTES);
    this.#end = 0;
    [this.#offsets, this.#times, this.#spans] = [[], [], []];
  }

  #tailOf(commit: Commit): Buffer {
    if (this.#commit === commit) return this.#tail;
    this.#commit = commit;
    this.#tail = Buffer.from(
      `,"source":{"connector":"postgresql","name":${JSON.stringify(this.#source)},"lsn":${commit.lsn},` +
        `"ts_us":${commit.micros}}}`,
    );
    return this.#tail;
  }

  /** @param only indexes of the columns that are written; null: all */
  #row(
    columns: readonly ReplicatedColumn[],
    row: SourceRow,
    only: readonly number[] | null,
    old: SourceRow | null,
  ): void {
    this.#room(2);
    this.#bytes[this.#end++] = OPEN;
    const count = only?.length ?? columns.length;
    for (let n = 0; n < count; n++) {
      const i = only === null ? n : (only[n] ?? 0);
      const column = columns[i];
      if (column === undefined) continue;
      if (n > 0) this.#byte(COMMA);
      this.#copy(column.label);
      let { bytes, spans } = row;
      if (spans[i * 2] === UNCHANGED_VALUE && old !== null && column.inIdentity) ({ bytes, spans } = old);
      this.#value(bytes, spans[i * 2] ?? NULL_VALUE, spans[i * 2 + 1] ?? 0, column);
    }
    this.#byte(CLOSE);
  }

  #value(bytes: Buffer, start: number, end: number, { type }: ReplicatedColumn): void {
    if (start < 0) this.#copy(start === NULL_VALUE ? NULL_JSON : UNCHANGED);
    else if (type.array === null && type.kind === 'boolean') this.#copy(bytes[start] === SMALL_T ? TRUE : FALSE);
    else if (type.array === null && type.kind === 'number' && isNumber(bytes, start)) this.#slice(bytes, start, end);
    else if (type.array === null && type.kind === 'text' && isPlain(bytes, start, end)) {
      this.#byte(QUOTE);
      this.#slice(bytes, start, end);
      this.#byte(QUOTE);
    } else {
      const text = jsonOfText(bytes.toString('utf8', start, end), type);
      this.#room(text.length * 3);
      this.#text(text);
    }
  }

  #text(text: string): void {
    this.#end += this.#bytes.write(text, this.#end);
  }

  #byte(byte: number): void {
    this.#room(1);
    this.#bytes[this.#end++] = byte;
  }

  #copy(from: Buffer): void {
    this.#slice(from, 0, from.length);
  }

  #slice(from: Buffer, start: number, end: number): void {
    this.#room(end - start);
    from.copy(this.#bytes, this.#end, start, end);
    this.#end += end - start;
  }

  #room(more: number): void {
    const needed = this.#end + more;
    if (needed <= this.#bytes.length) return;
    const bytes = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(bytes, 0, 0, this.#end);
    this.#bytes = bytes;
  }
}

/** Whether a number's text is not NaN or infinite. */
function isNumber(bytes: Buffer, start: number): boolean {
  return isDigit(bytes[start]) || (bytes[start] === MINUS && isDigit(bytes[start + 1]));
}

/** Whether JSON writes the bytes without escapes. */
function isPlain(bytes: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte < SPACE || byte === QUOTE || byte === BACKSLASH) return false;
  }
  return true;
}
