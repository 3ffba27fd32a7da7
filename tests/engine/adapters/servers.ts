// The Postgres servers that the behaviour suite runs on: the embedded one, and any named by TSDBT_TEST_PG (a URL), each
// with a database made for the run and dropped after it.
import { randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { embeddedPostgres, embeddedStatus } from '../../../src/adapters/postgres/embedded.ts';
import { startOf } from '../../../src/adapters/process-identity.ts';
import type { Credentials } from '../../../src/contracts/project.ts';

export interface TestServer {
  readonly name: string;
  /**
   * A fresh database and what connects to it. `crash` stops the whole server at once, as `pg_ctl stop -m immediate`
   * does, and starts it again; only where it is ours.
   */
  open(): Promise<{ credentials: Credentials; close(): Promise<void>; crash?(): Promise<void> }>;
}

interface Address {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

async function database(address: Address): Promise<{ credentials: Credentials; drop(): Promise<void> }> {
  const name = `tsdbt_test_${randomBytes(5).toString('hex')}`;
  const run = async (sql: string): Promise<void> => {
    const client = new pg.Client({ ...address, database: 'postgres' });
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
    drop: () => run(`drop database if exists ${name} with (force)`),
  };
}

const embedded: TestServer = {
  name: 'the embedded Postgres',
  async open() {
    const project = mkdtempSync(join(tmpdir(), 'tsdbt-adapters-'));
    const dir = join(project, '.tsdbt/pg');
    const server = await embeddedPostgres({ dir });
    const again: (typeof server)[] = [];
    const { credentials } = await database({
      host: server.host,
      port: server.port,
      user: server.user,
      password: server.password,
    });
    return {
      credentials,
      async crash() {
        const before = embeddedStatus(dir);
        if (before.state !== 'running') throw new Error('the server does not run');
        process.kill(before.pid, 'SIGQUIT');
        // Its file goes before it does itself.
        while (startOf(before.pid) !== null)
          await new Promise((resolve) => {
            setTimeout(resolve, 10);
          });
        again.push(await embeddedPostgres({ dir }));
        if (again.at(-1)!.port !== server.port) throw new Error('somebody has taken the port meanwhile');
      },
      async close() {
        for (const each of [server, ...again]) await each.release();
        for (let i = 0; i < 500 && embeddedStatus(dir).state === 'running'; i++)
          await new Promise((resolve) => {
            setTimeout(resolve, 20);
          });
        const status = embeddedStatus(dir);
        spawn('rm', ['-rf', project, ...(status.state === 'absent' ? [] : [status.home])], {
          detached: true,
          stdio: 'ignore',
        }).unref();
      },
    };
  },
};

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
