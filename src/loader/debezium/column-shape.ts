// What kind of values a declared type takes, in Postgres' words and in ClickHouse's. Pure.

export type ColumnKind =
  | 'date'
  | 'timestamp'
  | 'timestamptz'
  | 'time'
  | 'interval'
  | 'decimal'
  | 'json'
  | 'bytes'
  | 'hstore'
  | 'bit'
  | 'point'
  | 'other';

export interface ColumnShape {
  readonly kind: ColumnKind;
  /** Digits of a second's fraction, or bits; null: not declared. */
  readonly precision: number | null;
  /** Digits of a decimal behind the point; null: not declared. */
  readonly scale: number | null;
  /** A time of day with a zone. */
  readonly zoned: boolean;
  /** Of a list; null: it is none. */
  readonly items: ColumnShape | null;
}

const WRAPPED = /^(?:nullable|lowcardinality)\s*\((.*)\)$/;
const LIST = /^array\s*\((.*)\)$/;
const KINDS: Readonly<Record<string, ColumnKind>> = {
  date: 'date',
  date32: 'date',
  datetime: 'timestamp',
  datetime64: 'timestamp',
  timestamptz: 'timestamptz',
  timestamp: 'timestamp',
  time: 'time',
  timetz: 'time',
  interval: 'interval',
  numeric: 'decimal',
  decimal: 'decimal',
  money: 'decimal',
  json: 'json',
  jsonb: 'json',
  bytea: 'bytes',
  hstore: 'hstore',
  bit: 'bit',
  varbit: 'bit',
  point: 'point',
};
const MONEY_DIGITS = 2;

export function columnShape(declared: string): ColumnShape {
  const type = declared.trim().toLowerCase();
  const inner = WRAPPED.exec(type)?.[1];
  if (inner !== undefined) return columnShape(inner);
  const items = LIST.exec(type)?.[1] ?? (type.endsWith('[]') ? type.slice(0, type.indexOf('[')) : undefined);
  const none = { precision: null, scale: null, zoned: false, items: null };
  if (items !== undefined) return { ...none, kind: 'other', items: columnShape(items) };
  const [, name = '', first, second] = /^([a-z_\d.]+)[^(]*(?:\(\s*(\d+)\s*(?:,\s*(\d+))?)?/.exec(type) ?? [];
  const kind = KINDS[name.replace(/^decimal(?:32|64|128|256)$/, 'decimal')] ?? 'other';
  const zoned = /with time zone|tz\b/.test(type);
  switch (kind) {
    case 'decimal': {
      // Decimal64(4) of ClickHouse has a scale alone.
      const scale = /^decimal\d/.test(name) ? first : (second ?? (first === undefined ? undefined : '0'));
      return { ...none, kind, scale: name === 'money' ? MONEY_DIGITS : scale === undefined ? null : Number(scale) };
    }
    case 'timestamp':
      // DateTime of ClickHouse has whole seconds, whatever the source has.
      return {
        ...none,
        kind: zoned || name.startsWith('datetime') ? 'timestamptz' : 'timestamp',
        precision: first === undefined || name === 'datetime' ? null : Number(first),
      };
    case 'bit':
      return { ...none, kind, precision: name === 'varbit' || /varying/.test(type) ? null : Number(first ?? 1) };
    default:
      return { ...none, kind, zoned, precision: first === undefined ? null : Number(first) };
  }
}

/** Types of kind `other` whose values JSON writes without quotes. */
const UNQUOTED = new RegExp(
  String.raw`^(?:u?int(?:\d+|eger)?|(?:tiny|small|medium|big)(?:int|serial)|serial\d?|oid|year|real|b?float\d*|double` +
    String.raw`|bool(?:ean)?|time64|tuple|map|nested|dynamic|variant|object)\b`,
);

/** Are a column's values texts in JSON? A type that is not known, such as an enum, takes texts. */
export function takesText(declared: string): boolean {
  const type = declared.trim().toLowerCase();
  const inner = WRAPPED.exec(type)?.[1];
  if (inner !== undefined) return takesText(inner);
  const { kind, items } = columnShape(type);
  return kind === 'bytes' || (kind === 'other' && items === null && !UNQUOTED.test(type));
}
