// Processes the properties files of every package in dbt's order: applies entries to nodes and adds what they define.
// Each kind of entry is handled in a separate file.
import { pyStr } from '../../values/python-text.ts';
import type { MacroNode } from '../../contracts/node.ts';
import { formatError, TsdbtError } from '../../errors.ts';
import { eventOf } from '../../events/index.ts';
import { isDict } from '../../project/schema-check.ts';
import type { ParseTools } from '../config/node-update.ts';
import type { MacroIds } from '../link/macro-ids.ts';
import { addExposure, addGroup } from '../read/exposures.ts';
import { GenericTests, type TestedEntry, type TestTarget } from '../read/generic-tests.ts';
import { newYamlSnapshot } from '../read/nodes.ts';
import { addMetric, addSavedQuery, addSemanticModel } from '../read/semantic-layer.ts';
import { Sources } from '../read/sources.ts';
import { addUnitTest } from '../read/unit-tests.ts';
import { placed, readYamlFile, type YamlEntry, yamlEntries, type YamlFile } from '../read/yaml-entries.ts';
import type { InertMacros } from '../shortcuts/inert-macros.ts';
import { expectRefOrSource } from '../shortcuts/static-expressions.ts';
import { newCalls } from '../table/node-calls.ts';
import { PatchTable, type PatchTools } from '../table/patch-table.ts';
import type { PatchedNode, PatchedResource } from '../table/phases.ts';
import type { PatchedTable, ReadTable } from '../table/tables.ts';
import { applyMacroPatch } from './macro-patches.ts';
import { patchAnalysis, patchFunction, patchModel, patchSingularTest, patchTested } from './node-patches.ts';

/**
 * Returns the table with YAML applied, and with resources that only YAML defines: sources, tests, exposures …
 * @throws TsdbtError the first error, with its position in the file
 */
export function patchProperties(
  tools: ParseTools,
  read: ReadTable,
  macros: ReadonlyMap<string, MacroNode>,
  macroIds: MacroIds,
  inert: InertMacros,
): PatchedTable {
  const { state } = tools;
  const table = new PatchTable(read, macros);
  const own: PatchTools = { ...tools, table };
  const tests = new GenericTests(own, macroIds, inert);
  const sources = new Sources(own);
  for (const name of state.projects.keys()) {
    const files = state.filesOf(name).filter(({ kind, contents }) => kind === 'properties' && contents.trim() !== '');
    state.clock.files(name, 'properties', files, (file) => {
      const yaml = readYamlFile(tools, file);
      if (yaml !== null) patchFile(own, yaml, tests, sources);
    });
  }
  separateDisabled(table);
  state.clock.ended('files');
  sources.finish(tests);
  state.clock.ended('sources');
  table.rebuildDisabledLookup();
  return table;
}

/** Processes one properties file, its keys in dbt's order. */
function patchFile(tools: PatchTools, yaml: YamlFile, tests: GenericTests, sources: Sources): void {
  const { data } = yaml;
  // Tests of a key come after all of its patches, because they attach to patched nodes.
  const tested = (key: 'models' | 'seeds' | 'snapshots', patch: (entry: YamlEntry) => TestedEntry): void => {
    const patched: TestedEntry[] = [];
    for (const entry of yamlEntries(tools, yaml, key)) patched.push(patch(entry));
    for (const entry of patched) tests.addAll(testTarget(yaml, key, entry), entry);
  };
  const each = (key: string, add: (entry: YamlEntry) => void): void => {
    if (!(key in data)) return;
    for (const entry of yamlEntries(tools, yaml, key)) add(entry);
  };
  if ('models' in data) tested('models', (entry) => patchModel(tools, entry));
  if ('seeds' in data) tested('seeds', (entry) => patchTested(tools, entry, 'seeds'));
  if ('snapshots' in data) {
    addYamlSnapshots(tools, yaml);
    tested('snapshots', (entry) => patchTested(tools, entry, 'snapshots'));
  }
  each('sources', (entry) => sources.add(entry));
  each('macros', (entry) => applyMacroPatch(tools, entry));
  try {
    each('data_tests', (entry) => patchSingularTest(tools, entry));
  } catch (error) {
    warnOfSection(tools, yaml, 'data_tests', error);
  }
  each('analyses', (entry) => patchAnalysis(tools, entry));
  each('exposures', (entry) => addExposure(tools, entry));
  each('functions', (entry) => patchFunction(tools, entry));
  each('metrics', (entry) => addMetric(tools, entry));
  each('groups', (entry) => addGroup(tools, entry));
  each('semantic_models', (entry) => addSemanticModel(tools, entry));
  each('unit_tests', (entry) => addUnitTest(tools, entry));
  each('saved_queries', (entry) => addSavedQuery(tools, entry));
}

/** Reports that dbt ignores the rest of this section. */
function warnOfSection({ state }: PatchTools, { file }: YamlFile, section: string, error: unknown): void {
  if (!(error instanceof TsdbtError) || error.kind !== 'parsing') throw error;
  const msg = `Unable to parse '${section}' section of file '${file.original_file_path}'\n${formatError(error)}`;
  state.warnings.report(eventOf('Note', msg, { msg }, 'warn'));
}

function testTarget(yaml: YamlFile, key: 'models' | 'seeds' | 'snapshots', { name }: TestedEntry): TestTarget {
  return {
    kind: key === 'models' ? 'model' : 'node',
    name,
    package_name: yaml.project.project_name,
    original_file_path: yaml.file.original_file_path,
    fileKeyName: `${key}.${name}`,
  };
}

/** Adds snapshots that are defined without SQL: `relation: ref('x')`. */
function addYamlSnapshots(tools: PatchTools, yaml: YamlFile): void {
  const { snapshots } = yaml.data;
  (Array.isArray(snapshots) ? snapshots : []).forEach((snapshot, index) => {
    if (!isDict(snapshot) || !('relation' in snapshot)) return;
    const { relation, name } = snapshot;
    const calls = newCalls();
    const code = `select * from {{ ${pyStr(relation ?? null)} }}`;
    const node = newYamlSnapshot(tools, yaml.file, pyStr(name ?? null), code, calls);
    try {
      const target = expectRefOrSource(relation);
      if ('ref' in target) calls.refs.push(target.ref);
      else calls.sources.push(target.source);
    } catch (error) {
      throw error instanceof TsdbtError ? placed(yaml.file, ['snapshots', index, 'relation'], error) : error;
    }
    tools.table.addNode(node);
    tools.table.keepCalls(node, calls);
  });
}

/** YAML may have changed `enabled`: moves nodes between the enabled and the disabled table. */
function separateDisabled(table: PatchTable): void {
  for (const node of [...table.nodes.values()]) {
    if (node.config.enabled) continue;
    table.removeNode(node);
    table.addDisabled(node);
  }
  for (const [id, nodes] of [...table.disabled]) {
    const enabled = nodes.filter((node) => node.config.enabled);
    if (enabled.length === 0) continue;
    table.disabled.delete(id);
    for (const node of enabled) {
      if (node.resource_type === 'function') table.functions.set(id, node);
      else if (isNode(node)) table.addNode(node);
    }
  }
}

const OTHER_TABLES: ReadonlySet<string> = new Set([
  'source',
  'exposure',
  'unit_test',
  'metric',
  'semantic_model',
  'saved_query',
  'function',
]);

function isNode(node: PatchedResource): node is PatchedNode {
  return !OTHER_TABLES.has(node.resource_type);
}
