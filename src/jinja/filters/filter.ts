// The form in which generated code calls a filter, and how to build one from a function with Python's parameters.
import { bounded } from '../../values/budget.ts';
import { type ArgumentBinder, argumentBinder } from '../../values/callable.ts';
import { typeError } from '../../values/python-error.ts';
import type { UndefinedFactory } from '../../values/undefined.ts';
import type { Kwargs, Value } from '../../values/value.ts';

/** What filters and tests can request from the environment. */
export interface FilterContext {
  readonly undefined: UndefinedFactory;
  readonly autoescape: boolean;
  item(obj: Value, key: Value): Value;
  callFilter(name: Value, value: Value, args: readonly Value[], kwargs: Kwargs): Value;
  callTest(name: Value, value: Value, args: readonly Value[], kwargs: Kwargs): boolean;
}

export type FilterFunction = (context: FilterContext, value: Value, args: readonly Value[], kwargs: Kwargs) => Value;

/**
 * Builds a filter from a function.
 *
 * @param name of the Python function, used in messages
 * @param signature its parameters, including the filtered value; a first parameter `environment` is not passed on
 */
export function filter(
  name: string,
  signature: string,
  fn: (context: FilterContext, ...parameters: Value[]) => Value,
): FilterFunction {
  const hidden = signature.startsWith('environment');
  let bind: ArgumentBinder | undefined;
  return (context, value, args, kwargs) => {
    bind ??= argumentBinder(name, signature);
    const bound = bind(hidden ? [null, value, ...args] : [value, ...args], kwargs);
    return checked(fn(context, ...(hidden ? bound.slice(1) : bound)));
  };
}

function checked(value: Value): Value {
  return typeof value === 'string' ? bounded(value) : value;
}

/** Builds a filter without arguments. */
export function simpleFilter(
  name: string,
  parameter: string,
  fn: (value: Value, context: FilterContext) => Value,
): FilterFunction {
  const general =
    name === 'len' || name === 'abs'
      ? exactlyOne(name)
      : filter(name, parameter, (context, value) => fn(value, context));
  return (context, value, args, kwargs) =>
    args.length === 0 && kwargs.size === 0 ? checked(fn(value, context)) : general(context, value, args, kwargs);
}

/** Python's built-in functions report wrong argument counts in a different wording. */
function exactlyOne(name: string): FilterFunction {
  return (_context, _value, args, kwargs) => {
    throw typeError(
      kwargs.size > 0
        ? `${name}() takes no keyword arguments`
        : `${name}() takes exactly one argument (${args.length + 1} given)`,
    );
  };
}
