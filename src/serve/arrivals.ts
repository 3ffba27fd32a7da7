// When jobs that follow sources are due: some time after rows have arrived. What tells that they have is the runner's.
import type { Moment } from './store/store.ts';

/** A source in which rows arrive without a pause is waited for this many times as long. */
const LONGEST = 4;

/** What is known of the sources of one job. */
export class Arrivals {
  readonly #debounceMs: number;
  #mark: string | null = null;
  /** A look has found nothing that could be read: a table that comes has rows that nobody has seen. */
  #wasAbsent = false;
  #firstAt: Moment | null = null;
  #lastAt: Moment = 0;

  /** @param debounceMs rows that arrive within are one arrival */
  constructor(debounceMs: number) {
    this.#debounceMs = debounceMs;
  }

  /** Rows may have arrived while nobody looked, or for a run that came to nothing. */
  assume(now: Moment): void {
    this.#firstAt ??= now;
    this.#lastAt = now - this.#debounceMs;
  }

  /**
   * @param mark another one than last time: rows have arrived. The first one is what rows are compared with, unless
   * nothing was there before. null: nothing can be read now, as of a table that is not there yet
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

  /** When the first of the rows came that no run has begun with; null: there are none. */
  get since(): Moment | null {
    return this.#firstAt;
  }

  /** When a run is due; null: nothing has arrived. Whole seconds, so that hosts name the same moment. */
  get due(): Moment | null {
    if (this.#firstAt === null) return null;
    const quiet = Math.min(this.#lastAt + this.#debounceMs, this.#firstAt + LONGEST * this.#debounceMs);
    return Math.ceil(quiet / 1000) * 1000;
  }

  /** A run has begun, which sees what has arrived. */
  begin(): void {
    this.#firstAt = null;
  }
}
