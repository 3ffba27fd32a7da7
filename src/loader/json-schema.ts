// `format: json_schema`: the magic byte 0, the id of a schema in a registry, JSON that the schema must hold for. Draft
// 4 is not known; formats such as `email` are annotations, as the newer drafts have it.
import type { Ajv as AjvInstance, ErrorObject, ValidateFunction } from 'ajv';
import { type DecodedRecord, type Decoder, jsonDecoder, jsonRecord, PoisonMessage, utf8 } from './decode.ts';
import { hasExactNumber } from './json.ts';
import type { RegisteredSchema, SchemaRegistry } from './schema-registry.ts';

const MAGIC = 0;
const HEAD_BYTES = 5;
const MAX_SCHEMAS = 1000;
/** How long an id that the registry does not have is not asked for again. */
const UNKNOWN_MS = 30_000;

/** What is known of a schema id: how to validate, or why nothing of it can be read. */
type Known = { readonly validate: ValidateFunction } | { readonly reason: string; readonly until: number };

/** Decodes what JSON Schema serializers write. Asks the registry once for each schema. */
export function schemaDecoder(registry: SchemaRegistry, now: () => number): Decoder {
  const known = new Map<number, Known>();
  const read = (bytes: Uint8Array, id: number, schema: Known): DecodedRecord => {
    if ('reason' in schema) throw new PoisonMessage(schema.reason);
    const text = utf8(bytes);
    const record = jsonRecord(text);
    // A number that keeps its digits would be an object to the validator.
    if (schema.validate(hasExactNumber(text) ? JSON.parse(text) : record)) return record;
    const [error] = (schema.validate.errors ?? []) as ErrorObject[];
    throw new PoisonMessage(
      `schema ${id} does not hold: ${error?.instancePath || 'the message'} ${error?.message ?? ''}`,
    );
  };
  return {
    plain: false,
    decode(value) {
      if (value[0] !== MAGIC || value.length < HEAD_BYTES)
        throw new PoisonMessage(
          'no schema id: with format json_schema a message begins with a byte 0 and four of the id',
        );
      const id = new DataView(value.buffer, value.byteOffset).getInt32(1);
      const bytes = value.subarray(HEAD_BYTES);
      const schema = known.get(id);
      if (schema !== undefined && !('reason' in schema && schema.until < now())) return read(bytes, id, schema);
      return (async () => {
        const found = await lookUp(registry, id, now());
        if (known.size >= MAX_SCHEMAS) known.clear();
        known.set(id, found);
        return read(bytes, id, found);
      })();
    },
    decodeKey: (key, columns) =>
      jsonDecoder.decodeKey(
        key !== null && key[0] === MAGIC && key.length > HEAD_BYTES ? key.subarray(HEAD_BYTES) : key,
        columns,
      ),
  };
}

async function lookUp(registry: SchemaRegistry, id: number, time: number): Promise<Known> {
  const registered = await registry.schema(id);
  const refuse = (reason: string, lasting = true): Known => ({
    reason,
    until: lasting ? Number.MAX_SAFE_INTEGER : time + UNKNOWN_MS,
  });
  if (registered === null) return refuse(`the registry has no schema ${id}`, false);
  if (registered.type !== 'JSON')
    return refuse(`schema ${id} is ${registered.type}, and the load config says json_schema`);
  try {
    return { validate: await compile(registered) };
  } catch (error) {
    return refuse(`schema ${id} cannot be used: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** @throws for a schema that is none, or refers to one that is not there */
async function compile({ schema, references }: RegisteredSchema): Promise<ValidateFunction> {
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
