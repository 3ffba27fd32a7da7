// Parses expressions: operators by precedence, literals, calls, filters and tests. Licensed in part under BSD-3-Clause,
// Copyright 2007 Pallets: follows jinja2's `parser.py`, see NOTICE in lexer.ts.
import { stringRepr } from '../values/text.ts';
import type { Arguments, Call, Expr, Filter, Keyword, Name, Operand, Pair, Slice } from './ast.ts';
import { syntaxError } from './syntax-error.ts';
import { describeToken, matches, type TokenStream } from './token-stream.ts';

const COMPARISONS: ReadonlySet<string> = new Set(['eq', 'ne', 'lt', 'lteq', 'gt', 'gteq']);
const TEST_ARGUMENTS: ReadonlySet<string> = new Set([
  'name',
  'string',
  'integer',
  'float',
  'lparen',
  'lbracket',
  'lbrace',
]);

/** Tokens that can form a whole expression, and tokens that never continue one. */
const SIMPLE: ReadonlySet<string> = new Set(['name', 'string', 'integer', 'float']);
const ENDS: ReadonlySet<string> = new Set([
  'comma',
  'rparen',
  'rbracket',
  'rbrace',
  'variable_end',
  'block_end',
  'colon',
]);

interface TupleOptions {
  readonly simplified?: boolean;
  readonly withCondition?: boolean;
  readonly parentheses?: boolean;
  readonly withNamespace?: boolean;
}

/** Maximum nesting of brackets, blocks and signs. jinja2 stops at about 70 brackets and 490 signs. */
const MAX_DEPTH = 300;
/** Maximum length of a chain of operators, filters, attributes or calls: each link nests the previous one. */
const MAX_ROW = 500;

export class ExpressionParser {
  protected readonly stream: TokenStream;
  #depth = 0;

  constructor(stream: TokenStream) {
    this.stream = stream;
  }

  protected fail(message: string, line = this.stream.current.line, pos = this.stream.current.pos): never {
    throw syntaxError(message, line, pos);
  }

  /** Parses something one nesting level deeper. */
  protected deeper<T>(read: () => T): T {
    if (++this.#depth > MAX_DEPTH) this.fail(`the template is nested more than ${MAX_DEPTH} levels deep here`);
    const result = read();
    this.#depth--;
    return result;
  }

  /** Counts the links of a chain. */
  #link(count: number): number {
    if (count >= MAX_ROW)
      this.fail(`more than ${MAX_ROW} operators, filters, attributes or calls stand in one row here`);
    return count + 1;
  }

