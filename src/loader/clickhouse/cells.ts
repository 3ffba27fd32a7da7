// Writes message values as cells of ClickHouse's TabSeparated. Rejects what the server would change silently (numbers
// and times beyond a type's range, null in other columns); what the server itself rejects may pass. Pure.
import { isIPv4, isIPv6 } from 'node:net';
import { escapeCopyText } from '../../adapters/copy-text.ts';
import type { ColumnCheck } from '../formats/values/column-check.ts';
import { HALF_PAIR, messageJson, PoisonMessage } from '../formats/message-decoder.ts';
import { ExactNumber } from '../formats/values/lossless-json.ts';
import type { ColumnFormat } from '../formats/rows/row-encoder.ts';
import { elementsOf, labelsOf, parseType, quotedArgument, type Type } from './types.ts';

/**
 * Settings with which the server reads the cells as intended. A first row equal to the column names would be taken for
 * a header; times end in Z; a float is the nearest to its digits.
 */
export const CELL_SETTINGS: Readonly<Record<string, string>> = {
  input_format_tsv_detect_header: '0',
  input_format_tsv_use_best_effort_in_schema_inference: '0',
  input_format_with_names_use_header: '0',
  input_format_null_as_default: '1',
  input_format_tsv_enum_as_number: '0',
  date_time_input_format: "'best_effort'",
  precise_float_parsing: '1',
  type_json_skip_duplicated_paths: '0',
};

/** A value as text, without escapes. @throws PoisonMessage without the column's name */
type Write = (value: unknown) => string;

/** How values of a type are written. */
interface Writer {
  readonly write: Write;
  /** Whether the text is quoted within a list or another value. */
  readonly quoted: boolean;
  readonly check: ColumnCheck;
  readonly kind: ColumnFormat['kind'];
  /** Accepts no null. Lists, maps and JSON read it as empty. */
  readonly required: boolean;
}

const UNKNOWN: ColumnCheck = { text: null, ordinary: 'nothing', size: 0 };
const SLOW = { check: UNKNOWN, kind: 'plain' as const };
const WHOLE = /^(U?)Int(8|16|32|64|128|256)$/;
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const FRACTION = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;
const NOT_A_NUMBER = /^([+-]?)(nan|inf|infinity)$/i;
const UUID = /^[\da-f]{8}-?(?:[\da-f]{4}-?){3}[\da-f]{12}$/i;
const CLOCK = /^-?\d{1,3}:\d{2}:\d{2}(?:\.\d+)?$/;
const MOMENT = new RegExp(
  String.raw`^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?)?\s*` +
    String.raw`(?:([zZ])|([+-])(\d{2})(?::?(\d{2}))?)?$`,
);
const TRUE = /^(?:true|t|yes|y|on|1)$/i;
const FALSE = /^(?:false|f|no|n|off|0)$/i;
const DAY_SECONDS = 86_400;
/** The ranges of days and seconds of the types, as documented by ClickHouse. */
const LAST_DAY = Date.UTC(2149, 5, 6) / 1000 / DAY_SECONDS;
const FIRST_DAY32 = Date.UTC(1900, 0, 1) / 1000 / DAY_SECONDS;
const LAST_DAY32 = Date.UTC(2299, 11, 31) / 1000 / DAY_SECONDS;
const LAST_SECOND = 2 ** 32 - 1;
/** More than any integer type has: Int256 has 77. */
const MOST_DIGITS = 100;
const MAX_INT64 = 2n ** 63n - 1n;
const [MAX_FLOAT32, MAX_BFLOAT16] = [3.4028234663852886e38, 3.3895313892515355e38];
/** Numbers of at most this many digits need no check. */
const SURE_DIGITS: Readonly<Record<string, number>> = { 8: 2, 16: 4, 32: 9, 64: 18, 128: 38, 256: 76 };

/**
 * Returns how a column's values are written. @param written its type, as in `system.columns` @param hasDefault DEFAULT
 */
