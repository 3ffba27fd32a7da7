// Finds where each column's value lies in the bytes of a plain JSON object, and what kind of value it is. Makes no
// object; in doubt it gives up. copy-writer.ts writes the values.
import { isUtf8 } from 'node:buffer';
import type { ColumnPlan, RowPlan } from '../row-encoder.ts';
import {
  BACKSLASH,
  CAPITAL_E,
  CLOSE,
  CLOSE_LIST,
  COLON,
  COMMA,
  hexAt,
  isDigit,
  LINE_FEED,
  MINUS,
  OPEN,
  OPEN_LIST,
  PLUS,
  POINT,
  QUOTE,
  RETURN,
  SLASH,
  SMALL_B,
  SMALL_E,
  SMALL_F,
  SMALL_N,
  SMALL_R,
  SMALL_T,
  SMALL_U,
  SPACE,
  TAB,
  ZERO,
} from './ascii.ts';

/** Kinds of values. */
export const ABSENT = 0;
export const NULL = 1;
export const PLAIN = 2;
export const TEXT = 3;
/** A text with escapes. */
export const ESCAPED = 4;
export const JSON_PLAIN = 5;
/** JSON with backslashes, which COPY would read as escapes. */
export const JSON_CARE = 6;
/** Targets of a field that is no column: the rest, or nowhere. */
const [TO_REST, TO_NOWHERE] = [-1, -2];
const MAX_DEPTH = 64;
/** Digits that a double surely keeps; digits before the point up to which JavaScript writes no exponent. */
export const SURE_DIGITS = 15;
const MAX_WHOLE = 20;
const MAX_LEADING_ZEROS = 5;

export class JsonScanner {
  /** Kind of each column's value, and its beginning and end. */
  readonly found: Uint8Array;
  readonly spans: Int32Array;
  /** For each field of the rest: beginning and end of its name and of its value, and the value's kind. */
  readonly rest: number[] = [];
  readonly #plan: RowPlan;
  readonly #columns: readonly ColumnPlan[];
  readonly #fields = new Map<string, number>();
  /** Cache of field names by their place in the last messages, with their targets. */
  readonly #names: (Uint8Array | undefined)[] = [];
  readonly #places: number[] = [];
  readonly #stack = new Uint8Array(MAX_DEPTH + 1);
  #bytes: Buffer = Buffer.alloc(0);
  /** The memory of `#bytes` as words of four bytes. */
  #words: Int32Array = new Int32Array(0);
  #at = 0;
  #stop = 0;
  /** The OR of all bytes of names and texts so far: tells whether one is beyond ASCII. */
  #seen = 0;
  /** The end of the value read last, without insignificant zeros. */
  #valueEnd = 0;

  constructor(plan: RowPlan) {
    this.#plan = plan;
    this.#columns = plan.columns;
    for (const [i, { name }] of plan.columns.entries()) this.#fields.set(latin1(name), i);
    for (const name of plan.dropped) this.#fields.set(latin1(name), TO_NOWHERE);
    this.found = new Uint8Array(plan.columns.length);
    this.spans = new Int32Array(plan.columns.length * 2);
  }

