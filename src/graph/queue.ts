// The order of execution: which node may start next. Pure; time and threads are the runner's.
import type { Dag } from './dag.ts';

/** Hands out nodes whose dependencies are done. A node is either waiting, ready, handed out, or done. */
export interface Queue {
  /** The best ready node, which is then in progress; undefined while all that is left waits for something in progress. */
  next(): string | undefined;
  /** A node that was handed out is finished, however it ended. */
  done(id: string): void;
  /** Nodes not handed out yet. */
  readonly waiting: number;
  readonly inProgress: number;
  /** Nodes not done yet: waiting and in progress. */
  readonly remaining: number;
  /** All nodes of the queue. */
  readonly selected: ReadonlySet<string>;
}

/**
 * A queue over some nodes of a graph.
 * @param score lower goes first; default the depth in the graph. Ties go by unique_id.
 */
export function createQueue(dag: Dag, ids: Iterable<string>, score?: (id: string) => number): Queue {
  const graph = dag.subset(ids);
  const order = graph.topological();
  const depths = new Map<string, number>();
  const blockers = new Map<string, number>();
  for (const id of order) {
    const parents = graph.parents(id);
    blockers.set(id, parents.length);
    depths.set(id, parents.reduce((deepest, parent) => Math.max(deepest, (depths.get(parent) ?? 0) + 1), 0));
  }
  const rank = score ?? ((id: string) => depths.get(id) ?? 0);
  const before = (a: string, b: string): boolean => {
    const difference = rank(a) - rank(b);
    return difference !== 0 ? difference < 0 : a < b;
  };
  const ready = new Heap(before);
  for (const id of order) if (blockers.get(id) === 0) ready.push(id);
  const running = new Set<string>();
  let waiting = order.length;
  return {
    next(): string | undefined {
      const id = ready.pop();
      if (id === undefined) return undefined;
      waiting--;
      running.add(id);
      return id;
    },
    done(id: string): void {
      if (!running.delete(id)) return;
      for (const child of graph.children(id)) {
        const left = (blockers.get(child) ?? 1) - 1;
        blockers.set(child, left);
        if (left === 0) ready.push(child);
      }
    },
    get waiting() { return waiting; },
    get inProgress() { return running.size; },
    get remaining() { return waiting + running.size; },
    selected: new Set(order),
  };
}

/** A binary heap of ids. */
class Heap {
  private readonly items: string[] = [];
  private readonly before: (a: string, b: string) => boolean;

  constructor(before: (a: string, b: string) => boolean) {
    this.before = before;
  }

  push(id: string): void {
    const { items } = this;
    let at = items.push(id) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.before(items[at]!, items[parent]!)) break;
      [items[at], items[parent]] = [items[parent]!, items[at]!];
      at = parent;
    }
  }

  pop(): string | undefined {
    const { items } = this;
    const first = items[0];
    const last = items.pop();
    if (first === undefined || last === undefined || items.length === 0) return first;
    items[0] = last;
    for (let at = 0; ; ) {
      let best = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < items.length && this.before(items[child]!, items[best]!)) best = child;
      if (best === at) return first;
      [items[at], items[best]] = [items[best]!, items[at]!];
      at = best;
    }
  }
}
