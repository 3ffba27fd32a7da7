// Details of one run for a user on call: its nodes, what failed, and what has changed since the job's last successful
// run. Reads the store, and is independent of the presentation.
import type { NodeStatus } from '../contracts/results.ts';
import { TsdbtError } from '../errors.ts';
import type { JobRun, NodeRun, Store } from './store/serve-store.ts';

/** Differences from the last successful run. */
export interface Changes {
  readonly good: JobRun;
  /** The project's hash then and now; null: equal, or one of them is unknown. */
  readonly project: { readonly before: string; readonly now: string } | null;
  /** Nodes with another checksum, new nodes, and nodes that are no longer run; sorted. */
  readonly changed: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export interface RunDetail {
  readonly run: JobRun;
  /** In the order of their starts. */
  readonly nodes: readonly NodeRun[];
  readonly failed: readonly NodeRun[];
  /** null: no earlier run of the job was successful. */
  readonly changes: Changes | null;
}

const FAILED: ReadonlySet<NodeStatus> = new Set<NodeStatus>(['error', 'fail', 'partial success', 'runtime error']);
/** Limit of earlier runs in which attempts at one due time are searched. */
const MOST_ATTEMPTS = 100;

/**
 * @param id of the run, or a prefix of it
 * @throws `usage` error if no run, or more than one, has such an id
 */
export async function runDetail(store: Store, id: string): Promise<RunDetail> {
  const found = id === '' ? [] : await store.runs({ runId: id, limit: 2 });
  const run = found.find(({ runId }) => runId === id) ?? found[0];
  if (run === undefined)
    throw new TsdbtError('usage', `No run '${id}' is in the history.`, {
      hint: '`tsdbt runs` shows the newest ones; older ones may have been pruned.',
    });
  if (found.length > 1 && run.runId !== id)
    throw new TsdbtError('usage', `More than one run begins with '${id}'.`, { hint: 'Give more of the id.' });
  const nodes = await store.nodes(run.runId);
  const [good] = await store.runs({ job: run.job, states: ['success'], before: run.startedAt, limit: 1 });
  return {
    run,
    nodes,
    failed: nodes.filter(({ status }) => FAILED.has(status)),
    changes: good === undefined ? null : changesSince(good, await nodesOfDue(store, good), run, nodes),
  };
}

/** The nodes of all attempts at a due time, because a retry runs only what failed. */
async function nodesOfDue(store: Store, { job, dueAt, runId, startedAt }: JobRun): Promise<readonly NodeRun[]> {
  const earlier = await store.runs({ job, before: startedAt, limit: MOST_ATTEMPTS });
  const ids = [runId, ...earlier.filter((run) => run.dueAt === dueAt).map((run) => run.runId)];
  const nodes = new Map<string, NodeRun>();
  for (const id of ids)
    for (const node of await store.nodes(id)) if (!nodes.has(node.uniqueId)) nodes.set(node.uniqueId, node);
  return [...nodes.values()];
}

function changesSince(good: JobRun, before: readonly NodeRun[], run: JobRun, now: readonly NodeRun[]): Changes {
  const known = new Map(before.map((node) => [node.uniqueId, node]));
  const present = new Set(now.map(({ uniqueId }) => uniqueId));
  // Nodes that a run did not reach were not removed.
  const whole = run.attempt === 1 && (run.state === 'success' || run.state === 'failed');
  const names = (nodes: readonly NodeRun[]): string[] => nodes.map(({ uniqueId }) => uniqueId).sort();
  return {
    good,
    project:
      good.project === null || run.project === null || good.project === run.project
        ? null
        : { before: good.project, now: run.project },
    changed: names(
      now.filter(({ uniqueId, checksum }) => {
        const then = known.get(uniqueId);
        return then !== undefined && then.checksum !== checksum;
      }),
    ),
    added: names(now.filter(({ uniqueId }) => !known.has(uniqueId))),
    removed: whole ? names(before.filter(({ uniqueId }) => !present.has(uniqueId))) : [],
  };
}
