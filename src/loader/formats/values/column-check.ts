// Finds values that a Postgres column certainly rejects before COPY does, because one bad value costs a whole COPY.
// Pure. A doubtful value passes, and the database decides; nothing that it would accept is rejected here. The rules are
// those of its input functions (src/backend/utils/adt in its source).
import type { YearRange } from '../../settings/column-years.ts';

/** A column as the table has it. */
export interface StoredType {
  /** The type as written in a cast, without a length. */
  readonly input: string;
  /** `pg_type.typname`; for a domain, its base type. */
  readonly type: string;
  /** `atttypmod`; -1: none. */
  readonly modifier: number;
  /** `typname` of an array's elements. */
  readonly element: string | null;
  /** Labels of an enum. */
  readonly labels: readonly string[] | null;
  /** Whether it rejects null, and no trigger may fill it. */
  readonly required: boolean;
}

/** Why a text is rejected, without quoting it; null if it is not, as far as is known. */
export type TextCheck = (text: string) => string | null;

/** The form of a column's ordinary values in JSON: such values need no further check. */
export type Ordinary =
  | 'anything'
  | 'whole'
  | 'natural'
  | 'decimal'
  | 'float'
  | 'boolean'
  | 'text'
  | 'uuid'
  | 'moment'
  | 'moment of years'
  | 'day of years'
  | 'nothing';

/** How the values of a column are checked. */
export interface ColumnCheck {
  readonly text: TextCheck | null;
  readonly ordinary: Ordinary;
  /** Up to this many integer digits, or bytes of a text, a value needs no check. */
  readonly size: number;
  /** The first and last year whose timestamps need no check. */
  readonly years?: readonly [first: number, last: number];
  /** The column's zone is UTC: a timestamp needs no Z. */
  readonly utc?: boolean;
}

const UNCHECKED: ColumnCheck = { text: null, ordinary: 'anything', size: 0 };
const HEADER = 4;
const WHOLE: Readonly<Record<string, { readonly name: string; readonly bits: bigint; readonly sure: number }>> = {
  int2: { name: 'smallint', bits: 15n, sure: 4 },
  int4: { name: 'integer', bits: 31n, sure: 9 },
  int8: { name: 'bigint', bits: 63n, sure: 18 },
};
const BLANKS = /^[ \t\n\r\v\f]+|(?<![ \t\n\r\v\f])[ \t\n\r\v\f]+$/g;
const DIGITS = /^[+-]?\d+$/;
const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;
/** Numbers in other bases, grouped digits, and words: later servers accept more of them than earlier ones. */
const ODD_NUMBER = new RegExp(
  String.raw`^[+-]?(?:0[xXoObB][\da-fA-F_]+|\d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?[\d_]+)?` +
    String.raw`|\.\d[\d_]*(?:[eE][+-]?[\d_]+)?|nan|inf|infinity)$`,
  'i',
);
const ODD_FLOAT = /^[+-]?(?:0x[\da-f.p+-]+|nan|inf|infinity)$/i;
const BOOLEAN = /^(?:t|tr|tru|true|f|fa|fal|fals|false|y|ye|yes|n|no|on|of|off|1|0)$/i;
const UUID = /^\{?[\da-f]{4}-?(?:[\da-f]{4}-?){6}[\da-f]{4}\}?$/i;
const MOMENT = new RegExp(
  String.raw`^(\d{4,7})-(\d{1,2})-(\d{1,2})(?:[T ] *(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d*)?)?)?(?:\s*(?:Z` +
    String.raw`|[+-]\d{1,2}(?::?\d{2}(?::?\d{2})?)?))?(\s+BC)?$`,
  'i',
);
const SPECIAL_MOMENT = /now|today|tomorrow|yesterday|epoch|infinity|allballs|\d/i;
const LAST_YEAR = 294_276;
/** Replaces a number of two digits. */
const NO_DIGITS = -100_000;
const MAX_FLOAT4 = 3.4028235677973366e38;
/** As JSON.stringify writes it: complete pairs are not escaped. */
const HALF_PAIR_IN_JSON = /(?<!\\)(?:\\\\)*\\ud[89a-f][\da-f]{2}/;

