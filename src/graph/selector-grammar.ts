// Parses node selections: `--select`, `--exclude` and the definitions of selectors.yml. selector.ts finds the nodes.
import { errorOf } from '../error-table.ts';
import type { Json } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import { knownWords } from '../values/close-matches.ts';
import { showJson } from '../values/index.ts';
import { isDictionary } from '../values/is-dictionary.ts';

const SELECTOR_METHODS = [
  'fqn',
  'tag',
  'group',
  'access',
  'source',
  'path',
  'file',
  'package',
  'config',
  'test_name',
  'test_type',
  'resource_type',
  'state',
  'exposure',
  'metric',
  'result',
  'source_status',
  'version',
  'semantic_model',
  'saved_query',
  'unit_test',
  'selector',
  'column',
] as const;

export type SelectorMethodName = (typeof SELECTOR_METHODS)[number];

export type IndirectSelection = 'eager' | 'cautious' | 'buildable' | 'empty';

/** One criterion: `2+tag:nightly+`. */
export interface SelectionCriteria {
  readonly type: 'criteria';
  readonly raw: Json;
  readonly method: SelectorMethodName;
  /** For `config.materialized:view`: `['materialized']`. */
  readonly arguments: readonly string[];
  readonly value: Json;
  readonly childrensParents: boolean;
  readonly parents: boolean;
  /** Absent: unlimited. */
  readonly parentsDepth?: number | undefined;
  readonly children: boolean;
  readonly childrenDepth?: number | undefined;
  readonly indirectSelection: IndirectSelection;
}

export interface SelectionGroup {
  readonly type: 'union' | 'intersection' | 'difference';
  readonly components: readonly SelectionSpec[];
  readonly indirectSelection: IndirectSelection;
  /** Whether to warn if it selects nothing. */
  readonly expectExists: boolean;
  readonly raw: Json;
}

export type SelectionSpec = SelectionCriteria | SelectionGroup;

/** The selectors of selectors.yml by name. */
export type SelectorDefinitions = ReadonlyMap<
  string,
  { readonly definition: SelectionSpec; readonly default: boolean }
>;

const DEFAULT_INCLUDES = ['fqn:*', 'source:*', 'exposure:*', 'metric:*', 'semantic_model:*'];
const CRITERION = new RegExp(
  String.raw`^(?<childrens_parents>@)?(?<parents>(?<parents_depth>\d*)\+)?(?:(?<method>[\w.]+):)?(?<value>.*?)(` +
    String.raw`?<children>\+(?<children_depth>\d*))?$`,
  'su',
);

/** Parses `--select` and `--exclude`. An empty or absent selection means everything. */
export function parseSelection(
  select: readonly string[] | null,
  exclude: readonly string[] | null,
  indirect: IndirectSelection,
): SelectionSpec {
  const included =
    select === null || select.length === 0
      ? parseUnion(DEFAULT_INCLUDES, false, indirect)
      : parseUnion(select, true, indirect);
  const excluded = parseUnion(exclude ?? [], exclude !== null, indirect);
  return {
    type: 'difference',
    components: [included, excluded],
    indirectSelection: 'eager',
    expectExists: false,
    raw: null,
  };
}

function parseUnion(components: readonly string[], expectExists: boolean, indirect: IndirectSelection): SelectionSpec {
  const parts = components
    .flatMap((component) => component.split(' '))
    .map(
      (raw): SelectionSpec => ({
        type: 'intersection',
        components: raw.split(',').map((part) => parseCriterion(part, indirect)),
        indirectSelection: indirect,
        expectExists,
        raw,
      }),
    );
  return { type: 'union', components: parts, indirectSelection: indirect, expectExists: false, raw: [...components] };
}

/** Parses one criterion of the command line. */
function parseCriterion(raw: string, indirect: IndirectSelection): SelectionCriteria {
  const groups = CRITERION.exec(raw)?.groups;
  if (groups === undefined) throw errorOf('badSelectorSpec', { spec: raw });
  return criteriaFrom(raw, groups, indirect);
}

