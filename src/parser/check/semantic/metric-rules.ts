// Rules for metrics: one function per rule, with the messages of the metricflow version that dbt-core 1.12.6 runs.
import { GRAINS } from '../../grains.ts';
import type {
  Json,
  MetricConversion,
  MetricInput,
  MetricNode,
  SemanticModelNode,
  SemanticPart,
} from '../../../contracts/node.ts';
import { pyRepr, pyStr } from '../../../values/python-text.ts';
import { checkName, customGrains, measureText, part, type Report, type Rule, textPart, word } from './facts.ts';

const NOT_CUSTOM = 'Custom granularities are not supported for this field yet.';
const nameOf = ({ name }: { readonly name: Json | undefined }): string => pyStr(name ?? null);
const ofType = (metrics: readonly MetricNode[], type: string): readonly MetricNode[] =>
  metrics.filter((metric) => word(metric.type) === type);
const inputsOf = ({ type_params: { metrics } }: MetricNode): readonly MetricInput[] =>
  (metrics ?? []).filter((input) => input !== null);

/** Parses a window such as `7 days`. @param allowCustom whether a custom grain of the project may be its unit */
function checkWindow(window: Json, custom: readonly string[], report: Report, allowCustom = false): void {
  const written = textPart(window, 'granularity') ?? '';
  const known = (grain: string): boolean => GRAINS.includes(grain) || custom.includes(grain);
  const grain = written.endsWith('s') && known(written.slice(0, -1)) ? written.slice(0, -1) : written;
  const message = `Invalid time granularity '${grain}' in window: '${pyStr(part(window, 'count'))} ${written}'`;
  if (!known(grain)) report.error(message);
  else if (!allowCustom && !GRAINS.includes(grain)) report.error(`${message} ${NOT_CUSTOM}`);
}

/** Checks inputs, aliases, offsets and the expression of derived metrics. */
export const derivedMetrics: Rule = (facts, report) => {
  const known = new Set(facts.metrics.map(({ name }) => name));
  for (const metric of ofType(facts.metrics, 'derived')) {
    const inputs = inputsOf(metric);
    if (inputs.length === 0)
      report.error(
        `No input metrics found for derived metric '${metric.name}'. Please add metrics to type_params.metrics.`,
      );
    for (const input of inputs)
      if (!known.has(nameOf(input)))
        report.error(
          `For metric: ${metric.name}, input metric: '${nameOf(input)}' does not exist as a configured metric in the ` +
            'model.',
        );
  }
  const custom = customGrains(facts);
  for (const metric of facts.metrics) {
    const derived = word(metric.type) === 'derived';
    if (derived) checkAliases(metric, report);
    for (const input of inputsOf(metric)) checkOffset(metric, input, custom, report);
    if (derived) checkExpression(metric, report);
  }
};

function checkAliases(metric: MetricNode, report: Report): void {
  const inputs = inputsOf(metric);
  const used = new Set(inputs.map(nameOf));
  for (const input of inputs) {
    const alias = textPart(input, 'alias');
    if (!alias) continue;
    checkName(alias, report);
    if (used.has(alias))
      report.error(
        `Alias '${alias}' for input metric: '${nameOf(input)}' is already being used. Please choose another alias.`,
      );
  }
}

function checkOffset(metric: MetricNode, input: MetricInput, custom: readonly string[], report: Report): void {
  const { offset_window: window = null } = input;
  const grain = textPart(input, 'offset_to_grain');
  if (window !== null) checkWindow(window, custom, report, true);
  if (grain && !GRAINS.includes(grain))
    report.error(`Invalid time granularity found in \`offset_to_grain\`: '${grain}'. ${NOT_CUSTOM}`);
  if (window !== null && grain)
    report.error(
      `Both offset_window and offset_to_grain set for derived metric '${metric.name}' on input metric ` +
        `'${nameOf(input)}'. Please set one or the other.`,
    );
}

