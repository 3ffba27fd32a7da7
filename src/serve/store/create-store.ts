// Which store goes with which database: the registry of what serve keeps.
import type { Adapter } from '../../adapters/adapter.ts';
import { TsdbtError } from '../../errors.ts';
import { PostgresStore } from './postgres/store.ts';
import type { Store } from './store.ts';

/**
 * @param adapter of the profile's target; closed by its owner
 * @param leaseMs for tests
 * @throws `runtime` error naming the databases that can keep it
 */
export function createStore(adapter: Adapter, leaseMs?: number): Store {
  if (adapter.type === 'postgres') return new PostgresStore(adapter, leaseMs);
  throw new TsdbtError('runtime', `What serve keeps cannot be kept in ${adapter.type} in this version.`, {
    hint: 'A target of type postgres or clickhouse.',
  });
}
