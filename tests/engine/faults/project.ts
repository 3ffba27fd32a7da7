// A project in a folder of its own and a database for it: files written, the built program run, questions asked.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { SERVERS, type TestServer } from '../adapters/servers.ts';
import { type Ended, type Place, run, type Running, start } from '../support/program.ts';

interface Login {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export class FaultProject {
  readonly dir = mkdtempSync(join(tmpdir(), 'tsdbt-faults-'));
  client: pg.Client;
  /** Of every command, beside this process's own environment. */
  env: Readonly<Record<string, string>> = {};
  private turn: Promise<unknown> = Promise.resolve();
  private readonly server: Awaited<ReturnType<TestServer['open']>>;

  private constructor(server: Awaited<ReturnType<TestServer['open']>>) {
    this.server = server;
    const { host, port, user, password, database } = server.credentials as unknown as Login;
    this.client = new pg.Client({ host, port, user, password, database, application_name: 'faults test' });
    this.client.on('error', () => undefined);
    this.write({
      'dbt_project.yml': 'name: faults\nversion: "1.0"\nprofile: faults\nflags: {send_anonymous_usage_stats: false}\n',
      'profiles.yml':
        `faults: {target: dev, outputs: {dev: {type: postgres, host: ${host}, port: ${port}, user: ${user}, ` +
        `password: "${password}", dbname: ${database}, schema: s, threads: 4, application_name: under test}}}\n`,
    });
  }

  static async open(files: Readonly<Record<string, string>>, server = SERVERS.at(-1)!): Promise<FaultProject> {
    const project = new FaultProject(await server.open());
    await project.client.connect();
    project.write(files);
    return project;
  }

  /** Runs statements as a superuser, in one session. */
  async asSuperuser(sql: string): Promise<void> {
    const { host, port, user, password, database } = {
      ...this.server.credentials,
      ...this.server.superuser,
    } as unknown as Login;
    const client = new pg.Client({ host, port, user, password, database });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  }

  write(files: Readonly<Record<string, string>>): void {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.dir, path)), { recursive: true });
      writeFileSync(join(this.dir, path), text);
    }
  }

  remove(path: string): void {
    rmSync(join(this.dir, path));
  }

  read(path: string): string {
    return readFileSync(join(this.dir, path), 'utf8');
  }

  /** As a process. @param targetPath two commands at once need a folder each */
  start(args: readonly string[], targetPath?: string): Running {
    return start(...this.#command(args, targetPath));
  }

  /** Within this process: nothing else runs meanwhile, and nothing stops it. */
  async run(args: readonly string[], targetPath?: string): Promise<Ended> {
    return run(...this.#command(args, targetPath));
  }

  #command(args: readonly string[], targetPath = 'target'): [readonly string[], Place] {
    return [
      [...args, '--target-path', targetPath, '--log-path', `logs-${targetPath}`, '--no-use-colors'],
      { cwd: this.dir, env: { ...process.env, DBT_PROFILES_DIR: this.dir, ...this.env } },
    ];
  }

  /** Rows as arrays of texts. */
  async rows(sql: string): Promise<string[][]> {
    // Tests that run together ask one after the other.
    const answer = this.turn.then(() => this.client.query<unknown[]>({ text: sql, rowMode: 'array' }));
    this.turn = answer.catch(() => undefined);
    const { rows } = await answer;
    return rows.map((row) => row.map(String));
  }

  async one(sql: string): Promise<string | undefined> {
    return (await this.rows(sql))[0]?.[0];
  }

  /** Waits until a query answers true; a table that is not there yet may come. */
  async until(sql: string): Promise<void> {
    const ask = (): Promise<string | undefined> =>
      this.one(sql).catch((error: { code?: string }) => {
        if (error.code === '42P01' || error.code === '3F000') return 'false';
        throw error;
      });
    for (const end = Date.now() + LIMIT_MS; Date.now() < end; await pause(20)) if ((await ask()) === 'true') return;
    throw new Error(`never true: ${sql}`);
  }

  /** Makes the function `public.pass(gate)`, by which statements of the project pass gates; it returns the name. */
  async makeGates(): Promise<void> {
    await this.client.query(
      `create function public.pass(gate text) returns text language plpgsql volatile as $$ begin
         perform pg_advisory_lock_shared(${GATES}, hashtext(gate));
         perform pg_advisory_unlock_shared(${GATES}, hashtext(gate)); return gate; end $$`,
    );
  }

  /** From now on who comes to the gate waits there. */
  async shutGate(gate: string): Promise<void> {
    await this.one(`select pg_advisory_lock(${GATES}, hashtext('${gate}'))`);
  }

  /** Who waits at the gate goes on. */
  async openGate(gate: string): Promise<void> {
    await this.one(`select pg_advisory_unlock(${GATES}, hashtext('${gate}'))`);
  }

  /** Waits until as many statements stand at the gate. */
  async waitAtGate(gate: string, count = 1): Promise<void> {
    await this.until(
      `select count(*) >= ${count} from pg_locks where locktype = 'advisory' and not granted and classid = ${GATES} ` +
        `and database = (select oid from pg_database where datname = current_database()) and objid::bigint = ` +
        `(hashtext('${gate}')::bigint & 4294967295)`,
    );
  }

  /** Stops the whole server in the midst of everything and starts it again. */
  async crash(): Promise<void> {
    const { host, port, user, password, database } = this.client;
    // The embedded server may lose the commits of its last 0.6 s.
    await this.client.query('checkpoint');
    await this.server.crash!();
    await this.client.end().catch(() => undefined);
    this.client = new pg.Client({
      host,
      port,
      user,
      password: password ?? '',
      database: database ?? '',
      application_name: 'faults test',
    });
    this.client.on('error', () => undefined);
    await this.client.connect();
  }

  /** Names of relations that only a run at work should have. */
  async orphans(): Promise<string[][]> {
    return this.rows(
      'select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where ' +
        "c.relname ~ '__dbt_' and c.relkind in ('r', 'p', 'v', 'm')",
    );
  }

  async close(): Promise<void> {
    await this.client.end();
    await this.server.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** For what never comes true: the question then stands in the error. */
const LIMIT_MS = 200_000;
/** First half of the advisory locks that are gates. */
const GATES = 7201;

export const BACKENDS =
  "select count(*) from pg_stat_activity where datname = current_database() and application_name like '%under test%'";

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
