// Types of manifest nodes, field for field as in manifest.json v12: the artifact is the in-memory type. No code: the
// parser builds nodes.
import type { PublicationNode } from './publication.ts';

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
  | 'publication'
  | 'fixture';

/** Values that YAML, JSON and config() can contain. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export interface FileHash {
  readonly name: 'sha256' | 'path' | 'none' | string;
  readonly checksum: string;
}
export interface Docs {
  readonly show: boolean;
  readonly node_color: string | null;
}
export interface Hook {
  readonly sql: string;
  readonly transaction: boolean;
  readonly index: number | null;
}
export interface ContractConfig {
  readonly enforced: boolean;
  readonly alias_types: boolean;
  readonly checksum?: string | null;
}
export interface Quoting {
  readonly database?: boolean | null;
  readonly schema?: boolean | null;
  readonly identifier?: boolean | null;
  readonly column?: boolean | null;
}
export interface RefArgs {
  readonly name: string;
  readonly package: string | null;
  readonly version: string | number | null;
}
export interface DependsOn {
  /** Compilation adds macros: a macro that is called only during compilation is a dependency too. */
  readonly macros: string[];
  readonly nodes: readonly string[];
}
export interface TimeThreshold {
  readonly count: number | null;
  readonly period: 'minute' | 'hour' | 'day' | null;
}
export interface FreshnessThreshold {
  readonly warn_after?: TimeThreshold | null;
  readonly error_after?: TimeThreshold | null;
  readonly filter?: string | null;
}

export interface Constraint {
  readonly type: 'check' | 'not_null' | 'unique' | 'primary_key' | 'foreign_key' | 'custom';
  readonly name: string | null;
  readonly expression: string | null;
  readonly warn_unenforced: boolean;
  readonly warn_unsupported: boolean;
  readonly to: string | null;
  readonly to_columns: readonly string[];
  /** Columns of a constraint on a model; absent for constraints on a column. */
  readonly columns?: readonly string[];
}

export interface ColumnInfo {
  readonly name: string;
  readonly description: string;
  readonly meta: { readonly [key: string]: Json };
  readonly data_type: string | null;
  readonly constraints: readonly Constraint[];
  readonly quote: boolean | null;
  readonly config: { readonly meta: { readonly [key: string]: Json }; readonly tags: readonly string[] };
  readonly tags: readonly string[];
  readonly granularity: string | null;
  readonly dimension?: Json;
  readonly entity?: Json;
  readonly doc_blocks: readonly string[];
  readonly [extra: string]: unknown;
}

/** Config fields that nodes and tests share. Custom keys are kept. */
export interface CommonConfig {
  readonly enabled: boolean;
  readonly alias?: string | null;
  readonly schema?: string | null;
  readonly database?: string | null;
  readonly tags: readonly string[];
  readonly meta: { readonly [key: string]: Json };
  readonly group?: string | null;
  readonly materialized: string;
  readonly incremental_strategy?: string | null;
  readonly persist_docs?: { readonly relation?: boolean; readonly columns?: boolean };
  readonly quoting?: Quoting;
  readonly column_types?: { readonly [column: string]: string };
  readonly full_refresh?: boolean | null;
  readonly unique_key?: string | readonly string[] | null;
  readonly on_schema_change?: string | null;
  readonly on_configuration_change?: string | null;
  readonly grants?: { readonly [privilege: string]: readonly string[] };
  readonly packages?: readonly string[];
  readonly docs?: Docs;
  readonly contract?: ContractConfig;
  readonly event_time?: string | null;
  /** For models. */
  readonly access?: 'private' | 'protected' | 'public';
  readonly [custom: string]: unknown;
}

/** Merged values of config() and the YAML files. Keys have dbt's spelling (`pre-hook`, `post-hook`). */
export interface NodeConfig extends CommonConfig {
  readonly 'post-hook': readonly Hook[];
  readonly 'pre-hook': readonly Hook[];
}

export interface TestConfig extends CommonConfig {
  readonly severity: string;
  readonly store_failures: boolean | null;
  readonly store_failures_as: 'table' | 'view' | 'ephemeral' | null;
  readonly where: string | null;
  readonly limit: number | null;
  readonly fail_calc: string;
  readonly warn_if: string;
  readonly error_if: string;
  readonly 'pre-hook'?: readonly Hook[];
  readonly 'post-hook'?: readonly Hook[];
}

