// Parses statements: jinja2's tags and dbt's (`materialization`, `test`, `docs`, `snapshot`, type annotations of macro
// arguments). Licensed in part under BSD-3-Clause, Copyright 2007 Pallets: follows jinja2's `parser.py`, see NOTICE in
// lexer.ts.
import { JinjaError } from '../values/python-error.ts';
import { stringRepr } from '../values/text.ts';
import { SPACE_CLASS } from '../values/whitespace.ts';
import type {
  CallBlock,
  Expr,
  If,
  Import,
  Include,
  Macro,
  MacroType,
  Name,
  Stmt,
  TemplateData,
  TemplateNode,
} from './ast.ts';
import { ExpressionParser, setContext } from './expression-parser.ts';
import { Lexer, type Token } from './lexer.ts';
import { columnOf } from './syntax-error.ts';
import { describeExpectation, matches, TokenStream } from './token-stream.ts';

export interface ParserOptions {
  /** Whether to parse dbt's tags and to prefix macro names as dbt does. */
  readonly dbt: boolean;
}

interface Signature {
  readonly args: Name[];
  readonly defaults: Expr[];
  readonly annotations: (MacroType | undefined)[];
}

const BLANK = new RegExp(`^[${SPACE_CLASS}]*$`);

export class Parser extends ExpressionParser {
  readonly #options: ParserOptions;
  readonly #tagStack: string[] = [];
  readonly #endTokenStack: (readonly string[])[] = [];

  constructor(tokens: readonly Token[], options: ParserOptions) {
    super(new TokenStream(tokens));
    this.#options = options;
  }

  parse(): TemplateNode {
    return { type: 'Template', body: this.#subparse(undefined), line: 1, pos: 0 };
  }

  #subparse(endTokens: readonly string[] | undefined): Stmt[] {
    const body: Stmt[] = [];
    let buffer: Expr[] = [];
    const flush = () => {
      const [first] = buffer;
      if (first === undefined) return;
      body.push({ type: 'Output', nodes: buffer, line: first.line, pos: first.pos });
      buffer = [];
    };
    if (endTokens !== undefined) this.#endTokenStack.push(endTokens);
    try {
      for (;;) {
        const token = this.stream.current;
        if (token.type === 'eof') break;
        if (token.type === 'data') {
          if (token.value !== '')
            buffer.push({
              type: 'TemplateData',
              data: token.value,
              line: token.line,
              pos: token.pos,
            } satisfies TemplateData);
          this.stream.next();
        } else if (token.type === 'variable_begin') {
          this.stream.next();
          buffer.push(this.parseTuple());
          this.stream.expect('variable_end');
        } else {
          flush();
          this.stream.next();
          if (endTokens?.some((end) => matches(this.stream.current, end))) return body;
          body.push(this.#parseStatement());
          this.stream.expect('block_end');
        }
      }
      flush();
    } finally {
      if (endTokens !== undefined) this.#endTokenStack.pop();
    }
    return body;
  }

  #parseStatement(): Stmt {
    const token = this.stream.current;
    if (token.type !== 'name') this.fail('tag name expected', token.line, token.pos);
    this.#tagStack.push(token.value);
    const statement = this.deeper(() => this.#parseTag(token));
    if (statement === undefined) {
      this.#tagStack.pop();
      return this.#failUnknownTag(token.value, this.#endTokenStack, token);
    }
    this.#tagStack.pop();
    return statement;
  }

  #parseTag(token: Token): Stmt | undefined {
    switch (token.value) {
      case 'for':
        return this.#parseFor();
      case 'if':
        return this.#parseIf();
      case 'set':
        return this.#parseSet();
      case 'macro':
        return this.#parseMacro();
      case 'call':
        return this.#parseCallBlock();
      case 'filter':
        return this.#parseFilterBlock();
      case 'do':
        this.stream.next();
        return { type: 'ExprStmt', node: this.parseTuple(), line: token.line, pos: token.pos };
      case 'break':
      case 'continue':
        this.stream.next();
        return { type: token.value === 'break' ? 'Break' : 'Continue', line: token.line, pos: token.pos };
      case 'print':
        return this.#parsePrint();
      case 'with':
        return this.#parseWith();
      case 'autoescape':
        return this.#parseAutoescape();
      case 'block':
        return this.#parseBlock();
      case 'extends':
        this.stream.next();
        return { type: 'Extends', template: this.parseExpression(), line: token.line, pos: token.pos };
      case 'include':
        return this.#parseInclude();
      case 'import':
        return this.#parseImport();
      case 'from':
        return this.#parseFrom();
    }
    if (!this.#options.dbt) return undefined;
    switch (token.value) {
      case 'materialization':
        return this.#parseMaterialization();
      case 'test':
      case 'data_test':
        return token.value === 'test' ? this.#parseTestBlock() : undefined;
      case 'docs':
        return this.#parseNamedBlock('docs', (name) => `dbt_docs__${name}`);
      default:
        return undefined;
    }
  }

  #parseStatements(endTokens: readonly string[], dropNeedle = false): Stmt[] {
    this.stream.skipIf('colon');
    this.stream.expect('block_end');
    const result = this.#subparse(endTokens);
    if (this.stream.current.type === 'eof')
      this.#failUnknownTag(undefined, [...this.#endTokenStack, endTokens], this.stream.current);
    if (dropNeedle) this.stream.next();
    return result;
  }

