// Applies config to a node, with all derived fields: tags, meta, group, access, docs, contract, names, hooks.
// node-config.ts merges levels; relation-names.ts computes names.
import type { ModelNode, NodeConfig, TestConfig } from '../../contracts/node.ts';
import type { ConfigSection } from '../../contracts/project.ts';
import { errorOf } from '../../error-table.ts';
import { isDict } from '../../project/schema-check.ts';
import { deepMerge, type JsonDict } from './deep-merge.ts';
import { type ConfigDict, type ConfigOf, type ConfigSources, keepClearedValues } from './node-config.ts';
import type { ParseState } from '../table/parse-state.ts';
import type { NodeCalls } from '../table/node-calls.ts';
import type { ConfiguredNode } from '../table/phases.ts';
import { pyStr } from '../../values/python-text.ts';
import type { Place, RelationNames } from './relation-names.ts';
import type { Rendering } from '../table/rendering.ts';

export interface ParseTools {
  readonly state: ParseState;
  readonly rendering: Rendering;
  readonly names: RelationNames;
}

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

/** Config class and dbt_project.yml tree of a resource type. */
function configKindOf(state: ParseState, resourceType: string): readonly [NodeKind, ConfigSection] {
  if (resourceType === 'analysis' && state.flag('require_corrected_analysis_fqns', false)) return ['node', 'analyses'];
  return KINDS[resourceType] ?? ['node', 'models'];
}

/** The fields that determine the levels of dbt_project.yml. */
export type ConfigOwner = Pick<ConfiguredNode, 'fqn' | 'package_name'> & { readonly resource_type: string };

/** The config of a node before its file is read. */
export function projectConfigOf(state: ParseState, owner: ConfigOwner): NodeConfig & TestConfig {
  const [kind, section] = configKindOf(state, owner.resource_type);
  const { fqn, package_name } = owner;
  const sources = { kind, section, fqn, project: state.project(package_name), root: state.root };
  // The resource type determines the kind of config.
  return state.configs.calculate(sources) as NodeConfig & TestConfig;
}

/** Fields derived from config. */
interface ConfigFields<C> extends Place {
  schema: string;
  tags: readonly string[];
  meta: ConfiguredNode['meta'];
  group: string | null;
  docs: ConfiguredNode['docs'];
  access?: ModelNode['access'];
  contract?: ModelNode['contract'];
  unrendered_config: ConfigDict;
  config: C;
  relation_name: string | null;
}

/** Inputs of a config in addition to the project's files. */
export interface NodeLevels {
  /** Values of config() in the node's file. */
  readonly calls: NodeCalls;
  /** The previous config of the node; null if there is none. */
  readonly previous: ConfigDict | null;
  /** Config of its YAML entry, rendered. */
  readonly patch?: JsonDict | null;
  /** The same values before rendering. */
  readonly unrenderedPatch?: JsonDict | null;
  /** The values of config() as dbt's static parser keeps them. */
  readonly written?: ConfigDict | null;
}

/**
 * Returns the node with all fields derived from config. Its hooks are rendered, and their calls are added to `calls`.
 * @throws TsdbtError `parsing` for a value of a wrong type
 */
export function configured<N extends ConfiguredNode>(tools: ParseTools, node: N, levels: NodeLevels): N {
  const { fields, config } = configFields(tools, node, levels);
  const updated = { ...node, ...fields };
  if (node.resource_type === 'test') return updated;
  for (const hooks of [config['pre-hook'], config['post-hook']])
    for (const hook of hooks ?? []) tools.rendering.hook(updated, hook.sql, levels.calls);
  return updated;
}

/**
 * Returns the fields derived from config, and the config with the values that a null clears.
 * @throws TsdbtError `parsing` for a value of a wrong type
 */
export function configFields<N extends ConfiguredNode>(
  tools: ParseTools,
  node: N,
  { calls, previous, patch = null, unrenderedPatch = null, written = null }: NodeLevels,
): { readonly fields: ConfigFields<N['config']>; readonly config: ConfigOf[NodeKind] } {
  const { state, names } = tools;
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
  const config = state.configs.calculate({ ...base, patch: patched, call: calls.config });
  const derived = derivedFields(node, config);

  const more = state.flag('state_modified_compare_more_unrendered_values', true);
  const own = more && patched !== null && unrenderedPatch !== null ? deepMerge(patched, unrenderedPatch) : patched;
  const unrendered = state.configs.calculateUnrendered({
    ...base,
    section: section === 'functions' ? 'models' : section,
    patch: own,
    call: !more || Object.keys(calls.unrendered).length === 0 ? calls.config : calls.unrendered,
  });
  const unrendered_config = written === null ? unrendered : { ...unrendered, ...written };

  const kept = keepClearedValues(kind, previous, config) as N['config'];
  const place = names.place(node, config, [node, derived, { unrendered_config, config: kept }]);
  const relation_name = relationName(tools, node.resource_type, kept, place);
  const fields: ConfigFields<N['config']> = {
    tags: derived.tags,
    meta: derived.meta,
    group: derived.group,
    docs: derived.docs,
    unrendered_config,
    config: kept,
    database: place.database,
    // dbt writes Python's text of null here, but computes the relation name from null itself.
    schema: place.schema ?? 'None',
    alias: place.alias,
    relation_name,
  };
  if (derived.access !== undefined) fields.access = derived.access;
  if (derived.contract !== undefined) fields.contract = derived.contract;
  return { fields, config };
}

type DerivedFields = Pick<ConfigFields<never>, 'tags' | 'meta' | 'group' | 'docs' | 'access' | 'contract'>;

function derivedFields(node: ConfiguredNode, config: ConfigOf[NodeKind]): DerivedFields {
  const derived: DerivedFields = {
    tags: withMore(node.tags, config.tags),
    meta: isEmpty(config.meta) ? node.meta : config.meta,
    group: config.group ? config.group : node.group,
    docs: node.docs,
  };
  if (node.resource_type === 'model' && config.access) derived.access = config.access;
  const { docs, contract } = config;
  if (isDict(docs)) derived.docs = { show: docs.show !== false, node_color: docs.node_color ?? null };
  if (isDict(contract) && 'contract' in node) {
    const { enforced, alias_types } = contract;
    if (typeof enforced !== 'boolean') throw errorOf('enforcedNotBoolean', { value: pyStr(enforced) });
    derived.contract = { enforced, alias_types: alias_types !== false, checksum: null };
  }
  return derived;
}

/** Appends those items of the second list that the first lacks. */
function withMore(first: readonly string[], second: readonly string[]): readonly string[] {
  return second.length === 0 ? first : [...new Set([...first, ...second])];
}

function isEmpty(dict: object): boolean {
  for (const _ in dict) return false;
  return true;
}

/** Nodes with a relation in the database have a relation name; for other nodes it is null. */
function relationName(
  { state, names }: ParseTools,
  type: string,
  config: ConfiguredNode['config'],
  place: Place,
): string | null {
  let relational = type === 'model' || type === 'seed' || type === 'snapshot' || type === 'function';
  if (relational && config.materialized === 'ephemeral') relational = false;
  if (type === 'test') relational = Boolean(config['store_failures']) || state.config.flags.store_failures;
  return relational ? names.render(place.database, place.schema, place.alias) : null;
}
