// Reads the unit tests of macros, below `meta.tsdbt` of a macro's properties, as nodes of the manifest.
import type { Json, MacroNode } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { ownSettings, readOwn } from '../../settings/meta-settings.ts';
import { MACRO_SETTINGS } from '../../settings/unit-test-settings.ts';
import { addUnique } from '../table/duplicates.ts';
import { fqnPrefix } from '../table/node-paths.ts';
import type { PatchTools } from '../table/patch-table.ts';
import type { PatchedUnitTest } from '../table/phases.ts';
import { checksumOf, rowsOf } from './unit-tests.ts';
import { placed, type YamlEntry } from './yaml-entries.ts';

/** @throws {TsdbtError} `parsing`, with the line of a setting that is wrong */
export function addMacroUnitTests(tools: PatchTools, entry: YamlEntry, macro: Pick<MacroNode, 'name' | 'meta'>): void {
  const own = ownSettings({ meta: macro.meta });
  if (Object.keys(own).length === 0) return;
  const { state, table } = tools;
  const { file, project } = entry.yaml;
  const { name: macroName } = macro;
  const package_name = project.project_name;
  const { unit_tests } = readOwn(MACRO_SETTINGS, own, `macro ${macroName}`, ({ message, hint }) => {
    throw placed(file, [entry.key, entry.index], errorOf('badOwnSetting', { message }, { hint }));
  });
  const folders = file.original_file_path.slice(file.original_file_path.indexOf('/') + 1);
  for (const { name, description, given, expect, overrides, args, now } of unit_tests ?? []) {
    const fqn = [...fqnPrefix(package_name, folders), macroName, name];
    const { text, value, ...rows } = expect;
    const byRows = rows.rows !== null || rows.fixture !== null;
    const written = (each: typeof rows): Parameters<typeof rowsOf>[3] => ({ ...each, format: each.format ?? 'dict' });
    const read = given === null ? [] : [{ input: 'given', ...rowsOf(tools, entry, name, written(given), 'input') }];
    const expected = byRows
      ? rowsOf(tools, entry, name, written(rows), 'expected')
      : { rows: [], format: 'dict' as const, fixture: null };
    const call: Json = {
      macro: macroName,
      args: args ?? [],
      ...(byRows ? {} : text === null ? { value } : { text }),
    };
    const overridden =
      overrides === null
        ? null
        : { macros: overrides.macros ?? {}, vars: overrides.vars ?? {}, env_vars: overrides.env_vars ?? {} };
    const config = state.configs.calculate({
      kind: 'unit_test',
      section: 'unit_tests',
      fqn,
      project,
      root: state.root,
      patch: { meta: { tsdbt: { macro_test: call, now } } },
    });
    const node: PatchedUnitTest = {
      model: macroName,
      given: read,
      expect: expected,
      name,
      resource_type: 'unit_test',
      package_name,
      path: file.relative_path,
      original_file_path: file.original_file_path,
      unique_id: `unit_test.${package_name}.${macroName}.${name}`,
      fqn,
      description: description ?? '',
      overrides: overridden,
      depends_on: { macros: [`macro.${package_name}.${macroName}`] },
      config,
      checksum: checksumOf({
        model: JSON.stringify([call, now]),
        given: read,
        expect: expected,
        overrides: overridden,
        versions: null,
      }),
      schema: null,
      created_at: state.createdAt,
      versions: null,
      version: null,
    };
    if (node.config.enabled) addUnique(table.unitTests, node);
    else table.addDisabled(node);
  }
}
