// Encrypts the raw bytes of dead letters if the target hashes or drops a field. The key is only in the environment:
// letters can be replayed, but not read in the database.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { TsdbtError } from '../errors.ts';
import type { LoadTarget } from './settings/load-target.ts';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/** AES-256-GCM with a key derived from the hash key. */
export class Sealer {
  readonly #key: Buffer | null;

  /** @param hashKey from the environment; null: nothing can be sealed */
  constructor(hashKey: string | null) {
    this.#key = hashKey === null ? null : Buffer.from(hkdfSync('sha256', hashKey, 'tsdbt', 'dead letters', 32));
  }

  /** Whether the target hides anything. */
  seals(target: LoadTarget): boolean {
    return target.hash.length > 0 || target.drop.length > 0;
  }

  /**
   * What is stored for the bytes: the bytes themselves, or initialization vector, tag and ciphertext. Without a key
   * nothing is stored.
   */
  seal(target: LoadTarget, bytes: Uint8Array | null): Uint8Array | null {
    if (bytes === null || !this.seals(target)) return bytes;
    if (this.#key === null) return null;
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv);
    return Buffer.concat([iv, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
  }

  /** @throws `runtime` error if another key sealed it */
  open(sealed: Uint8Array): Uint8Array {
    try {
      if (this.#key === null) throw new Error('no key');
      const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(0, IV_BYTES));
      decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
      return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES, sealed.length - TAG_BYTES)), decipher.final()]);
    } catch (error) {
      throw new TsdbtError('runtime', 'a dead letter was sealed with another key', {
        hint: 'TSDBT_HASH_KEY must be what it was when the message was read.',
        cause: error,
      });
    }
  }
}