function criteriaFrom(
  raw: Json,
  parts: { readonly [key: string]: Json | undefined },
  indirect: IndirectSelection,
): SelectionCriteria {
  if (parts['value'] === undefined) throw errorOf('selectorWithoutValue', { spec: String(raw) });
  const { method, args } = parseMethod(parts);
  const criteria: SelectionCriteria = {
    type: 'criteria',
    raw,
    method,
    arguments: args,
    value: parts['value'],
    childrensParents: isTruthy(parts['childrens_parents']),
    parents: isTruthy(parts['parents']),
    parentsDepth: depth(parts['parents_depth']),
    children: isTruthy(parts['children']),
    childrenDepth: depth(parts['children_depth']),
    indirectSelection: indirectSelection(parts['indirect_selection'], indirect),
  };
  if (criteria.children && criteria.childrensParents) {
    throw errorOf('incompatibleOperators', { spec: typeof raw === 'string' ? raw : showJson(raw) });
  }
  return criteria;
}

function parseMethod(parts: { readonly [key: string]: Json | undefined }): {
  method: SelectorMethodName;
  args: string[];
} {
  const written = parts['method'];
  if (written === undefined || written === null) return { method: defaultMethod(String(parts['value'])), args: [] };
  const [name = '', ...args] = String(written).split('.');
  const method = SELECTOR_METHODS.find((known) => known === name);
  if (method === undefined)
    throw errorOf('unknownMethod', { method: name, known: knownWords('Methods', name, SELECTOR_METHODS) });
  return { method, args };
}

/** Infers the method of a value from its form. */
function defaultMethod(value: string): SelectorMethodName {
  if (value.includes('/')) return 'path';
  return /\.(sql|py|csv)$/i.test(value) ? 'file' : 'fqn';
}

function isTruthy(value: Json | undefined): boolean {
  return value !== undefined && value !== null && value !== false && value !== '' && value !== 0;
}

function depth(value: Json | undefined): number | undefined {
  if (!isTruthy(value)) return undefined;
  const number = Number(value);
  if (!Number.isInteger(number)) throw errorOf('badDepth', { depth: String(value) });
  return number;
}

function indirectSelection(value: Json | undefined, fallback: IndirectSelection): IndirectSelection {
  if (value === undefined) return fallback;
  if (value === 'eager' || value === 'cautious' || value === 'buildable' || value === 'empty') return value;
  throw errorOf('badIndirectSelection', { mode: String(value) });
}

type Definition = { readonly [key: string]: Json };

/**
 * Parses the definitions of selectors.yml.
 * @param data the whole file, rendered; null if it does not exist
 */
export function parseSelectorDefinitions(data: Json, indirect: IndirectSelection): SelectorDefinitions {
  const result = new Map<string, { definition: SelectionSpec; default: boolean }>();
  if (data === null) return result;
  let defaultName: string | undefined;
  for (const selector of selectorList(data)) {
    const { name, definition } = selector;
    const isDefault = selector['default'] === true;
    if (isDefault && defaultName !== undefined) {
      throw errorOf('twoDefaultSelectors', { one: defaultName, two: String(name) });
    }
    if (isDefault) defaultName = String(name);
    try {
      result.set(String(name), { definition: parseDefinition(definition as Json, indirect, true), default: isDefault });
    } catch (error) {
      if (!(error instanceof TsdbtError)) throw error;
      throw errorOf('selectorFileRefused', { why: error.message }, { ...error.details, cause: error });
    }
  }
  return result;
}

function selectorList(data: Json): Definition[] {
  const list = isDictionary(data) ? data['selectors'] : undefined;
  const good =
    Array.isArray(list) &&
    list.every(
      (item) =>
        isDictionary(item) &&
        typeof item['name'] === 'string' &&
        (typeof item['definition'] === 'string' || isDictionary(item['definition'] ?? null)),
    );
  if (good) return list as Definition[];
  throw errorOf('badSelectorFile', { data: showJson(data, 2) });
}

