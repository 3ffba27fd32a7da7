// Rules for filters and saved queries, with the messages of the metricflow version that dbt-core 1.12.6 runs. Errors of
// filters omit Python's traceback.
import { GRAINS } from '../../grains.ts';
import type { Json, SavedQueryNode } from '../../../contracts/node.ts';
import { pyRepr, pyStr } from '../../../values/python-text.ts';
import { customGrains, filtersOf, type Report, type Rule } from './facts.ts';
import { ItemError, namedElements, PARSE_ERROR, type QueryItem, readItems } from './query-items.ts';

const listOf = (value: Json): readonly string[] => (Array.isArray(value) ? value.map(pyStr) : []);

/** Filters of metrics, of their inputs and of saved queries must parse, and their grains must exist. */
export const whereFilters: Rule = (facts, report) => {
  const grains = [...GRAINS, ...customGrains(facts)];
  for (const metric of facts.metrics) {
    const { measure, numerator, denominator, metrics } = metric.type_params;
    const check = (filter: Json | undefined, what: string): void =>
      checkFilters(
        filtersOf(filter),
        { what, subject: `SemanticManifestNodeType.METRIC \`${metric.name}\`` },
        grains,
        report,
      );
    check(metric.filter, `filter of metric \`${metric.name}\``);
    if (measure !== null)
      check(measure.filter, `filter of measure input \`${pyStr(measure.name)}\` on metric \`${metric.name}\``);
    if (numerator !== null) check(numerator.filter, `the numerator filter on metric \`${metric.name}\``);
    if (denominator !== null) check(denominator.filter, `the denominator filter on metric \`${metric.name}\``);
    for (const input of metrics ?? [])
      if (input !== null)
        check(input.filter, `filter for input metric \`${pyStr(input.name)}\` on metric \`${metric.name}\``);
  }
  for (const query of facts.queries) checkQueryFilters(query, grains, report);
};

interface Filtered {
  readonly what: string;
  readonly subject: string;
}

function checkFilters(filters: readonly string[], of: Filtered, grains: readonly string[], report: Report): void {
  const wrong: string[] = [];
  const unknown: string[] = [];
  for (const filter of filters)
    try {
      for (const { grain } of namedElements(filter, grains)) if (grain && !grains.includes(grain)) unknown.push(grain);
    } catch (error) {
      if (!(error instanceof ItemError)) throw error;
      const said = error.message.slice(error.message.indexOf(': ') + 2);
      wrong.push(`Filter:\n${indented(filter)}\nError Message:\n${indented(said)}`);
    }
  if (wrong.length > 0)
    report.error(
      `An error occurred while trying to parse ${of.what} - ${PARSE_ERROR}: Encountered error(s) while parsing:\n\n` +
        `${wrong.join('\n')}\n`,
    );
  else reportGrains(of.subject, unknown, grains, report);
}

function reportGrains(subject: string, unknown: readonly string[], grains: readonly string[], report: Report): void {
  for (const grain of unknown)
    report.warn(
      `Filter for ${subject} is not valid. \`${grain}\` is not a valid granularity name. Valid granularity options: ` +
        pyRepr(grains),
    );
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.*\S)/gm, '    ');
}

/**
 * For each filter that parses, dbt checks the grains of all filters again. It stops at the first filter that does not
 * parse.
 */
function checkQueryFilters(query: SavedQueryNode, grains: readonly string[], report: Report): void {
  const filters = filtersOf(query.query_params.where);
  const unknown: string[] = [];
  const wrong: string[] = [];
  for (const filter of filters)
    try {
      for (const { grain } of namedElements(filter, grains)) if (grain && !grains.includes(grain)) unknown.push(grain);
    } catch (error) {
      if (!(error instanceof ItemError)) throw error;
      wrong.push(error.message);
    }
  const readable = filters.length - wrong.length;
  if (wrong.length > 0 && readable > 0)
    report.error(`An error occurred while validating the where field in a saved query. - ${wrong[0]}\n`);
  else if (wrong.length > 0)
    for (const message of wrong)
      report.error(`An error occurred while trying to parse a filter in saved query \`${query.name}\` - ${message}\n`);
  else
    for (let i = 0; i < readable; i++)
      reportGrains(`SemanticManifestNodeType.SAVED_QUERY \`${query.name}\``, unknown, grains, report);
}

