// Files that a stranger put into an object store, and records that a producer wrote by hand: a few bytes that claim
// gigabytes are refused with one error, without the memory that they ask for.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createGzip, deflateRawSync } from 'node:zlib';
import { ByteWriter, ParquetWriter } from 'hyparquet-writer';
import { describe, expect, it } from 'vitest';
import { openMessagesFile, parquetGroups, parquetMessages } from '../../../src/loader/archive/parquet-file.ts';
import { checkDifferences } from '../../../src/loader/archive/parquet-limits.ts';
import { ForeignFile, linesOfFile } from '../../../src/loader/archive/read-file.ts';
import { crc32cOf } from '../../../src/loader/brokers/kafka/crc32c.ts';
import { loadClientLibrary } from '../../../src/loader/brokers/kafka/client-library.ts';
import { RecordBatches, UnreadableBatch } from '../../../src/loader/brokers/kafka/record-batches.ts';
import { messageOf } from '../../../src/loader/formats/rows/archive-lines.ts';
import { unpacker } from '../../../src/loader/brokers/kafka/decompress.ts';
import { readAvroFile } from '../../../src/object-store/avro-file.ts';
import { RestCatalog } from '../../../src/object-store/rest-catalog.ts';
import type { ObjectStore } from '../../../src/object-store/store.ts';
import { packedBatch } from '../support/kafka-batches.ts';

const MEGABYTE = 1024 ** 2;

/** Gzip of so many megabytes of one letter. */
async function gzipBomb(megabytes: number): Promise<Buffer> {
  const gzip = createGzip();
  const parts: Buffer[] = [];
  gzip.on('data', (part: Buffer) => parts.push(part));
  const piece = Buffer.alloc(MEGABYTE, 'a');
  for (let i = 0; i < megabytes; i++)
    if (!gzip.write(piece)) await new Promise((resolve) => gzip.once('drain', resolve));
  gzip.end();
  await new Promise((resolve) => gzip.once('end', resolve));
  return Buffer.concat(parts);
}

const varint = (value: number | bigint): Buffer => {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n));
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  return Buffer.from([...bytes, Number(left)]);
};

