// The names that are visible at one place of a query: relations in FROM with their columns, from the innermost query
// outwards. Assumes that the query is valid: a name that only one relation can have belongs to it.
import {
  EXPRESSION,
  FILTER,
  type Flow,
  Gathered,
  GROUP,
  kindWeight,
  mergedFlow,
  NOTHING,
  unknownFlow,
} from './flow.ts';

export interface FlowColumn {
  readonly name: string;
  readonly flow: Flow;
}

/** Columns that a relation may have in addition to the listed ones. */
export interface MoreColumns {
  /** The relation, for messages. */
  readonly of: string;
  get(name: string): Flow;
  /** Why `*` cannot list them; null if `*` stands for the listed columns. */
  readonly unlisted: string | null;
}

/** Rows with columns. */
export class FlowTable {
  readonly columns: readonly FlowColumn[];
  readonly more: readonly MoreColumns[];
  /** What decides which rows there are. */
  readonly rows: Flow;
  /** The number of columns whose position is known. */
  readonly placed: number;
  #byName: Map<string, Flow> | null = null;

  constructor(columns: readonly FlowColumn[], more: readonly MoreColumns[], rows: Flow, placed = columns.length) {
    this.columns = columns;
    this.more = more;
    this.rows = rows;
    this.placed = more.some(({ unlisted }) => unlisted !== null) ? Math.min(placed, columns.length) : columns.length;
  }

  /** Finds a listed column. */
  find(name: string): Flow | undefined {
    if (this.#byName === null) {
      this.#byName = new Map();
      for (const { name: each, flow } of this.columns)
        this.#byName.set(each, this.#byName.has(each) ? unknownFlow(`column "${each}" is ambiguous`) : flow);
    }
    return this.#byName.get(name);
  }

  /** Finds a listed column, or else one that the relation may have. */
  findQualified(name: string): Flow | undefined {
    return this.find(name) ?? oneOf(this.more, name);
  }

  /** The first reason why `*` does not list all columns. */
  get unlisted(): string | null {
    return this.more.find(({ unlisted }) => unlisted !== null)?.unlisted ?? null;
  }

  /** The value of a whole row. */
  wholeRow(): Flow {
    const all = new Gathered();
    for (const { flow } of this.columns) all.add(flow, EXPRESSION);
    all.reason ??= this.unlisted;
    return all;
  }

  /** The same rows with other column names from the left. */
  renamed(names: readonly string[]): FlowTable {
    if (names.length === 0) return this;
    const unplaced = unknownFlow(this.unlisted ?? 'more column names than columns');
    const columns = names.map((name, at): FlowColumn => {
      const column = at < this.placed ? this.columns[at] : undefined;
      return { name, flow: column?.flow ?? unplaced };
    });
    return new FlowTable([...columns, ...this.columns.slice(names.length)], this.more, this.rows, this.placed);
  }

  /** Columns of two tables next to each other. */
  static joined(tables: readonly FlowTable[], rows: Flow): FlowTable {
    const [only] = tables;
    if (only !== undefined && tables.length === 1 && rows === only.rows) return only;
    let placed = 0;
    for (const table of tables) {
      placed += table.placed;
      if (table.unlisted !== null) break;
    }
    return new FlowTable(
      tables.flatMap(({ columns }) => columns),
      tables.flatMap(({ more }) => more),
      rows,
      placed,
    );
  }
}

function oneOf(more: readonly MoreColumns[], name: string): Flow | undefined {
  const [first, second] = more;
  if (first === undefined) return undefined;
  if (second === undefined) return first.get(name);
  return unknownFlow(`column "${name}" can be of ${first.of} or ${second.of}, whose columns are not known`);
}

/** A relation that can qualify a column. */
export interface QualifiedRelation {
  /** Parts of the name; an alias is one part. */
  readonly path: readonly string[];
  readonly table: FlowTable;
}

/** One entry of FROM: its columns, and the relations in it that can be named. */
export interface FromEntry {
  readonly table: FlowTable;
  readonly relations: readonly QualifiedRelation[];
}

/** @param C what else a dialect has at each place, e.g. its CTEs */
export class QueryScope<C> {
  readonly entries: FromEntry[] = [];
  readonly outer: QueryScope<C> | null;
  readonly context: C;

  constructor(outer: QueryScope<C> | null, context: C) {
    this.outer = outer;
    this.context = context;
  }

  /** A scope within this one's outer scope that sees only these entries. */
  only(entries: readonly FromEntry[]): QueryScope<C> {
    const scope = new QueryScope(this.outer, this.context);
    scope.entries.push(...entries);
    return scope;
  }

  /** Finds an unqualified column of this query alone. */
  findHere(name: string): Flow | undefined {
    const found = this.entries.flatMap(({ table }) => table.find(name) ?? []);
    if (found.length > 1) return unknownFlow(`column "${name}" is ambiguous`);
    return found[0];
  }

