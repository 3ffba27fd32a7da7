// Tests the connection to a ClickHouse server: certificates, timeouts, secrets. The server is a stub with empty
// answers.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttp, type Server as HttpServer } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Connection, discard } from '../../../src/adapters/clickhouse/connection.ts';
import { createClickHouseAdapter } from '../../../src/adapters/clickhouse/create.ts';
import { httpPort } from '../../../src/adapters/clickhouse/credentials.ts';
import { silenceTimes } from '../../../src/adapters/silence.ts';
import type { StatementCost } from '../../../src/adapters/adapter.ts';
import { TsdbtError } from '../../../src/errors.ts';
import { addCost, withCost } from '../../../src/runner/cost.ts';

const SECRET = 'very secret';
const dir = mkdtempSync(join(tmpdir(), 'tsdbt-ch-tls-'));
const noOpenssl =
  spawnSync('openssl', ['version']).status === 0 ? '' : ' (skipped: there is no openssl to make a certificate)';
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

async function listening(server: HttpServer | ReturnType<typeof createTcp>): Promise<number> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return (server.address() as AddressInfo).port;
}

function connectionTo(port: number): Connection {
  return new Connection(
    {
      host: '127.0.0.1',
      port,
      user: 'u',
      password: SECRET,
      secure: false,
      verify: true,
      clientCert: null,
      clientCertKey: null,
      serverHostName: null,
      connectTimeout: 60,
      retries: 0,
      compression: false,
      keepAlive: true,
      embedded: null,
    },
    2,
    silenceTimes(undefined),
  );
}

async function check(more: Readonly<Record<string, unknown>>): Promise<TsdbtError | null> {
  const adapter = createClickHouseAdapter(
    {
      profile_name: 'test',
      target_name: 'test',
      threads: 1,
      profiles_dir: null,
      credentials: {
        type: 'clickhouse',
        database: '',
        schema: 'x',
        host: '127.0.0.1',
        user: 'u',
        password: SECRET,
        retries: 0,
        connect_timeout: 5,
        ...more,
      },
    },
    { quoting: {}, projectDir: dir, threads: 1 },
  );
  try {
    await adapter.check();
    return null;
  } catch (error) {
    if (error instanceof TsdbtError) return error;
    throw error;
  } finally {
    await adapter.close();
  }
}

