// Records which template line wrote which part of a text, so that a position in compiled SQL can be mapped to its model
// or macro. Recording costs a few array pushes per output; searching happens on demand.
import type { ErrorFrame } from '../errors.ts';
import type { Value } from '../values/value.ts';

/** The origin of a compiled template; one object per template. */
export interface TraceSource {
  readonly name: string;
  readonly path?: string | undefined;
  /** File line on which the source begins. */
  readonly line?: number | undefined;
  /** The source text. */
  readonly text?: string | undefined;
  /** The resource type shown in error frames: `macro`, `model` … */
  readonly type?: string | undefined;
}

/** One run of a template, macro or buffered block. */
export interface TraceFrame {
  readonly source: TraceSource;
  /** Name of the macro; empty for a block of the enclosing template. */
  readonly name: string;
  readonly parent: TraceFrame | null;
  /** Index of the parent's last mark when this run began. */
  readonly mark: number;
  /**
   * Pairs of output offset and template line: one per output and per statement that may call something. The line is
   * negative if the following output is not literal text.
   */
  readonly marks: number[];
  readonly children: TraceFrame[];
  /** What the run wrote, or the value passed to `return`. */
  result: Value;
  /** Line of the `return` that produced the result. */
  returned: number;
  /** Sequence numbers of the start and the end. */
  readonly began: number;
  ended: number;
}

/** The origin of a part of a text. */
export interface TracePlace {
  readonly path: string | undefined;
  /** 1-based line in the file. */
  readonly line: number;
  readonly lineText: string | undefined;
  /** The active macros and the template, innermost first. */
  readonly frames: readonly ErrorFrame[];
}

/**
 * The recorder of one rendering, or of all renderings of one node.
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
   * Records that `text`, which a template prints as a whole, was rendered under another trace: a model's compiled SQL
   * in a materialization.
   */
  register(text: string, trace: Trace): void {
    if (text !== '') this.#known.set(text, trace);
  }

  /**
   * Returns the template line that wrote the character at `offset` of `text`. `text` must equal, contain or be
   * contained in something rendered under this trace. Returns `undefined` if the origin is not known.
   */
  locate(text: string, offset: number): TracePlace | undefined {
    return new Search(this.#roots, this.#known).find(text, offset, 1);
  }
}

/** Minimum length of a text that is recognized inside another text. */
const TELLING = 12;

/** One search in a trace. */
class Search {
  readonly #frames: readonly TraceFrame[];
  readonly #known: ReadonlyMap<string, Trace>;
  readonly #visited = new Set<TraceFrame>();

  constructor(roots: readonly TraceFrame[], known: ReadonlyMap<string, Trace>) {
    this.#frames = allFrames(roots);
    this.#known = known;
  }

  /**
   * Finds the origin of a character in a text that no known frame wrote.
   * @param before ignores runs that began after this sequence number
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

  /** Finds the origin of a character in a frame's result. */
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

  /** Searches the frames called by a frame for one whose result covers the character. */
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

/** Returns the position of `part` in `text` at which it covers `offset`. */
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

/** Returns the position of a line in a frame, with the enclosing frames. */
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
