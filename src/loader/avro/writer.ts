// Encodes values from JSON or CSV as Avro by a schema: the inverse of avro-reader.ts, for `produce`.
import { BASE64, ExactNumber } from '../formats/values/lossless-json.ts';
import type { AvroType, Logical } from '../formats/avro/avro-schema.ts';

/** A value that does not fit its type; the message names the field. */
export class NotWritable extends Error {}

const TEXT = /^-?\d+$/;
const DECIMAL = /^(-?)(\d*)(?:\.(\d*))?$/;
const CLOCK = /^(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?$/;
const DURATION = /^P(?:(\d+)M)?(?:(\d+)D)?(?:T(?:(\d+)(?:\.(\d{1,3}))?S)?)?$/;

/** @param path of the value, for errors @throws NotWritable */
export function writeAvro(type: AvroType, value: unknown, path = ''): Buffer {
  const parts: Buffer[] = [];
  write(type, value ?? null, path, parts);
  return Buffer.concat(parts);
}

function write(type: AvroType, value: unknown, path: string, out: Buffer[]): void {
  const refuse = (): never => {
    throw new NotWritable(`${path === '' ? 'the record' : `'${path}'`} does not go as ${type.kind}`);
  };
  switch (type.kind) {
    case 'null':
      if (value !== null && value !== '') refuse();
      return;
    case 'boolean':
      if (value !== true && value !== false && value !== 'true' && value !== 'false') refuse();
      out.push(Buffer.from([String(value) === 'true' ? 1 : 0]));
      return;
    case 'int':
    case 'long': {
      const number = whole(value, type.logical) ?? refuse();
      if (BigInt.asIntN(type.kind === 'int' ? 32 : 64, number) !== number) refuse();
      out.push(varint(number));
      return;
    }
    case 'float':
    case 'double': {
      const number = value === null || typeof value === 'boolean' || value === '' ? Number.NaN : Number(String(value));
      if (Number.isNaN(number) && String(value) !== 'NaN') refuse();
      const bytes = Buffer.alloc(type.kind === 'float' ? 4 : 8);
      if (type.kind === 'float') bytes.writeFloatLE(number);
      else bytes.writeDoubleLE(number);
      out.push(bytes);
      return;
    }
    case 'string': {
      if (value === null || (typeof value === 'object' && !(value instanceof ExactNumber))) refuse();
      const bytes = Buffer.from(String(value));
      out.push(varint(BigInt(bytes.length)), bytes);
      return;
    }
    case 'bytes': {
      const bytes = bytesOf(value, type.logical, null) ?? refuse();
      out.push(varint(BigInt(bytes.length)), bytes);
      return;
    }
    case 'fixed': {
      const bytes = bytesOf(value, type.logical, type.size) ?? refuse();
      if (bytes.length !== type.size) refuse();
      out.push(bytes);
      return;
    }
    case 'enum': {
      const at = typeof value === 'string' ? type.symbols.indexOf(value) : -1;
      if (at < 0) refuse();
      out.push(varint(BigInt(at)));
      return;
    }
    case 'array':
    case 'map': {
      const map = type.kind === 'map';
      if (typeof value !== 'object' || value === null || Array.isArray(value) === map) refuse();
      const entries = Object.entries(value ?? {});
      if (entries.length > 0) out.push(varint(BigInt(entries.length)));
      for (const [key, item] of entries) {
        if (map) write({ kind: 'string', logical: null }, key, path, out);
        write(type.items, item, `${path}.${key}`, out);
      }
      out.push(varint(0n));
      return;
    }
    case 'union': {
      const tried = [...type.branches.entries()].sort(([, a], [, b]) => rank(b, value) - rank(a, value));
      for (const [at, branch] of tried) {
        const parts: Buffer[] = [];
        try {
          write(branch, value, path, parts);
        } catch (error) {
          if (error instanceof NotWritable) continue;
          throw error;
        }
        out.push(varint(BigInt(at)), ...parts);
        return;
      }
      refuse();
      break;
    }
    case 'record': {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse();
      const record = new Map<string, unknown>(Object.entries(value ?? {}));
      for (const field of type.fields) {
        const given = record.has(field.name) ? record.get(field.name) : field.fallback;
        write(field.type, given ?? null, path === '' ? field.name : `${path}.${field.name}`, out);
      }
    }
  }
}

/** How well a value matches a branch of a union: its own kind first, then types that a text can be parsed as. */
function rank(type: AvroType, value: unknown): number {
  const kind =
    value === null ? 'null' : value instanceof ExactNumber ? 'number' : Array.isArray(value) ? 'array' : typeof value;
  switch (type.kind) {
    case 'null':
      return kind === 'null' ? 2 : -1;
    case 'boolean':
      return kind === 'boolean' ? 2 : 0;
    case 'enum':
      return kind === 'string' ? 3 : 0;
    case 'string':
      return kind === 'string' ? 2 : -1;
    case 'bytes':
    case 'fixed':
      return kind === 'string' ? 1 : 0;
    case 'float':
    case 'double':
      // Texts that are not JSON numbers.
      if (kind === 'string') return /^(?:NaN|-?Infinity)$/.test(String(value)) ? 1.5 : 0;
      return kind === 'number' ? 2 : 0;
    case 'array':
      return kind === 'array' ? 2 : 0;
    default:
      return type.kind === 'record' || type.kind === 'map' ? (kind === 'object' ? 2 : 0) : kind === 'number' ? 2 : 0;
  }
}

function varint(value: bigint): Buffer {
  let left = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  const bytes: number[] = [];
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  return Buffer.from([...bytes, Number(left)]);
}

/** A number, its digits, or a timestamp as text; null: none of these. */
function whole(value: unknown, logical: Logical | null): bigint | null {
  const text = value instanceof ExactNumber ? value.toString() : String(value);
  if (typeof value === 'boolean' || value === null) return null;
  if (TEXT.test(text)) return BigInt(text);
  if (typeof value !== 'string' || logical === null) return null;
  if (logical.name === 'date') {
    const time = Date.parse(`${value.slice(0, 10)}T00:00:00Z`);
    return Number.isNaN(time) ? null : BigInt(time / 86_400_000);
  }
  if (!('perSecond' in logical)) return null;
  const per = BigInt(logical.perSecond);
  const digits = String(logical.perSecond).length - 1;
  const units = (fraction = ''): bigint => BigInt(fraction.padEnd(digits, '0').slice(0, digits) || '0');
  if (logical.name === 'time') {
    const [, hours, minutes, seconds, fraction] = CLOCK.exec(value) ?? [];
    return hours === undefined
      ? null
      : BigInt(Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * per + units(fraction);
  }
  const [, day, fraction, zone] = /^(.*?\d\d:\d\d(?::\d\d)?)(?:\.(\d+))?\s*(Z|[+-]\d\d:?\d\d)?$/i.exec(value) ?? [];
  const time = Date.parse(`${(day ?? `${value}T00:00`).replace(' ', 'T')}${zone ?? 'Z'}`);
  return Number.isNaN(time) ? null : BigInt(time / 1000) * per + units(fraction);
}

/** Bytes from base64, or from a text by a logical type; null: none of these. @param size of a fixed */
function bytesOf(value: unknown, logical: Logical | null, size: number | null): Buffer | null {
  if (value === null || (typeof value === 'object' && !(value instanceof ExactNumber))) return null;
  const text = value instanceof ExactNumber ? value.text : String(value);
  switch (logical?.name) {
    case 'decimal': {
      const [, sign, before = '', after = ''] = DECIMAL.exec(text) ?? [];
      if (sign === undefined || before + after === '' || after.length > logical.scale) return null;
      const unscaled = BigInt(`${before}${after.padEnd(logical.scale, '0')}`) * (sign === '-' ? -1n : 1n);
      const length = size ?? Math.ceil((unscaled.toString(2).replace('-', '').length + 1) / 8);
      if (BigInt.asIntN(length * 8, unscaled) !== unscaled) return null;
      const hex = BigInt.asUintN(length * 8, unscaled).toString(16);
      return Buffer.from(hex.padStart(length * 2, '0'), 'hex');
    }
    case 'uuid':
      return Buffer.from(text.replaceAll('-', ''), 'hex');
    case 'duration': {
      const [, months, days, seconds, fraction = ''] = DURATION.exec(text) ?? [];
      const parts = [
        Number(months ?? 0),
        Number(days ?? 0),
        Number(seconds ?? 0) * 1000 + Number(fraction.padEnd(3, '0')),
      ];
      if (!DURATION.test(text) || parts.some((part) => part >= 2 ** 32)) return null;
      const bytes = Buffer.alloc(12);
      for (const [at, part] of parts.entries()) bytes.writeUInt32LE(part, at * 4);
      return bytes;
    }
    default:
      return typeof value === 'string' && BASE64.test(value) ? Buffer.from(value, 'base64') : null;
  }
}
