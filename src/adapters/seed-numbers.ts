// How much room the numbers and moments of a seed's column need, so that its type keeps every digit. Pure.
import { PyDate } from '../values/date.ts';
import { PyDecimal } from '../values/decimal.ts';
import type { Value } from '../values/value.ts';
import type { Table } from './table.ts';

/** More digits than any type holds. */
const MANY_DIGITS = 400;
/** A double holds every number of so many digits. */
const SURE_DIGITS = 15;

/** The values by which a column is measured. */
export function valuesOf(table: Table, columnIndex: number): Value[] {
  return table.measuredRows.map((row) => row.at(columnIndex));
}

function finiteNumbers(values: readonly Value[]): PyDecimal[] {
  return values.filter((value): value is PyDecimal => value instanceof PyDecimal && value.special === undefined);
}

/** The first of these sizes, in bits, whose signed integers include all numbers, which are whole. */
export function integerBits(values: readonly Value[], sizes: readonly number[]): number | undefined {
  const numbers = finiteNumbers(values);
  return sizes.find((bits) => numbers.every((value) => isInteger(value, bits, true)));
}

/** Is this a whole number of so many bits? */
export function isInteger({ coefficient, exponent }: PyDecimal, bits: number, signed: boolean): boolean {
  if (exponent > MANY_DIGITS) return false;
  const unit = 10n ** BigInt(Math.abs(exponent));
  if (exponent < 0 && coefficient % unit !== 0n) return false;
  const whole = exponent < 0 ? coefficient / unit : coefficient * unit;
  const limit = 1n << BigInt(signed ? bits - 1 : bits);
  return whole < limit && whole >= (signed ? -limit : 0n);
}

/** Does a double print each number as it was written, but for zeros at its end? */
export function fitDouble(values: readonly Value[]): boolean {
  return finiteNumbers(values).every((value) => {
    if (value.coefficient.toString().length <= SURE_DIGITS && Math.abs(value.exponent) < 290) return true;
    const near = value.toNumber();
    return Number.isFinite(near) && PyDecimal.from(near).jinjaEquals(value);
  });
}

/** Is each number exactly one of single precision? `0.1` is not. */
export function fitSingle(values: readonly Value[]): boolean {
  return (
    fitDouble(values) && finiteNumbers(values).every((value) => Math.fround(value.toNumber()) === value.toNumber())
  );
}

/** Digits before and after the point that hold all numbers; null: there are numbers that are not finite. */
export function decimalDigits(values: readonly Value[]): { readonly whole: number; readonly scale: number } | null {
  let [whole, scale] = [1, 0];
  for (const value of values) {
    if (!(value instanceof PyDecimal)) continue;
    if (value.special !== undefined) return null;
    scale = Math.max(scale, -value.exponent);
    whole = Math.max(whole, value.coefficient.toString().replace('-', '').length + value.exponent);
  }
  return { whole, scale };
}

/** Is every date between these days, both ISO texts, the second one excluded? */
export function areBetween(values: readonly Value[], first: string, end: string): boolean {
  return values.every((value) => {
    if (!(value instanceof PyDate)) return true;
    const text = value.jinjaText();
    return text >= first && text < end;
  });
}
