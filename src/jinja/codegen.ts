// Translates the statements of a template to JavaScript: one function each for the template, a macro, a call block, a
// block and a recursive loop. A function that may call something is a generator function, because only calls can wait.
// See also codegen-expressions.ts, codegen-loops.ts and codegen-functions.ts; runtime.ts is what the generated code
// calls.
import { JinjaError } from '../values/python-error.ts';
import { stringRepr } from '../values/text.ts';
import type { CallBlock, Expr, FromImport, If, Include, Import, Macro, Stmt, TemplateNode } from './ast.ts';
import type { FunctionUnit } from './codegen-expressions.ts';
import { LoopCodegen } from './codegen-loops.ts';
import { type Frame, rootFrame } from './codegen-output.ts';
import type { MacroInfo } from './macro-callable.ts';
import { Symbols } from './symbols.ts';
import { undeclaredNames, walk } from './walk.ts';

/** The generated source of a template and the constants that it references. */
export interface GeneratedCode {
  readonly source: string;
  readonly constants: readonly unknown[];
}

export class Codegen extends LoopCodegen {
  /** Whether other templates or blocks must see the names at the top level. */
  #exports = false;
  #hasExtends = false;
  readonly #blocks = new Map<string, string>();

  /** Generates a whole template: the source of a function of the runtime that returns `{ root, blocks }`. */
  template(node: TemplateNode, forceExports: boolean): GeneratedCode {
    walk([node], (n) => {
      if (
        n.type === 'Include' ||
        n.type === 'Import' ||
        n.type === 'FromImport' ||
        n.type === 'Block' ||
        n.type === 'Extends'
      )
        this.#exports = true;
      if (n.type === 'Extends') this.#hasExtends = true;
    });
    this.#exports ||= forceExports;
    const seen = new Set<string>();
    walk([node], (n) => {
      if (n.type !== 'Block') return;
      if (seen.has(n.name))
        throw new JinjaError('TemplateAssertionError', `block ${stringRepr(n.name)} defined twice`, { line: n.line });
      seen.add(n.name);
      this.#blocks.set(
        n.name,
        this.functionSource(
          ['$c'],
          (unit) => {
            const symbols = new Symbols(undefined, this.nextId);
            if (undeclaredNames(n.body, ['self']).has('self')) this.#declareSelf(symbols, unit);
            if (undeclaredNames(n.body, ['super']).has('super')) {
              unit.code.push(
                `const ${symbols.declareParameter('super')} = $.superBlock($r, $c, ${JSON.stringify(n.name)}, $block);`,
              );
              unit.extraParameters.push('$block');
            }
            symbols.analyze(n.body);
            const frame: Frame = {
              ...rootFrame(symbols),
              toplevel: false,
              toplevelBuffer: false,
              joined: this.openJoin(n.body),
            };
            this.enterFrame(frame);
            this.statements(n.body, frame);
            this.closeJoin(frame, 0);
          },
          `block ${stringRepr(n.name)}`,
        ),
      );
    });
    const root = this.functionSource(
      ['$c'],
      (unit) => {
        const symbols = new Symbols(undefined, this.nextId);
        if (undeclaredNames(node.body, ['self']).has('self')) this.#declareSelf(symbols, unit);
        symbols.analyze(node.body);
        const frame: Frame = {
          ...rootFrame(symbols),
          checksOutput: this.#hasExtends,
          joined: this.native ? null : this.openJoin(node.body),
        };
        if (this.#hasExtends) unit.code.push('let $parent = null;');
        this.enterFrame(frame);
        this.statements(node.body, frame);
        this.closeJoin(frame, 0);
        if (this.#hasExtends)
          unit.code.push(this.waiting('if ($parent !== null) return o + ', '$.extend($r, $c, $parent)', ';'));
      },
      'template',
    );
    const blocks = [...this.#blocks].map(([name, source]) => `[${JSON.stringify(name)}, ${source}]`).join(',\n');
    return {
      source:
        `${this.nested.join('\n')}\nreturn ($r, $c) => { return { root: ${root},\nblocks: new Map([${blocks}]) };` +
        ' };',
      constants: this.constants,
    };
  }

  /**
   * Generates one macro that dbt calls: the source of a function of the runtime that returns the macro's function of
   * state, context and arguments.
   */
  macro(node: Macro): { readonly code: GeneratedCode; readonly info: MacroInfo } {
    const { source, description } = this.macroFunction(node, new Symbols(undefined, this.nextId), {
      toplevel: true,
      autoescape: false,
    });
    const code = { source: `${this.nested.join('\n')}\nreturn (${source});`, constants: this.constants };
    return { code, info: description };
  }

  #declareSelf(symbols: Symbols, unit: FunctionUnit): void {
    unit.code.push(`const ${symbols.declareParameter('self')} = $.self($r, $c);`);
  }

  protected override statements(nodes: readonly Stmt[], frame: Frame): void {
    for (const node of nodes) this.#statement(node, frame);
  }

  #statement(node: Stmt, frame: Frame): void {
    switch (node.type) {
      case 'Output':
        this.output(node.nodes, frame);
        return;
      case 'ExprStmt': {
        this.line(node.line);
        if (this.writeReturn(node.node, frame, false)) return;
        this.mark(node.line, frame);
        this.write(`${this.expression(node.node, frame)};`);
        return;
      }
      case 'Assign':
        this.line(node.line);
        this.mark(node.line, frame);
        this.assign(node.target, this.expression(node.node, frame), frame);
        return;
      case 'If':
        this.#if(node, frame);
        return;
      case 'For':
        this.for(node, frame);
        return;
      case 'Macro':
        this.#localMacro(node, frame);
        return;
      case 'CallBlock':
        this.#callBlock(node, frame);
        return;
      case 'AssignBlock': {
        const inner = this.#openBuffer({ ...frame, checksOutput: false }, node.line, node.body);
        this.statements(node.body, inner);
        this.#closeBuffer(inner, node.line);
        const text = frame.autoescape ? `$.markup(${inner.buffer})` : inner.buffer;
        const value =
          node.filter === null ? text : this.filterChain(node.filter, text, { ...inner, conditional: false });
        this.write(`${inner.buffer} = ${value};`);
        this.write(`} `);
        this.assign(node.target, inner.buffer, frame);
        return;
      }
      case 'FilterBlock': {
        const inner = this.#openBuffer(frame, node.line, node.body);
        this.statements(node.body, inner);
        this.#closeBuffer(inner, node.line);
        const value = frame.autoescape ? `$.markup(${inner.buffer})` : inner.buffer;
        this.write(`${inner.buffer} = ${this.filterChain(node.filter, value, { ...inner, conditional: false })};`);
        this.write('}');
        this.writeValue(inner.buffer, node.line, frame);
        return;
      }
      case 'With': {
        const symbols = frame.symbols.inner();
        symbols.analyze(node.targets);
        symbols.analyze(node.body);
        const inner: Frame = { ...frame, symbols, toplevel: false, conditional: false };
        this.line(node.line);
        const values = node.values.map((value) => {
          const temporary = this.temporary();
          this.write(`${temporary} = ${this.expression(value, frame)};`);
          return temporary;
        });
        this.write('{');
        for (const [variable, load] of symbols.loads) if (load.kind === 'parameter') this.write(`let ${variable};`);
        this.enterFrame(inner);
        node.targets.forEach((target, i) => {
          this.assign(target, values[i] as string, inner);
        });
        this.statements(node.body, inner);
        this.write('}');
        return;
      }
      case 'Scope': {
        const symbols = frame.symbols.inner();
        symbols.analyze(node.body);
        this.write('{');
        const inner: Frame = { ...frame, symbols, toplevel: false, conditional: false };
        this.enterFrame(inner);
        this.statements(node.body, inner);
        this.write('}');
        return;
      }
      case 'ScopedEvalContextModifier': {
        const value = node.options[0]?.value;
        const autoescape = value?.type === 'Const' && value.value !== false && value.value !== null;
        this.statements(node.body, { ...frame, autoescape });
        return;
      }
      case 'Break':
      case 'Continue':
        if (frame.loopLine === 0)
          throw new JinjaError(
            'TemplateSyntaxError',
            node.type === 'Break' ? "'break' outside loop" : "'continue' not properly in loop",
            { line: node.line },
          );
        this.write(node.type === 'Break' ? 'break;' : `$l = ${frame.loopLine}; continue;`);
        return;
      case 'Block': {
        this.line(node.line);
        const context = node.scoped ? `$.deriveBlock($c, ${this.#localContext(frame)})` : '$c';
        const guard = this.#hasExtends && frame.toplevel ? 'if ($parent === null) ' : '';
        this.write(`${guard}{`);
        if (node.required) this.write(`$.checkRequired($c, ${JSON.stringify(node.name)});`);
        this.mark(node.line, frame);
        this.write(this.waiting(`${frame.buffer} += `, `$.block($r, ${context}, ${JSON.stringify(node.name)})`, ';'));
        this.write('}');
        return;
      }
      case 'Extends':
        this.line(node.line);
        if (!frame.toplevel)
          throw new JinjaError('TemplateAssertionError', 'cannot use extend from a non top-level scope', {
            line: node.line,
          });
        this.write('if ($parent !== null) $.extendedTwice();');
        this.write(`$parent = $.parentTemplate($r, $c, ${this.expression(node.template, frame)});`);
        return;
      case 'Include':
        this.#include(node, frame);
        return;
      case 'Import':
      case 'FromImport':
        this.#import(node, frame);
        return;
    }
  }

