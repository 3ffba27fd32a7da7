// Tests bad input with the built program: one tiny project per row, its exit code and its whole message. Exit codes and
// texts are those of dbt 1.12; positions, carets and hints are added.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SERVERS, type TestServer } from '../adapters/servers.ts';
import type { Credentials } from '../../../src/contracts/project.ts';
import { run } from '../support/program.ts';
import { CATALOGS } from './bad-catalogs.ts';
import { CONNECTIONS } from './bad-connections.ts';
import { PROJECT, type Row } from './bad-input.ts';
import { META } from './bad-meta.ts';
import { PARSING } from './bad-project.ts';
import { RUNNING } from './bad-run.ts';

let base: string;
let credentials: Credentials;
let server: Awaited<ReturnType<TestServer['open']>>;

beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), 'tsdbt-bad-input-'));
  server = await SERVERS[0]!.open();
  credentials = server.credentials;
});
afterAll(async () => {
  await server.close();
  rmSync(base, { recursive: true, force: true });
});

let count = 0;
async function tsdbt(row: Row): Promise<{ exit: number | null; says: string; all: string }> {
  const dir = join(base, String(count++));
  const dev = {
    ...credentials,
    dbname: credentials['database'],
    database: undefined,
    pass: undefined,
    schema: `bad_${count}`,
    threads: 1,
    ...row.output,
  };
  const files = {
    'dbt_project.yml': PROJECT,
    'profiles.yml': JSON.stringify({ p: { target: 'dev', outputs: { dev } } }),
    ...row.files,
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  const { code, out } = await run([...(row.command ?? 'parse').split(' '), '--no-use-colors', '--profiles-dir', dir], {
    cwd: dir,
  });
  return { exit: code, says: message(out, dir), all: out };
}

/** Without times, folders and the lines that tell how far a run is. */
function message(all: string, dir: string): string {
  const lines = all
    .replaceAll(dir, 'DIR')
    .replaceAll(base, 'BASE')
    .split('\n')
    .map((line) => line.replace(/^\d\d:\d\d:\d\d {2}/, ''));
  const noise = new RegExp(
    String.raw`^(Running with dbt|Registered adapter|Unable to do partial|Performance info|Found \d` +
      String.raw`|Concurrency:|Finished running|\d+ of \d+ |Completed with|Done\.| {2}compiled code at|$)`,
  );
  return lines.filter((line) => !noise.test(line)).join('\n');
}

describe('bad input ends with one clear error:', () => {
  it.each([...PARSING, ...META, ...CATALOGS, ...CONNECTIONS, ...RUNNING])('$name', async (row) => {
    const got = await tsdbt(row);
    const says = got.says.replaceAll(String(credentials['database']), 'DB').replace(/bad_\d+/g, 'SCHEMA');
    expect(says).toBe(row.says);
    expect(got.exit).toBe(row.exit);
    expect(got.all).not.toMatch(/\n\s+at .*(node:|\.[jt]s:\d)|s3cr3t/);
  });
});
