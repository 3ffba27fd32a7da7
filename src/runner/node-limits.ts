// Limits of a node under `meta`, which dbt ignores: `meta: {tsdbt: {timeout: 10m, retries: 2}}`.
import type { GraphNode } from '../contracts/node.ts';
import { ownSetting } from '../settings/meta-settings.ts';

export interface NodeLimits {
  /** Maximum duration of one attempt; null: unlimited. */
  readonly timeoutMs: number | null;
  /** Number of further attempts after a transient error or a timeout. */
  readonly retries: number;
}

export const NO_LIMITS: NodeLimits = { timeoutMs: null, retries: 0 };

export function nodeLimits(node: GraphNode): NodeLimits {
  return { timeoutMs: ownSetting(node, 'timeout'), retries: ownSetting(node, 'retries') };
}
