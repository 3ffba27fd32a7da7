// dbt's scanner of tags: cuts a file into its top-level blocks (macro, test, snapshot, docs …) before Jinja reads it.
// It knows strings, comments and raw blocks, and nothing else of the language.
import { TsdbtError } from '../errors.ts';

/** A block with its tags, or the text between blocks (`blockType` is `__dbt__data`). */
export interface Block {
  readonly blockType: string;
  /** The name behind the tag's word; undefined for text and for tags without one. */
  readonly name: string | undefined;
  /** The text between the tags. */
  readonly contents: string;
  /** Tags and contents. */
  readonly fullBlock: string;
  /** Offset of `fullBlock` in the source. */
  readonly start: number;
  /** 1-based line of `start`. */
  readonly line: number;
}

export interface ExtractOptions {
  /** Words of the tags to cut out. */
  readonly allowed: readonly string[];
  readonly path?: string | undefined;
  /** Line of the file on which the source begins, for errors; default 1. */
  readonly line?: number | undefined;
  /** Give the text between the blocks too; default false. */
  readonly collectText?: boolean;
  /** Told about a tag at the top level that is not allowed there, with its line. */
  readonly onUnexpected?: (blockType: string, line: number) => void;
}

interface Tag {
  readonly type: string;
  readonly name: string | undefined;
  readonly start: number;
  readonly end: number;
}

const NAME = '[A-Za-z_][A-Za-z_0-9]*';
/** None begins by blanks: it would be tried, through all of them, at each one. */
const PATTERNS = {
  block: `\\{%-?\\s*(?<type>${NAME})(?:\\s+(?<name>${NAME}))?`,
  comment: '\\{#',
  commentEnd: '#\\}',
  expression: '\\{\\{\\s*',
  expressionEnd: '\\}\\}',
  raw: '\\{%-?\\s*raw\\s*(?:-%\\}\\s*|%\\})[\\s\\S]*?\\{%-?\\s*endraw\\s*(?:-%\\}\\s*|%\\})',
  close: '-%\\}\\s*|%\\}',
  string: `'(?:[^'\\\\]*(?:\\\\[\\s\\S][^'\\\\]*)*)'|"(?:[^"\\\\]*(?:\\\\[\\s\\S][^"\\\\]*)*)"`,
  quote: `['"]`,
} as const;

/** The name of a raw block in dbt's message. */
const RAW = '{% raw %}...{% endraw %}';
/** Characters of the text behind an error that its message shows; dbt shows all. */
const MOST_SHOWN = 500;

type PatternName = keyof typeof PATTERNS;

/**
 * The blocks of a source in order.
 * @throws TsdbtError of kind compilation, in dbt's words, for a block that is not closed, nested, or inside of an `if`
 *   or `for`
 */
