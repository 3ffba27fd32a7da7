// Encodes a decoded message as a row: values by declared type in COPY's text, other fields as JSON, personal data
// hashed or dropped. Pure; json-row-path.ts encodes ordinary messages without decoding, the sink writes rows.
import { escapeCopyText } from '../../../adapters/copy-text.ts';
import type { Message } from '../../brokers/broker.ts';
import { Change } from '../row-change.ts';
import { type ColumnCheck, checkOfYears, columnCheck } from '../values/column-check.ts';
import { type DecodedRecord, HALF_PAIR, messageJson, PoisonMessage } from '../message-decoder.ts';
import { fromEpoch } from '../values/epoch.ts';
import { BASE64, ExactNumber } from '../values/lossless-json.ts';
import { type KeyedHash, keyedHash } from '../../../keyed-hash.ts';
import { type LoadColumn, type LoadTarget, metaColumns, pathOf, PROCESSING_TS } from '../../settings/load-target.ts';
import {
  type KeyReader,
  type MessageKey,
  type MessageParts,
  type PartOrigin,
  partOf,
  textKeys,
} from '../values/message-parts.ts';
import { type PathNode, pathTree, remainder, valueAt } from '../values/path-tree.ts';
import { refuseOddYear, USUAL_YEARS, type RangedColumn, wrongUnit } from '../values/time-range.ts';
import type { YearRange } from '../../settings/column-years.ts';
import { isTimeType, type Path } from '../../settings/column-origin.ts';

/** A row in COPY's text format, with what is needed to place it. */
export interface EncodedRow {
  /** With its line feed. */
  readonly line: string;
  /** The key's cells, each followed by a tab; null in append mode. */
  readonly key: string | null;
  /** Timestamp of the partition column; null without partitions. */
  readonly partitionTime: number | null;
  /** It deletes. */
  readonly tombstone: boolean;
  /** Additional facts of a change's row; null for every other row. */
  readonly change: {
    readonly position: bigint;
    /** Its columns that keep the value of the previous row, by number. */
    readonly kept: readonly number[];
    /** It truncates the table, and is not a row. */
    readonly truncates: boolean;
  } | null;
}

/** A field of a message without a declared column. */
export interface Drift {
  readonly field: string;
  readonly type: string;
}

export interface EncoderOptions {
  /** The table's columns in the order of COPY: declared ones, then added ones. */
  readonly columns: readonly LoadColumn[];
  /** Key of the hash; required if the target hashes. */
  readonly hashKey: string | null;
  readonly loadId: string;
  /** Reads keys for columns that are filled from them; absent: keys are texts. */
  readonly keys?: KeyReader | undefined;
}

/** Characters that need escaping or checking: COPY's own, NUL, halves of surrogate pairs. */
const SPECIAL = /[\\\n\r\t\b\f\v\0\ud800-\udfff]/;
const NUL_IN_JSON = /(?<!\\)(?:\\\\)*\\u0000/;
const OFFSET_MOMENT = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(\.\d+)?\s*([+-])(\d\d):?(\d\d)?$/;
const NULL = '\\N';
/** The type of the column of other fields. */
const REST_CHECK = columnCheck({
  input: 'jsonb',
  type: 'jsonb',
  modifier: -1,
  element: null,
  labels: null,
  required: false,
});

/** How a database that does not read COPY's text represents the values of a column. */
export interface ColumnFormat {
  /** What the fast path may write itself. */
  readonly kind: Kind;
  readonly type: string;
  readonly check: ColumnCheck;
  readonly required: boolean;
  /** The cell of a value that is not null. @throws PoisonMessage */
  readonly cell: (value: unknown) => string;
}

export type Kind = 'plain' | 'json' | 'array' | 'time' | 'local time' | 'bytes';