/** @param stored undefined: nothing is known about the column, and nothing is checked */
export function columnCheck(stored: StoredType | undefined): ColumnCheck {
  if (stored === undefined) return UNCHECKED;
  const { type, modifier, labels, element } = stored;
  const whole = WHOLE[type];
  if (whole !== undefined) return { text: wholeNumber(whole.name, whole.bits), ordinary: 'whole', size: whole.sure };
  if (labels !== null) return { text: label(new Set(labels)), ordinary: 'nothing', size: 0 };
  if (element !== null) {
    const inner = columnCheck({ ...stored, type: element, element: null });
    return { text: (text) => arrayProblem(text, inner.text), ordinary: 'nothing', size: 0 };
  }
  switch (type) {
    case 'numeric': {
      const scale = signed(modifier - HEADER);
      const digits = modifier < HEADER ? null : ((modifier - HEADER) >> 16) - scale;
      return { text: decimal(digits, scale), ordinary: 'decimal', size: digits === null ? 1000 : digits - 1 };
    }
    case 'float4':
    case 'float8':
      return {
        text: float(type === 'float4' ? 'real' : 'double precision', type === 'float4' ? MAX_FLOAT4 : Number.MAX_VALUE),
        ordinary: 'float',
        size: 17,
      };
    case 'bool':
      return { text: (text) => (BOOLEAN.test(trimmed(text)) ? null : syntax('boolean')), ordinary: 'boolean', size: 0 };
    case 'uuid':
      return { text: (text) => (UUID.test(text) ? null : syntax('uuid')), ordinary: 'uuid', size: 36 };
    case 'varchar':
    case 'bpchar':
      return modifier < HEADER
        ? UNCHECKED
        : {
            text: length(type === 'varchar' ? 'character varying' : 'character', modifier - HEADER),
            ordinary: 'text',
            size: modifier - HEADER,
          };
    case 'date':
      return { text: moment('date', null), ordinary: 'moment', size: 0 };
    case 'timestamp':
      return { text: moment('timestamp', LAST_YEAR), ordinary: 'moment', size: 0 };
    case 'timestamptz':
      return { text: moment('timestamp with time zone', LAST_YEAR), ordinary: 'moment', size: 0 };
    case 'inet':
    case 'cidr':
      return { text: (text) => (/^[\da-f:./]+$/i.test(text) ? null : syntax(type)), ordinary: 'nothing', size: 0 };
    case 'jsonb':
      return {
        text: (text) =>
          text.includes('\\ud') && HALF_PAIR_IN_JSON.test(text)
            ? 'a text holds half a surrogate pair, which is no character'
            : null,
        ordinary: 'anything',
        size: 0,
      };
    default:
      return UNCHECKED;
  }
}

/** The check of a column with its own range of years: only values that are certainly in it need no further check. */
export function checkOfYears(
  check: ColumnCheck,
  range: Pick<YearRange, 'first' | 'last'> | null | undefined,
): ColumnCheck {
  if (range === null || range === undefined) return check;
  const { first, last } = range;
  const { ordinary, years = [1, 9999] } = check;
  const within = [Math.max(first, years[0]), Math.min(last, years[1])] as const;
  return { ...check, ordinary: ordinary === 'day of years' ? ordinary : 'moment of years', years: within };
}

function syntax(type: string): string {
  return `invalid input syntax for type ${type}`;
}

function outOfRange(type: string): string {
  return `value is out of range for type ${type}`;
}

function trimmed(text: string): string {
  return text.replace(BLANKS, '');
}

function wholeNumber(name: string, bits: bigint): TextCheck {
  const limit = 1n << bits;
  return (text) => {
    const bare = trimmed(text);
    if (!DIGITS.test(bare)) return ODD_NUMBER.test(bare) && /[xob_]/i.test(bare) ? null : syntax(name);
    // The time to read a number grows faster than its digits, of which no bigint has more than 19.
    if (bare.replace(/^[+-]?0*/, '').length > 19) return outOfRange(name);
    const value = BigInt(bare.replace('+', ''));
    return value >= limit || value < -limit ? outOfRange(name) : null;
  };
}

/**
 * @param most maximum number of integer digits; null: unlimited
 * @param scale number of fractional digits, to which is rounded
 */
