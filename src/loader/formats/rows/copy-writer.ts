// Writes cells of COPY's text format from the bytes of JSON values. A cell equals row-encoder.ts's, byte for byte; a
// JSON column's cell contains the same value. In doubt it writes nothing.
import { surelyFits } from '../values/column-check.ts';
import { type ColumnPlan, isoMoment, moment, type RowPlan } from './row-encoder.ts';
import { USUAL_END_SECOND, USUAL_FIRST_SECOND } from '../values/time-range.ts';
import {
  BACKSLASH,
  CAPITAL_N,
  CAPITAL_Z,
  CLOSE,
  CLOSE_LIST,
  COLON,
  COMMA,
  hexAt,
  MINUS,
  NINE,
  OPEN,
  OPEN_LIST,
  PLUS,
  POINT,
  QUOTE,
  SLASH,
  SMALL_U,
  TAB,
  ZERO,
} from '../values/ascii.ts';
import {
  BEGIN_LIST,
  BEGIN_OBJECT,
  END_LIST,
  END_OBJECT,
  ESCAPED,
  JSON_CARE,
  JSON_PLAIN,
  NAMELESS,
  PART,
  PLAIN,
  REST_STRIDE,
  SURE_DIGITS,
  TAKEN_ITEM,
  TEXT,
} from './json-scanner.ts';
import type { Records } from '../../brokers/message-records.ts';

/** Up to these lengths, in bytes and in words, a loop copies faster than Buffer.copy. */
const SHORT = 48;
const SHORT_BY_WORDS = 384;
/** Bytes of a word. */
const WORD = 4;
/** Digits of seconds since 1970 up to the year 5138. */
const SECOND_DIGITS = 11;
/** Characters of a timestamp up to its seconds. */
const CLOCK_BYTES = 19;

export class CopyWriter {
  /** Cells that are already formatted, by column. */
  readonly parts: string[] = [];
  readonly #plan: RowPlan;
  #bytes: Buffer = Buffer.alloc(0);
  #out: Buffer = Buffer.alloc(0);
  /** Views that read and write words at any offset. */
  #view: DataView = viewOf(this.#bytes);
  #outView: DataView = viewOf(this.#out);
  /** Topic and partition of the last row. */
  #place: Buffer = Buffer.alloc(0);
  #placeView: DataView = viewOf(this.#place);
  readonly #tailView: DataView;
  /** The second whose text is in `#clock`. */
  #second = Number.NaN;
  readonly #clock = Buffer.alloc(20);
  readonly #clockView = viewOf(this.#clock);
  /** The same for numbers in columns with an epoch, to the second. */
  #epochSecond = Number.NaN;
  readonly #epochClock = Buffer.alloc(CLOCK_BYTES);
  /** The day that was parsed last, and its timestamp. */
  #day = '';
  #dayTime = 0;

  constructor(plan: RowPlan) {
    this.#plan = plan;
    this.#tailView = viewOf(plan.tail);
  }

