// JSON Schemas that a registrar with bad intent registers, and messages that a producer makes for them: each costs a
// dead letter with a reason, and the messages after it are read.
import { describe, expect, it } from 'vitest';
import { type Decoded, type Decoder, PoisonMessage } from '../../../src/loader/formats/message-decoder.ts';
import { recordsOf } from '../../../src/loader/brokers/message-records.ts';
import { schemaDecoder } from '../../../src/loader/formats/json-schema/json-schema.ts';
import { SchemaRegistry } from '../../../src/loader/formats/schema-registry.ts';
import { MemoryRegistry } from '../loader/memory-registry.ts';

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

function messageOf(id: number, value: unknown): Buffer {
  const head = Buffer.alloc(5);
  head.writeInt32BE(id, 1);
  return Buffer.concat([head, Buffer.from(text(value))]);
}

type Schemas = Readonly<Record<number, unknown>>;
type Sent = readonly [id: number, value: unknown];

/** What becomes of messages: `ok`, or the reason of the dead letter. @param together as the loader reads them */
async function outcomes(schemas: Schemas, messages: readonly Sent[], together: boolean): Promise<string[]> {
  const registry = {
    schema: async (id: number) => ({ schema: text(schemas[id]), type: 'JSON', references: new Map<string, string>() }),
  };
  const decoder = schemaDecoder(registry, Date.now);
  const records = recordsOf(
    messages.map(([id, value], i) => ({
      offset: BigInt(i),
      timestamp: 0,
      key: null,
      value: messageOf(id, value),
      headers: [],
    })),
  );
  const found: string[] = [];
  for (let i = 0; i < records.length; i++) {
    const { value } = records.message(i);
    if (value === null) throw new Error('a message without a value');
    if (together) decoder.ahead?.(records, i);
    const read = async (): Promise<Decoded> => decoder.decode(value);
    found.push(
      await read().then(
        () => 'ok',
        (error: unknown) => {
          if (!(error instanceof PoisonMessage)) throw error;
          return error.message;
        },
      ),
    );
  }
  return found;
}

/** Each definition refers to the next one twice: two to the power of 60 visits. */
const doubling = (refer: (next: string) => object): object => ({
  $defs: Object.fromEntries(
    Array.from({ length: 60 }, (_, i) => [`a${i}`, i === 59 ? { type: 'object' } : refer(`#/$defs/a${i + 1}`)]),
  ),
  $ref: '#/$defs/a0',
});
const nested = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
const SLOW = /^schema \d takes too long for this message/;

describe.each([true, false])('a hostile JSON Schema, messages read together: %s', { timeout: 60_000 }, (together) => {
  it.each<readonly [what: string, schema: unknown, value: unknown, reason: RegExp]>([
    [
      'a pattern that backtracks without end',
      { properties: { a: { pattern: '^(a+)+$' } } },
      { a: `${'a'.repeat(50)}!` },
      SLOW,
    ],
    [
      'a pattern of property names',
      { patternProperties: { '^(a+)+$': true }, propertyNames: { pattern: '^(b|b)*$' } },
      { [`${'b'.repeat(50)}!`]: 1 },
      SLOW,
    ],
    ['references that double', doubling((next) => ({ allOf: [{ $ref: next }, { $ref: next }] })), { a: 1 }, SLOW],
    [
      'alternatives that double at each level of a message',
      {
        anyOf: [1, 2, 3, 4].map((n) => ({
          allOf: [{ properties: { a: { $ref: '#' } } }, { required: [`z${n}`] }],
        })),
      },
      nested(40),
      SLOW,
    ],
    ['a schema that refers to itself', { allOf: [{ $ref: '#' }] }, { a: 1 }, /^JSON that is nested too deeply$/],
    [
      'a message deeper than the stack, for a schema that follows it',
      { properties: { a: { $ref: '#' } } },
      nested(100_000),
      /^JSON that is nested too deeply$/,
    ],
    [
      'a schema deeper than the stack',
      `${'{"not":'.repeat(50_000)}{}${'}'.repeat(50_000)}`,
      { a: 1 },
      /^schema \d cannot be used: it is nested too deeply$/,
    ],
    [
      'an asynchronous schema',
      { $async: true, required: ['b'] },
      { a: 1 },
      /^schema \d cannot be used: '\$async' is not a keyword of JSON Schema$/,
    ],
    [
      'an asynchronous part of a schema',
      { properties: { a: { $ref: '#/$defs/b' } }, $defs: { b: { $async: true, required: ['c'] } } },
      { a: 1 },
      /^schema \d cannot be used: async schema in sync schema$/,
    ],
    [
      'a reference to a server',
      { $ref: 'http://127.0.0.1:9/schema.json' },
      { a: 1 },
      /^schema \d cannot be used: can't resolve reference/,
    ],
    [
      'a great schema, referenced many times',
      {
        $defs: {
          big: {
            properties: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`p${i}`, { type: 'string' }])),
          },
        },
        properties: Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`q${i}`, { $ref: '#/$defs/big' }])),
      },
      { q1: { p1: 1 } },
      /^schema \d does not hold: \/q1\/p1 must be string$/,
    ],
  ])('with %s makes a dead letter with its reason, and other messages are read', async (_, schema, value, reason) => {
    const messages: readonly Sent[] = [
      [2, { b: 1 }],
      [1, value],
      [2, { b: 2 }],
      [2, { b: 'x' }],
    ];
    expect(await outcomes({ 1: schema, 2: { properties: { b: { type: 'integer' } } } }, messages, together)).toEqual([
      'ok',
      expect.stringMatching(reason),
      'ok',
      'schema 2 does not hold: /b must be integer',
    ]);
  });

  it('finds a hundred thousand different items unique, and a duplicate among them', async () => {
    const items = Array.from({ length: 100_000 }, (_, i) => ({ a: i, b: [i] }));
    const schema = { properties: { items: { uniqueItems: true } } };
    const doubled = [{ b: [7], a: 7 }, ...items];
    expect(
      await outcomes(
        { 1: schema },
        [
          [1, { items }],
          [1, { items: doubled }],
        ],
        together,
      ),
    ).toEqual(['ok', 'schema 1 does not hold: /items must NOT have duplicate items (items ## 0 and 8 are identical)']);
  });

  it.each<readonly [items: unknown[], unique: boolean]>([
    [[1, 1], false],
    [[1, '1'], true],
    [[null, false, 0, ''], true],
    [
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
      false,
    ],
    [
      [
        [1, 2],
        [2, 1],
      ],
      true,
    ],
    [[[1], [1]], false],
    [['1,2', [1, 2]], true],
    [[{ a: 1 }, { a: '1' }], true],
    [[1.0, 1], false],
  ])('treats %j as unique: %s', async (items, unique) => {
    const found = await outcomes({ 1: { properties: { a: { uniqueItems: true } } } }, [[1, { a: items }]], together);
    expect(found[0] === 'ok').toBe(unique);
    expect(await outcomes({ 1: { properties: { a: { uniqueItems: false } } } }, [[1, { a: items }]], together)).toEqual(
      ['ok'],
    );
  });
});

