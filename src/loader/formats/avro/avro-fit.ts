// Decides from the types alone whether a column can hold values of an Avro type. Pure. Rejects only what certainly no
// value fits; if some values fit, it is a narrowing, which `load check` reports.
import type { ColumnFit, ValueKind } from '../../settings/type-fit.ts';
import type { Path } from '../../settings/column-origin.ts';
import type { AvroType, Logical, RecordType } from './avro-schema.ts';

type Decimal = Extract<Logical, { name: 'decimal' }>;

const TOO_GREAT = 'greater values do not fit';
const NEGATIVE = 'negative values do not fit';
const NOT_BOOLEAN = 'numbers other than 0 and 1 do not fit';

/** Kinds of SQL columns whose types restrict their values; any other type counts as accepting everything. */
type Family =
  | 'whole'
  | 'decimal'
  | 'float'
  | 'boolean'
  | 'uuid'
  | 'date'
  | 'time'
  | 'moment'
  | 'interval'
  | 'bytes'
  | 'array';

const WHOLE_BITS: Readonly<Record<string, number>> = {
  smallint: 16,
  int2: 16,
  integer: 32,
  int: 32,
  int4: 32,
  bigint: 64,
  int8: 64,
};
/** Fractional digits of a second in a Postgres timestamp. */
const MOMENT_DIGITS = 6;

/** What a Postgres column accepts; null for a type that accepts any text. */
export function sqlFit(written: string): ColumnFit | null {
  const type = written.trim().toLowerCase().replace(/\s+/g, ' ');
  const of = (family: Family, size: number | null = null, scale = 0): ColumnFit => ({
    family: SIZED.find((each) => each === family) ?? 'other',
    refuses: KINDS.filter((kind) => REFUSED[kind].includes(family)),
    size,
    scale,
    beyond: 'rounded',
  });
  if (type.endsWith(']')) return of('array');
  const bits = WHOLE_BITS[type];
  if (bits !== undefined) return of('whole', bits);
  const decimal = /^(?:numeric|decimal)(?: ?\( ?(\d+) ?(?:, ?(\d+) ?)?\))?$/.exec(type);
  if (decimal !== null)
    return of('decimal', decimal[1] === undefined ? null : Number(decimal[1]), Number(decimal[2] ?? 0));
  if (/^(?:real|float4)$/.test(type)) return of('float', 32);
  if (/^(?:double precision|float8|float)$/.test(type)) return of('float', 64);
  if (/^bool(?:ean)?$/.test(type)) return of('boolean');
  if (type === 'uuid' || type === 'date' || type === 'interval') return of(type);
  if (/^timestamp/.test(type)) return of('moment', Number(/\( ?(\d) ?\)/.exec(type)?.[1] ?? MOMENT_DIGITS));
  if (/^time/.test(type)) return of('time');
  return type === 'bytea' ? of('bytes') : null;
}

/** Families whose sizes are reported. */
const SIZED = ['whole', 'decimal', 'float', 'boolean', 'date', 'moment'] as const;
/** The kinds of columns that each kind of value certainly does not fit. */
const REFUSED: Readonly<Record<ValueKind, readonly Family[]>> = {
  boolean: ['whole', 'decimal', 'float', 'uuid', 'date', 'time', 'moment', 'interval', 'bytes', 'array'],
  number: ['uuid', 'bytes', 'array'],
  decimal: ['boolean', 'uuid', 'date', 'time', 'moment', 'bytes', 'array'],
  date: ['whole', 'decimal', 'float', 'boolean', 'uuid', 'time', 'interval', 'bytes', 'array'],
  time: ['whole', 'decimal', 'float', 'boolean', 'uuid', 'date', 'moment', 'bytes', 'array'],
  moment: ['whole', 'decimal', 'float', 'boolean', 'uuid', 'interval', 'bytes', 'array'],
  uuid: ['whole', 'decimal', 'float', 'boolean', 'date', 'time', 'moment', 'interval', 'bytes', 'array'],
  duration: ['whole', 'decimal', 'float', 'boolean', 'uuid', 'date', 'time', 'moment', 'bytes', 'array'],
  bytes: ['whole', 'decimal', 'float', 'boolean', 'uuid', 'date', 'time', 'moment', 'interval', 'array'],
  enum: ['whole', 'uuid'],
  object: ['whole', 'decimal', 'float', 'boolean', 'uuid', 'date', 'time', 'moment', 'interval', 'bytes', 'array'],
  array: ['whole', 'decimal', 'float', 'boolean', 'uuid', 'date', 'time', 'moment', 'interval', 'bytes'],
};
const KINDS = Object.keys(REFUSED).filter((kind): kind is ValueKind => kind in REFUSED);

