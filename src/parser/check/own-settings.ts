// Checks the settings below `meta.tsdbt` of nodes, sources and columns, and finds where one is written.
import type { Json, ManifestNode, SourceDefinition, UnitTestNode } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { placeInFile, type SettingPlace } from '../../project/setting-place.ts';
import { COLUMN_SETTINGS, NODE_SETTINGS, readOwn } from '../../settings/meta-settings.ts';
import { UNIT_TEST_SETTINGS } from '../../settings/unit-test-settings.ts';
import type { ParseState } from '../table/parse-state.ts';
import type { LinkedTable } from '../table/tables.ts';

type CheckedNode = ManifestNode | SourceDefinition | UnitTestNode;

/**
 * Checks the settings of all nodes, sources and unit tests: dbt ignores `meta`, so a misspelled key would silently
 * have no effect.
 * @throws {TsdbtError} `parsing`, with the line of the setting in a properties file
 */
export function checkOwnSettings(state: ParseState, { nodes, sources, unit_tests }: LinkedTable): void {
  for (const table of [nodes, sources]) {
    for (const node of table.values()) {
      check(state, node, NODE_SETTINGS, node.config.meta);
      for (const column of Object.values(node.columns))
        for (const meta of [column.meta, column.config?.meta]) check(state, node, COLUMN_SETTINGS, meta, column.name);
    }
  }
  // Those of macros were checked where they are written.
  for (const test of unit_tests.values())
    if (test.depends_on.nodes.length > 0) check(state, test, UNIT_TEST_SETTINGS, test.config.meta);
}

function check(
  state: ParseState,
  node: CheckedNode,
  settings: typeof NODE_SETTINGS | typeof COLUMN_SETTINGS | typeof UNIT_TEST_SETTINGS,
  meta: { readonly [name: string]: Json } | undefined,
  column?: string,
): void {
  const own = meta?.['tsdbt'];
  if (own === undefined || own === null) return;
  const of = column === undefined ? node.unique_id : `column ${column} of ${node.unique_id}`;
  readOwn<unknown>(settings, own, of, ({ keys, message, hint }) => {
    throw errorOf('badOwnSetting', { message }, { ...placeOf(state, node, keys, column), hint });
  });
}

/** Where a setting of a node or of its column is written. @param keys below `meta.tsdbt` */
export function placeOf(
  { files }: ParseState,
  node: CheckedNode,
  keys: readonly (string | number)[],
  column?: string,
): { readonly path: string } & Partial<SettingPlace> {
  const patch = node.resource_type === 'unit_test' ? null : node.patch_path;
  const file = files.get(patch ?? `${node.package_name}://${node.original_file_path}`);
  const path = file?.original_file_path ?? node.original_file_path;
  return { path, ...(file && placeInFile(() => file.contents, path, node, { keys, column })) };
}
