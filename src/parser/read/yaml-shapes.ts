// The keys of properties file entries and their types, as in dbt's Unparsed classes. schema-check.ts checks them; the
// patch parsers interpret them.
import type { Constraint, Json } from '../../contracts/node.ts';
import {
  anyOf,
  anything,
  bool,
  checkOf,
  choice,
  closed,
  dict,
  type Infer,
  integer,
  leaf,
  list,
  listOf,
  of,
  open,
  optional,
  optionalBool,
  optionalDict,
  optionalInteger,
  optionalText,
  orNull,
  type Nested,
  type ShapeCheck,
  shapes,
  type TypeCheck,
  text,
  textList,
  textOrTextList,
} from '../../project/schema-check.ts';
import { pyRepr } from '../../values/python-text.ts';

const dictList = listOf(leaf(dict));
const testList = listOf(anyOf(leaf(text), leaf(dict)));
/** A constraint of which only the fact that it is a dictionary was checked. */
export type ConstraintEntry = Partial<{ [K in keyof Constraint]: Constraint[K] | null }>;
const constraintList: Nested<ConstraintEntry[]> = { nested: dictList.nested };
const nodeVersion: TypeCheck<string | number> = (value) =>
  typeof value === 'string' ||
  typeof value === 'number' ||
  typeof value === 'bigint' ||
  (typeof value === 'object' && value !== null && 'jinjaType' in value)
    ? undefined
    : `${pyRepr(value)} is not valid under any of the given schemas`;

const DOCS = closed([], { show: bool, node_color: optionalText });
const DESCRIBED = {
  name: text,
  description: text,
  meta: dict,
  data_type: optionalText,
  constraints: constraintList,
  docs: of(DOCS),
  config: dict,
} as const;
const TESTED = { ...DESCRIBED, data_tests: testList, tests: testList } as const;

const COLUMN = open(['name'], {
  ...TESTED,
  quote: optionalBool,
  tags: textList,
  granularity: optionalText,
  dimension: anything,
  entity: anything,
});
const DESCRIBED_COLUMN = open(['name'], DESCRIBED);
/** Drops the hint: a key that is unknown here may be a column's key. */
const withoutHint =
  <T>(check: ShapeCheck<T>): ShapeCheck<T> =>
  (value) => {
    const problem = check(value);
    return problem === undefined ? undefined : { path: problem.path, message: problem.message };
  };
export { COLUMN as COLUMN_ENTRY };
const INCLUDE_EXCLUDE = closed(['include'], { include: textOrTextList, exclude: textList });

const VERSION = closed(['v'], {
  v: nodeVersion,
  defined_in: optionalText,
  description: text,
  access: optionalText,
  config: dict,
  constraints: constraintList,
  docs: of(DOCS),
  data_tests: orNull(testList),
  tests: orNull(testList),
  deprecation_date: optionalText,
  columns: listOf(anyOf(withoutHint(checkOf(INCLUDE_EXCLUDE)), checkOf(COLUMN))),
});

const YAML_PLACE = { original_file_path: text, yaml_key: text, package_name: text } as const;

/** An entry of `seeds:` and `snapshots:`. */
export const NODE_ENTRY = open(['name'], {
  ...YAML_PLACE,
  ...TESTED,
  columns: shapes(COLUMN),
  quote_columns: optionalBool,
  access: optionalText,
});
export const MODEL_ENTRY = open(['name'], {
  ...YAML_PLACE,
  ...TESTED,
  columns: shapes(COLUMN),
  quote_columns: optionalBool,
  access: optionalText,
  latest_version: optional(nodeVersion),
  versions: shapes(VERSION),
  deprecation_date: optionalText,
  time_spine: optionalDict,
  semantic_model: anything,
  primary_entity: optionalText,
  agg_time_dimension: optionalText,
  metrics: optional(list),
  derived_semantics: optionalDict,
});
export const ANALYSIS_ENTRY = open(['name'], {
  ...YAML_PLACE,
  ...DESCRIBED,
  columns: shapes(DESCRIBED_COLUMN),
  access: optionalText,
});
export const SINGULAR_TEST_ENTRY = open(['name'], { ...YAML_PLACE, ...DESCRIBED });
export const MACRO_ENTRY = open(['name'], {
  ...YAML_PLACE,
  ...DESCRIBED,
  arguments: shapes(closed(['name'], { name: text, type: optionalText, description: text })),
});

