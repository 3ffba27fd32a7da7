// Rules for semantic models and their parts: one function per rule, with the messages of the metricflow version that
// dbt-core 1.12.6 runs.
import { GRAINS } from '../../grains.ts';
import type { Json, SemanticModelNode, SemanticPart } from '../../../contracts/node.ts';
import { isDict } from '../../../project/schema-check.ts';
import { pyRepr, pyStr } from '../../../values/python-text.ts';
import {
  aggregationTime,
  checkName,
  grainOf,
  hasTimeDimension,
  part,
  type Report,
  type Rule,
  safely,
  setText,
  textPart,
  word,
} from './facts.ts';

const nameOf = ({ name }: { readonly name: Json | undefined }): string => pyStr(name ?? null);
const ofType = (entities: readonly SemanticPart[], ...types: readonly string[]): readonly SemanticPart[] =>
  entities.filter((entity) => types.includes(word(entity['type'])));
const named = (message: string, model: SemanticModelNode): string => message.replaceAll('$', model.name);

/** Only percentile measures may have percentiles. */
export const percentiles: Rule = ({ models }, report) => {
  for (const { measures } of models)
    for (const measure of measures) {
      const name = nameOf(measure);
      const agg = word(measure['agg']);
      const params = measure['agg_params'];
      const percentile = part(params, 'percentile');
      if (agg === 'percentile') checkPercentile(name, percentile, report);
      else if (agg === 'median') checkMedian(name, params, report);
      else {
        const wrong = ['percentile', 'use_discrete_percentile', 'use_approximate_percentile'].filter((each) =>
          Boolean(part(params, each)),
        );
        if (wrong.length > 0)
          report.error(
            `Measure '${name}' with aggregation '${agg}' uses agg_params (${wrong.join(', ')}) only relevant to ` +
              'Percentile measures.',
          );
      }
    }
};

function checkPercentile(name: string, percentile: Json, report: Report): void {
  if (percentile === null)
    report.error(
      `Measure '${name}' uses a PERCENTILE aggregation, which requires agg_params.percentile to be provided.`,
    );
  else if (Number(percentile) <= 0 || Number(percentile) >= 1)
    report.error(
      `Percentile aggregation parameter for measure '${name}' is '${floatText(percentile)}', but must be between 0 ` +
        'and 1 (non-inclusive). ' +
        "For example, to indicate the 65th percentile value, set 'percentile: 0.65'. For percentile values of 0, " +
        'please use MIN, for percentile values of 1, please use MAX.',
    );
}

function checkMedian(name: string, params: Json | undefined, report: Report): void {
  const percentile = part(params, 'percentile');
  if (percentile !== null && Number(percentile) !== 0.5)
    report.error(
      `Measure '${name}' uses a MEDIAN aggregation, while percentile is set to '${floatText(percentile)}', a ` +
        "conflicting value. Please remove the parameter or set to '0.5'.",
    );
  if (part(params, 'use_discrete_percentile'))
    report.error(
      `Measure '${name}' uses a MEDIAN aggregation, while use_discrete_percentile is set to true. Please remove the ` +
        'parameter or set to False.',
    );
}

/** metricflow parses a percentile as a float. */
function floatText(value: Json): string {
  const number = Number(value);
  return Number.isInteger(number) ? `${number}.0` : String(number);
}

/** COUNT requires an expression without DISTINCT. */
export const counts: Rule = ({ models }, report) => {
  for (const { measures } of models)
    for (const measure of measures) {
      if (word(measure['agg']) !== 'count') continue;
      const name = nameOf(measure);
      const expr = textPart(measure, 'expr');
      if (expr === null)
        report.error(
          `Measure '${name}' uses a COUNT aggregation, which requires an expr to be provided. Provide 'expr: 1' if a ` +
            'count of all rows is desired.',
        );
      else if (expr.toLowerCase().startsWith('distinct '))
        report.error(
          `Measure '${name}' uses a 'count' aggregation with a DISTINCT expr: '${expr}'. This is not supported as it ` +
            'effectively converts an additive measure into a non-additive one, and this could cause certain queries ' +
            'to return incorrect results. Please use the count_distinct aggregation type.',
        );
    }
};

