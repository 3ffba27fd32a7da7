// What YAML says about resources that have a file: description, columns, config, for models also versions, access,
// constraints and contract. Leaves generic tests to generic-tests.ts and macros to macro-patches.ts.
import type { FunctionArgument, FunctionNode, GraphNode, Json, ModelNode } from '../../contracts/node.ts';
import { addModelSemantics } from './model-semantics.ts';
import { TsdbtError } from '../../errors.ts';
import {
  buildContractChecksum,
  columnInfos,
  columnsOfVersion,
  isConstraint,
  newModelConstraint,
} from '../read/columns.ts';
import { isDict } from '../config/config-fields.ts';
import { normalizeDate } from './dates.ts';
import { absorbOverloads } from './function-overloads.ts';
import { type ConfiguredNode, type ParseTools, updateNode } from '../config/node-update.ts';
import { type ParseState, pluralOf } from '../table/parse-state.ts';
import { pyRepr, pyStr } from '../../values/python-text.ts';
import { expectRefOrSource } from '../shortcuts/static-expressions.ts';
import { checkTimeSpine, newTimeSpine } from './time-spine.ts';
import type { TestedEntry } from '../read/generic-tests.ts';
import { checkEntry, entryError, type YamlDict, type YamlEntry } from '../read/yaml-entries.ts';
import {
  ANALYSIS_ENTRY,
  type ColumnEntry,
  type ConstraintEntry,
  FUNCTION_ENTRY,
  type FunctionArgumentEntry,
  type FunctionEntry,
  MODEL_ENTRY,
  type ModelEntry,
  NODE_ENTRY,
  type NodeEntry,
  type Shape,
  SINGULAR_TEST_ENTRY,
  type SingularTestEntry,
  type VersionEntry,
} from '../read/yaml-shapes.ts';

/** Keys of a properties file whose entries describe one node each, of a file of its own. */
type NamedKey = 'seeds' | 'snapshots' | 'analyses' | 'functions';

const RESOURCE_TYPES: Readonly<Record<NamedKey | 'models', string>> = {
  models: 'model',
  seeds: 'seed',
  snapshots: 'snapshot',
  analyses: 'analysis',
  functions: 'function',
};

/** Puts an entry of `models:` on its node, or on the node of each of its versions. */
export function patchModel(tools: ParseTools, entry: YamlEntry): TestedEntry {
  const data = normalizedEntry(entry, MODEL_ENTRY);
  const { versions = [] } = data;
  checkVersions(data, versions);
  if (versions.length > 0) applyVersions(tools, entry, data, versions);
  else {
    applyToNamed(tools, 'models', {
      ...basePatch(entry, data),
      constraints: data.constraints ?? [],
      model: {
        data,
        version: null,
        latestVersion: null,
        deprecationDate: normalizeDate(data.deprecation_date),
      },
    });
  }
  return data;
}

/** Puts an entry of `seeds:` or `snapshots:` on its node. */
export function patchTested(tools: ParseTools, entry: YamlEntry, key: 'seeds' | 'snapshots'): TestedEntry {
  const data = normalizedEntry(entry, NODE_ENTRY);
  applyToNamed(tools, key, basePatch(entry, data));
  return data;
}

/** Puts an entry of `analyses:` on its node. */
export function patchAnalysis(tools: ParseTools, entry: YamlEntry): void {
  applyToNamed(tools, 'analyses', basePatch(entry, normalizedEntry(entry, ANALYSIS_ENTRY)));
}

/** Puts an entry of `functions:` on its node. */
export function patchFunction(tools: ParseTools, entry: YamlEntry): void {
  const data = normalizedEntry(entry, FUNCTION_ENTRY);
  applyToNamed(tools, 'functions', { ...basePatch(entry, data), function: data });
}

