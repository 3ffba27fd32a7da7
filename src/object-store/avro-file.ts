// Avro container files as Iceberg's manifests need them: written without compression, read by the schema in the file.
// Values are plain objects; longs are bigints.
import { randomBytes } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';

export type AvroValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly AvroValue[]
  | { readonly [name: string]: AvroValue };

export type AvroSchema =
  | string
  | readonly AvroSchema[]
  | { readonly type: 'record'; readonly name: string; readonly fields: readonly AvroField[] }
  | { readonly type: 'array'; readonly items: AvroSchema }
  | { readonly type: 'map'; readonly values: AvroSchema }
  | { readonly type: 'fixed'; readonly name: string; readonly size: number }
  | { readonly type: 'int' | 'long' | 'string' | 'bytes'; readonly logicalType?: string };

export interface AvroField {
  readonly name: string;
  readonly type: AvroSchema;
  readonly 'field-id'?: number;
  readonly default?: null;
}

const MAGIC = Buffer.from('Obj\u0001', 'latin1');
/**
 * Limits of a file against bombs: unpacked bytes, and values in addition to those per byte, because nulls and empty
 * records take no bytes.
 */
const [MAX_UNPACKED, FREE_VALUES, VALUES_PER_BYTE] = [256 * 1024 ** 2, 1_000_000, 4];
/** Payload bits in a varint's last byte. */
const LAST_SHIFT = 63n;

/** @param metadata in addition to the schema */
export function writeAvroFile(
  schema: AvroSchema,
  rows: readonly AvroValue[],
  metadata: Readonly<Record<string, string>>,
): Buffer {
  const sync = randomBytes(16);
  const header: Buffer[] = [MAGIC];
  const entries = Object.entries({ 'avro.schema': JSON.stringify(schema), 'avro.codec': 'null', ...metadata });
  writeLong(header, BigInt(entries.length));
  for (const [key, value] of entries) {
    writeBytes(header, Buffer.from(key));
    writeBytes(header, Buffer.from(value));
  }
  header.push(Buffer.of(0), sync);
  if (rows.length === 0) return Buffer.concat(header);
  const block: Buffer[] = [];
  for (const row of rows) write(block, schema, row);
  const body = Buffer.concat(block);
  writeLong(header, BigInt(rows.length));
  writeBytes(header, body);
  return Buffer.concat([...header, sync]);
}

function writeLong(to: Buffer[], value: bigint): void {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  to.push(Buffer.from(bytes));
}

function writeBytes(to: Buffer[], bytes: Uint8Array): void {
  writeLong(to, BigInt(bytes.length));
  to.push(Buffer.from(bytes));
}

function write(to: Buffer[], schema: AvroSchema, value: AvroValue): void {
  if (isUnion(schema)) {
    const branch = schema.findIndex((each) => (each === 'null') === (value === null));
    writeLong(to, BigInt(branch));
    write(to, schema[branch] ?? 'null', value);
    return;
  }
  const type = typeof schema === 'string' ? schema : schema.type;
  if (typeof schema === 'object' && schema.type === 'record') {
    const record: { readonly [name: string]: AvroValue } = isRecord(value) ? value : {};
    for (const field of schema.fields) write(to, field.type, record[field.name] ?? null);
  } else if (typeof schema === 'object' && schema.type === 'array') {
    const items = Array.isArray(value) ? value : [];
    if (items.length > 0) writeLong(to, BigInt(items.length));
    for (const item of items) write(to, schema.items, item);
    to.push(Buffer.of(0));
  } else if (type === 'int' || type === 'long') writeLong(to, BigInt(String(value)));
  else if (type === 'boolean') to.push(Buffer.of(value === true ? 1 : 0));
  else if (type === 'string') writeBytes(to, Buffer.from(String(value)));
  else if (type === 'bytes' && value instanceof Uint8Array) writeBytes(to, value);
  else if (type === 'fixed' && value instanceof Uint8Array) to.push(Buffer.from(value));
  else if (type !== 'null') throw new TypeError(`Avro type ${type} is not written`);
}

function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema);
}

