// Settings of a user, a profile or a server that cut results short, or change the text of rows that go in and out.

/** A query that exceeds a limit fails: `break` and `any` end it early, and a part would pass for the whole. */
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

/** The text of values: what is hashed in one query and read in another must be the same. */
export const TEXT_SETTINGS: Readonly<Record<string, string>> = {
  output_format_decimal_trailing_zeros: '0',
  date_time_output_format: 'simple',
  bool_true_representation: 'true',
  bool_false_representation: 'false',
};

/** Of statements that are not the project's: they also beat `custom_settings`. */
export const ROW_SETTINGS: Readonly<Record<string, string>> = {
  ...OVERFLOW_SETTINGS,
  limit: '0',
  offset: '0',
  format_tsv_null_representation: '\\N',
  output_format_tsv_crlf_end_of_line: '0',
  ...TEXT_SETTINGS,
  input_format_tsv_crlf_end_of_line: '0',
  input_format_tsv_empty_as_default: '0',
  input_format_tsv_skip_first_lines: '0',
  input_format_allow_errors_num: '0',
  input_format_allow_errors_ratio: '0',
};
