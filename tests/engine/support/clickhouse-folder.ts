// Before and after all tests: the folder of the one embedded ClickHouse that test files share. It is started by the
// first that needs it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stopEmbedded } from '../../../src/adapters/clickhouse/embedded.ts';

export default function setup(): () => Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'tsdbt-clickhouse-'));
  process.env['TSDBT_TEST_CLICKHOUSE_DIR'] = dir;
  return async () => {
    await stopEmbedded(dir);
    rmSync(dir, { recursive: true, force: true });
  };
}
