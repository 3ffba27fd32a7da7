// Frees what parsing has left behind before a command that lives long. V8 would keep it until its heap has to grow,
// and meanwhile hold back buffers that nobody uses any more.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Collects once, some ten milliseconds; does nothing where the engine offers no such call. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('globalThis.gc');
  if (typeof collect === 'function') collect();
}
