// Settings of a user, a profile or a server that truncate results, or change the text of rows sent and received.

/** A query that exceeds a limit must fail: `break` and `any` end it early, and partial rows would pass as complete. */
const OVERFLOW_SETTINGS: Readonly<Record<string, string>> = {
  read_overflow_mode: 'throw',
  read_overflow_mode_leaf: 'throw',
  result_overflow_mode: 'throw',
  timeout_overflow_mode: 'throw',
  timeout_overflow_mode_leaf: 'throw',
  group_by_overflow_mode: 'throw',
  sort_overflow_mode: 'throw',
  set_overflow_mode: 'throw',
  join_overflow_mode: 'throw',
  distinct_overflow_mode: 'throw',
  transfer_overflow_mode: 'throw',
};

/** With other values, rows are missing from a result, deleted ones are in it, or an INSERT loses rows of a view. */
export const COMPLETE_SETTINGS: Readonly<Record<string, string>> = {
  ...OVERFLOW_SETTINGS,
  limit: '0',
  offset: '0',
  additional_result_filter: '',
  apply_deleted_mask: '1',
  apply_patch_parts: '1',
  skip_unavailable_shards: '0',
  partial_result_on_first_cancel: '0',
  // A test would report the rows that were there before the build.
  use_query_cache: '0',
  materialized_views_ignore_errors: '0',
  ignore_materialized_views_with_dropped_target_table: '0',
};

/** The text of values: what one query hashes and another reads must be the same. */
export const TEXT_SETTINGS: Readonly<Record<string, string>> = {
  output_format_decimal_trailing_zeros: '0',
  date_time_output_format: 'simple',
  bool_true_representation: 'true',
  bool_false_representation: 'false',
  output_format_float_precision: '0',
  output_format_always_write_decimal_point_in_float_and_decimal: '0',
  date_time_64_output_format_cut_trailing_zeros_align_to_groups_of_thousands: '0',
};

/** For internal statements: these also override `custom_settings`. */
export const ROW_SETTINGS: Readonly<Record<string, string>> = {
  ...COMPLETE_SETTINGS,
  empty_result_for_aggregation_by_empty_set: '0',
  aggregate_functions_null_for_empty: '0',
  extremes: '0',
  transform_null_in: '0',
  prefer_column_name_to_alias: '0',
  enable_named_columns_in_function_tuple: '0',
  join_default_strictness: 'ALL',
  join_use_nulls: '0',
  cast_keep_nullable: '0',
  data_type_default_nullable: '0',
  asterisk_include_materialized_columns: '0',
  asterisk_include_alias_columns: '0',
  asterisk_include_virtual_columns: '0',
  format_tsv_null_representation: '\\N',
  output_format_tsv_crlf_end_of_line: '0',
  ...TEXT_SETTINGS,
  input_format_tsv_crlf_end_of_line: '0',
  input_format_tsv_empty_as_default: '0',
  input_format_tsv_skip_first_lines: '0',
  input_format_allow_errors_num: '0',
  input_format_allow_errors_ratio: '0',
  input_format_tsv_allow_variable_number_of_columns: '0',
  input_format_ipv4_default_on_conversion_error: '0',
  input_format_ipv6_default_on_conversion_error: '0',
  // An INSERT whose connection breaks inserts nothing.
  input_format_connection_handling: '0',
};
