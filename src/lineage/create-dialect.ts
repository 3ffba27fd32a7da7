// The registry of lineage dialects, by type of adapter.
import { errorOf } from '../error-table.ts';
import type { LineageDialect } from './column-lineage.ts';
import { postgresLineage } from './postgres/postgres-lineage.ts';

const DIALECTS: Readonly<Record<string, { readonly create: () => Promise<LineageDialect | null>; needs: string }>> = {
  postgres: { create: postgresLineage, needs: 'libpg-query' },
};

/** @throws {TsdbtError} if the dialect has no column lineage yet, or its parser is not installed */
export async function createLineageDialect(type: string): Promise<LineageDialect> {
  const row = DIALECTS[type];
  if (row === undefined) throw errorOf('lineageDialect', { type, covered: Object.keys(DIALECTS).join(', ') });
  const dialect = await row.create();
  if (dialect === null) throw errorOf('lineageParserMissing', { package: row.needs });
  return dialect;
}
