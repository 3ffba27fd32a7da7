// Resolves the dependencies of semantic models, metrics and saved queries: measures, other metrics, models.
// read/semantic-layer.ts builds them from their entries.
import type { Json, MetricInput } from '../../contracts/node.ts';
import { errorOf } from '../../error-table.ts';
import { showJson } from '../../values/index.ts';
import type { ParseState } from '../table/parse-state.ts';
import type { PatchedMetric, PatchedSemanticModel } from '../table/phases.ts';
import type { PatchedTable } from '../table/tables.ts';
import type { References } from './references.ts';

export interface LinkedSemantics {
  /** The relation that a semantic model describes. */
  readonly relations: ReadonlyMap<PatchedSemanticModel, Json>;
  /** The measures that a metric uses, directly and through other metrics. */
  readonly inputMeasures: ReadonlyMap<PatchedMetric, readonly MetricInput[]>;
}

/** Resolves names in semantic models, metrics and saved queries, after refs are resolved. */
export function linkSemanticLayer(state: ParseState, table: PatchedTable, references: References): LinkedSemantics {
  const relations = new Map<PatchedSemanticModel, Json>();
  for (const model of table.semanticModels.values()) {
    references.linkRefs(model);
    const target = table.nodes.get(references.parentsOf(model)[0] ?? '');
    if (target !== undefined) {
      relations.set(model, {
        alias: target.alias,
        schema_name: target.schema,
        database: target.database,
        relation_name: target.relation_name,
      });
    }
  }
  const owners = new Map<Json | undefined, string>();
  for (const model of table.semanticModels.values())
    for (const { name } of model.measures) owners.set(name, model.unique_id);
  const inputMeasures = new Map<PatchedMetric, MetricInput[]>();
  const linking: MetricLinking = { table, root: state.root.project_name, references, owners, inputMeasures };
  for (const metric of table.metrics.values()) linkMetric(linking, metric);
  for (const query of table.savedQueries.values()) {
    const { metrics } = query.query_params;
    references.linkMetrics(
      query,
      (Array.isArray(metrics) ? metrics : []).map((name) => [String(name)]),
    );
  }
  return { relations, inputMeasures };
}

interface MetricLinking {
  readonly table: PatchedTable;
  readonly root: string;
  readonly references: References;
  /** The semantic model of each measure. */
  readonly owners: ReadonlyMap<Json | undefined, string>;
  readonly inputMeasures: Map<PatchedMetric, MetricInput[]>;
}

/** @returns the name of the disabled semantic model that has the measure */
function disabledOwner(table: PatchedTable, measure: Json | undefined): string | undefined {
  for (const [model] of table.disabled.values())
    if (model?.resource_type === 'semantic_model' && model.measures.some(({ name }) => name === measure))
      return model.name;
  return undefined;
}

/** @returns the measures that the metric uses; for a metric that refers to itself, those found so far */
function linkMetric(linking: MetricLinking, metric: PatchedMetric): readonly MetricInput[] {
  const { table, root, references, owners, inputMeasures } = linking;
  const known = inputMeasures.get(metric);
  if (known !== undefined) return known;
  const params = metric.type_params;
  const inputs = [...params.input_measures];
  inputMeasures.set(metric, inputs);
  const { conversion_type_params: conversion, cumulative_type_params: cumulative } = params;
  for (const measure of [params.measure, conversion?.base_measure, conversion?.conversion_measure]) {
    if (!measure) continue;
    const id = owners.get(measure.name);
    if (id === undefined) {
      const name = String(measure.name);
      const at = { path: metric.original_file_path };
      const model = disabledOwner(table, measure.name);
      throw model === undefined
        ? errorOf('measureMissing', { measure: name }, at)
        : errorOf('measureDisabled', { measure: name, model }, at);
    }
    addMeasure(inputs, measure);
    references.add(metric, id);
  }
  const aggregation = params.metric_aggregation_params;
  if (aggregation !== null) references.add(metric, `semantic_model.${root}.${aggregation.semantic_model}`);
  const metrics = [
    params.numerator,
    params.denominator,
    ...(params.metrics ?? []),
    conversion?.base_metric,
    conversion?.conversion_metric,
    cumulative?.metric,
  ];
  for (const input of metrics) {
    if (!input) continue;
    const name = String(input.name);
    const id = table.metricLookup.get(name, metric.package_name) ?? table.metricLookup.get(name, null);
    const target = id === undefined ? undefined : table.metrics.get(id);
    if (target === undefined) {
      throw errorOf('metricOfMetricMissing', { name, metric: metric.name }, { path: metric.original_file_path });
    }
    for (const measure of linkMetric(linking, target)) addMeasure(inputs, measure);
    references.add(metric, target.unique_id);
  }
  return inputs;
}

function addMeasure(inputs: MetricInput[], measure: MetricInput): void {
  const text = showJson(measure);
  if (!inputs.some((each) => showJson(each) === text)) inputs.push(measure);
}