/** A measure's name must be unique across models. */
export const uniqueMeasures: Rule = ({ models }, report) => {
  const owners = new Map<string, string[]>();
  for (const model of models)
    for (const measure of model.measures) {
      const name = nameOf(measure);
      const known = owners.get(name);
      if (known !== undefined)
        report.error(`Found measure with name ${name} in multiple semantic models with names (${pyRepr(known)})`);
      owners.set(name, [...(known ?? []), model.name]);
    }
};

const WINDOW_RULE =
  'Semantic models using dimension validity params to define a validity window must have exactly two time ' +
  'dimensions with validity params specified - one marked `is_start` and the other marked `is_end`.';

/** A validity window requires a start, an end and a natural entity, and excludes measures. */
export const validityWindows: Rule = ({ models }, report) => {
  for (const model of models) {
    const validity = ({ type_params: params }: SemanticPart): Json => part(params, 'validity_params');
    const dimensions = model.dimensions.filter((dimension) => validity(dimension) !== null);
    if (dimensions.length === 0) continue;
    const names = pyRepr(dimensions.map(nameOf));
    const marked = (mark: string): string[] =>
      dimensions.filter((dimension) => part(validity(dimension), mark) === true).map(nameOf);
    const [starts, ends] = [marked('is_start'), marked('is_end')];
    if (dimensions.length === 1 && starts.length === 1 && ends.length === 1)
      report.error(
        named('Semantic model $ has a single validity param dimension that defines its window: ', model) +
          `\`${starts[0]}\`. This is not a currently supported configuration! ${WINDOW_RULE} If you have one column ` +
          'defining a window, as in a daily snapshot table, you can define a separate dimension and increment the ' +
          'time value in the `expr` field as a work-around.',
      );
    else if (dimensions.length !== 2)
      report.error(
        `Semantic model ${model.name} has ${dimensions.length} dimensions defined with validity params. They are: ` +
          `${names}. There must be either zero or two! If you wish to define a validity window for this semantic ` +
          `model, please follow these requirements: ${WINDOW_RULE}`,
      );
    else if (starts.length !== 1 || ends.length !== 1)
      // In this message of dbt, the list of starts is always empty.
      report.error(
        `Semantic model ${model.name} has two validity param dimensions defined, but does not have exactly one each ` +
          `marked with is_start and is_end! Dimensions: ${names}. is_start dimensions: []. is_end dimensions: ` +
          `${pyRepr(ends)}. ${WINDOW_RULE}`,
      );
    const keys = ofType(model.entities, 'primary', 'unique');
    if (ofType(model.entities, 'natural').length === 0)
      report.error(
        `Semantic model ${model.name} has validity param dimensions defined, but does not have an entity with type ` +
          '`natural` set. The natural key for this semantic model is what we use to process a validity window join. ' +
          'Primary or unique entities, if any, might be suitable for use as natural keys: ' +
          `(${pyRepr(keys.map(nameOf))}).`,
      );
    if (keys.length > 0)
      report.error(
        `Semantic model ${model.name} has validity param dimensions defined and also has one or more entities ` +
          'designated as `primary` or `unique`. This is not yet supported, as we do not currently process joins ' +
          'against these key types for semantic models with validity windows specified.',
      );
    if (model.measures.length > 0)
      report.error(
        `Semantic model ${model.name} has both measures and validity param dimensions defined. This is not currently ` +
          'supported! Please remove either the measures or the validity params. Measure names: ' +
          `${pyRepr(model.measures.map(nameOf))}. Validity param dimension names: ${names}.`,
      );
  }
};

