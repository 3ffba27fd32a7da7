// The names that a template can use: members created on first access, macros found by the resolver, `context` and
// `builtins`. The members are defined in base.ts, parse.ts and runtime.ts.
import { errorOf } from '../error-table.ts';
import type { MacroNode } from '../contracts/node.ts';
import { type Scope, settle } from '../jinja/index.ts';
import { didYouMean } from '../values/close-matches.ts';
import { type Callable, type CallableFace, callable, isGenerator, type Kwargs, type Value } from '../values/index.ts';
import { LazyDict, lazyDictOf } from './lazy-dict.ts';
import type { MacroResolver } from './macro-resolver.ts';
import { MacroNamespace } from './macro-namespace.ts';
import type { VisibleMacros } from './visible-macros.ts';

const TEST = 'test_';

/** Creates a member of a context, once per scope. */
export type Member<S> = (scope: S) => Value;
export type Members<S> = ReadonlyMap<string, Member<S>>;

/** Where a scope looks up macros, and for which package. */
export interface MacroView {
  readonly resolver: MacroResolver;
  /** The package whose unqualified names take precedence. */
  readonly packageName: string;
  /** Receives each macro that the template itself calls, not those called by macros: `depends_on.macros`. */
  readonly onMacro?: ((uniqueId: string) => void) | undefined;
  /** Receives each macro that any caller looks up; once per macro. */
  readonly onBind?: ((macro: MacroNode) => void) | undefined;
  /**
   * If given, only these macros are visible, and `adapter.dispatch` searches every package (generic tests during
   * parsing).
   */
  readonly visible?: VisibleMacros | undefined;
}

export class ContextScope implements Scope {
  readonly macros: MacroView | null;
  readonly #members: Members<never>;
  readonly #values = new Map<string, Value>();
  readonly #memberValues = new Map<string, Value>();
  readonly #bound = new Map<string, Callable>();
  /** Unique ids of the running macros, outermost first. */
  readonly callStack: string[] = [];

  /** @param members of this class or a parent class */
  constructor(members: Members<never>, macros: MacroView | null) {
    this.#members = members;
    this.macros = macros;
  }

  get(name: string): Value | undefined {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    const value = this.#look(name);
    if (value !== undefined) this.#values.set(name, value);
    return value;
  }

  /** Overrides a name in this scope; takes precedence over macros and members. */
  define(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  #look(name: string): Value | undefined {
    if (name === 'context') return this.#contextDict();
    if (this.macros !== null) {
      const { resolver, packageName, visible } = this.macros;
      if (visible !== undefined) return this.#visible(name, visible) ?? this.member(name);
      const macro = resolver.find(name, packageName);
      // A package's name hides an internal macro of that name; a project's macro hides the package.
      if (macro !== undefined && (!resolver.isInternal(macro) || resolver.namespace(name) === undefined))
        return this.bind(macro);
      const table = resolver.namespace(name);
      if (table !== undefined) return new MacroNamespace(table, (found) => this.bind(found));
    }
    return this.member(name);
  }

  suggest(name: string): string | undefined {
    const { resolver, packageName, visible } = this.macros ?? {};
    const macros = resolver === undefined ? [] : resolver.suggestions(packageName ?? '', visible !== undefined);
    // The macro of a test is named after it.
    if (name.startsWith(TEST)) {
      const tests = macros.filter((macro) => macro.startsWith(TEST)).map((macro) => macro.slice(TEST.length));
      return didYouMean(name.slice(TEST.length), tests);
    }
    return didYouMean(name, [...this.#members.keys(), ...(resolver?.namespaces() ?? []), ...macros]);
  }

  /** A package hides a macro with its name. */
  #visible(name: string, visible: VisibleMacros): Value | undefined {
    const table = visible.byPackage.get(name);
    if (table !== undefined) return new MacroNamespace(table, (found) => this.bind(found));
    const macro = visible.byName.get(name);
    return macro === undefined ? undefined : this.bind(macro);
  }

  /** Returns a member by name, even if a macro hides it. */
  member(name: string): Value | undefined {
    const known = this.#memberValues.get(name);
    if (known !== undefined) return known;
    if (name === 'builtins') return this.#builtins();
    const make = this.#members.get(name) as Member<ContextScope> | undefined;
    if (make === undefined) return undefined;
    const value = make(this);
    this.#memberValues.set(name, value);
    return value;
  }

  /** Whether a name refers to the member, or to jinja2's global, and no macro or package hides it. */
  isOwn(name: string): boolean {
    const known = this.#values.get(name);
    if (known !== undefined) return known === this.#memberValues.get(name);
    if (this.macros === null) return true;
    const { resolver, packageName, visible } = this.macros;
    if (visible !== undefined) return !visible.byPackage.has(name) && !visible.byName.has(name);
    return resolver.find(name, packageName) === undefined && resolver.namespace(name) === undefined;
  }

  #builtins(): Value {
    const dict = new LazyDict({
      keys: () => this.#members.keys(),
      has: (key) => this.#members.has(key),
      load: (key) => this.member(key) ?? null,
    });
    this.#memberValues.set('builtins', dict);
    return dict;
  }

