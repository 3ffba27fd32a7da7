// CPython's TypeErrors for a built-in method that is called with the wrong arguments.
import { typeError } from '../python-error.ts';
import type { Kwargs, Value } from '../value.ts';

/** Arguments with a known count. */
export type AtLeast<Least extends number> = Least extends 1
  ? readonly [Value, ...Value[]]
  : Least extends 2
    ? readonly [Value, Value, ...Value[]]
    : readonly Value[];

/**
 * Checks the arguments of a method that takes only positional ones.
 * @param name qualified: `dict.get`
 * @throws JinjaError with CPython's message
 */
export function checkArity<Least extends number>(
  name: string,
  args: readonly Value[],
  kwargs: Kwargs,
  least: Least,
  most: number,
): asserts args is AtLeast<Least> {
  if (kwargs.size > 0) throw typeError(`${name}() takes no keyword arguments`);
  if (args.length >= least && args.length <= most) return;
  if (least === most) {
    if (most === 0) throw typeError(`${name}() takes no arguments (${args.length} given)`);
    if (most === 1) throw typeError(`${name}() takes exactly one argument (${args.length} given)`);
  }
  const short = name.slice(name.indexOf('.') + 1);
  const bound = args.length < least ? least : most;
  const words = least === most ? '' : args.length < least ? 'at least ' : 'at most ';
  throw typeError(`${short} expected ${words}${bound} argument${bound === 1 ? '' : 's'}, got ${args.length}`);
}
