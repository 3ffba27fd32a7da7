// A clock whose time advances only while all tasks sleep: a day takes seconds. Several hosts can share one.
import type { Clock } from '../../../src/serve/clock.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

export class FakeClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<Sleeper>();

  constructor(start: number) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#sleepers.delete(sleeper);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      const sleeper: Sleeper = { at: this.#now + Math.max(0, ms), wake };
      this.#sleepers.add(sleeper);
      signal.addEventListener('abort', wake);
    });
  }

  /** Advances the time to a point. */
  async pass(until: number): Promise<void> {
    for (;;) {
      await idle();
      let next: Sleeper | null = null;
      for (const sleeper of this.#sleepers) if (next === null || sleeper.at < next.at) next = sleeper;
      if (next === null || next.at > until) break;
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
    this.#now = until;
  }

  /** Advances the time until some work is done. */
  async finish(work: Promise<unknown>): Promise<void> {
    let over = false;
    const done = work.finally(() => {
      over = true;
    });
    for (;;) {
      await idle();
      if (over) break;
      const next = Math.min(...[...this.#sleepers].map(({ at }) => at));
      if (!Number.isFinite(next)) throw new Error('everybody waits, and nobody sleeps');
      await this.pass(next);
    }
    await done;
  }

  /** The number of sleepers, which must be 0 at the end. */
  get sleeping(): number {
    return this.#sleepers.size;
  }
}

/** Waits until no promise of this process can continue without a timer. */
function idle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
