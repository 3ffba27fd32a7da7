// What happens when stdout or stderr cannot be written: their reader is gone, or the disk is full. Leaves what is
// written to the log and to the commands.
import { formatError, systemReason, TsdbtError } from '../errors.ts';

/** Commands that do nothing but print, perhaps without end: when nobody reads they have nothing left to do. */
const PRINTS: ReadonlySet<string> = new Set(['list', 'show', 'query', 'diff']);

/**
 * Watches both streams until the process ends. `build | head` builds everything, as dbt does; `query | head` ends with
 * its reader. Any other error is said on stderr once and makes exit code 2 of 0, so that half a file never counts as
 * all of it.
 * @param which the command that runs, or null before it is known
 */
export function watchOutputs(which: () => string | null): void {
  let failed = false;
  process.on('exit', (code) => {
    if (failed && code === 0) process.exitCode = 2;
  });
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') {
      if (PRINTS.has(which() ?? '')) process.exit(process.exitCode ?? 0);
    } else if (!failed) {
      failed = true;
      const reason = `stdout cannot be written: ${systemReason(error)}\nWhat it holds is not complete.`;
      process.stderr.write(`${formatError(new TsdbtError('runtime', reason))}\n`);
    }
  });
  // Nobody is left who could be told.
  process.stderr.on('error', () => undefined);
}
