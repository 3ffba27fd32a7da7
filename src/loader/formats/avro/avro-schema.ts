// Parses an Avro schema to a tree of types: resolves names and references, checks logical types. Pure. avro-reader.ts
// and writer.ts use it.
import { isDictionary } from '../../../values/is-dictionary.ts';

/** The logical type of bytes or numbers. */
export type Logical =
  | { readonly name: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly name: 'date' | 'uuid' | 'duration' }
  /** `perSecond`: units per second. */
  | { readonly name: 'time' | 'timestamp' | 'local-timestamp'; readonly perSecond: number };

export type PrimitiveKind = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string';

/** Kafka Connect's logical name of the type; absent: none. */
interface Connected {
  readonly connect?: string;
}

export type AvroType =
  | ({ readonly kind: PrimitiveKind; readonly logical: Logical | null } & Connected)
  | ({
      readonly kind: 'fixed';
      readonly name: string;
      readonly size: number;
      readonly logical: Logical | null;
    } & Connected)
  | { readonly kind: 'enum'; readonly name: string; readonly symbols: readonly string[] }
  | { readonly kind: 'array' | 'map'; readonly items: AvroType }
  | { readonly kind: 'union'; readonly branches: readonly AvroType[] }
  | RecordType;

export interface RecordType extends Connected {
  readonly kind: 'record';
  readonly name: string;
  readonly fields: readonly AvroField[];
}

export interface AvroField {
  readonly name: string;
  /** Earlier names of the field. */
  readonly aliases: readonly string[];
  readonly type: AvroType;
  /** As JSON; undefined: none. */
  readonly fallback: unknown;
}

/** Thrown for a text that is not an Avro schema; the message says why. */
export class NotAvro extends Error {}

const PRIMITIVES: ReadonlySet<unknown> = new Set([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
]);
const PER_SECOND: Readonly<Record<string, number>> = { millis: 1e3, micros: 1e6, nanos: 1e9 };
const UUID_BYTES = 16;
const DURATION_BYTES = 12;
/** Maximum precision of a decimal in a database. */
const MAX_DIGITS = 147_455;

/**
 * @param text as stored in the registry
 * @param references the texts of referenced schemas by name; an empty one is not in the registry
 * @throws NotAvro
 */
export function parseSchema(text: string, references: ReadonlyMap<string, string> = new Map()): AvroType {
  return new SchemaReader(references).root(text);
}

type Dictionary = { readonly [name: string]: unknown };

class SchemaReader {
  readonly #named = new Map<string, AvroType>();
  /** References that were not parsed yet. */
  readonly #waiting: Map<string, string>;

  constructor(references: ReadonlyMap<string, string>) {
    this.#waiting = new Map(references);
  }

