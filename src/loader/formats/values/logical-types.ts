// Converts Avro's logical types to texts as JSON would contain and the database reads: dates, times, timestamps,
// decimals, durations. Pure. Years before 1 are written with BC.

const DAY_SECONDS = 86_400;
/** Days from 1 March of the year 0 to 1970, and days in 400 years. */
const [TO_1970, ERA_DAYS] = [719_468, 146_097];

/** Year, month and day of a number of days since 1970, also outside of Date's range; the year 0 is 1 BC. */
function civil(days: number): readonly [year: number, month: number, day: number] {
  const shifted = days + TO_1970;
  const era = Math.floor(shifted / ERA_DAYS);
  const dayOfEra = shifted - era * ERA_DAYS;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1];
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, '0');
}

function day(days: number): { readonly text: string; readonly era: string } {
  const [year, month, date] = civil(days);
  return {
    text: `${padded(year > 0 ? year : 1 - year, 4)}-${padded(month, 2)}-${padded(date, 2)}`,
    era: year > 0 ? '' : ' BC',
  };
}

/** @param days since 1970 */
export function dateText(days: number): string {
  const { text, era } = day(days);
  return text + era;
}

/** Whole seconds, rounded down, and the remaining units. */
function split(value: number | bigint, perSecond: number): readonly [seconds: number, units: number] {
  if (typeof value === 'bigint') {
    const per = BigInt(perSecond);
    const units = ((value % per) + per) % per;
    return [Number((value - units) / per), Number(units)];
  }
  const seconds = secondsOf(value, perSecond);
  return [seconds, value - seconds * perSecond];
}

/** Whole seconds of units, rounded down. */
export function secondsOf(value: number, perSecond: number): number {
  const seconds = Math.floor(value / perSecond);
  // The quotient of large numbers may be rounded up to the next integer.
  return seconds * perSecond > value ? seconds - 1 : seconds;
}

function clock(seconds: number, units: number, perSecond: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  const fraction = perSecond === 1 ? '' : `.${padded(units, String(perSecond).length - 1)}`;
  return `${padded(hours, 2)}:${padded(minutes, 2)}:${padded(seconds % 60, 2)}${fraction}`;
}

/** @param value units since midnight @returns null if it is not a time of day */
export function timeText(value: number | bigint, perSecond: number): string | null {
  const [seconds, units] = split(value, perSecond);
  return seconds >= 0 && seconds < DAY_SECONDS ? clock(seconds, units, perSecond) : null;
}

/** @param value units since 1970 @param zone suffix of the time: `Z`, or nothing */
export function momentText(value: number | bigint, perSecond: number, zone: string): string {
  const [seconds, units] = split(value, perSecond);
  const days = Math.floor(seconds / DAY_SECONDS);
  const { text, era } = day(days);
  return `${text}T${clock(seconds - days * DAY_SECONDS, units, perSecond)}${zone}${era}`;
}

/** Zeros that a scale adds to a decimal at most; with more of them it has an exponent. */
const MOST_ZEROS = 1000;
/** Bytes of a decimal with more digits than a database accepts. */
export const MAX_DECIMAL_BYTES = 65_536;

/** Big-endian two's complement bytes as a decimal with this many fractional digits. */
export function decimalText(bytes: Buffer, start: number, end: number, scale: number): string {
  const length = end - start;
  if (length === 0) return pointed('0', scale);
  if (length <= 6) return pointed(String(bytes.readIntBE(start, length)), scale);
  const unsigned = BigInt(`0x${bytes.toString('hex', start, end)}`);
  return pointed(String(BigInt.asIntN(length * 8, unsigned)), scale);
}

/** @param whole digits, possibly with a minus */
function pointed(whole: string, scale: number): string {
  // A few bytes would become many kilobytes.
  if (Math.max(scale - whole.length, -scale) > MOST_ZEROS) return `${whole}e${-scale}`;
  if (scale <= 0) return whole === '0' ? whole : whole + '0'.repeat(-scale);
  const negative = whole.startsWith('-');
  const digits = (negative ? whole.slice(1) : whole).padStart(scale + 1, '0');
  return `${negative ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Sixteen bytes as a UUID. */
export function uuidText(bytes: Buffer, start: number): string {
  const hex = bytes.toString('hex', start, start + 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Months, days and milliseconds, four little-endian bytes each, as an ISO 8601 duration. */
export function durationText(bytes: Buffer, start: number): string {
  const [months, days, ms] = [0, 4, 8].map((at) => bytes.readUInt32LE(start + at));
  const units = padded((ms ?? 0) % 1000, 3);
  return `P${months}M${days}DT${Math.floor((ms ?? 0) / 1000)}.${units}S`;
}
