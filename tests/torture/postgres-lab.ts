// A Postgres of the campaign's own, made from the system's programs, that can crash, come back read-only, run out of
// disk and change its password; a PgBouncer before it; and a project of every kind of model on it. What is done to
// them, and when, is the campaign's.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { Bouncer } from '../engine/support/pgbouncer.ts';
import { quietPort } from '../engine/support/quiet-port.ts';
import { pause } from './campaign.ts';
import { WireProxy } from './wire-proxy.ts';

const AS_ROOT = process.getuid?.() === 0;
/** Enough for the server and the campaign; little enough to be filled at once. */
const DISK_MIB = 400;

/** Folder of the newest Postgres programs of the system; null: there are none. */
export const PG_BIN: string | null = (() => {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root)
    ? readdirSync(root)
        .map(Number)
        .filter((version) => existsSync(`${root}/${version}/bin/postgres`))
    : [];
  return versions.length === 0 ? null : `${root}/${Math.max(...versions)}/bin`;
})();

function asPostgres(command: string, args: readonly string[]): void {
  const [program, rest] = AS_ROOT ? ['runuser', ['-u', 'postgres', '--', command, ...args]] : [command, args];
  execFileSync(program!, rest as string[], { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
}

const POSTGRES_UID = (): { uid: number; gid: number } => {
  const [, , uid, gid] = execFileSync('getent', ['passwd', 'postgres'], { encoding: 'utf8' }).split(':');
  return { uid: Number(uid), gid: Number(gid) };
};

export class PostgresLab {
  readonly dir: string;
  readonly port: number;
  password = 'first';
  proxy!: WireProxy;
  /** A disk of its own, so that it can be full; false where none can be mounted. */
  readonly ownDisk: boolean;
  private readonly data: string;
  private bouncer: Bouncer | null = null;

  private constructor(dir: string, port: number) {
    this.dir = dir;
    this.port = port;
    chmodSync(dir, 0o755);
    const disk = join(dir, 'disk');
    mkdirSync(disk);
    let mounted = false;
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', disk], { stdio: 'ignore' });
      mounted = true;
    } catch {
      // Not as this user, or not in this container.
    }
    this.ownDisk = mounted;
    this.data = join(disk, 'data');
    if (AS_ROOT) chownSync(disk, POSTGRES_UID().uid, POSTGRES_UID().gid);
  }

  static async open(files: Readonly<Record<string, string>>): Promise<PostgresLab> {
    const lab = new PostgresLab(mkdtempSync(join(tmpdir(), 'tsdbt-torture-')), await quietPort());
    const password = join(lab.dir, 'password');
    writeFileSync(password, lab.password, { mode: 0o644 });
    asPostgres(`${PG_BIN}/initdb`, [
      '-D',
      lab.data,
      '-U',
      'postgres',
      '-A',
      'scram-sha-256',
      `--pwfile=${password}`,
      '--no-sync',
      '-E',
      'UTF8',
      '--locale=C',
    ]);
    lab.start();
    await lab.sql('create database d', 'postgres');
    lab.proxy = await WireProxy.open(() => lab.port);
    lab.write('project', files);
    lab.writeProfile('project', lab.proxy.port);
    return lab;
  }

  write(folder: string, files: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.dir, folder, path)), { recursive: true });
      writeFileSync(join(this.dir, folder, path), text);
    }
  }

  writeProfile(folder: string, port: number, threads = 4): void {
    this.write(folder, {
      'profiles.yml':
        `torture: {target: dev, outputs: {dev: {type: postgres, host: 127.0.0.1, port: ${port}, user: postgres,` +
        ` password: ${this.password}, ` +
        `dbname: d, schema: an, threads: ${threads}, connect_timeout: 30, application_name: under test}}}\n`,
    });
  }

  /** Another folder with the same project, as another host would have it. */
  copy(name: string): string {
    cpSync(join(this.dir, 'project'), join(this.dir, name), { recursive: true });
    return join(this.dir, name);
  }

  start(): void {
    asPostgres(`${PG_BIN}/pg_ctl`, [
      '-D',
      this.data,
      '-l',
      join(this.data, 'server.log'),
      '-w',
      '-o',
      `-p ${this.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c ` +
        'max_connections=80 -c shared_buffers=32MB -c max_wal_size=64MB -c min_wal_size=32MB',
      'start',
    ]);
  }

  stop(mode: 'fast' | 'immediate'): void {
    asPostgres(`${PG_BIN}/pg_ctl`, ['-D', this.data, '-m', mode, '-w', 'stop']);
  }

  /** All at once and without a word, as when the machine goes down. */
  async crash(): Promise<void> {
    this.stop('immediate');
    this.start();
  }

  /** The server comes back as a standby without a primary: it answers and lets nobody write. */
  async recover(): Promise<void> {
    this.stop('immediate');
    const signal = join(this.data, 'standby.signal');
    writeFileSync(signal, '');
    if (AS_ROOT) chownSync(signal, POSTGRES_UID().uid, POSTGRES_UID().gid);
    this.start();
  }

  /** Ends the recovery, if there is one. */
  async promote(): Promise<void> {
    if (!existsSync(join(this.data, 'standby.signal'))) return;
    asPostgres(`${PG_BIN}/pg_ctl`, ['-D', this.data, '-w', 'promote']);
  }

  fillDisk(): void {
    try {
      execFileSync('dd', ['if=/dev/zero', `of=${join(this.data, '..', 'filler')}`, 'bs=1M', `count=${DISK_MIB}`], {
        stdio: 'ignore',
      });
    } catch {
      // It is full: that is what was wanted.
    }
  }

  async freeDisk(): Promise<void> {
    rmSync(join(this.data, '..', 'filler'), { force: true });
    // A server that cannot write its log ends at once, or while it comes back from that.
    for (let i = 0; i < 200; i++) {
      if (!existsSync(join(this.data, 'postmaster.pid'))) this.start();
      if (
        await this.sql('create table pg_temp.x ()').then(
          () => true,
          () => false,
        )
      )
        return;
      await pause(50);
    }
    throw new Error('the server does not come back from a full disk');
  }

  async changePassword(to: string): Promise<void> {
    await this.sql(`alter role postgres password '${to}'`);
    this.password = to;
  }

  /** Everybody learns the new password. */
  async tellPassword(): Promise<void> {
    this.writeProfile('project', this.proxy.port);
    if (this.bouncer === null) return;
    await this.stopBouncer();
    await this.startBouncer();
  }

  get bouncerPort(): number {
    return this.bouncer?.port ?? 0;
  }

  /** PgBouncer between the proxy and the server. */
  async startBouncer(): Promise<void> {
    if (this.bouncer === null) {
      const { port, password } = this;
      const server = { host: '127.0.0.1', port, user: 'postgres', password, database: 'd' };
      this.bouncer = await Bouncer.open(server, 20, [
        'server_idle_timeout = 1',
        'ignore_startup_parameters = extra_float_digits,options,search_path',
      ]);
      return;
    }
    this.bouncer.tellPassword(this.password);
    await this.bouncer.start();
  }

  async stopBouncer(): Promise<void> {
    await this.bouncer?.stop();
  }

  client(database = 'd', port = this.port): pg.Client {
    const client = new pg.Client({
      host: '127.0.0.1',
      port,
      user: 'postgres',
      password: this.password,
      database,
      application_name: 'campaign',
      connectionTimeoutMillis: 30_000,
    });
    client.on('error', () => undefined);
    return client;
  }

  /** Rows as arrays of texts. */
  async sql(text: string, database = 'd', port = this.port): Promise<string[][]> {
    const client = this.client(database, port);
    await client.connect();
    try {
      const answer = await client.query<unknown[]>({ text, rowMode: 'array' });
      return (Array.isArray(answer) ? [] : answer.rows).map((row) => row.map(String));
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /** Ends some of the connections that commands have. */
  async endBackends(share: number): Promise<void> {
    await this.sql(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'under test' and " +
        `random() < ${share}`,
    ).catch(() => undefined);
  }

  /** Whether the sessions of commands end soon. */
  async sessionsGone(): Promise<boolean> {
    for (let i = 0; i < 100; i++) {
      const [[left]] = (await this.sql(
        "select count(*) from pg_stat_activity where application_name = 'under test' and backend_type = " +
          "'client backend'",
      )) as [[string]];
      if (left === '0') return true;
      await pause(50);
    }
    return false;
  }

  async close(): Promise<void> {
    await this.proxy.close();
    await this.bouncer?.close();
    try {
      this.stop('immediate');
    } catch {
      // It is down.
    }
    if (this.ownDisk)
      execFileSync('umount', [
        '-l',
        statSync(join(this.dir, 'disk')).isDirectory() ? join(this.dir, 'disk') : this.dir,
      ]);
    rmSync(this.dir, { recursive: true, force: true });
  }
}
