// Column lineage of one query, whatever its dialect: where each output column comes from, and which columns decide
// which rows there are. A dialect analyzes a query; this file has the types and what does not depend on the dialect.

/** How a value gets from a source column into an output column. The strongest step on the way counts. */
export type EdgeKind = 'identical' | 'renamed' | 'cast' | 'expression' | 'aggregate' | 'window';
/** How a column decides rows without being in their values. Keys of windows and DISTINCT are `group`. */
export type UseRole = 'filter' | 'join' | 'group' | 'order';

/** @param node unique_id, or for a relation outside the project its name in the query */
export interface SourceColumn {
  readonly node: string;
  readonly column: string;
}
export interface Source extends SourceColumn {
  readonly kind: EdgeKind;
  /** Masks of the project's policies that every path passes through; absent if there are none. */
  readonly masks?: readonly string[];
}
export interface Use extends SourceColumn {
  readonly role: UseRole;
}

/** An output column. `*` stands for columns whose names cannot be known. */
export interface OutputColumn {
  readonly column: string;
  /** Why sources or uses may be missing; null if all are known. */
  readonly reason: string | null;
  readonly sources: readonly Source[];
  /** In addition to the uses of the whole query. */
  readonly uses: readonly Use[];
}

export interface QueryLineage {
  readonly columns: readonly OutputColumn[];
  /** Columns that decide which rows there are, so that every output column depends on them. */
  readonly uses: readonly Use[];
}

/** A relation that a query can read. */
export interface ParentRelation {
  readonly node: string;
  /** Known columns in the relation's order. */
  readonly columns: readonly string[];
  /** `declared`: a query can name columns that are not listed. `unknown`: `select *` cannot be resolved either. */
  readonly completeness: 'complete' | 'declared' | 'unknown';
}

/** Finds a relation by a key of `relationKeys`; undefined if it is not part of the project. */
export type Parents = (key: string) => ParentRelation | undefined;

/** How a dialect compares names. Needs no parser. */
export interface DialectNames {
  /** Keys by which queries find a relation, from the most specific one. @param name as rendered by `ref` */
  relationKeys(name: string): string[];
  /** Whether names without quotes become lower case. */
  readonly foldsNames: boolean;
}

/** Analyzes the queries of one SQL dialect. */
export interface LineageDialect extends DialectNames {
  /** Never throws: what cannot be analyzed is a column with a reason. */
  columns(sql: string, parents: Parents): Promise<QueryLineage>;
  /** @returns null if the SQL cannot be split with certainty */
  tokens(sql: string): readonly SqlToken[] | null;
  /** Whether the function, or a keyword before a parenthesis, returns one value per row for sure, or aggregates. */
  returnsOneValue(name: string): boolean;
  /** Where aliases of the select list are visible: in GROUP BY and ORDER BY, or in the whole query. */
  readonly aliases: 'keys' | 'everywhere';
  /** Ends what the dialect has started. */
  close(): Promise<void>;
}

export interface SqlToken {
  /** `name`: a quoted identifier. */
  readonly kind: 'word' | 'name' | 'text' | 'sign';
  /** Without quotes and escapes. */
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

/** A database engine without data, for dialects whose own engine parses the SQL. */
export interface ParsingEngine {
  /** @returns null if the engine may split the SQL differently */
  tokens(sql: string): readonly SqlToken[] | null;
  /** @returns the first column as text, one row per line. @throws Error with the engine's message */
  ask(sql: string): Promise<string>;
  close(): Promise<void>;
}

/** A query of which nothing is known. */
export function unknownQuery(reason: string): QueryLineage {
  return { columns: [{ column: '*', reason, sources: [], uses: [] }], uses: [] };
}

const STRENGTH: readonly EdgeKind[] = ['identical', 'renamed', 'cast', 'expression', 'aggregate', 'window'];

/** Lineage of a relation that is written by two queries, e.g. the two branches of an incremental model. */
export function unionOf(first: QueryLineage, second: QueryLineage): QueryLineage {
  const others = new Map(second.columns.map((column) => [column.column, column]));
  const both = first.columns.map((one): OutputColumn => {
    const other = others.get(one.column);
    others.delete(one.column);
    if (other === undefined) return one;
    return {
      column: one.column,
      reason: one.reason ?? other.reason,
      sources: mergeSources(one.sources, other.sources),
      uses: mergeUses(one.uses, other.uses),
    };
  });
  return { columns: [...both, ...others.values()], uses: mergeUses(first.uses, second.uses) };
}

function mergeSources(one: readonly Source[], other: readonly Source[]): readonly Source[] {
  const merged = new Map<string, Source>();
  for (const source of [...one, ...other]) {
    const key = JSON.stringify([source.node, source.column]);
    const known = merged.get(key);
    merged.set(key, known === undefined ? source : joinedSource(known, source));
  }
  return [...merged.values()];
}

function joinedSource(one: Source, other: Source): Source {
  const stronger = STRENGTH.indexOf(one.kind) < STRENGTH.indexOf(other.kind) ? other : one;
  if (one.masks === undefined && other.masks === undefined) return stronger;
  const { masks: _, ...source } = stronger;
  const both = (one.masks ?? []).filter((name) => other.masks?.includes(name));
  return { ...source, ...(both.length > 0 && { masks: both }) };
}

/** Uses without duplicates. */
export function mergeUses(one: readonly Use[], other: readonly Use[]): readonly Use[] {
  if (other.length === 0) return one;
  const merged = new Map([...one, ...other].map((use) => [JSON.stringify([use.node, use.column, use.role]), use]));
  return [...merged.values()];
}
