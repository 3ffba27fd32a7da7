// Decompresses a batch up to a limit: a bomb causes an error and uses no memory. record-batches.ts names the batch.
import zlib, { gunzipSync } from 'node:zlib';
import { Decompress } from 'fzstd';
import type { KafkaLibrary } from './client-library.ts';

/** Maximum decompressed bytes of a batch. */
const MAX_UNPACKED = 256 * 1024 * 1024;
const [GZIP, SNAPPY, LZ4, ZSTD] = [1, 2, 3, 4];
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
/** Start of the first chunk in xerial's framing, after its two versions. */
const XERIAL_HEAD = 16;
/** The highest compression ratio of LZ4. */
const LZ4_RATIO = 255;
const LZ4_FRAME = 0x184d2204;
/** The second one without its last four bits, which are free. */
const [ZSTD_FRAME, ZSTD_SKIPPABLE] = [0xfd2fb528, 0x184d2a5];
/** Maximum bytes that `fzstd` may move, a window per block: as many as 256 MB of level 19. */
const MAX_MOVED = 16 * 1024 ** 3;
const MEGABYTE = 1024 * 1024;

/** The decompressed batch exceeds the limit. */
export class TooLarge extends Error {}

/** Decompressors by the algorithm's number in a batch's attributes; null: unknown. */
export type Unpack = (algorithm: number, bytes: Buffer) => Buffer | null;

/**
 * @param limit maximum decompressed bytes
 * @returns a function that throws TooLarge, or the algorithm's error for invalid bytes
 */
export function unpacker(library: KafkaLibrary, limit = MAX_UNPACKED): Unpack {
  const tooLarge = (): TooLarge =>
    new TooLarge(`it holds more than ${Math.floor(limit / MEGABYTE)} MB when it is unpacked`);
  return (algorithm, bytes) => {
    if (algorithm === GZIP) return limited(gunzipSync, bytes, limit, tooLarge);
    if (algorithm === ZSTD) return unzstd(bytes, limit, tooLarge);
    const found = library.compressionsAlgorithmsByBitmask[algorithm];
    if (found === undefined) return null;
    if (algorithm === SNAPPY && snappyLength(bytes) > limit) throw tooLarge();
    if (algorithm === LZ4 && bytes.length * LZ4_RATIO > limit && lz4Length(bytes) > limit) throw tooLarge();
    return found.decompressSync(bytes);
  };
}

type Limited = (bytes: Buffer, options: { readonly maxOutputLength: number }) => Buffer;

function limited(work: Limited, bytes: Buffer, limit: number, tooLarge: () => TooLarge): Buffer {
  try {
    return work(bytes, { maxOutputLength: limit });
  } catch (error) {
    throw (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? tooLarge() : error;
  }
}

function unzstd(bytes: Buffer, limit: number, tooLarge: () => TooLarge): Buffer {
  // Node 22.15 and newer.
  const native = (zlib as { readonly zstdDecompressSync?: Limited }).zstdDecompressSync;
  if (native !== undefined) return limited(native, bytes, limit, tooLarge);
  const { memory, moved } = zstdCost(bytes);
  if (memory > limit) throw tooLarge();
  if (moved > MAX_MOVED) throw new TooLarge('it takes too long to unpack with Node before 22.15');
  const parts: Uint8Array[] = [];
  let length = 0;
  new Decompress((part) => {
    length += part.length;
    if (length > limit) throw tooLarge();
    if (part.length > 0) parts.push(part);
  }).push(bytes, true);
  return Buffer.concat(parts, length);
}

/** The memory for the windows of all frames, and the bytes that are moved in them, by the headers of their blocks. */
function zstdCost(bytes: Buffer): { readonly memory: number; readonly moved: number } {
  let memory = 0;
  let moved = 0;
  for (let at = 0; at + 8 <= bytes.length; ) {
    const magic = bytes.readUInt32LE(at);
    if (magic >>> 4 === ZSTD_SKIPPABLE) {
      at += 8 + bytes.readUInt32LE(at + 4);
      continue;
    }
    if (magic !== ZSTD_FRAME) break;
    const flags = bytes[at + 4]!;
    const single = (flags & 0x20) !== 0;
    const content = at + (single ? 5 : 6) + [0, 1, 2, 4][flags & 3]!;
    const contentBytes = flags >> 6 === 0 ? Number(single) : 1 << (flags >> 6);
    const size = bytes[at + 5]!;
    const window = single ? zstdContent(bytes, content, contentBytes) : 2 ** (7 + (size >> 3)) * (8 + (size & 7));
    memory += window;
    at = content + contentBytes;
    for (let isLast = false; !isLast && at + 3 <= bytes.length; moved += window) {
      const head = bytes.readUIntLE(at, 3);
      isLast = (head & 1) !== 0;
      // A block that repeats one byte contains that byte alone.
      at += 3 + ((head & 6) === 2 ? 1 : head >> 3);
    }
    at += (flags & 4) === 0 ? 0 : 4;
  }
  return { memory, moved };
}

function zstdContent(bytes: Buffer, at: number, length: number): number {
  if (at + length > bytes.length) return 0;
  return length === 8 ? Number(bytes.readBigUInt64LE(at)) : bytes.readUIntLE(at, length) + (length === 2 ? 256 : 0);
}

/** The length that a snappy block, or each chunk of xerial's framing, states. */
function snappyLength(bytes: Buffer): number {
  if (!bytes.subarray(0, XERIAL.length).equals(XERIAL)) return varint(bytes, 0);
  let length = 0;
  for (let at = XERIAL_HEAD; at + 4 < bytes.length; at += 4 + bytes.readUInt32BE(at)) length += varint(bytes, at + 4);
  return length;
}

function varint(bytes: Buffer, start: number): number {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = bytes[start + i] ?? 0;
    value += (byte & 0x7f) * 128 ** i;
    if (byte < 0x80) break;
  }
  return value;
}

/**
 * The greatest length of decompressed LZ4 frames: each block may be as long as its frame allows.
 * @throws for other bytes: the library also reads frames of the legacy format
 */
function lz4Length(bytes: Buffer): number {
  let length = 0;
  for (let at = 0; at + 7 < bytes.length; ) {
    if (bytes.readUInt32LE(at) !== LZ4_FRAME) throw new Error('not an LZ4 frame');
    const flags = bytes[at + 4]!;
    const longest = 2 ** (8 + 2 * ((bytes[at + 5]! >> 4) & 7));
    at += 7 + ((flags & 0x08) === 0 ? 0 : 8) + ((flags & 0x01) === 0 ? 0 : 4);
    while (at + 4 <= bytes.length) {
      const head = bytes.readUInt32LE(at);
      at += 4;
      if (head === 0) break;
      length += longest;
      at += (head & 0x7fffffff) + ((flags & 0x10) === 0 ? 0 : 4);
    }
    at += (flags & 0x04) === 0 ? 0 : 4;
  }
  return length;
}
