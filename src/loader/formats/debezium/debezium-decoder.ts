// `format: debezium`: change envelopes in JSON, with and without schema, and in Avro; flattened-rows.ts converts
// flattened rows to envelopes. The key's columns come only from the message's key: what an envelope contains of a
// deleted row may be invented. change-values.ts converts columns.
import { TsdbtError } from '../../../errors.ts';
import { Cursor } from '../avro/byte-cursor.ts';
import { Readers, type Reader } from '../avro/avro-reader.ts';
import { type AvroType, parseSchema } from '../avro/avro-schema.ts';
import type { Message } from '../../brokers/broker.ts';
import { Change, Halt, type Operation, SKIPPED, type Skipped } from '../row-change.ts';
import {
  type DecodedRecord,
  type Decoder,
  type Fields,
  isRecord,
  jsonRecord,
  PoisonMessage,
  utf8,
} from '../message-decoder.ts';
import { type LoadTarget, pathOf } from '../../settings/load-target.ts';
import { HEAD_BYTES, MAGIC, RegisteredSchemas } from '../registered-schemas.ts';
import type { SchemaRegistry } from '../schema-registry.ts';
import { type ChangeSource, EnvelopeCells } from './envelope-row-path.ts';
import { FlatRows, plainText } from './flattened-rows.ts';
import { Members } from './json-members.ts';
import { keyColumns, keyTakes, objectOf, type PlainKey, plainKeyOf, plainValue } from './message-key.ts';
import { fieldsOfAvro, fieldsOfJson, type Semantics, semanticsOfAvro, semanticsOfJson } from './field-semantics.ts';
import { otherSource, SOURCE_FIELDS, type SourceFields, sourcePosition } from './source-position.ts';
import { Placeholder } from './toast-placeholder.ts';
import { type Conversion, ValueReader } from './change-values.ts';

type ChangeTarget = ChangeSource['target'] &
  Pick<LoadTarget, 'topic' | 'topics' | 'key' | 'columns' | 'drop' | 'rest' | 'schemaDrift'>;

const MEMBERS = ['op', 'after', 'before', 'source', 'schema', 'payload'];
const [OP, AFTER, BEFORE, SOURCE, SCHEMA, PAYLOAD] = [0, 1, 2, 3, 4, 5];
const OPERATIONS = ['c', 'r', 'u', 'd', 't'] as const satisfies readonly Operation[];

const NO_OPERATION = "no envelope of a change: it has no 'op'";

/** A row or a key before its values are converted. */
interface Row {
  readonly record: DecodedRecord;
  /** Null: it came without a schema. */
  readonly fields: ReadonlyMap<string, Semantics> | null;
}
/** A key that is not an object and that no column takes. */
const ASIDE: Row = { record: {}, fields: null };

export interface Envelope {
  readonly op: string | null;
  readonly source: SourceFields;
  /** Read on demand; null: the row is null. */
  readonly after: () => Row | null;
  readonly before: () => Row | null;
}

/** A schema of the registry, compiled for reading envelopes and keys. */
interface Registered {
  readonly type: AvroType;
  readonly read: Reader;
}

/**
 * Decodes changes for one loader.
 * @param registry null: no message may be in Avro
 */
