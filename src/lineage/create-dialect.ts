// The registry of lineage dialects, by type of adapter.
import { errorOf } from '../error-table.ts';
import { CLICKHOUSE_NAMES, clickhouseLineage } from './clickhouse/clickhouse-lineage.ts';
import type { DialectNames, LineageDialect, ParsingEngine } from './column-lineage.ts';
import { type Masks, NO_MASKS } from './masks.ts';
import { POSTGRES_NAMES, postgresLineage } from './postgres/postgres-lineage.ts';

interface Registered {
  readonly names: DialectNames;
  create(engine: () => Promise<ParsingEngine>, masks: Masks): Promise<LineageDialect>;
}

const DIALECTS: Readonly<Record<string, Registered>> = {
  postgres: {
    names: POSTGRES_NAMES,
    create: async (_engine, masks) => {
      const dialect = await postgresLineage(masks);
      if (dialect === null) throw errorOf('lineageParserMissing', { package: 'libpg-query' });
      return dialect;
    },
  },
  clickhouse: { names: CLICKHOUSE_NAMES, create: async (engine, masks) => clickhouseLineage(await engine(), masks) },
};

/**
 * @param engine starts an engine of the dialect that parses SQL, if the dialect needs one
 * @param masks functions that lineage reports
 * @throws {TsdbtError} if the dialect has no column lineage yet, or its parser is not installed
 */
export async function createLineageDialect(
  type: string,
  engine: () => Promise<ParsingEngine>,
  masks: Masks = NO_MASKS,
): Promise<LineageDialect> {
  return dialectOf(type).create(engine, masks);
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
