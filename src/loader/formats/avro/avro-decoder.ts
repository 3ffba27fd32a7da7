// `format: avro`: the magic byte 0, the id of the writer's schema in a registry, an Avro record. The schema is resolved
// to the declared columns once per id; avro-row-path.ts builds rows of ordinary messages without an intermediate
// record.
import type { FitOf } from '../../settings/type-fit.ts';
import { type DecodedRecord, type Decoder, jsonDecoder, keyOf, PoisonMessage } from '../message-decoder.ts';
import { HEAD_BYTES, MAGIC, RegisteredSchemas } from '../registered-schemas.ts';
import { type MessageKey, textKey } from '../values/message-parts.ts';
import type { RowPlan } from '../rows/row-encoder.ts';
import type { RegisteredSchema, SchemaRegistry } from '../schema-registry.ts';
import { AvroCells } from './avro-row-path.ts';
import { Cursor } from './byte-cursor.ts';
import { type Reader, Readers } from './avro-reader.ts';
import { refusal, type Resolution, resolve, type ResolvedTarget, sqlFits } from './schema-resolution.ts';
import { type AvroType, parseSchema } from './avro-schema.ts';

/** A writer's schema, compiled for reading. */
export interface WriterSchema {
  readonly id: number;
  readonly type: AvroType;
  readonly read: Reader;
  /** How its fields become columns; null for a schema that is not a record. */
  readonly resolution: Resolution | null;
  /** The fields in byte order; `as` null: it is dropped. */
  readonly fields: readonly {
    readonly name: string;
    readonly as: string | null;
    readonly type: AvroType;
    readonly read: Reader;
  }[];
  /** Why none of its messages can become a row. */
  readonly refused: string | null;
}

/** @param fits what columns accept @throws NotAvro */
export function writerSchema(
  { schema, references }: RegisteredSchema,
  id: number,
  target: ResolvedTarget,
  fits: FitOf = sqlFits,
): WriterSchema {
  const type = parseSchema(schema, references);
  const readers = new Readers();
  const resolution = type.kind === 'record' ? resolve(type, target) : null;
  const refused = refusal(type, target, fits);
  return {
    id,
    type,
    read: readers.of(type),
    resolution,
    fields:
      resolution?.fields.map(({ field: { name, type: each }, as }) => ({
        name,
        as,
        type: each,
        read: readers.of(each),
      })) ?? [],
    refused: refused === null ? null : `schema ${id}: ${refused}`,
  };
}

/** Decodes messages written by Avro serializers. Requests each schema once. @param fits what columns accept */
export function avroDecoder(
  registry: Pick<SchemaRegistry, 'schema'>,
  target: ResolvedTarget,
  now: () => number,
  fits: FitOf = sqlFits,
): Decoder {
  const schemas = new RegisteredSchemas(registry, now, 'avro', (schema, id) => writerSchema(schema, id, target, fits));
  const cursor = new Cursor();
  const key = (bytes: Uint8Array, column: string, schema: WriterSchema): DecodedRecord => {
    if (schema.resolution !== null) return decodeRecord(schema, bytes, cursor);
    cursor.set(buffer(bytes), HEAD_BYTES, bytes.length);
    const value = part(schema.id, null, cursor, schema.read);
    ended(schema.id, cursor);
    return { [column]: value };
  };
  return {
    plain: false,
    decode(value) {
      const schema = schemas.of(schemas.id(value));
      return schema instanceof Promise
        ? schema.then((found) => decodeValue(found, value, cursor))
        : decodeValue(schema, value, cursor);
    },
    decodeKey(bytes, columns) {
      const found = keyOf(bytes, columns);
      if (!hasHead(found.key)) return jsonDecoder.decodeKey(bytes, columns);
      const schema = schemas.of(schemas.id(found.key));
      return schema instanceof Promise
        ? schema.then((known) => key(found.key, found.column, known))
        : key(found.key, found.column, schema);
    },
    keys: {
      prepare(bytes) {
        if (!hasHead(bytes)) return null;
        const schema = schemas.of(schemas.id(bytes));
        return schema instanceof Promise ? schema.then(() => undefined) : null;
      },
      read(bytes) {
        if (!hasHead(bytes)) return textKey(bytes);
        const schema = schemas.kept(schemas.id(bytes));
        return schema === null ? null : wholeValue(schema, bytes, cursor);
      },
    },
    path: (plan: RowPlan) => new AvroCells(plan, (id) => schemas.kept(id)),
  };
}

function hasHead(key: Uint8Array): boolean {
  return key[0] === MAGIC && key.length >= HEAD_BYTES;
}

/** A key of any type, as JSON would represent it. */
function wholeValue({ id, read }: WriterSchema, bytes: Uint8Array, cursor: Cursor): MessageKey {
  cursor.set(buffer(bytes), HEAD_BYTES, bytes.length);
  const value = part(id, null, cursor, read);
  ended(id, cursor);
  return { whole: value, value };
}

function decodeValue(schema: WriterSchema, bytes: Uint8Array, cursor: Cursor): DecodedRecord {
  if (schema.refused !== null) throw new PoisonMessage(schema.refused);
  return decodeRecord(schema, bytes, cursor);
}

/** Converts a message with a header to a record of columns and other fields. @throws PoisonMessage */
export function decodeRecord(schema: WriterSchema, message: Uint8Array, cursor: Cursor): DecodedRecord {
  const record: Record<string, unknown> = Object.create(null);
  const { id, resolution, fields } = schema;
  cursor.set(buffer(message), HEAD_BYTES, message.length);
  for (const { name, as, read } of fields) {
    const value = part(id, name, cursor, read);
    if (as !== null) record[as] = value;
  }
  ended(id, cursor);
  for (const [name, value] of resolution?.fallbacks ?? []) record[name] = value;
  return record;
}

function ended(id: number, { at, end }: Cursor): void {
  if (at !== end) throw new PoisonMessage(`schema ${id}: ${end - at} bytes are left behind the message`);
}

function part(id: number, name: string | null, cursor: Cursor, read: Reader): unknown {
  try {
    return read(cursor);
  } catch (error) {
    const place = `schema ${id}${name === null ? '' : `, field '${name}'`}`;
    if (error instanceof PoisonMessage) throw new PoisonMessage(`${place}: ${error.message}`);
    if (error instanceof RangeError) throw new PoisonMessage(`${place}: values that are nested too deeply`);
    throw error;
  }
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
