// format: avro: a table loaded through a registry: versions of a schema, its contract, upserts by keys.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Contract, contractOf } from '../../../src/loader/avro/contract.ts';
import { columnFits } from '../../../src/loader/create-sink.ts';
import { avroDecoder } from '../../../src/loader/formats/avro/avro-decoder.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { SchemaRegistry } from '../../../src/loader/formats/schema-registry.ts';
import { bytes, framed, record } from '../support/avro.ts';
import { LoadLab } from './load-lab.ts';
import { MemoryRegistry } from './memory-registry.ts';

describe('a table of Avro messages', () => {
  let lab: LoadLab;
  let server: MemoryRegistry;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(() => lab.close());
  beforeEach(async () => {
    server = await MemoryRegistry.start();
    return () => server.close();
  });
  const register = (schema: unknown, more: object = {}): number =>
    server.register('t-value', schema, { schemaType: 'AVRO', ...more });
  const send = (value: Buffer | null, key: string = '1'): void => {
    lab.broker.produce('t', 0, null, { raw: value, key });
  };
  const load = (target: LoadTarget): ReturnType<LoadLab['load']> =>
    lab.load(target, {
      decoder: avroDecoder(
        new SchemaRegistry(
          { url: server.url, username: null, password: null, token: null, tls: null },
          'connections.yml',
        ),
        target,
        Date.now,
      ),
    });

  it('stores values exactly across schema versions, and gives the reason of each dead letter', async () => {
    const t = lab.target(
      {
        id: 'bigint',
        at: 'timestamptz',
        local: 'timestamp',
        day: 'date',
        time: 'time',
        price: 'numeric',
        f: 'double precision',
        raw: 'bytea',
        uid: 'uuid',
        wait: 'interval',
        deep: 'jsonb',
      },
      { format: 'avro' },
    );
    const first = register(
      record({
        id: 'long',
        at: { type: 'long', logicalType: 'timestamp-micros' },
        local: { type: 'long', logicalType: 'local-timestamp-millis' },
        day: { type: 'int', logicalType: 'date' },
        time: { type: 'long', logicalType: 'time-micros' },
        price: { type: 'bytes', logicalType: 'decimal', precision: 30, scale: 3 },
        f: 'float',
        raw: 'bytes',
        uid: { type: 'fixed', name: 'U', size: 16, logicalType: 'uuid' },
        wait: { type: 'fixed', name: 'D', size: 12, logicalType: 'duration' },
        deep: record({ list: { type: 'array', items: ['null', 'long'] }, map: { type: 'map', values: 'double' } }, 'S'),
        new_field: 'string',
      }),
    );
    const f = Buffer.alloc(4);
    f.writeFloatLE(Number.NaN);
    const d = Buffer.alloc(8);
    d.writeDoubleLE(0.1);
    const price = Buffer.from('0123456789abcdef0123', 'hex');
    const row = (at: bigint, day: number): Buffer =>
      bytes(
        2n ** 63n - 1n,
        at,
        -1,
        day,
        1,
        price.length,
        price,
        f,
        2,
        Buffer.from([0, 255]),
        Buffer.alloc(16, 0x11),
        Buffer.from('010000000200000003000000', 'hex'),
        2,
        0,
        1,
        2n ** 53n + 1n,
        0,
        1,
        'k',
        d,
        0,
        'rest',
      );
    send(framed(row(1_767_225_600_123_456n, 20_454), first));
    send(framed(row(-62_167_219_200_000_000n, -800_000), first));
    const second = register(record({ id: ['null', 'int'] }, 'R2'));
    send(framed(bytes(1, 7), second));
    const wrong = register(record({ id: 'boolean' }));
    send(framed(bytes(1), wrong));
    const none = register('{"type": "record"}');
    send(framed(bytes(1), none));
    const json = register('{"type": "object"}', { schemaType: 'JSON' });
    send(framed(bytes(1), json));
    send(framed(bytes(1), 99));
    send(Buffer.from('{"id": 1}'));
    send(framed(bytes(1), second));
    expect(await load(t)).toMatchObject({ rows: 3, dead: 6 });
    expect(
      await lab.rows(
        `select id::text, at::text, local::text, day::text, time::text, price::text, f::text, raw::text, uid::text,
           wait::text, deep::text, _rest::text from raw.${t.identifier} r order by _offset`,
      ),
    ).toEqual([
      [
        '9223372036854775807',
        '2026-01-01 00:00:00.123456+00',
        '1969-12-31 23:59:59.999',
        '2026-01-01',
        '00:00:00.000001',
        '5373003642731685151.011',
        'NaN',
        '\\x00ff',
        '11111111-1111-1111-1111-111111111111',
        '1 mon 2 days 00:00:00.003',
        '{"map": {"k": 0.1}, "list": [null, 9007199254740993]}',
        '{"new_field": "rest"}',
      ],
      expect.arrayContaining(['0001-01-01 00:00:00+00 BC']),
      expect.arrayContaining(['7']),
    ]);
    expect(await lab.letters(t)).toEqual([
      [3, `schema ${wrong}: field 'id' is a boolean, and column 'id' is bigint`],
      [4, `schema ${none} cannot be used: a type 'record' without a name`],
      [5, `schema ${json} is JSON, and the load config says avro`],
      [6, 'the registry has no schema 99'],
      [7, 'no schema id: with format avro a message begins with a byte 0 and four of the id'],
      [8, `schema ${second}, field 'id': the message ends too early`],
    ]);
  });

  it('has a contract that compares every live version of its schema with the columns', async () => {
    const t = lab.target(
      { id: 'integer', at: 'timestamptz', price: 'numeric(9,2)', name: 'text', secret: 'text' },
      {
        format: 'avro',
        mode: 'upsert',
        key: ['id', 'at'],
        partitionBy: { column: 'at', every: 'day' },
        hash: ['secret'],
      },
    );
    const registry = new SchemaRegistry(
      { url: server.url, username: null, password: null, token: null, tls: null },
      'connections.yml',
    );
    expect(await contractOf(registry, t)).toEqual({ problems: [], notes: [] });
    const at = { type: 'long', logicalType: 'timestamp-millis' };
    const decimal = (precision: number, scale: number): object => ({
      type: 'bytes',
      logicalType: 'decimal',
      precision,
      scale,
    });
    register(record({ id: 'int', at, price: decimal(9, 2), name: ['null', 'string'], secret: 'boolean', more: 'int' }));
    expect(await contractOf(registry, t)).toEqual({ problems: [], notes: [] });
    register(record({ id: 'long', at: ['null', at], price: decimal(9, 3) }));
    register(record({ at: 'boolean', price: decimal(9, 1) }));
    register('{"type": "enum"}');
    register({ type: 'object' }, { schemaType: 'JSON' });
    register('["int", "string"]');
    const { problems, notes } = await contractOf(registry, t);
    expect(notes).toEqual([
      "schema version 2: field 'id' is a long, and column 'id' is integer: greater values do not fit",
      "schema version 3: field 'price' is a decimal(9, 1), and column 'price' is numeric(9,2): " +
        'greater values do not fit',
    ]);
    expect(problems).toEqual([
      "schema version 2: field 'price' is a decimal(9, 3), and column 'price' is numeric(9,2): " +
        'digits beyond 2 behind the point are rounded',
      "schema version 2: field 'at' may be null, and 'at' is a key",
      "schema version 3: field 'at' is a boolean, and column 'at' is timestamptz: boolean does not fit",
      "schema version 3: it has no field for 'id', which is a key",
      "schema version 4: it cannot be used: a type 'enum' without a name",
      'schema version 5: it is JSON, and the load config says avro',
      'schema version 6: it is an int or string, and only a record has fields for columns',
    ]);
  });

  it("has a contract with ClickHouse's types", async () => {
    const types: Readonly<Record<string, string>> = {
      id: 'Int64',
      small: 'Int8',
      count: 'UInt32',
      at: "DateTime64(3, 'UTC')",
      second: 'DateTime',
      day: 'Date',
      price: 'Decimal(9, 2)',
      name: 'LowCardinality(Nullable(String))',
      word: 'LowCardinality(String)',
      tags: 'Array(LowCardinality(String))',
      sums: 'Map(String, Int32)',
      place: 'Tuple(x Float64, y Float64)',
      kind: "Enum8('a' = 1, 'b' = 2)",
      flag: 'Bool',
      code: 'Nullable(UUID)',
      weight: 'Float32',
    };
    const storage = { engine: null, orderBy: [], primaryKey: [], partitionBy: [], ttl: null, settings: {} };
    const t = lab.target(types, { format: 'avro', storage });
    const registry = new SchemaRegistry(
      { url: server.url, username: null, password: null, token: null, tls: null },
      'connections.yml',
    );
    const logical = (type: string, logicalType: string): object => ({ type, logicalType });
    const decimal = { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 };
    const fitting = {
      ...{ id: 'long', small: 'boolean', count: 'boolean', at: logical('long', 'timestamp-millis') },
      ...{ second: 'long', day: 'long', price: decimal, name: ['null', 'string'], word: 'string' },
      ...{ tags: { type: 'array', items: 'string' }, sums: { type: 'map', values: 'int' } },
      place: record({ x: 'double', y: 'int', z: 'string' }, 'Place'),
      kind: { type: 'enum', name: 'Kind', symbols: ['a'] },
      ...{ flag: 'boolean', code: ['null', logical('string', 'uuid')], weight: 'float' },
    };
    const found = (): Promise<Contract> => contractOf(registry, t, { fits: columnFits('clickhouse') });
    register(record(fitting));
    expect(await found()).toEqual({ problems: [], notes: [] });
    register(
      record({
        ...{ id: ['null', 'long'], small: 'int', count: 'int', at: logical('long', 'timestamp-micros') },
        ...{ second: logical('long', 'timestamp-millis'), day: logical('int', 'date') },
        ...{ price: { ...decimal, scale: 3 }, name: 'int', word: ['null', 'string'] },
        ...{ tags: { type: 'array', items: ['null', 'string'] }, sums: { type: 'map', values: 'long' } },
        place: record({ x: 'double' }, 'Place'),
        kind: { type: 'enum', name: 'Kind', symbols: ['a', 'c'] },
        ...{ flag: 'int', code: 'long', weight: 'double' },
      }),
    );
    const version = (why: string): string => `schema version 2: ${why}`;
    const { problems, notes } = await found();
    // Ordinary values fit.
    expect(notes).toEqual(
      [
        "field 'small' is an int, and column 'small' is Int8: greater values do not fit",
        "field 'count' is an int, and column 'count' is UInt32: negative values do not fit",
        "field 'second' is a timestamp, and column 'second' is DateTime: moments before 1970 and after 2106 do not " +
          'fit, and fractions of a second are cut off',
        "field 'day' is a date, and column 'day' is Date: days before 1970 and after 2149 do not fit",
        "field 'sums' is a map, and column 'sums' is Map(String, Int32): its items: greater values do not fit",
      ].map(version),
    );
    expect(problems).toEqual(
      [
        "field 'at' is a timestamp, and column 'at' is DateTime64(3, 'UTC'): digits beyond 3 behind the second are " +
          'cut off',
        "field 'price' is a decimal(9, 3), and column 'price' is Decimal(9, 2): digits beyond 2 behind the point are " +
          'cut off',
        "field 'tags' is an array, and column 'tags' is Array(LowCardinality(String)): its items may be null, which " +
          'does not fit',
        "field 'place' is a record, and column 'place' is Tuple(x Float64, y Float64): it has no 'y', which takes " +
          'no null',
        "field 'kind' is an enum, and column 'kind' is Enum8('a' = 1, 'b' = 2): 'c' is none of its labels",
        "field 'flag' is an int, and column 'flag' is Bool: numbers other than 0 and 1 do not fit",
        "field 'code' is a long, and column 'code' is Nullable(UUID): long does not fit",
        "field 'weight' is a double, and column 'weight' is Float32: digits beyond 32 bits are lost",
        "field 'id' may be null, and 'id' is Int64, which takes no null",
        "field 'word' may be null, and 'word' is LowCardinality(String), which takes no null",
      ].map(version),
    );
    // A column that the schema lacks, unless the table fills it.
    const { weight: _, ...without } = fitting;
    const other = { ...t, topic: 'other' };
    server.register('other-value', record(without), { schemaType: 'AVRO' });
    const fits = columnFits('clickhouse');
    expect((await contractOf(registry, other, { fits })).problems).toEqual([
      "schema version 1: it has no field for 'weight', which is Float32, which takes no null",
    ]);
    expect((await contractOf(registry, other, { fits, filled: new Set(['weight']) })).problems).toEqual([]);
    // The loader fills the load time; an enum numbers its labels; values of any type may be null.
    const any = { d: 'Dynamic', v: 'Variant(String, Int64)', e: "Enum8('A','B')", processing_ts: 'DateTime' };
    server.register(
      'any-value',
      record({ d: ['null', 'int'], v: ['null', 'long'], e: { type: 'enum', name: 'Letter', symbols: ['A', 'B'] } }),
      {
        schemaType: 'AVRO',
      },
    );
    const into = { ...lab.target(any, { format: 'avro', storage }), topic: 'any' };
    expect(await contractOf(registry, into, { fits })).toEqual({ problems: [], notes: [] });
  });

  it('upserts by Avro keys, plain keys and JSON keys, and adds new fields as columns', async () => {
    const t = lab.target({ id: 'text' }, { format: 'avro', mode: 'upsert', key: ['id'], schemaDrift: 'add_column' });
    const value = register(record({ id: 'string', n: 'int' }));
    const whole = server.register('t-key', '"string"', { schemaType: 'AVRO' });
    const part = server.register('t-key', record({ id: 'string' }, 'Key'), { schemaType: 'AVRO' });
    for (const id of ['a', 'b', 'c', 'd', 'e']) send(framed(bytes(id, 1), value), id);
    send(null, framed(bytes('a'), whole).toString());
    send(null, framed(bytes('b'), part).toString());
    send(null, 'c');
    send(null, '{"id": "d"}');
    send(null, framed(bytes('a', 'b'), whole).toString());
    expect(await load(t)).toMatchObject({ dead: 1 });
    expect(await lab.rows(`select id, n::text, _deleted::text from raw.${t.identifier} order by 1`)).toEqual([
      ['a', '1', 'true'],
      ['b', '1', 'true'],
      ['c', '1', 'true'],
      ['d', '1', 'true'],
      ['e', '1', 'false'],
    ]);
    expect(await lab.letters(t)).toEqual([[9, `schema ${whole}: 2 bytes are left behind the message`]]);
  });
});
