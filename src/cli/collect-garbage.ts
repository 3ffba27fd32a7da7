// Frees the memory left by parsing before a long-lived command starts. V8 would keep it until its heap has to grow, and
// with it buffers that are no longer used.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Percentage by which the heap, including the buffers it references, may grow before a full collection. */
const GROWTH = 100;

/**
 * Lets the heap grow further between collections. V8 lets a small heap grow by a quarter and counts message buffers: a
 * loader spent a quarter of its time on collections that freed little. For processes that do nothing else.
 */
export function collectSeldom(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH}`);
}

/** Collects once, which takes about ten milliseconds. Does nothing if the engine has no such function. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('globalThis.gc');
  if (typeof collect === 'function') collect();
}
