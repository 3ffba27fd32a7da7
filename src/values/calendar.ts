// Python's calendar arithmetic on plain numbers: proleptic Gregorian ordinals, ISO weeks, exact rounding. Dates as
// values are in date.ts and datetime.ts.

/** Ordinal of 9999-12-31; ordinal 1 is 0001-01-01. */
export const MAX_ORDINAL = 3652059;
/** Ordinal of 1970-01-01. */
export const EPOCH_ORDINAL = 719163;
export const MICROS_PER_SECOND = 1_000_000n;
export const MICROS_PER_DAY = 86_400_000_000n;

export const DAY_NAMES = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;
export const MONTH_NAMES = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;

const DAYS_BEFORE_MONTH = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334] as const;

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** 28 to 31. @param month 1 to 12 */
export function daysInMonth(year: number, month: number): number {
  if (month === 2) return isLeapYear(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** 1 to 366. */
export function dayOfYear(year: number, month: number, day: number): number {
  return (DAYS_BEFORE_MONTH[month] ?? 0) + (month > 2 && isLeapYear(year) ? 1 : 0) + day;
}

/** The ordinal of a date; 0001-01-01 is 1. */
export function toOrdinal(year: number, month: number, day: number): number {
  const y = year - 1;
  return y * 365 + Math.floor(y / 4) - Math.floor(y / 100) + Math.floor(y / 400) + dayOfYear(year, month, day);
}

/** `date.fromordinal(ordinal)`; 0001-01-01 is 1. */
export function fromOrdinal(ordinal: number): { year: number; month: number; day: number } {
  const date = new Date((ordinal - EPOCH_ORDINAL) * 86_400_000);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

/** Monday is 0. */
export function weekdayOf(ordinal: number): number {
  return (ordinal + 6) % 7;
}

/** English name of the weekday of an ordinal. */
export function dayName(ordinal: number): string {
  return DAY_NAMES[weekdayOf(ordinal)] ?? '';
}

/** English name of a month. @param month 1 to 12 */
export function monthName(month: number): string {
  return MONTH_NAMES[month - 1] ?? '';
}

/** Ordinal of the Monday of ISO week 1. */
export function isoWeek1Monday(year: number): number {
  const first = toOrdinal(year, 1, 1);
  const weekday = weekdayOf(first);
  return first - weekday + (weekday > 3 ? 7 : 0);
}

/** `date.isocalendar()`: Monday is 1. */
export function isoCalendarOf(
  year: number,
  month: number,
  day: number,
): { year: number; week: number; weekday: number } {
  const today = toOrdinal(year, month, day);
  let isoYear = year;
  let monday = isoWeek1Monday(isoYear);
  if (today < monday) {
    isoYear -= 1;
    monday = isoWeek1Monday(isoYear);
  } else if (today >= isoWeek1Monday(isoYear + 1)) {
    isoYear += 1;
    monday = isoWeek1Monday(isoYear);
  }
  return { year: isoYear, week: Math.floor((today - monday) / 7) + 1, weekday: weekdayOf(today) + 1 };
}

/** Pads a number with leading zeros. */
export function pad(value: number, width: number): string {
  return String(value).padStart(width, '0');
}

/** Floor division of big integers. */
export function floorDiv(a: bigint, b: bigint): bigint {
  const q = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? q - 1n : q;
}

/** Divides a by b and rounds half to even. */
export function divideNearest(a: bigint, b: bigint): bigint {
  const q = floorDiv(a, b);
  const twice = (a - q * b) * 2n;
  const greater = b > 0n ? twice > b : twice < b;
  return greater || (twice === b && q % 2n !== 0n) ? q + 1n : q;
}

/** Returns the exact fraction that a double represents. */
export function floatRatio(x: number): [numerator: bigint, denominator: bigint] {
  let value = x;
  let denominator = 1n;
  while (!Number.isInteger(value)) {
    value *= 2;
    denominator *= 2n;
  }
  return [BigInt(value), denominator];
}

/** Rounds half to even. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const diff = x - floor;
  if (diff < 0.5) return floor;
  if (diff > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
