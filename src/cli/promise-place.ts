// Reads the SLAs of a project's nodes, with the line of the key in `meta.tsdbt.sla` for errors.
import type { ParsedProject } from '../index.ts';
import { placeInProject } from '../project/setting-place.ts';
import type { Promised } from '../serve/sla/sla-types.ts';
import { nodePromises } from '../serve/sla/read-slas.ts';

/** Returns the SLAs of a project's nodes. @throws `validation` error, with file and line, for an invalid one */
export function promisesOfNodes({ kept, manifest, config: { packages } }: ParsedProject): Promised[] {
  // Most projects have no SLAs; finding that out must not decode all of a large manifest.
  if (!kept.hasKey('sla')) return [];
  return nodePromises(manifest, (node, keys) => placeInProject(packages, node, { keys: ['sla', ...keys] }));
}
