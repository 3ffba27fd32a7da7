// `text.format(…)` and `format(value, spec)`: Python's format strings and their mini-language.
import { getAttribute, getItem } from './access.ts';
import { isFloat } from './arithmetic.ts';
import { callSync } from './call.ts';
import { PyDecimal } from './decimal.ts';
import { PyDict } from './dict.ts';
import { numericOf } from './equality.ts';
import { floatRepr } from './float.ts';
import { formatFloat, groupDigits, pad } from './format-number.ts';
import { JinjaError, typeError, valueError } from './python-error.ts';
import { textLength } from './sequence.ts';
import { toRepr, toText } from './text.ts';
import { typeName } from './type-name.ts';
import { Undefined } from './undefined.ts';
import type { Kwargs, Value } from './value.ts';

interface Numbering {
  next: number;
  kind: 'automatic' | 'manual' | undefined;
  readonly write: FormatField;
}

/** Formats the value of a field. */
export type FormatField = (value: Value, spec: string) => string;

/**
 * `text.format(*args, **kwargs)`, with the messages of Python's string.Formatter, which jinja2's sandbox uses.
 * @throws JinjaError with Python's message
 */
export function formatText(
  text: string,
  args: readonly Value[],
  kwargs: Kwargs,
  write: FormatField = formatValue,
): string {
  return formatFields(text, args, kwargs, { next: 0, kind: undefined, write }, 2);
}

/** `text.format_map(mapping)`. */
export function formatMap(text: string, mapping: Value | undefined, write?: FormatField): string {
  return formatText(
    text,
    [],
    new Map(mapping instanceof PyDict ? [...mapping.entries()].map(([key, value]) => [String(key), value]) : []),
    write,
  );
}

function formatFields(
  text: string,
  args: readonly Value[],
  kwargs: Kwargs,
  numbering: Numbering,
  depth: number,
): string {
  if (depth < 0) throw valueError('Max string recursion exceeded');
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === '}') {
      if (text[i + 1] !== '}') throw valueError("Single '}' encountered in format string");
      i++;
      out += '}';
    } else if (char !== '{') {
      out += char;
    } else if (text[i + 1] === '{') {
      i++;
      out += '{';
    } else {
      const end = fieldEnd(text, i);
      out += formatField(text.slice(i + 1, end), args, kwargs, numbering, depth);
      i = end;
    }
  }
  return out;
}

function fieldEnd(text: string, start: number): number {
  if (start + 1 >= text.length) throw valueError("Single '{' encountered in format string");
  let depth = 0;
  let bracket = false;
  let inSpec = false;
  for (let i = start; i < text.length; i++) {
    const char = text[i];
    if (bracket) {
      if (char === ']') bracket = false;
    } else if (char === '[' && depth === 1 && !inSpec) bracket = true;
    else if (char === '{') depth++;
    else if (char === '}' && --depth === 0) return i;
    if (char === ':') inSpec = true;
  }
  throw valueError("expected '}' before end of string");
}

function formatField(
  field: string,
  args: readonly Value[],
  kwargs: Kwargs,
  numbering: Numbering,
  depth: number,
): string {
  const match = /^((?:[^!:[\]]|\[[^\]]*\])*)(?:!([\s\S]?))?(?::([\s\S]*))?$/.exec(field);
  if (match === null) throw valueError("expected ':' after conversion specifier");
  const [, path = '', conversion, spec = ''] = match;
  let value = fieldValue(path, args, kwargs, numbering);
  if (conversion !== undefined) value = convert(value, conversion);
  return numbering.write(
    value,
    spec.includes('{') || spec.includes('}') ? formatFields(spec, args, kwargs, numbering, depth - 1) : spec,
  );
}

function convert(value: Value, conversion: string): Value {
  switch (conversion) {
    case 's':
      return toText(value);
    case 'r':
    case 'a':
      return toRepr(value);
    case '':
      throw valueError("unmatched '{' in format spec");
    default:
      throw valueError(`Unknown conversion specifier ${conversion}`);
  }
}

