// What one rendering shares with every macro that it calls: limits used up so far, the nesting of calls, and the
// recorder of positions.
import { checkMemory } from '../values/budget.ts';
import { JinjaError } from '../values/python-error.ts';
import type { Trace } from './trace.ts';

/** Bounds that no honest template reaches; they end the others with a clear error. */
export interface Limits {
  /** Rounds of loops in one rendering. */
  readonly steps: number;
  /** Macros inside of each other. */
  readonly depth: number;
  /** Characters of one output. */
  readonly output: number;
  /** Seconds that a rendering may go on without waiting for anything, where there is a clock. */
  readonly seconds: number;
  /** Milliseconds. */
  readonly clock: (() => number) | null;
}

/** Rounds between two looks at the clock and the memory. */
const LOOK = 64;

export const DEFAULT_LIMITS: Limits = { steps: 5_000_000, depth: 700, output: 100_000_000, seconds: 20, clock: null };

/** State of a rendering. Scopes that call each other's macros share one. */
export class RenderState {
  readonly limits: Limits;
  steps = 0;
  depth = 0;
  trace: Trace | null = null;
  /** When the program last had nothing to wait for; null before the first look. */
  #since: number | null = null;

  constructor(limits: Limits = DEFAULT_LIMITS) {
    this.limits = limits;
  }

  /** Counts one round of a loop that has written `length` characters so far. */
  step(length: number): void {
    if (++this.steps > this.limits.steps) {
      throw new JinjaError(
        'LimitError',
        `the template has gone through more than ${this.limits.steps} rounds of its loops: it does not seem to end`,
      );
    }
    if (length > this.limits.output) throw this.tooLong();
    if (this.steps % LOOK === 0) this.#look();
  }

  /** A loop whose rounds are long, or keep much, ends before its rounds are used up. */
  #look(): void {
    checkMemory();
    const { clock, seconds } = this.limits;
    if (clock === null) return;
    if (this.#since === null) {
      this.#since = clock();
      // Once the program waits for something, time counts anew.
      setImmediate(() => {
        this.#since = null;
      }).unref();
    } else if (clock() - this.#since > seconds * 1000) {
      throw new JinjaError(
        'LimitError',
        `the template has gone through its loops for more than ${seconds} s: it does not seem to end`,
      );
    }
  }

  enter(): void {
    if (++this.depth > this.limits.depth) {
      this.depth--;
      throw new JinjaError(
        'LimitError',
        `maximum recursion depth exceeded: macros are nested more than ${this.limits.depth} deep`,
      );
    }
  }

  tooLong(): JinjaError {
    return new JinjaError('LimitError', `the template has written more than ${this.limits.output} characters`);
  }
}
