// `format: json_schema`: the magic byte 0, the id of a schema in a registry, JSON that the schema must hold for. Draft
// 4 is not known; formats such as `email` are annotations, as the newer drafts have it.
import type { Ajv as AjvInstance, ErrorObject, ValidateFunction } from 'ajv';
import { type DecodedRecord, type Decoder, jsonDecoder, jsonRecord, PoisonMessage, utf8 } from './decode.ts';
import { hasExactNumber } from './json.ts';
import { textKey } from './message-parts.ts';
import { HEAD_BYTES, MAGIC, RegisteredSchemas } from './registered-schemas.ts';
import type { RegisteredSchema, SchemaRegistry } from './schema-registry.ts';

/** Decodes what JSON Schema serializers write. Asks the registry once for each schema. */
export function schemaDecoder(registry: SchemaRegistry, now: () => number): Decoder {
  const schemas = new RegisteredSchemas(registry, now, 'json_schema', validatorOf);
  const read = (bytes: Uint8Array, id: number, validate: ValidateFunction): DecodedRecord => {
    const text = utf8(bytes);
    const record = jsonRecord(text);
    // A number that keeps its digits would be an object to the validator.
    validated(validate, id, hasExactNumber(text) ? JSON.parse(text) : record);
    return record;
  };
  return {
    plain: false,
    decode(value) {
      const id = schemas.id(value);
      const bytes = value.subarray(HEAD_BYTES);
      const schema = schemas.of(id);
      return schema instanceof Promise ? schema.then((found) => read(bytes, id, found)) : read(bytes, id, schema);
    },
    decodeKey: (key, columns) => jsonDecoder.decodeKey(key === null ? null : withoutHead(key), columns),
    keys: { prepare: () => null, read: (key) => textKey(withoutHead(key)) },
  };
}

/** A key without the head of a serializer, where it has one. */
function withoutHead(key: Uint8Array): Uint8Array {
  return key[0] === MAGIC && key.length > HEAD_BYTES ? key.subarray(HEAD_BYTES) : key;
}

/** @throws PoisonMessage when a schema does not hold for a value */
export function validated(validate: ValidateFunction, id: number, value: unknown): void {
  if (validate(value)) return;
  const [error] = (validate.errors ?? []) as ErrorObject[];
  throw new PoisonMessage(
    `schema ${id} does not hold: ${error?.instancePath || 'the message'} ${error?.message ?? ''}`,
  );
}

/** @throws for a schema that is none, or refers to one that is not there */
export async function validatorOf({ schema, references }: RegisteredSchema): Promise<ValidateFunction> {
  const root = JSON.parse(schema) as { readonly $schema?: string; readonly $id?: string };
  const options = { strict: false, validateFormats: false, logger: false, addUsedSchema: false } as const;
  const draft = root.$schema ?? '';
  const ajv: AjvInstance = draft.includes('2020-12')
    ? new (await import('ajv/dist/2020.js')).default.Ajv2020(options)
    : draft.includes('2019-09')
      ? new (await import('ajv/dist/2019.js')).default.Ajv2019(options)
      : new (await import('ajv')).default.Ajv(options);
  if (draft.includes('draft-06'))
    ajv.addMetaSchema((await import('ajv/dist/refs/json-schema-draft-06.json', { with: { type: 'json' } })).default);
  if (draft.includes('draft-04')) throw new Error('draft 4 is not supported; draft 6, 7, 2019-09 and 2020-12 are');
  for (const [name, text] of references) {
    if (text === '') throw new Error(`the schema that it refers to as ${name} is not in the registry`);
    const { $id: id, ...withoutId } = JSON.parse(text) as { readonly $id?: string };
    const places = new Set([
      name,
      ...(root.$id === undefined ? [] : [resolved(name, root.$id)]),
      ...(id === undefined ? [] : [id]),
    ]);
    // Under each name that a reference may resolve to; its own id would be a second one.
    for (const place of places) if (ajv.getSchema(place) === undefined) ajv.addSchema({ ...withoutId }, place);
  }
  return ajv.compile(root);
}

function resolved(name: string, base: string): string {
  try {
    return new URL(name, base).href;
  } catch {
    return name;
  }
}
