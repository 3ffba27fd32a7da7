// Converts the server's JSON lines to the values that dbt's templates get from dbt-clickhouse: clickhouse-connect's
// Python types, then agate's.

import { TsdbtError } from '../../errors.ts';
import { PyBytes } from '../../values/bytes.ts';
import { PyDate } from '../../values/date.ts';
import { PyDateTime } from '../../values/datetime.ts';
import { PyDecimal } from '../../values/decimal.ts';
import { PyDict } from '../../values/dict.ts';
import { makeFloat, PyFloat } from '../../values/float.ts';
import { fromJson, parseJson } from '../../values/json.ts';
import { PyTimedelta } from '../../values/timedelta.ts';
import { PyTuple } from '../../values/tuple.ts';
import type { Value } from '../../values/value.ts';
import { Table } from '../table.ts';
import { resultColumn, tableOfColumns, uniqueNames } from '../table-inference.ts';

/** Names, types, then one line per row. */
export const RESULT_FORMAT = 'JSONCompactEachRowWithNamesAndTypes';
/** Output settings that `readTable` requires. */
export const RESULT_SETTINGS: Readonly<Record<string, string>> = {
  output_format_json_quote_64bit_integers: '0',
  output_format_json_quote_decimals: '1',
  output_format_json_quote_denormals: '1',
  output_format_json_named_tuples_as_objects: '1',
  output_format_json_escape_forward_slashes: '0',
  output_format_decimal_trailing_zeros: '1',
  date_time_output_format: 'iso',
};

export interface ResultColumn {
  readonly name: string;
  readonly type: string;
}

type Decode = (value: Value) => Value;

/** A type and its parameters. */
interface ParsedType {
  readonly name: string;
  readonly args: readonly string[];
}