/** Dimensions with the same name must have the same type. */
export const dimensionTypes: Rule = ({ models }, report) => {
  const known = new Map<string, { readonly type: string; readonly partition: boolean }>();
  for (const model of models)
    for (const dimension of model.dimensions) {
      const name = nameOf(dimension);
      const type = `DimensionType.${word(dimension['type']).toUpperCase()}`;
      const partition = Boolean(dimension['is_partition']);
      const first = known.get(name);
      if (first === undefined) {
        known.set(name, { type, partition });
        continue;
      }
      if (first.type !== type)
        report.error(
          `In semantic model \`${model.name}\`, type conflict for dimension \`${name}\` - already in model as type ` +
            `\`${first.type}\` but got \`${type}\``,
        );
      if (first.partition !== partition)
        report.error(
          `In semantic model \`${model.name}, conflicting is_partition attribute for dimension ` +
            `\`DimensionReference(element_name=${pyRepr(name)})\` - already in model with is_partition as ` +
            `\`${pyStr(first.partition)}\` but got \`${pyStr(partition)}\`\``,
        );
    }
};

/** A name must be a measure, a dimension or an entity consistently in all models. */
export const elementTypes: Rule = ({ models }, report) => {
  const uses = new Map<string, Map<string, string[]>>();
  for (const model of models)
    for (const [type, elements] of [
      ['measure', model.measures],
      ['dimension', model.dimensions],
      ['entity', model.entities],
    ] as const)
      for (const element of elements) {
        const types = uses.get(nameOf(element)) ?? new Map<string, string[]>();
        uses.set(nameOf(element), types.set(type, [...(types.get(type) ?? []), model.name]));
      }
  for (const [name, types] of uses) {
    if (types.size < 2) continue;
    const used = [...types.keys()].sort();
    const list = used.map((type) => `<SemanticModelElementType.${type.toUpperCase()}: '${type}'>`).join(', ');
    for (const type of used)
      report.error(
        `In semantic models ${setText(types.get(type) ?? [])}, element \`${name}\` is of type ` +
          `SemanticModelElementType.${type.toUpperCase()}, but it is used as types [${list}] across the model.`,
      );
  }
};

/** A model may have at most one natural entity, and only with a validity window. */
export const naturalEntities: Rule = ({ models }, report) => {
  for (const model of models) {
    const names = [...new Set(ofType(model.entities, 'natural').map(nameOf))];
    if (names.length > 1)
      report.error(
        `Semantic models can have at most one natural entity, but semantic model \`${model.name}\` has ` +
          `${names.length} distinct natural entities set! ${setText(names)}.`,
      );
    const hasWindow = model.dimensions.some((dimension) => part(dimension['type_params'], 'validity_params') !== null);
    if (names.length > 0 && !hasWindow)
      report.error(
        'The use of `natural` entities is currently supported only in conjunction with a validity window defined in ' +
          `the set of time dimensions associated with the semantic model. Semantic model \`${model.name}\` uses a ` +
          `natural entity (${setText(names)}) but does not define a validity window!`,
      );
  }
};

/** The time of each measure must be a time dimension of its model. */
export const aggregationTimes: Rule = ({ models }, report) => {
  for (const model of models)
    safely(report, 'checking aggregation time dimension for a semantic model', () => {
      const found: string[] = [];
      for (const measure of model.measures) {
        const time = aggregationTime(model, measure);
        if (!hasTimeDimension(model, time))
          found.push(
            `In semantic model '${model.name}', measure '${nameOf(measure)}' has the aggregation time dimension set ` +
              `to '${time}', which is not a valid time dimension in the semantic model`,
          );
      }
      found.forEach(report.error);
    });
};

const KEYWORDS: ReadonlySet<string> = new Set(
  (
    'AND AS CREATE DISTINCT FOR FROM FULL HAVING IN INNER INTO IS JOIN LEFT LIKE NATURAL NOT NULL ON OR RIGHT SELECT ' +
    'UNION USING WHERE WITH'
  ).split(' '),
);

