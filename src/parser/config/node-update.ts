// Gives a node its config, and what follows from it: tags, meta, group, access, docs, contract, names, hooks. Leaves
// merging of levels to node-config.ts and names to relation-names.ts.
import type { FunctionNode, ManifestNode } from '../../contracts/node.ts';
import type { ConfigSection } from '../../contracts/project.ts';
import { TsdbtError } from '../../errors.ts';
import { isDict } from './config-fields.ts';
import { type ConfigDict, type ConfigOf, type ConfigSources, keepClearedValues } from './node-config.ts';
import type { ParseState } from '../table/parse-state.ts';
import { pyStr } from '../../values/python-text.ts';
import type { RelationNames } from './relation-names.ts';
import type { Rendering } from '../table/rendering.ts';

export interface ParseTools {
  readonly state: ParseState;
  readonly rendering: Rendering;
  readonly names: RelationNames;
}

export type ConfiguredNode = ManifestNode | FunctionNode;
/** Kinds of config that nodes and functions have. */
type NodeKind = 'node' | 'model' | 'seed' | 'snapshot' | 'test' | 'function';

const KINDS: Readonly<Record<string, readonly [NodeKind, ConfigSection]>> = {
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
export function configKindOf(state: ParseState, resourceType: string): readonly [NodeKind, ConfigSection] {
  if (resourceType === 'analysis' && state.flag('require_corrected_analysis_fqns', false)) return ['node', 'analyses'];
  return KINDS[resourceType] ?? ['node', 'models'];
}

/** Config of a node before anything in its file was read. */
export function projectConfigOf(state: ParseState, node: ConfiguredNode): ConfigOf[NodeKind] {
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
  const base: ConfigSources<NodeKind> = {
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
  applyConfig(node, config);

  const more = state.flag('state_modified_compare_more_unrendered_values', true);
  const written = more && patched !== null && unrenderedPatch !== null ? deepMerge(patched, unrenderedPatch) : patched;
  const call = !more || Object.keys(calls.unrendered).length === 0 ? calls.call : calls.unrendered;
  const unrenderedSection = section === 'functions' ? 'models' : section;
  node.unrendered_config = state.configs.calculateUnrendered({
    ...base,
    section: unrenderedSection,
    patch: written,
    call,
  });

  calls.base = keepClearedValues(kind, calls.base, config);
  setConfig(node, calls.base);
  names.update(node, config);
  setRelationName(tools, node);
  if (node.resource_type === 'test') return;
  for (const hooks of [config['pre-hook'], config['post-hook']])
    for (const hook of hooks ?? []) rendering.hook(node, hook.sql);
}

/** Gives a node a config, which others may share. */
export function setConfig(node: { config: ConfigDict }, config: ConfigDict): void {
  node.config = config;
}

function applyConfig(node: ConfiguredNode, config: ConfigOf[NodeKind]): void {
  for (const tag of config.tags) if (!node.tags.includes(tag)) node.tags.push(tag);
  for (const _ in config.meta) {
    node.meta = config.meta;
    break;
  }
  if (config.group) node.group = config.group;
  if (node.resource_type === 'model' && config.access) node.access = config.access;
  const { docs, contract } = config;
  if (isDict(docs)) node.docs = { show: docs.show !== false, node_color: docs.node_color ?? null };
  if (isDict(contract) && 'contract' in node) {
    const { enforced, alias_types } = contract;
    if (typeof enforced !== 'boolean')
      throw new TsdbtError('parsing', `at path ['enforced']: ${pyStr(enforced)} is not of type 'boolean'`);
    node.contract = { enforced, alias_types: alias_types !== false, checksum: null };
  }
}

/** Nodes that stand for something in the database have a relation name; the others null. */
export function setRelationName(tools: ParseTools, node: ConfiguredNode): void {
  const { state, names } = tools;
  const { config, resource_type: type } = node;
  let relational = type === 'model' || type === 'seed' || type === 'snapshot' || type === 'function';
  if (relational && config.materialized === 'ephemeral') relational = false;
  if (type === 'test') relational = Boolean(config['store_failures']) || state.config.flags.store_failures;
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
