// What lineage must know about Postgres's own functions: which are aggregates, and which columns they return in FROM.
import { type FuncCall, namesOf } from './syntax-tree.ts';

const AGGREGATES = new Set(
  (
    'any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp cume_dist ' +
    'dense_rank every json_agg json_agg_strict json_object_agg json_object_agg_strict json_object_agg_unique ' +
    'json_object_agg_unique_strict jsonb_agg jsonb_agg_strict jsonb_object_agg jsonb_object_agg_strict ' +
    'jsonb_object_agg_unique jsonb_object_agg_unique_strict max min mode percent_rank percentile_cont ' +
    'percentile_disc range_agg range_intersect_agg rank regr_avgx regr_avgy regr_count regr_intercept regr_r2 ' +
    'regr_slope regr_sxx regr_sxy regr_syy stddev stddev_pop stddev_samp string_agg sum var_pop var_samp variance ' +
    'xmlagg'
  ).split(' '),
);

/** Whether the call is an aggregate for sure. Aggregates of extensions without aggregate syntax are not recognized. */
export function isAggregate(call: FuncCall): boolean {
  const { agg_star, agg_distinct, agg_order, agg_filter, agg_within_group } = call;
  return (
    agg_star === true ||
    agg_distinct === true ||
    agg_within_group === true ||
    agg_order !== undefined ||
    agg_filter !== undefined ||
    AGGREGATES.has(namesOf(call.funcname).at(-1) ?? '')
  );
}

/** Functions that return one column, which is named like the alias or the function. */
const SCALAR = new Set(
  (
    'generate_series generate_subscripts json_object_keys jsonb_object_keys jsonb_path_query jsonb_path_query_tz ' +
    'regexp_matches regexp_split_to_table string_to_table'
  ).split(' '),
);
/** Functions whose columns have names of their own. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  json_array_elements: ['value'],
  json_array_elements_text: ['value'],
  jsonb_array_elements: ['value'],
  jsonb_array_elements_text: ['value'],
  json_each: ['key', 'value'],
  json_each_text: ['key', 'value'],
  jsonb_each: ['key', 'value'],
  jsonb_each_text: ['key', 'value'],
};

/** Whether the call is a function of Postgres's own that returns rows. */
export function returnsRows(call: FuncCall): boolean {
  const name = namesOf(call.funcname).at(-1) ?? '';
  return name === 'unnest' || SCALAR.has(name) || COLUMNS[name] !== undefined;
}

/** Columns of a function in FROM; null if they cannot be known. @param alias of the entry, if it has one function */
export function columnsOfFunction(call: FuncCall, alias: string | undefined): readonly string[] | null {
  const name = namesOf(call.funcname).at(-1) ?? '';
  const named = COLUMNS[name];
  if (named !== undefined) return named;
  if (SCALAR.has(name)) return [alias ?? name];
  if (name !== 'unnest') return null;
  const count = call.args?.length ?? 0;
  return count === 1 ? [alias ?? name] : Array.from({ length: count }, () => name);
}

/** Common functions and keywords that are followed by a parenthesis and do not return rows. */
const ONE_VALUE = new Set(
  (
    'abs age all and any array array_append array_cat array_length array_position array_remove array_to_string as ' +
    'asin atan atan2 between bit btrim case cast cbrt ceil ceiling char char_length character chr coalesce concat ' +
    'concat_ws cos current_setting current_timestamp date date_bin date_part date_trunc decimal decode degrees ' +
    'div else encode every exists exp extract filter first_value float floor format from gcd gen_random_uuid ' +
    'greatest group hashtext hashtextextended in initcap interval isfinite json_array_length json_build_array ' +
    'json_build_object json_extract_path json_extract_path_text jsonb_array_length jsonb_build_array ' +
    'jsonb_build_object jsonb_extract_path jsonb_extract_path_text jsonb_set jsonb_strip_nulls jsonb_typeof ' +
    'justify_days justify_hours justify_interval lag last_value lead least left length like ln log log10 lower ' +
    'lpad ltrim make_date make_interval make_time make_timestamp make_timestamptz md5 mod not now nth_value ntile ' +
    'nullif numeric octet_length on or over overlay pi position power quote_ident quote_literal radians random ' +
    'regexp_count regexp_like regexp_match regexp_replace regexp_split_to_array regexp_substr repeat replace ' +
    'reverse right round row row_number row_to_json rpad rtrim select sha256 sign sin split_part sqrt starts_with ' +
    'string_to_array strpos substr substring tan then time timestamp timestamptz timezone to_char to_date to_hex ' +
    'to_json to_jsonb to_number to_timestamp translate trim trunc upper varchar varying when width_bucket within'
  ).split(' '),
);

/** Whether the function returns one value for sure. Any other may return rows, which multiply those of the query. */
export function returnsOneValue(name: string): boolean {
  return ONE_VALUE.has(name) || AGGREGATES.has(name);
}
