// The template engine as a library: renders a source with a context of plain JavaScript values.
import { callable } from '../values/callable.ts';
import { PyDict } from '../values/dict.ts';
import { makeFloat, PyFloat } from '../values/float.ts';
import { JinjaError } from '../values/python-error.ts';
import { PySet } from '../values/set.ts';
import { PyTuple } from '../values/tuple.ts';
import type { Value } from '../values/value.ts';
import { Environment } from './environment.ts';
import type { UndefinedKind } from '../values/undefined.ts';

export interface RenderOptions {
  /** Whether to drop the newline after a block tag. */
  readonly trimBlocks?: boolean;
  /** Whether to drop white space before a block tag. */
  readonly lstripBlocks?: boolean;
  /** Whether to keep the trailing newline of the source. */
  readonly keepTrailingNewline?: boolean;
  readonly undefined?: UndefinedKind;
  /** Returns the source of a template by name, for include, import and extends. */
  readonly templates?: { readonly [name: string]: string };
}

/**
 * Renders a template as jinja2 does, with its extensions `do` and `loopcontrols` and without dbt's tags.
 *
 * @param context JSON values; integral numbers are ints. `float(1)` is an integral float, `tuple([…])` a tuple, a `Map`
 *   a dict with keys of any type, a `Set` a set, a bigint an int. The template can call functions; they receive
 *   positional arguments as plain JavaScript values and return such values.
 * @throws JinjaError with jinja2's message, `line` and `template`
 * @example
 * render('{{ greeting }} {{ names | join(", ") }}', { greeting: 'hi', names: ['a', 'b'] }) // 'hi a, b'
 */
export function render(
  source: string,
  context: { readonly [name: string]: unknown } = {},
  options: RenderOptions = {},
): string {
  const environment = new Environment({ ...options, dbt: false });
  const values = new Map(Object.keys(context).map((name) => [name, toValue(context[name])]));
  return environment.compile(source, { name: '<template>' }).renderSync({ get: (name) => values.get(name) });
}

/** Makes a float, also of an integral number. */
export function float(x: number): Value {
  return makeFloat(x);
}

/** Makes a tuple of plain values. */
export function tuple(items: readonly unknown[]): Value {
  return new PyTuple(items.map(toValue));
}

/** Converts a plain JavaScript value to a template value. */
export function toValue(x: unknown): Value {
  switch (typeof x) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return x;
    case 'number':
      return Number.isInteger(x) && !Number.isSafeInteger(x) ? new PyFloat(x) : x;
    case 'undefined':
      return null;
    case 'function': {
      const fn = x as (...args: unknown[]) => unknown;
      return callable(fn.name || 'function', '*args, **kwargs', ({ args, kwargs }) => {
        if (kwargs.size > 0) throw new JinjaError('TypeError', `${fn.name || 'function'}() takes no keyword arguments`);
        return toValue(fn(...args.map(fromValue)));
      });
    }
    case 'object':
      if (x === null) return null;
      if (Array.isArray(x)) return x.map(toValue);
      if (x instanceof Map) return new PyDict([...x].map(([key, value]) => [toValue(key), toValue(value)]));
      if (x instanceof Set) return new PySet([...x].map(toValue));
      if ('jinjaType' in x && 'jinjaGet' in x) return x as Value;
      return new PyDict(Object.entries(x).map(([key, value]) => [key, toValue(value)]));
    default:
      throw new JinjaError('TypeError', `a ${typeof x} has no place in a template`);
  }
}

function fromValue(v: Value): unknown {
  if (v instanceof PyFloat) return v.value;
  if (v instanceof PyTuple) return v.items.map(fromValue);
  if (v instanceof PyDict) return new Map([...v.entries()].map(([key, value]) => [fromValue(key), fromValue(value)]));
  if (v instanceof PySet) return new Set([...v.values()].map(fromValue));
  return Array.isArray(v) ? v.map(fromValue) : v;
}
