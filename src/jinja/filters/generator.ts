// Python's generator: a sequence that is computed while it is read, once. What `map`, `select`, `batch` and other filters give.
import type { HostObject, Value } from '../../values/value.ts';

export class PyGenerator implements HostObject {
  readonly jinjaType = 'generator';
  private readonly name: string;
  private readonly items: Iterator<Value>;

  constructor(name: string, items: Iterable<Value>) {
    this.name = name;
    this.items = items[Symbol.iterator]();
  }

  jinjaGet(): Value | undefined {
    return undefined;
  }

  jinjaText(): string {
    return `<generator object ${this.name}>`;
  }

  /** The items that have not been read yet. */
  jinjaIter(): Iterable<Value> {
    const { items } = this;
    return { [Symbol.iterator]: () => ({ next: () => items.next() }) };
  }

  toJsonValue(): unknown {
    return this.jinjaText();
  }
}
