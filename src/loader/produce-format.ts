// Formats messages for `produce` as Confluent's serializers do: the magic byte, the id of a schema in the registry,
// then Avro, or JSON that is valid against its schema.
import { TsdbtError } from '../errors.ts';
import { NotWritable, writeAvro } from './avro/writer.ts';
import { parseSchema } from './formats/avro/avro-schema.ts';
import { PoisonMessage } from './formats/message-decoder.ts';
import { parseJson } from './formats/values/lossless-json.ts';
import { validated, validatorOf } from './formats/json-schema/json-schema.ts';
import { HEAD_BYTES } from './formats/registered-schemas.ts';
import type { RegisteredSchema, SchemaRegistry } from './formats/schema-registry.ts';

export interface ProduceFormat {
  readonly topic: string;
  readonly format: 'json_schema' | 'avro';
  /** The schema's text, alone or in the registry's form with `references`; null: the latest of the topic's subject. */
  readonly schema: string | null;
  /** Registers the schema if the subject does not have it. */
  readonly register: boolean;
  /** The file that is sent, for errors. */
  readonly path: string;
}

/** Converts a record's JSON to a message. @throws `runtime` error for a record that does not match the schema */
export type MessageEncoder = (value: Uint8Array, record: bigint) => Buffer;

/** @throws `runtime` error for a missing or invalid schema, and errors of the registry's client */
export async function messageEncoder(registry: SchemaRegistry, options: ProduceFormat): Promise<MessageEncoder> {
  const { topic, format, path } = options;
  const subject = `${topic}-value`;
  const { id, schema } = await schemaOf(registry, subject, options);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeInt32BE(id, 1);
  let write: (value: unknown, bytes: Uint8Array) => Uint8Array;
  try {
    if (format === 'avro') {
      const type = parseSchema(schema.schema, schema.references);
      write = (value) => writeAvro(type, value);
    } else {
      const validate = await validatorOf(schema);
      write = (value, bytes) => {
        validated(validate, id, JSON.parse(Buffer.from(bytes).toString('utf8')) ?? value);
        return bytes;
      };
    }
  } catch (error) {
    throw new TsdbtError(
      'runtime',
      `The schema of ${subject} cannot be used: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  return (value, record) => {
    try {
      return Buffer.concat([head, write(parseJson(Buffer.from(value).toString('utf8')), value)]);
    } catch (error) {
      if (!(error instanceof NotWritable) && !(error instanceof PoisonMessage)) throw error;
      throw new TsdbtError('runtime', `record ${record}: ${error.message}`, { path });
    }
  };
}

async function schemaOf(
  registry: SchemaRegistry,
  subject: string,
  { format, schema, register }: ProduceFormat,
): Promise<{ readonly id: number; readonly schema: RegisteredSchema }> {
  const type = format === 'avro' ? 'AVRO' : 'JSON';
  if (schema !== null) {
    const found = await registry.among(subject, { type, ...given(schema) }, register);
    if (found === null)
      throw new TsdbtError('runtime', `The registry has no such schema of ${subject}.`, {
        hint: '--register puts it there.',
      });
    return found;
  }
  const latest = await registry.latest(subject);
  if (latest === null)
    throw new TsdbtError('runtime', `The registry has no schema of ${subject}.`, {
      hint: '--schema FILE --register puts one there.',
    });
  if (latest.schema.type !== type)
    throw new TsdbtError('runtime', `The schema of ${subject} is ${latest.schema.type}, and --format says ${format}.`);
  return latest;
}

/** A schema's text and its references, from a file of either form. */
function given(text: string): { readonly schema: string; readonly references: readonly unknown[] } {
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    // If it is not JSON, the registry rejects it.
  }
  if (typeof found === 'object' && found !== null && 'schema' in found && 'references' in found) {
    const { schema, references } = found;
    if (Array.isArray(references) && (typeof schema === 'string' || (typeof schema === 'object' && schema !== null)))
      return { schema: typeof schema === 'string' ? schema : JSON.stringify(schema), references };
  }
  return { schema: text, references: [] };
}
