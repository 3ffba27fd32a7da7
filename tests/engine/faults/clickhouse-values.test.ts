// Values and keys that ClickHouse would change or lose without an error: numbers and times beyond a column's type,
// NULL, NaN, keys of one snapshot id, and rows that a lightweight UPDATE or DELETE has patched.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickhouseLab } from './clickhouse-lab.ts';

let lab: ClickhouseLab;

const model = (config: string, first: string, then: string): string =>
  `{{ config(materialized='incremental', ${config}) }}\n` +
  `{% if is_incremental() %}${then}{% else %}${first}{% endif %}\n`;
const snapshot = (name: string, config: string): string =>
  `{% snapshot ${name} %}{{ config(target_schema='s', ${config}) }} select * from raw.${name} {% endsnapshot %}\n`;

const STRATEGIES = ['append', 'delete_insert', 'legacy', 'atomic_upsert'] as const;
const keyed = (strategy: string): string =>
  `incremental_strategy='${strategy}'${strategy === 'append' ? '' : ", unique_key='id'"}`;
const NARROW = 'select 1 as id, toUInt8(5) as v';
/** A column's first value, a later one that its type does not hold, and one that it holds with less precision. */
const CONVERTED: readonly (readonly [first: string, bad: string, good: string])[] = [
  ['[[1::UInt8]]', '[[300::UInt16]]', '[[2::UInt16]]'],
  ["map('a', 1::UInt8)", "map('a', 300::UInt16)", "map('a', 2::UInt16)"],
  ["(1::UInt8, 'a')", "(300::UInt16, 'a')", "(2::UInt16, 'a')"],
  ["[toDate('2020-01-01')]", "[toDate32('1920-01-01')]", "[toDate32('2020-01-02')]"],
  ['[1.5::Float32]', '[1e300]', '[0.1, nan]'],
  ['[1.5::Decimal(9, 2)]', '[1e300]', '[1.239]'],
  ["[toDateTime('2020-01-01 00:00:00')]", "[toDateTime64('2150-01-01 00:00:00', 3)]", '[now64(3)]'],
  ["toDate('2020-01-01')", "'1920-01-01'", "'2020-01-02'"],
  ["toDateTime('2020-01-01 00:00:00', 'Asia/Tokyo')", "'2150-01-01 00:00:00'", "'2020-01-02 00:00:00'"],
  ["toDateTime('2020-01-01 00:00:00', 'Asia/Tokyo')", "toDate('2149-01-01')", "toDate('2020-01-02')"],
  ["toDateTime('2020-01-01 00:00:00')", '5000000000::Int64', '1600000000::Int64'],
];
const WITH_NULLS = 'select arrayJoin([NULL, 1, 2])::Nullable(Int32) as id';
const PATCHED =
  "partition_by='id % 2', order_by='id', settings={'enable_block_number_column': 1, 'enable_block_offset_column': 1}";
const rows = (table: string): Promise<unknown[][]> => lab.rows(`select * from s.${table} order by all`);

async function works(...args: string[]): Promise<void> {
  const { code, out } = await lab.run(args);
  expect(code, out).toBe(0);
}

async function fails(...args: string[]): Promise<string> {
  const { code, out } = await lab.run(args);
  expect(code, out).toBe(1);
  return out;
}

