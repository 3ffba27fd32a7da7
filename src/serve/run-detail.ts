// One run as somebody on call wants it: its nodes, what failed, and what had changed since the job's last good run.
// Reads the store and decides nothing about how it is shown.
import type { NodeStatus } from '../contracts/results.ts';
import { TsdbtError } from '../errors.ts';
import type { JobRun, NodeRun, Store } from './store/store.ts';

/** What differs from the last good run. */
export interface Changes {
  readonly good: JobRun;
  /** The project's hash then and now; null: the same, or not known of both. */
  readonly project: { readonly before: string; readonly now: string } | null;
  /** Nodes whose checksum differs, that are new, and that are not run any more; sorted. */
  readonly changed: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export interface RunDetail {
  readonly run: JobRun;
  /** In the order of their starts. */
  readonly nodes: readonly NodeRun[];
  readonly failed: readonly NodeRun[];
  /** null: no run of the job was good before. */
  readonly changes: Changes | null;
}

const FAILED: ReadonlySet<NodeStatus> = new Set<NodeStatus>(['error', 'fail', 'partial success', 'runtime error']);
/** Attempts at one due time that are looked at. */
const MOST_ATTEMPTS = 100;

/**
 * @param id of the run, or its beginning
 * @throws `usage` error when no run, or more than one, has such an id
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

/** The nodes of all attempts at a due time: a retry runs only what had failed. */
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
  // What a run did not come to is not gone.
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