/** `Map(String, Array(Int8))` → `Map`, [`String`, `Array(Int8)`]. */
function parseType(text: string): ParsedType {
  const open = text.indexOf('(');
  if (open < 0) return { name: text.trim(), args: [] };
  const args: string[] = [];
  let depth = 0;
  let start = open + 1;
  let quote = '';
  for (let i = open + 1; i < text.length; i++) {
    const character = text.charAt(i);
    if (quote !== '') {
      if (character === '\\') i++;
      else if (character === quote) quote = '';
    } else if (character === "'" || character === '`' || character === '"') quote = character;
    else if (character === '(') depth++;
    else if (character === ')' && depth-- === 0) {
      args.push(text.slice(start, i).trim());
      break;
    } else if (character === ',' && depth === 0) {
      args.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  return { name: text.slice(0, open).trim(), args };
}

const same: Decode = (value) => value;
const nullable =
  (decode: Decode): Decode =>
  (value) =>
    value === null ? null : decode(value);
const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;
const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?Z$/;
const TIME = /^(-?)(\d+):(\d\d):(\d\d)(?:\.(\d+))?$/;

/** How values of a type are read. */
function decoderOf(type: string): Decode {
  const { name, args } = parseType(type);
  switch (name) {
    case 'Nullable':
    case 'LowCardinality':
      return nullable(decoderOf(args[0] ?? 'String'));
    case 'SimpleAggregateFunction':
      return decoderOf(args[1] ?? 'String');
    case 'Float32':
      return nullable((value) => makeFloat(Math.fround(numberOf(value))));
    case 'Float64':
    case 'BFloat16':
      return nullable((value) => makeFloat(numberOf(value)));
    case 'Int128':
    case 'UInt128':
    case 'Int256':
    case 'UInt256':
      return nullable((value) => (typeof value === 'string' ? integer(value) : value));
    case 'Date':
    case 'Date32':
      return nullable(date);
    case 'DateTime':
    case 'DateTime64':
      return nullable(dateTime);
    case 'Time':
    case 'Time64':
      return nullable(timeOfDay);
    case 'FixedString':
      return nullable((value) => (typeof value === 'string' ? new PyBytes(Buffer.from(value)) : value));
    case 'Array':
      return list(decoderOf(args[0] ?? 'String'));
    case 'Nested':
      return list(tuple(args));
    case 'Tuple':
      return tuple(args);
    case 'Map':
      return map(keyDecoder(args[0] ?? 'String'), decoderOf(args[1] ?? 'String'));
    case 'Point':
      return (value) => (Array.isArray(value) ? new PyTuple(value.map(asFloat)) : value);
    default:
      return name.startsWith('Decimal')
        ? nullable((value) =>
            PyDecimal.from(typeof value === 'string' || typeof value === 'number' ? value : String(value)),
          )
        : same;
  }
}

function numberOf(value: Value): number {
  if (value instanceof PyFloat) return value.value;
  if (typeof value === 'string')
    return value === 'nan' || value === '-nan' ? Number.NaN : Number(value.replace('inf', 'Infinity'));
  return Number(value);
}

const asFloat: Decode = (value) => makeFloat(numberOf(value));

function integer(text: string): Value {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

function date(value: Value): Value {
  const match = typeof value === 'string' ? DATE.exec(value) : null;
  return match ? new PyDate(Number(match[1]), Number(match[2]), Number(match[3])) : value;
}

/** In UTC, whatever zone the column shows, and without saying so: what clickhouse-connect gives. */
function dateTime(value: Value): Value {
  const match = typeof value === 'string' ? DATE_TIME.exec(value) : null;
  if (!match) return value;
  const [, year, month, day, hour, minute, second, fraction = ''] = match;
  return new PyDateTime({
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second),
    microsecond: Number(fraction.padEnd(6, '0').slice(0, 6)),
  });
}

function timeOfDay(value: Value): Value {
  const match = typeof value === 'string' ? TIME.exec(value) : null;
  if (!match) return value;
  const [, sign, hours = '0', minutes, seconds, fraction = ''] = match;
  const micros =
    (BigInt(hours) * 3600n + BigInt(Number(minutes) * 60 + Number(seconds))) * 1_000_000n +
    BigInt(fraction.padEnd(6, '0').slice(0, 6));
  return new PyTimedelta(sign === '-' ? -micros : micros).jinjaText();
}

function list(decode: Decode): Decode {
  return (value) => (Array.isArray(value) ? value.map(decode) : value);
}

/** With names: a dict. */
function tuple(args: readonly string[]): Decode {
  const parts = args.map((arg) => {
    const [, name, type] = /^(`(?:[^`\\]|\\.)+`|[A-Za-z_]\w*)\s+(\S[\s\S]*)$/.exec(arg) ?? [];
    return name !== undefined && type !== undefined
      ? { name: name.replace(/^`|`$/g, ''), decode: decoderOf(type) }
      : { name: null, decode: decoderOf(arg) };
  });
  return (value) => {
    if (Array.isArray(value)) return new PyTuple(value.map((item, i) => (parts[i]?.decode ?? same)(item)));
    if (!(value instanceof PyDict)) return value;
    return PyDict.from(parts.map(({ name, decode }) => [name, decode(value.get(name) ?? null)] as const));
  };
}

function map(key: Decode, item: Decode): Decode {
  return (value) =>
    value instanceof PyDict ? PyDict.from([...value.entries()].map(([k, v]) => [key(k), item(v)] as const)) : value;
}

/** JSON keys are text: numbers among them are parsed again. */
function keyDecoder(type: string): Decode {
  return /^(?:LowCardinality\()?U?Int/.test(type)
    ? (value) => (typeof value === 'string' ? integer(value) : value)
    : decoderOf(type);
}

/**
 * Parses rows from lines of text.
 * @param limit maximum number; null or 0: all
 */
export async function readTable(
  lines: AsyncIterable<string>,
  limit: number | null,
): Promise<{ table: Table; columns: readonly ResultColumn[] }> {
  let names: string[] | undefined;
  let columns: ResultColumn[] | undefined;
  let found: { readonly decode: Decode; readonly values: Value[] }[] = [];
  let count = 0;
  for await (const line of lines) {
    if (line === '') continue;
    if (names === undefined) names = textList(line);
    else if (columns === undefined) {
      const types = textList(line);
      columns = names.map((name, i) => ({ name, type: types[i] ?? 'String' }));
      found = columns.map(({ type }) => ({ decode: decoderOf(type), values: [] }));
    } else {
      const row = rowOf(line);
      let i = 0;
      for (const { decode, values } of found) values.push(decode(row[i++] ?? null));
      if (++count === limit) break;
    }
  }
  if (columns === undefined) return { table: Table.empty(), columns: [] };
  return {
    table: tableOfColumns(
      uniqueNames(columns.map(({ name }) => name)),
      found.map(({ values }) => resultColumn(values)),
      count,
    ),
    columns,
  };
}

function textList(line: string): string[] {
  const items: unknown = JSON.parse(line);
  if (!Array.isArray(items))
    throw new TsdbtError('database', `The server's answer is not what was asked for: ${line.slice(0, 200)}`);
  return items.map(String);
}

/** Long numbers keep their digits; `{` starts a dict. */
function rowOf(line: string): readonly Value[] {
  if (/\d{16}/.test(line)) return parseJson(line) as readonly Value[];
  const row: unknown = JSON.parse(line);
  if (!Array.isArray(row))
    throw new TsdbtError('database', `The server's answer is not what was asked for: ${line.slice(0, 200)}`);
  return line.includes('{', 1) || line.includes('[', 1) ? (fromJson(row) as readonly Value[]) : row;
}
