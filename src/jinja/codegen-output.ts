// Generates output statements: text, values, trace marks, and the places where jinja2 refuses a value that is not text.
// Other statements are in codegen.ts.
import type { Expr, Stmt } from './ast.ts';
import { ExpressionCodegen } from './codegen-expressions.ts';
import type { Symbols } from './symbols.ts';

/** The context in which statements are generated. */
export interface Frame {
  readonly symbols: Symbols;
  /** Variable that holds the output buffer. */
  readonly buffer: string;
  /** Variable that holds the buffer's trace frame. */
  readonly traceFrame: string;
  /** Whether the statements are at the top level of the template, where names are exported. */
  readonly toplevel: boolean;
  /** Line on which the enclosing loop requests its next item; 0 outside of loops. */
  readonly loopLine: number;
  /** Whether the statements are inside an `if`, where an unknown filter is an error only when it is reached. */
  readonly conditional: boolean;
  /** Whether this is the body of a macro that dbt calls, where `return` may end the function. */
  readonly mayReturn: boolean;
  readonly autoescape: boolean;
  /** Whether the buffer is the output of the template itself. */
  readonly toplevelBuffer: boolean;
  /**
   * Variables that hold the number of items in the buffer and the error of the first item that is not text, if the
   * buffer can contain one.
   */
  readonly joined: { readonly count: string; readonly failure: string } | null;
  /** Whether text is printed only while the template extends no other template. */
  readonly checksOutput: boolean;
}

export class OutputCodegen extends ExpressionCodegen {
  protected output(nodes: readonly Expr[], frame: Frame): void {
    let wasConstant = false;
    for (const node of nodes) {
      // jinja2 merges adjacent constants into one item.
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

  /**
   * Generates the output of a variable without conversion. jinja2 refuses a value that is not text when it joins the
   * items.
   */
  protected writeValue(value: string, line: number, frame: Frame, counted = frame): void {
    if (frame.joined !== null) this.write(`${frame.joined.failure} ??= $.notText(${value}, ${frame.joined.count});`);
    this.writeOutput(this.native && frame.toplevelBuffer ? value : `$.text(${value})`, line, {
      ...counted,
      checksOutput: false,
    });
  }

  /** Generates `return(x)`, which ends the function of a dbt macro unless the template redefines `return`. */
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
   * Generates the trace record of the line that writes the next output. The line is negative if the output is not
   * literal text, whose line breaks are counted.
   */
  protected mark(line: number, frame: Frame, fixed = false): void {
    this.write(
      `if (${frame.traceFrame} !== null) ${frame.traceFrame}.marks.push(${frame.buffer}.length, ` +
        `${fixed ? line : -line});`,
    );
  }

  /** Generates the counter of a buffer's items if one of them may not be text: jinja2 fails where it joins them. */
  protected openJoin(body: readonly Stmt[]): Frame['joined'] {
    if (!this.native && !body.some(printsValue)) return null;
    const id = this.nextId();
    this.declare(`let $q${id}, $u${id};`);
    this.write(`$q${id} = 0; $u${id} = undefined;`);
    return { count: `$q${id}`, failure: `$u${id}` };
  }

  /** @param line where jinja2 joins the items; 0 outside of the template */
  protected closeJoin({ joined }: Frame, line: number): void {
    if (joined !== null) this.write(`if (${joined.failure} !== undefined) { $l = ${line}; throw ${joined.failure}; }`);
  }
}

/** Whether a statement may print a value that is not text to its buffer. */
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

/** Generates the start of a function's frame. */
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
