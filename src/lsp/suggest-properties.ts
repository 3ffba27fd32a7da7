// Completion in properties files: keys by the place in the file, names of nodes, columns and tests, settings of tsdbt.
import { CompletionItemKind } from 'vscode-languageserver';
import type { ConfigKind } from '../parser/config/config-fields.ts';
import {
  COLUMN_ENTRY,
  EXPOSURE_ENTRY,
  MACRO_ENTRY,
  MODEL_ENTRY,
  NODE_ENTRY,
  SOURCE_ENTRY,
  SOURCE_TABLE_ENTRY,
  UNIT_TEST_ENTRY,
} from '../parser/read/yaml-shapes.ts';
import type { Shape } from '../project/schema-check.ts';
import { COLUMN_SETTINGS, NODE_SETTINGS } from '../settings/meta-settings.ts';
import type { JsonSchema, Setting } from '../settings/setting.ts';
import { MACRO_SETTINGS, UNIT_TEST_SETTINGS } from '../settings/unit-test-settings.ts';
import { isDictionary } from '../values/is-dictionary.ts';
import type { Owner } from './name-uses.ts';
import {
  configKeys,
  inExpression,
  names,
  openTag,
  type SuggestContext,
  type Suggested,
  type Suggestion,
} from './suggest.ts';

const TOP =
  'version models seeds snapshots sources macros exposures unit_tests metrics semantic_models saved_queries groups';
/** Keys of entries, by the keys above them. */
const ENTRIES: Readonly<Record<string, Shape>> = {
  models: MODEL_ENTRY,
  seeds: NODE_ENTRY,
  snapshots: NODE_ENTRY,
  sources: SOURCE_ENTRY,
  'sources tables': SOURCE_TABLE_ENTRY,
  macros: MACRO_ENTRY,
  exposures: EXPOSURE_ENTRY,
  unit_tests: UNIT_TEST_ENTRY,
};
const KINDS: Readonly<Record<string, ConfigKind>> = {
  models: 'model',
  seeds: 'seed',
  snapshots: 'snapshot',
  sources: 'source',
  exposures: 'exposure',
  unit_tests: 'unit_test',
};
/** Keys that only artifacts have. */
const INTERNAL = new Set([
  'original_file_path',
  'yaml_key',
  'package_name',
  'loaded_at_field_present',
  'derived_semantics',
]);

/** The keys above a place, from the top, and the names of the entries that contain it. */
interface YamlPlace {
  readonly keys: readonly string[];
  /** By the key of their list. */
  readonly names: ReadonlyMap<string, string>;
}

