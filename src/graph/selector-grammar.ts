// Reads selection texts (`tag:a,+b@c`) and the definitions of selectors.yml into one form. Leaves finding nodes to select.ts. The rules
// are dbt-core 1.12's (graph/selector_spec.py, graph/cli.py).
import type { Json } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';

export type IndirectSelection = 'eager' | 'cautious' | 'buildable' | 'empty';

/** One criterion: a method with its value, and how far to walk from what it finds. */
export interface Criterion {
  readonly kind: 'criterion';
  readonly raw: Json;
  readonly method: string;
  /** `materialized` of `config.materialized:view`. */
  readonly methodArguments: readonly string[];
  readonly value: Json;
  /** `@`: children, and all that the children need. */
  readonly childrensParents: boolean;
  /** Steps upward; 0 none, Infinity all. */
  readonly parents: number;
  /** Steps downward; 0 none, Infinity all. */
  readonly children: number;
  readonly indirect: IndirectSelection;
}

export interface SelectionGroup {
  readonly kind: 'union' | 'intersection' | 'difference';
  readonly parts: readonly Selection[];
  readonly indirect: IndirectSelection;
  /** Warn when nothing matches. */
  readonly expectExists: boolean;
  readonly raw: Json;
}

export type Selection = Criterion | SelectionGroup;

/** A selector of selectors.yml. */
export interface NamedSelector { readonly name: string; readonly default: Json; readonly definition: Selection }

export const SELECTOR_METHODS = [
  'fqn', 'tag', 'group', 'access', 'source', 'path', 'file', 'package', 'config', 'test_name', 'test_type', 'resource_type', 'state',
  'exposure', 'metric', 'result', 'source_status', 'version', 'semantic_model', 'saved_query', 'unit_test', 'selector',
] as const;

const PATTERN = /^(?<at>@)?(?<up>(?<upDepth>\d*)\+)?(?:(?<method>[\p{L}\p{N}_.]+):)?(?<value>.*?)(?<down>\+(?<downDepth>\d*))?$/su;

/** What `--select` means when it is not given. */
const DEFAULT_INCLUDES = ['fqn:*', 'source:*', 'exposure:*', 'metric:*', 'semantic_model:*'];

const bad = (message: string) => new TsdbtError('selector', message);

/** A single criterion such as `+tag:nightly` or `2+orders+1`. */
export function parseCriterion(raw: string, indirect: IndirectSelection): Criterion {
  const groups = PATTERN.exec(raw)?.groups;
  if (groups === undefined) throw bad(`Invalid selector spec "${raw}"`);
  return criterion(raw, {
    method: groups['method'], value: groups['value'] ?? '', childrens_parents: groups['at'] !== undefined, parents: groups['up'] !== undefined,
    parents_depth: groups['upDepth'], children: groups['down'] !== undefined, children_depth: groups['downDepth'],
  }, indirect);
}

interface CriterionFields {
  method?: Json | undefined; value: Json; childrens_parents?: Json; parents?: Json; parents_depth?: Json | undefined; children?: Json;
  children_depth?: Json | undefined; indirect_selection?: Json;
}

function criterion(raw: Json, fields: CriterionFields, indirect: IndirectSelection): Criterion {
  const [method, ...methodArguments] = typeof fields.method === 'string' ? fields.method.split('.') : [defaultMethod(String(fields.value))];
  if (fields.children && fields.childrens_parents) {
    throw bad(`Invalid node spec ${String(raw)} - "@" prefix and "+" suffix are incompatible`);
  }
  if (!(SELECTOR_METHODS as readonly string[]).includes(method!)) throw bad(`'${method}' is not a valid method name`);
  return {
    kind: 'criterion', raw, method: method!, methodArguments, value: fields.value, childrensParents: Boolean(fields.childrens_parents),
    parents: depth(fields.parents, fields.parents_depth), children: depth(fields.children, fields.children_depth),
    indirect: fields.indirect_selection === undefined ? indirect : indirectSelection(fields.indirect_selection),
  };
}

function depth(wanted: Json | undefined, steps: Json | undefined): number {
  if (!wanted) return 0;
  if (steps === undefined || steps === null || steps === '') return Number.POSITIVE_INFINITY;
  const number = Number(steps);
  if (!Number.isInteger(number)) throw bad(`Invalid node spec - could not handle parent depth ${String(steps)}`);
  return number;
}

function indirectSelection(value: Json): IndirectSelection {
  if (value === 'eager' || value === 'cautious' || value === 'buildable' || value === 'empty') return value;
  throw bad(`'${String(value)}' is not a valid IndirectSelection`);
}

function defaultMethod(value: string): string {
  if (value.includes('/')) return 'path';
  return /\.(sql|py|csv)$/i.test(value) ? 'file' : 'fqn';
}

/** `a b`, `c,d` → the union of a, b and the intersection of c and d. */
export function parseUnion(components: readonly string[], expectExists: boolean, indirect: IndirectSelection): SelectionGroup {
  const parts = components.flatMap((c) => c.split(' ')).map((raw): SelectionGroup => ({
    kind: 'intersection', parts: raw.split(',').map((part) => parseCriterion(part, indirect)), indirect, expectExists, raw,
  }));
  return { kind: 'union', parts, indirect, expectExists: false, raw: [...components] };
}

