// The client of object stores against a real server, one that checks signatures and honours conditional writes; and
// against answers that a real one gives rarely.
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { s3Store } from '../../../src/object-store/s3-store.ts';
import { NO_STORE, S3Server, SECRET_KEY } from '../support/s3-server.ts';

const server = new S3Server();

describe.skipIf(NO_STORE !== null)(`a real object store${NO_STORE === null ? '' : ` (${NO_STORE})`}`, () => {
  beforeAll(() => server.start());
  afterAll(() => server.stop());

  it('writes, reads, lists and deletes objects with any name', async () => {
    const store = server.store();
    const keys = ['a/b=1/x y.txt', "a/b=1/ü+'(1)!*&<>%.txt", 'a/c.txt', 'b.txt'];
    for (const key of keys) await store.put(key, Buffer.from(key));
    const found = [];
    for await (const { key, size } of store.list('a/')) found.push([key, size]);
    expect(found.sort()).toEqual(
      keys
        .slice(0, 3)
        .map((key) => [key, Buffer.byteLength(key)])
        .sort(),
    );
    for (const key of keys) expect((await store.get(key))?.toString()).toBe(key);
    const head = await store.head('b.txt');
    expect(head).toEqual({ size: 5, etag: (await store.put('b.txt', Buffer.from('b.txt'))).etag });
    for (const key of keys) await store.delete(key);
    await store.delete('b.txt');
    expect([await store.get('b.txt'), await store.head('b.txt')]).toEqual([null, null]);
    for await (const { key } of store.list('')) throw new Error(`${key} is left`);
    store.close();
  });

  it('lists more objects than fit on a page', async () => {
    const store = server.store();
    const names = Array.from({ length: 1005 }, (_, i) => `many/${String(i).padStart(4, '0')}`);
    for (let i = 0; i < names.length; i += 8)
      await Promise.all(names.slice(i, i + 8).map((key) => store.put(key, Buffer.alloc(0))));
    const found = [];
    for await (const { key } of store.list('many/')) found.push(key);
    expect(found).toEqual(names);
    store.close();
  });

  it('overwrites no object that must be absent', async () => {
    const store = server.store();
    expect((await store.put('once', Buffer.from('1'), { whenAbsent: true })).created).toBe(true);
    expect(await store.put('once', Buffer.from('2'), { whenAbsent: true })).toEqual({ created: false, etag: null });
    expect((await store.get('once'))?.toString()).toBe('1');
    expect(await store.honoursConditions('probe/')).toBe(true);
    for await (const { key } of store.list('probe/')) throw new Error(`${key} is left`);
    store.close();
  });

  it('rejects another secret, key or bucket with one sentence that shows no secret', async () => {
    const failures = [];
    for (const own of [
      { secretAccessKey: () => 'another-secret' },
      { accessKeyId: 'nobody' },
      { bucket: 'no-such-bucket' },
    ]) {
      const store = server.store(own);
      for (const work of [() => store.check(), () => store.put('x', Buffer.from('1')), () => store.get('x')])
        failures.push(await work().then(String, (error: Error) => error.message));
      store.close();
    }
    const at = `The object store 'lake' at ${server.endpoint} `;
    const wrong = `${at}refuses the signature of access key tsdbt-test: the secret is wrong`;
    const unknown = `${at}does not know access key nobody, or it has expired`;
    const missing = `${at}has no bucket 'no-such-bucket'`;
    expect(failures).toEqual([wrong, wrong, wrong, unknown, unknown, unknown, missing, missing, missing]);
    expect(failures.join()).not.toContain(SECRET_KEY);
  });

  it('is waited for by its callers while it is unavailable', async () => {
    const store = s3Store(server.settings(), async () => undefined);
    await server.kill();
    const failure = await store.check().catch((error: unknown) => error);
    expect(failure).toMatchObject({ kind: 'connection', message: expect.stringContaining('cannot be reached') });
    await server.start();
    await store.check();
    store.close();
  });
});

