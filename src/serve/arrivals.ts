// When jobs that follow sources are due: some time after rows arrived. The runner detects arrivals.
import type { Moment } from './store/serve-store.ts';

/** If rows keep arriving without a pause, the wait is at most this many times as long. */
const LONGEST = 4;

/** The state of the sources of one job. */
export class Arrivals {
  readonly #debounceMs: number;
  #mark: string | null = null;
  /** A check found nothing that could be read: if a table appears later, its rows are new. */
  #wasAbsent = false;
  #firstAt: Moment | null = null;
  #lastAt: Moment = 0;

  /** @param debounceMs rows within this time count as one arrival */
  constructor(debounceMs: number) {
    this.#debounceMs = debounceMs;
  }

  /** Rows may have arrived between checks, or for a run that did not take place. */
  assume(now: Moment): void {
    this.#firstAt ??= now;
    this.#lastAt = now - this.#debounceMs;
  }

  /**
   * @param mark differs from the last one if rows have arrived. The first one is the baseline, unless nothing could be
   *   read before it. null: nothing can be read now, for example from a missing table
   */
  look(mark: string | null, now: Moment): void {
    if (mark === null) {
      this.#wasAbsent ||= this.#mark === null;
      return;
    }
    if (this.#mark === null ? this.#wasAbsent : mark !== this.#mark) {
      this.#firstAt ??= now;
      this.#lastAt = now;
    }
    this.#mark = mark;
  }

  /** Arrival time of the first rows that no run has started with; null: there are none. */
  get since(): Moment | null {
    return this.#firstAt;
  }

  /** When a run is due; null: nothing has arrived. In whole seconds, so that hosts compute the same time. */
  get due(): Moment | null {
    if (this.#firstAt === null) return null;
    const quiet = Math.min(this.#lastAt + this.#debounceMs, this.#firstAt + LONGEST * this.#debounceMs);
    return Math.ceil(quiet / 1000) * 1000;
  }

  /** A run that sees the arrived rows has started. */
  begin(): void {
    this.#firstAt = null;
  }
}