  /** Sets where the next values are and where their cells go; the target must have space. */
  begin(bytes: Buffer, out: Buffer): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = viewOf(bytes);
    }
    if (out !== this.#out) {
      this.#out = out;
      this.#outView = viewOf(out);
    }
  }

  /** Copies bytes of the message. @returns the end of the copy */
  #copied(start: number, end: number, to: number): number {
    return end - start > SHORT_BY_WORDS
      ? to + this.#bytes.copy(this.#out, to, start, end)
      : copiedWords(this.#view, start, end, this.#outView, to);
  }

  /**
   * Copies a text's words up to the first one that is not ASCII, or contains something that COPY escapes.
   * @returns the number of bytes copied
   */
  plainWords(start: number, end: number, to: number): number {
    const view = this.#view;
    const out = this.#outView;
    let done = 0;
    for (; start + done + WORD <= end; done += WORD) {
      const four = view.getInt32(start + done, true);
      const care = four | ((four - 0x20202020) & ~four) | (((four ^ 0x5c5c5c5c) - 0x01010101) & ~four);
      if ((care & 0x80808080) !== 0) break;
      out.setInt32(to + done, four, true);
    }
    return done;
  }

  /** @returns the end of the cell; -1: use the slow path */
  cell(to: number, plan: ColumnPlan, found: number, start: number, end: number): number {
    const bytes = this.#bytes;
    const out = this.#out;
    if (plan.special) {
      if (found === PART) return to + out.write(this.parts[start] ?? '', to, 'utf8');
      if (plan.hashed)
        return found === TEXT ? to + out.write(this.#plan.hash(bytes.toString('utf8', start, end)), to, 'latin1') : -1;
      if (plan.epoch === null) return -1;
      if (found === PLAIN && (bytes[start] ?? 0) <= NINE) return this.#epoch(to, plan, plan.epoch, start, end);
      // A text of digits counts as a number.
      if (found !== TEXT || !startsWithDay(bytes, start)) return -1;
    }
    if (
      plan.check.ordinary !== 'anything' &&
      !surelyFits(plan.check, found === PLAIN, found === TEXT, plan.kind !== 'plain', bytes, start, end)
    )
      return -1;
    if (found === PLAIN) {
      if ((plan.kind !== 'time' && plan.kind !== 'local time') || bytes[start]! > NINE)
        return this.#copied(start, end, to);
      if (end - start > SURE_DIGITS || bytes.subarray(start, end).includes(POINT)) return -1;
      const ms = Number(bytes.toString('latin1', start, end));
      if (plan.years !== null && !(ms >= USUAL_FIRST_SECOND * 1000 && ms < USUAL_END_SECOND * 1000)) return -1;
      return to + out.write(isoMoment(ms, plan), to, 'latin1');
    }
    if (plan.kind === 'json')
      return found === TEXT || found === ESCAPED
        ? this.#json(to, start - 1, end + 1, found === ESCAPED)
        : this.#json(to, start, end, found === JSON_CARE);
    if (plan.kind === 'bytes' || plan.kind === 'array' || found >= JSON_PLAIN) return -1;
    if (plan.kind === 'local time')
      for (let at = start + 10; at < end; at++) if (bytes[at] === PLUS || bytes[at] === MINUS) return -1;
    return found === TEXT ? this.#copied(start, end, to) : this.#unescaped(to, start, end);
  }

  /** Formats a number since 1970 as a timestamp. @param digits fractional digits of a second per unit */
  #epoch(from: number, { years, check: { ordinary } }: ColumnPlan, digits: number, start: number, end: number): number {
    const bytes = this.#bytes;
    const out = this.#out;
    const point = this.#pointOf(start, end);
    const split = Math.max(start, point - digits);
    if (bytes[start] === MINUS || split - start > SECOND_DIGITS) return -1;
    if (ordinary !== 'anything' && ordinary !== 'moment') return -1;
    const second = this.#whole(start, split);
    if (years !== null && second >= USUAL_END_SECOND) return -1;
    if (second !== this.#epochSecond) {
      this.#epochSecond = second;
      this.#epochClock.write(new Date(second * 1000).toISOString(), 0, CLOCK_BYTES, 'latin1');
    }
    let to = copied(this.#epochClock, 0, CLOCK_BYTES, out, from);
    if (digits > 0 || point < end) {
      out[to++] = POINT;
      for (let missing = digits - (point - split); missing > 0; missing--) out[to++] = ZERO;
      to = copied(bytes, split, point, out, to);
      to = copied(bytes, point + 1, Math.max(point + 1, end), out, to);
    }
    out[to++] = CAPITAL_Z;
    return to;
  }

  /** The position of a number's point; its end if it has none. */
  #pointOf(start: number, end: number): number {
    let at = start;
    while (at < end && this.#bytes[at] !== POINT) at++;
    return at;
  }

  /** The value of these digits; 0 if there are none. */
  #whole(start: number, end: number): number {
    let value = 0;
    for (let at = start; at < end; at++) value = value * 10 + (this.#bytes[at] ?? ZERO) - ZERO;
    return value;
  }

  /** Writes a text with escapes; the short ones are the same in JSON and in COPY. */
  #unescaped(from: number, start: number, end: number): number {
    const bytes = this.#bytes;
    const out = this.#out;
    let to = from;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      if (byte !== BACKSLASH) {
        out[to++] = byte;
        continue;
      }
      const next = bytes[++at]!;
      if (next === SMALL_U) {
        let code = hexAt(bytes, at + 1);
        at += 4;
        if (code >= 0xd800 && code < 0xdc00) {
          code = 0x10000 + ((code - 0xd800) << 10) + (hexAt(bytes, at + 3) - 0xdc00);
          at += 6;
        }
        to += out.write(String.fromCodePoint(code), to, 'utf8');
      } else {
        if (next !== QUOTE && next !== SLASH) out[to++] = BACKSLASH;
        out[to++] = next;
      }
    }
    return to;
  }

  /** Writes JSON unchanged; with `care` it doubles backslashes. */
  #json(from: number, start: number, end: number, care: boolean): number {
    const bytes = this.#bytes;
    const out = this.#out;
    if (!care) return this.#copied(start, end, from);
    let to = from;
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === BACKSLASH) out[to++] = BACKSLASH;
      out[to++] = byte;
    }
    return to;
  }

  restCell(from: number, rest: readonly number[]): number {
    const out = this.#out;
    let to = from;
    if (rest.length === 0) {
      out[to++] = BACKSLASH;
      out[to++] = CAPITAL_N;
      return to;
    }
    out[to++] = OPEN;
    let first = true;
    for (let i = 0; i < rest.length; i += REST_STRIDE) {
      const kind = rest[i + 4] ?? 0;
      const name = rest[i] ?? NAMELESS;
      if (kind === END_OBJECT || kind === END_LIST) {
        out[to++] = kind === END_OBJECT ? CLOSE : CLOSE_LIST;
        first = false;
        continue;
      }
      if (!first) out[to++] = COMMA;
      if (name >= 0) {
        to = this.#copied(name - 1, rest[i + 1]! + 1, to);
        out[to++] = COLON;
      }
      first = kind === BEGIN_OBJECT || kind === BEGIN_LIST;
      if (first) out[to++] = kind === BEGIN_OBJECT ? OPEN : OPEN_LIST;
      else if (kind === TAKEN_ITEM) to += out.write('null', to, 'latin1');
      else to = this.#json(to, rest[i + 2]!, rest[i + 3]!, kind === ESCAPED || kind === JSON_CARE);
    }
    out[to++] = CLOSE;
    return to;
  }

  /** A column's cell if the message has no value, or null. @returns its end; -1: use the slow path */
  absent(to: number, { key, required, stamped }: ColumnPlan, loadedAt: Buffer): number {
    if (key || (required && !stamped)) return -1;
    if (stamped) return copied(loadedAt, 0, loadedAt.length, this.#out, to);
    return this.nothing(to);
  }

  /** Writes \N. */
  nothing(to: number): number {
    this.#out[to] = BACKSLASH;
    this.#out[to + 1] = CAPITAL_N;
    return to + 2;
  }

  /** Writes the end of a row, after its last own cell. @param place topic and partition @returns the row's end */
  end(from: number, place: Buffer, records: Records, i: number): number {
    const out = this.#outView;
    if (place !== this.#place) {
      this.#place = place;
      this.#placeView = viewOf(place);
    }
    let to = copiedWords(this.#placeView, 0, place.length, out, from);
    to = this.digits(to, records.offsetNumber(i));
    out.setUint8(to++, TAB);
    to = this.moment(to, records.timestamp(i));
    return copiedWords(this.#tailView, 0, this.#tailView.byteLength, out, to);
  }

  /** Timestamp of the row's partition, to the day; null: the default partition; NaN: use the slow path. */
  partitionTime({ epoch }: ColumnPlan, found: number, start: number, end: number): number | null {
    const bytes = this.#bytes;
    if (found === PLAIN && epoch !== null)
      return this.#whole(start, Math.max(start, this.#pointOf(start, end) - epoch)) * 1000;
    if (found === PLAIN) return moment(Number(bytes.toString('latin1', start, end)));
    if (found !== TEXT) return Number.NaN;
    if (end - start < 20 || bytes[end - 1] !== CAPITAL_Z) return moment(bytes.toString('utf8', start, end));
    const day = bytes.toString('latin1', start, start + 10);
    if (day !== this.#day) {
      const time = Date.parse(`${day}T00:00:00Z`);
      if (Number.isNaN(time)) return moment(bytes.toString('utf8', start, end));
      [this.#day, this.#dayTime] = [day, time];
    }
    return this.#dayTime;
  }

  digits(from: number, value: number): number {
    const out = this.#out;
    if (value >= 1e9) {
      const high = Math.floor(value / 1e9);
      const to = this.digits(from, high);
      let low = (value - high * 1e9) | 0;
      for (let at = to + 8; at >= to; at--) {
        out[at] = ZERO + (low % 10);
        low = (low / 10) | 0;
      }
      return to + 9;
    }
    // As an integer: the remainder of a double is many times slower.
    let left = value | 0;
    let length = 1;
    for (let limit = 10; left >= limit; limit *= 10) length++;
    for (let at = from + length - 1; at >= from; at--) {
      out[at] = ZERO + (left % 10);
      left = (left / 10) | 0;
    }
    return from + length;
  }

  /** Writes a timestamp in ISO form; null becomes \N. */
  moment(from: number, time: number): number {
    const out = this.#out;
    if (Number.isNaN(time)) {
      out[from] = BACKSLASH;
      out[from + 1] = CAPITAL_N;
      return from + 2;
    }
    const second = Math.floor(time / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#clock.write(new Date(second * 1000).toISOString(), 0, 20, 'latin1');
    }
    const to = copiedWords(this.#clockView, 0, 20, this.#outView, from);
    const rest = (time - second * 1000) | 0;
    out[to] = ZERO + ((rest / 100) | 0);
    out[to + 1] = ZERO + (((rest / 10) | 0) % 10);
    out[to + 2] = ZERO + (rest % 10);
    out[to + 3] = CAPITAL_Z;
    return to + 4;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Copies bytes, four at a time; the last four may overlap the previous ones. @returns the end of the copy */
function copiedWords(from: DataView, start: number, end: number, to: DataView, at: number): number {
  const length = end - start;
  if (length < WORD) {
    for (let i = 0; i < length; i++) to.setUint8(at + i, from.getUint8(start + i));
    return at + length;
  }
  const last = end - WORD;
  for (let source = start, target = at; source < last; source += WORD, target += WORD)
    to.setInt32(target, from.getInt32(source, true), true);
  to.setInt32(at + length - WORD, from.getInt32(last, true), true);
  return at + length;
}

/** Whether a text has hyphens at the positions of a date's. */
function startsWithDay(bytes: Buffer, start: number): boolean {
  return bytes[start + 4] === MINUS && bytes[start + 7] === MINUS;
}

/** Copies bytes. @returns the end of the copy */
export function copied(from: Buffer, start: number, end: number, to: Buffer, at: number): number {
  const length = end - start;
  if (length > SHORT) return at + from.copy(to, at, start, end);
  for (let i = 0; i < length; i++) to[at + i] = from[start + i]!;
  return at + length;
}
