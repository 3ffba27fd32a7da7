// Builds the maps of parents, children and groups in the manifest. references.ts computes depends_on.
import type { Manifest } from '../../contracts/manifest.ts';
import type { GraphNode } from '../../contracts/node.ts';
import type { PublicationNode } from '../../contracts/publication.ts';
import type { LinkedTable } from '../table/tables.ts';

export type GraphMaps = Pick<Manifest, 'parent_map' | 'child_map' | 'group_map'> & {
  readonly child_map: Record<string, string[]>;
  readonly parent_map: Record<string, string[]>;
  readonly group_map: Record<string, string[]>;
};

/** Builds the maps of a linked table. The ids in each list are sorted. */
export function graphMaps(table: LinkedTable, publications: readonly PublicationNode[] = []): GraphMaps {
  const child_map: Record<string, string[]> = {};
  const parent_map: Record<string, string[]> = {};
  const group_map: Record<string, string[]> = {};
  const members = [
    ...table.nodes.values(),
    ...table.sources.values(),
    ...table.exposures.values(),
    ...table.functions.values(),
    ...table.metrics.values(),
    ...table.semantic_models.values(),
    ...table.saved_queries.values(),
    ...table.unit_tests.values(),
    ...publications,
  ];
  for (const node of members) child_map[node.unique_id] = [];
  for (const node of members) {
    const parents = parentsOf(node);
    parent_map[node.unique_id] = [...parents].sort();
    for (const parent of parents) child_map[parent]?.push(node.unique_id);
  }
  for (const id in child_map) child_map[id]?.sort();
  for (const group of table.groups.values()) group_map[group.name] = [];
  for (const node of [
    ...table.nodes.values(),
    ...table.saved_queries.values(),
    ...table.semantic_models.values(),
    ...table.metrics.values(),
  ]) {
    if (node.group !== null && node.group !== undefined) group_map[node.group]?.push(node.unique_id);
  }
  return { child_map, parent_map, group_map };
}

/** Ids that a resource depends on; none for seeds and sources. */
function parentsOf(node: GraphNode): readonly string[] {
  return node.resource_type === 'source' || node.resource_type === 'seed' ? [] : node.depends_on.nodes;
}
