// The registry of lineage dialects, by type of adapter.
import { errorOf } from '../error-table.ts';
import { CLICKHOUSE_NAMES, clickhouseLineage } from './clickhouse/clickhouse-lineage.ts';
import type { DialectNames, LineageDialect, ParsingEngine } from './column-lineage.ts';
import { POSTGRES_NAMES, postgresLineage } from './postgres/postgres-lineage.ts';

interface Registered {
  readonly names: DialectNames;
  create(engine: () => Promise<ParsingEngine>): Promise<LineageDialect>;
}

const DIALECTS: Readonly<Record<string, Registered>> = {
  postgres: {
    names: POSTGRES_NAMES,
    create: async () => {
      const dialect = await postgresLineage();
      if (dialect === null) throw errorOf('lineageParserMissing', { package: 'libpg-query' });
      return dialect;
    },
  },
  clickhouse: { names: CLICKHOUSE_NAMES, create: async (engine) => clickhouseLineage(await engine()) },
};

/**
 * @param engine starts an engine of the dialect that parses SQL, if the dialect needs one
 * @throws {TsdbtError} if the dialect has no column lineage yet, or its parser is not installed
 */
export async function createLineageDialect(
  type: string,
  engine: () => Promise<ParsingEngine>,
): Promise<LineageDialect> {
  return dialectOf(type).create(engine);
}

/** @throws {TsdbtError} if the dialect has no column lineage yet */
export function dialectNames(type: string): DialectNames {
  return dialectOf(type).names;
}

function dialectOf(type: string): Registered {
  const dialect = DIALECTS[type];
  if (dialect === undefined) throw errorOf('lineageDialect', { type, covered: Object.keys(DIALECTS).join(', ') });
  return dialect;
}