  /** Finds an unqualified column, here or in an outer query; a relation of that name is its whole row. */
  find(name: string): Flow {
    const possible: MoreColumns[] = [];
    for (let scope: QueryScope<C> | null = this; scope !== null; scope = scope.outer) {
      const found = scope.findHere(name);
      if (found !== undefined)
        return possible.length === 0
          ? found
          : unknownFlow(
              `column "${name}" can be of ${possible[0]?.of}, whose columns are not known, or of an outer query`,
            );
      possible.push(...scope.entries.flatMap(({ table }) => table.more));
    }
    const relation = this.relation([name]);
    if (relation !== undefined && possible.length === 0) return relation.wholeRow();
    if (relation !== undefined)
      return unknownFlow(`"${name}" can be a column of ${possible[0]?.of}, whose columns are not known, or a row`);
    return oneOf(possible, name) ?? unknownFlow(`column "${name}" is not found`);
  }

  /** Finds `path.name`. */
  findQualified(path: readonly string[], name: string): Flow {
    const relation = this.relation(path);
    if (relation === undefined) return unknownFlow(`"${path.join('.')}" is not found in FROM`);
    return (
      relation.findQualified(name) ?? unknownFlow(`column "${name}" is not among the columns of "${path.join('.')}"`)
    );
  }

  /** Finds a relation by its alias or the end of its name. */
  relation(path: readonly string[]): FlowTable | undefined {
    for (let scope: QueryScope<C> | null = this; scope !== null; scope = scope.outer) {
      const found = scope.entries
        .flatMap(({ relations }) => relations)
        .filter((relation) => path.every((part, at) => relation.path.at(at - path.length) === part));
      if (found.length > 1) {
        const reason = `"${path.join('.')}" is ambiguous`;
        return new FlowTable(
          [],
          [{ of: reason, get: () => unknownFlow(reason), unlisted: reason }],
          unknownFlow(reason),
        );
      }
      if (found[0] !== undefined) return found[0].table;
    }
    return undefined;
  }
}

/** The value of all columns of several tables. */
export function allColumns(tables: readonly FlowTable[]): Flow {
  return mergedFlow(tables.flatMap(({ columns }) => columns.map(({ flow }) => flow)));
}

/** A table of whose columns nothing is known. */
export function unknownTable(reason: string): FlowTable {
  return new FlowTable([], [{ of: 'a relation', get: () => unknownFlow(reason), unlisted: reason }], NOTHING);
}

/**
 * A set operation. Only columns of UNION get values from both sides. Unless it is UNION ALL, all columns decide which
 * rows are kept.
 */
export function combinedTables(union: boolean, all: boolean, left: FlowTable, right: FlowTable): FlowTable {
  const rows = new Gathered().addUses(left.rows).addUses(right.rows);
  if (!all) rows.use(allColumns([left, right]), union ? GROUP : FILTER);
  const unlisted = left.unlisted ?? right.unlisted;
  if (unlisted !== null) rows.reason ??= all ? null : unlisted;
  if (!union) return new FlowTable(left.columns, left.more, rows, left.placed);
  const columns = left.columns.map(({ name, flow }, at): FlowColumn => {
    const other = right.columns[at];
    if (at >= left.placed || at >= right.placed || other === undefined)
      return { name, flow: unknownFlow(unlisted ?? 'the sides of a set operation have different numbers of columns') };
    return { name, flow: mergedFlow([flow, other.flow]) };
  });
  const more: MoreColumns = {
    of: 'a set operation',
    get: (name) => unknownFlow(`the position of column "${name}" in a set operation is not known: ${unlisted}`),
    unlisted,
  };
  return new FlowTable(columns, unlisted === null ? [] : [more], rows, Math.min(left.placed, right.placed));
}

/** Rounds after which a recursive query counts as unknown. */
const ROUNDS = 100;

/** The table of a recursive CTE. @param next adds what flows in one more round */
export function stableTable(name: string, first: FlowTable, next: (table: FlowTable) => FlowTable): FlowTable {
  let table = first;
  for (let round = 0; round < ROUNDS; round++) {
    const before = weightOf(table);
    table = next(table);
    if (weightOf(table) === before) return table;
  }
  return unknownTable(`CTE "${name}" has too many columns that depend on each other`);
}

/** Grows with each round of a recursive query until nothing new flows. */
function weightOf({ columns, rows }: FlowTable): number {
  const weight = ({ sources, uses, reason }: Flow): number => {
    let sum = sources.size + (reason === null ? 0 : 1);
    for (const kind of sources.values()) sum += kindWeight(kind);
    for (const roles of uses.values()) sum += roles;
    return sum;
  };
  return columns.reduce((sum, { flow }) => sum + weight(flow), weight(rows));
}
