// What earlier attempts at a due time have already completed, according to the history, so that a host that takes it
// over does not repeat it. Reads the store. The runner decides which nodes to skip.
import type { NodeStatus } from '../contracts/results.ts';
import type { Claim, Store } from './store/serve-store.ts';

const MADE: ReadonlySet<NodeStatus> = new Set<NodeStatus>(['success', 'pass', 'warn', 'no-op', 'reused']);
/** Number of the job's newest runs in which earlier attempts are searched. */
const MOST_RUNS = 100;
/** Maximum milliseconds between two attempts. Older results are not consistent with new ones. */
const LONGEST_PAUSE_MS = 3_600_000;

/**
 * Nodes that an attempt need not run again. A node is recorded after it was published, so a node without a record is
 * run. Earlier attempts count back to the first one with other inputs (commit, variables, target or selection), or
 * whose last node ended more than an hour before the next attempt, because its nodes were built from older sources.
 * @param madeOf identity of this attempt's inputs
 * @returns unique_ids; empty for a first attempt, and if nothing is known
 */
export async function madeBefore(
  store: Pick<Store, 'runs' | 'nodes' | 'madeOf'>,
  { job, dueAt, attempt }: Claim,
  madeOf: string,
): Promise<ReadonlySet<string>> {
  if (attempt === 1) return new Set();
  const [own, ...earlier] = (await store.runs({ job, limit: MOST_RUNS }))
    .filter((run) => run.dueAt === dueAt && run.attempt <= attempt)
    .sort((a, b) => b.attempt - a.attempt);
  if (own?.attempt !== attempt) return new Set();
  const known = await store.madeOf(earlier.map(({ runId }) => runId));
  const newest = new Map<string, NodeStatus>();
  let next = own.startedAt;
  for (const { runId, startedAt } of earlier) {
    if (known.get(runId) !== madeOf) break;
    const nodes = await store.nodes(runId);
    const last = nodes.reduce((at, node) => Math.max(at, node.startedAt + node.seconds * 1000), startedAt);
    if (next - last > LONGEST_PAUSE_MS) break;
    next = startedAt;
    for (const { uniqueId, status } of nodes) if (!newest.has(uniqueId)) newest.set(uniqueId, status);
  }
  return new Set([...newest].filter(([, status]) => MADE.has(status)).map(([uniqueId]) => uniqueId));
}