export function columnFormat(written: string, hasDefault: boolean): ColumnFormat {
  const type = parseType(written);
  const writer = writerOf(type);
  if (writer === null)
    return {
      kind: 'plain',
      type: written,
      check: UNKNOWN,
      required: false,
      cell: (value) => escaped(plainText(value)),
    };
  const { write, check, kind, required } = writer;
  return {
    kind,
    type: type.name === 'JSON' ? 'json' : type.name.toLowerCase(),
    check,
    required: required && !type.nullable && !hasDefault,
    cell: (value) => escapedAs(type, write(value)),
  };
}

/** Whether the loader can write values of this type. */
export function canWrite(written: string): boolean {
  return writerOf(parseType(written)) !== null;
}

/** Lists, maps and tuples have separate escapes within quotes. */
function escapedAs({ name }: Type, text: string): string {
  return name === 'Array' || name === 'Map' || name === 'Tuple' ? text : escaped(text);
}

function escaped(text: string): string {
  if (HALF_PAIR.test(text)) throw new PoisonMessage('a text holds half a surrogate pair, which is no character');
  return escapeCopyText(text).replaceAll('\0', '\\0');
}

/** @returns null for a type that the loader cannot write */
function writerOf(type: Type): Writer | null {
  const { name, args } = type;
  const whole = WHOLE.exec(name);
  if (whole !== null) return wholeNumber(name, whole[1] === 'U', Number(whole[2]));
  switch (name) {
    case 'String':
      return {
        write: plainText,
        quoted: true,
        check: { text: null, ordinary: 'anything', size: 0 },
        kind: 'plain',
        required: true,
      };
    case 'FixedString':
      return fixed(Number(args[0]));
    case 'Float32':
    case 'Float64':
    case 'BFloat16':
      return float(name);
    case 'Decimal':
      return decimal(Number(args[0]), Number(args[1] ?? 0));
    case 'Bool':
      return {
        write: bool,
        quoted: false,
        check: { text: null, ordinary: 'boolean', size: 0 },
        kind: 'plain',
        required: true,
      };
    case 'UUID':
      return {
        write: uuid,
        quoted: true,
        check: { text: null, ordinary: 'uuid', size: 36 },
        kind: 'plain',
        required: true,
      };
    case 'Enum8':
    case 'Enum16':
      return { ...SLOW, write: label(labelsOf(type)), quoted: true, required: true };
    case 'IPv4':
    case 'IPv6':
      return { ...SLOW, write: address(name), quoted: true, required: true };
    case 'Date':
      return day(name, 0, LAST_DAY, [1971, 2148]);
    case 'Date32':
      return day(name, FIRST_DAY32, LAST_DAY32, [1901, 2298]);
    case 'DateTime':
      return moment(name, 0, LAST_SECOND, 0, quotedArgument(args));
    case 'DateTime64':
      return dateTime64(Number(args[0] ?? 3), quotedArgument(args));
    case 'Time':
    case 'Time64':
      return { ...SLOW, write: clock(name), quoted: true, required: true };
    case 'JSON':
      return { write: document, quoted: true, check: UNKNOWN, kind: 'json', required: false };
    case 'Array':
      return list(args[0] ?? '');
    case 'Map':
      return map(args[0] ?? '', args[1] ?? '');
    case 'Tuple':
      return tuple(type);
    default:
      return null;
  }
}

function invalid(type: string): PoisonMessage {
  return new PoisonMessage(`invalid value for type ${type}`);
}

function outOfRange(type: string): PoisonMessage {
  return new PoisonMessage(`value is out of range for type ${type}`);
}

/** Texts unchanged, other values as JSON. */
function plainText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && !(value instanceof ExactNumber)) return messageJson(value);
  return String(value);
}

/** The text of a number; true and false are 1 and 0. @throws PoisonMessage for a value that is not a number */
function numberText(value: unknown, type: string): string {
  if (typeof value === 'number' || value instanceof ExactNumber) return String(value);
  if (typeof value === 'boolean') return value ? '1' : '0';
  const text = typeof value === 'string' ? value.trim() : '';
  if (NUMBER.test(text)) return text.replace(/^\+/, '');
  throw invalid(type);
}

