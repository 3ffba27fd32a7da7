// JSON texts without loss: numbers that JavaScript would write in another way keep their text, both ways. Pure.
import { isSafeNumber, parse as parseLossless } from 'lossless-json';

/** Bytes as JSON carries them, with `+/` or `-_`, with padding or without. One digit alone is no byte. */
export const BASE64 = /^(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2,3}={0,2})?$/;

/** A number as it was written, because JavaScript's would be another, or would be written in another way. */
export class ExactNumber {
  readonly text: string;
  /** The double of the same value; null when no double equals it. */
  readonly number: number | null;

  constructor(text: string, number: number | null) {
    this.text = text;
    this.number = number;
  }

  /** As a column that is no JSON takes it: 1e3 is 1000, also for an integer. */
  toString(): string {
    return this.number === null ? this.text : String(this.number);
  }

  toJSON(): never {
    throw new ExactNumberMet();
  }
}

class ExactNumberMet extends Error {}

/**
 * Numbers that JavaScript may write differently. They have sixteen digits or more, an exponent, a zero at the end of a
 * fraction, six zeros at its beginning, or are -0.
 */
const UNUSUAL_NUMBER =
  /[0-9][0-9.]{15}|[:,[\s]-?(?:[0-9.]{1,17}[eE]|[0-9]{1,17}\.[0-9]{0,16}0[\s,\]}]|0\.0{6})|[:,[\s]-0[\s,\]}]/;

/** Would `parseJson` give an ExactNumber, perhaps? */
export function hasExactNumber(text: string): boolean {
  return UNUSUAL_NUMBER.test(text);
}

/**
 * The last of two fields of one name counts.
 * @throws whatever the parser throws, RangeError for what is nested too deeply
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

/** @param value what `parseJson` gives @throws RangeError for what is nested too deeply */
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
