// The registry of lineage dialects, by type of adapter.
import { errorOf } from '../error-table.ts';
import { clickhouseLineage } from './clickhouse/clickhouse-lineage.ts';
import type { LineageDialect, ParsingEngine } from './column-lineage.ts';
import { postgresLineage } from './postgres/postgres-lineage.ts';

type Create = (engine: () => Promise<ParsingEngine>) => Promise<LineageDialect>;

const DIALECTS: Readonly<Record<string, Create>> = {
  postgres: async () => {
    const dialect = await postgresLineage();
    if (dialect === null) throw errorOf('lineageParserMissing', { package: 'libpg-query' });
    return dialect;
  },
  clickhouse: async (engine) => clickhouseLineage(await engine()),
};

/**
 * @param engine starts an engine of the dialect that parses SQL, if the dialect needs one
 * @throws {TsdbtError} if the dialect has no column lineage yet, or its parser is not installed
 */
export async function createLineageDialect(
  type: string,
  engine: () => Promise<ParsingEngine>,
): Promise<LineageDialect> {
  const create = DIALECTS[type];
  if (create === undefined) throw errorOf('lineageDialect', { type, covered: Object.keys(DIALECTS).join(', ') });
  return create(engine);
}
