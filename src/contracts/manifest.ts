// Types of the manifest: all resolved resources of a project, with the keys of manifest.json v12. No code: the parser
// builds it.
import type {
  DocNode,
  ExposureNode,
  GraphNode,
  GroupNode,
  MacroNode,
  ManifestNode,
  FunctionNode,
  MetricNode,
  SavedQueryNode,
  SemanticModelNode,
  Quoting,
  SourceDefinition,
  UnitTestNode,
} from './node.ts';
import type { PublicationNode } from './publication.ts';

export interface ManifestMetadata {
  dbt_schema_version: string;
  /** The dbt version whose behaviour is implemented (1.12.x). Packages check it. */
  dbt_version: string;
  generated_at: string;
  invocation_id: string | null;
  invocation_started_at?: string | null;
  env: Record<string, string>;
  project_name: string | null;
  project_id: string | null;
  user_id: string | null;
  send_anonymous_usage_stats: boolean | null;
  adapter_type: string | null;
  quoting: Quoting;
  run_started_at?: string | null;
  /** The version of tsdbt, next to dbt's. */
  tsdbt_version?: string;
}

export interface Manifest {
  readonly metadata: ManifestMetadata;
  readonly nodes: Readonly<Record<string, ManifestNode>>;
  readonly sources: Readonly<Record<string, SourceDefinition>>;
  readonly macros: Readonly<Record<string, MacroNode>>;
  readonly docs: Readonly<Record<string, DocNode>>;
  readonly exposures: Readonly<Record<string, ExposureNode>>;
  readonly metrics: Readonly<Record<string, MetricNode>>;
  readonly groups: Readonly<Record<string, GroupNode>>;
  readonly selectors: Readonly<Record<string, unknown>>;
  readonly disabled: Readonly<Record<string, GraphNode[]>>;
  readonly parent_map: Readonly<Record<string, string[]>>;
  readonly child_map: Readonly<Record<string, string[]>>;
  readonly group_map: Readonly<Record<string, string[]>>;
  readonly saved_queries: Readonly<Record<string, SavedQueryNode>>;
  readonly semantic_models: Readonly<Record<string, SemanticModelNode>>;
  readonly unit_tests: Readonly<Record<string, UnitTestNode>>;
  readonly functions: Record<string, FunctionNode>;
  /** Absent if nothing is published, because dbt has no such key. */
  readonly publications?: Readonly<Record<string, PublicationNode>>;
}
