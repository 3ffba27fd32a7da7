// A serial queue: tasks run one at a time, in the order in which they were added. A failed task does not stop the ones
// after it. And the same work for several items, a few at a time.

export class InOrder {
  #last: Promise<unknown> = Promise.resolve();
  #unfinished = 0;

  /** Whether all tasks have ended. */
  get isIdle(): boolean {
    return this.#unfinished === 0;
  }

  /** Resolves when all tasks have ended. Never rejects. */
  get ended(): Promise<unknown> {
    return this.#last;
  }

  /** Runs a task after all earlier ones. @returns its result @throws its error */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#unfinished++;
    const result = this.#last.then(work);
    const ended = (): void => {
      this.#unfinished--;
    };
    // The result is not kept.
    this.#last = result.then(ended, ended);
    return result;
  }
}

/**
 * Runs the work of several items, in their order, a few at a time.
 * @throws the first failure, after all running ones have ended
 */
export async function severally<T>(all: readonly T[], atOnce: number, work: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...all].reverse();
  const worker = async (): Promise<void> => {
    for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) await work(one);
  };
  const workers = await Promise.allSettled(Array.from({ length: Math.min(atOnce, waiting.length) }, worker));
  const failed = workers.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
}
