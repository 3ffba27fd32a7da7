// Connections: secrets and certificates of files are read again, what is refused, and tokens of OAUTHBEARER over time.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConnection } from '../../../../src/connections/kafka-connection.ts';
import { CONNECTION } from '../../../../src/connections/connection-types.ts';
import { refuseWritten } from '../../../../src/connections/entry.ts';
import { clientOptions } from '../../../../src/loader/brokers/kafka/client-library.ts';
import { type OauthOptions, OauthTokens } from '../../../../src/http/oauth-tokens.ts';
import { TokenServer } from '../../kafka/token-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'tsdbt-connections-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const seen: string[] = [];
const connection = (options: object): ReturnType<typeof loadConnection> =>
  loadConnection({ x: { brokers: 'b:1', ...options } }, 'x', join(folder, 'connections.yml'), (secret) =>
    seen.push(secret),
  );

describe('the default connection', () => {
  const [kafka, s3] = [{ brokers: '127.0.0.1:9092' }, { type: 's3', bucket: 'raw' }];

  it('is the only broker, whatever other connections exist', () => {
    expect(loadConnection({ lake: s3, events: kafka }, null, 'connections.yml').name).toBe('events');
  });

  it('is the one named default if there are several brokers', () => {
    expect(loadConnection({ events: kafka, default: kafka }, null, 'connections.yml').name).toBe('default');
    const several = { events: kafka, clicks: kafka };
    expect(() => loadConnection(several, null, 'connections.yml')).toThrow("There is no connection 'default'");
  });
});

describe('the secrets of a connection', () => {
  it('are read again from their files, and reported each time', () => {
    write('password', 'first\n');
    write('registry', 'one');
    write('key.pem', 'key 1');
    const { sasl, registry, tls, ...rest } = connection({
      sasl: { username: 'me', password_file: 'password' },
      registry: { url: 'http://r/', username: 'me', password_file: join(folder, 'registry') },
      tls: { key: 'key.pem' },
    });
    const password = (): unknown => (sasl !== null && 'password' in sasl ? sasl.password() : null);
    expect([password(), registry?.password?.(), tls?.key]).toEqual(['first', 'one', 'key 1']);
    const options = clientOptions({ ...rest, sasl, registry, tls });
    write('password', 'second');
    write('registry', 'two\r\n');
    write('key.pem', 'key 2');
    expect([password(), registry?.password?.(), tls?.key, { ...options.tls }]).toEqual([
      'second',
      'two',
      'key 2',
      { rejectUnauthorized: true, key: 'key 2' },
    ]);
    expect(seen).toEqual(expect.arrayContaining(['first', 'one', 'key 1', 'second', 'two', 'key 2']));
    rmSync(join(folder, 'key.pem'));
    expect(tls?.key).toBe('key 2');
    rmSync(join(folder, 'password'));
    expect(password).toThrow(/^'sasl.password_file' of connection 'x': .* cannot be read: /);
    write('password', '\n');
    expect(password).toThrow(/^'sasl.password_file' of connection 'x' is empty/);
  });

  it.each([
    [
      { sasl: { username: 'me', password: 'a', password_file: 'b' } },
      "'sasl' of connection 'x' has 'password' and 'password_file'",
    ],
    [{ sasl: { username: 'me', password: '' } }, "'sasl.password' of connection 'x' must be a text that is not empty"],
    [{ sasl: { username: 'me' } }, "'sasl' of connection 'x' needs 'password' or 'password_file'"],
    [
      { sasl: { username: 'me', password_file: 'nowhere' } },
      /^'sasl.password_file' of connection 'x': .*nowhere cannot be read: no such file or folder/,
    ],
    [
      { sasl: { mechanism: 'GSSAPI' } },
      "'sasl.mechanism' of connection 'x' must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER, found",
    ],
    [{ sasl: { username: 'me', password: 'a', token_file: 'b' } }, "nknown key 'sasl.token_file' of connection 'x'"],
    [
      { sasl: { mechanism: 'OAUTHBEARER', client_id: 'me' } },
      "'sasl' of connection 'x' needs 'token_endpoint_url' or 'token_file'",
    ],
    [{ sasl: { mechanism: 'OAUTHBEARER', username: 'me' } }, "nknown key 'sasl.username' of connection 'x'"],
    [
      { sasl: { mechanism: 'OAUTHBEARER', token_endpoint_url: 'http://a:b@h/', client_id: 'c', client_secret: 'd' } },
      "'sasl.token_endpoint_url' of connection 'x' must not hold credentials",
    ],
    [
      { sasl: { mechanism: 'OAUTHBEARER', token_endpoint_url: 'nonsense', client_id: 'c', client_secret: 'd' } },
      'must be a URL with http or https, found "nonsense"',
    ],
    [
      { sasl: { mechanism: 'OAUTHBEARER', token_file: 't', token_endpoint_url: 'http://h/' } },
      "'sasl' of connection 'x' has 'token_file' and 'token_endpoint_url'",
    ],
    [{ tls: { verify: false } }, "nknown key 'tls.verify' of connection 'x'"],
    [{ tls: { ca: 'nowhere' } }, /^'tls.ca' of connection 'x': .* cannot be read: /],
    [
      { brokers: 'b:99999' },
      "'brokers[0]' of connection 'x' must be host:port, with a port up to 65535, found \"b:99999\"",
    ],
  ])('are rejected: %j', (options, message) => expect(() => connection(options)).toThrow(message));

  it('are rejected if they are written in the file', () => {
    const file = { x: { sasl: { client_secret: 'abc', password: "{{ env_var('A') }}" }, registry: { token: 'abc' } } };
    expect(() => refuseWritten(CONNECTION, file, 'connections.yml')).toThrow(
      expect.objectContaining({ message: expect.stringContaining("'x.sasl.client_secret'") }),
    );
    expect(() => refuseWritten(CONNECTION, { y: { registry: { token: 'abc' } } }, '')).toThrow(/'y.registry.token'/);
    expect(() => refuseWritten(CONNECTION, { z: { type: 'postgres', pass: 12 } }, '')).toThrow(/'z.pass'/);
  });
});

