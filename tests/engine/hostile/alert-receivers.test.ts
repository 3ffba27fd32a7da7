// A mail server, or a receiver of alerts and lineage events over HTTP, may answer with anything. Sending to it ends in
// bounded time and memory, its connection is closed, and nothing is sent elsewhere.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import type { Json } from '../../../src/contracts/node.ts';
import type { LineageEvent } from '../../../src/openlineage/events.ts';
import { LineageSender } from '../../../src/openlineage/sender.ts';
import type { Alarm } from '../../../src/serve/alerts/alert.ts';
import { type Sent, send } from '../../../src/serve/alerts/channel-requests.ts';
import type { Incident } from '../../../src/serve/store/serve-store.ts';
import { sleep } from '../../../src/within.ts';
import { channelsOf, subject } from '../unit/serve/alerts/alert-stage.ts';

const TIMEOUT_MS = 2000;
const MOST_BYTES = 256 * 1024 ** 2;
const incident: Incident = { id: 'i1', key: 'job:a:failed', openedAt: 0, closedAt: null, reason: 'it failed' };
const alarm: Alarm = {
  ...{ id: 'i1.opened', occasion: { kind: 'opened' }, project: 'p', at: 0, times: 1, link: null },
  trouble: { incident, kind: 'failed', job: 'a', runId: 'r', subject: subject({}), parts: [] },
};

let server: Server | null = null;
const sockets = new Set<Socket>();
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  server?.close();
});

/** Starts a server, and returns its port. @param talk sends to each connection */
async function listening(talk: (socket: Socket) => void): Promise<number> {
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    socket.resume();
    talk(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return port;
}

/** Waits until no connection is open on which bytes were sent: `fetch` opens the next one ahead. */
async function closed(): Promise<void> {
  const used = (): number => [...sockets].filter((each) => each.bytesRead + each.bytesWritten > 0).length;
  for (const until = performance.now() + 1000; performance.now() < until && used() > 0; ) await sleep(50);
  expect(used()).toBe(0);
}

/** Sends as fast as the other side reads. */
function pour(socket: Socket, text: string): void {
  const bytes = Buffer.from(text.repeat(Math.ceil(65_536 / text.length)));
  const more = (): void => {
    while (!socket.destroyed && socket.write(bytes));
  };
  socket.on('drain', more);
  more();
}

function trickle(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.write(text), 100);
  socket.on('close', () => clearInterval(timer));
}

/** @returns the outcome, once every connection is closed */
async function sent(channel: Json): Promise<Sent> {
  const [found] = channelsOf({ one: channel });
  if (found === undefined) throw new Error('no channel');
  const [before, began] = [process.memoryUsage().rss, performance.now()];
  const outcome = await send(alarm, found, Date.now, fetch);
  expect(performance.now() - began).toBeLessThan(3 * TIMEOUT_MS + 2000);
  await closed();
  expect(process.memoryUsage().rss - before).toBeLessThan(MOST_BYTES);
  return outcome;
}

describe('a hostile mail server', () => {
  /** Sends after the greeting, and after the answer to EHLO. */
  const welcoming = (talk: (socket: Socket) => void) => (socket: Socket) => {
    socket.write('220 a\r\n');
    socket.once('data', () => {
      socket.write('250 a\r\n');
      socket.once('data', () => talk(socket));
    });
  };
  const TALKS: Readonly<Record<string, (socket: Socket) => void>> = {
    'empty lines without end': (socket) => pour(socket, '\n'),
    'empty lines without end after its greeting': welcoming((socket) => pour(socket, '\n')),
    'a part of a reply from time to time after its greeting': welcoming((socket) => trickle(socket, '250-a\r\n')),
    'a line without end': (socket) => pour(socket, '220 '),
    'a reply without end': (socket) => pour(socket, '220-a\r\n'),
    'a part of a reply from time to time': (socket) => trickle(socket, '220-a\r\n'),
    nothing: () => undefined,
  };

  it.each(Object.entries(TALKS))('that sends %s gets no message, and its connection is closed', async (_name, talk) => {
    const smtp = { host: '127.0.0.1', port: await listening(talk), tls: 'none' };
    expect((await sent({ email: 'a@example.com', from: 'b@example.com', smtp, timeout: `${TIMEOUT_MS}ms` })).kind).toBe(
      'again',
    );
  });

  it('that sends replies without end costs no memory', async () => {
    const smtp = { host: '127.0.0.1', port: await listening((socket) => pour(socket, '250 a\r\n')), tls: 'none' };
    await sent({ email: 'a@example.com', from: 'b@example.com', smtp, timeout: `${TIMEOUT_MS}ms` });
  });
});

