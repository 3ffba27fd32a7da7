// Downloads files and JSON over HTTP(S): redirects, proxies of the environment, a time limit, and dbt's retries.
// Callers choose the address and check the content.
import { eventOf } from '../../events/index.ts';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { errorOf } from '../../error-table.ts';
import { onUpgrade } from '../../http/ask.ts';
import type { Logger } from '../../log.ts';
import { BrokenArchive } from './archive.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export interface DownloadOptions {
  readonly env: Environment;
  readonly logger: Logger;
  /** Milliseconds to wait for an answer. */
  readonly timeout: number;
  /** Milliseconds between two attempts. */
  readonly delay: number;
  /** Maximum size of an answer in bytes; default 256 MiB. */
  readonly maxBytes?: number;
}

const ATTEMPTS = 6;
const MAX_REDIRECTS = 10;
/** An index of all packages has about one megabyte; a package rarely reaches this limit. */
const MAX_BYTES = 256 * 2 ** 20;
/** A download may take this many times the timeout of one answer, because a server may send one byte a minute. */
const PATIENCE = 20;

/** A failed request; `again` tells whether a retry may succeed. */
export class NetworkError extends Error {
  readonly again: boolean;

  constructor(message: string, again = true) {
    super(message);
    this.again = again;
  }
}

const SECRET_PARAMETER = /token|secret|password|sig/i;

/** A URL without user, password and token parameters. */
export function withoutCredentials(url: string): string {
  return url
    .replace(/^([a-z+.-]+:\/\/)[^/\s]+@/i, '$1*****@')
    .replace(/([?&])([^=&?\s]*=)[^&\s]+/g, (all, sign, name) =>
      SECRET_PARAMETER.test(name) ? `${sign}${name}*****` : all,
    );
}

/**
 * Retries until it succeeds, with at most six attempts.
 * @throws TsdbtError `dependency` in dbt's words after the last attempt
 */
export async function withRetries<T>(
  work: () => Promise<T>,
  { logger, delay }: Pick<DownloadOptions, 'logger' | 'delay'>,
): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof BrokenArchive) throw errorOf('brokenArchive', { why: error.message });
      if (!(error instanceof NetworkError)) throw error;
      if (attempt === ATTEMPTS - 1 || !error.again) throw errorOf('downloadFailed', { why: error.message });
      logger.fire(eventOf('RecordRetryException', `External call exception: ${error.message}`));
      logger.fire(
        eventOf('RetryExternalCall', `Retrying external call. Attempt: ${attempt} Max attempts: ${ATTEMPTS - 1}`),
      );
      await new Promise((done) => setTimeout(done, delay));
    }
  }
}

/**
 * The body behind a URL, in one attempt: see `withRetries`. Credentials of the URL are sent only to its own scheme,
 * host and port.
 * @returns `whole`: whether the answer gave its length and is complete
 * @throws NetworkError
 */
export async function download(
  url: string,
  options: DownloadOptions,
  redirects = 0,
): Promise<{ status: number; body: Buffer; whole: boolean }> {
  const shown = withoutCredentials(url);
  let target: URL;
  try {
    target = new URL(url);
  } catch {
    throw new NetworkError(`Invalid URL '${shown}'`, false);
  }
  if (target.protocol !== 'http:' && target.protocol !== 'https:')
    throw new NetworkError(`No connection adapters were found for '${shown}'`, false);
  const response = await open(target, options).catch((error: unknown) => {
    throw new NetworkError(`${shown}: ${(error as Error).message || String((error as { code?: unknown }).code)}`);
  });
  const status = response.statusCode ?? 0;
  const { location } = response.headers;
  if (status >= 300 && status < 400 && location !== undefined) {
    response.resume();
    if (redirects === MAX_REDIRECTS) throw new NetworkError(`Exceeded ${MAX_REDIRECTS} redirects: ${shown}`, false);
    if (!URL.canParse(location, target.href))
      throw new NetworkError(`${shown} answered with a redirect to no URL`, false);
    const next = new URL(location, target);
    if (next.origin === target.origin && next.username === '')
      Object.assign(next, { username: target.username, password: target.password });
    return download(next.href, options, redirects + 1);
  }
  const { maxBytes = MAX_BYTES } = options;
  const chunks: Buffer[] = [];
  let size = 0;
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    response.destroy();
  }, options.timeout * PATIENCE);
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw new NetworkError(`${shown} is larger than ${maxBytes} bytes`, false);
      chunks.push(chunk);
    }
  } catch (error) {
    if (late) throw new NetworkError(`${shown}: the download takes too long`, false);
    throw error instanceof NetworkError ? error : new NetworkError(`${shown}: ${(error as Error).message}`);
  } finally {
    clearTimeout(limit);
  }
  const expected = response.headers['content-length'];
  const body = Buffer.concat(chunks);
  if (expected !== undefined && body.length !== Number(expected))
    throw new NetworkError(`${shown}: got ${body.length} of ${expected} bytes`);
  if (status >= 400) {
    throw new NetworkError(
      `${status} ${status < 500 ? 'Client' : 'Server'} Error: ${response.statusMessage ?? ''} for url: ${shown}`,
      status >= 500 || status === 408 || status === 429,
    );
  }
  return { status, body, whole: expected !== undefined || response.headers['transfer-encoding'] !== undefined };
}

