// What earlier tries at a due time have made already, as the history knows it: a host that takes the due time over does
// not make it again. Reads the store; which nodes follow from it is the runner's.
import type { NodeStatus } from '../contracts/results.ts';
import type { Claim, Store } from './store/store.ts';

const MADE: ReadonlySet<NodeStatus> = new Set<NodeStatus>(['success', 'pass', 'warn', 'no-op']);
/** Newest runs of the job in which earlier tries are looked for. */
const MOST_RUNS = 100;

/**
 * Nodes that need not be run again by a try. A node is written down after it was published, so that one of which
 * nothing is known is run. Tries count back to the first one that was made of something else: another commit, other
 * variables, another target or selection.
 * @param madeOf what this try is made of
 * @returns unique_ids; empty for a first try, and where nothing is known
 */
export async function madeBefore(
  store: Pick<Store, 'runs' | 'nodes' | 'madeOf'>,
  { job, dueAt, attempt }: Claim,
  madeOf: string,
): Promise<ReadonlySet<string>> {
  if (attempt === 1) return new Set();
  const earlier = (await store.runs({ job, limit: MOST_RUNS }))
    .filter((run) => run.dueAt === dueAt && run.attempt < attempt)
    .sort((a, b) => b.attempt - a.attempt);
  const known = await store.madeOf(earlier.map(({ runId }) => runId));
  const newest = new Map<string, NodeStatus>();
  for (const { runId } of earlier) {
    if (known.get(runId) !== madeOf) break;
    for (const { uniqueId, status } of await store.nodes(runId))
      if (!newest.has(uniqueId)) newest.set(uniqueId, status);
  }
  return new Set([...newest].filter(([, status]) => MADE.has(status)).map(([uniqueId]) => uniqueId));
}
