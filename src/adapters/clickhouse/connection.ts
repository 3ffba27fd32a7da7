// The connection to a ClickHouse server: `@clickhouse/client` over HTTP(S), with the profile's timeouts, certificates
// and number of connections; the same for the embedded server. If the server falls silent, asks it about the statement.
// session.ts defines what is sent and how answers are read.
import { readFileSync } from 'node:fs';
import { type ClientRequest, Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { pipeline, type Readable, Transform } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type ClickHouseClient, ClickHouseError, createClient } from '@clickhouse/client';
import { TsdbtError } from '../../errors.ts';
import { onUpgrade } from '../../http/ask.ts';
import { sleep } from '../../within.ts';
import type { StatementCost } from '../adapter.ts';
import { type Look, type SilenceTimes, watchSilence } from '../silence.ts';
import { connectionError } from './database-error.ts';
import { quoteText } from './literal.ts';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly secure: boolean;
  readonly verify: boolean;
  readonly clientCert: string | null;
  readonly clientCertKey: string | null;
  /** Name in the certificate, if it is not the host's. */
  readonly serverHostName: string | null;
  /** Seconds. */
  readonly connectTimeout: number;
  /** Number of connection retries. */
  readonly retries: number;
  readonly compression: boolean;
  readonly keepAlive: boolean;
  /** Folder of the embedded server; null for any other server. */
  readonly embedded: string | null;
}

export interface Request {
  readonly sql: string;
  readonly queryId: string;
  readonly sessionId: string | null;
  readonly settings: Readonly<Record<string, string>>;
  /** Aborts the request, which then fails. */
  readonly abort: AbortController;
  /** Rows sent with the statement. */
  readonly data?: Readable | undefined;
  /** Called if the server is silent and does not report whether the statement is still running. */
  readonly doubt?: ((message: string) => void) | undefined;
}

export interface Answer {
  readonly format: string;
  /** The cost of the statement; null: the server did not report it. */
  readonly cost: StatementCost | null;
  /** Must be read to its end, or destroyed together with its connection. */
  readonly body: Readable;
}

/**
 * Reads the cost from the response headers. They contain the whole cost if the statement has ended
 * (`wait_end_of_query`).
 * @param summary of ClickHouse: JSON with decimal digits @returns null if it is missing, as behind some proxies
 */
function costOf(summary: unknown): StatementCost | null {
  const found = (name: string): number => {
    const [, digits] = new RegExp(`"${name}": ?"(\\d+)"`).exec(String(summary)) ?? [];
    return digits === undefined ? Number.NaN : Number(digits);
  };
  const [readRows, readBytes] = [found('read_rows'), found('read_bytes')];
  if (Number.isNaN(readRows + readBytes)) return null;
  return { readRows, readBytes, writtenRows: found('written_rows') || 0 };
}

const RETRY_MS = 1000;
/** Maximum delay of a timer: statements have no timeout. */
const NEVER = 2 ** 31 - 1;
/** Milliseconds of silence before TCP keep-alive: load balancers drop idle connections. */
const KEEP_ALIVE_MS = 20_000;
const REFUSED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ECONNRESET',
]);

/** One server, with a connection limit. Connects with the first request. */
export class Connection {
  readonly address: ServerAddress;
  readonly #client: ClickHouseClient;
  readonly #agent: HttpAgent;
  readonly #times: SilenceTimes;
  #reached = false;
  #closed = false;
  readonly #running = new Set<AbortController>();
  /** Names of the servers that have answered: there may be several behind a load balancer. */
  readonly #servers = new Set<string>();

  constructor(address: ServerAddress, limit: number, times: SilenceTimes) {
    this.address = address;
    this.#times = times;
    this.#agent = agentOf(address, limit);
    this.#client = clientOf(address, this.#agent);
  }

  /**
   * @throws TsdbtError of kind `connection` if no server answers, the client's error if the server rejects the
   *   statement
   */
  async send(request: Request): Promise<Answer> {
    const { abort } = request;
    if (this.#closed) throw stopped();
    this.#running.add(abort);
    let bytes = 0;
    let lost: TsdbtError | null = null;
    let body: Readable | undefined;
    const answered = watchSilence(
      {
        received: () => bytes,
        now: () => performance.now(),
        look: (limit) => this.#look(request.queryId, limit),
        doubt: (message) => request.doubt?.(message),
        lost: (message) => {
          lost = new TsdbtError('connection', `${message}.\n\tWhether the statement came to its end is not known.`, {
            hint: 'Look what the relation holds before it is built again.',
          });
          body?.destroy(lost);
          abort.abort();
        },
      },
      this.#times,
    );
    const done = (): void => {
      answered();
      this.#running.delete(abort);
    };
    try {
      const { stream, format, cost } = await this.#exchange(request);
      body = stream;
      const counter = new Transform({
        transform(chunk: Buffer, _encoding, next) {
          bytes += chunk.length;
          next(null, chunk);
        },
      });
      counter.once('close', done).on('error', () => undefined);
      pipeline(stream, counter, () => undefined);
      return { format, cost, body: counter };
    } catch (error) {
      done();
      throw lost ?? (this.#closed ? stopped() : error);
    }
  }

  /** @returns when the response headers have arrived */
  async #exchange(request: Request): Promise<{ stream: Readable; format: string; cost: StatementCost | null }> {
    const { signal } = request.abort;
    for (let tries = 0; ; tries++) {
      // No timeout for a server that has answered once.
      const late = this.#reached ? null : AbortSignal.timeout(this.address.connectTimeout * 1000);
      try {
        const { stream, response_headers } = await this.#client.exec({
          abort_signal: late === null ? signal : AbortSignal.any([signal, late]),
          query: request.sql,
          query_id: request.queryId,
          clickhouse_settings: request.settings,
          ...(request.sessionId === null ? {} : { session_id: request.sessionId }),
          ...(request.data === undefined ? {} : { values: request.data }),
        });
        this.#reached = true;
        const { 'x-clickhouse-format': format, 'x-clickhouse-server-display-name': server } = response_headers;
        if (typeof server === 'string') this.#servers.add(server);
        const cost = costOf(response_headers['x-clickhouse-summary']);
        return { stream, format: typeof format === 'string' ? format : '', cost };
      } catch (error) {
        if (this.#reached || late === null || error instanceof ClickHouseError || signal.aborted) throw error;
        const code = error instanceof Error && 'code' in error ? String(error.code) : '';
        if (!late.aborted && (tries >= this.address.retries || !REFUSED.has(code)))
          throw connectionError(error, this.address);
        if (tries >= this.address.retries)
          throw connectionError(
            new Error(`no answer within ${this.address.connectTimeout} s (connect_timeout)`),
            this.address,
          );
        await sleep(RETRY_MS);
      }
    }
  }