  #contextDict(): Value {
    return new LazyDict({
      keys: () =>
        new Set([
          'context',
          ...this.#values.keys(),
          ...(this.macros === null ? [] : this.macros.resolver.names(this.macros.packageName)),
          ...(this.macros?.resolver.namespaces() ?? []),
          ...this.#members.keys(),
          'builtins',
        ]),
      has: (key) => this.get(key) !== undefined,
      load: (key) => this.get(key) ?? null,
    });
  }

  /** Binds a macro to this scope. */
  bind(macro: MacroNode): Callable {
    const known = this.#bound.get(macro.unique_id);
    if (known !== undefined) return known;
    let inner: Callable | undefined;
    const call: Callable = (args, kwargs) =>
      this.#track(macro.unique_id, (inner ??= this.bindUntracked(macro)), args, kwargs);
    call.face = new GeneratorFace(macro);
    this.#bound.set(macro.unique_id, call);
    this.macros?.onBind?.(macro);
    return call;
  }

  /** Binds a macro that is not put on the stack while it runs: one called by the adapter or a command. */
  bindUntracked(macro: MacroNode): Callable {
    const template = this.#view().resolver.compiled(macro);
    return template.bind(template.firstName ?? macro.name, this);
  }

  #view(): MacroView {
    if (this.macros === null) throw errorOf('scopeWithoutMacros', {});
    return this.macros;
  }

  /** Calls a macro that is put on the stack. The first macro on the stack is a dependency of the node. */
  #track(uniqueId: string, inner: Callable, args: readonly Value[], kwargs: Kwargs): ReturnType<Callable> {
    const stack = this.callStack;
    if (stack.length === 0) this.macros?.onMacro?.(uniqueId);
    stack.push(uniqueId);
    let waits = false;
    try {
      const result = inner(args, kwargs);
      if (!isGenerator(result)) {
        waits = result instanceof Promise;
        return result instanceof Promise ? result.finally(() => stack.pop()) : result;
      }
      // Most macros await nothing and end with the first step.
      const step = result.next();
      if (step.done) return step.value;
      waits = true;
      return finish(result, step, stack);
    } finally {
      if (!waits) stack.pop();
    }
  }

  /**
   * `adapter.dispatch` from this scope.
   * @throws TsdbtError if no package has the macro
   */
  dispatch(name: string, namespace: string | null): Callable {
    const { resolver, packageName, visible } = this.#view();
    return this.bind(resolver.dispatch(name, namespace, packageName, visible !== undefined));
  }
}

/** The attributes of a macro that templates can read. */
class GeneratorFace implements CallableFace {
  readonly type = 'dbt.clients.jinja.MacroGenerator';
  readonly #macro: MacroNode;

  constructor(macro: MacroNode) {
    this.#macro = macro;
  }

  get(name: string): Value | undefined {
    const macro = this.#macro;
    return name === 'macro'
      ? lazyDictOf(macro as MacroNode & { readonly [key: string]: unknown })
      : name === 'get_name'
        ? callable(name, '', () => macro.name)
        : undefined;
  }

  text(): string {
    return `<dbt.clients.jinja.MacroGenerator object ${this.#macro.name}>`;
  }
}

/** The remainder of a macro that awaits. */
function* finish(
  inner: Generator<unknown, Value, unknown>,
  first: IteratorYieldResult<unknown>,
  stack: string[],
): Generator<unknown, Value, unknown> {
  try {
    let step: IteratorResult<unknown, Value> = first;
    while (!step.done) {
      let value: unknown;
      try {
        value = yield step.value;
      } catch (error) {
        step = inner.throw(error);
        continue;
      }
      step = inner.next(value);
    }
    return step.value;
  } finally {
    stack.pop();
  }
}

export { settle };
