// The time as the scheduler sees it: a parameter, so that a test plays a day in seconds.
import type { Moment } from './store/store.ts';

export interface Clock {
  /** Never goes back; the scheduler corrects it by the database's clock. */
  now(): Moment;
  /** Ends after so many milliseconds, or as soon as the signal is aborted. Never throws. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Sleeps that a call ends early. One object serves a loop that runs for months. */
export class Alarm {
  readonly #clock: Clock;
  #sleep: AbortController | null = null;
  #rung = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends the sleep, or the next one when nobody sleeps. */
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