  root(text: string): AvroType {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      throw new NotAvro('its text is not JSON');
    }
    try {
      return this.#type(json, '');
    } catch (error) {
      if (error instanceof RangeError) throw new NotAvro('it is nested too deeply');
      throw error;
    }
  }

  #type(json: unknown, namespace: string): AvroType {
    if (typeof json === 'string') return this.#called(json, namespace);
    if (Array.isArray(json)) return this.#union(json, namespace);
    if (!isDictionary(json)) throw new NotAvro(`a type must be a name, a list or a dictionary, found ${String(json)}`);
    const { type } = json;
    switch (type) {
      case 'record':
      case 'error':
        return this.#record(json, namespace);
      case 'enum':
        return this.#define(json, namespace, (name) => ({ kind: 'enum', name, symbols: names(json, 'symbols', name) }));
      case 'fixed':
        return this.#define(json, namespace, (name) => {
          const { size } = json;
          if (typeof size !== 'number' || !Number.isInteger(size) || size < 0)
            throw new NotAvro(`the size of fixed '${name}' must be a whole number`);
          return { kind: 'fixed', name, size, logical: logicalOf(json, 'fixed', size) };
        });
      case 'array':
      case 'map': {
        const items = json[type === 'array' ? 'items' : 'values'];
        if (items === undefined) throw new NotAvro(`an ${type} without ${type === 'array' ? 'items' : 'values'}`);
        return { kind: type, items: this.#type(items, namespace) };
      }
      case undefined:
        throw new NotAvro("a type has no 'type'");
      default:
        if (isPrimitive(type)) return { kind: type, logical: logicalOf(json, type, 0), ...connectOf(json) };
        return this.#type(type, namespace);
    }
  }

  #union(list: readonly unknown[], namespace: string): AvroType {
    const branches = list.map((each) => this.#type(each, namespace));
    if (branches.some(({ kind }) => kind === 'union')) throw new NotAvro('a union directly within a union');
    return { kind: 'union', branches };
  }

  #record(json: Dictionary, namespace: string): AvroType {
    const fields: AvroField[] = [];
    const found = this.#define(json, namespace, (name) => ({ kind: 'record', name, fields, ...connectOf(json) }));
    const name = nameOf(json, namespace);
    if (!Array.isArray(json['fields'])) throw new NotAvro(`record '${name}' has no list of fields`);
    const seen = new Set<string>();
    const written: readonly unknown[] = json['fields'];
    for (const field of written) {
      if (!isDictionary(field) || typeof field['name'] !== 'string' || field['type'] === undefined)
        throw new NotAvro(`a field of record '${name}' lacks name or type`);
      if (seen.has(field['name'])) throw new NotAvro(`record '${name}' has field '${field['name']}' twice`);
      seen.add(field['name']);
      fields.push({
        name: field['name'],
        aliases: field['aliases'] === undefined ? [] : names(field, 'aliases', field['name']),
        type: this.#type(field['type'], name.slice(0, Math.max(0, name.lastIndexOf('.')))),
        fallback: field['default'],
      });
    }
    return found;
  }

  /** Registers a named type before its parts are parsed: a record may contain itself. */
  #define(json: Dictionary, namespace: string, make: (name: string) => AvroType): AvroType {
    const name = nameOf(json, namespace);
    if (this.#named.has(name)) throw new NotAvro(`'${name}' is defined twice`);
    const made = make(name);
    this.#named.set(name, made);
    return made;
  }

  #called(name: string, namespace: string): AvroType {
    if (isPrimitive(name)) return { kind: name, logical: null };
    const full = name.includes('.') || namespace === '' ? name : `${namespace}.${name}`;
    for (const each of [full, name]) {
      const found = this.#named.get(each) ?? this.#referenced(each);
      if (found !== undefined) return found;
    }
    throw new NotAvro(`'${full}' is no type`);
  }

  #referenced(name: string): AvroType | undefined {
    // First by the name of its reference, which Confluent's clients use as the type's name.
    for (const each of [name, ...this.#waiting.keys()]) {
      const text = this.#waiting.get(each);
      if (text === undefined) continue;
      this.#waiting.delete(each);
      if (text === '') throw new NotAvro(`the schema that it refers to as ${each} is not in the registry`);
      this.root(text);
      const found = this.#named.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

function nameOf(json: Dictionary, namespace: string): string {
  const { name, namespace: own } = json;
  if (typeof name !== 'string' || name === '') throw new NotAvro(`a type '${String(json['type'])}' without a name`);
  if (name.includes('.')) return name;
  const space = typeof own === 'string' ? own : namespace;
  return space === '' ? name : `${space}.${name}`;
}

function names(json: Dictionary, key: string, owner: string): readonly string[] {
  const list = json[key];
  if (!Array.isArray(list) || !list.every((each) => typeof each === 'string'))
    throw new NotAvro(`the ${key} of '${owner}' must be a list of names`);
  return list;
}

function connectOf(json: Dictionary): Connected {
  const { 'connect.name': name } = json;
  return typeof name === 'string' ? { connect: name } : {};
}

/** Also null for a logical type that does not match its type: Avro then reads the bare type. */
function logicalOf(json: Dictionary, kind: string, size: number): Logical | null {
  const { logicalType } = json;
  if (typeof logicalType !== 'string') return null;
  if (logicalType === 'decimal' && (kind === 'bytes' || kind === 'fixed')) {
    const { precision, scale = 0 } = json;
    if (isCount(precision) && precision > MAX_DIGITS)
      throw new NotAvro(`a decimal of ${precision} digits, and no database takes more than ${MAX_DIGITS}`);
    return isCount(precision) && isCount(scale) && precision > 0 && scale <= precision
      ? { name: 'decimal', precision, scale }
      : null;
  }
  if (logicalType === 'date' && kind === 'int') return { name: 'date' };
  if (logicalType === 'uuid' && (kind === 'string' || (kind === 'fixed' && size === UUID_BYTES)))
    return { name: 'uuid' };
  if (logicalType === 'duration' && kind === 'fixed' && size === DURATION_BYTES) return { name: 'duration' };
  const [, name, unit = ''] = /^(time|timestamp|local-timestamp)-(millis|micros|nanos)$/.exec(logicalType) ?? [];
  const perSecond = PER_SECOND[unit];
  if (perSecond === undefined) return null;
  if (name === 'time')
    return unit !== 'nanos' && kind === (unit === 'millis' ? 'int' : 'long') ? { name, perSecond } : null;
  return kind === 'long' && (name === 'timestamp' || name === 'local-timestamp') ? { name, perSecond } : null;
}

function isPrimitive(name: unknown): name is PrimitiveKind {
  return PRIMITIVES.has(name);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0;
}
