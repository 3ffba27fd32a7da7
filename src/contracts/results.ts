// Types of run_results.json v6, sources.json v3 and catalog.json v1, field for field. No code: the commands fill them.
import type { FreshnessThreshold, GraphNode, Json } from './node.ts';

export type RunStatus = 'success' | 'error' | 'skipped' | 'partial success' | 'no-op' | 'reused';
export type TestStatus = 'pass' | 'error' | 'fail' | 'warn' | 'skipped';
export type FreshnessStatus = 'pass' | 'warn' | 'error' | 'runtime error';
export type NodeStatus = RunStatus | TestStatus | FreshnessStatus;

export interface TimingInfo {
  name: 'compile' | 'execute';
  started_at: string | null;
  completed_at: string | null;
}

/** The database's response to a statement: dbt's AdapterResponse. */
export interface AdapterResponse {
  _message: string;
  code?: string;
  rows_affected?: number | string;
  [extra: string]: unknown;
}

/** Start and end of the batches of a microbatch model, ISO, UTC. */
export interface BatchResults {
  successful: [string, string][];
  failed: [string, string][];
}

/** Overloads of a function, by the file that defines them. */
export interface OverloadResults {
  successful: string[];
  failed: string[];
}

export interface RunResult {
  status: NodeStatus;
  timing: TimingInfo[];
  thread_id: string;
  /** Seconds. */
  execution_time: number;
  adapter_response: AdapterResponse | Record<string, never>;
  message: string | null;
  failures: number | null;
  unique_id: string;
  compiled: boolean | null;
  compiled_code: string | null;
  relation_name: string | null;
  batch_results: BatchResults | null;
  /** Present on results of functions. Absent means null. */
  overload_results?: OverloadResults | null;
  /** Not written to the artifact: the node itself, for `results` in on-run-end. */
  node?: GraphNode;
  /** Not written to the artifact: the node failed with a transient error, so a retry may succeed. */
  transient?: boolean;
}

export interface ArtifactMetadata {
  dbt_schema_version: string;
  dbt_version: string;
  generated_at: string;
  invocation_id: string | null;
  invocation_started_at?: string | null;
  env: Record<string, string>;
  tsdbt_version?: string;
}
export interface RunResultsArtifact {
  metadata: ArtifactMetadata;
  results: RunResult[];
  elapsed_time: number;
  args: { [name: string]: Json };
}

export interface FreshnessResult {
  unique_id: string;
  max_loaded_at: string;
  snapshotted_at: string;
  max_loaded_at_time_ago_in_s: number;
  status: FreshnessStatus;
  criteria: FreshnessThreshold;
  adapter_response: AdapterResponse | Record<string, never>;
  timing: TimingInfo[];
  thread_id: string;
  execution_time: number;
}
export interface FreshnessError {
  unique_id: string;
  error: string | null;
  status: 'runtime error';
}
export interface SourcesArtifact {
  metadata: ArtifactMetadata;
  results: (FreshnessResult | FreshnessError)[];
  elapsed_time: number;
}

export interface CatalogColumn {
  type: string;
  index: number;
  name: string;
  comment: string | null;
}
export interface CatalogTable {
  metadata: {
    type: string;
    schema: string;
    name: string;
    database: string | null;
    comment: string | null;
    owner: string | null;
  };
  columns: Record<string, CatalogColumn>;
  stats: Record<string, { id: string; label: string; value: Json; include: boolean; description: string | null }>;
  unique_id: string | null;
}
export interface CatalogArtifact {
  metadata: ArtifactMetadata;
  nodes: Record<string, CatalogTable>;
  sources: Record<string, CatalogTable>;
  errors: string[] | null;
}
