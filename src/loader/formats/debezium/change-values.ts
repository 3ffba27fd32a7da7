// Converts the values of a change's row to what an ordinary JSON message would contain for its column: dates and
// timestamps as texts, exact decimals, base64 for bytes. Uses the schema in the message; without one, the declared type
// and the connector's modes. Pure.
import { dateText, decimalText, MAX_DECIMAL_BYTES, momentText, timeText } from '../values/logical-types.ts';
import { isRecord, PoisonMessage } from '../message-decoder.ts';
import { ExactNumber, parseJson } from '../values/lossless-json.ts';
import type { ChangeConfig } from '../../settings/change-settings.ts';
import { type ColumnShape, columnShape } from './column-shape.ts';
import { READ, type Semantics } from './field-semantics.ts';

/** Converts a value that is not null. @throws PoisonMessage */
export type Converter = (value: unknown) => unknown;

/**
 * How a conversion treats ordinary values, for rows built without decoding:
 * - `same`: unchanged; `special`: numbers unchanged, and texts that begin with a digit or a minus
 * - `stamp`: numbers unchanged, and texts with years from 1
 * - `day`, `moment`: integers become texts; texts are treated like `stamp` if `zone` is Z
 * - `decimal`: base64 becomes a number, numbers are unchanged
 * - `close`: only the converter knows
 */
export interface Quick {
  readonly how: 'same' | 'special' | 'stamp' | 'day' | 'moment' | 'decimal' | 'close';
  readonly perSecond: number;
  readonly zone: string;
  readonly scale: number;
}

/** How a field's values are converted. */
export interface Conversion {
  readonly read: Converter;
  readonly quick: Quick;
}

type Modes = Pick<ChangeConfig, 'decimals' | 'times' | 'binary' | 'texts'>;

const [MILLIS, MICROS, NANOS] = [1e3, 1e6, 1e9];
/** Units per second by logical name. */
const MOMENTS: Readonly<Record<string, number>> = {
  'io.debezium.time.Timestamp': MILLIS,
  'io.debezium.time.MicroTimestamp': MICROS,
  'io.debezium.time.NanoTimestamp': NANOS,
  'org.apache.kafka.connect.data.Timestamp': MILLIS,
};
const TIMES: Readonly<Record<string, number>> = {
  'io.debezium.time.Time': MILLIS,
  'io.debezium.time.MicroTime': MICROS,
  'io.debezium.time.NanoTime': NANOS,
  'org.apache.kafka.connect.data.Time': MILLIS,
};
const DURATIONS: Readonly<Record<string, number>> = {
  'io.debezium.time.MicroDuration': MICROS,
  'io.debezium.time.NanoDuration': NANOS,
};
const DAYS: ReadonlySet<string> = new Set(['io.debezium.time.Date', 'org.apache.kafka.connect.data.Date']);
const DECIMAL = 'org.apache.kafka.connect.data.Decimal';
const JSON_TEXT = 'io.debezium.data.Json';
/** The connector's values for Postgres's infinite dates and timestamps: an overflow of its calendar. */
const INFINITE: ReadonlyMap<string, string> = new Map([
  ['-2147472692', 'infinity'],
  ['-2147472691', '-infinity'],
  ['9223372036825200000', 'infinity'],
  ['-9223372036832400000', '-infinity'],
  ['9223372036825200', 'infinity'],
  ['-9223372036832400', '-infinity'],
  ['-5877611-06-21Z', 'infinity'],
  ['-5877611-06-22Z', '-infinity'],
]);
const SPECIAL_DECIMALS: Readonly<Record<string, string>> = {
  NAN: 'NaN',
  POSITIVE_INFINITY: 'Infinity',
  NEGATIVE_INFINITY: '-Infinity',
};
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const BASE64_URL = /^[A-Za-z0-9_-]*={0,2}$/;
const HEX = /^(?:[\da-fA-F]{2})*$/;
const ISO = /^([+-]?)(\d{4,})(-\d\d-\d\d)(T[^Z]*)?(Z?)$/;
const DAY_UNITS = 86_400;
/** Digits of a year; a calendar has fewer. */
const MOST_YEAR_DIGITS = 9;
/** Fractional digits that Postgres keeps; ClickHouse keeps fewer. */
const MOST_SCALE = 16_383;

