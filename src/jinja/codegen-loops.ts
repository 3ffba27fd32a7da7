// Generates loops: `for` with and without `loop`, its condition, its `else`, and recursive loops, which become
// functions. Other statements are in codegen.ts.
import { JinjaError } from '../values/python-error.ts';
import type { Expr, For } from './ast.ts';
import { FunctionCodegen } from './codegen-functions.ts';
import type { Frame } from './codegen-output.ts';
import type { Symbols } from './symbols.ts';
import { shapeOf } from './unpack.ts';
import { hasCall, usesLoop, walk } from './walk.ts';

export abstract class LoopCodegen extends FunctionCodegen {
  /** Generates the assignment of a value to a name, a tuple of names or an attribute of a namespace. */
  protected abstract assign(target: Expr, value: string, frame: Frame): void;

  protected for(node: For, frame: Frame): void {
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
      this.#recursiveLoop(node, frame, symbols, loop as string, iterable);
      return;
    }
    const source = this.temporary();
    this.write(`${source} = ${iterable};`);
    // jinja2 attributes reading the items to the line of the loop's condition.
    const loopLine = node.test === null || loop !== undefined ? node.line : node.test.line;
    this.#loopBody(
      node,
      { ...frame, symbols, toplevel: false, conditional: false, loopLine },
      frame,
      loop,
      source,
      '0',
      'null',
    );
  }

  /** Generates the iterations over the value in the variable `source`. */
  #loopBody(
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
      if (node.test !== null) this.#loopTest(node, outer, item, (condition) => `if (!${condition}) continue;`);
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
        this.#loopTest(node, outer, item, (condition) => `return ${condition};`);
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
    // Counts at the end of the iteration, as jinja2 does: an iteration that `break` or `continue` leaves is not
    // counted.
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

  #loopTest(node: For, outer: Frame, item: string, use: (condition: string) => string): void {
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

  #recursiveLoop(node: For, frame: Frame, symbols: Symbols, loop: string, iterable: string): void {
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
        this.#loopBody(node, inner, outer, loop, '$source', '$depth', fn);
        this.closeJoin(outer, unit.line);
      },
      'recursive loop',
    );
    this.write(`const ${fn} = ${source};`);
    const printed = this.temporary();
    this.write(this.waiting(`${printed} = `, `${fn}(${first}, 0)`, ';'));
    this.writeOutput(printed, node.line, { ...frame, checksOutput: false });
  }
}
