// What a method of a built-in type is: a function of the object and the arguments of the call; and binding one to its
// object.
import { bounded } from '../budget.ts';
import type { Callable, CallableFace, Kwargs, Value } from '../value.ts';

/** A method before it is bound. */
export type Method<Self> = (self: Self, args: readonly Value[], kwargs: Kwargs) => Value;

class MethodFace implements CallableFace {
  readonly type: string;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
    // jinja2's sandbox wraps these methods.
    this.type = name === 'format' || name === 'format_map' ? 'function' : 'builtin_function_or_method';
  }

  text(): string {
    return `<built-in method ${this.#name}>`;
  }
}

/** `obj.method` as a value. */
export function bindMethod<Self>(name: string, method: Method<Self>, self: Self): Callable {
  const bound: Callable = (args, kwargs) => {
    const result = method(self, args, kwargs);
    return typeof result === 'string' ? bounded(result) : result;
  };
  bound.face = new MethodFace(name);
  return bound;
}
