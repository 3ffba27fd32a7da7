// Limits of a node under `meta`, which dbt ignores: `meta: {tsdbt: {timeout: 10m, retries: 2}}`.
import { durationMs } from '../values/duration.ts';
import type { GraphNode } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import { TsdbtError } from '../errors.ts';
import { LONGEST_TIMER } from '../within.ts';
import { isDictionary } from '../values/is-dictionary.ts';

export interface NodeLimits {
  /** Maximum duration of one attempt; null: unlimited. */
  readonly timeoutMs: number | null;
  /** Number of further attempts after a transient error or a timeout. */
  readonly retries: number;
  /** The error in the settings; null: they are valid. */
  readonly error: TsdbtError | null;
}

export const NO_LIMITS: NodeLimits = { timeoutMs: null, retries: 0, error: null };

const MOST_RETRIES = 100;

/** Never throws: an invalid value is reported in the result. */
export function nodeLimits(node: GraphNode): NodeLimits {
  const own = settingsOf(node);
  if (own === null) return NO_LIMITS;
  const { timeout = null, retries = null } = own;
  try {
    return {
      timeoutMs: timeout === null ? null : durationOf(timeout, node),
      retries: retries === null ? 0 : countOf(retries, node),
      error: null,
    };
  } catch (error) {
    if (error instanceof TsdbtError) return { ...NO_LIMITS, error };
    throw error;
  }
}

function settingsOf(node: GraphNode): Readonly<Record<string, unknown>> | null {
  const { meta }: { readonly meta?: unknown } =
    node.resource_type === 'publication' ? node : 'config' in node ? node.config : {};
  const own: unknown = isDictionary(meta) ? meta['tsdbt'] : undefined;
  return isDictionary(own) ? own : null;
}

function durationOf(value: unknown, node: GraphNode): number {
  const ms = typeof value === 'string' ? durationMs(value) : null;
  if (ms !== null && ms > 0 && ms <= LONGEST_TIMER) return ms;
  throw errorOf(
    'badNodeSetting',
    { key: 'timeout', expected: 'a duration such as 30s, 10m or 1h', found: JSON.stringify(value) },
    { node },
  );
}

function countOf(value: unknown, node: GraphNode): number {
  const count = typeof value === 'bigint' ? Number(value) : value;
  if (typeof count === 'number' && Number.isInteger(count) && count >= 0 && count <= MOST_RETRIES) return count;
  const found = typeof value === 'bigint' ? String(value) : JSON.stringify(value);
  throw errorOf('badNodeSetting', { key: 'retries', expected: `a number from 0 to ${MOST_RETRIES}`, found }, { node });
}
