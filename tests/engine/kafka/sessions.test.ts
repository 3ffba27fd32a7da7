// Credentials that change while a loader runs, and tokens, against a real Kafka whose sessions end after seconds: SCRAM
// with a file of the password, OAUTHBEARER with a token endpoint and with a file of the token, and `debug`.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';
import { type Running, start } from '../support/program.ts';
import { MemoryRegistry } from '../loader/memory-registry.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { KafkaBroker, USERS } from './kafka-broker.ts';
import { TokenServer } from './token-server.ts';
import { TopicWriter } from './topic-writer.ts';

const END_AFTER_MS = 2000;

describe('an expiring session', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tsdbt-sessions-'));
  let broker: KafkaBroker;
  let project: FaultProject;
  let writer: TopicWriter;
  let tokens: TokenServer;
  let sent = 0;
  beforeAll(async () => {
    tokens = await TokenServer.start();
    const jwksFile = join(folder, 'jwks.json');
    writeFileSync(jwksFile, tokens.jwks);
    broker = await KafkaBroker.start(null, { endAfterMs: END_AFTER_MS, jwksFile });
    project = await FaultProject.open({
      'models/sources.yml':
        'sources: [{name: raw, tables: [{name: t, config: {meta: {tsdbt: {load: {topic: t, flush: {age: 50ms}}}}}, ' +
        'columns: [{name: id, data_type: integer}]}]}]\n',
    });
    writer = await TopicWriter.open([`127.0.0.1:${broker.port}`]);
    await writer.create('t', { partitions: 2 });
  });
  afterAll(async () => {
    await writer?.close();
    await project?.close();
    await broker?.close();
    await tokens?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const connect = (sasl: string, more = ''): void =>
    project.write({
      'connections.yml':
        `connections: {default: {brokers: ["127.0.0.1:${broker.ports.SASL}"], ` + `sasl: ${sasl}${more}}}\n`,
    });
  const send = async (): Promise<void> => {
    await writer.send(
      Array.from({ length: 20 }, () => ({ topic: 't', value: Buffer.from(JSON.stringify({ id: sent++ })) })),
    );
  };
  const arrived = (): Promise<void> =>
    project.until(`select count(*) = ${sent} and count(distinct id) = ${sent} from raw.t`);
  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      setTimeout(resolve, ms);
    });
  /** Some sessions end meanwhile. */
  const loadsFor = async (ms: number): Promise<void> => {
    for (const end = Date.now() + ms; Date.now() < end; await pause(200)) await send();
    await arrived();
  };
  const stop = async (running: Running): Promise<string> => {
    running.child.kill('SIGTERM');
    const { code, out } = await running.ended;
    expect(code, out).toBe(0);
    return out;
  };
  const once = async (code: number): Promise<string> => {
    const ended = await project.start(['load', '--once']).ended;
    expect(ended.code, ended.out).toBe(code);
    return ended.out;
  };
  it('with SCRAM reads a changed password again, without a restart and without loss', async () => {
    project.write({ 'secrets/password': `${USERS.alice}\n` });
    connect('{mechanism: SCRAM-SHA-256, username: alice, password_file: secrets/password}');
    await send();
    const running = project.start(['load']);
    await arrived();
    await loadsFor(2 * END_AFTER_MS);
    // Kubernetes writes the file before or after the broker knows.
    project.write({ 'secrets/password': 'alice-anders\n' });
    await broker.changePassword('alice', 'alice-anders');
    await loadsFor(2 * END_AFTER_MS);
    await broker.changePassword('alice', 'alice-zuletzt');
    await pause(END_AFTER_MS);
    project.write({ 'secrets/password': 'alice-zuletzt' });
    await loadsFor(2 * END_AFTER_MS);
    const out = await stop(running);
    for (const secret of ['alice-anders', 'alice-zuletzt', USERS.alice]) expect(out).not.toContain(secret);
    project.write({ 'secrets/password': 'wrong-word' });
    expect(await once(2)).toMatch(/refuses the credentials of connection 'default'/);
    project.remove('secrets/password');
    expect(await once(2)).toMatch(/password_file' of connection '\w+': .*cannot be read/);
  });

  it('with OAUTHBEARER renews tokens of an endpoint before they expire', async () => {
    project.env = { TOKEN_SECRET: tokens.secret };
    const sasl = (more = ''): string =>
      `{mechanism: OAUTHBEARER, token_endpoint_url: "${tokens.url}", client_id: loader, scope: kafka, ` +
      `client_secret: "{{ env_var('TOKEN_SECRET') }}"${more}}`;
    connect(sasl());
    tokens.lifetime = 4;
    await send();
    const running = project.start(['load']);
    await arrived();
    await loadsFor(6000);
    // The endpoint is away for a while, and its token still holds.
    tokens.lifetime = 60;
    await loadsFor(6000);
    tokens.ill = 503;
    await loadsFor(2 * END_AFTER_MS);
    tokens.ill = null;
    const out = await stop(running);
    expect(tokens.given.length).toBeGreaterThan(2);
    expect(tokens.asked.at(-1)?.get('grant_type')).toBe('client_credentials');
    expect(tokens.asked.at(-1)?.get('scope')).toBe('kafka');
    for (const secret of [tokens.secret, ...tokens.given]) expect(out).not.toContain(secret);
    project.env = { TOKEN_SECRET: 'another-secret' };
    const refused = await once(2);
    expect(refused).toMatch(/The token endpoint \S+ gives client loader no token \(HTTP 401, invalid_client\)/);
    expect(refused).not.toContain('another-secret');
    project.env = { TOKEN_SECRET: tokens.secret };
    // A token of somebody else's.
    const strangers = await TokenServer.start();
    connect(sasl().replace(tokens.url, strangers.url));
    expect(await once(2)).toMatch(/refuses the credentials of connection 'default'/);
    await strangers.close();
    connect(sasl());
    await send();
    expect(await once(0)).toContain('raw.t: 20 rows loaded');
  });

  it('with OAUTHBEARER reads a token file again', async () => {
    tokens.lifetime = 60;
    const expired = tokens.token({ exp: 1_700_000_000 });
    project.write({ 'secrets/token': expired });
    connect('{mechanism: OAUTHBEARER, token_file: secrets/token, extensions: {pool: p1}}');
    await send();
    const running = project.start(['load']);
    await expect
      .poll(() => running.out(), FOR_EVENTS)
      .toContain("the token of connection 'default' expired at 2023-11-14T22:13:20.000Z");
    const first = tokens.token();
    project.write({ 'secrets/token': first });
    await arrived();
    const second = tokens.token({ sub: 'another' });
    project.write({ 'secrets/token': second });
    await loadsFor(2 * END_AFTER_MS);
    const out = await stop(running);
    for (const token of [expired, first, second]) expect(out).not.toContain(token);
  });

  it('is one of the connections that debug tests, one line each', async () => {
    const registry = await MemoryRegistry.start();
    registry.authorization = `Basic ${Buffer.from('me:registry-geheim').toString('base64')}`;
    const debug = async (code: number, ...args: string[]): Promise<string> => {
      const place = { cwd: project.dir, env: { ...process.env, DBT_PROFILES_DIR: project.dir, ...project.env } };
      const ended = await start(['debug', ...args, '--no-use-colors'], place).ended;
      expect(ended.code, ended.out).toBe(code);
      expect(ended.out).not.toMatch(/registry-geheim|alice-geheim|wrong-word|\n\s+at /);
      return ended.out;
    };
    const at =
      `brokers: ["127.0.0.1:${broker.ports.SASL}"], sasl: {mechanism: SCRAM-SHA-256, username: bob, ` + 'password_file';
    project.write({
      'secrets/bob': USERS.bob,
      'secrets/wrong': 'wrong-word',
      'secrets/registry': 'registry-geheim',
      'connections.yml':
        `connections:\n  good: {${at}: secrets/bob}, registry: {url: "${registry.url}", username: me, ` +
        `password_file: secrets/registry}}\n  plain: {brokers: "127.0.0.1:${broker.port}"}\n`,
    });
    const good = new RegExp(
      String.raw`Connections of \S+connections\.yml:\n\S+ {2}  good: \[OK 127\.0\.0\.1:\d+, 1 topic, registry with 0 ` +
        String.raw`subjects\]\n\S+ {2}  plain: \[OK 127\.0\.0\.1:\d+, 1 topic\]`,
    );
    const all = await debug(0);
    expect(all).toMatch(good);
    expect(all).toContain('All checks passed!');
    const one = await debug(0, '--connection', 'plain');
    expect(one).toMatch(/plain: \[OK/);
    expect(one).not.toContain('good:');
    expect(await debug(1, '--connection', 'absent')).toContain("There is no connection 'absent'");
    expect(await debug(2, 'plain')).toContain('Got unexpected extra argument (plain)');
    project.write({
      'connections.yml':
        `connections:\n  wrong: {${at}: secrets/wrong}}\n  away: {brokers: "127.0.0.1:9"}\n  other: {brokers: ` +
        `"127.0.0.1:${broker.port}", registry: "${registry.url}"}\n  missing: {${at}: secrets/none}}\n`,
    });
    const out = await debug(1, '--connection');
    for (const name of ['wrong', 'away', 'other', 'missing']) expect(out).toContain(`  ${name}: [ERROR]`);
    expect(out).toContain('4 checks failed:');
    expect(out).toContain("refuses the credentials of connection 'wrong'");
    expect(out).toContain('no broker answers at 127.0.0.1:9');
    expect(out).toContain('refuses the credentials (HTTP 401)');
    expect(out).toMatch(/password_file' of connection '\w+': .*cannot be read/);
    await registry.close();
  });
});
