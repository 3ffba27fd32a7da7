// The nodes of a manifest, field for field as manifest.json v12 has them: the artifact is the in-memory type. Types
// only.

export type ResourceType =
  | 'model'
  | 'seed'
  | 'snapshot'
  | 'test'
  | 'analysis'
  | 'operation'
  | 'sql_operation'
  | 'rpc'
  | 'source'
  | 'exposure'
  | 'metric'
  | 'semantic_model'
  | 'saved_query'
  | 'group'
  | 'macro'
  | 'doc'
  | 'unit_test'
  | 'function'
  | 'fixture';

/** Values that YAML, JSON and config() hold. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface FileHash {
  readonly name: 'sha256' | 'path' | 'none' | string;
  readonly checksum: string;
}
export interface Docs {
  show: boolean;
  node_color: string | null;
}
export interface Hook {
  sql: string;
  transaction: boolean;
  index: number | null;
}
export interface ContractConfig {
  enforced: boolean;
  alias_types: boolean;
  checksum?: string | null;
}
export interface Quoting {
  database?: boolean | null;
  schema?: boolean | null;
  identifier?: boolean | null;
  column?: boolean | null;
}
export interface RefArgs {
  name: string;
  package: string | null;
  version: string | number | null;
}
export interface DependsOn {
  macros: string[];
  nodes: string[];
}
export interface TimeThreshold {
  count: number | null;
  period: 'minute' | 'hour' | 'day' | null;
}
export interface FreshnessThreshold {
  warn_after?: TimeThreshold | null;
  error_after?: TimeThreshold | null;
  filter?: string | null;
}

export interface Constraint {
  type: 'check' | 'not_null' | 'unique' | 'primary_key' | 'foreign_key' | 'custom';
  name: string | null;
  expression: string | null;
  warn_unenforced: boolean;
  warn_unsupported: boolean;
  to: string | null;
  to_columns: string[];
  /** Only on constraints of a model: the columns it spans. */
  columns?: string[];
}

export interface ColumnInfo {
  name: string;
  description: string;
  meta: { [key: string]: Json };
  data_type: string | null;
  constraints: Constraint[];
  quote: boolean | null;
  config: { meta: { [key: string]: Json }; tags: string[] };
  tags: string[];
  granularity: string | null;
  dimension?: Json;
  entity?: Json;
  doc_blocks: string[];
  [extra: string]: unknown;
}

/** Config that nodes and tests have in common; custom keys stay. */
export interface CommonConfig {
  enabled: boolean;
  alias?: string | null;
  schema?: string | null;
  database?: string | null;
  tags: string[];
  meta: { [key: string]: Json };
  group?: string | null;
  materialized: string;
  incremental_strategy?: string | null;
  persist_docs?: { relation?: boolean; columns?: boolean };
  quoting?: Quoting;
  column_types?: { [column: string]: string };
  full_refresh?: boolean | null;
  unique_key?: string | string[] | null;
  on_schema_change?: string | null;
  on_configuration_change?: string | null;
  grants?: { [privilege: string]: string[] };
  packages?: string[];
  docs?: Docs;
  contract?: ContractConfig;
  event_time?: string | null;
  /** Of a model. */
  access?: 'private' | 'protected' | 'public';
  [custom: string]: unknown;
}

/** What config() and the YAML files say, merged; keys in dbt's spelling (`pre-hook`, `post-hook`). */
export interface NodeConfig extends CommonConfig {
  'post-hook': Hook[];
  'pre-hook': Hook[];
}

export interface TestConfig extends CommonConfig {
  severity: string;
  store_failures: boolean | null;
  store_failures_as: 'table' | 'view' | 'ephemeral' | null;
  where: string | null;
  limit: number | null;
  fail_calc: string;
  warn_if: string;
  error_if: string;
  'pre-hook'?: Hook[];
  'post-hook'?: Hook[];
}

/** Fields that every node in `manifest.nodes` has. */
export interface NodeBase {
  database: string | null;
  schema: string;
  name: string;
  package_name: string;
  path: string;
  original_file_path: string;
  unique_id: string;
  fqn: string[];
  alias: string;
  checksum: FileHash;
  tags: string[];
  description: string;
  columns: { [name: string]: ColumnInfo };
  meta: { [key: string]: Json };
  group: string | null;
  docs: Docs;
  patch_path: string | null;
  build_path: string | null;
  unrendered_config: { [key: string]: unknown };
  /** Seconds since 1970. */
  created_at: number;
  relation_name: string | null;
  raw_code: string;
  doc_blocks: string[];
}

/** A node that is compiled from SQL. The four last fields appear with compilation. */
export interface CompiledFields {
  language: string;
  refs: RefArgs[];
  sources: [source: string, table: string][] | string[][];
  metrics: string[][];
  functions: string[][];
  depends_on: DependsOn;
  compiled_path: string | null;
  contract: { enforced: boolean; alias_types: boolean; checksum: string | null };
  compiled?: boolean;
  compiled_code?: string | null;
  extra_ctes_injected?: boolean;
  extra_ctes?: { id: string; sql: string }[];
}