  /** Asks on a second connection whether the server is still running a statement. */
  async #look(queryId: string, limit: number): Promise<Look> {
    const { address } = this;
    const agent = agentOf({ ...address, keepAlive: false }, 1);
    const client = clientOf({ ...address, keepAlive: false }, agent);
    try {
      const abort_signal = AbortSignal.timeout(limit);
      // The embedded engine has no statement ids; if it ends, its statements end with it.
      if (address.embedded !== null) {
        const ping = await client.ping({ select: false, abort_signal });
        if (!ping.success) throw ping.error;
        return { state: 'runs', why: '' };
      }
      // A load balancer may route to other hosts of a cluster.
      const query = `SELECT (SELECT count() FROM system.processes WHERE query_id = ${quoteText(queryId)}),
  (SELECT countIf(NOT is_local) FROM system.clusters) FORMAT TabSeparated`;
      const { stream, response_headers } = await client.exec({ query, abort_signal });
      const [found = '', others = ''] = (await text(stream)).trim().split('\t');
      if (Number(found) > 0) return { state: 'runs', why: '' };
      const server = String(response_headers['x-clickhouse-server-display-name'] ?? '');
      const same = others === '0' && this.#servers.size <= 1 && [...this.#servers].every((name) => name === server);
      if (!same) return { state: 'unknown', why: 'the server that answers is perhaps another one' };
      return { state: 'gone', why: 'the server has no such statement in system.processes' };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      // The server is available but does not report it: the user lacks the privilege, or there are too many statements.
      if (error instanceof ClickHouseError) return { state: 'unknown', why };
      return { state: 'unreachable', why: /abort/i.test(why) ? `no answer within ${limit / 1000} s` : why };
    } finally {
      agent.destroy();
    }
  }

  /** Also aborts requests in flight. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const abort of this.#running) abort.abort();
    await this.#client.close();
    this.#agent.destroy();
  }
}

/** Maximum bytes of an unused answer that are read, so that its connection can be reused. */
const READ_OFF = 64 * 1024;

/** Drains an unused answer; for a long one, closes its connection. */
export function discard({ body }: Answer): Promise<void> {
  let bytes = 0;
  return new Promise((resolve) => {
    body
      .on('error', () => undefined)
      .on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > READ_OFF) body.destroy();
      })
      .once('close', resolve);
    if (body.closed) resolve();
  });
}

function stopped(): TsdbtError {
  return new TsdbtError('connection', 'the command is being stopped');
}

function clientOf(address: ServerAddress, agent: HttpAgent): ClickHouseClient {
  const { host, port, secure, user, password, keepAlive, compression } = address;
  return createClient({
    url: `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
    username: user,
    password,
    application: 'tsdbt',
    request_timeout: NEVER,
    http_agent: agent,
    // Parsing may block the timers of idle connections until the server has closed them.
    keep_alive: { enabled: keepAlive, eagerly_destroy_stale_sockets: true },
    compression: { request: compression, response: compression },
    log: { level: 127 },
  });
}

function agentOf(address: ServerAddress, limit: number): HttpAgent {
  const common = { keepAlive: address.keepAlive, keepAliveInitialDelay: KEEP_ALIVE_MS, maxSockets: limit };
  if (!address.secure) return endingUpgrades(new HttpAgent(common));
  const { clientCert, clientCertKey, serverHostName, verify } = address;
  const agent = new HttpsAgent({
    ...common,
    rejectUnauthorized: verify,
    ...(serverHostName === null ? {} : { servername: serverHostName }),
    ...(clientCert === null ? {} : { cert: fileOf('client_cert', clientCert) }),
    // A certificate's file may also contain its key.
    ...(clientCertKey !== null
      ? { key: fileOf('client_cert_key', clientCertKey) }
      : clientCert !== null
        ? { key: fileOf('client_cert', clientCert) }
        : {}),
  });
  return endingUpgrades(agent);
}

/** The client has no listener for an answer that changes the protocol, and only the agent sees its requests. */
function endingUpgrades<A extends HttpAgent>(agent: A): A {
  const add: unknown = Reflect.get(agent, 'addRequest');
  if (typeof add !== 'function') return agent;
  return Object.assign(agent, {
    addRequest(request: ClientRequest, ...options: readonly unknown[]): unknown {
      onUpgrade(request);
      return add.call(agent, request, ...options);
    },
  });
}

function fileOf(key: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new TsdbtError(
      'profile',
      `\`${key}\` in profiles.yml names a file that cannot be read: ` +
        `${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** @returns a function that returns the seconds since this call */
export function stopwatch(): () => number {
  const began = performance.now();
  return () => (performance.now() - began) / 1000;
}
