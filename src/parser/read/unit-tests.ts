// Unit tests from YAML: definitions, rows of fixtures and seeds, one definition a version of the model. Leaves running
// them to the runner.
import { createHash } from 'node:crypto';
import type { Json, ModelNode, UnitTestFixture, UnitTestNode } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import { isDict } from '../config/config-fields.ts';
import { readCsvRows } from './csv-rows.ts';
import { fqnPrefix } from './nodes.ts';
import type { ParseTools } from '../config/node-update.ts';
import { pyRepr, pyStr } from '../../values/python-text.ts';
import { readRefOrSource } from '../shortcuts/static-expressions.ts';
import { checkEntry, entryError, placed, type YamlDict, type YamlEntry } from './yaml-entries.ts';
import { UNIT_TEST_ENTRY } from './yaml-shapes.ts';

interface Fixture {
  input?: string;
  rows: Json;
  format: 'dict' | 'csv' | 'sql';
  fixture: string | null;
}

/** Adds one entry of `unit_tests:`. */
export function addUnitTest(tools: ParseTools, entry: YamlEntry): void {
  const { state } = tools;
  const { data } = entry;
  const { file, project } = entry.yaml;
  checkEntry(entry, data, UNIT_TEST_ENTRY);
  const versions = isDict(data['versions']) ? data['versions'] : null;
  if (versions !== null && isSome(versions['include']) && isSome(versions['exclude'])) {
    throw entryError(entry, data, 'at path []: Unit tests can not both include and exclude versions.', ['versions']);
  }
  const name = data['name'] as string;
  const model = data['model'] as string;
  const folders = file.original_file_path.slice(file.original_file_path.indexOf('/') + 1);
  const fqn = [...fqnPrefix(project.project_name, folders), model, name];
  const config = state.configs.calculate({
    kind: 'unit_test',
    section: 'unit_tests',
    fqn,
    project,
    root: state.root,
    patch: (data['config'] ?? {}) as YamlDict,
  });
  const overrides = isDict(data['overrides']) ? data['overrides'] : null;
  const node: UnitTestNode = {
    model,
    given: ((data['given'] ?? []) as YamlDict[]).map((given) => ({
      input: given['input'] as string,
      ...fixtureOf(given),
    })),
    expect: fixtureOf(data['expect'] as YamlDict),
    name,
    resource_type: 'unit_test',
    package_name: project.project_name,
    path: file.relative_path,
    original_file_path: file.original_file_path,
    unique_id: `unit_test.${project.project_name}.${model}.${name}`,
    fqn,
    description: (data['description'] ?? '') as string,
    overrides:
      overrides === null
        ? null
        : {
            macros: (overrides['macros'] ?? {}) as YamlDict,
            vars: (overrides['vars'] ?? {}) as YamlDict,
            env_vars: (overrides['env_vars'] ?? {}) as YamlDict,
          },
    depends_on: { macros: [], nodes: [] },
    config: config as UnitTestNode['config'],
    checksum: null,
    schema: null,
    created_at: state.createdAt,
    versions:
      versions === null
        ? null
        : {
            include: (versions['include'] ?? null) as string[] | null,
            exclude: (versions['exclude'] ?? null) as string[] | null,
          },
    version: null,
  };
  for (const given of node.given) normalizeRows(tools, entry, node, given, 'input');
  normalizeRows(tools, entry, node, node.expect, 'expected');
  node.checksum = checksumOf(node);
  if (!node.config.enabled) state.addDisabled(node);
  else state.addUnique(state.unitTests, node);
}

function isSome(value: Json | undefined): boolean {
  return Array.isArray(value) && value.length > 0;
}

function fixtureOf(data: YamlDict): { rows: Json; format: 'dict' | 'csv' | 'sql'; fixture: string | null } {
  return {
    rows: data['rows'] ?? null,
    format: (data['format'] ?? 'dict') as 'dict',
    fixture: (data['fixture'] ?? null) as string | null,
  };
}

