// The meaning of a row's field according to the schema in JSON envelopes or Avro. Pure.
import type { AvroType } from '../avro/avro-schema.ts';
import { isDictionary } from '../../../values/is-dictionary.ts';

/** A field's Kafka Connect type, as far as it affects the value. */
export interface Semantics {
  /** The logical name, such as `io.debezium.time.MicroTimestamp`; null: none. */
  readonly name: string | null;
  /** Scale of a decimal. */
  readonly scale: number | null;
  /** Element of a list. */
  readonly items: Semantics | null;
}

const NOTHING: Semantics = { name: null, scale: null, items: null };

/** @param schema of one field, as written by JSON's converter */
export function semanticsOfJson(schema: unknown): Semantics {
  if (!isDictionary(schema)) return NOTHING;
  const { name, parameters, items } = schema;
  const scale = isDictionary(parameters) ? Number(parameters['scale']) : Number.NaN;
  return {
    name: typeof name === 'string' ? name : null,
    scale: Number.isInteger(scale) ? scale : null,
    items: items === undefined ? null : semanticsOfJson(items),
  };
}

/** The fields of the row in an envelope's schema, or of a key's; null: it has none. */
export function fieldsOfJson(schema: unknown, member: 'after' | null): Map<string, Semantics> | null {
  if (!isDictionary(schema)) return null;
  const fields: unknown = schema['fields'];
  if (!Array.isArray(fields)) return null;
  const named = fields.filter(isDictionary);
  if (member !== null)
    return fieldsOfJson(
      named.find(({ field }) => field === member),
      null,
    );
  return new Map(named.map((each) => [String(each['field']), semanticsOfJson(each)]));
}

/** A value that the Avro reader has already converted, such as a decimal, needs no conversion. */
export function semanticsOfAvro(type: AvroType): Semantics {
  switch (type.kind) {
    case 'union': {
      const found = type.branches.find(({ kind }) => kind !== 'null');
      return found === undefined ? NOTHING : semanticsOfAvro(found);
    }
    case 'array':
      return { ...NOTHING, items: semanticsOfAvro(type.items) };
    case 'enum':
    case 'map':
      return NOTHING;
    case 'record':
      return { ...NOTHING, name: type.connect ?? null };
    default:
      return { ...NOTHING, name: type.logical === null ? (type.connect ?? null) : READ };
  }
}

/** The name of what the Avro reader has already converted to text. */
export const READ = 'read';

/** The fields of a record, also of a nullable one; null: it is not a record. */
export function fieldsOfAvro(type: AvroType, member: 'after' | null): Map<string, Semantics> | null {
  const record = type.kind === 'union' ? type.branches.find(({ kind }) => kind === 'record') : type;
  if (record?.kind !== 'record') return null;
  if (member !== null) {
    const field = record.fields.find(({ name }) => name === member);
    return field === undefined ? null : fieldsOfAvro(field.type, null);
  }
  return new Map(record.fields.map(({ name, type: each }) => [name, semanticsOfAvro(each)]));
}