describe('the connection to a ClickHouse server', () => {
  it('uses the ports of dbt-clickhouse, and maps those of the native protocol to HTTP ports', () => {
    expect([
      httpPort(null, false),
      httpPort(null, true),
      httpPort(9000, false),
      httpPort(9440, true),
      httpPort(1234, true),
    ]).toEqual([8123, 8443, 8123, 8443, 1234]);
  });

  it("sends dbt-clickhouse's settings and the profile's with each statement, and the user in headers", async () => {
    const seen: { url: URL; user: unknown; auth: unknown }[] = [];
    const server = createHttp((request, response) => {
      let body = '';
      request
        .on('data', (chunk) => {
          body += String(chunk);
        })
        .on('end', () => {
          seen.push({
            url: new URL(request.url ?? '', 'http://x'),
            user: request.headers['x-clickhouse-user'],
            auth: request.headers.authorization,
          });
          response.end(
            body.includes('system.settings')
              ? 'server\t24.8.1\tUTC\t\nsetting\tmutations_sync\t0\t0\nsetting\talter_sync\t1\t1\n' +
                  'setting\tasync_insert\t1\t0\nsetting\tallow_nondeterministic_mutations\t0\t0\n'
              : body.startsWith('EXISTS')
                ? '1\n'
                : '',
          );
        });
    });
    try {
      expect(
        await check({ port: await listening(server), custom_settings: { max_threads: 3, flag: true } }),
      ).toBeNull();
      const last = seen.at(-1)!;
      // alter_sync is not this user's to change, and the server knows no other default of ours.
      expect(
        Object.fromEntries(
          [...last.url.searchParams].filter(([name]) => !/^(?:query_id|session_id|output_format|date_time)/.test(name)),
        ),
      ).toEqual({
        mutations_sync: '3',
        async_insert: '0',
        allow_nondeterministic_mutations: '1',
        max_threads: '3',
        flag: '1',
        wait_end_of_query: '1',
        database: 'x',
      });
      expect(last.url.href).not.toContain('secret');
      expect([last.user, last.auth]).toEqual([undefined, `Basic ${Buffer.from(`u:${SECRET}`).toString('base64')}`]);
    } finally {
      server.close();
    }
  });

  it('is kept after an unread answer unless the answer is long', async () => {
    let connections = 0;
    const server = createHttp((request, response) => {
      request.resume().once('end', () => response.end('x'.repeat(Number(request.headers['x-bytes'] ?? 0))));
    }).on('connection', () => connections++);
    const bytes = [0, 10, 1000, 1_000_000, 0, 0];
    server.prependListener('request', ({ headers }) => {
      headers['x-bytes'] = String(bytes.shift());
    });
    const connection = connectionTo(await listening(server));
    const used: number[] = [];
    try {
      while (bytes.length > 0) {
        const abort = new AbortController();
        await discard(await connection.send({ sql: 'x', queryId: 'q', sessionId: null, settings: {}, abort }));
        used.push(connections);
      }
    } finally {
      await connection.close();
      server.close();
    }
    expect(used).toEqual([1, 1, 1, 1, 2, 2]);
  });

  it('reads the cost of a statement from the response headers, and the node reports the sum', async () => {
    const heads = [
      '{"read_rows":"1000","read_bytes":"8000","written_rows":"10","elapsed_ns":"5"}',
      '{"read_rows": "5", "read_bytes": "40"}',
      '{"read_ro',
      null,
    ];
    const server = createHttp((request, response) => {
      const head = heads.shift() ?? null;
      if (head !== null) response.setHeader('X-ClickHouse-Summary', head);
      request.resume().once('end', () => response.end());
    });
    const connection = connectionTo(await listening(server));
    const costs: (StatementCost | null)[] = [];
    try {
      while (heads.length > 0) {
        const abort = new AbortController();
        const answer = await connection.send({ sql: 'x', queryId: 'q', sessionId: null, settings: {}, abort });
        costs.push(answer.cost);
        await discard(answer);
      }
    } finally {
      await connection.close();
      server.close();
    }
    expect(costs).toEqual([
      { readRows: 1000, readBytes: 8000, writtenRows: 10 },
      { readRows: 5, readBytes: 40, writtenRows: 0 },
      null,
      null,
    ]);
    const sum = costs.reduce((before, cost) => (cost === null ? before : addCost(before, cost)), null);
    expect([withCost({ _message: 'OK' }, sum), withCost({ _message: 'OK' }, null)]).toEqual([
      { _message: 'OK', rows_affected: 10, read_rows: 1005, read_bytes: 8040 },
      { _message: 'OK' },
    ]);
    // A publication counts its rows itself: the database saw those of its parts.
    expect(withCost({ _message: 'PUBLISH 3', code: 'PUBLISH', rows_affected: 0 }, sum)).toMatchObject({
      rows_affected: 0,
      read_rows: 1005,
    });
  });

  it('reports host and port when the server does not answer in time', async () => {
    const server = createTcp(() => undefined);
    try {
      const port = await listening(server);
      const error = await check({ port, connect_timeout: 1 });
      expect([error?.kind, error?.message]).toEqual([
        'connection',
        `connection to ClickHouse at "127.0.0.1", port ${port} failed: no answer within 1 s (connect_timeout)`,
      ]);
    } finally {
      server.close();
    }
  });

  it.skipIf(noOpenssl !== '')(
    `verifies the server's certificate unless disabled, and can present its own${noOpenssl}`,
    async () => {
      const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
      execFileSync(
        'openssl',
        [
          'req',
          '-x509',
          '-newkey',
          'ec',
          '-pkeyopt',
          'ec_paramgen_curve:prime256v1',
          '-nodes',
          '-keyout',
          key,
          '-out',
          cert,
          '-days',
          '2',
          '-subj',
          '/CN=elsewhere',
        ],
        { stdio: 'ignore' },
      );
      const shown: boolean[] = [];
      const server = createHttps(
        { key: readFileSync(key), cert: readFileSync(cert), requestCert: true, rejectUnauthorized: false },
        (request, response) => {
          shown.push(
            Object.keys((request.socket as unknown as { getPeerCertificate(): object }).getPeerCertificate()).length >
              0,
          );
          request.resume().on('end', () => {
            response.end('1\n');
          });
        },
      );
      try {
        const port = await listening(server);
        const refused = await check({ port, secure: true });
        expect([
          refused?.kind,
          refused?.message.includes(`port ${port}`),
          /self-signed/.test(refused?.message ?? ''),
        ]).toEqual(['connection', true, true]);
        expect(await check({ port, secure: true, verify: false })).toBeNull();
        expect(shown.at(-1)).toBe(false);
        expect(await check({ port, secure: true, verify: false, client_cert: cert, client_cert_key: key })).toBeNull();
        expect(shown.at(-1)).toBe(true);
        const missing = await check({ port, secure: true, client_cert: join(dir, 'absent.pem') });
        expect([
          missing?.kind,
          /`client_cert` in profiles\.yml names a file that cannot be read/.test(missing?.message ?? ''),
        ]).toEqual(['profile', true]);
      } finally {
        server.close();
      }
    },
  );
});
