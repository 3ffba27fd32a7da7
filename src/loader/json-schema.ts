// `format: json_schema`: the magic byte 0, the id of a schema in a registry, JSON that the schema must hold for. Draft
// 4 is not known; formats such as `email` are annotations, as the newer drafts have it.
import type { Ajv as AjvInstance, AnySchemaObject, SchemaValidateFunction, ValidateFunction } from 'ajv';
import { TooSlow, withinCpu } from './cpu-limit.ts';
import { type DecodedRecord, type Decoder, jsonDecoder, jsonRecord, PoisonMessage, utf8 } from './decode.ts';
import type { Records } from './fast/records.ts';
import { hasExactNumber } from './json.ts';
import { textKey } from './message-parts.ts';
import { HEAD_BYTES, MAGIC, RegisteredSchemas } from './registered-schemas.ts';
import { type IsQuick, quickness } from './schema-cost.ts';
import type { RegisteredSchema, SchemaRegistry } from './schema-registry.ts';

/** Processor time for a message, for each of its bytes, and for making a validator of a schema, in milliseconds. */
const [MESSAGE_MS, BYTE_MS, SCHEMA_MS] = [1000, 1 / 1000, 10_000];
/** Messages, and their bytes, that are validated under one limit: one for each would cost more than most of them. */
const [MESSAGES_AHEAD, BYTES_AHEAD] = [400, 1024 * 1024];
/** Keywords of a referenced schema that is copied to where it is referenced: copies of great ones multiply. */
const INLINED_KEYWORDS = 20;
const OPTIONS = {
  strict: false,
  validateFormats: false,
  logger: false,
  inlineRefs: INLINED_KEYWORDS,
} as const;

type Read = DecodedRecord | PoisonMessage;

/** A schema of the registry, ready to validate by. */
interface Validator {
  readonly validate: ValidateFunction;
  readonly isQuick: IsQuick;
}

async function validator(schema: RegisteredSchema): Promise<Validator> {
  const validate = await validatorOf(schema);
  return { validate, isQuick: schema.references.size > 0 ? () => false : quickness(JSON.parse(schema.schema)) };
}

/** Decodes what JSON Schema serializers write. Asks the registry once for each schema. */
export function schemaDecoder(registry: Pick<SchemaRegistry, 'schema'>, now: () => number): Decoder {
  const schemas = new RegisteredSchemas(registry, now, 'json_schema', validator);
  const ahead = new Ahead(schemas);
  return {
    plain: false,
    ahead: (records, at) => ahead.read(records, at),
    decode(value) {
      const found = ahead.take();
      if (found instanceof PoisonMessage) throw found;
      if (found !== null) return found;
      const id = schemas.id(value);
      const schema = schemas.of(id);
      return schema instanceof Promise
        ? schema.then((known) => readAlone(value, id, known))
        : readAlone(value, id, schema);
    },
    decodeKey: (key, columns) => jsonDecoder.decodeKey(key === null ? null : withoutHead(key), columns),
    keys: { prepare: () => null, read: (key) => textKey(withoutHead(key)) },
  };
}

/** @throws PoisonMessage */
function read(value: Uint8Array, id: number, { validate }: Validator): DecodedRecord {
  const text = utf8(value.subarray(HEAD_BYTES));
  const record = jsonRecord(text);
  // A number that keeps its digits would be an object to the validator.
  validated(validate, id, hasExactNumber(text) ? JSON.parse(text) : record);
  return record;
}

/** @throws PoisonMessage */
function readAlone(value: Uint8Array, id: number, schema: Validator): DecodedRecord {
  if (schema.isQuick(value.length)) return read(value, id, schema);
  try {
    return withinCpu(limitOf(value.length), () => read(value, id, schema));
  } catch (error) {
    throw error instanceof TooSlow ? tooSlow(id) : error;
  }
}

function limitOf(bytes: number): number {
  return Math.ceil(MESSAGE_MS + bytes * BYTE_MS);
}

function tooSlow(id: number): PoisonMessage {
  return new PoisonMessage(
    `schema ${id} takes too long for this message: a pattern backtracks, or references multiply`,
  );
}

/** Messages that were read before they are needed, under one limit of time. */
class Ahead {
  readonly #schemas: RegisteredSchemas<Validator>;
  #records: Records | null = null;
  /** By the number of the message in the records. */
  readonly #read = new Map<number, Read>();
  #next: Read | null = null;

  constructor(schemas: RegisteredSchemas<Validator>) {
    this.#schemas = schemas;
  }

  /** What `read` found for the message that it was called for last; null: it must be read alone. */
  take(): Read | null {
    const next = this.#next;
    this.#next = null;
    return next;
  }

