// The nodes that a column reaches, in both directions, with the number of steps to them.
import type { QueryLineage, SourceColumn } from './column-lineage.ts';

/** Columns of a node: those that are reached, or all. */
type Reached = ReadonlySet<string> | 'all';

interface ReachGraph {
  readonly lineage: ReadonlyMap<string, QueryLineage>;
  /** All nodes, parents first. */
  readonly order: readonly string[];
  parents(id: string): readonly string[];
}

/** Reached columns and steps by node, with the start itself. */
export class ColumnReach {
  readonly columns = new Map<string, Reached>();
  readonly steps = new Map<string, number>();

  constructor(node: string, columns: readonly string[]) {
    this.columns.set(node, new Set(columns));
    this.steps.set(node, 0);
  }

  has({ node, column }: SourceColumn): boolean {
    const reached = this.columns.get(node);
    return reached === 'all' || reached?.has(column) === true;
  }

  add(id: string, reached: Reached, from: Iterable<string>): void {
    const known = this.columns.get(id);
    const both = known === 'all' || reached === 'all' ? 'all' : new Set([...(known ?? []), ...reached]);
    this.columns.set(id, both);
    const step = 1 + Math.min(...[...from].map((each) => this.steps.get(each) ?? Number.POSITIVE_INFINITY));
    this.steps.set(id, Math.min(step, this.steps.get(id) ?? Number.POSITIVE_INFINITY));
  }

  /** @param depth maximum number of steps; undefined: unlimited */
  within(depth = Number.POSITIVE_INFINITY): Set<string> {
    return new Set([...this.steps].filter(([, step]) => step <= depth).map(([id]) => id));
  }
}

/**
 * Nodes whose values or rows depend on the columns, directly or through others. A node whose lineage is not known
 * depends on its parents.
 */
export function readersOf(graph: ReachGraph, node: string, columns: readonly string[]): ColumnReach {
  const reach = new ColumnReach(node, columns);
  for (const id of graph.order) {
    const query = graph.lineage.get(id);
    if (query === undefined || id === node) continue;
    const from = new Set<string>();
    const hits = (read: readonly SourceColumn[]): boolean => {
      const found = read.filter((each) => reach.has(each));
      for (const each of found) from.add(each.node);
      return found.length > 0;
    };
    const values = query.columns.filter(({ sources, uses }) => [hits(sources), hits(uses)].includes(true));
    const unknown = query.columns.some(({ reason }) => reason !== null);
    // Other rows of a parent are other rows of its readers, whatever columns they read.
    const whole = graph
      .parents(id)
      .filter((parent) => reach.columns.get(parent) === 'all' || (unknown && reach.columns.has(parent)));
    for (const parent of whole) from.add(parent);
    const all = hits(query.uses) || whole.length > 0;
    if (from.size > 0) reach.add(id, all ? 'all' : new Set(values.map(({ column }) => column)), from);
  }
  return reach;
}

/** Nodes that the columns come from, and those that decide which rows there are. */
export function originsOf(graph: ReachGraph, node: string, columns: readonly string[]): ColumnReach {
  const reach = new ColumnReach(node, columns);
  for (const id of graph.order.toReversed()) {
    const query = graph.lineage.get(id);
    if (query === undefined || !reach.columns.has(id)) continue;
    const own = query.columns.filter(({ column }) => column === '*' || reach.has({ node: id, column }));
    const read = [...own.flatMap(({ sources, uses }) => [...sources, ...uses]), ...query.uses];
    for (const source of read) if (source.node !== id) reach.add(source.node, new Set([source.column]), [id]);
    if (own.some(({ reason }) => reason !== null))
      for (const parent of graph.parents(id)) reach.add(parent, 'all', [id]);
  }
  return reach;
}