describe('a hostile schema registry', () => {
  const decoderOf = (server: MemoryRegistry, limitMs?: number): Decoder =>
    schemaDecoder(
      new SchemaRegistry(
        { url: server.url, username: null, password: null, token: null, tls: null },
        'connections.yml',
        limitMs,
      ),
      Date.now,
    );
  const reasonOf = async (decoder: Decoder, id: number): Promise<string> => {
    const read = async (): Promise<Decoded> => decoder.decode(messageOf(id, {}));
    return read().then(
      () => 'ok',
      (error: unknown) => (error instanceof PoisonMessage ? error.message : Promise.reject(error)),
    );
  };

  it('with endless references is queried for a thousand of them, once', async () => {
    const server = await MemoryRegistry.start();
    try {
      for (let i = 0; i <= 1200; i++) {
        const references = i === 0 ? [] : [{ name: `r${i - 1}`, subject: `s${i - 1}`, version: 1 }];
        server.register(`s${i}`, { title: `${i}` }, { references });
      }
      const decoder = decoderOf(server);
      for (const _ of [1, 2])
        expect(await reasonOf(decoder, 1201)).toBe('schema 1201 cannot be used: it refers to more than 1000 others');
      expect(server.requests.length).toBe(1002);
    } finally {
      await server.close();
    }
  });

  it.each([
    [[null]],
    [['s']],
    [[{}]],
    [[{ name: 'a', subject: 'a' }]],
    [[{ name: 'a', subject: '\ud800', version: 1 }]],
  ])('with the references %j is reported as no registry', async (references) => {
    const server = await MemoryRegistry.start();
    server.always = JSON.stringify({ schema: '{}', schemaType: 'JSON', references });
    try {
      await expect(reasonOf(decoderOf(server), 1)).rejects.toThrow(
        /is no schema registry \(a reference without a name, a subject and a version\)\.$/,
      );
    } finally {
      await server.close();
    }
  });

  it('that answers slowly for each of a thousand references keeps a message waiting for a limited time', async () => {
    const server = await MemoryRegistry.start();
    try {
      const references = Array.from({ length: 1000 }, (_, i) => ({ name: `r${i}`, subject: `s${i}`, version: 1 }));
      for (const { subject } of references) server.register(subject, { title: subject });
      const id = server.register('s', {}, { references });
      expect(await reasonOf(decoderOf(server, 20), id)).toBe(
        `schema ${id} cannot be used: the registry takes more than 0.02 s for what it refers to`,
      );
      expect(server.requests.length).toBeLessThan(1000);
    } finally {
      await server.close();
    }
  });

  it('with a schema of many megabytes causes dead letters with that reason', async () => {
    const server = await MemoryRegistry.start();
    try {
      const id = server.register('s', { enum: Array.from({ length: 400_000 }, (_, i) => `value ${i}`) });
      expect(await reasonOf(decoderOf(server), id)).toBe(
        `schema ${id} cannot be used: with what it refers to it has more than 4 MB`,
      );
    } finally {
      await server.close();
    }
  });
});