describe.skipIf(clickhouseMissing !== null)(
  `values that ClickHouse would change${clickhouseMissing === null ? '' : ` (skipped: ${clickhouseMissing})`}`,
  () => {
    beforeAll(async () => {
      lab = await ClickhouseLab.open({
        ...Object.fromEntries(
          STRATEGIES.flatMap((strategy) => [
            [
              `models/value/wraps_${strategy}.sql`,
              strategy === 'legacy'
                ? model(keyed(strategy), 'select 1 as id, 300 as v', 'select 2 as id, 5 as v')
                : model(keyed(strategy), NARROW, 'select 1 as id, 300 as v'),
            ],
            [
              `models/value/nulls_${strategy}.sql`,
              strategy === 'legacy'
                ? model(keyed(strategy), 'select 1 as id, NULL::Nullable(UInt8) as v', 'select 2 as id, 5 as v')
                : model(keyed(strategy), NARROW, 'select 1 as id, NULL::Nullable(UInt8) as v'),
            ],
          ]),
        ),
        ...Object.fromEntries(
          ['delete_insert', 'legacy'].flatMap((strategy) => [
            [
              `models/key/null_again_${strategy}.sql`,
              model(keyed(strategy), `${WITH_NULLS}, 'old' as v`, "select NULL::Nullable(Int32) as id, 'new' as v"),
            ],
            [
              `models/key/null_stays_${strategy}.sql`,
              model(keyed(strategy), `${WITH_NULLS}, 'old' as v`, "select 2::Nullable(Int32) as id, 'new' as v"),
            ],
          ]),
        ),
        ...Object.fromEntries(
          (
            [
              ['unread', 'delete_insert', "'abc'", '7::Int32'],
              ['narrowed', 'delete_insert', '300::UInt16', '7::UInt8'],
              ['narrowed_at_once', 'atomic_upsert', '300::UInt16', '7::UInt8'],
              ['fits', 'delete_insert', '5::UInt16', '7::UInt8'],
            ] as const
          ).map(([name, strategy, first, then]) => [
            `models/retyped/${name}.sql`,
            model(
              `${keyed(strategy)}, on_schema_change='sync_all_columns'`,
              `select 1 as id, ${first} as v`,
              `select 2 as id, ${then} as v`,
            ),
          ]),
        ),
        'models/batched.sql':
          "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at', " +
          "batch_size='year', begin='2024-01-01') }} select now() as at\n",
        'models/patched/added.sql': model(
          `incremental_strategy='append', ${PATCHED}`,
          "select number::UInt32 as id, 'old' as v from numbers(6)",
          "select arrayJoin([10, 11])::UInt32 as id, 'new' as v",
        ),
        'models/patched/upserted.sql': model(
          `incremental_strategy='atomic_upsert', unique_key='id', ${PATCHED}`,
          "select number::UInt32 as id, 'old' as v from numbers(6)",
          "select arrayJoin([0, 1])::UInt32 as id, 'new' as v",
        ),
        'snapshots/nan.sql': snapshot('nan', "unique_key='id', strategy='check', check_cols=['v', 'l']"),
        'snapshots/widened.sql': snapshot('widened', "unique_key='id', strategy='check', check_cols='all'"),
        'snapshots/digits.sql': snapshot('digits', "unique_key='id', strategy='check', check_cols='all'"),
        'snapshots/instants.sql': snapshot('instants', "unique_key='id', strategy='timestamp', updated_at='u'"),
        'snapshots/same_id.sql': snapshot(
          'same_id',
          "unique_key=['a', 'b'], strategy='timestamp', updated_at='u', hard_deletes='invalidate'",
        ),
      });
      for (const sql of [
        'create database if not exists raw',
        'create table raw.nan (id UInt8, v Nullable(Float64), l Array(Float32)) engine = MergeTree order by id',
        'insert into raw.nan values (1, nan, [1, nan]), (2, 1.5, [])',
        'create table raw.widened (id UInt8, v UInt8) engine = MergeTree order by id',
        'insert into raw.widened values (1, 5)',
        'create table raw.digits (id UInt8, v Decimal(9, 1)) engine = MergeTree order by id',
        'insert into raw.digits values (1, 1.5)',
        'create table raw.instants (id UInt8, u DateTime) engine = MergeTree order by id',
        "insert into raw.instants values (1, '2024-01-01 00:00:00')",
        'create table raw.same_id (a Nullable(String), b String, u DateTime, v UInt8) engine = MergeTree order by b',
        "insert into raw.same_id values (NULL, 'x', 1, 1), ('', 'x', 1, 2), ('a|b', 'c', 1, 3), ('a', 'b|c', 1, 4)",
      ])
        await lab.rows(sql);
    }, 60_000);

    afterAll(() => lab.close());

    it('make an incremental run fail, instead of wrapping a number or storing NULL as 0', async () => {
      await works('run', '--select', 'value');
      const out = await fails('run', '--select', 'value');
      expect(out).toContain(`ERROR=${2 * STRATEGIES.length}`);
      expect(out).toContain('"v" has a value that UInt8 does not hold (given as UInt16)');
      for (const strategy of STRATEGIES) {
        expect(await rows(`wraps_${strategy}`)).toEqual([[1, strategy === 'legacy' ? 300 : 5]]);
        expect(await rows(`nulls_${strategy}`)).toEqual([[1, strategy === 'legacy' ? null : 5]]);
      }
    }, 120_000);

    it('make an incremental run fail in lists and texts, and not if only digits are lost', async () => {
      for (const [i, [first, bad]] of CONVERTED.entries())
        lab.write({
          [`models/converted/v${i}.sql`]: model(
            "incremental_strategy='append'",
            `select ${first} as v`,
            `select ${bad} as v`,
          ),
        });
      await works('run', '--select', 'converted');
      expect(await fails('run', '--select', 'converted')).toContain(`PASS=0 WARN=0 ERROR=${CONVERTED.length}`);
      for (const [i, [first, , good]] of CONVERTED.entries())
        lab.write({
          [`models/converted/v${i}.sql`]: model(
            "incremental_strategy='append'",
            `select ${first} as v`,
            `select ${good} as v`,
          ),
        });
      await works('run', '--select', 'converted');
    }, 120_000);

    it('make an incremental run warn if a number or time may lose digits', async () => {
      const decimal = (type: string): void =>
        lab.write({
          'models/fewer.sql': model(
            "incremental_strategy='append'",
            `select 1.5::${type} as v`,
            `select 1.5::${type} as v`,
          ),
        });
      decimal('Decimal(9, 1)');
      expect((await lab.run(['run', '--select', 'fewer'])).out).not.toContain('may lose digits');
      expect((await lab.run(['run', '--select', 'fewer'])).out).not.toContain('may lose digits');
      decimal('Float64');
      const { code, out } = await lab.run(['run', '--select', 'fewer']);
      lab.remove('models/fewer.sql');
      expect(code, out).toBe(0);
      expect(out.replaceAll(/\s+/g, ' ')).toContain(
        'Values of the column v may lose digits: it is Decimal(9, 1), but the query returns Float64.',
      );
    }, 120_000);

    it('make sync_all_columns fail if they do not fit into the new type', async () => {
      await works('run', '--select', 'retyped');
      const out = await fails('run', '--select', 'retyped');
      expect(out).toContain('"v" has a value that Int32 does not hold (given as String)');
      expect(out).toContain('"v" has a value that UInt8 does not hold (given as UInt16)');
      expect(out).toContain('PASS=1 WARN=0 ERROR=3');
      expect(await rows('unread')).toEqual([[1, 'abc']]);
      for (const table of ['narrowed', 'narrowed_at_once']) expect(await rows(table)).toEqual([[1, 300]]);
      expect(await rows('fits')).toEqual([
        [1, 5],
        [2, 7],
      ]);
      expect(await lab.rows('select table from system.mutations where not is_done')).toEqual([]);
    }, 120_000);

    it('with a NULL unique_key stay, and are replaced by a new row of that key', async () => {
      await works('run', '--select', 'key');
      await works('run', '--select', 'key');
      for (const strategy of ['delete_insert', 'legacy']) {
        expect(await rows(`null_again_${strategy}`)).toEqual([
          [1, 'old'],
          [2, 'old'],
          [null, 'new'],
        ]);
        expect(await rows(`null_stays_${strategy}`)).toEqual([
          [1, 'old'],
          [2, 'new'],
          [null, 'old'],
        ]);
      }
    }, 120_000);

    it('patched by a lightweight UPDATE or DELETE are kept, even during a run', async () => {
      await works('run', '--select', 'patched');
      const patch = async (table: string, id: number): Promise<void> => {
        await lab.rows(`update s.${table} set v = 'patched' where id = ${id} settings enable_lightweight_update = 1`);
        await lab.rows(
          `delete from s.${table} where id = ${id + 1} settings lightweight_delete_mode = 'lightweight_update_force'`,
        );
      };
      for (const table of ['added', 'upserted']) await patch(table, 2);
      const seen = new Set<string>();
      lab.hold = (sql) => {
        // The shadow is cloned; the exchange comes next.
        const table = /SYSTEM STOP MERGES `s`\.`(added|upserted)`/i.exec(sql)?.[1];
        if (table === undefined || seen.has(table)) return undefined;
        seen.add(table);
        return patch(table, 4);
      };
      await works('run', '--select', 'patched');
      lab.hold = () => undefined;
      expect([...seen]).toEqual(['added', 'upserted']);
      expect(await rows('added')).toEqual([
        [0, 'old'],
        [1, 'old'],
        [2, 'patched'],
        [4, 'patched'],
        [10, 'new'],
        [11, 'new'],
      ]);
      expect(await rows('upserted')).toEqual([
        [0, 'new'],
        [1, 'new'],
        [2, 'patched'],
        [4, 'patched'],
      ]);
    }, 120_000);

    it('are recorded for batches if the profile lets aggregates of no rows return none', async () => {
      const profiles = lab.read('profiles.yml');
      const odd = 'retries: 0, custom_settings: {empty_result_for_aggregation_by_empty_set: 1}';
      lab.write({ 'profiles.yml': profiles.replace('retries: 0', odd) });
      await works('run', '--select', 'batched');
      lab.write({ 'profiles.yml': profiles });
      const words = "select distinct word from s.tsdbt_intervals where relation_name = 'batched' order by 1";
      expect(await lab.rows(words)).toEqual([['begun anew'], ['done']]);
    }, 60_000);

    it('in a snapshot are not changed by NaN, ids of other keys, or wrapped numbers', async () => {
      await works('snapshot');
      for (const sql of [
        'alter table raw.widened modify column v UInt16',
        'alter table raw.digits modify column v Decimal(9, 3)',
        'alter table raw.digits update v = 1.555 where 1',
        'alter table raw.instants modify column u DateTime64(3)',
        'alter table raw.instants update u = u + toIntervalMillisecond(500) where 1',
        'alter table raw.widened update v = 300 where 1',
        'alter table raw.same_id update v = 9, u = 2 where a is null',
        "alter table raw.same_id delete where b = 'c'",
      ])
        await lab.rows(`${sql} settings mutations_sync = 1, alter_sync = 1`);
      const out = await fails('snapshot');
      expect(out).toContain('"v" has a value that UInt8 does not hold');
      // Otherwise each run would add a version.
      expect(out).toContain('"v" has a value that Decimal(9, 1) does not hold');
      expect(out).toContain('"u" has a value that DateTime does not hold (given as DateTime64(3))');
      for (const name of ['digits', 'instants'])
        expect(await lab.rows(`select count(), countIf(dbt_valid_to is null) from s.${name}`)).toEqual([[1, 1]]);
      await works('snapshot', '--exclude', 'widened', 'digits', 'instants');
      expect(await lab.rows('select id, v, dbt_valid_to from s.widened')).toEqual([[1, 5, null]]);
      expect(await lab.rows('select id, count() from s.nan group by id order by id')).toEqual([
        [1, 1],
        [2, 1],
      ]);
      const current = 'select a, b, v from s.same_id where dbt_valid_to is null order by all';
      expect(await lab.rows(current)).toEqual([
        ['', 'x', 2],
        ['a', 'b|c', 4],
        [null, 'x', 9],
      ]);
      expect(await lab.rows('select count() from s.same_id')).toEqual([[5]]);
    }, 120_000);
  },
);
