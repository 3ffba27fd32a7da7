// The kind of values that a declared type accepts, for Postgres's and ClickHouse's type names. Pure.

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
  /** Fractional digits of a second, or bits; null: not declared. */
  readonly precision: number | null;
  /** Scale of a decimal; null: not declared. */
  readonly scale: number | null;
  /** A time of day with a zone. */
  readonly zoned: boolean;
  /** Element of a list; null: it is not a list. */
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
      // ClickHouse's Decimal64(4) has only a scale.
      const scale = /^decimal\d/.test(name) ? first : (second ?? (first === undefined ? undefined : '0'));
      return { ...none, kind, scale: name === 'money' ? MONEY_DIGITS : scale === undefined ? null : Number(scale) };
    }
    case 'timestamp':
      // ClickHouse's DateTime has whole seconds, whatever the source has.
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

/** Types of kind `other` whose values have no quotes in JSON. */
const UNQUOTED = new RegExp(
  String.raw`^(?:u?int(?:\d+|eger)?|(?:tiny|small|medium|big)(?:int|serial)|serial\d?|oid|year|real|b?float\d*|double` +
    String.raw`|bool(?:ean)?|time64|tuple|map|nested|dynamic|variant|object)\b`,
);

/** Whether a column's values are texts in JSON. An unknown type, such as an enum, accepts texts. */
export function takesText(declared: string): boolean {
  const type = declared.trim().toLowerCase();
  const inner = WRAPPED.exec(type)?.[1];
  if (inner !== undefined) return takesText(inner);
  const { kind, items } = columnShape(type);
  return kind === 'bytes' || (kind === 'other' && items === null && !UNQUOTED.test(type));
}
