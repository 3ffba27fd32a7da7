// Deferral: gives nodes their relation in another environment's manifest, which ref() and clone can fall back on.
// Reference resolution decides when to use it.
import type { WorkingManifest } from '../compiler/compile-context.ts';
import type { ManifestNode } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import type { PreviousState } from '../graph/state-methods.ts';

const REFABLE = new Set(['model', 'seed', 'snapshot']);

/**
 * Sets `defer_relation` on the nodes (and `defer_function` on the functions) that the other manifest contains.
 * @param state the manifest of `--defer-state` or `--state`
 * @throws TsdbtError `runtime` if no state is given, or it has no manifest
 */
export function deferTo(manifest: WorkingManifest, state: PreviousState | undefined): void {
  if (state === undefined) throw errorOf('deferralWithoutState', {});
  const other = state.manifest;
  if (other === undefined) throw errorOf('stateWithoutManifest', { folder: state.folder });
  for (const [id, theirs] of Object.entries(other.nodes)) {
    const own = manifest.nodes[id];
    if (own === undefined || !REFABLE.has(theirs.resource_type) || theirs.config.materialized === 'ephemeral') continue;
    manifest.nodes[id] = {
      ...own,
      defer_relation: {
        database: theirs.database,
        schema: theirs.schema,
        alias: theirs.alias,
        relation_name: theirs.relation_name ?? null,
        resource_type: theirs.resource_type,
        name: theirs.name,
        description: theirs.description,
        compiled_code: (theirs as { compiled_code?: string | null }).compiled_code ?? null,
        meta: theirs.meta,
        tags: theirs.tags,
        config: theirs.config,
      },
    } as ManifestNode;
  }
  const { functions } = manifest;
  for (const [id, theirs] of Object.entries(other.functions)) {
    const own = functions[id];
    functions[id] = own === undefined ? theirs : { ...own, defer_function: theirs };
  }
}
