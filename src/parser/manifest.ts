// From files to the manifest, in dbt's order: macros, nodes, YAML, sources, references, checks. Pure: texts and values
// in, a manifest out. Leaves each resource to its own file here.
import type { Adapter } from '../adapters/adapter.ts';
import type { Manifest } from '../contracts/manifest.ts';
import type { GraphNode, ManifestNode } from '../contracts/node.ts';
import type { RuntimeConfig, SourceFile } from '../contracts/project.ts';
import { TsdbtError } from '../errors.ts';
import type { LogEvent, Logger } from '../log.ts';
import { checkManifest, checkProject } from './check/checks.ts';
import { renderDescriptions } from './link/descriptions.ts';
import { parseDocsFile } from './read/doc-blocks.ts';
import { addExposure, addGroup } from './read/exposures.ts';
import { GenericTests, type TestTarget } from './read/generic-tests.ts';
import { InertMacros } from './shortcuts/inert-macros.ts';
import { applyMacroPatch } from './patch/macro-patches.ts';
import { addMacros, linkMacros, macroIdsOf, type MacroFacts, parseMacroFiles } from './read/macros.ts';
import { manifestMetadata } from './table/metadata.ts';
import { applyNodePatch, normalizedEntry } from './patch/node-patches.ts';
import { newYamlSnapshot, parseHooks, parseNodeFile } from './read/nodes.ts';
import type { ParseTools } from './config/node-update.ts';
import { createParseRendering } from './read/parse-rendering.ts';
import { ParseState } from './table/parse-state.ts';
import { inferPrimaryKeys } from './link/primary-keys.ts';
import { parentsOf, References, type Referring } from './link/references.ts';
import { RelationNames } from './config/relation-names.ts';
import { manifestSelectors } from './table/selectors.ts';
import { addMetric, addSavedQuery, addSemanticModel, linkSemanticLayer } from './read/semantic-layer.ts';
import { Sources } from './read/sources.ts';
import { expectRefOrSource } from './shortcuts/static-expressions.ts';
import { addUnitTest, linkUnitTests } from './read/unit-tests.ts';
import { placed, readYamlFile, type YamlDict, yamlEntries, type YamlFile } from './read/yaml-entries.ts';

export interface ParseInput {
  readonly config: RuntimeConfig;
  readonly files: readonly SourceFile[];
  readonly adapter: Pick<
    Adapter,
    'type' | 'createRelation' | 'relations' | 'quote' | 'capabilities' | 'connectionInfo'
  >;
  readonly logger: Logger;
  /** Gives the macros of built-in packages, parsed ahead of time; their files are then not read. */
  readonly builtinMacros?: (() => readonly MacroFacts[] | undefined) | undefined;
}

export interface ParseOutput {
  readonly manifest: Manifest;
  readonly warnings: readonly LogEvent[];
  /** Environment variables that templates asked for, with what they got; the parse holds as long as they stay. */
  readonly envVars: Readonly<Record<string, string>>;
  /** Nodes whose text something has looked at, and so may say something else when it changes. */
  readonly readers: readonly string[];
}

const NODE_KINDS = ['model', 'snapshot', 'analysis', 'singular_test', 'seed', 'docs', 'fixture', 'function'] as const;

/**
 * Parses a project.
 * @throws TsdbtError the first thing that is wrong, with file and line where they are known
 */
