// Finds names in properties files and in dbt_project.yml: entries, columns, generic tests, and calls in templates.
import { type YamlScalar, yamlScalars } from '../project/yaml-document.ts';
import type { NamedThing, NameUse, Owner } from './name-uses.ts';
import { expressionNames, templateNames } from './template-names.ts';

const ENTRIES: Readonly<Record<string, string>> = {
  models: 'model',
  seeds: 'seed',
  snapshots: 'snapshot',
  analyses: 'analysis',
  exposures: 'exposure',
  functions: 'function',
};
const TESTS = new Set(['data_tests', 'tests']);
/** Keys of a generic test's entry that do not name it. */
const TEST_KEYS = new Set([
  'name',
  'test_name',
  'config',
  'description',
  'arguments',
  'column_name',
  'where',
  'severity',
]);

type Path = YamlScalar['path'];

/** @param text with normalized line breaks */
export function propertyNames(text: string): NameUse[] {
  return new ScalarSearch(yamlScalars(text), text).run();
}

class ScalarSearch {
  readonly #scalars: readonly YamlScalar[];
  readonly #text: string;
  readonly #values = new Map<string, string>();

  constructor(scalars: readonly YamlScalar[], text: string) {
    this.#scalars = scalars;
    this.#text = text;
    for (const { path, value, isKey } of scalars) if (!isKey) this.#values.set(JSON.stringify(path), value);
  }

  run(): NameUse[] {
    return this.#scalars.flatMap((scalar): NameUse[] => {
      const named = scalar.isKey ? this.#key(scalar) : this.#value(scalar);
      if (named !== null) return [{ ...named, start: scalar.start, end: scalar.end }];
      return scalar.isKey ? [] : this.#calls(scalar);
    });
  }

  #at(path: Path): string | undefined {
    return this.#values.get(JSON.stringify(path));
  }

  /** References in templates, and in values that are one call. */
  #calls({ start, end }: YamlScalar): NameUse[] {
    const text = this.#text.slice(start, end);
    if (!/[{(]/.test(text)) return [];
    const found = /\{[{%]/.test(text)
      ? templateNames(text)
      : /^\s*(?:ref|source|metric)\s*\(/.test(text)
        ? expressionNames(text)
        : [];
    return found.map((use) => ({ ...use, start: use.start + start, end: use.end + start }));
  }

  #value({ path, value }: YamlScalar): Omit<NameUse, 'start' | 'end'> | null {
    const last = path.at(-1);
    const [top, , inner] = path;
    if (path.length === 3 && last === 'name') {
      const type = ENTRIES[String(top)];
      if (type !== undefined) return { thing: { kind: 'entry', type, name: value }, defines: true };
      if (top === 'macros') return { thing: { kind: 'macro', name: value, package: null }, defines: false };
    }
    if (top === 'sources' && inner === 'tables' && path.length === 5 && last === 'name')
      return {
        thing: { kind: 'source', source: this.#at([...path.slice(0, 2), 'name']) ?? '', table: value },
        defines: true,
      };
    if (top === 'unit_tests' && inner === 'model' && path.length === 3)
      return { thing: { kind: 'ref', name: value, package: null, version: null }, defines: false };
    if (last === 'name' && path.at(-3) === 'columns') return this.#column(this.#ownerOf(path), value, true);
    if (TESTS.has(String(path.at(-2))) && typeof last === 'number') return { thing: testNamed(value), defines: false };
    if (last === 'test_name' && TESTS.has(String(path.at(-3)))) return { thing: testNamed(value), defines: false };
    if (last === 'field') return this.#column(this.#refAt([...path.slice(0, -1), 'to']), value, false);
    if (path.at(-2) === 'to_columns') return this.#column(this.#refAt([...path.slice(0, -2), 'to']), value, false);
    return null;
  }

  #key({ path, value }: YamlScalar): Omit<NameUse, 'start' | 'end'> | null {
    if (TESTS.has(String(path.at(-3))) && typeof path.at(-2) === 'number' && !TEST_KEYS.has(value))
      return { thing: testNamed(value), defines: false };
    if (path[0] === 'vars' && (path.length === 2 || path.length === 3))
      return { thing: { kind: 'var', name: value }, defines: true };
    if (path[0] === 'unit_tests' && path.at(-3) === 'rows')
      return this.#column(
        path[2] === 'given'
          ? this.#refAt([...path.slice(0, 4), 'input'])
          : path[2] === 'expect'
            ? { kind: 'ref', name: this.#at([...path.slice(0, 2), 'model']) ?? '', package: null, version: null }
            : null,
        value,
        false,
      );
    return null;
  }

  #column(owner: Owner | null, name: string, defines: boolean): Omit<NameUse, 'start' | 'end'> | null {
    return owner === null ? null : { thing: { kind: 'column', owner, name }, defines };
  }

  /** What has the column at `[…, 'columns', index, 'name']`. */
  #ownerOf(path: Path): Owner | null {
    const name = this.#at([...path.slice(0, 2), 'name']);
    const type = ENTRIES[String(path[0])];
    if (name !== undefined && type !== undefined) return { kind: 'entry', type, name };
    if (path[0] !== 'sources' || path[2] !== 'tables') return null;
    const table = this.#at([...path.slice(0, 4), 'name']);
    return name === undefined || table === undefined ? null : { kind: 'source', source: name, table };
  }

  /** The relation that a value such as `ref('orders')` names. */
  #refAt(path: Path): Owner | null {
    const [use] = expressionNames((this.#at(path) ?? '').replace(/^\s*\{\{(.*)\}\}\s*$/s, '$1'));
    return use?.thing.kind === 'ref' || use?.thing.kind === 'source' ? use.thing : null;
  }
}

function testNamed(value: string): NamedThing {
  const [first = '', second] = value.split('.');
  return { kind: 'test', name: second ?? first, package: second === undefined ? null : first };
}
