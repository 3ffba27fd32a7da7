// `text % values` and `bytes % values`: Python's printf-style formatting.
import { numericOf } from './equality.ts';
import { isFloat } from './arithmetic.ts';
import { PyDecimal } from './decimal.ts';
import { formatFloat, pad } from './format-number.ts';
import { lookupItem } from './access.ts';
import { JinjaError, typeError, valueError } from './python-error.ts';
import { codeOf, codePoints } from './sequence.ts';
import { toRepr, toText } from './text.ts';
import { PyTuple } from './tuple.ts';
import { typeName } from './type-name.ts';
import type { HostObject, Value } from './value.ts';

/** How a bytes object is formatted: each character of the format is a byte. Absent for text. */
export interface BytesFormat {
  isBytes(v: Value): boolean;
  /** A bytes object as text, one character per byte. */
  read(v: Value): string;
}

/** Returns the output for a value. `text` is the result of %r or %a; undefined for %s. */
export type ShowValue = (v: Value, text: string | undefined) => string;

/**
 * @param show is applied to the text of each value written with %s, %r or %a
 * @throws JinjaError with CPython's message
 */
export function formatPercent(format: string, values: Value, bytes?: BytesFormat, show?: ShowValue): string {
  const points = codePoints(format);
  const args = values instanceof PyTuple ? values.items : [values];
  const mapping =
    typeof values === 'object' &&
    values !== null &&
    !(values instanceof PyTuple) &&
    (Array.isArray(values) || (values.jinjaItem !== undefined && !isText(values) && !bytes?.isBytes(values)))
      ? values
      : undefined;
  let used = 0;
  let keyed = false;
  const next = (): Value => {
    const value = args[used++];
    if (value === undefined || keyed) throw typeError('not enough arguments for format string');
    return value;
  };
  let out = '';
  for (let i = 0; i < points.length; i++) {
    const char = points[i] as string;
    if (char !== '%') {
      out += char;
      continue;
    }
    i++;
    let source: Value | undefined;
    if (points[i] === '(') {
      const start = i + 1;
      for (let depth = 1; depth > 0; ) {
        i++;
        if (i >= points.length) throw valueError('incomplete format key');
        if (points[i] === '(') depth++;
        else if (points[i] === ')') depth--;
      }
      const key = Array.from(points.slice(start, i)).join('');
      if (mapping === undefined) throw typeError('format requires a mapping');
      if (Array.isArray(mapping)) throw typeError('list indices must be integers or slices, not str');
      source = bytes === undefined ? lookupItem(mapping, key) : undefined;
      if (source === undefined) throw new JinjaError('KeyError', `${bytes === undefined ? '' : 'b'}${toRepr(key)}`);
      keyed = true;
      i++;
    }
    let flags = '';
    while (i < points.length && '#0- +'.includes(points[i] as string)) flags += points[i++];
    const number = (): number | undefined => {
      if (points[i] === '*') {
        i++;
        const n = next();
        if (typeof n !== 'number' || !Number.isInteger(n)) throw typeError('* wants int');
        return n;
      }
      let digits = '';
      while (i < points.length && /[0-9]/.test(points[i] as string)) digits += points[i++];
      return digits === '' ? undefined : Number(digits);
    };
    let width = number();
    let precision: number | undefined;
    if (points[i] === '.') {
      i++;
      precision = number() ?? 0;
    }
    while (i < points.length && 'hlL'.includes(points[i] as string)) i++;
    if (i >= points.length) throw valueError('incomplete format');
    const type = points[i] as string;
    if (type === '%' && points[i - 1] === '%') {
      out += '%';
      continue;
    }
    if (width !== undefined && width < 0) {
      flags += '-';
      width = -width;
    }
    out += formatOne(type, source ?? next(), flags, width ?? 0, precision, i, bytes, show);
  }
  if (used < args.length && mapping === undefined)
    throw typeError(`not all arguments converted during ${bytes === undefined ? 'string' : 'bytes'} formatting`);
  return out;
}

/** Boxed text (safe HTML) counts as text, not as a mapping. */
function isText(v: HostObject): boolean {
  return v.jinjaType === 'markupsafe.Markup';
}

