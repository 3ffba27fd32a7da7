// An object store and an Iceberg catalog that answer with anything: endless and malformed answers end with one error,
// without the memory and the time that they ask for.
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type CatalogJson, RestCatalog } from '../../../src/object-store/rest-catalog.ts';
import { s3Store } from '../../../src/object-store/s3-store.ts';
import type { ObjectStore } from '../../../src/object-store/store.ts';
import { landed } from '../../../src/publish/iceberg/iceberg-table.ts';
import { contentSnapshot, endedSnapshots, snapshotsOfMain } from '../../../src/publish/iceberg/snapshots.ts';

const MEGABYTE = 1024 ** 2;
const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

async function storeOf(answer: RequestListener): Promise<ObjectStore> {
  const server = createServer((request, response) => void request.resume().on('end', () => answer(request, response)));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const store = s3Store(
    {
      ...{ name: 'lake', path: 'x.yml', region: 'r', bucket: 'lake', accessKeyId: 'k', secretAccessKey: () => 's' },
      ...{ endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
      ...{ sessionToken: null, pathStyle: true, ca: null },
    },
    async () => undefined,
  );
  ended.push(() => {
    store.close();
    server.closeAllConnections();
    server.close();
  });
  return store;
}

async function keysOf(store: ObjectStore): Promise<string[]> {
  const keys = [];
  for await (const { key } of store.list('')) keys.push(key);
  return keys;
}

describe('a hostile object store', () => {
  it.each<readonly [what: string, ask: (store: ObjectStore) => Promise<unknown>]>([
    ['a listing', keysOf],
    ['an object that is written', (store) => store.put('a', Buffer.alloc(0))],
    ['an object that is deleted', (store) => store.delete('a')],
  ])('with an endless answer for %s ends with one error', { timeout: 60_000 }, async (_, ask) => {
    const piece = Buffer.alloc(MEGABYTE, '<Contents>');
    let requests = 0;
    const store = await storeOf((_request, response) => {
      requests++;
      const write = (): void => {
        while (!response.destroyed && response.write(piece));
      };
      response.on('drain', write);
      write();
    });
    const before = process.memoryUsage().rss;
    await expect(ask(store)).rejects.toThrow(
      /^The object store 'lake' at \S+ answers \w+ of .+ with more than 16 MiB$/,
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(300 * MEGABYTE);
    expect(requests).toBe(1);
  });

  it('with an object of terabytes is not read', async () => {
    const store = await storeOf((_request, response) => {
      response.writeHead(200, { 'content-length': String(2 ** 42) });
      response.write('a');
    });
    await expect(store.get('a')).rejects.toThrow(/answers GET of a with more than 1024 MiB$/);
  });

  it('with an answer of one byte from time to time is given up', async () => {
    const timeout = vi.spyOn(AbortSignal, 'timeout').mockImplementation(() => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 100);
      return controller.signal;
    });
    const store = await storeOf((_request, response) => {
      const timer = setInterval(() => response.write('a'), 10);
      response.on('close', () => clearInterval(timer));
    });
    await expect(store.get('a')).rejects.toThrow(/cannot be reached/);
    expect(timeout.mock.calls.every(([ms]) => ms === 15 * 60_000)).toBe(true);
    timeout.mockRestore();
  });

  it('with elements without end is read in a time that grows with the answer', async () => {
    const store = await storeOf((_request, response) => void response.end('<Contents>'.repeat(1_500_000)));
    expect(await keysOf(store)).toEqual([]);
  });

  it('with characters that do not exist lists keys without them', async () => {
    const key = '<Contents><Key>a&#x110000;&#99999999999999999999;&#x41;b</Key></Contents>';
    expect(await keysOf(await storeOf((_request, response) => void response.end(key)))).toEqual(['aAb']);
  });

  it('with a listing that returns to its beginning ends with an error', async () => {
    const page =
      '<Contents><Key>a</Key></Contents><IsTruncated>true</IsTruncated>' +
      '<NextContinuationToken>t</NextContinuationToken>';
    const store = await storeOf((_request, response) => void response.end(page));
    await expect(keysOf(store)).rejects.toThrow(/lists the same part of '' again and again$/);
  });

  it('with a message of megabytes gives an error of some hundred characters', async () => {
    const body = `<Error><Code>Other</Code><Message>${'a'.repeat(60_000)}</Message></Error>`;
    const store = await storeOf((_request, response) => void response.writeHead(400).end(body));
    const error = await store.get('a').catch((failure: Error) => failure.message);
    expect(String(error).length).toBeLessThan(700);
  });
});

describe('a hostile Iceberg catalog', { timeout: 20_000 }, () => {
  const chain = (count: number, last: CatalogJson, operation = 'replace'): CatalogJson => ({
    'current-snapshot-id': 1,
    snapshots: Array.from({ length: count }, (_, i) => ({
      ...{ 'snapshot-id': i + 1, 'parent-snapshot-id': i + 1 === count ? last : i + 2, 'timestamp-ms': 0 },
      summary: { operation },
    })),
  });

  it.each([301, 307, 308])('that redirects by %i gets nothing sent elsewhere', async (status) => {
    let requests = 0;
    const listening = async (answer: RequestListener): Promise<string> => {
      const server = createServer(answer);
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      ended.push(() => void server.close());
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    };
    const other = await listening((_request, response) => {
      requests++;
      response.end('{}');
    });
    const uri = await listening((_request, response) => void response.writeHead(status, { location: other }).end());
    const settings = { name: 'l', path: 'x.yml', uri, warehouse: null, token: () => 'secret', oauth: null };
    await expect(new RestCatalog(settings).ask('POST', 'tables', { a: 1 }, [], false)).rejects.toThrow(
      `The catalog 'l' at ${uri} answers ${status} to GET v1/config: `,
    );
    expect(requests).toBe(0);
  });

  it.each([1, 2, 3])('whose snapshots are their own ancestors after %i is read to its end', (count) => {
    const metadata = chain(count, 1);
    expect(contentSnapshot(metadata)).toBe(null);
    expect(snapshotsOfMain(metadata)).toHaveLength(count);
    expect(landed(metadata, { commit: 'c', parent: 99 })).toBe(undefined);
    expect(endedSnapshots(metadata, { snapshots: { keep: 2, older_than: '1d' } }, 10 ** 12)).toHaveLength(count - 1);
  });

  it('with twenty thousand snapshots and branches is read in a time that grows with them', () => {
    const count = 20_000;
    const refs = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`b${i}`, { type: 'branch', 'snapshot-id': i + 1 }]),
    );
    const metadata = { ...(chain(count, null) as object), refs };
    expect(contentSnapshot(metadata)).toBe(null);
    expect(snapshotsOfMain(metadata)).toHaveLength(count);
    expect(landed(metadata, { commit: 'c', parent: null })).toBe(null);
    expect(endedSnapshots(metadata, { snapshots: { keep: 2, older_than: '1d' } }, 10 ** 12)).toEqual([]);
  });
});
