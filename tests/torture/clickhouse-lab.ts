// An embedded ClickHouse and, before it, a proxy that sees every request: it can strike at one of them, break all off,
// or hold all back. What is done, and when, is the campaign's.
import { mkdirSync, mkdtempSync, cpSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { embeddedClickhouse, type EmbeddedServer, embeddedStatus } from '../../src/adapters/clickhouse/embedded.ts';
import { pause } from './campaign.ts';

/** before: the request is sent on when the act is done; during: at the same time; after: its answer is not sent back;
 * late: it reaches the server when the command is long gone. */
export interface Strike {
  readonly at: number;
  readonly when: 'before' | 'during' | 'after' | 'late';
  readonly act: () => Promise<void>;
}

/** What a server answers that cannot write: the exception's code, name and words. */
export const REFUSALS: readonly (readonly [number, string, string])[] = [
  [243, 'NOT_ENOUGH_SPACE', 'Cannot reserve 1.00 MiB, not enough space'],
  [164, 'READONLY', 'Cannot execute query in readonly mode'],
  [242, 'TABLE_IS_READ_ONLY', 'Table is in readonly mode'],
];
const WRITES = /^\s*(?:\/\*[\s\S]*?\*\/\s*)?(?:insert|create|alter|exchange|rename)\b/i;

export class ClickhouseLab {
  readonly dir = mkdtempSync(join(tmpdir(), 'tsdbt-torture-ch-'));
  /** Requests since the last `arm`. */
  count = 0;
  port = 0;
  private readonly data = join(this.dir, 'server');
  private server!: EmbeddedServer;
  private readonly proxy: Server;
  private strike: Strike | null = null;
  private refusal: (typeof REFUSALS)[number] | null = null;
  private struck: Promise<void> = Promise.resolve();
  private frozen: Promise<void> | null = null;
  private away: Promise<void> | null = null;
  thaw: () => void = () => undefined;

  private constructor() {
    this.proxy = createServer((req, res) => void this.forward(req, res).catch(() => res.destroy()));
  }

  static async open(files: Readonly<Record<string, string>>): Promise<ClickhouseLab> {
    const lab = new ClickhouseLab();
    lab.server = await embeddedClickhouse({ dir: lab.data, projectDir: process.cwd() });
    await new Promise<void>((resolve) => {
      lab.proxy.listen(0, '127.0.0.1', resolve);
    });
    lab.port = (lab.proxy.address() as AddressInfo).port;
    const { user, password } = lab.server;
    const profile =
      `torture: {target: dev, outputs: {dev: {type: clickhouse, host: 127.0.0.1, port: ${lab.port}, user: ` +
      `${user}, password: "${password}", ` +
      'schema: an, threads: 4, use_lw_deletes: true, retries: 0}}}\n';
    for (const [path, text] of Object.entries({ ...files, 'profiles.yml': profile })) {
      mkdirSync(dirname(join(lab.dir, 'project', path)), { recursive: true });
      writeFileSync(join(lab.dir, 'project', path), text);
    }
    return lab;
  }

  /** Another folder with the same project, as another host would have it. */
  copy(name: string): string {
    cpSync(join(this.dir, 'project'), join(this.dir, name), { recursive: true });
    return join(this.dir, name);
  }

  /** Counts anew. @returns what waits until the strike, if it came, has done its work, and tells whether it came */
  arm(strike: Strike | null): () => Promise<boolean> {
    this.count = 0;
    this.strike = strike;
    this.struck = Promise.resolve();
    return async () => {
      await this.struck;
      return this.strike === null;
    };
  }

  /** From now on nothing is written: the proxy answers as a server that is full or read-only does. */
  refuse(refusal: (typeof REFUSALS)[number] | null): void {
    this.refusal = refusal;
  }

  /** Ends what runs on the server, of everybody, again and again for a while. */
  async killQueries(ms: number): Promise<void> {
    for (const end = Date.now() + ms; Date.now() < end; await pause(3)) {
      await this.rows("kill query where query not ilike '%kill query%' async format Null").catch(() => undefined);
    }
  }

  cut(): void {
    this.proxy.closeAllConnections();
  }

  /** Nothing gets through until `thaw`. */
  freeze(): void {
    this.frozen = new Promise((resolve) => {
      this.thaw = () => {
        this.frozen = null;
        resolve();
      };
    });
  }

  /** SIGKILL of the server; it is there again when this returns. */
  async crash(): Promise<void> {
    let back: () => void = () => undefined;
    this.away = new Promise((resolve) => {
      back = resolve;
    });
    const status = embeddedStatus(this.data);
    if (status.state === 'running') process.kill(status.pid, 'SIGKILL');
    await this.server.release();
    while (embeddedStatus(this.data).state === 'running') await pause(10);
    this.server = await embeddedClickhouse({ dir: this.data, projectDir: process.cwd() });
    this.away = null;
    back();
  }

  /** Rows as arrays, from the server itself. @throws with what it answers */
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
    this.proxy.close();
    this.proxy.closeAllConnections();
    await this.server.release();
    for (let i = 0; i < 500 && embeddedStatus(this.data).state === 'running'; i++) await pause(20);
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }

  private async forward(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    await this.frozen;
    const { strike } = this;
    if (req.method !== 'POST' || strike === null || strike.at !== this.count++) return this.pass(req, body, res);
    this.strike = null;
    if (strike.when === 'after') await this.pass(req, body, null);
    this.struck = strike.act();
    if (strike.when === 'during') return this.pass(req, body, res);
    await this.struck;
    if (strike.when === 'before') return this.pass(req, body, res);
    if (strike.when === 'late') {
      await pause(400);
      await this.pass(req, body, null).catch(() => undefined);
    }
    res.destroy();
  }

  private async pass(req: IncomingMessage, body: Buffer, res: ServerResponse | null): Promise<void> {
    await this.frozen;
    await this.away;
    if (this.refusal !== null && WRITES.test(body.toString('utf8', 0, 10_000))) {
      const [code, name, words] = this.refusal;
      res
        ?.writeHead(500, { 'X-ClickHouse-Exception-Code': code, 'Content-Type': 'text/plain' })
        .end(`Code: ${code}. DB::Exception: ${words}. (${name}) (version 26.7.2.1)\n`);
      return;
    }
    const { host: _host, 'transfer-encoding': _encoding, ...headers } = req.headers;
    await new Promise<void>((resolve, reject) => {
      const options = {
        host: this.server.host,
        port: this.server.port,
        method: req.method,
        path: req.url,
        headers: { ...headers, 'content-length': body.length, connection: 'close' },
      };
      const out = request(options, (answer) => {
        answer.on('end', resolve);
        answer.on('error', reject);
        if (res === null) answer.resume();
        else {
          res.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(res);
        }
      });
      out.on('error', reject);
      // A client that goes away is gone for the server, too.
      res?.once('close', () => {
        if (!res.writableFinished) out.destroy();
      });
      out.end(body);
    });
  }
}