export function changeDecoder(
  registry: Pick<SchemaRegistry, 'schema'> | null,
  target: ChangeTarget,
  now: () => number,
): Decoder {
  const changes = new ChangeReader(target);
  const schemas =
    registry === null
      ? null
      : new RegisteredSchemas<Registered>(registry, now, 'avro', ({ schema, references }) => {
          const type = parseSchema(schema, references);
          return { type, read: new Readers().of(type) };
        });
  const avro = new AvroEnvelopes();
  const json = new JsonEnvelopes();
  const { plain } = changes;
  const flat = target.changes?.flattened === true ? new FlatRows(target) : null;
  const registered = (bytes: Uint8Array): Registered | Promise<Registered> => {
    if (schemas === null)
      throw new PoisonMessage(
        'the message names a schema of a registry, and connections.yml has no schema_registry for this connection',
      );
    return schemas.of(schemas.id(bytes));
  };
  const change = (
    { key, value }: Message,
    keySchema: Registered | null,
    schema: Registered | null,
    taken?: Fields,
  ): Change | Skipped => {
    const row =
      key === null ? () => null : () => (keySchema === null ? json.key(key, plain) : avro.key(key, keySchema, plain));
    if (value === null) return changes.tombstone(row);
    const envelope =
      flat === null
        ? schema === null
          ? json.envelope(value)
          : avro.envelope(value, schema)
        : schema === null
          ? flat.ofJson(value, taken)
          : flattened(flat, avro.row(value, schema, null), taken);
    return changes.change(envelope, row);
  };
  const unsupported = (): never => {
    throw new PoisonMessage('a change is read with its key');
  };
  return {
    plain: false,
    decode: unsupported,
    decodeKey: unsupported,
    path: (plan, floors) => (flat === null ? EnvelopeCells.of(plan, floors, changes) : null),
    message(message, taken) {
      const { key, value } = message;
      if (value === null && !changes.tombstonesCount) return SKIPPED;
      const [keySchema, schema] = [key, value].map((bytes) =>
        bytes !== null && bytes[0] === MAGIC ? registered(bytes) : null,
      );
      if (keySchema instanceof Promise || schema instanceof Promise)
        return Promise.all([keySchema, schema]).then(([k, v]) => change(message, k ?? null, v ?? null, taken));
      return change(message, keySchema ?? null, schema ?? null, taken);
    },
  };
}

function flattened(flat: FlatRows, { record, fields }: Row, taken?: Fields): Envelope {
  return flat.of(record, fields, taken);
}

/** Converts envelopes of any form to changes. */
class ChangeReader implements ChangeSource {
  readonly target: ChangeTarget;
  readonly values: ValueReader;
  readonly placeholder: Placeholder;
  readonly plain: PlainKey | null;
  readonly #converters = new WeakMap<ReadonlyMap<string, Semantics>, ReadonlyMap<string, Conversion>>();
  /** The key's columns that fields of the message's key fill. */
  readonly #keyColumns: readonly string[];
  /** Whether a field of the message's key is part of the table's key. */
  readonly #inKey: (name: string) => boolean;
  /** Whether a field of the row is dropped. */
  readonly #unwanted: (name: string) => boolean;
  /** The source and the connector of the first change. */
  #source: string | null = null;
  #connector = 'postgresql';

  constructor(target: ChangeTarget) {
    this.target = target;
    this.#keyColumns = keyColumns(target);
    this.#inKey = keyTakes(target);
    this.plain = plainKeyOf(target);
    const [dropped, declared] = [new Set(target.drop), fieldsOf(target)];
    this.#unwanted = (name) =>
      dropped.has(name) || (target.rest === null && target.schemaDrift !== 'add_column' && !declared.has(name));
    this.placeholder = new Placeholder(target.changes?.placeholder);
    this.values = new ValueReader(
      target.columns,
      target.changes ?? { decimals: 'precise', times: 'adaptive', binary: 'bytes' },
    );
  }