function wholeNumber(name: string, unsigned: boolean, bits: number): Writer {
  const limit = 1n << BigInt(unsigned ? bits : bits - 1);
  const [first, last] = [unsigned ? 0n : -limit, limit - 1n];
  return {
    write(value) {
      const text = numberText(value, name);
      const number = wholeOf(text);
      if (number === null) throw invalid(name);
      if (number < first || number > last) throw outOfRange(name);
      return String(number);
    },
    quoted: false,
    check: { text: null, ordinary: unsigned ? 'natural' : 'whole', size: SURE_DIGITS[bits] ?? 0 },
    kind: 'plain',
    required: true,
  };
}

/** The integer in a text, possibly with an exponent or zeros after the point; null: not an integer. */
function wholeOf(text: string): bigint | null {
  const match = FRACTION.exec(text);
  const [, sign = '', whole = '', fraction = '', power = '0'] = match ?? [];
  if (match === null || Math.abs(Number(power)) > 400) return null;
  const digits = whole + fraction;
  const point = whole.length + Number(power);
  if (/[1-9]/.test(digits.slice(Math.max(point, 0)))) return null;
  const kept = (point <= 0 ? '' : digits.slice(0, point).padEnd(point, '0')).replace(/^0+/, '');
  // The time to read a number grows faster than its digits; with the first of them it is too large as well.
  return BigInt(`${sign === '-' ? '-' : ''}${kept === '' ? '0' : kept.slice(0, MOST_DIGITS)}`);
}

/** Digits beyond the scale are truncated, as the database does. */
function decimal(precision: number, scale: number): Writer {
  const name = `Decimal(${precision}, ${scale})`;
  return {
    write(value) {
      const text = numberText(value, name);
      const [, sign = '', whole = '', fraction = '', power = '0'] = FRACTION.exec(text) ?? [];
      if (Math.abs(Number(power)) > 400) throw outOfRange(name);
      const digits = `${whole}${fraction}`;
      const point = whole.length + Number(power);
      const before = point <= 0 ? '' : digits.slice(0, point).padEnd(point, '0').replace(/^0+/, '');
      if (before.length > precision - scale) throw outOfRange(name);
      const behind = `${point < 0 ? '0'.repeat(-point) : ''}${digits.slice(Math.max(point, 0))}`.slice(0, scale);
      return `${sign === '-' ? '-' : ''}${before === '' ? '0' : before}${behind === '' ? '' : `.${behind}`}`;
    },
    quoted: false,
    check: { text: null, ordinary: 'decimal', size: precision - scale - 1 },
    kind: 'plain',
    required: true,
  };
}

function float(name: string): Writer {
  const most = name === 'Float64' ? Number.MAX_VALUE : name === 'Float32' ? MAX_FLOAT32 : MAX_BFLOAT16;
  return {
    write(value) {
      const word = typeof value === 'string' ? NOT_A_NUMBER.exec(value.trim()) : null;
      if (word !== null) return `${word[1] === '-' ? '-' : ''}${word[2]?.toLowerCase().slice(0, 3) ?? ''}`;
      const text = value instanceof ExactNumber ? value.text : numberText(value, name);
      const number = Number(text);
      const kept = Math.abs(name === 'Float64' ? number : Math.fround(number));
      if (kept > most || (kept === 0 && /[1-9]/.test(text.replace(/e.*$/i, '')))) throw outOfRange(name);
      return text;
    },
    quoted: false,
    check: { text: null, ordinary: 'float', size: 17 },
    kind: 'plain',
    required: true,
  };
}

function bool(value: unknown): string {
  if (typeof value !== 'object' || value instanceof ExactNumber) {
    const text = String(value);
    if (TRUE.test(text)) return 'true';
    if (FALSE.test(text)) return 'false';
  }
  throw invalid('Bool');
}