export function extractBlocks(source: string, options: ExtractOptions): Block[] {
  if (!/\{[{%#]/.test(source)) return options.collectText && source !== '' ? [textBlock(source, 0, 1)] : [];
  return new BlockScanner(source, options).run();
}

function textBlock(text: string, start: number, line: number): Block {
  return {
    blockType: '__dbt__data',
    name: undefined,
    contents: text,
    fullBlock: text,
    start,
    line,
  };
}

/** The lines of a source: a scan asks for offsets that rise, so that each line break is looked for once. */
class Lines {
  readonly #source: string;
  #line = 1;
  /** The first line break that is not counted; -1 when there is none. */
  #next: number;
  /** The offset of the last question. */
  #offset = 0;

  constructor(source: string) {
    this.#source = source;
    this.#next = source.indexOf('\n');
  }

  /** The line, from 1, of an offset in UTF-16 units. */
  at(offset: number): number {
    if (offset < this.#offset) {
      this.#line = 1;
      this.#next = this.#source.indexOf('\n');
    }
    this.#offset = offset;
    for (; this.#next >= 0 && this.#next < offset; this.#next = this.#source.indexOf('\n', this.#next + 1))
      this.#line++;
    return this.#line;
  }
}

class BlockScanner {
  readonly #source: string;
  readonly #options: ExtractOptions;
  readonly #lines: Lines;
  readonly #patterns = Object.fromEntries(
    Object.entries(PATTERNS).map(([name, text]) => [name, new RegExp(text, 'g')]),
  ) as Record<PatternName, RegExp>;
  readonly #found = new Map<PatternName, { from: number; match: RegExpExecArray | null }>();
  #pos = 0;

  constructor(source: string, options: ExtractOptions) {
    this.#source = source;
    this.#options = options;
    this.#lines = new Lines(source);
  }

  run(): Block[] {
    const source = this.#source;
    const options = this.#options;
    const allowed = new Set(options.allowed);
    const blocks: Block[] = [];
    const control: string[] = [];
    let current: Tag | undefined;
    let last = 0;
    const text = (end: number) => {
      if (options.collectText && end > last)
        blocks.push(textBlock(source.slice(last, end), last, this.#lines.at(last)));
      last = end;
    };
    for (let tag = this.#nextTag(); tag !== undefined; tag = this.#nextTag()) {
      this.#checkControlFlow(tag, control);
      if (allowed.has(tag.type)) {
        if (control.length > 0)
          throw this.#error(
            `Got a block definition inside control flow at ${this.#position(tag.start)}. All dbt block ` +
              'definitions must be at the top level',
            tag.start,
          );
        if (current !== undefined) {
          throw this.#error(
            `Got nested tags: ${current.type} (started at ${current.start}) did not have a matching {{% ` +
              `end${current.type} %}} before a subsequent ${tag.type} was found (started at ${tag.start})`,
            tag.start,
          );
        }
        text(tag.start);
        current = tag;
      } else if (current !== undefined && tag.type === `end${current.type}`) {
        last = tag.end;
        blocks.push({
          blockType: current.type,
          name: current.name,
          contents: source.slice(current.end, tag.start),
          fullBlock: source.slice(current.start, tag.end),
          start: current.start,
          line: this.#lines.at(current.start),
        });
        current = undefined;
      } else if (current === undefined) {
        options.onUnexpected?.(tag.type, this.#lines.at(tag.start));
      }
    }
    if (current !== undefined) {
      const line = this.#lines.at(current.end);
      throw this.#error(
        `Reached EOF without finding a close tag for ${current.type} (searched from line ${line})`,
        current.start,
      );
    }
    text(source.length);
    return blocks;
  }

  #checkControlFlow(tag: Tag, open: string[]): void {
    if (tag.type === 'if' || tag.type === 'for') {
      open.push(tag.type);
      return;
    }
    if (tag.type !== 'endif' && tag.type !== 'endfor') return;
    const found = open.pop();
    if (found === undefined) {
      throw this.#error(
        `Got an unexpected control flow end tag, got ${tag.type} but never saw a preceeding ` +
          `${tag.type.slice(3)} (@ ${this.#position(tag.start)})`,
        tag.start,
      );
    }
    if (`end${found}` !== tag.type) {
      throw this.#error(
        `Got an unexpected control flow end tag, got ${tag.type} but expected end${found} next (@ ` +
          `${this.#position(tag.start)})`,
        tag.start,
      );
    }
  }

  #nextTag(): Tag | undefined {
    for (;;) {
      const [kind, match] = this.#first('block', 'comment', 'expression') ?? [undefined, undefined];
      if (kind === undefined) return undefined;
      const end = match.index + match[0].length;
      if (kind === 'comment') {
        this.#pos = end;
        this.#advance('#}', 'commentEnd');
      } else if (kind === 'expression') {
        this.#pos = end;
        this.#skipExpression();
      } else {
        return this.#readTag(match, end);
      }
    }
  }

  #readTag(match: RegExpExecArray, end: number): Tag {
    const { type = '', name } = match.groups ?? {};
    const source = this.#source;
    let start = match.index;
    // Blanks before `{%-` belong to the tag.
    if (source[start + 2] === '-') while (start > this.#pos && /\s/.test(source.charAt(start - 1))) start--;
    this.#pos = start;
    if (type === 'raw') {
      // The pattern alone would go through the rest from each place at which a raw block begins
      if (!source.includes('endraw', end)) throw this.#unexpectedEnd(RAW);
      this.#advance(RAW, 'raw');
    } else {
      this.#pos = end;
      for (;;) {
        const [kind, found] = this.#expect('tag close ("%}")', 'quote', 'close');
        if (kind === 'close') {
          this.#pos = found.index + found[0].length;
          break;
        }
        this.#pos = found.index;
        this.#advance('string', 'string');
      }
    }
    return { type, name, start, end: this.#pos };
  }

  #skipExpression(): void {
    for (;;) {
      const [kind, match] = this.#expect('}}', 'expressionEnd', 'quote');
      if (kind === 'expressionEnd') {
        this.#pos = match.index + match[0].length;
        return;
      }
      this.#advance('string', 'string');
    }
  }

  #advance(expected: string, pattern: PatternName): void {
    const [, match] = this.#expect(expected, pattern);
    this.#pos = match.index + match[0].length;
  }

  #expect(expected: string, ...names: PatternName[]): [PatternName, RegExpExecArray] {
    const match = this.#first(...names);
    if (match === undefined) throw this.#unexpectedEnd(expected);
    return match;
  }

  #unexpectedEnd(expected: string): TsdbtError {
    const rest = this.#source.slice(this.#pos, this.#pos + MOST_SHOWN);
    const more = this.#source.length > this.#pos + MOST_SHOWN ? '…' : '';
    return this.#error(`unexpected EOF, expected ${expected}, got "${rest}${more}"`, this.#pos);
  }

  /** Of the next matches of some patterns, the one that ends first. */
  #first(...names: PatternName[]): [PatternName, RegExpExecArray] | undefined {
    let best: [PatternName, RegExpExecArray] | undefined;
    for (const name of names) {
      const match = this.#search(name);
      if (match !== null && (best === undefined || match.index + match[0].length < best[1].index + best[1][0].length))
        best = [name, match];
    }
    return best;
  }

  #search(name: PatternName): RegExpExecArray | null {
    const known = this.#found.get(name);
    if (known !== undefined && known.from <= this.#pos && (known.match === null || known.match.index >= this.#pos))
      return known.match;
    const pattern = this.#patterns[name];
    pattern.lastIndex = this.#pos;
    const match = pattern.exec(this.#source);
    this.#found.set(name, { from: this.#pos, match });
    return match;
  }

  #position(offset: number): string {
    return `${this.#lines.at(offset)}:${offset - (this.#source.lastIndexOf('\n', offset - 1) + 1)}`;
  }

  #error(message: string, offset: number): TsdbtError {
    return new TsdbtError('compilation', message, {
      path: this.#options.path,
      line: this.#lines.at(offset) + (this.#options.line ?? 1) - 1,
    });
  }
}
