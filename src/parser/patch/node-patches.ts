// Applies YAML to resources with a file: description, columns, config, and for models versions, access, constraints and
// contract. Generic tests are in generic-tests.ts, macros in macro-patches.ts.
import type { FunctionArgument, Json, ModelNode } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import { pyRepr, pyStr } from '../../values/python-text.ts';
import { isDict } from '../../project/schema-check.ts';
import { deepMerge } from '../config/deep-merge.ts';
import { configured } from '../config/node-update.ts';
import { columnInfos, columnsOfVersion, withChecksum } from '../read/columns.ts';
import type { TestedEntry } from '../read/generic-tests.ts';
import { placed, type YamlDict, type YamlEntry } from '../read/yaml-entries.ts';
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
  SINGULAR_TEST_ENTRY,
  type SingularTestEntry,
  type VersionEntry,
} from '../read/yaml-shapes.ts';
import { pluralOf } from '../table/duplicates.ts';
import type { NodeCalls } from '../table/node-calls.ts';
import type { PatchTable, PatchTools } from '../table/patch-table.ts';
import type { PatchedFunction, PatchedModel, PatchedNode, PatchedResource } from '../table/phases.ts';
import { constraintsOf } from './constraints.ts';
import { normalizeDate } from './dates.ts';
import { absorbedOverloads } from './function-overloads.ts';
import { addModelSemantics } from './model-semantics.ts';
import { normalizedEntry } from './normalized-entry.ts';
import { checkTimeSpine, newTimeSpine } from './time-spine.ts';

/** Keys of a properties file whose entries each describe one node with a file. */
type NamedKey = 'seeds' | 'snapshots' | 'analyses' | 'functions';

const RESOURCE_TYPES: Readonly<Record<NamedKey | 'models', string>> = {
  models: 'model',
  seeds: 'seed',
  snapshots: 'snapshot',
  analyses: 'analysis',
  functions: 'function',
};

/** Applies an entry of `models:` to its node, or to the node of each of its versions. */
export function patchModel(tools: PatchTools, entry: YamlEntry): TestedEntry {
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

/** Applies an entry of `seeds:` or `snapshots:` to its node. */
export function patchTested(tools: PatchTools, entry: YamlEntry, key: 'seeds' | 'snapshots'): TestedEntry {
  const data = normalizedEntry(entry, NODE_ENTRY);
  applyToNamed(tools, key, basePatch(entry, data));
  return data;
}

/** Applies an entry of `analyses:` to its node. */
export function patchAnalysis(tools: PatchTools, entry: YamlEntry): void {
  applyToNamed(tools, 'analyses', basePatch(entry, normalizedEntry(entry, ANALYSIS_ENTRY)));
}

/** Applies an entry of `functions:` to its node. */
export function patchFunction(tools: PatchTools, entry: YamlEntry): void {
  const data = normalizedEntry(entry, FUNCTION_ENTRY);
  applyToNamed(tools, 'functions', { ...basePatch(entry, data), function: data });
}

/** The values of an entry for one node. */
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
/** Values that only entries of models and their versions have. */
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

/** Resources to which an entry applies. */
type Patchable = PatchedNode | PatchedFunction;

function findNode({ table }: PatchTools, key: NamedKey | 'models', patch: Patch): Patchable | undefined {
  if (key === 'functions') {
    const id = table.functionLookup.get(patch.name, null);
    return id === undefined ? undefined : table.functions.get(id);
  }
  const id =
    key === 'analyses'
      ? table.analyses.get(patch.name, null)
      : (table.refs.get(patch.name, patch.entry.yaml.project.project_name, null) ??
        table.refs.get(patch.name, null, null));
  return id === undefined ? undefined : table.nodes.get(id);
}

function applyToNamed(tools: PatchTools, key: NamedKey | 'models', patch: Patch): void {
  const { state, table } = tools;
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
  const disabled = table.disabledLookup
    .find(patch.name, patch.entry.yaml.project.project_name, null, [RESOURCE_TYPES[key]])
    ?.filter(isPatchable);
  if (disabled === undefined) {
    warnNoNode(tools, patch.entry, patch.name);
    return;
  }
  checkSingleDisabled(disabled, patch.name, patch.config);
  for (const each of disabled) patchNode(tools, each, patch);
}

/** Whether a resource has config from its file and can be patched: the patched lists contain no other. */
function isPatchable(node: PatchedResource): node is Patchable {
  return node.resource_type === 'function' || 'patch_path' in node;
}

function checkSingleDisabled(found: readonly Patchable[], name: string, config: YamlDict): void {
  if (found.length <= 1 || !config['enabled']) return;
  throw errorOf('manyDisabledNodes', { count: found.length, type: String(found[0]?.resource_type), name });
}

function warnNoNode(tools: PatchTools, entry: YamlEntry, name: string): void {
  const path = entry.yaml.file.original_file_path;
  tools.state.warnings.warn(
    'NoNodeForYamlKey',
    `Did not find matching node for patch with name '${name}' in the '${entry.key}' section of file '${path}'`,
    { patch_name: name, yaml_key: entry.key, file_path: path },
  );
}

/** The error of two entries for one resource, with dbt's message. */
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
  return what === 'resource'
    ? errorOf('resourceDescribedTwice', { name, fix }, { path })
    : errorOf('macroDescribedTwice', { package: packageName, name, fix }, { path });
}