/** How one column's values are encoded. */
export interface ColumnPlan {
  readonly name: string;
  readonly type: string;
  readonly kind: Kind;
  readonly hashed: boolean;
  readonly key: boolean;
  /** A message without this field gets the load time. */
  readonly stamped: boolean;
  /** Whether it is a name that every object inherits. */
  readonly inherited: boolean;
  /** What the table's column accepts. */
  readonly check: ColumnCheck;
  /** Whether it rejects null. */
  readonly required: boolean;
  /** The path of the value in the message's value, if it is not the field with the column's name. */
  readonly path: Path | null;
  /** The origin of the value, if it is not the message's value. */
  readonly part: PartOrigin | null;
  /** Numbers are times since 1970 in a unit with this many fractional digits of a second; null: milliseconds. */
  readonly epoch: number | null;
  /** The range of years of its times; null: it has no times, or all are accepted. */
  readonly years: YearRange | null;
  /** Writes a value's cell; null: COPY's format. */
  readonly write: ColumnFormat['cell'] | null;
  /** Whether the fast path needs more than bytes and kind to write it. */
  readonly special: boolean;
}

/** How a target's rows are encoded. */
export interface RowPlan {
  readonly columns: readonly ColumnPlan[];
  /** The paths of columns in the message's value; children of the root are fields. */
  readonly taken: PathNode;
  /** Names of columns that are not filled from the field of their name. */
  readonly elsewhere: ReadonlySet<string>;
  readonly keys: KeyReader;
  /** Whether columns need the message's key. */
  readonly readsKey: boolean;
  /** The key columns filled from the message's value, and whether there are only others. */
  readonly keyFields: readonly string[];
  readonly keyInParts: boolean;
  /** Whether the table keeps other fields. */
  readonly rest: boolean;
  readonly dropped: ReadonlySet<string>;
  /** Whether a new field needs a decision. */
  readonly watchesDrift: boolean;
  readonly partitionColumn: string | null;
  /** The end of a row that is not a tombstone, from the tab after the message's timestamp. */
  readonly tail: Buffer;
  readonly hash: KeyedHash;
}

/** Fields that never become columns: the loader fills those with their names, and a column needs a name. */
function unaddable(target: LoadTarget): readonly string[] {
  return ['', ...(target.rest === null ? [] : [target.rest]), ...metaColumns(target).map(({ name }) => name)];
}

/** Encodes rows of one target. A new column needs a new encoder. */
export class RowEncoder {
  readonly plan: RowPlan;
  readonly #target: LoadTarget;
  readonly #loadId: string;
  readonly #cells: string[] = [];

  constructor(target: LoadTarget, { columns, hashKey, loadId, keys }: EncoderOptions) {
    this.#target = target;
    this.#loadId = copyText(loadId);
    const parts = new Set(columns.filter((column) => pathOf(column) === null).map(({ name }) => name));
    const keyFields = target.key.filter((name) => !parts.has(name));
    this.plan = {
      columns: columns.map(({ name, type, stored, origin, epoch, years, format }) => ({
        name,
        type: format?.type ?? type.trim().toLowerCase(),
        kind: format?.kind ?? kindOf(type),
        hashed: target.hash.includes(name),
        key: target.mode === 'upsert' && target.key.includes(name),
        stamped: name === PROCESSING_TS,
        inherited: name in Object.prototype,
        path: origin?.part === 'value' ? origin.path : null,
        part: origin === undefined || origin.part === 'value' ? null : origin,
        epoch: epoch ?? null,
        years: isTimeType(type) ? (years === undefined ? USUAL_YEARS : years) : null,
        check: checkOfYears(
          format?.check ?? columnCheck(target.hash.includes(name) ? undefined : stored),
          isTimeType(type) ? years : null,
        ),
        required: format?.required ?? stored?.required === true,
        write: format?.cell ?? null,
        special:
          target.hash.includes(name) ||
          (format?.type ?? type.trim().toLowerCase()) === 'json' ||
          epoch !== undefined ||
          (origin !== undefined && origin.part !== 'value'),
      })),
      taken: pathTree(columns.map(pathOf)),
      elsewhere: new Set([
        ...columns.filter(({ origin }) => origin !== undefined).map(({ name }) => name),
        ...(target.schemaDrift === 'add_column' ? unaddable(target) : []),
      ]),
      keys: keys ?? textKeys,
      readsKey: columns.some(({ origin }) => origin?.part === 'key'),
      keyFields,
      keyInParts: target.key.length > 0 && keyFields.length === 0,
      rest: target.rest !== null,
      dropped: new Set(target.drop),
      watchesDrift: target.schemaDrift !== 'ignore',
      partitionColumn: target.partitionBy?.column ?? null,
      tail: Buffer.from(`\tf\t${this.#loadId}\n`),
      hash: keyedHash(hashKey),
    };
  }

