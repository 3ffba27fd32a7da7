// Converts a finished table to a manifest: maps become records, with metadata and selectors. artifacts.ts writes it.
import type { Manifest } from '../../contracts/manifest.ts';
import type { PublicationNode } from '../../contracts/publication.ts';
import { manifestMetadata } from './metadata.ts';
import type { ParseState } from './parse-state.ts';
import type { LinkedTable } from './tables.ts';
import { manifestSelectors } from './selectors.ts';

/** @param maps parents, children and group members */
export function writableManifest(
  state: ParseState,
  table: LinkedTable,
  maps: Pick<Manifest, 'parent_map' | 'child_map' | 'group_map'>,
  publications: readonly PublicationNode[],
): Manifest {
  const record = <T>(resources: ReadonlyMap<string, T>): Record<string, T> => Object.fromEntries(resources);
  return {
    metadata: manifestMetadata(state.config, state.adapter.type),
    nodes: record(table.nodes),
    sources: record(table.sources),
    macros: record(table.macros),
    docs: record(table.docs),
    exposures: record(table.exposures),
    metrics: record(table.metrics),
    groups: record(table.groups),
    selectors: manifestSelectors(state.root.selectors),
    disabled: record(table.disabled),
    parent_map: maps.parent_map,
    child_map: maps.child_map,
    group_map: maps.group_map,
    saved_queries: record(table.saved_queries),
    semantic_models: record(table.semantic_models),
    unit_tests: record(table.unit_tests),
    functions: record(table.functions),
    ...(publications.length === 0
      ? {}
      : { publications: Object.fromEntries(publications.map((each) => [each.unique_id, each])) }),
  };
}
