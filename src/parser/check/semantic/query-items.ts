// Parses the names in filters, group-bys and orders of the semantic layer: `{{ Dimension('order__status').grain('day')
// }}`. The rules validate them.
import { GRAINS } from '../../grains.ts';
import { processorMs } from '../../../context/templates.ts';
import { Environment } from '../../../jinja/index.ts';
import { callable, type HostObject, toText, type Value } from '../../../values/index.ts';
import { JinjaError } from '../../../values/python-error.ts';
import { pyRepr } from '../../../values/python-text.ts';

export type ItemType = 'Dimension' | 'TimeDimension' | 'Entity' | 'Metric';

/** One item in a text. */
export interface QueryItem {
  readonly type: ItemType;
  readonly name: string;
  readonly path: readonly string[];
  readonly grain: string | null;
  readonly datePart: string | null;
  readonly groupBy: readonly string[];
  readonly descending: boolean;
}

/** An error with Python's name for it, which begins the message of a finding. */
export class ItemError extends Error {}

const PACKAGE = 'metricflow_semantic_interfaces';
export const PARSE_ERROR = `${PACKAGE}.call_parameter_sets.ParseJinjaObjectException`;
const SYNTAX_ERROR = `${PACKAGE}.errors.InvalidQuerySyntax`;
const TEMPLATE_ERROR = `${PACKAGE}.parsing.text_input.ti_exceptions.QueryItemJinjaException`;
const METHOD_ERROR = `${PACKAGE}.parsing.text_input.ti_exceptions.InvalidBuilderMethodException`;
const DATE_PARTS = ['year', 'quarter', 'month', 'day', 'dow', 'doy'];

const environment = new Environment({ undefined: 'strict', dbt: false, limits: { clock: processorMs } });

/** A name such as `order__paid_at__month`. */
export function splitName(
  name: string,
  custom: readonly string[],
): { links: string[]; element: string; grain: string | null } {
  const parts = name.split('__');
  const last = parts.at(-1) ?? '';
  const hasGrain = parts.length > 1 && (GRAINS.includes(last) || custom.includes(last));
  const rest = hasGrain ? parts.slice(0, -1) : parts;
  return { links: rest.slice(0, -1), element: rest.at(-1) ?? '', grain: hasGrain ? last : null };
}

/**
 * Returns the items of a template without duplicates.
 * @param descending whether items may be ordered in descending order
 * @throws {ItemError} with Python's name of the error first
 */
export function readItems(template: string, descending = false): readonly QueryItem[] {
  const found: QueryItem[] = [];
  const collect = (item: QueryItem): string => {
    if (!found.some((each) => JSON.stringify(each) === JSON.stringify(item))) found.push(item);
    return '';
  };
  const builder = (type: ItemType, signature: string): Value =>
    callable(type, signature, (...given) => {
      const [name = '', second = null, third = null, , datePart = null] = given;
      const time = type === 'TimeDimension';
      const path = time ? third : type === 'Metric' ? null : second;
      return itemBuilder(
        checked({
          type,
          name: toText(name),
          path: texts(path),
          grain: time && second !== null ? toText(second) : null,
          datePart: time && datePart !== null ? toText(datePart) : null,
          groupBy: type === 'Metric' ? texts(second) : [],
          descending: false,
        }),
        descending,
        collect,
      );
    });
  const names = new Map<string, Value>([
    ['Dimension', builder('Dimension', 'name, entity_path=()')],
    [
      'TimeDimension',
      builder(
        'TimeDimension',
        'time_dimension_name, time_granularity_name=None, entity_path=(), descending=None, date_part_name=None',
      ),
    ],
    ['Entity', builder('Entity', 'entity_name, entity_path=()')],
    ['Metric', builder('Metric', 'metric_name, group_by=()')],
  ]);
  try {
    environment.compile(template, { name: '<template>' }).renderSync({ get: (name) => names.get(name) });
  } catch (error) {
    if (!(error instanceof JinjaError)) throw error;
    const indented = template.replaceAll(/^(?=.*\S)/gm, '    ');
    throw new ItemError(`${TEMPLATE_ERROR}: Error while processing Jinja template:\n${indented}`);
  }
  return found;
}

function texts(value: Value): readonly string[] {
  if (value === null) return [];
  if (typeof value === 'string') return [...value];
  if (Array.isArray(value)) return value.map((each: Value) => toText(each));
  return typeof value === 'object' && 'jinjaIter' in value && value.jinjaIter
    ? [...value.jinjaIter()].map((each) => toText(each))
    : [];
}