  /** Topic and partition as cells, with tabs before and after. */
  place(topic: string, partition: number): Buffer {
    return Buffer.from(`\t${copyText(topic)}\t${partition}\t`);
  }

  /** Fields without a column whose type can be inferred; that of a null cannot. */
  drift(record: DecodedRecord): Drift[] {
    const found: Drift[] = [];
    const { taken, elsewhere, dropped } = this.plan;
    for (const field in record)
      if (!taken.children.has(field) && !elsewhere.has(field) && !dropped.has(field) && record[field] !== null)
        found.push({ field, type: typeFor(record[field]) });
    return found;
  }

  /**
   * @param record null for a tombstone, whose `key` then gives the key columns
   * @param loadedAt the load time, for `processing_ts`
   * @throws PoisonMessage
   */
  encode(
    message: Message,
    decoded: DecodedRecord | Change,
    topic: string,
    partition: number,
    loadedAt: string,
  ): EncodedRow {
    const change = decoded instanceof Change ? decoded : null;
    const record: DecodedRecord = decoded instanceof Change ? decoded.record : decoded;
    const deleted = change === null ? message.value === null : change.op === 'd';
    // For a deleted row only the key is known.
    const bare = change !== null && (change.op === 'd' || change.op === 't');
    const keeps = change?.op === 'u' && this.#target.changes?.keeps === true;
    const kept: number[] = [];
    const { partitionColumn } = this.plan;
    let time: number | null = null;
    let parts: PartReader | null = null;
    // One join: text built with `+=` stays a tree of its pieces, which uses more memory than everything else.
    const cells = this.#cells;
    let at = 0;
    let keyText: string | null = null;
    for (const column of this.plan.columns) {
      const { name, key, stamped, inherited } = column;
      const number = at;
      let value: unknown;
      if (column.part !== null)
        value = (parts ??= new PartReader({ ...message, topic, partition }, this.plan)).of(column, column.part);
      // The record of a tombstone has its values by column name.
      else if (column.path !== null && !(deleted && Object.hasOwn(record, name))) value = valueAt(record, column.path);
      else value = inherited && !Object.hasOwn(record, name) ? undefined : record[name];
      let text: string;
      if (value === undefined || value === null) {
        if (key && change?.op !== 't')
          throw new PoisonMessage(`key column '${name}' is ${value === null ? 'null' : 'missing'}`);
        if (keeps && value === undefined && column.part === null && !stamped) kept.push(number);
        // Formats fill a deleted row's other columns with their types' defaults.
        else if (column.required && !stamped && !bare && !(deleted && column.write !== null))
          throw new PoisonMessage(`column '${name}': null value, and the column takes none`);
        text = stamped ? loadedAt : NULL;
      } else text = cellOf(value, column, this.plan);
      if (name === partitionColumn && change?.op !== 't') time = partitionTime(value, column);
      cells[at++] = text;
      if (key) keyText = `${keyText ?? ''}${text}\t`;
    }
    const lacksRest = change?.unavailable.some((name) => !this.plan.taken.children.has(name)) === true;
    if (this.#target.rest !== null) {
      if (lacksRest) kept.push(at);
      cells[at++] = this.#rest(record);
    }
    cells[at++] = copyText(topic);
    cells[at++] = String(partition);
    cells[at++] = String(message.offset);
    cells[at++] = message.timestamp === null ? NULL : new Date(message.timestamp).toISOString();
    cells[at++] = deleted ? 't' : 'f';
    cells[at++] = this.#loadId;
    if (change !== null) {
      cells[at++] = String(change.position);
      cells[at++] = operationCell(change, kept);
      cells[at++] = change.source === null ? NULL : copyText(change.source);
      cells[at++] = change.at ?? NULL;
    }
    cells.length = at;
    const line = `${cells.join('\t')}\n`;
    return {
      line,
      key: keyText,
      partitionTime: time,
      tombstone: deleted,
      change: change === null ? null : { position: change.position, kept, truncates: change.op === 't' },
    };
  }