  parseExpression(withCondition = true): Expr {
    // Fast path: most expressions are a single name or literal.
    const token = this.stream.current;
    if (
      SIMPLE.has(token.type) &&
      ENDS.has(this.stream.look().type) &&
      !(token.type === 'name' && token.value === 'not')
    )
      return this.parsePrimary();
    return this.deeper(() => (withCondition ? this.#parseCondition() : this.#parseOr()));
  }

  #parseCondition(): Expr {
    let { line, pos } = this.stream.current;
    let expr1 = this.#parseOr();
    while (this.stream.skipName('if')) {
      const test = this.#parseOr();
      const expr2 = this.stream.skipName('else') ? this.deeper(() => this.#parseCondition()) : null;
      expr1 = { type: 'CondExpr', test, expr1, expr2, line, pos };
      ({ line, pos } = this.stream.current);
    }
    return expr1;
  }

  #parseOr(): Expr {
    let { line, pos } = this.stream.current;
    let left = this.#parseAnd();
    for (let row = 0; this.stream.skipName('or'); row = this.#link(row)) {
      left = { type: 'Or', left, right: this.#parseAnd(), line, pos };
      ({ line, pos } = this.stream.current);
    }
    return left;
  }

  #parseAnd(): Expr {
    let { line, pos } = this.stream.current;
    let left = this.#parseNot();
    for (let row = 0; this.stream.skipName('and'); row = this.#link(row)) {
      left = { type: 'And', left, right: this.#parseNot(), line, pos };
      ({ line, pos } = this.stream.current);
    }
    return left;
  }

  #parseNot(): Expr {
    if (this.stream.isName('not')) {
      const { line, pos } = this.stream.next();
      return { type: 'Not', node: this.deeper(() => this.#parseNot()), line, pos };
    }
    return this.#parseCompare();
  }

  #parseCompare(): Expr {
    let { line } = this.stream.current;
    const { pos } = this.stream.current;
    const expr = this.#parseSum();
    const ops: Operand[] = [];
    for (;;) {
      const token = this.stream.current;
      if (COMPARISONS.has(token.type)) {
        this.stream.next();
        ops.push(this.#operand(token.type as Operand['op']));
      } else if (this.stream.skipName('in')) {
        ops.push(this.#operand('in'));
      } else if (this.stream.isName('not') && matches(this.stream.look(), 'name:in')) {
        this.stream.next();
        this.stream.next();
        ops.push(this.#operand('notin'));
      } else {
        break;
      }
      line = this.stream.current.line;
    }
    return ops.length === 0 ? expr : { type: 'Compare', expr, ops, line, pos };
  }

  #operand(op: Operand['op']): Operand {
    const expr = this.#parseSum();
    return { type: 'Operand', op, expr, line: expr.line, pos: expr.pos };
  }

  #parseSum(): Expr {
    let { line, pos } = this.stream.current;
    let left = this.#parseConcat();
    for (let row = 0; ; row = this.#link(row)) {
      const { type } = this.stream.current;
      if (type !== 'add' && type !== 'sub') return left;
      this.stream.next();
      left = { type: type === 'add' ? 'Add' : 'Sub', left, right: this.#parseConcat(), line, pos };
      ({ line, pos } = this.stream.current);
    }
  }

  #parseConcat(): Expr {
    const { line, pos } = this.stream.current;
    const first = this.#parseProduct();
    if (this.stream.current.type !== 'tilde') return first;
    const nodes = [first];
    while (this.stream.current.type === 'tilde') {
      this.stream.next();
      nodes.push(this.#parseProduct());
    }
    return { type: 'Concat', nodes, line, pos };
  }

  #parseProduct(): Expr {
    let { line, pos } = this.stream.current;
    let left = this.#parsePower();
    for (let row = 0; ; row = this.#link(row)) {
      const kind = PRODUCTS[this.stream.current.type];
      if (kind === undefined) return left;
      this.stream.next();
      left = { type: kind, left, right: this.#parsePower(), line, pos };
      ({ line, pos } = this.stream.current);
    }
  }

  #parsePower(): Expr {
    let { line, pos } = this.stream.current;
    let left = this.#parseUnary();
    for (let row = 0; this.stream.current.type === 'pow'; row = this.#link(row)) {
      this.stream.next();
      left = { type: 'Pow', left, right: this.#parseUnary(), line, pos };
      ({ line, pos } = this.stream.current);
    }
    return left;
  }

  #parseUnary(withFilter = true): Expr {
    const { type, line, pos } = this.stream.current;
    let node: Expr;
    if (type === 'sub' || type === 'add') {
      this.stream.next();
      node = { type: type === 'sub' ? 'Neg' : 'Pos', node: this.deeper(() => this.#parseUnary(false)), line, pos };
    } else {
      node = this.parsePrimary();
    }
    node = this.#parsePostfix(node);
    return withFilter ? this.#parseFilterExpression(node) : node;
  }

  protected parsePrimary(withNamespace = false): Expr {
    const token = this.stream.current;
    const { line, pos } = token;
    switch (token.type) {
      case 'name':
        this.stream.next();
        switch (token.value) {
          case 'true':
          case 'True':
            return { type: 'Const', value: true, line, pos };
          case 'false':
          case 'False':
            return { type: 'Const', value: false, line, pos };
          case 'none':
          case 'None':
            return { type: 'Const', value: null, line, pos };
        }
        if (withNamespace && this.stream.current.type === 'dot') {
          this.stream.next();
          return { type: 'NSRef', name: token.value, attr: this.stream.expect('name').value, line, pos };
        }
        return { type: 'Name', name: token.value, ctx: 'load', line, pos };
      case 'string': {
        this.stream.next();
        let value = token.value;
        while (this.stream.current.type === 'string') value += this.stream.next().value;
        return { type: 'Const', value, line, pos };
      }
      case 'integer':
      case 'float':
        this.stream.next();
        return { type: 'Const', value: token.literal ?? null, line, pos };
      case 'lparen': {
        this.stream.next();
        const node = this.deeper(() => this.parseTuple({ parentheses: true }));
        this.stream.expect('rparen');
        return node;
      }
      case 'lbracket':
        return this.#parseList();
      case 'lbrace':
        return this.#parseDict();
      default:
        return this.fail(`unexpected ${stringRepr(describeToken(token))}`, line, pos);
    }
  }

  protected parseTuple(options: TupleOptions = {}): Expr {
    const { simplified = false, withCondition = true, parentheses = false, withNamespace = false } = options;
    let { line, pos } = this.stream.current;
    const items: Expr[] = [];
    let isTuple = false;
    for (;;) {
      if (items.length > 0) this.stream.expect('comma');
      if (this.#isTupleEnd()) break;
      items.push(simplified ? this.parsePrimary(withNamespace) : this.parseExpression(withCondition));
      if (this.stream.current.type !== 'comma') break;
      isTuple = true;
      ({ line, pos } = this.stream.current);
    }
    if (!isTuple) {
      const [only] = items;
      if (only !== undefined) return only;
      if (!parentheses) this.fail(`Expected an expression, got ${stringRepr(describeToken(this.stream.current))}`);
    }
    return { type: 'Tuple', items, ctx: 'load', line, pos };
  }

  #isTupleEnd(): boolean {
    const { type } = this.stream.current;
    return type === 'variable_end' || type === 'block_end' || type === 'rparen';
  }

  #parseList(): Expr {
    const { line, pos } = this.stream.expect('lbracket');
    const items: Expr[] = [];
    while (this.stream.current.type !== 'rbracket') {
      if (items.length > 0) this.stream.expect('comma');
      if (this.stream.is('rbracket')) break;
      items.push(this.parseExpression());
    }
    this.stream.expect('rbracket');
    return { type: 'List', items, line, pos };
  }

  #parseDict(): Expr {
    const { line, pos } = this.stream.expect('lbrace');
    const items: Pair[] = [];
    while (this.stream.current.type !== 'rbrace') {
      if (items.length > 0) this.stream.expect('comma');
      if (this.stream.is('rbrace')) break;
      const key = this.parseExpression();
      this.stream.expect('colon');
      const value = this.parseExpression();
      items.push({ type: 'Pair', key, value, line: key.line, pos: key.pos });
    }
    this.stream.expect('rbrace');
    return { type: 'Dict', items, line, pos };
  }

  #parsePostfix(node: Expr): Expr {
    let result = node;
    for (let row = 0; ; row = this.#link(row)) {
      switch (this.stream.current.type) {
        case 'dot':
        case 'lbracket':
          result = this.#parseSubscript(result);
          break;
        case 'lparen':
          result = this.#parseCall(result);
          break;
        default:
          return result;
      }
    }
  }

  #parseFilterExpression(node: Expr): Expr {
    let result = node;
    for (let row = 0; ; row = this.#link(row)) {
      const token = this.stream.current;
      if (token.type === 'pipe') result = this.parseFilter(result) as Filter;
      else if (token.type === 'name' && token.value === 'is') result = this.#parseTest(result);
      else if (token.type === 'lparen') result = this.#parseCall(result);
      else return result;
    }
  }

  #parseSubscript(node: Expr): Expr {
    const { type, line, pos } = this.stream.next();
    if (type === 'dot') {
      const token = this.stream.next();
      if (token.type === 'name') return { type: 'Getattr', node, attr: token.value, ctx: 'load', line, pos };
      if (token.type !== 'integer') this.fail('expected name or number', token.line, token.pos);
      const arg: Expr = { type: 'Const', value: token.literal ?? null, line: token.line, pos: token.pos };
      return { type: 'Getitem', node, arg, ctx: 'load', line, pos };
    }
    const items: Expr[] = [];
    while (this.stream.current.type !== 'rbracket') {
      if (items.length > 0) this.stream.expect('comma');
      items.push(this.#parseSubscribed());
    }
    this.stream.expect('rbracket');
    const arg: Expr = items.length === 1 ? (items[0] as Expr) : { type: 'Tuple', items, ctx: 'load', line, pos };
    return { type: 'Getitem', node, arg, ctx: 'load', line, pos };
  }

  #parseSubscribed(): Expr {
    const { line, pos } = this.stream.current;
    let start: Expr | null = null;
    if (this.stream.current.type === 'colon') {
      this.stream.next();
    } else {
      const node = this.parseExpression();
      if (!this.stream.is('colon')) return node;
      this.stream.next();
      start = node;
    }
    const stop = this.stream.current.type === 'colon' ? null : this.#parseSlicePart();
    let step: Expr | null = null;
    if (this.stream.current.type === 'colon') {
      this.stream.next();
      step = this.#parseSlicePart();
    }
    return { type: 'Slice', start, stop, step, line, pos } satisfies Slice;
  }

