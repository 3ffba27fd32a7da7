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
