// How much one template may build and walk: limits that no honest template reaches, checked by whoever makes or walks a
// value. Leaves rounds of loops and nesting of macros to jinja/render-state.ts.
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { JinjaError } from './python-error.ts';

/** Items of a list, tuple, dict or set. */
export const MAX_ITEMS = 5_000_000;
/** Characters of a text. */
export const MAX_TEXT = 40_000_000;
/** Lists within lists that are printed, compared or written; Python stops at about 1,000. */
const MAX_DEPTH = 400;
/** Lists, dicts and tuples that one printing, comparison or writing goes through. */
const MAX_WALKED = 2_000_000;
/** Each time that so much was made, the memory is looked at. */
const LARGE = 1_000_000;
/** Bytes that the program may grow by after the first large value. */
const MAX_GROWTH = 900_000_000;

/** Of the memory that the program may have at all, how much a template may bring it to. */
const MAX_SHARE = 0.8;

let depth = 0;
let walked = 0;
/** Items and characters made since the last look at the memory. */
let made = 0;
/** Used memory at the first look, and the least since. */
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
  // What nobody holds any more is no fault of the template.
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

/** One value within another, on the way through them all; `leave` has to follow. */
export function enter(): void {
  if (depth === 0) walked = 0;
  if (depth >= MAX_DEPTH)
    throw new JinjaError(
      'RecursionError',
      `maximum recursion depth exceeded: values are nested more than ${MAX_DEPTH} deep`,
    );
  if (++walked > MAX_WALKED)
    throw new JinjaError(
      'LimitError',
      `the value holds more than ${MAX_WALKED} lists and dictionaries, counted wherever they stand`,
    );
  depth++;
}

export function leave(): void {
  depth--;
}
