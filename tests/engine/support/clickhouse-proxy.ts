// Starts an embedded ClickHouse and a proxy in front of it, through which a command reaches it. Subclasses decide what
// the proxy does with each request.
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { embeddedClickhouse, type EmbeddedServer, embeddedStatus } from '../../../src/adapters/clickhouse/embedded.ts';

import type { Credentials } from '../../../src/contracts/project.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export abstract class ClickhouseProxy {
  readonly dir: string;
  port = 0;
  protected server!: EmbeddedServer;
  /** While not null, incoming requests wait for it: the server is down. */
  protected away: Promise<void> | null = null;
  readonly #data: string;
  readonly #proxy: Server;

  /** @param prefix of the folder's name */
  protected constructor(prefix: string) {
    this.dir = mkdtempSync(join(tmpdir(), prefix));
    this.#data = join(this.dir, '.tsdbt/ch');
    this.#proxy = createServer((req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        void this.forward(req, Buffer.concat(chunks), res).catch(() => res.destroy());
      });
    });
  }

  /** Of a profile that reaches the server through this one. */
  get credentials(): Credentials {
    const { user, password } = this.server;
    return { type: 'clickhouse', host: '127.0.0.1', port: this.port, user, password, database: '', schema: 's' };
  }

  /** Answers a request: by the server (`pass`), by itself, or never. */
  protected abstract forward(req: IncomingMessage, body: Buffer, res: ServerResponse): Promise<void>;

  protected async start(): Promise<void> {
    await this.#startServer();
    await new Promise<void>((resolve) => {
      this.#proxy.listen(0, '127.0.0.1', resolve);
    });
    this.port = (this.#proxy.address() as AddressInfo).port;
  }

  async #startServer(): Promise<void> {
    this.server = await embeddedClickhouse({ dir: this.#data, projectDir: ROOT });
  }

  /** Kills the server with SIGKILL; resolves when it has been restarted. */
  async crash(): Promise<void> {
    let back: () => void = () => undefined;
    this.away = new Promise((resolve) => {
      back = resolve;
    });
    const status = embeddedStatus(this.#data);
    if (status.state === 'running') process.kill(status.pid, 'SIGKILL');
    await this.server.release();
    while (embeddedStatus(this.#data).state === 'running') await pause(10);
    await this.#startServer();
    this.away = null;
    back();
  }

  /** Closes every connection to the proxy. */
  cut(): void {
    this.#proxy.closeAllConnections();
  }

  /**
   * Forwards a request to the server.
   * @param res receives the answer; null: the answer is dropped
   * @param options `held`: the answer waits for it; `leaves`: a client's disconnect is forwarded to the server;
   *   `heads`: asked for more heads of the answer when the statement has ended
   */
  protected async pass(
    req: IncomingMessage,
    body: Buffer,
    res: ServerResponse | null,
    options: {
      readonly held?: Promise<unknown> | undefined;
      readonly leaves?: boolean;
      readonly heads?: () => Promise<Readonly<Record<string, string>>>;
    } = {},
  ): Promise<void> {
    await this.away;
    const { host: _host, 'transfer-encoding': _encoding, ...headers } = req.headers;
    await new Promise<void>((resolve, reject) => {
      const out = request(
        {
          host: this.server.host,
          port: this.server.port,
          method: req.method,
          path: req.url,
          headers: { ...headers, 'content-length': body.length, connection: 'close' },
        },
        (answer) => {
          answer.on('end', resolve);
          answer.on('error', reject);
          if (res === null) answer.resume();
          else {
            Promise.resolve(options.held)
              .then(async () => {
                res.writeHead(answer.statusCode ?? 502, { ...answer.headers, ...(await options.heads?.()) });
                answer.pipe(res);
              })
              .catch(reject);
          }
        },
      );
      out.on('error', reject);
      if (options.leaves)
        res?.once('close', () => {
          if (!res.writableFinished) out.destroy();
        });
      out.end(body);
    });
  }

  /** Rows as arrays, from the server itself. @throws an error with the server's answer */
  async rows(sql: string): Promise<unknown[][]> {
    await this.away;
    const answer = await fetch(`http://${this.server.host}:${this.server.port}/?default_format=JSONCompactEachRow`, {
      method: 'POST',
      body: sql,
      headers: { 'X-ClickHouse-User': this.server.user, 'X-ClickHouse-Key': this.server.password },
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(text);
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown[]);
  }

  async close(): Promise<void> {
    this.#proxy.close();
    this.#proxy.closeAllConnections();
    await this.server.release();
    for (const end = Date.now() + 200_000; Date.now() < end && embeddedStatus(this.#data).state === 'running'; )
      await pause(20);
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
