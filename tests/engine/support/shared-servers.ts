// Global setup and teardown of all tests: creates the folders of the embedded Postgres and the embedded ClickHouse that
// test files share. The first test that needs a server starts it; it stops with this process at the latest.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stopEmbedded } from '../../../src/adapters/clickhouse/embedded.ts';
import { PostgresFiles } from '../../../src/adapters/postgres/embedded-files.ts';
import { removeEmbedded } from '../adapters/servers.ts';

export default function setup(): () => Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'tsdbt-shared-'));
  // Keys and data of embedded servers, for all processes of the tests.
  process.env['XDG_STATE_HOME'] = join(dir, 'state');
  const clickhouse = join(dir, 'clickhouse');
  process.env['TSDBT_TEST_CLICKHOUSE_DIR'] = clickhouse;
  const postgres = join(dir, 'postgres');
  process.env['TSDBT_TEST_POSTGRES_DIR'] = postgres;
  // Counts as a user of the server, so that it keeps running between two test files.
  const files = new PostgresFiles(postgres);
  files.prepare();
  const release = files.own();
  return async () => {
    release();
    await stopEmbedded(clickhouse);
    await removeEmbedded(dir, postgres);
    rmSync(dir, { recursive: true, force: true });
  };
}
