// Merges the config of a node: defaults, dbt_project.yml from outer to inner folders, properties YAML, config() in the
// file; for a package, the root project comes last.
import type {
  ExposureNode,
  GroupNode,
  Json,
  NodeConfig,
  SemanticConfig,
  SourceDefinition,
  TestConfig,
  UnitTestNode,
} from '../../contracts/node.ts';
import type { ConfigSection, Project } from '../../contracts/project.ts';
import { misspeltConfig } from './misspelt-config.ts';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import { COLOR_NAMES } from './color-names.ts';
import { CONFIG_FIELDS, type ConfigField, type ConfigKind, emptyFreshness } from './config-fields.ts';
import { isDict } from '../../project/schema-check.ts';
import { pyRepr, pyStr } from '../../values/python-text.ts';

export type ConfigDict = { [key: string]: unknown };

/** Config levels of one node: its own project, its YAML, its file, and the root project for nodes of a package. */
export interface ConfigSources<K extends ConfigKind = ConfigKind> {
  readonly kind: K;
  readonly section: ConfigSection;
  readonly fqn: readonly string[];
  readonly project: Project;
  readonly root: Project;
  readonly patch?: ConfigDict | null | undefined;
  readonly call?: ConfigDict | null | undefined;
}

/** The merged and checked config of each kind. */
export interface ConfigOf {
  readonly node: NodeConfig;
  readonly model: NodeConfig;
  readonly seed: NodeConfig;
  readonly snapshot: NodeConfig;
  readonly function: NodeConfig;
  readonly test: TestConfig;
  readonly source: SourceDefinition['config'];
  readonly exposure: ExposureNode['config'];
  readonly unit_test: UnitTestNode['config'];
  readonly group: GroupNode['config'];
  readonly metric: SemanticConfig;
  readonly semantic_model: SemanticConfig;
  readonly saved_query: SemanticConfig;
}

type FieldMap = ReadonlyMap<string, ConfigField>;
const FIELD_MAPS = ofEachKind((kind): FieldMap => new Map(CONFIG_FIELDS[kind].map((f) => [f.name, f])));

/** Synonyms in dbt for the same config key. */
const KEY_ALIASES: ReadonlyMap<string, string> = new Map([
  ['dbname', 'database'],
  ['pass', 'password'],
  ['pre_hook', 'pre-hook'],
  ['post_hook', 'post-hook'],
]);

/**
 * Returns the levels of a config tree that apply to `fqn`, outermost first: `+key` with any value, `key` with any value
 * except a dict.
 */
export function configLevels(tree: Json | undefined, fqn: readonly string[]): ConfigDict[] {
  const out: ConfigDict[] = [];
  let level: Json | undefined = tree;
  for (let depth = 0; isDict(level); depth += 1) {
    const own = ownConfigs(level);
    if (own !== null) out.push(own);
    const next: string | undefined = fqn[depth];
    if (next === undefined) break;
    level = level[next];
  }
  return out;
}

function ownConfigs(level: { [key: string]: Json }): ConfigDict | null {
  let own: ConfigDict | null = null;
  for (const key of Object.keys(level)) {
    const value = level[key];
    if (key.charCodeAt(0) === 43) {
      own ??= {};
      own[key.slice(1).trim()] = value;
    } else if (!isDict(value)) {
      own ??= {};
      own[key] = value;
    }
  }
  return own;
}

/** The tree of dbt_project.yml for a section. */
function treeOf(project: Project, section: ConfigSection, rendered: boolean): Json | undefined {
  return (rendered ? project.configs : project.unrendered_configs)[section];
}

/** The merged levels of a folder, before and after the final checks. All nodes in it share them. */
interface FolderConfig {
  readonly merged: ConfigDict;
  readonly levels: readonly ConfigDict[];
  readonly finished: ConfigDict | TsdbtError;
}

function ofEachKind<T>(make: (kind: ConfigKind) => T): Readonly<Record<ConfigKind, T>> {
  return {
    node: make('node'),
    model: make('model'),
    seed: make('seed'),
    snapshot: make('snapshot'),
    function: make('function'),
    test: make('test'),
    source: make('source'),
    exposure: make('exposure'),
    unit_test: make('unit_test'),
    group: make('group'),
    metric: make('metric'),
    semantic_model: make('semantic_model'),
    saved_query: make('saved_query'),
  };
}

/** Reports a key that looks misspelt. */
export type ConfigNotice = (kind: ConfigKind, key: string, known: string, fqn: readonly string[]) => void;

