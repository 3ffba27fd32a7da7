// A fixed set of named values that a template reaches by attribute or by key, as dbt's dicts of functions (`exceptions`, `modules.re`).
import type { HostObject, Value } from '../values/index.ts';
import { PyDict } from '../values/index.ts';

export class Namespace implements HostObject {
  readonly jinjaType: string;
  readonly #members: ReadonlyMap<string, Value>;

  constructor(members: ReadonlyMap<string, Value>, type = 'dict') {
    this.#members = members;
    this.jinjaType = type;
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
