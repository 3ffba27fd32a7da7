// An embedded ClickHouse and, before it, a proxy that sees every request: it can strike at one of them, break all off,
// or hold all back. What is done, and when, is the campaign's.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { ClickhouseProxy } from '../engine/support/clickhouse-proxy.ts';
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

export class ClickhouseLab extends ClickhouseProxy {
  /** Requests since the last `arm`. */
  count = 0;
  private strike: Strike | null = null;
  private refusal: (typeof REFUSALS)[number] | null = null;
  private struck: Promise<void> = Promise.resolve();
  private frozen: Promise<void> | null = null;
  thaw: () => void = () => undefined;

  static async open(files: Readonly<Record<string, string>>): Promise<ClickhouseLab> {
    const lab = new ClickhouseLab('tsdbt-torture-ch-');
    await lab.start();
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

  /** Nothing gets through until `thaw`. */
  freeze(): void {
    this.frozen = new Promise((resolve) => {
      this.thaw = () => {
        this.frozen = null;
        resolve();
      };
    });
  }

  protected override async forward(req: IncomingMessage, body: Buffer, res: ServerResponse): Promise<void> {
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

  protected override async pass(req: IncomingMessage, body: Buffer, res: ServerResponse | null): Promise<void> {
    await this.frozen;
    await this.away;
    if (this.refusal !== null && WRITES.test(body.toString('utf8', 0, 10_000))) {
      const [code, name, words] = this.refusal;
      res
        ?.writeHead(500, { 'X-ClickHouse-Exception-Code': code, 'Content-Type': 'text/plain' })
        .end(`Code: ${code}. DB::Exception: ${words}. (${name}) (version 26.7.2.1)\n`);
      return;
    }
    await super.pass(req, body, res, { leaves: true });
  }
}