describe('the tokens of an OAuth endpoint', () => {
  it('are kept for three quarters of their lifetime, and until they expire while no other is available', async () => {
    const server = await TokenServer.start();
    let now = 1000;
    const options: OauthOptions = {
      kind: 'endpoint',
      url: server.url,
      clientId: server.client,
      clientSecret: () => server.secret,
      inBody: false,
      hint: '',
      tlsHint: '',
      scope: null,
      tls: null,
      seen: (secret) => void seen.push(secret),
    };
    const tokens = new OauthTokens(options, { name: 'x', path: 'connections.yml' }, () => now);
    server.lifetime = 100;
    const [first, same] = await Promise.all([tokens.token(), tokens.token()]);
    expect([same, server.asked.length]).toEqual([first, 1]);
    expect(server.asked[0]?.has('scope')).toBe(false);
    expect(seen).toContain(first);
    now += 74_000;
    expect(await tokens.token()).toBe(first);
    now += 2000;
    const second = await tokens.token();
    expect(second).not.toBe(first);
    now += 80_000;
    server.ill = 503;
    expect(await tokens.token()).toBe(second);
    now += 21_000;
    await expect(tokens.token()).rejects.toMatchObject({
      kind: 'connection',
      message: `the token endpoint ${server.url} answers with HTTP 503`,
    });
    server.ill = null;
    server.secret = 'changed';
    expect(await tokens.token()).not.toBe(second);
    server.client = 'another';
    now += 200_000;
    await expect(tokens.token()).rejects.toMatchObject({
      kind: 'runtime',
      message: `The token endpoint ${server.url} gives client loader no token (HTTP 401, invalid_client).`,
    });
    await server.close();
    await expect(tokens.token()).rejects.toMatchObject({
      kind: 'connection',
      message: expect.stringMatching(/^no token endpoint answers at http/),
    });
  });
});