function decimal(most: number | null, scale: number): TextCheck {
  return (text) => {
    const bare = trimmed(text);
    const match = DECIMAL.exec(bare);
    const [, , whole = '', fraction = '', power = '0'] = match ?? [];
    if (whole + fraction === '')
      return !ODD_NUMBER.test(bare)
        ? syntax('numeric')
        : most !== null && /inf/i.test(bare)
          ? 'numeric field overflow'
          : null;
    const exponent = Number(power);
    if (most === null || Math.abs(exponent) > 1000) return null;
    const significant = (whole + fraction).replace(/^0+/, '');
    // Number of integer digits, wherever the point is; rounding may add one.
    const before = significant.length - fraction.length + exponent;
    const kept = before + scale;
    const carries =
      before === most &&
      kept > 0 &&
      kept < significant.length &&
      significant.charAt(kept) >= '5' &&
      /^9+$/.test(significant.slice(0, kept));
    return significant !== '' && (before > most || carries) ? 'numeric field overflow' : null;
  };
}

function float(name: string, most: number): TextCheck {
  return (text) => {
    const bare = trimmed(text);
    const match = DECIMAL.exec(bare);
    const [, , whole = '', fraction = ''] = match ?? [];
    if (whole + fraction === '') return ODD_FLOAT.test(bare) ? null : syntax(name);
    const value = Math.abs(most === MAX_FLOAT4 ? Math.fround(Number(bare)) : Number(bare));
    return value > most || (value === 0 && /[1-9]/.test(whole + fraction)) ? outOfRange(name) : null;
  };
}

function length(name: string, most: number): TextCheck {
  return (text) => {
    if (text.length <= most) return null;
    let characters = 0;
    for (const character of text) {
      // SQL truncates trailing spaces without an error.
      if (++characters > most && character !== ' ') return `value too long for type ${name}(${most})`;
    }
    return null;
  };
}

