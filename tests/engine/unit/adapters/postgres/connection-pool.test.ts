// Tests that the connection pool serves every waiting caller when a connection fails or is lost, and never exceeds its
// size.
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type Connection,
  ConnectionPool,
  type ServerAddress,
} from '../../../../../src/adapters/postgres/connection.ts';

const HELLO = Buffer.concat([
  message('R', Buffer.from([0, 0, 0, 0])),
  message('S', Buffer.from('DateStyle\0ISO, MDY\0')),
  message('K', Buffer.from([0, 0, 0, 1, 0, 0, 0, 2])),
  message('Z', Buffer.from('I')),
]);

describe('a connection pool', () => {
  const sockets: Socket[] = [];
  let server: Server | null = null;
  let pool: ConnectionPool | null = null;
  afterEach(async () => {
    await pool?.close();
    for (const socket of sockets.splice(0)) socket.destroy();
    await new Promise<void>((resolve) => {
      if (server === null) resolve();
      else server.close(() => resolve());
    });
  });

  /** @param answers false: each connection is closed at once */
  const opened = async (max: number, answers: boolean): Promise<ConnectionPool> => {
    const listening = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      // Later connections are closed.
      if (!answers) socket.destroy();
      socket.once('data', () => {
        socket.write(HELLO);
        socket.once('data', () => socket.end());
      });
    });
    server = listening;
    const port = await new Promise<number>((resolve) => {
      listening.listen(0, '127.0.0.1', () => {
        const address = listening.address();
        resolve(address !== null && typeof address === 'object' ? address.port : 0);
      });
    });
    pool = new ConnectionPool(async () => addressOf(port), max);
    return pool;
  };

  it('that cannot connect fails every caller that waits for a connection', async () => {
    const made = await opened(1, false);
    const waiting = await Promise.allSettled([made.acquire(), made.acquire(), made.acquire()]);
    expect(waiting.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  });

  it('opens one more connection, not two, when a connection is lost while in use', async () => {
    const made = await opened(1, true);
    const lost = await made.acquire();
    const held: Connection[] = [];
    const waiting = [1, 2].map(async () => held.push(await made.acquire()));
    sockets[0]?.destroy();
    await waiting[0];
    made.release(lost);
    expect(made.size).toBe(1);
    const [second] = held;
    if (second !== undefined) made.release(second);
    await Promise.all(waiting);
    expect(held[1]).toBe(second);
    if (second !== undefined) made.release(second);
  });
});

function message(kind: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(kind), length, body]);
}

function addressOf(port: number): ServerAddress {
  return {
    ...{ places: [{ host: '127.0.0.1', port }], attributes: 'any' as const, user: 'u', password: '', database: 'd' },
    ...{ connectTimeout: 10, retries: 0 },
    ...{ applicationName: null, keepalivesIdle: 0, options: null, sslmode: 'disable' },
    ...{ sslcert: null, sslkey: null, sslrootcert: null },
  };
}
