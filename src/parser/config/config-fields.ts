// The fields of dbt's config classes as data: default, merge rule and type. node-config.ts merges them.
import {
  anything,
  bool,
  choice,
  dict,
  list,
  oneOf,
  optional,
  optionalBool,
  optionalDict,
  optionalInteger,
  optionalText,
  optionalTextOrTextList,
  type TypeCheck,
  text,
  textList,
  textOrTextList,
} from '../../project/schema-check.ts';
import { pyStr } from '../../values/python-text.ts';

/** How a value of an inner level is merged into the value of an outer one. */
export type Merge = 'clobber' | 'append' | 'update' | 'dictKeyAppend';

export interface ConfigField {
  readonly name: string;
  readonly merge: Merge;
  readonly initial: () => unknown;
  readonly check: TypeCheck;
  /** Converts the value of a text field to text. Absent if there is no conversion. */
  readonly coerce: ((value: unknown) => unknown) | undefined;
  /** Python's name of the type, for dbt messages that contain it: enums, and values converted before the check. */
  readonly typeName: string | undefined;
}

export type ConfigKind =
  | 'model'
  | 'seed'
  | 'snapshot'
  | 'test'
  | 'node'
  | 'function'
  | 'source'
  | 'exposure'
  | 'unit_test'
  | 'metric'
  | 'semantic_model'
  | 'saved_query'
  | 'group';

function field(
  name: string,
  initial: () => unknown,
  check: TypeCheck,
  merge: Merge = 'clobber',
  typeName?: string,
): ConfigField {
  return { name, merge, initial, check, coerce: COERCIONS.get(check), typeName };
}
const asText = (value: unknown): unknown =>
  value === null || value === undefined || typeof value === 'string' ? value : pyStr(value);
const asTextOrTexts = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.every((item) => typeof item === 'string')
      ? value
      : value.map((item) => pyStr(item))
    : asText(value);
/** dbt converts any value of a text field to text. */
const COERCIONS: ReadonlyMap<TypeCheck, (value: unknown) => unknown> = new Map([
  [text, asText],
  [optionalText, asText],
  [textList, asTextOrTexts],
  [textOrTextList, asTextOrTexts],
  [optionalTextOrTextList, asTextOrTexts],
]);
const none = (): null => null;
const emptyList = (): unknown[] => [];
const emptyDict = (): Record<string, unknown> => ({});

const NODE_AND_TEST: readonly ConfigField[] = [
  field('enabled', () => true, bool),
  field('alias', none, optionalText),
  field('schema', none, optionalText),
  field('database', none, optionalText),
  field('tags', emptyList, textOrTextList, 'append'),
  field('meta', emptyDict, dict, 'update'),
  field('group', none, optionalText),
  field('static_analysis', none, optional(oneOf(text, bool))),
];

const NODE: readonly ConfigField[] = [
  ...NODE_AND_TEST,
  field('materialized', () => 'view', text),
  field('incremental_strategy', none, optionalText),
  field('batch_size', none, anything),
  field('lookback', () => 1, anything),
  field('begin', none, anything),
  field('persist_docs', emptyDict, dict),
  field('post-hook', emptyList, list, 'append'),
  field('pre-hook', emptyList, list, 'append'),
  field('quoting', emptyDict, dict, 'update'),
  field('column_types', emptyDict, dict, 'update'),
  field('full_refresh', none, optionalBool),
  field('unique_key', none, optionalTextOrTextList),
  field('on_schema_change', () => 'ignore', optionalText),
  field(
    'on_configuration_change',
    () => 'apply',
    choice('apply', 'continue', 'fail'),
    'clobber',
    'OnConfigurationChangeOption',
  ),
  field('grants', emptyDict, dict, 'dictKeyAppend'),
  field('packages', emptyList, textList, 'append'),
  field('docs', () => ({ show: true, node_color: null }), dict, 'update'),
  field('contract', () => ({ enforced: false, alias_types: true }), dict, 'update'),
  field('event_time', none, anything),
  field('concurrent_batches', none, anything),
];

const replaced = (fields: readonly ConfigField[], ...own: ConfigField[]): ConfigField[] => {
  const out = fields.map((f) => own.find((o) => o.name === f.name) ?? f);
  for (const f of own) if (!out.includes(f)) out.push(f);
  return out;
};

const META_AND_TAGS = [field('tags', emptyList, textOrTextList, 'append'), field('meta', emptyDict, dict, 'update')];

