// Python's generator: a lazy sequence that can be read once, as returned by `map`, `select`, `batch` and other filters.
import type { HostObject, Value } from '../../values/value.ts';

export class PyGenerator implements HostObject {
  readonly jinjaType: string;
  readonly #name: string;
  readonly #items: Iterator<Value>;

  /** @param type name of the Python type, shown in errors */
  constructor(name: string, items: Iterable<Value>, type = 'generator') {
    this.jinjaType = type;
    this.#name = name;
    this.#items = items[Symbol.iterator]();
  }

  jinjaGet(): Value | undefined {
    return undefined;
  }

  jinjaText(): string {
    return `<generator object ${this.#name}>`;
  }

  /** Iterates over the items that have not been read yet. */
  jinjaIter(): Iterable<Value> {
    const items = this.#items;
    return { [Symbol.iterator]: () => ({ next: () => items.next() }) };
  }

  toJsonValue(): unknown {
    return this.jinjaText();
  }
}