  change({ op: written, source, after, before }: Envelope, keyRow: () => Row | null): Change | Skipped {
    if (written === null) throw new PoisonMessage(NO_OPERATION);
    // A message by the source itself, which is not a change of a row.
    if (written === 'm') return SKIPPED;
    const op = OPERATIONS.find((each) => each === written);
    if (op === undefined) throw new PoisonMessage("no envelope of a change: its 'op' is none of c, r, u, d, t");
    const { changes, mode, name, path } = this.target;
    if (op === 'd' && changes?.deletes === 'ignore') return SKIPPED;
    const position = sourcePosition(source, this.target);
    this.#sameSource(position.source);
    if (op === 't') {
      if (changes?.truncate === 'ignore') return SKIPPED;
      if (changes?.truncate === 'apply') return new Change('t', Object.create(null), [], position);
      throw new Halt(
        new TsdbtError(
          'runtime',
          `${name} stops: its table was truncated in the source ${position.source}, at position ${position.position}.`,
          { path, hint: "'truncate: apply' empties the table, too; 'truncate: ignore' goes on with its rows." },
        ),
      );
    }
    const { connector } = position;
    this.#connector = connector;
    const key = keyRow();
    const record: Record<string, unknown> = Object.create(null);
    const unavailable: string[] = [];
    // Only a table without a key needs the whole previous row, and must be replicated accordingly.
    const row = op !== 'd' ? after() : key === null ? before() : null;
    if (op !== 'd' && row === null) throw new PoisonMessage("the row after the change, 'after', is missing");
    if (op === 'd' && key === ASIDE && mode === 'append')
      throw new PoisonMessage(
        "the message's key is no object, and the load config's 'key' names no column for it: the deleted row is not " +
          'known',
      );
    if (row !== null) this.#read(row, connector, record, unavailable);
    if (key !== null) this.#key(key, connector, record);
    else if (mode === 'upsert')
      throw new PoisonMessage("the message has no key, which mode 'upsert' needs: tables without one take mode append");
    // A row whose key changed arrives as a new row: the table has no row that contains the value.
    if ((changes?.keeps !== true || op !== 'u') && unavailable.length > 0)
      throw new PoisonMessage(
        `the source did not say the unchanged value of ${quoted(unavailable)}, which this table cannot keep: ` +
          "the source's table needs REPLICA IDENTITY FULL",
      );
    return new Change(op, record, unavailable, position);
  }

  /** Whether a tombstone deletes. A table without a key has one row per change, and a tombstone is not a change. */
  get tombstonesCount(): boolean {
    return this.target.mode === 'upsert' && this.target.changes?.deletes !== 'ignore';
  }

  /** The delete of a tombstone, which has neither position nor source. @throws PoisonMessage */
  tombstone(keyRow: () => Row | null): Change | Skipped {
    const key = keyRow();
    if (key === null) return SKIPPED;
    const record: Record<string, unknown> = Object.create(null);
    this.#key(key, this.#connector, record);
    return new Change('d', record, [], { position: 0n, source: null, at: null, micros: null, committed: null });
  }

  get source(): string | null {
    return this.#source;
  }

  #sameSource(source: string): void {
    if (source === this.#source) return;
    if (this.#source !== null) throw otherSource(this.target, source, this.#source);
    this.#source = source;
  }

  #read({ record, fields }: Row, connector: string, into: Record<string, unknown>, unavailable: string[]): void {
    const converters = this.#convertersOf(fields, connector);
    for (const name in record) {
      const value = record[name];
      if (this.placeholder.is(value)) {
        if (!this.#unwanted(name)) unavailable.push(name);
      } else into[name] = value === null ? null : converted(name, value, converters.get(name));
    }
  }

  /** The key's columns, which must be exactly the target's, except those filled from the message's position. */
  #key({ record, fields }: Row, connector: string, into: Record<string, unknown>): void {
    const converters = this.#convertersOf(fields, connector);
    const { mode } = this.target;
    if (mode === 'upsert') {
      const other = Object.keys(record).filter((name) => !this.#inKey(name));
      if (other.length > 0)
        throw new PoisonMessage(`the message's key has ${quoted(other)}, too, and the load config's key has not`);
    }
    for (const name in record) {
      const value = record[name];
      into[name] = value === null ? null : converted(name, value, converters.get(name));
    }
    for (const name of mode === 'upsert' ? this.#keyColumns : [])
      if (!(name in record)) throw new PoisonMessage(`the message's key has no '${name}'`);
  }

  #convertersOf(fields: ReadonlyMap<string, Semantics> | null, connector: string): ReadonlyMap<string, Conversion> {
    if (fields === null) return this.values.bare(connector);
    let found = this.#converters.get(fields);
    if (found === undefined) {
      found = this.values.of(fields, connector);
      this.#converters.set(fields, found);
    }
    return found;
  }
}

/** The fields of a row that fill columns. */
function fieldsOf({ columns }: Pick<LoadTarget, 'columns'>): ReadonlySet<unknown> {
  return new Set(columns.map((column) => pathOf(column)?.[0]));
}

function converted(name: string, value: unknown, conversion: Conversion | undefined): unknown {
  if (conversion === undefined) return value;
  try {
    return conversion.read(value);
  } catch (error) {
    if (error instanceof PoisonMessage) throw new PoisonMessage(`column '${name}': ${error.message}`);
    throw error;
  }
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}

/** Envelopes as JSON's converter writes them. */
class JsonEnvelopes {
  readonly #outer = new Members(MEMBERS);
  readonly #inner = new Members(MEMBERS);
  readonly #source = new Members(SOURCE_FIELDS);
  readonly #keyMembers = new Members(MEMBERS);
  readonly #keySchema = new SchemaText(null);
  readonly #rowSchema = new SchemaText('after');

