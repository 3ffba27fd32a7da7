// Records which line of which template wrote which part of a text. A position in the final SQL is mapped back to its
// model or macro. Recording is a few array pushes per output; the search is done on demand.
import type { ErrorFrame } from '../errors.ts';
import type { Value } from '../values/value.ts';

/** Where a compiled template comes from; one object for each. */
export interface TraceSource {
  readonly name: string;
  readonly path?: string | undefined;
  /** Line of the file on which the source begins. */
  readonly line?: number | undefined;
  /** The source itself. */
  readonly text?: string | undefined;
  /** `macro`, `model` …, for the frames of errors. */
  readonly type?: string | undefined;
}

/** One run of a template, macro or buffered block. */
export interface TraceFrame {
  readonly source: TraceSource;
  /** Name of the macro; empty for a block of the template around it. */
  readonly name: string;
  readonly parent: TraceFrame | null;
  /** Which mark of the parent was the last one when this one began. */
  readonly mark: number;
  /**
   * Pairs of offset in the output and line of the template, one for each output and for each statement that may call
   * something; the line is negative when what follows is not fixed text.
   */
  readonly marks: number[];
  readonly children: TraceFrame[];
  /** What it wrote, or what `return` gave. */
  result: Value;
  /** Line of the `return` that gave the result. */
  returned: number;
  /** Order of the moments at which it began and ended. */
  readonly began: number;
  ended: number;
}

/** Where a part of a text comes from. */
export interface TracePlace {
  readonly path: string | undefined;
  /** 1-based, in the file. */
  readonly line: number;
  readonly lineText: string | undefined;
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
  #current: TraceFrame | null = null;
  readonly #roots: TraceFrame[] = [];
  readonly #known = new Map<string, Trace>();
  #moment = 0;

