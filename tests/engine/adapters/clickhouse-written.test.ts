// Tests the number of rows that a ClickHouse node has written, in its result. The embedded server does not count them,
// so a proxy returns the number that a statement contains.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { clockAt } from '../support/clock.ts';

const HOOKS =
  `pre_hook="insert into raw.log select 1 as n /* writes 5000 */", ` +
  `post_hook="insert into raw.log select 2 as n /* writes 7000 */"`;
let lab: ClickhouseLab;

async function written(name: string): Promise<unknown> {
  const { code, out } = await lab.run(['run', '--select', name]);
  expect(code, out).toBe(0);
  const { results } = JSON.parse(lab.read('target/run_results.json')) as {
    results: { adapter_response: { rows_affected?: number } }[];
  };
  return results.map(({ adapter_response: { rows_affected } }) => rows_affected);
}

describe.skipIf(clickhouseMissing !== null)(
  `the row count of a node on ClickHouse${clickhouseMissing === null ? '' : ` (skipped: ${clickhouseMissing})`}`,
  () => {
    beforeAll(async () => {
      lab = await ClickhouseLab.open({
        'models/plain.sql': `{{ config(materialized='table', ${HOOKS}) }} select 1 as id /* writes 30 */`,
        'models/batches.sql':
          "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at', " +
          `batch_size='day', begin='2026-03-01', order_by='id', ${HOOKS}) }} ` +
          'select toUInt8(1) as id, toDateTime({{ dbt.string_literal(model.batch.event_time_start.date()) }}) ' +
          'as at /* writes 30 */',
      });
      lab.written = (sql) => Number(/writes (\d+)/.exec(sql)?.[1] ?? 0);
      lab.env = clockAt('2026-03-04T10:30:05Z');
      await lab.rows('create database raw');
      await lab.rows('create table raw.log (n UInt8) engine = MergeTree order by n');
    });
    afterAll(async () => {
      await lab?.close();
    });

    it('does not include those of its hooks', async () => {
      expect(await written('plain')).toEqual([30]);
      expect(await lab.rows('select n from raw.log order by n')).toHaveLength(2);
    });

    it('includes those of all its batches', async () => {
      expect(await written('batches')).toEqual([120]);
    });
  },
);