export interface ModelNode extends NodeBase, CompiledFields {
  resource_type: 'model';
  config: NodeConfig;
  access: 'private' | 'protected' | 'public';
  constraints: Constraint[];
  version: string | number | null;
  latest_version: string | number | null;
  deprecation_date: string | null;
  primary_key: string[];
  time_spine: Json;
  defer_relation?: DeferRelation | null;
}

export interface AnalysisNode extends NodeBase, CompiledFields {
  resource_type: 'analysis';
  config: NodeConfig;
}
export interface SnapshotNode extends NodeBase, CompiledFields {
  resource_type: 'snapshot';
  config: NodeConfig;
  defer_relation?: DeferRelation | null;
}
export interface HookNode extends NodeBase, CompiledFields {
  resource_type: 'operation';
  config: NodeConfig;
  index: number | null;
}
export interface SqlOperationNode extends NodeBase, CompiledFields {
  resource_type: 'sql_operation';
  config: NodeConfig;
}

export interface SeedNode extends NodeBase {
  resource_type: 'seed';
  config: NodeConfig;
  root_path: string | null;
  depends_on: { macros: string[]; nodes?: string[] };
  defer_relation?: DeferRelation | null;
}

export interface TestMetadata {
  name: string;
  kwargs: { [key: string]: Json };
  namespace: string | null;
}

/** A singular test has no `test_metadata`. */
export interface TestNode extends NodeBase, CompiledFields {
  resource_type: 'test';
  config: TestConfig;
  column_name?: string | null;
  file_key_name?: string | null;
  attached_node?: string | null;
  test_metadata?: TestMetadata;
}

export interface DeferRelation {
  database: string | null;
  schema: string;
  alias: string;
  relation_name: string | null;
  resource_type: ResourceType;
  name: string;
  description: string;
  compiled_code: string | null;
  meta: Json;
  tags: string[];
  config: Json;
}

export interface SourceDefinition {
  database: string | null;
  schema: string;
  name: string;
  resource_type: 'source';
  package_name: string;
  path: string;
  original_file_path: string;
  unique_id: string;
  fqn: string[];
  source_name: string;
  source_description: string;
  loader: string;
  identifier: string;
  quoting: Quoting;
  loaded_at_field: string | null;
  loaded_at_query: string | null;
  freshness: FreshnessThreshold | null;
  external: Json;
  description: string;
  columns: { [name: string]: ColumnInfo };
  meta: { [key: string]: Json };
  source_meta: { [key: string]: Json };
  tags: string[];
  config: {
    enabled: boolean;
    event_time: string | null;
    freshness: FreshnessThreshold | null;
    loaded_at_field: string | null;
    loaded_at_query: string | null;
    meta: { [key: string]: Json };
    tags: string[];
    [custom: string]: unknown;
  };
  patch_path: string | null;
  unrendered_config: { [key: string]: unknown };
  relation_name: string | null;
  created_at: number;
  unrendered_database: string | null;
  unrendered_schema: string | null;
  doc_blocks: string[];
}

export interface MacroArgument {
  name: string;
  type: string | null;
  description: string;
}

export interface MacroNode {
  name: string;
  resource_type: 'macro';
  package_name: string;
  path: string;
  original_file_path: string;
  unique_id: string;
  macro_sql: string;
  depends_on: { macros: string[] };
  description: string;
  meta: { [key: string]: Json };
  docs: Docs;
  config: { meta: { [key: string]: Json }; docs: Docs };
  patch_path: string | null;
  arguments: MacroArgument[];
  created_at: number;
  supported_languages: string[] | null;
}

export interface DocNode {
  name: string;
  resource_type: 'doc';
  package_name: string;
  path: string;
  original_file_path: string;
  unique_id: string;
  block_contents: string;
}

export interface ExposureNode {
  name: string;
  resource_type: 'exposure';
  package_name: string;
  path: string;
  original_file_path: string;
  unique_id: string;
  fqn: string[];
  type: string;
  owner: { email: string | string[] | null; name: string | null; [extra: string]: unknown };
  description: string;
  label: string | null;
  maturity: string | null;
  meta: { [key: string]: Json };
  tags: string[];
  config: { enabled: boolean; tags: string[]; meta: { [key: string]: Json }; [extra: string]: unknown };
  unrendered_config: { [key: string]: unknown };
  url: string | null;
  depends_on: DependsOn;
  refs: RefArgs[];
  sources: string[][];
  metrics: string[][];
  created_at: number;
}

export interface GroupNode {
  name: string;
  resource_type: 'group';
  package_name: string;
  path: string;
  original_file_path: string;
  unique_id: string;
  owner: { email: string | string[] | null; name: string | null; [extra: string]: unknown };
  description: string | null;
  config: { meta: { [key: string]: Json } };
}

export interface UnitTestFixture {
  input: string;
  rows: Json;
  format: 'dict' | 'csv' | 'sql';
  fixture: string | null;
}

