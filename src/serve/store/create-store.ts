// The registry of stores: which store belongs to which database.
import type { Adapter } from '../../adapters/adapter.ts';
import type { ClickHouseAdapter } from '../../adapters/clickhouse/adapter.ts';
import { TsdbtError } from '../../errors.ts';
import { ClickHouseStore } from './clickhouse/store.ts';
import { PostgresStore } from './postgres/store.ts';
import type { Store } from './serve-store.ts';

/**
 * @param adapter of the profile's target; closed by its owner
 * @param leaseMs for tests
 * @throws `runtime` error naming the supported databases
 */
export function createStore(adapter: Adapter, leaseMs?: number): Store {
  if (adapter.type === 'postgres') return new PostgresStore(adapter, leaseMs);
  if (isClickHouse(adapter)) return new ClickHouseStore(adapter, leaseMs);
  throw new TsdbtError('runtime', `What serve keeps cannot be kept in ${adapter.type} in this version.`, {
    hint: 'A target of type postgres or clickhouse.',
  });
}

/** Checks the type, because importing the class would load the driver for every database. */
function isClickHouse(adapter: Adapter): adapter is ClickHouseAdapter {
  return adapter.type === 'clickhouse';
}