/** Names that are selected without a qualifier must not be SQL keywords. */
export const reservedWords: Rule = ({ models }, report) => {
  for (const model of models) {
    const relation = textPart(model.node_relation, 'relation_name') ?? '';
    const words = relation
      .split('.')
      .map((each) => each.toUpperCase())
      .filter((each) => KEYWORDS.has(each));
    if (words.length > 0)
      report.error(
        `'${relation}' contains the SQL reserved keyword(s) ${setText(words)}, and thus cannot be used for ` +
          "'node_relation'.",
      );
    for (const [elements, end] of [
      [model.dimensions, "a dimension 'name'."],
      [model.entities, "an entity 'name'"],
      [model.measures, "a measure 'name'."],
    ] as const)
      for (const element of elements)
        if (KEYWORDS.has(nameOf(element).toUpperCase()))
          report.error(`'${nameOf(element)}' is an SQL reserved keyword, and thus cannot be used as ${end}`);
  }
};

/** A non-additive dimension must be a time dimension with the same grain. */
export const nonAdditiveDimensions: Rule = ({ models }, report) => {
  safely(report, "ensuring that a measure's non_additive_dimensions is valid", () => {
    const found: string[] = [];
    for (const model of models)
      for (const measure of model.measures)
        if (isDict(measure['non_additive_dimension']))
          found.push(...nonAdditiveProblems(model, measure, measure['non_additive_dimension']));
    found.forEach(report.error);
  });
};

function nonAdditiveProblems(
  model: SemanticModelNode,
  measure: SemanticPart,
  extra: { readonly [key: string]: Json },
): string[] {
  const found: string[] = [];
  const subject = `Measure '${nameOf(measure)}' has a`;
  const time = aggregationTime(model, measure);
  const timeDimension = model.dimensions.find((dimension) => dimension.name === time);
  if (timeDimension === undefined)
    return [
      `${subject} agg_time_dimension of ${time} that is not defined as a dimension in semantic model '${model.name}'.`,
    ];
  const name = textPart(extra, 'name') ?? '';
  const matching = model.dimensions.find((dimension) => dimension.name === name);
  if (matching === undefined)
    found.push(
      `${subject} non_additive_dimension with name '${name}' that is not defined as a dimension in semantic model ` +
        `'${model.name}'.`,
    );
  else {
    if (word(matching['type']) !== 'time')
      found.push(
        `${subject} non_additive_dimension with name'${name}' that is defined as a categorical dimension which is ` +
          'not supported.',
      );
    const [grain, other] = [grainOf(matching), grainOf(timeDimension)];
    if (grain !== null && other !== null && grain !== other)
      found.push(
        `${subject} non_additive_dimension with name '${name}' that has a base time granularity ` +
          `(${grain.toUpperCase()}) that is not equal to the measure's agg_time_dimension ${time} with a base ` +
          `granularity of (${other.toUpperCase()}).`,
      );
  }
  const choice = word(extra['window_choice']);
  if (choice !== 'min' && choice !== 'max')
    found.push(
      `${subject} non_additive_dimension with an invalid 'window_choice' of '${choice}'. Only choices supported are ` +
        "'min' or 'max'.",
    );
  const entities = new Set(model.entities.map(nameOf));
  const groupings = Array.isArray(extra['window_groupings']) ? extra['window_groupings'].map(pyStr) : [];
  const unknown = groupings.filter((each) => !entities.has(each));
  if (unknown.length > 0)
    found.push(
      `${subject} non_additive_dimension with an invalid 'window_groupings'. These entities ${setText(unknown)} do ` +
        'not exist in the semantic model.',
    );
  return found;
}

/** A model's default time must be one of its time dimensions. */
export const modelDefaults: Rule = ({ models }, report) => {
  for (const model of models) {
    const time = part(model.defaults, 'agg_time_dimension');
    if (time !== null && !hasTimeDimension(model, time))
      report.error(
        `Default aggregation time dimension was specified as '${pyStr(time)}' which doesn't exist as a time ` +
          `dimension in semantic model named '${model.name}'.`,
      );
  }
};

