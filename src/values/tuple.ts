// Python's tuple: a fixed sequence that can be a dict key and is never equal to a list.
import { bounded, checkItems, enter, walk } from './budget.ts';
import { compareSequences } from './comparison.ts';
import { equals } from './equality.ts';
import { hashKey } from './hash.ts';
import { getTupleMethod } from './methods/list-methods.ts';
import { bindMethod } from './methods/method.ts';
import { sequenceItem } from './sequence.ts';
import { joined, toRepr } from './text.ts';
import type { HostObject, Value } from './value.ts';

/** `items` must not be changed. */
export class PyTuple implements HostObject {
  readonly jinjaType: string = 'tuple';
  readonly items: readonly Value[];

  constructor(items: readonly Value[]) {
    this.items = items;
  }

  jinjaGet(name: string): Value | undefined {
    const method = getTupleMethod(name);
    return method && bindMethod(name, method, this);
  }

  jinjaItem(key: Value): Value | undefined {
    return sequenceItem(this.items, key);
  }

  jinjaText(): string {
    return this.jinjaRepr();
  }

  jinjaRepr(): string {
    const { items } = this;
    const outside = enter();
    try {
      const text = joined(items, toRepr);
      return items.length === 1 ? `(${text},)` : `(${text})`;
    } finally {
      walk.depth = outside;
    }
  }

  jinjaTruth(): boolean {
    return this.items.length > 0;
  }

  jinjaLength(): number {
    return this.items.length;
  }

  jinjaIter(): Iterable<Value> {
    return this.items;
  }

  jinjaContains(item: Value): boolean {
    return this.items.some((x) => equals(x, item));
  }

  jinjaEquals(other: Value): boolean {
    return (
      other instanceof PyTuple &&
      other.items.length === this.items.length &&
      this.items.every((x, i) => equals(x, other.items[i] as Value))
    );
  }

  jinjaHash(): string {
    const outside = enter();
    try {
      return bounded(`(${this.items.map(hashKey).join(',')})`);
    } finally {
      walk.depth = outside;
    }
  }

  jinjaCompare(other: Value): number | undefined {
    return other instanceof PyTuple ? compareSequences(this.items, other.items) : undefined;
  }

  jinjaBinary(op: string, other: Value, reflected: boolean): Value | undefined {
    if (op === '+' && !reflected && other instanceof PyTuple) {
      checkItems(this.items.length + other.items.length);
      return new PyTuple(this.items.concat(other.items));
    }
    return undefined;
  }

  toJsonValue(): unknown {
    return this.items;
  }
}
