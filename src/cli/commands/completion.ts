// completion: prints the completion script of a shell. Needs neither a project nor a log.
import { errorOf } from '../../error-table.ts';
import { completionScript } from '../completion.ts';

/** @returns exit code. @throws TsdbtError `usage` without a shell */
export function completionCommand(shell = ''): number {
  const script = completionScript(shell);
  if (script === null) throw errorOf('completionWithoutShell', {});
  process.stdout.write(script);
  return 0;
}