function checkExpression(metric: MetricNode, report: Report): void {
  const { expr } = metric.type_params;
  if (!expr) {
    report.warn(
      `No \`expr\` set for derived metric ${metric.name}. Please add an \`expr\` that references all input metrics.`,
    );
    return;
  }
  for (const input of inputsOf(metric)) {
    const name = textPart(input, 'alias') || nameOf(input);
    if (!expr.includes(name))
      report.warn(
        `Input metric '${name}' is not used in \`expr\`: '${expr}' for derived metric '${metric.name}'. Please ` +
          'update the `expr` or remove the input metric.',
      );
  }
}

/** Measures that a metric uses twice must have aliases, and the aliases must be unique. */
export const measureAliases: Rule = ({ models, metrics }, report) => {
  const measures = new Set(models.flatMap((model) => model.measures.map(nameOf)));
  const aliases = new Map<string, string[]>();
  for (const metric of metrics) {
    const { input_measures: inputs } = metric.type_params;
    checkRepeatedMeasures(metric, report);
    for (const input of inputs) {
      const alias = textPart(input, 'alias');
      if (alias === null) continue;
      checkName(alias, report);
      if (measures.has(alias))
        report.error(
          `Alias \`${alias}\` for measure \`${nameOf(input)}\` conflicts with measure names defined elsewhere in the ` +
            'model! This can cause ambiguity for certain types of query. Please choose another alias.',
        );
      const users = aliases.get(alias);
      if (users !== undefined)
        report.error(
          `Measure alias ${alias} conflicts with a measure alias used elsewhere in the model! This can cause ` +
            'ambiguity for certain types of query. Please choose another alias, or, if the measures are constrained ' +
            'in the same way, consider centralizing that definition in a new semantic model. Measure specification: ' +
            `${measureText(input, 'str')}. Existing metrics with that measure alias used: ${pyRepr(users)}`,
        );
      aliases.set(alias, [...(users ?? []), metric.name]);
    }
  }
};

function checkRepeatedMeasures(metric: MetricNode, report: Report): void {
  const groups = new Map<string, MetricInput[]>();
  for (const input of metric.type_params.input_measures)
    groups.set(nameOf(input), [...(groups.get(nameOf(input)) ?? []), input]);
  for (const [name, inputs] of groups) {
    const [first] = inputs;
    if (first === undefined || inputs.length < 2) continue;
    if (new Set(inputs.map((input) => measureText(input, 'repr'))).size === 1)
      report.warn(
        `PydanticMetric ${metric.name} has multiple identical input measures specifications for measure ${name}. ` +
          `This might be hiding a semantic error. Input measure specification: ${measureText(first, 'str')}.`,
      );
    else {
      const bare = inputs.filter((input) => input.filter !== null && input.alias === null);
      if (bare.length > 0)
        report.error(
          `PydanticMetric ${metric.name} depends on multiple different constrained versions of measure ${name}. In ` +
            'such cases, aliases must be provided, but the following input measures have constraints specified ' +
            `without an alias: [${bare.map((input) => measureText(input, 'repr')).join(', ')}].`,
        );
    }
  }
}

/** The measures of metrics must exist. */
export const metricMeasures: Rule = ({ models, metrics }, report) => {
  const known = new Set(models.flatMap((model) => model.measures.map(nameOf)));
  for (const { name, type_params: params } of metrics)
    for (const input of params.input_measures)
      if (!known.has(nameOf(input)))
        report.error(`Measure ${nameOf(input)} referenced in metric ${name} is not defined in the model!`);
};

