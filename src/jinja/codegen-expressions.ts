// Translates expressions to JavaScript and collects what the generated functions need: temporary variables, constants
// and globals.
import { stringRepr } from '../values/text.ts';
import type { Value } from '../values/value.ts';
import type { Arguments, Call, Compare, Expr, Filter, Test } from './ast.ts';
import type { Frame } from './codegen-output.ts';
import { isFoldable, type Truth } from './constant-folding.ts';
import type { FilterFunction } from './filters/filter.ts';
import type { TestFunction } from './tests.ts';
import { SyntaxErrorAt, syntaxError } from './syntax-error.ts';
import { repeatedKeyword } from './walk.ts';

/** A function that is being generated. */
export interface FunctionUnit {
  readonly code: string[];
  readonly globals: Map<string, string>;
  readonly declarations: string[];
  readonly extraParameters: string[];
  temporaries: number;
  /** Whether the function may have to await something; it is then generated as a generator function. */
  waits: boolean;
  line: number;
}

export interface FunctionTables {
  readonly filters: ReadonlyMap<string, FilterFunction>;
  readonly tests: ReadonlyMap<string, TestFunction>;
  /** Evaluates constant conditions. */
  readonly truth: Truth;
}

const OPERATIONS = {
  Add: 'add',
  Sub: 'subtract',
  Mul: 'multiply',
  Div: 'divide',
  FloorDiv: 'floorDivide',
  Mod: 'modulo',
  Pow: 'power',
} as const;

/** How many items each attribute of `loop` reads ahead. */
const READS_AHEAD: ReadonlyMap<string, number> = new Map([
  ['last', 1],
  ['nextitem', 1],
  ['length', Infinity],
  ['revindex', Infinity],
  ['revindex0', Infinity],
]);

export class ExpressionCodegen {
  protected readonly constants: unknown[] = [];
  /** Whether the template's output is a list of values, as in dbt's rendering of YAML. */
  protected readonly native: boolean;
  /** Macro parameters whose default is not computed yet. */
  protected unsetParameters = new Set<string>();
  /** `loop` variables of loops whose condition may have to await. */
  protected readonly waitingLoops = new Set<string>();
  readonly #tables: FunctionTables;
  readonly #units: FunctionUnit[] = [];
  #lastId = 0;

  constructor(tables: FunctionTables, native = false) {
    this.#tables = tables;
    this.native = native;
  }

  protected readonly nextId = (): number => ++this.#lastId;

  /** Whether jinja2 evaluates the expression at compile time. */
  protected isConstant(node: Expr): boolean {
    return node.type === 'TemplateData' || isFoldable(node, this.#tables.truth);
  }

  protected openUnit(): FunctionUnit {
    const unit: FunctionUnit = {
      code: [],
      globals: new Map(),
      declarations: [],
      extraParameters: [],
      temporaries: 0,
      waits: false,
      line: 0,
    };
    this.#units.push(unit);
    return unit;
  }

  protected closeUnit(unit: FunctionUnit): void {
    if (this.#units.pop() !== unit) throw new Error('functions are closed in the order in which they were opened');
  }

  get #unit(): FunctionUnit {
    return this.#units[this.#units.length - 1] as FunctionUnit;
  }

  protected write(code: string): void {
    this.#unit.code.push(code);
  }

  protected declare(code: string): void {
    this.#unit.declarations.push(code);
  }

  /** Records which template line the next statements come from. `noted`: whether jinja2 records that line as well. */
  protected line(line: number, noted = true): void {
    if (noted) this.#unit.line = line;
    this.write(`$l = ${line};`);
  }

  protected temporary(): string {
    return `$${this.#unit.temporaries++}`;
  }

  /** Adds a constant to the generated code and returns the reference to it: `C[3]`. */
  protected constant(value: unknown): string {
    this.constants.push(value);
    return `C[${this.constants.length - 1}]`;
  }

  /** Returns the variable that holds a global. The global is looked up once per call of the function. */
  protected global(name: string): string {
    const { globals } = this.#unit;
    let variable = globals.get(name);
    if (variable === undefined) {
      variable = `${name.replace(/[^A-Za-z0-9_]/g, '_')}$g${globals.size}`;
      globals.set(name, variable);
    }
    return variable;
  }

  /** Generates the read of a name. */
  protected load(name: string, frame: Frame): string {
    const reference = frame.symbols.find(name);
    if (reference === undefined) return this.global(name);
    const { variable, load, own } = reference;
    const mayBeUnset = load.kind === 'missing' ? !own : this.unsetParameters.has(variable);
    return mayBeUnset || load.kind === 'alias'
      ? `(${variable} === undefined ? $.undefined(${JSON.stringify(name)}) : ${variable})`
      : variable;
  }

  /** Generates code that unwraps a result which may be a generator or a promise. */
  protected waiting(before: string, code: string, after: string): string {
    this.#unit.waits = true;
    const t = this.temporary();
    return `${before}(($k = $.pending(${t} = ${code})) === 0 ? ${t} : $k === 1 ? yield* ${t} : yield ${t})${after}`;
  }

  /** Returns the `loop` variable if the condition of its loop may have to await. */
  #waitingLoop(node: Expr, frame: Frame): string | undefined {
    if (this.waitingLoops.size === 0 || node.type !== 'Name' || node.name !== 'loop') return undefined;
    const variable = frame.symbols.find('loop')?.variable;
    return variable !== undefined && this.waitingLoops.has(variable) ? variable : undefined;
  }

