// Which nodes `build` keeps waiting for which tests: a node runs after every test whose tested nodes are all above it. Adds edges only;
// the graph and the queue belong to graph/.
import type { Manifest } from '../contracts/manifest.ts';

interface Reach { children(id: string): Iterable<string>; parents(id: string): Iterable<string> }

/**
 * @param tests unique_ids of the data tests that will run
 * @returns `[test, node]` pairs: the least set with the same effect as an edge to every node below all that the test reads
 */
export function testEdges(manifest: Manifest, dag: Reach, tests: Iterable<string>): [test: string, node: string][] {
  const edges: [string, string][] = [];
  const below = new Map<string, ReadonlySet<string>>();
  const executable = (id: string): boolean => {
    const node = manifest.nodes[id];
    return node !== undefined && node.resource_type !== 'test';
  };
  const descendants = (id: string): ReadonlySet<string> => {
    const known = below.get(id);
    if (known) return known;
    const seen = new Set<string>();
    const todo = [id];
    for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
      for (const child of dag.children(at)) {
        if (seen.has(child) || !executable(child)) continue;
        seen.add(child);
        todo.push(child);
      }
    }
    below.set(id, seen);
    return seen;
  };
  for (const id of tests) {
    const test = manifest.nodes[id];
    if (test?.resource_type !== 'test') continue;
    const read = [...new Set(test.depends_on.nodes)];
    if (read.length === 0) continue;
    if (read.length === 1) {
      for (const child of dag.children(read[0]!)) if (executable(child)) edges.push([id, child]);
      continue;
    }
    const [first, ...rest] = read.map(descendants).sort((a, b) => a.size - b.size);
    const common = new Set([...first!].filter((node) => rest.every((set) => set.has(node))));
    for (const node of common) if (![...dag.parents(node)].some((p) => common.has(p))) edges.push([id, node]);
  }
  return edges;
}
