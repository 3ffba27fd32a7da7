// Translates Python's regular expressions (`re`, 3.11) to a JavaScript RegExp with the v flag. Keeps Python's meaning
// of \w, \d, \s, ^, $ and of group numbers. Matching is in re.ts.
import { codeOf, valueError } from '../../values/index.ts';

/** Flag values as in Python. */
export const FLAGS = {
  IGNORECASE: 2,
  LOCALE: 4,
  MULTILINE: 8,
  DOTALL: 16,
  UNICODE: 32,
  VERBOSE: 64,
  DEBUG: 128,
  ASCII: 256,
} as const;

export interface TranslatedRegex {
  readonly source: string;
  readonly ignoreCase: boolean;
  /** The pattern's flags, including inline flags. */
  readonly flags: number;
  /** JavaScript's number of each Python group; entry 0 is the whole match. */
  readonly groups: readonly number[];
  readonly names: ReadonlyMap<string, number>;
}

const FLAG_LETTERS: Readonly<Record<string, number>> = {
  i: FLAGS.IGNORECASE,
  L: FLAGS.LOCALE,
  m: FLAGS.MULTILINE,
  s: FLAGS.DOTALL,
  u: FLAGS.UNICODE,
  x: FLAGS.VERBOSE,
  a: FLAGS.ASCII,
};

const CONTROL_ESCAPES: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['f', '\f'],
  ['v', '\v'],
  ['a', '\x07'],
]);
/** Number of hexadecimal digits of each escape. */
const HEX_ESCAPES: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);

// V8 in Node 20 reads [^] as an empty class under the v flag.
const ANY = '[\\s\\S]';
const SPACE = '\\u0009-\\u000d\\u001c-\\u0020\\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const ASCII_SPACE = '\\u0009-\\u000d\\u0020';
const WORD = '\\p{L}\\p{N}_';
const ASCII_WORD = 'a-zA-Z0-9_';
const START = `(?<!${ANY})`;
const END = `(?!${ANY})`;

/** @throws JinjaError with Python's message for an invalid pattern, or one that JavaScript cannot express */
export function translateRegex(pattern: string, flags: number): TranslatedRegex {
  const translator = new Translator(pattern, flags);
  const source = translator.whole();
  return {
    source,
    ignoreCase: (translator.globalFlags & FLAGS.IGNORECASE) !== 0,
    flags: translator.globalFlags,
    groups: translator.groups,
    names: translator.names,
  };
}

class Translator {
  readonly groups: number[] = [0];
  readonly names = new Map<string, number>();
  globalFlags: number;
  readonly #chars: readonly string[];
  #at = 0;
  #jsGroups = 0;
  readonly #open = new Set<number>();

  constructor(pattern: string, flags: number) {
    this.#chars = [...pattern];
    this.globalFlags = flags | ((flags & FLAGS.ASCII) === 0 ? FLAGS.UNICODE : 0);
  }

  whole(): string {
    this.#leadingFlags();
    const source = this.#alternatives(this.globalFlags);
    if (this.#at < this.#chars.length) throw this.#error('unbalanced parenthesis', this.#at);
    return source;
  }

  /** `(?im)` at the start applies to the whole pattern. */
  #leadingFlags(): void {
    for (;;) {
      const match = /^\(\?([aiLmsux]+)\)/.exec(this.#chars.slice(this.#at, this.#at + 12).join(''));
      if (match === null) return;
      for (const [letter, flag] of Object.entries(FLAG_LETTERS))
        if (match[0].includes(letter)) this.globalFlags |= flag;
      this.#at += match[0].length;
    }
  }

  #alternatives(flags: number): string {
    let out = this.#sequence(flags);
    while (this.#chars[this.#at] === '|') {
      this.#at++;
      out += `|${this.#sequence(flags)}`;
    }
    return out;
  }

  #sequence(flags: number): string {
    let out = '';
    for (;;) {
      const char = this.#chars[this.#at];
      if (char === undefined || char === '|' || char === ')') return out;
      if (flags & FLAGS.VERBOSE && this.#skipVerbose()) continue;
      const start = this.#at;
      const atom = this.#atom(char, flags);
      out += atom === null ? '' : this.#quantified(atom, start, flags);
    }
  }

  #skipVerbose(): boolean {
    const char = this.#chars[this.#at];
    if (char === undefined) return false;
    if (/[ \t\n\r\f\v]/.test(char)) {
      this.#at++;
      return true;
    }
    if (char !== '#') return false;
    while (this.#at < this.#chars.length && this.#chars[this.#at] !== '\n') this.#at++;
    return true;
  }