describe('a hostile receiver', () => {
  const head = (status: string, ...headers: readonly string[]): string =>
    ['HTTP/1.1 ', status, '\r\n', ...headers.map((each) => `${each}\r\n`), '\r\n'].join('');
  const zeros = gzipSync(Buffer.alloc(64 * 1024 ** 2));
  const TALKS: Readonly<Record<string, (socket: Socket, port: number) => void>> = {
    'a success without end': (socket) => {
      socket.write(head('200 OK'));
      pour(socket, 'x');
    },
    'a failure without end': (socket) => {
      socket.write(head('500 No'));
      pour(socket, 'x');
    },
    'a failure that is a compressed bomb': (socket) => {
      socket.write(head('500 No', 'content-encoding: gzip, gzip'));
      socket.end(gzipSync(zeros));
    },
    'a failure from time to time': (socket) => {
      socket.write(head('500 No'));
      trickle(socket, ' ');
    },
    'headers without end': (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      pour(socket, 'a: b\r\n');
    },
    'early hints without end': (socket) => pour(socket, head('103 Early Hints')),
    'another protocol': (socket) => socket.write(head('101 Switching', 'connection: upgrade', 'upgrade: x')),
    'a redirect to itself': (socket, port) =>
      socket.end(head('307 There', `location: http://127.0.0.1:${port}/other`, 'content-length: 0')),
    'a wait of years': (socket) => socket.end(head('429 No', 'retry-after: 1e300', 'content-length: 0')),
    nothing: () => undefined,
  };
  /** A server that counts requests, and answers each of them. */
  const answering = async (
    talk: (socket: Socket, port: number) => void,
  ): Promise<{ url: string; asked: () => number }> => {
    let asked = 0;
    const port: number = await listening((socket) =>
      socket.once('data', () => {
        asked++;
        talk(socket, port);
      }),
    );
    return { url: `http://127.0.0.1:${port}`, asked: () => asked };
  };

  it.each(Object.entries(TALKS))('of alerts that answers with %s gets one request', async (_name, talk) => {
    for (const kind of ['webhook', 'slack', 'alertmanager']) {
      const { url, asked } = await answering(talk);
      const outcome = await sent({ [kind]: url, timeout: `${TIMEOUT_MS}ms` });
      if (outcome.kind !== 'delivered') expect(outcome.why.length).toBeLessThan(400);
      expect(asked()).toBe(1);
      server?.close();
    }
  });

  it.each(Object.entries(TALKS))('of lineage that answers with %s gets one request', async (_name, talk) => {
    const { url, asked } = await answering(talk);
    const warnings: string[] = [];
    const before = process.memoryUsage().rss;
    const sender = new LineageSender(
      { kind: 'http', url, apiKey: 'key-of-lineage' },
      { fetch, mask: (json) => json, warn: (text) => warnings.push(text) },
    );
    sender.send({ eventType: 'START' } as unknown as LineageEvent);
    await sender.close(1000);
    expect(asked()).toBe(1);
    expect(warnings.join().length).toBeLessThan(400);
    expect(warnings.join()).not.toContain('key-of-lineage');
    await closed();
    expect(process.memoryUsage().rss - before).toBeLessThan(MOST_BYTES);
  });
});
