// Builds semantic models, metrics and saved queries from their YAML entries, in the manifest's shape.
// link/semantic-layer.ts resolves their dependencies.
import { GRAINS } from '../grains.ts';
import type {
  Json,
  MetricAggregation,
  MetricConversion,
  MetricInput,
  MetricTypeParams,
  SemanticConfig,
} from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { isDict } from '../../project/schema-check.ts';
import type { ConfigDict } from '../config/node-config.ts';
import { configTags, metaOf } from './columns.ts';
import { fqnPrefix } from '../table/node-paths.ts';
import { addUnique } from '../table/duplicates.ts';
import type { PatchTools } from '../table/patch-table.ts';
import type { PatchedMetric, PatchedSavedQuery, PatchedSemanticModel } from '../table/phases.ts';
import { pyStr } from '../../values/python-text.ts';
import { readRefOrSource } from '../shortcuts/static-expressions.ts';
import { checkEntry, entryError, type YamlDict, type YamlEntry } from './yaml-entries.ts';
import {
  METRIC_ENTRY,
  METRIC_WITH_PARAMS,
  NAMED_ENTRY,
  type NamedEntry,
  SAVED_QUERY_ENTRY,
  SEMANTIC_MODEL_ENTRY,
} from './yaml-shapes.ts';

/** What a metric without `type_params` must have, by type (dbt's schema_yaml_readers.py). */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  cumulative: ['input_metric'],
  conversion: ['base_metric', 'conversion_metric', 'entity'],
};

type SemanticType = 'metric' | 'semantic_model' | 'saved_query';
const SECTIONS = { metric: 'metrics', semantic_model: 'semantic_models', saved_query: 'saved_queries' } as const;

function base<const T extends SemanticType>(
  tools: PatchTools,
  entry: YamlEntry,
  type: T,
  { name, config }: NamedEntry,
) {
  const { file, project } = entry.yaml;
  const fqn = [...fqnPrefix(project.project_name, file.relative_path), name];
  const sources = { kind: type, section: SECTIONS[type], fqn, project, root: tools.state.root, patch: config ?? {} };
  const merged: SemanticConfig = tools.state.configs.calculate<SemanticType>(sources);
  return {
    name,
    resource_type: type,
    package_name: project.project_name,
    path: file.relative_path,
    original_file_path: file.original_file_path,
    unique_id: `${type}.${project.project_name}.${name}`,
    fqn,
    config: merged,
    unrendered_config: tools.state.configs.calculateUnrendered(sources),
    group: merged.group ?? null,
    depends_on: { macros: [] },
    refs: [],
    created_at: tools.state.createdAt,
  };
}

function whereFilter(where: Json | undefined): Json {
  if (where === null || where === undefined) return null;
  const list = Array.isArray(where) ? where : [where];
  return { where_filters: list.map((text) => ({ where_sql_template: text })) };
}

function aggregationParameters(params: Json | undefined): Json {
  return isDict(params)
    ? { percentile: null, use_discrete_percentile: false, use_approximate_percentile: false, ...params }
    : null;
}

/** A name, or a dictionary with a name. */
function namedInput(input: Json | undefined): YamlDict | null {
  if (input === null || input === undefined) return null;
  return typeof input === 'string' ? { name: input } : isDict(input) ? input : {};
}

function metricInput(input: Json | undefined): MetricInput | null {
  const data = namedInput(input);
  if (data === null) return null;
  return {
    name: data['name'] ?? null,
    filter: whereFilter(data['filter']),
    alias: data['alias'] ?? null,
    offset_window: timeWindow(data['offset_window']),
    offset_to_grain: data['offset_to_grain'] ?? null,
  };
}

function measureInput(input: Json | undefined): MetricInput | null {
  const data = namedInput(input);
  if (data === null) return null;
  return {
    name: data['name'] ?? null,
    filter: whereFilter(data['filter']),
    alias: data['alias'] ?? null,
    join_to_timespine: data['join_to_timespine'] ?? false,
    fill_nulls_with: data['fill_nulls_with'] ?? null,
  };
}

