// Avro schemas and messages of a few bytes that claim much: each is refused with a reason, without the memory that it
// asks for.
import { describe, expect, it } from 'vitest';
import { avroDecoder } from '../../../src/loader/formats/avro/avro-decoder.ts';
import { PoisonMessage } from '../../../src/loader/formats/message-decoder.ts';

const varint = (value: number): Buffer => {
  const bytes: number[] = [];
  let left = BigInt(value) * 2n;
  for (; left > 127n; left >>= 7n) bytes.push(Number(left & 127n) | 128);
  return Buffer.from([...bytes, Number(left)]);
};
const HEAD = Buffer.from([0, 0, 0, 0, 1]);
const record = (name: string, fields: readonly unknown[]): object => ({
  type: 'record',
  name,
  fields: fields.map((type, i) => ({ name: `f${i}`, type })),
});
const times = <T>(count: number, item: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => item(i));
/** Records of ten records of ten records …: ten to the power of nine nulls in no byte. */
const tower = times(8, (i) => i).reduce<unknown>(
  (inner, i) => record(`t${i}`, [inner, ...times(9, () => (i === 0 ? 'null' : `t${i - 1}`))]),
  'null',
);
/** Records within records, and one number at the bottom. */
const chain = times(1000, (i) => i).reduce<unknown>((inner, i) => record(`c${i}`, [inner]), 'int');
const MANY = 'more values than the message has bytes for';
const DEEP = 'values that are nested too deeply';

async function reasonOf(type: unknown, body: Buffer): Promise<string> {
  const schema = JSON.stringify(record('r', [type]));
  const registry = { schema: async () => ({ schema, type: 'AVRO', references: new Map<string, string>() }) };
  const columns = [{ name: 'f0', type: 'jsonb' }];
  const decoder = avroDecoder(registry, { columns, drop: [], hash: [] }, Date.now);
  const read = async (): Promise<unknown> => decoder.decode(Buffer.concat([HEAD, body]));
  return read().then(
    () => 'ok',
    (error: unknown) => (error instanceof PoisonMessage ? error.message : Promise.reject(error)),
  );
}

describe('a hostile Avro message', () => {
  it.each<readonly [what: string, type: unknown, body: Buffer, reason: string]>([
    ['nulls without end', { type: 'array', items: 'null' }, varint(2 ** 40), MANY],
    [
      'records of five hundred nulls',
      {
        type: 'array',
        items: record(
          'n',
          times(500, () => 'null'),
        ),
      },
      Buffer.concat([varint(1_000_000), varint(0)]),
      MANY,
    ],
    ['records of records of nulls', tower, Buffer.alloc(0), MANY],
    ['empty records', { type: 'array', items: record('e', []) }, varint(2 ** 40), MANY],
    ['values of no bytes', { type: 'array', items: { type: 'fixed', name: 'x', size: 0 } }, varint(2 ** 40), MANY],
    [
      'a thousand records for each byte',
      { type: 'array', items: chain },
      Buffer.concat([varint(100_000), Buffer.alloc(100_001)]),
      MANY,
    ],
    [
      'a symbol of a megabyte, many times',
      { type: 'array', items: { type: 'enum', name: 's', symbols: ['a'.repeat(1_000_000)] } },
      Buffer.concat([varint(100_000), Buffer.alloc(100_001)]),
      MANY,
    ],
    [
      'a field with a name of a megabyte, many times',
      {
        type: 'array',
        items: { type: 'record', name: 's', fields: [{ name: 'a'.repeat(1_000_000), type: 'int' }] },
      },
      Buffer.concat([varint(100_000), Buffer.alloc(100_001)]),
      MANY,
    ],
    ['a record that holds itself', { type: 'record', name: 'q', fields: [{ name: 'q', type: 'q' }] }, varint(0), DEEP],
    [
      'a record that holds itself twice',
      { type: 'record', name: 'q', fields: times(2, (i) => ({ name: `q${i}`, type: 'q' })) },
      varint(0),
      DEEP,
    ],
    ['a value of a petabyte', { type: 'fixed', name: 'x', size: 2 ** 50 }, varint(0), 'the message ends too early'],
    ['a text of a petabyte', 'string', varint(2 ** 50), 'the message ends too early'],
    [
      'a decimal of a megabyte',
      { type: 'bytes', logicalType: 'decimal', precision: 10, scale: 0 },
      Buffer.concat([varint(1_000_000), Buffer.alloc(1_000_000, 1)]),
      'a decimal of more than 65536 bytes',
    ],
  ])('with %s is rejected', async (_, type, body, reason) => {
    expect(await reasonOf(type, body)).toBe(`schema 1, field 'f0': ${reason}`);
  });

  it('with a decimal of a billion decimal places is rejected by its schema', async () => {
    const type = { type: 'bytes', logicalType: 'decimal', precision: 1e9, scale: 1e9 };
    expect(await reasonOf(type, Buffer.from([2, 1]))).toMatch(
      /^schema 1 cannot be used: a decimal of 1000000000 digits/,
    );
  });

  it('that is nested deeper than the stack is rejected by its schema', async () => {
    const deep = times(20_000, () => 0).reduce<string>((inner) => `{"type":"array","items":${inner}}`, '"int"');
    const schema = `{"type":"record","name":"r","fields":[{"name":"f0","type":${deep}}]}`;
    const registry = { schema: async () => ({ schema, type: 'AVRO', references: new Map<string, string>() }) };
    const columns = [{ name: 'f0', type: 'jsonb' }];
    const decoder = avroDecoder(registry, { columns, drop: [], hash: [] }, Date.now);
    await expect((async () => decoder.decode(Buffer.concat([HEAD, varint(0)])))()).rejects.toThrow(PoisonMessage);
  });

  it('with decimals of a hundred thousand decimal places costs no more memory than its bytes', async () => {
    const count = 200_000;
    const items = { type: 'bytes', logicalType: 'decimal', precision: 147_455, scale: 147_455 };
    const body = Buffer.concat([varint(count), Buffer.alloc(count * 2, Buffer.from([2, 1])), varint(0)]);
    const before = process.memoryUsage().rss;
    expect(await reasonOf({ type: 'array', items }, body)).toBe('ok');
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 ** 2);
  });

  it('of some bytes that has a million values of no byte is rejected', async () => {
    expect(await reasonOf({ type: 'array', items: 'null' }, Buffer.concat([varint(900_000), varint(0)]))).toBe(
      `schema 1, field 'f0': ${MANY}`,
    );
  });

  it('that is large and valid is read', async () => {
    const items = times(50, (i) => (i % 2 === 0 ? ['null', 'int'] : 'null'));
    const type = { type: 'array', items: record('honest', items) };
    const body = Buffer.concat([varint(100_000), Buffer.alloc(2_500_000), varint(0)]);
    expect(await reasonOf(type, body)).toBe('ok');
  });
});
