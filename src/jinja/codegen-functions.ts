// Generates functions: their variables, the guard that adds the template position to errors, trace marks, and the
// functions of macros and call blocks. Statements are in codegen.ts.
import { JinjaError } from '../values/python-error.ts';
import type { Expr, Name, Stmt } from './ast.ts';
import type { FunctionUnit } from './codegen-expressions.ts';
import { type Frame, OutputCodegen, rootFrame } from './codegen-output.ts';
import type { MacroInfo } from './macro-callable.ts';
import type { Symbols } from './symbols.ts';
import { undeclaredNames } from './walk.ts';

/** Generates the trace record of a value that a macro passes to `return()`. */
const CATCH_RETURN =
  'if (e instanceof $.ReturnSignal) { if ($f !== null) { $f.result = e.value; $f.returned = $l; } return e.value; }';

/** Placeholder for a function's free variables, replaced when the function is complete. */
const OUTER = '$outer';

export abstract class FunctionCodegen extends OutputCodegen {
  /** Generates the functions of local macros and call blocks. */
  protected readonly nested: string[] = [];

  /** Generates statements in template order. */
  protected abstract statements(nodes: readonly Stmt[], frame: Frame): void;

  /**
   * Generates a function. `fill` generates the statements; this method adds the variables, the guard that adds the
   * position to errors, and the trace's bookkeeping.
   */
  protected functionSource(
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
${catchesReturn ? CATCH_RETURN : ''}
throw $.fail(e, $l, $info, ${name}, $r);
} finally {
$r.depth = $d - 1;
if ($f !== null) $r.trace.leave($f);
}
}`
    );
  }

  /** Generates the variable declarations of a frame. */
  protected enterFrame(frame: Frame): void {
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

  /** Generates the function of a macro or call block, and the constant that describes it. */
  protected macroFunction(
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
      source: outer === undefined ? source : this.#nest(source, outer),
      info: this.constant(info),
      description: info,
    };
  }

  /**
   * Hoists a function and returns a closure that passes it the current variables. Creating a generator function per run
   * costs V8 more than calling it, and keeps its scope alive until the next full garbage collection.
   */
  #nest(source: string, outer: Symbols): string {
    const named = new Set(source.match(/(?<!\w)\w+\$\d+/g));
    const used = ['$r', '$c', ...outer.variables().filter((variable) => named.has(variable))];
    const name = `$m${this.nextId()}`;
    this.nested.push(`const ${name} = ${source.replace(`$r, $c, ${OUTER}`, () => used.join(', '))};`);
    return `($a) => ${name}(${used.join(', ')}, $a)`;
  }
}
