// Compiles templates and runs them: the settings shared by all templates of a project, and the drivers that run
// generated code synchronously and asynchronously.
import { startRendering } from '../values/budget.ts';
import { JinjaError } from '../values/python-error.ts';
import { settle, settleSync } from '../values/call.ts';
import { toText } from '../values/text.ts';
import { type UndefinedFactory, undefinedFactory, type UndefinedKind } from '../values/undefined.ts';
import type { Callable, CallableFace, Value } from '../values/value.ts';
import type { Expr, Macro, MacroType, TemplateNode } from './ast.ts';
import { Codegen, type GeneratedCode } from './codegen.ts';
import { type BlockFunction, type Scope, TemplateContext } from './context.ts';
import { describeFailure, type TemplateSource } from './failure.ts';
import type { FilterFunction } from './filters/filter.ts';
import { createFilters } from './filters/index.ts';
import { Interpreter, interpretable } from './interpreter.ts';
import type { LoadedTemplate } from './inheritance.ts';
import { DEFAULT_LEXER_OPTIONS, Lexer, type LexerOptions } from './lexer.ts';
import { bindArguments, MacroFace, type MacroInfo } from './macro-callable.ts';
import { createGlobals } from './globals.ts';
import { parseSource } from './parser.ts';
import type { PreparedMacro } from './prepared-macro.ts';
import { DEFAULT_LIMITS, type Limits, RenderState } from './render-state.ts';
import { ReturnSignal } from './return-signal.ts';
import { Runtime } from './runtime.ts';
import { columnOf } from './syntax-error.ts';
import { createTests, type TestFunction } from './tests.ts';
import type { Trace } from './trace.ts';

export interface EnvironmentOptions extends Partial<LexerOptions> {
  /** How a missing name behaves; default `default`. */
  readonly undefined?:
    | UndefinedKind
    | ((name: Value | undefined, hint: string | undefined, obj: Value | undefined) => Value);
  /** Returns the source of a template by name, for include, import and extends. */
  readonly templates?: { readonly [name: string]: string } | ReadonlyMap<string, string>;
  readonly limits?: Partial<Limits>;
  /** Whether to parse dbt's tags, prefix macros as dbt does and provide dbt's filters; default true. */
  readonly dbt?: boolean;
  /**
   * Finds the ahead-of-time translation of a macro's source. It applies only while the other settings have their
   * defaults.
   */
  readonly prepared?: (source: string, name: string) => PreparedMacro | undefined;
}

/** The origin of a template's source. */
export interface TemplateInfo {
  /** Name used in messages: the name of a model or file. */
  readonly name: string;
  readonly path?: string | undefined;
  /** File line on which the source begins; default 1. Read only when an error needs it. */
  readonly line?: number | undefined;
  /** The resource_type shown in error frames: `model`, `macro` … */
  readonly type?: string | undefined;
}

/** A template that can be rendered repeatedly. */
export interface Template {
  readonly ast: TemplateNode;
  /** @throws JinjaError, also if the template has to await something */
  renderSync(scope: Scope, trace?: Trace): string;
  render(scope: Scope, trace?: Trace): Promise<string>;
  /** Returns the value instead of the text, as dbt renders YAML strings. */
  renderNativeSync(scope: Scope): Value;
  /** Like the synchronous form, but calls may await. */
  renderNative(scope: Scope): Promise<Value>;
}

/** A macro, materialization, generic test, snapshot or docs block in a file. */
export interface MacroDefinition {
  /** Its name in dbt's manifest: `materialization_table_default`, `test_unique`, `my_macro`. */
  readonly name: string;
  readonly arguments: readonly MacroArgument[];
  readonly blockType: string;
  /** 1-based line in the file. */
  readonly line: number;
  readonly ast: Macro;
}

export interface MacroArgument {
  readonly name: string;
  /** Whether the argument has a default. */
  readonly hasDefault: boolean;
  /** The type annotation: `list[string]`. */
  readonly annotation: string | undefined;
}

export interface MacroTemplate {
  readonly ast: TemplateNode;
  readonly macros: readonly MacroDefinition[];
  /** Name of the first one. */
  readonly firstName: string | undefined;
  /**
   * Binds a macro to a scope. The macro is compiled on its first call; if it ends with `return(x)`, the call returns x.
   * @param name as in `macros`
   */
  bind(name: string, scope: Scope): Callable;
}

