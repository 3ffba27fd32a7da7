// Tags of columns follow the data: an output column carries the tags of the columns that it is computed from, unless
// a mask is in between. Filters, joins and counts do not carry tags.
import type { QueryLineage, SourceColumn } from './column-lineage.ts';

/** How a column has a tag. */
export interface Carried {
  /** The column that it comes from; null where the tag is declared. */
  readonly from: SourceColumn | null;
  /** Why the tag is not certain; null if it is. */
  readonly doubt: string | null;
}

export interface TagRules {
  /** Tags that are declared for a column, by unique_id and column. */
  readonly declared: ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;
  /** Tags that a column does not carry whatever it comes from. */
  readonly cleared: ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string>>>;
  /** Whether a value that passed through the masks does not carry the tag. */
  isMasked(tag: string, masks: readonly string[]): boolean;
}

interface TagGraph {
  readonly lineage: ReadonlyMap<string, QueryLineage>;
  /** All nodes, parents first. */
  readonly order: readonly string[];
  parents(id: string): readonly string[];
  /** The name of a node's relation. Nodes with the same relation have the same tags. */
  relation(id: string): string;
}

type Tags = Map<string, Carried>;

export class ColumnTags {
  /** By relation. */
  readonly #columns = new Map<string, Map<string, Tags>>();
  readonly #rules: TagRules;
  readonly #relation: TagGraph['relation'];

  constructor(graph: TagGraph, rules: TagRules) {
    this.#rules = rules;
    this.#relation = graph.relation;
    for (const [id, columns] of rules.declared)
      for (const [column, tags] of columns)
        for (const tag of tags) this.#add(id, column, tag, { from: null, doubt: null });
    for (const id of graph.order) {
      const query = graph.lineage.get(id);
      // A model that reads itself is complete when nothing is added.
      while (query !== undefined && this.#follow(id, query, graph.parents(id)));
    }
  }

  /** Tags of the columns of a node. `*` stands for columns whose names are not known. */
  of(id: string): ReadonlyMap<string, ReadonlyMap<string, Carried>> {
    return this.#columns.get(this.#relation(id)) ?? new Map();
  }

  /** The way of a tag to a column, from where it is declared. */
  pathTo(node: string, column: string, tag: string): SourceColumn[] {
    const path: SourceColumn[] = [];
    const seen = new Set<string>();
    for (let at: SourceColumn | null = { node, column }; at !== null; ) {
      const key = JSON.stringify([at.node, at.column]);
      if (seen.has(key)) break;
      seen.add(key);
      path.unshift({ node: at.node, column: at.column });
      at = this.#at(at)?.get(tag)?.from ?? null;
    }
    return path;
  }

  /** @returns whether a tag was added to a node that reads itself */
  #follow(id: string, { columns }: QueryLineage, parents: readonly string[]): boolean {
    let again = false;
    for (const { column, sources, reason } of columns) {
      for (const { node, column: source, masks } of sources) {
        for (const [tag, { doubt }] of this.#at({ node, column: source }) ?? []) {
          if (masks !== undefined && this.#rules.isMasked(tag, masks)) continue;
          const uncertain = doubt === null ? null : `it comes from ${node}.${source}, which is not certain`;
          const added = this.#add(id, column, tag, { from: { node, column: source }, doubt: uncertain });
          again ||= added && columns.some(({ sources: all }) => all.some((each) => each.node === id));
        }
      }
      if (reason === null) continue;
      for (const parent of parents)
        for (const [of, tags] of this.of(parent))
          for (const tag of tags.keys())
            this.#add(id, column, tag, { from: { node: parent, column: of }, doubt: reason });
    }
    return again;
  }

  /** A column that is not listed may be one of those that are not known. */
  #at({ node, column }: SourceColumn): Tags | undefined {
    const columns = this.#columns.get(this.#relation(node));
    return columns?.get(column) ?? columns?.get('*');
  }

  #add(id: string, column: string, tag: string, carried: Carried): boolean {
    if (this.#rules.cleared.get(id)?.get(column)?.has(tag) === true) return false;
    const relation = this.#relation(id);
    let columns = this.#columns.get(relation);
    if (columns === undefined) this.#columns.set(relation, (columns = new Map()));
    let tags = columns.get(column);
    if (tags === undefined) columns.set(column, (tags = new Map()));
    const known = tags.get(tag);
    if (known !== undefined && (certainty(carried) <= certainty(known) || carried.from?.node === id)) return false;
    tags.set(tag, carried);
    return true;
  }
}

/** The way that the data takes says more than that the tag is declared. */
function certainty({ doubt, from }: Carried): number {
  return doubt !== null ? 0 : from === null ? 1 : 2;
}
