// Reads sources: definitions, overrides by the root project, configs of both levels, freshness, nodes and their tests.
// The runner measures freshness.
import type { Json, Quoting, SourceDefinition } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import { columnInfos, configTags, metaOf } from './columns.ts';
import { emptyFreshness } from '../config/config-fields.ts';
import { isDict, problemText } from '../../project/schema-check.ts';
import type { GenericTests } from './generic-tests.ts';
import { type ConfigDict, fullFreshness } from '../config/node-config.ts';
import { fqnPrefix } from '../table/node-paths.ts';
import { duplicateResource, type WithOrigin } from '../table/duplicates.ts';
import type { PatchTools } from '../table/patch-table.ts';
import type { PatchedSource } from '../table/phases.ts';
import { pyStr } from '../../values/python-text.ts';
import { checkEntry, entryError, type YamlDict, type YamlEntry } from './yaml-entries.ts';
import {
  type ColumnEntry,
  PERIOD,
  SOURCE_ENTRY,
  SOURCE_OVERRIDE,
  type SourceEntry,
  type SourceOverrideEntry,
  type SourceTableEntry,
} from './yaml-shapes.ts';
import { showJson } from '../../values/index.ts';

interface RawTable {
  readonly entry: YamlEntry;
  readonly uniqueId: string;
  readonly source: SourceEntry;
  readonly table: SourceTableEntry;
}
interface Override {
  readonly entry: YamlEntry;
  readonly data: SourceOverrideEntry;
  readonly tables: readonly YamlDict[];
  readonly used: Set<string>;
  found: boolean;
}

/** Collects `sources:` entries of all files, then builds their nodes; one per parse. */
export class Sources {
  readonly #tools: PatchTools;
  readonly #tables = new Map<string, RawTable>();
  readonly #overrides = new Map<string, Override>();

  constructor(tools: PatchTools) {
    this.#tools = tools;
  }

  /** One entry of `sources:`. */
  add(entry: YamlEntry): void {
    const written = renamedKeys(entry.data);
    const path = entry.yaml.file.original_file_path;
    if ('overrides' in written) {
      this.#addOverride(entry, { ...written, path });
      return;
    }
    const data = checkEntry(entry, written, SOURCE_ENTRY);
    const tables = data.tables ?? [];
    for (const each of [data, ...tables])
      if (each.loaded_at_field === '')
        throw entryError(entry, data, 'at path []: loaded_at_field cannot be an empty string.');
    const packageName = entry.yaml.project.project_name;
    for (const table of tables) {
      const uniqueId = `source.${packageName}.${data.name}.${table.name}`;
      const existing = this.#tables.get(uniqueId);
      if (existing !== undefined) {
        const named = (each: YamlEntry): WithOrigin => ({
          resource_type: 'source',
          name: table.name,
          source_name: data.name,
          unique_id: uniqueId,
          original_file_path: each.yaml.file.original_file_path,
        });
        throw duplicateResource(named(entry), named(existing.entry));
      }
      this.#tables.set(uniqueId, { entry, uniqueId, source: data, table });
    }
  }