function timeWindow(text: Json | undefined): Json {
  if (typeof text !== 'string') return null;
  const parts = text.toLowerCase().split(' ');
  const [count = '', unit = ''] = parts;
  if (parts.length !== 2) {
    throw errorOf('badWindow', { window: text });
  }
  if (!/^\d+$/.test(count)) throw errorOf('badWindowCount', { count, window: text });
  return {
    count: Number(count),
    granularity: unit.endsWith('s') && GRAINS.includes(unit.slice(0, -1)) ? unit.slice(0, -1) : unit,
  };
}

/** The model in whose entry a metric is defined. */
export interface MetricOwner {
  readonly semanticModel: string;
  readonly timeDimension: Json;
}

/** Adds one entry of `metrics:`. @param owner model whose entry contains the metric */
export function addMetric(
  tools: PatchTools,
  entry: YamlEntry,
  written: YamlDict = entry.data,
  owner?: MetricOwner,
): void {
  const { table } = tools;
  if ('type_params' in written) checkEntry(entry, written, METRIC_WITH_PARAMS);
  else checkEntry(entry, written, METRIC_ENTRY);
  const data = checkEntry(entry, written, NAMED_ENTRY);
  const { name } = data;
  const problems: string[] = [];
  if (name.includes(' ')) problems.push('cannot contain spaces');
  if (name.length > 250) problems.push('cannot contain more than 250 characters');
  if (!/^[A-Za-z]/.test(name)) problems.push('must begin with a letter');
  if (!/^\w+$/.test(name)) problems.push('must contain only letters, numbers and underscores');
  if (problems.length > 0)
    throw entryError(entry, data, `at path []: The metric name '${name}' is invalid.  It ${problems.join(', ')}`);
  const named = base(tools, entry, 'metric', data);
  const type = pyStr(data['type'] ?? 'simple').toLowerCase();
  if (!('type_params' in data)) {
    if (type === 'simple' && (data['agg'] ?? null) === null)
      throw entryError(entry, data, 'at path []: Simple metrics must have an agg param.');
    if ((data['agg'] ?? null) !== null && owner === undefined)
      throw entryError(entry, data, 'simple metrics in v2 YAML must be attached to semantic_model');
    const missing = REQUIRED[type]?.find((input) => (data[input] ?? null) === null);
    if (missing !== undefined) throw entryError(entry, data, `${missing} is required for ${type} metrics.`);
  }
  const meta = Object.keys(named.config.meta).length > 0 ? named.config.meta : (data['meta'] ?? {});
  const node: PatchedMetric = {
    ...named,
    description: data.description ?? '',
    label: data.label ?? name,
    type,
    type_params:
      'type_params' in data
        ? typeParams(data['type_params'], type)
        : typeParamsOfFlatMetric(data, type, type === 'simple' ? owner : undefined),
    filter: whereFilter(data['filter']),
    metadata: null,
    time_granularity: data['time_granularity'] ?? null,
    sources: [],
    metrics: [],
    meta: 'type_params' in data ? meta : {},
    tags: 'type_params' in data ? (data['tags'] ?? []) : [],
  };
  if (!node.config.enabled) table.addDisabled(node);
  else {
    addUnique(table.metrics, node);
    table.metricLookup.add(name, node.package_name, node.unique_id);
  }
}

const emptyTypeParams = (): MetricTypeParams => ({
  measure: null,
  input_measures: [],
  numerator: null,
  denominator: null,
  expr: null,
  window: null,
  grain_to_date: null,
  metrics: [],
  conversion_type_params: null,
  cumulative_type_params: null,
  metric_aggregation_params: null,
  fill_nulls_with: null,
  join_to_timespine: false,
  is_private: null,
});

