// Adds one batch of messages to pending rows. It never waits: it returns a need, and the caller calls again with the
// answer. Its state is only in its fields. The caller may replace the pending rows, and detects if the partition is
// repositioned.
//
// Exactly-once delivery depends on this invariant: when it returns a need, every message before `offset` is a row or a
// dead letter of the given pending rows. No message from `offset` on is, and the partition's range ends at `offset`. So
// a flush while the caller waits moves the table's position exactly to where the intake continues.
import type { MessageBatch } from './brokers/broker.ts';
import type { DeadLimit } from './dead-limit.ts';
import type { SnapshotFloors } from './formats/debezium/snapshot-floors.ts';
import { Change, Halt, SKIPPED, Skipped } from './formats/row-change.ts';
import { type Decoded, type Decoder, poisonReason } from './formats/message-decoder.ts';
import { decodeMessage } from './formats/decode-message.ts';
import type { Records } from './brokers/message-records.ts';
import type { RowBuffer } from './formats/rows/row-buffer.ts';
import type { LoadTarget } from './settings/load-target.ts';
import type { Held, PendingRows } from './pending-rows.ts';
import type { Drift } from './formats/rows/row-encoder.ts';
import type { RowMaker } from './formats/rows/row-writer.ts';

/** What it needs before it can continue. */
export type Need =
  /** Yield to the event loop: so many rows were built at once that the COPY or the fetch in flight may starve. */
  | { readonly kind: 'turn'; readonly offset: bigint }
  /** The pending rows have reached the size of a flush. */
  | { readonly kind: 'room'; readonly offset: bigint }
  /** The record of a message, which the decoder returns asynchronously. */
  | { readonly kind: 'record'; readonly offset: bigint; readonly decode: () => Promise<Decoded> }
  /** New columns for undeclared fields, or the decision not to add any. */
  | { readonly kind: 'columns'; readonly offset: bigint; readonly drift: readonly Drift[] }
  /** The end of loading: nothing from this message on may be loaded. */
  | { readonly kind: 'halt'; readonly offset: bigint; readonly error: Error };

/** The result of `take`. `too_many_dead`: more dead letters among the last messages than the limit allows. */
export type Taken = Need | { readonly kind: 'taken'; readonly next: bigint } | { readonly kind: 'too_many_dead' };

/** The caller's answer to a need; `dead`: why the message at the offset cannot become a row. */
export type Answer =
  | { readonly kind: 'go_on' }
  | { readonly kind: 'record'; readonly record: Decoded }
  | { readonly kind: 'dead'; readonly error: string };

export interface IntakeOptions {
  readonly target: LoadTarget;
  readonly decoder: Decoder;
  readonly limit: DeadLimit;
  readonly now: () => number;
  /** Highest positions of snapshot rows. */
  readonly floors: SnapshotFloors;
}

/** Memory of a row in addition to its bytes. */
const ROW_BYTES = 64;
/** Number of rows, and of their bytes, after which it yields to the event loop. */
const ROWS_AT_A_STRETCH = 400;
const BYTES_AT_A_STRETCH = 8 * 1024 * 1024;
export const GO_ON: Answer = { kind: 'go_on' };

export class Intake {
  readonly #options: IntakeOptions;
  readonly #batch: MessageBatch;
  /** Messages before this offset are skipped. */
  readonly #position: bigint;
  /** Topic and partition as cells of a row. */
  readonly #place: Buffer;
  /** Index of the next message's records in the batch, and of the message in them. */
  #part = -1;
  #at = 0;
  /** All messages before this offset are in the pending rows, or were in earlier ones. */
  #offset: bigint;
  /** Number of messages since it last yielded. */
  #stretch = 0;
  /** Space was requested for the next message: it is added now, even if a flush is smaller. */
  #roomAsked = false;
  /** The next message's record, once decoded; and whether columns were requested for it. */
  #record: Decoded | null = null;
  #columnsAsked = false;
  /** The pending rows and the buffer that have the current records as their source. */
  #told: { readonly pending: PendingRows; readonly rows: RowBuffer } | null = null;

  constructor(options: IntakeOptions, batch: MessageBatch, position: bigint, maker: RowMaker) {
    this.#options = options;
    this.#batch = batch;
    this.#position = position;
    this.#offset = position;
    this.#place = maker.encoder.place(batch.topic, batch.partition);
    this.#nextPart();
  }