export interface UnitTestNode {
  model: string;
  given: UnitTestFixture[];
  expect: { rows: Json; format: 'dict' | 'csv' | 'sql'; fixture: string | null };
  name: string;
  resource_type: 'unit_test';
  package_name: string;
  path: string;
  original_file_path: string;
  unique_id: string;
  fqn: string[];
  description: string;
  overrides: { macros: { [k: string]: Json }; vars: { [k: string]: Json }; env_vars: { [k: string]: Json } } | null;
  depends_on: DependsOn;
  config: { tags: string[]; meta: { [key: string]: Json }; enabled: boolean; [extra: string]: unknown };
  checksum: string | null;
  schema: string | null;
  created_at: number;
  versions: { include: (string | number)[] | null; exclude: (string | number)[] | null } | null;
  version: string | number | null;
  [extra: string]: unknown;
}

/** Config of a metric, a semantic model or a saved query. */
export interface SemanticConfig {
  enabled: boolean;
  group: string | null;
  meta: { [key: string]: Json };
  tags?: Json;
  [custom: string]: unknown;
}

/** Fields that metrics, semantic models and saved queries have in common; shape as in manifest v12. */
export interface SemanticNode {
  name: string;
  package_name: string;
  path: string;
  original_file_path: string;
  unique_id: string;
  fqn: string[];
  config: SemanticConfig;
  unrendered_config: { [key: string]: unknown };
  group: string | null;
  depends_on: DependsOn;
  refs: RefArgs[];
  created_at: number;
  description: Json;
  label: Json;
  metadata: null;
  [field: string]: unknown;
}

export interface MetricNode extends SemanticNode {
  resource_type: 'metric';
  type: string;
  type_params: MetricTypeParams;
  filter: Json;
  time_granularity: Json;
  sources: string[][];
  metrics: string[][];
  meta: Json;
  tags: Json;
}

/** What another metric or a measure is to a metric that is computed from it. */
export interface MetricInput {
  name: Json;
  filter: Json;
  alias: Json;
  [field: string]: Json;
}
export interface MetricTypeParams {
  measure: MetricInput | null;
  input_measures: MetricInput[];
  numerator: MetricInput | null;
  denominator: MetricInput | null;
  expr: string | null;
  window: Json;
  grain_to_date: Json;
  metrics: (MetricInput | null)[];
  conversion_type_params: MetricConversion | null;
  cumulative_type_params: MetricCumulation | null;
  metric_aggregation_params: MetricAggregation | null;
  fill_nulls_with: Json;
  join_to_timespine: Json;
  is_private: Json;
}
export interface MetricConversion {
  entity: Json;
  base_measure: MetricInput | null;
  conversion_measure: MetricInput | null;
  base_metric: MetricInput | null;
  conversion_metric: MetricInput | null;
  calculation: Json;
  window: Json;
  constant_properties: Json;
}
export interface MetricCumulation {
  window: Json;
  grain_to_date: Json;
  period_agg: Json;
  metric: MetricInput | null;
}
export interface MetricAggregation {
  semantic_model: string;
  agg: Json;
  agg_params: Json;
  agg_time_dimension: Json;
  non_additive_dimension: Json;
}

/** A measure, dimension or entity of a semantic model. */
export interface SemanticPart {
  name: Json | undefined;
  description: Json;
  [field: string]: Json | undefined;
}
export interface SemanticModelNode extends SemanticNode {
  resource_type: 'semantic_model';
  model: string | null | undefined;
  node_relation: Json;
  defaults: Json;
  entities: SemanticPart[];
  measures: SemanticPart[];
  dimensions: SemanticPart[];
  primary_entity: Json;
}

export interface SavedQueryNode extends SemanticNode {
  resource_type: 'saved_query';
  query_params: { metrics: Json; group_by: Json; where: Json; order_by: Json; limit: Json };
  exports: { name: Json | undefined; config: { [key: string]: unknown }; unrendered_config: { [key: string]: Json } }[];
  tags: string[];
}

export interface FunctionArgument {
  name: string;
  data_type: string;
  description: string | null;
  default_value?: Json;
}
export interface FunctionReturns {
  data_type: string;
  description: string | null;
}
/** A further function of the same name, from a file of its own. */
export interface FunctionOverload {
  defined_in: string;
  arguments: FunctionArgument[];
  returns: FunctionReturns | null;
  description: string | null;
  raw_body: string | null;
  compiled_body: string | null;
}

/** A user-defined function: a member of `manifest.functions`. */
export interface FunctionNode extends NodeBase, CompiledFields {
  resource_type: 'function';
  config: NodeConfig;
  arguments: FunctionArgument[];
  returns: FunctionReturns;
  overloads: FunctionOverload[];
  /** The same function in the state that is deferred to. */
  defer_function?: FunctionNode;
}

/** Resources that are parsed into the manifest and have no behaviour of their own here. */
export type ParsedOnlyNode = MetricNode | SemanticModelNode | SavedQueryNode | FunctionNode;

/** The members of `manifest.nodes`. */
export type ManifestNode = ModelNode | SeedNode | SnapshotNode | TestNode | AnalysisNode | HookNode | SqlOperationNode;
/** Whatever the graph can hold. */
export type GraphNode = ManifestNode | SourceDefinition | ExposureNode | UnitTestNode | ParsedOnlyNode;
