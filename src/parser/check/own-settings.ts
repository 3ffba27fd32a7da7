// Checks the keys directly below `meta.tsdbt` of nodes and sources, and finds where a setting is written.
import type { Json, ManifestNode, SourceDefinition } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { placeInFile, type SettingPlace } from '../../project/setting-place.ts';
import { asDictionary } from '../../project/yaml.ts';
import { knownWords } from '../../values/close-matches.ts';
import { showJson } from '../../values/float.ts';
import type { ParseState } from '../table/parse-state.ts';
import type { LinkedTable } from '../table/tables.ts';

/** The keys on nodes and sources. */
export const NODE_KEYS = [
  'audit',
  'batch_size',
  'batch_tests',
  'freshness',
  'ledger',
  'load',
  'null_safe_keys',
  'publish',
  'retries',
  'sla',
  'test_slice',
  'timeout',
];

/** The keys on columns. */
export const COLUMN_KEYS = ['load', 'secret'];
/** The keys that are true or false. The runner checks `audit`, with dbt's exit code of a failed run. */
const FLAGS = ['batch_tests', 'ledger', 'null_safe_keys', 'secret'];

/**
 * Checks the keys below `meta.tsdbt` of all nodes and sources: dbt ignores `meta`, so a misspelled key would silently
 * have no effect, and a flag that is a text would be false.
 * @throws {TsdbtError} `parsing`, with the line of the key in a properties file
 */
export function checkOwnSettings(state: ParseState, { nodes, sources }: LinkedTable): void {
  for (const table of [nodes, sources]) {
    for (const node of table.values()) {
      checkKeys(state, node, ownJson(node), NODE_KEYS);
      for (const column of Object.values(node.columns))
        checkKeys(state, node, { ...ownJson(column), ...ownJson({ config: column }) }, COLUMN_KEYS, column.name);
    }
  }
}

function checkKeys(
  state: ParseState,
  node: ManifestNode | SourceDefinition,
  own: Readonly<Record<string, Json>>,
  known: readonly string[],
  column?: string,
): void {
  for (const [key, value] of Object.entries(own)) {
    if (!known.includes(key))
      throw errorOf(
        'unknownOwnSetting',
        { key, of: column === undefined ? node.unique_id : `column ${column} of ${node.unique_id}` },
        { ...placeOf(state, node, [key], column), hint: knownWords('Keys', key, known) },
      );
    if (!FLAGS.includes(key) || value === null || typeof value === 'boolean') continue;
    throw errorOf(
      'badNodeSetting',
      { key, expected: 'true or false', found: showJson(value) },
      placeOf(state, node, [key], column),
    );
  }
}

/** `meta.tsdbt` of a node or column as written. */
export function ownJson({ config: { meta } }: { readonly config: { readonly meta: Readonly<Record<string, Json>> } }): {
  readonly [name: string]: Json;
} {
  return asDictionary(meta?.['tsdbt'] ?? null) ?? {};
}

/** Where a setting of a node or of its column is written. @param keys below `meta.tsdbt` */
export function placeOf(
  { files }: ParseState,
  node: ManifestNode | SourceDefinition,
  keys: readonly (string | number)[],
  column?: string,
): { readonly path: string } & Partial<SettingPlace> {
  const file = files.get(node.patch_path ?? `${node.package_name}://${node.original_file_path}`);
  const path = file?.original_file_path ?? node.original_file_path;
  return { path, ...(file && placeInFile(() => file.contents, path, node, { keys, column })) };
}
