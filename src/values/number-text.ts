// Parses numbers as Python's `int()` and `float()` do.
import { codeOf } from './sequence.ts';
import { narrow } from './arithmetic.ts';

/** Python's `sys.get_int_max_str_digits()`. */
const MAX_DIGITS = 4300;
const DIGITS = /^[0-9a-z]+(?:_[0-9a-z]+)*$/;

/** `int(text, base)`; `undefined` where Python raises ValueError. Base 0 reads the prefix. */
export function parseIntText(text: string, base = 10): number | bigint | undefined {
  const match = /^([+-]?)(?:(0[box])_?)?(.*)$/s.exec(asciiDigits(text).trim().toLowerCase());
  if (match === null) return undefined;
  const [, sign, prefix, rest = ''] = match;
  let radix = base;
  let digits = rest;
  if (prefix !== undefined) {
    const implied = prefix === '0b' ? 2 : prefix === '0o' ? 8 : 16;
    if (base === 0 || base === implied) radix = implied;
    else digits = prefix + rest;
  } else if (base === 0) {
    radix = 10;
    if (/^0[0_]*[1-9]/.test(digits)) return undefined;
  }
  if (radix < 2 || radix > 36 || !DIGITS.test(digits)) return undefined;
  // Python counts digits without underscores. Bases that are a power of two have no limit.
  if (digits.length > MAX_DIGITS && (radix & (radix - 1)) !== 0 && digits.replaceAll('_', '').length > MAX_DIGITS)
    return undefined;
  const value =
    digits.length > MAX_DIGITS && (radix & (radix - 1)) === 0
      ? valueOfBits(digits, radix)
      : valueOfDigits(digits, radix);
  return value === undefined ? undefined : narrow(sign === '-' ? -value : value);
}

function valueOfDigits(digits: string, radix: number): bigint | undefined {
  let value = 0n;
  for (const char of digits) {
    if (char === '_') continue;
    const digit = Number.parseInt(char, 36);
    if (digit >= radix) return undefined;
    value = value * BigInt(radix) + BigInt(digit);
  }
  return value;
}

/** Of many digits, in linear time. @param radix a power of two */
function valueOfBits(digits: string, radix: number): bigint | undefined {
  const width = Math.log2(radix);
  let bits = '0b0';
  for (const char of digits) {
    if (char === '_') continue;
    const digit = Number.parseInt(char, 36);
    if (digit >= radix) return undefined;
    bits += digit.toString(2).padStart(width, '0');
  }
  return BigInt(bits);
}

/** `float(text)`; `undefined` where Python raises ValueError. */
export function parseFloatText(text: string): number | undefined {
  const source = asciiDigits(text).trim();
  if (/^[+-]?(?:\d+(?:_\d+)*(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?$/.test(source))
    return Number(source.replaceAll('_', ''));
  const special = /^([+-]?)(inf|infinity|nan)$/i.exec(source);
  if (special === null) return undefined;
  if (special[2]?.toLowerCase() === 'nan') return Number.NaN;
  return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** Replaces decimal digits of other scripts by ASCII digits. */
function asciiDigits(text: string): string {
  if (!/[^\x00-\x7f]/.test(text)) return text;
  return text.replace(/\p{Nd}/gu, (char) => {
    const code = codeOf(char);
    let zero = code;
    while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1)) && code - zero < 9) zero--;
    return String(code - zero);
  });
}
