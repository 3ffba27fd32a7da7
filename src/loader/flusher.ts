// Flushes pending rows: one set fills while another is written; when both are full, reading waits. Writes in one
// transaction of the sink, in order. loader.ts decides where to go on after another loader has moved a position.
import { type BrokerClient, partitionKey, type TopicPartition } from './broker.ts';
import type { DeadLimit } from './dead-limit.ts';
import type { LoadEvent } from './events.ts';
import { RowBuffer } from './fast/row-buffer.ts';
import type { LoadColumn, LoadTarget } from './load-target.ts';
import type { Partitions } from './partitions.ts';
import { PendingRows } from './pending-rows.ts';
import { Fenced, type Flushed, type OffsetRange, type Sink, TooManyRefused } from './sink.ts';

/**
 * After a rest the database would wait until a whole flush is read. The first one has this share of it, each further
 * one twice the share of the one before; none is smaller than these rows and bytes, or than the target's flush.
 */
const FIRST_SHARE = 1 / 8;
const [LEAST_ROWS, LEAST_BYTES] = [4000, 2 * 1024 * 1024];

/** Milliseconds for which a full flush waits for the next one before the database is told that none follows. */
const REST_MS = 500;

export interface FlusherOptions {
  readonly target: LoadTarget;
  readonly loadId: string;
  readonly sink: Pick<Sink, 'flush' | 'rest' | 'takesSmall'>;
  readonly client: Pick<BrokerClient, 'commit'>;
  readonly partitions: Partitions;
  readonly limit: DeadLimit;
  readonly now: () => number;
  readonly notify: (event: LoadEvent) => void;
  /** The table's present columns. */
  readonly columns: () => readonly LoadColumn[];
  /** Repeats a statement while the database is away. */
  readonly patiently: <T>(statement: () => Promise<T>) => Promise<T>;
  /** Another loader has moved these positions: reads on from the table's position and keeps the other rows. */
  readonly fenced: (pending: PendingRows, partitions: Fenced['partitions']) => Promise<void>;
}

export class Flusher {
  readonly #options: FlusherOptions;
  #filling = new PendingRows();
  /** The rows in flight. */
  #inFlight: { readonly pending: PendingRows; readonly done: Promise<void> } | null = null;
  /** The buffer of rows that are written, reused for the next: allocating a new one costs more than filling it. */
  #spare: RowBuffer | null = null;
  /** The share of a flush that is enough for the next one. */
  #share = FIRST_SHARE;
  /** Positions that the broker has not been told yet, and the telling of others. */
  readonly #uncommitted = new Map<string, bigint>();
  #committing: Promise<void> | null = null;
  /** The first flush that failed for good: nothing is written after it. */
  #failure: { readonly error: unknown } | null = null;
  #rows = 0;
  #dead = 0;
  /** When a flush ended that leaves something to the next one; null: none does. */
  #leftAt: number | null = null;

  constructor(options: FlusherOptions) {
    this.#options = options;
  }

  /** The rows that fill up now. */
  get filling(): PendingRows {
    return this.#filling;
  }

  get busy(): boolean {
    return this.#inFlight !== null;
  }

  /** Is there anything that was read and not written? */
  get unwritten(): boolean {
    return !this.#filling.empty || this.#inFlight !== null || this.#failure !== null;
  }

  /** Is a flush under way that is about to move the partition's position? */
  isMoving(at: TopicPartition): boolean {
    return this.#inFlight?.pending.held.has(partitionKey(at)) === true;
  }

