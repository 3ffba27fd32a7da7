// Tests that the adapter uses the environment variables of dbt's driver.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPostgresAdapter } from '../../../src/adapters/postgres/create.ts';
import type { Credentials } from '../../../src/contracts/project.ts';
import { SERVERS } from './servers.ts';
import { quietPort } from '../support/quiet-port.ts';

let credentials: Credentials;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ credentials, close } = await SERVERS[0]!.open());
});
afterAll(async () => close());

async function answer(env: Record<string, string>, sql: string, more: Record<string, unknown> = {}): Promise<unknown> {
  const own = { ...credentials, retries: 0, ...more } as Credentials;
  const profile = { profile_name: 'p', target_name: 't', threads: 1, credentials: own, profiles_dir: null };
  const adapter = createPostgresAdapter(profile, { quoting: {}, projectDir: '/', env });
  const session = adapter.session({ name: 'test' });
  try {
    return (await session.execute(sql, { fetch: true })).table.rows[0]!.values[0];
  } finally {
    await session.release();
    await adapter.close();
  }
}

test('a server without TLS rejects PGSSLMODE=require, but accepts prefer', async () => {
  expect(await answer({ PGSSLMODE: 'prefer' }, "select 'yes'")).toBe('yes');
  await expect(answer({ PGSSLMODE: 'require' }, 'select 1')).rejects.toThrow(/does not support SSL/);
});

test('the date style of the role is replaced by the one in which dates are parsed', async () => {
  expect(await answer({ PGOPTIONS: '-c DateStyle=German' }, "select current_setting('DateStyle')")).toMatch(/^ISO/);
});

test('PGTZ and PGOPTIONS apply to every session', async () => {
  const env = { PGTZ: 'America/New_York', PGOPTIONS: '-c work_mem=3MB' };
  expect(await answer(env, "select current_setting('TimeZone') || ' ' || current_setting('work_mem')")).toBe(
    'America/New_York 3MB',
  );
});

test('host and port can be lists as in libpq: the next server is tried unless one rejects the login', async () => {
  const { host, port } = credentials as unknown as { host: string; port: number };
  const closed = await quietPort();
  const through = { host: `127.0.0.1,${host}`, port: `${closed},${port}` };
  expect(await answer({}, "select 'yes'", through)).toBe('yes');
  expect(await answer({}, "select 'yes'", { host: `${host}/nowhere,${host}` })).toBe('yes');
  await expect(answer({}, 'select 1', { host: `${host},${host}`, port: closed })).rejects.toThrow(
    new RegExp(`port ${closed} failed: Connection refused[^]*port ${closed} failed`),
  );
  await expect(answer({}, 'select 1', { host: `${host},${host}`, user: 'absent' })).rejects.toThrow(/"absent"/);
  await expect(answer({}, 'select 1', { port: '1,2' })).rejects.toThrow('could not match 2 port numbers to 1 hosts');
});

test('target_session_attrs selects the server, from the profile or from PGTARGETSESSIONATTRS', async () => {
  const readOnly = { PGOPTIONS: '-c default_transaction_read_only=on' };
  expect(await answer({ PGTARGETSESSIONATTRS: 'primary' }, "select 'yes'")).toBe('yes');
  expect(await answer({}, "select 'yes'", { target_session_attrs: 'prefer-standby' })).toBe('yes');
  expect(await answer(readOnly, "select 'yes'", { target_session_attrs: 'read-only' })).toBe('yes');
  await expect(answer(readOnly, 'select 1', { target_session_attrs: 'read-write' })).rejects.toThrow(
    /session is read-only/,
  );
  await expect(answer({ PGTARGETSESSIONATTRS: 'standby' }, 'select 1')).rejects.toThrow(/not in hot standby mode/);
  await expect(answer({ PGTARGETSESSIONATTRS: 'master' }, 'select 1')).rejects.toThrow(
    'invalid target_session_attrs value: "master"',
  );
});