function checked(item: QueryItem): QueryItem {
  const { type, datePart, grain } = item;
  if (type === 'Entity' || type === 'Metric') {
    const kind = `item_type=<QueryItemType.${type.toUpperCase()}: '${type}'>`;
    if (grain !== null)
      throw new ItemError(`${SYNTAX_ERROR}: self.time_granularity_name=${pyRepr(grain)} is not supported for ${kind}`);
    if (datePart !== null)
      throw new ItemError(`${SYNTAX_ERROR}: self.date_part_name=${pyRepr(datePart)} is not supported for ${kind}`);
  }
  if (type === 'Metric' && splitName(item.name, []).links.length > 0)
    throw new ItemError(`${SYNTAX_ERROR}: The name of the metric should not have entity links.`);
  if (datePart !== null && !DATE_PARTS.includes(datePart.toLowerCase()))
    throw new ItemError(
      `${SYNTAX_ERROR}: ${pyRepr(datePart)} is not a valid date part. Valid values are ` +
        `{${DATE_PARTS.map((each) => pyRepr(each)).join(', ')}}`,
    );
  return item;
}

/** The object on which a template calls `grain`, `date_part` and `descending`. It counts when it is printed. */
function itemBuilder(first: QueryItem, descending: boolean, collect: (item: QueryItem) => string): HostObject {
  let item = first;
  const method = (name: string, allowed: boolean, change: (value: Value) => Partial<QueryItem>): Value =>
    callable(name, 'value', (value = null) => {
      const changed = checked({ ...item, ...change(value) });
      if (!allowed)
        throw new ItemError(`${METHOD_ERROR}: \`${name}\` can't be used with \`${item.type}\` in this context.`);
      item = changed;
      return self;
    });
  const dimension = first.type === 'Dimension';
  const methods: Readonly<Record<string, Value>> = {
    grain: method('grain', dimension, (value) => ({ grain: toText(value) })),
    date_part: method('date_part', dimension, (value) => ({ datePart: toText(value) })),
    descending: method('descending', dimension || descending, (value) => ({ descending: value === true })),
  };
  const self: HostObject = {
    jinjaType: '_RenderingClassForJinjaTemplate',
    jinjaGet: (name) => (Object.hasOwn(methods, name) ? methods[name] : undefined),
    jinjaText: () => collect(item),
  };
  return self;
}

/** What an item refers to: the element, and the grain that a filter requests. */
export interface Named {
  readonly element: string;
  readonly grain: string | null;
}

/**
 * Returns the elements that a filter or a group-by refers to.
 * @param custom custom grains of the project
 * @throws {ItemError} with Python's name of the error first
 */
export function namedElements(template: string, custom: readonly string[]): readonly Named[] {
  let items: readonly QueryItem[];
  try {
    items = readItems(template);
  } catch (error) {
    if (!(error instanceof ItemError)) throw error;
    throw new ItemError(`${PARSE_ERROR}: Error while parsing Jinja template:\n${template}`);
  }
  const wrong = (why: string): ItemError => new ItemError(`${PARSE_ERROR}: ${why}`);
  return items.map(({ type, name, grain, datePart, groupBy }): Named => {
    if (type === 'Metric') {
      if (groupBy.length === 0)
        throw wrong(
          '`group_by` parameter is required for Metric in where filter. This is needed to determine 1) the ' +
            'granularity to aggregate the metric to and 2) how to join the metric to the rest of the query.',
        );
      return { element: name, grain: null };
    }
    const timed = type === 'TimeDimension' || grain !== null || datePart !== null;
    const parts = splitName(name, timed ? custom : []);
    if (type === 'Entity') {
      if (parts.grain !== null)
        throw wrong(`Name is in an incorrect format: ${pyRepr(name)}. It should not contain a time grain suffix.`);
      return { element: parts.element, grain: null };
    }
    if (parts.links.length !== 1 && parts.element !== 'metric_time')
      throw wrong(
        `Name is in an incorrect format: ${pyRepr(name)}. It should be of the form: ` +
          '<primary entity name>__<dimension_name>',
      );
    if (!timed) return { element: parts.element, grain: null };
    if (parts.grain !== null && grain !== null && grain !== parts.grain)
      throw wrong(
        `Received different grains in \`time_dimension_name\` parameter ('${name}') and \`time_granularity_name\` ` +
          `parameter ('${grain}'). Remove the grain suffix (\`${parts.grain}\`) from the time dimension name and use ` +
          'the `time_granularity_name` parameter to specify the intendend grain.',
      );
    return { element: parts.element, grain: (parts.grain ?? grain)?.toLowerCase() ?? null };
  });
}