function formatOne(
  type: string,
  v: Value,
  flags: string,
  width: number,
  precision: number | undefined,
  index: number,
  bytes: BytesFormat | undefined,
  show: ShowValue | undefined,
): string {
  switch (bytes !== undefined && 'sbra'.includes(type) ? (type === 's' || type === 'b' ? 'bytes' : 'a') : type) {
    case 'bytes':
      if (!bytes?.isBytes(v))
        throw typeError(
          `%b requires a bytes-like object, or an object that implements __bytes__, not '${typeName(v)}'`,
        );
      return pad(Array.from(bytes.read(v)).slice(0, precision).join(''), width, flags.includes('-') ? '<' : '>', ' ');
    case 's':
    case 'r':
    case 'a': {
      const shown = type === 's' ? undefined : type === 'r' && bytes === undefined ? toRepr(v) : asciiRepr(v);
      const text = show === undefined ? (shown ?? toText(v)) : show(v, shown);
      const cut = precision === undefined ? text : Array.from(text).slice(0, precision).join('');
      return pad(cut, width, flags.includes('-') ? '<' : '>', ' ');
    }
    case 'c':
      return pad(bytes === undefined ? character(v) : byte(v, bytes), width, flags.includes('-') ? '<' : '>', ' ');
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
      return numberField(integerDigits(type, v, flags, precision), v, flags, width);
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G': {
      const x = v instanceof PyDecimal ? v.toNumber() : numericOf(v);
      if (x === undefined) throw typeError(`must be real number, not ${typeName(v)}`);
      const n = Number(x);
      const text = formatFloat(Math.abs(n), type, precision ?? 6, flags.includes('#'));
      return numberField(
        text,
        Object.is(n, -0) || n < 0 ? -1 : 1,
        Number.isFinite(n) ? flags : flags.replaceAll('0', ''),
        width,
      );
    }
    default:
      throw valueError(`unsupported format character '${type}' (0x${codeOf(type).toString(16)}) at index ${index}`);
  }
}

function character(v: Value): string {
  if (typeof v === 'string') {
    if (Array.from(v).length !== 1) throw typeError('%c requires int or char');
    return v;
  }
  const n = numericOf(v);
  if (n === undefined || isFloat(v)) throw typeError('%c requires int or char');
  if (n < 0 || n > 0x10ffff) throw new JinjaError('OverflowError', '%c arg not in range(0x110000)');
  return String.fromCodePoint(Number(n));
}

function byte(v: Value, bytes: BytesFormat): string {
  const one = bytes.isBytes(v) ? bytes.read(v) : '';
  if (one.length === 1) return one;
  const n = numericOf(v);
  if (n === undefined || isFloat(v)) throw typeError('%c requires an integer in range(256) or a single byte');
  if (n < 0 || n > 255) throw new JinjaError('OverflowError', '%c arg not in range(256)');
  return String.fromCharCode(Number(n));
}

function integerDigits(type: string, v: Value, flags: string, precision: number | undefined): string {
  const hex = type === 'x' || type === 'X' || type === 'o';
  let n = numericOf(v);
  if (n === undefined && !hex && v instanceof PyDecimal) n = Math.trunc(v.toNumber());
  if (n === undefined || (hex && isFloat(v))) {
    throw typeError(
      hex
        ? `%${type} format: an integer is required, not ${typeName(v)}`
        : `%${type} format: a real number is required, not ${typeName(v)}`,
    );
  }
  const whole = typeof n === 'bigint' ? n : BigInt(truncated(n));
  const abs = whole < 0n ? -whole : whole;
  let digits = abs.toString(type === 'o' ? 8 : hex ? 16 : 10);
  if (precision !== undefined) digits = digits.padStart(precision, '0');
  if (type === 'X') digits = digits.toUpperCase();
  if (!flags.includes('#') || !hex) return digits;
  return `0${type}${digits}`;
}

function truncated(n: number): number {
  if (Number.isNaN(n)) throw valueError('cannot convert float NaN to integer');
  if (!Number.isFinite(n)) throw new JinjaError('OverflowError', 'cannot convert float infinity to integer');
  return Math.trunc(n);
}

function numberField(digits: string, v: Value, flags: string, width: number): string {
  const n = v instanceof PyDecimal ? v.toNumber() : (numericOf(v) ?? 0);
  const negative = n < 0 && !(typeof n === 'number' && n > -1);
  const sign = negative ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  if (flags.includes('-')) return (sign + digits).padEnd(width, ' ');
  if (!flags.includes('0')) return (sign + digits).padStart(width, ' ');
  const prefix = /^0[xXo]/.exec(digits)?.[0] ?? '';
  return sign + prefix + digits.slice(prefix.length).padStart(width - sign.length - prefix.length, '0');
}

function asciiRepr(v: Value): string {
  return toRepr(v).replace(/[^\x00-\x7f]/gu, (char) => {
    const code = codeOf(char);
    if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
  });
}
