// Runs dbt's checks after parsing: name and relation conflicts, groups, access, snapshots, deprecated models, names
// with spaces, config paths that match nothing. references.ts checks references.
import type { Json, ManifestNode, ModelNode } from '../../contracts/node.ts';
import type { ConfigSection } from '../../contracts/project.ts';
import { errorOf } from '../../error-table.ts';
import { isDict } from '../../project/schema-check.ts';
import { checkMicrobatchModels } from './microbatch-checks.ts';
import { checkSemanticLayer } from './semantic/rules.ts';
import type { ConfigDict } from '../config/node-config.ts';
import type { ParseTools } from '../config/node-update.ts';
import { pluralOf, REFABLE } from '../table/duplicates.ts';
import type { ParseState } from '../table/parse-state.ts';
import type { LinkedTable } from '../table/tables.ts';
import { pyRepr, pyStr } from '../../values/python-text.ts';

/**
 * Runs the checks that need the whole project.
 * @returns the table with values that the checks have normalized
 */
export function checkProject({ state }: ParseTools, table: LinkedTable): LinkedTable {
  checkGroups(table);
  for (const node of table.nodes.values()) {
    if (node.resource_type === 'model') checkPublicEphemeral(node);
    else if (node.resource_type === 'snapshot') checkSnapshot(node);
  }
  const checked = { ...table, nodes: checkMicrobatchModels(state, table) };
  checkSemanticLayer(state, checked);
  checkFunctionArguments(checked);
  return checked;
}

/** Runs checks and warnings after the manifest is complete. */
export function checkManifest(
  tools: ParseTools,
  table: LinkedTable,
  childMap: Readonly<Record<string, readonly string[]>>,
): void {
  warnOfDeprecatedModels(tools.state, table, childMap);
  checkSpaces(tools.state, table);
  checkUniqueness(tools, table);
  checkLanguages(tools.state, table);
  warnOfUnusedPaths(tools.state, table);
}

function checkGroups(table: LinkedTable): void {
  const names = new Set([...table.groups.values()].map((group) => group.name));
  for (const each of [table.metrics, table.semantic_models, table.saved_queries, table.nodes]) {
    for (const node of each.values()) {
      const { group } = node;
      if (!group || names.has(group)) continue;
      throw errorOf(
        'badGroup',
        { group: pyStr(group), groups: pyRepr([...names].sort()) },
        {
          node,
        },
      );
    }
  }
}

function checkPublicEphemeral(node: ModelNode): void {
  if (node.access !== 'public' || node.config.materialized !== 'ephemeral') return;
  throw errorOf('publicEphemeral', { node: node.unique_id }, { path: node.original_file_path });
}

function checkSnapshot(node: ManifestNode): void {
  const config = node.config as ConfigDict;
  if (!config['strategy'] || !config['unique_key']) throw errorOf('snapshotWithoutKey', {}, { node });
  const columns = config['check_cols'] ?? null;
  if (config['strategy'] === 'check') {
    if (columns === null || columns === '' || (Array.isArray(columns) && columns.length === 0)) {
      throw errorOf('snapshotWithoutColumns', {}, { node });
    }
    if (typeof columns === 'string' && columns !== 'all')
      throw errorOf('badCheckColumns', { value: columns }, { node });
  } else if (config['strategy'] === 'timestamp') {
    if (!config['updated_at']) throw errorOf('snapshotWithoutTime', {}, { node });
    if (columns !== null && columns !== '') throw errorOf('timestampWithColumns', {}, { node });
  }
  if (config['materialized'] && config['materialized'] !== 'snapshot')
    throw errorOf('snapshotOtherwiseMaterialized', {}, { node });
}

function checkFunctionArguments(table: LinkedTable): void {
  for (const node of table.functions.values()) {
    let defaulted = false;
    for (const argument of node.arguments) {
      if ((argument.default_value ?? null) !== null) defaulted = true;
      else if (defaulted) {
        throw errorOf(
          'argumentAfterDefaulted',
          { argument: argument.name, function: node.name },
          { path: node.original_file_path },
        );
      }
    }
  }
}

