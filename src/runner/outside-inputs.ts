// Finds the relations that selected nodes read and do not build. If they are unchanged, a run has nothing to do.
import type { Manifest } from '../contracts/manifest.ts';
import type { SourceDefinition } from '../contracts/node.ts';
import { loadOrigin } from '../project/load-config.ts';
import type { Relation } from '../adapters/relation.ts';
import { type RelationFactory, relationFrom } from '../context/relations.ts';
import { lookupNode, relationKey } from './nodes.ts';
import { isEphemeral } from '../graph/node-facts.ts';

/**
 * Returns sources and unselected nodes, including those read through ephemeral models. A source that a selected seed or
 * model builds is excluded, unless `tsdbt load` fills it. In no particular order.
 */
export function outsideInputs(manifest: Manifest, selected: ReadonlySet<string>, adapter: RelationFactory): Relation[] {
  const inputs = new Map<string, Relation>();
  const seen = new Set<string>();
  const built = new Set<string>();
  for (const id of selected) {
    const node = lookupNode(manifest, id);
    if (node?.resource_type === 'seed' || node?.resource_type === 'model' || node?.resource_type === 'snapshot')
      built.add(relationKey(node.database, node.schema, node.alias));
  }
  const visit = (id: string): void => {
    if (seen.has(id)) return;
    seen.add(id);
    const node = lookupNode(manifest, id);
    if (node === undefined) return;
    if (selected.has(id) || isEphemeral(node)) {
      for (const parent of (node as { depends_on?: { nodes?: readonly string[] } }).depends_on?.nodes ?? [])
        visit(parent);
    } else if (node.resource_type === 'source') {
      if (loadOrigin(node) !== null || !built.has(relationKey(node.database, node.schema, node.identifier)))
        inputs.set(id, relationFrom(adapter, null, node));
    } else if (node.resource_type === 'model' || node.resource_type === 'seed' || node.resource_type === 'snapshot')
      inputs.set(id, relationFrom(adapter, null, node));
  };
  for (const id of selected) visit(id);
  return [...inputs.values()];
}

/** The relation of a source's table. */
export function relationOf(adapter: RelationFactory, source: SourceDefinition): Relation {
  return relationFrom(adapter, null, source);
}