function uuid(value: unknown): string {
  if (typeof value !== 'string' || !UUID.test(value)) throw invalid('UUID');
  const digits = value.replaceAll('-', '').toLowerCase();
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** A label, or its number. */
function label(labels: ReadonlyMap<string, string>): Write {
  const names = new Map([...labels].map(([name, number]) => [number, name]));
  return (value) => {
    const text = plainText(value);
    const found = labels.has(text) ? text : typeof value === 'string' ? undefined : names.get(text);
    if (found === undefined) throw new PoisonMessage('value is none of the enum');
    return found;
  };
}

function address(name: 'IPv4' | 'IPv6'): Write {
  return (value) => {
    const text = typeof value === 'string' ? value.trim() : '';
    if (name === 'IPv4' ? isIPv4(text) : isIPv4(text) || (isIPv6(text) && !text.includes('%'))) return text;
    throw invalid(name);
  };
}

function fixed(size: number): Writer {
  const name = `FixedString(${size})`;
  return {
    write(value) {
      const text = plainText(value);
      if (Buffer.byteLength(text) > size) throw new PoisonMessage(`value too long for type ${name}`);
      return text;
    },
    quoted: true,
    check: { text: null, ordinary: 'text', size },
    kind: 'plain',
    required: true,
  };
}

function clock(name: string): Write {
  return (value) => {
    if (typeof value !== 'string' || !CLOCK.test(value)) throw invalid(name);
    return value;
  };
}

/** A timestamp: whole seconds since 1970 and the digits of the fraction. */
interface Moment {
  readonly seconds: number;
  readonly fraction: string;
  /** The date as written, whatever the time zone. */
  readonly day: number;
}

/** A text without a time zone is UTC; a number is milliseconds, Kafka's unit. @throws PoisonMessage */
function momentOf(value: unknown, type: string): Moment {
  if (typeof value === 'number' || value instanceof ExactNumber) {
    const ms = Number(value instanceof ExactNumber ? value.text : value);
    if (!(Math.abs(ms) <= 8.64e15)) throw outOfRange(type);
    const whole = Math.floor(ms);
    const seconds = Math.floor(whole / 1000);
    return {
      seconds,
      fraction: String(whole - seconds * 1000).padStart(3, '0'),
      day: Math.floor(seconds / DAY_SECONDS),
    };
  }
  const match = typeof value === 'string' ? MOMENT.exec(value.trim()) : null;
  if (match === null) throw invalid(type);
  const [
    ,
    year,
    month,
    date,
    hour = '0',
    minute = '0',
    second = '0',
    fraction = '',
    ,
    sign,
    hours = '0',
    minutes = '0',
  ] = match;
  const [y, m, d] = [Number(year), Number(month), Number(date)];
  const [h, min, s] = [Number(hour), Number(minute), Number(second)];
  const at = Date.UTC(y, m - 1, d);
  const written = new Date(at);
  if (y < 100 || written.getUTCMonth() !== m - 1 || written.getUTCDate() !== d || h > 23 || min > 59 || s > 59)
    throw outOfRange(type);
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -60 : 60);
  return { seconds: at / 1000 + h * 3600 + min * 60 + s - offset, fraction, day: at / 1000 / DAY_SECONDS };
}

function moment(name: string, first: number, last: number, digits: number, zone: string | null): Writer {
  const years: readonly [number, number] = first === 0 ? [1971, 2105] : [1901, Math.min(2298, yearOf(last) - 1)];
  return {
    write(value) {
      const { seconds, fraction } = momentOf(value, name);
      if (seconds < first || seconds > last) throw outOfRange(name);
      const text = new Date(seconds * 1000).toISOString().slice(0, 19);
      const kept = fraction.slice(0, digits);
      return `${text}${kept === '' ? '' : `.${kept}`}Z`;
    },
    quoted: true,
    check: { text: null, ordinary: 'moment of years', size: 0, years, utc: zone === 'UTC' },
    kind: 'time',
    required: true,
  };
}