/** The kind of a type that is not a union; null for texts and nulls, of which nothing is known. */
function valueKind(type: Exclude<AvroType, { kind: 'union' }>): ValueKind | null {
  switch (type.kind) {
    case 'record':
    case 'map':
      return 'object';
    case 'array':
    case 'enum':
      return type.kind;
    default: {
      const logical = type.logical?.name;
      if (logical === 'timestamp' || logical === 'local-timestamp') return 'moment';
      if (logical !== undefined) return logical;
      if (type.kind === 'fixed' || type.kind === 'bytes') return 'bytes';
      if (type.kind === 'boolean') return 'boolean';
      return ['int', 'long', 'float', 'double'].includes(type.kind) ? 'number' : null;
    }
  }
}

/** A type by the name in its schema. */
export function typeName(type: AvroType): string {
  if (type.kind === 'union') return type.branches.map(typeName).join(' or ');
  const logical = type.kind === 'record' || type.kind === 'enum' || !('logical' in type) ? null : type.logical;
  if (logical === null) return type.kind;
  return logical.name === 'decimal' ? `decimal(${logical.precision}, ${logical.scale})` : logical.name;
}

/** The branches of a union except null; any other type alone. */
function branchesOf(type: AvroType): readonly Exclude<AvroType, { kind: 'union' }>[] {
  const branches = type.kind === 'union' ? type.branches : [type];
  return branches
    .filter((each): each is Exclude<AvroType, { kind: 'union' }> => each.kind !== 'union')
    .filter(({ kind }) => kind !== 'null');
}

/** Whether a value may be null. */
export function takesNull(type: AvroType): boolean {
  return type.kind === 'null' || (type.kind === 'union' && type.branches.some(({ kind }) => kind === 'null'));
}

/** The type at a path; `nullable`: the value, or one on the way to it, may be null or absent. */
export type TypeAt = { readonly type: AvroType; readonly nullable: boolean } | 'nothing' | 'unknown';

/** `unknown`: the types alone do not tell. */
export function typeAt(root: AvroType, path: Path): TypeAt {
  let type = root;
  let nullable = false;
  for (const step of path) {
    const branches = branchesOf(type);
    nullable ||= takesNull(type);
    const [inner] = branches;
    if (inner === undefined) return 'nothing';
    if (branches.length > 1) return 'unknown';
    if (inner.kind === 'record' && typeof step === 'string') {
      const field = inner.fields.find(({ name }) => name === step);
      if (field === undefined) return 'nothing';
      type = field.type;
    } else if (inner.kind === (typeof step === 'string' ? 'map' : 'array') && 'items' in inner) {
      // It may have fewer.
      nullable = true;
      type = inner.items;
    } else return 'nothing';
  }
  return { type, nullable: nullable || takesNull(type) };
}

/** Whether certainly no value of the type except null fits the column. @param column null: it accepts anything */
export function neverFits(type: AvroType, column: ColumnFit | null): boolean {
  const branches = branchesOf(type);
  return column !== null && branches.length > 0 && branches.every((branch) => refused(branch, column));
}

function refused(type: Exclude<AvroType, { kind: 'union' }>, { refuses }: ColumnFit): boolean {
  const kind = valueKind(type);
  return kind !== null && refuses.includes(kind);
}

/** Values of a type that a column cannot hold unchanged. */
export interface Narrowing {
  readonly why: string;
  /** Ordinary values fit, and only those beyond the column's range do not. */
  readonly range: boolean;
}

function told(why: string | null): Narrowing | null {
  return why === null ? null : { why, range: why === TOO_GREAT || why === NEGATIVE };
}

/** The most severe finding; one about ranges only if there is no other. */
function gravest(found: Iterable<Narrowing | null>): Narrowing | null {
  let range: Narrowing | null = null;
  for (const each of found) {
    if (each !== null && !each.range) return each;
    range ??= each;
  }
  return range;
}

/**
 * Which values of the type do not fit the column, or lose digits; null: none, according to the types.
 * @param column null: it accepts anything
 */
