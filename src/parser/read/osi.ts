// Builds semantic models and metrics from OSI documents by dbt 1.12's rules: JSON files in the root project's
// `osi-paths`. Such a document has neither metric types nor measures: osi-expressions.ts derives them from its
// expressions.
import type { MetricAggregation, MetricInput, SemanticPart } from '../../contracts/node.ts';
import type { SourceFile } from '../../contracts/project.ts';
import { errorOf } from '../../error-table.ts';
import {
  bool,
  checkShape,
  type Infer,
  of,
  open,
  optionalText,
  optionalTextList,
  orNull,
  shapes,
  listOf,
  leaf,
  text,
  textList,
  choice,
  optional,
} from '../../project/schema-check.ts';
import type { PatchTools } from '../table/patch-table.ts';
import type { PatchedMetric, PatchedSemanticModel } from '../table/phases.ts';
import { type Aggregate, aggregateOf, ratioOf, unqualified } from './osi-expressions.ts';
import { emptyTypeParams } from './semantic-layer.ts';

const VERSIONS = ['0.1.0', '0.1.1'];
const DIALECT = choice('ANSI_SQL', 'SNOWFLAKE', 'MDX', 'TABLEAU', 'DATABRICKS');
/** OSI's data types and the corresponding ones of MetricFlow. */
const DATA_TYPES: Readonly<Record<string, string>> = {
  String: 'string',
  Integer: 'integer',
  Decimal: 'decimal',
  Float: 'float',
  Boolean: 'boolean',
  Date: 'date',
  Time: 'time',
  DateTime: 'datetime',
  DateTimeTz: 'datetime_tz',
  Opaque: 'opaque',
};
const DATA_TYPE = optional(choice(...Object.keys(DATA_TYPES)));
const EXPRESSION = open(['dialects'], {
  dialects: shapes(open(['dialect', 'expression'], { dialect: DIALECT, expression: text })),
});
const FIELD = open(['name', 'expression'], {
  name: text,
  expression: of(EXPRESSION),
  dimension: orNull(of(open(['is_time'], { is_time: bool }))),
  datatype: DATA_TYPE,
  label: optionalText,
  description: optionalText,
});
const DATASET = open(['name', 'source'], {
  name: text,
  source: text,
  primary_key: optionalTextList,
  unique_keys: orNull(listOf(leaf(textList))),
  description: optionalText,
  fields: orNull(shapes(FIELD)),
});
const RELATIONSHIP = open(['name', 'from', 'to', 'from_columns', 'to_columns'], {
  name: text,
  from: text,
  to: text,
  from_columns: textList,
  to_columns: textList,
});
const METRIC = open(['name', 'expression'], {
  name: text,
  expression: of(EXPRESSION),
  datatype: DATA_TYPE,
  description: optionalText,
});
const MODEL = open(['name', 'datasets'], {
  name: text,
  datasets: shapes(DATASET),
  relationships: orNull(shapes(RELATIONSHIP)),
  metrics: orNull(shapes(METRIC)),
});
const DOCUMENT = open(['semantic_model'], { version: text, semantic_model: shapes(MODEL) });
type Dataset = Infer<typeof DATASET>;
type Expression = Infer<typeof EXPRESSION>;

/**
 * Adds what the root project's OSI documents define. Models must be known; refs need not be resolved.
 * @throws TsdbtError `parsing` for an invalid document, a dataset that is not a model, or a duplicate name
 */
export function addOsiDocuments(tools: PatchTools): void {
  const { state } = tools;
  const files = state.filesOf(state.root.project_name).filter(({ kind }) => kind === 'osi');
  for (const file of [...files].sort((a, b) => (a.original_file_path < b.original_file_path ? -1 : 1)))
    addDocument(tools, file);
}

