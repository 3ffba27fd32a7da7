// The manifest of a finished table: its maps as records, beside the head and the selectors. Leaves writing it to
// artifacts.ts.
import type { Manifest } from '../../contracts/manifest.ts';
import { manifestMetadata } from './metadata.ts';
import type { ParseState } from './parse-state.ts';
import { manifestSelectors } from './selectors.ts';

/** @param maps who depends on whom, and the members of groups */
export function writableManifest(
  state: ParseState,
  maps: Pick<Manifest, 'parent_map' | 'child_map' | 'group_map'>,
): Manifest {
  const record = <T>(table: ReadonlyMap<string, T>): Record<string, T> => Object.fromEntries(table);
  return {
    metadata: manifestMetadata(state.config, state.adapter.type),
    nodes: record(state.nodes),
    sources: record(state.sources),
    macros: record(state.macros),
    docs: record(state.docs),
    exposures: record(state.exposures),
    metrics: record(state.metrics),
    groups: record(state.groups),
    selectors: manifestSelectors(state.root.selectors),
    disabled: record(state.disabled),
    parent_map: maps.parent_map,
    child_map: maps.child_map,
    group_map: maps.group_map,
    saved_queries: record(state.savedQueries),
    semantic_models: record(state.semanticModels),
    unit_tests: record(state.unitTests),
    functions: record(state.functions),
  };
}
