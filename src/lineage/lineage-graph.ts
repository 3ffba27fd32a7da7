// Column lineage of a project as a graph: the columns that a column comes from, and those that come from it.
import { mergeUses, type OutputColumn, type QueryLineage, type Source, type Use } from './column-lineage.ts';

/** An output column in the format of `lineage --output json`. docs/lineage.md documents the keys. */
export interface ColumnRecord {
  readonly node: string;
  readonly column: string;
  readonly status: 'known' | 'unknown';
  readonly reason?: string;
  readonly sources: readonly Source[];
  readonly uses: readonly Use[];
  /** Tags of policies; absent if there are none. */
  readonly tags?: readonly string[];
}

export class LineageGraph {
  readonly #nodes: ReadonlyMap<string, QueryLineage>;
  readonly #columns = new Map<string, { node: string; output: OutputColumn }>();
  #readers: Map<string, string[]> | null = null;

  constructor(nodes: ReadonlyMap<string, QueryLineage>) {
    this.#nodes = nodes;
    for (const [node, { columns }] of nodes)
      for (const output of columns) this.#columns.set(keyOf(node, output.column), { node, output });
  }

  /** The columns of a node, `*` for those that are not known. */
  columnsOf(node: string): string[] {
    return this.#nodes.get(node)?.columns.map(({ column }) => column) ?? [];
  }

  /** @param asked columns of the node */
  records(node: string, asked: readonly string[]): ColumnRecord[] {
    return this.#recordsOf(new Set(asked.map((column) => keyOf(node, column))));
  }

  /** The columns and all that they come from. */
  upstream(node: string, asked: readonly string[]): ColumnRecord[] {
    return this.#recordsOf(
      reached(node, asked, (key) => {
        const sources = this.#columns.get(key)?.output.sources ?? [];
        return sources.map((source) => keyOf(source.node, source.column));
      }),
    );
  }

  /** The columns and all that come from them. */
  downstream(node: string, asked: readonly string[]): ColumnRecord[] {
    this.#readers ??= this.#findReaders();
    const readers = this.#readers;
    return this.#recordsOf(reached(node, asked, (key) => readers.get(key) ?? []));
  }

  /** The nodes whose rows these columns decide without being in their values. */
  usedBy(keys: readonly { node: string; column: string }[]): { node: string; use: Use }[] {
    const wanted = new Set(keys.map(({ node, column }) => keyOf(node, column)));
    return [...this.#nodes].flatMap(([node, { uses }]) =>
      uses.filter((use) => wanted.has(keyOf(use.node, use.column))).map((use) => ({ node, use })),
    );
  }

  #findReaders(): Map<string, string[]> {
    const readers = new Map<string, string[]>();
    for (const [key, { output }] of this.#columns) {
      for (const source of output.sources) {
        const from = keyOf(source.node, source.column);
        const known = readers.get(from);
        if (known === undefined) readers.set(from, [key]);
        else known.push(key);
      }
    }
    return readers;
  }

  #recordsOf(keys: ReadonlySet<string>): ColumnRecord[] {
    return [...keys].flatMap((key) => {
      const found = this.#columns.get(key);
      if (found === undefined) return [];
      const { node, output } = found;
      const { column, reason, sources, uses } = output;
      return {
        node,
        column,
        status: reason === null ? ('known' as const) : ('unknown' as const),
        ...(reason === null ? {} : { reason }),
        sources,
        uses: mergeUses(this.#nodes.get(node)?.uses ?? [], uses),
      };
    });
  }
}

function keyOf(node: string, column: string): string {
  return JSON.stringify([node, column]);
}

function reached(node: string, asked: readonly string[], next: (key: string) => readonly string[]): Set<string> {
  const found = new Set(asked.map((column) => keyOf(node, column)));
  // A set iterates over members that are added meanwhile.
  for (const key of found) for (const each of next(key)) found.add(each);
  return found;
}