function addDocument(tools: PatchTools, file: SourceFile): void {
  const path = file.original_file_path;
  const { version = '0.1.1', semantic_model: models } = documentOf(file);
  if (!VERSIONS.includes(version))
    throw errorOf('osiVersion', { path, version, supported: VERSIONS.map((each) => `'${each}'`).join(', ') }, { path });
  for (const { datasets, relationships } of models)
    for (const dataset of datasets) {
      const foreign = (relationships ?? [])
        .filter(({ from }) => from === dataset.name)
        .flatMap(({ from_columns: columns }) => columns);
      addDataset(tools, file, dataset, foreign);
    }
  for (const { datasets, metrics } of models)
    for (const { name, expression, datatype: _, description } of metrics ?? [])
      addOsiMetric(
        tools,
        file,
        { name, expression: expressionOf(expression), description: description ?? '' },
        datasets,
      );
}

function documentOf(file: SourceFile): Infer<typeof DOCUMENT> {
  const path = file.original_file_path;
  let data: unknown;
  try {
    data = JSON.parse(file.contents);
  } catch (error) {
    throw errorOf('osiUnreadable', { path, why: error instanceof Error ? error.message : String(error) }, { path });
  }
  if (isDocument(data)) return data;
  const { message, path: place } = checkShape(data, DOCUMENT) ?? { message: '', path: [] };
  throw errorOf('osiUnreadable', { path, why: `${message}, at ${place.join('.') || 'the top'}` }, { path });
}

function isDocument(data: unknown): data is Infer<typeof DOCUMENT> {
  return checkShape(data, DOCUMENT) === undefined;
}

/** Fields that all resources of a document share. */
function base<const T extends 'metric' | 'semantic_model'>(
  { state }: PatchTools,
  file: SourceFile,
  type: T,
  name: string,
) {
  const packageName = state.root.project_name;
  return {
    name,
    resource_type: type,
    package_name: packageName,
    path: file.original_file_path,
    original_file_path: file.original_file_path,
    unique_id: `${type}.${packageName}.${name}`,
    fqn: [packageName, name],
    config: { enabled: true, group: null, meta: {} },
    unrendered_config: {},
    group: null,
    depends_on: { macros: [] },
    refs: [],
    created_at: state.createdAt,
    metadata: null,
  };
}

function addDataset(tools: PatchTools, file: SourceFile, dataset: Dataset, foreign: readonly string[]): void {
  const { table } = tools;
  const path = file.original_file_path;
  const [database, schema, alias] = placeOf(dataset.source);
  const model = [...table.nodes.values()].findLast(
    (node) =>
      node.resource_type === 'model' &&
      (node.alias || node.name).toLowerCase() === alias.toLowerCase() &&
      node.schema.toLowerCase() === schema.toLowerCase() &&
      (node.database ?? '').toLowerCase() === database.toLowerCase(),
  );
  const relation = [database, schema, alias].filter(Boolean).join('.');
  if (model === undefined) throw errorOf('osiDatasetMissing', { path, name: dataset.name, relation }, { path });
  const named = base(tools, file, 'semantic_model', dataset.name);
  if (table.semanticModels.has(named.unique_id))
    throw errorOf('osiNameTaken', { path, kind: 'semantic model', name: dataset.name }, { path });
  const unique = (dataset.unique_keys ?? []).flat();
  const entities: SemanticPart[] = [];
  const dimensions: SemanticPart[] = [];
  for (const { name, expression, dimension, datatype, label = null, description = null } of dataset.fields ?? []) {
    const own = expressionOf(expression);
    const part = { name, description, label, expr: own === name ? null : own, config: null };
    const type = dataset.primary_key?.includes(name)
      ? 'primary'
      : unique.includes(name)
        ? 'unique'
        : foreign.includes(name)
          ? 'foreign'
          : null;
    if (type !== null) entities.push({ ...part, type, role: null });
    else
      dimensions.push({
        ...part,
        type: dimension?.is_time === true ? 'time' : 'categorical',
        is_partition: false,
        type_params: dimension?.is_time === true ? { time_granularity: 'day', validity_params: null } : null,
        metadata: null,
        datatype: datatype == null ? null : (DATA_TYPES[datatype] ?? null),
      });
  }
  const node: PatchedSemanticModel = {
    ...named,
    model: `ref('${model.name}')`,
    node_relation: null,
    description: dataset.description ?? null,
    label: null,
    defaults: null,
    entities,
    measures: [],
    dimensions,
    primary_entity: null,
    refs: [{ name: model.name, package: null, version: null }],
  };
  table.semanticModels.set(node.unique_id, node);
}