export function narrowing(type: AvroType, column: ColumnFit | null): Narrowing | null {
  if (column === null) return null;
  return gravest(
    branchesOf(type).map((branch) =>
      refused(branch, column) ? told(`${typeName(branch)} does not fit`) : narrowed(branch, column),
    ),
  );
}

function narrowed(type: Exclude<AvroType, { kind: 'union' }>, column: ColumnFit): Narrowing | null {
  if (type.kind === 'enum') {
    const { labels } = column;
    const others = labels === undefined ? [] : type.symbols.filter((symbol) => !labels.has(symbol));
    return told(
      others.length === 0 ? null : `${others.map((symbol) => `'${symbol}'`).join(', ')} is none of its labels`,
    );
  }
  if (type.kind === 'record') return gravest(inFields(type, column));
  if (type.kind === 'array' || type.kind === 'map') {
    const { items } = column;
    return items === undefined ? null : within('its items', type.items, items);
  }
  if (!('logical' in type)) return null;
  const { logical } = type;
  if (logical?.name === 'decimal') return told(ofDecimal(logical, column));
  const { outside, size } = column;
  if (logical?.name === 'timestamp' || logical?.name === 'local-timestamp') {
    const cut = size === 0 ? ', and fractions of a second are cut off' : '';
    if (outside !== undefined) return { why: `${outside} do not fit${cut}`, range: true };
    if (column.family !== 'moment' || size === null || Math.log10(logical.perSecond) <= size) return null;
    return told(`digits beyond ${size} behind the second are ${column.beyond}`);
  }
  if (logical?.name === 'date') return outside === undefined ? null : { why: `${outside} do not fit`, range: true };
  return told(logical === null ? ofNumber(type.kind, column) : null);
}

function ofDecimal({ precision, scale: digits }: Decimal, { family, size, scale, beyond, unsigned }: ColumnFit) {
  if (family === 'float') return 'digits beyond those of a float are lost';
  if (family === 'boolean') return NOT_BOOLEAN;
  if (family === 'whole') {
    if (digits > 0) return 'fractions do not fit';
    if (unsigned === true) return NEGATIVE;
    return precision > Math.floor(((size ?? 0) - 1) * Math.log10(2)) ? TOO_GREAT : null;
  }
  if (family !== 'decimal' || size === null) return null;
  if (digits > scale) return `digits beyond ${scale} behind the point are ${beyond}`;
  return precision - digits > size - scale ? TOO_GREAT : null;
}

function ofNumber(kind: string, { family, size, scale, beyond, unsigned }: ColumnFit): string | null {
  if (kind === 'int' || kind === 'long') {
    const bits = kind === 'int' ? 32 : 64;
    if (family === 'boolean') return NOT_BOOLEAN;
    if (family === 'whole') {
      if (unsigned === true) return NEGATIVE;
      return bits > (size ?? 0) ? TOO_GREAT : null;
    }
    const digits = kind === 'int' ? 10 : 19;
    return family === 'decimal' && size !== null && size - scale < digits ? TOO_GREAT : null;
  }
  if (kind === 'float' || kind === 'double') {
    if (family === 'boolean') return NOT_BOOLEAN;
    if (family === 'whole') return 'fractions do not fit';
    if (family === 'float' && (size ?? 64) < (kind === 'double' ? 64 : 32))
      return `digits beyond ${size} bits are lost`;
    if (family === 'decimal' && size !== null) return `digits beyond ${scale} behind the point are ${beyond}`;
  }
  return null;
}

/** What an object's fields do in a map or a tuple. */
function inFields({ fields }: RecordType, { items, fields: elements }: ColumnFit): (Narrowing | null)[] {
  return [
    ...(items === undefined ? [] : fields.map(({ name, type }) => within(`'${name}'`, type, items))),
    ...[...(elements ?? [])].map(([name, element]) => {
      const field = fields.find((each) => each.name === name);
      if (field !== undefined) return within(`'${name}'`, field.type, element);
      return told(element?.required === true ? `it has no '${name}', which takes no null` : null);
    }),
  ];
}

/** What a value within another one does. */
function within(what: string, type: AvroType, column: ColumnFit | null): Narrowing | null {
  if (column?.required === true && takesNull(type)) return told(`${what} may be null, which does not fit`);
  const found = narrowing(type, column);
  return found === null ? null : { ...found, why: `${what}: ${found.why}` };
}
