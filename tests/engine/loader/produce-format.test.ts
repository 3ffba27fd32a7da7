// What `produce` writes with a schema of the registry, as the loader's decoders read it; schemas that refer to others;
// and what the registry refuses.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { avroDecoder } from '../../../src/loader/formats/avro/avro-decoder.ts';
import { jsonText } from '../../../src/loader/formats/values/lossless-json.ts';
import { schemaDecoder } from '../../../src/loader/formats/json-schema/json-schema.ts';
import { messageEncoder, type ProduceFormat } from '../../../src/loader/produce-format.ts';
import { SchemaRegistry } from '../../../src/loader/formats/schema-registry.ts';
import { TARGET } from '../support/avro.ts';
import { MemoryRegistry } from './memory-registry.ts';

const ORDER = { type: 'object', properties: { id: { type: 'integer' } }, required: ['id'] };

describe('a message of the produce command', () => {
  let memory: MemoryRegistry;
  let registry: SchemaRegistry;
  let topics = 0;
  let topic: string;
  beforeAll(async () => {
    memory = await MemoryRegistry.start();
    const { url } = memory;
    registry = new SchemaRegistry({ url, username: null, password: null, token: null, tls: null }, 'connections.yml');
  });
  afterAll(async () => memory.close());
  beforeEach(() => {
    memory.ill = null;
    topic = `t${++topics}`;
  });

  const encoder = (
    format: ProduceFormat['format'],
    more: Partial<ProduceFormat> = {},
  ): ReturnType<typeof messageEncoder> =>
    messageEncoder(registry, { topic, format, schema: null, register: false, path: 'orders.ndjson', ...more });
  const written = async (format: ProduceFormat['format'], value: string): Promise<Buffer> =>
    (await encoder(format))(Buffer.from(value), 3n);

  it('with JSON Schema is read back to the last digit, and rejected if it violates the schema', async () => {
    memory.register(`${topic}-value`, ORDER);
    const message = await written('json_schema', '{"id": 7, "n": 1.10}');
    expect(message.subarray(5).toString()).toBe('{"id": 7, "n": 1.10}');
    expect(jsonText(await schemaDecoder(registry, Date.now).decode(message))).toBe('{"id":7,"n":1.10}');
    await expect(written('json_schema', '{"id": "x"}')).rejects.toThrow(/record 3: schema \d+ does not hold: \/id/);
    await expect(written('avro', '{"id": 7}')).rejects.toThrow('is JSON, and --format says avro');
  });

  it('with a schema that refers to others is read back', async () => {
    const money = { type: 'record', name: 'com.x.Money', fields: [{ name: 'cents', type: 'long' }] };
    memory.register(`${topic}-money`, money, { schemaType: 'AVRO' });
    const order = { type: 'record', name: 'com.x.Order', fields: [{ name: 'price', type: 'com.x.Money' }] };
    memory.register(`${topic}-value`, order, {
      schemaType: 'AVRO',
      references: [{ name: 'com.x.Money', subject: `${topic}-money`, version: 1 }],
    });
    const message = await written('avro', '{"price": {"cents": 9007199254740993}}');
    const record = await avroDecoder(registry, TARGET, Date.now).decode(message);
    expect(String((record['price'] as { cents: unknown }).cents)).toBe('9007199254740993');

    topic = `${topic}_json`;
    memory.register(`${topic}-id`, { type: 'integer' });
    memory.register(
      `${topic}-value`,
      { type: 'object', properties: { id: { $ref: 'id.json' } } },
      { references: [{ name: 'id.json', subject: `${topic}-id`, version: 1 }] },
    );
    expect((await written('json_schema', '{"id": 7}')).subarray(5).toString()).toBe('{"id": 7}');
    await expect(written('json_schema', '{"id": 1.5}')).rejects.toThrow('does not hold');
  });

  it('with a schema file that refers to others is read back', async () => {
    const money = { type: 'record', name: 'com.x.Money', fields: [{ name: 'cents', type: 'long' }] };
    memory.register(`${topic}-money`, money, { schemaType: 'AVRO' });
    const order = { type: 'record', name: 'com.x.Order', fields: [{ name: 'price', type: 'com.x.Money' }] };
    const references = [{ name: 'com.x.Money', subject: `${topic}-money`, version: 1 }];
    for (const schema of [order, JSON.stringify(order)]) {
      const write = await encoder('avro', { schema: JSON.stringify({ schema, references }), register: true });
      const record = await avroDecoder(registry, TARGET, Date.now).decode(
        write(Buffer.from('{"price":{"cents":7}}'), 0n),
      );
      expect(jsonText(record)).toBe('{"price":{"cents":7}}');
    }
    const found = await registry.latest(`${topic}-value`);
    expect([...(found?.schema.references.keys() ?? [])]).toEqual(['com.x.Money']);
    const missing = JSON.stringify({ schema: order, references: [{ ...references[0], version: 9 }] });
    await expect(encoder('avro', { schema: missing, register: true })).rejects.toThrow('cannot be used');
  });

  it.each([
    [409, 'does not take the schema: ill'],
    [422, 'does not take the schema: ill'],
    [401, 'refuses the credentials (HTTP 401)'],
    [503, 'answers with HTTP 503'],
  ])('is not produced if the registry answers a new schema with %s', async (status, reason) => {
    memory.ill = status;
    await expect(encoder('json_schema', { schema: JSON.stringify(ORDER), register: true })).rejects.toThrow(reason);
  });

  it('is not produced without a schema, or with an invalid one', async () => {
    await expect(encoder('avro')).rejects.toThrow(`The registry has no schema of ${topic}-value`);
    const schema = JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'a', type: 'Missing' }] });
    await expect(encoder('avro', { schema })).rejects.toThrow(`The registry has no such schema of ${topic}-value`);
    await expect(encoder('avro', { schema, register: true })).rejects.toThrow(
      `The schema of ${topic}-value cannot be used: 'Missing' is no type`,
    );
  });
});