export async function suggestInProperties(context: SuggestContext, offset: number): Promise<Suggested> {
  const { text, path, table } = context;
  const before = text.slice(0, offset);
  const line = before.slice(before.lastIndexOf('\n') + 1);
  const tag = openTag(line);
  if (tag !== null) return inExpression(context, tag);
  if (/\b(?:ref|source)\s*\([^)]*$/.test(line)) return inExpression(context, line);
  const [, indent = '', dashes = '', rest = ''] = /^(\s*)((?:-\s+)*)(.*)$/.exec(line) ?? [];
  const place = placeAbove(before.slice(0, before.length - line.length), indent.length, dashes.length);
  const value = /^["']?([\w+-]+)["']?\s*:\s*(.*)$/.exec(rest);
  const typed = value === null ? rest : (value[2] ?? '');
  const items =
    value === null ? await keysAt(context, place, dashes !== '') : await valuesAt(context, place, value[1] ?? '');
  const settings = path.endsWith('dbt_project.yml') && value === null && KINDS[place.keys[0] ?? ''] !== undefined;
  const project = settings ? configKeys(KINDS[place.keys[0] ?? ''] ?? 'model', '+') : [];
  return { typed: typed.length, items: table === null ? [] : [...project, ...items] };
}

/** The settings below `meta.tsdbt`, where they are not those of nodes. */
const SETTINGS: { readonly [key: string]: Setting | undefined } = {
  macros: MACRO_SETTINGS,
  unit_tests: UNIT_TEST_SETTINGS,
};

async function keysAt(context: SuggestContext, place: YamlPlace, item: boolean): Promise<Suggestion[]> {
  const { keys } = place;
  const tsdbt = keys.indexOf('tsdbt');
  if (tsdbt > 0 && keys[tsdbt - 1] === 'meta') {
    const settings = keys.includes('columns') ? COLUMN_SETTINGS : (SETTINGS[keys[0] ?? ''] ?? NODE_SETTINGS);
    return settingKeys(schemaAt(settings.schema(), keys.slice(tsdbt + 1)));
  }
  const last = keys.at(-1);
  const kind = KINDS[keys[0] ?? ''];
  if (last === 'config' && kind !== undefined) return configKeys(keys.includes('data_tests') ? 'test' : kind);
  if (last === 'meta') return [{ label: 'tsdbt', kind: CompletionItemKind.Property, snippet: 'tsdbt:\n  $1' }];
  if ((last === 'data_tests' || last === 'tests') && item) return testNames(context);
  if (last === 'columns') return shapeKeys(COLUMN_ENTRY);
  const shape = ENTRIES[keys.join(' ')];
  if (shape !== undefined) return shapeKeys(shape);
  return keys.length === 0
    ? names(TOP.split(' '), CompletionItemKind.Property).map((each) => ({ ...each, snippet: asKey(each) }))
    : [];
}

async function valuesAt(context: SuggestContext, place: YamlPlace, key: string): Promise<Suggestion[]> {
  const { parsed, table, columns, index, path } = context;
  const { keys } = place;
  const last = keys.at(-1);
  if (key === 'materialized' || key === '+materialized')
    return names(['view', 'table', 'incremental', 'ephemeral', 'materialized_view'], CompletionItemKind.Value);
  if (key === 'name' && last === 'columns') {
    const owner = ownerOf(place);
    const id = owner === null ? undefined : table.resolve(owner, index.packageOf(path))?.id;
    const found = id === undefined ? [] : await columns.of(parsed, id);
    return found.map(({ name, description }) => ({
      label: name,
      kind: CompletionItemKind.Field,
      documentation: description,
    }));
  }
  if (key === 'name' && keys.length === 1 && /^(?:models|seeds|snapshots)$/.test(last ?? '')) {
    const prefix = `${last?.slice(0, -1)}.${index.packageOf(path)}.`;
    const ids = Object.keys(parsed.manifest.nodes).filter((id) => id.startsWith(prefix));
    return names(new Set(ids.map((id) => id.slice(prefix.length))), CompletionItemKind.Class);
  }
  if (key === 'model' && last === 'unit_tests') return names(table.refNames(), CompletionItemKind.Class);
  return [];
}

function ownerOf({ keys, names: known }: YamlPlace): Owner | null {
  const table = known.get('tables');
  const [top = ''] = keys;
  const name = known.get(top);
  if (name === undefined) return null;
  if (top === 'sources') return table === undefined ? null : { kind: 'source', source: name, table };
  return { kind: 'entry', type: top.slice(0, -1), name };
}

function testNames({ table }: SuggestContext): Suggestion[] {
  const tests = [...table.macros.keys()].filter((name) => name.startsWith('test_')).map((name) => name.slice(5));
  return names(tests, CompletionItemKind.Function);
}

const asKey = ({ label }: { readonly label: string }): string => `${label}: $1`;

function shapeKeys({ fields }: Shape): Suggestion[] {
  const keys = [...fields.keys()].filter((key) => !INTERNAL.has(key));
  return keys.map((label) => ({ label, kind: CompletionItemKind.Property, snippet: asKey({ label }) }));
}

/** The part of a schema below some keys. */
function schemaAt(schema: JsonSchema, keys: readonly string[]): JsonSchema[] {
  const [key, ...rest] = keys;
  const parts = [schema, ...[schema['anyOf'], schema['oneOf']].flatMap((each) => (Array.isArray(each) ? each : []))];
  const all = parts
    .filter(isDictionary)
    .flatMap((each) => (isDictionary(each['items']) ? [each, each['items']] : [each]));
  if (key === undefined) return all;
  return all.flatMap(({ properties }) => {
    const inner = isDictionary(properties) ? properties[key] : undefined;
    return isDictionary(inner) ? schemaAt(inner, rest) : [];
  });
}

function settingKeys(schemas: readonly JsonSchema[]): Suggestion[] {
  return schemas.flatMap(({ properties }) =>
    Object.entries(isDictionary(properties) ? properties : {}).map(([label, inner]): Suggestion => {
      const description = isDictionary(inner) ? inner['description'] : undefined;
      const documentation = typeof description === 'string' ? { documentation: description } : {};
      return { label, kind: CompletionItemKind.Property, snippet: asKey({ label }), ...documentation };
    }),
  );
}

/** Reads the keys above a line by their indentation, because the text may not be valid YAML. */
function placeAbove(before: string, indent: number, dashes: number): YamlPlace {
  const [keys, found]: [string[], Map<string, string>] = [[], new Map()];
  let limit = dashes > 0 ? indent + 1 : indent;
  let name: string | undefined;
  for (const line of before.split('\n').reverse()) {
    const [all, spaces = '', items = '', key = '', value = ''] =
      /^(\s*)((?:-\s+)*)["']?([\w+.-]+)["']?\s*:(.*)$/.exec(line) ?? [];
    if (all === undefined) continue;
    const column = spaces.length + items.length;
    if (column === limit && key === 'name') name ??= value.trim().replace(/^['"]|['"]$/g, '');
    if (items !== '' && column === limit) limit = spaces.length + 1;
    else if (column < limit) {
      if (name !== undefined) found.set(key, name);
      name = key === 'name' ? value.trim() : undefined;
      if (value.trim() === '') keys.unshift(key);
      limit = items === '' ? column : spaces.length + 1;
    }
    if (limit === 0) break;
  }
  return { keys, names: found };
}
