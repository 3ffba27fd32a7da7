// Frees what parsing has left behind before a command that lives long. V8 would keep it until its heap has to grow,
// and meanwhile hold back buffers that nobody uses any more.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** By how many percent the heap may grow, with the buffers that it holds, before it is collected as a whole. */
const GROWTH = 100;

/**
 * Lets the heap grow further from collection to collection. V8 lets a small heap grow by a quarter, and counts buffers
 * that messages pass through: a loader spent a quarter of its time on collections that found little. For a process that
 * does nothing else.
 */
export function collectSeldom(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWTH}`);
}

/** Collects once, some ten milliseconds; does nothing where the engine offers no such call. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('globalThis.gc');
  if (typeof collect === 'function') collect();
}