function warnOfDeprecatedModels(
  state: ParseState,
  { nodes }: LinkedTable,
  childMap: Readonly<Record<string, readonly string[]>>,
): void {
  const now = state.config.invocation.started_at.getTime();
  for (const node of nodes.values()) {
    if (node.resource_type !== 'model' || node.deprecation_date === null) continue;
    const date = node.deprecation_date;
    const past = Date.parse(date) < now;
    const version = node.version === null ? '' : `.v${pyStr(node.version)}`;
    if (past) {
      state.warnings.warn(
        'DeprecatedModel',
        `Model ${node.name}${version} has passed its deprecation date of ${date}. This model should be ` +
          'disabled or removed.',
        { model_name: node.name, model_version: pyStr(node.version ?? ''), deprecation_date: date },
      );
    }
    for (const id of childMap[node.unique_id] ?? []) {
      const child = nodes.get(id);
      if (child?.resource_type !== 'model') continue;
      const slated = past ? `which was deprecated on '${date}'. ` : `which is slated for deprecation on '${date}'. `;
      const offer = past ? 'Migrate now' : 'Try it out';
      const latest = pyStr(node.latest_version);
      const coda =
        node.version !== null && pyStr(node.version) !== latest
          ? `A new version of '${node.name}' is available. ${offer}: {{ ref('${node.package_name}', ` +
            `'${node.name}', v='${latest}') }}.`
          : '';
      state.warnings.warn(
        past ? 'DeprecatedReference' : 'UpcomingReferenceDeprecation',
        `While compiling '${child.name}': Found a reference to ${node.name}${version}, ${slated}${coda}`,
        {
          model_name: child.name,
          ref_model_name: node.name,
          ref_model_package: node.package_name,
          ref_model_deprecation_date: date,
        },
      );
    }
  }
}

/** Nodes are reported first, then sources and semantic models. For each group a flag turns its warnings into errors. */
function checkSpaces(state: ParseState, table: LinkedTable): void {
  const spaced = (name: string): boolean => name.includes(' ');
  const nodes = [...table.nodes.values()].filter((node) => spaced(node.name));
  reportSpaces(
    state,
    new Map(nodes.map((node) => [node.unique_id, node.original_file_path])),
    state.flag('require_resource_names_without_spaces', true) ? 'model' : null,
  );
  const others = new Map<string, string>();
  // The tables of a source share its name; report it once.
  for (const { source_name, package_name, original_file_path } of table.sources.values()) {
    const id = `source.${package_name}.${source_name}`;
    if (spaced(source_name) && !others.has(id)) others.set(id, original_file_path);
  }
  for (const model of table.semantic_models.values())
    if (spaced(model.name)) others.set(model.unique_id, model.original_file_path);
  const strict = state.flag('require_source_and_semantic_model_names_without_spaces', false);
  reportSpaces(state, others, strict ? 'resource' : null);
}

/** @param refused the resource type's name in the error; null: they cause warnings, one per resource with `--debug` */
function reportSpaces(state: ParseState, bad: ReadonlyMap<string, string>, refused: string | null): void {
  if (bad.size === 0) return;
  if (refused !== null) {
    const list = [...bad].map(([id, path]) => `  * '${id}' (${path})`).join('\n');
    throw errorOf('namesWithSpaces', { names: list, kind: refused });
  }
  const { debug } = state.config.flags;
  state.command.add('flags.debug');
  for (const unique_id of [...bad.keys()].slice(0, debug ? bad.size : 1))
    state.warnings.warn('SpacesInResourceNameDeprecation', `Found spaces in the name of \`${unique_id}\``, {
      unique_id,
    });
  const hint = debug ? '' : ' Run again with `--debug` to see them all.';
  state.warnings.deprecated(
    'ResourceNamesWithSpacesDeprecation',
    `Spaces found in ${bad.size} resource name(s). This is deprecated, and may lead to errors when using ` +
      `dbt.${hint} For more information: https://docs.getdbt.com/reference/global-configs/legacy-behaviors`,
    { count_invalid_names: bad.size },
  );
}

/** @throws TsdbtError for a function in JavaScript, which neither database supports */
function checkLanguages({ adapter }: ParseState, { functions }: LinkedTable): void {
  for (const { name, language, original_file_path } of functions.values()) {
    if (language !== 'javascript') continue;
    throw errorOf('javascriptFunction', { function: name, adapter: adapter.type }, { path: original_file_path });
  }
}

