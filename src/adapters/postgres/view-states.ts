// States of many views at one moment, valid until this command may have changed them. Runs no query: the adapter reads
// states and reports changes.

/** States expire after so many milliseconds: others change views, too. */
const LASTS = 60_000;

/** States of views by name; empty until they are read. */
export class ViewStates {
  #states = new Map<string, string>();
  /** Readers by the relation that they read. */
  #readers = new Map<string, string[]>();
  #readAt = 0;

  /**
   * @param now milliseconds, here and below of the same clock
   * @param views each with its name, its state and the names of the relations that it reads
   */
  fill(
    now: number,
    views: Iterable<{ readonly name: string; readonly state: string; readonly reads: readonly string[] }>,
  ): void {
    this.forget();
    this.#readAt = now;
    for (const { name, state, reads } of views) {
      this.#states.set(name, state);
      for (const read of reads) {
        const readers = this.#readers.get(read);
        if (readers) readers.push(name);
        else this.#readers.set(read, [name]);
      }
    }
  }

  /** @returns undefined when the view's state is not known */
  get(name: string, now: number): string | undefined {
    return now - this.#readAt < LASTS ? this.#states.get(name) : undefined;
  }

  /** A relation changes: its own state and those of its readers are out of date. */
  changes(name: string): void {
    this.#states.delete(name);
    for (const reader of this.#readers.get(name) ?? []) this.#states.delete(reader);
  }

  /** Invalidates all states. */
  forget(): void {
    this.#states.clear();
    this.#readers.clear();
  }
}
