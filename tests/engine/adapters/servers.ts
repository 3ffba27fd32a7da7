// The Postgres servers that the behaviour suite runs on: the embedded one, and any named by TSDBT_TEST_PG (a URL), each
// with a database made for the run and dropped after it.
import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { embeddedPostgres, embeddedStatus } from '../../../src/adapters/postgres/embedded.ts';
import { PostgresFiles } from '../../../src/adapters/postgres/embedded-files.ts';
import { EMBEDDED_ADMIN, install } from '../../../src/adapters/postgres/embedded-install.ts';
import { startOf } from '../../../src/adapters/process-identity.ts';
import type { Credentials } from '../../../src/contracts/project.ts';
import { quietPort } from '../support/quiet-port.ts';

export interface TestServer {
  readonly name: string;
  /**
   * A fresh database and what connects to it. `crash` stops the whole server at once, as `pg_ctl stop -m immediate`
   * does, and starts it again; only where nobody else uses it. `superuser` logs in where `credentials` are of no
   * superuser.
   */
  open(): Promise<{
    credentials: Credentials;
    superuser?: { readonly user: string; readonly password: string };
    close(): Promise<void>;
    crash?(): Promise<void>;
  }>;
}

interface Address {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/**
 * @param superuser who ends sessions, among them those of autovacuum, which only a superuser may end
 * @returns with `leave`, which ends all that still uses the database, and `drop`, which removes it
 */
async function database(
  address: Address,
  superuser: Pick<Address, 'user' | 'password'> = address,
): Promise<{ credentials: Credentials; leave(): Promise<void>; drop(): Promise<void> }> {
  const name = `tsdbt_test_${randomBytes(5).toString('hex')}`;
  const run = async (sql: string, as: Pick<Address, 'user' | 'password'> = address): Promise<void> => {
    const client = new pg.Client({ ...address, user: as.user, password: as.password, database: 'postgres' });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  await run(`create database ${name} template template0`);
  return {
    credentials: { type: 'postgres', ...address, database: name, schema: 'public', retries: 1, connect_timeout: 10 },
    // Dropping makes the whole server write what it has in memory; one that is thrown away need not.
    leave: () => run(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`, superuser),
    drop: () => run(`drop database if exists ${name} with (force)`),
  };
}

/** The embedded server of a folder, with a database made for the caller. */
async function embeddedIn(dir: string) {
  const server = await embeddedPostgres({ dir });
  const { host, port, user, password } = server;
  const superuser = { user: EMBEDDED_ADMIN, password: new PostgresFiles(dir).adminPassword! };
  const { credentials, leave } = await database({ host, port, user, password }, superuser);
  return { server, credentials, superuser, leave };
}

/** The one that test files share (see support/shared-servers.ts); started by the first that needs it. */
const embedded: TestServer = {
  name: 'the embedded Postgres',
  async open() {
    const shared = process.env['TSDBT_TEST_POSTGRES_DIR'];
    if (shared === undefined) return OWN_SERVER.open();
    const { server, credentials, superuser, leave } = await embeddedIn(shared);
    return {
      credentials,
      superuser,
      async close() {
        await leave();
        await server.release();
      },
    };
  },
};

/** An embedded server that nobody else uses, which may be crashed. */
export const OWN_SERVER: TestServer = {
  name: 'an embedded Postgres of its own',
  async open() {
    const project = mkdtempSync(join(tmpdir(), 'tsdbt-adapters-'));
    const dir = join(project, '.tsdbt/pg');
    // A port that nobody takes while the server is away.
    const files = new PostgresFiles(dir);
    files.prepare();
    files.place = { ...(await install(files, undefined)), port: await quietPort() };
    const { server, credentials, superuser } = await embeddedIn(dir);
    const again: (typeof server)[] = [];
    return {
      credentials,
      superuser,
      async crash() {
        const before = embeddedStatus(dir);
        if (before.state !== 'running') throw new Error('the server does not run');
        process.kill(before.pid, 'SIGQUIT');
        // Its file goes before it does itself.
        while (startOf(before.pid) !== null) await pause(10);
        again.push(await embeddedPostgres({ dir }));
        if (again.at(-1)!.port !== server.port) throw new Error('somebody has taken the port meanwhile');
      },
      async close() {
        for (const each of [server, ...again]) await each.release();
        await removeEmbedded(project, dir);
      },
    };
  },
};

/** Waits until the server of a folder has stopped, and removes it with the project around it. */
export async function removeEmbedded(project: string, dir: string): Promise<void> {
  const { state, ...found } = embeddedStatus(dir);
  while (embeddedStatus(dir).state === 'running') await pause(20);
  const folders = [project, ...('home' in found ? [found.home] : [])];
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true, maxRetries: 5 })));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function named(url: string): TestServer {
  const { hostname, port, username, password } = new URL(url);
  const address = {
    host: decodeURIComponent(hostname),
    port: Number(port || 5432),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  };
  return {
    name: `the Postgres at ${address.host}:${address.port}`,
    async open() {
      const { credentials, drop } = await database(address);
      return { credentials, close: drop };
    },
  };
}

const given = process.env['TSDBT_TEST_PG'];
export const SERVERS: readonly TestServer[] = given ? [embedded, named(given)] : [embedded];
