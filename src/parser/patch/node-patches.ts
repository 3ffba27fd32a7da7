// What YAML says about resources that have a file: description, columns, config, for models also versions, access,
// constraints and contract. Leaves generic tests to generic-tests.ts and macros to macro-patches.ts.
import type { Json, ManifestNode, ModelNode, ParsedOnlyNode } from '../../contracts/node.ts';
import { addModelSemantics } from './model-semantics.ts';
import { TsdbtError } from '../../errors.ts';
import {
  buildContractChecksum,
  columnInfos,
  columnsOfVersion,
  isConstraintType,
  newModelConstraint,
} from '../read/columns.ts';
import { isDict } from '../config/config-fields.ts';
import { normalizeDate } from './dates.ts';
import { absorbOverloads } from './function-overloads.ts';
import { type ConfiguredNode, type ParseTools, updateNode } from '../config/node-update.ts';
import { pluralOf } from '../table/parse-state.ts';
import { pyRepr, pyStr } from '../../values/python-text.ts';
import { expectRefOrSource } from '../shortcuts/static-expressions.ts';
import { checkTimeSpine, newTimeSpine } from './time-spine.ts';
import { checkEntry, entryError, type YamlDict, type YamlEntry } from '../read/yaml-entries.ts';
import {
  ANALYSIS_ENTRY,
  FUNCTION_ENTRY,
  MODEL_ENTRY,
  NODE_ENTRY,
  type Shape,
  SINGULAR_TEST_ENTRY,
} from '../read/yaml-shapes.ts';

type PatchKey = 'models' | 'seeds' | 'snapshots' | 'analyses' | 'functions' | 'data_tests';

const SHAPES: Readonly<Record<PatchKey, Shape>> = {
  models: MODEL_ENTRY,
  seeds: NODE_ENTRY,
  snapshots: NODE_ENTRY,
  analyses: ANALYSIS_ENTRY,
  functions: FUNCTION_ENTRY,
  data_tests: SINGULAR_TEST_ENTRY,
};
const RESOURCE_TYPES: Readonly<Record<PatchKey, string>> = {
  models: 'model',
  seeds: 'seed',
  snapshots: 'snapshot',
  analyses: 'analysis',
  functions: 'function',
  data_tests: 'test',
};

/** An entry with its attributes where dbt wants them: `meta`, `docs` … under config, `tests` as `data_tests`. */
export function normalizedEntry(entry: YamlEntry): YamlDict {
  const { data, key } = entry;
  const withPlace: YamlDict = {
    ...data,
    original_file_path: entry.yaml.file.original_file_path,
    yaml_key: key,
    package_name: entry.yaml.project.project_name,
  };
  checkEntry(entry, withPlace, SHAPES[key as PatchKey]);
  for (const attribute of ['meta', 'docs', 'group', 'contract', 'access']) moveToConfig(entry, withPlace, attribute);
  renameTests(entry, withPlace);
  if (Array.isArray(withPlace['columns']))
    withPlace['columns'] = withPlace['columns'].map((column) => renamedTests(entry, column as YamlDict));
  if (Array.isArray(withPlace['versions'])) {
    withPlace['versions'] = withPlace['versions'].map((version) => {
      const renamed = renamedTests(entry, version as YamlDict);
      return Array.isArray(renamed['columns'])
        ? { ...renamed, columns: renamed['columns'].map((column) => renamedTests(entry, column as YamlDict)) }
        : renamed;
    });
  }
  return withPlace;
}

function moveToConfig(entry: YamlEntry, data: YamlDict, attribute: string): void {
  const value = data[attribute];
  if (value === undefined) return;
  const config = isDict(data['config']) ? data['config'] : {};
  if (attribute in config) {
    throw new TsdbtError(
      'parsing',
      `In ${entry.yaml.file.original_file_path}: found ${attribute} dictionary in 'config' dictionary and as ` +
        'top-level key.\n' +
        "                    Remove the top-level key and define it under 'config' dictionary only.",
      { path: entry.yaml.file.original_file_path },
    );
  }
  data['config'] = { ...config, [attribute]: value };
  delete data[attribute];
}

function renamedTests(entry: YamlEntry, data: YamlDict): YamlDict {
  const tests = data['tests'];
  if (tests === undefined || tests === null || (Array.isArray(tests) && tests.length === 0)) return data;
  const copy = { ...data };
  renameTests(entry, copy);
  return copy;
}

