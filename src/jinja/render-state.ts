// State that a rendering shares with every macro it calls: consumed limits, call depth, and the trace.
import { checkMemory } from '../values/budget.ts';
import { JinjaError } from '../values/python-error.ts';
import type { Trace } from './trace.ts';

/** Limits far above what legitimate templates need. A rendering that exceeds one fails with a clear error. */
export interface Limits {
  /** Loop iterations per rendering. */
  readonly steps: number;
  /** Depth of nested macro calls. */
  readonly depth: number;
  /** Characters per output. */
  readonly output: number;
  /** Seconds that a rendering may run without yielding to the event loop, if there is a clock. */
  readonly seconds: number;
  /** The clock, in milliseconds since any fixed point. */
  readonly clock: (() => number) | null;
}

/** Iterations between two checks of the clock and the heap. */
const LOOK = 64;

export const DEFAULT_LIMITS: Limits = { steps: 5_000_000, depth: 700, output: 100_000_000, seconds: 20, clock: null };

/** State of one rendering. Scopes that call each other's macros share it. */
export class RenderState {
  readonly limits: Limits;
  steps = 0;
  depth = 0;
  trace: Trace | null = null;
  /** When the rendering last yielded to the event loop; null before the first check. */
  #since: number | null = null;

  constructor(limits: Limits = DEFAULT_LIMITS) {
    this.limits = limits;
  }

  /** Counts one loop iteration; the loop has written `length` characters so far. */
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

  /** Ends a loop whose iterations are slow or retain much memory before it reaches the iteration limit. */
  #look(): void {
    checkMemory();
    const { clock, seconds } = this.limits;
    if (clock === null) return;
    if (this.#since === null) {
      this.#since = clock();
      // The time limit starts again each time the rendering yields to the event loop.
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