  #rest(record: DecodedRecord): string {
    const rest = restOf(record, this.plan);
    return rest === null ? NULL : restCell(rest);
  }
}

/** What columns leave of a record, without dropped fields; null: nothing. */
export function restOf(record: DecodedRecord, { taken, dropped }: RowPlan): Record<string, unknown> | null {
  let rest: Record<string, unknown> | null = null;
  for (const field in record) {
    if (dropped.has(field)) continue;
    const node = taken.children.get(field);
    const left = node === undefined ? record[field] : remainder(record[field], node);
    if (left !== undefined) (rest ??= Object.create(null) as Record<string, unknown>)[field] = left;
  }
  return rest;
}

/** Provides values from one message's parts; decodes its key once. */
export class PartReader {
  readonly #parts: MessageParts;
  readonly #keys: KeyReader;
  #key: MessageKey | null = null;

  constructor(parts: MessageParts, { keys }: RowPlan) {
    this.#parts = parts;
    this.#keys = keys;
  }

  /** @throws PoisonMessage */
  of(column: ColumnPlan, origin: PartOrigin): unknown {
    if (origin.part === 'key' && this.#key === null && this.#parts.key !== null) {
      this.#key = this.#keys.read(this.#parts.key);
      if (this.#key === null) throw new PoisonMessage("the schema of the message's key is not known");
    }
    return partOf(origin, column, this.#parts, this.#key);
  }
}

/** The cell of a value that is not null. @throws PoisonMessage */
export function cellOf(written: unknown, column: ColumnPlan, { hash }: RowPlan): string {
  const value = column.epoch === null ? written : fromEpoch(written, column.epoch, column);
  refuseOddYear(written, value, column);
  if (!column.hashed) return column.write === null ? cell(value, column) : formatted(value, column.name, column.write);
  return hash(typeof value === 'object' && !(value instanceof ExactNumber) ? messageJson(value) : String(value));
}

function formatted(value: unknown, name: string, write: ColumnFormat['cell']): string {
  try {
    return write(value);
  } catch (error) {
    if (error instanceof PoisonMessage) throw new PoisonMessage(`column '${name}': ${error.message}`);
    throw error;
  }
}

function kindOf(type: string): Kind {
  const name = type.trim().toLowerCase();
  if (name.endsWith('[]')) return 'array';
  if (name === 'json' || name === 'jsonb') return 'json';
  if (name === 'bytea') return 'bytes';
  if (/^timestamp(?!tz)(?!.*with time zone)/.test(name)) return 'local time';
  return /^(timestamp|date\b)/.test(name) ? 'time' : 'plain';
}

function cell(value: unknown, column: ColumnPlan): string {
  const { kind, name, check } = column;
  const checked = (raw: string): string => {
    const problem = check.text?.(raw) ?? null;
    if (problem !== null) throw new PoisonMessage(`column '${name}': ${problem}`);
    return raw;
  };
  if (kind === 'json') return copyText(checked(jsonWithoutNul(value)));
  const time = kind === 'time' || kind === 'local time';
  if (typeof value === 'string') {
    if (kind === 'local time') return copyText(checked(withoutOffset(value)));
    if (kind !== 'bytes') return copyText(checked(value));
    if (!BASE64.test(value)) throw new PoisonMessage(`column '${name}': not base64, in which JSON carries bytes`);
    return `\\\\x${Buffer.from(value, 'base64').toString('hex')}`;
  }
  if (typeof value === 'number') return time ? checked(isoMoment(value, column)) : checked(String(value));
  if (typeof value === 'boolean') return checked(String(value));
  if (value instanceof ExactNumber)
    return time ? checked(isoMoment(Number(value.text), column)) : checked(String(value));
  if (kind === 'array' && Array.isArray(value)) return copyText(checked(arrayText(value)));
  return copyText(checked(jsonWithoutNul(value)));
}

/**
 * The operation, followed by the columns that keep their value, for the merge only: by number between commas. `!`: the
 * previous row must have one.
 */
function operationCell({ op, unavailable }: Change, kept: readonly number[]): string {
  return kept.length === 0 ? op : `${op}${unavailable.length > 0 ? '!' : ''},${kept.join(',')},`;
}

/** Encodes fields without a column in the cell for them. @throws PoisonMessage */
export function restCell(value: unknown): string {
  const written = jsonWithoutNul(value);
  const problem = REST_CHECK.text?.(written) ?? null;
  if (problem !== null) throw new PoisonMessage(problem);
  return copyText(written);
}

function jsonWithoutNul(value: unknown): string {
  const written = messageJson(value);
  if (NUL_IN_JSON.test(written)) throw new PoisonMessage('a text holds \\u0000, which the database cannot keep');
  return written;
}

function copyText(value: string): string {
  if (!SPECIAL.test(value)) return value;
  if (value.includes('\0')) throw new PoisonMessage('a text holds \\u0000, which the database cannot keep');
  if (HALF_PAIR.test(value)) throw new PoisonMessage('a text holds half a surrogate pair, which is no character');
  return escapeCopyText(value);
}

/**
 * Converts a timestamp for a column without zone to UTC: the database would drop the offset and keep the local time.
 */
function withoutOffset(value: string): string {
  const match = OFFSET_MOMENT.exec(value);
  if (match === null) return value;
  const [, day, time, fraction = '', sign, hours, minutes = '0'] = match;
  const moment =
    Date.parse(`${day}T${time}Z`) - (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -60_000 : 60_000);
  return Number.isNaN(moment) ? value : `${new Date(moment).toISOString().slice(0, 19)}${fraction}`;
}

/** A number in a time column is milliseconds since 1970, Kafka's unit. */
export function isoMoment(value: number, column: RangedColumn): string {
  const date = new Date(value);
  if (Number.isNaN(date.getTime())) throw wrongUnit(value, column);
  return date.toISOString();
}

function arrayText(values: readonly unknown[]): string {
  const items = values.map((value) => {
    if (value === null) return 'NULL';
    if (Array.isArray(value)) return arrayText(value);
    const item = typeof value === 'object' && !(value instanceof ExactNumber) ? messageJson(value) : String(value);
    return `"${item.replace(/["\\]/g, '\\$&')}"`;
  });
  return `{${items.join(',')}}`;
}

/**
 * Timestamp of a value in the partition column; text without a zone counts as UTC. Null if only the database can parse
 * it: the row goes to the default partition, or the database rejects it.
 */
export function moment(value: unknown): number | null {
  if (typeof value === 'number') return value;
  if (value instanceof ExactNumber && value.number !== null) return value.number;
  if (value === undefined || value === null) throw new PoisonMessage('the partition column is missing');
  if (typeof value === 'object' && !(value instanceof ExactNumber)) return null;
  const written = String(value).trim().replace(' ', 'T');
  const date = Date.parse(/[zZ]$|[+-]\d\d(:?\d\d)?$/.test(written) || !written.includes('T') ? written : `${written}Z`);
  return Number.isNaN(date) ? null : date;
}

/** The same for a column that accepts numbers. @throws PoisonMessage */
export function partitionTime(value: unknown, column: ColumnPlan): number | null {
  return moment(column.epoch === null ? value : fromEpoch(value, column.epoch, column));
}

function typeFor(value: unknown): string {
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number' || value instanceof ExactNumber) return 'numeric';
  if (typeof value === 'boolean') return 'boolean';
  return 'jsonb';
}
