// format: json_schema with a Schema Registry: ids, references, drafts, invalid messages, and a registry that is
// unavailable or rejects the credentials.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask } from '../../../src/http/ask.ts';
import { schemaDecoder } from '../../../src/loader/formats/json-schema/json-schema.ts';
import type { LoadTarget } from '../../../src/loader/settings/load-target.ts';
import { RegisteredSchemas } from '../../../src/loader/formats/registered-schemas.ts';
import { SchemaRegistry } from '../../../src/loader/formats/schema-registry.ts';
import type { Decoder } from '../../../src/loader/formats/message-decoder.ts';
import { quietPort } from '../support/quiet-port.ts';
import { LoadLab } from './load-lab.ts';
import { MemoryRegistry } from './memory-registry.ts';

const ORDER = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  type: 'object',
  properties: { id: { type: 'integer' }, mail: { type: 'string', format: 'email', pattern: '@' } },
  required: ['id'],
  additionalProperties: false,
};

describe('the JSON Schema decoder', () => {
  let lab: LoadLab;
  let server: MemoryRegistry;
  beforeAll(async () => {
    lab = await LoadLab.open();
  });
  afterAll(() => lab.close());
  beforeEach(async () => {
    // Nobody takes the port while it is away.
    server = await MemoryRegistry.start(null, await quietPort());
    return () => server.close();
  });

  const registry = (more: Partial<ConstructorParameters<typeof SchemaRegistry>[0]> = {}): SchemaRegistry =>
    new SchemaRegistry(
      { url: server.url, username: null, password: null, token: null, tls: null, ...more },
      'connections.yml',
    );
  const decoder = (): Decoder => schemaDecoder(registry(), Date.now);
  const send = (id: number, value: unknown): void => {
    const head = Buffer.alloc(5);
    head.writeInt32BE(id, 1);
    lab.broker.produce('t', 0, null, {
      raw: Buffer.concat([head, Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))]),
      key: '1',
    });
  };
  const table = (): LoadTarget => lab.target({ id: 'numeric', mail: 'text' }, { format: 'json_schema' });
  const ids = async (t: LoadTarget): Promise<(string | null)[]> =>
    (await lab.rows(`select n.id::text from raw.${t.identifier} n order by n.id`)).flat();

  it('validates each message against the schema of its id, and requests each schema once', async () => {
    const t = table();
    const id = server.register('t-value', ORDER);
    const next = server.register('t-value', { ...ORDER, properties: { ...ORDER.properties, more: {} } });
    send(id, { id: 1, mail: 'a@b' });
    send(id, '{"id": 9007199254740993}');
    send(id, { id: 'x' });
    send(id, { id: 2, more: 1 });
    send(next, { id: 3, more: { deep: [1] } });
    send(id, { mail: 'a@b' });
    send(id, { id: 4, mail: 'secret' });
    send(id, '{"id": 5');
    send(id, '[1]');
    send(99, { id: 6 });
    send(99, { id: 7 });
    lab.broker.produce('t', 0, { id: 8 });
    lab.broker.produce('t', 0, null, { raw: Buffer.from([0, 0]) });
    expect(await lab.load(t, { decoder: decoder() })).toMatchObject({ rows: 3, dead: 10 });
    expect(await ids(t)).toEqual(['1', '3', '9007199254740993']);
    expect(await lab.letters(t)).toEqual([
      [2, `schema ${id} does not hold: /id must be integer`],
      [3, `schema ${id} does not hold: the message must NOT have additional properties`],
      [5, `schema ${id} does not hold: the message must have required property 'id'`],
      [6, `schema ${id} does not hold: /mail must match pattern "@"`],
      [7, expect.stringMatching(/^not JSON/)],
      [8, 'not a JSON object'],
      [9, 'the registry has no schema 99'],
      [10, 'the registry has no schema 99'],
      [11, expect.stringMatching(/^no schema id/)],
      [12, expect.stringMatching(/^no schema id/)],
    ]);
    expect(server.requests.sort()).toEqual([
      `GET /schemas/ids/${id}`,
      `GET /schemas/ids/${next}`,
      'GET /schemas/ids/99',
    ]);
  });

  it('supports drafts and transitive references, and reports what it cannot use', async () => {
    const t = table();
    server.register('name', { $id: 'http://x/name.json', type: 'string', minLength: 2 });
    server.register(
      'person',
      { type: 'object', properties: { name: { $ref: 'name.json' } } },
      { references: [{ name: 'name.json', subject: 'name', version: 1 }] },
    );
    const references = [{ name: 'person.json', subject: 'person', version: 1 }];
    const good = [
      server.register(
        'a',
        {
          $schema: 'https://json-schema.org/draft/2020-12/schema',
          $id: 'http://x/root.json',
          type: 'object',
          $defs: { n: { type: 'integer' } },
          properties: { id: { $ref: '#/$defs/n' }, who: { $ref: 'person.json' } },
        },
        { references },
      ),
      server.register(
        'b',
        {
          $schema: 'http://json-schema.org/draft-07/schema#',
          properties: { id: { type: 'integer' }, who: { $ref: 'person.json' } },
        },
        { references },
      ),
      server.register('c', {
        $schema: 'http://json-schema.org/draft-06/schema#',
        properties: { id: { type: 'integer' }, who: { properties: { name: { minLength: 2 } } } },
      }),
      server.register('d', {
        $schema: 'https://json-schema.org/draft/2019-09/schema',
        properties: { id: { type: 'integer' }, who: { properties: { name: { minLength: 2 } } } },
      }),
      server.register('recursive', { properties: { name: { minLength: 2 }, who: { $ref: '#' } } }),
    ];
    for (const [i, id] of good.entries()) {
      send(id, { id: i, who: { name: 'ab' } });
      send(id, { id: 100 + i, who: { name: 'a' } });
    }
    for (const id of [
      server.register('e', '{"type": "record"}', { schemaType: 'AVRO' }),
      server.register('f', { $ref: 'nowhere.json' }),
      server.register('g', { type: 'nothing' }),
      server.register('h', { $ref: 'gone.json' }, { references: [{ name: 'gone.json', subject: 'gone', version: 3 }] }),
      server.register('i', { $schema: 'http://json-schema.org/draft-04/schema#' }),
    ])
      send(id, { id: 200 });
    expect(await lab.load(t, { decoder: decoder() })).toMatchObject({ rows: 5, dead: 10 });
    expect(await ids(t)).toEqual(['0', '1', '2', '3', '4']);
    expect((await lab.letters(t)).map(([, reason]) => reason).slice(5)).toEqual([
      expect.stringContaining('is AVRO'),
      expect.stringContaining("can't resolve reference nowhere.json"),
      expect.stringContaining('schema is invalid'),
      expect.stringContaining('gone.json is not in the registry'),
      expect.stringContaining('draft 4'),
    ]);
  });

  it('waits for an unavailable registry in the middle of a batch, and loses nothing', async () => {
    const t = table();
    const [first, second] = [
      server.register('t-value', ORDER),
      server.register('t-value', { ...ORDER, title: 'second' }),
    ];
    for (let i = 0; i < 60; i++) send(i % 20 === 10 ? second : first, { id: i });
    send(first, { id: 'poison' });
    server.ill = 503;
    const { loader, events } = lab.loader(t, { decoder: decoder() });
    const running = loader.run();
    const waitFor = async (done: () => boolean): Promise<void> => {
      while (!done())
        await new Promise((resolve) => {
          setTimeout(resolve, 5);
        });
    };
    await waitFor(() => events.filter(({ kind }) => kind === 'waiting').length > 2);
    const { port } = server;
    await server.close();
    await waitFor(() =>
      events.some((event) => event.kind === 'waiting' && event.message.includes('no schema registry answers')),
    );
    server = await MemoryRegistry.start(null, port);
    server.register('t-value', ORDER);
    server.register('t-value', { ...ORDER, title: 'second' });
    expect(await running).toMatchObject({ rows: 60, dead: 1 });
    expect(await ids(t)).toEqual(Array.from({ length: 60 }, (_, i) => String(i)));
    expect(events.some(({ kind }) => kind === 'resumed')).toBe(true);
  });

  it("fails if the registry's answers are not schemas, without making dead letters", async () => {
    const t = table();
    send(1, { id: 1 });
    for (const [answer, why] of [
      ['{}', 'a schema without its text'],
      ['[]', 'a list for /schemas/ids/1'],
      ['<html>', 'HTTP 200'],
    ] as const) {
      server.always = answer;
      await expect(lab.load(t, { decoder: decoder() })).rejects.toThrow(`is no schema registry (${why}`);
    }
    server.always = null;
    expect(server.register('t-value', ORDER)).toBe(1);
    expect(await lab.load(t, { decoder: decoder() })).toMatchObject({ rows: 1, dead: 0 });
  });

  it('requests a schema again whose references were missing, and never for an id below 0', async () => {
    let now = 0;
    const schemas = new RegisteredSchemas(
      registry(),
      () => now,
      'json_schema',
      ({ references }) => {
        if (references.get('a.json') === '') throw new Error('a.json is not in the registry');
        return references.size;
      },
    );
    const references = [{ name: 'a.json', subject: 'a', version: 1 }];
    const id = server.register('b', { $ref: 'a.json' }, { references });
    await expect(schemas.of(id)).rejects.toThrow('a.json is not in the registry');
    server.register('a', ORDER);
    expect(() => schemas.of(id)).toThrow('a.json is not in the registry');
    now = 60_000;
    expect(await schemas.of(id)).toBe(1);
    expect(() => schemas.id(Buffer.from([0, 255, 255, 255, 255]))).toThrow('no schema id: -1 is none');
  });

  it('treats an endless answer of the registry as unavailable', async () => {
    const drip = createServer((_, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    });
    await new Promise<void>((done) => drip.listen(0, '127.0.0.1', done));
    const { port } = drip.address() as AddressInfo;
    const question = { method: 'GET', headers: {}, body: null, tls: null } as const;
    await expect(ask(new URL(`http://127.0.0.1:${port}/`), question, 300)).rejects.toThrow('it does not answer');
    drip.closeAllConnections();
    await new Promise((done) => drip.close(done));
  });

  it('sends credentials, and ends with one error if they are rejected or there is no registry', async () => {
    const t = table();
    send(server.register('t-value', ORDER), { id: 1 });
    server.authorization = `Basic ${Buffer.from('me:geheim').toString('base64')}`;
    const attempt = (more: Partial<ConstructorParameters<typeof SchemaRegistry>[0]>): Promise<unknown> =>
      lab.load(t, { decoder: schemaDecoder(registry(more), Date.now) });
    await expect(attempt({})).rejects.toThrow(/refuses the credentials \(HTTP 401\)/);
    await expect(attempt({ username: 'me', password: () => 'wrong' })).rejects.toThrow(/refuses the credentials/);
    await expect(attempt({ url: `${server.url}/elsewhere`, username: 'me', password: () => 'geheim' })).rejects.toThrow(
      /no schema registry \(HTTP 404/,
    );
    expect(await attempt({ username: 'me', password: () => 'geheim' })).toMatchObject({ rows: 1 });
    server.authorization = 'Bearer abc';
    await registry({ token: () => 'abc' }).check('t-value');
    await registry({ token: () => 'abc' }).check('never registered');
    await expect(registry({ token: () => 'abd' }).check('t-value')).rejects.toThrow(/refuses the credentials/);
  });
});
