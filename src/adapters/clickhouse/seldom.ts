// Finds models and seeds that readers can see incomplete on ClickHouse, for the warning of `--every`. Tests with a
// concurrent reader prove these rules.
import type { Credentials } from '../../contracts/project.ts';
import type { Seldom } from '../adapter.ts';

type Config = Readonly<Record<string, unknown>>;

const BETWEEN = 'between the delete and the insert readers miss rows';

/**
 * @param credentials of the profile: a cluster changes how models are published, use_lw_deletes the default strategy
 */
export function createSeldom(credentials: Credentials): Seldom {
  const cluster = typeof credentials['cluster'] === 'string' && credentials['cluster'] !== '';
  /** As clickhouse__publish_obstacle, as far as the project shows: whole partitions cannot be moved. */
  const obstacle = (config: Config, readByViews: boolean): string | null =>
    cluster
      ? ' on a cluster'
      : !String(config['engine'] ?? 'MergeTree').includes('MergeTree')
        ? ` on the engine ${String(config['engine'])}`
        : readByViews
          ? ' under materialized views'
          : null;
  return {
    every: 3_600_000,
    instead:
      "use incremental_strategy='atomic_upsert' where no materialized view reads the table, or run it once an " +
      'hour at most',
    of(config, readByViews) {
      const blocked = obstacle(config, readByViews);
      switch (config['materialized']) {
        case 'distributed_table':
        case 'distributed_incremental':
          return { name: `materialization ${config['materialized']}`, why: 'servers get its rows one after the other' };
        case 'seed':
          return blocked === null
            ? null
            : { name: `materialization seed${blocked}`, why: 'it is emptied before it is filled' };
        case 'incremental':
          break;
        default:
          return null;
      }
      switch (strategyOf(config, credentials['use_lw_deletes'] === true)) {
        case 'delete_insert':
          return { name: 'strategy delete_insert', why: `every run is a mutation that rewrites parts, and ${BETWEEN}` };
        case 'microbatch':
          return blocked === null ? null : { name: `strategy microbatch${blocked}`, why: BETWEEN };
        case 'insert_overwrite':
          return blocked === null
            ? null
            : {
                name: `strategy insert_overwrite${blocked}`,
                why: 'several partitions are replaced one after the other',
              };
        case 'append': {
          const settings = config['query_settings'];
          const token = typeof settings === 'object' && settings !== null && 'insert_deduplication_token' in settings;
          return blocked === null && !token
            ? null
            : {
                name: `strategy append${blocked ?? ' with an insert_deduplication_token'}`,
                why: 'readers see its rows block by block',
              };
        }
        // They are published by an exchange, or refused.
        default:
          return null;
      }
    },
  };
}

/** As clickhouse__run_incremental_strategy: without a key, rows are only appended. */
function strategyOf(config: Config, lightweightDeletes: boolean): string {
  const { unique_key: key, incremental_strategy: named } = config as {
    unique_key?: unknown;
    incremental_strategy?: unknown;
  };
  const keyed = (typeof key === 'string' || Array.isArray(key)) && key.length > 0;
  const strategy =
    typeof named === 'string' && named !== 'default'
      ? named.replaceAll('+', '_')
      : lightweightDeletes
        ? 'delete_insert'
        : 'legacy';
  const adds =
    config['inserts_only'] === true ||
    (!keyed && !['insert_overwrite', 'microbatch', 'atomic_upsert'].includes(strategy));
  return adds ? 'append' : strategy;
}
