// format: avro: what fastavro wrote, logical types, names and references, resolution to columns, rows made without a
// record, bad bytes, and a table loaded through a registry.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeAvro } from '../../../src/loader/avro/writer.ts';
import { type Contract, contractOf } from '../../../src/loader/avro/contract.ts';
import { columnFits } from '../../../src/loader/create-sink.ts';
import { avroDecoder } from '../../../src/loader/avro/decoder.ts';
import { parseSchema } from '../../../src/loader/avro/schema.ts';
import type { LoadColumn, LoadTarget } from '../../../src/loader/load-target.ts';
import { SchemaRegistry } from '../../../src/loader/schema-registry.ts';
import { bothWays, decoded, framed, isSame, schemaOf, type Tagged, TARGET } from '../support/avro.ts';
import { loadTargetOf } from '../support/load-target.ts';
import { LoadLab } from './load-lab.ts';
import { MemoryRegistry } from './memory-registry.ts';

/** Bytes of Avro, piece by piece: numbers as longs, texts with their length. */
function bytes(...parts: readonly (number | bigint | string | Buffer)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => {
      if (Buffer.isBuffer(part)) return part;
      if (typeof part === 'string') return Buffer.concat([bytes(Buffer.byteLength(part)), Buffer.from(part)]);
      let left = BigInt.asUintN(64, (BigInt(part) << 1n) ^ (BigInt(part) >> 63n));
      const out: number[] = [];
      for (; left > 127n; left >>= 7n) out.push(Number(left & 127n) | 128);
      return Buffer.from([...out, Number(left)]);
    }),
  );
}

const record = (fields: Readonly<Record<string, unknown>>, name = 'R'): object => ({
  type: 'record',
  name,
  fields: Object.entries(fields).map(([field, type]) => ({ name: field, type })),
});
const one = (type: unknown, value: Buffer): string =>
  JSON.stringify(decoded(schemaOf(record({ a: type })), value)['a']);
const text = (type: unknown, value: Buffer): string => String(decoded(schemaOf(record({ a: type })), value)['a']);

