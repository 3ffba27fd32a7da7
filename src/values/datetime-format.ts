// Formats and parses dates and times: strftime (C locale, glibc's flags), ISO 8601 as in Python 3.11's fromisoformat,
// strptime. Works on plain fields; the values are in date.ts, time.ts and datetime.ts.
import {
  DAY_NAMES,
  dayName,
  dayOfYear,
  daysInMonth,
  fromOrdinal,
  isoCalendarOf,
  isoWeek1Monday,
  MONTH_NAMES,
  monthName,
  pad,
  toOrdinal,
  weekdayOf,
} from './calendar.ts';
import { checkText, MAX_TEXT } from './budget.ts';
import { valueError } from './python-error.ts';

/** Fields of a date and time. For a `date` the time fields are zero. */
export interface DateFields {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;
}

/** Fields of a `time`, also of a `datetime`. */
export interface ClockFields {
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;
}

/** What strftime needs beyond the fields: `%z`, `%Z` and `%s`. */
export interface FormatZone {
  readonly offsetText: string;
  readonly name: string;
}

/** Parsed fields. `offsetMicros` is null if the text has no offset. */
export interface ParsedDateTime extends DateFields {
  readonly offsetMicros: bigint | null;
  readonly zoneName?: string | null;
}

const DIRECTIVE = /%([-_0^#]*)([1-9]\d*|)([EO]?)([a-zA-Z%+])/g;

/** `strftime(format)`. Unknown directives are copied, as in glibc. */
export function strftime(format: string, fields: DateFields, zone: FormatZone): string {
  let size = format.length;
  return format.replace(DIRECTIVE, (whole, flags: string, width: string, _modifier: string, code: string) => {
    const value = directive(code, fields, zone, flags);
    if (value === undefined) return whole;
    size += value.text.length + Number(width);
    if (size > MAX_TEXT) checkText(size);
    let { text } = value;
    if (value.number !== undefined) {
      const fill = flags.includes('_') ? ' ' : flags.includes('0') ? '0' : value.fill;
      text = flags.includes('-')
        ? String(value.number)
        : String(value.number).padStart(width === '' ? value.width : Number(width), fill);
    } else if (width !== '') text = text.padStart(Number(width), flags.includes('0') ? '0' : ' ');
    if (flags.includes('^')) return text.toUpperCase();
    if (flags.includes('#')) return code === 'Z' || code === 'p' ? text.toLowerCase() : text.toUpperCase();
    return text;
  });
}

interface Piece {
  text: string;
  number?: number;
  width: number;
  fill: string;
}
const word = (text: string): Piece => ({ text, width: 0, fill: ' ' });
const num = (number: number, width: number, fill = '0'): Piece => ({ text: '', number, width, fill });

function directive(code: string, f: DateFields, zone: FormatZone, flags: string): Piece | undefined {
  const ordinal = (): number => toOrdinal(f.year, f.month, f.day);
  const weekday = (): number => weekdayOf(ordinal());
  const yday = (): number => dayOfYear(f.year, f.month, f.day);
  const nested = (format: string): Piece => word(strftime(format, f, zone));
  switch (code) {
    case 'a':
      return word(dayName(ordinal()).slice(0, 3));
    case 'A':
      return word(dayName(ordinal()));
    case 'b':
    case 'h':
      return word(monthName(f.month).slice(0, 3));
    case 'B':
      return word(monthName(f.month));
    case 'c':
      return nested('%a %b %e %H:%M:%S %Y');
    case 'C':
      return num(Math.floor(f.year / 100), 2);
    case 'd':
      return num(f.day, 2);
    case 'D':
    case 'x':
      return nested('%m/%d/%y');
    case 'e':
      return num(f.day, 2, ' ');
    case 'f':
      return word(pad(f.microsecond, 6));
    case 'F':
      return nested('%Y-%m-%d');
    case 'g':
      return num(isoCalendarOf(f.year, f.month, f.day).year % 100, 2);
    case 'G':
      return num(isoCalendarOf(f.year, f.month, f.day).year, 0);
    case 'H':
      return num(f.hour, 2);
    case 'I':
      return num(f.hour % 12 === 0 ? 12 : f.hour % 12, 2);
    case 'j':
      return num(yday(), 3);
    case 'k':
      return num(f.hour, 2, ' ');
    case 'l':
      return num(f.hour % 12 === 0 ? 12 : f.hour % 12, 2, ' ');
    case 'm':
      return num(f.month, 2);
    case 'M':
      return num(f.minute, 2);
    case 'n':
      return word('\n');
    case 'p':
      return word(f.hour < 12 ? 'AM' : 'PM');
    case 'P':
      return word(f.hour < 12 ? 'am' : 'pm');
    case 'r':
      return nested('%I:%M:%S %p');
    case 'R':
      return nested('%H:%M');
    case 's':
      return num(Math.floor(new Date(f.year, f.month - 1, f.day, f.hour, f.minute, f.second).getTime() / 1000), 0);
    case 'S':
      return num(f.second, 2);
    case 't':
      return word('\t');
    case 'T':
    case 'X':
      return nested('%H:%M:%S');
    case 'u':
      return num(weekday() + 1, 0);
    case 'U':
      return num(Math.floor((yday() + 6 - ((weekday() + 1) % 7)) / 7), 2);
    case 'V':
      return num(isoCalendarOf(f.year, f.month, f.day).week, 2);
    case 'w':
      return num((weekday() + 1) % 7, 0);
    case 'W':
      return num(Math.floor((yday() + 6 - weekday()) / 7), 2);
    case 'y':
      return num(f.year % 100, 2);
    case 'Y':
      return num(f.year, 0);
    case 'z':
      return word(zone.offsetText);
    case 'Z':
      return word(zone.name);
    case '%':
      return flags === '' ? word('%') : undefined;
    default:
      return undefined;
  }
}

/** `isoformat` of a time. @throws JinjaError for an unknown timespec */
export function isoClock(clock: ClockFields, timespec: string): string {
  const { hour, minute, second, microsecond } = clock;
  const spec = timespec === 'auto' ? (microsecond === 0 ? 'seconds' : 'microseconds') : timespec;
  const hours = pad(hour, 2);
  const minutes = `${hours}:${pad(minute, 2)}`;
  const seconds = `${minutes}:${pad(second, 2)}`;
  switch (spec) {
    case 'hours':
      return hours;
    case 'minutes':
      return minutes;
    case 'seconds':
      return seconds;
    case 'milliseconds':
      return `${seconds}.${pad(Math.floor(microsecond / 1000), 3)}`;
    case 'microseconds':
      return `${seconds}.${pad(microsecond, 6)}`;
    default:
      throw valueError('Unknown timespec value');
  }
}

const ISO_DATE = /^(\d{4})(?:-(\d\d)-(\d\d)|(\d\d)(\d\d)|-W(\d\d)(?:-(\d))?|W(\d\d)(\d)?)/;
const ISO_TIME = new RegExp(
  String.raw`^(\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d+))?)?|(\d\d)(?:(\d\d)(?:[.,](\d+))?)?)?(Z` +
    String.raw`|[+-](\d\d)(?::?(\d\d)(?::?(\d\d)(?:\.(\d+))?)?)?)?$`,
);

/** `date.fromisoformat`: 2024-01-31, 20240131, 2024-W05-3. */
export function parseIsoDate(text: string): { year: number; month: number; day: number } {
  const match = ISO_DATE.exec(text);
  if (match === null || match[0].length !== text.length) throw invalidIso(text);
  return isoDate(match);
}

function isoDate(match: RegExpExecArray): { year: number; month: number; day: number } {
  const year = Number(match[1]);
  const week = match[6] ?? match[8];
  if (week !== undefined) return isoWeekDate(year, Number(week), Number(match[7] ?? match[9] ?? 1));
  const month = Number(match[2] ?? match[4]);
  const day = Number(match[3] ?? match[5]);
  checkDate(year, month, day);
  return { year, month, day };
}

/** `date.fromisocalendar`. */
export function isoWeekDate(year: number, week: number, weekday: number): { year: number; month: number; day: number } {
  if (year < 1 || year > 9999) throw valueError(`Year is out of range: ${year}`);
  const monday = isoWeek1Monday(year);
  const weeks = Math.round((isoWeek1Monday(year + 1) - monday) / 7);
  if (week < 1 || week > weeks) throw valueError(`Invalid week: ${week}`);
  if (weekday < 1 || weekday > 7) throw valueError(`Invalid weekday: ${weekday} (range is [1, 7])`);
  return fromOrdinal(monday + (week - 1) * 7 + weekday - 1);
}

/** `time.fromisoformat`. */
export function parseIsoTime(text: string): Omit<ParsedDateTime, 'year' | 'month' | 'day'> {
  return isoTime(text.replace(/^T/, ''), text);
}

function isoTime(part: string, text: string): Omit<ParsedDateTime, 'year' | 'month' | 'day'> {
  const match = ISO_TIME.exec(part);
  if (match === null) throw invalidIso(text);
  const zone = match[8];
  let offsetMicros: bigint | null = null;
  if (zone !== undefined) {
    const seconds = zone === 'Z' ? 0 : Number(match[9]) * 3600 + Number(match[10] ?? 0) * 60 + Number(match[11] ?? 0);
    offsetMicros = BigInt(seconds) * 1_000_000n + BigInt(fraction(match[12]));
    if (zone.startsWith('-')) offsetMicros = -offsetMicros;
  }
  const fields = {
    hour: Number(match[1]),
    minute: Number(match[2] ?? match[5] ?? 0),
    second: Number(match[3] ?? match[6] ?? 0),
    microsecond: fraction(match[4] ?? match[7]),
  };
  checkTime(fields.hour, fields.minute, fields.second, fields.microsecond);
  return { ...fields, offsetMicros };
}

/** `datetime.fromisoformat`, in every form that Python 3.11 accepts. */
export function parseIsoDateTime(text: string): ParsedDateTime {
  const match = ISO_DATE.exec(text);
  if (match === null) throw invalidIso(text);
  const date = isoDate(match);
  const rest = text.slice(match[0].length);
  if (rest === '') return { ...date, hour: 0, minute: 0, second: 0, microsecond: 0, offsetMicros: null };
  return { ...date, ...isoTime([...rest].slice(1).join(''), text) };
}

function fraction(digits: string | undefined): number {
  return digits === undefined ? 0 : Number(digits.slice(0, 6).padEnd(6, '0'));
}

function invalidIso(text: string): Error {
  return valueError(`Invalid isoformat string: '${text}'`);
}

/** @throws JinjaError with Python's message if the date does not exist */
export function checkDate(year: number, month: number, day: number): void {
  if (year < 1 || year > 9999) throw valueError(`year ${year} is out of range`);
  if (month < 1 || month > 12) throw valueError('month must be in 1..12');
  if (day < 1 || day > daysInMonth(year, month)) throw valueError('day is out of range for month');
}

/** @throws JinjaError with Python's message if the time does not exist */
export function checkTime(hour: number, minute: number, second: number, microsecond: number): void {
  if (hour < 0 || hour > 23) throw valueError('hour must be in 0..23');
  if (minute < 0 || minute > 59) throw valueError('minute must be in 0..59');
  if (second < 0 || second > 59) throw valueError('second must be in 0..59');
  if (microsecond < 0 || microsecond > 999_999) throw valueError('microsecond must be in 0..999999');
}

const names = (list: readonly string[]): string =>
  [...list]
    .sort((a, b) => b.length - a.length)
    .map((n) => n.toLowerCase())
    .join('|');
const READERS: Readonly<Record<string, string>> = {
  d: '3[01]|[12]\\d|0[1-9]|[1-9]| [1-9]',
  f: '\\d{1,6}',
  H: '2[0-3]|[01]\\d|\\d',
  I: '1[0-2]|0[1-9]|[1-9]',
  G: '\\d{4}',
  j: '36[0-6]|3[0-5]\\d|[12]\\d\\d|0[1-9]\\d|00[1-9]|[1-9]\\d|0[1-9]|[1-9]',
  m: '1[0-2]|0[1-9]|[1-9]',
  M: '[0-5]\\d|\\d',
  S: '6[01]|[0-5]\\d|\\d',
  U: '5[0-3]|[0-4]\\d|\\d',
  W: '5[0-3]|[0-4]\\d|\\d',
  V: '5[0-3]|0[1-9]|[1-4]\\d|\\d',
  w: '[0-6]',
  u: '[1-7]',
  y: '\\d\\d',
  Y: '\\d{4}',
  z: '[+-]\\d\\d:?[0-5]\\d(?::?[0-5]\\d(?:\\.\\d{1,6})?)?|z',
  p: 'am|pm',
  Z: 'utc|gmt',
  a: names(DAY_NAMES.map((n) => n.slice(0, 3))),
  A: names(DAY_NAMES),
  b: names(MONTH_NAMES.map((n) => n.slice(0, 3))),
  B: names(MONTH_NAMES),
};
const COMPOSITES = { c: '%a %b %d %H:%M:%S %Y', x: '%m/%d/%y', X: '%H:%M:%S' };

/** Longer regular expressions overflow the stack of their compiler. */
const LONGEST_FORMAT = 10_000;

/** `datetime.strptime(text, format)`. */
export function strptime(text: string, format: string): ParsedDateTime {
  if (format.length > LONGEST_FORMAT)
    throw valueError(`the format has ${format.length} characters; at most ${LONGEST_FORMAT} are supported`);
  const order: string[] = [];
  const expanded = format.replace(/%([cxX])/g, (_, code: keyof typeof COMPOSITES) => COMPOSITES[code]);
  let pattern = '';
  for (let i = 0; i < expanded.length; i++) {
    const char = expanded.charAt(i);
    if (char === '%') {
      const code = expanded[++i];
      if (code === undefined) throw valueError(`stray % in format '${format}'`);
      if (code === '%') pattern += '%';
      else if (READERS[code] === undefined) throw valueError(`'${code}' is a bad directive in format '${format}'`);
      else if (order.includes(code)) throw valueError(`redefinition of group name '${code}' in format '${format}'`);
      else {
        order.push(code);
        pattern += `(${READERS[code]})`;
      }
    } else if (/\s/.test(char)) pattern += pattern.endsWith('\\s+') ? '' : '\\s+';
    else pattern += char.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
  }
  const match = new RegExp(`^${pattern}`, 'iu').exec(text);
  if (match === null) throw valueError(`time data '${text}' does not match format '${format}'`);
  if (match[0].length !== text.length) throw valueError(`unconverted data remains: ${text.slice(match[0].length)}`);
  const [, ...parts] = match;
  return fieldsOf(new Map(parts.map((part, i) => [order[i] ?? '', part.toLowerCase()])));
}

function fieldsOf(found: ReadonlyMap<string, string>): ParsedDateTime {
  const number = (code: string): number | undefined => (found.has(code) ? Number(found.get(code)) : undefined);
  const index = (code: string, list: readonly string[], length?: number): number | undefined =>
    found.has(code) ? list.findIndex((n) => n.toLowerCase().slice(0, length) === found.get(code)) : undefined;
  const short = number('y');
  let year = number('Y') ?? (short === undefined ? undefined : short + (short <= 68 ? 2000 : 1900));
  let month = number('m') ?? plusOne(index('B', MONTH_NAMES) ?? index('b', MONTH_NAMES, 3));
  let day = number('d');
  const isoWeekday = number('u');
  const sundayFirst = number('w');
  const weekday =
    index('A', DAY_NAMES) ??
    index('a', DAY_NAMES, 3) ??
    (isoWeekday === undefined ? undefined : isoWeekday - 1) ??
    (sundayFirst === undefined ? undefined : (sundayFirst + 6) % 7);
  const isoYear = number('G');
  const week = number('V');
  const yday = number('j');
  const sundayWeek = number('U');
  const mondayWeek = number('W');
  const weekNumber = mondayWeek ?? sundayWeek;
  if (isoYear !== undefined && week !== undefined && weekday !== undefined)
    ({ year, month, day } = isoWeekDate(isoYear, week, weekday + 1));
  else if (year !== undefined && yday !== undefined)
    ({ year, month, day } = fromOrdinal(toOrdinal(year, 1, 1) + yday - 1));
  else if (year !== undefined && weekday !== undefined && weekNumber !== undefined) {
    const startsMonday = mondayWeek !== undefined;
    const first = weekdayOf(toOrdinal(year, 1, 1));
    const firstDay = startsMonday ? first : (first + 1) % 7;
    const wanted = startsMonday ? weekday : (weekday + 1) % 7;
    const untilWeek1 = (7 - firstDay) % 7;
    const dayNumber = weekNumber === 0 ? 1 + wanted - firstDay : 1 + untilWeek1 + 7 * (weekNumber - 1) + wanted;
    ({ year, month, day } = fromOrdinal(toOrdinal(year, 1, 1) + dayNumber - 1));
  }
  let hour = number('H') ?? 0;
  const hour12 = number('I');
  if (hour12 !== undefined) hour = (hour12 % 12) + (found.get('p') === 'pm' ? 12 : 0);
  const fields = {
    year: year ?? 1900,
    month: month ?? 1,
    day: day ?? 1,
    hour,
    minute: number('M') ?? 0,
    second: Math.min(number('S') ?? 0, 61),
    microsecond: fraction(found.get('f')),
  };
  checkDate(fields.year, fields.month, fields.day);
  checkTime(fields.hour, fields.minute, fields.second, fields.microsecond);
  return { ...fields, offsetMicros: offsetOf(found.get('z')), zoneName: found.get('Z') ?? null };
}

function plusOne(index: number | undefined): number | undefined {
  return index === undefined ? undefined : index + 1;
}

function offsetOf(text: string | undefined): bigint | null {
  if (text === undefined) return null;
  if (text === 'z') return 0n;
  const match = /^([+-])(\d\d):?(\d\d)(?::?(\d\d)(?:\.(\d+))?)?$/.exec(text);
  if (match === null) return null;
  const micros =
    BigInt(Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4] ?? 0)) * 1_000_000n +
    BigInt(fraction(match[5]));
  return match[1] === '-' ? -micros : micros;
}