function renameTests(entry: YamlEntry, data: YamlDict): void {
  const tests = data['tests'];
  if (tests === undefined || tests === null || (Array.isArray(tests) && tests.length === 0)) return;
  if ('data_tests' in data)
    throw entryError(entry, data, "at path []: Invalid test config: cannot have both 'tests' and 'data_tests' defined");
  data['data_tests'] = tests;
  delete data['tests'];
}

/** What the patch of one node (or version) says. */
interface Patch {
  readonly entry: YamlEntry;
  readonly name: string;
  readonly data: YamlDict;
  readonly description: string;
  readonly columns: readonly YamlDict[];
  readonly config: YamlDict;
  readonly unrenderedConfig: YamlDict | null;
  readonly constraints: readonly YamlDict[];
  readonly version: Json;
  readonly latestVersion: Json;
  readonly deprecationDate: string | null;
}

/** Applies one entry to the node, or the versions, that it describes. */
export function applyNodePatch(tools: ParseTools, entry: YamlEntry, data: YamlDict): void {
  const versions = (data['versions'] ?? []) as YamlDict[];
  if (entry.key === 'models') checkVersions(data, versions);
  if (entry.key === 'models' && versions.length > 0) applyVersions(tools, entry, data, versions);
  else if (entry.key === 'data_tests') applySingularTest(tools, entry, data);
  else {
    applyToNamed(tools, {
      entry,
      data,
      name: data['name'] as string,
      description: (data['description'] ?? '') as string,
      columns: (data['columns'] ?? []) as YamlDict[],
      config: (data['config'] ?? {}) as YamlDict,
      unrenderedConfig: isDict(entry.written['config']) ? entry.written['config'] : null,
      constraints: (data['constraints'] ?? []) as YamlDict[],
      version: null,
      latestVersion: null,
      deprecationDate: normalizeDate(data['deprecation_date'] as string | null | undefined),
    });
  }
}

function findNode(tools: ParseTools, patch: Patch): ConfiguredNode | undefined {
  const { state } = tools;
  const { key } = patch.entry;
  if (key === 'functions') {
    const id = state.functionLookup.get(patch.name, null);
    return id === undefined ? undefined : state.functions.get(id);
  }
  const id =
    key === 'analyses'
      ? state.analyses.get(patch.name, null)
      : (state.refs.get(patch.name, patch.entry.yaml.project.project_name, null) ??
        state.refs.get(patch.name, null, null));
  return id === undefined ? undefined : state.nodes.get(id);
}

function applyToNamed(tools: ParseTools, patch: Patch): void {
  const { state } = tools;
  const { key } = patch.entry;
  const path = patch.entry.yaml.file.original_file_path;
  const node = findNode(tools, patch);
  if (node !== undefined) {
    const plural = pluralOf(node.resource_type);
    if (plural !== key) {
      state.warnings.warn(
        'WrongResourceSchemaFile',
        'I057',
        `'${patch.name}' is a ${node.resource_type} node, but it is specified in the ${key} section of ${path}. ` +
          `To fix this error, place the \`${patch.name}\` specification under the ${plural} key instead.`,
        {
          patch_name: patch.name,
          resource_type: node.resource_type,
          plural_resource_type: plural,
          yaml_key: key,
          file_path: path,
        },
      );
      return;
    }
    const existing = node['patch_path'] as string | null;
    if (existing !== null && existing !== undefined)
      throw duplicatePatch(patch.name, path, existing.slice(existing.indexOf('://') + 3), 'resource');
    patchNode(tools, node, patch);
    return;
  }
  const disabled = state.disabledLookup.find(patch.name, patch.entry.yaml.project.project_name, null, [
    RESOURCE_TYPES[key as PatchKey],
  ]);
  if (disabled === null) {
    warnNoNode(tools, patch.entry, patch.name);
    return;
  }
  checkSingleDisabled(disabled as ManifestNode[], patch.name, patch.config);
  for (const each of disabled) patchNode(tools, each as ManifestNode, patch);
}

function checkSingleDisabled(found: readonly ManifestNode[], name: string, config: YamlDict): void {
  if (found.length <= 1 || !config['enabled']) return;
  throw new TsdbtError(
    'parsing',
    `Found ${found.length} matching disabled nodes for ${found[0]?.resource_type} '${name}'. Multiple nodes ` +
      'for the same unique id cannot be enabled in the ' +
      'schema file. They must be enabled in `dbt_project.yml` or in the sql files.',
  );
}

function warnNoNode(tools: ParseTools, entry: YamlEntry, name: string): void {
  const path = entry.yaml.file.original_file_path;
  tools.state.warnings.warn(
    'NoNodeForYamlKey',
    'I058',
    `Did not find matching node for patch with name '${name}' in the '${entry.key}' section of file '${path}'`,
    { patch_name: name, yaml_key: entry.key, file_path: path },
  );
}

