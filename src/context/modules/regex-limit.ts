// Runs a regular expression of a template with a time limit: only V8's interrupt from outside ends catastrophic
// backtracking. Leaves what the expression means to re.ts.
import { type Context, createContext, Script } from 'node:vm';
import { JinjaError } from '../../values/index.ts';

/** Milliseconds that one search may take. */
const LIMIT = 5_000;

interface Surroundings extends Context {
  work: () => unknown;
}

const script = new Script('work()');
let surroundings: Surroundings | undefined;

/**
 * Runs the work and gives its result.
 * @param pattern for the message
 * @throws JinjaError when it takes longer than five seconds
 */
export function limited<T>(pattern: string, work: () => T): T {
  surroundings ??= createContext(Object.assign(Object.create(null) as object, { work })) as Surroundings;
  surroundings.work = work;
  try {
    return script.runInContext(surroundings, { timeout: LIMIT }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    throw new JinjaError(
      'LimitError',
      `the regular expression ${shown(pattern)} was still searching after ${LIMIT / 1000} s: it goes back and ` +
        'forth without end, as one repetition within another does',
    );
  } finally {
    surroundings.work = () => undefined;
  }
}

function shown(pattern: string): string {
  return pattern.length > 100 ? `${pattern.slice(0, 100)}…` : pattern;
}
