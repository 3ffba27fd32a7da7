// parse: parses the project and writes manifest.json, nothing else. Promises of nodes, which dbt does not know, are
// checked, too.
import { nodePromises } from '../../serve/promises/read-promises.ts';
import type { CommandSession } from '../command-session.ts';
import { placeOfSla } from '../promise-place.ts';
import { loadAndParse } from './run.ts';

export async function parseCommand(session: CommandSession): Promise<boolean> {
  const { manifest, config } = await loadAndParse(session);
  nodePromises(manifest, placeOfSla(config.project.project_root));
  return true;
}