/** @throws TsdbtError when two resources share a name or a relation */
function checkUniqueness({ state, names }: ParseTools, table: LinkedTable): void {
  const byRelation = new Map<string, ManifestNode>();
  const plain = new Map<string, ManifestNode>();
  const versioned = new Map<string, ManifestNode>();
  for (const node of table.nodes.values()) {
    const stored =
      node.resource_type === 'test' &&
      (Boolean((node.config as ConfigDict)['store_failures']) || state.config.flags.store_failures);
    if (!REFABLE.has(node.resource_type) && !stored) continue;
    const key = `${node.package_name}.${node.name}`;
    const isVersioned = node.resource_type === 'model' && node.version !== null;
    const existing = plain.get(key);
    if (existing !== undefined && !isVersioned) reportSameName(state, existing, node);
    (isVersioned ? versioned : plain).set(key, node);
    const relation = node.relation_name ?? names.render(node.database, node.schema, node.alias);
    const other = byRelation.get(relation);
    if (other !== undefined) {
      throw errorOf('sameRelation', {
        relation,
        one: other.unique_id,
        onePath: other.original_file_path,
        other: node.unique_id,
        otherPath: node.original_file_path,
      });
    }
    byRelation.set(relation, node);
  }
  for (const [key, node] of versioned) {
    const other = plain.get(key);
    if (other === undefined) continue;
    throw errorOf('versionedAndUnversioned', {
      name: node.name,
      node: other.unique_id,
      path: other.original_file_path,
      patch: String(node.patch_path),
    });
  }
}

function reportSameName(state: ParseState, first: ManifestNode, second: ManifestNode): void {
  if (state.flag('require_unique_project_resource_names', false)) {
    throw errorOf('sameName', {
      kinds: first.resource_type === second.resource_type ? pluralOf(first.resource_type) : 'resources',
      name: first.name,
      one: first.unique_id,
      onePath: first.original_file_path,
      other: second.unique_id,
      otherPath: second.original_file_path,
    });
  }
  state.warnings.deprecated(
    'DuplicateNameDistinctNodeTypesDeprecation',
    `Found resources with the same name '${second.name}' in package '${second.package_name}': ` +
      `'${first.unique_id}' and '${second.unique_id}'. Please update one of the resources to have a unique name.`,
    {
      resource_name: second.name,
      unique_id1: first.unique_id,
      unique_id2: second.unique_id,
      package_name: second.package_name,
    },
  );
}

const PATH_SECTIONS: readonly (readonly [label: string, section: ConfigSection])[] = [
  ['models', 'models'],
  ['seeds', 'seeds'],
  ['snapshots', 'snapshots'],
  ['sources', 'sources'],
  ['data_tests', 'tests'],
  ['unit_tests', 'unit_tests'],
  ['metrics', 'metrics'],
  ['semantic_models', 'semantic_models'],
  ['saved_queries', 'saved_queries'],
  ['exposures', 'exposures'],
  ['functions', 'functions'],
];

function warnOfUnusedPaths(state: ParseState, table: LinkedTable): void {
  const unused: string[] = [];
  let fqns: Map<string, Set<string>> | null = null;
  for (const [label, section] of PATH_SECTIONS) {
    const paths = new Set<string>();
    collectPaths(state.root.configs[section], [], paths);
    for (const path of paths) {
      fqns ??= usedPrefixes(table);
      if ([label, 'disabled'].some((group) => (path === '' ? fqns?.has(group) : fqns?.get(group)?.has(path)))) continue;
      unused.push([label, ...(path === '' ? [] : path.split('\u0000'))].join('.'));
    }
  }
  if (unused.length === 0) return;
  const list = unused.map((path) => `- ${path}`).join('\n');
  state.warnings.warn(
    'UnusedResourceConfigPath',
    'Configuration paths exist in your dbt_project.yml file which do not apply to any resources.\nThere are ' +
      `${unused.length} unused configuration paths:\n${list}`,
    { unused_config_paths: unused },
  );
}

function collectPaths(config: Json | undefined, path: readonly string[], paths: Set<string>): void {
  if (!isDict(config)) return;
  for (const key of Object.keys(config)) {
    const value = config[key];
    if (isDict(value) && !key.startsWith('+')) collectPaths(value, [...path, key], paths);
    else paths.add(path.join('\u0000'));
  }
}

function usedPrefixes(table: LinkedTable): Map<string, Set<string>> {
  const out = new Map<string, Set<string>>();
  const add = (label: string, fqn: readonly string[]): void => {
    let set = out.get(label);
    if (set === undefined) out.set(label, (set = new Set()));
    let prefix = '';
    for (const part of fqn) {
      prefix = prefix === '' ? part : `${prefix}\u0000${part}`;
      set.add(prefix);
    }
  };
  const tables = [
    table.exposures,
    table.functions,
    table.nodes,
    table.sources,
    table.metrics,
    table.semantic_models,
    table.saved_queries,
    table.unit_tests,
  ] as readonly ReadonlyMap<string, { fqn: readonly string[]; resource_type: string }>[];
  for (const each of tables) for (const node of each.values()) add(pluralOf(node.resource_type), node.fqn);
  for (const nodes of table.disabled.values()) for (const node of nodes) add('disabled', node.fqn);
  return out;
}