  #addOverride(entry: YamlEntry, written: YamlDict): void {
    const data = checkEntry(entry, written, SOURCE_OVERRIDE);
    const key = `${data.overrides}.${data.name}`;
    const existing = this.#overrides.get(key);
    const path = entry.yaml.file.original_file_path;
    if (existing !== undefined) {
      const other = existing.entry.yaml.file.original_file_path;
      const fix =
        path === other
          ? `remove one of the sources entries for ${key} in this file:\n - ${path}\n`
          : `remove the sources entry for ${key} in one of these files:\n - ${path}\n${other}`;
      throw errorOf('sourceOverriddenTwice', { source: data.name, package: data.overrides, fix }, { path });
    }
    const tables = (data.tables ?? []).filter(isDict);
    this.#overrides.set(key, { entry, data, tables, used: new Set(), found: false });
  }

  /** Builds nodes and tests, and warns of overrides without a source. */
  finish(tests: GenericTests): void {
    const { table } = this.#tools;
    for (const read of this.#tables.values()) {
      const raw = this.#overridden(read);
      this.#addTests(raw, tests);
      const node = this.#newSource(raw);
      if (!node.config.enabled) {
        table.addDisabled(node);
        continue;
      }
      table.sources.set(node.unique_id, node);
      table.sourceLookup.add(`${node.source_name}.${node.name}`, node.package_name, node.unique_id);
    }
    this.#warnUnused();
  }

  /** Applies the root project's overrides to a table. */
  #overridden(raw: RawTable): RawTable {
    const packageName = raw.entry.yaml.project.project_name;
    const override = this.#overrides.get(`${packageName}.${raw.source.name}`);
    if (override === undefined) return raw;
    override.found = true;
    const { name: _name, overrides: _overrides, path: _path, tables: _tables, ...own } = override.data;
    const source = { ...raw.source, ...own };
    const table = override.tables.find((each) => each['name'] === raw.table.name);
    if (table === undefined) return { ...raw, source };
    override.used.add(raw.table.name);
    const { name: _tableName, ...patch } = table;
    return { ...raw, source, table: { ...raw.table, ...patch } };
  }

  #warnUnused(): void {
    const unused: string[] = [];
    for (const [key, { tables, used, found, entry }] of this.#overrides) {
      const path = entry.yaml.file.original_file_path;
      if (!found) unused.push(`  - Source ${key} (in ${path})`);
      else {
        const names = tables.map((table) => pyStr(table['name']));
        for (const name of names.filter((each) => !used.has(each)).sort())
          unused.push(`  - Source table ${key}.${name} (in ${path})`);
      }
    }
    if (unused.length === 0) return;
    this.#tools.state.warnings.warn(
      'UnusedTables',
      `During parsing, dbt encountered source overrides that had no target:\n${unused.join('\n')}\n`,
      { unused_tables: unused },
    );
  }

  #addTests(raw: RawTable, tests: GenericTests): void {
    const { entry, source, table } = raw;
    const { name: sourceName } = source;
    const { name: tableName } = table;
    const target = {
      kind: 'source' as const,
      name: `${sourceName}_${tableName}`,
      package_name: entry.yaml.project.project_name,
      original_file_path: entry.yaml.file.original_file_path,
      fileKeyName: `sources.${sourceName}`,
      source: { source_name: sourceName, table_name: tableName },
    };
    const quoteAll = table.quoting?.column ?? source.quoting?.column ?? null;
    const tags = [...(source.tags ?? []), ...(table.tags ?? [])];
    for (const test of this.#testsOf(entry, table)) tests.add(target, test, null, tags, null);
    for (const column of table.columns ?? []) {
      const { name } = column;
      const quote = (column.quote ?? null) === null ? quoteAll === true : column.quote === true;
      const columnTags = [...tags, ...(column.tags ?? []), ...configTags(column.config ?? {})];
      for (const test of this.#testsOf(entry, column))
        tests.add(target, test, quote ? this.#tools.state.adapter.quote(name) : name, columnTags, null);
    }
  }

  #testsOf(entry: YamlEntry, data: SourceTableEntry | ColumnEntry): readonly Json[] {
    const { tests: old = [], data_tests: current = [] } = data;
    if (old.length > 0 && current.length > 0)
      throw entryError(
        entry,
        data,
        "at path []: Invalid test config: cannot have both 'tests' and 'data_tests' defined",
      );
    return old.length > 0 ? old : current;
  }

  #newSource(raw: RawTable): PatchedSource {
    const { state, names } = this.#tools;
    const { entry, source, table } = raw;
    const { file, project } = entry.yaml;
    const { name: sourceName } = source;
    const { name: tableName } = table;
    const fqn = [...fqnPrefix(project.project_name, file.relative_path), sourceName, tableName];
    const patch = this.#patchOf(raw);
    const sources = { kind: 'source' as const, section: 'sources' as const, fqn, project, root: state.root };
    let config: SourceDefinition['config'];
    try {
      config = state.configs.calculate({ ...sources, patch });
    } catch (error) {
      throw error instanceof TsdbtError ? entryError(entry, entry.data, error.message) : error;
    }
    const quoted = (key: keyof Quoting): boolean | null => table.quoting?.[key] ?? source.quoting?.[key] ?? null;
    const quoting: Quoting = {
      database: quoted('database'),
      schema: quoted('schema'),
      identifier: quoted('identifier'),
      column: quoted('column'),
    };
    const written = entry.written;
    const database = source.database || state.config.profile.credentials.database;
    const schema = source.schema || sourceName;
    const identifier = table.identifier || tableName;
    const located =
      state.adapter.relations.fromNode?.({
        resource_type: 'source',
        database,
        schema,
        source_name: sourceName,
        config,
      }) ?? {};
    const node: SourceDefinition = {
      database,
      schema,
      name: tableName,
      resource_type: 'source',
      package_name: project.project_name,
      path: file.original_file_path,
      original_file_path: file.original_file_path,
      unique_id: raw.uniqueId,
      fqn,
      source_name: sourceName,
      source_description: source.description ?? '',
      loader: source.loader ?? '',
      identifier,
      quoting,
      loaded_at_field: config.loaded_at_field,
      loaded_at_query: config.loaded_at_query,
      freshness: config.freshness,
      external: newExternal(table.external),
      description: table.description ?? '',
      columns: columnInfos(table.columns ?? []),
      meta: config.meta,
      source_meta: { ...source.meta, ...metaOf(source.config) },
      tags: config.tags,
      config,
      patch_path: null,
      unrendered_config: state.configs.calculateUnrendered({ ...sources, patch }),
      relation_name: names.render(located.database ?? database, located.schema ?? schema, identifier, { ...quoting }),
      created_at: state.createdAt,
      unrendered_database: textOf(written['database']),
      unrendered_schema: textOf(written['schema']),
      doc_blocks: [],
    };
    const { freshness } = node;
    const fresh = isSet(freshness?.warn_after) || isSet(freshness?.error_after);
    if (
      fresh &&
      !node.loaded_at_field &&
      !node.loaded_at_query &&
      !state.adapter.capabilities.tableLastModifiedMetadata
    ) {
      state.warnings.warn(
        'FreshnessConfigProblem',
        'The configured adapter does not support metadata-based freshness. A loaded_at_field must be specified ' +
          `for source '${sourceName}.${tableName}'.`,
      );
    }
    return node;
  }

  /** Merged config of source and table, with attributes that are also allowed outside of config. */
  #patchOf({ entry, source, table }: RawTable): ConfigDict {
    const { config: sourceConfig = {} } = source;
    const tableConfig: YamlDict = isDict(table['config']) ? table['config'] : {};
    const patch: ConfigDict = { ...sourceConfig, ...tableConfig };
    checkPeriods(entry, sourceConfig['freshness'], ['config']);
    checkPeriods(entry, tableConfig['freshness'], ['tables', (source.tables ?? []).indexOf(table), 'config']);
    const freshness = mergedFreshness(
      source.freshness,
      sourceConfig['freshness'],
      table.freshness,
      tableConfig['freshness'],
    );
    if (freshness === null) patch['freshness'] = null;
    else if (isSet(freshness['warn_after']) || isSet(freshness['error_after'])) patch['freshness'] = freshness;
    else delete patch['freshness'];
    const present = 'loaded_at_field' in table || Boolean(tableConfig['loaded_at_field']);
    if (present && (table.loaded_at_query || tableConfig['loaded_at_query'])) {
      throw entryError(entry, entry.data, 'Cannot specify both loaded_at_field and loaded_at_query at table level.');
    }
    const field = source.loaded_at_field || sourceConfig['loaded_at_field'] || null;
    const query = source.loaded_at_query || sourceConfig['loaded_at_query'] || null;
    if (field && query)
      throw entryError(entry, entry.data, 'Cannot specify both loaded_at_field and loaded_at_query at source level.');
    patch['loaded_at_field'] = present ? table.loaded_at_field || tableConfig['loaded_at_field'] || null : field;
    patch['loaded_at_query'] = table.loaded_at_query || tableConfig['loaded_at_query'] || (present ? null : query);
    patch['meta'] = { ...source.meta, ...metaOf(sourceConfig), ...table.meta, ...metaOf(tableConfig) };
    patch['tags'] = [
      ...new Set([
        ...(source.tags ?? []),
        ...this.#tagsIn(sourceConfig, source.name),
        ...(table.tags ?? []),
        ...this.#tagsIn(tableConfig, table.name),
      ]),
    ].sort();
    return patch;
  }

  #tagsIn(config: YamlDict, name: string): string[] {
    const tags = config['tags'] ?? [];
    const list = Array.isArray(tags) ? tags : [tags];
    return list.filter((tag): tag is string => {
      if (typeof tag === 'string') return true;
      this.#tools.state.warnings.warn(
        'ValidationWarning',
        `Field \`config.tags\`: ${pyStr(tags)} is not valid for source (${name})`,
        {
          field_name: `\`config.tags\`: ${pyStr(tags)}`,
          resource_type: 'source',
          node_name: name,
        },
      );
      return false;
    });
  }
}

