// A small HTTP server on one address: listening, host names, paths and the headers that every answer has. What is
// answered, and the words of an error, are left to who listens.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { hostname } from 'node:os';

export const HTML = 'text/html; charset=utf-8';
export const JSON_TEXT = 'application/json; charset=utf-8';
export const PLAIN = 'text/plain; charset=utf-8';

export type { IncomingMessage, ServerResponse };

export interface Address {
  /** Empty: all interfaces. */
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

export interface Listening {
  /** The port that was given. */
  readonly port: number;
  /** Lets the process end while the server listens. */
  unref(): void;
  /** Ends open connections. */
  close(): Promise<void>;
}

/** Nothing here reads a body: one of more bytes is refused. */
const MOST_BODY = 64 * 1024;
/** Leaves files of the process for its databases. */
const MOST_CONNECTIONS = 512;

/**
 * Listens until `close` is called. What `answer` throws is a 500 with its message.
 * @throws the system's error, with its code, when the address cannot be had
 */
export async function listen(
  { host, port }: Address,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Listening> {
  const server = createServer((request, response) => {
    try {
      if (isBodyBounded(request)) answer(request, response);
      else send(response, 413, PLAIN, `a body has at most ${MOST_BODY} bytes\n`, { connection: 'close' });
    } catch (error) {
      send(response, 500, PLAIN, error instanceof Error ? error.message : String(error));
    }
  });
  server.maxConnections = MOST_CONNECTIONS;
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

/** @returns false: the body is announced as too long; one that becomes too long without saying so is cut off */
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

/** The address for a person: IPv6 in brackets. */
export function urlOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** As `urlOf`, where a browser on this machine finds who listens on the loopback address or on all interfaces. */
export function localUrl(host: string, port: number): string {
  return urlOf(isOpen(host) || host === '127.0.0.1' ? 'localhost' : host, port);
}

/**
 * Prevents DNS rebinding: a foreign host name that resolves to this machine must not read what is served. A server on
 * all interfaces also answers by any IP address, which is no name, by this machine's name, and by the name that
 * containers have for it.
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

/** Writes an answer whole. */
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
