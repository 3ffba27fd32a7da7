// The settings below `meta.tsdbt` of nodes, sources and columns, which dbt ignores. The parser checks all of them
// (parser/check/own-settings.ts), so a reader of one finds it valid.
import type { Json, ManifestNode } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import { isDictionary } from '../values/is-dictionary.ts';
import { LONGEST_TIMER } from '../within.ts';
import { choice, dictionary, duration, flag, matching, switched, text, unlessFalse, whole } from './kinds.ts';
import { ANY_LOAD, COLUMN_LOAD } from './load-settings.ts';
import { PUBLICATIONS } from './publication-settings.ts';
import { oneOf, optional, type ReadFields, record, required, withDefault } from './record-settings.ts';
import { WHOLE_SLA } from './sla-settings.ts';
import { type Dictionary, Place, type Problem, type Setting } from './setting.ts';

const period = duration({ least: 0 });

/** Tests of only the newest rows. */
export const TEST_SLICE = record({
  column: optional(text, 'The column with the arrival time of a row', 'the `event_time` of the tested node'),
  overlap: withDefault(period, 3_600_000, 'How long before the last pass a slice begins', '`1h`'),
  full_every: withDefault(period, 86_400_000, 'How often all rows are tested', '`1d`'),
});

const THRESHOLD = record({ count: required(whole(0), ''), period: required(choice('minute', 'hour', 'day'), '') });

/** Freshness of models, with the keys that dbt has for sources. */
export const MODEL_FRESHNESS = record(
  {
    loaded_at_field: optional(text, 'Column or SQL: when a row was loaded', "the model's `event_time`"),
    loaded_at_query: optional(text, 'Query of the newest time, instead of the field'),
    warn_after: optional(THRESHOLD, 'Age that is a warning; `period` is `minute`, `hour` or `day`'),
    error_after: optional(THRESHOLD, 'Age that is an error. One of the two is required'),
    filter: optional(text, 'SQL condition on the rows'),
  },
  { rules: [oneOf(['warn_after', 'error_after'], 'Example: freshness: {warn_after: {count: 10, period: minute}}.')] },
);

const FIELDS = {
  audit: withDefault(flag, false, 'Models and snapshots: `build` tests it before it is published: [Audit](audit.md)'),
  batch_size: optional(
    matching(/^(hour|day|month|year|\d+[mh])$/, 'hour, day, month, year, or minutes or hours such as 5m', 'text'),
    'Microbatch models: `hour`, `day`, `month`, `year`, or minutes or hours that divide a day: `5m`, `2h`. ' +
      'Overrides the config of the same name',
    "the model's `batch_size`",
  ),
  batch_tests: withDefault(
    flag,
    false,
    'Models, seeds, snapshots, source tables: tests share a statement: [Tests in one statement](batched-tests.md)',
  ),
  freshness: optional(
    described(MODEL_FRESHNESS, 'dictionary'),
    'Models: `source freshness` checks the model, too: [freshness](#freshness)',
  ),
  ledger: withDefault(flag, true, 'Microbatch models: `false` forgets unfinished batches, as dbt does'),
  load: optional(
    described(ANY_LOAD, 'dictionary or `false`'),
    'Sources and their tables: a topic fills the table: [load](#load)',
  ),
  max_age: optional(
    period,
    'Models, snapshots, tests: with `--reuse`, how long a node with a volatile call is reused: ' +
      '[Volatile nodes](reuse.md#volatile-nodes)',
  ),
  null_safe_keys: withDefault(
    flag,
    false,
    'Incremental models: on Postgres, NULL in the `unique_key` equals NULL, so a new row replaces the old one. By ' +
      'default a row with NULL matches none and is repeated, as in dbt. On ClickHouse, NULL always equals NULL',
  ),
  publish: withDefault(
    described(PUBLICATIONS, 'dictionary, or a list of dictionaries'),
    [],
    'Models, seeds, snapshots: copies in other places: [Publishing](publish.md)',
    'none',
  ),
  retries: withDefault(
    whole(0, 100),
    0,
    'Models, seeds, snapshots, tests: further attempts after a temporary error or a timeout, up to 100',
  ),
  sla: optional(
    described(WHOLE_SLA, 'dictionary'),
    'Models, seeds, snapshots, source tables: service-level objectives: [SLAs](sla.md)',
  ),
  test_slice: optional(
    described(switched(TEST_SLICE), 'dictionary, `true` or `false`'),
    'Tests, models, source tables: tests read only the newest rows: [test_slice](#test_slice)',
  ),
  timeout: optional(
    duration({ most: LONGEST_TIMER }),
    'Models, seeds, snapshots, tests: maximum duration of one attempt',
  ),
};
/** Keys of nodes and sources. */
export const NODE_SETTINGS = record(FIELDS);

/** Keys of columns. */
export const COLUMN_SETTINGS = record({
  cleared: optional(
    described(dictionary(text, { expects: 'a dictionary of tags and reasons' }), 'dictionary'),
    'Tags that the column does not carry, each with the reason: [Policies](policies.md)',
  ),
  load: optional(
    described(unlessFalse(COLUMN_LOAD), 'dictionary'),
    'Columns of source tables: what fills the column: [Columns](#columns)',
  ),
  secret: withDefault(flag, false, 'Alerts do not show values of failing rows: [Alerts](alerts.md)'),
});

/** A setting with a short type for the documentation. */
function described<T>(setting: Setting<T>, type: string): Setting<T> {
  return { ...setting, type };
}

type NodeSettings = ReadFields<typeof FIELDS>;
/** A node, source, publication or column. */
interface Owner {
  readonly config?: object | null;
  readonly meta?: unknown;
}

/** `meta.tsdbt` as written; empty if the node has none. */
export function ownSettings({ config, meta }: Owner): Dictionary {
  const metas = [config && 'meta' in config ? config.meta : undefined, meta];
  const own = metas.map((each) => (isMeta(each) ? each['tsdbt'] : undefined)).find((each) => each != null);
  return isDictionary(own) ? own : {};
}

function isMeta(meta: unknown): meta is Dictionary {
  return isDictionary(meta);
}

/** Reads one setting of a node. @throws {TsdbtError} `parsing`, which the parser throws first for the same mistake */
export function ownSetting<K extends keyof NodeSettings>(node: ManifestNode | Owner, key: K): NodeSettings[K];
export function ownSetting(node: ManifestNode | Owner, key: keyof NodeSettings): unknown {
  const { setting, fallback } = FIELDS[key];
  const refuse = ({ message, hint }: Problem): never => {
    throw errorOf('badOwnSetting', { message }, { hint, ...('resource_type' in node && { node }) });
  };
  const value = ownSettings(node)[key] ?? null;
  return value === null ? fallback : readOwn(setting, value, 'unique_id' in node ? node.unique_id : '', refuse, [key]);
}

/**
 * Reads `meta.tsdbt`, or a value below it.
 * @param of whose it is, for messages
 * @param keys of the value, below `meta.tsdbt`
 */
export function readOwn<T>(
  setting: Setting<T>,
  value: Json,
  of: string,
  refuse: (problem: Problem) => never,
  keys: readonly string[] = [],
): T {
  const context = {
    refuse: (problem: Problem): never => refuse({ ...problem, keys: problem.keys.slice(2) }),
  };
  return setting.read(value, new Place(context, of, ['meta', 'tsdbt', ...keys]));
}