/** Cumulative metrics must have one input, and a window or a grain. */
export const cumulativeMetrics: Rule = (facts, report) => {
  const custom = customGrains(facts);
  for (const metric of ofType(facts.metrics, 'cumulative')) {
    const { measure, cumulative_type_params: own, window: outer, grain_to_date: outerGrain } = metric.type_params;
    const input = own?.metric ?? null;
    if (measure !== null && input !== null)
      report.warn(
        `Cumulative metric '${metric.name}' should not have both a measure and a metric as inputs. The measure will ` +
          'be ignored; please remove it to avoid confusion.',
      );
    else if (measure === null && input === null)
      report.warn(
        `Cumulative metric '${metric.name}' must have either a measure or a metric as inputs. Please add one of them.`,
      );
    const inner = own?.window ?? null;
    if (outer !== null && inner !== null && windowText(outer) !== windowText(inner))
      report.error(
        `Got differing values for \`window\` on cumulative metric '${metric.name}'. In \`type_params.window\`, got ` +
          `'${windowText(outer)}'. In \`type_params.cumulative_type_params.window\`, got '${windowText(inner)}'. ` +
          'Please remove the value from `type_params.window`.',
      );
    const window = inner ?? outer;
    const grain = own?.grain_to_date ? pyStr(own.grain_to_date) : word(outerGrain);
    if (grain && !GRAINS.includes(grain))
      report.error(`Invalid time granularity found in \`grain_to_date\`: '${grain}'. ${NOT_CUSTOM}`);
    if (window !== null && grain)
      report.error('Both window and grain_to_date set for cumulative metric. Please set one or the other.');
    if (window !== null) checkWindow(window, custom, report);
  }
};

/** Formats a window as pydantic does. */
function windowText(window: Json): string {
  return `count=${pyRepr(part(window, 'count'))} granularity=${pyRepr(part(window, 'granularity'))}`;
}

/** The labels of metrics must be unique. */
export const metricLabels: Rule = ({ metrics }, report) => {
  const known = new Map<Json, string>();
  for (const { name, label } of metrics) {
    const owner = known.get(label);
    if (owner !== undefined)
      report.error(
        `Can't use label \`${pyStr(label)}\` for  metric \`${name}\` as it's already used for metric \`${owner}\``,
      );
    else if (label !== null) known.set(label, name);
  }
};

type Side = 'base' | 'conversion';

/** Checks both sides, entity, window and constant properties of conversion metrics. */
export const conversionMetrics: Rule = (facts, report) => {
  for (const metric of ofType(facts.metrics, 'conversion')) {
    const params = metric.type_params.conversion_type_params;
    if (params === null) continue;
    for (const side of ['base', 'conversion'] as const) checkSide(metric, params, side, report);
    const [base, conversion] = (['base', 'conversion'] as const).map((side) =>
      modelOf(facts, metric, params, side, report),
    );
    if (base === undefined || conversion === undefined) continue;
    const entity = pyStr(params.entity);
    if (!base.entities.some((each) => each.name === params.entity))
      report.error(`Entity: ${entity} not found in base semantic model: ${base.name}.`);
    if (!conversion.entities.some((each) => each.name === params.entity))
      report.error(`Entity: ${entity} not found in conversion semantic model: ${conversion.name}.`);
    checkMeasure(params.base_measure, base, true, report);
    checkMeasure(params.conversion_measure, conversion, false, report);
    checkMetric(facts.metrics, params.base_metric, true, report);
    checkMetric(facts.metrics, params.conversion_metric, false, report);
    if (params.window !== null) checkWindow(params.window, customGrains(facts), report);
    const constants = Array.isArray(params.constant_properties) ? params.constant_properties : [];
    for (const [model, key] of [
      [base, 'base_property'],
      [conversion, 'conversion_property'],
    ] as const) {
      const elements = new Set([...model.entities, ...model.dimensions].map(nameOf));
      for (const property of constants.map((each) => textPart(each, key) ?? ''))
        if (!elements.has(property))
          report.error(`The provided constant property: ${property}, cannot be found in semantic model ${model.name}`);
    }
  }
};

/** Each side must have a measure or a metric. */
function checkSide({ name }: MetricNode, params: MetricConversion, side: Side, report: Report): void {
  const [measure, metric] = [params[`${side}_measure`], params[`${side}_metric`]];
  if (measure !== null && metric !== null)
    report.warn(
      `Conversion metric '${name}' should not have both a ${side} measure and a ${side} metric as inputs. The ` +
        `${side} measure will be ignored; please remove it to avoid confusion.`,
    );
  else if (measure === null && metric === null)
    // dbt does not insert the name into the second of these messages.
    report.error(
      `Conversion metric '${side === 'base' ? name : '{metric.name}'}' must have either a ${side} measure or a ` +
        `${side} metric as inputs. Please add one of them.`,
    );
}

