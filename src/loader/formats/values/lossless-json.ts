// Lossless JSON: numbers that JavaScript would format differently keep their text, both ways. Pure.
import { isSafeNumber, parse as parseLossless } from 'lossless-json';

/** Base64 in JSON, with `+/` or `-_`, with or without padding. A single digit is not a byte. */
export const BASE64 = /^(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2,3}={0,2})?$/;

/** A number as written, because JavaScript's value or text of it would differ. */
export class ExactNumber {
  readonly text: string;
  /** The double with the same value; null if there is none. */
  readonly number: number | null;

  constructor(text: string, number: number | null) {
    this.text = text;
    this.number = number;
  }

  /** As accepted by columns that are not JSON: 1e3 is 1000, also for an integer. */
  toString(): string {
    return this.number === null ? this.text : String(this.number);
  }

  toJSON(): never {
    throw new ExactNumberMet();
  }
}

class ExactNumberMet extends Error {}

/**
 * Numbers that JavaScript may format differently. They have sixteen or more digits, an exponent, a trailing zero in a
 * fraction, six zeros at its beginning, or are -0.
 */
const UNUSUAL_NUMBER =
  /[0-9][0-9.]{15}|[:,[\s]-?(?:[0-9.]{1,17}[eE]|[0-9]{1,17}\.[0-9]{0,16}0[\s,\]}]|0\.0{6})|[:,[\s]-0[\s,\]}]/;

/** Whether `parseJson` may return an ExactNumber. */
export function hasExactNumber(text: string): boolean {
  return UNUSUAL_NUMBER.test(text);
}

/**
 * The last of two fields with one name counts.
 * @throws the parser's error; RangeError for values that are nested too deeply
 */
export function parseJson(text: string): unknown {
  if (!UNUSUAL_NUMBER.test(text)) return JSON.parse(text);
  return parseLossless(text, null, { parseNumber, onDuplicateKey: ({ newValue }) => newValue });
}

function parseNumber(text: string): number | ExactNumber {
  const number = Number(text);
  if (String(number) === text) return number;
  return new ExactNumber(text, isSafeNumber(text) && Math.abs(number) < 1e21 ? number : null);
}

/** @param value as returned by `parseJson` @throws RangeError for values that are nested too deeply */
export function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof ExactNumberMet) return exactText(value);
    throw error;
  }
}

function exactText(value: unknown): string {
  if (value instanceof ExactNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(exactText).join(',')}]`;
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([name, each]) => `${JSON.stringify(name)}:${exactText(each)}`)
      .join(',')}}`;
  return JSON.stringify(value);
}
