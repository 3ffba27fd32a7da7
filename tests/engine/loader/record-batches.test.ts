// The records of a fetch, as brokers pack and compress them, and as they come when something broke.
import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { crc32cOf } from '../../../src/loader/brokers/kafka/crc32c.ts';
import { loadClientLibrary } from '../../../src/loader/brokers/kafka/client-library.ts';
import { type Aborted, RecordBatches, UnreadableBatch } from '../../../src/loader/brokers/kafka/record-batches.ts';
import { TooLarge, unpacker } from '../../../src/loader/brokers/kafka/decompress.ts';
import { packedBatch, zstdZeros } from '../support/kafka-batches.ts';

type Sent = {
  readonly key?: Buffer;
  readonly value?: Buffer;
  readonly timestamp: bigint;
  readonly headers?: Map<Buffer, Buffer>;
};
type Message = readonly [offset: number, value: string | null, timestamp: number | null];

const MEGABYTE = 1024 * 1024;

describe('a record batch', async () => {
  const library = await loadClientLibrary();
  const crc32c = crc32cOf(library);
  const batch = (
    first: number,
    messages: readonly Sent[],
    more: Omit<Parameters<typeof packedBatch>[3], 'first'> = {},
  ): Buffer => packedBatch(library, 't', messages, { first: BigInt(first), ...more });
  const sent = (values: readonly string[], timestamp = 1_700_000_000_000n): Sent[] =>
    values.map((value, i) => ({
      key: Buffer.from(`k${i}`),
      value: Buffer.from(value),
      timestamp: timestamp + BigInt(i),
    }));
  const open = (
    bytes: Buffer,
    position = 0n,
    aborted: readonly Aborted[] = [],
    limit = 64 * MEGABYTE,
    end = 1_000_000n,
  ): RecordBatches => new RecordBatches(bytes, { position, end, aborted, crc32c, unpack: unpacker(library, limit) });
  /** What can be read, and what stops it. */
  const read = (
    bytes: Buffer,
    position = 0n,
    aborted: readonly Aborted[] = [],
    limit?: number,
    end?: bigint,
  ): { messages: Message[]; next: bigint; error: UnreadableBatch | null } => {
    const batches = open(bytes, position, aborted, limit, end);
    const messages: Message[] = [];
    let next = position;
    try {
      for (let taken = batches.take(1); taken !== null; taken = batches.take(1)) {
        for (const records of taken.records)
          for (let i = 0; i < records.length; i++)
            messages.push(
              ((m) =>
                [Number(m.offset), m.value === null ? null : Buffer.from(m.value).toString(), m.timestamp] as const)(
                records.message(i),
              ),
            );
        next = taken.next;
      }
    } catch (error) {
      if (!(error instanceof UnreadableBatch)) throw error;
      return { messages, next, error };
    }
    return { messages, next, error: null };
  };

  it('returns its messages from the position on, with any compression', () => {
    const bytes = Buffer.concat([
      batch(5, sent(['a', 'b'])),
      batch(7, sent(['c'], 1_700_000_000_500n), { compression: 'gzip' }),
      batch(8, sent(['d', 'x'.repeat(9000)]), { compression: 'lz4' }),
      batch(12, sent(['e']), { compression: 'snappy' }),
      batch(13, sent(['f'])),
    ]);
    const { messages, next } = read(bytes, 6n);
    expect(messages.map(([offset, value, time]) => [offset, value?.slice(0, 3), time! - 1_700_000_000_000])).toEqual([
      [6, 'b', 1],
      [7, 'c', 500],
      [8, 'd', 0],
      [9, 'xxx', 1],
      [12, 'e', 0],
      [13, 'f', 0],
    ]);
    expect(next).toBe(14n);
  });

  it('has keys, tombstones, headers, the time of the log or none', () => {
    const messages: Sent[] = [
      {
        timestamp: 5n,
        headers: new Map([
          [Buffer.from('h'), Buffer.from('1')],
          [Buffer.from('\u00e9'), Buffer.from([255])],
        ]),
      },
      { key: Buffer.from('k'), value: Buffer.alloc(0), timestamp: 9n },
    ];
    const {
      records: [records],
    } = open(batch(1, messages, { attributes: 0x08 })).take(1)!;
    expect([records!.message(0), records!.message(1)]).toEqual([
      {
        offset: 1n,
        timestamp: 9,
        key: null,
        value: null,
        headers: [
          ['h', Buffer.from('1')],
          ['\u00e9', Buffer.from([255])],
        ],
      },
      { offset: 2n, timestamp: 9, key: Buffer.from('k'), value: Buffer.alloc(0), headers: [] },
    ]);
    expect([records!.valueStart(0), records!.size(0), records!.size(1)]).toEqual([-1, 0, 1]);
    expect(
      read(
        batch(0, [
          { value: Buffer.from('a'), timestamp: -1n },
          { value: Buffer.from('b'), timestamp: -1n },
        ]),
      ).messages,
    ).toEqual([
      [0, 'a', null],
      [1, 'b', null],
    ]);
    for (const [timestamp, moment] of [
      [-2n, -2],
      [10n ** 15n, 253_402_300_799_999],
    ] as const)
      expect(read(batch(0, [{ value: Buffer.from('a'), timestamp }])).messages).toEqual([[0, 'a', moment]]);
  });

  it('omits aborted messages and control records', () => {
    const [transactional, control] = [0x10, 0x30];
    const of = (first: number, value: string, attributes: number, producer: bigint): Buffer =>
      batch(first, sent([value]), { attributes, producer });
    const bytes = Buffer.concat([
      of(0, 'no', transactional, 7n),
      of(1, 'yes', transactional, 8n),
      of(2, '', control, 7n),
      of(3, 'again', transactional, 7n),
      of(4, '', control, 7n),
    ]);
    expect(read(bytes, 0n, [{ producerId: 7n, firstOffset: 0n }])).toEqual({
      messages: [
        [1, 'yes', 1_700_000_000_000],
        [3, 'again', 1_700_000_000_000],
      ],
      next: 5n,
      error: null,
    });
  });

  it('is separate from others by the epoch of its leader', () => {
    const batches = open(
      Buffer.concat([
        batch(0, sent(['a']), { epoch: 3 }),
        batch(1, sent(['b', 'c']), { epoch: 3 }),
        batch(3, sent(['d']), { epoch: 5 }),
      ]),
    );
    expect(batches.next).toBe(4n);
    expect(
      [batches.take(1e9), batches.take(1e9), batches.take(1e9)].map(
        (taken) => taken && [taken.epoch, taken.next, taken.records.map(({ length }) => length)],
      ),
    ).toEqual([[3, 3n, [3]], [5, 4n, [1]], null]);
  });

  it('may be truncated at the end, which is fetched again, but the first one is complete', () => {
    const [first, second] = [batch(0, sent(['a'])), batch(1, sent(['b']))];
    for (const length of [0, 3, 11, 12, 60, second.length - 1]) {
      expect(read(Buffer.concat([first, second.subarray(0, length)]))).toEqual({
        messages: [[0, 'a', 1_700_000_000_000]],
        next: 1n,
        error: null,
      });
      if (length > 0)
        expect(read(second.subarray(0, length), 1n).error).toMatchObject({
          offset: 1n,
          damaged: true,
          message: expect.stringMatching(/longer than/),
        });
    }
  });

  it('with one wrong bit is rejected by its offset, and earlier ones are read', () => {
    const [first, second] = [
      batch(0, sent(['a', 'b'])),
      batch(2, sent(['c', 'd'.repeat(300)]), { compression: 'gzip' }),
    ];
    for (let at = 0; at < second.length; at++) {
      const broken = Buffer.from(second);
      broken[at]! ^= 1 << (at % 8);
      const { messages, next, error } = read(
        Buffer.concat([first, broken, batch(4, sent(['e']))]),
        0n,
        [],
        undefined,
        5n,
      );
      // Offset and epoch stand before what the checksum covers: what does not follow is seen, and nothing is read
      // beyond the end.
      if (at < 8 || (at >= 12 && at < 16)) expect(next <= 5n, String(at)).toBe(true);
      // A length that is too great is that of a batch that is cut off, and comes first with the next fetch.
      else
        expect([messages.length, next, error?.offset ?? 2n, error?.damaged ?? at < 12], String(at)).toEqual([
          2,
          2n,
          2n,
          true,
        ]);
    }
  });

  it('with a valid checksum and invalid content is never read endlessly, beyond its end, or twice', () => {
    const whole = batch(0, sent(['a', 'b'.repeat(300), 'c']));
    const old = Buffer.from(whole);
    old[16] = 1;
    expect(read(old).error?.message).toMatch(/version 1/);
    let refused = 0;
    const resealed = (bytes: Buffer): Buffer => {
      bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17);
      return bytes;
    };
    for (let at = 57; at < 75; at++) {
      for (const byte of [0, 1, 0x7f, 0x80, 0xff]) {
        const broken = Buffer.from(whole);
        broken[at] = byte;
        const { messages, next, error } = read(resealed(broken));
        if (error === null) {
          expect(next).toBe(3n);
          continue;
        }
        // Nothing of it is given, for all of it comes again.
        expect([messages, next]).toEqual([[], 0n]);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(30);
    const backwards = Buffer.from(whole);
    backwards.writeInt32BE(-2, 23);
    expect(read(resealed(backwards)).error?.message).toMatch(/do not follow/);
    expect(read(Buffer.concat([whole, whole])).error?.message).toMatch(/do not follow/);
    expect(read(batch(2_000_000, sent(['a']))).error?.message).toMatch(/do not follow/);
    const unknown = batch(0, sent(['a']));
    unknown.writeInt16BE(7, 21);
    expect(read(resealed(unknown)).error).toMatchObject({
      damaged: false,
      message: expect.stringMatching(/algorithm that is not known here \(number 7\)/),
    });
  });

  it.each(['gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'that exceeds the limit of decompressed bytes is rejected by its offset: %s',
    (compression) => {
      const bomb =
        compression === 'zstd'
          ? batch(1, sent(['x']), { compression, packed: zstdZeros(5 * MEGABYTE) })
          : batch(1, [{ value: Buffer.alloc(5 * MEGABYTE), timestamp: 0n }], { compression });
      const small =
        compression === 'zstd'
          ? batch(2, sent(['x']))
          : batch(2, [{ value: Buffer.alloc(MEGABYTE), timestamp: 0n }], { compression });
      const { messages, error } = read(Buffer.concat([batch(0, sent(['a'])), bomb, small]), 0n, [], 4 * MEGABYTE);
      expect(messages.map(([offset]) => offset)).toEqual([0]);
      expect(error).toMatchObject({
        offset: 1n,
        damaged: false,
        message: 'it holds more than 4 MB when it is unpacked',
      });
      expect(read(small, 2n, [], 4 * MEGABYTE).messages.map(([offset]) => offset)).toEqual([2]);
    },
  );

  it.each(['none', 'lz4'] as const)('of one message each is copied only a few times (%s)', (compression) => {
    const count = 3000;
    const one = batch(0, sent(['value']), { compression });
    const bytes = Buffer.concat(
      Array.from({ length: count }, (_, i) => {
        one.writeBigInt64BE(BigInt(i), 0);
        return Buffer.from(one);
      }),
    );
    let copied = 0;
    const typedArray = Object.getPrototypeOf(Float64Array.prototype) as Float64Array;
    const { set } = typedArray;
    const spy = vi.spyOn(typedArray, 'set').mockImplementation(function (this: Float64Array, from, at) {
      // Bytes are those of the library.
      if (this instanceof Float64Array) copied += from.length;
      set.call(this, from, at);
    });
    const { records } = open(bytes).take(Number.MAX_SAFE_INTEGER)!;
    spy.mockRestore();
    expect(records.reduce((sum, { length }) => sum + length, 0)).toBe(count);
    // Two such numbers a message; when room is doubled, each is copied once on average.
    expect(copied).toBeLessThanOrEqual(2 * 2 * count);
    // Neither does each get memory of its own.
    expect(records.length).toBeLessThanOrEqual(2);
  });

  it('of alternating kinds allocates memory only for its own messages', () => {
    const count = 1_000;
    const values = Array.from({ length: 20 }, () => '');
    const bytes = Buffer.concat(
      Array.from({ length: count }, (_, i) =>
        batch(i * 20, sent(values), { compression: i % 2 === 0 ? 'none' : 'gzip' }),
      ),
    );
    const batches = open(bytes);
    const before = process.memoryUsage().arrayBuffers;
    const records = batches.take(Number.POSITIVE_INFINITY)?.records ?? [];
    expect(records.reduce((sum, { length }) => sum + length, 0)).toBe(count * 20);
    // A message takes some tens of bytes.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * MEGABYTE);
  });

  it('with false lengths allocates no memory', () => {
    const unpack = unpacker(library, 64 * MEGABYTE);
    const before = process.memoryUsage().rss;
    const xerial = Buffer.concat([
      Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 5]),
      Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]),
    ]);
    const window = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0xa0, 1, 0, 0]);
    const content = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0]);
    for (const [algorithm, bytes] of [
      [2, Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f])],
      [2, xerial],
      [4, window],
      [4, content],
    ] as const)
      expect(() => unpack(algorithm, bytes)).toThrow(/it holds more than 64 MB|memory|Frame/i);
    expect(() => unpack(1, gzipSync(Buffer.alloc(65 * MEGABYTE)))).toThrow(TooLarge);
    for (const algorithm of [1, 2, 3, 4])
      expect(() => unpack(algorithm, Buffer.from('no such thing as a batch'))).toThrow();
    expect(process.memoryUsage().rss - before).toBeLessThan(400 * MEGABYTE);
  });
});
