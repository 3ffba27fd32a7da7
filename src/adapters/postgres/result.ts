// Converts the server's text values to those of dbt's templates: psycopg2's Python types, then agate's. Also psycopg2's
// type names, which contracts compare.

import { TsdbtError } from '../../errors.ts';
import { PyDate } from '../../values/date.ts';
import { PyDateTime } from '../../values/datetime.ts';
import { PyDecimal } from '../../values/decimal.ts';
import { floatRepr, makeFloat } from '../../values/float.ts';
import { parseJson } from '../../values/json.ts';
import { PyTimedelta } from '../../values/timedelta.ts';
import { FixedZone } from '../../values/timezone.ts';
import type { Value } from '../../values/value.ts';
import { BOOLEAN, BYTES, DATE_TYPE, DATETIME, type DataType, EXACT_TEXT, INTEGER, NUMBER } from '../data-type.ts';
import type { ColumnDescription } from '../adapter.ts';
import type { Table } from '../table.ts';
import { resultColumn, type TypedColumn, tableOfColumns, uniqueNames } from '../table-inference.ts';

export interface ResultField {
  readonly name: string;
  readonly typeOid: number;
}

/** The raw result of one statement. */
export interface RawResult {
  /** Command tag: `INSERT 0 5`, `CREATE VIEW`. */
  readonly tag: string;
  readonly fields: readonly ResultField[] | null;
  readonly rows: readonly (readonly (string | null)[])[];
  /** Results of the statements before it in the same message. */
  readonly before?: readonly RawResult[];
}

interface Decoder {
  readonly decode: (text: string) => Value;
  /** The column's type; undefined: inferred from its values, as for JSON. */
  readonly type: DataType | undefined;
}

const TEXT_DECODER: Decoder = { decode: (text) => text, type: EXACT_TEXT };
const INTEGER_DECODER: Decoder = { decode: integer, type: INTEGER };
const FLOAT_DECODER: Decoder = {
  decode: (text) => PyDecimal.from(floatRepr(Number(text.replace('infinity', 'Infinity')))),
  type: NUMBER,
};
const JSON_DECODER: Decoder = { decode: parseJson, type: undefined };

const DECODERS: ReadonlyMap<number, Decoder> = new Map<number, Decoder>([
  [16, { decode: (text) => text === 't', type: BOOLEAN }],
  [17, { decode: (text) => text, type: BYTES }],
  [20, INTEGER_DECODER],
  [21, INTEGER_DECODER],
  [23, INTEGER_DECODER],
  [26, INTEGER_DECODER],
  [700, FLOAT_DECODER],
  [701, FLOAT_DECODER],
  [1700, { decode: (text) => PyDecimal.from(text), type: NUMBER }],
  [1082, { decode: date, type: DATE_TYPE }],
  [1083, { decode: time, type: EXACT_TEXT }],
  [1266, { decode: time, type: EXACT_TEXT }],
  [1114, { decode: dateTime, type: DATETIME }],
  [1184, { decode: dateTime, type: DATETIME }],
  [1186, { decode: (text) => interval(text), type: EXACT_TEXT }],
  [704, { decode: (text) => interval(text), type: EXACT_TEXT }],
  [114, JSON_DECODER],
  [3802, JSON_DECODER],
  ...arrays([1000], (text) => text === 't'),
  ...arrays([1005, 1006, 1007, 1013, 1016, 1028], integer),
  ...arrays([1021, 1022], (text) => makeFloat(Number(text))),
  ...arrays([1231], (text) => PyDecimal.from(text)),
  ...arrays([1182], date),
  ...arrays([1115, 1185], dateTime),
  ...arrays([1183, 1270], time),
  ...arrays([1187], interval),
  ...arrays([199, 3807], parseJson),
  ...arrays([651, 1001, 1002, 1003, 1009, 1014, 1015, 1040, 1041, 2951], (text) => text),
]);