  /** Generates code that runs a generator. */
  protected resumed(code: string): string {
    this.#unit.waits = true;
    return `yield* ${code}`;
  }

  protected callCode(fn: string, args: string, kwargs: string): string {
    return this.waiting('', `$.invoke(${fn}, ${args}, ${kwargs})`, '');
  }

  /** Generates the conversion of an expression to text. */
  protected textOf(node: Expr, frame: Frame): string {
    if (node.type === 'Const' && typeof node.value === 'string' && !frame.autoescape) return JSON.stringify(node.value);
    return frame.autoescape
      ? `$.escapedText(${this.expression(node, frame)})`
      : `$.text(${this.expression(node, frame)})`;
  }

  /** Generates the truth test of an expression; the result is a JavaScript boolean. */
  protected condition(node: Expr, frame: Frame): string {
    switch (node.type) {
      case 'Not':
        return `!${this.condition(node.node, frame)}`;
      case 'And':
        return `(${this.condition(node.left, frame)} && ${this.condition(node.right, frame)})`;
      case 'Or':
        return `(${this.condition(node.left, frame)} || ${this.condition(node.right, frame)})`;
      case 'Compare':
        return this.#compare(node, frame);
      default:
        return `$.truthy(${this.expression(node, frame)})`;
    }
  }

  protected expression(node: Expr, frame: Frame): string {
    switch (node.type) {
      case 'Const':
        return this.#literal(node.value);
      case 'TemplateData':
        return JSON.stringify(node.data);
      case 'Name': {
        const loop = this.#waitingLoop(node, frame);
        return loop === undefined ? this.load(node.name, frame) : `(${this.resumed(`${loop}.shared()`)})`;
      }
      case 'NSRef':
        return `$.attribute(${this.load(node.name, frame)}, ${JSON.stringify(node.attr)})`;
      case 'Tuple':
        return `$.tuple([${node.items.map((n) => this.expression(n, frame)).join(', ')}])`;
      case 'List':
        return `[${node.items.map((n) => this.expression(n, frame)).join(', ')}]`;
      case 'Dict': {
        const items = node.items.map((p) => `[${this.expression(p.key, frame)}, ${this.expression(p.value, frame)}]`);
        return `$.dict([${items.join(', ')}])`;
      }
      case 'CondExpr': {
        const soft: Frame = { ...frame, conditional: true };
        const otherwise = node.expr2 === null ? `$.noElse(${node.line})` : this.expression(node.expr2, soft);
        return `(${this.condition(node.test, soft)} ? ${this.expression(node.expr1, soft)} : ${otherwise})`;
      }
      case 'Call':
        return this.call(node, frame, undefined);
      case 'Filter':
        return this.#filter(node, () => (node.node === null ? 'null' : this.expression(node.node, frame)), frame);
      case 'Test':
        return this.#test(node, frame);
      case 'Getattr': {
        const loop = this.#waitingLoop(node.node, frame);
        if (loop === undefined)
          return `$.attribute(${this.expression(node.node, frame)}, ${JSON.stringify(node.attr)})`;
        const count = READS_AHEAD.get(node.attr);
        const ahead = count === undefined ? '' : `${this.resumed(`${loop}.prepare(${count})`)}, `;
        return `(${ahead}$.attribute(${loop}, ${JSON.stringify(node.attr)}))`;
      }
      case 'Getitem':
        return (
          `$.${node.arg.type === 'Slice' ? 'sliced' : 'item'}(${this.expression(node.node, frame)}, ` +
          `${this.expression(node.arg, frame)})`
        );
      case 'Slice': {
        const bounds = [node.start, node.stop, node.step];
        return `$.slice(${bounds.map((n) => (n === null ? 'null' : this.expression(n, frame))).join(', ')})`;
      }
      case 'Concat':
        return `$.concat([${node.nodes.map((n) => this.expression(n, frame)).join(', ')}], ${frame.autoescape})`;
      case 'Compare':
        return this.#compare(node, frame);
      case 'And':
      case 'Or': {
        const t = this.temporary();
        const left = `$.truthy(${t} = ${this.expression(node.left, frame)})`;
        const right = this.expression(node.right, frame);
        return node.type === 'And' ? `(${left} ? ${right} : ${t})` : `(${left} ? ${t} : ${right})`;
      }
      case 'Not':
        return `!${this.condition(node.node, frame)}`;
      case 'Neg':
        return `$.negate(${this.expression(node.node, frame)})`;
      case 'Pos':
        return `$.positive(${this.expression(node.node, frame)})`;
      default:
        return (
          `$.${OPERATIONS[node.type]}(${this.expression(node.left, frame)}, ` + `${this.expression(node.right, frame)})`
        );
    }
  }

