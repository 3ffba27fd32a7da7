// Reads the unit tests of macros, below `meta.tsdbt` of a macro's properties, as nodes of the manifest.
import type { Json, MacroNode } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { ownSettings, readOwn } from '../../settings/meta-settings.ts';
import { MACRO_SETTINGS } from '../../settings/unit-test-settings.ts';
import type { PatchTools } from '../table/patch-table.ts';
import { addTest, rowsOf } from './unit-tests.ts';
import { placed, type YamlEntry } from './yaml-entries.ts';

/** @throws {TsdbtError} `parsing`, with the line of a setting that is wrong */
export function addMacroUnitTests(tools: PatchTools, entry: YamlEntry, macro: Pick<MacroNode, 'name' | 'meta'>): void {
  const own = ownSettings({ meta: macro.meta });
  if (Object.keys(own).length === 0) return;
  const { file, project } = entry.yaml;
  const { name: macroName } = macro;
  const { unit_tests } = readOwn(MACRO_SETTINGS, own, `macro ${macroName}`, ({ message, hint }) => {
    throw placed(file, [entry.key, entry.index], errorOf('badOwnSetting', { message }, { hint }));
  });
  for (const { name, description, given, expect, overrides, args, now } of unit_tests ?? []) {
    const { text, value, ...rows } = expect;
    const byRows = rows.rows !== null || rows.fixture !== null;
    const written = (each: typeof rows): Parameters<typeof rowsOf>[3] => ({ ...each, format: each.format ?? 'dict' });
    const call: Json = {
      macro: macroName,
      args: args ?? [],
      ...(byRows ? {} : text === null ? { value } : { text }),
    };
    addTest(tools, entry, {
      ...{ name, model: macroName, description, overrides, versions: null },
      macros: [`macro.${project.project_name}.${macroName}`],
      identity: JSON.stringify([call, now]),
      patch: { meta: { tsdbt: { macro_test: call, now } } },
      rows: () => ({
        given: given === null ? [] : [{ input: 'given', ...rowsOf(tools, entry, name, written(given), 'input') }],
        expect: byRows
          ? rowsOf(tools, entry, name, written(rows), 'expected')
          : { rows: [], format: 'dict', fixture: null },
      }),
    });
  }
}