/** Limits of the tree cache: the longest source that is kept, and how many are kept. */
const SHORT = 300;
const MOST_TREES = 2000;

type Unit<T> = (state: RenderState, context: TemplateContext) => T;
/** A compiled macro, shared by all scopes. */
interface MacroUnit {
  readonly info: MacroInfo;
  readonly unit: ReturnType<PreparedMacro['build']>;
}
type RootUnit = {
  root: (context: TemplateContext) => Value | Generator<unknown, Value, unknown>;
  blocks: ReadonlyMap<string, BlockFunction>;
};

/** Settings and compiled templates. Templates of one environment can include each other. */
export class Environment {
  readonly lexer: Lexer;
  readonly limits: Limits;
  readonly dbt: boolean;
  readonly makeUndefined: UndefinedFactory;
  readonly #filters: ReadonlyMap<string, FilterFunction>;
  readonly #nativeFilters: ReadonlyMap<string, FilterFunction>;
  readonly #tests: ReadonlyMap<string, TestFunction>;
  readonly #globals: ReadonlyMap<string, Value>;
  readonly #runtime: Runtime;
  readonly #sources: ReadonlyMap<string, string>;
  readonly #loaded = new Map<string, LoadedTemplate>();
  readonly #trees = new Map<string, TemplateNode>();
  /** Results of `interpretable`, kept because nodes share the trees of short sources. */
  readonly #interpretable = new WeakMap<TemplateNode, ReadonlySet<string> | null>();
  readonly #prepared: NonNullable<EnvironmentOptions['prepared']>;

