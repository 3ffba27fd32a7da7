// Tests `--every` with unsuitable strategies: one warning names the models, the reason and an alternative.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { seldomWarning } from '../../../src/cli/commands/every.ts';
import { load, parse } from '../../../src/index.ts';

const dir = mkdtempSync(join(tmpdir(), 'tsdbt-seldom-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const DELETES = 'every run is a mutation that rewrites parts, and between the delete and the insert readers miss rows';
const INSTEAD =
  "; use incremental_strategy='atomic_upsert' where no materialized view reads the table, or run it once an " +
  'hour at most.';

/** The warning about models of these configurations, by name, of a profile with these keys. */
async function warning(
  models: Readonly<Record<string, string>>,
  profile = '',
  interval = 300_000,
): Promise<string | null> {
  rmSync(join(dir, 'models'), { recursive: true, force: true });
  mkdirSync(join(dir, 'models'), { recursive: true });
  mkdirSync(join(dir, 'seeds'), { recursive: true });
  for (const [name, config] of Object.entries(models)) {
    const reads = config.includes('materialized_view')
      ? `select * from {{ ref('${Object.keys(models)[0]!}') }}`
      : 'select 1 as id';
    writeFileSync(
      join(dir, `models/${name}.sql`),
      `{{ config(${config.startsWith('materialized=') ? '' : "materialized='incremental', "}${config}) }} ${reads}`,
    );
  }
  writeFileSync(join(dir, 'dbt_project.yml'), 'name: p\nversion: "1.0"\nprofile: p\n');
  writeFileSync(
    join(dir, 'profiles.yml'),
    `p: {target: dev, outputs: {dev: {type: clickhouse, host: 127.0.0.1, port: 1, schema: s${profile}}}}\n`,
  );
  return seldomWarning(
    await parse(await load({ cwd: dir, env: { DBT_PROFILES_DIR: dir }, command: 'build', options: {} })),
    interval,
  );
}

const KEYED = "unique_key='id', incremental_strategy=";

it('--every warns about delete_insert on ClickHouse below one hour, in any spelling', async () => {
  const models = {
    old_way: `${KEYED}'delete_insert'`,
    other_spelling: `${KEYED}'delete+insert'`,
    new_way: `${KEYED}'atomic_upsert'`,
  };
  expect(await warning(models)).toBe(
    `--every: old_way, other_spelling have the strategy delete_insert: ${DELETES}${INSTEAD}`,
  );
  expect(await warning(models, '', 3_599_000)).toMatch(/^--every: old_way, other_spelling have /);
  expect(await warning(models, '', 3_600_000)).toBeNull();
  expect(await warning({ by_default: "unique_key='id'" }, ', use_lw_deletes: true')).toBe(
    `--every: by_default has the strategy delete_insert: ${DELETES}${INSTEAD}`,
  );
});

it('--every does not warn about strategies whose result readers see as a whole', async () => {
  expect(
    await warning({
      upserted: `${KEYED}'atomic_upsert'`,
      legacy: "unique_key='id'",
      added: "incremental_strategy='append'",
      keyless: "incremental_strategy='delete_insert'",
      batched: "incremental_strategy='microbatch', event_time='at', batch_size='day', begin='2026-01-01'",
      overwritten: "incremental_strategy='insert_overwrite', partition_by='id'",
      made: "materialized='table'",
      seen: "materialized='view'",
    }),
  ).toBeNull();
});

it.each([
  ['append', "incremental_strategy='append'", 'readers see its rows block by block'],
  ['append', '', 'readers see its rows block by block'],
  ['append', "unique_key='id', inserts_only=true", 'readers see its rows block by block'],
  [
    'microbatch',
    "incremental_strategy='microbatch', event_time='at', batch_size='day', begin='2026-01-01'",
    'between the delete and the insert readers miss rows',
  ],
  [
    'insert_overwrite',
    "incremental_strategy='insert_overwrite', partition_by='id'",
    'several partitions are replaced one after the other',
  ],
])('--every warns about %s where whole partitions cannot be replaced', async (name, config, why) => {
  const of = (where: string): string => `--every: m has the strategy ${name} ${where}: ${why}${INSTEAD}`;
  expect(await warning({ m: config }, ', cluster: c')).toBe(of('on a cluster'));
  expect(await warning({ m: `engine='Log', ${config}` })).toBe(of('on the engine Log'));
  expect(await warning({ m: config, reader: "materialized='materialized_view'" })).toBe(of('under materialized views'));
});

it('--every warns about duplicates in an append target, distributed models and emptied seeds', async () => {
  expect(
    await warning({ m: "incremental_strategy='append', query_settings={'insert_deduplication_token': \"'x'\"}" }),
  ).toBe(
    '--every: m has the strategy append with an insert_deduplication_token: readers see its rows block by ' +
      `block${INSTEAD}`,
  );
  writeFileSync(join(dir, 'seeds/s.csv'), 'id\n1\n');
  expect(
    await warning(
      { t: "materialized='distributed_table'", i: `materialized='distributed_incremental', ${KEYED}'legacy'` },
      ', cluster: c',
    ),
  ).toBe(
    '--every: i has the materialization distributed_incremental: servers get its rows one after the other. t ' +
      'has the materialization distributed_table: servers get its rows one after the other. ' +
      `s has the materialization seed on a cluster: it is emptied before it is filled${INSTEAD}`,
  );
  rmSync(join(dir, 'seeds'), { recursive: true });
});
