// Facts about a node and its result in events: `node_info` and `run_result` of dbt's JSON log.
import type { StatementCost } from '../adapters/adapter.ts';
import type { GraphNode } from '../contracts/node.ts';
import type { RunResult } from '../contracts/results.ts';
import type { EventData } from '../events/index.ts';
import { LazyEvent, type Logger } from '../log.ts';
import { PyFloat } from '../values/index.ts';

/** A node's progress, for `node_info` of its events. */
export interface NodeProgress {
  readonly node: GraphNode;
  /** ISO without zone, as dbt writes it; empty while unknown. */
  started: string;
  finished: string;
  status: string;
  readonly index: number;
  readonly total: number;
  readonly thread: string;
  /** Cost of its statements so far; null: the database has not reported any. */
  cost: StatementCost | null;
}

/** dbt's `node_info` of a result's node. Only that of a hook still has its times. */
export function resultInfo(r: RunResult): EventData {
  if (!r.node) return {};
  const timing = r.node.resource_type === 'operation' ? r.timing : [];
  const [started = '', finished = ''] = [timing[0]?.started_at, timing.at(-1)?.completed_at].map((at) =>
    at?.replace(/Z$/, ''),
  );
  return nodeInfo({ node: r.node, started, finished, status: r.status });
}

/** dbt's `node_info`. */
export function nodeInfo(p: Pick<NodeProgress, 'node' | 'started' | 'finished' | 'status'>): EventData {
  const node = p.node as GraphNode & {
    config?: { materialized?: string };
    meta?: unknown;
    checksum?: unknown;
    alias?: string;
    relation_name?: string | null;
    database?: string | null;
    schema?: string | null;
  };
  // For a unit test it is a text, which dbt's log omits.
  const checksum =
    typeof node.checksum === 'object' && node.checksum !== null
      ? (node.checksum as { checksum?: string }).checksum
      : undefined;
  return {
    materialized: node.config?.materialized ?? '',
    meta: plainJson(node.meta ?? {}),
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

/** Converts a value of `meta` for the JSON log: as in dbt, whose events are protobuf, every number is a double. */
function plainJson(value: unknown): unknown {
  if (value instanceof PyFloat) return value.value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(plainJson);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plainJson(part)]));
}

/** Events of templates that name the rendered node, as in dbt. */
const OF_NODE: ReadonlySet<string> = new Set(['JinjaLogInfo', 'JinjaLogDebug', 'UnpinnedRefNewVersionAvailable']);

/**
 * The logger of a worker's templates: adds the worker's thread and, where dbt does, `node_info`.
 * @param current the node that the worker runs; undefined between two nodes
 */
export function templateLogger(logger: Logger, thread: string, current: () => NodeProgress | undefined): Logger {
  return {
    fire(event) {
      const { name, code, level, revealed } = event;
      const p = OF_NODE.has(name) ? current() : undefined;
      const data = () => (p === undefined ? (event.data ?? {}) : { ...event.data, node_info: nodeInfo(p) });
      logger.fire(new LazyEvent(name, code, level, () => event.msg, data, event.thread ?? thread, revealed));
    },
  };
}

/** The part of a result that events contain. */
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