  constructor(options: EnvironmentOptions = {}) {
    const { undefined: missing = 'default', templates = {}, limits = {}, dbt = true, prepared, ...others } = options;
    this.#prepared = prepared ?? (() => undefined);
    const known = Object.entries(others).filter(
      ([name, value]) => name in DEFAULT_LEXER_OPTIONS && value !== undefined,
    );
    this.lexer = new Lexer(Object.fromEntries(known));
    this.limits = { ...DEFAULT_LIMITS, ...limits };
    this.dbt = dbt;
    this.makeUndefined =
      typeof missing === 'function' ? (name, hint, obj) => missing(name, hint, obj) : undefinedFactory(missing);
    this.#filters = createFilters(dbt);
    this.#nativeFilters = createFilters(dbt, true);
    this.#tests = createTests(this.#filters);
    this.#sources = templates instanceof Map ? templates : new Map(Object.entries(templates));
    this.#globals = createGlobals();
    this.#runtime = new Runtime({
      makeUndefined: this.makeUndefined,
      globals: this.#globals,
      filters: this.#filters,
      tests: this.#tests,
      loader: (name) => this.#load(name),
    });
  }

  /**
   * Parses a template. It is translated when it is first rendered.
   * @throws JinjaError of type TemplateSyntaxError
   */
  compile(source: string, info: TemplateInfo): Template {
    return new CompiledTemplate(this, source, info);
  }

  /**
   * Parses the macros of a source: a file, or one block from `extractBlocks`.
   * @throws JinjaError of type TemplateSyntaxError
   */
  compileMacros(source: string, info: TemplateInfo): MacroTemplate {
    return new CompiledMacros(this, source, info, this.#prepared(source, info.name));
  }

  /** Returns the tree of a source. Short sources that many nodes share are parsed once. */
  parse(source: string, info: TemplateInfo): TemplateNode {
    const known = this.#trees.get(source);
    if (known !== undefined) return known;
    const tree = parseSource(source, this.lexer, { dbt: this.dbt }, info);
    if (source.length <= SHORT && this.#trees.size < MOST_TREES) this.#trees.set(source, tree);
    return tree;
  }

  /** @internal runs a macro that was translated ahead of time */
  unitOf({ build }: PreparedMacro, source: TemplateSource): MacroUnit['unit'] {
    return build(this.#runtime, source, this.#filters, this.#tests);
  }

  /** @internal compiles generated code to a function */
  translate<T>(generate: (codegen: Codegen) => GeneratedCode, native: boolean, source: TemplateSource): T {
    const code = this.generate(generate, native, source);
    const build = new Function('$', '$info', 'C', `"use strict"; ${code.source}`) as (
      $: Runtime,
      info: TemplateSource,
      constants: readonly unknown[],
    ) => T;
    return build(this.#runtime, source, code.constants);
  }

  /** @internal generates code */
  generate(generate: (codegen: Codegen) => GeneratedCode, native: boolean, source: TemplateSource): GeneratedCode {
    try {
      const functions = { filters: native ? this.#nativeFilters : this.#filters, tests: this.#tests };
      const nothing = { get: () => undefined };
      const truth = (node: Expr) =>
        new Interpreter(
          this.#runtime,
          functions,
          new RenderState(),
          new TemplateContext(nothing),
          source,
          native,
        ).truth(node);
      return generate(new Codegen({ ...functions, truth }, native));
    } catch (error) {
      throw error instanceof JinjaError ? placed(error, source) : error;
    }
  }

  /** @internal resolves the filter or test that generated code refers to */
  functionName(fn: unknown): readonly ['filter' | 'test', string] | undefined {
    for (const [name, filter] of this.#filters) if (filter === fn) return ['filter', name];
    for (const [name, test] of this.#tests) if (test === fn) return ['test', name];
    return undefined;
  }

  /** @internal returns the render state of a scope */
  stateOf(scope: Scope): RenderState {
    if (scope.state === undefined) {
      startRendering();
      scope.state = new RenderState(this.limits);
    }
    return scope.state;
  }

  /** @internal whether jinja2 itself defines the name */
  isGlobal(name: string): boolean {
    return this.#globals.has(name);
  }

  /** @internal returns the names that a template assigns, if it can run without being translated */
  interpretable(ast: TemplateNode): ReadonlySet<string> | null {
    let stored = this.#interpretable.get(ast);
    if (stored === undefined) {
      stored = interpretable(ast, { filters: this.#filters, tests: this.#tests });
      this.#interpretable.set(ast, stored);
    }
    return stored;
  }

  /** @internal interprets a template */
  interpret(
    ast: TemplateNode,
    source: TemplateSource,
    scope: Scope,
    native: boolean,
  ): Generator<unknown, Value, unknown> {
    const functions = { filters: native ? this.#nativeFilters : this.#filters, tests: this.#tests };
    return new Interpreter(
      this.#runtime,
      functions,
      this.stateOf(scope),
      new TemplateContext(scope),
      source,
      native,
    ).run(ast);
  }

  /** @internal runs a template with its blocks */
  start(template: LoadedTemplate, scope: Scope): Value | Generator<unknown, Value, unknown> {
    return this.#runtime.start(template, this.stateOf(scope), new TemplateContext(scope));
  }

  #load(name: string): LoadedTemplate | undefined {
    const known = this.#loaded.get(name);
    if (known !== undefined) return known;
    const source = this.#sources.get(name);
    if (source === undefined) return undefined;
    const template = new CompiledTemplate(this, source, { name }).loadable(true);
    this.#loaded.set(name, template);
    return template;
  }
}

function placed(error: JinjaError, source: TemplateSource): JinjaError {
  const { details } = error;
  if (details.line !== undefined) {
    details.column ??= columnOf(error, source.text);
    details.lineText ??= source.text.split('\n')[details.line - 1];
    details.line += (source.line ?? 1) - 1;
  }
  details.path ??= source.path;
  error.template ??= source.name;
  return error;
}

/** Number of runs after which translating a template costs less than interpreting it. */
const RUNS_BEFORE_TRANSLATION = 4;

class CompiledTemplate implements Template {
  readonly ast: TemplateNode;
  readonly #environment: Environment;
  readonly #source: TemplateSource;
  #text: LoadedTemplate | undefined;
  #native: LoadedTemplate | undefined;
  #runs = 0;
  #stored: ReadonlySet<string> | null | undefined;

  constructor(environment: Environment, source: string, info: TemplateInfo) {
    this.#environment = environment;
    this.#source = {
      name: info.name,
      path: info.path,
      get line() {
        return info.line;
      },
      type: info.type,
      text: environment.lexer.normalize(source),
    };
    this.ast = environment.parse(source, info);
  }

  /** Returns the template for use by others; its names are exported if it is imported. */
  loadable(exports: boolean, native = false): LoadedTemplate {
    const unit = this.#environment.translate<Unit<RootUnit>>(
      (codegen) => codegen.template(this.ast, exports),
      native,
      this.#source,
    );
    return { name: this.#source.name, instantiate: unit };
  }

  renderSync(scope: Scope, trace?: Trace): string {
    const only = this.#onlyText();
    if (only !== undefined && trace === undefined) return only;
    return this.#guarded(scope, trace, () => toText(settleSync(this.#start(scope, false))));
  }

  async render(scope: Scope, trace?: Trace): Promise<string> {
    const only = this.#onlyText();
    if (only !== undefined && trace === undefined) return only;
    const state = this.#environment.stateOf(scope);
    if (trace !== undefined) state.trace = trace;
    try {
      return toText(await settle(this.#start(scope, false)));
    } catch (error) {
      throw this.#outermost(error, state);
    }
  }

  renderNativeSync(scope: Scope): Value {
    const only = this.#onlyText();
    if (only !== undefined) return only;
    return this.#guarded(scope, undefined, () => settleSync(this.#start(scope, true)));
  }

  async renderNative(scope: Scope): Promise<Value> {
    const only = this.#onlyText();
    if (only !== undefined) return only;
    const state = this.#environment.stateOf(scope);
    try {
      return await settle(this.#start(scope, true));
    } catch (error) {
      throw this.#outermost(error, state);
    }
  }

  /** Interprets the template in its first runs and translates it once it is rendered often. */
  #start(scope: Scope, native: boolean): Value | Generator<unknown, Value, unknown> {
    if (this.#runs++ < RUNS_BEFORE_TRANSLATION && this.#mayInterpret(scope))
      return this.#environment.interpret(this.ast, this.#source, scope, native);
    const template = native ? (this.#native ??= this.loadable(false, true)) : (this.#text ??= this.loadable(false));
    return this.#environment.start(template, scope);
  }

  /**
   * A template may read a global before it assigns that name. The interpreter and jinja2 resolve such a name
   * differently, so the template is translated.
   */
  #mayInterpret(scope: Scope): boolean {
    if (this.#stored === undefined) this.#stored = this.#environment.interpretable(this.ast);
    if (this.#stored === null) return false;
    for (const name of this.#stored)
      if (scope.get(name) !== undefined || this.#environment.isGlobal(name)) return false;
    return true;
  }

  /** The text of a template without anything to evaluate. */
  #onlyText(): string | undefined {
    const { body } = this.ast;
    if (body.length === 0) return '';
    const [only] = body;
    if (body.length > 1 || only?.type !== 'Output' || only.nodes.length > 1 || only.nodes[0]?.type !== 'TemplateData')
      return undefined;
    return only.nodes[0].data;
  }

  #guarded<T>(scope: Scope, trace: Trace | undefined, run: () => T): T {
    const state = this.#environment.stateOf(scope);
    if (trace !== undefined) state.trace = trace;
    try {
      return run();
    } catch (error) {
      throw this.#outermost(error, state);
    }
  }

  /** Handles `return()` outside of a macro, and errors that no function of the template has annotated. */
  #outermost(error: unknown, state: RenderState): unknown {
    if (error instanceof ReturnSignal)
      return describeFailure(
        new JinjaError('RuntimeError', 'return() was called outside of a macro'),
        0,
        this.#source,
        '',
        state,
      );
    return describeFailure(error, 0, this.#source, '', state);
  }
}

/** Finds a macro of a source by its name in dbt's manifest. */
interface NamedMacro {
  readonly name: string;
  /** The name with dbt's prefix. */
  readonly fullName: string;
}

const named = (fullName: string): NamedMacro => ({ name: fullName.replace(/^dbt_(?:macro|docs)__/, ''), fullName });

/** A macro of a file, under its name in dbt's manifest. */
class BoundFace implements CallableFace {
  readonly type = 'jinja2.runtime.Macro';
  readonly #macro: NamedMacro;
  readonly #macros: CompiledMacros;

  constructor(macro: NamedMacro, macros: CompiledMacros) {
    this.#macro = macro;
    this.#macros = macros;
  }

  get(attribute: string): Value | undefined {
    return attribute === 'name'
      ? this.#macro.name
      : new MacroFace(this.#macros.unitOf(this.#macro).info).get(attribute);
  }

  text(): string {
    return `<Macro '${this.#macro.fullName}'>`;
  }
}

class CompiledMacros implements MacroTemplate {
  readonly #environment: Environment;
  readonly #text: string;
  readonly #info: TemplateInfo;
  readonly #source: TemplateSource;
  readonly #units = new Map<string, MacroUnit>();
  readonly #prepared: (NamedMacro & PreparedMacro) | undefined;
  #read: Pick<MacroTemplate, 'ast' | 'macros'> | undefined;

  /**
   * @param prepared the only macro of the source, translated ahead of time; the source is then parsed only when its
   *   tree is requested
   */
  constructor(environment: Environment, source: string, info: TemplateInfo, prepared: PreparedMacro | undefined) {
    this.#environment = environment;
    this.#text = source;
    this.#info = info;
    this.#source = {
      name: info.name,
      path: info.path,
      line: info.line,
      type: info.type ?? 'macro',
      text: environment.lexer.normalize(source),
    };
    if (prepared === undefined) this.#read = this.#parse();
    else this.#prepared = { ...prepared, ...named(prepared.info.name ?? '') };
  }

  get ast(): TemplateNode {
    return (this.#read ??= this.#parse()).ast;
  }

  get macros(): readonly MacroDefinition[] {
    return (this.#read ??= this.#parse()).macros;
  }

  get firstName(): string | undefined {
    return this.#prepared?.name ?? this.macros[0]?.name;
  }

  #parse(): Pick<MacroTemplate, 'ast' | 'macros'> {
    const ast = this.#environment.parse(this.#text, this.#info);
    const macros = ast.body
      .filter((s) => s.type === 'Macro')
      .map((macro) => ({
        name: named(macro.name).name,
        arguments: macro.args.map((arg, i) => ({
          name: arg.name,
          hasDefault: i >= macro.args.length - macro.defaults.length,
          annotation: annotationText(macro.annotations[i]),
        })),
        blockType: macro.blockType,
        line: macro.line + (this.#info.line ?? 1) - 1,
        ast: macro,
      }));
    return { ast, macros };
  }

  bind(name: string, scope: Scope): Callable {
    const macro = this.#prepared?.name === name ? this.#prepared : named(this.#find(name).name);
    const state = this.#environment.stateOf(scope);
    const context = new TemplateContext(scope);
    let compiled: MacroUnit | undefined;
    const bound: Callable = (args, kwargs) => {
      const { info, unit } = (compiled ??= this.unitOf(macro));
      return unit(state, context, bindArguments(info, args, kwargs, this.#environment.makeUndefined));
    };
    bound.face = new BoundFace(macro, this);
    return bound;
  }

  #find(name: string): Macro {
    const definition = this.macros.findLast((macro) => macro.name === name);
    if (definition !== undefined) return definition.ast;
    throw new JinjaError('RuntimeError', `there is no macro ${name} in ${this.#source.path ?? this.#source.name}`);
  }

  /** @internal compiles the macro when it is first requested */
  unitOf({ name }: NamedMacro): MacroUnit {
    let unit = this.#units.get(name);
    if (unit === undefined) this.#units.set(name, (unit = this.#compile(name)));
    return unit;
  }

  #compile(name: string): MacroUnit {
    const prepared = this.#prepared;
    if (prepared?.name === name) return { info: prepared.info, unit: this.#environment.unitOf(prepared, this.#source) };
    const macro = this.#find(name);
    let info: MacroInfo | undefined;
    const unit = this.#environment.translate<MacroUnit['unit']>(
      (codegen) => {
        const { code, info: described } = codegen.macro(macro);
        info = described;
        return code;
      },
      false,
      this.#source,
    );
    return { info: info as MacroInfo, unit };
  }
}

function annotationText(type: MacroType | undefined): string | undefined {
  if (type === undefined) return undefined;
  return type.params.length === 0 ? type.name : `${type.name}[${type.params.map(annotationText).join(', ')}]`;
}