const TYPE_NAMES: ReadonlyMap<number, string> = new Map([
  ...names('BOOLEAN', 16),
  ...names('BINARY', 17),
  ...names('STRING', 18, 19, 25, 1042, 1043),
  ...names('LONGINTEGER', 20),
  ...names('INTEGER', 21, 23),
  ...names('ROWID', 26),
  ...names('JSON', 114),
  ...names('JSONARRAY', 199),
  ...names('CIDRARRAY', 651),
  ...names('FLOAT', 700, 701),
  ...names('INTERVAL', 704, 1186),
  ...names('UNKNOWN', 705),
  ...names('BOOLEANARRAY', 1000),
  ...names('BINARYARRAY', 1001),
  ...names('STRINGARRAY', 1002, 1003, 1009, 1014, 1015),
  ...names('INTEGERARRAY', 1005, 1006, 1007),
  ...names('ROWIDARRAY', 1013, 1028),
  ...names('LONGINTEGERARRAY', 1016),
  ...names('FLOATARRAY', 1021, 1022),
  ...names('MACADDRARRAY', 1040),
  ...names('INETARRAY', 1041),
  ...names('DATE', 1082),
  ...names('TIME', 1083, 1266),
  ...names('DATETIME', 1114),
  ...names('DATETIMEARRAY', 1115),
  ...names('DATEARRAY', 1182),
  ...names('TIMEARRAY', 1183, 1270),
  ...names('DATETIMETZ', 1184),
  ...names('DATETIMETZARRAY', 1185),
  ...names('INTERVALARRAY', 1187),
  ...names('DECIMALARRAY', 1231),
  ...names('DECIMAL', 1700),
  ...names('JSONB', 3802),
  ...names('JSONBARRAY', 3807),
  ...names('type', 3904, 3906, 3926),
  ...names('typeARRAY', 3905, 3907, 3927),
  ...names('tsrange', 3908),
  ...names('tsrangeARRAY', 3909),
  ...names('tstzrange', 3910),
  ...names('tstzrangeARRAY', 3911),
  ...names('daterange', 3912),
  ...names('daterangeARRAY', 3913),
]);

function names(name: string, ...oids: number[]): [number, string][] {
  return oids.map((oid) => [oid, name]);
}

function arrays(oids: readonly number[], decode: (text: string) => Value): [number, Decoder][] {
  return oids.map((oid) => [oid, { decode: (text) => parseArray(text, decode), type: undefined }]);
}

/** psycopg2's name of a type: `INTEGER`, `STRING`, `unknown type_code 600`. */
function typeName(oid: number): string {
  return TYPE_NAMES.get(oid) ?? `unknown type_code ${oid}`;
}

/** A column of an empty result, with psycopg2's type name. */
export function columnDescription({ name, typeOid }: ResultField): ColumnDescription {
  return { name, typeName: typeName(typeOid), ...(TYPE_NAMES.has(typeOid) ? {} : { unknownCode: typeOid }) };
}

/**
 * Converts the rows to a table.
 * @param limit maximum number; null or 0: all
 */
export function decodeTable(result: RawResult, limit: number | null): Table {
  const fields = result.fields ?? [];
  const rows = limit ? result.rows.slice(0, limit) : result.rows;
  const columns = fields.map((field, index) => decodeColumn(DECODERS.get(field.typeOid) ?? TEXT_DECODER, rows, index));
  return tableOfColumns(uniqueNames(fields.map((field) => field.name)), columns, rows.length);
}

function decodeColumn(decoder: Decoder, rows: RawResult['rows'], index: number): TypedColumn {
  const values: Value[] = new Array(rows.length);
  let some = false;
  const { type } = decoder;
  let odd = type === undefined;
  for (let i = 0; i < rows.length; i++) {
    const text = rows[i]?.[index];
    if (text === null || text === undefined) values[i] = null;
    else {
      const value = (values[i] = decoded(decoder, text));
      some = true;
      // A time that Python cannot represent stays text, and so does its column.
      if (typeof value === 'string' && type !== EXACT_TEXT && type !== BYTES) odd = true;
    }
  }
  return odd || type === undefined ? resultColumn(values) : { type: some ? type : INTEGER, values };
}

/** @throws `database` error if the server sends a text that its type does not have */
function decoded({ decode }: Decoder, text: string): Value {
  try {
    return decode(text);
  } catch (error) {
    const shown = JSON.stringify(text.slice(0, 100));
    throw new TsdbtError('database', `the server sent ${shown}, which is no value of the column's type`, {
      cause: error,
    });
  }
}

