// Queries the store, whose database may be unavailable: reports that once, and once when it is back. The caller decides
// what to do in the meantime.
import type { Clock } from './clock.ts';
import type { Emit } from './serve-events.ts';
import type { Moment, Store } from './store/serve-store.ts';

/** A jump of the database's clock that is reported, in milliseconds. */
const JUMP_MS = 5000;

export class StoreLink {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #emit: Emit;
  #offset: number | null = null;
  #opened = false;
  #awaySince: Moment | null = null;

  constructor(store: Store, clock: Clock, emit: Emit) {
    this.#store = store;
    this.#clock = clock;
    this.#emit = emit;
  }

  get away(): boolean {
    return !this.#opened || this.#awaySince !== null;
  }

  /** The time by the database's clock, which all hosts share. */
  now(): Moment {
    return this.#clock.now() + (this.#offset ?? 0);
  }

  /** Opens the store, or reopens it after a failure, and reads its clock. @returns whether it is available */
  async open(): Promise<boolean> {
    const opened = await this.#attempt(async (store) => {
      await store.open();
      await this.#readClock(store);
    });
    if (opened === null) return false;
    this.#opened = true;
    if (this.#awaySince !== null) this.#emit({ kind: 'database_back', awayMs: this.#clock.now() - this.#awaySince });
    this.#awaySince = null;
    return true;
  }

  /** Compares the clocks. */
  async syncClock(): Promise<void> {
    await this.ask((store) => this.#readClock(store));
  }

  /** @returns null if the database does not respond */
  async ask<T>(question: (store: Store) => Promise<T>): Promise<{ readonly value: T } | null> {
    return this.#attempt(question);
  }

  async #attempt<T>(question: (store: Store) => Promise<T>): Promise<{ readonly value: T } | null> {
    try {
      return { value: await question(this.#store) };
    } catch (error) {
      if (this.#awaySince === null) {
        this.#awaySince = this.#clock.now();
        const [reason = ''] = (error instanceof Error ? error.message : String(error)).trim().split('\n');
        this.#emit({ kind: 'database_away', reason });
      }
      return null;
    }
  }

  async #readClock(store: Store): Promise<void> {
    const asked = this.#clock.now();
    const theirs = await store.now();
    const offset = theirs - (asked + this.#clock.now()) / 2;
    const moved = this.#offset === null ? 0 : offset - this.#offset;
    this.#offset = offset;
    if (Math.abs(moved) >= JUMP_MS) this.#emit({ kind: 'clock_moved', byMs: moved });
  }
}
