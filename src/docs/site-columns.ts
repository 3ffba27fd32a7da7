// The columns of the docs page, and their lineage: its file in the target folder, and its edges in the page's data.
import type { EdgeKind, QueryLineage, Use } from '../lineage/column-lineage.ts';
import { isDictionary } from '../values/is-dictionary.ts';

/** Columns by unique_id. */
export type SiteLineage = ReadonlyMap<string, QueryLineage>;

/** In the target folder; `docs generate --column-lineage` writes it, `docs serve` and `serve` read it. */
export const LINEAGE_FILE = 'column_lineage.json';

/**
 * A column that another one comes from, or that decides its rows.
 * `item` is the position of an item, or the name of a relation without a page.
 */
export type SiteSource = [item: number | string, column: string, how: EdgeKind | Use['role']];

/** A column of the page: declared in YAML, found in the database, or both. */
export interface SiteColumn {
  name: string;
  type: string;
  description: string;
  tests: string[];
  constraints: string[];
  /** Columns that its values come from. */
  from?: SiteSource[];
  /** Columns that decide its value or rows without being in the value. */
  uses?: SiteSource[];
  /** Why `from` and `uses` may be incomplete. */
  unknown?: string;
}

/** What an item has of it. Absent fields are empty. */
export interface WithColumns {
  columns?: SiteColumn[];
  /** Columns that decide which rows there are. */
  uses?: SiteSource[];
}

/** Reads the file's content. Entries of another form are omitted: the target folder may be part of a clone. */
export function lineageFrom(artifact: unknown): SiteLineage {
  const nodes = isDictionary(artifact) && isDictionary(artifact['nodes']) ? artifact['nodes'] : {};
  return new Map(Object.entries(nodes).flatMap(([id, query]) => (isQueryLineage(query) ? [[id, query]] : [])));
}

function isQueryLineage(value: unknown): value is QueryLineage {
  const isText = (text: unknown): boolean => typeof text === 'string';
  const isEdges = (edges: unknown, how: string): boolean =>
    Array.isArray(edges) &&
    edges.every((edge) => isDictionary(edge) && [edge['node'], edge['column'], edge[how]].every(isText));
  return (
    isDictionary(value) &&
    isEdges(value['uses'], 'role') &&
    Array.isArray(value['columns']) &&
    value['columns'].every(
      (column) =>
        isDictionary(column) &&
        isText(column['column']) &&
        (column['reason'] === null || isText(column['reason'])) &&
        isEdges(column['sources'], 'kind') &&
        isEdges(column['uses'], 'role'),
    )
  );
}

/** Adds the edges to the items, and columns that neither YAML nor the catalog has. @param position of items by id */
export function addLineage(
  items: readonly WithColumns[],
  position: ReadonlyMap<string, number>,
  lineage: SiteLineage,
): void {
  const placeOf = (node: string): number | string => position.get(node) ?? node;
  const usesOf = (uses: readonly Use[]): SiteSource[] =>
    uses.map(({ node, column, role }) => [placeOf(node), column, role]);
  for (const [id, { columns, uses }] of lineage) {
    const item = items[position.get(id) ?? -1];
    if (item === undefined) continue;
    if (uses.length > 0) item.uses = usesOf(uses);
    item.columns ??= [];
    const known = new Map(item.columns.map((column) => [column.name.toLowerCase(), column]));
    for (const { column: name, reason, sources, uses: own } of columns) {
      let column = known.get(name.toLowerCase());
      if (column === undefined) {
        column = { name, type: '', description: '', tests: [], constraints: [] };
        item.columns.push(column);
      }
      if (sources.length > 0) column.from = sources.map(({ node, column: of, kind }) => [placeOf(node), of, kind]);
      if (own.length > 0) column.uses = usesOf(own);
      if (reason !== null) column.unknown = reason;
    }
    if (item.columns.length === 0) delete item.columns;
  }
}