function integer(text: string): Value {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

const MIN_DATE = { year: 1, month: 1, day: 1 };
const MAX_DATE = { year: 9999, month: 12, day: 31 };

function date(text: string): Value {
  const match = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  if (match) return new PyDate(Number(match[1]), Number(match[2]), Number(match[3]));
  if (text === 'infinity') return new PyDate(MAX_DATE.year, MAX_DATE.month, MAX_DATE.day);
  if (text === '-infinity') return new PyDate(MIN_DATE.year, MIN_DATE.month, MIN_DATE.day);
  return text;
}

const DATE_TIME =
  /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?)?$/;

function dateTime(text: string): Value {
  const match = DATE_TIME.exec(text);
  if (!match) {
    if (text === 'infinity')
      return new PyDateTime({ ...MAX_DATE, hour: 23, minute: 59, second: 59, microsecond: 999_999 });
    if (text === '-infinity') return new PyDateTime({ ...MIN_DATE, hour: 0, minute: 0, second: 0, microsecond: 0 });
    return text;
  }
  const [, year, month, day, hour, minute, second, fraction, sign, zoneHour, zoneMinute, zoneSecond] = match;
  const fields = {
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second),
    microsecond: fraction === undefined ? 0 : Number(fraction.padEnd(6, '0')),
  };
  if (sign === undefined) return new PyDateTime(fields);
  const seconds = Number(zoneHour) * 3600 + Number(zoneMinute ?? 0) * 60 + Number(zoneSecond ?? 0);
  return new PyDateTime(fields, new FixedZone(new PyTimedelta(BigInt(sign === '-' ? -seconds : seconds) * 1_000_000n)));
}

/** A time of day as Python prints it: six fractional digits or none, the zone with minutes. */
function time(text: string): string {
  const match = /^(\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?([+-]\d\d(?::\d\d)*)?$/.exec(text);
  if (!match) return text;
  const [, clock, fraction, zone] = match;
  const micros = fraction === undefined ? '' : `.${fraction.padEnd(6, '0')}`;
  return `${clock}${micros}${zone === undefined ? '' : zone.length === 3 ? `${zone}:00` : zone}`;
}

/** An interval as Python's timedelta prints it, with a year as 365 and a month as 30 days. */
function interval(text: string): string {
  let days = 0;
  let micros = 0n;
  for (const match of text.matchAll(
    /([+-]?\d{1,12}) (year|mon|day)s?|([+-]?)(\d{1,12}):(\d\d):(\d\d)(?:\.(\d{1,6}))?/g,
  )) {
    const [, count, unit, sign, hours = '0', minutes, seconds, fraction = ''] = match;
    if (unit !== undefined) days += Number(count) * (unit === 'year' ? 365 : unit === 'mon' ? 30 : 1);
    else {
      const size =
        (BigInt(hours) * 3600n + BigInt(Number(minutes) * 60 + Number(seconds))) * 1_000_000n +
        BigInt(fraction.padEnd(6, '0'));
      micros += sign === '-' ? -size : size;
    }
  }
  return new PyTimedelta(BigInt(days) * 86_400_000_000n + micros).jinjaText();
}

/** `{1,NULL,"a b"}` and nested ones. */
function parseArray(text: string, decode: (item: string) => Value): Value {
  let at = text.startsWith('[') ? text.indexOf('{') : 0;
  const list = (): Value[] => {
    const items: Value[] = [];
    at++;
    while (at < text.length && text[at] !== '}') {
      if (text[at] === ',') at++;
      else if (text[at] === '{') items.push(list());
      else if (text[at] === '"') {
        let item = '';
        for (at++; text[at] !== '"' && at < text.length; at++) {
          if (text[at] === '\\') at++;
          item += text[at];
        }
        at++;
        items.push(decode(item));
      } else {
        const start = at;
        while (at < text.length && text[at] !== ',' && text[at] !== '}') at++;
        const item = text.slice(start, at);
        items.push(item === 'NULL' ? null : decode(item));
      }
    }
    at++;
    return items;
  };
  return list();
}
