// Decodes the bytes of a message to a record of fields. Pure; row-encoder.ts converts fields to columns.
import type { Message } from '../brokers/broker.ts';
import type { Change, Skipped } from './row-change.ts';
import type { SnapshotFloors } from './debezium/snapshot-floors.ts';
import type { Records } from '../brokers/message-records.ts';
import { ExactNumber, jsonText, parseJson } from './values/lossless-json.ts';
import type { KeyReader } from './values/message-parts.ts';
import type { RowPlan } from './rows/row-encoder.ts';
import type { RowPath } from './rows/row-writer.ts';

/** The fields of a message; numbers that JavaScript would format differently are ExactNumber. */
export type DecodedRecord = { readonly [field: string]: unknown };

/**
 * Why a message cannot become a row; the message goes to the dead letters. The text quotes nothing from the message,
 * which may contain personal data.
 */
export class PoisonMessage extends Error {}

/**
 * Why a message cannot become a row; null: the message did not cause the error. A RangeError comes from its nesting,
 * its length or its numbers, because nothing else is read while it is encoded.
 */
export function poisonReason(error: unknown): string | null {
  if (error instanceof PoisonMessage) return error.message;
  return error instanceof RangeError ? 'values that are nested too deeply, or too long' : null;
}

/** The result of decoding a message. */
export type Decoded = DecodedRecord | Change | Skipped;

/** Half of a surrogate pair, which no database text can contain. */
export const HALF_PAIR = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** The JSON text of a value in a message. @throws PoisonMessage if it is nested too deeply */
export function messageJson(value: unknown): string {
  try {
    return jsonText(value);
  } catch (error) {
    if (error instanceof RangeError) throw new PoisonMessage('JSON that is nested too deeply');
    throw error;
  }
}

/** Whether a value is a record from a decoder. */
export function isRecord(value: unknown): value is DecodedRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
}

/** Fields of messages by their names. */
export type Fields = Pick<ReadonlySet<string>, 'has'>;

/** Decodes a topic's values. May query a registry, hence a promise; most records are returned directly. */
export interface Decoder {
  /** Whether values are JSON texts: the fast path may read ordinary ones without decoding them. */
  readonly plain: boolean;
  /** @throws PoisonMessage */
  decode(value: Uint8Array): DecodedRecord | Promise<DecodedRecord>;
  /**
   * Prepares `decode` for a message's value and the following ones; called directly before it. Absent: nothing to
   * prepare.
   * @returns false: it took long, and the event loop should run
   */
  ahead?(records: Records, at: number): boolean;
  /** The record of a tombstone, built from its key. @throws PoisonMessage */
  decodeKey(key: Uint8Array | null, columns: readonly string[]): DecodedRecord | Promise<DecodedRecord>;
  /** Reads keys for columns that are filled from them; absent: keys are texts. */
  readonly keys?: KeyReader;

  /**
   * Decodes a message whose key and value belong together; absent: only the value counts.
   * @param taken the fields of the table's columns, including added ones; absent: those of the declared columns
   * @throws PoisonMessage
   */
  message?(message: Message, taken?: Fields): Change | Skipped | Promise<Change | Skipped>;
  /** Builds rows without an intermediate record, as the fast path does for JSON; absent: not supported. */
  path?(plan: RowPlan, floors: SnapshotFloors): RowPath | null;
}

const TEXT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** UTF-8 JSON, one object per message. */
export const jsonDecoder: Decoder = {
  plain: true,
  decode: (value) => decodeJson(value),
  decodeKey(key, columns) {
    const found = keyOf(key, columns);
    if (columns.length === 1 && found.key[0] !== 0x7b) return { [found.column]: utf8(found.key) };
    return decodeJson(found.key);
  },
};

/** A tombstone's key as the first key column. @throws PoisonMessage if either is missing */
export function keyOf(key: Uint8Array | null, columns: readonly string[]): { key: Uint8Array; column: string } {
  if (key === null) throw new PoisonMessage('a tombstone without a key: there is no telling which row it deletes');
  const [column] = columns;
  if (column === undefined) throw new PoisonMessage('a tombstone, and the load config names no key');
  return { key, column };
}

function decodeJson(bytes: Uint8Array): DecodedRecord {
  return jsonRecord(utf8(bytes));
}

/** @throws PoisonMessage for anything except an object */
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
