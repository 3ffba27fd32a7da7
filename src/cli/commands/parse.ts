// parse: reads the project and writes manifest.json, nothing else.
import { writeSummary } from '../../index.ts';
import type { CommandSession } from '../command-session.ts';
import { loadAndParse } from './run.ts';

export async function parseCommand(session: CommandSession): Promise<boolean> {
  const parsed = await loadAndParse(session);
  if (session.flags.write_json) writeSummary(parsed);
  return true;
}
