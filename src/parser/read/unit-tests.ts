// Reads unit tests from YAML: definitions, and rows of fixtures and seeds. link/unit-tests.ts finds the models; the
// runner runs the tests.
import { errorOf } from '../../error-table.ts';
import { createHash } from 'node:crypto';
import type { Json, UnitTestFixture } from '../../contracts/node.ts';
import { csvRows, unixBreaks } from '../../values/csv.ts';
import { isDict } from '../../project/schema-check.ts';
import { fqnPrefix } from '../table/node-paths.ts';
import { addUnique } from '../table/duplicates.ts';
import type { PatchTools } from '../table/patch-table.ts';
import type { PatchedUnitTest } from '../table/phases.ts';
import { pyRepr, pyStr } from '../../values/python-text.ts';
import { readRefOrSource } from '../shortcuts/static-expressions.ts';
import { checkEntry, entryError, placed, type YamlEntry } from './yaml-entries.ts';
import { UNIT_TEST_ENTRY, type UnitTestEntry } from './yaml-shapes.ts';

/** Rows of an input, or of the expectation, which has no input name. */
type Fixture = Omit<UnitTestFixture, 'input'> & { readonly input?: string };

/** What differs between unit tests of models and of macros. */
interface TestParts {
  readonly name: string;
  /** The tested model or macro. */
  readonly model: string;
  readonly description: string | null | undefined;
  readonly overrides: { readonly [K in keyof NonNullable<PatchedUnitTest['overrides']>]?: Dict | null } | null;
  readonly versions: PatchedUnitTest['versions'];
  /** Its `config` in YAML. */
  readonly patch: Dict;
  readonly macros: readonly string[];
  /** What the checksum has in the place of the model. */
  readonly identity: string;
  readonly rows: () => Pick<PatchedUnitTest, 'given' | 'expect'>;
}

type Dict = { readonly [key: string]: Json };

/** Adds one entry of `unit_tests:`. */
export function addUnitTest(tools: PatchTools, entry: YamlEntry): void {
  const data = checkEntry(entry, entry.data, UNIT_TEST_ENTRY);
  const { name, model, description, overrides = null, versions = null, config = {} } = data;
  if (versions?.include?.length && versions.exclude?.length) {
    throw entryError(entry, data, 'at path []: Unit tests can not both include and exclude versions.', ['versions']);
  }
  addTest(tools, entry, {
    ...{ name, model, description, overrides, macros: [], identity: model, patch: config },
    versions: versions === null ? null : { include: versions.include ?? null, exclude: versions.exclude ?? null },
    rows: () => ({
      given: data.given.map((each) => ({ input: each.input, ...rowsOf(tools, entry, name, each, 'input') })),
      expect: rowsOf(tools, entry, name, data.expect, 'expected'),
    }),
  });
}

/** Adds a unit test to the manifest. */
export function addTest({ state, table }: PatchTools, { yaml: { file, project } }: YamlEntry, parts: TestParts): void {
  const { name, model, versions, macros } = parts;
  const { project_name: package_name } = project;
  const folders = file.original_file_path.slice(file.original_file_path.indexOf('/') + 1);
  const fqn = [...fqnPrefix(package_name, folders), model, name];
  const config = state.configs.calculate({
    kind: 'unit_test',
    section: 'unit_tests',
    fqn,
    project,
    root: state.root,
    patch: parts.patch,
  });
  const { given, expect } = parts.rows();
  const overrides =
    parts.overrides === null
      ? null
      : {
          macros: parts.overrides.macros ?? {},
          vars: parts.overrides.vars ?? {},
          env_vars: parts.overrides.env_vars ?? {},
        };
  const node: PatchedUnitTest = {
    model,
    given,
    expect,
    name,
    resource_type: 'unit_test',
    package_name,
    path: file.relative_path,
    original_file_path: file.original_file_path,
    unique_id: `unit_test.${package_name}.${model}.${name}`,
    fqn,
    description: parts.description ?? '',
    overrides,
    depends_on: { macros: [...macros] },
    config,
    checksum: checksumOf({ model: parts.identity, given, expect, overrides, versions }),
    schema: null,
    created_at: state.createdAt,
    versions,
    version: null,
  };
  if (!node.config.enabled) table.addDisabled(node);
  else addUnique(table.unitTests, node);
}