/** Returns the semantic model of a side's input; undefined if a finding was reported. */
function modelOf(
  { models, metrics }: { readonly models: readonly SemanticModelNode[]; readonly metrics: readonly MetricNode[] },
  { name }: MetricNode,
  params: MetricConversion,
  side: Side,
  report: Report,
): SemanticModelNode | undefined {
  const [measure, input] = [params[`${side}_measure`], params[`${side}_metric`]];
  const metric = input === null ? undefined : metrics.find((each) => each.name === input.name);
  if (metric !== undefined && word(metric.type) !== 'simple')
    report.error(
      `Metric '${metric.name}' is not a Simple metric, so it cannot be used as an input for Conversion metric ` +
        `'${name}'.`,
    );
  if (measure !== null && input !== null) {
    report.warn(
      `Conversion metric '${name}' should not have both a ${side} measure and a ${side} metric as inputs. The ` +
        'measure input will be ignored; please remove it to avoid confusion.',
    );
    return undefined;
  }
  if (measure !== null) {
    const model = models.find(({ measures }) => measures.some((each) => each.name === measure.name));
    if (model === undefined)
      report.error(
        `Input measure '${nameOf(measure)}' for conversion metric '${name}' does not exist in your manifest.`,
      );
    return model;
  }
  if (input !== null) {
    const owner = metric?.type_params.metric_aggregation_params?.semantic_model;
    const model = models.find((each) => each.name === owner);
    if (model === undefined)
      report.error(
        `Input metric '${nameOf(input)}' for conversion metric '${name}' is linked to a semantic model that does not ` +
          'exist in your manifest.',
      );
    return model;
  }
  report.error(
    `Conversion metric '${name}' must have either a ${side} measure or a ${side} metric as an input. Please add one ` +
      'of them.',
  );
  return undefined;
}

function checkMeasure(input: MetricInput | null, model: SemanticModelNode, base: boolean, report: Report): void {
  const measure = model.measures.find((each) => each.name === input?.name);
  if (input === null || measure === undefined) return;
  checkInput('Measure', nameOf(measure), word(measure['agg']), textPart(measure, 'expr'), report);
  if (input.filter !== null && !base) reportFilter('Measure', nameOf(measure), report);
}

function checkMetric(metrics: readonly MetricNode[], input: MetricInput | null, base: boolean, report: Report): void {
  const metric = metrics.find((each) => each.name === input?.name);
  const params = metric?.type_params;
  if (input === null || metric === undefined || !params?.metric_aggregation_params) return;
  checkInput('Metric', metric.name, word(params.metric_aggregation_params.agg), params.expr, report);
  if (input.filter !== null && !base) reportFilter('Metric', metric.name, report);
}

function checkInput(kind: 'Measure' | 'Metric', name: string, agg: string, expr: string | null, report: Report): void {
  if (agg === 'count' || agg === 'count_distinct' || (agg === 'sum' && expr === '1')) return;
  report.error(
    `For conversion metrics, the input ${kind.toLowerCase()} must be COUNT/SUM(1)/COUNT_DISTINCT. ${kind} '${name}' ` +
      `is agg type: AggregationType.${agg.toUpperCase()}`,
  );
}

function reportFilter(kind: 'Measure' | 'Metric', name: string, report: Report): void {
  report.warn(
    `${kind} input '${name}' has a filter. For conversion metrics, filtering on the conversion input is not fully ` +
      'supported yet. ',
  );
}

/** A simple metric of a measure must not have an expression. */
export const simpleExpressions: Rule = ({ models, metrics }, report) => {
  const measures = new Map<string, SemanticPart>();
  for (const model of models) for (const measure of model.measures) measures.set(nameOf(measure), measure);
  for (const { name, type_params: params } of ofType(metrics, 'simple')) {
    if (params.measure === null) continue;
    const measure = measures.get(nameOf(params.measure));
    if (measure === undefined) report.error(`Measure '${nameOf(params.measure)}'not found in semantic manifest`);
    else if (params.expr !== null && params.expr !== textPart(measure, 'expr') && params.expr !== nameOf(measure))
      report.warn(`Metric '${name}' should not have an expr set if it's proxy from measures`);
  }
};
