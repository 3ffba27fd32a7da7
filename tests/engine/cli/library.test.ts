// Tests the pipeline as a library: it only needs a folder and an environment.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { load, parse, run, select, TsdbtError, write } from '../../../src/index.ts';
import { SERVERS, type TestServer } from '../adapters/servers.ts';
import { clickhouseFolder, clickhouseMissing } from '../support/clickhouse.ts';

let server: Awaited<ReturnType<TestServer['open']>>;
let cwd: string;

beforeAll(async () => {
  server = await SERVERS[0]!.open();
  cwd = mkdtempSync(join(tmpdir(), 'tsdbt-library-'));
  mkdirSync(join(cwd, 'models'));
  const { database, ...credentials } = server.credentials;
  writeFileSync(
    join(cwd, 'profiles.yml'),
    JSON.stringify({ p: { target: 'dev', outputs: { dev: { ...credentials, dbname: database, threads: 2 } } } }),
  );
  writeFileSync(join(cwd, 'dbt_project.yml'), 'name: p\nversion: "1.0"\nprofile: p\n');
  writeFileSync(join(cwd, 'models/a.sql'), "{{ config(materialized='table') }} select {{ var('n', 1) }} as n");
  writeFileSync(join(cwd, 'models/b.sql'), "select * from {{ ref('a') }}");
});
afterAll(async () => {
  await server.close();
  rmSync(cwd, { recursive: true, force: true });
});

test('the library loads, parses, selects, runs and writes a project', async () => {
  const project = parse(await load({ cwd, env: {}, command: 'run', options: { select: ['a+'], vars: { n: 7 } } }));
  const { selected } = select(project);
  expect([...selected].sort()).toEqual(['model.p.a', 'model.p.b']);
  const { results, elapsed, ctx } = await run(project, { selected });
  expect(results.map((r) => [r.unique_id, r.status, r.message])).toEqual([
    ['model.p.a', 'success', 'SELECT 1'],
    ['model.p.b', 'success', 'CREATE VIEW'],
  ]);
  write(project, ctx, results, elapsed);
  expect(project.manifest.nodes['model.p.a']).toMatchObject({ name: 'a', config: { materialized: 'table' } });
});

/** What a program of its own prints that calls build() and closes nothing; killed when it does not end. */
function builds(project: string, command: string, options: object): { status: number | null; said: string } {
  const library = pathToFileURL(join(import.meta.dirname, '../../../dist/index.js')).href;
  const input = JSON.stringify({ cwd: project, env: {}, command, options });
  const program = `import { build } from '${library}';
    console.log(await build(${input}).then(({ results }) => results.map((r) => r.status).join(), (e) => e.message));`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    timeout: 240_000,
    killSignal: 'SIGKILL',
  });
  return { status, said: `${stdout}${stderr}`.trim() };
}

describe.each(['postgres', 'clickhouse'])('a program that builds on %s without closing anything', (type) => {
  const missing = type === 'clickhouse' ? clickhouseMissing : null;
  it.skipIf(missing !== null)('ends when the build has ended, successfully or not', () => {
    const project = mkdtempSync(join(tmpdir(), 'tsdbt-library-'));
    cpSync(cwd, project, { recursive: true });
    if (type === 'clickhouse')
      writeFileSync(
        join(project, 'profiles.yml'),
        JSON.stringify({
          p: { target: 'dev', outputs: { dev: { type, path: clickhouseFolder(), schema: 'library', threads: 2 } } },
        }),
      );
    expect(builds(project, 'build', {})).toEqual({ status: 0, said: 'success,success' });
    expect(builds(project, 'compile', {})).toEqual({ status: 0, said: 'success,success' });
    expect(builds(project, 'build', { select: ['tag:none'] })).toEqual({ status: 0, said: '' });
    writeFileSync(join(project, 'models/a.sql'), 'select n from nowhere');
    expect(builds(project, 'build', {})).toEqual({ status: 0, said: 'error,skipped' });
    writeFileSync(
      join(project, 'dbt_project.yml'),
      'name: p\nversion: "1.0"\nprofile: p\non-run-start: "{{ nope() }}"\n',
    );
    expect(builds(project, 'build', {})).toEqual({ status: 0, said: "'nope' is undefined" });
    rmSync(project, { recursive: true, force: true });
  });
});

test('the library throws one error for an invalid project and does not end the process', async () => {
  await expect(load({ cwd: tmpdir(), projectDir: join(cwd, 'nowhere'), env: {} })).rejects.toThrow(TsdbtError);
});

test('the command line bundle has no dynamic import, which cached V8 code does not support', () => {
  const bundle = readFileSync(join(import.meta.dirname, '../../../dist/cli.cjs'), 'utf8');
  expect(bundle).not.toMatch(/[^.]import\("/);
  expect(bundle).toContain('require.import("@platformatic/kafka")');
});
