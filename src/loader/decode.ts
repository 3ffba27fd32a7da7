// Bytes of a message as a record of fields. Pure; what the fields become in a table is row-encoder.ts's.
import { ExactNumber, parseJson } from './json.ts';

/** The fields of a message; numbers that JavaScript would write in another way are ExactNumber. */
export type DecodedRecord = { readonly [field: string]: unknown };

/**
 * Says why a message cannot become a row; the message goes to the dead letters. The text quotes nothing of the message,
 * which may hold personal data.
 */
export class PoisonMessage extends Error {}

/** Decodes a topic's values. May ask a registry, hence a promise; most records come at once. */
export interface Decoder {
  /** Values are JSON texts: the fast path may read an ordinary one without decoding it. */
  readonly plain: boolean;
  /** @throws PoisonMessage */
  decode(value: Uint8Array): DecodedRecord | Promise<DecodedRecord>;
  /** The record of a tombstone, made of its key. @throws PoisonMessage */
  decodeKey(key: Uint8Array | null, columns: readonly string[]): DecodedRecord;
}

const TEXT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** UTF-8 JSON, one object a message. */
export const jsonDecoder: Decoder = {
  plain: true,
  decode: (value) => decodeJson(value),
  decodeKey(key, columns) {
    if (key === null) throw new PoisonMessage('a tombstone without a key: there is no telling which row it deletes');
    const [only] = columns;
    if (only === undefined) throw new PoisonMessage('a tombstone, and the load config names no key');
    if (columns.length === 1 && key[0] !== 0x7b) return { [only]: utf8(key) };
    return decodeJson(key);
  },
};

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
