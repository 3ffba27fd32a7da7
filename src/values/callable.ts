// Python's argument passing: binds positional and keyword arguments to parameters with defaults, and raises its
// TypeErrors.
import { PyDict } from './dict.ts';
import { makeFloat } from './float.ts';
import { typeError } from './python-error.ts';
import { PyTuple } from './tuple.ts';
import type { Callable, CallableFace, Kwargs, Value } from './value.ts';

interface Parameter {
  readonly name: string;
  readonly kind: 'plain' | 'keywordOnly' | 'args' | 'kwargs';
  readonly fallback: (() => Value) | undefined;
}

/** The unbound arguments of a call, for the signature `*args, **kwargs`. */
export interface Call {
  readonly args: readonly Value[];
  readonly kwargs: Kwargs;
}

/** The attributes of a function with that name. */
export class FunctionFace implements CallableFace {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  text(): string {
    return `<function ${this.#name}>`;
  }
}

type Result = Value | Promise<Value> | Generator<unknown, Value, unknown>;

/** Binds the arguments of one call to a signature. */
export type ArgumentBinder = (args: readonly Value[], kwargs: Kwargs) => readonly Value[];

/**
 * Creates a function that templates can call, with Python's argument binding.
 *
 * @param name used in error messages
 * @param signature parameters in Python syntax: `'database, schema=None, *, flag=False'`. Defaults are literals. With
 *   exactly `'*args, **kwargs'` the function receives one object with both. Otherwise it receives one argument per
 *   parameter, a tuple for `*args` and a dict for `**kwargs`. Code that creates a function per node passes an
 *   `argumentBinder` instead, which saves the lookup
 * @throws JinjaError when called, with Python's message: `f() missing 1 required positional argument: 'x'`
 * @example
 * callable('ref', '*args, **kwargs', ({ args }) => args[0] ?? null)
 * callable('get', 'name, default=None', (name, fallback) => found(name) ?? fallback)
 */
export function callable(name: string, signature: '*args, **kwargs', fn: (call: Call) => Result): Callable;
export function callable(
  name: string,
  signature: string | ArgumentBinder,
  fn: (...parameters: Value[]) => Result,
): Callable;
export function callable(
  name: string,
  signature: string | ArgumentBinder,
  fn: ((call: Call) => Result) | ((...parameters: Value[]) => Result),
): Callable {
  const result =
    signature === '*args, **kwargs'
      ? unboundCallable(fn as (call: Call) => Result)
      : boundCallable(name, signature, fn as (...parameters: Value[]) => Result);
  result.face = new FunctionFace(name);
  return result;
}

function unboundCallable(fn: (call: Call) => Result): Callable {
  return (args, kwargs) => fn({ args, kwargs });
}

function boundCallable(
  name: string,
  signature: string | ArgumentBinder,
  fn: (...parameters: Value[]) => Result,
): Callable {
  let bind = typeof signature === 'string' ? undefined : signature;
  return (args, kwargs) => {
    if (signature === '' && args.length === 0 && kwargs.size === 0) return fn();
    bind ??= argumentBinder(name, signature as string);
    return fn(...bind(args, kwargs));
  };
}

/** Binders by signature and name, kept because the same functions are created for each node. */
const BINDERS = new Map<string, Map<string, ArgumentBinder>>();
/** Bounded, because names can come from templates. */
const MOST_NAMES = 200;

/** Returns the binder of a signature; see `callable`. */
export function argumentBinder(name: string, signature: string): ArgumentBinder {
  let named = BINDERS.get(signature);
  if (named === undefined) BINDERS.set(signature, (named = new Map()));
  let bind = named.get(name);
  if (bind === undefined) {
    bind = makeBinder(name, signature);
    if (named.size < MOST_NAMES) named.set(name, bind);
  }
  return bind;
}