/** Computes configs. Merged levels of dbt_project.yml are cached, so that each node only merges its own levels. */
export class Configs {
  readonly #folders = new Map<string, FolderConfig>();
  readonly #unrendered = new Map<string, ConfigDict>();
  readonly #noticed = new Set<string>();
  readonly #notice: ConfigNotice;

  /** @param notice called once per key and kind for a custom key that differs from a known one by one letter */
  constructor(notice: ConfigNotice = () => undefined) {
    this.#notice = notice;
  }

  /**
   * Returns the merged, checked config. Nodes without additional levels share it: never modify it in place.
   * @throws TsdbtError `parsing` if a value has the wrong type
   */
  calculate<K extends ConfigKind>(sources: ConfigSources<K>): ConfigOf[K] {
    // Every field that a kind declares has been checked against its type.
    return this.#merged(sources) as ConfigOf[K] & ConfigDict;
  }

  #merged(sources: ConfigSources): ConfigDict {
    const { kind, section, fqn, project, root, patch, call } = sources;
    const fields = FIELD_MAPS[kind];
    const folder = this.#folder(sources, fields);
    const foreign = project.project_name !== root.project_name;
    const broken = folder.finished instanceof TsdbtError;
    if (isEmpty(patch) && isEmpty(call) && !foreign) {
      if (folder.finished instanceof TsdbtError) throw folder.finished;
      return folder.finished;
    }
    const result = { ...folder.merged };
    const applied: ConfigDict[] = [];
    if (patch) applied.push(patch);
    if (call) applied.push(call);
    if (foreign) applied.push(...configLevels(treeOf(root, section, true), fqn));
    for (const level of applied) applyLevel(result, level, fields);
    // An inner level may replace a wrong value of a folder.
    for (const level of broken ? [...folder.levels, ...applied] : applied) checkTypes(kind, result, level, fields);
    for (const level of applied) this.#lookForMisspelt(kind, level, fields, fqn);
    return finalize(kind, result);
  }

  /** Returns the unrendered values without dbt's merge rules: the innermost level wins. */
  calculateUnrendered(sources: ConfigSources): ConfigDict {
    const { section, fqn, project, root, patch, call } = sources;
    const foreign = project.project_name !== root.project_name;
    const own = isEmpty(patch) && isEmpty(call) && !foreign;
    const key = own
      ? `${project.project_name}\u0000${section}\u0000${depthKey(treeOf(project, section, false), fqn)}`
      : '';
    const known = own ? this.#unrendered.get(key) : undefined;
    if (known !== undefined) return known;
    const result: ConfigDict = {};
    for (const level of configLevels(treeOf(project, section, false), fqn)) assignRenamed(result, level);
    if (patch) assignRenamed(result, patch);
    if (call) assignRenamed(result, call);
    if (foreign) for (const level of configLevels(treeOf(root, section, false), fqn)) assignRenamed(result, level);
    if (own) this.#unrendered.set(key, result);
    return result;
  }

  #lookForMisspelt(kind: ConfigKind, level: ConfigDict, fields: FieldMap, fqn: readonly string[]): void {
    for (const key of Object.keys(level)) {
      if (fields.has(key) || KEY_ALIASES.has(key) || this.#noticed.has(`${kind} ${key}`)) continue;
      this.#noticed.add(`${kind} ${key}`);
      const known = misspeltConfig(key, fields.keys());
      if (known !== undefined) this.#notice(kind, key, known, fqn);
    }
  }

  #folder({ kind, section, fqn, project }: ConfigSources, fields: FieldMap): FolderConfig {
    const tree = treeOf(project, section, true);
    const key = `${project.project_name}\u0000${kind}\u0000${section}\u0000${depthKey(tree, fqn)}`;
    const known = this.#folders.get(key);
    if (known !== undefined) return known;
    const merged = defaultConfig(kind);
    const levels = configLevels(tree, fqn);
    for (const level of levels) applyLevel(merged, level, fields);
    for (const level of levels) this.#lookForMisspelt(kind, level, fields, fqn);
    const folder = { merged, levels, finished: checked(kind, merged, levels, fields) };
    this.#folders.set(key, folder);
    return folder;
  }
}

function isEmpty(level: ConfigDict | null | undefined): boolean {
  if (level) for (const _ in level) return false;
  return true;
}