/** Splits `database.schema.identifier`; a shorter name lacks the leading parts. */
function placeOf(source: string): readonly [string, string, string] {
  const [first = '', second, ...rest] = source.split('.');
  if (second === undefined) return ['', '', first];
  return rest.length === 0 ? ['', first, second] : [first, second, rest.join('.')];
}

/** The text in ANSI SQL, otherwise in the first dialect. */
function expressionOf({ dialects }: Expression): string {
  return (dialects.find(({ dialect }) => dialect === 'ANSI_SQL') ?? dialects[0])?.expression ?? '';
}

interface WrittenMetric {
  readonly name: string;
  readonly expression: string;
  readonly description: string;
}

/**
 * Builds a metric from a single aggregate, a ratio with a metric for each part, or otherwise the expression as written.
 */
function addOsiMetric(tools: PatchTools, file: SourceFile, metric: WrittenMetric, datasets: readonly Dataset[]): void {
  const { name, expression, description } = metric;
  const add = (type: 'simple' | 'ratio', params: Partial<PatchedMetric['type_params']>): void => {
    const named = base(tools, file, 'metric', name);
    const path = file.original_file_path;
    if (tools.table.metrics.has(named.unique_id))
      throw errorOf('osiNameTaken', { path, kind: 'metric', name }, { path });
    const node: PatchedMetric = {
      ...named,
      description,
      label: name,
      type,
      type_params: { ...emptyTypeParams(), metrics: null, is_private: false, ...params },
      filter: null,
      time_granularity: null,
      sources: [],
      metrics: [],
      meta: {},
      tags: [],
    };
    tools.table.metrics.set(node.unique_id, node);
    tools.table.metricLookup.add(name, node.package_name, node.unique_id);
  };
  const aggregate = aggregateOf(expression);
  const ratio = aggregate === null ? ratioOf(expression) : null;
  if (aggregate !== null)
    add('simple', { expr: aggregate.column, metric_aggregation_params: aggregation(aggregate, datasets) });
  else if (ratio !== null) {
    const [above, below] = [`${name}_numerator`, `${name}_denominator`];
    addOsiMetric(tools, file, { name: above, expression: ratio[0], description: '' }, datasets);
    addOsiMetric(tools, file, { name: below, expression: ratio[1], description: '' }, datasets);
    add('ratio', { numerator: input(above), denominator: input(below) });
  } else {
    const params = { agg: 'sum', column: expression, qualified: null, percentile: null };
    add('simple', {
      expr: expression,
      metric_aggregation_params: { ...aggregation(params, datasets), semantic_model: datasets[0]?.name ?? '' },
    });
  }
}

function input(name: string): MetricInput {
  return { name, filter: null, alias: null, offset_window: null, offset_to_grain: null };
}

function aggregation(
  { agg, column, qualified, percentile }: Aggregate,
  datasets: readonly Dataset[],
): MetricAggregation {
  const dot = qualified?.lastIndexOf('.') ?? -1;
  const owner = datasets.find(({ fields }) =>
    (fields ?? []).some(
      ({ name, expression }) => name === column || unqualified(expression.dialects[0]?.expression ?? '') === column,
    ),
  );
  return {
    semantic_model: qualified !== null && dot >= 0 ? qualified.slice(0, dot) : ((owner ?? datasets[0])?.name ?? ''),
    agg,
    agg_params:
      percentile === null ? null : { percentile, use_discrete_percentile: false, use_approximate_percentile: false },
    agg_time_dimension: null,
    non_additive_dimension: null,
  };
}