/** Replaces a node by the node with an entry applied. */
function patchNode(tools: PatchTools, node: Patchable, patch: Patch): void {
  const { table } = tools;
  const calls = table.callsOf(node);
  try {
    const own = Object.keys(patch.config).length > 0 ? withConfig(tools, node, patch, calls) : node;
    const patched = withProperties(tools, own, patch, calls);
    table.replace(node, patched);
    table.keepCalls(patched, calls);
  } catch (error) {
    throw error instanceof TsdbtError ? error.with({ node }) : error;
  }
}

function withConfig<N extends Patchable>(tools: PatchTools, node: N, patch: Patch, calls: NodeCalls): N {
  checkAccess(node, patch.config['access']);
  const { config, unrenderedConfig: unrenderedPatch } = patch;
  return configured(tools, node, { calls, previous: node.config, patch: config, unrenderedPatch });
}

function checkAccess(node: Patchable, access: Json | undefined): ModelNode['access'] | undefined {
  if (access === undefined || access === 'private' || access === 'protected' || access === 'public') return access;
  throw errorOf('badAccess', { node: node.unique_id, access: pyStr(access) });
}

/** Fields that every entry sets. */
type Described = Pick<PatchedNode, 'patch_path' | 'description' | 'columns' | 'name'>;

function describedBy(patch: Patch, resourceType: string): Described {
  const { file } = patch.entry.yaml;
  return {
    patch_path: `${file.package_name}://${file.original_file_path}`,
    description: patch.description,
    columns: columnInfos(patch.columns, resourceType === 'analysis'),
    name: patch.name,
  };
}

function withProperties(tools: PatchTools, node: Patchable, patch: Patch, calls: NodeCalls): Patchable {
  const described = describedBy(patch, node.resource_type);
  if (node.resource_type === 'function') {
    const own = { ...node, ...described, ...referencesOf(calls) };
    return patch.function === undefined ? own : withSignature(tools, own, patch.function, calls);
  }
  if (node.resource_type === 'model')
    return patch.model === undefined
      ? { ...node, ...described, ...referencesOf(calls) }
      : describedModel(tools, node, described, patch, patch.model, calls);
  warnInvalidField(tools, node, patch, 'access', patch.access);
  warnInvalidField(tools, node, patch, 'constraints', patch.constraints.length);
  if (node.resource_type === 'seed') return { ...node, ...described, depends_on: { macros: calls.macros } };
  return { ...node, ...described, ...referencesOf(calls) };
}

/** The calls of a node's templates as fields of the node. */
function referencesOf({ refs, sources, metrics, functions, macros }: NodeCalls) {
  return { refs, sources, metrics, functions, depends_on: { macros } };
}

function warnInvalidField(tools: PatchTools, node: Patchable, patch: Patch, field: string, value: unknown): void {
  if (!value) return;
  tools.state.warnings.warn(
    'ValidationWarning',
    `Field ${field} is not valid for ${node.resource_type} (${patch.name})`,
    { field_name: field, resource_type: node.resource_type, node_name: patch.name },
  );
}