/** The part of an fqn that the tree contains. Nodes with the same part have the same levels. */
function depthKey(tree: Json | undefined, fqn: readonly string[]): string {
  let key = '';
  let level: Json | undefined = tree;
  for (const part of fqn) {
    if (!isDict(level)) break;
    level = level[part];
    if (!isDict(level)) break;
    key += `${part}\u0000`;
  }
  return key;
}

function assignRenamed(result: ConfigDict, level: ConfigDict): void {
  for (const key of Object.keys(level))
    result[key === 'dbname' ? 'database' : key === 'pass' ? 'password' : key] = level[key];
}

/** A new config with only defaults. */
function defaultConfig(kind: ConfigKind): ConfigDict {
  const out: ConfigDict = {};
  for (const field of CONFIG_FIELDS[kind]) out[field.name] = field.initial();
  return out;
}

function applyLevel(result: ConfigDict, level: ConfigDict, fields: FieldMap): void {
  for (const written of Object.keys(level)) {
    const key = KEY_ALIASES.get(written) ?? written.trim();
    const hook = key === 'pre-hook' || key === 'post-hook';
    // If a hook has both spellings, the one with an underscore wins.
    if (hook && key === written && key.replace('-', '_') in level) continue;
    if (key !== written && !hook && key in level) {
      throw errorOf('configKeyTwice', { written, key });
    }
    const value = level[written];
    const field = fields.get(key);
    switch (field?.merge) {
      case 'append':
        result[key] = [...asList(result[key]), ...asList(value)];
        break;
      case 'update':
        if (key === 'latest_version_pointer' && typeof value === 'boolean')
          result[key] = { ...expectDict(result[key]), enabled: value };
        else result[key] = { ...expectDict(result[key]), ...expectDict(value) };
        break;
      case 'dictKeyAppend':
        result[key] = mergeDictKeys(expectDict(result[key]), expectDict(value));
        break;
      default:
        result[key] = value;
    }
  }
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [value];
}

function expectDict(value: unknown): ConfigDict {
  if (!isDict(value)) throw errorOf('configNoDictionary', { value: pyStr(value) });
  return value;
}

function mergeDictKeys(base: ConfigDict, update: ConfigDict): ConfigDict {
  const out: ConfigDict = {};
  for (const key of Object.keys(base)) out[key] = [...asList(base[key])];
  for (const key of Object.keys(update)) {
    const name = key.replace(/^\++/, '');
    const extend = name !== key;
    out[name] = extend && name in out ? [...asList(out[name]), ...asList(update[key])] : [...asList(update[key])];
  }
  return out;
}

/** Merges the config() calls of one file by dbt's rules, which differ slightly from those for levels. */
export function mergeConfigCall(into: ConfigDict, call: ConfigDict): void {
  if (Object.keys(into).length === 0) {
    Object.assign(into, call);
    return;
  }
  for (const key of Object.keys(call)) {
    const value = call[key];
    if (APPENDED.has(key)) into[key] = key in into ? [...asList(into[key]), ...asList(value)] : asList(value);
    else if (UPDATED.has(key)) {
      const known = into[key];
      into[key] = isDict(known) ? { ...known, ...expectDict(value) } : expectDict(value);
    } else if (key === 'grants') into[key] = mergeCalledGrants(into[key], expectDict(value));
    else if (key === 'snapshot_meta_column_names') {
      const known = into[key];
      into[key] = { ...(isDict(known) ? known : {}), ...expectDict(value) };
    } else into[key] = value;
  }
}

const APPENDED = new Set(['pre-hook', 'pre_hook', 'post-hook', 'post_hook', 'tags', 'packages']);
const UPDATED = new Set(['quoting', 'column_types', 'meta', 'docs', 'contract']);

function mergeCalledGrants(existing: unknown, update: ConfigDict): ConfigDict {
  const out: ConfigDict = {};
  if (isDict(existing)) for (const key of Object.keys(existing)) out[key] = [...asList(existing[key])];
  for (const key of Object.keys(update)) {
    out[key] =
      key.startsWith('+') && key in out ? [...asList(out[key]), ...asList(update[key])] : [...asList(update[key])];
  }
  return out;
}

/** Returns the folder's config, or its error, which is thrown only for a node without additional levels. */
function checked(
  kind: ConfigKind,
  merged: ConfigDict,
  levels: readonly ConfigDict[],
  fields: FieldMap,
): ConfigDict | TsdbtError {
  try {
    for (const level of levels) checkTypes(kind, merged, level, fields);
    return finalize(kind, { ...merged });
  } catch (error) {
    if (error instanceof TsdbtError) return error;
    throw error;
  }
}

