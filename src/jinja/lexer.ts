// Cuts the source of a template into tokens, exactly as jinja2 3.1 does: delimiters, whitespace control, raw blocks,
// literals. What the tokens mean is the parser's.
//
// The rules follow jinja2's `lexer.py`. NOTICE for this file, ast.ts, parser.ts and expression-parser.ts:
//
// Copyright 2007 Pallets
//
// Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
// following conditions are met:
// 1. Redistributions of source code must retain the above copyright notice, this list of conditions and the following
//   disclaimer.
// 2. Redistributions in binary form must reproduce the above copyright notice, this list of conditions and the
//   following disclaimer in the documentation and/or other materials provided with the distribution.
// 3. Neither the name of the copyright holder nor the names of its contributors may be used to endorse or promote
//   products derived from this software without specific prior written permission.
//
// THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES,
// INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
// DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL,
// SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
// SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY,
// WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE
// OF THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.
import { narrow } from '../values/arithmetic.ts';
import { makeFloat } from '../values/float.ts';
import { JinjaError } from '../values/python-error.ts';
import { syntaxError } from './syntax-error.ts';
import { toRepr } from '../values/text.ts';
import type { Value } from '../values/value.ts';
import { isSpaceCharacter, SPACE_CLASS } from '../values/whitespace.ts';
import { unescapeString } from './string-literal.ts';

export type TokenType =
  | 'data'
  | 'variable_begin'
  | 'variable_end'
  | 'block_begin'
  | 'block_end'
  | 'name'
  | 'string'
  | 'integer'
  | 'float'
  | 'add'
  | 'sub'
  | 'div'
  | 'floordiv'
  | 'mul'
  | 'mod'
  | 'pow'
  | 'tilde'
  | 'lbracket'
  | 'rbracket'
  | 'lparen'
  | 'rparen'
  | 'lbrace'
  | 'rbrace'
  | 'eq'
  | 'ne'
  | 'gt'
  | 'gteq'
  | 'lt'
  | 'lteq'
  | 'assign'
  | 'dot'
  | 'colon'
  | 'pipe'
  | 'comma'
  | 'semicolon'
  | 'eof'
  /**
   * An extension of jinja2's tokens: where the source cannot be tokenized. The parser throws `error` when it reaches
   * the token.
   */
  | 'error';

export interface Token {
  readonly type: TokenType;
  /** Text of a name, string, data or operator token. The value of a number is in `literal`. */
  readonly value: string;
  readonly line: number;
  readonly pos: number;
  readonly literal?: Value;
  readonly error?: JinjaError;
}

export interface LexerOptions {
  readonly trimBlocks: boolean;
  readonly lstripBlocks: boolean;
  readonly keepTrailingNewline: boolean;
  readonly blockStart: string;
  readonly blockEnd: string;
  readonly variableStart: string;
  readonly variableEnd: string;
  readonly commentStart: string;
  readonly commentEnd: string;
}

export const DEFAULT_LEXER_OPTIONS: LexerOptions = {
  trimBlocks: false,
  lstripBlocks: false,
  keepTrailingNewline: false,
  blockStart: '{%',
  blockEnd: '%}',
  variableStart: '{{',
  variableEnd: '}}',
  commentStart: '{#',
  commentEnd: '#}',
};

export const OPERATORS: { readonly [text: string]: TokenType } = {
  '+': 'add',
  '-': 'sub',
  '/': 'div',
  '//': 'floordiv',
  '*': 'mul',
  '%': 'mod',
  '**': 'pow',
  '~': 'tilde',
  '[': 'lbracket',
  ']': 'rbracket',
  '(': 'lparen',
  ')': 'rparen',
  '{': 'lbrace',
  '}': 'rbrace',
  '==': 'eq',
  '!=': 'ne',
  '>': 'gt',
  '>=': 'gteq',
  '<': 'lt',
  '<=': 'lteq',
  '=': 'assign',
  '.': 'dot',
  ':': 'colon',
  '|': 'pipe',
  ',': 'comma',
  ';': 'semicolon',
};

