// A Postgres server may send anything: messages of any length, without an end, or with wrong counts. Each is an error
// of its statement or connection. None ends the process, or is read forever.
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import type { Session } from '../../../src/adapters/adapter.ts';
import { PostgresAdapter } from '../../../src/adapters/postgres/adapter.ts';
import { condition } from '../../../src/loader/postgres/sync-border.ts';

const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const short = (value: number): Buffer => Buffer.from([(value >> 8) & 255, value & 255]);
const message = (code: string, ...parts: readonly (Buffer | string)[]): Buffer => {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([Buffer.from(code), int(body.length + 4), body]);
};
const column = Buffer.concat([Buffer.from('a\0'), int(0), short(0), int(25), short(-1), int(0), short(0)]);
const READY = message('Z', 'I');
const LOGIN = Buffer.concat([
  message('R', int(0)),
  message('S', 'DateStyle\0ISO\0'),
  message('K', int(1), int(2)),
  READY,
]);

const servers: Server[] = [];
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers.splice(0)) await new Promise((done) => server.close(done));
});

const read = async (session: Session): Promise<unknown> => session.execute('select 1', { fetch: true });
const copy = async (session: Session): Promise<unknown> =>
  session.copyOut?.('copy (select 1) to stdout', async (rows) => {
    const found: Uint8Array[] = [];
    for await (const row of rows) found.push(row);
    expect(Buffer.concat(found).toString()).toBe('1\n2\n');
  });

/** Answers a login, and then each message. @returns the first error of a statement */
async function errorOf(login: Buffer, answer: Buffer, pieces = answer.length, work = read): Promise<string> {
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.once('data', () => {
      socket.write(login);
      socket.on('data', (asked) => {
        // Of a transaction.
        if (work === copy && !/copy/i.test(asked.toString()))
          return void socket.write(Buffer.concat([message('C', 'BEGIN\0'), message('Z', 'T')]));
        for (let at = 0; at < answer.length; at += pieces) socket.write(answer.subarray(at, at + pieces));
      });
    });
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as AddressInfo;
  const credentials = { type: 'postgres', host: '127.0.0.1', port, user: 'u', password: 'p', dbname: 'd', schema: 's' };
  const adapter = new PostgresAdapter({
    credentials: { ...credentials, sslmode: 'disable', retries: 0, connect_timeout: 2 } as never,
    ...{ threads: 1, quoting: {} },
  });
  const session = adapter.session({ name: 'test' });
  try {
    await work(session);
    return '';
  } catch (error) {
    return (error as Error).message;
  } finally {
    await session.release();
    await adapter.close();
  }
}

it.each<readonly [what: string, answer: Buffer, error: RegExp]>([
  ['an error without an end', message('E', 'SERROR'), /an error without an end/],
  ['a notice without fields', message('N'), /an error without an end/],
  ['a row of fewer than no values', Buffer.concat([message('T', short(1), column), message('D', short(-1))]), /./],
  ['a row whose value is before it', message('D', short(2), int(2 ** 32 - 40), int(100)), /./],
  ['fewer columns than it counts', message('T', short(100)), /./],
  ['a message of 4 GB', Buffer.concat([Buffer.from('D'), int(2 ** 32 - 1)]), /invalid message of 4294967295 bytes/],
  ['a message shorter than its length', Buffer.concat([Buffer.from('Z'), int(0), READY]), /invalid message of 0 bytes/],
  ['a notification without texts', message('A', 'x'), /./],
])('a server that sends %s ends only its connection', async (_, answer, error) => {
  expect(await errorOf(LOGIN, answer)).toMatch(error);
  expect(await errorOf(LOGIN, answer, 3)).toMatch(error);
});

it.each<readonly [what: string, answer: Buffer]>([
  ['an unknown request', message('R', int(99))],
  ['an empty request', message('R')],
  ['an error without an end', message('E', 'SFATAL')],
  ['an answer to SCRAM before it was asked', message('R', int(11), 'x')],
])('a server that sends %s at login ends only its connection', async (_, answer) => {
  expect(await errorOf(answer, READY)).toMatch(/connection to server at "127.0.0.1", port \d+ failed/);
});

const COPIED = [message('H', Buffer.of(0), short(1), short(0)), message('d', '1\n'), message('d', '2\n')];

it.each<readonly [what: string, answer: Buffer, error: RegExp]>([
  ['without a length', Buffer.from([0x64, 0, 0, 0, 0, 1, 2, 3]), /invalid message of 0 bytes/],
  ['of 4 GB', Buffer.from([0x64, 255, 255, 255, 255, 1, 2, 3]), /invalid message of 4294967295 bytes/],
  ['that is an error without an end', message('E', 'SERROR'), /an error without an end/],
])('a server that sends a message of COPY %s ends only its connection', async (_, answer, error) => {
  const sent = Buffer.concat([...COPIED, answer]);
  for (const pieces of [1, 3, 1000]) expect(await errorOf(LOGIN, sent, pieces, copy)).toMatch(error);
});

it('a valid COPY is read, in pieces of any length', async () => {
  const sent = Buffer.concat([...COPIED, message('c'), message('C', 'COPY 2\0'), message('Z', 'T')]);
  for (const pieces of [1, 2, 7, 1000]) expect(await errorOf(LOGIN, sent, pieces, copy)).toBe('');
});

it('a valid answer is read, in pieces of any length', async () => {
  const row = message('D', short(1), int(3), 'abc');
  const answer = [message('N', 'SNOTICE\0Mhello\0\0'), message('T', short(1), column), row, message('C', 'SELECT 1\0')];
  for (const pieces of [1, 2, 7, 1000])
    expect(await errorOf(LOGIN, Buffer.concat([...answer, READY]), pieces)).toBe('');
});

it.each(['x', 'null', '-1', '1; select 1', ''])(
  'a sync reads all rows if its source said that %j was its snapshot',
  (found) => {
    const kept = { tables: '1', snapshotXmin: found, border: null };
    expect(condition({ cursor: 'xmin', lookback: null } as never, { tables: '1' } as never, kept as never)).toBe('');
  },
);

it.each([20, 1700, 114, 1082, 1184, 1186, 1016, 3807])(
  'a server that sends an invalid value of type %i ends only its statement',
  async (type) => {
    const typed = Buffer.concat([Buffer.from('a\0'), int(0), short(0), int(type), short(-1), int(0), short(0)]);
    for (const text of ['x', '', '{', '{x', '9e9e9']) {
      const row = message('D', short(1), int(Buffer.byteLength(text)), text);
      const answer = Buffer.concat([message('T', short(1), typed), row, message('C', 'SELECT 1\0'), READY]);
      expect(await errorOf(LOGIN, answer)).toMatch(/^$|^the server sent ".*", which is no value of the column's type/);
    }
  },
);
