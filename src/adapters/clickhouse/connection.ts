// The way to a ClickHouse server: `@clickhouse/client` over HTTP(S), with the profile's time limits, certificates and number of connections. The
// same for the embedded server. What is sent and how answers are read is in session.ts.
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Readable } from 'node:stream';
import { type ClickHouseClient, ClickHouseError, createClient } from '@clickhouse/client';
import { TsdbtError } from '../../errors.ts';
import { connectionError } from './database-error.ts';

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly secure: boolean;
  readonly verify: boolean;
  readonly clientCert: string | null;
  readonly clientCertKey: string | null;
  /** Name of the certificate, where it is not the host's. */
  readonly serverHostName: string | null;
  /** Seconds. */
  readonly connectTimeout: number;
  readonly sendReceiveTimeout: number;
  /** How often to try again to connect. */
  readonly retries: number;
  readonly compression: boolean;
  readonly keepAlive: boolean;
  /** Folder of the embedded server; null: another one. */
  readonly embedded: string | null;
}

export interface Request {
  readonly sql: string;
  readonly queryId: string;
  readonly sessionId: string | null;
  readonly settings: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Rows that are sent beside the statement. */
  readonly data?: Readable | undefined;
}

export interface Answer { readonly format: string; readonly body: Readable }

const RETRY_MS = 1000;
const REFUSED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ECONNRESET']);

/** One server; holds at most so many connections. Connects with the first request. */
export class Connection {
  readonly address: ServerAddress;
  private readonly client: ClickHouseClient;
  private readonly agent: HttpAgent;
  private reached = false;

  constructor(address: ServerAddress, limit: number) {
    this.address = address;
    const { host, port, secure, sendReceiveTimeout, user, password, keepAlive, compression } = address;
    this.agent = agentOf(address, limit);
    this.client = createClient({
      url: `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`,
      username: user, password, application: 'tsdbt',
      request_timeout: sendReceiveTimeout * 1000,
      http_agent: this.agent,
      keep_alive: { enabled: keepAlive },
      compression: { request: compression, response: compression },
      log: { level: 127 as never },
    });
  }

  /** @throws TsdbtError of kind `connection` when nobody answers, the client's error when the server refuses */
  async send(request: Request): Promise<Answer> {
    for (let tries = 0; ; tries++) {
      const late = AbortSignal.timeout(this.address.connectTimeout * 1000);
      try {
        const { stream, response_headers } = await this.client.exec({
          // Whoever has answered once may take its time.
          query: request.sql, query_id: request.queryId, clickhouse_settings: request.settings, abort_signal: this.reached ? request.signal : AbortSignal.any([request.signal, late]),
          ...(request.sessionId === null ? {} : { session_id: request.sessionId }), ...(request.data === undefined ? {} : { values: request.data }),
        });
        this.reached = true;
        const format = response_headers['x-clickhouse-format'];
        return { format: typeof format === 'string' ? format : '', body: stream };
      } catch (error) {
        if (this.reached || error instanceof ClickHouseError || request.signal.aborted) throw error;
        const code = error instanceof Error && 'code' in error ? String(error.code) : '';
        if (!late.aborted && (tries >= this.address.retries || !REFUSED.has(code))) throw connectionError(error, this.address);
        if (tries >= this.address.retries) throw connectionError(new Error(`no answer within ${this.address.connectTimeout} s (connect_timeout)`), this.address);
        await new Promise((resolve) => { setTimeout(resolve, RETRY_MS); });
      }
    }
  }

  async close(): Promise<void> {
    await this.client.close();
    this.agent.destroy();
  }
}

function agentOf(address: ServerAddress, limit: number): HttpAgent {
  const common = { keepAlive: address.keepAlive, maxSockets: limit, timeout: address.sendReceiveTimeout * 1000 };
  if (!address.secure) return new HttpAgent(common);
  const { clientCert, clientCertKey, serverHostName, verify } = address;
  return new HttpsAgent({
    ...common, rejectUnauthorized: verify,
    ...(serverHostName === null ? {} : { servername: serverHostName }),
    ...(clientCert === null ? {} : { cert: fileOf('client_cert', clientCert) }),
    // A certificate's file may hold its key, too.
    ...(clientCert === null && clientCertKey === null ? {} : { key: fileOf(clientCertKey === null ? 'client_cert' : 'client_cert_key', clientCertKey ?? clientCert!) }),
  });
}

function fileOf(key: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new TsdbtError('profile', `\`${key}\` in profiles.yml names a file that cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
