// What one rendering shares with every macro that it calls: limits used up so far, the nesting of calls, and the recorder of positions.
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
}

export const DEFAULT_LIMITS: Limits = { steps: 5_000_000, depth: 700, output: 200_000_000 };

/** State of a rendering. Scopes that call each other's macros share one. */
export class RenderState {
  readonly limits: Limits;
  steps = 0;
  depth = 0;
  trace: Trace | null = null;

  constructor(limits: Limits = DEFAULT_LIMITS) {
    this.limits = limits;
  }

  /** Counts one round of a loop that has written `length` characters so far. */
  step(length: number): void {
    if (++this.steps > this.limits.steps) {
      throw new JinjaError('LimitError', `the template has gone through more than ${this.limits.steps} rounds of its loops: it does not seem to end`);
    }
    if (length > this.limits.output) throw this.tooLong();
  }

  enter(): void {
    if (++this.depth > this.limits.depth) {
      this.depth--;
      throw new JinjaError('LimitError', `maximum recursion depth exceeded: macros are nested more than ${this.limits.depth} deep`);
    }
  }

  tooLong(): JinjaError {
    return new JinjaError('LimitError', `the template has written more than ${this.limits.output} characters`);
  }
}
