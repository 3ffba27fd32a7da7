// Checks metrics and semantic models during parsing as dbt does: metricflow's rules in order, deprecations, and the
// time spine that the semantic layer requires.
import { GRAINS } from '../../grains.ts';
import { errorOf } from '../../../error-table.ts';
import { eventOf } from '../../../events/index.ts';
import { isDict } from '../../../project/schema-check.ts';
import { pyStr } from '../../../values/python-text.ts';
import type { ParseState } from '../../table/parse-state.ts';
import type { LinkedTable } from '../../table/tables.ts';
import type { Report, Rule, SemanticFacts, TimeSpine } from './facts.ts';
import * as metric from './metric-rules.ts';
import * as model from './model-rules.ts';
import { savedQueries, whereFilters } from './query-rules.ts';

/** In metricflow's order. They run only if there are metrics and models. */
const RULES: readonly Rule[] = [
  model.percentiles,
  metric.derivedMetrics,
  model.counts,
  model.uniqueMeasures,
  model.validityWindows,
  model.dimensionTypes,
  model.elementTypes,
  model.naturalEntities,
  metric.measureAliases,
  metric.metricMeasures,
  metric.cumulativeMetrics,
  model.names,
  model.aggregationTimes,
  model.reservedWords,
  model.nonAdditiveDimensions,
  model.modelDefaults,
  model.primaryEntities,
  model.dimensionPairs,
  whereFilters,
  savedQueries,
  metric.metricLabels,
  model.modelLabels,
  model.entityLabels,
  metric.conversionMetrics,
  model.timeSpines,
  model.timeDimensionGrains,
  metric.simpleExpressions,
];

/** The model that is a time spine because of its name. */
const LEGACY_SPINE = 'metricflow_time_spine';

/**
 * Reports problems of the semantic layer. Checks nothing unless there are both metrics and semantic models.
 * @throws {TsdbtError} parsing: a rule is broken, or there is no time spine with a grain of a day or finer
 */
export function checkSemanticLayer(state: ParseState, table: LinkedTable): void {
  const { metrics, semantic_models, saved_queries } = table;
  if (semantic_models.size === 0) return;
  const spines = timeSpinesOf(table);
  const legacy = [...table.nodes.values()].find((node) => node.resource_type === 'model' && node.name === LEGACY_SPINE);
  const day = GRAINS.indexOf('day');
  const fine = spines.some(({ grain }) => GRAINS.indexOf(grain) <= day);
  if (!fine && legacy === undefined) throw errorOf('timeSpineMissing', {});
  if (metrics.size === 0) return;
  const facts: SemanticFacts = {
    models: [...semantic_models.values()],
    metrics: [...metrics.values()],
    queries: [...saved_queries.values()],
    spines,
  };
  const found = findings(facts);
  const old = oldCumulativeMetrics(facts);
  if (old.length > 0) {
    if (state.flag('require_nested_cumulative_type_params', true))
      found.errors.push(
        'Cumulative fields `type_params.window` and `type_params.grain_to_date` should be nested under ' +
          '`type_params.cumulative_type_params.window` and `type_params.cumulative_type_params.grain_to_date`. ' +
          `Invalid metrics: ${old.join(', ')}. See documentation on behavior changes: ` +
          'https://docs.getdbt.com/reference/global-configs/behavior-changes.',
      );
    else
      state.warnings.deprecated(
        'MFCumulativeTypeParamsDeprecation',
        'Cumulative fields `type_params.window` and `type_params.grain_to_date` have been moved and will soon be ' +
          'deprecated. Please nest those values under `type_params.cumulative_type_params.window` and ' +
          '`type_params.cumulative_type_params.grain_to_date`. See documentation on behavior changes: ' +
          'https://docs.getdbt.com/reference/global-configs/behavior-changes.',
      );
  }
  const isLegacy = legacy !== undefined && !spines.some(({ alias }) => alias === LEGACY_SPINE);
  const hasDays = spines.some(({ grain }) => grain === 'day');
  if (isLegacy && !hasDays && !state.flag('require_yaml_configuration_for_mf_time_spines', true))
    state.warnings.deprecated(
      'MFTimespineWithoutYamlConfigurationDeprecation',
      'Time spines without YAML configuration are in the process of deprecation. Please add YAML configuration for ' +
        "your 'metricflow_time_spine' model. See documentation on MetricFlow time spines: " +
        'https://docs.getdbt.com/docs/build/metricflow-time-spine and behavior change documentation: ' +
        'https://docs.getdbt.com/reference/global-configs/behavior-changes.',
    );
  for (const msg of found.warnings) state.warnings.warn('SemanticValidationFailure', msg, { msg });
  for (const msg of found.later) state.warnings.deprecated('TimeDimensionsRequireGranularityDeprecation', msg, { msg });
  for (const msg of found.errors)
    state.warnings.report(eventOf('SemanticValidationFailure', `[WARNING]: ${msg}`, { msg }, 'error'));
  if (found.errors.length > 0) throw errorOf('semanticLayerInvalid', {});
}

type Findings = Readonly<Record<'warnings' | 'later' | 'errors', string[]>>;

function findings(facts: SemanticFacts): Findings {
  const found: Findings = { warnings: [], later: [], errors: [] };
  const report: Report = {
    warn: (message) => void found.warnings.push(message),
    later: (message) => void found.later.push(message),
    error: (message) => void found.errors.push(message),
  };
  for (const rule of RULES) rule(facts, report);
  return found;
}

/** Returns the metrics whose window or grain is not nested. */
function oldCumulativeMetrics({ metrics }: SemanticFacts): readonly string[] {
  const names = metrics
    .filter(({ type_params: { window, grain_to_date } }) => Boolean(window) || Boolean(grain_to_date))
    .map(({ name }) => name);
  return [...new Set(names)];
}

function timeSpinesOf({ nodes }: LinkedTable): readonly TimeSpine[] {
  const spines: TimeSpine[] = [];
  for (const node of nodes.values()) {
    if (node.resource_type !== 'model' || !isDict(node.time_spine)) continue;
    const { standard_granularity_column: column, custom_granularities: custom } = node.time_spine;
    spines.push({
      alias: node.alias,
      relation: node.relation_name,
      grain: pyStr(node.columns[pyStr(column ?? null)]?.granularity ?? null).toLowerCase(),
      customGrains: Array.isArray(custom)
        ? custom.map((each) => (isDict(each) ? pyStr(each['name'] ?? null) : ''))
        : [],
    });
  }
  return spines;
}
