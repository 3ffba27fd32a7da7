// parse: parses the project and writes manifest.json. Also validates SLAs of nodes, which dbt does not have.
import type { CommandSession } from '../command-session.ts';
import { promisesOfNodes } from '../promise-place.ts';
import { loadAndParse } from './run.ts';

export async function parseCommand(session: CommandSession): Promise<boolean> {
  promisesOfNodes(await loadAndParse(session));
  return true;
}
