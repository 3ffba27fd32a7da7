// Who may: SASL, TLS, ACLs and privileges against a real Kafka, a registry over TLS, and Confluent's own client beside
// ours. One clear error each, no secret in it.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TsdbtError } from '../../../src/errors.ts';
import { type LoadConnection, loadConnection } from '../../../src/connections/kafka-connection.ts';
import { kafkaClient } from '../../../src/loader/brokers/kafka/kafka-client.ts';
import { called, loadClientLibrary } from '../../../src/loader/brokers/kafka/client-library.ts';
import { TopicWriter } from './topic-writer.ts';
import { SchemaRegistry } from '../../../src/loader/formats/schema-registry.ts';
import { FaultProject } from '../faults/project.ts';
import { MemoryRegistry } from '../loader/memory-registry.ts';
import { Certificates } from './certificates.ts';
import { confluentClient } from './confluent.ts';
import { KafkaBroker, type Listener, USERS } from './kafka-broker.ts';

describe('a secured Kafka connection', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tsdbt-certificates-'));
  let certificates: Certificates;
  let broker: KafkaBroker;
  let project: FaultProject;
  beforeAll(async () => {
    certificates = new Certificates(folder);
    broker = await KafkaBroker.start(certificates);
    project = await FaultProject.open({});
    const { AclOperations, AclPermissionTypes, ResourcePatternTypes, ResourceTypes } = await loadClientLibrary();
    const writer = await TopicWriter.open([`127.0.0.1:${broker.port}`]);
    await writer.create(['open', 'closed', 'typed']);
    const allow = (resourceType: number, resourceName: string, principal: string): object => ({
      resourceType,
      resourceName,
      resourcePatternType: ResourcePatternTypes.LITERAL,
      principal,
      host: '*',
      operation: AclOperations.ALL,
      permissionType: AclPermissionTypes.ALLOW,
    });
    const creations = [
      allow(ResourceTypes.TOPIC, 'closed', 'User:alice'),
      allow(ResourceTypes.GROUP, 'closed', 'User:alice'),
    ];
    await called((done) => writer.admin.createAcls({ creations: creations as never }, done));
    await writer.send(['open', 'closed'].map((topic) => ({ topic, value: Buffer.from('{"id": 1}') })));
    await writer.close();
  });
  afterAll(async () => {
    await project?.close();
    await broker?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const connection = (listener: Listener | null, more: object = {}): LoadConnection =>
    loadConnection(
      { x: { brokers: [`127.0.0.1:${listener === null ? broker.port : broker.ports[listener]}`], ...more } },
      'x',
      join(folder, 'connections.yml'),
    );
  const failure = async (
    listener: Listener | null,
    more: object = {},
    { topic = 'open', group = 'g' } = {},
  ): Promise<TsdbtError | null> => {
    const client = await kafkaClient(connection(listener, more), group);
    try {
      await client.topics([topic]);
      await client.check([topic]);
      return null;
    } catch (error) {
      if (!(error instanceof TsdbtError)) throw error;
      for (const password of Object.values(USERS)) expect(error.message).not.toContain(password);
      return error;
    } finally {
      await client.close();
    }
  };
  /** What stands in the way, or null. */
  const attempt = async (...asked: Parameters<typeof failure>): Promise<string | null> => {
    const error = await failure(...asked);
    return error && `${error.kind}: ${error.message}`;
  };
  const sasl = (
    mechanism: string,
    username: keyof typeof USERS = 'alice',
    password: string = USERS[username],
  ): object => ({ sasl: { mechanism, username, password } });
  const tls = { tls: { ca: 'ca.pem', cert: 'client.crt', key: 'client.key' } };

  it('sends its credentials by every mechanism, and reports when they are rejected', async () => {
    for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']) {
      expect(await attempt('SASL', sasl(mechanism))).toBeNull();
      expect(await attempt('SASL', sasl(mechanism, 'alice', 'wrong'))).toMatch(
        /^runtime: The broker at 127\.0\.0\.1:\d+ refuses the credentials of connection 'x'\.$/,
      );
    }
    expect(await attempt('SASLTLS', { ...sasl('SCRAM-SHA-512'), tls: { ca: 'ca.pem' } })).toBeNull();
  });

  it('reports that the broker expects another mechanism, none, or any', async () => {
    const bearer = { mechanism: 'OAUTHBEARER', token_file: 'token' };
    writeFileSync(join(folder, 'token'), 'x');
    expect(await failure('SASL', { sasl: bearer })).toMatchObject({
      message: expect.stringMatching(/does not take the mechanism OAUTHBEARER of connection 'x'\.$/),
      details: { hint: expect.stringMatching(/^It takes (?=.*PLAIN)(?=.*SCRAM-SHA-256).*\.$/) },
    });
    expect(await attempt(null, sasl('PLAIN'))).toMatch(/^runtime: The broker at .* takes no SASL at this port\.$/);
    expect(await attempt('SASL')).toMatch(/^connection: no broker answers at .*, or it wants TLS or SASL$/);
  });

  it('verifies the server and presents its own certificate', async () => {
    expect(await attempt('TLS', tls)).toBeNull();
    expect(await attempt('TLS', { tls: { ...tls.tls, servername: 'broker.test' } })).toBeNull();
    expect(await attempt('TLS', { tls: { ...tls.tls, servername: 'another.test' } })).toMatch(
      /^runtime: No TLS connection to .*another\.test/,
    );
    expect(await attempt('TLS', { tls: { ...tls.tls, ca: 'stranger.pem' } })).toMatch(
      /^runtime: No TLS connection to .*certificate/,
    );
    expect(await attempt('SASLTLS', { ...sasl('PLAIN'), tls: true })).toMatch(
      /^runtime: No TLS connection to .*certificate/,
    );
    expect(await attempt('TLS', { tls: { ca: 'ca.pem' } })).toMatch(
      /^connection: no broker answers at .*, or it wants a client's certificate$/,
    );
    expect(await attempt('EXPIRED', { tls: { ca: 'ca.pem' } })).toMatch(/^runtime: No TLS connection to .*expired/);
    expect(await attempt(null, tls)).toMatch(/^runtime: The broker at .* does not speak TLS/);
    expect(await attempt('SASLTLS', sasl('PLAIN'))).toMatch(
      /^(runtime: The broker at .* speaks TLS only|connection: no broker answers at .*, or it wants TLS$)/,
    );
  });

  it('reports which topic or group is not allowed for this user', async () => {
    expect(await attempt('SASL', sasl('PLAIN', 'alice'), { topic: 'closed', group: 'closed' })).toBeNull();
    expect(await attempt('SASL', sasl('PLAIN', 'bob'), { topic: 'closed' })).toMatch(
      /^runtime: The broker at .* does not let user bob read topic closed\.$/,
    );
    expect(await attempt('SASL', sasl('PLAIN', 'bob'), { group: 'closed' })).toMatch(
      /^runtime: The broker at .* does not let user bob use its consumer group/,
    );
  });

  it('causes one error in the command, without stack and secret, and loses nothing', async () => {
    const source = (topic: string, more = ''): string =>
      `sources: [{name: raw, tables: [{name: ${topic}, config: {meta: {tsdbt: {load: {topic: ${topic}, mode: ` +
      `upsert, key: [id]${more}}}}}, columns: [{name: id, data_type: integer}]}]}]\n`;
    const connections = (password: string, port = broker.ports.SASL): string =>
      `connections: {default: {brokers: ["127.0.0.1:${port}"], sasl: {mechanism: PLAIN, username: bob, ` +
      `password: ${password}}}}\n`;
    const said = async (code: number, ...args: string[]): Promise<string> => {
      const ended = await project.start(args).ended;
      expect(ended.code, ended.out).toBe(code);
      expect(ended.out).not.toMatch(/bob-geheim|\n\s+at /);
      return ended.out;
    };
    process.env['DBT_ENV_SECRET_KAFKA'] = USERS.bob;
    try {
      project.write({ 'models/sources.yml': source('closed'), 'connections.yml': connections(`"${USERS.bob}"`) });
      expect(await said(1, 'load', 'check')).toContain("The secret 'default.sasl.password' is written in plain text");
      project.write({ 'connections.yml': connections(`"{{ env_var('DBT_ENV_SECRET_KAFKA') }}"`) });
      expect(await said(1, 'load', 'check')).toContain('does not let user bob read topic closed');
      expect(await said(2, 'load', '--once')).toContain('does not let user bob read topic closed');
      project.write({ 'models/sources.yml': source('open') });
      expect(await said(0, 'load', 'check')).toContain('raw.open: OK');
      expect(
        await project.one("select to_regclass('raw.open') is null and to_regclass('tsdbt.load_offsets') is null"),
      ).toBe('true');
      expect(await said(0, 'load', '--once')).toContain('raw.open: 1 row loaded');
      // Somebody who may nothing.
      await project.client.query(
        "create role nobody login password 'nobody'; grant usage on schema raw, tsdbt to nobody",
      );
      const [database] = (await project.rows('select current_database()'))[0]!;
      const { host, port } = project.client;
      project.write({
        'profiles.yml':
          `faults: {target: dev, outputs: {dev: {type: postgres, host: ${host}, port: ${port}, user: nobody, ` +
          `password: nobody, dbname: ${database}, schema: s, threads: 4}}}\n`,
      });
      const out = await said(1, 'load', 'check');
      for (const what of [
        'insert raw.open',
        'update raw.open',
        'select tsdbt.load_offsets',
        'insert tsdbt.dead_letters',
      ])
        expect(out).toContain(`nobody may not ${what}`);
      expect(await said(2, 'load', '--once')).toContain('raw.open cannot be loaded: nobody may not insert raw.open');
    } finally {
      delete process.env['DBT_ENV_SECRET_KAFKA'];
    }
  });

  it("reads what Confluent's serializer writes, with references, over TLS and with a password", async () => {
    const { SchemaRegistryClient, JsonSerializer } = confluentClient();
    const registry = await MemoryRegistry.start();
    const secure = await MemoryRegistry.start({
      key: certificates.read('server.key'),
      cert: certificates.read('server.crt'),
    });
    const writer = await TopicWriter.open([`127.0.0.1:${broker.port}`]);
    const fresh = await FaultProject.open({});
    try {
      registry.authorization = `Basic ${Buffer.from('me:registry-geheim').toString('base64')}`;
      const client = new SchemaRegistryClient({
        baseURLs: [registry.url],
        basicAuthCredentials: { credentialsSource: 'USER_INFO', userInfo: 'me:registry-geheim' },
      });
      await client.register('who', { schemaType: 'JSON', schema: JSON.stringify({ type: 'string', minLength: 2 }) });
      await client.register('typed-value', {
        schemaType: 'JSON',
        schema: JSON.stringify({
          $schema: 'http://json-schema.org/draft-07/schema#',
          type: 'object',
          properties: { id: { type: 'integer' }, who: { $ref: 'who.json' } },
        }),
        references: [{ name: 'who.json', subject: 'who', version: 1 }],
      });
      const serializer = new JsonSerializer(client, 1, {
        useLatestVersion: true,
        autoRegisterSchemas: false,
        validate: false,
      });
      const values = [{ id: 1, who: 'me' }, { id: 'one' }, { id: 2, who: 'x' }, { id: 3, who: 'you' }];
      await writer.send(
        await Promise.all(
          values.map(async (value) => ({ topic: 'typed', value: await serializer.serialize('typed', value) })),
        ),
      );
      fresh.write({
        'models/sources.yml':
          'sources: [{name: raw, tables: [{name: typed, config: {meta: {tsdbt: {load: {topic: typed, format: ' +
          'json_schema}}}}, columns: [{name: id, data_type: integer}, {name: who, data_type: text}]}]}]\n',
        'connections.yml':
          `connections: {default: {brokers: ["127.0.0.1:${broker.port}"], registry: {url: "${registry.url}", ` +
          'username: me, password: "{{ env_var(\'DBT_ENV_SECRET_SR\') }}"}}}\n',
      });
      process.env['DBT_ENV_SECRET_SR'] = 'registry-geheim';
      const { code, out } = await fresh.start(['load', '--once']).ended;
      expect(code, out).toBe(0);
      expect(await fresh.rows('select id, who from raw.typed order by 1')).toEqual([
        ['1', 'me'],
        ['3', 'you'],
      ]);
      expect((await fresh.rows('select error from tsdbt.dead_letters order by id')).flat()).toEqual([
        expect.stringMatching(/\/id must be integer$/),
        expect.stringMatching(/\/who must NOT have fewer than 2 characters$/),
      ]);
      process.env['DBT_ENV_SECRET_SR'] = 'registry-falsch';
      const refused = await fresh.start(['load', 'check']).ended;
      expect([refused.code, refused.out]).toEqual([1, expect.stringMatching(/refuses the credentials \(HTTP 401\)/)]);
      expect(refused.out).not.toContain('registry-falsch');
      secure.register('who', { type: 'string' });
      const over = (ca: string, url = secure.url): SchemaRegistry =>
        new SchemaRegistry(
          { url, username: null, password: null, token: null, tls: { ca: certificates.read(ca) } },
          'connections.yml',
        );
      expect(await over('ca.pem').schema(1)).toMatchObject({ type: 'JSON' });
      await expect(over('stranger.pem').schema(1)).rejects.toThrow(/No TLS connection to the schema registry/);
    } finally {
      delete process.env['DBT_ENV_SECRET_SR'];
      await fresh.close();
      await writer.close();
      await registry.close();
      await secure.close();
    }
  });
});
