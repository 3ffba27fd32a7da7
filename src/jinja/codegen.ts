// Turns the statements of a template into JavaScript: one function for the template, one for each macro, call block,
// block and recursive loop. A function is a generator when something in it can be called, since only a call may have to
// wait. Expressions are in codegen-expressions.ts; what the generated code calls is in runtime.ts.
import { JinjaError } from '../values/python-error.ts';
import { stringRepr } from '../values/text.ts';
import type { CallBlock, Expr, For, FromImport, If, Include, Import, Macro, Name, Stmt, TemplateNode } from './ast.ts';
import type { FunctionUnit } from './codegen-expressions.ts';
import { type Frame, OutputCodegen, rootFrame } from './codegen-output.ts';
import type { MacroInfo } from './macro-callable.ts';
import { Symbols } from './symbols.ts';
import { hasCall, undeclaredNames, usesLoop, walk } from './walk.ts';
import { shapeOf } from './unpack.ts';

/** Source of a compiled template and the constants that it refers to. */
export interface GeneratedCode {
  readonly source: string;
  readonly constants: readonly unknown[];
}

/** Stands for the variables around a function until all of it is written. */
const OUTER = '$outer';

export class Codegen extends OutputCodegen {
  /** Whether names at the top level must be known to other templates or blocks. */
  private exports = false;
  private hasExtends = false;
  private readonly blocks = new Map<string, string>();
  /** Functions of local macros and call blocks. */
  private readonly nested: string[] = [];

