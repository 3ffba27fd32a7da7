// A fixed set of named values that a template reads by attribute or key, as dbt's dicts of functions (`exceptions`,
// `modules.re`).
import type { HostObject, Value } from '../values/index.ts';
import { PyDict } from '../values/index.ts';

export class Namespace implements HostObject {
  readonly jinjaType: string;
  readonly #make: () => ReadonlyMap<string, Value>;
  #made: ReadonlyMap<string, Value> | undefined;

  /** @param members the values, or a function that creates them on first access */
  constructor(members: ReadonlyMap<string, Value> | (() => ReadonlyMap<string, Value>), type = 'dict') {
    this.#make = typeof members === 'function' ? members : () => members;
    this.jinjaType = type;
  }

  get #members(): ReadonlyMap<string, Value> {
    return (this.#made ??= this.#make());
  }

  jinjaGet(name: string): Value | undefined {
    return this.#members.get(name) ?? new PyDict(this.#members).jinjaGet(name);
  }

  jinjaItem(key: Value): Value | undefined {
    return typeof key === 'string' ? this.#members.get(key) : undefined;
  }

  jinjaIter(): Iterable<Value> {
    return this.#members.keys();
  }

  jinjaLength(): number {
    return this.#members.size;
  }

  jinjaContains(item: Value): boolean {
    return typeof item === 'string' && this.#members.has(item);
  }
}
