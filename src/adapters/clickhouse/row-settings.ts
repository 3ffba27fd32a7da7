// Settings of a user, a profile or a server that truncate results, or change the text of rows sent and received.

/** A query that exceeds a limit must fail: `break` and `any` end it early, and partial rows would pass as complete. */
export const OVERFLOW_SETTINGS: Readonly<Record<string, string>> = {
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

/** The text of values: what one query hashes and another reads must be the same. */
export const TEXT_SETTINGS: Readonly<Record<string, string>> = {
  output_format_decimal_trailing_zeros: '0',
  date_time_output_format: 'simple',
  bool_true_representation: 'true',
  bool_false_representation: 'false',
};

/** For internal statements: these also override `custom_settings`. */
export const ROW_SETTINGS: Readonly<Record<string, string>> = {
  ...OVERFLOW_SETTINGS,
  limit: '0',
  offset: '0',
  empty_result_for_aggregation_by_empty_set: '0',
  format_tsv_null_representation: '\\N',
  output_format_tsv_crlf_end_of_line: '0',
  ...TEXT_SETTINGS,
  input_format_tsv_crlf_end_of_line: '0',
  input_format_tsv_empty_as_default: '0',
  input_format_tsv_skip_first_lines: '0',
  input_format_allow_errors_num: '0',
  input_format_allow_errors_ratio: '0',
};
