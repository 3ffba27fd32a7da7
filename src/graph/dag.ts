// The dependency graph of resources, stored as arrays of indexes. Built once from a manifest; selection and execution
// are elsewhere. Test edges (from a test to what depends on the tested node) are stored separately: they order a build
// and are ignored by selection.
import { errorOf } from '../error-table.ts';
import type { Manifest } from '../contracts/manifest.ts';
import { type NodeFacts, ReadFacts, typeInId } from './node-facts.ts';
import { hasMember, keysOf } from './unread-record.ts';

export interface BuildGraphOptions {
  /** True for `build`: a node waits for the tests of its parents. */
  readonly testEdges?: boolean;
  /** Facts about the nodes; by default they are read from the manifest. */
  readonly facts?: NodeFacts | undefined;
  /** The graph of this manifest was built before, so its edges need no second check. */
  readonly checked?: boolean;
}

/** Placeholder for a list without members. */
const NONE: number[] = [];
/** Number of parents up to which searching the list is as fast as building a set. */
const FEW = 16;

function extend(lists: number[][], at: number, value: number): void {
  const list = lists[at];
  if (list === undefined || list === NONE) lists[at] = [value];
  else list.push(value);
}

/** Whether a node is a parent of another. @param wide sets of parents for nodes with many, created on demand */
function isParent(a: number, b: number, parents: readonly number[], wide: Map<number, Set<number>>): boolean {
  if (parents.length <= FEW) return parents.includes(a);
  let set = wide.get(b);
  if (set === undefined) wide.set(b, (set = new Set(parents)));
  return set.has(a);
}

/** A directed graph of unique_ids. Immutable after construction. */
export class Dag {
  /** In insertion order. */
  readonly nodes: readonly string[];
  readonly #indexes: ReadonlyMap<string, number>;
  readonly #out: readonly (readonly number[])[];
  readonly #in: readonly (readonly number[])[];
  readonly #testOut: ReadonlyMap<number, readonly number[]>;
  readonly #testIn: ReadonlyMap<number, readonly number[]>;

  /** @param testEdges from a test to the node that waits for it */
  constructor(
    nodes: readonly string[],
    edges: Iterable<readonly [from: string, to: string]>,
    testEdges: Iterable<readonly [from: string, to: string]> = [],
  ) {
    this.nodes = nodes;
    const indexes = new Map<string, number>();
    for (let i = 0; i < nodes.length; i++) indexes.set(nodes[i] ?? '', i);
    this.#indexes = indexes;
    const out = new Array<number[]>(nodes.length).fill(NONE);
    const into = new Array<number[]>(nodes.length).fill(NONE);
    const wide = new Map<number, Set<number>>();
    const known = (a: number, b: number): boolean => isParent(a, b, into[b] ?? NONE, wide);
    for (const [from, to] of edges) {
      const a = indexes.get(from);
      const b = indexes.get(to);
      if (a === undefined || b === undefined || known(a, b)) continue;
      extend(out, a, b);
      extend(into, b, a);
      wide.get(b)?.add(a);
    }
    this.#out = out;
    this.#in = into;
    const testOut = new Map<number, number[]>();
    const testIn = new Map<number, number[]>();
    for (const [from, to] of testEdges) {
      const [a, b] = [indexes.get(from), indexes.get(to)];
      if (a === undefined || b === undefined || known(a, b)) continue;
      append(testOut, a, b);
      append(testIn, b, a);
    }
    this.#testOut = testOut;
    this.#testIn = testIn;
  }

  has(id: string): boolean {
    return this.#indexes.has(id);
  }

  /** Direct parents of a node, without test edges. */
  parents(id: string): string[] {
    return this.#names(this.#in[this.#index(id)] ?? []);
  }

  /** Direct children of a node, without test edges. */
  children(id: string): string[] {
    return this.#names(this.#out[this.#index(id)] ?? []);
  }

  /** The same as indexes in `nodes`. */
  childPlaces(id: string): readonly number[] {
    return this.#out[this.#index(id)] ?? NONE;
  }

  /** Ancestors of a node, up to `depth` steps away. */
  ancestors(id: string, depth?: number): Set<string> {
    return this.#reach([id], this.#in, depth);
  }

  /** Descendants of a node, up to `depth` steps away. */
  descendants(id: string, depth?: number): Set<string> {
    return this.#reach([id], this.#out, depth);
  }

  /** Everything that must wait for a node: its descendants along all edges, including test edges. */
  dependants(id: string): Set<string> {
    const found = new Set<number>();
    const stack = [this.#index(id)];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      for (const next of this.#successors(node)) {
        if (!found.has(next)) {
          found.add(next);
          stack.push(next);
        }
      }
    }
    return new Set(this.#names([...found]));
  }

