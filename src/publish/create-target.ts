// The registry of publications: which source and which target class belong to which database.
import type { Adapter, Session } from '../adapters/adapter.ts';
import type { Relation } from '../adapters/relation.ts';
import { TsdbtError } from '../errors.ts';
import { lakeColumnOfClickHouse } from './clickhouse/lake-columns.ts';
import { ClickHouseReceiver } from './clickhouse/target.ts';
import { IcebergReceiver } from './iceberg/iceberg-target.ts';
import { LakeReceiver } from './lake/lake-target.ts';
import { lakeColumnOfPostgres } from './postgres/lake-columns.ts';
import { ClickHouseSource } from './clickhouse/source.ts';
import { PostgresReceiver } from './postgres/target.ts';
import { PostgresSource } from './postgres/source.ts';
import type { LakeColumn } from './lake/lake-column.ts';
import type { PublishSource, Receiver, SourceColumn } from './publication-target.ts';
import type { OpenedConnection } from './open-targets.ts';

/** Returns the relation as a source of publications. */
export function createSource(adapter: Adapter, session: Session, relation: Relation): PublishSource {
  if (adapter.type === 'postgres') return new PostgresSource(session, relation);
  if (adapter.type === 'clickhouse') return new ClickHouseSource(session, relation);
  throw unknown(adapter);
}

/** Returns the receiver for an open connection. */
export function createReceiver(opened: OpenedConnection): Receiver {
  if (opened.type === 's3') return new LakeReceiver(opened.store, lakeColumnOf);
  if (opened.type === 'iceberg')
    return new IcebergReceiver(opened.catalog, opened.store, opened.namespace, lakeColumnOf);
  const { adapter, schema } = opened;
  if (adapter.type === 'postgres') return new PostgresReceiver(adapter, schema);
  if (adapter.type === 'clickhouse') return new ClickHouseReceiver(adapter, schema);
  throw unknown(adapter);
}

function lakeColumnOf(dialect: string, column: SourceColumn): LakeColumn {
  if (dialect === 'postgres') return lakeColumnOfPostgres(column);
  if (dialect === 'clickhouse') return lakeColumnOfClickHouse(column);
  throw unknown({ type: dialect });
}

function unknown({ type }: Pick<Adapter, 'type'>): TsdbtError {
  return new TsdbtError('runtime', `Nothing is published from or to ${type} in this version.`);
}
