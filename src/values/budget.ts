// How much one template may build and walk: limits that no honest template reaches, checked by the functions that build
// or walk a value. Leaves rounds of loops and nesting of macros to jinja/render-state.ts.
//
// The counters belong to the module, not to a rendering. A walk never waits: it begins and ends before another build of
// the process runs a line. The heap that is measured is the process's. docs/architecture/jinja.md has what a parameter
// in their place costs.
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { JinjaError } from './python-error.ts';

/** Items of a list, tuple, dict or set. */
export const MAX_ITEMS = 5_000_000;
/** Characters of a text. */
export const MAX_TEXT = 40_000_000;
/** Lists within lists that are printed, compared or written; Python stops at about 1,000. */
const MAX_DEPTH = 400;
/** Lists, dicts and tuples that one walk visits: printing, comparison or serialization. */
const MAX_WALKED = 2_000_000;
/** After so many new items and characters the heap is measured. */
const LARGE = 1_000_000;
/** Bytes that the heap may grow by over the baseline of a rendering. */
const MAX_GROWTH = 900_000_000;

/** The share of the process's heap limit that a template may fill. */
const MAX_SHARE = 0.8;

/** The walk through a value that goes on now. */
export const walk = {
  /** Lists, dicts and tuples around the place. */
  depth: 0,
  /** Those gone through since the walk began. */
  seen: 0,
};

/** Items and characters made since the heap was last measured. */
let made = 0;
/** Baseline of a rendering: the heap in use at its first measurement, or the least since; 0 before that. */
let baseline = 0;
let collectGarbage: (() => void) | undefined;

/** @throws JinjaError when a value of so many items is more than a template may build */
export function checkItems(count: number): void {
  if (count > MAX_ITEMS)
    throw new JinjaError(
      'MemoryError',
      `a sequence of ${count} items is longer than a template may build (${MAX_ITEMS})`,
    );
  charge(count);
}

/** @throws JinjaError when a text of so many characters is more than a template may build */
export function checkText(length: number): void {
  if (length > MAX_TEXT)
    throw new JinjaError(
      'MemoryError',
      `a text of ${length} characters is longer than a template may build (${MAX_TEXT})`,
    );
  charge(length);
}

function charge(size: number): void {
  made += size;
  if (made >= LARGE) checkMemory();
}

/** The text itself, when it is not too long. */
export function bounded(text: string): string {
  if (text.length > LARGE) checkText(text.length);
  return text;
}

/** @throws JinjaError when the values that are kept take more memory than a template may use */
export function checkMemory(): void {
  made = 0;
  let used = getHeapStatistics().used_heap_size;
  if (baseline === 0 || used < baseline) baseline = used;
  const most = Math.min(baseline + MAX_GROWTH, getHeapStatistics().heap_size_limit * MAX_SHARE);
  if (used <= most) return;
  // Garbage does not count: it is collected before the heap is measured again.
  collectGarbage ??= garbageCollector();
  collectGarbage();
  used = getHeapStatistics().used_heap_size;
  if (used <= most) return;
  throw new JinjaError('MemoryError', `the template keeps more than ${MAX_GROWTH / 1e6} MB of values in memory`);
}

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

/**
 * Begins a rendering: the next measurement sets a new baseline, so that the template does not answer for older values.
 */
export function startRendering(): void {
  baseline = 0;
}

/**
 * Counts a list, dict or tuple that a walk goes into. The caller assigns the result to `walk.depth` in a `finally`: an
 * assignment works where the stack has no room for a call, so that an overflow leaves no depth behind.
 * @returns the depth outside of the value
 * @throws JinjaError when values are nested too deep or are too many
 */
export function enter(): number {
  const outside = walk.depth;
  if (outside === 0) walk.seen = 0;
  if (outside >= MAX_DEPTH)
    throw new JinjaError(
      'RecursionError',
      `maximum recursion depth exceeded: values are nested more than ${MAX_DEPTH} deep`,
    );
  if (++walk.seen > MAX_WALKED)
    throw new JinjaError(
      'LimitError',
      `the value holds more than ${MAX_WALKED} lists and dictionaries, counted wherever they stand`,
    );
  walk.depth = outside + 1;
  return outside;
}
