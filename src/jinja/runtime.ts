// What generated code calls, as `$`: operators, lookups, calls, loops and inheritance, for one environment.
import { getAttribute, getItem, getSlice, lookupAttribute } from '../values/access.ts';
import { bounded } from '../values/budget.ts';
import * as arithmetic from '../values/arithmetic.ts';
import { callableOf, NO_KWARGS } from '../values/call.ts';
import { compare } from '../values/comparison.ts';
import { PyDict } from '../values/dict.ts';
import { equals } from '../values/equality.ts';
import { iterate, toArray } from '../values/iterate.ts';
import { getDictMethod } from '../values/methods/dict-methods.ts';
import { getListMethod } from '../values/methods/list-methods.ts';
import { getStringMethod } from '../values/methods/string-methods.ts';
import { mapKey } from '../values/hash.ts';
import { JinjaError, typeError } from '../values/python-error.ts';
import { PySlice } from '../values/sequence.ts';
import { stringRepr, toRepr, toText } from '../values/text.ts';
import { isTruthy } from '../values/truth.ts';
import { PyTuple } from '../values/tuple.ts';
import { typeName } from '../values/type-name.ts';
import { Undefined, type UndefinedFactory } from '../values/undefined.ts';
import type { Callable, Kwargs, Value } from '../values/value.ts';
import { type Scope, TemplateContext } from './context.ts';
import { contains } from './contains.ts';
import { describeFailure, type TemplateSource } from './failure.ts';
import { TemplateInheritance, type TemplateLoader } from './inheritance.ts';
import type { FilterContext, FilterFunction } from './filters/filter.ts';
import { type Condition, FilteredItems, LoopContext, type Recursion } from './loop.ts';
import { createMacroCallable, type MacroFunction, type MacroInfo } from './macro-callable.ts';
import { escapeValue, Markup } from './markup.ts';
import { Namespace } from './namespace.ts';
import { isLiteral, isText, type NativePart, nativeConcat } from './native.ts';
import type { RenderState } from './render-state.ts';
import { type Shape, unpack } from './unpack.ts';
import { macroReturn, ReturnSignal } from './return-signal.ts';
import type { TestFunction } from './tests.ts';

const NOTHING: Scope = { get: () => undefined };

type Pending = Value | Promise<Value> | Generator<unknown, Value, unknown>;

/** Settings that an environment passes to its runtime. */
export interface RuntimeParts {
  readonly makeUndefined: UndefinedFactory;
  readonly globals: ReadonlyMap<string, Value>;
  readonly filters: ReadonlyMap<string, FilterFunction>;
  readonly tests: ReadonlyMap<string, TestFunction>;
  readonly loader: TemplateLoader;
}

export class Runtime extends TemplateInheritance implements FilterContext {
  readonly undefined: UndefinedFactory;
  readonly none: Kwargs = NO_KWARGS;
  readonly macroReturn = macroReturn;
  readonly text = toText;
  readonly truthy = isTruthy;
  readonly iterate = iterate;
  readonly add = arithmetic.add;
  readonly subtract = arithmetic.subtract;
  readonly multiply = arithmetic.multiply;
  readonly divide = arithmetic.divide;
  readonly floorDivide = arithmetic.floorDivide;
  readonly modulo = arithmetic.modulo;
  readonly power = arithmetic.power;
  readonly negate = arithmetic.negate;
  readonly positive = arithmetic.positive;
  readonly eq = equals;
  readonly unpack = unpack;
  readonly nativeConcat = nativeConcat;
  /** Whether filters of this runtime are called with autoescape on. */
  readonly autoescape: boolean;
  /** The same operations for a part of a template that escapes its output. */
  readonly escaping: Runtime;
  readonly ReturnSignal = ReturnSignal;
  readonly #parts: RuntimeParts;

  constructor(parts: RuntimeParts, autoescape = false) {
    super(parts.loader);
    this.undefined = parts.makeUndefined;
    this.#parts = parts;
    this.autoescape = autoescape;
    this.escaping = autoescape ? this : new Runtime(parts, true);
  }

  /** Calls a filter whose name is computed at run time. */
  callFilter(name: Value, value: Value, args: readonly Value[], kwargs: Kwargs): Value {
    const fn = this.#parts.filters.get(name as string);
    if (fn === undefined) throw unknownFunction('filter', name);
    return fn(this, value, args, kwargs);
  }