/** A model with dimensions must have one primary entity. */
export const primaryEntities: Rule = ({ models }, report) => {
  for (const model of models) {
    const primary = ofType(model.entities, 'primary');
    const [first] = primary;
    if (primary.length > 1)
      report.error(
        `Semantic models can have only one primary entity. The semantic model \`${model.name}\` has ` +
          `${primary.length}: ${primary.map(nameOf).join(', ')}`,
      );
    else if (first !== undefined && model.primary_entity !== null)
      report.error(
        `The semantic model \`${model.name}\` has an entity named \`${nameOf(first)}\` with type primary but it also ` +
          `has the \`primary_entity\` field set to \`${pyStr(model.primary_entity)}\`. Both should not be present in ` +
          'the model.',
      );
    else if (first === undefined && model.dimensions.length > 0 && model.primary_entity === null)
      report.error(
        `The semantic model ${model.name} contains dimensions, but it does not define a primary entity. Either add ` +
          'an entity with type PRIMARY or set a value for the primary_entity key.',
      );
  }
};

/** Two models must not define the same dimension of the same primary entity. */
export const dimensionPairs: Rule = ({ models }, report) => {
  const known = new Map<string, Map<string, string>>();
  for (const model of models) {
    const [first] = ofType(model.entities, 'primary');
    const entity = model.primary_entity ?? first?.name ?? null;
    if (entity === null) continue;
    const entityName = pyStr(entity);
    const isFirst = !known.has(entityName);
    const owners = known.get(entityName) ?? new Map<string, string>();
    known.set(entityName, owners);
    for (const dimension of model.dimensions) {
      const name = nameOf(dimension);
      const owner = owners.get(name);
      if (isFirst || owner === undefined) owners.set(name, model.name);
      else
        report.error(
          'Duplicate dimension + primary entity pairing detected, dimension + primary entity pairings must be ' +
            `unique. Semantic model \`${model.name}\` has a primary entity of \`${entityName}\` and dimension ` +
            `\`${name}\`, but this pairing is already in use on semantic model \`${owner}\`.`,
        );
    }
  }
};

/** Labels must be unique across models and within each model. */
export const modelLabels: Rule = ({ models }, report) => {
  const known = new Map<Json, string>();
  for (const model of models) {
    const owner = known.get(model.label);
    if (owner !== undefined)
      report.error(
        `Can't use label \`${pyStr(model.label)}\` for  semantic model \`${model.name}\` as it's already used for ` +
          `semantic model \`${owner}\``,
      );
    else if (model.label !== null) known.set(model.label, model.name);
    for (const [one, many, elements] of [
      ['Dimension', 'dimensions', model.dimensions],
      ['Entity', 'entities', model.entities],
      ['Measure', 'measures', model.measures],
    ] as const) {
      const uses = new Map<Json, number>();
      for (const { label = null } of elements) if (label !== null) uses.set(label, (uses.get(label) ?? 0) + 1);
      for (const [label, count] of uses)
        if (count > 1)
          report.error(
            `${one} labels must be unique within a semantic model. The label \`${pyStr(label)}\` was used for ` +
              `${count} ${many} on semantic model \`${model.name}`,
          );
    }
  }
};

/** An entity must have the same label in all models. */
export const entityLabels: Rule = ({ models }, report) => {
  const known = new Map<string, { readonly label: Json; readonly model: string }>();
  for (const model of models)
    for (const entity of model.entities) {
      const { label = null } = entity;
      if (label === null) continue;
      const name = nameOf(entity);
      const first = known.get(name);
      if (first === undefined) known.set(name, { label, model: model.name });
      else if (first.label !== label)
        report.error(
          'Entities with the same name must have the same label or the label must be `None`. Entity ' +
            `\`${name}\` on semantic model \`${model.name}\` has label \`${pyStr(label)}\` but the same entity on ` +
            `semantic model \`${first.model}\``,
        );
    }
};

