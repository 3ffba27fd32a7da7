// Compares a resource with that of an earlier manifest: text, configuration as written, description and database name,
// separately or as what dbt calls its contents. contract-changes.ts compares contracts; callers compare macros.
import type { ColumnInfo, GraphNode } from '../contracts/node.ts';
import { toJson } from '../values/json.ts';
import type { Value } from '../values/value.ts';

/** A resource by its fields. Fields that an older manifest lacks are undefined. */
export type Fields = { readonly [field: string]: unknown };

/** Members of `manifest.nodes`, and functions: dbt's parsed nodes. */
const PARSED: ReadonlySet<string> = new Set([
  'model',
  'seed',
  'snapshot',
  'test',
  'analysis',
  'operation',
  'sql_operation',
  'function',
]);
/** Keys of a node's config for its location or ownership; a difference in them is not a change of the config. */
const PLACE: ReadonlySet<string> = new Set(['alias', 'schema', 'database', 'tags', 'group']);
const GROUP: ReadonlySet<string> = new Set(['group']);
const NOTHING: ReadonlySet<string> = new Set();
/** The only keys of a test's config that are compared. */
const TEST_KEYS = [
  'severity',
  'where',
  'limit',
  'fail_calc',
  'warn_if',
  'error_if',
  'store_failures',
  'store_failures_as',
  'sql_header',
];

/** A node as fields by name. */
export function fieldsOf(node: GraphNode): Fields {
  return node as unknown as Fields;
}

/** Whether it is a member of the manifest's `nodes` or `functions`. */
export function isParsedNode(node: GraphNode): boolean {
  return PARSED.has(node.resource_type);
}

/** Python's equality of dicts, lists and scalars in JSON. Null and absent are equal. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  const [x, y] = [plain(a), plain(b)];
  if (x === y) return true;
  if (typeof x !== 'object' || typeof y !== 'object' || x === null || y === null) return false;
  if (Array.isArray(x) || Array.isArray(y)) {
    return (
      Array.isArray(x) && Array.isArray(y) && x.length === y.length && x.every((value, i) => sameValue(value, y[i]))
    );
  }
  const [first, second] = [x as Fields, y as Fields];
  const keys = new Set([...Object.keys(first), ...Object.keys(second)]);
  for (const key of keys) if (!sameValue(first[key], second[key])) return false;
  return true;
}

/** Template values as JSON. */
function plain(value: unknown): unknown {
  if (value === undefined) return null;
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'object' && value !== null && 'jinjaType' in value ? toJson(value as Value) : value;
}

const dictionary = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
const sameFields =
  (names: readonly string[]) =>
  (a: Fields, b: Fields): boolean =>
    names.every((name) => sameValue(a[name], b[name]));

/** `same_body`: compares the text, or a seed's checksum. */
export function sameBody(now: Fields, before: Fields): boolean {
  return now['resource_type'] === 'seed'
    ? sameValue(now['checksum'], before['checksum'])
    : now['raw_code'] === before['raw_code'];
}

/**
 * `same_config`: compares configuration as written, so that another target or environment is not a change; null where
 * dbt compares no config.
 */
export function sameConfig(now: Fields, before: Fields): boolean | null {
  const [mine, theirs] = [dictionary(now['unrendered_config']), dictionary(before['unrendered_config'])];
  switch (now['resource_type']) {
    case 'unit_test':
      return null;
    case 'test':
      return TEST_KEYS.every((key) => sameKey(mine, theirs, key));
    case 'semantic_model':
    case 'saved_query':
    case 'publication':
      return sameValue(now['config'], before['config']);
    case 'metric':
      return sameKeys(mine, theirs, GROUP);
    case 'source':
    case 'exposure':
      return sameKeys(mine, theirs, NOTHING);
    default:
      return sameKeys(mine, theirs, PLACE);
  }
}

function sameKeys(a: Fields, b: Fields, ignored: ReadonlySet<string>): boolean {
  for (const key in a) if (!ignored.has(key) && !sameKey(a, b, key)) return false;
  for (const key in b) if (!ignored.has(key) && !(key in a)) return false;
  return true;
}

function sameKey(a: Fields, b: Fields, key: string): boolean {
  return Object.hasOwn(a, key) === Object.hasOwn(b, key) && sameValue(a[key], b[key]);
}

/** `same_persisted_description`: compares descriptions that are written to the database. */
export function samePersistedDescription(now: Fields, before: Fields): boolean {
  const persist = dictionary(dictionary(now['config'])['persist_docs']);
  if (now['resource_type'] === 'test') return true;
  if (persist['relation'] && now['description'] !== before['description']) return false;
  return !persist['columns'] || sameValue(columnTexts(now), columnTexts(before));
}

function columnTexts(node: Fields): Fields {
  const columns = dictionary(node['columns']) as { readonly [name: string]: ColumnInfo };
  return Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, column.description]));
}

/**
 * `same_database_representation`: compares database, schema and name as written; null where dbt does not.
 * @param rendered whether sources are compared by rendered names (the flag
 *   state_modified_compare_more_unrendered_values is off)
 */