function fieldValue(path: string, args: readonly Value[], kwargs: Kwargs, numbering: Numbering): Value {
  const first = /^[^.[]*/.exec(path)?.[0] ?? '';
  let value: Value;
  if (first === '' || /^\d+$/.test(first)) {
    const kind = first === '' ? 'automatic' : 'manual';
    if (numbering.kind !== undefined && numbering.kind !== kind) {
      throw valueError('cannot switch from manual field specification to automatic field numbering');
    }
    numbering.kind = kind;
    const index = first === '' ? numbering.next++ : Number(first);
    const found = args[index];
    if (found === undefined) throw new JinjaError('IndexError', 'tuple index out of range');
    value = found;
  } else {
    const found = kwargs.get(first);
    if (found === undefined) throw new JinjaError('KeyError', toRepr(first));
    value = found;
  }
  for (const [, attribute, key] of path.slice(first.length).matchAll(/\.([^.[]*)|\[([^\]]*)(?:\]|$)/g)) {
    if (attribute !== undefined) value = getAttribute(value, attribute);
    else value = getItem(value, /^\d+$/.test(key as string) ? Number(key) : (key as string));
  }
  return value;
}

interface Spec {
  readonly fill: string;
  readonly align: string;
  readonly sign: string;
  readonly alternate: boolean;
  readonly zero: boolean;
  readonly width: number;
  readonly grouping: string;
  readonly precision: number | undefined;
  readonly type: string;
}

/** Format types whose digits can be grouped. */
const GROUPED = 'defgEG%F';

/** Number of decimal places of a decimal. */
const MAX_DECIMALS = 10_000;
const SPEC = /^(?:(.)?([<>=^]))?([-+ ]?)(z?)(#?)(0?)(\d*)([,_]?)(?:\.(\d+))?([\s\S]?)$/u;

function parseSpec(spec: string, name: string): Spec {
  const match = SPEC.exec(spec);
  if (match === null) {
    if (/\.(?!\d)/.test(spec)) throw valueError('Format specifier missing precision');
    throw valueError(`Invalid format specifier${name === '' ? '' : ` '${spec}' for object of type '${name}'`}`);
  }
  const [, fill, align = '', sign = '', , alternate, zero, width, grouping = '', precision, type = ''] = match;
  if (grouping !== '' && !`${GROUPED}${grouping === '_' ? 'boxX' : ''}`.includes(type))
    throw valueError(`Cannot specify '${grouping}' with '${type}'.`);
  return {
    fill: fill ?? (zero ? '0' : ' '),
    align,
    sign,
    alternate: alternate === '#',
    zero: zero === '0',
    width: width ? Number(width) : 0,
    grouping,
    precision: precision === undefined ? undefined : Number(precision),
    type,
  };
}

/**
 * `format(value, spec)`.
 * @throws JinjaError with Python's message
 */
export function formatValue(value: Value, spec: string): string {
  if (spec === '') return toText(value);
  if (typeof value === 'string') return formatString(value, parseSpec(spec, 'str'));
  if (value instanceof PyDecimal) {
    if (/[#_]/.test(spec) || /[^eEfFgGn%\d<>=^+ -]$/.test(spec)) throw valueError('invalid format string');
    return formatNumber(value.toNumber(), parseSpec(spec, 'decimal.Decimal'), 'Decimal', value);
  }
  const n = numericOf(value);
  if (n !== undefined) {
    const name = typeName(value);
    const parsed = parseSpec(spec, name);
    return isFloat(value) ? formatNumber(Number(n), parsed, name) : formatInteger(n, parsed, name);
  }
  const strftime =
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Undefined)
      ? value.jinjaGet('strftime')
      : undefined;
  if (strftime !== undefined) return toText(callSync(strftime, [spec]));
  throw typeError(`unsupported format string passed to ${typeName(value)}.__format__`);
}

function formatString(text: string, spec: Spec, name = 'str'): string {
  if (spec.type !== '' && spec.type !== 's') throw unknownCode(spec.type, name);
  if (spec.grouping !== '') throw valueError(`Cannot specify '${spec.grouping}' with 's'.`);
  if (spec.sign !== '')
    throw valueError(
      spec.sign === ' '
        ? 'Space not allowed in string format specifier'
        : 'Sign not allowed in string format specifier',
    );
  if (spec.alternate) throw valueError('Alternate form (#) not allowed in string format specifier');
  if (spec.align === '=') throw valueError("'=' alignment not allowed in string format specifier");
  const cut = spec.precision === undefined ? text : Array.from(text).slice(0, spec.precision).join('');
  return pad(cut, spec.width, spec.align || '<', spec.fill);
}

function unknownCode(type: string, name: string): JinjaError {
  return valueError(`Unknown format code '${type}' for object of type '${name}'`);
}

function formatInteger(n: number | bigint, spec: Spec, name: string): string {
  switch (spec.type) {
    case '':
    case 'd':
    case 'n':
    case 'b':
    case 'o':
    case 'x':
    case 'X': {
      if (spec.precision !== undefined) throw valueError('Precision not allowed in integer format specifier');
      const radix = spec.type === 'b' ? 2 : spec.type === 'o' ? 8 : spec.type === 'x' || spec.type === 'X' ? 16 : 10;
      if (spec.grouping === ',' && radix !== 10) throw valueError(`Cannot specify ',' with '${spec.type}'.`);
      let digits = (n < 0 ? -n : n).toString(radix);
      if (spec.type === 'X') digits = digits.toUpperCase();
      const prefix = spec.alternate && radix !== 10 ? `0${spec.type}` : '';
      return assemble(n < 0, prefix, digits, '', spec, radix === 10 ? 3 : 4);
    }
    case 'c':
      if (spec.precision !== undefined) throw valueError('Precision not allowed in integer format specifier');
      if (spec.sign !== '') throw valueError("Sign not allowed with integer format specifier 'c'");
      if (spec.alternate) throw valueError("Alternate form (#) not allowed with integer format specifier 'c'");
      if (n < 0 || n > 0x10ffff) throw new JinjaError('OverflowError', '%c arg not in range(0x110000)');
      return pad(
        String.fromCodePoint(Number(n)),
        spec.width,
        spec.align === '' || spec.align === '=' ? '>' : spec.align,
        spec.fill,
      );
    default:
      return formatNumber(Number(n), spec, name);
  }
}

function formatNumber(x: number, spec: Spec, name: string, exact?: PyDecimal): string {
  if (exact !== undefined && (spec.precision ?? 0) > MAX_DECIMALS)
    throw valueError(`a precision of ${spec.precision} is more than a decimal has`);
  const negative = x < 0 || Object.is(x, -0);
  const abs = Math.abs(x);
  let body: string;
  let suffix = '';
  switch (spec.type) {
    case '':
      if (exact !== undefined && spec.precision === undefined) body = exact.jinjaText().replace('-', '');
      else if (spec.precision === undefined) body = floatRepr(abs);
      else body = generalWithPoint(abs, spec.precision, spec.alternate);
      if (spec.alternate && !body.includes('.')) body = body.replace(/e|$/, '.$&');
      break;
    case 'e':
    case 'E':
    case 'g':
    case 'G':
    case 'n':
      body = formatFloat(abs, spec.type === 'n' ? 'g' : spec.type, spec.precision ?? 6, spec.alternate);
      if (exact !== undefined) body = body.replace(/([eE][+-])0(\d)$/, '$1$2');
      break;
    case 'f':
    case 'F':
      if (exact !== undefined)
        body = (spec.precision === undefined ? exact : exact.quantized(spec.precision)).jinjaText().replace('-', '');
      else body = formatFloat(abs, spec.type, spec.precision ?? 6, spec.alternate);
      break;
    case '%':
      if (exact !== undefined && spec.precision === undefined)
        body = new PyDecimal(exact.coefficient, exact.exponent + 2, exact.special).jinjaText().replace('-', '');
      else body = formatFloat(abs * 100, 'f', spec.precision ?? 6, spec.alternate);
      suffix = '%';
      break;
    default:
      throw unknownCode(spec.type, name);
  }
  const [whole = '', ...rest] = body.split(/(?=[.eE])/);
  return assemble(negative, '', whole, rest.join('') + suffix, spec, 3);
}

/** `format(x, '.3')`: like `g`, but with at least one digit after the point. */
function generalWithPoint(x: number, precision: number, alternate: boolean): string {
  const digits = precision === 0 ? 1 : precision;
  if (alternate) {
    const kept = formatFloat(x, 'g', digits, true);
    return kept.endsWith('.') ? formatFloat(x, 'e', digits - 1, true) : kept;
  }
  const text = formatFloat(x, 'g', digits);
  if (/[.enia]/.test(text)) return text;
  return text.length >= digits
    ? formatFloat(x, 'e', digits - 1)
        .replace(/(\.\d*?)0+e/, '$1e')
        .replace('.e', 'e')
    : `${text}.0`;
}

/** Combines sign, prefix, grouped digits and suffix, and pads them. */
function assemble(negative: boolean, prefix: string, digits: string, rest: string, spec: Spec, group: number): string {
  const sign = negative ? '-' : spec.sign === '+' ? '+' : spec.sign === ' ' ? ' ' : '';
  const head = sign + prefix;
  const align = spec.align || (spec.zero ? '=' : '>');
  let body =
    spec.grouping === '' || !/^[0-9a-fA-F]+$/.test(digits) ? digits : groupDigits(digits, spec.grouping, group);
  if (align === '=') {
    const room = spec.width - textLength(head) - rest.length;
    if (spec.fill === '0' && spec.grouping !== '') {
      // A separator precedes each complete group except the first.
      const widthOf = (count: number): number => count + Math.floor((count - 1) / group);
      let count = Math.max(digits.length, Math.floor((room * group) / (group + 1)) - 1);
      while (widthOf(count) < room) count++;
      if (body.length < room) body = groupDigits(digits.padStart(count, '0'), spec.grouping, group);
      return head + body + rest;
    }
    return head + pad(body, room, '>', spec.fill) + rest;
  }
  return pad(head + body + rest, spec.width, align, spec.fill);
}
