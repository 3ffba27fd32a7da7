// Functions that mask their arguments. Lineage reports for each source of a column the masks that every path to it
// passes through.

/** Aggregates that count rows or distinct values. They return none of the values. */
const COUNTS =
  'count countDistinct uniq uniqExact uniqCombined uniqCombined64 uniqHLL12 uniqTheta approx_count_distinct'.split(' ');
/** Number of masks that flows can tell apart. */
export const MOST_MASKS = 20;
/** The bits of a flow's kind that hold the kind; those above hold masks. */
export const KIND_BITS = 3;
const COUNT_NAME = 'count';

/** Names in lower case: databases compare names of functions like that, except a few. */
export class Masks {
  readonly names: readonly string[];
  /** As in the project. */
  readonly written: readonly string[];
  readonly #bits = new Map<string, number>();

  /** @param names of functions, at most `MOST_MASKS`. Without any, no masks are reported. */
  constructor(names: readonly string[] | null) {
    this.written = [...new Set(names ?? [])];
    if (names === null) {
      this.names = [];
      return;
    }
    const own = [...new Set(names.map((name) => name.toLowerCase()))].filter((name) => name !== COUNT_NAME).sort();
    this.names = [COUNT_NAME, ...own.slice(0, MOST_MASKS)];
    for (const name of COUNTS) this.#bits.set(name.toLowerCase(), 1 << KIND_BITS);
    for (const [at, name] of this.names.entries()) this.#bits.set(name, 1 << (KIND_BITS + at));
  }

  /** The bits of a call. @param path parts of the function's name */
  bitsOf(path: readonly string[]): number {
    if (this.#bits.size === 0) return 0;
    const name = (path.at(-1) ?? '').toLowerCase();
    return (this.#bits.get(name) ?? 0) | (path.length < 2 ? 0 : (this.#bits.get(path.join('.').toLowerCase()) ?? 0));
  }

  /** @param kind of a flow, with its bits */
  namesOf(kind: number): string[] {
    return this.names.filter((_, at) => (kind & (1 << (KIND_BITS + at))) !== 0);
  }
}

export const NO_MASKS = new Masks(null);
