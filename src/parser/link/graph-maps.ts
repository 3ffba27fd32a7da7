// Who depends on whom, and which group has whom: the maps of the manifest. Leaves depends_on itself to references.ts.
import type { Manifest } from '../../contracts/manifest.ts';
import type { ParseState } from '../table/parse-state.ts';
import { parentsOf } from './references.ts';

export type GraphMaps = Pick<Manifest, 'parent_map' | 'child_map' | 'group_map'> & {
  readonly child_map: Record<string, string[]>;
  readonly parent_map: Record<string, string[]>;
  readonly group_map: Record<string, string[]>;
};

/** The maps of a table whose names are resolved; the ids of each list in order. */
export function graphMaps(state: ParseState): GraphMaps {
  const child_map: Record<string, string[]> = {};
  const parent_map: Record<string, string[]> = {};
  const group_map: Record<string, string[]> = {};
  const members = [
    ...state.nodes.values(),
    ...state.sources.values(),
    ...state.exposures.values(),
    ...state.functions.values(),
    ...state.metrics.values(),
    ...state.semanticModels.values(),
    ...state.savedQueries.values(),
    ...state.unitTests.values(),
  ];
  for (const node of members) child_map[node.unique_id] = [];
  for (const node of members) {
    const parents = parentsOf(node);
    parent_map[node.unique_id] = [...parents].sort();
    for (const parent of parents) child_map[parent]?.push(node.unique_id);
  }
  for (const id in child_map) child_map[id]?.sort();
  for (const group of state.groups.values()) group_map[group.name] = [];
  for (const node of [
    ...state.nodes.values(),
    ...state.savedQueries.values(),
    ...state.semanticModels.values(),
    ...state.metrics.values(),
  ]) {
    if (node.group !== null && node.group !== undefined) group_map[node.group]?.push(node.unique_id);
  }
  return { child_map, parent_map, group_map };
}