describe('a rare answer of an object store', () => {
  let answers: { status: number; body?: string; date?: string }[] = [];
  let asked = 0;
  let rare: Server;
  let endpoint = '';
  beforeAll(async () => {
    rare = createServer((request, response) => {
      request.resume().on('end', () => {
        asked++;
        const { status, body = '', date } = answers.shift() ?? { status: 200, body: '<ListBucketResult/>' };
        response.writeHead(status, date === undefined ? {} : { date });
        response.end(body);
      });
    });
    await new Promise<void>((resolve) => {
      rare.listen(0, '127.0.0.1', resolve);
    });
    const address = rare.address();
    endpoint = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  });
  afterAll(() => {
    rare.close();
  });
  const failureOf = async (given: typeof answers): Promise<unknown> => {
    answers = [...given];
    asked = 0;
    const store = s3Store(server.settings({ endpoint }), async () => undefined);
    const failure = await store.check().then(
      () => null,
      (error: unknown) => error,
    );
    store.close();
    return failure;
  };
  const error = (code: string, message = ''): string =>
    `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;

  it('is retried if it is transient', async () => {
    expect(await failureOf([{ status: 503, body: error('SlowDown') }, { status: 500 }, { status: 429 }])).toBe(null);
    expect(asked).toBe(4);
  });

  it('does not prove that conditions are ignored if a write succeeded and its answer was lost', async () => {
    // The first write is repeated and refused; what stands there tells that it was done.
    const refused = (body: string) => [{ status: 412 }, { status: 200, body }];
    answers = [{ status: 500 }, ...refused('1'), ...refused('1'), { status: 200 }, ...refused('3'), { status: 204 }];
    const store = s3Store(server.settings({ endpoint }), async () => undefined);
    expect(await store.honoursConditions('probe/')).toBe(true);
    expect(answers).toEqual([]);
    store.close();
  });

  it('fails as a connection error if it persists, so that a loader waits', async () => {
    const failure = await failureOf(
      Array.from({ length: 9 }, () => ({ status: 503, body: error('SlowDown', 'Slow') })),
    );
    expect(failure).toMatchObject({
      kind: 'connection',
      message: `The object store 'lake' at ${endpoint} answers 503 to GET of bucket 'lake' (SlowDown): Slow`,
    });
    expect(asked).toBe(4);
  });

  it('is rejected if a page of a listing ends without the token of the next one', async () => {
    const page = (rest: string) =>
      `<ListBucketResult><Contents><Key>a</Key><Size>1</Size></Contents>${rest}</ListBucketResult>`;
    const listed = async (rest: string): Promise<string[]> => {
      answers = [{ status: 200, body: page(rest) }];
      const store = s3Store(server.settings({ endpoint }), async () => undefined);
      const keys = [];
      for await (const { key } of store.list('')) keys.push(key);
      store.close();
      return keys;
    };
    expect(await listed('<IsTruncated>false</IsTruncated>')).toEqual(['a']);
    for (const rest of ['<IsTruncated>true</IsTruncated><NextMarker>a</NextMarker>', '<IsTruncated>True</IsTruncated>'])
      await expect(listed(rest)).rejects.toThrow('lists only a part of');
  });

  it('is not taken for a missing object if a gateway gives it', async () => {
    answers = [{ status: 404, body: '<html><body>404 page not found</body></html>' }];
    const store = s3Store(server.settings({ endpoint }), async () => undefined);
    await expect(store.get('manifest.json')).rejects.toThrow('answers 404 to GET of manifest.json');
    store.close();
  });

  it('states the difference of the clocks', async () => {
    const failure = await failureOf([
      {
        status: 403,
        body: error('RequestTimeTooSkewed'),
        date: new Date(Date.now() - 3 * 3_600_000 - 1000).toUTCString(),
      },
    ]);
    expect(failure).toMatchObject({
      kind: 'runtime',
      message:
        `The object store 'lake' at ${endpoint} refuses the signature: this machine's clock is 180 minutes ahead ` +
        "of the store's",
      details: { hint: 'Set the clock by NTP; signatures hold for 15 minutes.' },
    });
    expect(asked).toBe(1);
  });

  it('states a missing privilege, and a region', async () => {
    expect(await failureOf([{ status: 403, body: error('AccessDenied', 'Access Denied') }])).toMatchObject({
      message:
        `The object store 'lake' at ${endpoint} refuses GET of bucket 'lake' to access key tsdbt-test: ` +
        'Access Denied',
    });
    expect(
      await failureOf([{ status: 400, body: error('AuthorizationHeaderMalformed', "expecting 'x'") }]),
    ).toMatchObject({ message: `The object store 'lake' at ${endpoint} is not in region 'us-east-1': expecting 'x'` });
  });
});
