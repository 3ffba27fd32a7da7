// Finds the position and kind of each column's value in the bytes of a plain JSON object, without creating objects. In
// doubt it gives up. copy-writer.ts writes the values.
import { isUtf8 } from 'node:buffer';
import type { PathNode } from '../values/path-tree.ts';
import type { ColumnPlan, RowPlan } from './row-encoder.ts';
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
} from '../values/ascii.ts';

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
/** A cell that is already formatted. */
export const PART = 12;
/** Entries in the rest for an object or list of which columns take parts: starts, ends, and taken items. */
export const BEGIN_OBJECT = 7;
export const BEGIN_LIST = 8;
export const END_OBJECT = 9;
export const END_LIST = 10;
export const TAKEN_ITEM = 11;
/** Numbers for each entry of the rest. */
export const REST_STRIDE = 5;
/** For an item of a list, which has no name. */
export const NAMELESS = -1;
/** Targets of a field that is not a column: the rest, nowhere, the rest although a column has its name. */
const [TO_REST, TO_NOWHERE, TO_REST_QUIETLY] = [-1, -2, -3];
/** From this number downwards: several columns take parts of the value. */
const FIRST_NODE = -4;
/** The result for a value that columns take, wholly or in part. */
const [IN_DOUBT, LEFT, GONE] = [0, 1, 2];
const MAX_DEPTH = 64;
/** Digits that a double represents exactly; integer digits up to which JavaScript writes no exponent. */
export const SURE_DIGITS = 15;
const MAX_WHOLE = 20;
const MAX_LEADING_ZEROS = 5;
/** Bytes of a word. */
const WORD = 4;

/** A value of which several columns take parts, or one column a nested part. */
interface TakenValue {
  readonly columns: readonly number[];
  /** Names in UTF-8. */
  readonly fields: readonly { readonly name: Uint8Array; readonly value: TakenValue }[];
  readonly items: readonly (TakenValue | undefined)[];
  /** Whether the rest keeps what remains of it. */
  readonly keep: boolean;
  /** The last message that contained it: of two fields with one name the second counts, which the slow path handles. */
  turn: number;
}

export class JsonScanner {
  /** Kind of each column's value, and its start and end. */
  readonly found: Uint8Array;
  readonly spans: Int32Array;
  /** For each field of the rest: start and end of its name and of its value, and the value's kind. */
  readonly rest: number[] = [];
  readonly #plan: RowPlan;
  readonly #columns: readonly ColumnPlan[];
  readonly #fields = new Map<string, number>();
  /**
   * Cache of field names by their position in the last messages, with their targets: the words of the name including
   * both quotes, of which the last may overlap the previous one, and their number of bytes.
   */
  readonly #names: (Int32Array | undefined)[] = [];
  readonly #lengths: number[] = [];
  readonly #places: number[] = [];
  readonly #stack = new Uint8Array(MAX_DEPTH + 1);
  readonly #taken: TakenValue[] = [];
  /** Number of messages so far. */
  #turn = 0;
  #bytes: Buffer = Buffer.alloc(0);
  /** Reads words of `#bytes` at any offset. */
  #view: DataView = new DataView(new ArrayBuffer(0));
  #at = 0;
  #stop = 0;
  /** The OR of all bytes of names and texts so far: shows whether one is not ASCII. */
  #seen = 0;
  /** The end of the value read last, without insignificant zeros. */
  #valueEnd = 0;

  constructor(plan: RowPlan) {
    this.#plan = plan;
    this.#columns = plan.columns;
    for (const name of plan.elsewhere) this.#fields.set(latin1(name), TO_REST_QUIETLY);
    for (const [name, node] of plan.taken.children) {
      const [column] = node.columns;
      const alone = column !== undefined && node.columns.length === 1 && node.children.size === 0;
      const keep = plan.rest && !plan.dropped.has(String(name));
      this.#fields.set(
        latin1(String(name)),
        alone ? column : FIRST_NODE - (this.#taken.push(takenValue(node, keep)) - 1),
      );
    }
    for (const name of plan.dropped)
      if ((plan.taken.children.get(name)?.children.size ?? 0) === 0) this.#fields.set(latin1(name), TO_NOWHERE);
    this.found = new Uint8Array(plan.columns.length);
    this.spans = new Int32Array(plan.columns.length * 2);
  }

