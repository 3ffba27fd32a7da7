// Limits on the values that one template builds and walks, far above what legitimate templates need. Functions that
// build or walk a value check them. Loop iterations and macro depth are limited in jinja/render-state.ts.
//
// The counters are module state, not part of a rendering. A walk never awaits, so it ends before another build in the
// process continues, and the measured heap is the process's. docs/architecture/jinja.md has the measured cost of
// passing a parameter instead.
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { JinjaError } from './python-error.ts';

/** Items of a list, tuple, dict or set. */
export const MAX_ITEMS = 5_000_000;
/** Characters of a text. */
export const MAX_TEXT = 40_000_000;
/** Nesting depth of lists that are printed, compared or serialized. Python stops at about 1,000. */
const MAX_DEPTH = 400;
/** Lists, dicts and tuples visited by one walk: printing, comparing or serializing. */
const MAX_WALKED = 2_000_000;
/** Number of new items and characters after which the heap is measured. */
const LARGE = 1_000_000;
/** Bytes by which the heap may exceed a rendering's baseline. */
const MAX_GROWTH = 900_000_000;

/** Share of the process's heap limit that a template may use. */
const MAX_SHARE = 0.8;

/** The current walk through a value. */
export const walk = {
  /** Lists, dicts and tuples that enclose the current position. */
  depth: 0,
  /** Lists, dicts and tuples visited since the walk began. */
  seen: 0,
};

/** Items and characters created since the heap was last measured. */
let made = 0;
/** Baseline of a rendering: the lowest heap use measured so far; 0 before the first measurement. */
let baseline = 0;
let collectGarbage: (() => void) | undefined;

/** @throws JinjaError if a value with that many items exceeds the limit */
export function checkItems(count: number): void {
  if (count > MAX_ITEMS)
    throw new JinjaError(
      'MemoryError',
      `a sequence of ${count} items is longer than a template may build (${MAX_ITEMS})`,
    );
  charge(count);
}

/** @throws JinjaError if a text with that many characters exceeds the limit */
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

/** Returns the text if it is within the limit. */
export function bounded(text: string): string {
  if (text.length > LARGE) checkText(text.length);
  return text;
}

/** @throws JinjaError if the live values take more memory than a template may use */
export function checkMemory(): void {
  made = 0;
  let used = getHeapStatistics().used_heap_size;
  if (baseline === 0 || used < baseline) baseline = used;
  const most = Math.min(baseline + MAX_GROWTH, getHeapStatistics().heap_size_limit * MAX_SHARE);
  if (used <= most) return;
  // Garbage must not count: collect it, then measure again.
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

/** Starts a rendering: the next measurement sets a new baseline, so that older values are not counted. */
export function startRendering(): void {
  baseline = 0;
}

/**
 * Counts a list, dict or tuple that a walk enters. The caller restores `walk.depth` from the result in a `finally`
 * block. It does so by assignment, because after a stack overflow there may be no room for a call.
 * @returns the depth outside of the value
 * @throws JinjaError if values are nested too deep or are too many
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
