// Flushes pending rows: one set fills while another is written; if both are full, reading waits. Writes in one
// transaction of the sink, in order. If another loader has moved a position, loader.ts decides where to continue.
import { type BrokerClient, partitionKey, type TopicPartition } from './brokers/broker.ts';
import type { DeadLimit } from './dead-limit.ts';
import type { LoadEvent } from './events.ts';
import { RowBuffer } from './formats/rows/row-buffer.ts';
import type { LoadColumn, LoadTarget } from './settings/load-target.ts';
import type { Partitions } from './partitions.ts';
import { PendingRows } from './pending-rows.ts';
import { Fenced, type Flushed, type OffsetRange, type Sink, TooManyRefused } from './sink.ts';

/**
 * After a pause the database would be idle until a whole flush is read. So the first flush has this share of the size,
 * and each further one twice the previous share; at least these rows and bytes, or the target's flush size.
 */
const FIRST_SHARE = 1 / 8;
const [LEAST_ROWS, LEAST_BYTES] = [4000, 2 * 1024 * 1024];

/** Milliseconds that a full flush waits for the next one before it is marked as the last. */
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
  /** The table's current columns. */
  readonly columns: () => readonly LoadColumn[];
  /** Retries a statement while the database is unavailable. */
  readonly patiently: <T>(statement: () => Promise<T>) => Promise<T>;
  /**
   * Called if another loader has moved these positions: continues from the table's position and keeps the other rows.
   */
  readonly fenced: (pending: PendingRows, partitions: Fenced['partitions']) => Promise<void>;
}

export class Flusher {
  readonly #options: FlusherOptions;
  #filling = new PendingRows();
  /** The rows in flight. */
  #inFlight: { readonly pending: PendingRows; readonly done: Promise<void> } | null = null;
  /** The buffer of written rows, reused for the next ones: allocating a new one costs more than filling it. */
  #spare: RowBuffer | null = null;
  /** The share of a full flush that triggers the next one. */
  #share = FIRST_SHARE;
  /** Positions that were not committed to the broker yet, and the commit in flight. */
  readonly #uncommitted = new Map<string, bigint>();
  #committing: Promise<void> | null = null;
  /** The first permanent failure of a flush: nothing is written after it. */
  #failure: { readonly error: unknown } | null = null;
  #rows = 0;
  #dead = 0;
  /** End of a flush that is completed by the next one; null: there is none. */
  #leftAt: number | null = null;

  constructor(options: FlusherOptions) {
    this.#options = options;
  }

  /** The set of rows that is being filled. */
  get filling(): PendingRows {
    return this.#filling;
  }

  get busy(): boolean {
    return this.#inFlight !== null;
  }

  /** Whether anything was read and not written. */
  get unwritten(): boolean {
    return !this.#filling.empty || this.#inFlight !== null || this.#failure !== null;
  }

  /** Whether a flush that will move the partition's position is in flight. */
  isMoving(at: TopicPartition): boolean {
    return this.#inFlight?.pending.held.has(partitionKey(at)) === true;
  }

  /** Totals of what was written. */
  get written(): { readonly rows: number; readonly dead: number } {
    return { rows: this.#rows, dead: this.#dead };
  }

  /** @throws the error of a failed flush */
  throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** No messages are arriving: frees the spare buffer. */
  rest(): void {
    this.#spare = null;
    this.#share = FIRST_SHARE;
  }

  /** Resolves when no flush is in flight. @throws the flush's error */
  async settled(): Promise<void> {
    await this.#inFlight?.done;
  }

  /** Starts a flush that is due; waits if both sets are full. */
  async flushDue(): Promise<void> {
    const { target, notify, now } = this.#options;
    if (this.#isDue()) this.#start();
    else if (this.#leftAt !== null && this.#inFlight === null && now() - this.#leftAt >= REST_MS) await this.#rest();
    if (this.#inFlight === null || !this.#filling.isFull(target.flush)) return;
    notify({ kind: 'paused', target });
    await this.settled();
    // Starts immediately: the database is idle, and a whole flush is ready.
    if (this.#isDue()) this.#start();
  }

  /** Writes all pending rows, in order. */
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

  /** The loader ends: marks the last flush, if the database answers. */
  async leave(): Promise<void> {
    const { target, sink, loadId } = this.#options;
    // After a failure of the loader, no code awaits the flush.
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
    // A small flush after some seconds is not followed by another one soon.
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
      // An abandoned connection may still read from the buffer.
      if (attempts === 1) this.#spare = pending.rows.clear();
      this.#rows += flushed.rows;
      this.#dead += flushed.dead.length;
      const oldest = flushed.rows > 0 ? partitions.oldest(ranges) : null;
      partitions.wrote(ranges);
      notify(flushedEvent(target, pending, ranges, flushed, now() - began, oldest));
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

  /** Commits the positions to the broker. The next flush does not wait for it, because nothing here reads them. */
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
    // Callers that await the flush receive its error as well; without any, it must not become an unhandled rejection.
    done.catch((error: unknown) => {
      this.#failure ??= { error };
    });
    this.#inFlight = { pending, done };
  }
}

/** The event of a flush. @param ms its duration @param oldest timestamp of its first message; null: unknown */
export function flushedEvent(
  target: LoadTarget,
  { messageBytes }: Pick<PendingRows, 'messageBytes'>,
  ranges: readonly OffsetRange[],
  { rows, dead }: Flushed,
  ms: number,
  oldest: number | null = null,
): LoadEvent {
  let lag = 0n;
  let newest: number | null = null;
  for (const { end, to, lastTimestamp } of ranges) {
    if (end > to) lag += end - to;
    if (lastTimestamp !== null) newest = Math.max(newest ?? 0, lastTimestamp);
  }
  return { kind: 'flushed', target, rows, bytes: messageBytes, dead, ms, lag, newest, oldest };
}
