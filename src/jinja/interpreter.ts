// Runs a template by walking its tree. Used for templates that are rendered once (models, tests, YAML strings), where
// generating JavaScript would cost more than the run. codegen.ts handles templates that define macros or use other
// templates.

import { JinjaError } from '../values/python-error.ts';
import { stringRepr, toText } from '../values/text.ts';
import { isTruthy } from '../values/truth.ts';
import type { Kwargs, Value } from '../values/value.ts';
import type { Arguments, Call, Compare, Expr, Filter, For, Stmt, TemplateNode, Test } from './ast.ts';
import { isFoldable } from './constant-folding.ts';
import type { TemplateContext } from './context.ts';
import { describeFailure, type TemplateSource } from './failure.ts';
import type { FilterFunction } from './filters/filter.ts';
import type { FilteredItems } from './loop.ts';
import { isLiteral, type NativePart } from './native.ts';
import type { RenderState } from './render-state.ts';
import type { Runtime } from './runtime.ts';
import type { TestFunction } from './tests.ts';
import type { TraceFrame } from './trace.ts';
import { shapeOf } from './unpack.ts';
import { hasCall, repeatedKeyword, usesLoop, walk } from './walk.ts';

export interface Functions {
  readonly filters: ReadonlyMap<string, FilterFunction>;
  readonly tests: ReadonlyMap<string, TestFunction>;
}

/**
 * Returns the names that a template assigns, or `null` if the interpreter cannot run it. It can if the template defines
 * no functions, all its filters and tests exist, and no keyword argument is repeated: the code generator must report
 * the last two before anything runs.
 */
export function interpretable(ast: TemplateNode, functions: Functions): ReadonlySet<string> | null {
  let good = true;
  const stored = new Set<string>();
  walk([ast], (node) => {
    switch (node.type) {
      case 'Macro':
      case 'CallBlock':
      case 'FilterBlock':
      case 'Block':
      case 'Extends':
      case 'Include':
      case 'Import':
      case 'FromImport':
      case 'ScopedEvalContextModifier':
      case 'Break':
      case 'Continue':
        good = false;
        break;
      case 'For':
        if (node.recursive || (node.test !== null && usesLoop(node) && hasCall(node.test))) good = false;
        break;
      case 'Name':
        if (node.ctx !== 'load') stored.add(node.name);
        if (node.name === 'self') good = false;
        break;
      case 'Call':
        if (repeatedKeyword(node) !== undefined) good = false;
        break;
      case 'Filter':
        if (!functions.filters.has(node.name) || repeatedKeyword(node) !== undefined) good = false;
        break;
      case 'Test':
        if (!functions.tests.has(node.name) || repeatedKeyword(node) !== undefined) good = false;
    }
  });
  return good && !stored.has('loop') ? stored : null;
}

/** Thrown where a call has to await. The expression is evaluated again after the promise has settled. */
class Suspension {
  readonly running: Generator<unknown, Value, unknown> | undefined;
  readonly waitsFor: unknown;

  constructor(waitsFor: unknown, running?: Generator<unknown, Value, unknown>) {
    this.waitsFor = waitsFor;
    this.running = running;
  }

  *resume(): Generator<unknown, Value, unknown> {
    const { running } = this;
    if (running === undefined) return (yield this.waitsFor) as Value;
    let waitsFor = this.waitsFor;
    for (;;) {
      let value: unknown;
      let failed = false;
      try {
        value = yield waitsFor;
      } catch (error) {
        failed = true;
        value = error;
      }
      const step = failed ? running.throw(value) : running.next(value);
      if (step.done) return step.value;
      waitsFor = step.value;
    }
  }
}

type Frame = Map<string, Value>;

/** One run of a template. */
export class Interpreter {
  readonly #runtime: Runtime;
  readonly #functions: Functions;
  readonly #state: RenderState;
  readonly #context: TemplateContext;
  readonly #source: TemplateSource;
  readonly #native: NativePart[] | undefined;
  readonly #globals = new Map<string, Value>();
  #frames: Frame[] = [new Map()];
  #buffer = '';
  /**
   * Number of items printed to the buffer, and the error of the first one that is not text; used where native rendering
   * joins them.
   */
  #items = 0;
  #failure: JinjaError | undefined;
  /** Whether printed items go to the output of the template itself. */
  #direct = true;
  #traceFrame: TraceFrame | null = null;
  #line = 0;
  /** Results of the calls in the current expression, in order. */
  #results: Value[] = [];
  #position = 0;

