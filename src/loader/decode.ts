// Bytes of a message as a record of fields. Pure; what the fields become in a table is row-encoder.ts's.
import type { Message } from './broker.ts';
import type { Change, Skipped } from './change.ts';
import type { SnapshotFloors } from './debezium/snapshot-floors.ts';
import type { Records } from './fast/records.ts';
import { ExactNumber, jsonText, parseJson } from './json.ts';
import type { KeyReader } from './message-parts.ts';
import type { RowPlan } from './row-encoder.ts';
import type { RowPath } from './row-maker.ts';

/** The fields of a message; numbers that JavaScript would write in another way are ExactNumber. */
export type DecodedRecord = { readonly [field: string]: unknown };

/**
 * Says why a message cannot become a row; the message goes to the dead letters. The text quotes nothing of the message,
 * which may hold personal data.
 */
export class PoisonMessage extends Error {}

/** The result of decoding a message. */
export type Decoded = DecodedRecord | Change | Skipped;

/** Half of a surrogate pair: no text of a database holds one. */
export const HALF_PAIR = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** The JSON text of a value of a message. @throws PoisonMessage when it is nested too deeply to be written */
export function messageJson(value: unknown): string {
  try {
    return jsonText(value);
  } catch (error) {
    if (error instanceof RangeError) throw new PoisonMessage('JSON that is nested too deeply');
    throw error;
  }
}

/** Is a value that a decoder gave a record? */
export function isRecord(value: unknown): value is DecodedRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
}

/** Fields of messages by their names. */
export type Fields = Pick<ReadonlySet<string>, 'has'>;

/** Decodes a topic's values. May ask a registry, hence a promise; most records come at once. */
export interface Decoder {
  /** Values are JSON texts: the fast path may read an ordinary one without decoding it. */
  readonly plain: boolean;
  /** @throws PoisonMessage */
  decode(value: Uint8Array): DecodedRecord | Promise<DecodedRecord>;
  /**
   * Prepares `decode` of a message's value, and of those that follow; called right before it. Absent: nothing to
   * prepare.
   * @returns false: it took long, and the event loop should have a turn
   */
  ahead?(records: Records, at: number): boolean;
  /** The record of a tombstone, made of its key. @throws PoisonMessage */
  decodeKey(key: Uint8Array | null, columns: readonly string[]): DecodedRecord | Promise<DecodedRecord>;
  /** Reads keys for columns that are filled from them; absent: they are texts. */
  readonly keys?: KeyReader;

  /**
   * Decodes a message of which key and value count together; absent: the value alone counts.
   * @param taken the fields that the table's columns take, added ones too; absent: those of the declared columns
   * @throws PoisonMessage
   */
  message?(message: Message, taken?: Fields): Change | Skipped | Promise<Change | Skipped>;
  /** Makes rows without a record in between, as the fast path does of JSON; absent: nothing does. */
  path?(plan: RowPlan, floors: SnapshotFloors): RowPath | null;
}

const TEXT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** UTF-8 JSON, one object a message. */
export const jsonDecoder: Decoder = {
  plain: true,
  decode: (value) => decodeJson(value),
  decodeKey(key, columns) {
    const found = keyOf(key, columns);
    if (columns.length === 1 && found.key[0] !== 0x7b) return { [found.column]: utf8(found.key) };
    return decodeJson(found.key);
  },
};

/** A tombstone's key, and the first of the key columns. @throws PoisonMessage without one or the other */
export function keyOf(key: Uint8Array | null, columns: readonly string[]): { key: Uint8Array; column: string } {
  if (key === null) throw new PoisonMessage('a tombstone without a key: there is no telling which row it deletes');
  const [column] = columns;
  if (column === undefined) throw new PoisonMessage('a tombstone, and the load config names no key');
  return { key, column };
}

function decodeJson(bytes: Uint8Array): DecodedRecord {
  return jsonRecord(utf8(bytes));
}

/** @throws PoisonMessage for anything but an object */
export function jsonRecord(text: string): DecodedRecord {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    if (error instanceof RangeError) throw new PoisonMessage('JSON that is nested too deeply');
    const place = /position (\d+)/.exec(String(error))?.[1];
    throw new PoisonMessage(`not JSON${place === undefined ? '' : `, at position ${place}`}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof ExactNumber)
    throw new PoisonMessage('not a JSON object');
  return value as DecodedRecord;
}

/** @throws PoisonMessage */
export function utf8(bytes: Uint8Array): string {
  try {
    return TEXT.decode(bytes);
  } catch {
    throw new PoisonMessage('not UTF-8');
  }
}
