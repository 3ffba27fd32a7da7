// completion: prints the completion script of a shell, or the names offered after --select. Needs neither a project nor
// a log.
import { errorOf } from '../../error-table.ts';
import { completionScript } from '../completion.ts';
import { nodeNames } from '../completion-nodes.ts';

/** @returns exit code. @throws TsdbtError `usage` without a shell */
export function completionCommand(
  shell: string | undefined,
  folder: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): number {
  const script = shell === 'nodes' ? lines(nodeNames(folder ?? '.', env)) : completionScript(shell ?? '');
  if (script === null) throw errorOf('completionWithoutShell', {});
  process.stdout.write(script);
  return 0;
}

const lines = (names: readonly string[]): string => names.map((name) => `${name}\n`).join('');
