// Builds catalog.json from the rows of the catalog macros: a table for each node and source, with columns and
// statistics. Pure; generate.ts queries the database.
import type { CatalogArtifact, CatalogColumn, CatalogTable } from '../contracts/results.ts';
import type { Manifest } from '../contracts/manifest.ts';
import type { Json } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import type { TsdbtError } from '../errors.ts';

/** A row of the catalog macro: one column of one relation. */
export type CatalogRow = ReadonlyMap<string, Json>;

export interface CatalogInput {
  readonly manifest: Manifest;
  readonly rows: Iterable<CatalogRow>;
  /** Restricts the catalog to these nodes and sources; null includes all. */
  readonly selected: ReadonlySet<string> | null;
  readonly errors: readonly string[];
  readonly metadata: CatalogArtifact['metadata'];
}

/**
 * @throws TsdbtError `compilation` if a row lacks the name of its relation, or if two relations match one source and
 *   differ only in case
 */
export function buildCatalog({ manifest, rows, selected, errors, metadata }: CatalogInput): CatalogArtifact {
  const tables = tablesOf(rows);
  const nodeIds = new Map<string, string>();
  const sourceIds = new Map<string, string[]>();
  for (const node of Object.values(manifest.nodes))
    nodeIds.set(keyOf(node.database, node.schema, node.alias), node.unique_id);
  for (const source of Object.values(manifest.sources)) {
    const key = keyOf(source.database, source.schema, source.identifier);
    const known = sourceIds.get(key);
    if (known === undefined) sourceIds.set(key, [source.unique_id]);
    else known.push(source.unique_id);
  }
  const nodes: Record<string, CatalogTable> = {};
  const sources: Record<string, CatalogTable> = {};
  for (const table of tables) {
    const { database, schema, name } = table.metadata;
    const key = keyOf(database, schema, name);
    const nodeId = nodeIds.get(key);
    if (nodeId !== undefined && (selected === null || selected.has(nodeId)))
      nodes[nodeId] = { ...table, unique_id: nodeId };
    for (const id of sourceIds.get(key) ?? []) {
      const other = sources[id];
      if (other !== undefined) throw ambiguousMatch(id, other, table);
      if (selected === null || selected.has(id)) sources[id] = { ...table, unique_id: id };
    }
  }
  return { metadata, nodes, sources, errors: errors.length > 0 ? [...errors] : null };
}

function keyOf(database: string | null, schema: string, name: string): string {
  return JSON.stringify([database?.toLowerCase() ?? null, schema.toLowerCase(), name.toLowerCase()]);
}

function tablesOf(rows: Iterable<CatalogRow>): Iterable<CatalogTable> {
  const tables = new Map<string, CatalogTable>();
  for (const row of rows) {
    const missing = ['table_schema', 'table_name'].find((name) => !row.has(name));
    if (missing !== undefined)
      throw errorOf('catalogWithoutKey', { key: missing, row: JSON.stringify(Object.fromEntries(row)) });
    const database = textOrNull(row.get('table_database'));
    const schema = String(row.get('table_schema'));
    const name = String(row.get('table_name'));
    const key = JSON.stringify([database, schema, name]);
    let table = tables.get(key);
    if (table === undefined) {
      table = {
        metadata: {
          type: String(row.get('table_type') ?? ''),
          schema,
          name,
          database,
          comment: textOrNull(row.get('table_comment')),
          owner: textOrNull(row.get('table_owner')),
        },
        columns: {},
        stats: statsOf(row),
        unique_id: null,
      };
      tables.set(key, table);
    }
    const column: CatalogColumn = {
      type: String(row.get('column_type') ?? ''),
      index: Math.trunc(Number(row.get('column_index'))),
      name: String(row.get('column_name')),
      comment: textOrNull(row.get('column_comment')),
    };
    table.columns[column.name] = column;
  }
  return tables.values();
}

/** Statistics from `stats:<id>:label|value|description|include` columns; `has_stats` tells whether a row has any. */
function statsOf(row: CatalogRow): CatalogTable['stats'] {
  const stats: CatalogTable['stats'] = {};
  const ids = new Set([...row.keys()].flatMap((key) => /^stats:([^:]*)/.exec(key)?.[1] ?? []));
  for (const id of ids) {
    const part = (name: string): Json => row.get(`stats:${id}:${name}`) ?? null;
    const include = part('include');
    if (include !== true || typeof part('label') !== 'string') continue;
    stats[id] = {
      id,
      label: String(part('label')),
      value: part('value'),
      include,
      description: textOrNull(part('description')),
    };
  }
  const any = Object.keys(stats).length > 0;
  stats['has_stats'] = {
    id: 'has_stats',
    label: 'Has Stats?',
    value: any,
    include: false,
    description: 'Indicates whether there are statistics for this table',
  };
  return stats;
}

function textOrNull(value: Json | undefined): string | null {
  return value === null || value === undefined ? null : String(value);
}

function ambiguousMatch(id: string, one: CatalogTable, two: CatalogTable): TsdbtError {
  const name = ({ metadata: m }: CatalogTable): string => `${m.schema}.${m.name}`;
  return errorOf('catalogAmbiguous', { one: name(one), two: name(two), source: id });
}
