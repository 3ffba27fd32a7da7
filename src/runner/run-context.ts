// What every part of a run shares beyond compiling: log, clock, journal, rows to show; and the plain forms of results.
// Holds values; the work is done by the files beside it.
import type { Table } from '../adapters/table.ts';
import type { CompileContext } from '../compiler/compile-context.ts';
import type { Manifest } from '../contracts/manifest.ts';
import type { FunctionNode, GraphNode, ManifestNode, SourceDefinition } from '../contracts/node.ts';
import type { BatchResults, OverloadResults, RunResult, RunStatus } from '../contracts/results.ts';
import type { Journal } from '../state/journal.ts';
import type { KnownState } from '../state/known-state.ts';
import type { RunLog } from './log.ts';

/** What `retry` knows of the run that it repeats. */
export interface RetriedRun {
  /** When that run began, milliseconds since 1970: batches end there. */
  readonly startedAt: number;
  /** Batches of microbatch models of which some succeeded: only the failed ones are run. */
  readonly batches: ReadonlyMap<string, BatchResults>;
  /** What that run made of the overloads of functions. */
  readonly overloads: ReadonlyMap<string, OverloadResults>;
}

export interface RunContext extends CompileContext {
  readonly log: RunLog;
  /** What goes in front of (or behind) each statement of a node; undefined for nothing. */
  readonly queryComment: (node: GraphNode) => (() => { text: string; append: boolean } | null) | undefined;
  /** Milliseconds since 1970, with a fraction. */
  readonly now: () => number;
  readonly journal: Journal | null;
  /** Null unless this is a retry. */
  readonly retry: RetriedRun | null;
  /** What views looked like after the last run. */
  readonly views: KnownState;
  /** The state of each view that this run has made, by rendered name. */
  readonly published: Map<string, string>;
  /** `viewMakers` of unchanged-view.ts, found once. */
  readonly viewMakers: () => string | null;
  /** Changes whenever the file below target/ is written; null when it is not there. */
  readonly fileMark: (path: string) => string | null;
  /** When tests last passed, on all rows and on the newest. */
  readonly tests: KnownState;
  /** Where the oldest batch of a microbatch model began that this run did, by unique_id. */
  readonly oldestBatch: Map<string, number>;
  /** Sources that `tsdbt load` fills, by the key of their relation. */
  readonly loadedSources: ReadonlyMap<string, SourceDefinition>;
  /** Rows kept for showing: previews, seeds, first rows of failed tests. */
  readonly tables: Map<string, Table>;
}

/** Names a relation in maps. */
export function relationKey(database: string | null, schema: string, identifier: string): string {
  return JSON.stringify([database, schema, identifier]);
}

/** `2026-11-21T10:48:33.454115`, UTC: dbt's timestamps; artifacts add the Z. */
export function isoMicros(ms: number): string {
  const micros = Math.floor((ms % 1) * 1000);
  return `${new Date(ms).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}`;
}

/** Whatever the manifest calls by this unique_id. */
export function lookupNode(
  manifest: Pick<
    Manifest,
    'nodes' | 'sources' | 'exposures' | 'unit_tests' | 'saved_queries' | 'semantic_models' | 'metrics' | 'functions'
  >,
  id: string,
): GraphNode | undefined {
  return (
    manifest.nodes[id] ??
    manifest.sources[id] ??
    manifest.unit_tests[id] ??
    manifest.exposures[id] ??
    manifest.saved_queries[id] ??
    manifest.functions[id] ??
    manifest.metrics[id] ??
    manifest.semantic_models[id]
  );
}

/**
 * Puts what has become of a node into the manifest, where templates see it as `graph`; nodes that are not in it stay
 * out.
 */
export function keepNode({ manifest }: Pick<RunContext, 'manifest'>, node: GraphNode): void {
  if (node.unique_id in manifest.nodes) manifest.nodes[node.unique_id] = node as ManifestNode;
  else if (node.unique_id in manifest.functions) manifest.functions[node.unique_id] = node as FunctionNode;
}

/** A model that becomes a CTE of its readers and is never built. */
export function isEphemeral(node: GraphNode): boolean {
  return node.resource_type === 'model' && node.config.materialized === 'ephemeral';
}

/** The part of a result that tells of the node itself: null for what is never compiled. */
export function nodeFields(
  node: GraphNode,
): Pick<RunResult, 'unique_id' | 'compiled' | 'compiled_code' | 'relation_name' | 'node'> {
  const compilable = 'depends_on' in node && 'raw_code' in node && node.resource_type !== 'seed';
  const n = node as { compiled?: boolean; compiled_code?: string | null; relation_name?: string | null };
  return {
    unique_id: node.unique_id,
    compiled: compilable ? (n.compiled ?? false) : null,
    compiled_code: compilable ? (n.compiled_code ?? null) : null,
    relation_name: compilable ? (n.relation_name ?? null) : null,
    node,
  };
}

/** A result with nothing in it but a status. */
export function bareResult(
  node: GraphNode,
  status: RunResult['status'],
  message: string | null,
  thread: string,
): RunResult {
  return {
    status,
    timing: [],
    thread_id: thread,
    execution_time: 0,
    adapter_response: {},
    message,
    failures: null,
    batch_results: null,
    ...nodeFields(node),
  };
}

/** True for statuses that stop what is below a node. */
export function stopsChildren(status: RunResult['status'], build: boolean): boolean {
  const always: readonly RunResult['status'][] = ['error', 'partial success'] satisfies RunStatus[];
  return always.includes(status) || (build && (status === 'fail' || status === 'skipped'));
}
