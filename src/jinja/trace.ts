// Records which line of which template wrote which part of a text, so that a position in the final SQL can be traced to the model or macro
// behind it. Recording is a few array pushes for each output; all searching is left to the moment when someone asks.
import type { ErrorFrame } from '../errors.ts';
import type { Value } from '../values/value.ts';

/** Where a compiled template comes from; one object for each. */
export interface TraceSource {
  readonly name: string;
  readonly path?: string | undefined;
  /** Line of the file on which the source begins. */
  readonly line?: number | undefined;
  /** `macro`, `model` …, for the frames of errors. */
  readonly type?: string | undefined;
}

/** One run of a template, macro or buffered block. */
export interface TraceFrame {
  readonly source: TraceSource;
  /** Name of the macro; empty for a block of the template around it. */
  readonly name: string;
  readonly parent: TraceFrame | null;
  /** Which output of the parent was being computed when this one ran. */
  readonly mark: number;
  /** Pairs of offset in the output and line of the template, one for each output. */
  readonly marks: number[];
  readonly children: TraceFrame[];
  /** What it wrote, or what `return` gave. */
  result: Value;
}

/** Where a part of a text comes from. */
export interface TracePlace {
  readonly path: string | undefined;
  /** 1-based, in the file. */
  readonly line: number;
  /** The macros and the template that were running, innermost first. */
  readonly frames: readonly ErrorFrame[];
}

/**
 * The recorder of one rendering (or of all renderings of one node).
 *
 * @example
 * const trace = new Trace();
 * const sql = template.renderSync(scope, trace);
 * trace.locate(sql, sql.indexOf('oops')); // { path: 'macros/m.sql', line: 3, frames: [...] }
 */
export class Trace {
  private current: TraceFrame | null = null;
  private readonly roots: TraceFrame[] = [];
  private readonly known = new Map<string, Trace>();

  /** @internal called by generated code */
  enter(source: TraceSource, name: string): TraceFrame {
    const parent = this.current;
    const frame: TraceFrame = { source, name, parent, mark: parent === null ? 0 : parent.marks.length / 2 - 1, marks: [], children: [], result: '' };
    (parent === null ? this.roots : parent.children).push(frame);
    this.current = frame;
    return frame;
  }

  /** @internal called by generated code */
  leave(frame: TraceFrame): void {
    this.current = frame.parent;
  }

  /** Tells that `text`, where a template prints it as a whole, was written under another trace: a model's compiled SQL in a materialization. */
  register(text: string, trace: Trace): void {
    this.known.set(text, trace);
  }

  /**
   * The template line that wrote the character at `offset` of `text`, which is (or contains, or is contained in) something rendered
   * under this trace. `undefined` when it is not known.
   */
  locate(text: string, offset: number): TracePlace | undefined {
    const frames = allFrames(this.roots);
    const exact = frames.find((f) => f.result === text);
    if (exact !== undefined) return this.inFrame(exact, text, offset);
    for (const [known, trace] of this.known) {
      const at = covering(text, known, offset);
      if (at !== undefined) return trace.locate(known, offset - at);
    }
    let best: { frame: TraceFrame; text: string; at: number } | undefined;
    for (const frame of frames) {
      if (typeof frame.result !== 'string') continue;
      const inner = frame.result.trim();
      const at = covering(text, inner, offset);
      if (at !== undefined && (best === undefined || inner.length > best.text.length)) best = { frame, text: inner, at };
    }
    if (best !== undefined) {
      const lead = (best.frame.result as string).indexOf(best.text);
      return this.inFrame(best.frame, best.frame.result as string, offset - best.at + lead);
    }
    const trimmed = text.trim();
    const around = trimmed === '' ? undefined : frames.find((f) => typeof f.result === 'string' && f.result.includes(trimmed));
    if (around === undefined) return undefined;
    const whole = around.result as string;
    return this.inFrame(around, whole, whole.indexOf(trimmed) + offset - text.indexOf(trimmed));
  }

