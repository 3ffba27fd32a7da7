// Messages of one partition in the bytes of their batches, with the positions of each message's parts. `message`
// creates an object only on demand; the hot path reads the bytes.
import type { Message } from './broker.ts';

/** Numbers per message: start and end of key and value (-1: null), start of the headers. */
const STRIDE = 5;
/** Times in milliseconds that a table can store: the years 1 to 9999. */
export const [FIRST_MOMENT, LAST_MOMENT] = [-62_135_596_800_000, 253_402_300_799_999];

/** A message's time; null: no table can store it. */
export function storableTime(ms: number): number | null {
  return ms >= FIRST_MOMENT && ms <= LAST_MOMENT ? ms : null;
}

export class Records {
  /** The bytes of keys and values. */
  readonly bytes: Buffer;
  readonly #base: bigint;
  readonly #baseNumber: number;
  #count = 0;
  #spans: Int32Array;
  #deltas: Float64Array;
  #times: Float64Array;
  readonly #headersAt: (at: number) => Message['headers'];

  /** @param base offset that deltas are relative to @param headersAt reads the headers at a position of the bytes */
  constructor(bytes: Buffer, base: bigint, capacity: number, headersAt: (at: number) => Message['headers']) {
    this.bytes = bytes;
    this.#base = base;
    this.#baseNumber = Number(base);
    this.#headersAt = headersAt;
    this.#spans = new Int32Array(capacity * STRIDE);
    this.#deltas = new Float64Array(capacity);
    this.#times = new Float64Array(capacity);
  }

  get length(): number {
    return this.#count;
  }

  /**
   * @param delta offset of the message minus the base
   * @param time NaN: none
   * @param valueStart -1: null, like `keyStart`
   */
  add(
    delta: number,
    time: number,
    keyStart: number,
    keyEnd: number,
    valueStart: number,
    valueEnd: number,
    headers: number,
  ): void {
    const count = this.#count;
    if (count === this.#times.length) this.#grow(count * 2 + 16);
    this.#deltas[count] = delta;
    this.#times[count] = time;
    const at = count * STRIDE;
    this.#spans[at] = keyStart;
    this.#spans[at + 1] = keyEnd;
    this.#spans[at + 2] = valueStart;
    this.#spans[at + 3] = valueEnd;
    this.#spans[at + 4] = headers;
    this.#count = count + 1;
  }

  /** Drops all messages after the first `length`. */
  cut(length: number): void {
    this.#count = length;
  }

  /**
   * Reserves space for `more` messages. At least doubles the space, so that batches of one message do not copy all
   * earlier messages.
   */
  reserve(more: number): void {
    const needed = this.#count + more;
    if (needed > this.#times.length) this.#grow(Math.max(needed, this.#times.length * 2));
  }

  offset(i: number): bigint {
    return this.#base + BigInt(this.#deltas[i]!);
  }

  /** The same as a number; above 2^53 it is inexact. */
  offsetNumber(i: number): number {
    return this.#baseNumber + this.#deltas[i]!;
  }

  /** Milliseconds since 1970; NaN: the message has no time. */
  timestamp(i: number): number {
    return this.#times[i]!;
  }

  /** -1: the message is a tombstone. */
  valueStart(i: number): number {
    return this.#spans[i * STRIDE + 2]!;
  }

  valueEnd(i: number): number {
    return this.#spans[i * STRIDE + 3]!;
  }

  key(i: number): Uint8Array | null {
    return this.#part(i * STRIDE);
  }

  /** -1: the message has no key. */
  keyStart(i: number): number {
    return this.#spans[i * STRIDE]!;
  }

  keyEnd(i: number): number {
    return this.#spans[i * STRIDE + 1]!;
  }

  headers(i: number): Message['headers'] {
    return this.#headersAt(this.#spans[i * STRIDE + 4]!);
  }

  /** Bytes of key and value. */
  size(i: number): number {
    const at = i * STRIDE;
    return this.#spans[at + 1]! - this.#spans[at]! + this.#spans[at + 3]! - this.#spans[at + 2]!;
  }

  message(i: number): Message {
    return {
      offset: this.offset(i),
      timestamp: Number.isNaN(this.#times[i]) ? null : this.#times[i]!,
      key: this.key(i),
      value: this.#part(i * STRIDE + 2),
      headers: this.headers(i),
    };
  }

  /** The bytes whose start and end are at an index of the spans; null: there are none. */
  #part(at: number): Uint8Array | null {
    const start = this.#spans[at]!;
    return start < 0 ? null : this.bytes.subarray(start, this.#spans[at + 1]!);
  }

  #grow(capacity: number): void {
    const spans = new Int32Array(capacity * STRIDE);
    spans.set(this.#spans);
    const deltas = new Float64Array(capacity);
    deltas.set(this.#deltas);
    const times = new Float64Array(capacity);
    times.set(this.#times);
    [this.#spans, this.#deltas, this.#times] = [spans, deltas, times];
  }
}

/** Builds records from messages, which must be in offset order. */
export function recordsOf(messages: readonly Message[]): Records {
  const parts = messages.flatMap(({ key, value }) => [key, value]).filter((part) => part !== null);
  const records = new Records(
    Buffer.concat(parts),
    messages[0]?.offset ?? 0n,
    messages.length,
    (at) => messages[at]!.headers,
  );
  let end = 0;
  messages.forEach(({ offset, timestamp, key, value }, i) => {
    const [keyStart, keyEnd] = key === null ? [-1, -1] : [end, (end += key.length)];
    const [valueStart, valueEnd] = value === null ? [-1, -1] : [end, (end += value.length)];
    records.add(
      Number(offset - messages[0]!.offset),
      timestamp ?? Number.NaN,
      keyStart,
      keyEnd,
      valueStart,
      valueEnd,
      i,
    );
  });
  return records;
}