/** Two entries for one resource, in dbt's words. */
export function duplicatePatch(
  name: string,
  path: string,
  existing: string,
  what: 'resource' | 'macros',
  packageName = '',
): TsdbtError {
  const fix =
    path === existing
      ? `remove one of the ${what} entries for ${name} in this file:\n - ${path}\n`
      : `remove the ${what} entry for ${name} in one of these files:\n - ${path}\n${existing}`;
  const message =
    what === 'resource'
      ? `dbt found two schema.yml entries for the same resource named ${name}. Resources and their associated ` +
        `columns may only be described a single time. To fix this, ${fix}`
      : `dbt found two schema.yml entries for the same macro in package ${packageName} named ${name}. Macros may ` +
        `only be described a single time. To fix this, ${fix}`;
  return new TsdbtError('compilation', message, { path });
}

function patchNode(tools: ParseTools, node: ConfiguredNode, patch: Patch): void {
  try {
    if (Object.keys(patch.config).length > 0) patchConfig(tools, node, patch);
    patchProperties(tools, node, patch);
  } catch (error) {
    throw error instanceof TsdbtError ? error.with({ node }) : error;
  }
}

function patchConfig(tools: ParseTools, node: ConfiguredNode, patch: Patch): void {
  checkAccess(node, patch.config['access']);
  updateNode(tools, node, patch.config, patch.unrenderedConfig);
}

function checkAccess(node: ConfiguredNode, access: Json | undefined): void {
  if (access === undefined || access === 'private' || access === 'protected' || access === 'public') return;
  throw new TsdbtError(
    'parsing',
    `Node ${node.unique_id} has an invalid value (${pyStr(access)}) for the access field`,
  );
}

function patchProperties(tools: ParseTools, node: ConfiguredNode, patch: Patch): void {
  const { file } = patch.entry.yaml;
  node['patch_path'] = `${file.package_name}://${file.original_file_path}`;
  node['description'] = patch.description;
  node['columns'] = columnInfos(patch.columns, node.resource_type === 'analysis');
  node.name = patch.name;
  if (node.resource_type === 'function') {
    patchFunction(tools, node as ParsedOnlyNode, patch.data);
    return;
  }
  if (node.resource_type !== 'model') {
    for (const [attribute, value] of [
      ['access', patch.data['access']],
      ['constraints', patch.constraints.length],
    ] as const) {
      if (!value) continue;
      tools.state.warnings.warn(
        'ValidationWarning',
        'I009',
        `Field ${attribute} is not valid for ${node.resource_type} (${patch.name})`,
        { field_name: attribute, resource_type: node.resource_type, node_name: patch.name },
      );
    }
    return;
  }
  const model = node as ModelNode;
  model.version = patch.version as ModelNode['version'];
  model.latest_version = patch.latestVersion as ModelNode['version'];
  model.deprecation_date = patch.deprecationDate;
  patchConstraints(tools, model, patch.constraints);
  model.time_spine = patch.version === null ? newTimeSpine(patch.data['time_spine']) : null;
  if (patch.version === null) addModelSemantics(tools, patch.entry, model, patch.data);
  buildContractChecksum(model);
}

function patchConstraints(tools: ParseTools, node: ModelNode, constraints: readonly YamlDict[]): void {
  if (node.config.contract?.enforced === true) {
    checkContractPrerequisites(tools, node);
    if (constraints.some((constraint) => !isConstraintType(constraint['type']))) {
      throw new TsdbtError(
        'parsing',
        `Invalid constraint type on model ${node.name}: Type must be one of ['check', 'not_null', 'unique', ` +
          "'primary_key', 'foreign_key', 'custom']",
      );
    }
  }
  checkPrimaryKeys(node, constraints);
  node.constraints = constraints.map((constraint) => newModelConstraint(constraint));
  const all = [...node.constraints, ...Object.values(node.columns).flatMap((column) => column.constraints)];
  for (const { type, to } of all) {
    if (type !== 'foreign_key' || !to) continue;
    let target: ReturnType<typeof expectRefOrSource>;
    try {
      target = expectRefOrSource(to);
    } catch {
      throw new TsdbtError(
        'parsing',
        `Invalid 'ref' or 'source' syntax on foreign key constraint 'to' on model ${node.name}: ${to}.`,
      );
    }
    if ('ref' in target) node.refs.push(target.ref);
    else node.sources.push(target.source);
  }
}

