// The years that a time column accepts. A number in the wrong unit becomes a time thousands of years away, which a
// database may store without an error. Pure.
import type { YearRange } from '../../settings/column-years.ts';
import { PoisonMessage } from '../message-decoder.ts';
import { ExactNumber } from './lossless-json.ts';

/** Years of numbers if the column declares none. */
export const USUAL_YEARS: YearRange = { first: 1900, last: 2200, declared: false };
/** The first seconds of the usual years, and of the year after them. */
export const [USUAL_FIRST_SECOND, USUAL_END_SECOND] = [-2_208_988_800, 7_258_118_400];
/** Sources write the first and the last day of these years for "since ever" and "open-ended". */
const SENTINEL_YEARS: ReadonlySet<number> = new Set([1, 9999]);
/** No person or calendar writes a year with five digits. */
const LAST_TEXT_YEAR = 9999;
const ISO_YEAR = /^\s*\+?(\d{4,})-\d/;
const BEFORE_CHRIST = /BC$/i;
/** Units of times, from the coarsest, with the milliseconds of one. */
const UNITS = [
  { digits: 0, name: 'seconds', ms: 1e3 },
  { digits: 3, name: 'milliseconds', ms: 1 },
  { digits: 6, name: 'microseconds', ms: 1e-3 },
  { digits: 9, name: 'nanoseconds', ms: 1e-6 },
] as const;
const MILLISECONDS = 3;

/** What the checks need to know about a column. */
export interface RangedColumn {
  readonly name: string;
  /** Null: it has no times, or accepts all of them. */
  readonly years: YearRange | null;
  /** Fractional digits of a second that one unit is; null: milliseconds. */
  readonly epoch: number | null;
}

/**
 * Rejects a time outside of the column's years.
 * @param written the value in the message
 * @param value the same after `epoch` was applied
 * @throws PoisonMessage that names the likely unit
 */
export function refuseOddYear(written: unknown, value: unknown, column: RangedColumn): void {
  const { name, years } = column;
  if (years === null) return;
  const number = value !== written || typeof value === 'number' || value instanceof ExactNumber ? written : null;
  const year = yearOfValue(value);
  if (year === null) return;
  if (number === null && !years.declared) {
    if (year > LAST_TEXT_YEAR)
      throw new PoisonMessage(
        `column '${name}': the year has more than four digits, as if its number counted a smaller unit than its ` +
          'schema says; `years` accepts other years',
      );
    return;
  }
  if ((year >= years.first && year <= years.last) || SENTINEL_YEARS.has(year)) return;
  if (number === null)
    throw new PoisonMessage(`column '${name}': a time outside of the years ${years.first} to ${years.last}`);
  throw wrongUnit(number, column);
}

/** The error for a number that is not a time of the column in its unit. */
export function wrongUnit(number: unknown, { name, years, epoch }: RangedColumn): PoisonMessage {
  const { first, last } = years ?? USUAL_YEARS;
  const declared = UNITS.find(({ digits }) => digits === (epoch ?? MILLISECONDS))?.name;
  const likely = UNITS.find(({ name: unit, ms }) => {
    const year = yearOfMs(Number(String(number)) * ms);
    return unit !== declared && year >= first && year <= last;
  });
  return new PoisonMessage(
    `column '${name}': the number, read as ${declared} since 1970, is outside of the years ${first} to ${last}; ` +
      (likely === undefined
        ? '`years` accepts others'
        : `it is probably in ${likely.name}: \`epoch\` sets the unit, \`years\` the years`),
  );
}

/** Null: the value has no year, or only the database knows it. */
function yearOfValue(value: unknown): number | null {
  if (typeof value === 'number') return yearOfMs(value);
  if (value instanceof ExactNumber) return yearOfMs(Number(value.text));
  const digits = typeof value === 'string' ? ISO_YEAR.exec(value)?.[1] : undefined;
  if (digits === undefined) return null;
  return BEFORE_CHRIST.test(String(value).trimEnd()) ? 1 - Number(digits) : Number(digits);
}

function yearOfMs(ms: number): number {
  const year = new Date(ms).getUTCFullYear();
  return Number.isNaN(year) ? Math.sign(ms) * Number.POSITIVE_INFINITY : year;
}