  #parseSlicePart(): Expr | null {
    const { type } = this.stream.current;
    return type === 'rbracket' || type === 'comma' ? null : this.parseExpression();
  }

  #parseCallArguments(): Arguments {
    const { line, pos } = this.stream.expect('lparen');
    const args: Expr[] = [];
    const kwargs: Keyword[] = [];
    let dynArgs: Expr | null = null;
    let dynKwargs: Expr | null = null;
    const ensure = (good: boolean) => {
      if (!good) this.fail('invalid syntax for function call expression', line, pos);
    };
    let more = false;
    while (this.stream.current.type !== 'rparen') {
      if (more) {
        this.stream.expect('comma');
        if (this.stream.is('rparen')) break;
      }
      const token = this.stream.current;
      if (token.type === 'mul') {
        ensure(dynArgs === null && dynKwargs === null);
        this.stream.next();
        dynArgs = this.parseExpression();
      } else if (token.type === 'pow') {
        ensure(dynKwargs === null);
        this.stream.next();
        dynKwargs = this.parseExpression();
      } else if (token.type === 'name' && this.stream.look().type === 'assign') {
        ensure(dynKwargs === null);
        this.stream.next();
        this.stream.next();
        const value = this.parseExpression();
        kwargs.push({ type: 'Keyword', key: token.value, value, line: value.line, pos: token.pos });
      } else {
        ensure(dynArgs === null && dynKwargs === null && kwargs.length === 0);
        args.push(this.parseExpression());
      }
      more = true;
    }
    this.stream.expect('rparen');
    return { args, kwargs, dyn_args: dynArgs, dyn_kwargs: dynKwargs };
  }

  #parseCall(node: Expr): Call {
    const { line, pos } = this.stream.current;
    const { args, kwargs, dyn_args, dyn_kwargs } = this.#parseCallArguments();
    return { type: 'Call', node, args, kwargs, dyn_args, dyn_kwargs, line, pos };
  }

  protected parseFilter(node: Expr | null, startInline = false): Filter | null {
    let result = node;
    let inline = startInline;
    for (let row = 0; this.stream.current.type === 'pipe' || inline; row = this.#link(row)) {
      if (!inline) this.stream.next();
      const { line, pos } = this.stream.current;
      const name = this.#parseDottedName();
      const { args, kwargs, dyn_args, dyn_kwargs } =
        this.stream.current.type === 'lparen' ? this.#parseCallArguments() : NO_ARGUMENTS;
      result = { type: 'Filter', node: result, name, args, kwargs, dyn_args, dyn_kwargs, line, pos };
      inline = false;
    }
    return result as Filter | null;
  }

  #parseDottedName(): string {
    let name = this.stream.expect('name').value;
    while (this.stream.current.type === 'dot') {
      this.stream.next();
      name += `.${this.stream.expect('name').value}`;
    }
    return name;
  }

  #parseTest(node: Expr): Expr {
    const { line, pos } = this.stream.next();
    const negated = this.stream.skipName('not');
    const name = this.#parseDottedName();
    let given = NO_ARGUMENTS;
    const token = this.stream.current;
    if (token.type === 'lparen') {
      given = this.#parseCallArguments();
    } else if (
      TEST_ARGUMENTS.has(token.type) &&
      !(token.type === 'name' && (token.value === 'else' || token.value === 'or' || token.value === 'and'))
    ) {
      if (token.type === 'name' && token.value === 'is') this.fail('You cannot chain multiple tests with is');
      given = { ...NO_ARGUMENTS, args: [this.#parsePostfix(this.parsePrimary())] };
    }
    const { args, kwargs, dyn_args, dyn_kwargs } = given;
    const test: Expr = { type: 'Test', node, name, args, kwargs, dyn_args, dyn_kwargs, line, pos };
    return negated ? { type: 'Not', node: test, line, pos } : test;
  }

  /** Parses the target of an assignment. */
  protected parseAssignTarget(options: { withNamespace?: boolean } = {}): Expr {
    const target = this.parseTuple({ simplified: true, ...options });
    setContext(target, 'store');
    if (!canAssign(target))
      this.fail(`can't assign to ${stringRepr(target.type.toLowerCase())}`, target.line, target.pos);
    return target;
  }

  protected parseTargetName(ctx: Name['ctx'] = 'store'): Name {
    const { value, line, pos } = this.stream.expect('name');
    if (RESERVED.has(value)) this.fail("can't assign to 'name'", line, pos);
    return { type: 'Name', name: value, ctx, line, pos };
  }
}

const PRODUCTS: { readonly [type: string]: 'Mul' | 'Div' | 'FloorDiv' | 'Mod' } = {
  mul: 'Mul',
  div: 'Div',
  floordiv: 'FloorDiv',
  mod: 'Mod',
};

const NO_ARGUMENTS: Arguments = { args: [], kwargs: [], dyn_args: null, dyn_kwargs: null };

const RESERVED: ReadonlySet<string> = new Set(['true', 'false', 'none', 'True', 'False', 'None']);

/** Marks an expression and everything in it as assignment targets. */
export function setContext(target: Expr, ctx: Name['ctx']): void {
  if (target.type === 'Name') target.ctx = ctx;
  if (target.type === 'Tuple') {
    target.ctx = ctx;
    for (const item of target.items) setContext(item, ctx);
  }
}

function canAssign(target: Expr): boolean {
  switch (target.type) {
    case 'Name':
      return !RESERVED.has(target.name);
    case 'NSRef':
      return true;
    case 'Tuple':
      return target.items.every(canAssign);
    default:
      return false;
  }
}
