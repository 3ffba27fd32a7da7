// A small HTTP server on one address: listening, host names, paths and common headers. Users of it produce the answers.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { oldestOfGreatest, originOf } from './fair-share.ts';

export const HTML = 'text/html; charset=utf-8';
export const JSON_TEXT = 'application/json; charset=utf-8';
export const PLAIN = 'text/plain; charset=utf-8';

export type { IncomingMessage, ServerResponse };

export interface Address {
  /** Empty: all interfaces. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

export interface Listening {
  /** The actual port. */
  readonly port: number;
  /** Allows the process to exit while the server listens. */
  unref(): void;
  /** Also closes open connections. */
  close(): Promise<void>;
}

/** Maximum bytes of a request body; nothing here reads one. */
const MOST_BODY = 64 * 1024;
/** Leaves file descriptors for the database connections. */
const MOST_CONNECTIONS = 512;
/** Maximum bytes of answers, over all connections, that their clients have not read. */
const MOST_UNREAD = 256 * 1024 * 1024;
/** A connection on which nothing moves for this long is closed: a client that does not read, or sends nothing. */
const SILENT_MS = 120_000;

/**
 * Listens until `close` is called. An exception of `answer` becomes a 500 with its message.
 * @throws the system's error, with its code, if the address cannot be used
 */
export async function listen(
  { host, port }: Address,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Listening> {
  const connections = new Set<Connection>();
  const server = createServer((request, response) => {
    try {
      makeRoom(connections);
      if (isBodyBounded(request)) answer(request, response);
      else send(response, 413, PLAIN, `a body has at most ${MOST_BODY} bytes\n`, { connection: 'close' });
    } catch (error) {
      send(response, 500, PLAIN, error instanceof Error ? error.message : String(error));
    }
  });
  server.timeout = SILENT_MS;
  server.on('connection', (socket) => {
    const connection = { origin: originOf(socket.remoteAddress ?? ''), socket };
    connections.add(connection);
    socket.on('close', () => connections.delete(connection));
    makeRoom(connections);
  });
  await new Promise<void>((done, fail) => {
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      done();
    });
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    unref: () => server.unref(),
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

interface Connection {
  readonly origin: string;
  readonly socket: Socket;
}

/** Ends connections of the client with the most of them, or with the most unread bytes, so that others are answered. */
function makeRoom(connections: Set<Connection>): void {
  const end = (weightOf: (connection: Connection) => number): void => {
    const oldest = oldestOfGreatest(connections, weightOf);
    if (oldest === undefined) return;
    connections.delete(oldest);
    oldest.socket.destroy();
  };
  if (connections.size > MOST_CONNECTIONS) end(() => 1);
  const unread = ({ socket }: Connection): number => socket.writableLength;
  if ([...connections].reduce((sum, each) => sum + unread(each), 0) > MOST_UNREAD) end(unread);
}

/** @returns false if the announced body is too long; a longer body than announced is cut off */
function isBodyBounded(request: IncomingMessage): boolean {
  const announced = request.headers['content-length'];
  if (announced !== undefined) return Number(announced) <= MOST_BODY;
  if (request.headers['transfer-encoding'] === undefined) return true;
  let size = 0;
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > MOST_BODY) request.destroy();
  });
  return true;
}

/** Formats an address for users: IPv6 in brackets. */
export function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/**
 * Like `urlOf`, for a browser on this machine: a server on the loopback address or on all interfaces is reached by
 * localhost.
 */
export function localUrl(host: string, port: number): string {
  return urlOf(isOpen(host) || host === '127.0.0.1' ? 'localhost' : host, port);
}

/**
 * Prevents DNS rebinding: a page with a foreign host name that resolves to this machine must not read what is served. A
 * server on all interfaces also answers to any IP address, which is not a name, to this machine's name, and to the name
 * that containers use for it.
 */
export function isKnownHost(header: string | undefined, listens: string): boolean {
  const name = (header ?? '')
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase();
  if (isOpen(listens) && isIP(name) !== 0) return true;
  const own = hostname();
  const more = isOpen(listens) ? [own, own.split('.')[0] ?? own, 'host.docker.internal'] : [listens];
  return [...more, 'localhost', '127.0.0.1', '::1'].some((known) => known !== '' && known.toLowerCase() === name);
}

const isOpen = (host: string): boolean => host === '' || host === '0.0.0.0' || host === '::';

/** Sends a complete answer. */
export function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Buffer,
  more: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    ...more,
  });
  response.end(body);
}
