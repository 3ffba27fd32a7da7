// What events tell of a node and of its result beside their text: `node_info` and `run_result` of dbt's JSON log.
import type { GraphNode } from '../contracts/node.ts';
import type { RunResult } from '../contracts/results.ts';
import type { EventData } from '../events/index.ts';
import { stringifyJson } from '../values/index.ts';

/** Where a node stands, for `node_info` of its events. */
export interface NodeProgress {
  readonly node: GraphNode;
  /** ISO without zone, as dbt writes it; empty while unknown. */
  started: string;
  finished: string;
  status: string;
  readonly index: number;
  readonly total: number;
  readonly thread: string;
}

/** dbt's `node_info` of a result's node. */
export function resultInfo(r: RunResult): EventData {
  return r.node ? nodeInfo({ node: r.node, started: '', finished: '', status: r.status }) : {};
}

/** dbt's `node_info`. */
export function nodeInfo(p: Pick<NodeProgress, 'node' | 'started' | 'finished' | 'status'>): EventData {
  const node = p.node as GraphNode & {
    config?: { materialized?: string; meta?: unknown };
    checksum?: unknown;
    alias?: string;
    relation_name?: string | null;
    database?: string | null;
    schema?: string | null;
  };
  const checksum =
    typeof node.checksum === 'object' && node.checksum !== null
      ? (node.checksum as { checksum?: string }).checksum
      : node.checksum;
  const meta = (node.config?.meta ?? {}) as Record<string, unknown>;
  return {
    materialized: node.config?.materialized ?? (node.resource_type === 'unit_test' ? 'unit' : ''),
    meta: Object.fromEntries(Object.entries(meta).map(([k, v]) => [k, typeof v === 'string' ? v : stringifyJson(v)])),
    node_checksum: checksum ?? '',
    node_finished_at: p.finished,
    node_name: node.name,
    node_path: node.path,
    node_relation: {
      alias: node.alias ?? '',
      database: node.database ?? '',
      relation_name: node.relation_name ?? '',
      schema: node.schema ?? '',
    },
    node_started_at: p.started,
    node_status: p.status,
    resource_type: node.resource_type,
    unique_id: node.unique_id,
  };
}

/** The part of a result that events carry. */
export function resultData(r: RunResult): EventData {
  return {
    adapter_response: r.adapter_response,
    execution_time: r.execution_time,
    message: r.message ?? '',
    num_failures: r.failures ?? 0,
    status: r.status,
    thread: r.thread_id,
    timing_info: r.timing,
  };
}