  #literal(value: Value): string {
    switch (typeof value) {
      case 'string':
        return JSON.stringify(value);
      case 'number':
        return Number.isFinite(value) ? String(value) : this.constant(value);
      case 'boolean':
        return String(value);
      default:
        return value === null ? 'null' : this.constant(value);
    }
  }

  #compare(node: Compare, frame: Frame): string {
    const [first] = node.ops;
    const left = this.expression(node.expr, frame);
    if (first !== undefined && node.ops.length === 1)
      return `$.${first.op}(${left}, ${this.expression(first.expr, frame)})`;
    let previous = left;
    const parts = node.ops.map((operand, i) => {
      const value = this.expression(operand.expr, frame);
      if (i === node.ops.length - 1) return `$.${operand.op}(${previous}, ${value})`;
      const t = this.temporary();
      const part = `$.${operand.op}(${previous}, ${t} = ${value})`;
      previous = t;
      return part;
    });
    return `(${parts.join(' && ')})`;
  }

  /** Generates a call. `caller` is the variable that holds the body of a call block. */
  protected call(node: Call, frame: Frame, caller: string | undefined): string {
    const target = node.node;
    if (target.type === 'Getattr') {
      const object = this.expression(target.node, frame);
      const { args, kwargs } = this.#arguments(node, frame, caller);
      return this.waiting('', `$.callMethod(${object}, ${JSON.stringify(target.attr)}, ${args}, ${kwargs})`, '');
    }
    const fn = this.expression(target, frame);
    const { args, kwargs } = this.#arguments(node, frame, caller);
    return this.callCode(fn, args, kwargs);
  }

  #arguments(node: Arguments, frame: Frame, caller?: string): { args: string; kwargs: string } {
    const items = node.args.map((n) => this.expression(n, frame));
    if (node.dyn_args !== null) items.push(`...$.spread(${this.expression(node.dyn_args, frame)})`);
    const repeated = repeatedKeyword(node);
    if (repeated !== undefined)
      throw syntaxError(`keyword argument repeated: ${repeated.key}`, repeated.line, repeated.pos);
    const names = node.kwargs.map((k) => k.key);
    const values = node.kwargs.map((k) => this.expression(k.value, frame));
    if (caller !== undefined) {
      names.push('caller');
      values.push(caller);
    }
    const args = `[${items.join(', ')}]`;
    if (node.dyn_kwargs !== null)
      return {
        args,
        kwargs:
          `$.keywords(${this.constant(names)}, [${values.join(', ')}], ` +
          `${this.expression(node.dyn_kwargs, frame)})`,
      };
    if (names.length === 0) return { args, kwargs: '$.none' };
    return { args, kwargs: `$.keywords(${this.constant(names)}, [${values.join(', ')}])` };
  }

  /** Generates the filters of a `set` or `filter` block, applied to the text in `value`. */
  protected filterChain(node: Filter, value: string, frame: Frame): string {
    const inner = () =>
      node.node === null
        ? value
        : node.node.type === 'Filter'
          ? this.filterChain(node.node, value, frame)
          : this.expression(node.node, frame);
    return this.#filter(node, inner, frame);
  }

  /**
   * Looks up the filter's name before it translates the value: if several names are unknown, jinja2 reports the
   * outermost.
   */
  #filter(node: Filter, value: () => string, frame: Frame): string {
    const fn = this.#tables.filters.get(node.name);
    if (fn === undefined) this.#checkReachable('filter', node, frame);
    const filtered = value();
    const { args, kwargs } = this.#arguments(node, frame);
    if (fn === undefined) return this.#noFunction('filter', node, `${filtered}, ${args}, ${kwargs}`);
    return `${this.constant(fn)}(${frame.autoescape ? '$.escaping' : '$'}, ${filtered}, ${args}, ${kwargs})`;
  }

  #test(node: Test, frame: Frame): string {
    const fn = this.#tables.tests.get(node.name);
    if (fn === undefined) this.#checkReachable('test', node, frame);
    const value = this.expression(node.node, frame);
    const { args, kwargs } = this.#arguments(node, frame);
    if (fn === undefined) return this.#noFunction('test', node, `${value}, ${args}, ${kwargs}`);
    return `${this.constant(fn)}($, ${value}, ${args}, ${kwargs})`;
  }

  #checkReachable(kind: 'filter' | 'test', node: Filter | Test, frame: Frame): void {
    if (!frame.conditional)
      throw new SyntaxErrorAt(
        `No ${kind} named ${stringRepr(node.name)}.`,
        node.line,
        node.pos,
        'TemplateAssertionError',
      );
  }

  /** Generates an error that is thrown when execution reaches it, after the operands were computed. */
  #noFunction(kind: 'filter' | 'test', node: Filter | Test, given: string): string {
    return `$.noFunction(${JSON.stringify(`No ${kind} named ${stringRepr(node.name)} found.`)}, ${given})`;
  }
}
