// What the rules of the semantic manifest look at, and how they report. The rules are in the files beside; rules.ts has
// their order.
import type { Json, MetricInput, MetricNode, SavedQueryNode, SemanticModelNode } from '../../../contracts/node.ts';
import { isDict } from '../../../project/schema-check.ts';
import { pyRepr, pyStr } from '../../../values/python-text.ts';

/** A model that is a time spine. */
export interface TimeSpine {
  readonly alias: string;
  readonly relation: string | null;
  readonly grain: string;
  readonly customGrains: readonly string[];
}

export interface SemanticFacts {
  readonly models: readonly SemanticModelNode[];
  readonly metrics: readonly MetricNode[];
  readonly queries: readonly SavedQueryNode[];
  readonly spines: readonly TimeSpine[];
}

/** Takes what a rule finds. `later`: will be an error in a later version of dbt's. */
export interface Report {
  warn(message: string): void;
  later(message: string): void;
  error(message: string): void;
}

export type Rule = (facts: SemanticFacts, report: Report) => void;

/** Grains of time, the smallest first. */
export const GRAINS: readonly string[] = [
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
];

/** A value in lower case, as dbt reads the members of its enums; '' for none. */
export function word(value: Json | undefined): string {
  return value === null || value === undefined ? '' : pyStr(value).toLowerCase();
}

/** A field of a value that may be no dictionary; null: absent. */
export function part(value: unknown, name: string): Json {
  return isDict(value) ? (value[name] ?? null) : null;
}

/** A field that is a text, else null. */
export function textPart(value: unknown, name: string): string | null {
  const found = part(value, name);
  return found === null ? null : pyStr(found);
}

/** Python's text of a set, in the order of the first occurrences. */
export function setText(items: Iterable<string>): string {
  return `{${[...new Set(items)].map((item) => pyRepr(item)).join(', ')}}`;
}

export function customGrains({ spines }: SemanticFacts): readonly string[] {
  return spines.flatMap((spine) => spine.customGrains);
}

/** The grain of a time dimension; null: none. */
export function grainOf(dimension: unknown): string | null {
  return textPart(part(dimension, 'type_params'), 'time_granularity')?.toLowerCase() ?? null;
}

export function hasTimeDimension(model: SemanticModelNode, name: Json): boolean {
  return model.dimensions.some((dimension) => word(dimension['type']) === 'time' && dimension.name === name);
}

/** @throws an Error in dbt's words, which `safely` turns into a finding */
export function aggregationTime(model: SemanticModelNode, measure: SemanticModelNode['measures'][number]): string {
  const name = measure['agg_time_dimension'] || part(model.defaults, 'agg_time_dimension');
  if (typeof name === 'string') return name;
  throw new Error(
    `AssertionError: Aggregation time dimension for measure ${pyStr(measure.name ?? null)} is not set! This should ` +
      'either be set directly on the measure specification in the model, or else defaulted to the primary time ' +
      'dimension in the data source containing the measure.',
  );
}

/** Runs a check; what it throws is a finding, as with metricflow's decorator. */
export function safely(report: Report, doing: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    report.error(`An error occurred while ${doing} - ${error.message}\n`);
  }
}

/** The filters of a metric, an input or a query. */
export function filtersOf(filter: Json | undefined): readonly string[] {
  const list = part(filter, 'where_filters');
  return Array.isArray(list) ? list.map((each) => pyStr(part(each, 'where_sql_template'))) : [];
}

const FIELDS = ['name', 'filter', 'alias', 'join_to_timespine', 'fill_nulls_with'];

/** A measure as pydantic shows it: between its brackets, or with its class. */
export function measureText(input: MetricInput, style: 'str' | 'repr'): string {
  const fields = FIELDS.map((name) => {
    const value = input[name] ?? null;
    return `${name}=${name === 'filter' && value !== null ? filterText(value) : pyRepr(value)}`;
  });
  return style === 'str' ? fields.join(' ') : `PydanticMetricInputMeasure(${fields.join(', ')})`;
}

function filterText(filter: Json): string {
  const filters = filtersOf(filter).map((text) => `PydanticWhereFilter(where_sql_template=${pyRepr(text)})`);
  return `PydanticWhereFilterIntersection(where_filters=[${filters.join(', ')}])`;
}

const NAME = /^[a-z](?:(?!__)[a-z0-9_])*[a-z0-9]$/;
const RESERVED: Readonly<Record<string, string>> = {
  metric_time:
    'Used as the query input for creating time series metrics from measures with different time dimension names.',
  mf_internal_uuid: 'Used internally to reference a column that has a uuid generated by MetricFlow.',
};

/** The rules of names of metrics, models, their parts and aliases. */
export function checkName(name: string, report: Report): void {
  if (!NAME.test(name))
    report.error(
      `Invalid name \`${name}\` - names may only contain lower case letters, numbers, and underscores. Additionally, ` +
        'names must start with a lower case letter, cannot end with an underscore, cannot contain dunders (double ' +
        'underscores, or __), and must be at least 2 characters long.',
    );
  if (GRAINS.includes(name.toLowerCase()))
    report.error(
      `Invalid name \`${name}\` - names cannot match reserved time granularity keywords ` +
        `(${pyRepr(GRAINS.map((grain) => grain.toUpperCase()))})`,
    );
  const reason = Object.hasOwn(RESERVED, name.toLowerCase()) ? RESERVED[name.toLowerCase()] : undefined;
  if (reason !== undefined)
    report.error(`Invalid name \`${name}\` - this name is reserved by MetricFlow. Reason: ${reason}`);
}
