// run-operation: runs one macro, or one SQL statement, outside of the graph.
import type { Json } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { operate } from '../../index.ts';
import type { CommandSession } from '../command-session.ts';
import { loadAndParse } from './run.ts';

export async function runOperationCommand(session: CommandSession): Promise<boolean> {
  const { flags, positional } = session;
  const [macro] = positional;
  const sql = typeof flags['sql'] === 'string' && flags['sql'] !== '' ? flags['sql'] : null;
  const args = (flags['args'] ?? {}) as { readonly [name: string]: Json };
  if (sql !== null && macro) throw errorOf('macroAndSql', {});
  if (sql !== null && Object.keys(args).length > 0) throw errorOf('argumentsOfSql', {});
  if (sql !== null) return operate(await loadAndParse(session), { sql });
  if (!macro) throw errorOf('nothingToOperate', {});
  return operate(await loadAndParse(session), { macro, args });
}