const FUNCTION_ARGUMENT = closed(['name', 'data_type'], {
  name: text,
  data_type: text,
  description: optionalText,
  default_value: anything,
});
const FUNCTION_RETURNS = closed(['data_type'], { data_type: text, description: optionalText });
export const FUNCTION_ENTRY = open(['name', 'returns'], {
  ...YAML_PLACE,
  ...DESCRIBED,
  access: optionalText,
  arguments: shapes(FUNCTION_ARGUMENT),
  returns: of(FUNCTION_RETURNS),
  overloads: shapes(
    closed(['defined_in'], {
      defined_in: text,
      arguments: shapes(FUNCTION_ARGUMENT),
      returns: orNull(of(FUNCTION_RETURNS)),
      description: optionalText,
    }),
  ),
});

const OWNER = open([], { email: optional(textOrTextList), name: optionalText });
export const EXPOSURE_ENTRY = closed(['name', 'type', 'owner'], {
  name: text,
  owner: of(OWNER),
  description: text,
  label: optionalText,
  meta: dict,
  tags: textList,
  url: optionalText,
  depends_on: textList,
  config: dict,
  type: choice('dashboard', 'notebook', 'analysis', 'ml', 'application'),
  maturity: optional(choice('low', 'medium', 'high')),
});
export const GROUP_ENTRY = closed(['name', 'owner'], {
  name: text,
  owner: of(OWNER),
  description: optionalText,
  config: dict,
});

const QUOTING = closed([], {
  database: optionalBool,
  schema: optionalBool,
  identifier: optionalBool,
  column: optionalBool,
});
/** A unit of freshness. */
export const PERIOD = choice('minute', 'hour', 'day');
const TIME = closed([], {
  count: optionalInteger,
  period: optional(PERIOD),
});
const FRESHNESS = closed([], {
  warn_after: orNull(of(TIME)),
  error_after: orNull(of(TIME)),
  filter: optionalText,
});
const LOADED = {
  loaded_at_field: optionalText,
  loaded_at_field_present: optionalBool,
  loaded_at_query: optionalText,
} as const;

const SOURCE_TABLE = open(['name'], {
  ...TESTED,
  ...LOADED,
  columns: shapes(COLUMN),
  identifier: optionalText,
  quoting: of(QUOTING),
  freshness: orNull(of(FRESHNESS)),
  external: optionalDict,
  tags: textList,
});
export { SOURCE_TABLE as SOURCE_TABLE_ENTRY };
const SOURCE_FIELDS = {
  name: text,
  description: text,
  meta: dict,
  database: optionalText,
  schema: optionalText,
  loader: text,
  quoting: of(QUOTING),
  freshness: orNull(of(FRESHNESS)),
  ...LOADED,
  tags: textList,
  config: dict,
  unrendered_database: optionalText,
  unrendered_schema: optionalText,
} as const;
export const SOURCE_ENTRY = closed(['name'], { ...SOURCE_FIELDS, tables: orNull(shapes(SOURCE_TABLE)) });
export const SOURCE_OVERRIDE = closed(['name', 'overrides'], {
  ...SOURCE_FIELDS,
  overrides: text,
  path: text,
  tables: optional(list),
});

const FIXTURE_FIELDS = { rows: anything, format: choice('csv', 'dict', 'sql'), fixture: optionalText } as const;
/** Versions are compared as texts, whatever their type. */
const versionList: TypeCheck<(string | number)[]> = (value) => list(value);
const VERSIONS = closed([], { include: optional(versionList), exclude: optional(versionList) });
export const UNIT_TEST_ENTRY = closed(['name', 'model', 'given', 'expect'], {
  name: text,
  model: text,
  given: shapes(closed(['input'], { input: text, ...FIXTURE_FIELDS })),
  expect: of(closed([], FIXTURE_FIELDS)),
  description: text,
  overrides: orNull(of(closed([], { macros: dict, vars: dict, env_vars: dict }))),
  config: dict,
  versions: orNull(of(VERSIONS)),
});

const SEMANTIC_PART = { name: text, description: optionalText, label: optionalText, config: dict } as const;
const VALIDITY = closed([], { is_start: bool, is_end: bool });
const ENTITY = closed(['type'], { ...SEMANTIC_PART, type: text, role: optionalText, expr: optionalText });
const DIMENSION = closed(['type'], {
  ...SEMANTIC_PART,
  type: text,
  is_partition: bool,
  type_params: orNull(
    of(closed(['time_granularity'], { time_granularity: text, validity_params: orNull(of(VALIDITY)) })),
  ),
  expr: optionalText,
});
const MEASURE = closed(['name', 'agg'], {
  ...SEMANTIC_PART,
  agg: text,
  expr: anything,
  agg_params: orNull(
    of(closed([], { percentile: anything, use_discrete_percentile: bool, use_approximate_percentile: bool })),
  ),
  non_additive_dimension: orNull(
    of(closed(['name', 'window_choice'], { name: text, window_choice: text, window_groupings: textList })),
  ),
  agg_time_dimension: optionalText,
  create_metric: bool,
});
/** An entry of `semantic_models:`. */
export const SEMANTIC_MODEL_ENTRY = closed(['name', 'model'], {
  ...SEMANTIC_PART,
  model: text,
  defaults: orNull(of(closed([], { agg_time_dimension: optionalText }))),
  entities: shapes(ENTITY),
  measures: shapes(MEASURE),
  dimensions: shapes(DIMENSION),
  primary_entity: optionalText,
});

