// Which source and which receiver go with which database: the registry of publications.
import type { Adapter, Session } from '../adapters/adapter.ts';
import type { Relation } from '../adapters/relation.ts';
import { TsdbtError } from '../errors.ts';
import { ClickHouseReceiver } from './clickhouse/receiver.ts';
import { PostgresReceiver } from './postgres/receiver.ts';
import { PostgresSource } from './postgres/source.ts';
import type { PublishSource, Receiver } from './receiver.ts';

/** The relation as a source of publications. */
export function createSource(adapter: Adapter, session: Session, relation: Relation): PublishSource {
  if (adapter.type === 'postgres') return new PostgresSource(session, relation);
  throw unknown(adapter);
}

/** @param schema of tables without one */
export function createReceiver(adapter: Adapter, schema: string): Receiver {
  if (adapter.type === 'postgres') return new PostgresReceiver(adapter, schema);
  if (adapter.type === 'clickhouse') return new ClickHouseReceiver(adapter, schema);
  throw unknown(adapter);
}

function unknown({ type }: Adapter): TsdbtError {
  return new TsdbtError('runtime', `Nothing is published from or to ${type} in this version.`);
}