const WHITESPACE = new RegExp(`[${SPACE_CLASS}]+`, 'y');
const FLOAT = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?[eE][+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/y;
const INTEGER = /0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\da-fA-F])+|[1-9](?:_?\d)*|0(?:_?0)*/y;
const NAME = /[\p{L}\p{N}\p{Mn}\p{Mc}\p{Pc}\u00b7\u0387\u1369-\u1371\u2118\u212e\u309b\u309c]+/uy;
const IDENTIFIER = /^[\p{XID_Start}_][\p{XID_Continue}]*$/u;
const STRING = /'[^'\\]*(?:\\[\s\S][^'\\]*)*'|"[^"\\]*(?:\\[\s\S][^"\\]*)*"/y;
const ALL_SPACE = new RegExp(`^[${SPACE_CLASS}]+$`);

type State = 'comment' | 'block' | 'variable' | 'raw';

/** The pattern that ends each state. */
type Endings = Readonly<Record<State, RegExp>>;

/** A lexer for one set of options. It keeps no state between templates. */
export class Lexer {
  readonly options: LexerOptions;
  readonly #root: RegExp;
  readonly #endings: Endings;
  readonly #starts: readonly (readonly [string, State])[];

  constructor(options: Partial<LexerOptions> = {}) {
    const o = { ...DEFAULT_LEXER_OPTIONS, ...options };
    this.options = o;
    const [bs, be, vs, ve, cs, ce] = [
      o.blockStart,
      o.blockEnd,
      o.variableStart,
      o.variableEnd,
      o.commentStart,
      o.commentEnd,
    ].map(escapeRegExp) as [string, string, string, string, string, string];
    const sp = `[${SPACE_CLASS}]*`;
    const suffix = o.trimBlocks ? '\\n?' : '';
    const starts: (readonly [string, State])[] = [
      [o.variableStart, 'variable'],
      [o.commentStart, 'comment'],
      [o.blockStart, 'block'],
    ];
    this.#starts = starts.sort((a, b) => b[0].length - a[0].length);
    const source: { readonly [state: string]: string } = { variable: vs, comment: cs, block: bs };
    const raw = `(${bs}([-+]?)${sp}raw${sp}(?:-${be}${sp}|${be}))`;
    this.#root = new RegExp([raw, ...this.#starts.map(([, state]) => source[state])].join('|'), 'g');
    this.#endings = {
      block: new RegExp(`\\+${be}|-${be}${sp}|${be}${suffix}`, 'y'),
      variable: new RegExp(`-${ve}${sp}|${ve}`, 'y'),
      comment: new RegExp(`\\+${ce}|-${ce}${sp}|${ce}${suffix}`, 'g'),
      raw: new RegExp(`${bs}([-+]?)${sp}endraw${sp}(?:\\+${be}|-${be}${sp}|${be}${suffix})`, 'g'),
    };
  }

  /**
   * Normalizes the source that token positions refer to: newlines become `\n`, and the last one is dropped unless it is
   * to be kept.
   */
  normalize(source: string): string {
    const text = source.includes('\r') ? source.replace(/\r\n|\r/g, '\n') : source;
    return !this.options.keepTrailingNewline && text.endsWith('\n') ? text.slice(0, -1) : text;
  }

  /** Returns the tokens of a normalized source. The last one has type `eof` or `error`. */
  tokenize(source: string): Token[] {
    return new Scanner(this, source, this.#root, this.#endings, this.#starts).run();
  }
}

class Scanner {
  readonly #lexer: Lexer;
  readonly #source: string;
  readonly #root: RegExp;
  readonly #endings: Endings;
  readonly #starts: readonly (readonly [string, State])[];
  readonly #tokens: Token[] = [];
  #pos = 0;
  #line = 1;
  #lineStarting = true;

  constructor(
    lexer: Lexer,
    source: string,
    root: RegExp,
    endings: Endings,
    starts: readonly (readonly [string, State])[],
  ) {
    this.#lexer = lexer;
    this.#source = source;
    this.#root = root;
    this.#endings = endings;
    this.#starts = starts;
  }

  run(): Token[] {
    try {
      while (this.#pos < this.#source.length) this.#scanRoot();
      this.#push('eof', '', this.#pos);
    } catch (error) {
      if (!(error instanceof JinjaError)) throw error;
      this.#tokens.push({ type: 'error', value: '', line: this.#line, pos: this.#pos, error });
    }
    return this.#tokens;
  }

  #push(type: TokenType, value: string, pos: number): void {
    this.#tokens.push({ type, value, line: this.#line, pos });
  }

  #fail(message: string): JinjaError {
    return syntaxError(message, this.#line, this.#pos);
  }

  /** Reads text up to the next tag, then the start of the tag. */
  #scanRoot(): void {
    const source = this.#source;
    const root = this.#root;
    const pos = this.#pos;
    root.lastIndex = pos;
    const match = root.exec(source);
    if (match === null) {
      this.#push('data', source.slice(pos), pos);
      this.#line += countNewlines(source, pos, source.length);
      this.#pos = source.length;
      return;
    }
    const raw = match[1] !== undefined;
    const start = match.index;
    let end = start + match[0].length;
    const state: State = raw
      ? 'raw'
      : (this.#starts.find(([text]) => source.startsWith(text, start)) as readonly [string, State])[1];
    let sign = raw ? (match[2] ?? '') : '';
    if (!raw && (source[end] === '-' || source[end] === '+')) sign = source.charAt(end++);
    this.#pushData(pos, start, sign, state === 'variable');
    this.#lineStarting = source[end - 1] === '\n';
    if (raw) this.#line += countNewlines(source, start, end);
    this.#pos = end;
    switch (state) {
      case 'raw':
        this.#scanRaw();
        break;
      case 'comment':
        this.#scanComment();
        break;
      case 'variable':
        this.#push('variable_begin', match[0], start);
        this.#scanTag('variable_end', this.#endings.variable);
        break;
      case 'block':
        this.#push('block_begin', match[0], start);
        this.#scanTag('block_end', this.#endings.block);
        break;
    }
  }

  /** Returns the text before a tag, stripped according to the tag's sign and the options. */
  #pushData(from: number, to: number, sign: string, variable: boolean): void {
    const source = this.#source;
    let end = to;
    if (sign === '-') {
      while (end > from && isSpaceCharacter(source.charAt(end - 1))) end--;
    } else if (sign !== '+' && this.#lexer.options.lstripBlocks && !variable) {
      const lineStart = source.lastIndexOf('\n', to - 1) + 1;
      const begin = Math.max(lineStart, from);
      if ((lineStart > from || this.#lineStarting) && begin < to && ALL_SPACE.test(source.slice(begin, to)))
        end = begin;
    }
    if (end > from) this.#push('data', source.slice(from, end), from);
    this.#line += countNewlines(source, from, to);
  }

  #scanRaw(): void {
    const { raw } = this.#endings;
    raw.lastIndex = this.#pos;
    const match = raw.exec(this.#source);
    if (match === null) {
      if (this.#pos >= this.#source.length) return;
      throw this.#fail('Missing end of raw directive');
    }
    const from = this.#pos;
    this.#pushData(from, match.index, match[1] ?? '', false);
    const end = match.index + match[0].length;
    this.#line += countNewlines(this.#source, match.index, end);
    this.#lineStarting = this.#source[end - 1] === '\n';
    this.#pos = end;
  }

  #scanComment(): void {
    const { comment } = this.#endings;
    comment.lastIndex = this.#pos;
    const match = comment.exec(this.#source);
    if (match === null) {
      if (this.#pos >= this.#source.length) return;
      throw this.#fail('Missing end of comment tag');
    }
    const end = match.index + match[0].length;
    this.#line += countNewlines(this.#source, this.#pos, end);
    this.#lineStarting = this.#source[end - 1] === '\n';
    this.#pos = end;
  }

  /** Reads the tokens of one tag. The tag's end counts only outside of brackets. */
  #scanTag(endType: 'variable_end' | 'block_end', ending: RegExp): void {
    const source = this.#source;
    const open: string[] = [];
    for (;;) {
      const pos = this.#pos;
      if (pos >= source.length) return;
      if (open.length === 0) {
        ending.lastIndex = pos;
        const match = ending.exec(source);
        if (match !== null) {
          const text = match[0];
          this.#push(endType, text, pos);
          if (text.includes('\n')) this.#line += countNewlines(text, 0, text.length);
          this.#lineStarting = text.endsWith('\n');
          this.#pos = pos + text.length;
          return;
        }
      }
      const code = source.charCodeAt(pos);
      if (code === 32) {
        this.#pos = pos + 1;
      } else if (isNameStart(code)) {
        let end = pos + 1;
        while (isNamePart(source.charCodeAt(end))) end++;
        if (source.charCodeAt(end) > 127) this.#scanUnicodeName();
        else {
          this.#push('name', source.slice(pos, end), pos);
          this.#pos = end;
        }
      } else if (code >= 48 && code <= 57) {
        this.#scanNumber();
      } else if (code === 34 || code === 39) {
        this.#scanString();
      } else if (code > 127 || isSpaceCharacter(source.charAt(pos))) {
        const space = sticky(WHITESPACE, source, pos);
        if (space !== undefined) {
          this.#line += countNewlines(space, 0, space.length);
          this.#pos = pos + space.length;
        } else {
          this.#scanUnicodeName();
        }
      } else {
        this.#scanOperator(open);
      }
    }
  }

  #scanUnicodeName(): void {
    const text = sticky(NAME, this.#source, this.#pos);
    if (text === undefined) throw this.#unexpected();
    if (!IDENTIFIER.test(text)) throw this.#fail('Invalid character in identifier');
    this.#push('name', text, this.#pos);
    this.#pos += text.length;
  }

  #scanNumber(): void {
    const source = this.#source;
    const pos = this.#pos;
    const float = sticky(FLOAT, source, pos);
    if (float !== undefined) {
      const literal = makeFloat(Number(float.replaceAll('_', '')));
      this.#tokens.push({ type: 'float', value: float, line: this.#line, pos, literal });
      this.#pos = pos + float.length;
      return;
    }
    const text = sticky(INTEGER, source, pos) as string;
    const literal = narrow(BigInt(text.replaceAll('_', '')));
    this.#tokens.push({ type: 'integer', value: text, line: this.#line, pos, literal });
    this.#pos = pos + text.length;
  }

  #scanString(): void {
    const text = sticky(STRING, this.#source, this.#pos);
    if (text === undefined) throw this.#unexpected();
    let body = text.slice(1, -1);
    if (body.includes('\\')) {
      const unescaped = unescapeString(body);
      if (unescaped.error !== undefined) throw this.#fail(unescaped.error);
      body = unescaped.text;
    }
    this.#push('string', body, this.#pos);
    this.#line += countNewlines(text, 0, text.length);
    this.#pos += text.length;
  }

  #scanOperator(open: string[]): void {
    const source = this.#source;
    const pos = this.#pos;
    const one = source.charAt(pos);
    const two = one + (source[pos + 1] ?? '');
    const text = OPERATORS[two] === undefined || two.length < 2 ? one : two;
    const type = OPERATORS[text];
    if (type === undefined) throw this.#unexpected();
    switch (text) {
      case '(':
        open.push(')');
        break;
      case '[':
        open.push(']');
        break;
      case '{':
        open.push('}');
        break;
      case ')':
      case ']':
      case '}': {
        const expected = open.pop();
        if (expected === undefined) throw this.#fail(`unexpected '${text}'`);
        if (expected !== text) throw this.#fail(`unexpected '${text}', expected '${expected}'`);
      }
    }
    this.#push(type, text, pos);
    this.#pos = pos + text.length;
  }

  #unexpected(): JinjaError {
    const char = String.fromCodePoint(this.#source.codePointAt(this.#pos) as number);
    const at = Array.from(this.#source.slice(0, this.#pos)).length;
    const typographic = /[\u2018-\u201f]/.test(char) ? '. Use \' or " instead of the typographic quote.' : '';
    return this.#fail(`unexpected char ${toRepr(char)} at ${at}${typographic}`);
  }
}

function sticky(pattern: RegExp, source: string, pos: number): string | undefined {
  pattern.lastIndex = pos;
  return pattern.exec(source)?.[0];
}

function countNewlines(text: string, from: number, to: number): number {
  let count = 0;
  for (let i = text.indexOf('\n', from); i >= 0 && i < to; i = text.indexOf('\n', i + 1)) count++;
  return count;
}

function isNameStart(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95;
}

function isNamePart(code: number): boolean {
  return isNameStart(code) || (code >= 48 && code <= 57);
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');
}
