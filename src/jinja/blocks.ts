// dbt's block scanner: splits a file into its top-level blocks (macro, test, snapshot, docs …) before Jinja parses it.
// It recognizes strings, comments and raw blocks, and ignores the rest of the language.
import { TsdbtError } from '../errors.ts';

/** A block with its tags, or text between two blocks (`blockType` is then `__dbt__data`). */
export interface Block {
  readonly blockType: string;
  /** The name after the tag's keyword; undefined for text and for tags without a name. */
  readonly name: string | undefined;
  /** The text between the opening and the closing tag. */
  readonly contents: string;
  /** The whole block, tags included. */
  readonly fullBlock: string;
  /** Offset of `fullBlock` in the source. */
  readonly start: number;
  /** 1-based line of `start`. */
  readonly line: number;
}

export interface ExtractOptions {
  /** Keywords of the blocks to extract. */
  readonly allowed: readonly string[];
  readonly path?: string | undefined;
  /** File line on which the source begins, used in errors; default 1. */
  readonly line?: number | undefined;
  /** Whether to return the text between blocks as well; default false. */
  readonly collectText?: boolean;
  /** Called for each top-level tag that is not allowed there, with its line. */
  readonly onUnexpected?: (blockType: string, line: number) => void;
}

interface Tag {
  readonly type: string;
  readonly name: string | undefined;
  readonly start: number;
  readonly end: number;
}

const NAME = '[A-Za-z_][A-Za-z_0-9]*';
/** No pattern begins with white space: the search would try it at every blank and scan the whole run each time. */
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

/** What dbt's message calls a raw block. */
const RAW = '{% raw %}...{% endraw %}';
/** How many characters after an error its message shows. dbt shows all of them. */
const MOST_SHOWN = 500;

type PatternName = keyof typeof PATTERNS;

/**
 * Extracts the blocks of a source, in order.
 * @throws TsdbtError of kind compilation, with dbt's message, for a block that is not closed, is nested, or is inside
 *   an `if` or `for`
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

/** Maps offsets to line numbers. Offsets must be requested in ascending order: each line break is then found once. */
class Lines {
  readonly #source: string;
  #line = 1;
  /** Offset of the first line break that is not yet counted; -1 if there is none left. */
  #next: number;
  /** The last requested offset. */
  #offset = 0;

  constructor(source: string) {
    this.#source = source;
    this.#next = source.indexOf('\n');
  }

  /** The 1-based line of an offset in UTF-16 units. */
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
    // White space before `{%-` belongs to the tag.
    if (source[start + 2] === '-') while (start > this.#pos && /\s/.test(source.charAt(start - 1))) start--;
    this.#pos = start;
    if (type === 'raw') {
      // Without this check the pattern would scan the rest of the file at each place where a raw block begins.
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

  /** Finds the next match of each pattern and returns the one that ends first. */
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