/** Whether a value is a record or a map. */
export function isRecord(value: AvroValue): value is { readonly [name: string]: AvroValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

export interface AvroFile {
  readonly rows: readonly { readonly [name: string]: AvroValue }[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** @throws RangeError or TypeError if the bytes are not such a file */
export function readAvroFile(file: Buffer): AvroFile {
  const room = { values: FREE_VALUES };
  const reader = new AvroReader(file, room);
  if (!reader.take(4).equals(MAGIC)) throw new TypeError('not an Avro file');
  const metadata = new Map<string, string>();
  reader.blocks(() => metadata.set(reader.bytes().toString(), reader.bytes().toString()));
  reader.take(16);
  const schema: AvroSchema = JSON.parse(metadata.get('avro.schema') ?? 'null');
  const codec = metadata.get('avro.codec') ?? 'null';
  const deflated = codec === 'deflate';
  if (!deflated && codec !== 'null') throw new TypeError(`compressed by ${codec}, and only deflate is read`);
  const rows: { readonly [name: string]: AvroValue }[] = [];
  let unpacked = 0;
  while (!reader.ended) {
    const count = Number(reader.long());
    const body = reader.bytes();
    const bytes = deflated ? inflateRawSync(body, { maxOutputLength: MAX_UNPACKED }) : body;
    unpacked += bytes.length;
    if (unpacked > MAX_UNPACKED) throw new RangeError('the Avro file is larger than 256 MiB');
    const block = new AvroReader(bytes, room);
    for (let i = 0; i < count; i++) {
      block.spend();
      const row = block.value(schema);
      if (isRecord(row)) rows.push(row);
    }
    reader.take(16);
  }
  return { rows, metadata };
}

class AvroReader {
  readonly #from: Buffer;
  readonly #named = new Map<string, AvroSchema>();
  readonly #room: { values: number };
  #at = 0;

  /** @param room the values that the file may still have, to which these bytes add some */
  constructor(from: Buffer, room: { values: number }) {
    this.#from = from;
    this.#room = room;
    room.values += VALUES_PER_BYTE * from.length;
  }

  /** Counts a value. @throws RangeError if there are more values than the bytes allow */
  spend(): void {
    if (--this.#room.values < 0) throw new RangeError('the Avro file claims more values than it has bytes for');
  }

  get ended(): boolean {
    return this.#at >= this.#from.length;
  }

  take(length: number): Buffer {
    if (length < 0 || this.#at + length > this.#from.length) throw new RangeError('the Avro file ends early');
    this.#at += length;
    return this.#from.subarray(this.#at - length, this.#at);
  }

  long(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.take(1)[0] ?? 0;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return (value >> 1n) ^ -(value & 1n);
      if (shift === LAST_SHIFT) throw new RangeError('a number of more than 64 bits in the Avro file');
    }
  }

  bytes(): Buffer {
    return this.take(Number(this.long()));
  }

  /** Calls a function for each item of an array or map. */
  blocks(item: () => void): void {
    for (let count = this.long(); count !== 0n; count = this.long()) {
      if (count < 0n) this.long();
      for (let i = count < 0n ? -count : count; i > 0n; i--) {
        this.spend();
        item();
      }
    }
  }

  value(schema: AvroSchema): AvroValue {
    this.spend();
    if (isUnion(schema)) return this.value(schema[Number(this.long())] ?? 'null');
    if (typeof schema === 'string') return this.#primitive(schema);
    switch (schema.type) {
      case 'record': {
        this.#named.set(schema.name, schema);
        return Object.fromEntries(schema.fields.map(({ name, type }) => [name, this.value(type)]));
      }
      case 'array': {
        const items: AvroValue[] = [];
        this.blocks(() => items.push(this.value(schema.items)));
        return items;
      }
      case 'map': {
        const entries: [string, AvroValue][] = [];
        this.blocks(() => entries.push([this.bytes().toString(), this.value(schema.values)]));
        return Object.fromEntries(entries);
      }
      case 'fixed':
        this.#named.set(schema.name, schema);
        return this.take(schema.size);
      default:
        return this.#primitive(schema.type);
    }
  }

  #primitive(type: string): AvroValue {
    switch (type) {
      case 'null':
        return null;
      case 'boolean':
        return this.take(1)[0] === 1;
      case 'int':
        return Number(this.long());
      case 'long':
        return this.long();
      case 'float':
        return this.take(4).readFloatLE();
      case 'double':
        return this.take(8).readDoubleLE();
      case 'string':
        return this.bytes().toString();
      case 'bytes':
        return this.bytes();
      default: {
        const named = this.#named.get(type);
        if (named === undefined) throw new TypeError(`unknown Avro type ${type}`);
        return this.value(named);
      }
    }
  }
}
