// Types of a node after each phase of a parse: fields of a later phase cannot be read, and no field can be written.
// tables.ts defines the tables of nodes.
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

/** Fields that `link` sets: resolved names. */
type LinkedField = 'doc_blocks' | 'primary_key' | 'node_relation';
/** Fields that `patch` sets from the YAML entry of a resource with a file. */
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
 * A resource before `link`: `depends_on` contains the macros that its templates call, and no nodes. Distributes over
 * unions.
 */
export type Unlinked<T> = T extends unknown
  ? {
      [P in keyof T as P extends LinkedField ? never : P]: P extends 'depends_on'
        ? { readonly macros: readonly string[] }
        : T[P];
    }
  : never;

/** A resource before `patch`, built from its file and dbt_project.yml. */
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

/** Resources that can be disabled or have dependencies. */
export type PatchedResource =
  | PatchedNode
  | PatchedFunction
  | PatchedSource
  | PatchedExposure
  | PatchedMetric
  | PatchedSemanticModel
  | PatchedSavedQuery
  | PatchedUnitTest;

/** A resource with a file, and so with config from that file. */
export type ConfiguredNode = ReadNode | ReadFunction | PatchedNode | PatchedFunction;
