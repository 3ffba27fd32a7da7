// How signals end a command: the first one tells it to stop and sets a limit, the second one ends the process at once.
// What a command does about the first is its own.
import { unlessAborted, within } from '../within.ts';

/** Ctrl-C or SIGTERM: the command was stopped. @param said it has told so already */
export class Interrupted extends Error {
  readonly said: boolean;

  constructor(said = false) {
    super('Exited because of keyboard interrupt');
    this.said = said;
  }
}

/** Commands that stop by themselves when they are told, and write what they have done. The others are just left. */
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
  'generate',
  'serve',
  'freshness',
  'load',
  'produce',
]);
/** Milliseconds that such a command has, and that closing connections may take; ten seconds in all. */
const STOP_MS = 8000;
const CLOSE_MS = 1500;
/** Wrappers forward a Ctrl-C that has already reached the program: two signals this close count as one. */
const SAME_MS = 300;
const NAMES = ['SIGINT', 'SIGTERM'] as const;
/** The shells' exit code: 128 plus the signal's number. */
const CODES = { SIGINT: 130, SIGTERM: 143 } as const;

let stopped = false;

/** Whether a signal has ended a command of this process: what it has left behind is not waited for. */
export function wasStopped(): boolean {
  return stopped;
}

/** Listens for signals until `dispose`. */
export class Ending {
  readonly #abort = new AbortController();
  readonly #closers: (() => Promise<unknown>)[] = [];
  readonly #listeners = NAMES.map((name) => ({ name, listener: () => this.#received(name) }));
  #first = 0;

  constructor() {
    this.#listen();
  }

  #listen(): void {
    for (const { name, listener } of this.#listeners) process.on(name, listener);
  }

  /** Aborted by the first signal. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** What is to be closed when the command is stopped, so that the server learns of it. */
  onStop(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  /**
   * What the work of a command gives.
   * @throws Interrupted when a signal has ended the wait for it; the work's own error otherwise
   */
  async guard<T>(which: string, work: Promise<T>): Promise<T> {
    try {
      const done = await unlessAborted(this.signal, work, STOPS_ITSELF.has(which) ? STOP_MS : 0);
      if (done === null) throw new Interrupted();
      return done.value;
    } catch (error) {
      // What fails then fails because its connections are closed.
      throw this.signal.aborted && !(error instanceof Interrupted) ? new Interrupted() : error;
    } finally {
      if (this.signal.aborted) await within(Promise.all(this.#closers.map((close) => close())), CLOSE_MS);
    }
  }

  /**
   * Long work that waits for nothing, during which no listener is heard: a signal then ends the process by itself.
   * Nothing may be half done by it. As the first process of a container it would be deaf then, and hears afterwards.
   * @throws Interrupted when a signal has come before
   */
  async withoutWaiting<T>(work: () => T): Promise<T> {
    await new Promise((resolve) => {
      setImmediate(resolve);
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
    } else if (performance.now() - this.#first > SAME_MS) process.exit(CODES[name]);
  }
}

/** @throws Interrupted as soon as the signal is aborted; the work then goes on unattended */
export async function unlessStopped<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const done = await unlessAborted(signal, work);
  if (done === null) throw new Interrupted();
  return done.value;
}