/** Checks the fields that a level has changed. */
function checkTypes(kind: ConfigKind, result: ConfigDict, level: ConfigDict, fields: FieldMap): void {
  for (const written of Object.keys(level)) {
    const key = KEY_ALIASES.get(written) ?? written.trim();
    const field = fields.get(key);
    if (field === undefined) continue;
    const given = result[key];
    if (field.coerce !== undefined) result[key] = field.coerce(given);
    const wrong = field.check(result[key]);
    if (wrong === undefined) continue;
    if (field.typeName === undefined) throw errorOf('badConfigType', { key, problem: wrong });
    throw errorOf('badConfigChoice', {
      key,
      type: field.typeName,
      class: CLASS_NAMES[kind],
      value: pyRepr(given),
    });
  }
}

/** dbt's class names, used in messages. */
const CLASS_NAMES: Readonly<Record<ConfigKind, string>> = {
  model: 'ModelConfig',
  seed: 'SeedConfig',
  snapshot: 'SnapshotConfig',
  test: 'TestConfig',
  node: 'NodeConfig',
  function: 'FunctionConfig',
  source: 'SourceConfig',
  exposure: 'ExposureConfig',
  unit_test: 'UnitTestConfig',
  metric: 'MetricConfig',
  semantic_model: 'SemanticModelConfig',
  saved_query: 'SavedQueryConfig',
  group: 'GroupConfig',
};

function finalize(kind: ConfigKind, result: ConfigDict): ConfigDict {
  if (typeof result['static_analysis'] === 'boolean')
    result['static_analysis'] = result['static_analysis'] ? 'on' : 'off';
  if (kind === 'group') for (const key of ['pre-hook', 'post-hook']) delete result[key];
  else if ('pre-hook' in result) finishHooks(result);
  if (kind === 'model') finishModel(result);
  else if (kind === 'test') finishTest(result);
  else if (kind === 'seed' && result['materialized'] !== 'seed')
    throw configError("A seed must have a materialized value of 'seed'");
  else if (kind === 'source') finishSource(result);
  else if (kind === 'snapshot') finishSnapshot(result);
  for (const [name, known] of CLOSED) if (name in result) dropOthers(result, name, known);
  if ('docs' in result) finishDocs(result);
  const contract = result['contract'];
  if (isDict(contract) && contract['enforced'] === true && result['materialized'] === 'incremental') {
    const change = result['on_schema_change'];
    if (change !== 'append_new_columns' && change !== 'fail') {
      throw configError(
        `Invalid value for on_schema_change: ${pyStr(change)}. Models materialized as incremental with ` +
          "contracts enabled must set on_schema_change to 'append_new_columns' or 'fail'",
      );
    }
  }
  return result;
}

/** The error of a value that is wrong only in combination with others: dbt reports no position. */
function configError(message: string): TsdbtError {
  return errorOf('badConfig', { problem: message });
}

function finishHooks(result: ConfigDict): void {
  for (const key of ['post-hook', 'pre-hook']) {
    const hooks = result[key];
    if (Array.isArray(hooks) && hooks.length > 0) result[key] = hooks.map(hookOf);
  }
}

