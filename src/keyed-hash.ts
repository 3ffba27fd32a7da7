// The keyed hash that replaces personal data: the same text and key give the same hash, whatever the format of the
// text.
import { createHmac } from 'node:crypto';

/** Characters of a hash: SHA-256 in hexadecimal. */
export const HASH_LENGTH = 64;

/** The hash of a text, or of its bytes in UTF-8. */
export type KeyedHash = (text: string | Uint8Array) => string;

/** HMAC-SHA-256 in hexadecimal. @param key null if nothing is hashed */
export function keyedHash(key: string | null): KeyedHash {
  return (text) =>
    createHmac('sha256', key ?? '')
      .update(text)
      .digest('hex');
}
