// Tests the text that explains why a request failed.
import { once } from 'node:events';
import { createServer, request } from 'node:https';
import { createServer as createPlainServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { requestReason } from '../../../../src/http/request-reason.ts';

const servers: Server[] = [];
const ports: number[] = [];

beforeAll(async () => {
  // Three servers: one without TLS, one with TLS and no certificate, and one that never answers.
  servers.push(createPlainServer((_, response) => response.end('ok')));
  servers.push(createServer({}));
  servers.push(createPlainServer(() => undefined));
  for (const server of servers) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ports.push((server.address() as AddressInfo).port);
  }
});
afterAll(() => {
  for (const server of servers) server.close();
});

const failed = async (work: Promise<unknown>): Promise<string> =>
  requestReason(await work.then(() => null).catch((error: unknown) => error));

it('requestReason reports a server without TLS on one line when it is called by https', async () => {
  const expected = 'it speaks no TLS there: is it http, or another port?';
  expect(await failed(fetch(`https://127.0.0.1:${ports[0]}/`))).toBe(expected);
  expect(await failed(once(request(`https://127.0.0.1:${ports[0]}/`).end(), 'response'))).toBe(expected);
});

it('requestReason reports a failed handshake without addresses and files', async () => {
  expect(await failed(fetch(`https://127.0.0.1:${ports[1]}/`))).toMatch(/^TLS: [^:]*handshake failure$/);
});

it('requestReason describes a timeout, a refused connection and a value that is not an Error', async () => {
  expect(await failed(fetch(`http://127.0.0.1:${ports[2]}/`, { signal: AbortSignal.timeout(50) }))).toBe(
    'it does not answer in time',
  );
  expect(requestReason('gone')).toBe('gone');
  const refused = new AggregateError([new Error('connect ECONNREFUSED ::1:1'), new Error('another')], '');
  expect(requestReason(new TypeError('fetch failed', { cause: refused }))).toBe('connect ECONNREFUSED ::1:1');
});