  /** @throws PoisonMessage */
  envelope(value: Uint8Array): Envelope {
    const bytes = buffer(value);
    let members = this.#outer;
    if (!ends(members.scan(bytes, 0, bytes.length), bytes)) throw notJson(bytes);
    let fields: ReadonlyMap<string, Semantics> | null = null;
    if (!members.has(OP) && members.has(PAYLOAD) && members.has(SCHEMA)) {
      fields = this.#rowSchema.fields(bytes, members.starts[SCHEMA] ?? 0, members.ends[SCHEMA] ?? 0);
      const start = members.starts[PAYLOAD] ?? 0;
      members = this.#inner;
      if (members.scan(bytes, start, bytes.length) < 0) throw new PoisonMessage('no envelope of a change: no payload');
    }
    const row = (member: number) => (): Row | null => {
      const text = members.text(member);
      return text === null || text === 'null' ? null : { record: jsonRecord(checked(bytes, text)), fields };
    };
    const op = unquoted(members.text(OP));
    if (op === null) throw new PoisonMessage(NO_OPERATION);
    return { op, source: this.#sourceOf(bytes, members), after: row(AFTER), before: row(BEFORE) };
  }

  /** @param plain what takes a key that is not an object; null: it must be an object */
  key(bytes: Uint8Array, plain: PlainKey | null): Row {
    const text = utf8(bytes);
    const record = plain === null ? jsonRecord(text) : objectOf(text, plain);
    if (record === null)
      return plain?.column == null ? ASIDE : { record: { [plain.column]: plainValue(text, plain) }, fields: null };
    const { schema } = record;
    if (!isRecord(schema) || !('fields' in schema || 'type' in schema) || Object.keys(record).length !== 2)
      return { record, fields: null };
    const members = this.#keyMembers;
    members.scan(buffer(bytes), 0, bytes.length);
    const { payload } = record;
    if (plain !== null && !('fields' in schema) && payload !== undefined && payload !== null)
      return plain.column === null
        ? ASIDE
        : { record: { [plain.column]: payload }, fields: new Map([[plain.column, semanticsOfJson(schema)]]) };
    if (!isRecord(payload)) throw new PoisonMessage("the message's key has no fields");
    return {
      record: payload,
      fields: this.#keySchema.fields(buffer(bytes), members.starts[SCHEMA] ?? 0, members.ends[SCHEMA] ?? 0),
    };
  }

  #sourceOf(bytes: Buffer, members: Members): SourceFields {
    const source = this.#source;
    const [start = -1, end = -1] = [members.starts[SOURCE], members.ends[SOURCE]];
    if (start < 0 || source.scan(bytes, start, end) < 0)
      throw new PoisonMessage("no envelope of a change: it has no 'source'");
    return sourceFields((_, i) => unquoted(source.text(i)));
  }
}

function sourceFields(of: (name: (typeof SOURCE_FIELDS)[number], i: number) => string | null): SourceFields {
  return {
    connector: of('connector', 0),
    name: of('name', 1),
    lsn: of('lsn', 2),
    file: of('file', 3),
    pos: of('pos', 4),
    ts_ms: of('ts_ms', 5),
    ts_us: of('ts_us', 6),
    sequence: of('sequence', 7),
  };
}

/** The schema in JSON's envelopes, read once as long as its text stays the same. */
class SchemaText {
  readonly #member: 'after' | null;
  #text = Buffer.alloc(0);
  #fields: ReadonlyMap<string, Semantics> | null = null;

  constructor(member: 'after' | null) {
    this.#member = member;
  }

