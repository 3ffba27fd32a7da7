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
const ZSTD_FRAME = 0xfd2fb528;
/** Without the last four bits, which are free. */
const ZSTD_SKIPPABLE = 0x184d2a5;
/**
 * Maximum bytes that `fzstd` may move: each block moves the window. 256 MB in whole blocks with the window of level 19
 * move as many.
 */
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

/**
 * What `fzstd` needs for all frames, by their headers and those of their blocks: memory for their contents or windows,
 * and bytes that it moves. Stops at bytes that are not a frame, where `fzstd` fails.
 */
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
    const window = single ? zstdContent(bytes, content, contentBytes) : zstdWindow(bytes[at + 5]!);
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

function zstdWindow(descriptor: number): number {
  const window = 2 ** (10 + (descriptor >> 3));
  return window + (window / 8) * (descriptor & 7);
}

function zstdContent(bytes: Buffer, at: number, length: number): number {
  if (at + length > bytes.length) return 0;
  if (length === 8) return Number(bytes.readBigUInt64LE(at));
  return bytes.readUIntLE(at, length) + (length === 2 ? 256 : 0);
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
 * The decompressed length of LZ4 frames, computed from their sequences without decompressing.
 * @throws for other bytes: the library also reads frames of the legacy format
 */
function lz4Length(bytes: Buffer): number {
  let length = 0;
  for (let at = 0; at + 7 < bytes.length; ) {
    if (bytes.readUInt32LE(at) !== LZ4_FRAME) throw new Error('not an LZ4 frame');
    const flags = bytes[at + 4]!;
    at += 7 + ((flags & 0x08) === 0 ? 0 : 8) + ((flags & 0x01) === 0 ? 0 : 4);
    while (at + 4 <= bytes.length) {
      const head = bytes.readUInt32LE(at);
      at += 4;
      if (head === 0) break;
      const size = head & 0x7fffffff;
      length += head >= 0x80000000 ? size : lz4BlockLength(bytes, at, Math.min(bytes.length, at + size));
      at += size + ((flags & 0x10) === 0 ? 0 : 4);
    }
    at += (flags & 0x04) === 0 ? 0 : 4;
  }
  return length;
}

function lz4BlockLength(bytes: Buffer, start: number, end: number): number {
  let length = 0;
  let at = start;
  const more = (few: number): number => {
    let value = few;
    if (few === 15) {
      let byte = 255;
      while (byte === 255 && at < end) value += byte = bytes[at++]!;
    }
    return value;
  };
  while (at < end) {
    const token = bytes[at++]!;
    const literals = more(token >> 4);
    at += literals;
    length += literals;
    if (at >= end) break;
    at += 2;
    length += more(token & 15) + 4;
  }
  return length;
}
