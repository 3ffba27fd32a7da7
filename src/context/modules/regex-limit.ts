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

/** Characters of a text in which one repetition is quick, from wherever it starts. */
const SHORT = 10_000;
/** Optional parts and alternatives, each of which may double the work. */
const CHOICES = 4;

const quick = new Map<string, boolean>();

/**
 * Whether no search can go back and forth for long: at most one repetition, of one character or class, and few choices.
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
 * Runs the work and gives its result. Watching the time costs far more than most searches, so those that cannot last
 * are not watched.
 * @param pattern for the message
 * @param search what is searched by which expression; null: it may be slow
 * @throws JinjaError when it takes longer than five seconds
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
