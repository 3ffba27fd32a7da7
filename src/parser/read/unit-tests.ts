// Unit tests from YAML: definitions, rows of fixtures and seeds. Leaves finding the model to link/unit-tests.ts and
// running to the runner.
import { createHash } from 'node:crypto';
import type { Json, UnitTestNode } from '../../contracts/node.ts';
import { csvRows, unixBreaks } from '../../values/csv.ts';
import { pyRepr, pyStr } from '../../values/python-text.ts';
import { isDict } from '../config/config-fields.ts';
import type { ParseTools } from '../config/node-update.ts';
import { readRefOrSource } from '../shortcuts/static-expressions.ts';
import { fqnPrefix } from '../table/node-paths.ts';
import { checkEntry, entryError, placed, type YamlEntry } from './yaml-entries.ts';
import { UNIT_TEST_ENTRY, type UnitTestEntry } from './yaml-shapes.ts';

interface Fixture {
  input?: string;
  rows: Json;
  format: 'dict' | 'csv' | 'sql';
  fixture: string | null;
}

/** Adds one entry of `unit_tests:`. */
export function addUnitTest(tools: ParseTools, entry: YamlEntry): void {
  const { state } = tools;
  const { file, project } = entry.yaml;
  const data = checkEntry(entry, entry.data, UNIT_TEST_ENTRY);
  const { name, model, overrides = null, versions = null } = data;
  if (versions?.include?.length && versions.exclude?.length) {
    throw entryError(entry, data, 'at path []: Unit tests can not both include and exclude versions.', ['versions']);
  }
  const folders = file.original_file_path.slice(file.original_file_path.indexOf('/') + 1);
  const fqn = [...fqnPrefix(project.project_name, folders), model, name];
  const config = state.configs.calculate({
    kind: 'unit_test',
    section: 'unit_tests',
    fqn,
    project,
    root: state.root,
    patch: data.config ?? {},
  });
  const node: UnitTestNode = {
    model,
    given: data.given.map((given) => ({ input: given.input, ...fixtureOf(given) })),
    expect: fixtureOf(data.expect),
    name,
    resource_type: 'unit_test',
    package_name: project.project_name,
    path: file.relative_path,
    original_file_path: file.original_file_path,
    unique_id: `unit_test.${project.project_name}.${model}.${name}`,
    fqn,
    description: data.description ?? '',
    overrides:
      overrides === null
        ? null
        : {
            macros: overrides.macros ?? {},
            vars: overrides.vars ?? {},
            env_vars: overrides.env_vars ?? {},
          },
    depends_on: { macros: [], nodes: [] },
    config,
    checksum: null,
    schema: null,
    created_at: state.createdAt,
    versions: versions === null ? null : { include: versions.include ?? null, exclude: versions.exclude ?? null },
    version: null,
  };
  for (const given of node.given) normalizeRows(tools, entry, node, given, 'input');
  normalizeRows(tools, entry, node, node.expect, 'expected');
  node.checksum = checksumOf(node);
  if (!node.config.enabled) state.addDisabled(node);
  else state.addUnique(state.unitTests, node);
}

type FixtureEntry = UnitTestEntry['expect'];

function fixtureOf({ rows = null, format = 'dict', fixture = null }: FixtureEntry): Fixture {
  return { rows, format, fixture };
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
      const records: Json[] = typeof rows === 'string' ? csvRows(rows) : Array.isArray(rows) ? rows : [];
      fixture.rows = records.map((row) =>
        Object.fromEntries(
          Object.entries(isDict(row) ? row : {}).map(([key, value]) => [key, value === '' ? null : value]),
        ),
      );
    }
  }
  if (format !== 'sql' && Array.isArray(fixture.rows) && fixture.rows.length > 0) promoteFullRow(fixture.rows);
}

/** A row without nulls goes first: some databases take a column's type from the first row. */
function promoteFullRow(rows: Json[]): void {
  const full = rows.findIndex((row) => isDict(row) && Object.values(row).every((value) => value !== null));
  if (full <= 0) return;
  const [first = null, promoted = null] = [rows[0], rows[full]];
  [rows[0], rows[full]] = [promoted, first];
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
  return csvRows(unixBreaks(file?.seedText ?? ''));
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
  const given = `[${node.given.map((each) => fixture(each, 'UnitTestInputFixture')).join(', ')}]`;
  let text = `${node.model}-${versions}-${given}-${fixture(node.expect, 'UnitTestOutputFixture')}-${overrides}`;
  for (const each of node.given) if (each.fixture) text += `-${pyStr(each.rows)}`;
  return createHash('sha256').update(text, 'utf8').digest('hex');
}