  /** Finds the columns' values. @returns false if it is not a plain object, or if the slow path is needed */
  scan(bytes: Buffer, start: number, stop: number): boolean {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    const { found, spans, rest } = this;
    this.#at = start;
    this.#stop = stop;
    this.#seen = 0;
    this.#turn++;
    // A call of `fill`, or a length that is set, costs more than a short text.
    for (let column = 0; column < found.length; column++) found[column] = ABSENT;
    if (rest.length > 0) rest.length = 0;
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
        if (place <= FIRST_NODE) {
          const taken = this.#taken[FIRST_NODE - place];
          if (taken === undefined || this.#taking(taken, nameStart, nameEnd) === IN_DOUBT) return false;
        } else {
          const valueStart = this.#at;
          const kind = this.#value(place < 0 || this.#columns[place]!.kind === 'json');
          if (kind < 0) return false;
          const text = kind === TEXT || kind === ESCAPED;
          if (place >= 0) {
            found[place] = kind;
            spans[place * 2] = text ? valueStart + 1 : valueStart;
            spans[place * 2 + 1] = text ? this.#at - 1 : this.#valueEnd;
          } else if (place !== TO_NOWHERE) {
            // A new field may have to become a column.
            if (this.#plan.watchesDrift && place === TO_REST && kind !== NULL) return false;
            if (this.#plan.rest) rest.push(nameStart, nameEnd, valueStart, text ? this.#at : this.#valueEnd, kind);
          }
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

  /** Reads the value of a column. @returns false: use the slow path */
  #cell(column: number): boolean {
    const start = this.#at;
    const kind = this.#value(this.#columns[column]?.kind === 'json');
    if (kind < 0) return false;
    const text = kind === TEXT || kind === ESCAPED;
    this.found[column] = kind;
    this.spans[column * 2] = text ? start + 1 : start;
    this.spans[column * 2 + 1] = text ? this.#at - 1 : this.#valueEnd;
    return true;
  }

  /** Adds the value that was just read to the rest. */
  #keep(nameStart: number, nameEnd: number, start: number, kind: number): void {
    this.rest.push(nameStart, nameEnd, start, kind === TEXT || kind === ESCAPED ? this.#at : this.#valueEnd, kind);
  }

  /**
   * Reads a value that columns take, wholly or in part.
   * @param nameStart NAMELESS for an item of a list
   * @returns LEFT: a part of it is in the rest, or would be
   */
  #taking(taken: TakenValue, nameStart: number, nameEnd: number): number {
    if (taken.turn === this.#turn) return IN_DOUBT;
    taken.turn = this.#turn;
    const start = this.#at;
    for (const column of taken.columns) {
      this.#at = start;
      if (!this.#cell(column)) return IN_DOUBT;
    }
    const end = this.#at;
    const whole = taken.columns.length > 0;
    if (taken.fields.length > 0 || taken.items.length > 0) {
      this.#at = start;
      const left = this.#within(taken, nameStart, nameEnd);
      if (left === IN_DOUBT || !whole) return left;
      this.#at = end;
    }
    return GONE;
  }

  /** Reads a value of which columns take parts. @returns like `#taking` */
  #within(taken: TakenValue, nameStart: number, nameEnd: number): number {
    const start = this.#at;
    const opening = this.#bytes[start];
    const list = opening === OPEN_LIST;
    if (!list && opening !== OPEN) {
      const kind = this.#value(true);
      if (kind < 0) return IN_DOUBT;
      if (taken.keep) this.#keep(nameStart, nameEnd, start, kind);
      return LEFT;
    }
    const { rest } = this;
    const before = rest.length;
    if (taken.keep) rest.push(nameStart, nameEnd, start, start, list ? BEGIN_LIST : BEGIN_OBJECT);
    this.#at++;
    this.#blanks();
    const closing = list ? CLOSE_LIST : CLOSE;
    let count = 0;
    let gone = 0;
    if (this.#bytes[this.#at] === closing) this.#at++;
    else {
      for (; ; count++) {
        const left = list ? this.#item(taken, count) : this.#field(taken);
        if (left === IN_DOUBT) return IN_DOUBT;
        if (left === GONE) gone++;
        this.#blanks();
        const next = this.#bytes[this.#at++];
        if (next === closing) break;
        if (next !== COMMA) return IN_DOUBT;
        this.#blanks();
      }
      count++;
    }
    const nothing = count > 0 && gone === count;
    if (taken.keep) {
      if (nothing) rest.length = before;
      else rest.push(0, 0, 0, 0, list ? END_LIST : END_OBJECT);
    }
    return nothing ? GONE : LEFT;
  }

  /** Reads a field of an object of which columns take parts. @returns like `#taking` */
  #field(taken: TakenValue): number {
    const start = this.#at + 1;
    if (this.#bytes[this.#at] !== QUOTE || this.#text() !== TEXT) return IN_DOUBT;
    const end = this.#at - 1;
    this.#blanks();
    if (this.#bytes[this.#at++] !== COLON) return IN_DOUBT;
    this.#blanks();
    for (const { name, value } of taken.fields)
      if (name.length === end - start && this.#stands(name, start)) return this.#taking(value, start, end);
    return this.#leaving(taken, start, end);
  }

  /** The same for an item of a list. */
  #item(taken: TakenValue, i: number): number {
    const inner = taken.items[i];
    if (inner === undefined) return this.#leaving(taken, NAMELESS, NAMELESS);
    const left = this.#taking(inner, NAMELESS, NAMELESS);
    if (left === GONE && taken.keep) this.rest.push(NAMELESS, NAMELESS, 0, 0, TAKEN_ITEM);
    return left;
  }

  /** Reads a value that no column takes. */
  #leaving(taken: TakenValue, nameStart: number, nameEnd: number): number {
    const start = this.#at;
    const kind = this.#value(true);
    if (kind < 0) return IN_DOUBT;
    if (taken.keep) this.#keep(nameStart, nameEnd, start, kind);
    return LEFT;
  }

  /** Whether these bytes are at this position. */
  #stands(name: Uint8Array, start: number): boolean {
    for (let i = 0; i < name.length; i++) if (this.#bytes[start + i] !== name[i]) return false;
    return true;
  }

  /**
   * Reads a name up to the end of its closing quote.
   * @returns the number of its column, TO_REST or TO_NOWHERE; null for a name with escapes
   */
  #fieldName(field: number): number | null {
    const bytes = this.#bytes;
    const stop = this.#stop;
    const start = this.#at;
    const guess = this.#names[field];
    if (guess !== undefined) {
      const end = start - 1 + this.#lengths[field]!;
      if (end <= stop && this.#isNamed(guess, start - 1, end)) {
        this.#at = end;
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
    if (seen < 0x80 && at > start + 1) {
      this.#names[field] = wordsOf(this.#view, start - 1, at + 1);
      this.#lengths[field] = at + 2 - start;
      this.#places[field] = place;
    }
    return place;
  }

  /** Whether these words are between two positions. */
  #isNamed(words: Int32Array, start: number, end: number): boolean {
    const view = this.#view;
    const last = words.length - 1;
    for (let i = 0; i < last; i++) if (view.getInt32(start + i * WORD, true) !== words[i]) return false;
    return view.getInt32(end - WORD, true) === words[last];
  }

  #blanks(): void {
    const bytes = this.#bytes;
    let byte = bytes[this.#at] ?? OPEN;
    while (byte <= SPACE && (byte === SPACE || byte === LINE_FEED || byte === TAB || byte === RETURN))
      byte = bytes[++this.#at] ?? OPEN;
  }

  /**
   * Reads a value.
   * @param json the column accepts JSON: the value keeps its text
   * @returns its kind; -1: use the slow path
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
    const view = this.#view;
    const stop = this.#stop;
    const lastWord = stop - WORD;
    let at = this.#at + 1;
    let kind = TEXT;
    let seen = 0;
    for (;;) {
      // Reads four bytes at a time while none is a quote, a backslash or a control character.
      while (at <= lastWord) {
        const four = view.getInt32(at, true);
        const marks =
          ((four - 0x20202020) | ((four ^ 0x22222222) - 0x01010101) | ((four ^ 0x5c5c5c5c) - 0x01010101)) &
          ~four &
          0x80808080;
        if (marks === 0) {
          seen |= four;
          at += WORD;
          continue;
        }
        // The lowest mark is that of the first such byte; higher marks may come from a carry.
        const first = marks & -marks;
        seen |= four & (first - 1);
        at += (31 - Math.clz32(first)) >> 3;
        break;
      }
      const byte = bytes[at]!;
      if (byte === QUOTE) break;
      // Beyond the buffer the byte is undefined; beyond `#stop` it is not part of the message.
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
   * @returns the position after an escape; -1 for \u0000, for control characters and backslashes by number, for half a
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
   * Reads a number that JavaScript writes with the same digits, except for trailing zeros of a fraction; `valueEnd` is
   * before them.
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

  /** @returns the position after one or more digits; -1: there is no digit */
  #digitsFrom(start: number): number {
    let at = start;
    while (isDigit(this.#bytes[at])) at++;
    return at === start ? -1 : at;
  }

  /** Reads an object or a list. @returns JSON_PLAIN, or JSON_CARE if COPY would interpret it differently */
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

  /** Skips spaces only: COPY would need escapes for other white space in JSON that is kept. */
  #spaces(): void {
    while (this.#bytes[this.#at] === SPACE) this.#at++;
  }
}

function takenValue({ columns, children }: PathNode, kept: boolean): TakenValue {
  // A value that a column takes as a whole is not left over.
  const keep = kept && columns.length === 0;
  const fields: { readonly name: Uint8Array; readonly value: TakenValue }[] = [];
  const items: (TakenValue | undefined)[] = [];
  for (const [step, child] of children) {
    const value = takenValue(child, keep);
    if (typeof step === 'number') items[step] = value;
    else fields.push({ name: Buffer.from(step), value });
  }
  return { columns, fields, items, keep, turn: 0 };
}

/** The words of these bytes, which are four or more; the last one may overlap the one before. */
function wordsOf(view: DataView, start: number, end: number): Int32Array {
  return Int32Array.from({ length: Math.ceil((end - start) / WORD) }, (_, i) =>
    view.getInt32(Math.min(start + i * WORD, end - WORD), true),
  );
}

function latin1(name: string): string {
  return Buffer.from(name, 'utf8').toString('latin1');
}
