// Compressed batches that a producer wrote by hand: a few bytes that cause gigabytes or hours are rejected at once.
import zlib from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { loadClientLibrary } from '../../../src/loader/brokers/kafka/client-library.ts';
import { TooLarge, unpacker } from '../../../src/loader/brokers/kafka/decompress.ts';

const MEGABYTE = 1024 ** 2;
const [LZ4, ZSTD] = [3, 4];

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
/** A frame that readers skip. */
const SKIPPABLE = Buffer.concat([uint32(0x184d2a50), uint32(4), Buffer.from('skip')]);

/** An LZ4 block of so many letters. */
function lz4Block(length: number): Buffer {
  const match = length - 6 - 19;
  return Buffer.concat([
    ...[Buffer.from([0x1f, 0x61, 1, 0]), Buffer.alloc(Math.floor(match / 255), 0xff), Buffer.from([match % 255])],
    Buffer.from('Paaaaa'),
  ]);
}

/** A zstd block that repeats one letter. */
function zstdRun(length: number, last = true): Buffer {
  const block = Buffer.from([0, 0, 0, 0x61]);
  block.writeUIntLE(length * 8 + 2 + Number(last), 0, 3);
  return block;
}
/** @param exponent of the window's size */
const zstdFrame = (exponent: number, ...blocks: Buffer[]): Buffer =>
  Buffer.concat([uint32(0xfd2fb528), Buffer.from([0, (exponent - 10) * 8]), ...blocks]);
/** A frame that states the size of its content. */
const zstdContent = (size: number, ...blocks: Buffer[]): Buffer =>
  Buffer.concat([uint32(0xfd2fb528), Buffer.from([0xa0]), uint32(size), ...blocks]);
const times = (count: number, bytes: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => bytes));

describe('a hostile compressed batch', async () => {
  const unpack = unpacker(await loadClientLibrary());
  // Newer versions of Node unpack zstd themselves, in memory of its own and without such costs.
  const isNative = 'zstdDecompressSync' in zlib;

  const legacy = (blocks: number): Buffer => {
    const block = lz4Block(8 * MEGABYTE);
    return Buffer.concat([uint32(0x184c2102), times(blocks, Buffer.concat([uint32(block.length), block]))]);
  };
  const frame = Buffer.concat([uint32(0x184d2204), Buffer.from([0x40, 0x40, 0xc0]), uint32(0)]);

  const short = Buffer.concat([uint32(lz4Block(8 * MEGABYTE).length), lz4Block(8 * MEGABYTE)]);

  it.each<readonly [what: string, bytes: () => Buffer]>([
    [
      'with blocks longer than its frame allows',
      () => Buffer.concat([frame.subarray(0, 7), times(80, short), uint32(0)]),
    ],
    ['in the legacy format', () => legacy(80)],
    ['in the legacy format after an empty frame', () => Buffer.concat([frame, legacy(80)])],
    ['after a frame to skip', () => Buffer.concat([SKIPPABLE, legacy(80)])],
  ])('of LZ4 %s is rejected without the memory', (_, bytes) => {
    const before = process.memoryUsage().external;
    expect(() => unpack(LZ4, bytes())).toThrow();
    expect(process.memoryUsage().external - before).toBeLessThan(100 * MEGABYTE);
  });

  it.skipIf(isNative).each<readonly [what: string, bytes: () => Buffer, reason: RegExp]>([
    [
      'with a great window after a frame to skip',
      () => Buffer.concat([SKIPPABLE, zstdFrame(30, zstdRun(9))]),
      /256 MB/,
    ],
    [
      'with a great content after a frame to skip',
      () => Buffer.concat([SKIPPABLE, zstdContent(2e9, zstdRun(9))]),
      /256 MB/,
    ],
    [
      'with a great window in the second frame',
      () => Buffer.concat([zstdFrame(10, zstdRun(9)), zstdFrame(30, zstdRun(9))]),
      /256 MB/,
    ],
    ['with two hundred windows', () => times(200, zstdFrame(27, zstdRun(9))), /256 MB/],
    [
      'with small blocks and a great window',
      () => zstdFrame(27, times(50_000, zstdRun(1, false)), zstdRun(1)),
      /too long/,
    ],
    [
      'with small blocks and a great content',
      () => zstdContent(2e8, times(50_000, zstdRun(1, false)), zstdRun(1)),
      /too long/,
    ],
  ])('of zstd %s is rejected at once', (_, bytes, reason) => {
    const before = process.memoryUsage().external;
    expect(() => unpack(ZSTD, bytes())).toThrow(
      expect.objectContaining({ constructor: TooLarge, message: expect.stringMatching(reason) }),
    );
    expect(process.memoryUsage().external - before).toBeLessThan(100 * MEGABYTE);
  });

  it('is not confused with an ordinary one of several frames', () => {
    const runs = [
      zstdFrame(17, zstdRun(3, false), zstdRun(2)),
      SKIPPABLE,
      zstdContent(1, zstdRun(1)),
      zstdFrame(23, zstdRun(4)),
    ];
    expect(unpack(ZSTD, Buffer.concat(runs))?.toString()).toBe('a'.repeat(10));
  });
});