  /** Finds the columns' values. @returns false when it is no plain object, or when only the slow way can decide */
  scan(bytes: Buffer, start: number, stop: number): boolean {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#words = new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2);
    }
    this.#at = start;
    this.#stop = stop;
    this.#seen = 0;
    this.found.fill(ABSENT);
    this.rest.length = 0;
    this.#blanks();
    if (bytes[this.#at] !== OPEN) return false;
    this.#at++;
    this.#blanks();
    if (bytes[this.#at] === CLOSE) this.#at++;
    else {
      for (let field = 0; ; field++) {
        if (bytes[this.#at] !== QUOTE) return false;
        const nameStart = ++this.#at;
        const place = this.#fieldName(field);
        if (place === null) return false;
        const nameEnd = this.#at - 1;
        this.#blanks();
        if (bytes[this.#at++] !== COLON) return false;
        this.#blanks();
        const valueStart = this.#at;
        const kind = this.#value(place < 0 || this.#columns[place]!.kind === 'json');
        if (kind < 0) return false;
        const text = kind === TEXT || kind === ESCAPED;
        if (place >= 0) {
          this.found[place] = kind;
          this.spans[place * 2] = text ? valueStart + 1 : valueStart;
          this.spans[place * 2 + 1] = text ? this.#at - 1 : this.#valueEnd;
        } else if (place === TO_REST) {
          // A new field may have to become a column.
          if (this.#plan.watchesDrift && kind !== NULL) return false;
          if (this.#plan.rest) this.rest.push(nameStart, nameEnd, valueStart, text ? this.#at : this.#valueEnd, kind);
        }
        this.#blanks();
        const next = bytes[this.#at++];
        if (next === CLOSE) break;
        if (next !== COMMA) return false;
        this.#blanks();
      }
    }
    this.#blanks();
    if (this.#at !== stop) return false;
    return this.#seen < 0x80 || isUtf8(bytes.subarray(start, stop));
  }

  /**
   * Reads a name up to behind its closing quote.
   * @returns the number of its column, TO_REST or TO_NOWHERE; null for a name with escapes
   */
  #fieldName(field: number): number | null {
    const bytes = this.#bytes;
    const stop = this.#stop;
    const start = this.#at;
    const guess = this.#names[field];
    if (guess !== undefined) {
      let i = 0;
      while (i < guess.length && bytes[start + i] === guess[i]) i++;
      if (i === guess.length && bytes[start + i] === QUOTE) {
        this.#at = start + i + 1;
        return this.#places[field]!;
      }
    }
    let seen = 0;
    let at = start;
    for (; at < stop && bytes[at] !== QUOTE; at++) {
      const byte = bytes[at]!;
      if (byte < SPACE || byte === BACKSLASH) return null;
      seen |= byte;
    }
    if (at >= stop) return null;
    this.#at = at + 1;
    this.#seen |= seen;
    const place = this.#fields.get(bytes.toString('latin1', start, at)) ?? TO_REST;
    if (seen < 0x80) {
      this.#names[field] = Uint8Array.prototype.slice.call(bytes, start, at);
      this.#places[field] = place;
    }
    return place;
  }

  #blanks(): void {
    const bytes = this.#bytes;
    let byte = bytes[this.#at];
    while (byte === SPACE || byte === LINE_FEED || byte === TAB || byte === RETURN) byte = bytes[++this.#at];
  }

  /**
   * Reads a value.
   * @param json the column takes JSON: the value keeps its text
   * @returns its kind; -1: the slow way must decide
   */
  #value(json: boolean): number {
    const byte = this.#bytes[this.#at];
    if (byte === QUOTE) return this.#text();
    if (byte === OPEN || byte === OPEN_LIST) {
      const kind = this.#nested();
      this.#valueEnd = this.#at;
      return kind;
    }
    if (byte === SMALL_N) return this.#literal('null', NULL);
    if (byte === SMALL_T) return this.#literal('true', PLAIN);
    if (byte === SMALL_F) return this.#literal('false', PLAIN);
    return (json ? this.#writtenNumber() : this.#number()) ? PLAIN : -1;
  }

  #literal(word: string, kind: number): number {
    for (let i = 0; i < word.length; i++) if (this.#bytes[this.#at + i] !== word.charCodeAt(i)) return -1;
    this.#valueEnd = this.#at += word.length;
    return kind;
  }

  #text(): number {
    const bytes = this.#bytes;
    const stop = this.#stop;
    const words = this.#words;
    const shift = bytes.byteOffset;
    const lastWord = (stop + shift) >> 2;
    let at = this.#at + 1;
    let kind = TEXT;
    let seen = 0;
    for (;;) {
      if (((at + shift) & 3) === 0) {
        // Reads four bytes at a time while none is a quote, a backslash or a control character.
        let word = (at + shift) >> 2;
        let four = 0;
        while (word < lastWord) {
          four = words[word]!;
          if (
            (((four - 0x20202020) | ((four ^ 0x22222222) - 0x01010101) | ((four ^ 0x5c5c5c5c) - 0x01010101)) &
              ~four &
              0x80808080) !==
            0
          )
            break;
          seen |= four;
          word++;
        }
        at = (word << 2) - shift;
      }
      const byte = bytes[at]!;
      if (byte === QUOTE) break;
      // Beyond the buffer the byte is undefined; beyond `#stop` it is no part of the message.
      if (!(byte >= SPACE) || at >= stop) return -1;
      if (byte === BACKSLASH) {
        kind = ESCAPED;
        at = this.#escape(at + 1);
        if (at < 0) return -1;
      } else {
        seen |= byte;
        at++;
      }
    }
    if (at >= stop) return -1;
    if ((seen & 0x80808080) !== 0) this.#seen = 0x80;
    this.#at = at + 1;
    return kind;
  }

  /**
   * @returns the place behind an escape; -1 for \u0000, for control characters and backslashes by number, for half a
   *   pair
   */
  #escape(at: number): number {
    const byte = this.#bytes[at];
    if (byte === SMALL_U) {
      const code = hexAt(this.#bytes, at + 1);
      if (code < SPACE || code === BACKSLASH || (code >= 0xdc00 && code < 0xe000)) return -1;
      if (code < 0xd800 || code >= 0xe000) return at + 5;
      if (this.#bytes[at + 5] !== BACKSLASH || this.#bytes[at + 6] !== SMALL_U) return -1;
      const low = hexAt(this.#bytes, at + 7);
      return low >= 0xdc00 && low < 0xe000 ? at + 11 : -1;
    }
    return byte === QUOTE ||
      byte === BACKSLASH ||
      byte === SLASH ||
      byte === SMALL_B ||
      byte === SMALL_F ||
      byte === SMALL_N ||
      byte === SMALL_R ||
      byte === SMALL_T
      ? at + 1
      : -1;
  }

  /**
   * Reads a number that JavaScript writes with the same digits, but for zeros at the end of a fraction; `valueEnd`
   * stands before them.
   * @returns false: another number, or none
   */
  #number(): boolean {
    const bytes = this.#bytes;
    const start = this.#at;
    let at = bytes[start] === MINUS ? start + 1 : start;
    const whole = at;
    if (bytes[at] === ZERO) at++;
    else while (isDigit(bytes[at])) at++;
    const wholeDigits = at - whole;
    if (wholeDigits === 0 || isDigit(bytes[at])) return false;
    const zero = bytes[whole] === ZERO;
    let end = at;
    if (bytes[at] === POINT) {
      const fraction = ++at;
      let nonZero = 0;
      let first = 0;
      for (; isDigit(bytes[at]); at++) {
        if (bytes[at] !== ZERO) {
          nonZero = at + 1;
          if (first === 0) first = at;
        }
      }
      if (at === fraction) return false;
      if (nonZero < at && at - whole > SURE_DIGITS) return false;
      if (wholeDigits > MAX_WHOLE || (zero && first - fraction > MAX_LEADING_ZEROS)) return false;
      if (nonZero > 0) end = nonZero;
    }
    const byte = bytes[at];
    if (byte === SMALL_E || byte === CAPITAL_E) return false;
    // -0 is 0.
    if (zero && whole > start && end === whole + 1) return false;
    this.#at = at;
    this.#valueEnd = end;
    return true;
  }

  /** Reads a number, whatever its form. */
  #writtenNumber(): boolean {
    const bytes = this.#bytes;
    let at = bytes[this.#at] === MINUS ? this.#at + 1 : this.#at;
    if (bytes[at] === ZERO) at++;
    else if ((at = this.#digitsFrom(at)) < 0) return false;
    if (bytes[at] === POINT && (at = this.#digitsFrom(at + 1)) < 0) return false;
    if (bytes[at] === SMALL_E || bytes[at] === CAPITAL_E) {
      const sign = bytes[at + 1];
      if ((at = this.#digitsFrom(sign === PLUS || sign === MINUS ? at + 2 : at + 1)) < 0) return false;
    }
    this.#valueEnd = this.#at = at;
    return true;
  }

  /** @returns the place behind one or more digits; -1: there is no digit */
  #digitsFrom(start: number): number {
    let at = start;
    while (isDigit(this.#bytes[at])) at++;
    return at === start ? -1 : at;
  }

  /** An object or a list. @returns JSON_PLAIN, or JSON_CARE when COPY would read it another way */
  #nested(): number {
    const bytes = this.#bytes;
    const stack = this.#stack;
    let depth = 0;
    let kind = JSON_PLAIN;
    for (;;) {
      // A value begins here.
      let ended = true;
      const byte = bytes[this.#at];
      if (byte === OPEN || byte === OPEN_LIST) {
        if (depth === MAX_DEPTH) return -1;
        stack[++depth] = byte;
        this.#at++;
        this.#spaces();
        const close = byte === OPEN ? CLOSE : CLOSE_LIST;
        if (bytes[this.#at] === close) {
          this.#at++;
          depth--;
        } else {
          if (byte === OPEN && !this.#innerName()) return -1;
          ended = false;
        }
      } else if (byte === QUOTE) {
        const text = this.#text();
        if (text < 0) return -1;
        if (text === ESCAPED) kind = JSON_CARE;
      } else if (this.#value(true) < 0) return -1;
      while (ended) {
        if (depth === 0) return kind;
        this.#spaces();
        const next = bytes[this.#at++];
        if (next === COMMA) {
          this.#spaces();
          if (stack[depth] === OPEN && !this.#innerName()) return -1;
          break;
        }
        if (next !== (stack[depth] === OPEN ? CLOSE : CLOSE_LIST)) return -1;
        depth--;
      }
    }
  }

  /** A name without escapes within an object, and its colon. */
  #innerName(): boolean {
    if (this.#bytes[this.#at] !== QUOTE || this.#text() !== TEXT) return false;
    this.#spaces();
    if (this.#bytes[this.#at++] !== COLON) return false;
    this.#spaces();
    return true;
  }

  /** Skips spaces only: COPY would need escapes for other blanks within JSON that is kept. */
  #spaces(): void {
    while (this.#bytes[this.#at] === SPACE) this.#at++;
  }
}

function latin1(name: string): string {
  return Buffer.from(name, 'utf8').toString('latin1');
}
