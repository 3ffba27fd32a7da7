// Handles signals: the first one asks the command to stop and starts a time limit, the second one ends the process at
// once. Each command decides how it stops.
import { setMaxListeners } from 'node:events';
import { unlessAborted, within } from '../within.ts';

/** Ctrl-C or SIGTERM stopped the command. @param said whether the command has already reported it */
export class Interrupted extends Error {
  readonly said: boolean;

  constructor(said = false) {
    super('Exited because of keyboard interrupt');
    this.said = said;
  }
}

/** Commands that stop on the signal and write their results. The others are abandoned. */
const STOPS_ITSELF = new Set([
  'run',
  'build',
  'test',
  'seed',
  'snapshot',
  'clone',
  'retry',
  'compile',
  'show',
  'query',
  'generate',
  'serve',
  'freshness',
  'load',
  'produce',
]);
/** Commands whose first signal lets running work finish, and whose second signal stops it. */
const DRAINS = new Set(['serve-jobs']);
/** Time limits in milliseconds for such a command, and for closing connections; ten seconds in total. */
const STOP_MS = 8000;
const CLOSE_MS = 1500;
/** Milliseconds within which running work must end after the second signal. */
const DRAINED_MS = 30_000;
/** Wrappers forward a Ctrl-C that has already reached the program: two signals this close count as one. */
const SAME_MS = 300;
const NAMES = ['SIGINT', 'SIGTERM'] as const;
/** The shells' exit code: 128 plus the signal's number. */
const CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** The environment variable of a process that ends with the one that started it. */
export const ENDS_WITH_PARENT = 'TSDBT_ENDS_WITH_PARENT';

let stopped = false;

/** Whether a signal ended a command of this process: its pending work is not awaited. */
export function wasStopped(): boolean {
  return stopped;
}

/** Listens for signals until `dispose`. */
export class Ending {
  readonly #abort = new AbortController();
  readonly #again = new AbortController();
  #drains = false;
  readonly #closers: (() => Promise<unknown>)[] = [];
  readonly #listeners = NAMES.map((name) => ({ name, listener: () => this.#received(name) }));
  #first = 0;

  constructor() {
    // Each table that is loaded listens for the end.
    setMaxListeners(0, this.#abort.signal);
    this.#listen();
  }

  #listen(): void {
    for (const { name, listener } of this.#listeners) process.on(name, listener);
  }

  /** The first signal aborts it. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Stops when the process that started this one, with a channel for messages, has ended: even if it was killed. */
  endWithParent(): void {
    process.once('disconnect', () => this.#received('SIGTERM'));
    // The channel alone must not keep this process alive.
    process.channel?.unref();
  }

  /** The second signal aborts it, for commands that drain after the first. */
  get secondSignal(): AbortSignal {
    return this.#again.signal;
  }

  /**
   * Registers what to close at the end: idle connections would keep the process alive, and a server cancels the work of
   * a stopped command. Closing twice has no effect.
   */
  onEnd(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  /**
   * Returns the result of a command's work.
   * @throws Interrupted if a signal ended the wait, otherwise the work's own error
   */
  async guard<T>(which: string, work: Promise<T>): Promise<T> {
    this.#drains = DRAINS.has(which);
    try {
      if (this.#drains) {
        const drained = await unlessAborted(this.secondSignal, work, DRAINED_MS);
        if (drained === null) throw new Interrupted();
        return drained.value;
      }
      const done = await unlessAborted(this.signal, work, STOPS_ITSELF.has(which) ? STOP_MS : 0);
      if (done === null) throw new Interrupted();
      return done.value;
    } catch (error) {
      // After a signal, errors result from closed connections.
      throw this.signal.aborted && !(error instanceof Interrupted) ? new Interrupted() : error;
    } finally {
      await within(Promise.allSettled(this.#closers.map((close) => close())), CLOSE_MS);
    }
  }

  /**
   * Runs long synchronous work, which must not leave anything incomplete. It blocks the event loop, so listeners are
   * removed and a signal ends the process by default. PID 1 of a container has no such default: it handles the signal
   * afterwards.
   * @throws Interrupted if a signal came before
   */
  async withoutWaiting<T>(work: () => T): Promise<T> {
    // Removing a listener loses a signal that arrived earlier in this turn of the event loop: Node reports it in the
    // next turn, which ends with the second callback.
    await new Promise((resolve) => {
      setImmediate(() => setImmediate(resolve));
    });
    if (this.signal.aborted) throw new Interrupted();
    const deaf = process.pid !== 1;
    if (deaf) this.dispose();
    try {
      return work();
    } finally {
      if (deaf) this.#listen();
    }
  }

  dispose(): void {
    for (const { name, listener } of this.#listeners) process.off(name, listener);
  }

  #received(name: (typeof NAMES)[number]): void {
    if (!this.signal.aborted) {
      stopped = true;
      this.#first = performance.now();
      this.#abort.abort(name);
    } else if (performance.now() - this.#first > SAME_MS) {
      if (!this.#drains || this.#again.signal.aborted) process.exit(CODES[name]);
      this.#first = performance.now();
      this.#again.abort(name);
    }
  }
}

/** @throws Interrupted as soon as the signal is aborted; the work continues and its result is ignored */
export async function unlessStopped<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const done = await unlessAborted(signal, work);
  if (done === null) throw new Interrupted();
  return done.value;
}