function describedModel(
  tools: PatchTools,
  node: PatchedModel,
  described: Described,
  patch: Patch,
  own: ModelPatch,
  calls: NodeCalls,
): PatchedModel {
  const { patch_path, description, columns, name } = described;
  const { config, language, original_file_path } = node;
  const constrained = { name, config, language, original_file_path, columns, constraints: node.constraints };
  const constraints = constraintsOf(tools, constrained, patch.constraints, calls);
  const model: PatchedModel = {
    ...node,
    patch_path,
    description,
    columns,
    name,
    version: own.version,
    latest_version: own.latestVersion,
    deprecation_date: own.deprecationDate,
    constraints,
    time_spine: own.version === null ? newTimeSpine(own.data.time_spine) : null,
    contract: withChecksum({ contract: node.contract, columns, config, constraints }),
    refs: calls.refs,
    sources: calls.sources,
    metrics: calls.metrics,
    functions: calls.functions,
    depends_on: { macros: calls.macros },
  };
  if (own.version === null) addModelSemantics(tools, patch.entry, model, own.data);
  return model;
}

function withSignature(
  tools: PatchTools,
  node: PatchedFunction,
  data: FunctionEntry,
  calls: NodeCalls,
): PatchedFunction {
  const { overloads = [] } = data;
  return {
    ...node,
    arguments: (data.arguments ?? []).map(functionArgument),
    returns: { data_type: data.returns.data_type, description: data.returns.description ?? null },
    overloads:
      overloads.length > 0 ? absorbedOverloads(tools, node, overloads, functionArgument, calls) : node.overloads,
  };
}

function functionArgument(argument: FunctionArgumentEntry): FunctionArgument {
  return {
    name: argument.name,
    data_type: argument.data_type,
    description: argument.description ?? null,
    default_value: argument.default_value ?? null,
  };
}

