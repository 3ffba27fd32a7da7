// Reads a column's option `years`: the range of years that its times may have.
import type { Options, Refuse } from './option-reader.ts';

/** The first and the last year of a column. */
export interface YearRange {
  readonly first: number;
  readonly last: number;
  /** The column's `years` option set it: it applies to texts, too. */
  readonly declared: boolean;
}

const [LEAST_YEAR, GREATEST_YEAR] = [1, 294_276];

/** @returns the range that `years` declares; null for `false`: every year; undefined without the option */
export function yearsOf(
  { years }: Options,
  isTime: boolean,
  type: string,
  refuse: Refuse,
): YearRange | null | undefined {
  if (years === undefined) return undefined;
  if (!isTime) refuse(`'years' needs a column of a date or a timestamp, and this one is ${type}`);
  if (years === false) return null;
  const [first, last] = Array.isArray(years) && years.length === 2 ? years : [];
  const isYear = (year: unknown): year is number =>
    typeof year === 'number' && Number.isInteger(year) && year >= LEAST_YEAR && year <= GREATEST_YEAR;
  if (!isYear(first) || !isYear(last) || first > last)
    return refuse(
      `'years' must be the first and the last year, or false, found ${JSON.stringify(years)}`,
      'years: [1900, 2200] is the default for numbers.',
    );
  return { first, last, declared: true };
}
