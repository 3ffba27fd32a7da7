// JSON texts without loss: numbers that a double cannot hold keep their digits, both ways. Pure.
import type { Json } from '../contracts/node.ts';
import { isSafeNumber, parse as parseLossless } from 'lossless-json';

/** A number as it was written, because JavaScript's would be another. */
export class ExactNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): never {
    throw new ExactNumberMet();
  }
}

class ExactNumberMet extends Error {}

/** Sixteen digits or more in a row, with or without a point, or a three-digit exponent: beyond what a double surely keeps. */
const LONG_NUMBER = /[0-9][0-9.]{15}|[:,[\s]-?[0-9.]{1,17}[eE][+-]?[0-9]{3}/;

/** Would `parseJson` give an ExactNumber, perhaps? */
export function hasLongNumber(text: string): boolean {
  return LONG_NUMBER.test(text);
}

/** The last of two fields of one name counts. @throws whatever the parser throws, RangeError for what is nested too deeply */
export function parseJson(text: string): unknown {
  if (!LONG_NUMBER.test(text)) return JSON.parse(text);
  return parseLossless(text, null, { parseNumber: (digits) => (isSafeNumber(digits) && Math.abs(Number(digits)) < 1e21 ? Number(digits) : new ExactNumber(digits)), onDuplicateKey: ({ newValue }) => newValue });
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
  if (typeof value === 'object' && value !== null) return `{${Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}:${exactText(each)}`).join(',')}}`;
  return JSON.stringify(value);
}

/** An object, neither null nor a list. */
export function isDictionary(value: Json | undefined): value is { [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