/** Fields of every node in `manifest.nodes`. */
export interface NodeBase {
  readonly database: string | null;
  readonly schema: string;
  readonly name: string;
  readonly package_name: string;
  readonly path: string;
  readonly original_file_path: string;
  readonly unique_id: string;
  readonly fqn: readonly string[];
  readonly alias: string;
  readonly checksum: FileHash;
  readonly tags: readonly string[];
  readonly description: string;
  readonly columns: { readonly [name: string]: ColumnInfo };
  readonly meta: { readonly [key: string]: Json };
  readonly group: string | null;
  readonly docs: Docs;
  readonly patch_path: string | null;
  /** Path of the executed statement. Set when a run writes that file. */
  build_path: string | null;
  readonly unrendered_config: { readonly [key: string]: unknown };
  /** Seconds since 1970. */
  readonly created_at: number;
  readonly relation_name: string | null;
  readonly raw_code: string;
  readonly doc_blocks: readonly string[];
}

/** A node compiled from SQL. Compilation adds the last four fields. */
export interface CompiledFields {
  readonly language: string;
  readonly refs: readonly RefArgs[];
  readonly sources: readonly (readonly string[])[];
  readonly metrics: readonly (readonly string[])[];
  readonly functions: readonly (readonly string[])[];
  readonly depends_on: DependsOn;
  readonly compiled_path: string | null;
  readonly contract: { readonly enforced: boolean; readonly alias_types: boolean; readonly checksum: string | null };
  readonly compiled?: boolean;
  readonly compiled_code?: string | null;
  readonly extra_ctes_injected?: boolean;
  readonly extra_ctes?: readonly { readonly id: string; readonly sql: string }[];
}

export interface ModelNode extends NodeBase, CompiledFields {
  readonly resource_type: 'model';
  readonly config: NodeConfig;
  readonly access: 'private' | 'protected' | 'public';
  readonly constraints: readonly Constraint[];
  readonly version: string | number | null;
  readonly latest_version: string | number | null;
  readonly deprecation_date: string | null;
  readonly primary_key: readonly string[];
  readonly time_spine: Json;
  readonly defer_relation?: DeferRelation | null;
}

export interface AnalysisNode extends NodeBase, CompiledFields {
  readonly resource_type: 'analysis';
  readonly config: NodeConfig;
}
export interface SnapshotNode extends NodeBase, CompiledFields {
  readonly resource_type: 'snapshot';
  readonly config: NodeConfig;
  readonly defer_relation?: DeferRelation | null;
}
export interface HookNode extends NodeBase, CompiledFields {
  readonly resource_type: 'operation';
  readonly config: NodeConfig;
  readonly index: number | null;
}
export interface SqlOperationNode extends NodeBase, CompiledFields {
  readonly resource_type: 'sql_operation';
  readonly config: NodeConfig;
}

export interface SeedNode extends NodeBase {
  readonly resource_type: 'seed';
  readonly config: NodeConfig;
  readonly root_path: string | null;
  readonly depends_on: { readonly macros: string[]; readonly nodes?: readonly string[] };
  readonly defer_relation?: DeferRelation | null;
}

export interface TestMetadata {
  readonly name: string;
  readonly kwargs: { readonly [key: string]: Json };
  readonly namespace: string | null;
}

/** A singular test has no `test_metadata`. */
export interface TestNode extends NodeBase, CompiledFields {
  readonly resource_type: 'test';
  readonly config: TestConfig;
  readonly column_name?: string | null;
  readonly file_key_name?: string | null;
  readonly attached_node?: string | null;
  readonly test_metadata?: TestMetadata;
}

export interface DeferRelation {
  readonly database: string | null;
  readonly schema: string;
  readonly alias: string;
  readonly relation_name: string | null;
  readonly resource_type: ResourceType;
  readonly name: string;
  readonly description: string;
  readonly compiled_code: string | null;
  readonly meta: Json;
  readonly tags: readonly string[];
  readonly config: Json;
}

export interface SourceDefinition {
  readonly database: string | null;
  readonly schema: string;
  readonly name: string;
  readonly resource_type: 'source';
  readonly package_name: string;
  readonly path: string;
  readonly original_file_path: string;
  readonly unique_id: string;
  readonly fqn: readonly string[];
  readonly source_name: string;
  readonly source_description: string;
  readonly loader: string;
  readonly identifier: string;
  readonly quoting: Quoting;
  readonly loaded_at_field: string | null;
  readonly loaded_at_query: string | null;
  readonly freshness: FreshnessThreshold | null;
  readonly external: Json;
  readonly description: string;
  readonly columns: { readonly [name: string]: ColumnInfo };
  readonly meta: { readonly [key: string]: Json };
  readonly source_meta: { readonly [key: string]: Json };
  readonly tags: readonly string[];
  readonly config: {
    readonly enabled: boolean;
    readonly event_time: string | null;
    readonly freshness: FreshnessThreshold | null;
    readonly loaded_at_field: string | null;
    readonly loaded_at_query: string | null;
    readonly meta: { readonly [key: string]: Json };
    readonly tags: readonly string[];
    readonly [custom: string]: unknown;
  };
  readonly patch_path: string | null;
  readonly unrendered_config: { readonly [key: string]: unknown };
  readonly relation_name: string | null;
  readonly created_at: number;
  readonly unrendered_database: string | null;
  readonly unrendered_schema: string | null;
  readonly doc_blocks: readonly string[];
}

