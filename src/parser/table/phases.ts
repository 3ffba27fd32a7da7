// What each phase of a parse has made of a node, as types: a field that a later phase makes cannot be read before, and
// no field can be written. Leaves the tables that hold the nodes to tables.ts.
import type {
  AnalysisNode,
  ExposureNode,
  FunctionNode,
  HookNode,
  ManifestNode,
  MetricNode,
  ModelNode,
  SavedQueryNode,
  SeedNode,
  SemanticModelNode,
  SnapshotNode,
  SourceDefinition,
  TestNode,
  UnitTestNode,
} from '../../contracts/node.ts';

/** Made by `link`: what names mean. */
type LinkedField = 'doc_blocks' | 'primary_key' | 'node_relation';
/** Made by `patch`: what YAML says of a resource that has a file. */
type PatchedField =
  | 'patch_path'
  | 'description'
  | 'columns'
  | 'constraints'
  | 'version'
  | 'latest_version'
  | 'deprecation_date'
  | 'time_spine'
  | 'arguments'
  | 'returns'
  | 'overloads';

/**
 * A resource before `link`: `depends_on` holds the macros that its templates call, and no nodes. Of a union each member
 * by itself.
 */
export type Unlinked<T> = T extends unknown
  ? {
      [P in keyof T as P extends LinkedField ? never : P]: P extends 'depends_on'
        ? { readonly macros: readonly string[] }
        : T[P];
    }
  : never;

/** A resource before `patch`: what its file and dbt_project.yml say of it. */
type Unpatched<T> = T extends unknown
  ? { [P in keyof Unlinked<T> as P extends PatchedField ? never : P]: Unlinked<T>[P] }
  : never;

export type ReadNode = Unpatched<Exclude<ManifestNode, { resource_type: 'sql_operation' }>>;
export type ReadFunction = Unpatched<FunctionNode>;

export type PatchedModel = Unlinked<ModelNode>;
export type PatchedTest = Unlinked<TestNode>;
export type PatchedSeed = Unlinked<SeedNode>;
export type PatchedSnapshot = Unlinked<SnapshotNode>;
export type PatchedNode =
  | PatchedModel
  | PatchedSeed
  | PatchedSnapshot
  | PatchedTest
  | Unlinked<AnalysisNode>
  | Unlinked<HookNode>;
export type PatchedFunction = Unlinked<FunctionNode>;
export type PatchedSource = Unlinked<SourceDefinition>;
export type PatchedExposure = Unlinked<ExposureNode>;
export type PatchedMetric = Unlinked<MetricNode>;
export type PatchedSemanticModel = Unlinked<SemanticModelNode>;
export type PatchedSavedQuery = Unlinked<SavedQueryNode>;
export type PatchedUnitTest = Unlinked<UnitTestNode>;

/** Whatever can be disabled, or depend on something. */
export type PatchedResource =
  | PatchedNode
  | PatchedFunction
  | PatchedSource
  | PatchedExposure
  | PatchedMetric
  | PatchedSemanticModel
  | PatchedSavedQuery
  | PatchedUnitTest;

/** A resource that has a file of its own, and so a config from there. */
export type ConfiguredNode = ReadNode | ReadFunction | PatchedNode | PatchedFunction;
