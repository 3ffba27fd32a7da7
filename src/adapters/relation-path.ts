// The three parts of a relation's name, and its policies: which parts are quoted and which are shown. Also the `Path`
// and `Policy` of templates.
import { callable } from '../values/callable.ts';
import { PyDict } from '../values/dict.ts';
import { toRepr, toText } from '../values/text.ts';
import type { HostObject, Value } from '../values/value.ts';
import type { PathPart, PolicyValues } from './relation-dialect.ts';

export type PathValues = Readonly<Record<PathPart, string | null>>;

export const PATH_PARTS: readonly PathPart[] = ['database', 'schema', 'identifier'];
export const DEFAULT_POLICY: PolicyValues = { database: true, schema: true, identifier: true };

/** The parts of a `quoting:` that are set. */
export function writtenPolicy(
  quoting: Partial<Record<PathPart, boolean | null | undefined>>,
): Partial<Record<PathPart, boolean>> {
  const written: Partial<Record<PathPart, boolean>> = {};
  const { database, schema, identifier } = quoting;
  if (typeof database === 'boolean') written.database = database;
  if (typeof schema === 'boolean') written.schema = schema;
  if (typeof identifier === 'boolean') written.identifier = identifier;
  return written;
}

/** The policy with the parts of `changes` that are set. */
export function mergePolicy(policy: PolicyValues, changes: Partial<Record<PathPart, boolean | null>>): PolicyValues {
  return {
    database: changes.database ?? policy.database,
    schema: changes.schema ?? policy.schema,
    identifier: changes.identifier ?? policy.identifier,
  };
}

/** Entries as a dict. @param omitNone without those that are None */
export function dictOf(entries: readonly (readonly [string, Value])[], omitNone: boolean): PyDict {
  return PyDict.from(new Map<Value, Value>(omitNone ? entries.filter(([, v]) => v !== null) : entries));
}

/** Part of a name as dbt accepts it: any value becomes text. */
export function pathPart(value: Value): string | null {
  return value === null ? null : toText(value);
}

/** The path with the named parts changed; other keys are ignored. */
export function changePath(path: PathValues, changes: Iterable<readonly [string, Value]>): PathValues {
  const result = { ...path };
  for (const [key, value] of changes)
    if (key === 'database' || key === 'schema' || key === 'identifier') result[key] = pathPart(value);
  return result;
}

/** The policy with the named flags changed; other keys and values that are not bools are ignored. */
export function changePolicy(policy: PolicyValues, changes: Iterable<readonly [string, Value]>): PolicyValues {
  const result: Record<PathPart, boolean> = { ...policy };
  for (const [key, value] of changes)
    if ((key === 'database' || key === 'schema' || key === 'identifier') && typeof value === 'boolean')
      result[key] = value;
  return result;
}

/** Entries of a dict, a Path or a Policy. */
export function* entriesOf(value: Value): Iterable<readonly [string, Value]> {
  if (value instanceof PyDict) for (const [key, item] of value.entries()) yield [toText(key), item];
  else if (value instanceof PathParts) for (const part of PATH_PARTS) yield [part, value.values[part]];
}

/** `relation.path`, `relation.quote_policy`, `relation.include_policy`. */
export class PathParts implements HostObject {
  readonly className: 'Path' | 'Policy';
  readonly values: PathValues | PolicyValues;

  constructor(className: 'Path' | 'Policy', values: PathValues | PolicyValues) {
    this.className = className;
    this.values = values;
  }

  get jinjaType(): string {
    return `dbt.adapters.contracts.relation.${this.className}`;
  }

  jinjaGet(name: string): Value | undefined {
    if (name === 'database' || name === 'schema' || name === 'identifier') return this.values[name];
    switch (name) {
      case 'get_part':
        return callable(name, 'key', (key) => this.jinjaItem(key) ?? null);
      case 'get_lowered_part':
        return callable(name, 'key', (key) => {
          const part = this.jinjaItem(key);
          return typeof part === 'string' ? part.toLowerCase() : null;
        });
      case 'to_dict':
        return callable(name, 'omit_none=False', (omit) =>
          dictOf(
            PATH_PARTS.map((p) => [p, this.values[p]]),
            omit === true,
          ),
        );
      case 'replace':
        return callable(name, '**kwargs', (kwargs) =>
          this.className === 'Path'
            ? new PathParts('Path', changePath(this.values as PathValues, entriesOf(kwargs)))
            : new PathParts('Policy', changePolicy(this.values as PolicyValues, entriesOf(kwargs))),
        );
      case 'get':
        return callable(name, 'key, default=None', (key, fallback) => this.jinjaItem(key) ?? fallback);
      default:
        return undefined;
    }
  }

  jinjaItem(key: Value): Value | undefined {
    return key === 'database' || key === 'schema' || key === 'identifier' ? this.values[key] : undefined;
  }

  jinjaText(): string {
    return `${this.className}(${PATH_PARTS.map((p) => `${p}=${toRepr(this.values[p])}`).join(', ')})`;
  }

  jinjaEquals(other: Value): boolean {
    return (
      other instanceof PathParts &&
      other.className === this.className &&
      PATH_PARTS.every((p) => this.values[p] === other.values[p])
    );
  }
}
