// Work of which one piece runs after the other, as it was asked for. A piece that fails stops none behind it.

export class InOrder {
  #last: Promise<unknown> = Promise.resolve();

  /** Resolves when all that was asked for has ended. Never rejects. */
  get ended(): Promise<unknown> {
    return this.#last;
  }

  /** Runs work behind all earlier work. @returns what it gives @throws what it throws */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    // What it gives is not kept.
    this.#last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }
}