  fields(bytes: Buffer, start: number, end: number): ReadonlyMap<string, Semantics> | null {
    const text = bytes.subarray(start, end);
    if (!text.equals(this.#text)) {
      try {
        this.#fields = fieldsOfJson(JSON.parse(text.toString('utf8')), this.#member);
      } catch {
        throw new PoisonMessage('a schema that is not JSON');
      }
      this.#text = Buffer.from(text);
    }
    return this.#fields;
  }
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Whether only whitespace follows the object. */
function ends(at: number, bytes: Buffer): boolean {
  return at >= 0 && bytes.toString('latin1', at).trim() === '';
}

/** What is wrong with bytes in which no object was found. */
function notJson(bytes: Buffer): PoisonMessage {
  try {
    jsonRecord(utf8(bytes));
  } catch (error) {
    if (error instanceof PoisonMessage) return error;
    throw error;
  }
  return new PoisonMessage('no envelope of a change');
}

/** Rejects a text in which invalid UTF-8 was replaced. */
function checked(bytes: Buffer, text: string): string {
  if (text.includes('\ufffd')) utf8(bytes);
  return text;
}

/** A text without its quotes, or a number as it is written; null for null. */
function unquoted(text: string | null): string | null {
  if (text === null || text === 'null') return null;
  return text.startsWith('"') ? text.slice(1, -1) : text;
}

/** Envelopes as Avro's converter writes them. */
class AvroEnvelopes {
  readonly #cursor = new Cursor();
  readonly #fields = new WeakMap<AvroType, Map<string, Semantics> | null>();
  readonly #keyFields = new WeakMap<AvroType, Map<string, Semantics> | null>();

  /** @throws PoisonMessage */
  envelope(bytes: Uint8Array, schema: Registered): Envelope {
    const value = this.#value(bytes, schema);
    const source = value['source'];
    if (!isRecord(source)) throw new PoisonMessage("no envelope of a change: it has no 'source'");
    let fields = this.#fields.get(schema.type);
    if (fields === undefined) {
      fields = fieldsOfAvro(schema.type, 'after');
      this.#fields.set(schema.type, fields);
    }
    const row = (name: string) => (): Row | null => {
      const found = value[name];
      return isRecord(found) ? { record: found, fields: fields ?? null } : null;
    };
    return {
      op: written(value['op']),
      source: sourceFields((name) => written(source[name])),
      after: row('after'),
      before: row('before'),
    };
  }

  /** A key; `plain` as of JSON's. @throws PoisonMessage */
  key(bytes: Uint8Array, schema: Registered, plain: PlainKey | null): Row {
    const { type } = schema;
    if (plain === null || type.kind === 'record' || type.kind === 'union') return this.row(bytes, schema, null);
    const { column } = plain;
    return column === null
      ? ASIDE
      : { record: { [column]: this.#read(bytes, schema) }, fields: new Map([[column, semanticsOfAvro(type)]]) };
  }

  /** A key's record, or a row without envelope. @throws PoisonMessage */
  row(bytes: Uint8Array, schema: Registered, member: null): Row {
    const record = this.#value(bytes, schema);
    let fields = this.#keyFields.get(schema.type);
    if (fields === undefined) {
      fields = fieldsOfAvro(schema.type, member);
      this.#keyFields.set(schema.type, fields);
    }
    return { record, fields };
  }

  #value(bytes: Uint8Array, schema: Registered): DecodedRecord {
    const value = this.#read(bytes, schema);
    if (!isRecord(value)) throw new PoisonMessage('no record, of which envelopes and keys are made');
    return value;
  }

  #read(bytes: Uint8Array, { read }: Registered): unknown {
    const cursor = this.#cursor.set(buffer(bytes), HEAD_BYTES, bytes.length);
    let value: unknown;
    try {
      value = read(cursor);
    } catch (error) {
      if (error instanceof RangeError) throw new PoisonMessage('values that are nested too deeply');
      throw error;
    }
    if (cursor.at !== cursor.end)
      throw new PoisonMessage(`${cursor.end - cursor.at} bytes are left behind the message`);
    return value;
  }
}

function written(value: unknown): string | null {
  return value === undefined || value === null ? null : plainText(value);
}