/** JSON behind a URL, requested again in each attempt. */
export async function downloadJson(url: string, options: DownloadOptions): Promise<{ status: number; value: unknown }> {
  const { status, body } = await download(url, options);
  try {
    return { status, value: JSON.parse(body.toString('utf8')) as unknown };
  } catch {
    throw new NetworkError(`${withoutCredentials(url)} did not answer with JSON`);
  }
}

async function open(target: URL, { env, timeout }: DownloadOptions): Promise<IncomingMessage> {
  const headers: Record<string, string> = {
    'user-agent': 'tsdbt',
    'accept-encoding': 'identity',
    ...basicAuth('authorization', target),
  };
  const proxy = proxyFor(target, env);
  const options: RequestOptions = { method: 'GET', headers, timeout };
  if (proxy === undefined) return send((target.protocol === 'https:' ? httpsRequest : httpRequest)(target, options));
  const proxyAuth = basicAuth('proxy-authorization', proxy);
  const send1 = proxy.protocol === 'https:' ? httpsRequest : httpRequest;
  if (target.protocol === 'http:') {
    return send(
      send1(proxy, {
        ...options,
        path: target.href.replace(/\/\/[^/@]*@/, '//'),
        headers: { ...headers, ...proxyAuth, host: target.host },
      }),
    );
  }
  const authority = `${target.hostname}:${target.port || '443'}`;
  const socket = await new Promise<TLSSocket>((resolve, reject) => {
    const connecting = send1(proxy, {
      method: 'CONNECT',
      path: authority,
      headers: { host: authority, ...proxyAuth },
      timeout,
    });
    connecting.once('connect', (answer, raw) => {
      if (answer.statusCode !== 200) reject(new Error(`the proxy ${proxy.host} answered ${answer.statusCode ?? 0}`));
      else resolve(tlsConnect({ socket: raw, servername: target.hostname }));
    });
    connecting.once('timeout', () => connecting.destroy(new Error('Read timed out.')));
    connecting.once('error', reject);
    connecting.end();
  });
  return send(httpsRequest(target, { ...options, createConnection: () => socket }));
}

function send(request: ReturnType<typeof httpRequest>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', resolve);
    request.once('timeout', () => request.destroy(new Error('Read timed out.')));
    request.once('error', reject);
    onUpgrade(request);
    request.end();
  });
}

function basicAuth(header: string, { username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { [header]: `Basic ${Buffer.from(pair).toString('base64')}` };
}

/** The proxy from HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, as curl and Python's requests read them. */
function proxyFor(target: URL, env: Environment): URL | undefined {
  const read = (name: string): string => env[name.toLowerCase()] ?? env[name] ?? '';
  const excluded = read('NO_PROXY')
    .split(',')
    .map((entry) => entry.trim().replace(/^\*?\./, ''))
    .filter((entry) => entry !== '');
  if (
    excluded.some(
      (entry) =>
        entry === '*' || entry === target.host || target.hostname === entry || target.hostname.endsWith(`.${entry}`),
    )
  )
    return undefined;
  const address = read(target.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY') || read('ALL_PROXY');
  return address === '' ? undefined : new URL(address.includes('://') ? address : `http://${address}`);
}