const METRIC_PART = {
  name: text,
  type: text,
  label: optionalText,
  description: text,
  filter: anything,
  time_granularity: optionalText,
  config: dict,
} as const;
/** A metric or measure that a metric reads: its name, or a dictionary that contains it. */
const METRIC_INPUT: Nested<Json> = { nested: anyOf(leaf(optionalText), checkOf(open([], { name: optionalText }))) };
const METRIC_INPUTS = orNull(listOf(METRIC_INPUT.nested));
const CONVERSION = closed(['base_measure', 'conversion_measure', 'entity'], {
  base_measure: METRIC_INPUT,
  conversion_measure: METRIC_INPUT,
  entity: text,
  calculation: text,
  window: optionalText,
  constant_properties: optional(list),
});
const METRIC_PARAMS = closed([], {
  measure: METRIC_INPUT,
  numerator: METRIC_INPUT,
  denominator: METRIC_INPUT,
  expr: anything,
  window: optionalText,
  grain_to_date: optionalText,
  metrics: METRIC_INPUTS,
  conversion_type_params: orNull(of(CONVERSION)),
  cumulative_type_params: orNull(
    of(closed([], { window: optionalText, grain_to_date: optionalText, period_agg: text })),
  ),
});
/** An entry of `metrics:` that has `type_params`. */
export const METRIC_WITH_PARAMS = closed(['name', 'type_params'], {
  ...METRIC_PART,
  type_params: of(METRIC_PARAMS),
  meta: dict,
  tags: textList,
});
/** An entry of `metrics:` without `type_params`. */
export const METRIC_ENTRY = closed(['name'], {
  ...METRIC_PART,
  hidden: bool,
  agg: optionalText,
  percentile: anything,
  percentile_type: optionalText,
  join_to_timespine: optionalBool,
  fill_nulls_with: optionalInteger,
  expr: anything,
  non_additive_dimension: orNull(
    of(closed(['name', 'window_agg'], { name: text, window_agg: text, group_by: textList })),
  ),
  agg_time_dimension: optionalText,
  window: optionalText,
  grain_to_date: optionalText,
  period_agg: text,
  input_metric: METRIC_INPUT,
  numerator: METRIC_INPUT,
  denominator: METRIC_INPUT,
  input_metrics: METRIC_INPUTS,
  entity: optionalText,
  calculation: optionalText,
  base_metric: METRIC_INPUT,
  conversion_metric: METRIC_INPUT,
  constant_properties: optional(list),
});
/** An entry of `saved_queries:`. */
export const SAVED_QUERY_ENTRY = closed(['name', 'query_params'], {
  name: text,
  query_params: of(
    closed([], { metrics: textList, group_by: textList, where: anything, order_by: textList, limit: optionalInteger }),
  ),
  description: optionalText,
  label: optionalText,
  exports: shapes(closed(['name'], { name: text, config: dict })),
  config: dict,
  tags: textOrTextList,
});

const NAMED = open(['name'], {
  name: text,
  description: optionalText,
  config: dict,
  label: optionalText,
  limit: optional(integer),
  model: optionalText,
  entities: orNull(dictList),
  dimensions: orNull(dictList),
  measures: orNull(dictList),
  exports: orNull(dictList),
});
/** Fields that entries of the semantic layer share; other values are kept unchecked. */
export const NAMED_ENTRY: typeof NAMED = { ...NAMED, unknown: 'free' };

export type ColumnEntry = Infer<typeof COLUMN>;
export type VersionEntry = Infer<typeof VERSION>;
export type NodeEntry = Infer<typeof NODE_ENTRY>;
export type ModelEntry = Infer<typeof MODEL_ENTRY>;
export type SingularTestEntry = Infer<typeof SINGULAR_TEST_ENTRY>;
export type FunctionEntry = Infer<typeof FUNCTION_ENTRY>;
export type FunctionArgumentEntry = Infer<typeof FUNCTION_ARGUMENT>;
export type OwnerEntry = Infer<typeof OWNER>;
export type SourceEntry = Infer<typeof SOURCE_ENTRY>;
export type SourceTableEntry = Infer<typeof SOURCE_TABLE>;
export type SourceOverrideEntry = Infer<typeof SOURCE_OVERRIDE>;
export type UnitTestEntry = Infer<typeof UNIT_TEST_ENTRY>;
export type NamedEntry = Infer<typeof NAMED_ENTRY>;