  #failUnknownTag(name: string | undefined, ends: readonly (readonly string[])[], at: Token): never {
    const expected = new Set(ends.flatMap((tokens) => tokens.map(describeExpectation)));
    const last = ends.at(-1);
    const looking = last?.map((t) => stringRepr(describeExpectation(t))).join(' or ');
    const message = [
      name === undefined ? 'Unexpected end of template.' : `Encountered unknown tag ${stringRepr(name)}.`,
    ];
    if (looking !== undefined) {
      if (name !== undefined && expected.has(name)) {
        message.push(
          `You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for ${looking}.`,
        );
      } else {
        message.push(`Jinja was looking for the following tags: ${looking}.`);
      }
    }
    const open = this.#tagStack.at(-1);
    if (name === 'snapshot')
      message.push('Move the file into a folder of snapshot-paths: a snapshot block is read there only.');
    if (open !== undefined) message.push(`The innermost block that needs to be closed is ${stringRepr(open)}.`);
    this.fail(message.join(' '), at.line, at.pos);
  }

  #parseSet(): Stmt {
    const { line, pos } = this.stream.next();
    const target = this.parseAssignTarget({ withNamespace: true });
    if (this.stream.skipIf('assign')) return { type: 'Assign', target, node: this.parseTuple(), line, pos };
    const filter = this.parseFilter(null);
    return { type: 'AssignBlock', target, filter, body: this.#parseStatements(['name:endset'], true), line, pos };
  }

  #parseFor(): Stmt {
    const { line, pos } = this.stream.next();
    const target = this.parseAssignTarget();
    this.stream.expect('name:in');
    const iter = this.parseTuple({ withCondition: false });
    const test = this.stream.skipName('if') ? this.parseExpression() : null;
    const recursive = this.stream.skipName('recursive');
    const body = this.#parseStatements(['name:endfor', 'name:else']);
    const else_ = this.stream.next().value === 'endfor' ? [] : this.#parseStatements(['name:endfor'], true);
    return { type: 'For', target, iter, body, else_, test, recursive, line, pos };
  }

  #parseIf(): Stmt {
    const { pos, line } = this.stream.next();
    const result = this.#parseIfBranch(line, pos);
    for (;;) {
      const token = this.stream.next();
      if (token.value === 'elif') {
        result.elif_.push(this.#parseIfBranch(this.stream.current.line, this.stream.current.pos));
        continue;
      }
      if (token.value === 'else') result.else_ = this.#parseStatements(['name:endif'], true);
      return result;
    }
  }

  #parseIfBranch(line: number, pos: number): If {
    const test = this.parseTuple({ withCondition: false });
    const body = this.#parseStatements(['name:elif', 'name:else', 'name:endif']);
    return { type: 'If', test, body, elif_: [], else_: [], line, pos };
  }

  #parseWith(): Stmt {
    const { line, pos } = this.stream.next();
    const targets: Expr[] = [];
    const values: Expr[] = [];
    while (this.stream.current.type !== 'block_end') {
      if (targets.length > 0) this.stream.expect('comma');
      const target = this.parseAssignTarget();
      setContext(target, 'param');
      targets.push(target);
      this.stream.expect('assign');
      values.push(this.parseExpression());
    }
    return { type: 'With', targets, values, body: this.#parseStatements(['name:endwith'], true), line, pos };
  }

  #parseAutoescape(): Stmt {
    const { line, pos } = this.stream.next();
    const value = this.parseExpression();
    const body = this.#parseStatements(['name:endautoescape'], true);
    const modifier: Stmt = {
      type: 'ScopedEvalContextModifier',
      options: [{ type: 'Keyword', key: 'autoescape', value, line, pos }],
      body,
      line,
      pos,
    };
    return { type: 'Scope', body: [modifier], line, pos };
  }

  #parseBlock(): Stmt {
    const { line, pos } = this.stream.next();
    const name = this.stream.expect('name').value;
    const scoped = this.stream.skipName('scoped');
    const required = this.stream.skipName('required');
    if (this.stream.current.type === 'sub') {
      this.fail(
        'Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an ' +
          'underscore instead.',
      );
    }
    const body = this.#parseStatements(['name:endblock'], true);
    const blank = (statement: Stmt) =>
      statement.type === 'Output' && statement.nodes.every((n) => n.type === 'TemplateData' && BLANK.test(n.data));
    if (required && !body.every(blank)) this.fail('Required blocks can only contain comments or whitespace');
    this.stream.skipName(name);
    return { type: 'Block', name, body, scoped, required, line, pos };
  }

  #parseImportContext(fallback: boolean): boolean {
    const token = this.stream.current;
    if (
      token.type === 'name' &&
      (token.value === 'with' || token.value === 'without') &&
      matches(this.stream.look(), 'name:context')
    ) {
      this.stream.next();
      this.stream.next();
      return token.value === 'with';
    }
    return fallback;
  }

  #parseInclude(): Include {
    const { line, pos } = this.stream.next();
    const template = this.parseExpression();
    const ignoreMissing = this.stream.isName('ignore') && matches(this.stream.look(), 'name:missing');
    if (ignoreMissing) {
      this.stream.next();
      this.stream.next();
    }
    return {
      type: 'Include',
      template,
      with_context: this.#parseImportContext(true),
      ignore_missing: ignoreMissing,
      line,
      pos,
    };
  }

  #parseImport(): Import {
    const { line, pos } = this.stream.next();
    const template = this.parseExpression();
    this.stream.expect('name:as');
    const target = this.parseTargetName().name;
    return { type: 'Import', template, target, with_context: this.#parseImportContext(false), line, pos };
  }

  #parseFrom(): Stmt {
    const { line, pos } = this.stream.next();
    const template = this.parseExpression();
    this.stream.expect('name:import');
    const names: (string | readonly [string, string])[] = [];
    let withContext: boolean | undefined;
    const parseContext = (): boolean => {
      const token = this.stream.current;
      if ((token.value !== 'with' && token.value !== 'without') || !matches(this.stream.look(), 'name:context'))
        return false;
      withContext = token.value === 'with';
      this.stream.next();
      this.stream.next();
      return true;
    };
    for (;;) {
      if (names.length > 0) this.stream.expect('comma');
      if (this.stream.current.type !== 'name') this.stream.expect('name');
      if (parseContext()) break;
      const target = this.parseTargetName();
      if (target.name.startsWith('_')) {
        throw new JinjaError('TemplateAssertionError', 'names starting with an underline can not be imported', {
          line: target.line,
        });
      }
      names.push(this.stream.skipName('as') ? [target.name, this.parseTargetName().name] : target.name);
      if (parseContext() || !this.stream.is('comma')) break;
    }
    return { type: 'FromImport', template, names, with_context: withContext ?? false, line, pos };
  }

  #parsePrint(): Stmt {
    const { line, pos } = this.stream.next();
    const nodes: Expr[] = [];
    while (this.stream.current.type !== 'block_end') {
      if (nodes.length > 0) this.stream.expect('comma');
      nodes.push(this.parseExpression());
    }
    return { type: 'Output', nodes, line, pos };
  }

  #parseSignature(): Signature {
    const args: Name[] = [];
    const defaults: Expr[] = [];
    const annotations: (MacroType | undefined)[] = [];
    this.stream.expect('lparen');
    while (this.stream.current.type !== 'rparen') {
      if (args.length > 0) this.stream.expect('comma');
      const arg = this.parseTargetName('param');
      annotations.push(this.#options.dbt && this.stream.skipIf('colon') ? this.#parseTypeName() : undefined);
      if (this.stream.skipIf('assign')) defaults.push(this.parseExpression());
      else if (defaults.length > 0) this.fail('non-default argument follows default argument');
      args.push(arg);
    }
    this.stream.expect('rparen');
    return { args, defaults, annotations };
  }

  #parseTypeName(): MacroType {
    const name = this.stream.expect('name').value;
    const params: MacroType[] = [];
    if (this.stream.skipIf('lbracket')) {
      while (this.stream.current.type !== 'rbracket') {
        if (params.length > 0) this.stream.expect('comma');
        params.push(this.deeper(() => this.#parseTypeName()));
      }
      this.stream.expect('rbracket');
    }
    return { name, params };
  }

  #parseCallBlock(): CallBlock {
    const { line, pos } = this.stream.next();
    const { args, defaults } =
      this.stream.current.type === 'lparen' ? this.#parseSignature() : { args: [], defaults: [] };
    const call = this.parseExpression();
    if (call.type !== 'Call') this.fail('expected call', line, pos);
    return { type: 'CallBlock', call, args, defaults, body: this.#parseStatements(['name:endcall'], true), line, pos };
  }

  #parseFilterBlock(): Stmt {
    const { line, pos } = this.stream.next();
    const filter = this.parseFilter(null, true);
    if (filter === null) return this.fail('expected a filter', line, pos);
    return { type: 'FilterBlock', body: this.#parseStatements(['name:endfilter'], true), filter, line, pos };
  }

  #parseMacro(): Macro {
    const { line, pos } = this.stream.next();
    const writtenName = this.parseTargetName().name;
    const signature = this.#parseSignature();
    const body = this.#parseStatements(['name:endmacro'], true);
    const name = this.#options.dbt ? `dbt_macro__${writtenName}` : writtenName;
    return { type: 'Macro', name, writtenName, blockType: 'macro', ...signature, body, line, pos };
  }

  #parseTestBlock(): Macro {
    const { line, pos } = this.stream.next();
    const writtenName = this.parseTargetName().name;
    const signature = this.#parseSignature();
    const body = this.#parseStatements(['name:endtest'], true);
    return {
      type: 'Macro',
      name: `dbt_macro__test_${writtenName}`,
      writtenName,
      blockType: 'test',
      ...signature,
      body,
      line,
      pos,
    };
  }

  #parseNamedBlock(tag: string, prefixed: (name: string) => string): Macro {
    const { line, pos } = this.stream.next();
    const writtenName = this.parseTargetName().name;
    const body = this.#parseStatements([`name:end${tag}`], true);
    return {
      type: 'Macro',
      name: prefixed(writtenName),
      writtenName,
      blockType: tag,
      args: [],
      defaults: [],
      annotations: [],
      body,
      line,
      pos,
    };
  }

  #parseMaterialization(): Macro {
    const { line, pos } = this.stream.next();
    const writtenName = this.parseTargetName().name;
    let adapter = 'default';
    const args: Name[] = [];
    const defaults: Expr[] = [];
    while (this.stream.skipIf('comma')) {
      const target = this.parseTargetName();
      switch (target.name) {
        case 'default':
          break;
        case 'adapter': {
          this.stream.expect('assign');
          const value = this.parseExpression();
          if (value.type !== 'Const' || typeof value.value !== 'string')
            return this.fail('the adapter of a materialization must be a string', value.line, value.pos);
          adapter = value.value;
          break;
        }
        case 'supported_languages':
          target.ctx = 'param';
          args.push(target);
          this.stream.expect('assign');
          defaults.push(this.parseExpression());
          break;
        default:
          this.fail(
            `materialization '${writtenName}' received unknown argument '${target.name}'.`,
            target.line,
            target.pos,
          );
      }
    }
    if (args.length === 0) {
      // Nodes that are not in the source have no line.
      args.push({ type: 'Name', name: 'supported_languages', ctx: 'param', line: 0, pos });
      defaults.push({ type: 'List', items: [{ type: 'Const', value: 'sql', line: 0, pos }], line: 0, pos });
    }
    const body = this.#parseStatements(['name:endmaterialization'], true);
    return {
      type: 'Macro',
      name: `dbt_macro__materialization_${writtenName}_${adapter}`,
      writtenName,
      blockType: 'materialization',
      args,
      defaults,
      annotations: args.map(() => undefined),
      body,
      line,
      pos,
    };
  }
}

/** What a syntax error needs to report its position. */
export interface SourceInfo {
  readonly name: string;
  readonly path?: string | undefined;
  /** File line on which the source begins; default 1. */
  readonly line?: number | undefined;
}

/**
 * Parses a template to its tree.
 * @throws JinjaError with jinja2's message, the line, the column and the line's text
 */
export function parseSource(
  source: string,
  lexer: Lexer = new Lexer(),
  options: ParserOptions = { dbt: true },
  info: SourceInfo = { name: '' },
): TemplateNode {
  const text = lexer.normalize(source);
  try {
    return new Parser(lexer.tokenize(text), options).parse();
  } catch (error) {
    if (error instanceof JinjaError) locate(error, text, info);
    if (error instanceof RangeError)
      throw new JinjaError('LimitError', 'the template is nested too deeply', { path: info.path });
    throw error;
  }
}

function locate(error: JinjaError, text: string, info: SourceInfo): void {
  error.template ??= info.name;
  const { details } = error;
  if (details.line === undefined) return;
  const lineText = text.split('\n')[details.line - 1];
  const column = columnOf(error, text);
  if (column !== undefined) details.column = column;
  details.lineText ??= lineText;
  details.path ??= info.path;
  details.line += (info.line ?? 1) - 1;
}
