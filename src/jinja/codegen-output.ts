// What generated code prints: texts, values and the trace's marks, and where jinja2 refuses what is no text. Statements
// are in codegen.ts.
import type { Expr, Stmt } from './ast.ts';
import { ExpressionCodegen } from './codegen-expressions.ts';
import type { Symbols } from './symbols.ts';

/** Where generated statements stand. */
export interface Frame {
  readonly symbols: Symbols;
  /** Variable that collects the output. */
  readonly buffer: string;
  /** Variable of the trace frame that belongs to the buffer. */
  readonly traceFrame: string;
  /** Directly in the template, where names are exported. */
  readonly toplevel: boolean;
  /** Line on which the loop around it asks for its next item; 0 outside of loops. */
  readonly loopLine: number;
  /** Inside of an `if`, where unknown filters are an error only when they are reached. */
  readonly conditional: boolean;
  /** The body of a macro that dbt calls, where `return` may end the function. */
  readonly mayReturn: boolean;
  readonly autoescape: boolean;
  /** The buffer is the output of the template itself. */
  readonly toplevelBuffer: boolean;
  /**
   * Variables with the number of items printed to the buffer and the error of one that is no text, where there may be
   * one.
   */
  readonly joined: { readonly count: string; readonly failure: string } | null;
  /** Texts are printed only while the template extends no other. */
  readonly checksOutput: boolean;
}

export class OutputCodegen extends ExpressionCodegen {
  protected output(nodes: readonly Expr[], frame: Frame): void {
    let wasConstant = false;
    for (const node of nodes) {
      // Adjacent constants are one item.
      const constant = frame.joined !== null && this.isConstant(node);
      const counted: Frame = constant && wasConstant ? { ...frame, joined: null } : frame;
      wasConstant = constant;
      if (node.type === 'TemplateData') {
        this.writeOutput(JSON.stringify(node.data), node.line, counted, node, true);
        continue;
      }
      this.line(node.line, !constant);
      if (this.writeReturn(node, frame, true)) continue;
      if (this.native && !frame.toplevelBuffer) {
        const value = this.temporary();
        const code = this.expression(node, frame);
        this.write(`${value} = ${constant ? `$.folded(${code})` : code};`);
        this.writeValue(value, node.line, frame, counted);
      } else {
        this.writeOutput(
          this.native && frame.toplevelBuffer ? this.expression(node, frame) : this.textOf(node, frame),
          node.line,
          counted,
          node,
        );
      }
    }
  }

  /** Prints the value of a variable as it is; jinja2 refuses it when joining, unless it is a text. */
  protected writeValue(value: string, line: number, frame: Frame, counted = frame): void {
    if (frame.joined !== null) this.write(`${frame.joined.failure} ??= $.notText(${value}, ${frame.joined.count});`);
    this.writeOutput(this.native && frame.toplevelBuffer ? value : `$.text(${value})`, line, {
      ...counted,
      checksOutput: false,
    });
  }

  /** `return(x)` in a macro of dbt ends its function, unless `return` is something else there. */
  protected writeReturn(node: Expr, frame: Frame, printed: boolean): boolean {
    if (!frame.mayReturn || node.type !== 'Call' || node.node.type !== 'Name' || node.node.name !== 'return')
      return false;
    const [argument] = node.args;
    if (
      argument === undefined ||
      node.args.length !== 1 ||
      node.kwargs.length > 0 ||
      node.dyn_args !== null ||
      node.dyn_kwargs !== null
    )
      return false;
    const fn = this.temporary();
    const value = this.temporary();
    this.mark(node.line, frame);
    this.write(`${fn} = ${this.expression(node.node, frame)}; ${value} = ${this.expression(argument, frame)};`);
    this.write(
      `if (${fn} === $.macroReturn) { if ($f !== null) { $f.result = ${value}; $f.returned = ${node.line}; } ` +
        `return ${value}; }`,
    );
    const call = this.callCode(fn, `[${value}]`, '$.none');
    if (printed) this.writeOutput(`$.text(${call})`, node.line, frame);
    else this.write(`${call};`);
    return true;
  }

  protected writeOutput(code: string, line: number, frame: Frame, node?: Expr, fixed = false): void {
    if (frame.checksOutput) this.write('if ($parent === null) {');
    this.mark(line, frame, fixed);
    if (this.native && frame.toplevelBuffer) {
      this.write(`$.nativePush($n, ${code}, ${node !== undefined && this.isConstant(node)});`);
    } else {
      this.write(`${frame.buffer} += ${code};`);
      if (frame.joined !== null) this.write(`${frame.joined.count}++;`);
    }
    if (frame.checksOutput) this.write('}');
  }

  /**
   * Notes for the trace which line writes what follows; negative when it is not fixed text, whose own line ends count.
   */
  protected mark(line: number, frame: Frame, fixed = false): void {
    this.write(
      `if (${frame.traceFrame} !== null) ${frame.traceFrame}.marks.push(${frame.buffer}.length, ` +
        `${fixed ? line : -line});`,
    );
  }

  /** Declares what counts the items of a buffer, when one of them may be no text: jinja2 fails where it joins them. */
  protected openJoin(body: readonly Stmt[]): Frame['joined'] {
    if (!this.native && !body.some(printsValue)) return null;
    const id = this.nextId();
    this.declare(`let $q${id}, $u${id};`);
    this.write(`$q${id} = 0; $u${id} = undefined;`);
    return { count: `$q${id}`, failure: `$u${id}` };
  }

  /** @param line where jinja2 joins the items; 0 is outside of the template */
  protected closeJoin({ joined }: Frame, line: number): void {
    if (joined !== null) this.write(`if (${joined.failure} !== undefined) { $l = ${line}; throw ${joined.failure}; }`);
  }
}

/** Whether a statement may print a value that is no text to its buffer. */
function printsValue(node: Stmt): boolean {
  switch (node.type) {
    case 'FilterBlock':
    case 'CallBlock':
      return true;
    case 'If':
      return [...node.body, ...node.elif_, ...node.else_].some(printsValue);
    case 'For':
      return !node.recursive && [...node.body, ...node.else_].some(printsValue);
    case 'With':
    case 'Scope':
    case 'ScopedEvalContextModifier':
      return node.body.some(printsValue);
    default:
      return false;
  }
}

/** The frame of a function that begins. */
export function rootFrame(symbols: Symbols): Frame {
  return {
    symbols,
    buffer: 'o',
    traceFrame: '$f',
    toplevel: true,
    loopLine: 0,
    conditional: false,
    mayReturn: false,
    autoescape: false,
    toplevelBuffer: true,
    joined: null,
    checksOutput: false,
  };
}
