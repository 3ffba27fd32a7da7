// Clients of the HTTP servers that open many connections, do not read, or leave: others are answered.
import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { serveDocs } from '../../../src/docs/serve.ts';
import { oldestOfGreatest, originOf } from '../../../src/http/fair-share.ts';
import { listen, PLAIN, send } from '../../../src/http/server.ts';

const MEGABYTE = 1024 ** 2;
const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function opened(port: number, sent = ''): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  ended.push(() => socket.destroy());
  await new Promise((done) => socket.once('connect', done));
  socket.write(sent);
  return socket;
}

async function serve(body: Buffer): Promise<number> {
  const server = await listen({ host: '127.0.0.1', port: 0 }, (_request, response) => send(response, 200, PLAIN, body));
  ended.push(() => server.close());
  return server.port;
}

const GET = 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n';

describe('an HTTP server', { timeout: 60_000 }, () => {
  it('answers while one client holds all connections and sends half a request on each', async () => {
    const port = await serve(Buffer.from('answer'));
    const sockets = [];
    for (let i = 0; i < 600; i++) sockets.push(await opened(port, 'GET / HTTP/1.1\r\n'));
    for (const _ of [1, 2, 3]) expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('answer');
  });

  it('keeps at most 256 MB for clients that do not read, and answers others', async () => {
    const port = await serve(Buffer.alloc(32 * MEGABYTE, 'a'));
    const sockets = [];
    for (let i = 0; i < 20; i++) sockets.push((await opened(port, GET)).pause());
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    expect((await answer.arrayBuffer()).byteLength).toBe(32 * MEGABYTE);
    let closed = 0;
    for (const socket of sockets) socket.on('close', () => closed++).resume();
    await expect.poll(() => closed).toBeGreaterThanOrEqual(5);
  });

  it('ends the oldest connection of the client that has the most', () => {
    const held = ['a', 'b', 'a', 'c'].map((origin, age) => ({ origin, age, bytes: origin === 'c' ? 9 : 0 }));
    expect(oldestOfGreatest(new Set(held), () => 1)).toBe(held[0]);
    expect(oldestOfGreatest(new Set(held), ({ bytes }) => bytes)).toBe(held[3]);
    expect(oldestOfGreatest(new Set(held), () => 0)).toBe(undefined);
    expect(['::1', '::ffff:127.0.0.1', '127.0.0.2', '::ffff:10.0.0.1', '2001:db8:1:2:3::4'].map(originOf)).toEqual([
      ...['local', 'local', 'local'],
      ...['10.0.0.1', '2001:db8:1:2'],
    ]);
  });
});

it.skipIf(process.platform !== 'linux')('docs serve closes files that a client did not read to the end', async () => {
  const target = mkdtempSync(join(tmpdir(), 'tsdbt-http-clients-'));
  ended.push(() => rmSync(target, { recursive: true }));
  mkdirSync(join(target, 'assets'));
  const kinds = ['exposures', 'metrics', 'semantic_models', 'saved_queries', 'functions', 'unit_tests'];
  const manifest = Object.fromEntries(['metadata', 'nodes', 'sources', 'macros', 'docs', ...kinds].map((k) => [k, {}]));
  writeFileSync(join(target, 'manifest.json'), JSON.stringify(manifest));
  const file = join(target, 'assets', 'large.png');
  writeFileSync(file, Buffer.alloc(16 * MEGABYTE));
  const input = { targetDir: target, host: '127.0.0.1', port: 0, assetPaths: ['assets'], version: '1' };
  const server = await serveDocs(input);
  ended.push(() => server.close());
  const open = (): number =>
    readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === file;
      } catch {
        return false;
      }
    }).length;
  for (let i = 0; i < 5; i++) {
    const socket = await opened(Number(new URL(server.url).port), GET.replace(' / ', ' /assets/large.png '));
    await new Promise((done) => socket.once('data', done));
    socket.destroy();
  }
  await expect.poll(open).toBe(0);
});
