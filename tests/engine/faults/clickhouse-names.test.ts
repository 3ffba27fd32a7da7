// Tests names of models on ClickHouse: names of the maximum length, and chDB's database `default`, whose engine is
// Overlay and shows no UUIDs.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickhouseLab } from './clickhouse-lab.ts';

/** The longest name in a database of one letter that dbt-clickhouse builds as a table. */
const LONGEST = 195;
const long = (letter: string, length = LONGEST): string => letter.repeat(length);
const KINDS: Readonly<Record<string, string>> = {
  t: "materialized='table'",
  v: "materialized='view'",
  a: "materialized='incremental', incremental_strategy='append'",
  u: "materialized='incremental', incremental_strategy='atomic_upsert', unique_key='id', partition_by='id % 2'",
  d: "materialized='incremental', incremental_strategy='delete_insert', unique_key='id'",
  l: "materialized='incremental', incremental_strategy='legacy', unique_key='id'",
  o: "materialized='incremental', incremental_strategy='insert_overwrite', partition_by='id % 2'",
};
const models = (alias: (kind: string) => string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(KINDS).map(([kind, config]) => [
      `models/${kind}.sql`,
      `{{ config(${config}, alias='${alias(kind)}', order_by='id') }}\n` +
        "select number as id, '{{ var('v', 'old') }}' as v from numbers(4)\n",
    ]),
  );

describe.skipIf(clickhouseMissing !== null)('a ClickHouse model name', () => {
  let lab: ClickhouseLab;

  beforeAll(async () => {
    lab = await ClickhouseLab.open({
      ...models((kind) => long(kind)),
      'models/m.sql':
        `{{ config(materialized='materialized_view', alias='${long('m', LONGEST - 3)}', order_by='id') }}\n` +
        "select id, v from {{ ref('t') }}\n",
      // Each letter is six characters of a file's name.
      'models/cyrillic.sql': `{{ config(materialized='table', alias='${long('ж', 30)}') }}\nselect 1 as id`,
      [`seeds/${long('s')}.csv`]: 'id,v\n1,a\n',
      'models/snapshot.yml':
        `snapshots: [{name: n, relation: ref('t'), config: {alias: ${long('n')}, unique_key: id, strategy: check, ` +
        'check_cols: [v]}}]\n',
    });
  });
  afterAll(async () => {
    await lab?.close();
  });

  const build = async (...args: string[]): Promise<void> => {
    const ended = await lab.run(['build', ...args]);
    expect(ended.code, ended.out).toBe(0);
    expect(await lab.orphans()).toEqual([]);
  };

  it(`can have ${LONGEST} characters, in first builds, later ones and full refreshes`, async () => {
    for (const args of [[], ['--vars', 'v: new'], ['--full-refresh']]) await build(...args);
  });

  describe('in the database `default` of an embedded server', () => {
    const DATABASE = { from: 'schema: s,', to: 'schema: default,' };
    const counts = async (): Promise<unknown[]> =>
      (await lab.rows("select count(), countIf(v = 'new') from default.u")).flat().map(Number);

    beforeAll(() => {
      lab.write({ 'profiles.yml': lab.read('profiles.yml').replace(DATABASE.from, DATABASE.to), ...models((k) => k) });
    });

    it('is exchanged in every run', async () => {
      for (const args of [[], ['--vars', 'v: new'], ['--full-refresh'], []]) await build(...args);
    });

    it('loses and duplicates no row when a run is killed around an exchange', async () => {
      for (const how of ['before', 'late', 'after'] as const) {
        await build('--full-refresh', '--select', 'u');
        const fault = { at: /exchange tables \S*u__tsdbt_shadow/i, how };
        expect((await lab.run(['run', '--select', 'u', '--vars', 'v: new'], { fault })).killed).toBe(true);
        const there = (await counts())[1];
        expect([0, 4]).toContain(there);
        await build('--select', 'u', '--vars', 'v: new');
        expect(await counts()).toEqual([4, 4]);
      }
    });
  });
});