/** Converters of one target's columns, for messages with and without schemas. */
export class ValueReader {
  readonly #modes: Modes;
  /** By column. */
  readonly #shapes: ReadonlyMap<string, ColumnShape>;
  /** Without a schema, by connector and column. */
  readonly #bare = new Map<string, Map<string, Conversion>>();

  /** @param columns one with an epoch defines what its numbers are */
  constructor(
    columns: readonly { readonly name: string; readonly type: string; readonly epoch?: unknown }[],
    modes: Modes,
  ) {
    this.#modes = modes;
    this.#shapes = new Map(
      columns.filter(({ epoch }) => epoch === undefined).map(({ name, type }) => [name, columnShape(type)]),
    );
  }

  /** Converters of declared columns for messages without a schema. */
  bare(connector: string): ReadonlyMap<string, Conversion> {
    const known = this.#bare.get(connector);
    if (known !== undefined) return known;
    const made = new Map(
      [...this.#shapes].map(([name, shape]) => [name, conversion(shape, null, this.#modes, connector)]),
    );
    this.#bare.set(connector, made);
    return made;
  }

  /** Converters of fields, also of those without a column. */
  of(fields: ReadonlyMap<string, Semantics>, connector: string): ReadonlyMap<string, Conversion> {
    return new Map(
      [...fields].map(([name, semantics]) => [
        name,
        conversion(this.#shapes.get(name) ?? null, semantics, this.#modes, connector),
      ]),
    );
  }
}

/** @param shape null: there is no column @param semantics null: there is no schema */
function conversion(
  shape: ColumnShape | null,
  semantics: Semantics | null,
  modes: Modes,
  connector: string,
): Conversion {
  if (shape?.items != null || semantics?.items != null) {
    const items = conversion(shape?.items ?? null, semantics?.items ?? null, modes, connector).read;
    // A list of JSON texts stays one of texts.
    const each = shape?.items?.kind === 'json' ? itself : items;
    return closely((value) =>
      Array.isArray(value) ? value.map((item: unknown) => (item === null ? null : each(item))) : value,
    );
  }
  const name = semantics?.name ?? null;
  if (name === READ) return fitted(closely(itself), shape, modes);
  const known = name === null ? null : named(name, semantics?.scale ?? null, shape);
  if (known !== null) return fitted(known, shape, modes);
  return semantics === null && shape !== null ? guessed(shape, modes, connector) : fitted(UNCHANGED, shape, modes);
}

const PLAIN: Quick = { how: 'same', perSecond: 0, zone: '', scale: 0 };
const UNCHANGED: Conversion = { read: itself, quick: PLAIN };

function closely(read: Converter): Conversion {
  return { read, quick: { ...PLAIN, how: 'close' } };
}

/** Numbers of days or of units of a second, where the column makes nothing else of their texts. */
function counted(read: Converter, shape: ColumnShape | null, perSecond: number): Conversion {
  const kind = shape?.kind ?? null;
  if (perSecond === 0) return kind === 'date' ? { read, quick: { ...PLAIN, how: 'day' } } : closely(read);
  if (kind !== 'timestamp' && kind !== 'timestamptz') return closely(read);
  return { read, quick: { ...PLAIN, how: 'moment', perSecond, zone: kind === 'timestamptz' ? 'Z' : '' } };
}

function digits(read: Converter, scale: number | null): Conversion {
  return scale === null ? closely(read) : { read, quick: { ...PLAIN, how: 'decimal', scale } };
}

/** By its logical name; null: the name says nothing of the value. */
function named(name: string, scale: number | null, shape: ColumnShape | null): Conversion | null {
  const moments = MOMENTS[name];
  if (moments !== undefined) return counted((value) => moment(value, moments, shape), shape, moments);
  const times = TIMES[name];
  if (times !== undefined) return closely((value) => timeOfDay(value, times, shape));
  const durations = DURATIONS[name];
  if (durations !== undefined) return closely((value) => duration(value, durations));
  if (DAYS.has(name)) return counted((value) => day(value, shape), shape, 0);
  if (name === DECIMAL) return digits((value) => decimal(value, scale), scale);
  if (name === 'io.debezium.data.VariableScaleDecimal') return closely(variableDecimal);
  if (/^io\.debezium\.time\.(?:Iso|Zoned)/.test(name))
    return {
      read: (value) => isoText(value, shape),
      quick: { ...PLAIN, how: shape?.kind === 'timestamptz' ? 'stamp' : 'close' },
    };
  if (name === JSON_TEXT) return closely(shape?.kind === 'json' ? itself : (value) => jsonValue(value));
  if (name === 'io.debezium.data.Bits') return closely((value) => bits(value, shape));
  return null;
}

/** By the declared type: no schema says what the value is. */
function guessed(shape: ColumnShape, modes: Modes, connector: string): Conversion {
  const perSecond = unitOf(shape, modes.times, connector);
  switch (shape.kind) {
    case 'date':
      return counted((value) => (typeof value === 'string' ? isoText(value, shape) : day(value, shape)), shape, 0);
    case 'timestamp':
    case 'timestamptz':
      return counted(
        (value) => (typeof value === 'string' ? isoText(value, shape) : moment(value, perSecond, shape)),
        shape,
        perSecond,
      );
    case 'time':
      return closely((value) =>
        typeof value === 'string' ? isoText(value, shape) : timeOfDay(value, perSecond, shape),
      );
    case 'interval':
      return closely((value) => (typeof value === 'string' ? value : duration(value, MICROS)));
    case 'decimal': {
      const read = (value: unknown): unknown => guessedDecimal(value, shape.scale, modes);
      return modes.decimals === 'precise' ? digits(read, shape.scale) : { read, quick: { ...PLAIN, how: 'special' } };
    }
    default:
      return fitted(UNCHANGED, shape, modes);
  }
}

/** Units of a second in a number without a schema: the connector goes by the precision of its column. */
function unitOf({ kind, precision }: ColumnShape, mode: Modes['times'], connector: string): number {
  switch (mode) {
    case 'connect':
      return MILLIS;
    case 'microseconds':
      return MICROS;
    case 'nanoseconds':
      return NANOS;
    case 'adaptive_time_microseconds':
      if (kind === 'time') return MICROS;
  }
  // MySQL's connector has no other mode for times of a day.
  if (connector !== 'postgresql' && kind === 'time') return MICROS;
  const digits = precision ?? (connector === 'postgresql' ? 6 : 0);
  return digits <= 3 ? MILLIS : digits <= 6 ? MICROS : NANOS;
}

/** Types whose text is not what a connector writes. */
const OWN_TEXTS: ReadonlySet<ColumnShape['kind']> = new Set<ColumnShape['kind']>(['hstore', 'bit', 'point']);

/** What a column needs whatever a schema says. */
function fitted(given: Conversion, shape: ColumnShape | null, modes: Modes): Conversion {
  if (modes.texts === true && shape !== null && OWN_TEXTS.has(shape.kind)) return given;
  const { read, quick } = given;
  const { how } = quick;
  switch (shape?.kind) {
    case 'json':
      return closely((value) => rawJson(read(value)));
    case 'bytes':
      return closely((value) => base64(read(value), modes.binary));
    case 'hstore':
      return closely((value) => hstore(read(value)));
    case 'bit':
      return closely((value) => bits(read(value), shape));
    case 'point':
      return closely((value) => point(read(value)));
    case 'decimal':
      return {
        read: (value) => special(read(value)),
        quick: how === 'same' ? { ...quick, how: 'special' } : quick,
      };
    case 'date':
    case 'timestamp':
    case 'timestamptz':
    case 'time':
      return {
        read: (value) => {
          const found = read(value);
          return typeof found === 'string' ? isoText(found, shape) : found;
        },
        quick: how === 'same' ? { ...quick, how: shape.kind === 'timestamptz' ? 'stamp' : 'close' } : quick,
      };
    default:
      return given;
  }
}

function itself(value: unknown): unknown {
  return value;
}

function refuse(reason: string): never {
  throw new PoisonMessage(reason);
}

/** A whole number of any size. */
function whole(value: unknown): number | bigint {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  if (value instanceof ExactNumber) {
    if (value.number !== null && Number.isSafeInteger(value.number)) return value.number;
    if (/^-?\d{1,19}$/.test(value.text)) return BigInt(value.text);
  }
  return refuse('not a whole number, in which the connector writes it');
}

function infinite(value: number | bigint, shape: ColumnShape | null, days: boolean): string | undefined {
  const found = INFINITE.get(String(value));
  return found !== undefined && days === (shape?.kind === 'date' || shape === null) ? found : undefined;
}

function day(value: unknown, shape: ColumnShape | null): unknown {
  if (typeof value === 'string') return isoText(value, shape);
  const days = whole(value);
  if (typeof days === 'bigint' || Math.abs(days) > 2 ** 31) return refuse('a day beyond all calendars');
  return INFINITE.get(String(days)) ?? dateText(days);
}

function moment(value: unknown, perSecond: number, shape: ColumnShape | null): unknown {
  if (typeof value === 'string') return isoText(value, shape);
  const units = whole(value);
  const found = infinite(units, shape, false);
  if (found !== undefined) return found;
  const text = momentText(units, perSecond, shape?.kind === 'timestamptz' ? 'Z' : '');
  return shape?.kind === 'date' ? text.replace(/T[^ ]*/, '') : text;
}

function timeOfDay(value: unknown, perSecond: number, shape: ColumnShape | null): unknown {
  if (typeof value === 'string') return isoText(value, shape);
  const units = whole(value);
  if (shape?.kind === 'interval') return duration(value, perSecond);
  if (Number(units) === DAY_UNITS * perSecond) return '24:00:00';
  return timeText(units, perSecond) ?? refuse('a time that is none of a day');
}

/** Postgres reads seconds with a fraction, of any number. */
function duration(value: unknown, perSecond: number): unknown {
  if (typeof value === 'string') return value;
  const units = BigInt(whole(value));
  const per = BigInt(perSecond);
  const digits = String(perSecond).length - 1;
  const positive = units < 0n ? -units : units;
  const fraction = String(positive % per).padStart(digits, '0');
  return `${units < 0n ? '-' : ''}${positive / per}.${fraction} seconds`;
}

/**
 * Dates and timestamps as texts that databases read: years before 1 with BC, no zone if the column has none, no plus
 * before years with five digits.
 */
function isoText(value: unknown, shape: ColumnShape | null): unknown {
  if (typeof value !== 'string') return value;
  const found = INFINITE.get(value);
  if (found !== undefined) return found;
  const zoned = shape === null || shape.kind === 'timestamptz' || shape.kind === 'other';
  const match = ISO.exec(value);
  if (match === null || (match[2] ?? '').length > MOST_YEAR_DIGITS)
    return shape?.kind === 'time' && !shape.zoned ? value.replace(/Z$/, '') : value;
  const [, sign = '', year = '', rest = '', time = '', zone = ''] = match;
  if (sign === '' && year !== '0000' && (zoned || zone === '')) return value;
  const before = sign === '-' || /^0+$/.test(year);
  const written = before ? String(BigInt(year) + 1n).padStart(4, '0') : year;
  return `${written}${rest}${time}${zoned ? zone : ''}${before ? ' BC' : ''}`;
}

function decimal(value: unknown, scale: number | null): unknown {
  if (typeof value !== 'string') return value;
  if (scale === null)
    return refuse('a decimal whose scale is not known: declare the column as decimal(precision, scale)');
  if (Math.abs(scale) > MOST_SCALE) return refuse(`a decimal whose scale is beyond ${MOST_SCALE}`);
  if (!BASE64.test(value)) return refuse('not the base64 of a decimal');
  const bytes = Buffer.from(value, 'base64');
  if (bytes.length > MAX_DECIMAL_BYTES) return refuse(`a decimal of more than ${MAX_DECIMAL_BYTES} bytes`);
  return new ExactNumber(decimalText(bytes, 0, bytes.length, scale), null);
}

function guessedDecimal(value: unknown, scale: number | null, { decimals }: Modes): unknown {
  if (isRecord(value)) return variableDecimal(value);
  if (typeof value !== 'string') return value;
  if (decimals !== 'precise') return special(value);
  if (!BASE64.test(value))
    return refuse(
      "a text that is not the base64 of a decimal: 'decimal_handling_mode' must be that of the connector's config",
    );
  return decimal(value, scale);
}

function special(value: unknown): unknown {
  return typeof value === 'string' ? (SPECIAL_DECIMALS[value] ?? value) : value;
}

/** A decimal with a separate scale. */
function variableDecimal(value: unknown): unknown {
  if (!isRecord(value)) return special(value);
  const { scale, value: digits } = value;
  if (typeof scale !== 'number' || !Number.isInteger(scale) || typeof digits !== 'string')
    return refuse('not a decimal with its scale');
  return decimal(digits, scale);
}

function jsonValue(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return parseJson(value);
  } catch {
    return refuse('a text that is not JSON');
  }
}

