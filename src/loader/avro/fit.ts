// Whether a column can hold what an Avro type gives, told by the declared type alone. Pure. Refuses only what surely no
// value fits; what some values fit is a narrowing, of which `load check` tells.
import type { Path } from '../column-origin.ts';
import type { AvroType } from './schema.ts';

/** Kinds of columns whose types say what they take; another type takes anything, as far as is known here. */
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

interface ColumnType {
  readonly family: Family;
  /** Bits of a whole number or a float; digits of a decimal, null without a limit. */
  readonly size: number | null;
  /** Digits behind the point. */
  readonly scale: number;
}

const WHOLE_BITS: Readonly<Record<string, number>> = {
  smallint: 16,
  int2: 16,
  integer: 32,
  int: 32,
  int4: 32,
  bigint: 64,
  int8: 64,
};

/** Null for a type that takes any text. */
function columnTypeOf(written: string): ColumnType | null {
  const type = written.trim().toLowerCase().replace(/\s+/g, ' ');
  const of = (family: Family, size: number | null = null, scale = 0): ColumnType => ({ family, size, scale });
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
  if (/^timestamp/.test(type)) return of('moment');
  if (/^time/.test(type)) return of('time');
  return type === 'bytea' ? of('bytes') : null;
}

/** What each kind of value surely does not go into. */
const REFUSED: Readonly<Record<string, readonly Family[]>> = {
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

/** The rows of `REFUSED` for a type that is no union. */
function valueKind(type: Exclude<AvroType, { kind: 'union' }>): string {
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
      if (type.kind === 'fixed') return 'bytes';
      return ['int', 'long', 'float', 'double'].includes(type.kind) ? 'number' : type.kind;
    }
  }
}

/** A type as its schema would name it. */
export function typeName(type: AvroType): string {
  if (type.kind === 'union') return type.branches.map(typeName).join(' or ');
  const logical = type.kind === 'record' || type.kind === 'enum' || !('logical' in type) ? null : type.logical;
  if (logical === null) return type.kind;
  return logical.name === 'decimal' ? `decimal(${logical.precision}, ${logical.scale})` : logical.name;
}

/** The branches of a union that are no null; another type alone. */
function branchesOf(type: AvroType): readonly Exclude<AvroType, { kind: 'union' }>[] {
  const branches = type.kind === 'union' ? type.branches : [type];
  return branches
    .filter((each): each is Exclude<AvroType, { kind: 'union' }> => each.kind !== 'union')
    .filter(({ kind }) => kind !== 'null');
}

/** May a value be null? */
export function takesNull(type: AvroType): boolean {
  return type.kind === 'null' || (type.kind === 'union' && type.branches.some(({ kind }) => kind === 'null'));
}

/** What a type has at a path; `nullable`: a value on the way there, or there, may be null or absent. */
export type TypeAt = { readonly type: AvroType; readonly nullable: boolean } | 'nothing' | 'unknown';

/** `unknown`: it takes more than types to tell. */
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

/** Does surely no value of the type fit the column, but null? */
export function neverFits(type: AvroType, written: string): boolean {
  const column = columnTypeOf(written);
  const branches = branchesOf(type);
  return column !== null && branches.length > 0 && branches.every((branch) => refused(branch, column));
}

function refused(type: Exclude<AvroType, { kind: 'union' }>, { family }: ColumnType): boolean {
  return REFUSED[valueKind(type)]?.includes(family) === true;
}

/** Which values of the type do not fit the column, or lose digits there; null: none, as far as the types tell. */
export function narrowing(type: AvroType, written: string): string | null {
  const column = columnTypeOf(written);
  if (column === null) return null;
  for (const branch of branchesOf(type)) {
    if (refused(branch, column)) return `${typeName(branch)} does not fit`;
    const found = narrowed(branch, column);
    if (found !== null) return found;
  }
  return null;
}

function narrowed(type: Exclude<AvroType, { kind: 'union' }>, { family, size, scale }: ColumnType): string | null {
  if (!('logical' in type)) return null;
  const { kind, logical } = type;
  if (logical?.name === 'decimal') {
    if (family === 'whole' && logical.scale > 0) return 'fractions do not fit';
    if (family === 'float') return 'digits beyond those of a float are lost';
    if (family !== 'decimal' || size === null) return null;
    if (logical.scale > scale) return `digits beyond ${scale} behind the point are rounded`;
    return logical.precision - logical.scale > size - scale ? 'greater values do not fit' : null;
  }
  if (logical !== null) return null;
  if (kind === 'int' || kind === 'long') {
    const bits = kind === 'int' ? 32 : 64;
    if (family === 'whole') return bits > (size ?? 0) ? 'greater values do not fit' : null;
    const digits = kind === 'int' ? 10 : 19;
    return family === 'decimal' && size !== null && size - scale < digits ? 'greater values do not fit' : null;
  }
  if (kind === 'float' || kind === 'double') {
    if (family === 'whole') return 'fractions do not fit';
    if (family === 'float' && kind === 'double' && size === 32) return 'digits beyond those of a real are lost';
    if (family === 'decimal' && size !== null) return `digits beyond ${scale} behind the point are rounded`;
  }
  return null;
}
