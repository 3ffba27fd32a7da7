// Python's named tuples: tuples whose members also have names.
import { toRepr } from './text.ts';
import { PyTuple } from './tuple.ts';
import type { Value } from './value.ts';

export class NamedTuple extends PyTuple {
  override readonly jinjaType: string;
  readonly #members: readonly (readonly [string, Value])[];

  constructor(type: string, members: readonly (readonly [string, Value])[]) {
    super(members.map(([, value]) => value));
    this.jinjaType = type;
    this.#members = members;
  }

  override jinjaGet(name: string): Value | undefined {
    const member = this.#members.find(([key]) => key === name);
    return member === undefined ? super.jinjaGet(name) : member[1];
  }

  override jinjaRepr(): string {
    return `${this.jinjaType}(${this.#members.map(([key, value]) => `${key}=${toRepr(value)}`).join(', ')})`;
  }
}
