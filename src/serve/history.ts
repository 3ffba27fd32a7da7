// Writes node results into the store, in batches and asynchronously: nothing waits for it, and an unavailable database
// only delays it.
import type { Clock } from './clock.ts';
import type { Emit } from './serve-events.ts';
import type { FreshnessRun, LeftOutTimes, NodeRun } from './store/serve-store.ts';
import type { StoreLink } from './store-link.ts';

/** Milliseconds for which rows are collected for one statement. */
const GATHER_MS = 1000;
/** Length of the queue, so that an unavailable database does not fill the memory. */
const MOST_WAITING = 50_000;
/** Rows per statement. */
const BATCH = 2000;
/** Limit for entries that need one statement each. */
const BATCH_SINGLE = 100;

export class History {
  readonly #link: StoreLink;
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #stopped = new AbortController();
  #nodes: NodeRun[] = [];
  #freshness: FreshnessRun[] = [];
  #begins: (readonly [runId: string, madeOf: string])[] = [];
  #leftOut: LeftOutTimes[] = [];
  #writing: Promise<void> | null = null;

  constructor(link: StoreLink, clock: Clock, emit: Emit) {
    this.#link = link;
    this.#clock = clock;
    this.#emit = emit;
  }

  /** Adds the identity of a run's inputs, before its nodes. */
  addBegin(runId: string, madeOf: string): void {
    this.#begins.push([runId, madeOf]);
    this.#wake();
  }

  addNode(node: NodeRun): void {
    this.#nodes.push(node);
    this.#wake();
  }

  addFreshness(freshness: FreshnessRun): void {
    this.#freshness.push(freshness);
    this.#wake();
  }

  /** Adds skipped due times. */
  addLeftOut(times: LeftOutTimes): void {
    this.#leftOut.push(times);
    this.#wake();
  }

  /** Writes the queue immediately and for the last time. */
  async close(): Promise<void> {
    this.#stopped.abort();
    await this.#writing;
    while (this.#waiting > 0 && (await this.#write()));
  }

  get #waiting(): number {
    return this.#nodes.length + this.#freshness.length + this.#begins.length + this.#leftOut.length;
  }

  #wake(): void {
    this.#writing ??= this.#gather();
  }

  async #gather(): Promise<void> {
    while (!this.#stopped.signal.aborted && this.#waiting > 0) {
      await this.#clock.sleep(GATHER_MS, this.#stopped.signal);
      await this.#write();
    }
    this.#writing = null;
  }

  /** @returns whether the database accepted them */
  async #write(): Promise<boolean> {
    const nodes = this.#nodes.slice(0, BATCH);
    const freshness = this.#freshness.slice(0, BATCH);
    const begins = this.#begins.slice(0, BATCH_SINGLE);
    const leftOut = this.#leftOut.slice(0, BATCH_SINGLE);
    const written = await this.#link.ask(async (store) => {
      for (const begin of begins) await store.begun(...begin);
      // Includes nodes of runs whose beginning is still queued: without it, such a run is repeated completely.
      await store.record(nodes, freshness);
      if (leftOut.length > 0) await store.leaveOut(leftOut);
    });
    if (written !== null) {
      this.#nodes.splice(0, nodes.length);
      this.#freshness.splice(0, freshness.length);
      this.#begins.splice(0, begins.length);
      this.#leftOut.splice(0, leftOut.length);
      return true;
    }
    const over = this.#nodes.length - MOST_WAITING;
    if (over > 0) {
      this.#nodes.splice(0, over);
      this.#emit({ kind: 'history_dropped', rows: over });
    }
    return false;
  }
}