type FixtureEntry = UnitTestEntry['expect'] & { readonly input?: string };

/** The rows of an entry in the manifest's form: inline, or read from a fixture, a seed or CSV text. */
export function rowsOf(
  tools: PatchTools,
  entry: YamlEntry,
  test: string,
  { input = '', rows: written = null, format = 'dict', fixture = null }: FixtureEntry,
  kind: 'input' | 'expected',
): Omit<Fixture, 'input'> {
  let rows = written;
  if (format === 'dict') {
    if (rows === null && fixture === null) rows = seedRows(tools, entry, input);
    if (!Array.isArray(rows)) {
      throw placed(entry.yaml.file, [entry.key, entry.index], errorOf('fixtureRowsNoList', { test, kind, format }));
    }
  } else {
    if (typeof rows !== 'string' && typeof fixture !== 'string') {
      throw placed(entry.yaml.file, [entry.key, entry.index], errorOf('fixtureRowsNoText', { test, kind, format }));
    }
    if (fixture || rows === null) rows = fixtureRows(tools, entry, fixture ?? '');
    if (format !== 'sql') {
      const path = entry.yaml.file.original_file_path;
      const records: Json[] = typeof rows === 'string' ? csvRows(rows, path) : Array.isArray(rows) ? rows : [];
      rows = records.map((row) =>
        Object.fromEntries(
          Object.entries(isDict(row) ? row : {}).map(([key, value]) => [key, value === '' ? null : value]),
        ),
      );
    }
  }
  return { rows: format !== 'sql' && Array.isArray(rows) ? withFullRowFirst(rows) : rows, format, fixture };
}

/** Moves a row without nulls first, because some databases derive column types from the first row. */
function withFullRowFirst(rows: Json[]): Json[] {
  const full = rows.findIndex((row) => isDict(row) && Object.values(row).every((value) => value !== null));
  if (full <= 0) return rows;
  const [first = null, promoted = null] = [rows[0], rows[full]];
  return rows.with(0, promoted).with(full, first);
}

function fixtureRows(tools: PatchTools, entry: YamlEntry, name: string): Json {
  const fixture = tools.table.fixtures.get(`fixture.${entry.yaml.project.project_name}.${name}`);
  if (fixture === undefined) {
    throw placed(
      entry.yaml.file,
      [entry.key, entry.index],
      errorOf('fixtureMissing', { fixture: name, path: entry.yaml.file.original_file_path }),
    );
  }
  return fixture.rows;
}

function seedRows(tools: PatchTools, entry: YamlEntry, input: string): Json {
  const { state, table } = tools;
  const ownPackage = entry.yaml.project.project_name;
  const found = readRefOrSource(input);
  const ref = found !== null && 'ref' in found ? found.ref : null;
  const packageName = ref?.package ?? ownPackage;
  const id = ref === null ? undefined : table.refs.get(ref.name, packageName, null);
  const seed = id === undefined ? undefined : table.nodes.get(id);
  if (ref === null || seed?.resource_type !== 'seed') {
    const where =
      packageName === ownPackage ? `directories: ${pyRepr(entry.yaml.project.seed_paths)}` : `'${packageName}' package`;
    throw placed(
      entry.yaml.file,
      [entry.key, entry.index],
      errorOf('seedOfUnitTestMissing', { package: packageName, seed: ref?.name ?? input, where }),
    );
  }
  const file = state.files.get(`${seed.package_name}://${seed.original_file_path}`);
  state.textReaders.add(seed.unique_id);
  return csvRows(unixBreaks(file?.seedText ?? ''), seed.original_file_path);
}

/** dbt's sha256 of all fields but the description. */
function checksumOf(node: Pick<PatchedUnitTest, 'model' | 'given' | 'expect' | 'overrides' | 'versions'>): string {
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
