// Runs a regular expression of a template with a time limit. Only V8's interrupt can end catastrophic backtracking.
import { type Context, createContext, Script } from 'node:vm';
import { JinjaError } from '../../values/index.ts';

/** Time limit of one search in milliseconds. */
const LIMIT = 5_000;

interface Surroundings extends Context {
  work: () => unknown;
}

const script = new Script('work()');
let surroundings: Surroundings | undefined;

/** Text length up to which a single repetition is fast from any start position. */
const SHORT = 10_000;
/** Number of optional parts and alternatives, each of which can double the work. */
const CHOICES = 4;

const quick = new Map<string, boolean>();

/**
 * Whether a search cannot backtrack for long: at most one repetition, of one character or class, and few alternatives.
 */
function isQuick(source: string): boolean {
  let known = quick.get(source);
  if (known === undefined) {
    const plain = source
      .replace(/\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|.)/gsu, 'a')
      .replace(/\[[^[\]]*\]/g, 'a')
      .replace(/\(\?<?[!=][^()*+{?|]*\)|\(\?:/g, (start) => (start === '(?:' ? '(' : ''));
    const repeated = plain.match(/[*+{]/g)?.length ?? 0;
    const choices = plain.match(/[?|]/g)?.length ?? 0;
    known = repeated <= 1 && choices <= CHOICES && !/\)[*+{?]|\(\?|\[/.test(plain);
    quick.set(source, known);
  }
  return known;
}

/**
 * Runs a search and returns its result. Enforcing the time limit costs far more than most searches, so fast searches
 * run without it.
 * @param pattern used in the message
 * @param search the text and the expression; null if the search may be slow
 * @throws JinjaError if the search takes longer than five seconds
 */
export function limited<T>(pattern: string, work: () => T, search: { source: string; text: string } | null = null): T {
  if (search !== null && search.text.length <= SHORT && isQuick(search.source)) return work();
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