function renamedKeys(data: YamlDict): YamlDict {
  const rename = (value: Json): Json =>
    Array.isArray(value) ? value.map(rename) : isDict(value) ? renameIn(value) : value;
  const renameIn = (value: YamlDict): YamlDict =>
    Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key === 'dbname' ? 'database' : key === 'pass' ? 'password' : key,
        rename(item),
      ]),
    );
  return showJson(data).includes('"dbname"') || 'pass' in data ? renameIn(data) : data;
}

/** Returns the unrendered value if it is a text. The rendered value has already been checked. */
function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function isSet(time: unknown): time is YamlDict {
  return isDict(time) && (time['count'] ?? null) !== null && (time['period'] ?? null) !== null;
}

/** Rejects an invalid period in `config.freshness`. The shape of the entry covers freshness outside of `config`. */
function checkPeriods(entry: YamlEntry, freshness: Json | undefined, at: readonly (string | number)[]): void {
  if (!isDict(freshness)) return;
  for (const key of ['warn_after', 'error_after']) {
    const time = freshness[key];
    if (!isDict(time)) continue;
    const period = time['period'] ?? null;
    const message = period === null ? undefined : PERIOD(period);
    const path = [...at, 'freshness', key, 'period'];
    if (message !== undefined) throw entryError(entry, entry.data, problemText({ path, message }), path);
  }
}