function parseDefinition(definition: Json, indirect: IndirectSelection, root = false): SelectionSpec {
  if (typeof definition === 'string') return parseCriterion(definition, indirect);
  if (!isDictionary(definition)) {
    throw errorOf('badSelectorDefinition', { found: showJson(definition) });
  }
  const keys = Object.keys(definition);
  if (root && keys.length > 1 && ('union' in definition || 'intersection' in definition)) {
    throw errorOf('twoRootOperators', { keys: keys.join(',') });
  }
  if ('union' in definition) return parseCombination('union', definition, indirect);
  if ('intersection' in definition) return parseCombination('intersection', definition, indirect);
  return parseDictionary(definition, indirect);
}

function parseCombination(
  type: 'union' | 'intersection',
  definition: Definition,
  indirect: IndirectSelection,
): SelectionSpec {
  const included: SelectionSpec[] = [];
  let excluded: SelectionSpec | undefined;
  let hasExclude = false;
  for (const part of definitionList(definition, type)) {
    if (isDictionary(part) && 'exclude' in part) {
      if (hasExclude && excluded !== undefined) {
        throw errorOf('twoExclusions', { part: showJson(part) });
      }
      hasExclude = true;
      excluded = parseExclusions(part, indirect);
    } else included.push(parseDefinition(part, indirect));
  }
  const group: SelectionSpec = {
    type,
    components: included,
    indirectSelection: 'eager',
    expectExists: false,
    raw: definition,
  };
  return excluded === undefined
    ? group
    : {
        type: 'difference',
        components: [group, excluded],
        indirectSelection: 'eager',
        expectExists: false,
        raw: definition,
      };
}

function parseExclusions(definition: Definition, indirect: IndirectSelection): SelectionSpec | undefined {
  const parts = definitionList(definition, 'exclude').map((part) => parseDefinition(part, indirect));
  if (parts.length <= 1) return parts[0];
  return {
    type: 'union',
    components: parts,
    indirectSelection: 'eager',
    expectExists: false,
    raw: definition['exclude'] ?? null,
  };
}

function parseDictionary(definition: Definition, indirect: IndirectSelection): SelectionSpec {
  const keys = Object.keys(definition);
  const [only] = keys;
  if (keys.length === 1 && only !== undefined)
    return criteriaFrom(definition, { method: only, value: definition[only] }, indirect);
  if (!('method' in definition && 'value' in definition)) {
    throw errorOf('badSelectorKeys', { keys: keys.map((key) => `'${key}'`).join(', ') });
  }
  const { exclude, ...rest } = definition;
  const criteria = criteriaFrom(definition, rest, indirect);
  const excluded = exclude === undefined ? undefined : parseExclusions(definition, indirect);
  return excluded === undefined
    ? criteria
    : {
        type: 'difference',
        components: [criteria, excluded],
        indirectSelection: 'eager',
        expectExists: false,
        raw: null,
      };
}

function definitionList(definition: Definition, key: string): (string | Definition)[] {
  const values = definition[key];
  if (!Array.isArray(values)) throw errorOf('selectorValueNoList', { key });
  for (const value of values) {
    if (typeof value !== 'string' && !isDictionary(value))
      throw errorOf('badSelectorValue', { key, value: showJson(value) });
  }
  return values as (string | Definition)[];
}

/** Formats a criterion of the command line as selectors in the manifest. */
export function criterionDictionary(raw: string): { [key: string]: Json } {
  const groups = CRITERION.exec(raw)?.groups;
  if (groups === undefined) return { error: 'Invalid selector spec' };
  const result: { [key: string]: Json } = {};
  for (const key of [
    'childrens_parents',
    'parents',
    'parents_depth',
    'method',
    'value',
    'children',
    'children_depth',
  ]) {
    const value = key === 'method' ? (groups['method'] ?? defaultMethod(groups['value'] ?? '')) : groups[key];
    if (value === undefined || value === '') continue;
    result[key] = key === 'childrens_parents' || key === 'parents' || key === 'children' ? true : value;
  }
  return result;
}
