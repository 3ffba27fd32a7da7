// Python's dict: keeps insertion order, distinguishes 1 from '1', and treats 1, 1.0 and True as one key. Its template
// methods are in methods/dict-methods.ts.
import { getDictMethod } from './methods/dict-methods.ts';
import { bindMethod } from './methods/method.ts';
import { equals } from './equality.ts';
import { mapKey } from './hash.ts';
import { JinjaError } from './python-error.ts';
import type { HostObject, Value } from './value.ts';

/** A dict. A JavaScript `Map` with Python's notion of equal keys. */
export class PyDict implements HostObject {
  readonly jinjaType: string = 'dict';
  readonly #map = new Map<unknown, Value>();
  /** The original keys that differ from their map key (bools, floats, tuples …), by map key. */
  #odd: Map<unknown, Value> | undefined;

  constructor(entries?: Iterable<readonly [Value, Value]>) {
    if (entries) for (const [key, value] of entries) this.set(key, value);
  }

  /** Creates a dict from an object's own entries, from a Map, or from pairs. */
  static from(
    source: { readonly [key: string]: Value } | ReadonlyMap<Value, Value> | Iterable<readonly [Value, Value]>,
  ): PyDict {
    if (Symbol.iterator in source) return new PyDict(source);
    const dict = new PyDict();
    for (const key of Object.keys(source)) dict.set(key, (source as { readonly [key: string]: Value })[key] as Value);
    return dict;
  }

  get size(): number {
    return this.#map.size;
  }

  /** @throws JinjaError if the key is not hashable, like the other methods */
  get(key: Value): Value | undefined {
    return this.#map.get(mapKey(key));
  }

  has(key: Value): boolean {
    return this.#map.has(mapKey(key));
  }

  set(key: Value, value: Value): this {
    const id = mapKey(key);
    if (id !== key && !this.#map.has(id)) {
      this.#odd ??= new Map();
      this.#odd.set(id, key);
    }
    this.#map.set(id, value);
    return this;
  }

  delete(key: Value): boolean {
    const id = mapKey(key);
    this.#odd?.delete(id);
    return this.#map.delete(id);
  }

  clear(): void {
    this.#map.clear();
    this.#odd = undefined;
  }

  *keys(): Generator<Value, void, undefined> {
    for (const id of this.#map.keys()) yield this.#keyOf(id);
  }

  values(): IterableIterator<Value> {
    return this.#map.values();
  }

  *entries(): Generator<[Value, Value], void, undefined> {
    for (const [id, value] of this.#map) yield [this.#keyOf(id), value];
  }

  [Symbol.iterator](): Generator<[Value, Value], void, undefined> {
    return this.entries();
  }

  copy(): PyDict {
    return new PyDict(this.entries());
  }

  jinjaGet(name: string): Value | undefined {
    const method = getDictMethod(name);
    return method && bindMethod(name, method, this);
  }

  jinjaItem(key: Value): Value | undefined {
    return this.get(key);
  }

  jinjaTruth(): boolean {
    return this.#map.size > 0;
  }

  jinjaLength(): number {
    return this.#map.size;
  }

  jinjaIter(): Iterable<Value> {
    return this.steady(this.#odd === undefined ? (this.#map.keys() as Iterable<Value>) : this.keys());
  }

  /** Iterates for templates; fails if the dict changes during the iteration. @throws JinjaError */
  *steady<T>(items: Iterable<T>): Generator<T, void, undefined> {
    const { size } = this.#map;
    for (const item of items) {
      yield item;
      if (this.#map.size !== size) throw new JinjaError('RuntimeError', 'dictionary changed size during iteration');
    }
  }

  jinjaContains(item: Value): boolean {
    return this.has(item);
  }

  jinjaEquals(other: Value): boolean {
    if (!(other instanceof PyDict) || other.size !== this.size) return false;
    for (const [id, value] of this.#map) {
      const theirs = other.#map.get(id);
      if (theirs === undefined || !equals(value, theirs)) return false;
    }
    return true;
  }

  #keyOf(id: unknown): Value {
    const key = this.#odd?.get(id);
    return key === undefined ? (id as Value) : key;
  }
}

/** `collections.OrderedDict`: prints as a list of pairs. */
export class PyOrderedDict extends PyDict {
  override readonly jinjaType = 'collections.OrderedDict';
}
