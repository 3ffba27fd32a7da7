// `compile --strict` runs SQL of a cloned project in a local engine: one statement at a time, and commits none.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Ended, run } from '../support/program.ts';

const MORE = 'commit; create table public.taken';
const root = mkdtempSync(join(realpathSync(tmpdir()), 'tsdbt-strict-'));

const profile = (folder: string): string =>
  `o: {target: d, outputs: {d: {type: postgres, ${folder}, schema: s, user: u, password: p, dbname: tsdbt}}}\n`;

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

const tsdbt = (...args: string[]): Promise<Ended> =>
  run(args, { cwd: root, env: { PATH: process.env['PATH'] ?? '', HOME: root, XDG_STATE_HOME: root } });

beforeAll(() => {
  write({
    'dbt_project.yml': 'name: o\nprofile: o\n',
    'profiles.yml': profile('host: db.invalid, port: 1'),
    'look/profiles.yml': profile('embedded: target/strict'),
    'models/query.sql': `select 1 as a); ${MORE} as (select 1 as a`,
    'models/cataloged.sql': "select * from {{ source('r', 'cataloged') }}",
    'models/locked.sql': "select * from {{ source('r', 'locked') }}",
    'models/declared.sql': "select * from {{ source('r', 'declared') }}",
    'models/tested.sql': 'select 1 as a',
    'models/properties.yml':
      'models: [{name: tested, columns: [{name: a, data_tests: [unique]}]}]\n' +
      'sources:\n  - name: r\n    tables:\n      - name: cataloged\n      - name: locked\n      - name: declared\n' +
      `        columns: [{name: a, data_type: "int); ${MORE} (a int"}]\n`,
    'macros/tests.sql':
      '{% macro get_test_sql(main_sql, fail_calc, warn_if, error_if, limit) %}' +
      `{% do run_query("${MORE} (a int)") %}{{ main_sql }}{% endmacro %}`,
    'sources.lock.json': JSON.stringify({
      version: 1,
      database: 'postgres',
      sources: { 'source.o.r.locked': [{ name: 'a', type: `int); ${MORE} (a int` }] },
    }),
    'target/catalog.json': JSON.stringify({
      sources: { 'source.o.r.cataloged': { columns: { a: { index: 1, name: 'a', type: `int); ${MORE} (a int` } } } },
    }),
  });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

it('compile --strict commits no SQL of a query, a type or a macro', async () => {
  const { code, out } = await tsdbt('compile', '--strict');
  expect(code, out).toBe(1);
  expect(out).toMatch(/Database Error in model query .*\n.*cannot insert multiple commands/);
  for (const name of ['cataloged', 'locked', 'declared'])
    expect(out).toMatch(new RegExp(`model.o.${name} .*cannot insert multiple commands`));
  expect(out).toMatch(/test\.o\.unique_tested_a\S* +its template queries the database/);
  expect(out).not.toContain('Internal Error');
  const query = "select count(*) as found from pg_catalog.pg_class where relname = 'taken'";
  const shown = await tsdbt('query', '--profiles-dir', 'look', query, '--output', 'json');
  expect(shown.out).toMatch(/"found": ?0/);
}, 120_000);

it('compile --strict does not check a query that the engine would read for minutes', async () => {
  write({ 'models/signs.sql': `select 1 as a /*${'/*'.repeat(100_000)}` });
  const { out } = await tsdbt('compile', '--strict', '--select', 'signs');
  rmSync(join(root, 'models/signs.sql'));
  expect(out).toMatch(/model\.o\.signs +it has too many signs in a row/);
  expect(out).toContain('0 nodes checked, 1 not checked');
});
