// HTTP servers that answer with anything: each request ends with an answer or an error.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createClickHouseAdapter } from '../../../src/adapters/clickhouse/create.ts';
import { ask } from '../../../src/http/ask.ts';
import { s3Store } from '../../../src/object-store/s3-store.ts';
import { download } from '../../../src/project/deps/download.ts';

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

/** A server that answers each request by a change of the protocol. */
async function upgrading(): Promise<string> {
  const server = createServer((request: IncomingMessage) => {
    request.socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n');
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  ended.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a request to a server that changes the protocol ends with an error', () => {
  it('for a schema registry or a token endpoint', async () => {
    const url = new URL(await upgrading());
    const asked = ask(url, { method: 'GET', headers: {}, body: null, tls: null });
    await expect(asked).rejects.toThrow('it answers with another protocol');
  });

  it('for an object store', async () => {
    const store = s3Store(
      {
        ...{ name: 'lake', path: 'x.yml', region: 'r', bucket: 'lake', accessKeyId: 'k', secretAccessKey: () => 's' },
        ...{ endpoint: await upgrading(), sessionToken: null, pathStyle: true, ca: null },
      },
      async () => undefined,
    );
    ended.push(() => store.close());
    await expect(store.get('a')).rejects.toThrow('it answers with another protocol');
  });

  it('for ClickHouse', async () => {
    const { hostname, port } = new URL(await upgrading());
    const credentials = {
      type: 'clickhouse',
      host: hostname,
      port: Number(port),
      user: 'u',
      password: 'p',
      schema: 's',
    };
    const adapter = createClickHouseAdapter(
      { target: 't', threads: 1, credentials: { ...credentials, retries: 0 } } as never,
      { quoting: {}, threads: 1, projectDir: '.' } as never,
    );
    ended.push(() => void adapter.close());
    await expect(adapter.session({ name: 'test' }).execute('select 1')).rejects.toThrow(
      'it answers with another protocol',
    );
  });

  it('for a package', async () => {
    const options = { env: {}, logger: { fire: () => undefined }, timeout: 5000, delay: 1 };
    await expect(download(await upgrading(), options)).rejects.toThrow('it answers with another protocol');
  });
});