function normalizeRows(
  tools: ParseTools,
  entry: YamlEntry,
  node: UnitTestNode,
  fixture: Fixture,
  kind: 'input' | 'expected',
): void {
  const { format } = fixture;
  if (format === 'dict') {
    if (fixture.rows === null && fixture.fixture === null) fixture.rows = seedRows(tools, entry, fixture.input ?? '');
    if (!Array.isArray(fixture.rows)) {
      throw placed(
        entry.yaml.file,
        [entry.key, entry.index],
        `Unit test ${node.name} has ${kind} rows which do not match format ${format}`,
      );
    }
  } else {
    if (typeof fixture.rows !== 'string' && typeof fixture.fixture !== 'string') {
      throw placed(
        entry.yaml.file,
        [entry.key, entry.index],
        `Unit test ${node.name} has ${kind} rows or fixtures which do not match format ${format}.  Expected string.`,
      );
    }
    const rows =
      fixture.fixture || fixture.rows === null ? fixtureRows(tools, entry, fixture.fixture ?? '') : fixture.rows;
    if (format === 'sql') fixture.rows = rows;
    else {
      const records = typeof rows === 'string' ? readCsvRows(rows) : (rows as YamlDict[]);
      fixture.rows = records.map((row) =>
        Object.fromEntries(Object.entries(row).map(([key, value]) => [key, value === '' ? null : value])),
      );
    }
  }
  if (format !== 'sql' && Array.isArray(fixture.rows) && fixture.rows.length > 0) promoteFullRow(fixture.rows);
}

/** A row without nulls goes first: some databases take a column's type from the first row. */
function promoteFullRow(rows: Json[]): void {
  const full = rows.findIndex((row) => isDict(row) && Object.values(row).every((value) => value !== null));
  if (full <= 0) return;
  [rows[0], rows[full]] = [rows[full] as Json, rows[0] as Json];
}

function fixtureRows(tools: ParseTools, entry: YamlEntry, name: string): Json {
  const fixture = tools.state.fixtures.get(`fixture.${entry.yaml.project.project_name}.${name}`);
  if (fixture === undefined) {
    throw placed(
      entry.yaml.file,
      [entry.key, entry.index],
      `File not found for fixture '${name}' in unit tests in ${entry.yaml.file.original_file_path}`,
    );
  }
  return fixture.rows;
}

function seedRows(tools: ParseTools, entry: YamlEntry, input: string): Json {
  const { state } = tools;
  const ownPackage = entry.yaml.project.project_name;
  const found = readRefOrSource(input);
  const ref = found !== null && 'ref' in found ? found.ref : null;
  const packageName = ref?.package ?? ownPackage;
  const id = ref === null ? undefined : state.refs.get(ref.name, packageName, null);
  const seed = id === undefined ? undefined : state.nodes.get(id);
  if (ref === null || seed?.resource_type !== 'seed') {
    const where =
      packageName === ownPackage ? `directories: ${pyRepr(entry.yaml.project.seed_paths)}` : `'${packageName}' package`;
    throw placed(
      entry.yaml.file,
      [entry.key, entry.index],
      `Unable to find seed '${packageName}.${ref?.name ?? input}' for unit tests in ${where}`,
    );
  }
  const file = state.files.get(`${seed.package_name}://${seed.original_file_path}`);
  state.textReaders.add(seed.unique_id);
  return readCsvRows(file?.seedText ?? '');
}