function dateTime64(digits: number, zone: string | null): Writer {
  const units = 10n ** BigInt(digits);
  const last = Math.min(LAST_DAY32 * DAY_SECONDS + DAY_SECONDS - 1, Number(MAX_INT64 / units) - 1);
  return moment(`DateTime64(${digits})`, FIRST_DAY32 * DAY_SECONDS, last, digits, zone);
}

function yearOf(seconds: number): number {
  return new Date(seconds * 1000).getUTCFullYear();
}

/** The date as written; for a number the date in UTC. */
function day(name: string, first: number, last: number, years: readonly [number, number]): Writer {
  return {
    write(value) {
      const found = momentOf(value, name).day;
      if (found < first || found > last) throw outOfRange(name);
      return new Date(found * DAY_SECONDS * 1000).toISOString().slice(0, 10);
    },
    quoted: true,
    check: { text: null, ordinary: 'day of years', size: 0, years },
    kind: 'plain',
    required: true,
  };
}

/** An object; a text that contains one is parsed. */
function document(value: unknown): string {
  if (typeof value === 'string' && /^\s*\{/.test(value)) return value;
  if (typeof value !== 'object' || Array.isArray(value) || value instanceof ExactNumber)
    throw new PoisonMessage('a value that is no JSON object, which alone the type JSON takes');
  return messageJson(value);
}

/** A value within another value. */
function inner(written: string): ((value: unknown) => string) | null {
  const type = parseType(written);
  const writer = writerOf(type);
  if (writer === null) return null;
  const { write, quoted, required } = writer;
  return (value) => {
    if (value === null || value === undefined) {
      if (type.nullable) return 'NULL';
      if (required) throw new PoisonMessage(`null within a value, and ${written} takes none`);
      return type.name === 'Array' ? '[]' : type.name === 'Map' ? '{}' : "'{}'";
    }
    const text = write(value);
    return quoted ? `'${escaped(text).replaceAll("'", "\\'")}'` : text;
  };
}

function list(written: string): Writer | null {
  const item = inner(written);
  if (item === null) return null;
  return {
    ...SLOW,
    write(value) {
      const values: unknown = typeof value === 'string' ? parsed(value) : value;
      if (!Array.isArray(values)) throw new PoisonMessage('a value that is no list');
      return `[${values.map(item).join(',')}]`;
    },
    quoted: false,
    required: false,
  };
}

function map(key: string, written: string): Writer | null {
  const [name, item] = [inner(key), inner(written)];
  if (name === null || item === null) return null;
  return {
    ...SLOW,
    write(value) {
      const values: unknown = typeof value === 'string' ? parsed(value) : value;
      if (typeof values !== 'object' || values === null || Array.isArray(values) || values instanceof ExactNumber)
        throw new PoisonMessage('a value that is no object');
      return `{${Object.entries(values)
        .map(([each, found]) => `${name(each)}:${item(found)}`)
        .join(',')}}`;
    },
    quoted: false,
    required: false,
  };
}

function tuple(type: Type): Writer | null {
  const elements = elementsOf(type).map(({ name, type: written }) => ({ name, write: inner(written) }));
  const writers = elements.flatMap(({ name, write }) => (write === null ? [] : [{ name, write }]));
  if (writers.length < elements.length) return null;
  return {
    ...SLOW,
    write(value) {
      const values: unknown = typeof value === 'string' ? parsed(value) : value;
      if (typeof values !== 'object' || values === null || values instanceof ExactNumber)
        throw new PoisonMessage('a value that is no tuple');
      if (Array.isArray(values)) {
        if (values.length !== writers.length)
          throw new PoisonMessage(`a list of ${values.length} values for a tuple of ${writers.length}`);
        return `(${writers.map(({ write }, i) => write(values[i])).join(',')})`;
      }
      const fields = new Map(Object.entries(values));
      return `(${writers.map(({ name, write }, i) => write(fields.get(name ?? String(i + 1)))).join(',')})`;
    },
    quoted: false,
    required: true,
  };
}

/** The JSON in a text; any other text stays a text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
