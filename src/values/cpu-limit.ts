// Runs synchronous work with a limit of CPU time: only V8's interrupt ends catastrophic backtracking, or a schema whose
// references multiply.
import { createContext, Script } from 'node:vm';

/** The work exceeded its limit of CPU time. */
export class TooSlow extends Error {}

const script = new Script('work()');
const nothing = (): unknown => undefined;
const context: { work: () => unknown } = { work: nothing };
createContext(context);
/** Share of the limit that an interrupted attempt uses if it has the processor for itself. */
const BUSY = 0.9;

/**
 * Interrupts the work after a time. Restarts it if most of that time went to other processes: a machine that slept must
 * not cause a rejected message. So the work must be restartable.
 * @param ms approximate milliseconds of CPU time
 * @throws TooSlow, and the work's own errors
 */
export function withinCpu<T>(ms: number, work: () => T): T {
  for (let used = 0; ; ) {
    const before = process.cpuUsage();
    context.work = work;
    try {
      const result: T = script.runInContext(context, { timeout: ms });
      return result;
    } catch (error) {
      if (!isTimeout(error)) throw error;
      const { user, system } = process.cpuUsage(before);
      used += (user + system) / 1000;
      if (used >= ms * BUSY) throw new TooSlow();
    } finally {
      context.work = nothing;
    }
  }
}

function isTimeout(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}