/** dbt's sha256 over everything but the description. */
function checksumOf(node: UnitTestNode): string {
  const fixture = (f: Fixture, name: string): string => {
    const input = f.input === undefined ? '' : `input=${pyRepr(f.input)}, `;
    return (
      `${name}(${input}rows=${pyRepr(f.rows)}, ` +
      `format=<UnitTestFormat.${f.format === 'csv' ? 'CSV' : f.format === 'sql' ? 'SQL' : 'Dict'}: ` +
      `'${f.format}'>, fixture=${pyRepr(f.fixture)})`
    );
  };
  const versions =
    node.versions === null
      ? 'None'
      : `UnitTestNodeVersions(include=${pyRepr(node.versions.include)}, exclude=${pyRepr(node.versions.exclude)})`;
  const overrides =
    node.overrides === null
      ? 'None'
      : `UnitTestOverrides(macros=${pyRepr(node.overrides.macros)}, vars=${pyRepr(node.overrides.vars)}, ` +
        `env_vars=${pyRepr(node.overrides.env_vars)})`;
  const given = `[${node.given.map((each) => fixture(each as UnitTestFixture, 'UnitTestInputFixture')).join(', ')}]`;
  let text = `${node.model}-${versions}-${given}-${fixture(node.expect, 'UnitTestOutputFixture')}-${overrides}`;
  for (const each of node.given) if (each.fixture) text += `-${pyStr(each.rows)}`;
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/** Connects unit tests with their models, one for each version that is asked for. */
export function linkUnitTests(tools: ParseTools): void {
  const { state } = tools;
  let versioned: Map<string, string[]> | null = null;
  for (const node of [...state.unitTests.values()]) {
    const model = findModel(tools, node);
    if (model === undefined) {
      throw new TsdbtError(
        'parsing',
        `Unable to find model '${node.package_name}.${node.model}' for unit test '${node.name}' in ` +
          `${node.original_file_path}`,
        { path: node.original_file_path },
      );
    }
    if (!model.config.enabled) {
      node.config = { ...node.config, enabled: false };
      state.unitTests.delete(node.unique_id);
      if (!state.disabled.has(node.unique_id)) state.addDisabled(node);
      continue;
    }
    node.depends_on.nodes = [model.unique_id];
    node.schema = model.schema;
    checkIncremental(node, model);
    versioned ??= versionsOfModels(tools);
    expandVersions(tools, node, model, versioned);
  }
}

function findModel(tools: ParseTools, node: UnitTestNode): ModelNode | undefined {
  const { state } = tools;
  const parts = node.model.split(/\s+/).filter((part) => part !== '');
  const name = parts[0] ?? '';
  const version = parts.length === 2 ? (parts[1] as string) : null;
  const id = state.refs.get(name, node.package_name, version);
  if (id !== undefined) return state.nodes.get(id) as ModelNode;
  return state.disabledLookup.find(name, node.package_name, version, ['model'])?.[0] as ModelNode | undefined;
}

function checkIncremental(node: UnitTestNode, model: ModelNode): void {
  if (!model.depends_on.macros.includes('macro.dbt.is_incremental')) return;
  const override = node.overrides?.macros['is_incremental'];
  if (typeof override !== 'boolean') {
    throw new TsdbtError(
      'parsing',
      `Boolean override for 'is_incremental' must be provided for unit test '${node.name}' in model '${model.name}'`,
      { path: node.original_file_path },
    );
  }
  if (override && !node.given.some((given) => given.input === 'this')) {
    throw new TsdbtError(
      'parsing',
      `Unit test '${node.name}' for incremental model '${model.name}' must have a 'this' input`,
      { path: node.original_file_path },
    );
  }
}

function versionsOfModels(tools: ParseTools): Map<string, string[]> {
  const out = new Map<string, string[]>();
  for (const node of tools.state.nodes.values()) {
    if (node.resource_type !== 'model' || node.version === null) continue;
    const key = `${node.package_name}.${node.name}`;
    out.set(key, [...(out.get(key) ?? []), node.unique_id]);
  }
  return out;
}

function expandVersions(
  tools: ParseTools,
  node: UnitTestNode,
  model: ModelNode,
  versioned: ReadonlyMap<string, string[]>,
): void {
  const { state } = tools;
  const include = node.versions?.include ?? [];
  const exclude = node.versions?.exclude ?? [];
  if (model.version === null) {
    if (include.length === 0 && exclude.length === 0) return;
    throw new TsdbtError(
      'parsing',
      `Unit test '${node.name}' should not have a versions include or exclude when referencing non-versioned ` +
        `model '${model.name}'`,
      { path: node.original_file_path },
    );
  }
  const has = (list: readonly unknown[], id: string): boolean =>
    list.some((v) => pyStr(v) === pyStr((state.nodes.get(id) as ModelNode).version));
  const ids = (versioned.get(`${model.package_name}.${model.name}`) ?? []).filter((id) =>
    node.versions === null ? true : exclude.length > 0 ? !has(exclude, id) : include.length > 0 && has(include, id),
  );
  if (ids.length === 0) {
    throw new TsdbtError(
      'parsing',
      `Unit test '${node.name}' referenced a version of '${model.name}' which was not found.`,
      { path: node.original_file_path },
    );
  }
  state.unitTests.delete(node.unique_id);
  for (const id of ids) {
    const { version } = state.nodes.get(id) as ModelNode;
    const unique_id = `unit_test.${node.package_name}.${node.model}.${node.name}_v${pyStr(version)}`;
    state.unitTests.set(unique_id, {
      ...node,
      unique_id,
      version,
      depends_on: { macros: [...node.depends_on.macros], nodes: [id] },
    });
  }
}