function checkContractPrerequisites(tools: ParseTools, node: ModelNode): void {
  const { materialized } = node.config;
  const warns = [...Object.values(node.columns).flatMap((column) => column.constraints), ...node.constraints].some(
    (constraint) => constraint.warn_unsupported,
  );
  if (warns && materialized !== 'table' && materialized !== 'incremental') {
    tools.state.warnings.warn(
      'UnsupportedConstraintMaterialization',
      'I068',
      `Constraint types are not supported for ${materialized} materializations and will be ignored.  Set ` +
        "'warn_unsupported: false' on this constraint to ignore this warning.",
      { materialized },
    );
  }
  const errors: string[] = [];
  if (Object.keys(node.columns).length === 0)
    errors.push('Constraints must be defined in a `yml` schema configuration file like `schema.yml`.');
  if (node.language !== 'sql') errors.push(`Language Error: Expected 'sql' but found '${node.language}'`);
  if (errors.length > 0)
    throw new TsdbtError(
      'parsing',
      `Contract enforcement failed for: (${node.original_file_path})\n${errors.join('\n')}`,
    );
}

function checkPrimaryKeys(node: ModelNode, constraints: readonly YamlDict[]): void {
  const columns: string[] = [];
  for (const column of Object.values(node.columns))
    for (const constraint of column.constraints) if (constraint.type === 'primary_key') columns.push(column.name);
  const errors: string[] = [];
  if (columns.length > 1) {
    errors.push(
      `Found ${columns.length} columns (${pyRepr(columns)}) with primary key constraints defined. Primary keys ` +
        'for multiple columns must be defined as a model level constraint.',
    );
  }
  if (
    columns.length > 0 &&
    (node.constraints.some((c) => c.type === 'primary_key') || constraints.some((c) => c['type'] === 'primary_key'))
  ) {
    errors.push(
      'Primary key constraints defined at the model level and the columns level. Primary keys can be defined ' +
        'at the model level or the column level, not both.',
    );
  }
  if (errors.length > 0)
    throw new TsdbtError('parsing', `Primary key constraint error: (${node.original_file_path})\n${errors.join('\n')}`);
}

function patchFunction(tools: ParseTools, node: ParsedOnlyNode, data: YamlDict): void {
  const withNulls = (argument: YamlDict): YamlDict => ({
    name: argument['name'] ?? null,
    data_type: argument['data_type'] ?? null,
    description: argument['description'] ?? null,
    default_value: argument['default_value'] ?? null,
  });
  node['arguments'] = ((data['arguments'] ?? []) as YamlDict[]).map(withNulls);
  const returns = data['returns'] as YamlDict;
  node['returns'] = { data_type: returns['data_type'], description: returns['description'] ?? null };
  const overloads = (data['overloads'] ?? []) as YamlDict[];
  if (overloads.length > 0) absorbOverloads(tools, node, overloads, withNulls);
}

function applySingularTest(tools: ParseTools, entry: YamlEntry, data: YamlDict): void {
  const { state } = tools;
  const name = data['name'] as string;
  const id = state.singularTests.get(name, entry.yaml.project.project_name);
  const node = id === undefined ? undefined : state.nodes.get(id);
  if (node === undefined) {
    warnNoNode(tools, entry, name);
    return;
  }
  const config = (data['config'] ?? {}) as YamlDict;
  // dbt keeps no unrendered config of these.
  if (Object.keys(config).length > 0) updateNode(tools, node, config);
  node.patch_path = `${entry.yaml.file.package_name}://${entry.yaml.file.original_file_path}`;
  node.description = (data['description'] ?? '') as string;
}

function checkVersions(data: YamlDict, versions: readonly YamlDict[]): void {
  const name = data['name'] as string;
  const values = versions.map((version) => version['v'] as Json);
  const latest = data['latest_version'] ?? null;
  if (
    latest &&
    !values.some(
      (v) => v === latest || (typeof v !== 'string' && typeof latest !== 'string' && pyStr(v) === pyStr(latest)),
    )
  ) {
    throw new TsdbtError(
      'parsing',
      `latest_version: ${pyStr(latest)} is not one of model '${name}' versions: ${pyRepr(values)} `,
    );
  }
  const seen = new Set<string>();
  for (const v of values) {
    if (seen.has(pyStr(v)))
      throw new TsdbtError('parsing', `Found duplicate version: '${pyStr(v)}' in versions list of model '${name}'`);
    seen.add(pyStr(v));
  }
  if (isDict(data['time_spine'])) {
    const version = latest === null ? undefined : versions.find((each) => pyStr(each['v']) === pyStr(latest));
    const columns = (data['columns'] ?? []) as YamlDict[];
    checkTimeSpine(
      name,
      data['time_spine'],
      version === undefined ? columns : columnsOfVersion(columns, version),
      version !== undefined,
    );
  }
}