/** Merges freshness from its four places as dbt does; null if it is disabled explicitly. */
function mergedFreshness(...levels: (Json | undefined)[]): ConfigDict | null {
  let merged: ConfigDict | null = null;
  for (const [i, level] of levels.entries()) {
    // An absent freshness is empty; unlike null it does not remove thresholds of an outer level.
    const update: ConfigDict | null =
      level === undefined ? { ...emptyFreshness() } : isDict(level) ? fullFreshness(level) : null;
    if (i === 0) merged = update;
    else if (merged !== null && update !== null) merged = joinFreshness(merged, update);
    else if (merged === null && update !== null && (isSet(update['warn_after']) || isSet(update['error_after'])))
      merged = update;
    else merged = null;
  }
  return merged;
}

function joinFreshness(base: ConfigDict, update: ConfigDict): ConfigDict {
  const time = (key: string): unknown => {
    const [b, u] = [base[key] ?? null, update[key] ?? null];
    if (u === null) return null;
    if (isSet(b) && isSet(u)) return { ...b, ...u };
    return isSet(u) ? u : b;
  };
  return {
    warn_after: time('warn_after'),
    error_after: time('error_after'),
    filter: update['filter'] ?? base['filter'] ?? null,
  };
}

function newExternal(external: Json | undefined): Json {
  if (!isDict(external)) return null;
  const { partitions } = external;
  return {
    location: null,
    file_format: null,
    row_format: null,
    tbl_properties: null,
    ...external,
    partitions: Array.isArray(partitions)
      ? partitions.map((each) => (isDict(each) ? { description: '', meta: {}, ...each } : each))
      : null,
  };
}