/** Fields of each kind, in artifact order. */
export const CONFIG_FIELDS: Readonly<Record<ConfigKind, readonly ConfigField[]>> = {
  node: NODE,
  model: replaced(
    NODE,
    field('access', () => 'protected', choice('private', 'protected', 'public'), 'clobber', 'AccessType'),
    field('freshness', none, anything),
    field('on_error', none, optional(choice('skip_children', 'continue')), 'clobber', 'Optional[ModelOnErrorOptions]'),
    field('latest_version_pointer', () => ({ enabled: null, alias: null }), anything, 'update'),
  ),
  seed: replaced(
    NODE,
    field('materialized', () => 'seed', text),
    field('delimiter', () => ',', text),
    field('quote_columns', none, optionalBool),
  ),
  snapshot: replaced(
    NODE,
    field('materialized', () => 'snapshot', text),
    field('strategy', none, optionalText),
    field('target_schema', none, optionalText),
    field('target_database', none, optionalText),
    field('updated_at', none, optionalText),
    field('check_cols', none, optionalTextOrTextList),
    field(
      'snapshot_meta_column_names',
      () => ({
        dbt_valid_to: null,
        dbt_valid_from: null,
        dbt_scd_id: null,
        dbt_updated_at: null,
        dbt_is_deleted: null,
      }),
      dict,
    ),
    field('dbt_valid_to_current', none, optionalText),
  ),
  test: replaced(
    NODE_AND_TEST,
    field('schema', () => 'dbt_test__audit', optionalText),
    field('materialized', () => 'test', text),
    field('severity', () => 'ERROR', text),
    field('store_failures', none, optionalBool),
    field('store_failures_as', none, optionalText),
    field('sql_header', none, anything),
    field('where', none, optionalText),
    field('limit', none, optionalInteger),
    field('fail_calc', () => 'count(*)', text),
    field('warn_if', () => '!= 0', text),
    field('error_if', () => '!= 0', text),
  ),
  function: replaced(
    NODE,
    field('materialized', () => 'function', text),
    field('type', () => 'scalar', choice('scalar', 'aggregate', 'table'), 'clobber', 'FunctionType'),
    field(
      'volatility',
      none,
      optional(choice('deterministic', 'stable', 'non-deterministic')),
      'clobber',
      'Optional[FunctionVolatility]',
    ),
    field('runtime_version', none, optionalText),
    field('entry_point', none, optionalText),
    field('snowflake', () => ({ quote_args: true }), dict),
  ),
  source: [
    field('enabled', () => true, bool),
    field('event_time', none, anything),
    field('freshness', () => emptyFreshness(), optionalDict),
    field('loaded_at_field', none, optionalText),
    field('loaded_at_query', none, optionalText),
    field('meta', emptyDict, dict, 'update'),
    field('tags', emptyList, textList),
    field('static_analysis', none, optional(oneOf(text, bool))),
  ],
  exposure: [
    field('enabled', () => true, bool),
    field('tags', emptyList, textList, 'clobber', 'List[str]'),
    field('meta', emptyDict, dict, 'clobber', 'Dict[str, Any]'),
  ],
  unit_test: [
    ...META_AND_TAGS,
    field('enabled', () => true, bool),
    field('static_analysis', none, optional(oneOf(text, bool))),
  ],
  group: [field('meta', emptyDict, dict, 'update')],
  metric: [
    field('enabled', () => true, bool),
    field('group', none, optionalText),
    field('meta', emptyDict, dict, 'update'),
  ],
  semantic_model: [
    field('enabled', () => true, bool),
    field('group', none, optionalText),
    field('meta', emptyDict, dict, 'update'),
  ],
  saved_query: [
    field('enabled', () => true, bool),
    field('group', none, optionalText),
    field('meta', emptyDict, dict, 'update'),
    field('export_as', none, optionalText),
    field('schema', none, optionalText),
    field('cache', () => ({ enabled: false }), dict),
  ],
};

/** Keys whose values dbt always converts to text. */
export const TEXT_KEYS: ReadonlySet<string> = new Set(
  Object.values(CONFIG_FIELDS).flatMap((fields) =>
    fields.filter((each) => each.coerce !== undefined).map((each) => each.name),
  ),
);

/** An empty freshness, as in artifacts. */
export function emptyFreshness(): { warn_after: unknown; error_after: unknown; filter: null } {
  return { warn_after: { count: null, period: null }, error_after: { count: null, period: null }, filter: null };
}
