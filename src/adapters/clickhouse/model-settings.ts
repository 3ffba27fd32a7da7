// SETTINGS clauses of a model: those of its table or view, and those of its query.
import { PyDict } from '../../values/dict.ts';
import { toText } from '../../values/text.ts';
import type { Value } from '../../values/value.ts';

/** Settings that only tables of the MergeTree family have. */
const MERGE_TREE_ONLY = new Set(['replicated_deduplication_window']);
/** For tables built by one insert: the server must not drop equal blocks as duplicates. */
const WITHOUT_DEDUPLICATION = new Set(['table', 'incremental', 'ephemeral', 'materialized_view']);

/** Formats `SETTINGS a='text', b=1`, or '' if there are none. A text that contains its own quotes is kept. */
export function settingsClause(settings: PyDict): string {
  const parts = [...settings.entries()].map(
    ([key, value]) =>
      `${toText(key)}=${typeof value === 'string' && !value.startsWith("'") ? `'${value}'` : toText(value)}`,
  );
  return parts.length === 0 ? '' : `SETTINGS ${parts.join(', ')}\n`;
}

/** Returns the settings that the engine supports, and warns of all others. */
export function settingsOfEngine(settings: PyDict, engine: string, warn: (message: string) => void): PyDict {
  const kept = new PyDict();
  for (const [key, value] of settings.entries()) {
    if (engine.includes('MergeTree') || !MERGE_TREE_ONLY.has(toText(key))) kept.set(key, value);
    else warn(`Setting ${toText(key)} not available for engine ${engine}, ignoring.`);
  }
  return kept;
}

/**
 * Returns the config `settings` with dbt-clickhouse's additions for the kind of model.
 * @param keepDeduplication the profile's allow_automatic_deduplication
 */
export function completeSettings(settings: Value, materialized: Value, keepDeduplication: boolean): PyDict {
  const complete = new PyDict(settings instanceof PyDict ? settings.entries() : []);
  if (
    !keepDeduplication &&
    typeof materialized === 'string' &&
    WITHOUT_DEDUPLICATION.has(materialized) &&
    complete.get('replicated_deduplication_window') === undefined
  ) {
    complete.set('replicated_deduplication_window', '0');
  }
  return complete;
}
