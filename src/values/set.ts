// Python's set. Members keep their insertion order; Python leaves the order undefined.
import { getSetMethod } from './methods/set-methods.ts';
import { bindMethod } from './methods/method.ts';
import { mapKey } from './hash.ts';
import { JinjaError } from './python-error.ts';
import { toRepr } from './text.ts';
import type { HostObject, Value } from './value.ts';

export class PySet implements HostObject {
  readonly jinjaType: string = 'set';
  readonly #map = new Map<unknown, Value>();

  /** @throws JinjaError if a member is not hashable */
  constructor(items?: Iterable<Value>) {
    if (items) for (const item of items) this.add(item);
  }

  get size(): number {
    return this.#map.size;
  }

  add(item: Value): void {
    const id = mapKey(item);
    if (!this.#map.has(id)) this.#map.set(id, item);
  }

  has(item: Value): boolean {
    return this.#map.has(mapKey(item));
  }

  delete(item: Value): boolean {
    return this.#map.delete(mapKey(item));
  }

  clear(): void {
    this.#map.clear();
  }

  values(): IterableIterator<Value> {
    return this.#map.values();
  }

  [Symbol.iterator](): IterableIterator<Value> {
    return this.#map.values();
  }

  jinjaGet(name: string): Value | undefined {
    const method = getSetMethod(name);
    return method && bindMethod(name, method, this);
  }

  jinjaText(): string {
    return this.jinjaRepr();
  }

  jinjaRepr(): string {
    return this.#map.size === 0 ? 'set()' : `{${[...this.#map.values()].map(toRepr).join(', ')}}`;
  }

  jinjaTruth(): boolean {
    return this.#map.size > 0;
  }

  jinjaLength(): number {
    return this.#map.size;
  }

  *jinjaIter(): Generator<Value, void, undefined> {
    const { size } = this.#map;
    for (const item of this.#map.values()) {
      yield item;
      if (this.#map.size !== size) throw new JinjaError('RuntimeError', 'Set changed size during iteration');
    }
  }

  jinjaContains(item: Value): boolean {
    return this.has(item);
  }

  jinjaEquals(other: Value): boolean {
    return other instanceof PySet && other.size === this.size && this.isSubset(other);
  }

  /**
   * Negative for a proper subset, positive for a proper superset, zero if equal, otherwise NaN (every comparison is
   * false).
   */
  jinjaCompare(other: Value): number | undefined {
    if (!(other instanceof PySet)) return undefined;
    const sub = this.isSubset(other);
    const sup = other.isSubset(this);
    return sub ? (sup ? 0 : -1) : sup ? 1 : Number.NaN;
  }

  jinjaBinary(op: string, other: Value, reflected: boolean): Value | undefined {
    if (op !== '-' || reflected || !(other instanceof PySet)) return undefined;
    return new PySet([...this.values()].filter((x) => !other.has(x)));
  }

  isSubset(other: PySet): boolean {
    for (const id of this.#map.keys()) if (!other.#map.has(id)) return false;
    return true;
  }

  toJsonValue(): unknown {
    return [...this.#map.values()];
  }
}