function makeBinder(name: string, signature: string): ArgumentBinder {
  const parameters = parseSignature(signature);
  const plain = parameters.filter((p) => p.kind === 'plain');
  const takesArgs = parameters.some((p) => p.kind === 'args');
  const rest = parameters.findIndex((p) => p.kind === 'kwargs');
  const required = plain.filter((p) => p.fallback === undefined).length;
  const fallbacks = parameters.flatMap((p) => p.fallback ?? []);
  const simple = !takesArgs && rest < 0 && fallbacks.length === parameters.length - required;
  const named = new Set(parameters.filter(({ kind }) => kind === 'plain' || kind === 'keywordOnly').map((p) => p.name));
  return (args, kwargs) => {
    if (args.length > plain.length && !takesArgs) throw tooMany(name, required, plain.length, args.length);
    if (simple && kwargs.size === 0 && args.length >= required) {
      if (args.length === parameters.length) return args;
      const values = [...args];
      for (let i = args.length - required; i < fallbacks.length; i++) values.push(fallbacks[i]?.() ?? null);
      return values;
    }
    let used = 0;
    let position = 0;
    const missing: string[] = [];
    const missingKeywords: string[] = [];
    const values = new Array<Value>(parameters.length);
    for (let i = 0; i < parameters.length; i++) {
      const p = parameters[i];
      if (p === undefined) continue;
      if (p.kind === 'args' || p.kind === 'kwargs') {
        values[i] = p.kind === 'args' ? new PyTuple(args.slice(plain.length)) : null;
        continue;
      }
      const index = p.kind === 'plain' ? position++ : args.length;
      const keyword = kwargs.get(p.name);
      if (keyword !== undefined) {
        if (index < args.length) throw typeError(`${name}() got multiple values for argument '${p.name}'`);
        used++;
        values[i] = keyword;
      } else if (index < args.length) values[i] = args[index] as Value;
      else if (p.fallback !== undefined) values[i] = p.fallback();
      else {
        (p.kind === 'plain' ? missing : missingKeywords).push(p.name);
        values[i] = null;
      }
    }
    const others = used < kwargs.size ? [...kwargs].filter(([key]) => !named.has(key)) : [];
    if (rest >= 0) values[rest] = new PyDict(others);
    else if (others.length > 0) throw typeError(`${name}() got an unexpected keyword argument '${others[0]?.[0]}'`);
    if (missing.length > 0) throw missingArguments(name, missing, 'positional');
    if (missingKeywords.length > 0) throw missingArguments(name, missingKeywords, 'keyword-only');
    return values;
  };
}

function tooMany(name: string, required: number, most: number, given: number) {
  const takes = required === most ? String(most) : `from ${required} to ${most}`;
  return typeError(
    `${name}() takes ${takes} positional argument${most === 1 ? '' : 's'} but ${given} ` +
      `${given === 1 ? 'was' : 'were'} given`,
  );
}

function missingArguments(name: string, missing: readonly string[], kind: string) {
  const names = missing.map((m) => `'${m}'`);
  const last = names.pop();
  const list = names.length === 0 ? last : `${names.join(', ')}${names.length > 1 ? ',' : ''} and ${last}`;
  return typeError(
    `${name}() missing ${missing.length} required ${kind} argument${missing.length === 1 ? '' : 's'}: ${list}`,
  );
}

function parseSignature(signature: string): Parameter[] {
  const out: Parameter[] = [];
  let keywordOnly = false;
  for (const part of signature.match(/(?:'[^']*'|[^,'])+/g) ?? []) {
    const text = part.trim();
    if (text === '') continue;
    if (text === '*') {
      keywordOnly = true;
    } else if (text.startsWith('**')) {
      out.push({ name: text.slice(2), kind: 'kwargs', fallback: undefined });
    } else if (text.startsWith('*')) {
      keywordOnly = true;
      out.push({ name: text.slice(1), kind: 'args', fallback: undefined });
    } else {
      const [name = '', literal] = text.split(/\s*=\s*(.*)/s);
      out.push({
        name,
        kind: keywordOnly ? 'keywordOnly' : 'plain',
        fallback: literal === undefined ? undefined : defaultOf(literal),
      });
    }
  }
  return out;
}

function defaultOf(literal: string): () => Value {
  switch (literal) {
    case 'None':
      return () => null;
    case 'True':
      return () => true;
    case 'False':
      return () => false;
    case '[]':
      return () => [];
    case '{}':
      return () => new PyDict();
    case '()':
      return () => new PyTuple([]);
    default:
      if (/^'[^']*'$/.test(literal)) return () => literal.slice(1, -1);
      if (/^-?\d+$/.test(literal)) return () => Number(literal);
      if (/^-?\d+\.\d+$/.test(literal)) return () => makeFloat(Number(literal));
      throw new TypeError(`a default in a signature must be a literal: ${literal}`);
  }
}