it('an endless answer of an Iceberg REST catalog ends with one error', { timeout: 60_000 }, async () => {
  const bomb = await gzipBomb(400);
  let requests = 0;
  const server = createServer((_request, response) => {
    requests++;
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const uri = `http://127.0.0.1:${port}`;
  const catalog = new RestCatalog({ name: 'lake', path: 'x.yml', uri, warehouse: null, token: null, oauth: null });
  const before = process.memoryUsage().rss;
  await expect(catalog.ask('GET', 'namespaces', undefined, [])).rejects.toThrow(
    /^The catalog 'lake' at http\S+ answers GET v1\/config with more than 128 MiB$/,
  );
  expect(process.memoryUsage().rss - before).toBeLessThan(600 * MEGABYTE);
  expect(requests).toBe(1);
  server.closeAllConnections();
  server.close();
});

describe('a hostile archive file', () => {
  const storeOf = (body: Buffer): ObjectStore =>
    ({
      part: async (_: string, from: number, to: number) => ({ body: body.subarray(from, to), size: body.length }),
    }) as Partial<ObjectStore> as ObjectStore;

  it('with an endless line is foreign, and is not decompressed to its end', { timeout: 120_000 }, async () => {
    const packed = await gzipBomb(400);
    expect(packed.length).toBeLessThan(MEGABYTE);
    const read = async (): Promise<void> => {
      for await (const _ of linesOfFile(storeOf(packed), 'a.ndjson.gz'));
    };
    await expect(read()).rejects.toThrow(ForeignFile);
  });

  const parquet = (rows: number, codec: 'GZIP', page: (page: Uint8Array) => Uint8Array): ArrayBuffer => {
    const writer = new ByteWriter();
    const file = new ParquetWriter({
      writer,
      schema: [
        { name: 'root', num_children: 1 },
        { name: '_topic', type: 'BYTE_ARRAY', repetition_type: 'REQUIRED' },
      ],
      codec,
      compressors: { [codec]: page },
    });
    void file.write({
      columnData: [{ name: '_topic', data: Array.from({ length: rows }, (_, i) => `t${i}`) }],
      rowGroupSize: rows,
    });
    void file.finish();
    return writer.getBuffer();
  };
  const groups = async (file: ArrayBuffer): Promise<void> => {
    for await (const _ of parquetGroups(file));
  };

  it('of Parquet whose page decompresses to more than its header says is rejected', async () => {
    const bomb = await gzipBomb(100);
    await expect(groups(parquet(10, 'GZIP', () => bomb))).rejects.toThrow(/larger than/);
  });

  it('of Parquet is only rejected above limits that a file of nulls does not reach', async () => {
    const { add, finish } = await openMessagesFile();
    const message = { topic: 't', partition: 0, offset: 7n, timestamp: null, key: null, value: null, headers: [] };
    add(message);
    expect(await parquetMessages(finish())).toEqual([message]);
  });

  it('with a time that no table can store has messages without a time', async () => {
    const line = (time: string): Buffer =>
      Buffer.from(`{"_topic":"t","_partition":0,"_offset":7,"_kafka_ts":"${time}","_key":null,"_headers":[],"a":1}`);
    for (const time of ['+275760-09-13T00:00:00.000Z', '-000001-01-01T00:00:00Z', '', 'x'])
      expect(messageOf(line(time))?.timestamp).toBeNull();
    expect(messageOf(line('9999-12-31T23:59:59.999Z'))?.timestamp).toBe(253_402_300_799_999);
    const { add, finish } = await openMessagesFile();
    const message = { topic: 't', partition: 0, offset: 7n, key: null, value: null, headers: [] };
    add({ ...message, timestamp: 8_640_000_000_000_000 });
    expect(await parquetMessages(finish())).toEqual([{ ...message, timestamp: null }]);
  });

  it('with headers whose names no database can store is foreign', async () => {
    for (const name of ['{"a":1}', '5', 'null', '"\\ud800"']) {
      const headers = `[{"name":${name},"value":"x"}]`;
      const line = `{"_topic":"t","_partition":0,"_offset":7,"_kafka_ts":null,"_key":null,"_headers":${headers},"a":1}`;
      expect(messageOf(Buffer.from(line))).toBeNull();
    }
    const { add, finish } = await openMessagesFile();
    add({
      ...{ topic: 't', partition: 0, offset: 7n, timestamp: null, key: null, value: null },
      headers: [['\ud800', null]],
    });
    expect(await parquetMessages(finish())).toBeNull();
  });

  it('with keys or values that are texts is foreign, not one of messages without a value', async () => {
    const writer = new ByteWriter();
    const text = { type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' } as const;
    const file = new ParquetWriter({
      writer,
      schema: [
        { name: 'root', num_children: 4 },
        { name: '_topic', ...text },
        { name: '_partition', type: 'INT32', repetition_type: 'REQUIRED' },
        { name: '_offset', type: 'INT64', repetition_type: 'REQUIRED' },
        { name: '_value', ...text },
      ],
    });
    const columnData = [
      { name: '_topic', data: ['t'] },
      { name: '_partition', data: [0] },
      { name: '_offset', data: [7n] },
      { name: '_value', data: ['{}'] },
    ];
    void file.write({ columnData, rowGroupSize: 1 });
    void file.finish();
    expect(await parquetMessages(Buffer.from(writer.getBuffer()))).toBeNull();
  });

  /** Messages in pages whose topics and partitions are indexes into a dictionary, and with NULL. */
  const valid = async (): Promise<Buffer> => {
    const { add, finish } = await openMessagesFile();
    for (let i = 0; i < 50; i++)
      add({
        ...{ topic: 't', partition: 0, offset: BigInt(i), timestamp: 1_700_000_000_000 + i, headers: [] },
        ...{ key: i % 3 === 0 ? null : Buffer.from(`k${i % 4}`), value: Buffer.from('v') },
      });
    return finish();
  };

  it('of Parquet with a run of too many values is rejected before it is decoded', async () => {
    const file = await valid();
    expect(await parquetMessages(file)).toHaveLength(50);
    const [header, endless] = [Buffer.from([100, 1]), Buffer.from([0xfe, 0xff, 0xff, 0xff, 0x0f, 1])];
    // The levels of _kafka_ts, all 1: one run of 50 values.
    const at = file.indexOf(header);
    expect(at).toBeGreaterThan(0);
    const copy = Buffer.from(file);
    endless.copy(copy, at);
    expect(await parquetMessages(copy)).toBeNull();
  });

  it('of Parquet with any changed bytes is read or rejected in little memory', { timeout: 60_000 }, async () => {
    const file = await valid();
    const before = process.memoryUsage().rss;
    let [state, rejected] = [7, 0];
    const next = (limit: number): number => {
      state = (state * 48_271) % 2_147_483_647;
      return state % limit;
    };
    for (let round = 0; round < 5000; round++) {
      const copy = Buffer.from(file);
      for (let change = 0; change <= round % 4; change++) copy[next(copy.length)] = next(256);
      if ((await parquetMessages(copy)) === null) rejected++;
    }
    expect(rejected).toBeGreaterThan(3000);
    expect(process.memoryUsage().rss - before).toBeLessThan(1200 * MEGABYTE);
  });

  it('of Parquet with a page of too many values is rejected before it is decompressed', async () => {
    await expect(groups(parquet(1_000_001, 'GZIP', () => new Uint8Array(10)))).rejects.toThrow(/too large/);
  });
});

describe('a hostile footer or page of Parquet', () => {
  const footer = (bytes: Buffer): Buffer => {
    const end = Buffer.alloc(8);
    end.writeUInt32LE(bytes.length);
    end.write('PAR1', 4);
    return Buffer.concat([Buffer.from('PAR1'), bytes, end]);
  };

  it('with lists within lists that claim millions of items is rejected in little memory', async () => {
    const before = process.memoryUsage().rss;
    const lists = Array<Buffer>(8).fill(Buffer.from([0xf9, 0xff, 0xff, 0xff, 0x0f]));
    expect(await parquetMessages(footer(Buffer.concat([Buffer.of(0x19), ...lists, Buffer.alloc(9)])))).toBeNull();
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * MEGABYTE);
  });

  it('with a number of 300,000 bytes is rejected at once', { timeout: 10_000 }, async () => {
    expect(await parquetMessages(footer(Buffer.concat([Buffer.of(0x16), Buffer.alloc(300_000, 0xff)])))).toBeNull();
  });

  it('with statistics of a decimal of 300,000 bytes is rejected at once', { timeout: 10_000 }, async () => {
    // One column of the type FIXED_LEN_BYTE_ARRAY that is a DECIMAL, and one row group.
    const schema = [0x15, 2, 0x19, 0x1c, 0x15, 14, 0x55, 10, 0, 0x16, 0];
    const group = [0x19, 0x1c, 0x19, 0x1c, 0x3c, 0x39, 8, 0x9c, 0x18, 0xe0, 0xa7, 0x12];
    const bytes = [Buffer.from([...schema, ...group]), Buffer.alloc(300_000, 1), Buffer.alloc(5)];
    expect(await parquetMessages(footer(Buffer.concat(bytes)))).toBeNull();
  });

  it('with a block of differences of a negative size is rejected, and not read forever', () => {
    const endless = Buffer.from([0xf8, 0xff, 0xff, 0xff, 0x0f, 1, 1, 0, 0, 2, ...Buffer.alloc(8)]);
    expect(() => checkDifferences(endless, 5)).toThrow(RangeError);
    const long = Buffer.concat([Buffer.from([0x80, 1, 4, 5]), Buffer.alloc(300_000, 0xff)]);
    expect(() => checkDifferences(long, 5)).toThrow(RangeError);
  });

  it.each(['INT32', 'INT64', 'BYTE_ARRAY'] as const)(
    'with differences of the type %s is read if it is valid',
    async (type) => {
      const writer = new ByteWriter();
      const columns = { _partition: 'INT32', _offset: 'INT64', _topic: 'BYTE_ARRAY', _headers: 'BYTE_ARRAY' } as const;
      const count = 1000;
      const file = new ParquetWriter({
        writer,
        schema: [
          { name: 'root', num_children: 4 },
          ...Object.entries(columns).map(
            ([name, its]) =>
              ({
                ...({ name, type: its, repetition_type: name === '_headers' ? 'OPTIONAL' : 'REQUIRED' } as const),
                ...(its === 'BYTE_ARRAY' ? ({ converted_type: 'UTF8' } as const) : {}),
              }) as const,
          ),
        ],
      });
      const numbers = Array.from({ length: count }, (_, i) => i * 7);
      const data = {
        ...{ _partition: numbers, _offset: numbers.map(BigInt) },
        ...{ _topic: numbers.map((i) => `t${i}`), _headers: numbers.map((i) => (i % 3 === 0 ? null : '[]')) },
      };
      void file.write({
        columnData: Object.entries(data).map(([name, values]) => {
          const its = columns[name as keyof typeof columns];
          const encoding = its === 'BYTE_ARRAY' ? 'DELTA_LENGTH_BYTE_ARRAY' : 'DELTA_BINARY_PACKED';
          return { name, data: values, ...(its === type ? { encoding } : {}) } as const;
        }),
      });
      void file.finish();
      const read = await parquetMessages(Buffer.from(writer.getBuffer()));
      expect(read?.map(({ topic, offset }) => [topic, offset])).toEqual(numbers.map((i) => [`t${i}`, BigInt(i)]));
    },
  );
});

describe('a hostile Iceberg manifest', () => {
  const file = (schema: unknown, count: bigint, block: Buffer, codec = 'null'): Buffer => {
    const metadata = Object.entries({ 'avro.schema': JSON.stringify(schema), 'avro.codec': codec });
    const entries = metadata.flatMap((entry) => entry.flatMap((part) => [varint(part.length), Buffer.from(part)]));
    return Buffer.concat([
      Buffer.from('Obj\u0001', 'latin1'),
      ...[varint(metadata.length), ...entries, varint(0), Buffer.alloc(16)],
      ...[varint(count), varint(block.length), block, Buffer.alloc(16)],
    ]);
  };
  const nulls = { type: 'record', name: 'r', fields: [{ name: 'a', type: { type: 'array', items: 'null' } }] };
  const many = /claims more values than it has bytes for/;

  /** More blocks of a file, each like its last one. */
  const blocks = (one: Buffer, count: number, block: Buffer): Buffer => {
    const size = varint(block.length).length + block.length + 16;
    const last = one.subarray(one.length - size - 3);
    return Buffer.concat([one, ...Array.from({ length: count }, () => last)]);
  };

  it.each<readonly [what: string, body: () => Buffer, reason: RegExp]>([
    [
      'rows of nothing in many blocks',
      () => blocks(file('null', 900_000n, Buffer.alloc(0)), 1000, Buffer.alloc(0)),
      many,
    ],
    [
      'blocks that are larger together',
      () => {
        const block = deflateRawSync(Buffer.alloc(200 * MEGABYTE));
        return blocks(file('null', 900_000n, block, 'deflate'), 1000, block);
      },
      /larger/,
    ],
    ['nulls without end', () => file(nulls, 1n, varint(2n ** 60n)), many],
    ['rows without end', () => file('null', 2n ** 50n, Buffer.alloc(0)), many],
    [
      'a length below 0',
      () => file({ ...nulls, fields: [{ name: 'a', type: 'bytes' }] }, 9n, varint(-1)),
      /ends early/,
    ],
    ['a number without end', () => file(nulls, 1n, Buffer.alloc(100_000, 0xff)), /more than 64 bits/],
    [
      'a block that is a bomb',
      () => file(nulls, 1n, deflateRawSync(Buffer.alloc(300 * MEGABYTE)), 'deflate'),
      /larger/,
    ],
    [
      'a record that holds itself',
      () => file({ type: 'record', name: 'r', fields: [{ name: 'a', type: 'r' }] }, 1n, Buffer.alloc(0)),
      /./,
    ],
  ])('with %s is rejected', (_, body, reason) => {
    expect(() => readAvroFile(body())).toThrow(reason);
  });
});

describe('a hostile Kafka record', async () => {
  const library = await loadClientLibrary();
  const crc32c = crc32cOf(library);
  /** A record whose headers are these bytes, and behind it ordinary ones. */
  const batchOf = (headers: Buffer): Buffer => {
    const parts = Buffer.concat([
      ...[Buffer.from([0]), varint(0), varint(0), varint(-1), varint(1), Buffer.from('v'), headers],
    ]);
    const record = Buffer.concat([varint(parts.length), parts]);
    const packed = packedBatch(library, 't', [{ value: Buffer.from('x'), timestamp: 0n }], {
      first: 0n,
      packed: record,
    });
    return Buffer.concat([
      packed,
      packedBatch(library, 't', [{ value: Buffer.alloc(MEGABYTE), timestamp: 0n }], { first: 1n }),
    ]);
  };

  it.each<readonly [what: string, headers: Buffer]>([
    ['two billion headers', varint(2e9)],
    ['a number of headers below 0', varint(-5)],
    ['one header more than it has', Buffer.concat([varint(2), varint(1), Buffer.from('h'), varint(-1)])],
    ['a header longer than itself', Buffer.concat([varint(1), varint(1000), Buffer.from('h'), varint(-1)])],
    ['a value of a header longer than itself', Buffer.concat([varint(1), varint(1), Buffer.from('h'), varint(1000)])],
  ])('that claims %s makes its batch unreadable, with an error', (_, headers) => {
    const batches = new RecordBatches(batchOf(headers), {
      ...{ position: 0n, end: 100n, aborted: [], crc32c },
      unpack: unpacker(library),
    });
    expect(() => batches.take(1)).toThrow(UnreadableBatch);
  });
});
