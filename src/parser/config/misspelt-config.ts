// Finds the known config key that differs from an unknown key by one letter. Known keys are those that dbt, its
// materializations or an adapter's macros read. Pure; node-config.ts and the parser report the result.
import { allSpecs } from '../../adapters/credentials.ts';
import { oneLetterApart } from '../../values/close-matches.ts';

/**
 * Keys that macros read, in addition to declared fields. All dialects are included, because a parse does not depend on
 * the target.
 */
export const READ_BY_MACROS: readonly string[] = [
  ...allSpecs().flatMap(({ configs }) => configs),
  'sql_header',
  'merge_update_columns',
  'merge_exclude_columns',
  'incremental_predicates',
  'predicates',
  'pre_hook',
  'post_hook',
  'target_schema',
  'target_database',
  'strategy',
  'updated_at',
  'check_cols',
  'hard_deletes',
  'invalidate_hard_deletes',
  'dbt_valid_to_current',
  'snapshot_meta_column_names',
  'store_failures',
  'store_failures_as',
  'severity',
  'error_if',
  'warn_if',
  'fail_calc',
  'limit',
  'where',
];
/** Shorter keys are skipped: too many words differ by one letter. */
const SHORTEST = 5;

/** @returns the key that was probably meant, or undefined */
export function misspeltConfig(key: string, fields: Iterable<string>): string | undefined {
  if (key.length < SHORTEST || READ_BY_MACROS.includes(key)) return undefined;
  for (const known of [...fields, ...READ_BY_MACROS]) if (oneLetterApart(key, known)) return known;
  return undefined;
}