export function sameRelation(now: Fields, before: Fields, rendered: boolean): boolean | null {
  if (now['resource_type'] === 'source') {
    // Manifests before dbt 1.9 do not contain the written form.
    const names =
      rendered || !('unrendered_schema' in before)
        ? ['database', 'schema']
        : ['unrendered_database', 'unrendered_schema'];
    return sameFields([...names, 'identifier'])(now, before);
  }
  if (!PARSED.has(String(now['resource_type']))) return null;
  return sameFields(['database', 'schema', 'alias'])(
    dictionary(now['unrendered_config']),
    dictionary(before['unrendered_config']),
  );
}

const sameFreshness = (a: Fields, b: Fields): boolean =>
  sameValue(freshnessOf(a), freshnessOf(b)) && sameValue(a['loaded_at_field'], b['loaded_at_field']);
/** An empty threshold equals an absent one. */
function freshnessOf(node: Fields): unknown {
  const freshness = node['freshness'];
  if (typeof freshness !== 'object' || freshness === null) return null;
  const { warn_after, error_after, filter } = freshness as Fields;
  return [
    { count: null, period: null, ...dictionary(warn_after) },
    { count: null, period: null, ...dictionary(error_after) },
    filter ?? null,
  ];
}

const sameModel = (a: Fields, b: Fields): boolean =>
  sameValue(a['latest_version'], b['latest_version']) &&
  (a['access'] ?? 'protected') === (b['access'] ?? 'protected') &&
  sameInstant(a['deprecation_date'], b['deprecation_date']);

function sameInstant(a: unknown, b: unknown): boolean {
  return sameValue(a, b) || (typeof a === 'string' && typeof b === 'string' && Date.parse(a) === Date.parse(b));
}

function sameSet(a: unknown, b: unknown): boolean {
  const list = (value: unknown): string[] => [...new Set(Array.isArray(value) ? value : [])].sort();
  return sameValue(list(a), list(b));
}

/** The overloads of a function without their descriptions. */
function overloads(node: Fields): unknown {
  const list = (node['overloads'] ?? []) as readonly Fields[];
  return list.map(({ defined_in, arguments: args, returns, raw_body }) => ({
    defined_in,
    arguments: args,
    returns,
    raw_body,
  }));
}

function sameSavedQuery(now: Fields, before: Fields): boolean {
  const [mine, theirs] = [dictionary(now['query_params']), dictionary(before['query_params'])];
  const exportsOf = (node: Fields): unknown =>
    ((node['exports'] ?? []) as readonly Fields[]).map((each) => {
      const written = dictionary(each['unrendered_config']);
      return [each['name'], written['export_as'], written['schema'], written['alias']];
    });
  return (
    sameFields(['metrics', 'group_by', 'where'])(mine, theirs) &&
    sameValue(exportsOf(now), exportsOf(before)) &&
    sameFields(['description', 'label', 'config', 'group', 'tags'])(now, before)
  );
}

const sameSemanticModel = sameFields([
  'model',
  'description',
  'defaults',
  'entities',
  'dimensions',
  'measures',
  'config',
  'primary_entity',
  'group',
]);

/**
 * `same_contents` without contracts.
 * @param before null for a new resource: as in dbt, new sources, exposures and semantic resources count as unchanged
 */
export function sameContents(now: Fields, before: Fields | null, rendered: boolean): boolean {
  const type = now['resource_type'];
  if (before === null) return !PARSED.has(String(type)) && type !== 'unit_test';
  const named = sameValue(now['fqn'], before['fqn']);
  switch (type) {
    case 'source':
      return (
        named &&
        sameRelation(now, before, rendered) === true &&
        sameConfig(now, before) === true &&
        sameFields(['external'])(now, before) &&
        sameValue(dictionary(now['quoting']), dictionary(before['quoting'])) &&
        sameFreshness(now, before)
      );
    case 'exposure':
      return (
        named &&
        sameFields(['type', 'owner', 'maturity', 'url', 'description', 'label'])(now, before) &&
        sameConfig(now, before) === true &&
        sameSet(dictionary(now['depends_on'])['nodes'], dictionary(before['depends_on'])['nodes'])
      );
    case 'metric':
      return sameFields(['type', 'description', 'label'])(now, before) && sameConfig(now, before) === true;
    case 'semantic_model':
      return sameSemanticModel(now, before);
    case 'saved_query':
      return sameSavedQuery(now, before);
    case 'unit_test':
      return sameValue(now['checksum'], before['checksum']);
    case 'publication':
      return named && sameConfig(now, before) === true;
    default:
      break;
  }
  const configured = named && sameConfig(now, before) === true;
  if (type === 'test' && now['test_metadata'] !== undefined) return configured;
  const same =
    configured &&
    sameBody(now, before) &&
    samePersistedDescription(now, before) &&
    sameRelation(now, before, rendered) === true;
  if (type === 'model') return same && sameModel(now, before);
  return (
    same &&
    (type !== 'function' ||
      (sameFields(['arguments', 'returns'])(now, before) && sameValue(overloads(now), overloads(before))))
  );
}
