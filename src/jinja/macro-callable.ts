// A macro as a callable value: applies jinja2's rules for arguments, then calls the generated function.
import { PyDict } from '../values/dict.ts';
import { typeError } from '../values/python-error.ts';
import { stringRepr } from '../values/text.ts';
import { PyTuple } from '../values/tuple.ts';
import type { UndefinedFactory } from '../values/undefined.ts';
import type { Callable, CallableFace, Kwargs, Value } from '../values/value.ts';

/** What the code generator records about a macro. */
export interface MacroInfo {
  /** Null for the body of a call block. */
  readonly name: string | null;
  readonly arguments: readonly string[];
  /** Whether the body mentions `caller`. */
  readonly caller: boolean;
  /** Whether `caller` is passed after the arguments. */
  readonly appendCaller: boolean;
  readonly catchKwargs: boolean;
  readonly catchVarargs: boolean;
  readonly autoescape: boolean;
}

/** The generated function. It takes the arguments in order; missing ones are `undefined`. */
export type MacroFunction = (args: readonly (Value | undefined)[]) => Value | Generator<unknown, Value, unknown>;

/** The attributes of a macro that templates can read. */
export class MacroFace implements CallableFace {
  readonly type = 'jinja2.runtime.Macro';
  readonly #info: MacroInfo;

  constructor(info: MacroInfo) {
    this.#info = info;
  }

  get(name: string): Value | undefined {
    const info = this.#info;
    switch (name) {
      case 'name':
        return info.name;
      case 'arguments':
        return new PyTuple(info.arguments);
      case 'catch_kwargs':
        return info.catchKwargs;
      case 'catch_varargs':
        return info.catchVarargs;
      case 'caller':
        return info.caller;
      case 'explicit_caller':
        return info.arguments.includes('caller');
      default:
        return undefined;
    }
  }

  text(): string {
    return `<Macro ${this.#info.name === null ? 'anonymous' : stringRepr(this.#info.name)}>`;
  }
}

export function createMacroCallable(info: MacroInfo, invoke: MacroFunction, makeUndefined: UndefinedFactory): Callable {
  const callable: Callable = (args, kwargs) => invoke(bindArguments(info, args, kwargs, makeUndefined));
  callable.face = new MacroFace(info);
  return callable;
}

/**
 * Arranges the arguments of a call in the order of the generated function's parameters.
 * @throws JinjaError with jinja2's message
 */
export function bindArguments(
  info: MacroInfo,
  args: readonly Value[],
  kwargs: Kwargs,
  makeUndefined: UndefinedFactory,
): readonly (Value | undefined)[] {
  const names = info.arguments;
  if (kwargs.size === 0 && args.length <= names.length && !info.appendCaller && !info.catchKwargs && !info.catchVarargs)
    return args;
  const bound: (Value | undefined)[] = args.slice(0, names.length);
  const rest = new Map(kwargs);
  let foundCaller = false;
  if (bound.length !== names.length) {
    for (const name of names.slice(bound.length)) {
      bound.push(rest.get(name));
      rest.delete(name);
      if (name === 'caller') foundCaller = true;
    }
  } else {
    foundCaller = names.includes('caller');
  }
  if (info.caller && !foundCaller) {
    bound.push(rest.get('caller') ?? makeUndefined('caller', 'No caller defined'));
    rest.delete('caller');
  }
  const name = info.name === null ? 'None' : stringRepr(info.name);
  if (info.catchKwargs) {
    bound.push(new PyDict(rest));
  } else if (rest.size > 0) {
    if (rest.has('caller')) {
      throw typeError(
        `macro ${name} was invoked with two values for the special caller argument. This is most likely a bug.`,
      );
    }
    throw typeError(`macro ${name} takes no keyword argument ${stringRepr([...rest.keys()][0] as string)}`);
  }
  if (info.catchVarargs) bound.push(new PyTuple(args.slice(names.length)));
  else if (args.length > names.length) throw typeError(`macro ${name} takes not more than ${names.length} argument(s)`);
  return bound;
}
