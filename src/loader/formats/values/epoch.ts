// Converts numbers of seconds, milliseconds, microseconds or nanoseconds since 1970 to timestamps, exactly. Pure.
import { momentText } from './logical-types.ts';
import { ExactNumber } from './lossless-json.ts';
import { type RangedColumn, wrongUnit } from './time-range.ts';

const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
/** Range of the database's timestamps in seconds: from 4714 BC to the year 5874897. */
const [FIRST_SECOND, LAST_SECOND] = [-210_866_889_600n, 185_331_720_383_999n];
/** A number with more zeros than this is never a timestamp. */
const MOST_SHIFTED = 40;
/** Digits after the decimal point. */
const MOST_FRACTION = 1000;

/**
 * Converts a number, even in a text, to an ISO timestamp; returns other values unchanged.
 * @param digits the fractional digits of a second that one unit is
 * @throws PoisonMessage for a number that is not a timestamp
 */
export function fromEpoch(value: unknown, digits: number, column: RangedColumn): unknown {
  const written =
    typeof value === 'number' || value instanceof ExactNumber
      ? String(value)
      : typeof value === 'string'
        ? value.trim()
        : null;
  const match = written === null ? null : NUMBER.exec(written);
  if (match === null) return value;
  const refuse = (): never => {
    throw wrongUnit(written, column);
  };
  const [, sign, whole = '', fraction = '', power = '0'] = match;
  const shift = Number(power) - digits;
  if (Math.abs(shift) > MOST_SHIFTED || whole.length > MOST_SHIFTED || fraction.length > MOST_FRACTION) return refuse();
  // Shifts the decimal point to the right.
  const all = whole + fraction.padEnd(shift, '0');
  const point = whole.length + shift;
  const seconds = point <= 0 ? '0' : all.slice(0, point);
  const behind = point <= 0 ? '0'.repeat(-point) + all : all.slice(point);
  return isoOf(sign === '-', BigInt(seconds), behind) ?? refuse();
}

/** @param behind digits of the fraction @returns null if the database does not have such a day */
function isoOf(negative: boolean, seconds: bigint, behind: string): string | null {
  const scale = 10n ** BigInt(behind.length);
  const units = (seconds * scale + BigInt(behind === '' ? '0' : behind)) * (negative ? -1n : 1n);
  const rest = ((units % scale) + scale) % scale;
  const second = (units - rest) / scale;
  if (second < FIRST_SECOND || second > LAST_SECOND) return null;
  const text = momentText(Number(second), 1, '');
  const fraction = behind === '' ? '' : `.${String(rest).padStart(behind.length, '0')}`;
  const [moment = '', era] = text.split(' ');
  return `${moment}${fraction}Z${era === undefined ? '' : ` ${era}`}`;
}
