// Tests that a run whose on-run-end cannot be rendered writes its results and its summary line, as dbt 1.12.6 does.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SERVERS, type TestServer } from '../adapters/servers.ts';
import { run } from '../support/program.ts';

let server: Awaited<ReturnType<TestServer['open']>>;
let base: string;
beforeAll(async () => {
  server = await SERVERS[0]!.open();
  base = mkdtempSync(join(tmpdir(), 'tsdbt-hooks-'));
});
afterAll(async () => {
  await server.close();
  rmSync(base, { recursive: true, force: true });
});

function project(
  name: string,
  hooks: string,
): (command: string) => Promise<{ exit: number | null; out: string; results: unknown }> {
  const dir = join(base, name);
  mkdirSync(join(dir, 'models'), { recursive: true });
  const { database: dbname, ...credentials } = server.credentials;
  writeFileSync(join(dir, 'dbt_project.yml'), `name: p\nversion: '1.0'\nprofile: p\n${hooks}\n`);
  writeFileSync(
    join(dir, 'profiles.yml'),
    JSON.stringify({ p: { target: 'dev', outputs: { dev: { ...credentials, dbname, schema: name, threads: 1 } } } }),
  );
  writeFileSync(join(dir, 'models/a.sql'), 'select 1 as b');
  writeFileSync(join(dir, 'models/s.yml'), 'models: [{name: a, columns: [{name: b, data_tests: [unique]}]}]');
  return async (command) => {
    const { code, stdout } = await run([command, '--no-use-colors', '--profiles-dir', dir], { cwd: dir });
    const file = join(dir, 'target/run_results.json');
    const results = existsSync(file)
      ? (JSON.parse(readFileSync(file, 'utf8')) as { results: { unique_id: string; status: string }[] }).results.map(
          (r) => `${r.unique_id} ${r.status}`,
        )
      : null;
    return { exit: code, out: stdout, results };
  };
}
const BOOM = "{% if execute %}{{ exceptions.raise_compiler_error('boom') }}{% endif %}";

describe('an error in a project hook', () => {
  it('while on-run-end is rendered keeps the results and the last line', async () => {
    const tsdbt = project('hook_end', `on-run-end: ["select 1", "${BOOM}", "select 2"]`);
    const built = await tsdbt('run');
    expect(built).toMatchObject({ exit: 2, results: ['model.p.a success', 'operation.p.p-on-run-end-0 success'] });
    expect(built.out).toContain('Done. PASS=2 WARN=0 ERROR=1 SKIP=0 NO-OP=0 REUSED=0 TOTAL=3');
    expect(built.out).toContain('boom');
    const tested = (await tsdbt('test')).results as string[];
    expect(tested.map((each) => each.replace(/\.[0-9a-f]{10}/, ''))).toEqual([
      'test.p.unique_a_b pass',
      'operation.p.p-on-run-end-0 success',
    ]);
  });

  it('while on-run-start is rendered writes no results because nothing ran', async () => {
    const built = await project('hook_start', `on-run-start: ["select 1", "${BOOM}"]`)('run');
    expect(built).toMatchObject({ exit: 2, results: null });
    expect(built.out).not.toContain('Done.');
  });
});
