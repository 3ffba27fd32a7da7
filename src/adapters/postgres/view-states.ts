// States of many views as of one moment, valid until this command may have changed them. The adapter reads states and
// reports changes.

/** Milliseconds after which states expire, because others change views as well. */
const LASTS = 60_000;

/** States of views by name; empty until they are read. */
export class ViewStates {
  #states = new Map<string, string>();
  /** Readers by the relation that they read. */
  #readers = new Map<string, string[]>();
  #readAt = 0;

  /**
   * @param now milliseconds; all times here must come from the same clock
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

  /** @returns undefined if the view's state is not known */
  get(name: string, now: number): string | undefined {
    return now - this.#readAt < LASTS ? this.#states.get(name) : undefined;
  }

  /** A relation changes: its own state and those of its readers become outdated. */
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