/** An entry with its attributes where dbt wants them: `meta`, `docs` … under config, `tests` as `data_tests`. */
function normalizedEntry<T>(entry: YamlEntry, shape: Shape<T>): T {
  const { data, key } = entry;
  const withPlace: YamlDict = {
    ...data,
    original_file_path: entry.yaml.file.original_file_path,
    yaml_key: key,
    package_name: entry.yaml.project.project_name,
  };
  const checked = checkEntry(entry, withPlace, shape);
  for (const attribute of ['meta', 'docs', 'group', 'contract', 'access']) moveToConfig(entry, withPlace, attribute);
  renameTests(entry, withPlace);
  const { columns, versions } = withPlace;
  if (Array.isArray(columns)) withPlace['columns'] = columns.map((column) => renamedTests(entry, column));
  if (Array.isArray(versions)) {
    withPlace['versions'] = versions.map((version) => {
      const renamed = renamedTests(entry, version);
      return isDict(renamed) && Array.isArray(renamed['columns'])
        ? { ...renamed, columns: renamed['columns'].map((column) => renamedTests(entry, column)) }
        : renamed;
    });
  }
  return checked;
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

function renamedTests(entry: YamlEntry, data: Json): Json {
  if (!isDict(data)) return data;
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

/** What an entry says about one node. */
interface Patch {
  readonly entry: YamlEntry;
  readonly name: string;
  readonly description: string;
  readonly columns: readonly ColumnEntry[];
  readonly config: YamlDict;
  readonly unrenderedConfig: YamlDict | null;
  readonly constraints: readonly ConstraintEntry[];
  readonly access: Json | undefined;
  readonly model?: ModelPatch;
  readonly function?: FunctionEntry;
}
/** What only an entry of a model, or of one of its versions, says. */
interface ModelPatch {
  readonly data: ModelEntry;
  readonly version: ModelNode['version'];
  readonly latestVersion: ModelNode['version'];
  readonly deprecationDate: string | null;
}

function basePatch(entry: YamlEntry, data: NamedEntry): Patch {
  return {
    entry,
    name: data.name,
    description: data.description ?? '',
    columns: data.columns ?? [],
    config: data.config ?? {},
    unrenderedConfig: isDict(entry.written['config']) ? entry.written['config'] : null,
    constraints: data.constraints ?? [],
    access: data['access'],
  };
}
type NamedEntry = Pick<NodeEntry, 'name' | 'description' | 'columns' | 'config' | 'constraints'> & YamlDict;

function findNode(tools: ParseTools, key: NamedKey | 'models', patch: Patch): ConfiguredNode | undefined {
  const { state } = tools;
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

function applyToNamed(tools: ParseTools, key: NamedKey | 'models', patch: Patch): void {
  const { state } = tools;
  const path = patch.entry.yaml.file.original_file_path;
  const node = findNode(tools, key, patch);
  if (node !== undefined) {
    const plural = pluralOf(node.resource_type);
    if (plural !== key) {
      state.warnings.warn(
        'WrongResourceSchemaFile',
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
    const existing = node.patch_path;
    if (existing !== null)
      throw duplicatePatch(patch.name, path, existing.slice(existing.indexOf('://') + 3), 'resource');
    patchNode(tools, node, patch);
    return;
  }
  const disabled = state.disabledLookup
    .find(patch.name, patch.entry.yaml.project.project_name, null, [RESOURCE_TYPES[key]])
    ?.filter(isConfigured);
  if (disabled === undefined) {
    warnNoNode(tools, patch.entry, patch.name);
    return;
  }
  checkSingleDisabled(disabled, patch.name, patch.config);
  for (const each of disabled) patchNode(tools, each, patch);
}

/** Whether a resource has a config of its file and a patch: the lists that are patched hold no other. */
function isConfigured(node: GraphNode): node is ConfiguredNode {
  return node.resource_type === 'function' || 'patch_path' in node;
}

function checkSingleDisabled(found: readonly ConfiguredNode[], name: string, config: YamlDict): void {
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

function checkAccess(node: ConfiguredNode, access: Json | undefined): ModelNode['access'] | undefined {
  if (access === undefined || access === 'private' || access === 'protected' || access === 'public') return access;
  throw new TsdbtError(
    'parsing',
    `Node ${node.unique_id} has an invalid value (${pyStr(access)}) for the access field`,
  );
}

function patchProperties(tools: ParseTools, node: ConfiguredNode, patch: Patch): void {
  const { file } = patch.entry.yaml;
  node.patch_path = `${file.package_name}://${file.original_file_path}`;
  node.description = patch.description;
  node.columns = columnInfos(patch.columns, node.resource_type === 'analysis');
  node.name = patch.name;
  if (node.resource_type === 'function') {
    if (patch.function !== undefined) describeFunction(tools, node, patch.function);
  } else if (node.resource_type === 'model') {
    if (patch.model !== undefined) describeModel(tools, node, patch, patch.model);
  } else {
    warnInvalidField(tools, node, patch, 'access', patch.access);
    warnInvalidField(tools, node, patch, 'constraints', patch.constraints.length);
  }
}

function warnInvalidField(tools: ParseTools, node: ConfiguredNode, patch: Patch, field: string, value: unknown): void {
  if (!value) return;
  tools.state.warnings.warn(
    'ValidationWarning',
    `Field ${field} is not valid for ${node.resource_type} (${patch.name})`,
    { field_name: field, resource_type: node.resource_type, node_name: patch.name },
  );
}

function describeModel(tools: ParseTools, node: ModelNode, patch: Patch, own: ModelPatch): void {
  node.version = own.version;
  node.latest_version = own.latestVersion;
  node.deprecation_date = own.deprecationDate;
  patchConstraints(tools, node, patch.constraints);
  node.time_spine = own.version === null ? newTimeSpine(own.data.time_spine) : null;
  if (own.version === null) addModelSemantics(tools, patch.entry, node, own.data);
  buildContractChecksum(node);
}

function patchConstraints(tools: ParseTools, node: ModelNode, constraints: readonly ConstraintEntry[]): void {
  if (node.config.contract?.enforced === true) {
    checkContractPrerequisites(tools, node);
    if (!constraints.every(isConstraint)) {
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

function checkPrimaryKeys(node: ModelNode, constraints: readonly ConstraintEntry[]): void {
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
    (node.constraints.some((c) => c.type === 'primary_key') || constraints.some((c) => c.type === 'primary_key'))
  ) {
    errors.push(
      'Primary key constraints defined at the model level and the columns level. Primary keys can be defined ' +
        'at the model level or the column level, not both.',
    );
  }
  if (errors.length > 0)
    throw new TsdbtError('parsing', `Primary key constraint error: (${node.original_file_path})\n${errors.join('\n')}`);
}

function describeFunction(tools: ParseTools, node: FunctionNode, data: FunctionEntry): void {
  node.arguments = (data.arguments ?? []).map(functionArgument);
  node.returns = { data_type: data.returns.data_type, description: data.returns.description ?? null };
  const { overloads = [] } = data;
  if (overloads.length > 0) absorbOverloads(tools, node, overloads, functionArgument);
}

function functionArgument(argument: FunctionArgumentEntry): FunctionArgument {
  return {
    name: argument.name,
    data_type: argument.data_type,
    description: argument.description ?? null,
    default_value: argument.default_value ?? null,
  };
}

/** Puts an entry of `data_tests:` on the singular test of that name. */
export function patchSingularTest(tools: ParseTools, entry: YamlEntry): void {
  const { state } = tools;
  const { name, config = {}, description = '' }: SingularTestEntry = normalizedEntry(entry, SINGULAR_TEST_ENTRY);
  const id = state.singularTests.get(name, entry.yaml.project.project_name);
  const node = id === undefined ? undefined : state.nodes.get(id);
  if (node === undefined) {
    warnNoNode(tools, entry, name);
    return;
  }
  // dbt keeps no unrendered config of these.
  if (Object.keys(config).length > 0) updateNode(tools, node, config);
  node.patch_path = `${entry.yaml.file.package_name}://${entry.yaml.file.original_file_path}`;
  node.description = description;
}

function checkVersions(data: ModelEntry, versions: readonly VersionEntry[]): void {
  const { name, time_spine, columns = [] } = data;
  const values = versions.map((version) => version.v);
  const latest = data.latest_version ?? null;
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
  if (isDict(time_spine)) {
    const version = latest === null ? undefined : versions.find((each) => pyStr(each.v) === pyStr(latest));
    checkTimeSpine(
      name,
      time_spine,
      version === undefined ? columns : columnsOfVersion(columns, version),
      version !== undefined,
    );
  }
}

type Version = VersionEntry['v'];

/** The greatest version: as numbers when both are, else as text. */
function greatestVersion(versions: readonly VersionEntry[]): Version | null {
  const less = (a: Version, b: Version): boolean => {
    const [x, y] = [Number(pyStr(a)), Number(pyStr(b))];
    return Number.isNaN(x) || Number.isNaN(y) ? pyStr(a) < pyStr(b) : x < y;
  };
  let greatest: Version | null = null;
  for (const { v } of versions) if (greatest === null || less(greatest, v)) greatest = v;
  return greatest;
}

function applyVersions(tools: ParseTools, entry: YamlEntry, data: ModelEntry, versions: readonly VersionEntry[]): void {
  const { state } = tools;
  const { name, columns = [] } = data;
  const packageName = entry.yaml.project.project_name;
  const latestVersion = data.latest_version ?? greatestVersion(versions);
  for (const version of versions) {
    const { v } = version;
    const fileName = version.defined_in || `${name}_v${pyStr(v)}`;
    const found = modelOfVersion(state, packageName, [fileName, ...(pyStr(v) === pyStr(latestVersion) ? [name] : [])]);
    let node = found;
    if (node !== undefined) state.removeNode(node);
    else {
      const disabled = state.disabledLookup.find(fileName, null, null, ['model'])?.filter(isModel);
      if (disabled !== undefined) {
        checkSingleDisabled(disabled, name, data.config ?? {});
        node = disabled[0];
        if (node !== undefined) state.disabled.delete(node.unique_id);
      }
    }
    if (node === undefined) {
      warnNoNode(tools, entry, fileName);
      continue;
    }
    node.unique_id = `model.${packageName}.${name}.v${pyStr(v)}`;
    node.fqn[node.fqn.length - 1] = name;
    node.fqn.push(`v${pyStr(v)}`);
    patchVersion(tools, node, entry, data, version, latestVersion, columnsOfVersion(columns, version));
    if (found !== undefined) state.addNode(node);
    else state.addDisabled(node);
  }
  state.rebuildDisabledLookup();
}

/** The first model of a package that has one of these names. */
function modelOfVersion(state: ParseState, packageName: string, names: readonly string[]): ModelNode | undefined {
  for (const name of names) {
    const id = state.refs.get(name, packageName, null);
    if (id === undefined) continue;
    const node = state.nodes.get(id);
    return node !== undefined && isModel(node) ? node : undefined;
  }
  return undefined;
}

function isModel(node: GraphNode): node is ModelNode {
  return node.resource_type === 'model';
}

function patchVersion(
  tools: ParseTools,
  node: ModelNode,
  entry: YamlEntry,
  data: ModelEntry,
  version: VersionEntry,
  latestVersion: ModelNode['version'],
  columns: readonly ColumnEntry[],
): void {
  const writtenVersions = entry.written['versions'];
  const written = (Array.isArray(writtenVersions) ? writtenVersions : [])
    .filter(isDict)
    .find((each) => pyStr(each['v']) === pyStr(version.v))?.['config'];
  const { constraints = [] } = version;
  const patch: Patch = {
    entry,
    name: data.name,
    description: (version.description || data.description) ?? '',
    columns,
    config: deepMergeConfig(data.config ?? {}, version.config ?? {}),
    unrenderedConfig: isDict(written) ? written : null,
    constraints: constraints.length > 0 ? constraints : (data.constraints ?? []),
    access: data.access,
    model: { data, version: version.v, latestVersion, deprecationDate: normalizeDate(version.deprecation_date) },
  };
  try {
    patchProperties(tools, node, patch);
    node.access = checkAccess(node, version.access ?? undefined) ?? node.access;
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
    const value = update[key];
    if (value === undefined) continue;
    const existing = out[key];
    if (isDict(value)) out[key] = deepMergeConfig(isDict(existing) ? existing : {}, value);
    else if (Array.isArray(value) && Array.isArray(existing)) out[key] = [...value, ...existing];
    else out[key] = value;
  }
  return out;
}
