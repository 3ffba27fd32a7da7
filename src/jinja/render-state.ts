// What one rendering shares with every macro that it calls: limits used up so far, the nesting of calls, and the
// recorder of positions.
import { checkMemory } from '../values/budget.ts';
import { JinjaError } from '../values/python-error.ts';
import type { Trace } from './trace.ts';

/** Limits that no honest template reaches; beyond them rendering fails with a clear error. */
export interface Limits {
  /** Rounds of loops in one rendering. */
  readonly steps: number;
  /** Macros inside of each other. */
  readonly depth: number;
  /** Characters of one output. */
  readonly output: number;
  /** Seconds that a rendering may run without yielding to the event loop, where there is a clock. */
  readonly seconds: number;
  /** Milliseconds, of whatever the seconds are of. */
  readonly clock: (() => number) | null;
}

/** Iterations between two checks of the clock and the heap. */
const LOOK = 64;

export const DEFAULT_LIMITS: Limits = { steps: 5_000_000, depth: 700, output: 100_000_000, seconds: 20, clock: null };

/** State of a rendering. Scopes that call each other's macros share one. */
export class RenderState {
  readonly limits: Limits;
  steps = 0;
  depth = 0;
  trace: Trace | null = null;
  /** Start of the stretch without a yield to the event loop; null before the first check. */
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

  /** Ends a loop whose iterations are slow or keep much memory, before it reaches the limit of iterations. */
  #look(): void {
    checkMemory();
    const { clock, seconds } = this.limits;
    if (clock === null) return;
    if (this.#since === null) {
      this.#since = clock();
      // The time limit starts anew once the rendering yields to the event loop.
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
