// The load config of `format: debezium`: how deletes and truncates are handled, and connector settings that messages do
// not contain.
import type { Json } from '../../contracts/node.ts';

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
}

export const CHANGE_OPTIONS = [
  'flattened',
  'deletes',
  'truncate',
  'decimal_handling_mode',
  'time_precision_mode',
  'binary_handling_mode',
  'unavailable_value_placeholder',
];
/** Shorter placeholders are likely to occur as values. */
const SHORTEST_PLACEHOLDER = 8;

/** Reads an option that is one of some words, or any text. */
interface ChoiceReader {
  choice<T extends string>(name: string, choices: readonly T[], fallback: T): T;
  text(name: string, fallback: string): string;
}

/** @returns null for every other format, which does not have these options */
export function changeConfig(
  options: { readonly [name: string]: Json },
  {
    format,
    mode,
    database,
  }: { readonly format: string; readonly mode: 'append' | 'upsert'; readonly database: 'Postgres' | 'ClickHouse' },
  reader: ChoiceReader,
  refuse: (message: string, hint?: string) => never,
): ChangeConfig | null {
  if (format !== 'debezium') {
    const given = CHANGE_OPTIONS.find((name) => options[name] !== undefined);
    return given === undefined ? null : refuse(`'${given}' needs format: debezium`);
  }
  const placeholder = reader.text('unavailable_value_placeholder', '');
  if (options['unavailable_value_placeholder'] !== undefined && placeholder.length < SHORTEST_PLACEHOLDER)
    refuse(
      `'unavailable_value_placeholder' has fewer than ${SHORTEST_PLACEHOLDER} characters`,
      "It is the connector's unavailable.value.placeholder, which no value of a row may be.",
    );
  const flattened = options['flattened'] ?? false;
  if (typeof flattened !== 'boolean') refuse(`'flattened' must be true or false, found ${JSON.stringify(flattened)}`);
  if (flattened === true && options['truncate'] !== undefined)
    refuse("'truncate' does not go with 'flattened': no flattened row tells of a truncate");
  const config: ChangeConfig = {
    ...(flattened === true ? { flattened } : {}),
    ...(placeholder === '' ? {} : { placeholder }),
    keeps: mode === 'upsert' && database === 'Postgres',
    deletes: reader.choice('deletes', ['soft', 'hard', 'ignore'], 'soft'),
    truncate: reader.choice('truncate', ['fail', 'ignore', 'apply'], 'fail'),
    decimals: reader.choice('decimal_handling_mode', ['precise', 'string', 'double'], 'precise'),
    times: reader.choice(
      'time_precision_mode',
      ['adaptive', 'adaptive_time_microseconds', 'connect', 'isostring', 'microseconds', 'nanoseconds'],
      'adaptive',
    ),
    binary: reader.choice('binary_handling_mode', ['bytes', 'base64', 'base64-url-safe', 'hex'], 'bytes'),
  };
  if (mode === 'append' && config.deletes === 'hard')
    refuse("'deletes: hard' needs mode: upsert: without a key no row can be found", 'deletes: soft, or ignore.');
  if (config.deletes === 'ignore' && config.truncate === 'apply')
    refuse(
      "'truncate: apply' does what 'deletes' says, which is ignore",
      'deletes: hard or soft, or truncate: ignore.',
    );
  if (config.truncate === 'apply' && mode === 'upsert' && database !== 'Postgres')
    refuse(
      `'truncate: apply' is not part of tables in ${database}`,
      'truncate: ignore goes on with the rows; fail stops there.',
    );
  return config;
}