export function parseProject(input: ParseInput): ParseOutput {
  const { config, files, adapter, logger } = input;
  const internal = config.packages
    .map((project) => project.project_name)
    .filter((name) => name === 'dbt' || name === `dbt_${adapter.type}`);
  const internalPackages = [`dbt_${adapter.type}`, 'dbt'].filter((name) => internal.includes(name));
  const state = new ParseState(config, adapter, logger, internalPackages);
  const byPackage = new Map<string, SourceFile[]>();
  for (const file of files) {
    const list = byPackage.get(file.package_name);
    if (list === undefined) byPackage.set(file.package_name, [file]);
    else list.push(file);
    state.files.set(`${file.package_name}://${file.original_file_path}`, file);
  }

  const facts: MacroFacts[] = [];
  const ready = input.builtinMacros?.()?.filter((each) => internalPackages.includes(each.package_name)) ?? [];
  for (const name of state.projects.keys()) {
    const own = internalPackages.includes(name) ? ready.filter((each) => each.package_name === name) : [];
    if (own.length > 0) {
      facts.push(...own);
      continue;
    }
    const macroFiles = (byPackage.get(name) ?? []).filter(
      (file) => file.kind === 'macro' || file.kind === 'generic_test',
    );
    facts.push(
      ...parseMacroFiles(
        macroFiles.filter((file) => file.kind === 'macro'),
        (file, message) => warnOfBlock(state, file, message),
      ),
    );
    facts.push(...parseMacroFiles(macroFiles.filter((file) => file.kind === 'generic_test')));
  }
  addMacros(state, facts);
  const macroIds = macroIdsOf(state);
  linkMacros(state, macroIds, facts);

  const visible = new Set([state.root.project_name, ...internalPackages]);
  const inert = new InertMacros(
    state.macros,
    macroIds,
    (packageName, macro) => macro.package_name === packageName || visible.has(macro.package_name),
  );
  const { rendering, envVars } = createParseRendering(state, adapter, inert);
  const tools: ParseTools = { state, rendering, names: new RelationNames(state, rendering) };
  for (const [name, project] of state.projects) {
    const own = byPackage.get(name) ?? [];
    const form = project.raw['config-version'] ?? 2;
    if (form !== 2 && own.some((file) => (NODE_KINDS as readonly string[]).includes(file.kind)))
      throw new TsdbtError('project', `Got an unexpected project version=${form}, expected 2`, {
        path: `${project.project_root}/dbt_project.yml`,
      });
    for (const kind of NODE_KINDS) {
      for (const file of own) if (file.kind === kind) (kind === 'docs' ? parseDocsFile : parseNodeFile)(tools, file);
    }
    parseHooks(tools, project);
  }

  const tests = new GenericTests(tools, macroIds, inert);
  const sources = new Sources(tools);
  for (const name of state.projects.keys()) {
    for (const file of byPackage.get(name) ?? []) {
      if (file.kind !== 'properties' || file.contents.trim() === '') continue;
      const yaml = readYamlFile(tools, file);
      if (yaml !== null) parsePropertiesFile(tools, yaml, tests, sources);
    }
  }
  separateDisabled(state);
  sources.finish(tests);
  state.rebuildDisabledLookup();

  linkEverything(tools);
  checkProject(tools);
  const maps = buildMaps(state);
  const manifest = writableManifest(state, maps);
  checkManifest(tools, maps.child_map);
  return {
    manifest,
    warnings: state.warnings.all,
    envVars: Object.fromEntries(envVars),
    readers: [...state.textReaders],
  };
}

function warnOfBlock(state: ParseState, file: SourceFile, message: string): void {
  state.warnings.deprecated(
    'UnexpectedJinjaBlockDeprecation',
    'D023',
    `${message} in file \`${file.original_file_path}\``,
    { msg: message, file: file.original_file_path },
  );
}

/** One properties file, its keys in dbt's order. */
function parsePropertiesFile(tools: ParseTools, yaml: YamlFile, tests: GenericTests, sources: Sources): void {
  const { data } = yaml;
  const patch = (key: 'models' | 'seeds' | 'snapshots'): void => {
    const patched: [TestTarget, YamlDict][] = [];
    for (const entry of yamlEntries(tools, yaml, key)) {
      const normalized = normalizedEntry(entry);
      applyNodePatch(tools, entry, normalized);
      patched.push([testTarget(yaml, key, normalized), normalized]);
    }
    for (const [target, normalized] of patched) tests.addAll(target, normalized);
  };
  const each = (key: string, add: (entry: Parameters<typeof addExposure>[1]) => void): void => {
    if (!(key in data)) return;
    for (const entry of yamlEntries(tools, yaml, key)) add(entry);
  };
  if ('models' in data) patch('models');
  if ('seeds' in data) patch('seeds');
  if ('snapshots' in data) {
    addYamlSnapshots(tools, yaml);
    patch('snapshots');
  }
  each('sources', (entry) => sources.add(entry));
  each('macros', (entry) => applyMacroPatch(tools, entry));
  each('data_tests', (entry) => applyNodePatch(tools, entry, normalizedEntry(entry)));
  each('analyses', (entry) => applyNodePatch(tools, entry, normalizedEntry(entry)));
  each('exposures', (entry) => addExposure(tools, entry));
  each('functions', (entry) => applyNodePatch(tools, entry, normalizedEntry(entry)));
  each('metrics', (entry) => addMetric(tools, entry));
  each('groups', (entry) => addGroup(tools, entry));
  each('semantic_models', (entry) => addSemanticModel(tools, entry));
  each('unit_tests', (entry) => addUnitTest(tools, entry));
  each('saved_queries', (entry) => addSavedQuery(tools, entry));
}

function testTarget(yaml: YamlFile, key: 'models' | 'seeds' | 'snapshots', data: YamlDict): TestTarget {
  const name = data['name'] as string;
  return {
    kind: key === 'models' ? 'model' : 'node',
    name,
    package_name: yaml.project.project_name,
    original_file_path: yaml.file.original_file_path,
    fileKeyName: `${key}.${name}`,
  };
}

