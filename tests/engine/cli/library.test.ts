// The pipeline as a program of one's own calls it: a folder and an environment are enough.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { load, parse, run, select, TsdbtError, write } from '../../../src/index.ts';
import { SERVERS, type TestServer } from '../adapters/servers.ts';

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

test('a project is loaded, parsed, selected, run and written', async () => {
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

test('what is wrong with the project is one error, without a process that ends', async () => {
  await expect(load({ cwd: tmpdir(), projectDir: join(cwd, 'nowhere'), env: {} })).rejects.toThrow(TsdbtError);
});

test('the command line imports nothing by itself: the code that V8 has kept of it could not', () => {
  const bundle = readFileSync(join(import.meta.dirname, '../../../dist/cli.cjs'), 'utf8');
  expect(bundle).not.toMatch(/[^.]import\("/);
  expect(bundle).toContain('require.import("@platformatic/kafka")');
});
