// `tsdbt diff` with a side on ClickHouse: values that both databases write in their own ways are one.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clickhouseFolder, clickhouseMissing } from '../support/clickhouse.ts';
import { type DiffLab, openDiffLab } from './lab.ts';

describe.skipIf(clickhouseMissing !== null)('diff with ClickHouse', () => {
  let lab: DiffLab;
  beforeAll(async () => {
    lab = await openDiffLab('diff_c');
    await lab.clickhouse('CREATE DATABASE IF NOT EXISTS diff_c', 'CREATE DATABASE IF NOT EXISTS diff_c_b');
  });
  afterAll(() => lab.close());

  /** Columns of the names that the comparison's own SQL has. */
  const names = ['p', 'n', 'k0', 'c0', 't', 'x0', 'kind'];
  for (const name of names)
    it(`reads the column ${name} in the condition and in the key`, async () => {
      const table = (schema: string, changed: number) =>
        `CREATE OR REPLACE TABLE ${schema}.m ENGINE = MergeTree ORDER BY tuple() AS ` +
        `SELECT number AS id, number + 3 AS ${name}, if(number = 7, ${changed}, 0) AS v FROM numbers(10)`;
      await lab.clickhouse(table('diff_c', 0), table('diff_c_b', 1));
      const diff = (...args: string[]) => lab.diff('--target', 'ch', '--to-target', 'ch_beside', ...args);
      for (const key of ['id', name]) {
        const some = await diff('--key', key, '--where', `${name} >= 9`);
        expect(some.ended.code, some.ended.out).toBe(1);
        expect(some.found.rows).toEqual({ here: 4, there: 4, only_here: 0, only_there: 0, differs: 1 });
        expect(some.found.sample).toEqual([
          {
            kind: 'differs',
            key: { [key]: key === 'id' ? '7' : '10' },
            changes: [{ column: 'v', here: '0', there: '1' }],
          },
        ]);
        const others = await diff('--key', key, '--where', `${name} < 9`);
        expect([others.ended.code, others.found.rows.here], others.ended.out).toEqual([0, 6]);
      }
    });

  it('compares the values of a SimpleAggregateFunction, but not states', async () => {
    const types =
      's SimpleAggregateFunction(sum, Int64), d SimpleAggregateFunction(max, Nullable(Decimal(9, 2))), ' +
      'a SimpleAggregateFunction(groupArrayArray, Array(String)), ' +
      'g SimpleAggregateFunction(any, LowCardinality(String))';
    const table = (schema: string, columns: string, changed: number) => [
      `CREATE OR REPLACE TABLE ${schema}.m (id Int64, ${columns}, u AggregateFunction(uniq, Int64)) ENGINE = ` +
        'MergeTree ORDER BY id',
      `INSERT INTO ${schema}.m SELECT number, number + if(number = 3, ${changed}, 0), if(number = 4, null, 1.5), ` +
        "[toString(number)], 'x', uniqState(toInt64(number)) FROM numbers(6) GROUP BY number",
    ];
    const plain = 's Int32, d Nullable(Decimal(12, 4)), a Array(String), g String';
    for (const other of [types, plain]) {
      await lab.clickhouse(...table('diff_c', types, 0), ...table('diff_c_b', other, 0));
      const diff = (...args: string[]) => lab.diff('--target', 'ch', '--to-target', 'ch_beside', ...args);
      const same = await diff('--key', 'id');
      // The state is named as not compared, which counts as a difference.
      expect([same.ended.code, same.found.rows.differs], same.ended.out).toEqual([1, 0]);
      await lab.clickhouse(...table('diff_c_b', other, 9));
      const { found } = await diff('--key', 'id');
      expect(found.sample).toEqual([
        { kind: 'differs', key: { id: '3' }, changes: [{ column: 's', here: '3', there: '12' }] },
      ]);
    }
  });

  it('finds a copy of char(n) equal, by key and by value', async () => {
    lab.project.write({
      'connections.yml': `analytics: {type: clickhouse, path: ${clickhouseFolder()}, schema: diff_c_copy}\n`,
      'models/m.sql':
        "{{ config(materialized='table') }} select 'ab'::char(5) as id, 'x '::char(4) as v, 'y  '::text as w",
      'models/m.yml': 'models: [{name: m, config: {meta: {tsdbt: {publish: {to: analytics, table: m, key: id}}}}}]',
    });
    expect((await lab.project.run(['build'])).out).toContain('PUBLISH 1');
    const { ended, found } = await lab.diff('--copies');
    expect([ended.code, found.rows.differs, found.sample], ended.out).toEqual([0, 0, []]);
  });
});