/** `--select` and `--exclude`; without a selection everything is meant. */
export function parseSelectAndExclude(select: readonly string[], exclude: readonly string[], indirect: IndirectSelection): Selection {
  const included = select.length === 0 ? parseUnion(DEFAULT_INCLUDES, false, indirect) : parseUnion(select, true, indirect);
  if (exclude.length === 0) return group('difference', [included, { ...group('union', [], null), indirect }], null);
  return group('difference', [included, parseUnion(exclude, true, indirect)], null);
}

// Groups made without the flag keep dbt's default, eager: the flag acts on the criteria.
function group(kind: SelectionGroup['kind'], parts: readonly Selection[], raw: Json): SelectionGroup {
  return { kind, parts, indirect: 'eager', expectExists: false, raw };
}

/**
 * The selectors of selectors.yml.
 * @param file the rendered contents: `{ selectors: [...] }`, or null when there is no file
 * @throws TsdbtError selector: dbt's words for what is malformed
 */
export function parseSelectors(file: Json, indirect: IndirectSelection): Map<string, NamedSelector> {
  const out = new Map<string, NamedSelector>();
  if (file === null) return out;
  const list = isObject(file) ? file['selectors'] : undefined;
  if (!Array.isArray(list)) throw malformed("'selectors' is a required property");
  let defaultName: string | undefined;
  for (const item of list) {
    if (!isObject(item) || typeof item['name'] !== 'string') throw malformed("each selector needs a 'name'");
    const { name, definition } = item;
    if (definition === undefined) throw malformed(`'definition' is a required property of selector '${name}'`);
    if (Array.isArray(definition) || definition === null || typeof definition === 'number' || typeof definition === 'boolean') {
      throw bad('Could not parse selector file data: \n' + `${JSON.stringify(item)}\nValid root-level selector definitions: union, intersection, string, dictionary. No lists. `
        + '\nhttps://docs.getdbt.com/reference/node-selection/yaml-selectors');
    }
    if (item['default'] === true) {
      if (defaultName !== undefined) {
        throw bad(`Error when parsing the selector file. Found multiple selectors with \`default: true\`:${defaultName} and ${name}`);
      }
      defaultName = name;
    }
    try {
      out.set(name, { name, default: item['default'] ?? false, definition: parseDefinition(definition, indirect, true) });
    } catch (error) {
      if (error instanceof TsdbtError && error.kind === 'selector') throw bad(`Could not read selector file data: ${error.message}`);
      throw error;
    }
  }
  return out;
}

function malformed(what: string): TsdbtError {
  return bad(`The selectors.yml file in this project is malformed. Please double check\nthe contents of this file and fix any errors before retrying.\n\n`
    + `You can find more information on the syntax for this file here:\nhttps://docs.getdbt.com/reference/node-selection/yaml-selectors\n\nValidator Error:\n${what}`);
}

function parseDefinition(definition: Json, indirect: IndirectSelection, rootLevel = false): Selection {
  if (typeof definition === 'string') return parseCriterion(definition, indirect);
  if (!isObject(definition)) throw bad(`Expected to find union, intersection, str or dict, instead found ${JSON.stringify(definition)}`);
  for (const kind of ['union', 'intersection'] as const) {
    if (!(kind in definition)) continue;
    if (rootLevel && Object.keys(definition).length > 1) {
      throw bad(`Only a single 'union' or 'intersection' key is allowed in a root level selector definition; found ${Object.keys(definition).join(',')}.`);
    }
    return parseGroup(kind, definition, indirect);
  }
  const keys = Object.keys(definition);
  if (keys.length === 1) return criterion(definition, { method: keys[0]!, value: definition[keys[0]!]! }, indirect);
  if (!('method' in definition && 'value' in definition)) {
    throw bad(`Expected either 1 key or else "method" and "value" keys, but got ${JSON.stringify(keys)}`);
  }
  const base = criterion(definition, { ...definition, value: definition['value']! }, indirect);
  const excluded = 'exclude' in definition ? parseExclusions(definition, indirect) : undefined;
  return excluded === undefined ? base : group('difference', [base, excluded], definition);
}

function parseGroup(kind: 'union' | 'intersection', definition: { [key: string]: Json }, indirect: IndirectSelection): Selection {
  const included: Selection[] = [];
  let excluded: Selection | undefined;
  let seen = false;
  for (const part of listOf(definition, kind)) {
    if (isObject(part) && 'exclude' in part) {
      if (seen) throw bad(`You cannot provide multiple exclude arguments to the same selector set operator:\n${JSON.stringify(part)}`);
      seen = true;
      excluded = parseExclusions(part, indirect);
    } else included.push(parseDefinition(part, indirect));
  }
  const whole = group(kind, included, definition);
  return excluded === undefined ? whole : group('difference', [whole, excluded], definition);
}

function parseExclusions(definition: { [key: string]: Json }, indirect: IndirectSelection): Selection | undefined {
  const parts = listOf(definition, 'exclude').map((part) => parseDefinition(part, indirect));
  return parts.length > 1 ? group('union', parts, definition['exclude']!) : parts[0];
}

function listOf(definition: { [key: string]: Json }, key: string): Json[] {
  const value = definition[key];
  if (!Array.isArray(value)) throw bad(`Invalid value for key "${key}". Expected a list.`);
  for (const item of value) {
    if (typeof item !== 'string' && !isObject(item)) throw bad(`Invalid value type in key "${key}", expected dict or str (value: ${String(item)}).`);
  }
  return value;
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
