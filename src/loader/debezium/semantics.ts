// What a field of a row stands for, by the schema that came with it: of JSON's envelopes or of Avro. Pure.
import type { AvroType } from '../avro/schema.ts';
import { isDictionary } from '../../values/is-dictionary.ts';

/** A field's type in the words of Kafka Connect, as far as its values depend on it. */
export interface Semantics {
  /** The logical name, such as `io.debezium.time.MicroTimestamp`; null: none. */
  readonly name: string | null;
  /** Of a decimal. */
  readonly scale: number | null;
  /** Of a list. */
  readonly items: Semantics | null;
}

const NOTHING: Semantics = { name: null, scale: null, items: null };

/** @param schema of one field, as JSON's converter writes it */
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

/** The fields of the row within an envelope's schema, or of a key's; null: it has none. */
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

/** A value that the reader of Avro has read already, such as a decimal, needs no more. */
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

/** The name of what the reader of Avro has made a text already. */
export const READ = 'read';

/** The fields of a record, also of one that may be null; null: it is none. */
export function fieldsOfAvro(type: AvroType, member: 'after' | null): Map<string, Semantics> | null {
  const record = type.kind === 'union' ? type.branches.find(({ kind }) => kind === 'record') : type;
  if (record?.kind !== 'record') return null;
  if (member !== null) {
    const field = record.fields.find(({ name }) => name === member);
    return field === undefined ? null : fieldsOfAvro(field.type, null);
  }
  return new Map(record.fields.map(({ name, type: each }) => [name, semanticsOfAvro(each)]));
}