  /** A whole template: source of a function of the runtime that gives `{ root, blocks }`. */
  template(node: TemplateNode, forceExports: boolean): GeneratedCode {
    walk([node], (n) => {
      if (
        n.type === 'Include' ||
        n.type === 'Import' ||
        n.type === 'FromImport' ||
        n.type === 'Block' ||
        n.type === 'Extends'
      )
        this.exports = true;
      if (n.type === 'Extends') this.hasExtends = true;
    });
    this.exports ||= forceExports;
    const seen = new Set<string>();
    walk([node], (n) => {
      if (n.type !== 'Block') return;
      if (seen.has(n.name))
        throw new JinjaError('TemplateAssertionError', `block ${stringRepr(n.name)} defined twice`, { line: n.line });
      seen.add(n.name);
      this.blocks.set(
        n.name,
        this.functionSource(
          ['$c'],
          (unit) => {
            const symbols = new Symbols(undefined, this.nextId);
            if (undeclaredNames(n.body, ['self']).has('self')) this.declareSelf(symbols, unit);
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
        if (undeclaredNames(node.body, ['self']).has('self')) this.declareSelf(symbols, unit);
        symbols.analyze(node.body);
        const frame: Frame = {
          ...rootFrame(symbols),
          checksOutput: this.hasExtends,
          joined: this.native ? null : this.openJoin(node.body),
        };
        if (this.hasExtends) unit.code.push('let $parent = null;');
        this.enterFrame(frame);
        this.statements(node.body, frame);
        this.closeJoin(frame, 0);
        if (this.hasExtends)
          unit.code.push(this.waiting('if ($parent !== null) return o + ', '$.extend($r, $c, $parent)', ';'));
      },
      'template',
    );
    const blocks = [...this.blocks].map(([name, source]) => `[${JSON.stringify(name)}, ${source}]`).join(',\n');
    return {
      source:
        `${this.nested.join('\n')}\nreturn ($r, $c) => { return { root: ${root},\nblocks: new Map([${blocks}]) };` +
        ' };',
      constants: this.constants,
    };
  }

  /**
   * One macro that dbt calls: source of a function of the runtime that gives the macro's function of a state, a context
   * and arguments.
   */
  macro(node: Macro): { readonly code: GeneratedCode; readonly info: MacroInfo } {
    const { source, description } = this.macroFunction(node, new Symbols(undefined, this.nextId), {
      toplevel: true,
      autoescape: false,
    });
    const code = { source: `${this.nested.join('\n')}\nreturn ${source};`, constants: this.constants };
    return { code, info: description };
  }

  private declareSelf(symbols: Symbols, unit: FunctionUnit): void {
    unit.code.push(`const ${symbols.declareParameter('self')} = $.self($r, $c);`);
  }

  /**
   * Writes a function. `fill` writes the statements; around them go the variables, the guard that adds the place to an
   * error, and the bookkeeping of the trace.
   */
  private functionSource(
    parameters: readonly string[],
    fill: (unit: FunctionUnit) => void,
    label: string,
    catchesReturn = false,
  ): string {
    const unit = this.openUnit();
    fill(unit);
    this.closeUnit(unit);
    const star = unit.waits ? '*' : '';
    const temporaries =
      unit.temporaries > 0 ? `let ${Array.from({ length: unit.temporaries }, (_, i) => `$${i}`).join(', ')}, $k;` : '';
    const globals = [...unit.globals]
      .map(([name, variable]) => `const ${variable} = $.global($c, ${JSON.stringify(name)});`)
      .join(' ');
    const name = this.constant(label);
    return (
      `function${star} (${[...parameters, ...unit.extraParameters].join(', ')}) {
let $l = 0, o = "", $f = null; ${this.native && label === 'template' ? 'const $n = [];' : ''} ` +
      `${temporaries} ${unit.declarations.join(' ')}
$r.enter();
const $d = $r.depth;
try {
if ($r.trace !== null) $f = $r.trace.enter($info, ${name});
${globals}
${unit.code.join('\n')}
if (o.length > $r.limits.output) throw $r.tooLong();
if ($f !== null) $f.result = o;
return ${this.native && label === 'template' ? '$.nativeConcat($n)' : 'o'};
} catch (e) {
${catchesReturn ? 'if (e instanceof $.ReturnSignal) { if ($f !== null) { $f.result = e.value; $f.returned = $l; } return e.value;' + ' }' : ''}
throw $.fail(e, $l, $info, ${name}, $r);
} finally {
$r.depth = $d - 1;
if ($f !== null) $r.trace.leave($f);
}
}`
    );
  }

  /** Declares the variables of a frame. */
  private enterFrame(frame: Frame): void {
    for (const [variable, load] of frame.symbols.loads) {
      switch (load.kind) {
        case 'parameter':
          break;
        case 'resolve':
          this.write(`let ${variable} = ${this.global(load.name)};`);
          break;
        case 'alias':
          this.write(`let ${variable} = ${load.from};`);
          break;
        case 'missing':
          this.write(`let ${variable};`);
      }
    }
  }

  private statements(nodes: readonly Stmt[], frame: Frame): void {
    for (const node of nodes) this.statement(node, frame);
  }

  private statement(node: Stmt, frame: Frame): void {
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
        this.if(node, frame);
        return;
      case 'For':
        this.for(node, frame);
        return;
      case 'Macro':
        this.localMacro(node, frame);
        return;
      case 'CallBlock':
        this.callBlock(node, frame);
        return;
      case 'AssignBlock': {
        const inner = this.openBuffer({ ...frame, checksOutput: false }, node.line, node.body);
        this.statements(node.body, inner);
        this.closeBuffer(inner, node.line);
        const text = frame.autoescape ? `$.markup(${inner.buffer})` : inner.buffer;
        const value =
          node.filter === null ? text : this.filterChain(node.filter, text, { ...inner, conditional: false });
        this.write(`${inner.buffer} = ${value};`);
        this.write(`} `);
        this.assign(node.target, inner.buffer, frame);
        return;
      }
      case 'FilterBlock': {
        const inner = this.openBuffer(frame, node.line, node.body);
        this.statements(node.body, inner);
        this.closeBuffer(inner, node.line);
        this.write(
          `${inner.buffer} = ` +
            `${this.filterChain(node.filter, frame.autoescape ? `$.markup(${inner.buffer})` : inner.buffer, { ...inner, conditional: false })};`,
        );
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
        const context = node.scoped ? `$.deriveBlock($c, ${this.localContext(frame)})` : '$c';
        const guard = this.hasExtends && frame.toplevel ? 'if ($parent === null) ' : '';
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
        this.include(node, frame);
        return;
      case 'Import':
      case 'FromImport':
        this.import(node, frame);
        return;
    }
  }

  /** Begins a block whose output goes to a buffer of its own; the caller writes the closing brace. */
  private openBuffer(frame: Frame, line: number, body: readonly Stmt[]): Frame {
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

  private closeBuffer(inner: Frame, line: number): void {
    this.line(line);
    this.closeJoin(inner, line);
    this.write(
      `if (${inner.traceFrame} !== null) { ${inner.traceFrame}.result = ${inner.buffer}; ` +
        `$r.trace.leave(${inner.traceFrame}); }`,
    );
  }

  private assign(target: Expr, value: string, frame: Frame): void {
    switch (target.type) {
      case 'Name': {
        const variable = frame.symbols.variable(target.name);
        this.write(`${variable} = ${value};`);
        if (frame.toplevel && this.exports) this.write(`$c.export(${JSON.stringify(target.name)}, ${variable});`);
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

  private if(node: If, frame: Frame): void {
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

  private for(node: For, frame: Frame): void {
    const symbols = frame.symbols.inner();
    const loop = usesLoop(node) ? symbols.declareParameter('loop') : undefined;
    symbols.analyze([node.target], true);
    symbols.analyze(node.body);
    walk([node], (n) => {
      if (n.type === 'Name' && n.name === 'loop' && n.ctx === 'store')
        throw new JinjaError('TemplateAssertionError', "Can't assign to special loop variable in for-loop target", {
          line: n.line,
        });
    });
    this.line(node.line);
    const iterable = this.expression(node.iter, frame);
    if (node.recursive) {
      this.recursiveLoop(node, frame, symbols, loop as string, iterable);
      return;
    }
    const source = this.temporary();
    this.write(`${source} = ${iterable};`);
    // jinja2 asks for the items where the condition stands.
    const loopLine = node.test === null || loop !== undefined ? node.line : node.test.line;
    this.loopBody(
      node,
      { ...frame, symbols, toplevel: false, conditional: false, loopLine },
      frame,
      loop,
      source,
      '0',
      'null',
    );
  }

  /** The rounds of a loop over the value of the variable `source`. */
  private loopBody(
    node: For,
    inner: Frame,
    outer: Frame,
    loop: string | undefined,
    source: string,
    depth: string,
    recursion: string,
  ): void {
    const item = `$i${this.nextId()}`;
    const empty = node.else_.length > 0 ? `$e${this.nextId()}` : undefined;
    this.write('{');
    if (empty !== undefined) this.write(`let ${empty} = true;`);
    if (loop === undefined) {
      this.line(inner.loopLine);
      this.write(`for (const ${item} of $.iterate(${source})) {`);
      this.write(`$r.step(${inner.buffer}.length);`);
      if (node.test !== null) this.loopTest(node, outer, item, (condition) => `if (!${condition}) continue;`);
    } else {
      let next = `${loop}.advance()`;
      if (node.test === null) {
        this.write(`const ${loop} = $.loop(${source}, ${depth}, ${recursion});`);
      } else {
        const waits = hasCall(node.test);
        this.write(
          `const ${loop} = $.loop($.filtered(${source}, ${waits ? 'function* ' : ''}(${item})${waits ? '' : ' =>'} {`,
        );
        this.write(`$r.step(${inner.buffer}.length);`);
        this.loopTest(node, outer, item, (condition) => `return ${condition};`);
        this.write(
          `}, ${JSON.stringify(shapeOf(node.target))}, (e) => $.fail(e, ${node.test.line}, $info, "", $r)), ` +
            `${depth}, ${recursion});`,
        );
        if (waits) {
          this.waitingLoops.add(loop);
          next = `(${this.resumed(`${loop}.prepare(1)`)}, ${next})`;
        }
      }
      this.write(`while (${next}) {`);
      this.write(`$r.step(${inner.buffer}.length);`);
      this.write(`const ${item} = ${loop}.current;`);
    }
    for (const [variable, load] of inner.symbols.loads)
      if (load.kind === 'parameter' && variable !== loop) this.write(`let ${variable};`);
    this.enterFrame(inner);
    this.line(node.line);
    this.assign(node.target, item, { ...inner, toplevel: false });
    this.statements(node.body, inner);
    this.line(inner.loopLine, false);
    // At the end, as in jinja2: a round that was left by break or continue does not count.
    if (empty !== undefined) this.write(`${empty} = false;`);
    this.write('}');
    if (empty !== undefined) {
      const symbols = outer.symbols.inner();
      symbols.analyze(node.else_);
      this.write(`if (${empty}) {`);
      const frame: Frame = { ...inner, symbols, conditional: false, loopLine: outer.loopLine };
      this.enterFrame(frame);
      this.statements(node.else_, frame);
      this.write('}');
    }
    this.write('}');
  }

  private loopTest(node: For, outer: Frame, item: string, use: (condition: string) => string): void {
    const symbols = outer.symbols.inner();
    symbols.analyze([node.target], true);
    symbols.analyze([node.test as Expr]);
    const frame: Frame = { ...outer, symbols, toplevel: false, conditional: false };
    this.write('{');
    for (const [variable, load] of symbols.loads) if (load.kind === 'parameter') this.write(`let ${variable};`);
    this.enterFrame(frame);
    this.assign(node.target, item, frame);
    this.write(use(this.condition(node.test as Expr, frame)));
    this.write('}');
  }

  private recursiveLoop(node: For, frame: Frame, symbols: Symbols, loop: string, iterable: string): void {
    const id = this.nextId();
    const fn = `$loop${id}`;
    const first = this.temporary();
    this.write(`${first} = ${iterable};`);
    const source = this.functionSource(
      ['$source', '$depth'],
      (unit) => {
        const outer: Frame = {
          ...frame,
          buffer: 'o',
          traceFrame: '$f',
          mayReturn: false,
          toplevel: false,
          toplevelBuffer: false,
          joined: this.openJoin([...node.body, ...node.else_]),
        };
        const inner: Frame = { ...outer, symbols, conditional: false, loopLine: node.line };
        this.loopBody(node, inner, outer, loop, '$source', '$depth', fn);
        this.closeJoin(outer, unit.line);
      },
      'recursive loop',
    );
    this.write(`const ${fn} = ${source};`);
    const printed = this.temporary();
    this.write(this.waiting(`${printed} = `, `${fn}(${first}, 0)`, ';'));
    this.writeOutput(printed, node.line, { ...frame, checksOutput: false });
  }

  private localMacro(node: Macro, frame: Frame): void {
    const { source, info } = this.macroFunction(node, frame.symbols.inner(), {
      toplevel: false,
      autoescape: frame.autoescape,
    });
    const variable = frame.symbols.variable(node.name);
    this.line(node.line);
    this.write(`${variable} = $.macro(${info}, ${source}, $r);`);
    if (frame.toplevel && this.exports) this.write(`$c.export(${JSON.stringify(node.name)}, ${variable});`);
  }

  private callBlock(node: CallBlock, frame: Frame): void {
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

  /** The function of a macro or call block, and the constant that describes it. */
  private macroFunction(
    node: {
      name: string | null;
      args: readonly Name[];
      defaults: readonly Expr[];
      body: readonly Stmt[];
      line: number;
    },
    symbols: Symbols,
    options: { toplevel: boolean; autoescape: boolean },
  ): { source: string; info: string; description: MacroInfo } {
    const special = undeclaredNames(node.body, ['caller', 'kwargs', 'varargs']);
    const names = node.args.map((a) => a.name);
    const explicit = names.indexOf('caller');
    if (special.has('caller') && explicit >= 0 && explicit < names.length - node.defaults.length) {
      throw new JinjaError(
        'TemplateAssertionError',
        'When defining macros or call blocks the special "caller" argument must be omitted or be given a default.',
        { line: node.line },
      );
    }
    const info: MacroInfo = {
      name: node.name,
      arguments: names,
      caller: special.has('caller'),
      appendCaller: special.has('caller') && explicit < 0,
      catchKwargs: special.has('kwargs') && !names.includes('kwargs'),
      catchVarargs: special.has('varargs') && !names.includes('varargs'),
      autoescape: options.autoescape,
    };
    const outer = symbols.parent;
    const source = this.functionSource(
      outer === undefined ? ['$r', '$c', '$a'] : ['$r', '$c', OUTER, '$a'],
      (unit) => {
        names.forEach((name, i) => {
          unit.code.push(`let ${symbols.declareParameter(name)} = $a[${i}];`);
        });
        let index = names.length;
        for (const [used, name] of [
          [info.appendCaller, 'caller'],
          [info.catchKwargs, 'kwargs'],
          [info.catchVarargs, 'varargs'],
        ] as const) {
          if (used) unit.code.push(`let ${symbols.declareParameter(name)} = $a[${index++}];`);
        }
        symbols.analyze(node.defaults);
        symbols.analyze(node.body);
        const frame: Frame = {
          ...rootFrame(symbols),
          toplevel: false,
          mayReturn: options.toplevel,
          autoescape: options.autoescape,
          toplevelBuffer: false,
          joined: this.openJoin(node.body),
        };
        this.enterFrame(frame);
        this.line(node.line);
        this.unsetParameters = new Set(names.map((name) => symbols.variable(name)));
        names.forEach((name, i) => {
          const variable = symbols.variable(name);
          const fallback = node.defaults[i - names.length + node.defaults.length];
          const value =
            fallback === undefined ? `$.missingParameter(${JSON.stringify(name)})` : this.expression(fallback, frame);
          this.write(`if (${variable} === undefined) ${variable} = ${value};`);
          this.unsetParameters.delete(variable);
        });
        this.statements(node.body, frame);
        this.closeJoin(frame, unit.line);
      },
      node.name ?? 'caller',
      options.toplevel,
    );
    return {
      source: outer === undefined ? source : this.nest(source, outer),
      info: this.constant(info),
      description: info,
    };
  }

  /**
   * Puts a function beside the others and gives one that calls it with the variables around it as they are by then.
   * Made anew with each run of the code around it, a generator function would cost V8 more than its call, and hold what
   * it sees until the next full collection.
   */
  private nest(source: string, outer: Symbols): string {
    const named = new Set(source.match(/\w+\$\d+/g));
    const used = ['$r', '$c', ...outer.variables().filter((variable) => named.has(variable))];
    const name = `$m${this.nextId()}`;
    this.nested.push(`const ${name} = ${source.replace(`$r, $c, ${OUTER}`, () => used.join(', '))};`);
    return `($a) => ${name}(${used.join(', ')}, $a)`;
  }

  private localContext(frame: Frame): string {
    return `{${[...frame.symbols.visibleStores()].map(([name, variable]) => `${JSON.stringify(name)}: ${variable}`).join(', ')}}`;
  }

  private include(node: Include, frame: Frame): void {
    this.line(node.line);
    const context = node.with_context ? `$.derive($c, ${this.localContext(frame)})` : '$.fresh($c)';
    this.mark(node.line, frame);
    this.write(
      this.waiting(
        `${frame.buffer} += `,
        `$.include($r, ${context}, ${this.expression(node.template, frame)}, ${node.ignore_missing})`,
        ';',
      ),
    );
  }

  private import(node: Import | FromImport, frame: Frame): void {
    this.line(node.line);
    const context = node.with_context ? `$.derive($c, ${this.localContext(frame)})` : '$.fresh($c)';
    const module = this.temporary();
    this.write(this.waiting(`${module} = `, `$.import($r, ${context}, ${this.expression(node.template, frame)})`, ';'));
    const names: readonly (readonly [string, string])[] =
      node.type === 'Import'
        ? []
        : node.names.map((name) => (typeof name === 'string' ? [name, name] : [name[0], name[1]]));
    const store = (name: string, value: string) => {
      const variable = frame.symbols.variable(name);
      this.write(`${variable} = ${value};`);
      if (frame.toplevel && this.exports) this.write(`$c.importedName(${JSON.stringify(name)}, ${variable});`);
    };
    if (node.type === 'Import') store(node.target, module);
    for (const [name, alias] of names) store(alias, `$.importedName(${module}, ${JSON.stringify(name)})`);
  }
}
