// run-operation: one macro, or one piece of SQL, outside the graph.
import type { Json } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import { operate } from '../../index.ts';
import type { CommandSession } from '../command-session.ts';
import { loadAndParse } from './run.ts';

export async function runOperationCommand(session: CommandSession): Promise<boolean> {
  const { flags, positional } = session;
  const [macro] = positional;
  const sql = typeof flags['sql'] === 'string' && flags['sql'] !== '' ? flags['sql'] : null;
  const args = (flags['args'] ?? {}) as { readonly [name: string]: Json };
  if (sql !== null && macro)
    throw new TsdbtError('runtime', 'Cannot specify both a macro name and --sql for run-operation');
  if (sql !== null && Object.keys(args).length > 0)
    throw new TsdbtError('runtime', '--args cannot be used with --sql; pass arguments directly in the SQL');
  if (sql !== null) return operate(await loadAndParse(session), { sql });
  if (!macro) throw new TsdbtError('runtime', 'Either a macro name or --sql must be passed to run-operation');
  return operate(await loadAndParse(session), { macro, args });
}