  /** Reads a message and those that follow. @returns false: it took long, and others should have their turn */
  read(records: Records, at: number): boolean {
    if (this.#records !== records && this.#read.size > 0) this.#read.clear();
    if (this.#read.size === 0 && this.#isQuick(records, at)) return true;
    this.#records = records;
    const done = this.#read.has(at) || this.#fill(records, at);
    this.#next = this.#read.get(at) ?? null;
    this.#read.delete(at);
    if (this.#read.size === 0) this.#records = null;
    return done;
  }

  /** Is the message to be read alone, without a limit? */
  #isQuick(records: Records, at: number): boolean {
    const start = records.valueStart(at);
    const length = records.valueEnd(at) - start;
    if (length < HEAD_BYTES || records.bytes[start] !== MAGIC) return true;
    return this.#schemas.kept(records.bytes.readInt32BE(start + 1))?.isQuick(length) ?? true;
  }

  #fill(records: Records, from: number): boolean {
    const to = Math.min(records.length, from + MESSAGES_AHEAD);
    let at = from;
    let bytes = 0;
    const work = (): void => {
      for (; at < to && bytes < BYTES_AHEAD; at++) {
        const start = records.valueStart(at);
        if (start < 0) continue;
        const value = records.bytes.subarray(start, records.valueEnd(at));
        const found = this.#found(value);
        if (found === null) return;
        this.#read.set(at, found);
        bytes += value.length;
      }
    };
    try {
      withinCpu(limitOf(records.valueEnd(from) - records.valueStart(from)), work);
      return true;
    } catch (error) {
      if (!(error instanceof TooSlow)) throw error;
      // Earlier messages may have taken the time: this one is tried again when it is its turn.
      if (at === from) this.#read.set(at, tooSlow(records.bytes.readInt32BE(records.valueStart(at) + 1)));
      return false;
    }
  }

  /** Null: its schema is not known yet. */
  #found(value: Uint8Array): Read | null {
    try {
      const id = this.#schemas.id(value);
      const schema = this.#schemas.kept(id);
      return schema === null ? null : read(value, id, schema);
    } catch (error) {
      if (error instanceof PoisonMessage) return error;
      throw error;
    }
  }
}

/** A key without the head of a serializer, where it has one. */
function withoutHead(key: Uint8Array): Uint8Array {
  return key[0] === MAGIC && key.length > HEAD_BYTES ? key.subarray(HEAD_BYTES) : key;
}

/** @throws PoisonMessage when a schema does not hold for a value */
export function validated(validate: ValidateFunction, id: number, value: unknown): void {
  try {
    if (validate(value)) return;
  } catch (error) {
    if (error instanceof RangeError) throw new PoisonMessage('JSON that is nested too deeply');
    throw error;
  }
  const [error] = validate.errors ?? [];
  throw new PoisonMessage(
    `schema ${id} does not hold: ${error?.instancePath || 'the message'} ${error?.message ?? ''}`,
  );
}

/** @throws for a schema that is none, or refers to one that is not there */
export async function validatorOf({ schema, references }: RegisteredSchema): Promise<ValidateFunction> {
  const root = JSON.parse(schema) as { readonly $schema?: string; readonly $id?: string };
  const draft = String(root.$schema ?? '');
  if (draft.includes('draft-04')) throw new Error('draft 4 is not supported; draft 6, 7, 2019-09 and 2020-12 are');
  const Validators = draft.includes('2020-12')
    ? (await import('ajv/dist/2020.js')).default.Ajv2020
    : draft.includes('2019-09')
      ? (await import('ajv/dist/2019.js')).default.Ajv2019
      : (await import('ajv')).default.Ajv;
  const draft6 = draft.includes('draft-06')
    ? (await import('ajv/dist/refs/json-schema-draft-06.json', { with: { type: 'json' } })).default
    : null;
  try {
    return withinCpu(SCHEMA_MS, () =>
      compiled(new Validators({ ...OPTIONS, addUsedSchema: root.$id === undefined }), draft6, root, references),
    );
  } catch (error) {
    if (error instanceof TooSlow) throw new Error(`it takes more than ${SCHEMA_MS / 1000} s to read it`);
    throw error instanceof RangeError ? new Error('it is nested too deeply') : error;
  }
}

function compiled(
  ajv: AjvInstance,
  draft6: AnySchemaObject | null,
  root: { readonly $id?: string },
  references: ReadonlyMap<string, string>,
): ValidateFunction {
  if (draft6 !== null) ajv.addMetaSchema(draft6);
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({ keyword: 'uniqueItems', type: 'array', schemaType: 'boolean', errors: true, validate: areUnique });
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
  const validate = ajv.compile(root);
  if ('$async' in validate) throw new Error("'$async' is not a keyword of JSON Schema");
  return validate;
}

/** `uniqueItems`, in time that grows with the array; the library compares each item with each other one. */
const areUnique: SchemaValidateFunction = (wanted: boolean, items: readonly unknown[]): boolean => {
  const seen = new Map<string, number>();
  for (const [at, item] of wanted ? items.entries() : []) {
    const text = identityOf(item);
    const first = seen.get(text);
    if (first !== undefined) {
      const message = `must NOT have duplicate items (items ## ${first} and ${at} are identical)`;
      areUnique.errors = [{ keyword: 'uniqueItems', message, params: {} }];
      return false;
    }
    seen.set(text, at);
  }
  return true;
};

/** Equal for values that are equal to JSON Schema. */
function identityOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(identityOf).join()}]`;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${identityOf(member)}`).join()}}`;
}

function resolved(name: string, base: string): string {
  try {
    return new URL(name, base).href;
  } catch {
    return name;
  }
}
