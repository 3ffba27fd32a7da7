// What earlier tries at a due time have made already, as the history knows it: a host that takes the due time over does
// not make it again. Reads the store; which nodes follow from it is the runner's.
import type { NodeStatus } from '../contracts/results.ts';
import type { Claim, Store } from './store/store.ts';

const MADE: ReadonlySet<NodeStatus> = new Set<NodeStatus>(['success', 'pass', 'warn', 'no-op']);
/** Newest runs of the job in which earlier tries are looked for. */
const MOST_RUNS = 100;
/** What was made longer ago does not go together with what is made now: milliseconds between two tries. */
const LONGEST_PAUSE_MS = 3_600_000;

/**
 * Nodes that need not be run again by a try. A node is written down after it was published, so that one of which
 * nothing is known is run. Tries count back to the first one that was made of something else: another commit, other
 * variables, another target or selection; and to the first one whose last node ended more than an hour before the next
 * try began, as its nodes are of sources of then.
 * @param madeOf what this try is made of
 * @returns unique_ids; empty for a first try, and where nothing is known
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
