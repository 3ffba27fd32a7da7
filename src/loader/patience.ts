// Retries while database, broker or registry are unavailable. A stop or `--timeout` ends the wait, whatever hangs.
import { TsdbtError } from '../errors.ts';
import type { LoadTarget } from './settings/load-target.ts';
import type { LoadEvent } from './events.ts';

export interface PatienceOptions {
  readonly target: LoadTarget;
  readonly signal: AbortSignal;
  /** Milliseconds after which waiting ends with an error; null: never. */
  readonly timeoutMs: number | null;
  readonly now: () => number;
  readonly notify: (event: LoadEvent) => void;
  readonly pause: (ms: number) => Promise<void>;
  /** Aborts work that hangs when loading is stopped. */
  readonly stop: () => void;
  /** Whether the database responds. If so, a long statement is running, or waits for a lock. */
  readonly alive: () => Promise<boolean>;
}

/** Loading was stopped, and work in flight did not end in time, or database or broker are unavailable. */
export class Unfinished extends Error {}

/** A failure handler that returns a value once loading was stopped: what was read before is still written. */
export function whenStopped<T>(instead: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Unfinished) return instead;
    throw error;
  };
}

const LONGEST_WAIT_MS = 30_000;
/** A database that takes longer to respond counts as unavailable. */
const ALIVE_MS = 5000;
/** Seconds, as reported, for which a failing partition backs off while others continue. */
const PARTITION_WAIT_S = 5;
/** Time that running work has after a stop. */
const GRACE_MS = 4000;

export class Patience {
  readonly #options: PatienceOptions;
  readonly #open = new Set<(reason: Error) => void>();
  #grace: NodeJS.Timeout | null = null;
  #over = false;
  #partial: string | null = null;
  readonly #asked = (): void => {
    this.#grace = setTimeout(() => {
      this.#over = true;
      this.#options.stop();
      for (const reject of this.#open) reject(new Unfinished('stopped'));
    }, GRACE_MS);
  };

  constructor(options: PatienceOptions) {
    this.#options = options;
    if (options.signal.aborted) this.#asked();
    else options.signal.addEventListener('abort', this.#asked, { once: true });
  }

  /** Ends all waits. */
  close(): void {
    if (this.#grace !== null) clearTimeout(this.#grace);
    this.#options.signal.removeEventListener('abort', this.#asked);
  }

  /** Some partitions wait while others continue. @param message what they wait for; null: none waits */
  partly(message: string | null): void {
    const { target, notify } = this.#options;
    if (message !== null && this.#partial === null)
      notify({ kind: 'waiting', target, message, seconds: PARTITION_WAIT_S });
    else if (message === null && this.#partial !== null) notify({ kind: 'resumed', target });
    this.#partial = message;
  }

  /**
   * Retries while database or broker are unavailable.
   * @param failed throws if waiting is useless
   * @param meanwhile runs after each failure
   * @param statement the work is a statement, which is not cancelled while the database responds
   * @throws Unfinished, and every permanent error
   */
  async wait<T>(
    work: () => Promise<T>,
    failed: () => void,
    meanwhile?: () => Promise<void>,
    statement = false,
  ): Promise<T> {
    const { target, notify, signal, pause, now, timeoutMs } = this.#options;
    const began = now();
    let last = 'neither the broker nor the database answers, or the table is locked';
    for (let attempt = 0; ; attempt++) {
      failed();
      const left = timeoutMs === null ? null : timeoutMs - (now() - began);
      try {
        const result = await this.#limited(work, left, statement);
        if (attempt > 0) notify({ kind: 'resumed', target });
        return result;
      } catch (error) {
        if (error instanceof OutOfTime) throw this.timedOut(last);
        await meanwhile?.();
        if (!passes(error)) throw error;
        if (signal.aborted) throw new Unfinished('stopped');
        [last = ''] = (error as Error).message.split('\n');
        const wait = Math.min(LONGEST_WAIT_MS, 200 * 2 ** Math.min(attempt, 8), left ?? LONGEST_WAIT_MS);
        if (left !== null && left <= 0) throw this.timedOut(last);
        notify({ kind: 'waiting', target, message: last, seconds: Math.ceil(wait / 100) / 10 });
        await pause(wait);
      }
    }
  }

  /** @param why what it waits for */
  timedOut(why: string): TsdbtError {
    const { target, timeoutMs } = this.#options;
    return new TsdbtError(
      'runtime',
      `Loading ${target.name} gave up after ${Math.round((timeoutMs ?? 0) / 1000)} s without progress: ${why}`,
      {
        hint:
          'Nothing is lost; the next load goes on from where the table is. --timeout sets how long `load --once` ' +
          'waits.',
      },
    );
  }

  #limited<T>(work: () => Promise<T>, left: number | null, statement: boolean): Promise<T> {
    if (this.#over) return Promise.reject(new Unfinished('stopped'));
    return new Promise<T>((resolve, reject) => {
      let timer: NodeJS.Timeout | null = null;
      let done = false;
      const late = async (): Promise<void> => {
        if (statement && (await this.#lives())) {
          if (!done) wait(this.#options.timeoutMs ?? 0);
          return;
        }
        this.#options.stop();
        reject(new OutOfTime());
      };
      const wait = (ms: number): void => {
        timer = setTimeout(() => void late(), Math.max(0, ms));
      };
      if (left !== null) wait(left);
      this.#open.add(reject);
      work()
        .then(resolve, reject)
        .finally(() => {
          done = true;
          this.#open.delete(reject);
          if (timer !== null) clearTimeout(timer);
        });
    });
  }

  async #lives(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const silent = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(false), ALIVE_MS);
    });
    return Promise.race([this.#options.alive(), silent]).finally(() => clearTimeout(timer));
  }
}

/** An error sent by the database proves that it responds. */
export function answered(error: unknown): boolean {
  return error instanceof TsdbtError && error.kind === 'database' && error.details.code !== undefined;
}

class OutOfTime extends Error {}

/**
 * ClickHouse's transient errors: timeouts, network, Keeper, memory, full disks, too many parts or queries, ended
 * sessions and statements, missing or read-only tables.
 */
const CLICKHOUSE_PASSES: ReadonlySet<string> = new Set(
  [
    60, 81, 159, 160, 164, 198, 202, 203, 209, 210, 218, 225, 236, 241, 242, 243, 244, 252, 254, 265, 279, 285, 286,
    289, 297, 317, 319, 342, 345, 364, 372, 373, 394, 397, 415, 416, 425, 439, 449, 473, 499, 529, 574, 595, 614, 668,
    700, 722, 730, 736, 999,
  ].map(String),
);

/**
 * Whether the error is transient: connections, restarts, locks, full disks, a missing or locked table. SQLSTATE classes
 * 08, 40, 53, 55, 57, 58; 42P01; 25006: the server has become a standby; 25P03: this process was stopped during a
 * flush.
 */
function passes(error: unknown): boolean {
  if (!(error instanceof TsdbtError)) return false;
  const { code } = error.details;
  if (error.kind === 'connection') return code === undefined || !/^(28|3D)/.test(code);
  if (error.kind !== 'database') return false;
  // ClickHouse's codes are numbers of up to four digits.
  if (code !== undefined && code.length < 5) return CLICKHOUSE_PASSES.has(code);
  return code === undefined
    ? /server closed the connection|Connection terminated|embedded ClickHouse ended|socket hang up|aborted/.test(
        error.message,
      )
    : /^(08|40|53|55|57|58)/.test(code) || code === '42P01' || code === '25006' || code === '25P03';
}
