// Creates the sink and the table options of each database: the loader's registry.
import type { Adapter } from '../adapters/adapter.ts';
import type { ClickHouseAdapter } from '../adapters/clickhouse/adapter.ts';
import { TsdbtError } from '../errors.ts';
import type { FitOf } from './settings/type-fit.ts';
import type { BrokerClient } from './brokers/broker.ts';
import type { LoadTarget } from './settings/load-target.ts';
import type { ReplicateConfig } from './settings/replicate-settings.ts';
import type { ArchiveLedger } from './archive/ledger.ts';
import { sqlFits } from './formats/avro/schema-resolution.ts';
import { columnFit } from './clickhouse/column-fit.ts';
import { ClickHouseArchiveLedger } from './clickhouse/archive-ledger.ts';
import { ClickHouseSink } from './clickhouse/sink.ts';
import { CLICKHOUSE_TABLE } from './clickhouse/table-options.ts';
import { PostgresArchiveLedger } from './postgres/archive-ledger.ts';
import { POSTGRES_TABLE } from './postgres/table-options.ts';
import { PostgresSink } from './postgres/sink.ts';
import type { Sealer } from './seal.ts';
import type { FaultPoint, Sink } from './sink.ts';
import type { SyncTarget } from './sync/config.ts';
import type { SyncPoint, TableSync } from './sync/sync.ts';
import type { TableOptions } from './settings/database-options.ts';

/** @throws `runtime` error that names the supported databases */
export function createSink(
  adapter: Adapter,
  sealer: Sealer,
  now: () => number,
  reached?: (point: FaultPoint) => void,
): Sink {
  if (adapter.type === 'postgres') return new PostgresSink(adapter, sealer, now, reached);
  if (isClickHouse(adapter)) return new ClickHouseSink(adapter, sealer, reached);
  throw new TsdbtError('runtime', `Loading into ${adapter.type} is not part of this version.`, {
    hint: 'A target of type postgres or clickhouse.',
  });
}

/** Creates the ledger of archives in the sink's database. */
export function createLedger(adapter: Adapter, tables: Sink): ArchiveLedger {
  const prepareState = (): Promise<void> => tables.prepareState();
  return isClickHouse(adapter)
    ? new ClickHouseArchiveLedger(adapter, prepareState)
    : new PostgresArchiveLedger(adapter, prepareState);
}

/**
 * Creates the sync of a table from one database to another.
 * @param from adapter of the source, closed with it
 * @throws `validation` error that names the supported databases
 */
export async function createSync(
  target: SyncTarget,
  from: Adapter,
  to: Adapter,
  reached?: (point: SyncPoint) => void,
  hashKey: string | null = null,
): Promise<TableSync> {
  const refuse = (what: string, hint: string): never => {
    throw new TsdbtError('validation', `${target.name} cannot be synced: ${what}, which is not part of this version`, {
      path: target.path,
      hint,
    });
  };
  if (from.type !== 'postgres') refuse(`from ${from.type}`, 'The source must be Postgres.');
  if (isClickHouse(to)) {
    const { ClickHouseSync } = await import('./clickhouse/sync.ts');
    return new ClickHouseSync(target, from, to, reached, hashKey);
  }
  if (to.type !== 'postgres') refuse(`into ${to.type}`, 'The target must be Postgres or ClickHouse.');
  const { PostgresSync } = await import('./postgres/sync.ts');
  return new PostgresSync(target, from, to, reached, hashKey);
}

/**
 * Creates the client of a replicated table.
 * @param open the adapter of its source, which the client closes
 */
export async function createReplication(
  target: LoadTarget,
  replicate: ReplicateConfig,
  open: () => Promise<Adapter>,
): Promise<BrokerClient> {
  const { ReplicationClient } = await import('./postgres/replicate/replication-client.ts');
  const { ReplicationSource } = await import('./postgres/replicate/replication-source.ts');
  return new ReplicationClient(new ReplicationSource(open, replicate, target), target.topic, target.key);
}

/** Importing the class would load the driver, whatever the profile's database is. */
function isClickHouse(adapter: Adapter): adapter is ClickHouseAdapter {
  return adapter.type === 'clickhouse';
}

/** @param type an adapter's; a database that cannot be loaded into has Postgres's options */
export function tableOptions(type: string): TableOptions {
  return type === 'clickhouse' ? CLICKHOUSE_TABLE : POSTGRES_TABLE;
}

/** What columns accept according to their declared types. @param type an adapter's */
export function columnFits(type: string): FitOf {
  return type === 'clickhouse' ? columnFit : sqlFits;
}