  /**
   * Adds messages until it needs something, or to the end of the batch.
   * @param pending the set of rows that is being filled
   * @param maker builds rows for the table's current columns
   * @param answer to the last need
   */
  take(pending: PendingRows, maker: RowMaker, answer: Answer): Taken {
    const batch = this.#batch;
    const held = pending.hold(batch, this.#offset, batch.end, this.#options.now);
    if (answer.kind === 'record') this.#record = answer.record;
    let records = batch.records[this.#part];
    if (answer.kind === 'dead' && records !== undefined && !this.#refuse(pending, held, records, answer.error))
      return { kind: 'too_many_dead' };
    for (; records !== undefined; records = this.#nextPart()) {
      while (this.#at < records.length) {
        const taken = this.#record === null ? this.#takeOrdinary(pending, held, maker, records) : 0;
        if (typeof taken !== 'number') return taken;
        if (taken > 0) continue;
        const closely = this.#takeClosely(pending, held, maker, records);
        if (closely !== null) return closely;
      }
    }
    if ((batch.time ?? 0) > (held.newest ?? 0)) held.newest = batch.time ?? null;
    held.next = batch.next;
    held.end = batch.end;
    held.epoch = batch.epoch;
    this.#noteFloor(held);
    return { kind: 'taken', next: batch.next };
  }

  /** Adds messages by the fast path, as far as possible. @returns their number, or what it needs before the first */
  #takeOrdinary(pending: PendingRows, held: Held, { fastPath }: RowMaker, records: Records): number | Need {
    if (this.#stretch >= ROWS_AT_A_STRETCH) {
      this.#stretch = 0;
      return this.#need(held, { kind: 'turn', offset: records.offset(this.#at) });
    }
    if (!this.#roomAsked && pending.isFull(this.#options.target.flush)) {
      this.#roomAsked = true;
      return this.#need(held, { kind: 'room', offset: records.offset(this.#at) });
    }
    this.#roomAsked = false;
    const from = this.#at;
    if (fastPath !== null) {
      const rows = this.#rows(pending, records);
      const to = Math.min(records.length, from + ROWS_AT_A_STRETCH - this.#stretch);
      const place = this.#place;
      const { loadedAt } = pending;
      const before = rows.end;
      const least = fastPath.tombstones ? -1 : 0;
      let at = from;
      while (
        at < to &&
        rows.end - before < BYTES_AT_A_STRETCH &&
        records.valueStart(at) >= least &&
        fastPath.add(records, at, rows, place, loadedAt)
      )
        at++;
      this.#at = at;
      count(pending, held, records, from, at);
      pending.bytes += rows.end - before;
    }
    const taken = this.#at - from;
    held.rows += taken;
    this.#options.limit.read(taken);
    this.#stretch += taken + 1;
    return taken;
  }

  /** Adds one message by decoding it. @returns null if it was added */
  #takeClosely(pending: PendingRows, held: Held, { encoder }: RowMaker, records: Records): Taken | null {
    const { target, decoder } = this.#options;
    const { topic, partition } = this.#batch;
    const message = records.message(this.#at);
    const { offset } = message;
    try {
      if (message.value === null && this.#followsDelete(message.key, records)) this.#record = SKIPPED;
      if (this.#record === null) {
        if (message.value !== null && decoder.ahead?.(records, this.#at) === false) this.#stretch = ROWS_AT_A_STRETCH;
        const decode = (): Decoded | Promise<Decoded> => decodeMessage(decoder, encoder.plan, message);
        const decoded = decode();
        if (decoded instanceof Promise)
          return this.#need(held, { kind: 'record', offset, decode: attempts(decoded, decode) });
        this.#record = decoded;
      }
      const record = this.#record;
      if (record instanceof Skipped) {
        this.#noChange();
        return this.#pass(pending, held, records) ? null : { kind: 'too_many_dead' };
      }
      const drift =
        target.schemaDrift === 'ignore' || this.#columnsAsked
          ? []
          : encoder.drift(record instanceof Change ? record.record : record);
      if (drift.length > 0) {
        this.#columnsAsked = true;
        return this.#need(held, { kind: 'columns', offset, drift });
      }
      const ranked = record instanceof Change ? this.#options.floors.ranked(this.#batch, record) : record;
      const row = encoder.encode(message, ranked, topic, partition, pending.loadedAt.toString());
      const rows = this.#rows(pending, records);
      rows.add(this.#at, row.line, row.key, row.tombstone, row.change);
      if (row.partitionTime !== null) rows.addTime(row.partitionTime);
      pending.bytes += row.line.length;
      held.rows++;
    } catch (error) {
      if (error instanceof Halt) return this.#need(held, { kind: 'halt', offset, error: error.error });
      const reason = poisonReason(error);
      if (reason === null) throw error;
      return this.#refuse(pending, held, records, reason) ? null : { kind: 'too_many_dead' };
    }
    return this.#pass(pending, held, records) ? null : { kind: 'too_many_dead' };
  }

  /** Makes the next message a dead letter. @returns false: there are too many */
  #refuse(pending: PendingRows, held: Held, records: Records, error: string): boolean {
    const { topic, partition } = this.#batch;
    const letter = { message: records.message(this.#at), topic, partition, error };
    pending.dead.push(letter);
    held.dead++;
    this.#options.limit.add([letter]);
    this.#noChange();
    return this.#pass(pending, held, records);
  }

  /** Skips the next message. @returns false: there are too many dead letters */
  #pass(pending: PendingRows, held: Held, records: Records): boolean {
    const { limit } = this.#options;
    limit.read(1);
    if (limit.reached) return false;
    count(pending, held, records, this.#at, this.#at + 1);
    this.#at++;
    this.#record = null;
    this.#columnsAsked = false;
    return true;
  }

  #need(held: Held, need: Need): Need {
    held.next = need.offset;
    held.epoch = this.#batch.epoch;
    this.#noteFloor(held);
    this.#offset = need.offset;
    return need;
  }

  #noteFloor(held: Held): void {
    if (this.#options.target.changes === null) return;
    const { position } = this.#options.floors.of(this.#batch);
    if (position >= 0n) held.floor = position;
  }

  /** Whether it is the tombstone that follows the delete event of its key. */
  #followsDelete(key: Uint8Array | null, records: Records): boolean {
    if (this.#options.target.changes === null) return false;
    const before = this.#at > 0 ? records.key(this.#at - 1) : null;
    return this.#options.floors.of(this.#batch).followsDelete(key, before);
  }

  /** The next message is not a change of a row. */
  #noChange(): void {
    if (this.#options.target.changes !== null) this.#options.floors.of(this.#batch).passed();
  }

  /** The buffer for rows, with the current records as their source. */
  #rows(pending: PendingRows, records: Records): RowBuffer {
    const { rows } = pending;
    if (this.#told?.pending !== pending || this.#told.rows !== rows) {
      rows.from(records, this.#batch.topic, this.#batch.partition);
      this.#told = { pending, rows };
    }
    return rows;
  }

  /** Advances to the batch's next records, at the first wanted message. */
  #nextPart(): Records | undefined {
    const { from, records: parts } = this.#batch;
    const last = parts[this.#part];
    if (last !== undefined && this.#at > 0 && this.#options.target.changes !== null)
      this.#options.floors.of(this.#batch).keepKey(last.key(this.#at - 1));
    const records = parts[++this.#part];
    this.#at = 0;
    this.#told = null;
    if (records !== undefined && from < this.#position)
      while (this.#at < records.length && records.offset(this.#at) < this.#position) this.#at++;
    return records;
  }
}

/** Counts a range of messages. */
function count(pending: PendingRows, held: Held, records: Records, from: number, to: number): void {
  let size = 0;
  let newest = held.newest ?? Number.NEGATIVE_INFINITY;
  for (let i = from; i < to; i++) {
    size += records.size(i);
    const time = records.timestamp(i);
    // A message without a timestamp changes nothing.
    if (time > newest) newest = time;
  }
  pending.bytes += size + ROW_BYTES * (to - from);
  pending.messageBytes += size;
  if (newest !== Number.NEGATIVE_INFINITY) held.newest = newest;
}

/** Decodes a message: first with the promise that already exists, then again with each call. */
function attempts(begun: Promise<Decoded>, again: () => Decoded | Promise<Decoded>): () => Promise<Decoded> {
  let first: Promise<Decoded> | null = begun;
  // If a flush has failed in the meantime, no code awaits it.
  begun.catch(() => undefined);
  return async () => {
    const attempt = first ?? again();
    first = null;
    return attempt;
  };
}