/** Checks metrics, group-bys, orders and limits of saved queries. */
export const savedQueries: Rule = (facts, report) => {
  const custom = customGrains(facts);
  const metrics = new Set(facts.metrics.map(({ name }) => name));
  const elements = new Set<string>([...metrics, 'metric_time']);
  for (const { dimensions, entities } of facts.models)
    for (const { name } of [...dimensions, ...entities]) elements.add(pyStr(name ?? null));
  for (const query of facts.queries) {
    const { metrics: used, group_by: groups, limit } = query.query_params;
    for (const name of listOf(used)) if (!metrics.has(name)) report.error(`\`${name}\` is not a valid metric name.`);
    for (const group of listOf(groups))
      try {
        const named = namedElements(`{{${group}}}`, custom);
        if (named.length !== 1 || !elements.has(named[0]?.element ?? ''))
          report.error(`\`${group}\` is not a valid group-by name.`);
      } catch (error) {
        if (!(error instanceof ItemError)) throw error;
        report.error(
          `An error occurred while trying to parse a group-by in saved query \`${query.name}\` - ${error.message}\n`,
        );
      }
    checkOrder(query, report);
    if (typeof limit === 'number' && limit < 0) report.error(`Invalid limit value: ${limit} (should be >= 0)`);
  }
};

/** A query must be ordered by its metrics or group-bys. */
function checkOrder(query: SavedQueryNode, report: Report): void {
  const { metrics, group_by: groups, order_by: orders } = query.query_params;
  if (listOf(orders).length === 0) return;
  let wrong = false;
  const read = (text: string, descending = false): string | null => {
    try {
      const items = readItems(`{{ ${text} }}`, descending);
      const [first] = items;
      if (first === undefined || items.length > 1)
        throw new ItemError(
          'metricflow_semantic_interfaces.errors.InvalidQuerySyntax: Did not get exactly one query item from: ' +
            `${pyRepr(text)} Got: [${items.map(itemText).join(', ')}]`,
        );
      return JSON.stringify({ ...first, descending: false });
    } catch (error) {
      if (!(error instanceof ItemError)) throw error;
      wrong = true;
      report.error(
        `An error occurred while parsing a field in ${pyRepr(query.name)}. Note that metrics need to be specified ` +
          "using the object-builder syntax (`Metric('metric_name')`) and if `.descending(...)` is specified, it " +
          `should be at the end. - ${error.message}\n`,
      );
      return null;
    }
  };
  const known = [...listOf(metrics).map((name) => `Metric('${name}')`), ...listOf(groups)].map((text) => read(text));
  if (wrong) return;
  for (const order of listOf(orders)) {
    const item = read(order, true);
    if (item !== null && !known.includes(item))
      report.error(`${order} does not match any of the listed metrics or group-by items. `);
  }
}

function itemText({ type, name, path, groupBy, grain, datePart, descending }: QueryItem): string {
  const tuple = (texts: readonly string[]): string =>
    texts.length === 1 ? `(${pyRepr(texts[0] ?? '')},)` : `(${texts.map((text) => pyRepr(text)).join(', ')})`;
  const kind = type.replace(/(?!^)(?=[A-Z])/, '_').toUpperCase();
  return (
    `ObjectBuilderItemDescription(item_type=<QueryItemType.${kind}: '${type}'>, item_name=${pyRepr(name)}, ` +
    `entity_path=${tuple(path)}, group_by_for_metric_item=${tuple(groupBy)}, time_granularity_name=${pyRepr(grain)}, ` +
    `date_part_name=${pyRepr(datePart)}, descending=${descending ? 'True' : 'None'})`
  );
}
