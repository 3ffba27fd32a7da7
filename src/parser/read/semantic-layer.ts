// Semantic models, metrics and saved queries from YAML, in the manifest's shape, and what they depend on. Leaves their
// meaning to tools that read semantic_manifest.json.
import type { Json, ParsedOnlyNode } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import { isDict } from '../config/config-fields.ts';
import type { ConfigDict } from '../config/node-config.ts';
import { fqnPrefix } from './nodes.ts';
import type { ParseTools } from '../config/node-update.ts';
import { pyStr } from '../../values/python-text.ts';
import type { References } from '../link/references.ts';
import { readRefOrSource } from '../shortcuts/static-expressions.ts';
import { checkEntry, entryError, type YamlDict, type YamlEntry } from './yaml-entries.ts';
import { NAMED_ENTRY } from './yaml-shapes.ts';
import { showJson } from '../../values/index.ts';

type SemanticType = 'metric' | 'semantic_model' | 'saved_query';
const SECTIONS = { metric: 'metrics', semantic_model: 'semantic_models', saved_query: 'saved_queries' } as const;

function base(
  tools: ParseTools,
  entry: YamlEntry,
  type: SemanticType,
  name: string,
  patch: YamlDict,
): ParsedOnlyNode & { config: ConfigDict } {
  const { file, project } = entry.yaml;
  const fqn = [...fqnPrefix(project.project_name, file.relative_path), name];
  const sources = { kind: type, section: SECTIONS[type], fqn, project, root: tools.state.root, patch };
  const config = tools.state.configs.calculate(sources);
  return {
    name,
    resource_type: type,
    package_name: project.project_name,
    path: file.relative_path,
    original_file_path: file.original_file_path,
    unique_id: `${type}.${project.project_name}.${name}`,
    fqn,
    config,
    unrendered_config: tools.state.configs.calculateUnrendered(sources),
    group: config['group'] ?? null,
    depends_on: { macros: [], nodes: [] },
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

function metricInput(input: Json | undefined): Json {
  if (input === null || input === undefined) return null;
  const data: YamlDict = typeof input === 'string' ? { name: input } : (input as YamlDict);
  return {
    name: data['name'] ?? null,
    filter: whereFilter(data['filter']),
    alias: data['alias'] ?? null,
    offset_window: timeWindow(data['offset_window']),
    offset_to_grain: data['offset_to_grain'] ?? null,
  };
}

function measureInput(input: Json | undefined): Json {
  if (input === null || input === undefined) return null;
  const data: YamlDict = typeof input === 'string' ? { name: input } : (input as YamlDict);
  return {
    name: data['name'] ?? null,
    filter: whereFilter(data['filter']),
    alias: data['alias'] ?? null,
    join_to_timespine: data['join_to_timespine'] ?? false,
    fill_nulls_with: data['fill_nulls_with'] ?? null,
  };
}

const GRAINS: ReadonlySet<string> = new Set([
  'nanosecond',
  'microsecond',
  'millisecond',
  'second',
  'minute',
  'hour',
  'day',
  'week',
  'month',
  'quarter',
  'year',
]);

function timeWindow(text: Json | undefined): Json {
  if (typeof text !== 'string') return null;
  const parts = text.toLowerCase().split(' ');
  const [count = '', unit = ''] = parts;
  if (parts.length !== 2) {
    throw new TsdbtError(
      'parsing',
      `Invalid window (${text}) in cumulative/conversion metric. Should be of the form \`<count> ` +
        '<granularity>`, e.g., `28 days`',
    );
  }
  if (!/^\d+$/.test(count))
    throw new TsdbtError(
      'parsing',
      `Invalid count (${count}) in cumulative/conversion metric window string: (${text})`,
    );
  return {
    count: Number(count),
    granularity: unit.endsWith('s') && GRAINS.has(unit.slice(0, -1)) ? unit.slice(0, -1) : unit,
  };
}

/** The model that a metric is written on. */
export interface MetricOwner {
  readonly semanticModel: string;
  readonly timeDimension: Json;
}

/** Adds one entry of `metrics:`. @param owner of a metric that stands in a model */
export function addMetric(tools: ParseTools, entry: YamlEntry, data: YamlDict = entry.data, owner?: MetricOwner): void {
  const { state } = tools;
  checkEntry(entry, data, NAMED_ENTRY);
  const name = data['name'] as string;
  const problems: string[] = [];
  if (name.includes(' ')) problems.push('cannot contain spaces');
  if (name.length > 250) problems.push('cannot contain more than 250 characters');
  if (!/^[A-Za-z]/.test(name)) problems.push('must begin with a letter');
  if (!/^\w+$/.test(name)) problems.push('must contain only letters, numbers and underscores');
  if (problems.length > 0)
    throw entryError(entry, data, `at path []: The metric name '${name}' is invalid.  It ${problems.join(', ')}`);
  const node = base(tools, entry, 'metric', name, (data['config'] ?? {}) as YamlDict);
  const type = pyStr(data['type'] ?? 'simple').toLowerCase();
  if (!('type_params' in data)) {
    if (type === 'simple' && (data['agg'] ?? null) === null)
      throw entryError(entry, data, 'at path []: Simple metrics must have an agg param.');
    if ((data['agg'] ?? null) !== null && owner === undefined)
      throw entryError(entry, data, 'simple metrics in v2 YAML must be attached to semantic_model');
  }
  const meta =
    isDict(node.config['meta']) && Object.keys(node.config['meta']).length > 0
      ? node.config['meta']
      : (data['meta'] ?? {});
  Object.assign(node, {
    description: data['description'] ?? '',
    label: data['label'] ?? name,
    type,
    type_params:
      'type_params' in data
        ? typeParams(data['type_params'] as Json, type)
        : typeParamsOfFlatMetric(data, type, type === 'simple' ? owner : undefined),
    filter: whereFilter(data['filter']),
    metadata: null,
    time_granularity: data['time_granularity'] ?? null,
    sources: [],
    metrics: [],
    meta: 'type_params' in data ? meta : {},
    tags: 'type_params' in data ? (data['tags'] ?? []) : [],
  });
  if (!node.config['enabled']) state.addDisabled(node);
  else {
    state.addUnique(state.metrics, node);
    state.metricLookup.add(name, node.package_name, node.unique_id);
  }
}

const emptyTypeParams = (): Record<string, Json> => ({
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

function typeParams(params: Json | undefined, type: string): Json {
  if (!isDict(params))
    throw new TsdbtError('parsing', `type_params of a metric must be a dictionary, found ${JSON.stringify(params)}`);
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
    metrics: ((params['metrics'] ?? []) as Json[]).map(metricInput),
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

function conversionParams(data: YamlDict): Json {
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

function aggregationOf(data: YamlDict, owner: MetricOwner): Json {
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

function typeParamsOfFlatMetric(data: YamlDict, type: string, owner: MetricOwner | undefined): Json {
  return {
    ...emptyTypeParams(),
    numerator: metricInput(data['numerator']),
    denominator: metricInput(data['denominator']),
    expr: (data['expr'] ?? null) === null ? null : pyStr(data['expr']),
    metrics: ((data['input_metrics'] ?? []) as Json[]).map(metricInput),
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

/** Adds one entry of `semantic_models:`, and the metrics that its measures ask for. */
export function addSemanticModel(tools: ParseTools, entry: YamlEntry): void {
  const { state } = tools;
  const { data } = entry;
  checkEntry(entry, data, NAMED_ENTRY);
  const name = data['name'] as string;
  const node = base(tools, entry, 'semantic_model', name, (data['config'] ?? {}) as YamlDict);
  const metaOf = (part: YamlDict): Json => ({
    meta: {
      ...(node.config['meta'] as YamlDict),
      ...(isDict(part['config']) && isDict(part['config']['meta']) ? part['config']['meta'] : {}),
    },
  });
  const measures = (data['measures'] ?? []) as YamlDict[];
  const model = data['model'] as string;
  Object.assign(node, {
    model,
    node_relation: null,
    description: data['description'] ?? null,
    label: data['label'] ?? null,
    defaults: isDict(data['defaults']) ? { agg_time_dimension: data['defaults']['agg_time_dimension'] ?? null } : null,
    entities: ((data['entities'] ?? []) as YamlDict[]).map((each) => ({
      name: each['name'],
      type: each['type'],
      description: each['description'] ?? null,
      label: each['label'] ?? null,
      role: each['role'] ?? null,
      expr: each['expr'] ?? null,
      config: metaOf(each),
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
      config: metaOf(each),
    })),
    dimensions: ((data['dimensions'] ?? []) as YamlDict[]).map((each) => ({
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
      config: metaOf(each),
      datatype: null,
    })),
    metadata: null,
    primary_entity: data['primary_entity'] ?? null,
  });
  const found = readRefOrSource(model);
  if (found !== null && 'ref' in found) (node['refs'] as unknown[]).push(found.ref);
  else tools.rendering.semanticModel(node, model);
  if (node.config['enabled']) state.addUnique(state.semanticModels, node);
  else state.addDisabled(node);
  for (const measure of measures) {
    if (measure['create_metric'] !== true) continue;
    addMetric(tools, entry, {
      name: measure['name'] as Json,
      label: measure['label'] || (measure['name'] as Json),
      type: 'simple',
      type_params: { measure: measure['name'] as Json, expr: measure['expr'] || (measure['name'] as Json) },
      description: measure['description'] || `Metric created from measure ${measure['name'] as string}`,
      config: { enabled: node.config['enabled'] as boolean, meta: node.config['meta'] as YamlDict },
    });
  }
}

/** Adds one entry of `saved_queries:`. */
export function addSavedQuery(tools: ParseTools, entry: YamlEntry): void {
  const { state, names } = tools;
  const { data } = entry;
  checkEntry(entry, data, NAMED_ENTRY);
  const name = data['name'] as string;
  const node = base(tools, entry, 'saved_query', name, (data['config'] ?? {}) as YamlDict);
  const params: YamlDict = isDict(data['query_params']) ? data['query_params'] : {};
  const wrap = (tags: unknown): string[] =>
    Array.isArray(tags) ? (tags as string[]) : typeof tags === 'string' ? [tags] : [];
  Object.assign(node, {
    query_params: {
      metrics: params['metrics'] ?? [],
      group_by: params['group_by'] ?? [],
      where: whereFilter(params['where']),
      order_by: params['order_by'] ?? [],
      limit: params['limit'] ?? null,
    },
    exports: ((data['exports'] ?? []) as YamlDict[]).map((each) => {
      const own: YamlDict = isDict(each['config']) ? each['config'] : {};
      const combined: ConfigDict = { ...node.config, ...own };
      const relation = {
        database: null,
        schema: '',
        alias: '',
        name: each['name'] as string,
        package_name: node.package_name,
        unique_id: node.unique_id,
        resource_type: 'export',
      };
      names.update(relation, {
        database: combined['database'],
        schema: combined['schema'] ?? combined['schema_name'],
        alias: combined['alias'],
      });
      return {
        name: each['name'],
        config: {
          export_as: combined['export_as'] ?? null,
          schema_name: combined['schema_name'] ?? combined['schema'] ?? relation.schema,
          alias: combined['alias'] ?? relation.alias,
          database: relation.database,
        },
        unrendered_config: own,
      };
    }),
    description: data['description'] ?? null,
    label: data['label'] ?? null,
    metadata: null,
    tags: [...new Set([...wrap(data['tags']), ...wrap(node.config['tags'])])].sort(),
  });
  if (node.config['enabled']) state.addUnique(state.savedQueries, node);
  else state.addDisabled(node);
}

/** Fills depends_on of semantic resources, once refs are resolved. */
export function linkSemanticLayer(tools: ParseTools, references: References): void {
  const { state } = tools;
  for (const model of state.semanticModels.values()) {
    references.linkRefs(model);
    const target = state.nodes.get((model['depends_on'] as { nodes: string[] }).nodes[0] ?? '');
    if (target !== undefined) {
      model['node_relation'] = {
        alias: target.alias,
        schema_name: target.schema,
        database: target.database,
        relation_name: target.relation_name,
      };
    }
  }
  const owner = new Map<string, string>();
  for (const model of state.semanticModels.values())
    for (const { name } of model['measures'] as { name: string }[]) owner.set(name, model.unique_id);
  const done = new Set<string>();
  for (const metric of state.metrics.values()) linkMetric(tools, metric, owner, done);
  for (const query of state.savedQueries.values()) {
    const { metrics } = query['query_params'] as { metrics: string[] };
    references.linkMetrics(
      query,
      metrics.map((name) => [name]),
    );
  }
}

function linkMetric(
  tools: ParseTools,
  metric: ParsedOnlyNode,
  owner: ReadonlyMap<string, string>,
  done: Set<string>,
): void {
  if (done.has(metric.unique_id)) return;
  done.add(metric.unique_id);
  const { state } = tools;
  const params = metric['type_params'] as Record<string, Json>;
  const { nodes } = metric['depends_on'] as { nodes: string[] };
  const conversion = isDict(params['conversion_type_params']) ? params['conversion_type_params'] : {};
  const cumulative = isDict(params['cumulative_type_params']) ? params['cumulative_type_params'] : {};
  const inputs = params['input_measures'] as Json[];
  const add = (id: string): void => {
    if (!nodes.includes(id)) nodes.push(id);
  };
  for (const measure of [params['measure'], conversion['base_measure'], conversion['conversion_measure']]) {
    if (!isDict(measure)) continue;
    const id = owner.get(measure['name'] as string);
    if (id === undefined) {
      throw new TsdbtError(
        'parsing',
        `A semantic model having a measure \`${measure['name'] as string}\` does not exist but was referenced.`,
        { path: metric.original_file_path },
      );
    }
    addMeasure(inputs, measure);
    add(id);
  }
  const aggregation = params['metric_aggregation_params'];
  if (isDict(aggregation))
    add(`semantic_model.${tools.state.root.project_name}.${aggregation['semantic_model'] as string}`);
  const metrics = [
    params['numerator'],
    params['denominator'],
    ...((params['metrics'] ?? []) as Json[]),
    conversion['base_metric'],
    conversion['conversion_metric'],
    cumulative['metric'],
  ];
  for (const input of metrics) {
    if (!isDict(input)) continue;
    const name = input['name'] as string;
    const id = state.metricLookup.get(name, metric.package_name) ?? state.metricLookup.get(name, null);
    const target = id === undefined ? undefined : state.metrics.get(id);
    if (target === undefined) {
      throw new TsdbtError(
        'parsing',
        `The metric \`${name}\` does not exist but was referenced by metric \`${metric.name}\`.`,
        { path: metric.original_file_path },
      );
    }
    linkMetric(tools, target, owner, done);
    for (const measure of (target['type_params'] as Record<string, Json>)['input_measures'] as Json[])
      addMeasure(inputs, measure);
    add(target.unique_id);
  }
}

function addMeasure(inputs: Json[], measure: Json): void {
  const text = showJson(measure);
  if (!inputs.some((each) => showJson(each) === text)) inputs.push(measure);
}
