// parse: parses the project and writes manifest.json, nothing else.
import type { CommandSession } from '../command-session.ts';
import { loadAndParse } from './run.ts';

export async function parseCommand(session: CommandSession): Promise<boolean> {
  await loadAndParse(session);
  return true;
}
