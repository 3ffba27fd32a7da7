// CRC-32C, which each batch of records carries: by the processor's own instruction where there is a build of it, else
// by the client library's.
import { createRequire } from 'node:module';
import type { KafkaLibrary } from './library.ts';

export type Crc32c = (bytes: Uint8Array) => number;

/** @returns the quickest function that this machine has; both give the same */
export function crc32cOf(library: KafkaLibrary): Crc32c {
  try {
    return (createRequire(import.meta.url)('@node-rs/crc32') as { readonly crc32c: Crc32c }).crc32c;
  } catch {
    return library.crc32c as Crc32c;
  }
}
