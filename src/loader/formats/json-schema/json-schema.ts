// `format: json_schema`: the magic byte 0, the id of a schema in a registry, and JSON that must be valid against the
// schema. Draft 4 is not supported. As in newer drafts, formats such as `email` are annotations.
import type { Ajv as AjvInstance, AnySchemaObject, SchemaValidateFunction, ValidateFunction } from 'ajv';
import { TooSlow, withinCpu } from '../../../values/cpu-limit.ts';
import { type DecodedRecord, type Decoder, jsonDecoder, jsonRecord, PoisonMessage, utf8 } from '../message-decoder.ts';
import type { Records } from '../../brokers/message-records.ts';
import { hasExactNumber } from '../values/lossless-json.ts';
import { textKey } from '../values/message-parts.ts';
import { HEAD_BYTES, MAGIC, RegisteredSchemas } from '../registered-schemas.ts';
import { type IsQuick, quickness } from './schema-cost.ts';
import type { RegisteredSchema, SchemaRegistry } from '../schema-registry.ts';

/** CPU time per message, per byte of it, and for compiling a validator, in milliseconds. */
const [MESSAGE_MS, BYTE_MS, SCHEMA_MS] = [1000, 1 / 1000, 10_000];
/**
 * Number of messages, and of their bytes, that are validated under one limit: one limit per message would cost more
 * than validating most of them.
 */
const [MESSAGES_AHEAD, BYTES_AHEAD] = [400, 1024 * 1024];
/** Maximum keywords of a referenced schema that is inlined: inlining large ones multiplies them. */
const INLINED_KEYWORDS = 20;
const OPTIONS = {
  strict: false,
  validateFormats: false,
  logger: false,
  inlineRefs: INLINED_KEYWORDS,
} as const;

type Read = DecodedRecord | PoisonMessage;

/** A schema of the registry with its compiled validator. */
interface Validator {
  readonly validate: ValidateFunction;
  readonly isQuick: IsQuick;
}

async function validator(schema: RegisteredSchema): Promise<Validator> {
  const validate = await validatorOf(schema);
  return { validate, isQuick: schema.references.size > 0 ? () => false : quickness(JSON.parse(schema.schema)) };
}

/** Decodes messages written by JSON Schema serializers. Requests each schema once. */
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
  // An ExactNumber would be an object for the validator.
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

/** Messages that were validated in advance, under one time limit. */
class Ahead {
  readonly #schemas: RegisteredSchemas<Validator>;
  #records: Records | null = null;
  /** By the index of the message in the records. */
  readonly #read = new Map<number, Read>();
  #next: Read | null = null;

  constructor(schemas: RegisteredSchemas<Validator>) {
    this.#schemas = schemas;
  }

  /** The result of `read` for its last message; null: it must be validated separately. */
  take(): Read | null {
    const next = this.#next;
    this.#next = null;
    return next;
  }

  /** Validates a message and the following ones. @returns false: it took long, and the event loop should run */
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

  /** Whether the message must be validated separately, without a shared limit. */
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
      // Earlier messages may have used up the time: this one is tried again later.
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

/** A key without the serializer's header, if it has one. */
function withoutHead(key: Uint8Array): Uint8Array {
  return key[0] === MAGIC && key.length > HEAD_BYTES ? key.subarray(HEAD_BYTES) : key;
}

/** @throws PoisonMessage if a value is not valid against its schema */
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

/** @throws for an invalid schema, or one with an unresolved reference */
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
    // Registered under each name that a reference may use; its own id would be a second one.
    for (const place of places) if (ajv.getSchema(place) === undefined) ajv.addSchema({ ...withoutId }, place);
  }
  const validate = ajv.compile(root);
  if ('$async' in validate) throw new Error("'$async' is not a keyword of JSON Schema");
  return validate;
}

/** `uniqueItems` in linear time; the library compares each pair of items. */
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

/** Equal for values that are equal in JSON Schema. */
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