export interface MacroArgument {
  readonly name: string;
  readonly type: string | null;
  readonly description: string;
}

export interface MacroNode {
  readonly name: string;
  readonly resource_type: 'macro';
  readonly package_name: string;
  readonly path: string;
  readonly original_file_path: string;
  readonly unique_id: string;
  readonly macro_sql: string;
  readonly depends_on: { readonly macros: readonly string[] };
  readonly description: string;
  readonly meta: { readonly [key: string]: Json };
  readonly docs: Docs;
  readonly config: { readonly meta: { readonly [key: string]: Json }; readonly docs: Docs };
  readonly patch_path: string | null;
  readonly arguments: readonly MacroArgument[];
  readonly created_at: number;
  readonly supported_languages: readonly string[] | null;
}

export interface DocNode {
  readonly name: string;
  readonly resource_type: 'doc';
  readonly package_name: string;
  readonly path: string;
  readonly original_file_path: string;
  readonly unique_id: string;
  readonly block_contents: string;
}

export interface ExposureNode {
  readonly name: string;
  readonly resource_type: 'exposure';
  readonly package_name: string;
  readonly path: string;
  readonly original_file_path: string;
  readonly unique_id: string;
  readonly fqn: readonly string[];
  readonly type: string;
  readonly owner: {
    readonly email: string | readonly string[] | null;
    readonly name: string | null;
    readonly [extra: string]: unknown;
  };
  readonly description: string;
  readonly label: string | null;
  readonly maturity: string | null;
  readonly meta: { readonly [key: string]: Json };
  readonly tags: readonly string[];
  readonly config: {
    readonly enabled: boolean;
    readonly tags: readonly string[];
    readonly meta: { readonly [key: string]: Json };
    readonly [extra: string]: unknown;
  };
  readonly unrendered_config: { readonly [key: string]: unknown };
  readonly url: string | null;
  readonly depends_on: DependsOn;
  readonly refs: readonly RefArgs[];
  readonly sources: readonly (readonly string[])[];
  readonly metrics: readonly (readonly string[])[];
  readonly created_at: number;
}

export interface GroupNode {
  readonly name: string;
  readonly resource_type: 'group';
  readonly package_name: string;
  readonly path: string;
  readonly original_file_path: string;
  readonly unique_id: string;
  readonly owner: {
    readonly email: string | readonly string[] | null;
    readonly name: string | null;
    readonly [extra: string]: unknown;
  };
  readonly description: string | null;
  readonly config: { readonly meta: { readonly [key: string]: Json } };
}

export interface UnitTestFixture {
  readonly input: string;
  readonly rows: Json;
  readonly format: 'dict' | 'csv' | 'sql';
  readonly fixture: string | null;
}

export interface UnitTestNode {
  readonly model: string;
  readonly given: readonly UnitTestFixture[];
  readonly expect: { readonly rows: Json; readonly format: 'dict' | 'csv' | 'sql'; readonly fixture: string | null };
  readonly name: string;
  readonly resource_type: 'unit_test';
  readonly package_name: string;
  readonly path: string;
  readonly original_file_path: string;
  readonly unique_id: string;
  readonly fqn: readonly string[];
  readonly description: string;
  readonly overrides: {
    readonly macros: { readonly [k: string]: Json };
    readonly vars: { readonly [k: string]: Json };
    readonly env_vars: { readonly [k: string]: Json };
  } | null;
  readonly depends_on: DependsOn;
  readonly config: {
    readonly tags: readonly string[];
    readonly meta: { readonly [key: string]: Json };
    readonly enabled: boolean;
    readonly [extra: string]: unknown;
  };
  readonly checksum: string | null;
  readonly schema: string | null;
  readonly created_at: number;
  readonly versions: {
    readonly include: readonly (string | number)[] | null;
    readonly exclude: readonly (string | number)[] | null;
  } | null;
  readonly version: string | number | null;
  readonly [extra: string]: unknown;
}

/** Config of metrics, semantic models and saved queries. */
export interface SemanticConfig {
  readonly enabled: boolean;
  readonly group: string | null;
  readonly meta: { readonly [key: string]: Json };
  readonly tags?: Json;
  readonly [custom: string]: unknown;
}

/** Fields that metrics, semantic models and saved queries share, as in manifest v12. */
export interface SemanticNode {
  readonly name: string;
  readonly package_name: string;
  readonly path: string;
  readonly original_file_path: string;
  readonly unique_id: string;
  readonly fqn: readonly string[];
  readonly config: SemanticConfig;
  readonly unrendered_config: { readonly [key: string]: unknown };
  readonly group: string | null;
  readonly depends_on: DependsOn;
  readonly refs: readonly RefArgs[];
  readonly created_at: number;
  readonly description: Json;
  readonly label: Json;
  readonly metadata: null;
  readonly [field: string]: unknown;
}