  private inFrame(frame: TraceFrame, text: string, offset: number): TracePlace | undefined {
    const { marks } = frame;
    let index = -1;
    for (let i = 0; i < marks.length; i += 2) {
      if ((marks[i] as number) > offset) break;
      const end = marks[i + 2] ?? text.length;
      if (end > offset || i + 2 >= marks.length) index = i;
    }
    const returned = frame.result !== text || (index >= 0 && (marks[marks.length - 2] as number) === 0 && marks.length > 2 && text.length > 0 && index === marks.length - 2);
    const start = index < 0 ? 0 : (marks[index] as number);
    const piece = index < 0 ? text : text.slice(start, marks[index + 2] ?? text.length);
    const inner = this.search(frame, piece, offset - start, index / 2) ?? (returned || index < 0 ? this.search(frame, text, offset, -1) : undefined);
    if (inner !== undefined) return inner;
    if (index < 0) return undefined;
    const line = (marks[index + 1] as number) + this.linesBefore(frame, piece, offset - start);
    return placeOf(frame, line);
  }

  /** Looks for the part of a frame's output in what it called, or in a registered text. */
  private search(frame: TraceFrame, piece: string, offset: number, mark: number): TracePlace | undefined {
    for (const [known, trace] of this.known) {
      const at = covering(piece, known, offset);
      if (at !== undefined) return trace.locate(known, offset - at);
    }
    const during = mark < 0 ? frame.children : frame.children.filter((c) => c.mark === mark);
    const candidates = [...during, ...frame.children.filter((c) => !during.includes(c))];
    for (const child of candidates) {
      if (typeof child.result !== 'string' || child.result === '') continue;
      const whole = covering(piece, child.result, offset);
      if (whole !== undefined) return this.inFrame(child, child.result, offset - whole);
    }
    for (const child of candidates) {
      if (typeof child.result !== 'string') continue;
      const trimmed = child.result.trim();
      const at = trimmed === '' ? undefined : covering(piece, trimmed, offset);
      if (at !== undefined) return this.inFrame(child, child.result, offset - at + child.result.indexOf(trimmed));
    }
    return undefined;
  }

  /** Static text spans lines; anything else was written by the line of its tag. */
  private linesBefore(frame: TraceFrame, piece: string, offset: number): number {
    if (frame.children.some((c) => typeof c.result === 'string' && c.result !== '' && piece.includes(c.result.trim()) && c.result.trim() !== '')) return 0;
    return piece.slice(0, offset).split('\n').length - 1;
  }
}

function allFrames(roots: readonly TraceFrame[]): TraceFrame[] {
  const out: TraceFrame[] = [];
  const stack = [...roots];
  for (let frame = stack.shift(); frame !== undefined; frame = stack.shift()) {
    out.push(frame);
    stack.push(...frame.children);
  }
  return out;
}

/** Where `part` stands in `text` so that it covers `offset`. */
function covering(text: string, part: string, offset: number): number | undefined {
  if (part === '' || part.length > text.length) return undefined;
  for (let at = text.indexOf(part, Math.max(0, offset - part.length + 1)); at >= 0 && at <= offset; at = text.indexOf(part, at + 1)) {
    if (offset < at + part.length) return at;
  }
  return undefined;
}

function placeOf(frame: TraceFrame, line: number): TracePlace {
  const frames: ErrorFrame[] = [];
  let at: number = line;
  for (let f: TraceFrame | null = frame; f !== null; f = f.parent) {
    const real = at + (f.source.line ?? 1) - 1;
    if (f.name !== '') frames.push({ type: f.source.type ?? 'macro', name: f.name === 'template' ? f.source.name : f.name, path: f.source.path ?? f.source.name, line: real });
    if (f.parent !== null) at = f.name === '' ? at : (f.parent.marks[f.mark * 2 + 1] ?? 0);
  }
  return { path: frame.source.path, line: line + (frame.source.line ?? 1) - 1, frames };
}
