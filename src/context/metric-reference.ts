// What `metric()` gives to a template: the metric's name as a text and, while running, its fields as dbt's dataclasses
// show them. Finding the metric is left to the contexts.
import type { Logger } from '../log.ts';
import { fromJson, type HostObject, toRepr, type Value } from '../values/index.ts';
import { type FieldShape, type RecordClass, recordOf } from './record.ts';

/** A member of one of metricflow's enums, which are no texts: `simple` prints as `MetricType.SIMPLE`. */
const member =
  (type: string) =>
  (value: string): HostObject => {
    const name = value.toUpperCase();
    const text = `${type}.${name}`;
    const repr = `<${text}: '${value}'>`;
    return {
      jinjaType: type,
      jinjaGet: (field) => (field === 'value' ? value : field === 'name' ? name : undefined),
      jinjaText: () => text,
      jinjaRepr: () => repr,
      jinjaEquals: (other) => typeof other === 'object' && toRepr(other) === repr,
      jinjaHash: () => text,
      toJsonValue: () => value,
    };
  };

const FILTER: RecordClass = {
  name: 'WhereFilterIntersection',
  fields: { where_filters: { listOf: { name: 'WhereFilter' } } },
};
const WINDOW: RecordClass = { name: 'MetricTimeWindow' };
const INPUT: RecordClass = { name: 'MetricInput', fields: { filter: FILTER, offset_window: WINDOW } };
const MEASURE: RecordClass = { name: 'MetricInputMeasure', fields: { filter: FILTER } };
const AGGREGATION = member('AggregationType');

/** Fields of a metric that are dataclasses, as in dbt's `artifacts/resources/v1/metric.py`. */
const FIELDS: { readonly [field: string]: FieldShape } = {
  filter: FILTER,
  depends_on: { name: 'DependsOn' },
  refs: { listOf: { name: 'RefArgs' } },
  config: { name: 'MetricConfig', configFields: new Set(['enabled', 'group', 'meta']) },
  type_params: {
    name: 'MetricTypeParams',
    fields: {
      measure: MEASURE,
      input_measures: { listOf: MEASURE },
      numerator: INPUT,
      denominator: INPUT,
      window: WINDOW,
      metrics: { listOf: INPUT },
      conversion_type_params: {
        name: 'ConversionTypeParams',
        fields: {
          base_measure: MEASURE,
          conversion_measure: MEASURE,
          base_metric: INPUT,
          conversion_metric: INPUT,
          window: WINDOW,
          constant_properties: { listOf: { name: 'ConstantPropertyInput' } },
        },
        enums: { calculation: member('ConversionCalculationType') },
      },
      cumulative_type_params: {
        name: 'CumulativeTypeParams',
        fields: { window: WINDOW, metric: INPUT },
        enums: { period_agg: member('PeriodAggregation') },
      },
      metric_aggregation_params: {
        name: 'MetricAggregationParams',
        fields: {
          agg_params: { name: 'MeasureAggregationParameters' },
          non_additive_dimension: { name: 'NonAdditiveDimension', enums: { window_choice: AGGREGATION } },
        },
        enums: { agg: AGGREGATION },
      },
    },
    enums: { grain_to_date: member('TimeGranularity') },
  },
};
const RESOLVED: RecordClass = {
  name: 'ResolvedMetricReference',
  fields: FIELDS,
  enums: { type: member('MetricType') },
};

/**
 * Creates the result of `metric()`, which prints as the metric's name.
 * @param found at run time: the metric, whose fields become attributes, and the receiver of warnings about config keys
 *   under `meta`
 */
export function metricReference(
  name: string,
  packageName: string | null,
  found?: { readonly metric: object; readonly logger: Logger },
): HostObject {
  if (found === undefined) {
    const fields: Readonly<Record<string, Value>> = { metric_name: name, package_name: packageName };
    return {
      jinjaType: 'MetricReference',
      jinjaGet: (field) => (Object.hasOwn(fields, field) ? fromJson(fields[field]) : undefined),
      jinjaText: () => name,
    };
  }
  const record = recordOf(RESOLVED, { ...found.metric, metric_name: name, package_name: packageName }, found.logger);
  return {
    jinjaType: RESOLVED.name,
    jinjaGet: (field) => (field === 'to_dict' ? undefined : record.jinjaGet(field)),
    jinjaText: () => name,
  };
}
