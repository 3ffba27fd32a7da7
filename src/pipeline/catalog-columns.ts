// Reads the columns of relations from the target folder's catalog.json, which `docs generate` writes.
import { join } from 'node:path';
import type { TypedColumn } from '../adapters/empty-relations.ts';
import { MOST_DATA, readFileText } from '../project/read-file.ts';
import { isDictionary } from '../values/is-dictionary.ts';

/** Columns by unique_id, in the relation's order. */
export type CatalogColumns = ReadonlyMap<string, readonly TypedColumn[]>;

/** A file that is missing or invalid has no columns. */
export function readCatalogColumns(targetPath: string): CatalogColumns {
  let artifact: unknown;
  try {
    artifact = JSON.parse(readFileText(join(targetPath, 'catalog.json'), MOST_DATA));
  } catch {
    return new Map();
  }
  if (!isDictionary(artifact)) return new Map();
  const tables = [artifact['sources'], artifact['nodes']].flatMap((part) =>
    isDictionary(part) ? Object.entries(part) : [],
  );
  return new Map(tables.map(([id, table]) => [id, isDictionary(table) ? columnsOf(table['columns']) : []]));
}

function columnsOf(columns: unknown): TypedColumn[] {
  return Object.values(isDictionary(columns) ? columns : {})
    .flatMap((column) => {
      const { name, type, index } = isDictionary(column) ? column : {};
      return typeof name === 'string' && typeof type === 'string' ? { name, type, index: Number(index) } : [];
    })
    .sort((a, b) => a.index - b.index);
}
