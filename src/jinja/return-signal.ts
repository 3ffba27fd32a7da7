// dbt's `return()`: lets a macro return a value instead of its text.
import { typeError } from '../values/python-error.ts';
import type { Callable, Value } from '../values/value.ts';

/**
 * Thrown by `return(value)` and caught by the nearest macro call. It is not an Error: without a stack trace it is
 * cheap.
 */
export class ReturnSignal {
  readonly value: Value;

  constructor(value: Value) {
    this.value = value;
  }
}

/**
 * The function that templates call as `return`. Compiled macros recognize it by identity and return without throwing.
 */
export const macroReturn: Callable = (args, kwargs) => {
  const value = args.length > 0 ? args[0] : kwargs.get('data');
  if (value === undefined) throw typeError("_return() missing 1 required positional argument: 'data'");
  if (args.length + kwargs.size > 1)
    throw typeError(`_return() takes 1 positional argument but ${args.length + kwargs.size} were given`);
  throw new ReturnSignal(value);
};
macroReturn.face = { text: () => '<function return>' };