/** Converts a hook to dbt's form; text that is JSON is parsed. */
function hookOf(source: unknown): { sql: unknown; transaction: unknown; index: unknown } {
  let hook: unknown = source;
  if (typeof source === 'string') {
    hook = { sql: source };
    if (/^\s*\{/.test(source)) {
      try {
        hook = JSON.parse(source);
      } catch {
        hook = { sql: source };
      }
    }
  }
  if (!isDict(hook) || typeof hook['sql'] !== 'string') throw configError(`Invalid hook: ${pyRepr(source)}`);
  return { sql: hook['sql'], transaction: hook['transaction'] ?? true, index: hook['index'] ?? null };
}

function finishModel(result: ConfigDict): void {
  const freshness = result['freshness'];
  if (isDict(freshness) && 'build_after' in freshness) {
    const after: ConfigDict = isDict(freshness['build_after']) ? freshness['build_after'] : {};
    if (after['period'] && (after['count'] ?? null) === null) {
      throw configError('`freshness.build_after` must have a value for `count` if a `period` is provided');
    }
    if ((after['count'] ?? null) !== null && !after['period']) {
      throw configError('`freshness.build_after` must have a value for `period` if a `count` is provided');
    }
    result['freshness'] = {
      ...freshness,
      build_after: {
        ...after,
        count: after['count'] ?? null,
        period: after['period'] ?? null,
        updates_on: after['updates_on'] ?? 'any',
      },
    };
  } else {
    result['freshness'] = null;
  }
}

function finishTest(result: ConfigDict): void {
  const severity = result['severity'];
  if (typeof severity === 'string' && severity !== '' && !/^(warn|error)$/i.test(severity)) {
    throw configError(`Severity must be either 'warn' or 'error'. Got '${severity}'`);
  }
  if (result['materialized'] !== 'test') throw configError("A test must have a materialized value of 'test'");
  const as = result['store_failures_as'] ?? null;
  if (as === null) {
    const store = result['store_failures'] ?? null;
    result['store_failures_as'] = store === null ? null : store ? 'table' : 'ephemeral';
  } else {
    result['store_failures'] = as !== 'ephemeral';
  }
}

function finishSource(result: ConfigDict): void {
  const freshness = result['freshness'];
  if (isDict(freshness)) result['freshness'] = fullFreshness(freshness);
}

/** A freshness with all its keys. */
export function fullFreshness(freshness: ConfigDict): ConfigDict {
  const out: ConfigDict = { ...emptyFreshness() };
  for (const key of ['warn_after', 'error_after']) {
    if (!(key in freshness)) continue;
    const time = freshness[key];
    out[key] = isDict(time) ? { count: time['count'] ?? null, period: time['period'] ?? null } : null;
  }
  out['filter'] = freshness['filter'] ?? null;
  return out;
}

function finishSnapshot(result: ConfigDict): void {
  const names = result['snapshot_meta_column_names'];
  if (!isDict(names)) return;
  const full: ConfigDict = {
    dbt_valid_to: null,
    dbt_valid_from: null,
    dbt_scd_id: null,
    dbt_updated_at: null,
    dbt_is_deleted: null,
  };
  for (const key of Object.keys(names)) full[key] = names[key];
  result['snapshot_meta_column_names'] = full;
}

/** Parts of a config that are classes in dbt, which drop unknown keys. */
const CLOSED: readonly (readonly [name: string, known: readonly string[]])[] = (
  ['contract', 'docs', 'latest_version_pointer', 'snapshot_meta_column_names', 'snowflake'] as const
).map((name) => {
  const field = [...CONFIG_FIELDS.model, ...CONFIG_FIELDS.snapshot, ...CONFIG_FIELDS.function].find(
    (each) => each.name === name,
  );
  return [name, Object.keys(expectDict(field?.initial()))];
});

function dropOthers(result: ConfigDict, name: string, known: readonly string[]): void {
  const part = result[name];
  if (!isDict(part) || Object.keys(part).every((key) => known.includes(key))) return;
  result[name] = Object.fromEntries(Object.entries(part).filter(([key]) => known.includes(key)));
}

function finishDocs(result: ConfigDict): void {
  const docs = result['docs'];
  const color = (isDict(docs) ? docs['node_color'] : null) ?? null;
  if (
    color !== null &&
    !(
      typeof color === 'string' &&
      (/^#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?$/.test(color) || COLOR_NAMES.has(color.toLowerCase()))
    )
  ) {
    throw errorOf('badColor', { color: pyStr(color) });
  }
}

/** Fields that may be null although their default is not. */
const CLEARABLE = ofEachKind((kind) =>
  CONFIG_FIELDS[kind].filter((f) => f.initial() !== null && f.check(null) === undefined),
);

/**
 * Returns the config for artifacts. A value that an inner level sets to null counts as null for relation names, but the
 * stored config keeps the previous value or the default. Only a custom key is stored as null.
 */
export function keepClearedValues(kind: ConfigKind, previous: ConfigDict | null, config: ConfigDict): ConfigDict {
  let kept: ConfigDict | null = null;
  if (previous !== null && previous !== config) {
    for (const { name } of CONFIG_FIELDS[kind]) {
      if ((config[name] ?? null) === null && (previous[name] ?? null) !== null)
        (kept ??= { ...config })[name] = previous[name];
    }
  }
  for (const field of CLEARABLE[kind]) {
    if (((kept ?? config)[field.name] ?? null) === null) (kept ??= { ...config })[field.name] = field.initial();
  }
  return kept ?? config;
}
