// The scheduler's time, passed as a parameter, so that a test can simulate a day in seconds.
import type { Moment } from './store/serve-store.ts';

export interface Clock {
  /** Monotonic. The scheduler corrects it by the database's clock. */
  now(): Moment;
  /** Resolves after the given milliseconds, or as soon as the signal is aborted. Never throws. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Sleeps that a call can end early. One object serves a loop that runs for months. */
export class Alarm {
  readonly #clock: Clock;
  #sleep: AbortController | null = null;
  #rung = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the current sleep, or the next one. */
  ring(): void {
    if (this.#sleep === null) this.#rung = true;
    else this.#sleep.abort();
  }

  async sleep(ms: number): Promise<void> {
    if (!this.#rung && ms > 0) {
      this.#sleep = new AbortController();
      await this.#clock.sleep(ms, this.#sleep.signal);
      this.#sleep = null;
    }
    this.#rung = false;
  }
}