  /** @internal called by generated code */
  enter(source: TraceSource, name: string): TraceFrame {
    const parent = this.#current;
    const mark = parent === null ? -1 : parent.marks.length / 2 - 1;
    const frame: TraceFrame = {
      source,
      name,
      parent,
      mark,
      marks: [],
      children: [],
      result: '',
      returned: 0,
      began: this.#moment++,
      ended: Number.POSITIVE_INFINITY,
    };
    (parent === null ? this.#roots : parent.children).push(frame);
    this.#current = frame;
    return frame;
  }

  /** @internal called by generated code */
  leave(frame: TraceFrame): void {
    frame.ended = this.#moment++;
    this.#current = frame.parent;
  }

  /**
   * Tells that `text`, where a template prints it as a whole, was written under another trace: a model's compiled SQL
   * in a materialization.
   */
  register(text: string, trace: Trace): void {
    if (text !== '') this.#known.set(text, trace);
  }

  /**
   * The template line that wrote the character at `offset` of `text`, which is, contains or is contained in something
   * rendered under this trace. `undefined` when it is not known.
   */
  locate(text: string, offset: number): TracePlace | undefined {
    return new Search(this.#roots, this.#known).find(text, offset, 1);
  }
}

/** The least length of a text that is recognized inside of another text. */
const TELLING = 12;

/** One question to a trace. */
class Search {
  readonly #frames: readonly TraceFrame[];
  readonly #known: ReadonlyMap<string, Trace>;
  readonly #visited = new Set<TraceFrame>();

  constructor(roots: readonly TraceFrame[], known: ReadonlyMap<string, Trace>) {
    this.#frames = allFrames(roots);
    this.#known = known;
  }

  /**
   * The place of a character of a text whose origin is not known.
   * @param before nothing that began later can have written it
   */
  find(text: string, offset: number, telling: number, before = Number.POSITIVE_INFINITY): TracePlace | undefined {
    let best: { length: number; place: () => TracePlace | undefined } | undefined;
    const consider = (length: number, place: () => TracePlace | undefined) => {
      if (length >= telling && (best === undefined || length > best.length)) best = { length, place };
    };
    for (const [known, trace] of this.#known) {
      const at = covering(text, known, offset);
      if (at !== undefined) consider(known.length + 0.5, () => trace.locate(known, offset - at));
    }
    for (const frame of this.#frames) {
      const { result } = frame;
      if (typeof result !== 'string' || frame.began > before || this.#visited.has(frame)) continue;
      const part = result.trim();
      const at = covering(text, part, offset);
      if (at !== undefined) consider(part.length, () => this.#inFrame(frame, offset - at + result.indexOf(part)));
      else if (text.length >= TELLING && part.length > text.trim().length && result.includes(text.trim())) {
        const inner = text.trim();
        consider(inner.length, () => this.#inFrame(frame, result.indexOf(inner) + offset - text.indexOf(inner)));
      }
    }
    return best?.place();
  }

  /** The place of a character of a frame's result. */
  #inFrame(frame: TraceFrame, offset: number): TracePlace | undefined {
    this.#visited.add(frame);
    const text = frame.result as string;
    if (frame.returned > 0) {
      const inner = this.#inChildren(frame.children, text, offset) ?? this.find(text, offset, TELLING, frame.ended);
      return inner ?? placeOf(frame, frame.returned);
    }
    const { marks } = frame;
    let index = -1;
    for (let i = 0; i < marks.length && (marks[i] as number) <= offset; i += 2) index = i;
    if (index < 0) return undefined;
    const start = marks[index] as number;
    const line = marks[index + 1] as number;
    const piece = text.slice(start, marks[index + 2] ?? text.length);
    if (line > 0) return placeOf(frame, line + newlines(piece, offset - start));
    const at = index / 2;
    const during = frame.children.filter((c) => c.mark === at);
    const others = frame.children.filter((c) => c.mark !== at);
    return (
      this.#inChildren(during, piece, offset - start) ??
      this.#inChildren(others, piece, offset - start) ??
      this.find(piece, offset - start, TELLING, frame.ended) ??
      placeOf(frame, -line)
    );
  }

  /** The place in one of the frames that a frame called, when its result covers the character. */
  #inChildren(children: readonly TraceFrame[], piece: string, offset: number): TracePlace | undefined {
    for (const wanted of [(t: string) => t, (t: string) => t.trim()]) {
      for (const child of children) {
        if (typeof child.result !== 'string' || this.#visited.has(child)) continue;
        const part = wanted(child.result);
        const at = covering(piece, part, offset);
        if (at === undefined) continue;
        const place = this.#inFrame(child, offset - at + child.result.indexOf(part));
        if (place !== undefined) return place;
      }
    }
    return undefined;
  }
}

function allFrames(roots: readonly TraceFrame[]): TraceFrame[] {
  const out: TraceFrame[] = [...roots];
  for (let i = 0; i < out.length; i++) out.push(...(out[i] as TraceFrame).children);
  return out;
}

/** Where `part` stands in `text` so that it covers `offset`. */
function covering(text: string, part: string, offset: number): number | undefined {
  if (part === '' || part.length > text.length) return undefined;
  const at = text.lastIndexOf(part, offset);
  return at >= 0 && offset < at + part.length ? at : undefined;
}

function newlines(text: string, end: number): number {
  let count = 0;
  for (let i = text.indexOf('\n'); i >= 0 && i < end; i = text.indexOf('\n', i + 1)) count++;
  return count;
}

/** The place on a line of a frame, with the frames around it. */
function placeOf(frame: TraceFrame, line: number): TracePlace {
  const frames: ErrorFrame[] = [];
  let at = line;
  for (let f: TraceFrame | null = frame; f !== null; f = f.parent) {
    if (f.name !== '') {
      const name = f.name === 'template' ? f.source.name : f.name.replace(/^dbt_macro__/, '');
      const type = f.name === 'template' ? (f.source.type ?? 'template') : f.name === 'caller' ? 'caller' : 'macro';
      frames.push({ type, name, path: f.source.path ?? f.source.name, line: at + (f.source.line ?? 1) - 1 });
    }
    if (f.parent !== null && f.name !== '') at = Math.abs(f.parent.marks[f.mark * 2 + 1] ?? 0);
  }
  return {
    path: frame.source.path,
    line: line + (frame.source.line ?? 1) - 1,
    lineText: frame.source.text?.split('\n')[line - 1],
    frames,
  };
}
