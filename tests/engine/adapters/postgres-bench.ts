// A database with adapter and sessions for the tests of the Postgres adapter.
import { afterAll, beforeAll, expect } from 'vitest';
import type { ExecuteMacro, Session } from '../../../src/adapters/adapter.ts';
import { PostgresAdapter } from '../../../src/adapters/postgres/adapter.ts';
import type { Relation } from '../../../src/adapters/relation.ts';
import { TsdbtError } from '../../../src/errors.ts';
import type { Credentials } from '../../../src/contracts/project.ts';
import { FOR_EVENTS } from '../support/events.ts';
import type { TestServer } from './servers.ts';

export const noMacro: ExecuteMacro = async (name) => {
  throw new Error(`macro ${name} was called`);
};

export async function failure(work: Promise<unknown>): Promise<TsdbtError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof TsdbtError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

/** Opens a database on the server for the tests around this call, and closes it after them. */
export function postgresBench(server: TestServer) {
  let credentials: Credentials;
  let close: () => Promise<void>;
  let adapter: PostgresAdapter;
  const make = (more: Record<string, unknown> = {}, threads = 4): PostgresAdapter =>
    new PostgresAdapter({ credentials: { ...credentials, ...more } as Credentials, threads, quoting: {} });

  beforeAll(async () => {
    ({ credentials, close } = await server.open());
    adapter = make();
  });
  afterAll(async () => {
    await adapter?.close();
    await close?.();
  });

  async function withSession<T>(work: (session: Session) => Promise<T>, on = adapter): Promise<T> {
    const session = on.session({ name: 'test' });
    try {
      return await work(session);
    } finally {
      await session.release();
    }
  }

  async function run(...statements: string[]): Promise<void> {
    await withSession(async (session) => {
      await session.begin();
      for (const sql of statements) await session.execute(sql);
      await session.commit();
    });
  }

  async function rows(sql: string): Promise<unknown[][]> {
    return withSession(async (session) =>
      (await session.execute(sql, { fetch: true })).table.rows.map((row) => [...row.values]),
    );
  }

  /** Waits until the server is at work on a statement that holds the text. */
  async function runs(text: string): Promise<void> {
    const found =
      `select 1 from pg_stat_activity where state = 'active' and pid <> pg_backend_pid() and datname = ` +
      `current_database() and strpos(query, '${text}') > 0`;
    await expect.poll(async () => (await rows(found)).length, FOR_EVENTS).toBeGreaterThan(0);
  }

  /** Some servers let the suite make no roles. */
  async function needsRoles(context: { skip(note: string): void }): Promise<void> {
    const [[able]] = (await rows('select rolsuper or rolcreaterole from pg_roles where rolname = current_user')) as [
      [boolean],
    ];
    if (!able) context.skip('the user of this server may not create roles');
  }

  const rel = (identifier: string, type: 'table' | 'view' | null = null, schema = 'public'): Relation =>
    adapter.createRelation({
      database: adapter.connectionInfo().find(([key]) => key === 'database')![1] as string,
      schema,
      identifier,
      type,
    });
  return {
    get adapter() {
      return adapter;
    },
    get credentials() {
      return credentials;
    },
    make,
    withSession,
    run,
    rows,
    runs,
    needsRoles,
    rel,
  };
}