/** @param lastYear null: only the database knows the limit */
function moment(name: string, lastYear: number | null): TextCheck {
  return (text) => {
    const bare = trimmed(text);
    const match = MOMENT.exec(bare);
    if (match === null) return SPECIAL_MOMENT.test(bare) ? null : syntax(name);
    const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
    const [hour, minute, second] = [Number(match[4] ?? 0), Number(match[5] ?? 0), Number(match[6] ?? 0)];
    const beforeChrist = match[7] !== undefined;
    const fits =
      year > 0 &&
      month >= 1 &&
      month <= 12 &&
      day >= 1 &&
      (beforeChrist ? day <= 31 : day <= daysOf(year, month)) &&
      minute < 60 &&
      second <= 60 &&
      (hour < 24 || (hour === 24 && minute === 0 && second === 0)) &&
      (beforeChrist || lastYear === null || year <= lastYear);
    return fits ? null : 'date/time field value out of range';
  };
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

function label(labels: ReadonlySet<string>): TextCheck {
  return (text) => (labels.has(text) ? null : 'value is none of the enum');
}

/** Checks each element of a flat array as the encoder writes it; for other arrays only the first character. */
function arrayProblem(text: string, element: TextCheck | null): string | null {
  const bare = trimmed(text);
  if (!/^[{[]/.test(bare)) return 'malformed array literal';
  if (element === null || !/^\{(?:(?:"(?:[^"\\]|\\.)*"|NULL)(?:,|(?=\}$)))*\}$/.test(bare)) return null;
  for (const [item, written = ''] of bare.matchAll(/"((?:[^"\\]|\\.)*)"|NULL/g)) {
    if (item === 'NULL') continue;
    const problem = element(written.replace(/\\(.)/gs, '$1'));
    if (problem !== null) return problem;
  }
  return null;
}

/** A scale has eleven bits and may be negative. */
function signed(modifier: number): number {
  return ((modifier & 0x7ff) ^ 1024) - 1024;
}

/**
 * Whether the column certainly accepts a value, read from the message's bytes.
 * @param bare a number, true or false
 * @param text a text without escapes
 * @param moments numbers are milliseconds since 1970
 */
export function surelyFits(
  check: ColumnCheck,
  bare: boolean,
  text: boolean,
  moments: boolean,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  const number = bare && bytes[start]! <= 0x39;
  switch (check.ordinary) {
    case 'anything':
      return true;
    case 'whole':
    case 'decimal': {
      if (!number) return false;
      const digits = bytes[start] === 0x2d ? start + 1 : start;
      let at = digits;
      while (at < end && bytes[at] !== 0x2e) at++;
      return at - digits <= check.size && (at === end || check.ordinary === 'decimal');
    }
    case 'float':
      return number && end - start <= check.size;
    case 'boolean':
      return bare && !number;
    case 'text':
      return (bare || text) && end - start <= check.size;
    case 'moment':
      return number
        ? moments && bytes[start] !== 0x2d && isUsualMs(bytes, start, end)
        : text && isOrdinaryMoment(bytes, start, end);
    case 'uuid':
      return text && isUuid(bytes, start, end);
    case 'natural': {
      if (!number || bytes[start] === 0x2d || end - start > check.size) return false;
      for (let at = start; at < end; at++) if (bytes[at] === 0x2e) return false;
      return true;
    }
    case 'moment of years':
      if (!number)
        return text && end - start >= 19 && isOrdinaryMoment(bytes, start, end) && isWithin(check, bytes, start, end);
      // Milliseconds of the years 1971 to 2096.
      return (
        moments &&
        check.years !== undefined &&
        check.years[0] <= 1971 &&
        check.years[1] >= 2096 &&
        bytes[start] !== 0x2d &&
        end - start <= 13 &&
        end - start >= 12 &&
        (end - start < 13 || bytes[start]! <= 0x33)
      );
    case 'day of years':
      return text && end - start === 10 && isOrdinaryMoment(bytes, start, end) && isWithin(check, bytes, start, end);
    default:
      return false;
  }
}

/** Milliseconds of thirteen digits up to a 6 reach the year 2191. */
function isUsualMs(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start < 13 || (end - start === 13 && bytes[start]! <= 0x36);
}

/** Whether the year of an ordinary timestamp is certainly in the type's range, and its zone is given. */
function isWithin({ years, utc }: ColumnCheck, bytes: Uint8Array, start: number, end: number): boolean {
  if (years === undefined) return false;
  let year = 0;
  for (let at = start; at < start + 4; at++) year = year * 10 + bytes[at]! - 0x30;
  return year >= years[0] && year <= years[1] && (utc !== false || bytes[end - 1] === 0x5a);
}

/** Five groups of hexadecimal digits: 8, 4, 4, 4, 12. */
function isUuid(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== 36) return false;
  for (let i = 0; i < 36; i++) {
    const byte = bytes[start + i]!;
    if (i === 8 || i === 13 || i === 18 || i === 23) {
      if (byte !== 0x2d) return false;
    } else if (!((byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66))) return false;
  }
  return true;
}

/** Whether it is an ISO timestamp with a valid day. False: the full check decides. */
export function isOrdinaryMoment(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < 10) return false;
  const year = twoDigits(bytes, start) * 100 + twoDigits(bytes, start + 2);
  const month = twoDigits(bytes, start + 5);
  const day = twoDigits(bytes, start + 8);
  if (
    !(year > 0 && month >= 1 && month <= 12 && day >= 1 && (day <= 28 || day <= daysOf(year, month))) ||
    bytes[start + 4] !== 0x2d ||
    bytes[start + 7] !== 0x2d
  )
    return false;
  if (end - start === 10) return true;
  const separator = bytes[start + 10];
  if (
    (separator !== 0x54 && separator !== 0x20) ||
    end - start < 19 ||
    bytes[start + 13] !== 0x3a ||
    bytes[start + 16] !== 0x3a
  )
    return false;
  const hour = twoDigits(bytes, start + 11);
  const minute = twoDigits(bytes, start + 14);
  const second = twoDigits(bytes, start + 17);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return false;
  let at = start + 19;
  if (at < end && bytes[at] === 0x2e) {
    at++;
    while (at < end && bytes[at]! >= 48 && bytes[at]! <= 57) at++;
  }
  return at === end || (at === end - 1 && bytes[at] === 0x5a);
}

/** The number of two digits; without them one that makes every sum with others negative. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - 48;
  const ones = bytes[at + 1]! - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : NO_DIGITS;
}