/** Names must be valid and unique. */
export const names: Rule = ({ models, metrics, queries, spines }, report) => {
  for (const [objects, type] of [
    [models, 'SEMANTIC_MODEL'],
    [metrics, 'METRIC'],
    [queries, 'SAVED_QUERY'],
  ] as const) {
    const seen = new Set<string>();
    for (const { name } of objects) {
      checkName(name, report);
      if (seen.has(name))
        report.error(
          `Can't use name \`${name}\` for a SemanticManifestNodeType.${type} when it was already used for another ` +
            `SemanticManifestNodeType.${type}`,
        );
      seen.add(name);
    }
  }
  const taken = new Map<string, string>();
  for (const model of models) {
    const elements = [
      ...model.measures.map((each) => [nameOf(each), 'measure'] as const),
      ...model.entities.map((each) => [nameOf(each), 'entity'] as const),
      ...model.dimensions.map((each) => [nameOf(each), 'dimension'] as const),
    ];
    const types = new Set<string>();
    for (const [name, type] of elements) {
      taken.set(name, type);
      // dbt compares references by class as well, so a measure and a dimension may share a name here.
      const isKnown = types.has(`${type} ${name}`);
      types.add(`${type} ${name}`);
      if (isKnown)
        report.error(
          `In semantic model \`${model.name}\`, can't use name \`${name}\` for a ${type} when it was already used ` +
            `for a ${type}`,
        );
    }
    for (const [name] of elements) checkName(name, report);
  }
  for (const { name } of metrics) taken.set(name, 'metric');
  for (const { name } of models) taken.set(name, 'semantic model');
  const seen = new Set<string>();
  const twice: string[] = [];
  for (const grain of spines.flatMap(({ customGrains }) => customGrains)) {
    checkName(grain, report);
    const type = taken.get(grain);
    if (type !== undefined)
      report.error(`Can't use name \`${grain}\` for a custom granularity when it was already used for a ${type}.`);
    if (seen.has(grain)) twice.push(grain);
    seen.add(grain);
  }
  if (twice.length > 0)
    report.error(
      'Custom granularity names must be unique, but found duplicate custom granularities with the names ' +
        `${setText(twice)}.`,
    );
};

/** At most one time spine per grain, and one at least as fine as the finest dimension. */
export const timeSpines: Rule = ({ models, spines }, report) => {
  if (models.length === 0 || spines.length === 0) return;
  const byGrain = new Map<string, string[]>();
  for (const { grain, relation } of spines) byGrain.set(grain, [...(byGrain.get(grain) ?? []), pyStr(relation)]);
  const several = [...byGrain].filter(([, relations]) => relations.length > 1);
  if (several.length > 0) {
    const shown = several.map(([grain, relations]) => `'${grain.toUpperCase()}': ${pyRepr(relations)}`).join(', ');
    report.warn(`Only one time spine is supported per granularity. Got duplicates: {${shown}}`);
  }
  const smallest = (grains: readonly string[]): number => Math.min(...grains.map((grain) => GRAINS.indexOf(grain)));
  const used = models.flatMap(({ dimensions }) => dimensions.flatMap((dimension) => grainOf(dimension) ?? []));
  if (used.length === 0) {
    report.warn(
      'No time dimensions configured. To avoid unexpected query errors, configuring a time spine at or below the ' +
        'smallest time dimension granularity is recommended.',
    );
    return;
  }
  const [dimension, spine] = [smallest(used), smallest([...byGrain.keys()])];
  if (dimension < spine)
    report.warn(
      'To avoid unexpected query errors, configuring a time spine at or below the smallest time dimension ' +
        `granularity is recommended. Smallest time dimension granularity: ${GRAINS[dimension]?.toUpperCase()}; ` +
        `Smallest time spine granularity: TimeGranularity.${GRAINS[spine]?.toUpperCase()}`,
    );
};

/** A time dimension must have a grain. */
export const timeDimensionGrains: Rule = ({ models }, report) => {
  for (const model of models)
    for (const dimension of model.dimensions)
      if (word(dimension['type']) === 'time' && grainOf(dimension) === null)
        report.later(
          `In semantic model \`${model.name}\`, time dimension \`${nameOf(dimension)}\` must have a time granularity ` +
            'set.',
        );
};
