// What ClickHouse columns accept, by their declared types: the rules of cells.ts for types instead of values. Pure.
// formats/avro/avro-fit.ts compares schema types with it.
import type { ColumnFit, FitTarget, ValueKind } from '../settings/type-fit.ts';
import type { LoadColumn } from '../settings/load-target.ts';
import { PROCESSING_TS } from '../settings/load-target.ts';
import { bare } from './table-options.ts';
import { elementsOf, labelsOf, parseType } from './types.ts';

/** SQL names that the server accepts as aliases, in lower case. */
const ALIASES: Readonly<Record<string, string>> = {
  tinyint: 'Int8',
  smallint: 'Int16',
  int: 'Int32',
  integer: 'Int32',
  bigint: 'Int64',
  real: 'Float32',
  float: 'Float32',
  double: 'Float64',
  'double precision': 'Float64',
  numeric: 'Decimal',
  decimal: 'Decimal',
  dec: 'Decimal',
  bool: 'Bool',
  boolean: 'Bool',
  date: 'Date',
  date32: 'Date32',
  datetime: 'DateTime',
  datetime64: 'DateTime64',
  timestamp: 'DateTime',
  json: 'JSON',
};
/** Digits of the decimals that are named after their bits. */
const DECIMAL_DIGITS: Readonly<Record<string, number>> = {
  Decimal32: 9,
  Decimal64: 18,
  Decimal128: 38,
  Decimal256: 76,
};
/** Digits of a Decimal without a precision. */
const DEFAULT_DIGITS = 10;
const DEFAULT_SECOND_DIGITS = 3;

/** Kinds of values that are written as numbers, and as texts. */
const NUMBERS: readonly ValueKind[] = ['boolean', 'number', 'decimal'];
const TEXTS: readonly ValueKind[] = ['date', 'time', 'moment', 'uuid', 'duration', 'bytes', 'enum'];
const PARTED: readonly ValueKind[] = ['object', 'array'];
const ALL: readonly ValueKind[] = [...NUMBERS, ...TEXTS, ...PARTED];

/** What a declared column accepts; null: anything. */
export function columnFit(target: FitTarget, { name, type, untyped }: LoadColumn): ColumnFit | null {
  if (untyped === true) {
    const order = target.storage?.orderBy ?? [];
    const ordered = (order.length > 0 ? order.map(bare) : (target.key ?? [])).includes(name);
    return ordered ? ANY_TEXT : null;
  }
  // The loader fills it itself.
  if (name === PROCESSING_TS && type === 'timestamptz') return null;
  return fitOf(type);
}

const NOTHING = { size: null, scale: 0, beyond: 'cut off' } as const;
/** A text that accepts no null. */
const ANY_TEXT: ColumnFit = { ...NOTHING, family: 'other', refuses: [], required: true };

/** @param written as declared */
function fitOf(written: string): ColumnFit | null {
  const { name: given, args, nullable } = parseType(written);
  const name = ALIASES[given.toLowerCase()] ?? given;
  const [first = '', second = ''] = args;
  const required = nullable ? {} : ({ required: true } as const);
  const but = (...taken: readonly ValueKind[]): Pick<ColumnFit, 'refuses'> => ({
    refuses: ALL.filter((kind) => !taken.includes(kind)),
  });
  const whole = /^(U?)Int(8|16|32|64|128|256)$/.exec(name);
  if (whole !== null)
    return {
      ...NOTHING,
      ...required,
      ...but(...NUMBERS),
      family: 'whole',
      size: Number(whole[2]),
      ...(whole[1] === 'U' ? { unsigned: true } : {}),
    };
  const digits = DECIMAL_DIGITS[name];
  if (digits !== undefined || name === 'Decimal')
    return {
      ...NOTHING,
      ...required,
      ...but(...NUMBERS),
      family: 'decimal',
      size: digits ?? Number(first === '' ? DEFAULT_DIGITS : first),
      scale: Number(digits === undefined ? second || 0 : first),
    };
  switch (name) {
    case 'Float32':
    case 'Float64':
    case 'BFloat16':
      // NaN and infinities are texts: a label may be one.
      return { ...NOTHING, ...required, ...but(...NUMBERS, 'enum'), family: 'float', size: Number(/\d+/.exec(name)) };
    case 'Bool':
      return { ...NOTHING, ...required, ...but(...NUMBERS, 'enum'), family: 'boolean' };
    case 'UUID':
      return { ...NOTHING, ...required, ...but('uuid'), family: 'other' };
    case 'IPv4':
    case 'IPv6':
      return { ...NOTHING, ...required, ...but(), family: 'other' };
    case 'Date':
      return { ...moments(required), family: 'date', outside: 'days before 1970 and after 2149' };
    case 'Date32':
      return { ...moments(required), family: 'date' };
    case 'DateTime':
      return { ...moments(required), size: 0, outside: 'moments before 1970 and after 2106' };
    case 'DateTime64':
      return { ...moments(required), size: Number(first === '' ? DEFAULT_SECOND_DIGITS : first) };
    case 'Time':
    case 'Time64':
      return { ...NOTHING, ...required, ...but('time'), family: 'other' };
    case 'Enum8':
    case 'Enum16':
      return {
        ...NOTHING,
        ...required,
        refuses: PARTED,
        family: 'enum',
        labels: new Set(labelsOf({ name, args, nullable }).keys()),
      };
    case 'JSON':
      return { ...NOTHING, ...but('object'), family: 'other' };
    case 'Array':
      return { ...NOTHING, ...but('array'), family: 'other', items: fitOf(first) };
    case 'Map':
      return { ...NOTHING, ...but('object'), family: 'other', items: fitOf(second) };
    case 'Tuple':
      return {
        ...NOTHING,
        ...required,
        ...but(...PARTED),
        family: 'other',
        fields: new Map(
          elementsOf({ name, args, nullable }).flatMap((element) =>
            element.name === null ? [] : [[element.name, fitOf(element.type)]],
          ),
        ),
      };
    case 'Dynamic':
    case 'Variant':
      return null;
    default:
      return nullable ? null : ANY_TEXT;
  }
}

/** For dates and times, numbers are milliseconds. */
function moments(required: Pick<ColumnFit, 'required'>): ColumnFit {
  return {
    ...NOTHING,
    ...required,
    refuses: ALL.filter((kind) => !['number', 'decimal', 'date', 'moment'].includes(kind)),
    family: 'moment',
  };
}