/** The greatest version: as numbers when both are, else as text. */
function greatestVersion(versions: readonly YamlDict[]): Json {
  const less = (a: Json, b: Json): boolean => {
    const [x, y] = [Number(pyStr(a)), Number(pyStr(b))];
    return Number.isNaN(x) || Number.isNaN(y) ? pyStr(a) < pyStr(b) : x < y;
  };
  let greatest = versions[0]?.['v'] as Json;
  for (const version of versions) if (less(greatest, version['v'] as Json)) greatest = version['v'] as Json;
  return greatest;
}

function applyVersions(tools: ParseTools, entry: YamlEntry, data: YamlDict, versions: readonly YamlDict[]): void {
  const { state } = tools;
  const name = data['name'] as string;
  const packageName = entry.yaml.project.project_name;
  const latestVersion = data['latest_version'] ?? greatestVersion(versions);
  const columns = (data['columns'] ?? []) as YamlDict[];
  for (const version of versions) {
    const v = version['v'] as Json;
    const fileName = (version['defined_in'] as string | null | undefined) || `${name}_v${pyStr(v)}`;
    let id = state.refs.get(fileName, packageName, null);
    if (id === undefined && pyStr(v) === pyStr(latestVersion)) id = state.refs.get(name, packageName, null);
    let node = id === undefined ? undefined : (state.nodes.get(id) as ModelNode);
    const enabled = node !== undefined;
    if (node === undefined) {
      const found = state.disabledLookup.find(fileName, null, null, ['model']) as ModelNode[] | null;
      if (found !== null) {
        checkSingleDisabled(found, name, (data['config'] ?? {}) as YamlDict);
        node = found[0] as ModelNode;
        state.disabled.delete(node.unique_id);
      }
    } else state.removeNode(node);
    if (node === undefined) {
      warnNoNode(tools, entry, fileName);
      continue;
    }
    node.unique_id = `model.${packageName}.${name}.v${pyStr(v)}`;
    node.fqn[node.fqn.length - 1] = name;
    node.fqn.push(`v${pyStr(v)}`);
    patchVersion(tools, node, entry, data, version, latestVersion, columnsOfVersion(columns, version));
    if (enabled) state.addNode(node);
    else state.addDisabled(node);
  }
  state.rebuildDisabledLookup();
}

function patchVersion(
  tools: ParseTools,
  node: ModelNode,
  entry: YamlEntry,
  data: YamlDict,
  version: YamlDict,
  latestVersion: Json,
  columns: readonly YamlDict[],
): void {
  const own = (version['config'] ?? {}) as YamlDict;
  const written = ((entry.written['versions'] ?? []) as YamlDict[]).find(
    (each) => pyStr(each['v']) === pyStr(version['v']),
  )?.['config'];
  const constraints = (version['constraints'] ?? []) as YamlDict[];
  const patch: Patch = {
    entry,
    data,
    name: data['name'] as string,
    description: ((version['description'] || data['description']) ?? '') as string,
    columns,
    config: deepMergeConfig((data['config'] ?? {}) as YamlDict, own),
    unrenderedConfig: isDict(written) ? written : null,
    constraints: constraints.length > 0 ? constraints : ((data['constraints'] ?? []) as YamlDict[]),
    version: version['v'] as Json,
    latestVersion,
    deprecationDate: normalizeDate(version['deprecation_date'] as string | null | undefined),
  };
  try {
    patchProperties(tools, node, patch);
    const access = (version['access'] ?? null) as Json;
    if (access !== null) {
      checkAccess(node, access);
      node.access = access as ModelNode['access'];
    }
    patchConfig(tools, node, patch);
    patchConstraints(tools, node, patch.constraints);
    buildContractChecksum(node);
  } catch (error) {
    throw error instanceof TsdbtError ? error.with({ node }) : error;
  }
}

function deepMergeConfig(base: YamlDict, update: YamlDict): YamlDict {
  const out: YamlDict = { ...base };
  for (const key of Object.keys(update)) {
    const value = update[key] as Json;
    const existing = out[key];
    if (isDict(value)) out[key] = deepMergeConfig(isDict(existing) ? existing : {}, value);
    else if (Array.isArray(value) && Array.isArray(existing)) out[key] = [...value, ...existing];
    else out[key] = value;
  }
  return out;
}
