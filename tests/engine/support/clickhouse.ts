// Connects to the embedded ClickHouse that test files share; each file uses its own schemas. shared-servers.ts starts
// and stops it.
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClickHouseAdapter } from '../../../src/adapters/clickhouse/adapter.ts';
import { createClickHouseAdapter } from '../../../src/adapters/clickhouse/create.ts';
import {
  embeddedClickhouse,
  type EmbeddedServer,
  findChdb,
  stopEmbedded,
} from '../../../src/adapters/clickhouse/embedded.ts';
import { ALLOW_VARIABLE } from '../../../src/adapters/clickhouse/embedded-access.ts';

/** Why embedded ClickHouse is unavailable here, or null. chdb has native packages for macOS and Linux with glibc. */
export const clickhouseMissing: string | null = (() => {
  try {
    const chdb = findChdb(process.cwd());
    const platform = `${process.platform}-${process.arch}`;
    createRequire(chdb).resolve(`@chdb/lib-${platform}${process.platform === 'linux' ? '-gnu' : ''}`);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message.split('\n')[0]! : String(error);
  }
})();

/** Folder of the shared server: `path:` of a profile. */
export function clickhouseFolder(): string {
  return process.env['TSDBT_TEST_CLICKHOUSE_DIR'] ?? '.';
}

/**
 * An adapter on the shared server, with `schema` as its default schema. The caller closes it.
 * @param more other keys of the profile
 */
export function clickhouseAdapter(schema: string, more: Readonly<Record<string, unknown>> = {}): ClickHouseAdapter {
  return createClickHouseAdapter(
    {
      profile_name: 'test',
      target_name: 'test',
      threads: 4,
      profiles_dir: null,
      credentials: { type: 'clickhouse', database: '', schema, path: clickhouseFolder(), ...more },
    },
    { quoting: {}, projectDir: process.cwd(), threads: 4 },
  );
}

/** The cells of what a query finds, as texts. */
export async function textsOf(adapter: ClickHouseAdapter, sql: string): Promise<string[][]> {
  const session = adapter.session({ name: 'test' });
  try {
    const { table } = await session.execute(sql, { fetch: true });
    return table.rows.map((row) => row.values.map((_, index) => row.textAt(index)));
  } finally {
    await session.release();
  }
}

/** Works with a server of its own, whose statements may reach files and other servers. */
export async function withOpenClickhouse<T>(work: (server: EmbeddedServer, dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'tsdbt-ch-open-'));
  const before = process.env[ALLOW_VARIABLE];
  process.env[ALLOW_VARIABLE] = '1';
  try {
    const server = await embeddedClickhouse({ dir, projectDir: process.cwd() });
    try {
      return await work(server, dir);
    } finally {
      await server.release();
      await stopEmbedded(dir);
      rmSync(server.home, { recursive: true, force: true });
    }
  } finally {
    if (before === undefined) delete process.env[ALLOW_VARIABLE];
    else process.env[ALLOW_VARIABLE] = before;
    rmSync(dir, { recursive: true, force: true });
  }
}
