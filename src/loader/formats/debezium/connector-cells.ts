// Cells of values that the connector encodes: dates, timestamps and decimals, from the bytes of a message. They equal
// the texts of change-values.ts. In doubt nothing is written.
import { dateText, momentText, secondsOf } from '../values/logical-types.ts';
import type { ColumnCheck } from '../values/column-check.ts';
import { CAPITAL_A, CAPITAL_Z, isDigit, MINUS, PLUS, POINT, QUOTE, SLASH, SMALL_A, ZERO } from '../values/ascii.ts';
import { copied } from '../rows/copy-writer.ts';
import type { ColumnPlan } from '../rows/row-encoder.ts';
import type { Quick } from './change-values.ts';

/** Digits that a double represents exactly; digits of a number of days since 1970. */
const [MOST_DIGITS, MOST_DAY_DIGITS] = [15, 7];
/** The first seconds of the years 1 and 10000, and their days. */
const [YEAR_1, YEAR_10000] = [-62_135_596_800, 253_402_300_800];
const DAY_SECONDS = 86_400;
const [CLOCK_BYTES, DAY_BYTES, YEAR_BYTES] = [19, 10, 4];
const [BASE64_GROUP, SEXTET, BYTE] = [4, 64, 256];
const PADDING = 0x3d;
/** The value of a base64 digit; 64: it is not one. */
const SEXTETS = new Uint8Array(BYTE).fill(SEXTET);
for (let i = 0; i < 26; i++) {
  SEXTETS[CAPITAL_A + i] = i;
  SEXTETS[SMALL_A + i] = 26 + i;
}
for (let i = 0; i < 10; i++) SEXTETS[ZERO + i] = 52 + i;
SEXTETS[PLUS] = 62;
SEXTETS[SLASH] = 63;

export class QuickCells {
  /** The second whose text is in `#clock`, and the day whose text is in `#date`. */
  #second = Number.NaN;
  readonly #clock = Buffer.alloc(CLOCK_BYTES);
  #day = Number.NaN;
  readonly #date = Buffer.alloc(DAY_BYTES);

