// format: avro: what fastavro wrote, logical types, names and references, resolution to columns, rows made without a
// record, bad bytes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeAvro } from '../../../src/loader/avro/writer.ts';
import { parseSchema } from '../../../src/loader/formats/avro/avro-schema.ts';
import type { LoadColumn, LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { bytes, bothWays, decoded, isSame, schemaOf, type Tagged, TARGET, record } from '../support/avro.ts';
import { loadTargetOf } from '../support/load-target.ts';

const one = (type: unknown, value: Buffer): string =>
  JSON.stringify(decoded(schemaOf(record({ a: type })), value)['a']);
const text = (type: unknown, value: Buffer): string => String(decoded(schemaOf(record({ a: type })), value)['a']);

describe('Avro values', () => {
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

  it('are the same as those of fastavro', () => {
    expect(goldens.length).toBeGreaterThan(100);
    for (const { seed, schema, messages, values } of goldens) {
      const known = schemaOf(schema);
      for (const [i, hex] of messages.entries())
        expect([seed, isSame(decoded(known, Buffer.from(hex, 'hex')), values[i] ?? ['n'])]).toEqual([seed, true]);
    }
  });

  it('are written as they were read', () => {
    for (const { seed, schema, messages } of goldens) {
      const known = schemaOf(schema);
      for (const hex of messages) {
        const value = decoded(known, Buffer.from(hex, 'hex'));
        expect([seed, decoded(known, writeAvro(known.type, value))]).toEqual([seed, value]);
      }
    }
  });

  it('keep numbers that no double can represent', () => {
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

describe('Avro schemas', () => {
  it('resolve names by namespace, themselves, and each other through references', () => {
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
  ])('that are invalid give the reason: %.60s', (schema, reason) => {
    expect(() => parseSchema(schema)).toThrow(reason);
  });
});

describe('the decoder rejects', () => {
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
    [
      'nulls without end',
      { type: 'array', items: 'null' },
      bytes(2 ** 50, 0),
      'more values than the message has bytes for',
    ],
    [
      'nulls in many lists',
      { type: 'array', items: { type: 'array', items: 'null' } },
      bytes(400, ...Array.from({ length: 400 }, () => [5000, 0]).flat(), 0),
      'more values than the message has bytes for',
    ],
    ['items that are not there', { type: 'array', items: 'int' }, bytes(2 ** 50), 'the message ends too early'],
  ])('%s', (_, type, value, reason) => {
    expect(() => one(type, value)).toThrow(reason);
  });

  it('endlessly nested bytes', () => {
    const deep = record({ a: ['null', 'R'] });
    expect(() => decoded(schemaOf(deep), Buffer.alloc(200_000, 2))).toThrow('nested too deeply');
  });
});

describe('the Avro writer', () => {
  const written = (type: unknown, value: unknown): unknown => {
    const known = schemaOf(record({ a: type }));
    return decoded(known, writeAvro(known.type, { a: value }))['a'];
  };

  it('accepts CSV texts, timestamps as text, the default of a field, and the matching branch of a union', () => {
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
  ])('rejects a value for %j', (type, value) => {
    expect(() => written(type, value)).toThrow(/^'a' does not go as/);
  });
});

describe('Avro schema resolution', () => {
  const column = (name: string, type = 'text', more: Partial<LoadColumn> = {}): LoadColumn => ({ name, type, ...more });
  const target = (columns: readonly LoadColumn[], more: Partial<LoadTarget> = {}): LoadTarget =>
    loadTargetOf('t', { columns, ...more });

  it('matches by name, by aliases of both sides, and by the default of a column', () => {
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
  ])('rejects a column that cannot hold %s', (_, type, columnType, name) => {
    const { refused } = schemaOf(record({ a: type }), target([column('a', columnType)]));
    expect(refused).toBe(`schema 1: field 'a' is ${name}, and column 'a' is ${columnType}`);
  });

  it('accepts what some values fit, and everything as json, text or hash', () => {
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

describe('Avro rows', () => {
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

  it('are made directly, with the same result as through a record', () => {
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

  it('are the same wherever a character in a text must be escaped', () => {
    for (const special of ['', '\\', '\n', '\x01', '\x7f', 'é', '😀'])
      for (let length = 0; length <= 9; length++)
        for (let at = 0; at <= length; at++) {
          const name = 'a'.repeat(at) + special + 'b'.repeat(length - at);
          const { fast, slow } = made(message(name));
          expect([name, fast]).toEqual([name, slow]);
        }
  });

  it('keep doubles of a union with many digits, whatever their bytes are', () => {
    const target = loadTargetOf('t', {
      format: 'avro',
      columns: [
        { name: 'price', type: 'double precision', stored: stored('double precision', 'float8') },
        { name: 'id', type: 'bigint', stored: stored('bigint', 'int8') },
      ],
    });
    const schema = schemaOf(record({ price: ['double', 'null'], id: 'long' }), target);
    for (const price of [Number.NaN, 2 ** -40, -(2 ** 60), 0.1 + 0.2, -0, 5e9]) {
      const double = Buffer.alloc(8);
      double.writeDoubleLE(price);
      const { fast, slow } = bothWays(schema, target, target.columns, bytes(0, double, -(2 ** 31)));
      expect([price, fast]).toEqual([price, slow]);
    }
  });

  it('are decoded to a record if the direct path rejects them or a field may become a column', () => {
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
