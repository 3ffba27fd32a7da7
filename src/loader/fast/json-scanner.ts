// From the bytes of a plain JSON object straight to a row of COPY's text format, without an object in between: what
// row-encoder.ts makes of the decoded message, byte for byte (JSON columns: the same value). Whatever is out of the
// ordinary, and every error, is left to decode.ts and row-encoder.ts.
import { isUtf8 } from 'node:buffer';
import { surelyFits } from '../column-check.ts';
import type { Records } from './records.ts';
import type { RowBuffer } from './row-buffer.ts';
import { type ColumnPlan, isoMoment, moment, type RowPlan } from '../row-encoder.ts';

const [QUOTE, BACKSLASH, COMMA, COLON, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [
  0x22, 0x5c, 0x2c, 0x3a, 0x7b, 0x7d, 0x5b, 0x5d,
];
const [TAB, LINE_FEED, RETURN, SPACE, PLUS, MINUS, POINT, ZERO, NINE, SMALL_U, SMALL_Z] = [
  9, 10, 13, 32, 0x2b, 0x2d, 0x2e, 0x30, 0x39, 0x75, 0x5a,
];
/** What was found of a column. */
const [ABSENT, NULL, PLAIN, TEXT, ESCAPED, JSON_PLAIN, JSON_CARE] = [0, 1, 2, 3, 4, 5, 6];
/** What becomes of a field that is no column: it goes to the rest, it goes nowhere. */
const [TO_REST, TO_NOWHERE] = [-1, -2];
const MAX_DEPTH = 64;
/** Digits that a double surely keeps, and digits before the point up to which JavaScript writes no exponent. */
const SURE_DIGITS = 15;
const MAX_WHOLE = 20;
const MAX_LEADING_ZEROS = 5;
/** A cell is never longer than twice its value and this. */
const CELL_BYTES = 80;
const SHORT = 48;

export class JsonScanner {
  private readonly plan: RowPlan;
  private readonly columns: readonly ColumnPlan[];
  private readonly fields = new Map<string, number>();
  private readonly partitionColumn: number;
  /** Names of fields by their place in the last messages, and what becomes of them. */
  private readonly names: (Uint8Array | undefined)[] = [];
  private readonly places: number[] = [];
  /** What was found of each column, and where. */
  private readonly found: Uint8Array;
  private readonly spans: Int32Array;
  /** Of each field of the rest: name and value, and whether the value needs care. */
  private readonly rest: number[] = [];
  private readonly stack = new Uint8Array(MAX_DEPTH + 1);
  private bytes: Buffer = Buffer.alloc(0);
  /** The memory that they lie in, four at a time. */
  private words: Int32Array = new Int32Array(0);
  private at = 0;
  private stop = 0;
  /** All bytes of names and texts so far in one: is one of them beyond ASCII? */
  private seen = 0;
  /** Where the value that was read last ends without the zeros that say nothing. */
  private valueEnd = 0;
  private out: Buffer = Buffer.alloc(0);
  private second = Number.NaN;
  private readonly clock = Buffer.alloc(20);
  private day = '';
  private dayTime = 0;

  constructor(plan: RowPlan) {
    this.plan = plan;
    this.columns = plan.columns;
    for (const [i, { name }] of plan.columns.entries()) this.fields.set(latin1(name), i);
    for (const name of plan.dropped) this.fields.set(latin1(name), TO_NOWHERE);
    this.partitionColumn = plan.columns.findIndex(({ name }) => name === plan.partitionColumn);
    this.found = new Uint8Array(plan.columns.length);
    this.spans = new Int32Array(plan.columns.length * 2);
  }

  /**
   * Makes a row of a message that is not null.
   * @param place ASCII: topic and partition as cells, with tabs before and behind @param loadedAt ASCII: for
   *   `processing_ts`
   * @returns false: nothing was added, and the message needs a closer look
   */
  add(records: Records, i: number, rows: RowBuffer, place: Buffer, loadedAt: Buffer): boolean {
    const { bytes } = records;
    const start = records.valueStart(i);
    const end = records.valueEnd(i);
    if (!this.scan(bytes, start, end)) return false;
    const { columns, found, spans } = this;
    rows.room((end - start) * 2 + columns.length * CELL_BYTES + place.length + this.plan.tail.length + CELL_BYTES);
    const out = (this.out = rows.bytes);
    let to = rows.end;
    let { keyEnd } = rows;
    for (let column = 0; column < columns.length; column++) {
      const plan = columns[column]!;
      const cell = to;
      if (found[column]! <= NULL) {
        if (plan.key || (plan.required && !plan.stamped)) return false;
        if (plan.stamped) to += loadedAt.copy(out, to);
        else {
          out[to++] = BACKSLASH;
          out[to++] = 0x4e;
        }
      } else {
        to = this.cell(to, plan, found[column]!, spans[column * 2]!, spans[column * 2 + 1]!);
        if (to < 0) return false;
      }
      if (plan.key) {
        rows.keyRoom(to - cell + 1);
        keyEnd += out.copy(rows.keys, keyEnd, cell, to);
        rows.keys[keyEnd++] = TAB;
      }
      out[to++] = TAB;
    }
    if (this.plan.rest) to = this.restCell(to);
    else to--;
    let time: number | null = null;
    if (this.partitionColumn >= 0) {
      time = this.partitionTime(this.partitionColumn);
      if (Number.isNaN(time)) return false;
    }
    to = copied(place, 0, place.length, out, to);
    to = this.digits(to, Number(records.offset(i)));
    out[to++] = TAB;
    to = this.moment(to, records.timestamp(i));
    to = copied(this.plan.tail, 0, this.plan.tail.length, out, to);
    rows.added(i, to, keyEnd);
    if (time !== null) rows.addTime(time);
    return true;
  }

  /**
   * Finds where the columns' values are.
   * @returns false for what is no plain object, or has something of which only a closer look can tell
   */
  private scan(bytes: Buffer, start: number, stop: number): boolean {
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.words = new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2);
    }
    this.at = start;
    this.stop = stop;
    this.seen = 0;
    this.found.fill(ABSENT);
    this.rest.length = 0;
    this.blanks();
    if (bytes[this.at] !== OPEN) return false;
    this.at++;
    this.blanks();
    if (bytes[this.at] === CLOSE) this.at++;
    else {
      for (let field = 0; ; field++) {
        if (bytes[this.at] !== QUOTE) return false;
        const nameStart = ++this.at;
        const place = this.fieldName(field);
        if (place === null) return false;
        const nameEnd = this.at - 1;
        this.blanks();
        if (bytes[this.at++] !== COLON) return false;
        this.blanks();
        const valueStart = this.at;
        const kind = this.value(place < 0 || this.columns[place]!.kind === 'json');
        if (kind < 0) return false;
        const text = kind === TEXT || kind === ESCAPED;
        if (place >= 0) {
          this.found[place] = kind;
          this.spans[place * 2] = text ? valueStart + 1 : valueStart;
          this.spans[place * 2 + 1] = text ? this.at - 1 : this.valueEnd;
        } else if (place === TO_REST) {
          // A new field may be one of the table's columns to be.
          if (this.plan.watchesDrift && kind !== NULL) return false;
          if (this.plan.rest) this.rest.push(nameStart, nameEnd, valueStart, text ? this.at : this.valueEnd, kind);
        }
        this.blanks();
        const next = bytes[this.at++];
        if (next === CLOSE) break;
        if (next !== COMMA) return false;
        this.blanks();
      }
    }
    this.blanks();
    if (this.at !== stop) return false;
    return this.seen < 0x80 || isUtf8(bytes.subarray(start, stop));
  }

  /**
   * Reads a name up to behind its quote.
   * @returns the number of its column, TO_REST, TO_NOWHERE; null for a name with escapes
   */
  private fieldName(field: number): number | null {
    const { bytes, stop } = this;
    const start = this.at;
    const guess = this.names[field];
    if (guess !== undefined) {
      let i = 0;
      while (i < guess.length && bytes[start + i] === guess[i]) i++;
      if (i === guess.length && bytes[start + i] === QUOTE) {
        this.at = start + i + 1;
        return this.places[field]!;
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
    this.at = at + 1;
    this.seen |= seen;
    const place = this.fields.get(bytes.toString('latin1', start, at)) ?? TO_REST;
    if (seen < 0x80) {
      this.names[field] = Uint8Array.prototype.slice.call(bytes, start, at);
      this.places[field] = place;
    }
    return place;
  }

  private blanks(): void {
    const { bytes } = this;
    let byte = bytes[this.at];
    while (byte === SPACE || byte === LINE_FEED || byte === TAB || byte === RETURN) byte = bytes[++this.at];
  }

  /**
   * Reads a value.
   * @param json it stays JSON, hence keeps its text
   * @returns what it is; -1 for what is to be looked at closely
   */
  private value(json: boolean): number {
    const byte = this.bytes[this.at];
    if (byte === QUOTE) return this.text();
    if (byte === OPEN || byte === OPEN_LIST) {
      const kind = this.nested();
      this.valueEnd = this.at;
      return kind;
    }
    if (byte === 0x6e) return this.literal('null', NULL);
    if (byte === 0x74) return this.literal('true', PLAIN);
    if (byte === 0x66) return this.literal('false', PLAIN);
    return (json ? this.writtenNumber() : this.number()) ? PLAIN : -1;
  }

  private literal(word: string, kind: number): number {
    for (let i = 0; i < word.length; i++) if (this.bytes[this.at + i] !== word.charCodeAt(i)) return -1;
    this.valueEnd = this.at += word.length;
    return kind;
  }

  private text(): number {
    const { bytes, stop, words } = this;
    const shift = bytes.byteOffset;
    const lastWord = (stop + shift) >> 2;
    let at = this.at + 1;
    let kind = TEXT;
    let seen = 0;
    for (;;) {
      if (((at + shift) & 3) === 0) {
        // Four bytes at a time while none of them is a quote, a backslash or a control character.
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
      // Beyond the end, too: whatever stands there is no part of this value.
      if (!(byte >= SPACE) || at >= stop) return -1;
      if (byte === BACKSLASH) {
        kind = ESCAPED;
        at = this.escape(at + 1);
        if (at < 0) return -1;
      } else {
        seen |= byte;
        at++;
      }
    }
    if (at >= stop) return -1;
    if ((seen & 0x80808080) !== 0) this.seen = 0x80;
    this.at = at + 1;
    return kind;
  }

  /**
   * @returns the place behind an escape; -1 for one of NUL, of a control character or backslash by number, of half a
   *   pair
   */
  private escape(at: number): number {
    const byte = this.bytes[at];
    if (byte === SMALL_U) {
      const code = this.hex(at + 1);
      if (code < SPACE || code === BACKSLASH || (code >= 0xdc00 && code < 0xe000)) return -1;
      if (code < 0xd800 || code >= 0xe000) return at + 5;
      if (this.bytes[at + 5] !== BACKSLASH || this.bytes[at + 6] !== SMALL_U) return -1;
      const low = this.hex(at + 7);
      return low >= 0xdc00 && low < 0xe000 ? at + 11 : -1;
    }
    return byte === QUOTE ||
      byte === BACKSLASH ||
      byte === 0x2f ||
      byte === 0x62 ||
      byte === 0x66 ||
      byte === 0x6e ||
      byte === 0x72 ||
      byte === 0x74
      ? at + 1
      : -1;
  }

  private hex(at: number): number {
    let code = 0;
    for (let i = 0; i < 4; i++) {
      const byte = this.bytes[at + i]!;
      const digit =
        byte >= ZERO && byte <= NINE
          ? byte - ZERO
          : byte >= 0x61 && byte <= 0x66
            ? byte - 0x57
            : byte >= 0x41 && byte <= 0x46
              ? byte - 0x37
              : -1;
      if (digit < 0) return -1;
      code = code * 16 + digit;
    }
    return code;
  }

  /**
   * A number whose digits are what JavaScript would write, but for zeros at the end of a fraction: `valueEnd` stands
   * before them.
   * @returns false: another number, or none
   */
  private number(): boolean {
    const { bytes } = this;
    const start = this.at;
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
    if (byte === 0x65 || byte === 0x45) return false;
    // -0 is 0.
    if (zero && whole > start && end === whole + 1) return false;
    this.at = at;
    this.valueEnd = end;
    return true;
  }

  /** A number as it is written. */
  private writtenNumber(): boolean {
    const { bytes } = this;
    let at = bytes[this.at] === MINUS ? this.at + 1 : this.at;
    if (bytes[at] === ZERO) at++;
    else if ((at = this.digitsFrom(at)) < 0) return false;
    if (bytes[at] === POINT && (at = this.digitsFrom(at + 1)) < 0) return false;
    if (bytes[at] === 0x65 || bytes[at] === 0x45) {
      const sign = bytes[at + 1];
      if ((at = this.digitsFrom(sign === PLUS || sign === MINUS ? at + 2 : at + 1)) < 0) return false;
    }
    this.valueEnd = this.at = at;
    return true;
  }

  /** @returns the place behind one digit or more; -1 when there is none */
  private digitsFrom(start: number): number {
    let at = start;
    while (isDigit(this.bytes[at])) at++;
    return at === start ? -1 : at;
  }

  /** An object or a list. @returns JSON_PLAIN, or JSON_CARE when COPY would read it another way */
  private nested(): number {
    const { bytes, stack } = this;
    let depth = 0;
    let kind = JSON_PLAIN;
    for (;;) {
      // A value begins here.
      let ended = true;
      const byte = bytes[this.at];
      if (byte === OPEN || byte === OPEN_LIST) {
        if (depth === MAX_DEPTH) return -1;
        stack[++depth] = byte;
        this.at++;
        this.spaces();
        const close = byte === OPEN ? CLOSE : CLOSE_LIST;
        if (bytes[this.at] === close) {
          this.at++;
          depth--;
        } else {
          if (byte === OPEN && !this.innerName()) return -1;
          ended = false;
        }
      } else if (byte === QUOTE) {
        const text = this.text();
        if (text < 0) return -1;
        if (text === ESCAPED) kind = JSON_CARE;
      } else if (this.value(true) < 0) return -1;
      while (ended) {
        if (depth === 0) return kind;
        this.spaces();
        const next = bytes[this.at++];
        if (next === COMMA) {
          this.spaces();
          if (stack[depth] === OPEN && !this.innerName()) return -1;
          break;
        }
        if (next !== (stack[depth] === OPEN ? CLOSE : CLOSE_LIST)) return -1;
        depth--;
      }
    }
  }

  /** A name without escapes within an object, and its colon. */
  private innerName(): boolean {
    if (this.bytes[this.at] !== QUOTE || this.text() !== TEXT) return false;
    this.spaces();
    if (this.bytes[this.at++] !== COLON) return false;
    this.spaces();
    return true;
  }

  /** Other blanks within JSON would have to be escaped. */
  private spaces(): void {
    while (this.bytes[this.at] === SPACE) this.at++;
  }

  /** @returns where the cell ends; -1: a closer look */
  private cell(to: number, plan: ColumnPlan, found: number, start: number, end: number): number {
    const { bytes, out } = this;
    if (plan.hashed)
      return found === TEXT ? to + out.write(this.plan.hash(bytes.toString('utf8', start, end)), to, 'latin1') : -1;
    if (plan.type === 'json') return -1;
    if (
      plan.check.ordinary !== 'anything' &&
      !surelyFits(plan.check, found === PLAIN, found === TEXT, plan.kind !== 'plain', bytes, start, end)
    )
      return -1;
    if (found === PLAIN) {
      if ((plan.kind !== 'time' && plan.kind !== 'local time') || bytes[start]! > NINE)
        return copied(bytes, start, end, out, to);
      if (end - start > SURE_DIGITS || bytes.subarray(start, end).includes(POINT)) return -1;
      return to + out.write(isoMoment(Number(bytes.toString('latin1', start, end)), plan.name), to, 'latin1');
    }
    if (plan.kind === 'json')
      return found === TEXT || found === ESCAPED
        ? this.json(to, start - 1, end + 1, found === ESCAPED)
        : this.json(to, start, end, found === JSON_CARE);
    if (plan.kind === 'bytes' || plan.kind === 'array' || found >= JSON_PLAIN) return -1;
    if (plan.kind === 'local time')
      for (let at = start + 10; at < end; at++) if (bytes[at] === PLUS || bytes[at] === MINUS) return -1;
    return found === TEXT ? copied(bytes, start, end, out, to) : this.unescaped(to, start, end);
  }

  /** A text with escapes, as COPY writes it: its short escapes are the same. */
  private unescaped(from: number, start: number, end: number): number {
    const { bytes, out } = this;
    let to = from;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      if (byte !== BACKSLASH) {
        out[to++] = byte;
        continue;
      }
      const next = bytes[++at]!;
      if (next === SMALL_U) {
        let code = this.hex(at + 1);
        at += 4;
        if (code >= 0xd800 && code < 0xdc00) {
          code = 0x10000 + ((code - 0xd800) << 10) + (this.hex(at + 3) - 0xdc00);
          at += 6;
        }
        to += out.write(String.fromCodePoint(code), to, 'utf8');
      } else {
        if (next !== QUOTE && next !== 0x2f) out[to++] = BACKSLASH;
        out[to++] = next;
      }
    }
    return to;
  }

  /** JSON as it is; with care, backslashes are doubled. */
  private json(from: number, start: number, end: number, care: boolean): number {
    const { bytes, out } = this;
    if (!care) return copied(bytes, start, end, out, from);
    let to = from;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === BACKSLASH) out[to++] = BACKSLASH;
      out[to++] = byte;
    }
    return to;
  }

  private restCell(from: number): number {
    const { rest, bytes, out } = this;
    let to = from;
    if (rest.length === 0) {
      out[to++] = BACKSLASH;
      out[to++] = 0x4e;
      return to;
    }
    out[to++] = OPEN;
    for (let i = 0; i < rest.length; i += 5) {
      if (i > 0) out[to++] = COMMA;
      to = copied(bytes, rest[i]! - 1, rest[i + 1]! + 1, out, to);
      out[to++] = COLON;
      to = this.json(to, rest[i + 2]!, rest[i + 3]!, rest[i + 4] === ESCAPED || rest[i + 4] === JSON_CARE);
    }
    out[to++] = CLOSE;
    return to;
  }

  /** Milliseconds of the row's partition, to the day; null for the default one, NaN for a closer look. */
  private partitionTime(column: number): number | null {
    const { bytes, spans, found } = this;
    const [start, end] = [spans[column * 2]!, spans[column * 2 + 1]!];
    if (found[column] === PLAIN) return moment(Number(bytes.toString('latin1', start, end)));
    if (found[column] !== TEXT) return Number.NaN;
    if (end - start < 20 || bytes[end - 1] !== SMALL_Z) return moment(bytes.toString('utf8', start, end));
    const day = bytes.toString('latin1', start, start + 10);
    if (day !== this.day) {
      const time = Date.parse(`${day}T00:00:00Z`);
      if (Number.isNaN(time)) return moment(bytes.toString('utf8', start, end));
      [this.day, this.dayTime] = [day, time];
    }
    return this.dayTime;
  }

  private digits(from: number, value: number): number {
    const { out } = this;
    if (value >= 1e9) {
      const high = Math.floor(value / 1e9);
      const to = this.digits(from, high);
      let low = value - high * 1e9;
      for (let at = to + 8; at >= to; at--) {
        out[at] = ZERO + (low % 10);
        low = (low / 10) | 0;
      }
      return to + 9;
    }
    let length = 1;
    for (let limit = 10; value >= limit; limit *= 10) length++;
    let left = value;
    for (let at = from + length - 1; at >= from; at--) {
      out[at] = ZERO + (left % 10);
      left = (left / 10) | 0;
    }
    return from + length;
  }

  /** A moment as ISO has it; null for none. */
  private moment(from: number, time: number): number {
    const { out, clock } = this;
    if (Number.isNaN(time)) {
      out[from] = BACKSLASH;
      out[from + 1] = 0x4e;
      return from + 2;
    }
    const second = Math.floor(time / 1000);
    if (second !== this.second) {
      this.second = second;
      clock.write(new Date(second * 1000).toISOString(), 0, 20, 'latin1');
    }
    const to = copied(clock, 0, 20, out, from);
    const rest = time - second * 1000;
    out[to] = ZERO + ((rest / 100) | 0);
    out[to + 1] = ZERO + (((rest / 10) | 0) % 10);
    out[to + 2] = ZERO + (rest % 10);
    out[to + 3] = SMALL_Z;
    return to + 4;
  }
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

function copied(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  const length = end - start;
  if (length > SHORT) return at + from.copy(to, at, start, end);
  for (let i = 0; i < length; i++) to[at + i] = from[start + i]!;
  return at + length;
}

function latin1(name: string): string {
  return Buffer.from(name, 'utf8').toString('latin1');
}
