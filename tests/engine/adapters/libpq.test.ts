// The adapter hears the variables that dbt's driver hears.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPostgresAdapter } from '../../../src/adapters/postgres/create.ts';
import type { Credentials } from '../../../src/contracts/project.ts';
import { SERVERS } from './servers.ts';

let credentials: Credentials;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ credentials, close } = await SERVERS[0]!.open());
});
afterAll(async () => close());

async function answer(env: Record<string, string>, sql: string): Promise<unknown> {
  const profile = { profile_name: 'p', target_name: 't', threads: 1, credentials, profiles_dir: null };
  const adapter = createPostgresAdapter(profile, { quoting: {}, projectDir: '/', env });
  const session = adapter.session({ name: 'test' });
  try {
    return (await session.execute(sql, { fetch: true })).table.rows[0]!.values[0];
  } finally {
    await session.release();
    await adapter.close();
  }
}

test('PGSSLMODE=require is refused by a server without TLS, prefer is not', async () => {
  expect(await answer({ PGSSLMODE: 'prefer' }, "select 'yes'")).toBe('yes');
  await expect(answer({ PGSSLMODE: 'require' }, 'select 1')).rejects.toThrow(/does not support SSL/);
});

test('a date style of the role gives way to the one that dates are read in', async () => {
  expect(await answer({ PGOPTIONS: '-c DateStyle=German' }, "select current_setting('DateStyle')")).toMatch(/^ISO/);
});

test('PGTZ and PGOPTIONS hold in every session', async () => {
  const env = { PGTZ: 'America/New_York', PGOPTIONS: '-c work_mem=3MB' };
  expect(await answer(env, "select current_setting('TimeZone') || ' ' || current_setting('work_mem')")).toBe(
    'America/New_York 3MB',
  );
});
