// What a method of a built-in type is: a function of the object and the arguments of the call; and binding one to its object.
import type { Callable, Kwargs, Value } from '../value.ts';

/** A method before it is bound. */
export type Method<Self> = (self: Self, args: readonly Value[], kwargs: Kwargs) => Value;

/** `obj.method` as a value. */
export function bindMethod<Self>(name: string, method: Method<Self>, self: Self): Callable {
  const bound: Callable = (args, kwargs) => method(self, args, kwargs);
  // jinja2's sandbox puts a function of its own around these.
  bound.jinjaType = name === 'format' || name === 'format_map' ? 'function' : 'builtin_function_or_method';
  bound.jinjaText = () => `<built-in method ${name}>`;
  return bound;
}
