// Handles the case that stdout or stderr cannot be written, because its reader is gone or the disk is full.
import { formatError, systemReason, TsdbtError } from '../errors.ts';

/** Commands that only print, possibly without end: without a reader they have nothing left to do. */
const PRINTS: ReadonlySet<string> = new Set(['list', 'show', 'query', 'diff']);

/**
 * Watches both streams until the process ends. `build | head` builds everything, as dbt does; `query | head` ends with
 * its reader. Any other error is reported on stderr once and changes exit code 0 to 2, so that a partial file never
 * counts as complete.
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
  // stderr has no reader either.
  process.stderr.on('error', () => undefined);
}