  #quantified(atom: { source: string; repeatable: boolean }, start: number, flags: number): string {
    let quantifier: string | null = null;
    while (flags & FLAGS.VERBOSE && this.#skipVerbose());
    const char = this.#chars[this.#at];
    if (char === '*' || char === '+' || char === '?') {
      quantifier = char;
      this.#at++;
    } else if (char === '{') {
      const match = /^\{(\d*)(,?)(\d*)\}/.exec(this.#chars.slice(this.#at, this.#at + 24).join(''));
      if (match !== null && (match[1] !== '' || match[3] !== '')) {
        const [text, least, comma, most] = match as unknown as [string, string, string, string];
        if (most !== '' && least !== '' && Number(least) > Number(most))
          throw this.#error('min repeat greater than max repeat', this.#at);
        quantifier = comma === '' ? `{${least}}` : `{${least === '' ? 0 : least},${most}}`;
        this.#at += text.length;
      }
    }
    if (quantifier === null) return atom.source;
    if (!atom.repeatable) throw this.#error('nothing to repeat', start);
    const next = this.#chars[this.#at];
    if (next === '?') {
      this.#at++;
      return `${atom.source}${quantifier}?`;
    }
    if (next === '+') {
      this.#at++;
      return this.#atomic(`${atom.source}${quantifier}`);
    }
    if (next === '*' || (next === '{' && /^\{\d*,?\d+\}/.test(this.#chars.slice(this.#at, this.#at + 24).join(''))))
      throw this.#error('multiple repeat', this.#at);
    return `${atom.source}${quantifier}`;
  }

  /** JavaScript has no atomic groups; a lookahead and a backreference are equivalent. */
  #atomic(inner: string): string {
    const name = `atomic${++this.#jsGroups}`;
    return `(?:(?=(?<${name}>${inner}))\\k<${name}>)`;
  }

  /** @param char the next character */
  #atom(char: string, flags: number): { source: string; repeatable: boolean } | null {
    const start = this.#at++;
    switch (char) {
      case '.':
        return piece(flags & FLAGS.DOTALL ? ANY : '[^\\n]');
      case '^':
        return { source: flags & FLAGS.MULTILINE ? '(?<![^\\n])' : START, repeatable: false };
      case '$':
        return { source: flags & FLAGS.MULTILINE ? '(?![^\\n])' : `(?=\\n?${END})`, repeatable: false };
      case '(':
        return this.#group(flags, start);
      case '[':
        return piece(this.#characterClass(flags, start));
      case '\\':
        return this.#escape(flags, start);
      case '*':
      case '+':
      case '?':
        throw this.#error('nothing to repeat', start);
      default:
        return piece(literal(char, flags, this.globalFlags));
    }
  }

  #group(flags: number, start: number): { source: string; repeatable: boolean } | null {
    if (this.#chars[this.#at] !== '?') return piece(`(${this.#capture(flags, start, null)}`);
    this.#at++;
    const kind = this.#chars[this.#at++];
    switch (kind) {
      case ':':
        return piece(`(?:${this.#body(flags, start)}`);
      case '=':
      case '!':
        return piece(`(?:(?${kind}${this.#body(flags, start)})`);
      case '>': {
        this.#jsGroups++;
        const name = `atomic${this.#jsGroups}`;
        return piece(`(?:(?=(?<${name}>${this.#body(flags, start)})\\k<${name}>)`);
      }
      case '#': {
        while (this.#chars[this.#at] !== ')') {
          if (this.#at >= this.#chars.length) throw this.#error('missing ), unterminated comment', start);
          this.#at++;
        }
        this.#at++;
        return null;
      }
      case '<': {
        const direction = this.#chars[this.#at++];
        if (direction !== '=' && direction !== '!')
          throw this.#error(
            direction === undefined ? 'unexpected end of pattern' : `unknown extension ?<${direction}`,
            start + 1,
          );
        return piece(`(?:(?<${direction}${this.#body(flags, start)})`);
      }
      case 'P':
        return this.#named(flags, start);
      case '(':
        throw this.#error('conditional groups are not supported here', start);
      default:
        return this.#scopedFlags(flags, start, kind);
    }
  }

  #named(flags: number, start: number): { source: string; repeatable: boolean } {
    const kind = this.#chars[this.#at++];
    if (kind === '<') {
      const name = this.#name('>');
      return piece(`(?<${name}>${this.#capture(flags, start, name)}`);
    }
    if (kind === '=') {
      const name = this.#name(')');
      const index = this.names.get(name);
      if (index === undefined) throw this.#error(`unknown group name '${name}'`, start + 4);
      return piece(this.#reference(index, start));
    }
    throw this.#error(`unknown extension ?P${kind ?? ''}`, start + 1);
  }

  #name(end: string): string {
    let name = '';
    while (this.#at < this.#chars.length && this.#chars[this.#at] !== end) name += this.#chars[this.#at++];
    if (this.#chars[this.#at] !== end) throw this.#error(`missing ${end}, unterminated name`, this.#at - name.length);
    this.#at++;
    if (name === '') throw this.#error('missing group name', this.#at - 1);
    if (!/^[\p{ID_Start}_][\p{ID_Continue}]*$/u.test(name))
      throw this.#error(`bad character in group name '${name}'`, this.#at - 1 - name.length);
    return name;
  }

  #scopedFlags(flags: number, start: number, first: string | undefined): { source: string; repeatable: boolean } {
    let scoped = flags;
    let removing = false;
    let char = first;
    for (; char !== undefined && char !== ':' && char !== ')'; char = this.#chars[this.#at++]) {
      const flag = FLAG_LETTERS[char];
      if (char === '-' && !removing) removing = true;
      else if (flag === undefined) throw this.#error(`unknown extension ?${char}`, start + 1);
      else scoped = removing ? scoped & ~flag : scoped | flag;
    }
    if (char === ')') throw this.#error('global flags not at the start of the expression', start);
    if (char === undefined) throw this.#error('missing -, : or )', this.#at);
    return piece(`(?:${this.#body(scoped, start)}`);
  }

  #capture(flags: number, start: number, name: string | null): string {
    const index = this.groups.length;
    this.#jsGroups++;
    this.groups.push(this.#jsGroups);
    if (name !== null) {
      if (this.names.has(name))
        throw this.#error(
          `redefinition of group name '${name}' as group ${index}; was group ${this.names.get(name)}`,
          start + 4,
        );
      this.names.set(name, index);
    }
    this.#open.add(index);
    const body = this.#body(flags, start);
    this.#open.delete(index);
    return body;
  }

  /** Translates the inside of a group up to its `)`. */
  #body(flags: number, start: number): string {
    const inner = this.#alternatives(flags);
    if (this.#chars[this.#at] !== ')') throw this.#error('missing ), unterminated subpattern', start);
    this.#at++;
    return `${inner})`;
  }

  #reference(index: number, start: number): string {
    const group = this.groups[index];
    if (group === undefined) throw this.#error(`invalid group reference ${index}`, start + 1);
    if (this.#open.has(index)) throw this.#error('cannot refer to an open group', start);
    // A backreference to a group that did not participate fails in Python and matches empty text in JavaScript.
    const name = [...this.names].find(([, i]) => i === index)?.[0];
    return name === undefined ? `(?:\\${group})` : `(?:\\k<${name}>)`;
  }

  #escape(flags: number, start: number): { source: string; repeatable: boolean } {
    const char = this.#chars[this.#at++];
    if (char === undefined) throw this.#error('bad escape (end of pattern)', start);
    const ascii = (flags & FLAGS.ASCII) !== 0;
    switch (char) {
      case 'A':
        return { source: START, repeatable: false };
      case 'Z':
        return { source: END, repeatable: false };
      case 'b':
      case 'B': {
        const word = ascii ? `[${ASCII_WORD}]` : `[${WORD}]`;
        const source =
          char === 'b'
            ? `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`
            : `(?:(?<=${word})(?=${word})|(?<!${word})(?!${word}))`;
        return { source, repeatable: false };
      }
      default: {
        const set = setEscape(char, ascii);
        if (set !== undefined) return piece(set);
        if (/[1-9]/.test(char)) return piece(this.#numbered(char, start));
        return piece(literal(this.#characterEscape(char, start), flags, this.globalFlags));
      }
    }
  }

  #numbered(first: string, start: number): string {
    let digits = first;
    if (/[0-9]/.test(this.#chars[this.#at] ?? '')) {
      const three = this.#chars.slice(this.#at - 1, this.#at + 2).join('');
      if (/^[0-3][0-7]{2}$/.test(three)) {
        this.#at += 2;
        return escaped(String.fromCodePoint(Number.parseInt(three, 8)));
      }
      digits += this.#chars[this.#at++];
    }
    return this.#reference(Number(digits), start);
  }

  /** Returns the character of an escape, inside and outside of classes. */
  #characterEscape(char: string, start: number): string {
    const control = CONTROL_ESCAPES.get(char);
    if (control !== undefined) return control;
    const length = HEX_ESCAPES.get(char);
    if (length !== undefined) {
      const digits = this.#chars.slice(this.#at, this.#at + length).join('');
      if (digits.length !== length || !/^[0-9a-fA-F]+$/.test(digits))
        throw this.#error(`incomplete escape \\${char}${digits}`, start);
      this.#at += digits.length;
      return String.fromCodePoint(Number.parseInt(digits, 16));
    }
    if (char === '0') return this.#octal(char);
    if (/[a-zA-Z]/.test(char)) throw this.#error(`bad escape \\${char}`, start);
    return char;
  }

  /** Returns the character of an octal escape, which may have up to two more digits. */
  #octal(first: string): string {
    const [digits = ''] = /^[0-7]{0,2}/.exec(this.#chars.slice(this.#at, this.#at + 2).join('')) ?? [];
    this.#at += digits.length;
    return String.fromCodePoint(Number.parseInt(first + digits, 8));
  }

  #characterClass(flags: number, start: number): string {
    const ascii = (flags & FLAGS.ASCII) !== 0;
    let out = '';
    const negated = this.#chars[this.#at] === '^';
    if (negated) this.#at++;
    for (let first = true; ; first = false) {
      const from = this.#at;
      const char = this.#chars[this.#at++];
      if (char === undefined) throw this.#error('unterminated character set', start);
      if (char === ']' && !first) break;
      const low = this.#classMember(char, ascii, from);
      const end = this.#chars[this.#at + 1];
      if (this.#chars[this.#at] === '-' && end !== undefined && end !== ']') {
        const to = this.#at + 1;
        this.#at += 2;
        const high = this.#classMember(end, ascii, to);
        const range = `${this.#chars.slice(from, this.#at).join('')}`;
        if (low.char === undefined || high.char === undefined) throw this.#error(`bad character range ${range}`, from);
        if (codeOf(low.char) > codeOf(high.char)) throw this.#error(`bad character range ${range}`, from);
        out += `${escaped(low.char)}-${escaped(high.char)}`;
        if (this.#scopedCase(flags)) out += otherCaseRange(low.char, high.char);
      } else
        out +=
          low.char === undefined ? low.set : escaped(low.char) + (this.#scopedCase(flags) ? otherCase(low.char) : '');
    }
    return `[${negated ? '^' : ''}${out}]`;
  }

  #classMember(
    char: string,
    ascii: boolean,
    start: number,
  ): { char: string; set?: undefined } | { char?: undefined; set: string } {
    if (char !== '\\') return { char };
    const letter = this.#chars[this.#at++];
    if (letter === undefined) throw this.#error('bad escape (end of pattern)', start);
    if (letter === 'b') return { char: '\b' };
    const set = setEscape(letter, ascii);
    if (set !== undefined) return { set };
    if (/[1-7]/.test(letter)) {
      return { char: this.#octal(letter) };
    }
    return { char: this.#characterEscape(letter, start) };
  }

  /** Inline case-insensitive part of a pattern: writes out both cases. */
  #scopedCase(flags: number): boolean {
    return (flags & FLAGS.IGNORECASE) !== 0 && (this.globalFlags & FLAGS.IGNORECASE) === 0;
  }

  #error(message: string, position: number): Error {
    return valueError(`${message} at position ${position}`);
  }
}

function piece(source: string): { source: string; repeatable: boolean } {
  return { source, repeatable: true };
}

function setEscape(char: string, ascii: boolean): string | undefined {
  switch (char) {
    case 'd':
      return ascii ? '[0-9]' : '\\p{Nd}';
    case 'D':
      return ascii ? '[^0-9]' : '\\P{Nd}';
    case 's':
      return `[${ascii ? ASCII_SPACE : SPACE}]`;
    case 'S':
      return `[^${ascii ? ASCII_SPACE : SPACE}]`;
    case 'w':
      return `[${ascii ? ASCII_WORD : WORD}]`;
    case 'W':
      return `[^${ascii ? ASCII_WORD : WORD}]`;
    default:
      return undefined;
  }
}

function escaped(char: string): string {
  return `\\u{${codeOf(char).toString(16)}}`;
}

function literal(char: string, flags: number, globalFlags: number): string {
  const scoped = (flags & FLAGS.IGNORECASE) !== 0 && (globalFlags & FLAGS.IGNORECASE) === 0;
  const own = /[a-zA-Z0-9 _]/.test(char) ? char : escaped(char);
  return scoped ? `[${escaped(char)}${otherCase(char)}]` : own;
}

function otherCase(char: string): string {
  const other = char === char.toLowerCase() ? char.toUpperCase() : char.toLowerCase();
  return other === char || [...other].length !== 1 ? '' : escaped(other);
}

function otherCaseRange(low: string, high: string): string {
  let out = '';
  const end = codeOf(high);
  for (let code = codeOf(low); code <= end && code < 0x250; code++) out += otherCase(String.fromCodePoint(code));
  return out;
}
