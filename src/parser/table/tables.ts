// Types of the tables that the parse phases pass on: each phase reads the previous table and returns a new one.
// phases.ts defines the nodes of each phase.
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

/** After `read`: resources of the files, not yet combined. Tables by unique_id. */
export interface ReadTable {
  readonly nodes: Table<ReadNode>;
  readonly functions: Table<ReadFunction>;
  readonly docs: Table<DocNode>;
  readonly fixtures: Table<FixtureFile>;
  readonly disabled: Table<readonly (ReadNode | ReadFunction)[]>;
  /** Calls of each node's templates. */
  readonly calls: ReadonlyMap<ReadNode | ReadFunction, NodeCalls>;
}

/** After `patch`: resources with their YAML applied, and those that only YAML defines. */
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
  readonly refs: Pick<RefLookup, 'get' | 'names' | 'packagesOf' | 'versionsOf'>;
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
