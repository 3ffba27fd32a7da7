// Bytes of a message as a record of fields. Pure; what the fields become in a table is row-encoder.ts's.
import { isLosslessNumber, parse as parseLossless } from 'lossless-json';

/** The fields of a message; numbers that JavaScript cannot hold exactly are LosslessNumber. */
export type DecodedRecord = { readonly [field: string]: unknown };

/** Why a message cannot become a row. It goes to the dead letters, never further. */
export class PoisonMessage extends Error {}

/** Decodes a topic's values. May ask a registry, hence a promise; most answers come at once. */
export interface Decoder {
  /** @throws PoisonMessage */
  decode(value: Uint8Array): DecodedRecord | Promise<DecodedRecord>;
  /** The record that a key stands for: of a tombstone there is nothing else. @throws PoisonMessage */
  decodeKey(key: Uint8Array | null, columns: readonly string[]): DecodedRecord;
}

const TEXT = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
/** Sixteen digits or more in a row, with or without a point: beyond what a double surely keeps. */
const LONG_NUMBER = /[0-9][0-9.]{15}/;

/** UTF-8 JSON, one object a message. */
export const jsonDecoder: Decoder = {
  decode: (value) => decodeJson(value),
  decodeKey(key, columns) {
    if (key === null) throw new PoisonMessage('a tombstone without a key: there is no telling which row it deletes');
    const [only] = columns;
    if (columns.length === 1 && only !== undefined && key[0] !== 0x7b) return { [only]: utf8(key) };
    return decodeJson(key);
  },
};

function decodeJson(bytes: Uint8Array): DecodedRecord {
  const text = utf8(bytes);
  let value: unknown;
  try {
    value = LONG_NUMBER.test(text) ? parseLossless(text) : JSON.parse(text);
  } catch (error) {
    throw new PoisonMessage(`not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isLosslessNumber(value)) throw new PoisonMessage('not a JSON object');
  return value as DecodedRecord;
}

function utf8(bytes: Uint8Array): string {
  try {
    return TEXT.decode(bytes);
  } catch {
    throw new PoisonMessage('not UTF-8');
  }
}