  /** Generates the start of a block that writes to its own buffer. The caller generates the closing brace. */
  #openBuffer(frame: Frame, line: number, body: readonly Stmt[]): Frame {
    const id = this.nextId();
    const symbols = frame.symbols.inner();
    symbols.analyze(body);
    const inner: Frame = {
      ...frame,
      symbols,
      toplevel: false,
      conditional: false,
      buffer: `o$${id}`,
      traceFrame: `$f$${id}`,
      toplevelBuffer: false,
      joined: this.openJoin(body),
    };
    this.line(line);
    this.declare(`let ${inner.buffer};`);
    this.write('{');
    this.write(
      `${inner.buffer} = ""; const ${inner.traceFrame} = $r.trace === null ? null : $r.trace.enter($info, "");`,
    );
    this.enterFrame(inner);
    return inner;
  }

  #closeBuffer(inner: Frame, line: number): void {
    this.line(line);
    this.closeJoin(inner, line);
    this.write(
      `if (${inner.traceFrame} !== null) { ${inner.traceFrame}.result = ${inner.buffer}; ` +
        `$r.trace.leave(${inner.traceFrame}); }`,
    );
  }

  protected override assign(target: Expr, value: string, frame: Frame): void {
    switch (target.type) {
      case 'Name': {
        const variable = frame.symbols.variable(target.name);
        this.write(`${variable} = ${value};`);
        if (frame.toplevel && this.#exports) this.write(`$c.export(${JSON.stringify(target.name)}, ${variable});`);
        return;
      }
      case 'NSRef':
        this.write(`$.setNamespace(${this.load(target.name, frame)}, ${JSON.stringify(target.attr)}, ${value});`);
        return;
      case 'Tuple': {
        const items = this.temporary();
        this.write(`${items} = $.unpack(${value}, ${target.items.length});`);
        target.items.forEach((item, i) => {
          this.assign(item, `${items}[${i}]`, frame);
        });
        return;
      }
      default:
        throw new JinjaError('TemplateSyntaxError', `can't assign to ${stringRepr(target.type.toLowerCase())}`, {
          line: target.line,
        });
    }
  }

  #if(node: If, frame: Frame): void {
    const inner: Frame = { ...frame, conditional: true };
    this.line(node.line);
    this.write(`if (${this.condition(node.test, inner)}) {`);
    this.statements(node.body, inner);
    for (const branch of node.elif_) {
      this.write('} else {');
      this.line(branch.line);
      this.write(`if (${this.condition(branch.test, inner)}) {`);
      this.statements(branch.body, inner);
    }
    if (node.else_.length > 0) {
      this.write('} else {');
      this.statements(node.else_, inner);
    }
    this.write('}'.repeat(node.elif_.length + 1));
  }

  #localMacro(node: Macro, frame: Frame): void {
    const { source, info } = this.macroFunction(node, frame.symbols.inner(), {
      toplevel: false,
      autoescape: frame.autoescape,
    });
    const variable = frame.symbols.variable(node.name);
    this.line(node.line);
    this.write(`${variable} = $.macro(${info}, ${source}, $r);`);
    if (frame.toplevel && this.#exports) this.write(`$c.export(${JSON.stringify(node.name)}, ${variable});`);
  }

  #callBlock(node: CallBlock, frame: Frame): void {
    const { source, info } = this.macroFunction({ ...node, name: null }, frame.symbols.inner(), {
      toplevel: false,
      autoescape: frame.autoescape,
    });
    const caller = this.temporary();
    this.line(node.line);
    this.write(`${caller} = $.macro(${info}, ${source}, $r);`);
    const value = this.temporary();
    this.write(`${value} = ${this.call(node.call, frame, caller)};`);
    this.writeValue(value, node.line, frame);
  }

  #localContext(frame: Frame): string {
    const stores = [...frame.symbols.visibleStores()];
    return `{${stores.map(([name, variable]) => `${JSON.stringify(name)}: ${variable}`).join(', ')}}`;
  }

  #include(node: Include, frame: Frame): void {
    this.line(node.line);
    const context = node.with_context ? `$.derive($c, ${this.#localContext(frame)})` : '$.fresh($c)';
    this.mark(node.line, frame);
    this.write(
      this.waiting(
        `${frame.buffer} += `,
        `$.include($r, ${context}, ${this.expression(node.template, frame)}, ${node.ignore_missing})`,
        ';',
      ),
    );
  }

  #import(node: Import | FromImport, frame: Frame): void {
    this.line(node.line);
    const context = node.with_context ? `$.derive($c, ${this.#localContext(frame)})` : '$.fresh($c)';
    const module = this.temporary();
    this.write(this.waiting(`${module} = `, `$.import($r, ${context}, ${this.expression(node.template, frame)})`, ';'));
    const names: readonly (readonly [string, string])[] =
      node.type === 'Import'
        ? []
        : node.names.map((name) => (typeof name === 'string' ? [name, name] : [name[0], name[1]]));
    const store = (name: string, value: string) => {
      const variable = frame.symbols.variable(name);
      this.write(`${variable} = ${value};`);
      if (frame.toplevel && this.#exports) this.write(`$c.importedName(${JSON.stringify(name)}, ${variable});`);
    };
    if (node.type === 'Import') store(node.target, module);
    for (const [name, alias] of names) store(alias, `$.importedName(${module}, ${JSON.stringify(name)})`);
  }
}
