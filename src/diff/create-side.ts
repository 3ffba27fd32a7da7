// Which side goes with which database: the registry of comparisons.
import type { Adapter, Session } from '../adapters/adapter.ts';
import type { Relation } from '../adapters/relation.ts';
import { TsdbtError } from '../errors.ts';
import { ClickHouseSide } from './clickhouse/side.ts';
import type { DiffSide } from './dialect.ts';
import { PostgresSide } from './postgres/side.ts';

/** The side of an adapter. @throws `runtime` error for a dialect without one */
export function createSide({ type }: Adapter, session: Session, relation: Relation): DiffSide {
  if (type === 'postgres') return new PostgresSide(session, relation);
  if (type === 'clickhouse') return new ClickHouseSide(session, relation);
  throw new TsdbtError('runtime', `Nothing is compared on ${type} in this version.`);
}