  callTest(name: Value, value: Value, args: readonly Value[], kwargs: Kwargs): boolean {
    const fn = this.#parts.tests.get(name as string);
    if (fn === undefined) throw unknownFunction('test', name);
    return fn(this, value, args, kwargs);
  }

  global(context: TemplateContext, name: string): Value {
    const value = context.get(name);
    if (value !== undefined) return value;
    return this.#parts.globals.get(name) ?? this.#missing(context, name);
  }

  #missing(context: TemplateContext, name: string): Value {
    const missing = this.undefined(name);
    const { scope } = context;
    if (missing instanceof Undefined && scope.suggest !== undefined) missing.suggest = () => scope.suggest?.(name);
    return missing;
  }

  pending(v: unknown): 0 | 1 | 2 {
    if (typeof v !== 'object' || v === null) return 0;
    if (typeof (v as { next?: unknown }).next === 'function') return 1;
    return typeof (v as { then?: unknown }).then === 'function' ? 2 : 0;
  }

  invoke(fn: Value, args: readonly Value[], kwargs: Kwargs): Pending {
    return typeof fn === 'function' ? fn(args, kwargs) : callableOf(fn)(args, kwargs);
  }

  /** Calls `obj.name(…)` without creating the bound method first. */
  callMethod(obj: Value, name: string, args: readonly Value[], kwargs: Kwargs): Pending {
    if (typeof obj === 'string') {
      const method = getStringMethod(name);
      if (method !== undefined) return method(obj, args, kwargs);
    } else if (Array.isArray(obj)) {
      const method = getListMethod(name);
      if (method !== undefined) return method(obj, args, kwargs);
    } else if (obj instanceof PyDict) {
      const method = getDictMethod(name);
      if (method !== undefined) return method(obj, args, kwargs);
    }
    return this.invoke(this.attribute(obj, name), args, kwargs);
  }

  attribute(obj: Value, name: string): Value {
    return getAttribute(obj, name, this.undefined);
  }

  item(obj: Value, key: Value): Value {
    return getItem(obj, key, this.undefined);
  }

  ne(a: Value, b: Value): boolean {
    return !equals(a, b);
  }

  lt(a: Value, b: Value): boolean {
    return compare(a, b, '<') < 0;
  }

  lteq(a: Value, b: Value): boolean {
    return compare(a, b, '<=') <= 0;
  }

  gt(a: Value, b: Value): boolean {
    return compare(a, b, '>') > 0;
  }

  gteq(a: Value, b: Value): boolean {
    return compare(a, b, '>=') >= 0;
  }

  in(item: Value, container: Value): boolean {
    return contains(container, item);
  }

  notin(item: Value, container: Value): boolean {
    return !contains(container, item);
  }

  tuple(items: Value[]): Value {
    return new PyTuple(items);
  }

  dict(entries: [Value, Value][]): Value {
    return new PyDict(entries);
  }

  sliced(obj: Value, slice: Value): Value {
    return getSlice(obj, slice as PySlice);
  }

  slice(start: Value, stop: Value, step: Value): Value {
    return new PySlice(start, stop, step);
  }

  concat(parts: readonly Value[], escaped: boolean): Value {
    if (escaped || parts.some((p) => p instanceof Markup)) {
      if (escaped) return new Markup(parts.map((p) => escapeValue(p).text).join(''));
    }
    let out = '';
    for (const part of parts) out += toText(part);
    return bounded(out);
  }

  escapedText(v: Value): string {
    return escapeValue(v).text;
  }

  markup(text: string): Value {
    return new Markup(text);
  }

  noElse(line: number): Value {
    return new Undefined(
      undefined,
      `the inline if-expression on line ${line} evaluated to false and no else section was defined.`,
    );
  }

  missingParameter(name: string): Value {
    return this.undefined(name, `parameter ${stringRepr(name)} was not provided`);
  }

  noFunction(message: string, ..._given: unknown[]): never {
    throw new JinjaError('TemplateRuntimeError', message);
  }

  spread(v: Value): readonly Value[] {
    try {
      return toArray(v);
    } catch (error) {
      if (v instanceof Undefined) throw error;
      throw typeError(`Value after * must be an iterable, not ${typeName(v)}`);
    }
  }

  keywords(names: readonly string[], values: readonly Value[], more?: Value): Kwargs {
    const result = new Map<string, Value>();
    for (let i = 0; i < names.length; i++) result.set(names[i] as string, values[i] as Value);
    if (more === undefined) return result;
    if (!(more instanceof PyDict))
      throw typeError(
        `jinja2.sandbox.SandboxedEnvironment.call() argument after ** must be a mapping, not ${typeName(more)}`,
      );
    for (const [key, value] of more.entries()) {
      if (typeof key !== 'string') throw typeError('keywords must be strings');
      if (result.has(key))
        throw typeError(`jinja2.sandbox.SandboxedEnvironment.call() got multiple values for keyword argument '${key}'`);
      result.set(key, value);
    }
    return result;
  }

  loop(items: Value | FilteredItems, depth: number, recursion: Recursion | null): LoopContext {
    return new LoopContext(items, depth, recursion, this.undefined);
  }

  filtered(items: Value, passes: Condition, shape: Shape, placed: (error: unknown) => unknown): FilteredItems {
    return new FilteredItems(items, passes, shape, placed);
  }

  macro(info: MacroInfo, fn: MacroFunction, _state: RenderState): Callable {
    const wrapped: MacroFunction = info.autoescape ? (args) => markMacro(fn(args)) : fn;
    return createMacroCallable(info, wrapped, this.undefined);
  }

  setNamespace(target: Value, name: string, value: Value): void {
    if (!(target instanceof Namespace))
      throw new JinjaError('TemplateRuntimeError', 'cannot assign attribute on non-namespace object');
    target.set(name, value);
  }

  /** Python's TypeError for joining an item that is not text. */
  notText(value: Value, index: number): JinjaError | undefined {
    return isText(value)
      ? undefined
      : typeError(`sequence item ${index}: expected str instance, ${typeName(value)} found`);
  }

  /** Returns what a constant expression prints in native rendering. */
  folded(value: Value): Value {
    return isLiteral(value) ? toText(value) : value;
  }

  nativePush(parts: NativePart[], value: Value, constant: boolean): void {
    parts.push({ value, constant });
  }

  /** Adds the template position to an error that leaves a function of the template. */
  fail(error: unknown, line: number, source: TemplateSource, name: string, state: RenderState): unknown {
    return describeFailure(error, line, source, name, state);
  }

  importedName(module: Value, name: string): Value {
    const value = lookupAttribute(module, name);
    if (value !== undefined) return value;
    const from = 'name' in (module as object) ? String((module as unknown as { name: string }).name) : '';
    return this.undefined(
      name,
      `the template ${stringRepr(from)} (imported on line 1) does not export the requested name ${stringRepr(name)}`,
    );
  }

  derive(context: TemplateContext, locals: { readonly [name: string]: Value | undefined }): TemplateContext {
    return context.derive(locals);
  }

  /** Like `derive`, for a block of the same template. */
  deriveBlock(context: TemplateContext, locals: { readonly [name: string]: Value | undefined }): TemplateContext {
    const derived = context.derive(locals);
    for (const [name, blocks] of context.blocks) derived.blocks.set(name, blocks);
    return derived;
  }

  /** Creates a context that sees only jinja2's globals. */
  fresh(_context: TemplateContext): TemplateContext {
    return new TemplateContext(NOTHING);
  }

  extendedTwice(): never {
    throw new JinjaError('TemplateRuntimeError', 'extended multiple times');
  }
}

function unknownFunction(kind: string, name: Value): JinjaError {
  mapKey(name);
  const hint = name instanceof Undefined ? ` (${name.message}; did you forget to quote the callable name?)` : '';
  return new JinjaError('TemplateRuntimeError', `No ${kind} named ${toRepr(name)}.${hint}`);
}

function markMacro(result: Value | Generator<unknown, Value, unknown>): Value | Generator<unknown, Value, unknown> {
  if (typeof result === 'string') return new Markup(result);
  if (typeof result === 'object' && result !== null && 'next' in result && typeof result.next === 'function')
    return markLater(result);
  return result;
}

function* markLater(result: Generator<unknown, Value, unknown>): Generator<unknown, Value, unknown> {
  const value = yield* result;
  return typeof value === 'string' ? new Markup(value) : value;
}
