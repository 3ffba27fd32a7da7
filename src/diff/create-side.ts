// Creates the side of a comparison for each database: the registry of dialects.
import type { Adapter, Session } from '../adapters/adapter.ts';
import type { Relation } from '../adapters/relation.ts';
import { TsdbtError } from '../errors.ts';
import { ClickHouseSide } from './clickhouse/side.ts';
import type { DiffSide } from './dialect.ts';
import { PostgresSide } from './postgres/side.ts';

/** Creates the side of an adapter. @throws `runtime` error for an unsupported dialect */
export function createSide({ type }: Adapter, session: Session, relation: Relation): DiffSide {
  if (type === 'postgres') return new PostgresSide(session, relation);
  if (type === 'clickhouse') return new ClickHouseSide(session, relation);
  throw new TsdbtError('runtime', `Nothing is compared on ${type} in this version.`);
}
