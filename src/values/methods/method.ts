// A method of a built-in type: a function of the object and the call's arguments, and how it is bound to an object.
import { bounded } from '../budget.ts';
import type { Callable, CallableFace, Kwargs, Value } from '../value.ts';

/** An unbound method. */
export type Method<Self> = (self: Self, args: readonly Value[], kwargs: Kwargs) => Value;

class MethodFace implements CallableFace {
  readonly type: string;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
    // Methods that jinja2's sandbox wraps.
    this.type = name === 'format' || name === 'format_map' ? 'function' : 'builtin_function_or_method';
  }

  text(): string {
    return `<built-in method ${this.#name}>`;
  }
}

/** Binds a method: the value of `obj.method`. */
export function bindMethod<Self>(name: string, method: Method<Self>, self: Self): Callable {
  const bound: Callable = (args, kwargs) => {
    const result = method(self, args, kwargs);
    return typeof result === 'string' ? bounded(result) : result;
  };
  bound.face = new MethodFace(name);
  return bound;
}