  /** Ancestors of a set. A member of the set is included only if another member depends on it. */
  selectParents(ids: Iterable<string>, depth?: number): Set<string> {
    return this.#reach(ids, this.#in, depth);
  }

  /** Descendants of a set, by the same rule. */
  selectChildren(ids: Iterable<string>, depth?: number): Set<string> {
    return this.#reach(ids, this.#out, depth);
  }

  /** Direct successors of a set along all edges. */
  selectSuccessors(ids: Iterable<string>): Set<string> {
    const found = new Set<number>();
    for (const id of ids) for (const next of this.#successors(this.#index(id))) found.add(next);
    return new Set(this.#names([...found]));
  }

  /** A topological order: every node follows its parents. Nodes in a cycle are omitted. */
  topological(): string[] {
    const waiting = this.#in.map((parents, i) => parents.length + (this.#testIn.get(i)?.length ?? 0));
    const order: number[] = [];
    waiting.forEach((count, i) => {
      if (count === 0) order.push(i);
    });
    for (let at = 0; at < order.length; at++) {
      for (const next of this.#successors(order[at] ?? 0)) {
        const left = (waiting[next] ?? 0) - 1;
        waiting[next] = left;
        if (left === 0) order.push(next);
      }
    }
    return this.#names(order);
  }

  /** The first cycle: each node is a parent of the next, the last one of the first. */
  cycle(): string[] | null {
    if (this.topological().length === this.nodes.length) return null;
    const done = new Uint8Array(this.nodes.length);
    for (let start = 0; start < this.nodes.length; start++) {
      if (done[start] !== 0) continue;
      const path = [start];
      const next = [0];
      done[start] = 1;
      while (path.length > 0) {
        const node = path.at(-1) ?? 0;
        const position = next.at(-1) ?? 0;
        const child = this.#out[node]?.[position];
        if (child === undefined) {
          done[node] = 2;
          path.pop();
          next.pop();
          continue;
        }
        next[next.length - 1] = position + 1;
        if (done[child] === 1) return this.#names(path.slice(path.indexOf(child)));
        if (done[child] === 0) {
          done[child] = 1;
          path.push(child);
          next.push(0);
        }
      }
    }
    return null;
  }

  /**
   * The graph of a subset of nodes. A path between two of them through omitted nodes becomes an edge.
   * @throws TsdbtError if an id is not in the graph
   */
  subset(ids: Iterable<string>): Dag {
    const wanted = new Set(ids);
    for (const id of wanted) if (!this.has(id)) throw errorOf('retriedNodeMissing', { node: id });
    const nodes = this.nodes.filter((id) => wanted.has(id));
    const chosen = new Uint8Array(this.nodes.length);
    for (const id of nodes) chosen[this.#index(id)] = 1;
    // For each omitted node: the selected nodes that it reaches.
    const frontiers = new Map<number, ReadonlySet<number>>();
    const frontier = (from: number): ReadonlySet<number> => {
      const stack = [from];
      while (stack.length > 0) {
        const node = stack.at(-1) ?? 0;
        const open = this.#successors(node).filter((next) => chosen[next] === 0 && !frontiers.has(next));
        if (open.length > 0) {
          stack.push(...open);
          continue;
        }
        stack.pop();
        const found = new Set<number>();
        for (const next of this.#successors(node)) {
          if (chosen[next] === 1) found.add(next);
          else for (const far of frontiers.get(next) ?? []) found.add(far);
        }
        if (chosen[node] === 1 && node === from) return found;
        frontiers.set(node, found);
      }
      return frontiers.get(from) ?? new Set();
    };
    const edges: [string, string][] = [];
    for (const id of nodes) for (const next of frontier(this.#index(id))) edges.push([id, this.nodes[next] ?? '']);
    return new Dag(nodes, edges);
  }

  /** Successors along all edges, as indexes. */
  #successors(node: number): readonly number[] {
    const tests = this.#testOut.get(node);
    const out = this.#out[node] ?? [];
    return tests === undefined ? out : [...out, ...tests];
  }

  #index(id: string): number {
    const index = this.#indexes.get(id);
    if (index === undefined) throw errorOf('nodeNotInGraph', { node: id });
    return index;
  }

  #names(indexes: readonly number[]): string[] {
    return indexes.map((index) => this.nodes[index] ?? '');
  }

  #reach(ids: Iterable<string>, edges: readonly (readonly number[])[], depth = Number.POSITIVE_INFINITY): Set<string> {
    const found = new Set<number>();
    let layer: number[] = [];
    for (const id of ids) layer.push(this.#index(id));
    for (let step = 0; layer.length > 0 && step < depth; step++) {
      const next: number[] = [];
      for (const node of layer) {
        for (const neighbour of edges[node] ?? []) {
          if (!found.has(neighbour)) {
            found.add(neighbour);
            next.push(neighbour);
          }
        }
      }
      layer = next;
    }
    return new Set(this.#names([...found]));
  }
}

/**
 * Builds the graph of a manifest.
 * @throws TsdbtError `Found a cycle: a --> b`
 */
export function buildGraph(manifest: Manifest, options: BuildGraphOptions = {}): Dag {
  const nodes: string[] = [];
  const edges: [string, string][] = [];
  const { nodes: executable, sources, metrics, semantic_models: semanticModels, functions } = manifest;
  const facts = options.facts ?? new ReadFacts(executable);
  const checked = options.checked === true;
  const owners = new Set(checked ? [] : [executable, sources, metrics, semanticModels, functions].flatMap(keysOf));
  const add = (id: string, parents: readonly string[]): void => {
    nodes.push(id);
    for (let i = 0; i < parents.length; i++) {
      const parent = parents[i] ?? '';
      if (!checked && !owners.has(parent)) throw errorOf('parentNotInGraph', { node: id, parent });
      edges.push([parent, id]);
    }
  };
  for (const id of keysOf(sources)) nodes.push(id);
  for (const id of keysOf(executable)) add(id, facts.parents(id));
  for (const group of [
    semanticModels,
    manifest.exposures,
    functions,
    metrics,
    manifest.unit_tests,
    manifest.saved_queries,
    manifest.publications ?? {},
  ]) {
    for (const [id, node] of Object.entries(group)) add(id, dependencies(node));
  }
  const graph = new Dag(nodes, edges);
  const cycle = checked ? null : graph.cycle();
  if (cycle !== null) throw errorOf('cycleOfNodes', { cycle: cycle.join(' --> ') });
  return options.testEdges === true ? new Dag(nodes, edges, testEdges(manifest, graph, facts)) : graph;
}

/** Returns `depends_on.nodes` of a resource that has it. */
export function dependencies(node: { readonly [field: string]: unknown } | object): readonly string[] {
  const dependsOn = (node as { depends_on?: { nodes?: string[] } }).depends_on;
  return dependsOn?.nodes ?? [];
}

/**
 * A test precedes each common descendant of its parents. Edges to the topmost descendants are sufficient: the others
 * wait through them.
 */
function testEdges(manifest: Manifest, graph: Dag, facts: NodeFacts): [string, string][] {
  const edges: [string, string][] = [];
  const isExecutable = (id: string): boolean => hasMember(manifest.nodes, id) && typeInId(id) !== 'test';
  const below = new Map<string, readonly string[]>();
  const firstBelow = (id: string): readonly string[] => {
    let found = below.get(id);
    if (found === undefined) {
      found = graph.children(id).flatMap((child) => (isExecutable(child) ? [child] : firstBelow(child)));
      below.set(id, found);
    }
    return found;
  };
  const descendants = new Map<string, Set<string>>();
  const allBelow = (id: string): Set<string> => {
    let found = descendants.get(id);
    if (found === undefined) descendants.set(id, (found = graph.descendants(id)));
    return found;
  };
  for (const id of keysOf(manifest.nodes)) {
    if (typeInId(id) !== 'test') continue;
    const tested = [...new Set(facts.parents(id))];
    const [only] = tested;
    if (only === undefined) continue;
    if (tested.length === 1) {
      for (const child of firstBelow(only)) edges.push([id, child]);
      continue;
    }
    const sets = tested.map(allBelow).sort((a, b) => a.size - b.size);
    const [smallest, ...others] = sets;
    const common = new Set(
      [...(smallest ?? [])].filter((candidate) => isExecutable(candidate) && others.every((set) => set.has(candidate))),
    );
    for (const candidate of common) {
      if (!graph.parents(candidate).some((parent) => common.has(parent))) edges.push([id, candidate]);
    }
  }
  return [...edges, ...publicationEdges(manifest, graph)];
}

/** Every test of a node, including one that also reads other nodes, precedes the publications with `when: green`. */
function* publicationEdges({ nodes, publications }: Manifest, graph: Dag): Generator<[string, string]> {
  for (const [id, { config, depends_on }] of Object.entries(publications ?? {})) {
    const [published] = depends_on.nodes;
    if (config.when !== 'green' || published === undefined) continue;
    for (const child of graph.children(published)) {
      const test = typeInId(child) === 'test' ? nodes[child] : undefined;
      // A test of another node may read this one. If it fails, the other node is at fault.
      if (test?.resource_type === 'test' && (test.attached_node ?? published) === published) yield [child, id];
    }
  }
}

function append(map: Map<number, number[]>, key: number, value: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
