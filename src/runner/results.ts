// Builds results: the fields that every result takes from its node, results without execution, and skipped ones.
import type { GraphNode } from '../contracts/node.ts';
import type { RunResult, RunStatus } from '../contracts/results.ts';
import type { RunContext } from './context.ts';
import { lookupNode } from './nodes.ts';

/** `2026-11-21T10:48:33.454115` in UTC, as in dbt; artifacts add the Z. */
export function isoMicros(ms: number): string {
  const micros = Math.floor((ms % 1) * 1000);
  return `${new Date(ms).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}`;
}

/** The fields of a result about the node itself; null for a node that is never compiled. */
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

/** A result with only a status. */
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

/** Whether a test failed or could not be run. */
export function didNotPass({ status }: RunResult): boolean {
  return status === 'fail' || status === 'error';
}

/** Whether a status stops the descendants of a node. */
export function stopsChildren(status: RunResult['status'], build: boolean): boolean {
  const always: readonly RunResult['status'][] = ['error', 'partial success'] satisfies RunStatus[];
  return always.includes(status) || (build && (status === 'fail' || status === 'skipped'));
}

/**
 * Adds a skipped result for each selected node without a result.
 * @param message the reason in run_results.json
 * @param told called with each node and its index
 */
export function skipRest(
  ctx: Pick<RunContext, 'manifest' | 'selected'>,
  results: RunResult[],
  message: string | null,
  told: (node: GraphNode, index: number) => void = () => undefined,
): void {
  const done = new Set(results.map((r) => r.unique_id));
  let index = 0;
  for (const id of ctx.selected) {
    const node = lookupNode(ctx.manifest, id);
    if (node === undefined || done.has(id)) continue;
    told(node, ++index);
    results.push(bareResult(node, 'skipped', message, 'MainThread'));
  }
}
