// The order of execution: decides which node can start next. Pure; the runner handles time and threads.
import type { Dag } from './dag.ts';

/** Returns nodes whose dependencies are done. A node is waiting, ready, in progress or done. */
export interface Queue {
  /**
   * Takes the next ready node, which is then in progress; undefined while every waiting node has a parent in progress.
   */
  next(): string | undefined;
  /** Marks a node in progress as done, whatever its result. */
  done(id: string): void;
  /** Number of nodes that have not been taken. */
  readonly waiting: number;
  readonly inProgress: number;
  /** Nodes that are not done: waiting and in progress. */
  readonly remaining: number;
  /** All nodes of the queue. */
  readonly selected: ReadonlySet<string>;
}

/**
 * Creates a first-in, first-out queue over some nodes of a graph. Nodes that become ready together are ordered by depth
 * in the graph, then by unique_id, as in dbt/graph/queue.py.
 * @param seconds usual duration of each node by unique_id: of the ready nodes, the one with the longest remaining path
 *   goes first, which is no longer dbt's order
 */
export function createQueue(dag: Dag, ids: Iterable<string>, seconds?: ReadonlyMap<string, number>): Queue {
  const graph = dag.subset(ids);
  const order = graph.topological();
  const depths = new Map<string, number>();
  const blockers = new Map<string, number>();
  for (const id of order) {
    const parents = graph.parents(id);
    blockers.set(id, parents.length);
    depths.set(
      id,
      parents.reduce((deepest, parent) => Math.max(deepest, (depths.get(parent) ?? 0) + 1), 0),
    );
  }
  const sorted = (some: string[]): string[] =>
    some.sort((a, b) => (depths.get(a) ?? 0) - (depths.get(b) ?? 0) || (a < b ? -1 : 1));
  const paths = seconds === undefined || seconds.size === 0 ? null : longestPaths(graph, order, seconds);
  const ready = sorted(order.filter((id) => blockers.get(id) === 0));
  let handedOut = 0;
  const byPath = (): void => {
    if (paths === null) return;
    const waits = ready.splice(handedOut);
    ready.push(...waits.sort((a, b) => (paths.get(b) ?? 0) - (paths.get(a) ?? 0)));
  };
  byPath();
  const running = new Set<string>();
  let waiting = order.length;
  return {
    next(): string | undefined {
      const id = ready[handedOut];
      if (id === undefined) return undefined;
      handedOut++;
      waiting--;
      running.add(id);
      return id;
    },
    done(id: string): void {
      if (!running.delete(id)) return;
      const freed: string[] = [];
      for (const child of graph.children(id)) {
        const left = (blockers.get(child) ?? 1) - 1;
        blockers.set(child, left);
        if (left === 0) freed.push(child);
      }
      ready.push(...sorted(freed));
      if (freed.length > 0) byPath();
    },
    get waiting() {
      return waiting;
    },
    get inProgress() {
      return running.size;
    },
    get remaining() {
      return waiting + running.size;
    },
    selected: new Set(order),
  };
}

/** Seconds from the start of each node to the end of its longest chain of descendants. */
function longestPaths(
  graph: Dag,
  order: readonly string[],
  seconds: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const known = [...seconds.values()].sort((a, b) => a - b);
  // A node without history counts as an average one.
  const usual = known[known.length >> 1] ?? 0;
  const paths = new Map<string, number>();
  for (const id of [...order].reverse()) {
    const below = graph.children(id).reduce((longest, child) => Math.max(longest, paths.get(child) ?? 0), 0);
    paths.set(id, below + (seconds.get(id) ?? usual));
  }
  return paths;
}