/** Snapshots that have no SQL of their own: `relation: ref('x')`. */
function addYamlSnapshots(tools: ParseTools, yaml: YamlFile): void {
  (yaml.data['snapshots'] as YamlDict[]).forEach((snapshot, index) => {
    if (!('relation' in snapshot)) return;
    const relation = snapshot['relation'] as string;
    const node = newYamlSnapshot(tools, yaml.file, snapshot['name'] as string, `select * from {{ ${relation} }}`);
    try {
      const target = expectRefOrSource(relation);
      if (node.resource_type === 'snapshot') {
        if ('ref' in target) node.refs.push(target.ref);
        else node.sources.push(target.source);
      }
    } catch (error) {
      throw error instanceof TsdbtError ? placed(yaml.file, ['snapshots', index, 'relation'], error.message) : error;
    }
    tools.state.addNode(node);
  });
}

/** After the YAML, `enabled` may have changed: nodes and disabled nodes change places. */
function separateDisabled(state: ParseState): void {
  for (const node of [...state.nodes.values()]) {
    if (node.config.enabled) continue;
    state.removeNode(node);
    state.addDisabled(node);
  }
  for (const [id, nodes] of [...state.disabled]) {
    const enabled = nodes.filter((node) => (node as ManifestNode).config.enabled);
    if (enabled.length === 0) continue;
    state.disabled.delete(id);
    for (const node of enabled) {
      if (node.resource_type === 'function') state.functions.set(id, node as never);
      else state.addNode(node as ManifestNode);
    }
  }
}

function linkEverything(tools: ParseTools): void {
  const { state } = tools;
  const references = new References(state);
  for (const node of state.nodes.values()) if (node.resource_type !== 'seed') references.linkSources(node);
  for (const node of state.exposures.values()) references.linkSources(node);
  for (const node of state.nodes.values()) if (node.resource_type !== 'seed') references.linkRefs(node);
  for (const node of [
    ...state.exposures.values(),
    ...state.metrics.values(),
    ...state.functions.values(),
  ] as Referring[])
    references.linkRefs(node);
  linkUnitTests(tools);
  renderDescriptions(tools);
  linkSemanticLayer(tools, references);
  for (const node of [...state.nodes.values(), ...state.exposures.values()] as Referring[]) {
    const metrics = (node as { metrics?: string[][] }).metrics;
    if (metrics !== undefined && metrics.length > 0) references.linkMetrics(node, metrics);
  }
  inferPrimaryKeys(state);
  for (const node of [...state.nodes.values(), ...state.functions.values()] as Referring[])
    references.linkFunctions(node);
}

type Maps = Pick<Manifest, 'parent_map' | 'child_map' | 'group_map'> & {
  readonly child_map: Record<string, string[]>;
  readonly parent_map: Record<string, string[]>;
  readonly group_map: Record<string, string[]>;
};

function buildMaps(state: ParseState): Maps {
  const child_map: Record<string, string[]> = {};
  const parent_map: Record<string, string[]> = {};
  const group_map: Record<string, string[]> = {};
  const members = [
    ...state.nodes.values(),
    ...state.sources.values(),
    ...state.exposures.values(),
    ...state.functions.values(),
    ...state.metrics.values(),
    ...state.semanticModels.values(),
    ...state.savedQueries.values(),
    ...state.unitTests.values(),
  ] as GraphNode[];
  for (const node of members) child_map[node.unique_id] = [];
  for (const node of members) {
    const parents = parentsOf(node);
    parent_map[node.unique_id] = [...parents].sort();
    for (const parent of parents) child_map[parent]?.push(node.unique_id);
  }
  for (const id in child_map) child_map[id]?.sort();
  for (const group of state.groups.values()) group_map[group.name] = [];
  for (const node of [
    ...state.nodes.values(),
    ...state.savedQueries.values(),
    ...state.semanticModels.values(),
    ...state.metrics.values(),
  ] as { group?: string | null; unique_id: string }[]) {
    if (node.group !== null && node.group !== undefined) group_map[node.group]?.push(node.unique_id);
  }
  return { child_map, parent_map, group_map };
}

function writableManifest(state: ParseState, maps: Maps): Manifest {
  const record = <T>(table: ReadonlyMap<string, T>): Record<string, T> => Object.fromEntries(table);
  return {
    metadata: manifestMetadata(state.config, state.adapter.type),
    nodes: record(state.nodes),
    sources: record(state.sources),
    macros: record(state.macros),
    docs: record(state.docs),
    exposures: record(state.exposures),
    metrics: record(state.metrics),
    groups: record(state.groups),
    selectors: manifestSelectors(state.root.selectors),
    disabled: record(state.disabled),
    parent_map: maps.parent_map,
    child_map: maps.child_map,
    group_map: maps.group_map,
    saved_queries: record(state.savedQueries),
    semantic_models: record(state.semanticModels),
    unit_tests: record(state.unitTests),
    functions: record(state.functions),
  };
}
