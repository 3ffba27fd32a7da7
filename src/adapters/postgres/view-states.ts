// What many views were like at one moment, for as long as nothing that this command does can have changed them. Asks
// nothing itself: the adapter reads them and tells what is being changed.

/** Milliseconds after which a view is looked at again: others change things too. */
const LASTS = 60_000;

/** States of views by name; empty until they are read. */
export class ViewStates {
  #states = new Map<string, string>();
  /** Views by what they read. */
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

  /** @returns undefined when it is not known any more what the view is like */
  get(name: string, now: number): string | undefined {
    return now - this.#readAt < LASTS ? this.#states.get(name) : undefined;
  }

  /** A relation is going to be another: what is known of it and of its readers no longer holds. */
  changes(name: string): void {
    this.#states.delete(name);
    for (const reader of this.#readers.get(name) ?? []) this.#states.delete(reader);
  }

  /** Anything may have changed. */
  forget(): void {
    this.#states.clear();
    this.#readers.clear();
  }
}