function typeParams(params: Json | undefined, type: string): MetricTypeParams {
  if (!isDict(params)) throw errorOf('typeParamsNoDictionary', { value: JSON.stringify(params) });
  const conversion = params['conversion_type_params'];
  const cumulative: YamlDict = isDict(params['cumulative_type_params']) ? params['cumulative_type_params'] : {};
  return {
    ...emptyTypeParams(),
    measure: measureInput(params['measure']),
    numerator: metricInput(params['numerator']),
    denominator: metricInput(params['denominator']),
    expr: (params['expr'] ?? null) === null ? null : pyStr(params['expr']),
    window: timeWindow(params['window']),
    grain_to_date: params['grain_to_date'] ?? null,
    metrics: listOf(params['metrics']).map(metricInput),
    conversion_type_params: isDict(conversion) ? conversionParams(conversion) : null,
    cumulative_type_params:
      type !== 'cumulative'
        ? null
        : {
            window: timeWindow(cumulative['window'] ?? params['window']),
            grain_to_date: cumulative['grain_to_date'] ?? params['grain_to_date'] ?? null,
            period_agg: cumulative['period_agg'] ?? 'first',
            metric: null,
          },
  };
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function conversionParams(data: YamlDict): MetricConversion {
  return {
    entity: data['entity'] ?? null,
    base_measure: measureInput(data['base_measure']),
    conversion_measure: measureInput(data['conversion_measure']),
    base_metric: metricInput(data['base_metric']),
    conversion_metric: metricInput(data['conversion_metric']),
    calculation: data['calculation'] ?? 'conversion_rate',
    window: timeWindow(data['window']),
    constant_properties: data['constant_properties'] ?? null,
  };
}

function aggregationOf(data: YamlDict, owner: MetricOwner): MetricAggregation {
  const kind = pyStr(data['percentile_type'] ?? '').toLowerCase();
  const extra = data['non_additive_dimension'];
  return {
    semantic_model: owner.semanticModel,
    agg: data['agg'] ?? null,
    agg_params: {
      percentile: data['percentile'] ?? null,
      use_discrete_percentile: kind === 'discrete',
      use_approximate_percentile: kind === 'continuous',
    },
    agg_time_dimension: data['agg_time_dimension'] || owner.timeDimension,
    non_additive_dimension: isDict(extra)
      ? {
          name: extra['name'] ?? null,
          window_choice: extra['window_agg'] ?? null,
          window_groupings: extra['group_by'] ?? [],
        }
      : null,
  };
}

function typeParamsOfFlatMetric(data: YamlDict, type: string, owner: MetricOwner | undefined): MetricTypeParams {
  return {
    ...emptyTypeParams(),
    numerator: metricInput(data['numerator']),
    denominator: metricInput(data['denominator']),
    expr: (data['expr'] ?? null) === null ? null : pyStr(data['expr']),
    metrics: listOf(data['input_metrics']).map(metricInput),
    conversion_type_params: type === 'conversion' ? conversionParams(data) : null,
    cumulative_type_params:
      type !== 'cumulative'
        ? null
        : {
            window: timeWindow(data['window']),
            grain_to_date: data['grain_to_date'] ?? null,
            period_agg: data['period_agg'] ?? 'first',
            metric: metricInput(data['input_metric']),
          },
    metric_aggregation_params: owner === undefined ? null : aggregationOf(data, owner),
    join_to_timespine: data['join_to_timespine'] ?? false,
    is_private: data['hidden'] ?? false,
  };
}

/** Adds one entry of `semantic_models:`, and the metrics that its measures request. */
export function addSemanticModel(tools: PatchTools, entry: YamlEntry): void {
  const { table } = tools;
  // A semantic model in a model's entry is checked together with that entry.
  if (entry.key === 'semantic_models') checkEntry(entry, entry.data, SEMANTIC_MODEL_ENTRY);
  const data = checkEntry(entry, entry.data, NAMED_ENTRY);
  const named = base(tools, entry, 'semantic_model', data);
  const config = (part: YamlDict): Json => {
    const own = part['config'];
    return { meta: { ...named.config.meta, ...metaOf(isDict(own) ? own : {}) } };
  };
  const measures = data.measures ?? [];
  const { model } = data;
  const expression = String(model);
  const found = readRefOrSource(expression);
  const node: PatchedSemanticModel = {
    ...named,
    model,
    node_relation: null,
    description: data.description ?? null,
    label: data.label ?? null,
    defaults: isDict(data['defaults']) ? { agg_time_dimension: data['defaults']['agg_time_dimension'] ?? null } : null,
    entities: (data.entities ?? []).map((each) => ({
      name: each['name'],
      type: each['type'],
      description: each['description'] ?? null,
      label: each['label'] ?? null,
      role: each['role'] ?? null,
      expr: each['expr'] ?? null,
      config: config(each),
    })),
    measures: measures.map((each) => ({
      name: each['name'],
      agg: each['agg'],
      description: each['description'] ?? null,
      label: each['label'] ?? null,
      create_metric: false,
      expr: (each['expr'] ?? null) === null ? null : pyStr(each['expr']),
      agg_params: aggregationParameters(each['agg_params']),
      non_additive_dimension: isDict(each['non_additive_dimension'])
        ? { window_choice: null, window_groupings: [], ...each['non_additive_dimension'] }
        : null,
      agg_time_dimension: each['agg_time_dimension'] ?? null,
      config: config(each),
    })),
    dimensions: (data.dimensions ?? []).map((each) => ({
      name: each['name'],
      type: each['type'],
      description: each['description'] ?? null,
      label: each['label'] ?? null,
      is_partition: each['is_partition'] ?? false,
      type_params: isDict(each['type_params'])
        ? {
            time_granularity: each['type_params']['time_granularity'] ?? null,
            validity_params: each['type_params']['validity_params'] ?? null,
          }
        : null,
      expr: each['expr'] ?? null,
      metadata: null,
      config: config(each),
      datatype: null,
    })),
    metadata: null,
    primary_entity: data['primary_entity'] ?? null,
    refs: found !== null && 'ref' in found ? [found.ref] : tools.rendering.semanticModel(named, expression),
  };
  if (node.config.enabled) addUnique(table.semanticModels, node);
  else table.addDisabled(node);
  for (const measure of measures) {
    if (measure['create_metric'] !== true) continue;
    const name = measure['name'] ?? null;
    addMetric(tools, entry, {
      name,
      label: measure['label'] || name,
      type: 'simple',
      type_params: { measure: name, expr: measure['expr'] || name },
      description: measure['description'] || `Metric created from measure ${String(measure['name'])}`,
      config: { enabled: node.config.enabled, meta: node.config.meta },
    });
  }
}

/** Adds one entry of `saved_queries:`. */
export function addSavedQuery(tools: PatchTools, entry: YamlEntry): void {
  const { table, names } = tools;
  checkEntry(entry, entry.data, SAVED_QUERY_ENTRY);
  const data = checkEntry(entry, entry.data, NAMED_ENTRY);
  const named = base(tools, entry, 'saved_query', data);
  const params: YamlDict = isDict(data['query_params']) ? data['query_params'] : {};
  const node: PatchedSavedQuery = {
    ...named,
    query_params: {
      metrics: params['metrics'] ?? [],
      group_by: params['group_by'] ?? [],
      where: whereFilter(params['where']),
      order_by: params['order_by'] ?? [],
      limit: params['limit'] ?? null,
    },
    exports: (data.exports ?? []).map((each) => {
      const own: YamlDict = isDict(each['config']) ? each['config'] : {};
      const combined: ConfigDict = { ...named.config, ...own };
      const { name } = each;
      const relation = {
        database: null,
        schema: '',
        alias: '',
        name: String(name),
        package_name: named.package_name,
        unique_id: named.unique_id,
        resource_type: 'export',
      };
      const place = names.place(relation, {
        database: combined['database'],
        schema: combined['schema'] ?? combined['schema_name'],
        alias: combined['alias'],
      });
      return {
        name,
        config: {
          export_as: combined['export_as'] ?? null,
          schema_name: combined['schema_name'] ?? combined['schema'] ?? place.schema,
          alias: combined['alias'] ?? place.alias,
          database: place.database,
        },
        unrendered_config: own,
      };
    }),
    description: data.description ?? null,
    label: data.label ?? null,
    metadata: null,
    tags: [...new Set([...configTags(data), ...configTags({ tags: named.config.tags ?? null })])].sort(),
  };
  if (node.config.enabled) addUnique(table.savedQueries, node);
  else table.addDisabled(node);
}
