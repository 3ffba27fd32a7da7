// The tables that the phases of a parse hand on: each phase reads the table before and gives a new one. Leaves filling
// them to the phases, and what a node is after each to phases.ts.
import type { Manifest } from '../../contracts/manifest.ts';
import type { DocNode, GroupNode, Json, MacroNode } from '../../contracts/node.ts';
import type { DisabledLookup, PackageLookup, RefLookup } from './lookups.ts';
import type { NodeCalls } from './node-calls.ts';
import type {
  PatchedExposure,
  PatchedFunction,
  PatchedMetric,
  PatchedNode,
  PatchedResource,
  PatchedSavedQuery,
  PatchedSemanticModel,
  PatchedSource,
  PatchedUnitTest,
  ReadFunction,
  ReadNode,
} from './phases.ts';

type Table<T> = ReadonlyMap<string, T>;

export interface FixtureFile {
  readonly unique_id: string;
  readonly name: string;
  readonly package_name: string;
  readonly original_file_path: string;
  readonly rows: Json;
}

/** After `read`: what the files say, each by itself. Tables by unique_id. */
export interface ReadTable {
  readonly nodes: Table<ReadNode>;
  readonly functions: Table<ReadFunction>;
  readonly docs: Table<DocNode>;
  readonly fixtures: Table<FixtureFile>;
  readonly disabled: Table<readonly (ReadNode | ReadFunction)[]>;
  /** What the templates of each node have called. */
  readonly calls: ReadonlyMap<ReadNode | ReadFunction, NodeCalls>;
}

/** After `patch`: with what YAML says of them, and the resources that only YAML defines. */
export interface PatchedTable {
  readonly nodes: Table<PatchedNode>;
  readonly functions: Table<PatchedFunction>;
  readonly macros: Table<MacroNode>;
  readonly sources: Table<PatchedSource>;
  readonly exposures: Table<PatchedExposure>;
  readonly metrics: Table<PatchedMetric>;
  readonly semanticModels: Table<PatchedSemanticModel>;
  readonly savedQueries: Table<PatchedSavedQuery>;
  readonly unitTests: Table<PatchedUnitTest>;
  readonly groups: Table<GroupNode>;
  readonly docs: Table<DocNode>;
  readonly disabled: Table<readonly PatchedResource[]>;
  readonly refs: Pick<RefLookup, 'get' | 'names'>;
  readonly sourceLookup: Pick<PackageLookup, 'get'>;
  readonly functionLookup: Pick<PackageLookup, 'get'>;
  readonly metricLookup: Pick<PackageLookup, 'get'>;
  readonly disabledLookup: Pick<DisabledLookup<PatchedResource>, 'find'>;
}

/** After `link` and `check`: the resources of the manifest. */
export type LinkedTable = {
  readonly [K in
    | 'nodes'
    | 'functions'
    | 'macros'
    | 'sources'
    | 'exposures'
    | 'metrics'
    | 'semantic_models'
    | 'saved_queries'
    | 'unit_tests'
    | 'groups'
    | 'docs'
    | 'disabled']: Table<Manifest[K][string]>;
};
