// The records of a fetch, as brokers pack and compress them.
import { describe, expect, it } from 'vitest';
import { loadClientLibrary } from '../../../src/loader/kafka-client.ts';
import { CorruptRecords, readRecordBatches } from '../../../src/loader/record-batches.ts';

type Sent = { readonly key?: Buffer; readonly value?: Buffer; readonly timestamp: bigint; readonly headers?: Map<Buffer, Buffer> };

describe('batches of records', async () => {
  const library = await loadClientLibrary();
  const decompress = (algorithm: number, bytes: Buffer): Buffer => library.compressionsAlgorithmsByBitmask[algorithm]!.decompressSync(bytes);
  /** A batch as the client library writes it, from an offset on. */
  const batch = (first: number, messages: readonly Sent[], compression: 'none' | 'gzip' | 'lz4' | 'snappy' = 'none', attributes = 0, producer = -1n): Buffer => {
    const bytes = Buffer.from(library.createRecordsBatch(messages.map((message) => ({ topic: 't', ...message })) as Parameters<typeof library.createRecordsBatch>[0], { compression, producerId: producer }).buffer);
    bytes.writeBigInt64BE(BigInt(first), 0);
    bytes.writeInt16BE(bytes.readInt16BE(21) | attributes, 21);
    return bytes;
  };
  const sent = (values: readonly string[], timestamp = 1_700_000_000_000n): Sent[] => values.map((value, i) => ({ key: Buffer.from(`k${i}`), value: Buffer.from(value), timestamp: timestamp + BigInt(i) }));
  const read = (bytes: Buffer, position = 0n, aborted: Parameters<typeof readRecordBatches>[2] = []): { messages: (readonly [number, string | null, number])[]; next: bigint } => {
    const { records, next } = readRecordBatches(bytes, position, aborted, decompress);
    return { messages: records.flatMap((each) => Array.from({ length: each.length }, (_, i) => each.message(i))).map(({ offset, value, timestamp }) => [Number(offset), value === null ? null : Buffer.from(value).toString(), timestamp] as const), next };
  };

  it('give their messages, from the position on, whatever they were compressed by', () => {
    const bytes = Buffer.concat([batch(5, sent(['a', 'b'])), batch(7, sent(['c'], 1_700_000_000_500n), 'gzip'), batch(8, sent(['d', 'x'.repeat(9000)]), 'lz4'), batch(12, sent(['e']), 'snappy'), batch(13, sent(['f']))]);
    const { messages, next } = read(bytes, 6n);
    expect(messages.map(([offset, value, time]) => [offset, value?.slice(0, 3), time - 1_700_000_000_000])).toEqual([[6, 'b', 1], [7, 'c', 500], [8, 'd', 0], [9, 'xxx', 1], [12, 'e', 0], [13, 'f', 0]]);
    expect(next).toBe(14n);
  });

  it('know keys, tombstones, headers, and the time of the log', () => {
    const one = batch(1, [{ timestamp: 5n, headers: new Map([[Buffer.from('h'), Buffer.from('1')], [Buffer.from('é'), Buffer.from([255])]]) }, { key: Buffer.from('k'), value: Buffer.alloc(0), timestamp: 9n }], 'none', 0x08);
    const { records } = readRecordBatches(one, 0n, [], decompress);
    expect([records[0]!.message(0), records[0]!.message(1)]).toEqual([
      { offset: 1n, timestamp: 9, key: null, value: null, headers: [['h', Buffer.from('1')], ['é', Buffer.from([255])]] }, { offset: 2n, timestamp: 9, key: Buffer.from('k'), value: Buffer.alloc(0), headers: [] },
    ]);
    expect([records[0]!.valueStart(0), records[0]!.size(0), records[0]!.size(1)]).toEqual([-1, 0, 1]);
  });

  it('leave out what was aborted, and what is no message', () => {
    const [transactional, control] = [0x10, 0x30];
    const bytes = Buffer.concat([batch(0, sent(['no']), 'none', transactional, 7n), batch(1, sent(['yes']), 'none', transactional, 8n), batch(2, sent(['']), 'none', control, 7n), batch(3, sent(['again']), 'none', transactional, 7n), batch(4, sent(['']), 'none', control, 7n)]);
    expect(read(bytes, 0n, [{ producerId: 7n, firstOffset: 0n }])).toEqual({ messages: [[1, 'yes', 1_700_000_000_000], [3, 'again', 1_700_000_000_000]], next: 5n });
  });

  it('may be cut off at the end: the rest comes again', () => {
    const [first, second] = [batch(0, sent(['a'])), batch(1, sent(['b']))];
    for (const length of [0, 3, 11, 12, 60, second.length - 1]) expect(read(Buffer.concat([first, second.subarray(0, length)]))).toEqual({ messages: [[0, 'a', 1_700_000_000_000]], next: 1n });
  });

  it('that are broken are an error, and never read for ever or beyond their end', () => {
    const whole = batch(0, sent(['a', 'b'.repeat(300), 'c']));
    const old = Buffer.from(whole);
    old[16] = 1;
    expect(() => read(old)).toThrow(CorruptRecords);
    let refused = 0;
    for (let at = 61; at < 75; at++) {
      for (const byte of [0, 1, 0x7f, 0x80, 0xff]) {
        const broken = Buffer.from(whole);
        broken[at] = byte;
        try {
          expect(read(broken).next).toBe(3n);
        } catch (error) {
          expect(error).toBeInstanceOf(CorruptRecords);
          refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(20);
  });
});
