// CSV files of a cloned project: a short file neither fills the memory nor takes minutes.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { tableFromCsv } from '../../../src/adapters/csv.ts';
import { run } from '../support/program.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(realpathSync(tmpdir()), 'tsdbt-csv-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const LOGIN = 'type: postgres, host: 127.0.0.1, port: 1, user: u, password: p, dbname: d, schema: s';

const header = Array.from({ length: 30_000 }, (_, i) => `c${i}`).join(',');
const text = `${header}\n${'1\n'.repeat(30_000)}`;
const said = '30000 rows and 30000 columns, but most cells are missing';

it('a fixture of 30,000 columns and 30,000 rows with one cell each is rejected', async () => {
  const files = {
    'dbt_project.yml': 'name: o\nprofile: o\n',
    'profiles.yml': `o: {target: d, outputs: {d: {${LOGIN}}}}\n`,
    'models/a.sql': 'select 1 as c0',
    'models/u.yml': 'unit_tests: [{name: t, model: a, given: [], expect: {format: csv, fixture: f}}]\n',
    'tests/fixtures/f.csv': text,
  };
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  const { code, out } = await run(['parse'], { cwd: root });
  expect(code, out).toBe(2);
  expect(out).toContain(said);
  expect(out).toContain('tests/fixtures/f.csv');
});

it('a seed of 30,000 columns and 30,000 rows with one cell each is rejected', () => {
  expect(() => tableFromCsv(text, { path: 's.csv' })).toThrow(said);
});

it('a seed with 100,000 columns of the same name is read in seconds', () => {
  const { columnNames } = tableFromCsv(`${'a,'.repeat(99_999)}a\n1\n`, { path: 's.csv' });
  expect(columnNames.at(-1)).toBe('a_100000');
});
