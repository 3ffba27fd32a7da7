// What semantic models, metrics and saved queries depend on: measures, other metrics, models. Leaves making them of
// their entries to read/semantic-layer.ts.
import type { Json, MetricInput, MetricNode } from '../../contracts/node.ts';
import { TsdbtError } from '../../errors.ts';
import { showJson } from '../../values/index.ts';
import type { ParseTools } from '../config/node-update.ts';
import type { References } from './references.ts';

/** Fills depends_on of semantic resources, once refs are resolved. */
export function linkSemanticLayer(tools: ParseTools, references: References): void {
  const { state } = tools;
  for (const model of state.semanticModels.values()) {
    references.linkRefs(model);
    const target = state.nodes.get(model.depends_on.nodes[0] ?? '');
    if (target !== undefined) {
      model.node_relation = {
        alias: target.alias,
        schema_name: target.schema,
        database: target.database,
        relation_name: target.relation_name,
      };
    }
  }
  const owner = new Map<Json | undefined, string>();
  for (const model of state.semanticModels.values())
    for (const { name } of model.measures) owner.set(name, model.unique_id);
  const done = new Set<string>();
  for (const metric of state.metrics.values()) linkMetric(tools, metric, owner, done);
  for (const query of state.savedQueries.values()) {
    const { metrics } = query.query_params;
    references.linkMetrics(
      query,
      (Array.isArray(metrics) ? metrics : []).map((name) => [String(name)]),
    );
  }
}

function linkMetric(
  tools: ParseTools,
  metric: MetricNode,
  owner: ReadonlyMap<Json | undefined, string>,
  done: Set<string>,
): void {
  if (done.has(metric.unique_id)) return;
  done.add(metric.unique_id);
  const { state } = tools;
  const params = metric.type_params;
  const { nodes } = metric.depends_on;
  const { conversion_type_params: conversion, cumulative_type_params: cumulative, input_measures: inputs } = params;
  const add = (id: string): void => {
    if (!nodes.includes(id)) nodes.push(id);
  };
  for (const measure of [params.measure, conversion?.base_measure, conversion?.conversion_measure]) {
    if (!measure) continue;
    const id = owner.get(measure.name);
    if (id === undefined) {
      throw new TsdbtError(
        'parsing',
        `A semantic model having a measure \`${String(measure.name)}\` does not exist but was referenced.`,
        { path: metric.original_file_path },
      );
    }
    addMeasure(inputs, measure);
    add(id);
  }
  const aggregation = params.metric_aggregation_params;
  if (aggregation !== null) add(`semantic_model.${state.root.project_name}.${aggregation.semantic_model}`);
  const metrics = [
    params.numerator,
    params.denominator,
    ...params.metrics,
    conversion?.base_metric,
    conversion?.conversion_metric,
    cumulative?.metric,
  ];
  for (const input of metrics) {
    if (!input) continue;
    const name = String(input.name);
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
    for (const measure of target.type_params.input_measures) addMeasure(inputs, measure);
    add(target.unique_id);
  }
}

function addMeasure(inputs: MetricInput[], measure: MetricInput): void {
  const text = showJson(measure);
  if (!inputs.some((each) => showJson(each) === text)) inputs.push(measure);
}
