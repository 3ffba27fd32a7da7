// What the methods `column:` and `state:modified.columns` select. Columns are analyzed before, because the graph knows
// only nodes.

/** The nodes of a criterion, and those that its graph operators add. */
export interface ColumnNodes {
  readonly nodes: ReadonlySet<string>;
  /** @param depth maximum number of steps; undefined: unlimited */
  parents(depth: number | undefined): ReadonlySet<string>;
  children(depth: number | undefined): ReadonlySet<string>;
}

export interface ColumnSelection {
  /** @throws `usage` for an unknown node or column */
  ofColumn(name: string): ColumnNodes;
  /** Nodes whose output columns differ from those of the state. */
  ofChanges(): ColumnNodes;
}

/** The value of `state:` for which `ofChanges` is needed. */
export const MODIFIED_COLUMNS = 'modified.columns';