/** JSON keeps its text: numbers, their zeros, and a null that is no missing value. */
function rawJson(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    JSON.parse(value);
  } catch {
    return refuse('a text that is not JSON');
  }
  return new ExactNumber(value, null);
}

function base64(value: unknown, mode: Modes['binary']): unknown {
  if (typeof value !== 'string') return value;
  if (mode === 'hex')
    return HEX.test(value) ? Buffer.from(value, 'hex').toString('base64') : refuse('not hexadecimal digits');
  return mode === 'base64-url-safe' && BASE64_URL.test(value)
    ? Buffer.from(value, 'base64url').toString('base64')
    : value;
}

/** Bits come with the lowest byte first; one bit comes as a boolean. */
function bits(value: unknown, shape: ColumnShape | null): unknown {
  if (shape?.kind !== 'bit') return value;
  if (typeof value === 'boolean') return value ? '1' : '0';
  if (typeof value !== 'string' || !BASE64.test(value)) return value;
  const digits = [...Buffer.from(value, 'base64')]
    .reverse()
    .map((byte) => byte.toString(2).padStart(8, '0'))
    .join('')
    .replace(/^0+/, '');
  return shape.precision === null ? digits : digits.padStart(shape.precision, '0');
}

function point(value: unknown): unknown {
  if (!isRecord(value)) return value;
  const { x, y } = value;
  return isPlain(x) && isPlain(y) ? `(${String(x)},${String(y)})` : value;
}

/** An Avro record has no text form. */
function isPlain(value: unknown): value is string | number | ExactNumber {
  return typeof value === 'string' || typeof value === 'number' || value instanceof ExactNumber;
}

function hstore(value: unknown): unknown {
  const pairs = jsonValue(value);
  if (typeof pairs !== 'object' || pairs === null || pairs instanceof ExactNumber) return value;
  const quoted = (text: unknown): string => `"${String(text).replace(/["\\]/g, '\\$&')}"`;
  return Object.entries(pairs)
    .map(([key, each]) => {
      if (typeof each === 'object' && each !== null && !isPlain(each))
        return refuse('an hstore whose values are no texts');
      return `${quoted(key)}=>${each === null ? 'NULL' : quoted(each)}`;
    })
    .join(', ');
}