  /** Writes a number as a timestamp. @returns the end of the cell; -1: it is outside of the years 1 to 9999 */
  moment(to: number, bytes: Buffer, start: number, end: number, column: ColumnPlan, quick: Quick, out: Buffer): number {
    const { perSecond, zone } = quick;
    const units = wholeOf(bytes, start, end, MOST_DIGITS + 1);
    if (!Number.isSafeInteger(units) || !this.#turn(units, perSecond)) return -1;
    if (!fits(column, this.#clock, 'moment of years', zone !== '')) return -1;
    return this.#moment(to, units, perSecond, zone !== '', out);
  }

  /** Writes microseconds since 1970 as a timestamp with zone. @returns like `moment` */
  micros(to: number, bytes: Buffer, start: number, end: number, out: Buffer): number {
    const units = wholeOf(bytes, start, end, MOST_DIGITS + 1);
    if (!(units >= 0) || !Number.isSafeInteger(units) || !this.#turn(units, 1e6)) return -1;
    return this.#moment(to, units, 1e6, true, out);
  }

  /** Writes a number as a date. @returns like `moment` */
  day(to: number, bytes: Buffer, start: number, end: number, column: ColumnPlan, out: Buffer): number {
    const days = wholeOf(bytes, start, end, MOST_DAY_DIGITS);
    const seconds = days * DAY_SECONDS;
    if (!(seconds >= YEAR_1 && seconds < YEAR_10000)) return -1;
    if (days !== this.#day) {
      this.#day = days;
      this.#date.write(dateText(days), 0, DAY_BYTES, 'latin1');
    }
    if (!fits(column, this.#date, 'day of years', true)) return -1;
    return copied(this.#date, 0, DAY_BYTES, out, to);
  }

  /**
   * Writes the base64 of an integer of up to six bytes as a decimal. @returns the end of the cell; -1: another value
   */
  decimal(
    to: number,
    bytes: Buffer,
    start: number,
    end: number,
    column: ColumnPlan,
    quick: Quick,
    out: Buffer,
  ): number {
    const { scale } = quick;
    const { ordinary, size } = column.check;
    if (column.special || column.kind !== 'plain' || scale < 0 || scale > MOST_DIGITS) return -1;
    if (ordinary !== 'anything' && ordinary !== 'decimal') return -1;
    const value = base64Whole(bytes, start, end);
    if (Number.isNaN(value)) return -1;
    const unsigned = Math.abs(value);
    const per = 10 ** scale;
    const whole = Math.floor(unsigned / per);
    if (ordinary === 'decimal' && !(whole < 10 ** Math.min(size, MOST_DIGITS) - 1)) return -1;
    let at = to;
    if (value < 0) out[at++] = MINUS;
    at = digits(at, whole, widthOf(whole), out);
    if (scale === 0) return at;
    out[at++] = POINT;
    return digits(at, unsigned - whole * per, scale, out);
  }

  /** Formats a timestamp's second. @returns false: it is outside of the years 1 to 9999 */
  #turn(units: number, perSecond: number): boolean {
    const second = secondsOf(units, perSecond);
    if (second < YEAR_1 || second >= YEAR_10000) return false;
    if (second !== this.#second) {
      this.#second = second;
      this.#clock.write(momentText(second, 1, ''), 0, CLOCK_BYTES, 'latin1');
    }
    return true;
  }

  #moment(from: number, units: number, perSecond: number, zoned: boolean, out: Buffer): number {
    let to = copied(this.#clock, 0, CLOCK_BYTES, out, from);
    out[to++] = POINT;
    to = digits(to, units - this.#second * perSecond, widthOf(perSecond) - 1, out);
    if (zoned) out[to++] = CAPITAL_Z;
    return to;
  }
}

/** Whether the column certainly accepts the text of a date or timestamp unchanged. */
function fits({ special, kind, check }: ColumnPlan, text: Buffer, ofYears: string, zoned: boolean): boolean {
  if (special || kind === 'json' || kind === 'array' || kind === 'bytes') return false;
  if (check.ordinary === 'anything' || check.ordinary === 'moment') return true;
  return check.ordinary === ofYears && isWithin(check, text) && (check.utc !== false || zoned);
}

function isWithin({ years }: ColumnCheck, text: Buffer): boolean {
  if (years === undefined) return false;
  const year = wholeOf(text, 0, YEAR_BYTES, YEAR_BYTES);
  return year >= years[0] && year <= years[1];
}

/** The number represented by bytes; NaN: it is not an integer, or has more digits. */
function wholeOf(bytes: Buffer, start: number, end: number, most: number): number {
  const negative = bytes[start] === MINUS;
  const first = negative ? start + 1 : start;
  if (end === first || end - first > most) return Number.NaN;
  let value = 0;
  for (let at = first; at < end; at++) {
    const byte = bytes[at];
    if (byte === undefined || !isDigit(byte)) return Number.NaN;
    value = value * 10 + byte - ZERO;
  }
  return negative ? -value : value;
}

/** The two's complement integer in four or eight base64 digits; NaN: they are not. */
function base64Whole(bytes: Buffer, start: number, end: number): number {
  const length = end - start;
  if (length !== BASE64_GROUP && length !== BASE64_GROUP * 2) return Number.NaN;
  const padding = bytes[end - 1] !== PADDING ? 0 : bytes[end - 2] !== PADDING ? 1 : 2;
  let value = 0;
  for (let at = start; at < end - padding; at++) {
    const sextet = SEXTETS[bytes[at] ?? QUOTE] ?? SEXTET;
    if (sextet === SEXTET) return Number.NaN;
    value = value * SEXTET + sextet;
  }
  const count = (length / BASE64_GROUP) * 3 - padding;
  // The bits of the last digit beyond the last byte.
  value = Math.floor(value / BASE64_GROUP ** padding);
  const limit = BYTE ** count;
  return value >= limit / 2 ? value - limit : value;
}

function widthOf(value: number): number {
  let width = 1;
  for (let limit = 10; value >= limit; limit *= 10) width++;
  return width;
}

/** Writes a non-negative number with that many digits. */
function digits(to: number, value: number, width: number, out: Buffer): number {
  let left = value;
  for (let at = to + width - 1; at >= to; at--) {
    const rest = Math.floor(left / 10);
    out[at] = ZERO + (left - rest * 10);
    left = rest;
  }
  return to + width;
}
