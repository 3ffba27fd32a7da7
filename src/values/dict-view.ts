// Live views of a dict, as returned by `d.keys()`, `d.values()` and `d.items()`.
import type { PyDict } from './dict.ts';
import { equals } from './equality.ts';
import { iterate } from './iterate.ts';
import { PySet } from './set.ts';
import { toRepr } from './text.ts';
import { PyTuple } from './tuple.ts';
import type { HostObject, Value } from './value.ts';

export class PyDictView implements HostObject {
  readonly jinjaType: string;
  readonly #dict: PyDict;
  readonly #part: 'keys' | 'values' | 'items';

  constructor(dict: PyDict, part: 'keys' | 'values' | 'items') {
    this.#dict = dict;
    this.#part = part;
    this.jinjaType = `dict_${part}`;
  }

  jinjaGet(name: string): Value | undefined {
    if (name === 'isdisjoint' && this.#part !== 'values') {
      return (args) => {
        const other = new PySet(iterate(args[0] ?? null));
        for (const item of this.jinjaIter()) if (other.has(item)) return false;
        return true;
      };
    }
    // Python gives a read-only view; templates that change it through this one change the dict.
    return name === 'mapping' ? this.#dict : undefined;
  }

  jinjaText(): string {
    return `${this.jinjaType}([${Array.from(this.jinjaIter(), toRepr).join(', ')}])`;
  }

  jinjaTruth(): boolean {
    return this.#dict.size > 0;
  }

  jinjaLength(): number {
    return this.#dict.size;
  }

  jinjaIter(): Iterable<Value> {
    switch (this.#part) {
      case 'keys':
        return this.#dict.steady(this.#dict.keys());
      case 'values':
        return this.#dict.steady(this.#dict.values());
      case 'items':
        return this.#dict.steady(itemsOf(this.#dict));
    }
  }

  jinjaContains(item: Value): boolean {
    switch (this.#part) {
      case 'keys':
        return this.#dict.has(item);
      case 'values':
        for (const value of this.#dict.values()) if (equals(value, item)) return true;
        return false;
      case 'items': {
        if (!(item instanceof PyTuple) || item.items.length !== 2) return false;
        const value = this.#dict.get(item.items[0] as Value);
        return value !== undefined && equals(value, item.items[1] as Value);
      }
    }
  }

  jinjaEquals(other: Value): boolean {
    if (this.#part === 'values') return this === other;
    if (!(other instanceof PyDictView || other instanceof PySet) || other.jinjaLength() !== this.#dict.size)
      return false;
    for (const item of this.jinjaIter()) if (!other.jinjaContains(item)) return false;
    return true;
  }

  toJsonValue(): unknown {
    return this.jinjaText();
  }
}

function* itemsOf(dict: PyDict): Generator<Value, void, undefined> {
  for (const entry of dict.entries()) yield new PyTuple(entry);
}
