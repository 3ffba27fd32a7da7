// CRC-32C, the checksum of each record batch: by the processor's instruction if there is a build of it, otherwise by
// the client library's function.
import { createRequire } from 'node:module';
import type { KafkaLibrary } from './client-library.ts';

export type Crc32c = (bytes: Uint8Array) => number;

/** @returns the fastest function on this machine; both return the same */
export function crc32cOf(library: KafkaLibrary): Crc32c {
  try {
    return (createRequire(import.meta.url)('@node-rs/crc32') as { readonly crc32c: Crc32c }).crc32c;
  } catch {
    return library.crc32c as Crc32c;
  }
}
