// Parses ISO 8601 times in every form that dbt accepts in a seed: calendar, week and ordinal dates, reduced precision,
// fractions of the last part, zones. table-inference.ts chooses the columns.
import { fromOrdinal, isoCalendarOf, toOrdinal } from '../values/calendar.ts';
import { PyDateTime } from '../values/datetime.ts';
import { valueError } from '../values/python-error.ts';
import { PyTimedelta } from '../values/timedelta.ts';
import { FixedZone, type TimeZone, utcZone } from '../values/timezone.ts';

interface Day {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

const CALENDAR = /^(\d{4})(?:-(\d{2})(?:-(\d{2}))?|(\d{2})(\d{2})?)$/;
const WEEK = /^(\d{4})(?:-W(\d{2})(?:-(\d))?|W(\d{2})(\d)?)$/;
const ORDINAL = /^(\d{4})-?(\d{3})$/;
const TIME = new RegExp(
  String.raw`^(?:(\d{2}):(\d{2}):(\d{2}(?:[.,]\d+)?)|(\d{2})(\d{2})(\d{2}(?:[.,]\d+)?)` +
    String.raw`|(\d{2}):?(\d{2}(?:[.,]\d+)?)|(\d{2}(?:[.,]\d+)?))(?:(Z)|([+-])(\d{2})(?::?(\d{2}))?)?$`,
);
const FRACTION_DIGITS = 24;

/**
 * Parses a time such as `2024-01-31T10:00:00Z`. Requires the `T`.
 * @throws if the text has another form or the time does not exist
 */
export function parseIsoDateTime(text: string): PyDateTime {
  const [written, clock, ...more] = text.split('T');
  if (written === undefined || clock === undefined || more.length > 0)
    throw valueError(`ISO 8601 time designator 'T' missing. Unable to parse datetime string '${text}'`);
  const day = parseDay(written);
  const match = TIME.exec(clock);
  if (!match) throw valueError(`Unrecognised ISO 8601 time format: '${clock}'`);
  const [, h1, m1, s1, h2, m2, s2, h3, m3, h4, zulu, sign, zoneHour, zoneMinute] = match;
  const seconds = s1 ?? s2;
  const minutes = m1 ?? m2 ?? m3;
  const hours = h1 ?? h2 ?? h3 ?? h4 ?? '';
  // The fraction belongs to the last given part; it is truncated, not rounded, to microseconds.
  const micros =
    seconds !== undefined
      ? microsOf(hours, 3600n) + microsOf(minutes ?? '', 60n) + microsOf(seconds, 1n)
      : minutes !== undefined
        ? microsOf(hours, 3600n) + microsOf(minutes, 60n)
        : microsOf(hours, 3600n);
  if (
    Number.parseInt(hours, 10) > 23 ||
    Number.parseInt(minutes ?? '0', 10) > 59 ||
    Number.parseInt(seconds ?? '0', 10) > 59
  )
    throw valueError('hour must be in 0..23');
  const total = Number(micros / 1_000_000n);
  return new PyDateTime(
    {
      ...day,
      hour: Math.floor(total / 3600),
      minute: Math.floor(total / 60) % 60,
      second: total % 60,
      microsecond: Number(micros % 1_000_000n),
    },
    zoneOf(zulu, sign, zoneHour, zoneMinute),
  );
}

function microsOf(text: string, seconds: bigint): bigint {
  const [whole = '0', fraction = ''] = text.replace(',', '.').split('.');
  const scaled = BigInt(whole + fraction.slice(0, FRACTION_DIGITS).padEnd(FRACTION_DIGITS, '0'));
  return (scaled * seconds * 1_000_000n) / 10n ** BigInt(FRACTION_DIGITS);
}

function zoneOf(
  zulu: string | undefined,
  sign: string | undefined,
  hour: string | undefined,
  minute: string | undefined,
): TimeZone | null {
  if (zulu !== undefined) return utcZone();
  if (sign === undefined) return null;
  const seconds = Number(hour) * 3600 + Number(minute ?? 0) * 60;
  return new FixedZone(new PyTimedelta(BigInt(sign === '-' ? -seconds : seconds) * 1_000_000n));
}

function parseDay(text: string): Day {
  let match = CALENDAR.exec(text);
  if (match) {
    const [, year, month, day, basicMonth, basicDay] = match;
    return { year: Number(year), month: Number(month ?? basicMonth) || 1, day: Number(day ?? basicDay ?? 1) };
  }
  match = WEEK.exec(text);
  if (match) {
    const [, year, week, day, basicWeek, basicDay] = match;
    const first = isoCalendarOf(Number(year), 1, 1);
    const weeks = Number(week ?? basicWeek) - (first.week === 1 ? 1 : 0);
    return fromOrdinal(toOrdinal(Number(year), 1, 1) + weeks * 7 - first.weekday + Number(day ?? basicDay ?? 1));
  }
  match = ORDINAL.exec(text);
  if (match) return fromOrdinal(toOrdinal(Number(match[1]), 1, 1) + Number(match[2]) - 1);
  if (/^\d{4}$/.test(text)) return { year: Number(text), month: 1, day: 1 };
  if (/^\d{2}$/.test(text)) return { year: Number(text) * 100 + 1, month: 1, day: 1 };
  throw valueError(`Unrecognised ISO 8601 date format: '${text}'`);
}