export interface MetricNode extends SemanticNode {
  readonly resource_type: 'metric';
  readonly type: string;
  readonly type_params: MetricTypeParams;
  readonly filter: Json;
  readonly time_granularity: Json;
  readonly sources: readonly (readonly string[])[];
  readonly metrics: readonly (readonly string[])[];
  readonly meta: Json;
  readonly tags: Json;
}

/** A metric or measure used as an input of a derived metric. */
export interface MetricInput {
  readonly name: Json;
  readonly filter: Json;
  readonly alias: Json;
  readonly [field: string]: Json;
}
export interface MetricTypeParams {
  readonly measure: MetricInput | null;
  readonly input_measures: readonly MetricInput[];
  readonly numerator: MetricInput | null;
  readonly denominator: MetricInput | null;
  readonly expr: string | null;
  readonly window: Json;
  readonly grain_to_date: Json;
  readonly metrics: readonly (MetricInput | null)[] | null;
  readonly conversion_type_params: MetricConversion | null;
  readonly cumulative_type_params: MetricCumulation | null;
  readonly metric_aggregation_params: MetricAggregation | null;
  readonly fill_nulls_with: Json;
  readonly join_to_timespine: Json;
  readonly is_private: Json;
}
export interface MetricConversion {
  readonly entity: Json;
  readonly base_measure: MetricInput | null;
  readonly conversion_measure: MetricInput | null;
  readonly base_metric: MetricInput | null;
  readonly conversion_metric: MetricInput | null;
  readonly calculation: Json;
  readonly window: Json;
  readonly constant_properties: Json;
}
export interface MetricCumulation {
  readonly window: Json;
  readonly grain_to_date: Json;
  readonly period_agg: Json;
  readonly metric: MetricInput | null;
}
export interface MetricAggregation {
  readonly semantic_model: string;
  readonly agg: Json;
  readonly agg_params: Json;
  readonly agg_time_dimension: Json;
  readonly non_additive_dimension: Json;
}

/** A measure, dimension or entity of a semantic model. */
export interface SemanticPart {
  readonly name: Json | undefined;
  readonly description: Json;
  readonly [field: string]: Json | undefined;
}
export interface SemanticModelNode extends SemanticNode {
  readonly resource_type: 'semantic_model';
  readonly model: string | null | undefined;
  readonly node_relation: Json;
  readonly defaults: Json;
  readonly entities: readonly SemanticPart[];
  readonly measures: readonly SemanticPart[];
  readonly dimensions: readonly SemanticPart[];
  readonly primary_entity: Json;
}

export interface SavedQueryNode extends SemanticNode {
  readonly resource_type: 'saved_query';
  readonly query_params: {
    readonly metrics: Json;
    readonly group_by: Json;
    readonly where: Json;
    readonly order_by: Json;
    readonly limit: Json;
  };
  readonly exports: {
    readonly name: Json | undefined;
    readonly config: { readonly [key: string]: unknown };
    readonly unrendered_config: { readonly [key: string]: Json };
  }[];
  readonly tags: readonly string[];
}

export interface FunctionArgument {
  readonly name: string;
  readonly data_type: string;
  readonly description: string | null;
  readonly default_value?: Json;
}
export interface FunctionReturns {
  readonly data_type: string;
  readonly description: string | null;
}
/** Another function with the same name, defined in a separate file. */
export interface FunctionOverload {
  readonly defined_in: string;
  readonly arguments: readonly FunctionArgument[];
  readonly returns: FunctionReturns | null;
  readonly description: string | null;
  readonly raw_body: string | null;
  readonly compiled_body: string | null;
}

/** A user-defined function: a member of `manifest.functions`. */
export interface FunctionNode extends NodeBase, CompiledFields {
  readonly resource_type: 'function';
  readonly config: NodeConfig;
  readonly arguments: readonly FunctionArgument[];
  readonly returns: FunctionReturns;
  readonly overloads: readonly FunctionOverload[];
  /** The same function in the deferred state. */
  readonly defer_function?: FunctionNode;
}

/** Resources that are parsed into the manifest but never executed. */
export type ParsedOnlyNode = MetricNode | SemanticModelNode | SavedQueryNode | FunctionNode;

/** The members of `manifest.nodes`. */
export type ManifestNode = ModelNode | SeedNode | SnapshotNode | TestNode | AnalysisNode | HookNode | SqlOperationNode;
/** All types of nodes in the graph. */
export type GraphNode =
  | ManifestNode
  | SourceDefinition
  | ExposureNode
  | UnitTestNode
  | ParsedOnlyNode
  | PublicationNode;