describe('values', () => {
  interface Golden {
    readonly seed: number;
    readonly schema: unknown;
    readonly messages: readonly string[];
    readonly values: readonly Tagged[];
    readonly refused?: string;
  }
  const goldens = readFileSync(join(import.meta.dirname, 'avro-messages.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Golden)
    .filter(({ refused }) => refused === undefined);

  it('are those that fastavro reads', () => {
    expect(goldens.length).toBeGreaterThan(100);
    for (const { seed, schema, messages, values } of goldens) {
      const known = schemaOf(schema);
      for (const [i, hex] of messages.entries())
        expect([seed, isSame(decoded(known, Buffer.from(hex, 'hex')), values[i] ?? ['n'])]).toEqual([seed, true]);
    }
  });

  it('are written back as they were read', () => {
    for (const { seed, schema, messages } of goldens) {
      const known = schemaOf(schema);
      for (const hex of messages) {
        const value = decoded(known, Buffer.from(hex, 'hex'));
        expect([seed, decoded(known, writeAvro(known.type, value))]).toEqual([seed, value]);
      }
    }
  });

  it('keep numbers that no double has', () => {
    for (const value of [
      0n,
      -1n,
      63n,
      -64n,
      64n,
      2n ** 31n,
      -(2n ** 53n),
      2n ** 53n + 1n,
      2n ** 63n - 1n,
      -(2n ** 63n),
    ])
      expect(text('long', bytes(value))).toBe(String(value));
    expect(() => one('int', bytes(2 ** 31))).toThrow('an int of more than 32 bits');
    expect(() => one('long', Buffer.from('ffffffffffffffffff03', 'hex'))).toThrow('more than 64 bits');
  });

  it('of logical types are exact', () => {
    const decimal = { type: 'bytes', logicalType: 'decimal', precision: 40, scale: 2 };
    const raw = (hex: string): Buffer => Buffer.concat([bytes(hex.length / 2), Buffer.from(hex, 'hex')]);
    expect(text(decimal, raw('04d2'))).toBe('12.34');
    expect(text(decimal, raw('ff'))).toBe('-0.01');
    expect(text(decimal, raw('007fffffffffffffffffff'))).toBe('6044629098073145873530.87');
    expect(text(decimal, raw(''))).toBe('0.00');
    const long = (logicalType: string): object => ({ type: 'long', logicalType });
    expect(text(long('timestamp-millis'), bytes(-1))).toBe('1969-12-31T23:59:59.999Z');
    expect(text(long('timestamp-micros'), bytes(9_007_199_254_740_991n))).toBe('2255-06-05T23:47:34.740991Z');
    expect(text(long('timestamp-nanos'), bytes(1_767_225_600_123_456_789n))).toBe('2026-01-01T00:00:00.123456789Z');
    expect(text(long('local-timestamp-micros'), bytes(1))).toBe('1970-01-01T00:00:00.000001');
    expect(text(long('timestamp-millis'), bytes(-62_167_219_200_000))).toBe('0001-01-01T00:00:00.000Z BC');
    expect(text(long('timestamp-micros'), bytes(253_402_300_800_000_000n))).toBe('10000-01-01T00:00:00.000000Z');
    expect(text({ type: 'int', logicalType: 'date' }, bytes(-719_163))).toBe('0001-12-31 BC');
    expect(text({ type: 'int', logicalType: 'time-millis' }, bytes(86_399_999))).toBe('23:59:59.999');
    expect(() => text(long('time-micros'), bytes(86_400_000_000))).toThrow('a time that is none of a day');
    const fixed = (size: number, logicalType: string): object => ({ type: 'fixed', name: 'F', size, logicalType });
    expect(text(fixed(16, 'uuid'), Buffer.from('00112233445566778899aabbccddeeff', 'hex'))).toBe(
      '00112233-4455-6677-8899-aabbccddeeff',
    );
    expect(text(fixed(12, 'duration'), Buffer.from('0e0000000300000001040000', 'hex'))).toBe('P14M3DT1.025S');
    // What does not go with its type is the bare type.
    expect(text({ type: 'string', logicalType: 'date' }, bytes('x'))).toBe('x');
    expect(text({ type: 'bytes', logicalType: 'decimal', precision: 2, scale: 3 }, bytes('x'))).toBe('eA==');
  });
});

describe('schemas', () => {
  it('know names by their namespace, themselves, and each other over references', () => {
    const node = {
      type: 'record',
      name: 'a.b.Node',
      fields: [
        { name: 'next', type: ['null', 'Node'] },
        { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: ['X'] } },
      ],
    };
    expect(decoded(schemaOf(node), bytes(1, 0, 0, 0))).toEqual({ next: { next: null, kind: 'X' }, kind: 'X' });
    const references = new Map([
      ['com.x.Money', JSON.stringify(record({ of: 'com.x.Currency' }, 'com.x.Money'))],
      ['currency.avsc', JSON.stringify({ type: 'enum', name: 'com.x.Currency', symbols: ['EUR', 'CHF'] })],
    ]);
    const order = { type: 'record', name: 'Order', namespace: 'com.x', fields: [{ name: 'price', type: 'Money' }] };
    expect(decoded(schemaOf(order, TARGET, references), bytes(1))).toEqual({ price: { of: 'CHF' } });
  });

  it.each([
    ['{', 'its text is not JSON'],
    ['"nothing"', "'nothing' is no type"],
    ['{"type": "record", "name": "R"}', "record 'R' has no list of fields"],
    ['{"type": "record", "name": "R", "fields": [{"name": "a"}]}', 'lacks name or type'],
    [
      '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}]}',
      'twice',
    ],
    ['{"type": "enum", "name": "E"}', "the symbols of 'E' must be a list of names"],
    ['{"type": "fixed", "name": "F", "size": -1}', 'must be a whole number'],
    ['{"type": "array"}', 'an array without items'],
    ['{"type": "record", "fields": []}', 'without a name'],
    ['{}', "a type has no 'type'"],
    ['["null", ["int"]]', 'a union directly within a union'],
    ['[{"type": "fixed", "name": "F", "size": 1}, {"type": "fixed", "name": "F", "size": 1}]', "'F' is defined twice"],
    [`${'{"type":"array","items":'.repeat(20_000)}"int"${'}'.repeat(20_000)}`, 'nested too deeply'],
  ])('that are none say why: %.60s', (schema, reason) => {
    expect(() => parseSchema(schema)).toThrow(reason);
  });
});

describe('bad bytes', () => {
  it.each([
    ['a text that ends early', 'string', bytes(5, Buffer.from('ab')), 'the message ends too early'],
    ['a number that ends early', 'long', Buffer.from([0x80]), 'the message ends too early'],
    ['a double that ends early', 'double', Buffer.alloc(7), 'the message ends too early'],
    ['a length below 0', 'string', bytes(-1), 'a length that is none'],
    ['no UTF-8', 'string', bytes(1, Buffer.from([0xff])), 'not UTF-8'],
    ['a union beyond its branches', ['null', 'int'], bytes(2), 'a union has no such branch'],
    ['an enum beyond its symbols', { type: 'enum', name: 'E', symbols: ['A'] }, bytes(1), 'an enum has no such symbol'],
    ['a boolean of 2', 'boolean', Buffer.from([2]), 'a boolean that is neither'],
    ['bytes behind', 'int', bytes(1, 1), '1 bytes are left behind the message'],
    ['nulls without end', { type: 'array', items: 'null' }, bytes(2 ** 50, 0), 'too many items without bytes'],
    ['items that are not there', { type: 'array', items: 'int' }, bytes(2 ** 50), 'the message ends too early'],
  ])('%s', (_, type, value, reason) => {
    expect(() => one(type, value)).toThrow(reason);
  });

  it('nested without end are refused as such', () => {
    const deep = record({ a: ['null', 'R'] });
    expect(() => decoded(schemaOf(deep), Buffer.alloc(200_000, 2))).toThrow('nested too deeply');
  });
});

describe('what is written', () => {
  const written = (type: unknown, value: unknown): unknown => {
    const known = schemaOf(record({ a: type }));
    return decoded(known, writeAvro(known.type, { a: value }))['a'];
  };

  it('takes the texts of CSV, moments as texts, the default of a field, and the branch that a value is of', () => {
    expect(written('long', '12')).toBe(12);
    expect(written('boolean', 'true')).toBe(true);
    expect(written({ type: 'long', logicalType: 'timestamp-micros' }, '2026-01-02 03:04:05.5+01:00')).toBe(
      '2026-01-02T02:04:05.500000Z',
    );
    expect(String(written({ type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 }, '-1.5'))).toBe('-1.50');
    expect(written(['null', 'string'], '')).toBe('');
    expect(written(['null', 'long', 'string'], '7')).toBe('7');
    expect(written(['null', 'long', 'string'], 7)).toBe(7);
    const defaulted = { type: 'record', name: 'R', fields: [{ name: 'a', type: 'int', default: 5 }] };
    const known = schemaOf(defaulted);
    expect(decoded(known, writeAvro(known.type, {}))).toEqual({ a: 5 });
  });

  it.each([
    ['int', 2 ** 31],
    ['long', 1.5],
    ['string', null],
    ['boolean', 'yes'],
    [{ type: 'enum', name: 'E', symbols: ['A'] }, 'B'],
    [{ type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 }, '1.234'],
    [['null', 'int'], 'x'],
    [{ type: 'array', items: 'int' }, { a: 1 }],
    [{ type: 'fixed', name: 'F', size: 2 }, 'eA=='],
  ])('refuses what %j does not take', (type, value) => {
    expect(() => written(type, value)).toThrow(/^'a' does not go as/);
  });
});

describe('resolution', () => {
  const column = (name: string, type = 'text', more: Partial<LoadColumn> = {}): LoadColumn => ({ name, type, ...more });
  const target = (columns: readonly LoadColumn[], more: Partial<LoadTarget> = {}): LoadTarget =>
    loadTargetOf('t', { columns, ...more });

  it('goes by name, by aliases of both sides, and by the default of a column', () => {
    const writer = {
      type: 'record',
      name: 'R',
      fields: [
        { name: 'customer', type: 'string', aliases: ['user_id'] },
        { name: 'old_page', type: 'string' },
        { name: 'mail', type: 'string', aliases: ['email'] },
        { name: 'more', type: 'int' },
      ],
    };
    const columns = [
      column('user_id'),
      column('page', 'text', { aliases: ['page_url', 'old_page'] }),
      column('channel', 'text', { fallback: 'web' }),
      column('absent'),
    ];
    const schema = schemaOf(writer, target(columns, { drop: ['email'] }));
    expect(decoded(schema, bytes('u1', '/p', 'a@b', 7))).toEqual({
      user_id: 'u1',
      page: '/p',
      more: 7,
      channel: 'web',
    });
    // A field of the column's own name wins.
    const both = { ...writer, fields: [...writer.fields, { name: 'user_id', type: 'string' }] };
    expect(decoded(schemaOf(both, target(columns)), bytes('u1', '/p', 'a@b', 7, 'u2'))).toMatchObject({
      user_id: 'u2',
      customer: 'u1',
    });
  });

  it.each([
    ['a record', record({ x: 'int' }, 'S'), 'integer', 'a record'],
    ['a map', { type: 'map', values: 'int' }, 'numeric(3, 1)', 'a map'],
    ['an array', ['null', { type: 'array', items: 'int' }], 'timestamptz', 'a null or array'],
    ['a boolean', 'boolean', 'bigint', 'a boolean'],
    ['a moment', { type: 'long', logicalType: 'timestamp-millis' }, 'bigint', 'a timestamp'],
    ['bytes', 'bytes', 'integer', 'a bytes'],
    ['an enum', { type: 'enum', name: 'E', symbols: ['A'] }, 'int', 'an enum'],
  ])('refuses a column that cannot hold %s', (_, type, columnType, name) => {
    const { refused } = schemaOf(record({ a: type }), target([column('a', columnType)]));
    expect(refused).toBe(`schema 1: field 'a' is ${name}, and column 'a' is ${columnType}`);
  });

  it('takes what some value fits, and all as json, text or hash', () => {
    for (const [type, columnType] of [
      ['int', 'smallint'],
      ['string', 'timestamptz'],
      [['int', record({}, 'S')], 'integer'],
      [record({}, 'S'), 'jsonb'],
      [{ type: 'map', values: 'int' }, 'text'],
      ['null', 'uuid'],
    ])
      expect(schemaOf(record({ a: type }), target([column('a', String(columnType))])).refused).toBeNull();
    expect(schemaOf(record({ a: 'boolean' }), { ...target([column('a', 'int')]), hash: ['a'] }).refused).toBeNull();
    expect(schemaOf('string', target([])).refused).toBe(
      'schema 1: it is a string, and only a record has fields for columns',
    );
  });
});

describe('rows', () => {
  const stored = (type: string, name: string, modifier = -1): LoadColumn['stored'] => ({
    input: type,
    type: name,
    modifier,
    element: null,
    labels: null,
    required: false,
  });
  const schema = record({
    id: 'long',
    at: { type: 'long', logicalType: 'timestamp-micros' },
    name: ['null', 'string'],
    kind: { type: 'enum', name: 'K', symbols: ['A', 'B'] },
    ok: 'boolean',
    price: { type: 'bytes', logicalType: 'decimal', precision: 9, scale: 2 },
    tags: { type: 'array', items: 'string' },
    other: ['null', 'int'],
  });
  const columns: readonly LoadColumn[] = [
    { name: 'name', type: 'text', stored: stored('text', 'text') },
    { name: 'id', type: 'bigint', stored: stored('bigint', 'int8') },
    { name: 'at', type: 'timestamptz', stored: stored('timestamptz', 'timestamptz') },
    { name: 'kind', type: 'text' },
    { name: 'ok', type: 'boolean', stored: stored('boolean', 'bool') },
    { name: 'price', type: 'numeric', stored: stored('numeric', 'numeric') },
    { name: 'tags', type: 'jsonb', stored: stored('jsonb', 'jsonb') },
    { name: 'processing_ts', type: 'timestamptz' },
  ];
  const made = (value: Buffer, more: Partial<LoadTarget> = {}): ReturnType<typeof bothWays> => {
    const target = loadTargetOf('t', { format: 'avro', columns, ...more });
    return bothWays(schemaOf(schema, target), target, columns, value);
  };
  const message = (name: string, at: number | bigint = 1_767_225_600_123_456n): Buffer =>
    bytes(-42, at, 1, name, 1, Buffer.from([1]), 2, Buffer.from([4, 0xd2]), 1, 'x', 0, 1, 5);

  it('are made without a record, and are the same as with one', () => {
    const { fast, slow } = made(message('a\\b\tc\né'), { mode: 'upsert', key: ['id', 'name'] });
    expect(fast).toEqual(slow);
    expect(fast?.line).toBe(
      'a\\\\b\\tc\\né\t-42\t2026-01-01T00:00:00.123456Z\tB\ttrue\t12.34\t["x"]' +
        '\t2026-01-02T03:04:05.678Z\t{"other":5}\t' +
        't\t3\t12345678901\t2026-01-01T00:00:00.123Z\tf\tload\n',
    );
    expect(fast?.key).toBe(String.raw`a\\b\tc\né` + '\t-42\t');
    for (const at of [-1, 0, 999_999, 2 ** 53 - 1, -(2 ** 53)]) {
      const both = made(message('x', at), { partitionBy: { column: 'at', every: 'day' } });
      expect(both.fast).toEqual(both.slow);
    }
  });

  it('are left to the long way where it refuses them, or where a field may become a column', () => {
    for (const value of [
      message('a\0b'),
      message('x').subarray(0, 8),
      Buffer.concat([message('x'), Buffer.from([0])]),
    ]) {
      const { fast, slow } = made(value);
      expect(fast).toBeNull();
      expect(slow).toHaveProperty('error');
    }
    expect(made(message('x'), { schemaDrift: 'add_column' }).fast).toBeNull();
  });
});

describe('a table', () => {
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

  it('takes values exactly, over versions of the schema, and says why others are dead letters', async () => {
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

  it('has a contract: every live version of its schema against the columns', async () => {
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

  it('upserts by Avro keys, plain keys and keys of JSON, and takes new fields as columns', async () => {
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
