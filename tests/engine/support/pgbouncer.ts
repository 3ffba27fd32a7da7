// PgBouncer in transaction mode before a Postgres server, as Debian has it.
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { quietPort } from './quiet-port.ts';

const PROGRAM = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find((path) => existsSync(path)) ?? null;
/** Why there is none; null: there is one. */
export const bouncerMissing: string | null = PROGRAM === null ? 'pgbouncer is not installed' : null;

export interface BouncedServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export class Bouncer {
  readonly port: number;
  #server: BouncedServer;
  readonly #dir = mkdtempSync(join(tmpdir(), 'tsdbt-bouncer-'));
  #child: ChildProcess | null = null;

  private constructor(server: BouncedServer, port: number) {
    this.#server = server;
    this.port = port;
  }

  /**
   * @param poolSize connections to the server at most
   * @param settings more lines of its file
   */
  static async open(server: BouncedServer, poolSize: number, settings: readonly string[] = []): Promise<Bouncer> {
    const bouncer = new Bouncer(server, await quietPort());
    const dir = bouncer.#dir;
    const users = join(dir, 'users.txt');
    // As root it runs as another user, who reads these.
    chmodSync(dir, 0o755);
    bouncer.tellPassword(server.password);
    writeFileSync(
      join(dir, 'bouncer.ini'),
      `[databases]\n* = host=${server.host} port=${server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n` +
        `listen_port = ${bouncer.port}\nunix_socket_dir =\nauth_type = plain\nauth_file = ${users}\n` +
        `pool_mode = transaction\ndefault_pool_size = ${poolSize}\nmax_client_conn = 200\nserver_login_retry = 1\n` +
        settings.map((line) => `${line}\n`).join(''),
    );
    await bouncer.start();
    return bouncer;
  }

  /** Of its user; known from the next start on. */
  tellPassword(password: string): void {
    this.#server = { ...this.#server, password };
    writeFileSync(join(this.#dir, 'users.txt'), `"${this.#server.user}" "${password}"\n`);
  }

  async start(): Promise<void> {
    const args = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
    this.#child = spawn(PROGRAM ?? 'pgbouncer', [...args, join(this.#dir, 'bouncer.ini')], {
      cwd: '/',
      stdio: 'ignore',
    });
    for (const end = Date.now() + 200_000; Date.now() < end; ) {
      const client = new pg.Client({ ...this.#server, host: '127.0.0.1', port: this.port });
      client.on('error', () => undefined);
      try {
        await client.connect();
        await client.end();
        return;
      } catch {
        await new Promise((resolve) => {
          setTimeout(resolve, 50);
        });
      }
    }
    throw new Error('PgBouncer does not answer');
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