  constructor(
    runtime: Runtime,
    functions: Functions,
    state: RenderState,
    context: TemplateContext,
    source: TemplateSource,
    native: boolean,
  ) {
    this.#runtime = runtime;
    this.#functions = functions;
    this.#state = state;
    this.#context = context;
    this.#source = source;
    this.#native = native ? [] : undefined;
  }

  /** Renders the template; the generator yields each promise to await. */
  *run(ast: TemplateNode): Generator<unknown, Value, unknown> {
    const state = this.#state;
    state.enter();
    const { depth } = state;
    if (state.trace !== null) this.#traceFrame = state.trace.enter(this.#source, 'template');
    const frame = this.#traceFrame;
    try {
      yield* this.#statements(ast.body);
      if (frame !== null) frame.result = this.#buffer;
      if (this.#buffer.length > state.limits.output) throw state.tooLong();
      return this.#native === undefined ? this.#buffer : this.#runtime.nativeConcat(this.#native);
    } catch (error) {
      throw describeFailure(error, this.#line, this.#source, 'template', state);
    } finally {
      state.depth = depth - 1;
      if (frame !== null) state.trace?.leave(frame);
    }
  }

  *#statements(nodes: readonly Stmt[]): Generator<unknown, void, unknown> {
    for (const node of nodes) {
      switch (node.type) {
        case 'Output': {
          let wasConstant = false;
          for (const child of node.nodes) {
            let constant = this.#native !== undefined && isFoldable(child, (n) => this.truth(n));
            if (child.type === 'TemplateData') {
              if (!wasConstant) this.#items++;
              wasConstant = constant;
              this.#mark(child.line, true);
              if (this.#native !== undefined && this.#direct) this.#native.push({ value: child.data, constant: true });
              else this.#buffer += child.data;
              continue;
            }
            this.#line = child.line;
            this.#mark(child.line, false);
            let value: Value;
            try {
              this.#begin();
              value = this.#evaluate(child);
            } catch (error) {
              if (!(error instanceof Suspension)) throw error;
              value = yield* this.#again(child, error);
            }
            if (this.#native !== undefined && this.#direct) {
              this.#native.push({ value, constant });
              continue;
            }
            constant &&= isLiteral(value);
            if (!constant || !wasConstant) this.#items++;
            wasConstant = constant;
            if (this.#native !== undefined && !constant)
              this.#failure ??= this.#runtime.notText(value, this.#items - 1);
            this.#buffer += toText(value);
          }
          break;
        }
        case 'If':
          this.#line = node.line;
          yield* this.#conditional(node);
          break;
        case 'For':
          yield* this.#loop(node);
          break;
        case 'ExprStmt':
          this.#line = node.line;
          this.#mark(node.line, false);
          yield* this.#compute(node.node);
          break;
        case 'Assign': {
          this.#line = node.line;
          this.#mark(node.line, false);
          this.#assign(node.target, yield* this.#compute(node.node));
          break;
        }
        case 'AssignBlock': {
          this.#assign(node.target, yield* this.#captured(node.body, node.filter, node.line));
          break;
        }
        case 'With': {
          this.#line = node.line;
          const values: Value[] = [];
          for (const value of node.values) values.push(yield* this.#compute(value));
          this.#frames.push(new Map());
          node.targets.forEach((target, i) => {
            this.#assign(target, values[i] as Value);
          });
          yield* this.#statements(node.body);
          this.#frames.pop();
          break;
        }
        case 'Scope':
          this.#frames.push(new Map());
          yield* this.#statements(node.body);
          this.#frames.pop();
          break;
        default:
          throw new Error(`the interpreter cannot run ${node.type}`);
      }
    }
  }

  #mark(line: number, fixed: boolean): void {
    if (this.#traceFrame !== null) this.#traceFrame.marks.push(this.#buffer.length, fixed ? line : -line);
  }

  *#conditional(node: Extract<Stmt, { type: 'If' }>): Generator<unknown, void, unknown> {
    if (isTruthy(yield* this.#compute(node.test))) {
      yield* this.#statements(node.body);
      return;
    }
    for (const branch of node.elif_) {
      this.#line = branch.line;
      if (isTruthy(yield* this.#compute(branch.test))) {
        yield* this.#statements(branch.body);
        return;
      }
    }
    yield* this.#statements(node.else_);
  }

  *#loop(node: For): Generator<unknown, void, unknown> {
    const runtime = this.#runtime;
    const state = this.#state;
    this.#line = node.line;
    const items = yield* this.#compute(node.iter);
    const depth = this.#frames.length;
    let rounds = 0;
    if (usesLoop(node)) {
      const loop = runtime.loop(node.test === null ? items : this.#passing(node, node.test, items), 0, null);
      while (loop.advance()) {
        state.step(this.#buffer.length);
        rounds++;
        this.#frames.push(new Map([['loop', loop]]));
        this.#line = node.line;
        this.#assign(node.target, loop.current);
        yield* this.#statements(node.body);
        this.#frames.length = depth;
        this.#line = node.line;
      }
    } else {
      const line = node.test?.line ?? node.line;
      this.#line = line;
      for (const item of runtime.iterate(items)) {
        state.step(this.#buffer.length);
        if (node.test !== null && !(yield* this.#passes(node, node.test, item))) continue;
        rounds++;
        this.#frames.push(new Map());
        this.#line = node.line;
        this.#assign(node.target, item);
        yield* this.#statements(node.body);
        this.#frames.length = depth;
        this.#line = line;
      }
    }
    if (rounds === 0 && node.else_.length > 0) {
      this.#frames.push(new Map());
      yield* this.#statements(node.else_);
      this.#frames.length = depth;
    }
  }

  /**
   * Returns the items that pass the loop's condition, evaluated lazily because the body may request items at any point.
   */
  #passing(node: For, test: Expr, items: Value): FilteredItems {
    const depth = this.#frames.length;
    const passes = (item: Value): boolean => {
      const frames = this.#frames;
      this.#state.step(this.#buffer.length);
      this.#frames = [...frames.slice(0, depth), new Map()];
      this.#assign(node.target, item);
      const holds = isTruthy(this.#evaluate(test));
      this.#frames = frames;
      return holds;
    };
    return this.#runtime.filtered(items, passes, shapeOf(node.target), (error) =>
      describeFailure(error, test.line, this.#source, '', this.#state),
    );
  }

  *#passes(node: For, test: Expr, item: Value): Generator<unknown, boolean, unknown> {
    this.#frames.push(new Map());
    this.#assign(node.target, item);
    const holds = isTruthy(yield* this.#compute(test));
    this.#frames.pop();
    return holds;
  }

  /** Runs statements and returns their text, as input of a filter. */
  *#captured(body: readonly Stmt[], filter: Filter | null, line: number): Generator<unknown, Value, unknown> {
    const buffer = this.#buffer;
    const direct = this.#direct;
    const traceFrame = this.#traceFrame;
    const state = this.#state;
    const items = this.#items;
    const failure = this.#failure;
    this.#line = line;
    this.#buffer = '';
    this.#items = 0;
    this.#failure = undefined;
    this.#direct = false;
    this.#traceFrame = state.trace === null ? null : state.trace.enter(this.#source, '');
    this.#frames.push(new Map());
    yield* this.#statements(body);
    this.#line = line;
    if (this.#failure !== undefined) throw this.#failure;
    const text = this.#buffer;
    if (this.#traceFrame !== null) {
      this.#traceFrame.result = text;
      state.trace?.leave(this.#traceFrame);
    }
    this.#buffer = buffer;
    this.#items = items;
    this.#failure = failure;
    this.#direct = direct;
    this.#traceFrame = traceFrame;
    const value = filter === null ? text : yield* this.#filtered(filter, text);
    this.#frames.pop();
    return value;
  }

  *#filtered(filter: Filter, text: string): Generator<unknown, Value, unknown> {
    const inner = filter.node === null ? text : yield* this.#filtered(filter.node as Filter, text);
    this.#frames.push(new Map([[FILTERED, inner]]));
    const value = yield* this.#compute({
      ...filter,
      node: { type: 'Name', name: FILTERED, ctx: 'load', line: filter.line, pos: filter.pos },
    });
    this.#frames.pop();
    return value;
  }

  #assign(target: Expr, value: Value): void {
    switch (target.type) {
      case 'Name':
        (this.#frames.at(-1) as Frame).set(target.name, value);
        return;
      case 'NSRef':
        this.#runtime.setNamespace(this.#lookup(target.name), target.attr, value);
        return;
      case 'Tuple': {
        const items = this.#runtime.unpack(value, target.items.length);
        target.items.forEach((item, i) => {
          this.#assign(item, items[i] as Value);
        });
        return;
      }
      default:
        throw new JinjaError('TemplateSyntaxError', `can't assign to ${stringRepr(target.type.toLowerCase())}`);
    }
  }

  #lookup(name: string): Value {
    for (let i = this.#frames.length - 1; i >= 0; i--) {
      const value = (this.#frames[i] as Frame).get(name);
      if (value !== undefined) return value;
    }
    let value = this.#globals.get(name);
    if (value === undefined) {
      value = this.#runtime.global(this.#context, name);
      this.#globals.set(name, value);
    }
    return value;
  }

  #begin(): void {
    if (this.#results.length > 0) this.#results = [];
    this.#position = 0;
  }

  /** Returns the truth of a constant expression; undefined if its evaluation fails. */
  truth(node: Expr): boolean | undefined {
    try {
      return isTruthy(this.#evaluate(node));
    } catch {
      return undefined;
    }
  }

  *#compute(node: Expr): Generator<unknown, Value, unknown> {
    try {
      this.#begin();
      return this.#evaluate(node);
    } catch (error) {
      if (!(error instanceof Suspension)) throw error;
      return yield* this.#again(node, error);
    }
  }

  /** Awaits, then evaluates the expression again. Calls that have finished return their recorded results. */
  *#again(node: Expr, first: Suspension): Generator<unknown, Value, unknown> {
    let suspension = first;
    for (;;) {
      const results = this.#results;
      const value = yield* suspension.resume();
      this.#results = results;
      results.push(value);
      this.#position = 0;
      try {
        return this.#evaluate(node);
      } catch (error) {
        if (!(error instanceof Suspension)) throw error;
        suspension = error;
      }
    }
  }

  #evaluate(node: Expr): Value {
    const runtime = this.#runtime;
    switch (node.type) {
      case 'Const':
        return node.value;
      case 'TemplateData':
        return node.data;
      case 'Name':
        return this.#lookup(node.name);
      case 'NSRef':
        return runtime.attribute(this.#lookup(node.name), node.attr);
      case 'Tuple':
        return runtime.tuple(node.items.map((n) => this.#evaluate(n)));
      case 'List':
        return node.items.map((n) => this.#evaluate(n));
      case 'Dict':
        return runtime.dict(node.items.map((p) => [this.#evaluate(p.key), this.#evaluate(p.value)]));
      case 'CondExpr':
        if (isTruthy(this.#evaluate(node.test))) return this.#evaluate(node.expr1);
        return node.expr2 === null ? runtime.noElse(node.line) : this.#evaluate(node.expr2);
      case 'Call':
        return this.#call(node);
      case 'Filter':
        return this.#filter(node);
      case 'Test':
        return this.#test(node);
      case 'Getattr':
        return runtime.attribute(this.#evaluate(node.node), node.attr);
      case 'Getitem':
        return runtime[node.arg.type === 'Slice' ? 'sliced' : 'item'](
          this.#evaluate(node.node),
          this.#evaluate(node.arg),
        );
      case 'Slice':
        return runtime.slice(
          ...([node.start, node.stop, node.step].map((n) => (n === null ? null : this.#evaluate(n))) as [
            Value,
            Value,
            Value,
          ]),
        );
      case 'Concat':
        return runtime.concat(
          node.nodes.map((n) => this.#evaluate(n)),
          false,
        );
      case 'Compare':
        return this.#compare(node);
      case 'And': {
        const left = this.#evaluate(node.left);
        return isTruthy(left) ? this.#evaluate(node.right) : left;
      }
      case 'Or': {
        const left = this.#evaluate(node.left);
        return isTruthy(left) ? left : this.#evaluate(node.right);
      }
      case 'Not':
        return !isTruthy(this.#evaluate(node.node));
      case 'Neg':
        return runtime.negate(this.#evaluate(node.node));
      case 'Pos':
        return runtime.positive(this.#evaluate(node.node));
      case 'Add':
        return runtime.add(this.#evaluate(node.left), this.#evaluate(node.right));
      case 'Sub':
        return runtime.subtract(this.#evaluate(node.left), this.#evaluate(node.right));
      case 'Mul':
        return runtime.multiply(this.#evaluate(node.left), this.#evaluate(node.right));
      case 'Div':
        return runtime.divide(this.#evaluate(node.left), this.#evaluate(node.right));
      case 'FloorDiv':
        return runtime.floorDivide(this.#evaluate(node.left), this.#evaluate(node.right));
      case 'Mod':
        return runtime.modulo(this.#evaluate(node.left), this.#evaluate(node.right));
      case 'Pow':
        return runtime.power(this.#evaluate(node.left), this.#evaluate(node.right));
    }
  }

  #call(node: Call): Value {
    const runtime = this.#runtime;
    const target = node.node;
    const method = target.type === 'Getattr' ? target.attr : undefined;
    const callee = target.type === 'Getattr' ? this.#evaluate(target.node) : this.#evaluate(target);
    const args = this.#positional(node);
    const kwargs = this.#keywords(node);
    if (this.#position < this.#results.length) return this.#results[this.#position++] as Value;
    let result =
      method === undefined ? runtime.invoke(callee, args, kwargs) : runtime.callMethod(callee, method, args, kwargs);
    const pending = runtime.pending(result);
    if (pending === 1) {
      const running = result as Generator<unknown, Value, unknown>;
      // The called macro may render other expressions of this template, but only through another interpreter.
      const step = running.next();
      if (!step.done) throw new Suspension(step.value, running);
      result = step.value;
    } else if (pending === 2) {
      throw new Suspension(result);
    }
    this.#results.push(result as Value);
    this.#position++;
    return result as Value;
  }

  #positional(node: Arguments): Value[] {
    const args = node.args.map((n) => this.#evaluate(n));
    if (node.dyn_args !== null) args.push(...this.#runtime.spread(this.#evaluate(node.dyn_args)));
    return args;
  }

  #keywords(node: Arguments): Kwargs {
    if (node.kwargs.length === 0 && node.dyn_kwargs === null) return this.#runtime.none;
    const names = node.kwargs.map((k) => k.key);
    const values = node.kwargs.map((k) => this.#evaluate(k.value));
    return this.#runtime.keywords(
      names,
      values,
      node.dyn_kwargs === null ? undefined : this.#evaluate(node.dyn_kwargs),
    );
  }

  #filter(node: Filter): Value {
    const value = node.node === null ? null : this.#evaluate(node.node);
    const fn = this.#functions.filters.get(node.name) as FilterFunction;
    return fn(this.#runtime, value, this.#positional(node), this.#keywords(node));
  }

  #test(node: Test): Value {
    const value = this.#evaluate(node.node);
    const fn = this.#functions.tests.get(node.name) as TestFunction;
    return fn(this.#runtime, value, this.#positional(node), this.#keywords(node));
  }

  #compare(node: Compare): Value {
    let left = this.#evaluate(node.expr);
    for (const { op, expr } of node.ops) {
      const right = this.#evaluate(expr);
      if (!this.#runtime[op](left, right)) return false;
      left = right;
    }
    return true;
  }
}

/** A name that no template can contain. */
const FILTERED = ' filtered';