/** Applies an entry of `data_tests:` to the singular test of that name. */
export function patchSingularTest(tools: PatchTools, entry: YamlEntry): void {
  const { table } = tools;
  const { name, config = {}, description = '' }: SingularTestEntry = normalizedEntry(entry, SINGULAR_TEST_ENTRY);
  const id = table.singularTests.get(name, entry.yaml.project.project_name);
  const node = id === undefined ? undefined : table.nodes.get(id);
  if (node === undefined) {
    warnNoNode(tools, entry, name);
    return;
  }
  const calls = table.callsOf(node);
  // dbt stores no unrendered config for these resource types.
  const own =
    Object.keys(config).length > 0 ? configured(tools, node, { calls, previous: node.config, patch: config }) : node;
  const { file } = entry.yaml;
  const patched = { ...own, patch_path: `${file.package_name}://${file.original_file_path}`, description };
  table.replace(node, patched);
  table.keepCalls(patched, calls);
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
    throw errorOf('badLatestVersion', { version: pyStr(latest), model: name, versions: pyRepr(values) });
  }
  const seen = new Set<string>();
  for (const v of values) {
    if (seen.has(pyStr(v))) throw errorOf('versionTwice', { version: pyStr(v), model: name });
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

/** Returns the greatest version, compared as numbers if both are numeric, otherwise as text. */
function greatestVersion(versions: readonly VersionEntry[]): Version | null {
  const less = (a: Version, b: Version): boolean => {
    const [x, y] = [Number(pyStr(a)), Number(pyStr(b))];
    return Number.isNaN(x) || Number.isNaN(y) ? pyStr(a) < pyStr(b) : x < y;
  };
  let greatest: Version | null = null;
  for (const { v } of versions) if (greatest === null || less(greatest, v)) greatest = v;
  return greatest;
}

function applyVersions(tools: PatchTools, entry: YamlEntry, data: ModelEntry, versions: readonly VersionEntry[]): void {
  const { table } = tools;
  const { name } = data;
  const latestVersion = data.latest_version ?? greatestVersion(versions);
  const files = new Set<string>();
  for (const [index, version] of versions.entries()) {
    const { v } = version;
    const fileName = version.defined_in || `${name}_v${pyStr(v)}`;
    if (files.has(fileName)) throw errorOf('versionsOfOneFile', { model: name, file: fileName, version: pyStr(v) });
    files.add(fileName);
    const found = modelOfVersion(table, entry, [fileName, ...(pyStr(v) === pyStr(latestVersion) ? [name] : [])]);
    if (found !== undefined) table.removeNode(found);
    const node = found ?? takenDisabled(table, fileName, data);
    if (node === undefined) {
      warnNoNode(tools, entry, fileName);
      continue;
    }
    const calls = table.callsOf(node);
    const patched = patchedVersion(tools, node, { entry, data, version, index, latestVersion }, calls);
    table.keepCalls(patched, calls);
    if (found !== undefined) table.addNode(patched);
    else table.addDisabled(patched);
  }
  table.rebuildDisabledLookup();
}

/** Removes the disabled model of a file from the table and returns it. */
function takenDisabled(table: PatchTable, fileName: string, data: ModelEntry): PatchedModel | undefined {
  const disabled = table.disabledLookup.find(fileName, null, null, ['model'])?.filter(isModel);
  if (disabled === undefined) return undefined;
  checkSingleDisabled(disabled, data.name, data.config ?? {});
  const [node] = disabled;
  if (node !== undefined) table.disabled.delete(node.unique_id);
  return node;
}

/**
 * Returns the first model of the entry's package with one of these names.
 * @throws TsdbtError if a seed or snapshot has the name: refs would find one or the other. dbt fails an assertion
 */
function modelOfVersion(table: PatchTable, { yaml }: YamlEntry, names: readonly string[]): PatchedModel | undefined {
  for (const name of names) {
    const id = table.refs.get(name, yaml.project.project_name, null);
    const node = id === undefined ? undefined : table.nodes.get(id);
    if (node === undefined) continue;
    if (isModel(node)) return node;
    const patch = `${yaml.file.package_name}://${yaml.file.original_file_path}`;
    throw errorOf('versionedAndUnversioned', { name, node: node.unique_id, path: node.original_file_path, patch });
  }
  return undefined;
}

function isModel(node: PatchedResource): node is PatchedModel {
  return node.resource_type === 'model';
}

/** An entry of `versions:` with the model's entry that contains it. */
interface VersionOf {
  readonly entry: YamlEntry;
  readonly data: ModelEntry;
  readonly version: VersionEntry;
  /** Index of the version in the list. */
  readonly index: number;
  readonly latestVersion: ModelNode['version'];
}

function versionPatch({ entry, data, version, index, latestVersion }: VersionOf): Patch {
  const writtenVersions = entry.written['versions'];
  const written = (Array.isArray(writtenVersions) ? writtenVersions : [])
    .filter(isDict)
    .find((each) => pyStr(each['v']) === pyStr(version.v))?.['config'];
  const { constraints = [] } = version;
  const place = (at: readonly string[], told: TsdbtError): TsdbtError =>
    placed(entry.yaml.file, [entry.key, entry.index, 'versions', index, 'config', ...at], told);
  return {
    entry,
    name: data.name,
    description: (version.description || data.description) ?? '',
    columns: columnsOfVersion(data.columns ?? [], version),
    config: deepMerge(data.config ?? {}, version.config ?? {}, place),
    unrenderedConfig: isDict(written) ? written : null,
    constraints: constraints.length > 0 ? constraints : (data.constraints ?? []),
    access: data.access,
    model: { data, version: version.v, latestVersion, deprecationDate: normalizeDate(version.deprecation_date) },
  };
}

/** The model of a file, patched as a version of the entry's model. */
function patchedVersion(tools: PatchTools, found: PatchedModel, of: VersionOf, calls: NodeCalls): PatchedModel {
  const { name } = of.data;
  const v = `v${pyStr(of.version.v)}`;
  const unique_id = `model.${of.entry.yaml.project.project_name}.${name}.${v}`;
  const patch = versionPatch(of);
  let node: PatchedModel = { ...found, unique_id, fqn: [...found.fqn.slice(0, -1), name, v] };
  try {
    const described = describedBy(patch, 'model');
    node = { ...node, name };
    if (patch.model !== undefined) node = describedModel(tools, node, described, patch, patch.model, calls);
    const access = checkAccess(node, of.version.access ?? undefined) ?? node.access;
    node = withConfig(tools, { ...node, access }, patch, calls);
    const constraints = constraintsOf(tools, node, patch.constraints, calls);
    node = { ...node, ...referencesOf(calls), constraints };
    return { ...node, contract: withChecksum(node) };
  } catch (error) {
    throw error instanceof TsdbtError ? error.with({ node }) : error;
  }
}