  /** Totals of what was written. */
  get written(): { readonly rows: number; readonly dead: number } {
    return { rows: this.#rows, dead: this.#dead };
  }

  /** @throws what a flush has failed with */
  throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** No messages arrive: frees the spare buffer. */
  rest(): void {
    this.#spare = null;
    this.#share = FIRST_SHARE;
  }

  /** Resolves when no flush is in flight. @throws what the flush failed with */
  async settled(): Promise<void> {
    await this.#inFlight?.done;
  }

  /** Starts a flush that is due; waits when both sets are full. */
  async flushDue(): Promise<void> {
    const { target, notify, now } = this.#options;
    if (this.#isDue()) this.#start();
    else if (this.#leftAt !== null && this.#inFlight === null && now() - this.#leftAt >= REST_MS) await this.#rest();
    if (this.#inFlight === null || !this.#filling.isFull(target.flush)) return;
    notify({ kind: 'paused', target });
    await this.settled();
    // At once: the database is idle, and a whole flush is ready.
    if (this.#isDue()) this.#start();
  }

  /** Writes everything that is held, in order. */
  async flushAll(): Promise<void> {
    await this.settled();
    if (!this.#filling.empty && this.#failure === null) {
      this.#start();
      await this.settled();
    }
    await this.#committing;
    this.throwFailure();
    await this.#rest();
  }

  /** The loader ends: tells the database that no flush follows, as far as it answers. */
  async leave(): Promise<void> {
    const { target, sink, loadId } = this.#options;
    // Nobody waits for a flush whose loader has failed.
    if (this.#inFlight !== null)
      void this.#inFlight.done.then(
        () => this.leave(),
        () => undefined,
      );
    else if (this.#leftAt !== null) await sink.rest?.(target, loadId).catch(() => undefined);
  }

  /** Writes these rows; returns when they are written, by this loader or another. */
  async write(pending: PendingRows): Promise<void> {
    const { target, sink, loadId, limit, partitions, now, notify, columns, patiently, fenced } = this.#options;
    const began = now();
    notify({ kind: 'flushing', target });
    const ranges = pending.ranges().map((range) => ({ ...range, resets: partitions.resetsOf(range) }));
    // One of a few rows after some seconds is not followed at once.
    const follows = sink.rest !== undefined && pending.isFull(target.flush);
    try {
      let attempts = 0;
      const flushed = await patiently((): Promise<Flushed> => {
        attempts++;
        const { rows, dead } = pending;
        const allowance = limit.left;
        return sink.flush({ target, columns: columns(), ranges, rows, dead, loadId, allowance, follows });
      });
      this.#leftAt = follows ? now() : null;
      limit.add(flushed.dead.slice(pending.dead.length));
      // A connection that was given up may still read from the buffer.
      if (attempts === 1) this.#spare = pending.rows.clear();
      this.#rows += flushed.rows;
      this.#dead += flushed.dead.length;
      partitions.wrote(ranges);
      notify(flushedEvent(target, pending, ranges, flushed, now() - began));
      for (const range of ranges) this.#uncommitted.set(partitionKey(range), range.to);
      this.#committing ??= this.#commit();
    } catch (error) {
      if (error instanceof TooManyRefused) {
        limit.add(error.letters);
        throw limit.error(partitions.place);
      }
      if (!(error instanceof Fenced)) throw error;
      notify({ kind: 'fenced', target, partitions: error.partitions });
      await fenced(pending, error.partitions);
    }
  }

  async #rest(): Promise<void> {
    const { target, sink, loadId, patiently } = this.#options;
    if (this.#leftAt === null) return;
    await patiently(async () => sink.rest?.(target, loadId));
    this.#leftAt = null;
  }

  /** Tells the broker the positions, which nothing here reads: the next flush does not wait for it. */
  async #commit(): Promise<void> {
    try {
      while (this.#uncommitted.size > 0) {
        const next = new Map(this.#uncommitted);
        this.#uncommitted.clear();
        await this.#options.client.commit(next);
      }
    } finally {
      this.#committing = null;
    }
  }

  #isDue(): boolean {
    const pending = this.#filling;
    if (pending.empty || this.#inFlight !== null) return false;
    const { target, now } = this.#options;
    return this.#isEnough(pending) || now() - pending.since >= target.flush.ageMs;
  }

  #isEnough(pending: PendingRows): boolean {
    const { target, sink } = this.#options;
    const { rows, bytes } = target.flush;
    if (pending.isFull(target.flush)) return true;
    if (sink.takesSmall !== true || this.#share >= 1) return false;
    return pending.isFull({
      ...target.flush,
      rows: Math.max(LEAST_ROWS, rows * this.#share),
      bytes: Math.max(LEAST_BYTES, bytes * this.#share),
    });
  }

  #start(): void {
    const { partitions } = this.#options;
    const pending = this.#filling;
    this.#filling = new PendingRows(this.#spare ?? RowBuffer.like(pending.rows));
    this.#spare = null;
    this.#share *= 2;
    partitions.turn();
    const done = this.write(pending).finally(() => {
      partitions.turn();
      if (this.#inFlight?.pending === pending) this.#inFlight = null;
    });
    // Callers that await the flush get its error too; without any, it must not be an unhandled rejection.
    done.catch((error: unknown) => {
      this.#failure ??= { error };
    });
    this.#inFlight = { pending, done };
  }
}

/** The event of a flush. @param ms how long it took */
export function flushedEvent(
  target: LoadTarget,
  { messageBytes }: Pick<PendingRows, 'messageBytes'>,
  ranges: readonly OffsetRange[],
  { rows, dead }: Flushed,
  ms: number,
): LoadEvent {
  let lag = 0n;
  let newest: number | null = null;
  for (const { end, to, lastTimestamp } of ranges) {
    if (end > to) lag += end - to;
    if (lastTimestamp !== null) newest = Math.max(newest ?? 0, lastTimestamp);
  }
  return { kind: 'flushed', target, rows, bytes: messageBytes, dead, ms, lag, newest };
}
