// The load config of `format: debezium`: how deletes and truncates are handled, and connector settings that messages do
// not contain.
import type { LoadSettings } from '../../settings/load-settings.ts';

/** How changes are interpreted. The modes are those of the connector's configuration, with its defaults. */
export interface ChangeConfig {
  /** `soft`: the row is kept and marked in `_deleted`. */
  readonly deletes: 'soft' | 'hard' | 'ignore';
  /** Whether a row can keep values of the previous row, which is looked up only by its key. */
  readonly keeps: boolean;
  readonly truncate: 'fail' | 'ignore' | 'apply';
  readonly decimals: 'precise' | 'string' | 'double';
  readonly times: 'adaptive' | 'adaptive_time_microseconds' | 'connect' | 'isostring' | 'microseconds' | 'nanoseconds';
  readonly binary: 'bytes' | 'base64' | 'base64-url-safe' | 'hex';
  /** Rows come without envelopes: the connector's transform has flattened them. */
  readonly flattened?: true;
  /** The placeholder for a large unchanged value; absent: the connector's default. */
  readonly placeholder?: string;
  /** Values are the texts of Postgres, not those of a connector. */
  readonly texts?: true;
}

/** @returns null for every other format, which does not have these options */
export function changeConfig(
  load: LoadSettings,
  { mode, database }: { readonly mode: 'append' | 'upsert'; readonly database: 'Postgres' | 'ClickHouse' },
  refuse: (message: string, hint?: string) => never,
): ChangeConfig | null {
  const { format, deletes, truncate, flattened, unavailable_value_placeholder: placeholder } = load;
  if (format !== 'debezium' && load.replicate === null) return null;
  if (truncate === 'apply' && mode === 'upsert' && database !== 'Postgres')
    refuse(
      `'truncate: apply' is not part of tables in ${database}`,
      'truncate: ignore goes on with the rows; fail stops there.',
    );
  return {
    ...(flattened && { flattened }),
    ...(placeholder !== null && { placeholder }),
    keeps: mode === 'upsert' && database === 'Postgres',
    deletes,
    truncate,
    ...(load.replicate === null
      ? {
          decimals: load.decimal_handling_mode,
          times: load.time_precision_mode,
          binary: load.binary_handling_mode,
        }
      : { texts: true, decimals: 'string', times: 'isostring', binary: 'hex' }),
  };
}
