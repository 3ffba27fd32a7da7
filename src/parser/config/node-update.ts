// Gives a node its config, and what follows from it: tags, meta, group, access, docs, contract, names, hooks. Leaves
// merging of levels to node-config.ts and names to relation-names.ts.
import type { Json, ManifestNode, ModelNode, ParsedOnlyNode } from '../../contracts/node.ts';
import type { ConfigSection } from '../../contracts/project.ts';
import { TsdbtError } from '../../errors.ts';
import { type ConfigKind, isDict } from './config-fields.ts';
import { type ConfigDict, type ConfigSources, keepClearedValues } from './node-config.ts';
import type { ParseState } from '../table/parse-state.ts';
import { pyStr } from '../../values/python-text.ts';
import type { RelationNames } from './relation-names.ts';
import type { Rendering } from '../table/rendering.ts';

export interface ParseTools {
  readonly state: ParseState;
  readonly rendering: Rendering;
  readonly names: RelationNames;
}

export type ConfiguredNode = ManifestNode | ParsedOnlyNode;

const KINDS: Readonly<Record<string, readonly [ConfigKind, ConfigSection]>> = {
  model: ['model', 'models'],
  seed: ['seed', 'seeds'],
  snapshot: ['snapshot', 'snapshots'],
  test: ['test', 'tests'],
  analysis: ['node', 'models'],
  operation: ['node', 'models'],
  sql_operation: ['node', 'models'],
  function: ['function', 'functions'],
};

/** Which config class and which tree of dbt_project.yml a resource has. */
export function configKindOf(state: ParseState, resourceType: string): readonly [ConfigKind, ConfigSection] {
  if (resourceType === 'analysis' && state.flag('require_corrected_analysis_fqns', false)) return ['node', 'analyses'];
  return KINDS[resourceType] ?? ['node', 'models'];
}

/** Config of a node before anything in its file was read. */
export function projectConfigOf(state: ParseState, node: ConfiguredNode): ConfigDict {
  const [kind, section] = configKindOf(state, node.resource_type);
  return state.configs.calculate({
    kind,
    section,
    fqn: node.fqn,
    project: state.project(node.package_name),
    root: state.root,
  });
}

/**
 * Sets everything that config decides on a node.
 * @param patch config of its YAML entry, rendered
 * @param unrenderedPatch the same as written
 * @throws TsdbtError `parsing` for a value of a wrong type
 */
export function updateNode(
  tools: ParseTools,
  node: ConfiguredNode,
  patch: ConfigDict | null = null,
  unrenderedPatch: ConfigDict | null = null,
): void {
  const { state, names, rendering } = tools;
  const calls = state.callsOf(node);
  const [kind, section] = configKindOf(state, node.resource_type);
  const base: ConfigSources = {
    kind,
    section,
    fqn: node.fqn,
    project: state.project(node.package_name),
    root: state.root,
  };
  const patched =
    node.resource_type === 'model' && node.language === 'python' && !(patch !== null && 'materialized' in patch)
      ? { ...patch, materialized: 'table' }
      : patch;
  const config = state.configs.calculate({ ...base, patch: patched, call: calls.call });
  applyConfig(node as ManifestNode, config);

  const more = state.flag('state_modified_compare_more_unrendered_values', true);
  const written = more && patched !== null && unrenderedPatch !== null ? deepMerge(patched, unrenderedPatch) : patched;
  const call = !more || Object.keys(calls.unrendered).length === 0 ? calls.call : calls.unrendered;
  const unrenderedSection = section === 'functions' ? 'models' : section;
  node['unrendered_config'] = state.configs.calculateUnrendered({
    ...base,
    section: unrenderedSection,
    patch: written,
    call,
  });

  calls.base = keepClearedValues(kind, calls.base, config);
  node['config'] = calls.base;
  names.update(node as ManifestNode, config);
  setRelationName(tools, node as ManifestNode);
  if (node.resource_type === 'test') return;
  for (const key of ['pre-hook', 'post-hook'])
    for (const hook of config[key] as { sql: string }[]) rendering.hook(node, hook.sql);
}

function applyConfig(node: ManifestNode, config: ConfigDict): void {
  for (const tag of config['tags'] as string[]) if (!node.tags.includes(tag)) node.tags.push(tag);
  const meta = config['meta'] as { [key: string]: Json };
  for (const _ in meta) {
    node.meta = meta;
    break;
  }
  if (config['group']) node.group = config['group'] as string;
  if (node.resource_type === 'model' && config['access']) node.access = config['access'] as ModelNode['access'];
  const docs = config['docs'];
  if (isDict(docs))
    node.docs = { show: docs['show'] !== false, node_color: (docs['node_color'] as string | null | undefined) ?? null };
  const contract = config['contract'];
  if (isDict(contract) && 'contract' in node) {
    const { enforced, alias_types } = contract;
    if (typeof enforced !== 'boolean')
      throw new TsdbtError('parsing', `at path ['enforced']: ${pyStr(enforced)} is not of type 'boolean'`);
    node.contract = { enforced, alias_types: alias_types !== false, checksum: null };
  }
}

/** Nodes that stand for something in the database have a relation name; the others null. */
export function setRelationName(tools: ParseTools, node: ManifestNode): void {
  const { state, names } = tools;
  const config = node.config as ConfigDict;
  const type: string = node.resource_type;
  let relational = type === 'model' || type === 'seed' || type === 'snapshot' || type === 'function';
  if (relational && config['materialized'] === 'ephemeral') relational = false;
  if (node.resource_type === 'test')
    relational = Boolean(config['store_failures']) || state.config.flags.store_failures;
  node.relation_name = relational ? names.render(node.database, node.schema, node.alias) : null;
}

/** dbt's deep_merge: dicts join, lists of the second come before those of the first. */
export function deepMerge(first: ConfigDict, second: ConfigDict): ConfigDict {
  const out: ConfigDict = { ...first };
  for (const key of Object.keys(second)) {
    const value = second[key];
    const existing = out[key];
    if (isDict(value)) out[key] = deepMerge(isDict(existing) ? existing : {}, value);
    else if (Array.isArray(value)) out[key] = Array.isArray(existing) ? [...value, ...existing] : value;
    else out[key] = value;
  }
  return out;
}
