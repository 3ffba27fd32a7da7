// `--every` and strategies that are not fit for it: one warning that names the models, says why and what to use instead.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { seldomWarning } from '../../../src/cli/commands/every.ts';
import { load, parse } from '../../../src/index.ts';

const dir = mkdtempSync(join(tmpdir(), 'tsdbt-seldom-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('warns of delete_insert on ClickHouse below one hour', async () => {
  mkdirSync(join(dir, 'models'));
  const model = (name: string, strategy: string): void => writeFileSync(join(dir, `models/${name}.sql`), `{{ config(materialized='incremental', incremental_strategy='${strategy}', unique_key='id') }} select 1 as id`);
  model('old_way', 'delete_insert');
  model('other_spelling', 'delete+insert');
  model('new_way', 'atomic_upsert');
  writeFileSync(join(dir, 'dbt_project.yml'), 'name: p\nversion: "1.0"\nprofile: p\n');
  writeFileSync(join(dir, 'profiles.yml'), 'p: {target: dev, outputs: {dev: {type: clickhouse, host: 127.0.0.1, port: 1, schema: s}}}\n');
  const parsed = async (select?: string) => parse(await load({ cwd: dir, env: { DBT_PROFILES_DIR: dir }, command: 'run', options: select === undefined ? {} : { select: [select] } }));
  expect(seldomWarning(await parsed(), 300_000)).toBe(
    "--every: old_way, other_spelling have the strategy delete_insert: every run is a mutation that rewrites parts, and between the delete and the insert readers miss rows; use incremental_strategy='atomic_upsert', or run it once an hour at most.");
  expect(seldomWarning(await parsed('old_way'), 3_599_000)).toMatch(/^--every: old_way has the strategy delete_insert: /);
  expect(seldomWarning(await parsed(), 3_600_000)).toBeNull();
  expect(seldomWarning(await parsed('new_way'), 300_000)).toBeNull();
});
