// A serial queue: tasks run one at a time, in the order in which they were added. A failed task does not stop the ones
// after it.

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
