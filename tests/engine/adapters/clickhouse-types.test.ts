// Tests every ClickHouse type with schema changes, snapshots and copies: a column that is added later has the type of
// the query, and the next run finds no difference.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';

/** A type as `system.columns` writes it, a value, and another type for the same column. */
interface TypeCase {
  readonly type: string;
  readonly value: string;
  readonly other?: string;
}

const TYPES: readonly TypeCase[] = [
  { type: 'UInt8', value: '7', other: 'Int64' },
  { type: 'Int256', value: '-7' },
  { type: 'Float32', value: '1.5', other: 'Float64' },
  { type: 'BFloat16', value: '1.5' },
  { type: 'Decimal(10, 2)', value: "'1.25'", other: 'Decimal(20, 4)' },
  { type: 'Bool', value: 'true' },
  { type: 'String', value: "'ab'" },
  { type: 'Nullable(String)', value: "'ab'" },
  { type: 'LowCardinality(String)', value: "'ab'" },
  { type: 'LowCardinality(Nullable(String))', value: "'ab'" },
  { type: 'FixedString(3)', value: "'abc'", other: 'FixedString(5)' },
  { type: 'Nullable(FixedString(3))', value: "'abc'" },
  { type: 'UUID', value: "'6f1c1d0e-5a43-4b40-8a4a-0d6f9f1f1e11'", other: 'String' },
  { type: 'IPv4', value: "'10.0.0.1'", other: 'String' },
  { type: 'IPv6', value: "'::1'" },
  { type: 'Date', value: "'2024-01-02'", other: 'Date32' },
  { type: "DateTime('Asia/Tokyo')", value: "'2024-01-02 03:04:05'" },
  { type: "DateTime64(3, 'UTC')", value: "'2024-01-02 03:04:05.123'", other: "DateTime64(6, 'UTC')" },
  { type: "Enum8('a' = 1, 'b, c' = 2)", value: "'b, c'", other: "Enum8('a' = 1, 'b, c' = 2, 'd' = 3)" },
  { type: 'Array(String)', value: "['a', 'b']" },
  { type: 'Array(Array(Nullable(Int32)))', value: '[[1, NULL], []]' },
  { type: 'Array(Tuple(a UInt8, b String))', value: "[(1, 'x')]" },
  { type: 'Map(String, Array(UInt8))', value: "map('a', [1])" },
  { type: 'Map(String, Tuple(a UInt8, b String))', value: "map('a', (1, 'x'))" },
  { type: 'Tuple(UInt8, String)', value: "(1, 'x')" },
  { type: 'Tuple(a UInt64, b String)', value: "(1, 'x')", other: 'Tuple(a UInt64, b String, c UInt8)' },
  { type: 'Tuple(a UInt64, b Tuple(c String, d Array(Tuple(e Int8))))', value: "(1, ('x', [tuple(2)]))" },
  { type: 'Point', value: '(1, 2)' },
  { type: 'Ring', value: '[(1, 2)]' },
  { type: 'Polygon', value: '[[(1, 2)]]' },
  { type: 'SimpleAggregateFunction(sum, UInt64)', value: '7' },
  { type: 'IntervalDay', value: '7' },
];

const literal = ({ type, value }: TypeCase): string =>
  type === 'IntervalDay' ? 'toIntervalDay(7)' : `cast(${value} as ${type})`;
const select = TYPES.map((each, index) => `${literal(each)} as c${index}`).join(', ');
const model = (config: string, sql: string): string => `{{ config(${config}) }}\n{% raw %}${sql}{% endraw %}`;
/** The type of a column that is NULL in versions that are older than it. Arrays, maps and tuples have no NULL. */
const withNull = (type: string): string =>
  /^(Nullable|Array|Map|Tuple|Point|Ring|Polygon)\b|Nullable/.test(type)
    ? type
    : type.replace(/^(LowCardinality\()?(.*?)(\)?)$/, (_, low: string | undefined, inner: string, end: string) =>
        low === undefined ? `Nullable(${inner}${end})` : `${low}Nullable(${inner})${end}`,
      );
const EXPECTED = TYPES.map(({ type }, index) => [`c${index}`, type]);

describe.skipIf(clickhouseMissing !== null)(clickhouseMissing ?? 'every ClickHouse type', () => {
  let lab: ClickhouseLab;

  const typesOf = async (table: string): Promise<unknown[][]> =>
    lab.rows(
      `select name, type from system.columns where database = 's' and table = '${table}' and match(name, '^c[0-9]') ` +
        'order by position',
    );
  async function run(...args: readonly string[]): Promise<readonly string[]> {
    const { code, out, statements } = await lab.run(args);
    expect(code, out).toBe(0);
    return statements;
  }
  const alters = (statements: readonly string[]): string[] =>
    statements.filter((sql) => /alter table .* (add|modify|drop) column/.test(sql));

  beforeAll(async () => {
    lab = await ClickhouseLab.open({});
  });
  afterAll(async () => {
    await lab?.close();
  });

  describe.each([
    ['append', "inserts_only=true, on_schema_change='append_new_columns'"],
    ['append', "inserts_only=true, on_schema_change='sync_all_columns'"],
    ['legacy', "incremental_strategy='legacy', unique_key='id', on_schema_change='sync_all_columns'"],
    ['delete_insert', "incremental_strategy='delete_insert', unique_key='id', on_schema_change='append_new_columns'"],
    ['delete_insert', "incremental_strategy='delete_insert', unique_key='id', on_schema_change='sync_all_columns'"],
    ['atomic_upsert', "incremental_strategy='atomic_upsert', unique_key='id', on_schema_change='sync_all_columns'"],
  ])('with the strategy %s and %s', (_strategy, more) => {
    const config = `materialized='incremental', ${more}`;

    it('is kept once when a column is added', async () => {
      lab.write({ 'models/m.sql': model(config, 'select 1 as id') });
      await run('run', '--full-refresh');
      lab.write({ 'models/m.sql': model(config, `select 2 as id, ${select}`) });
      await run('run');
      expect(await typesOf('m')).toEqual(EXPECTED);
      const tuple = TYPES.map((_, index) => `c${index}`).join(', ');
      expect(
        await lab.rows(
          `select toString((${tuple})) = (select toString((${tuple})) from (select ${select})) from s.m where id = 2`,
        ),
      ).toEqual([[1]]);
      expect(alters(await run('run'))).toEqual([]);
    });

    it.runIf(more.includes('sync') && !more.includes('inserts_only'))(
      'is kept once when a column is changed',
      async () => {
        const given = (later: boolean): string =>
          TYPES.flatMap((each, index) =>
            each.other === undefined
              ? []
              : [
                  later && !each.other.startsWith('Tuple')
                    ? `cast(${literal(each)} as ${each.other}) as c${index}`
                    : later
                      ? `cast((1, 'x', 3) as ${each.other}) as c${index}`
                      : `${literal(each)} as c${index}`,
                ],
          ).join(', ');
        lab.write({ 'models/m.sql': model(config, `select 1 as id, ${given(false)}`) });
        await run('run', '--full-refresh');
        lab.write({ 'models/m.sql': model(config, `select 2 as id, ${given(true)}`) });
        await run('run');
        expect(await typesOf('m')).toEqual(
          TYPES.flatMap(({ other }, index) => (other === undefined ? [] : [[`c${index}`, other]])),
        );
        expect(alters(await run('run'))).toEqual([]);
      },
    );
  });

  it.each(['', "incremental_strategy='delete_insert',", "incremental_strategy='atomic_upsert',"])(
    'is kept when sync_all_columns drops one column and adds another: %s',
    async (strategy) => {
      const config = `materialized='incremental', unique_key='id', ${strategy} on_schema_change='sync_all_columns'`;
      lab.write({ 'models/m.sql': model(config, "select number as id, 'a' as v, 'b' as gone from numbers(2)") });
      await run('run', '--full-refresh');
      lab.write({ 'models/m.sql': model(config, "select 1 as id, 'c' as v, 7 as come") });
      await run('run');
      expect(await lab.rows('select * from s.m order by id')).toEqual([
        [0, 'a', 0],
        [1, 'c', 7],
      ]);
    },
  );

  describe.each(['ignore', 'invalidate', 'new_record'])('in a snapshot with hard_deletes %s', (deletes) => {
    it('is kept when a column is added later and rows are changed, deleted and restored', async () => {
      await lab.rows('drop database if exists s sync');
      await lab.rows('create database if not exists raw');
      lab.write({
        'models/raw.yml': 'sources: [{name: raw, schema: raw, tables: [{name: t}]}]\n',
        'models/m.sql': 'select 1 as id',
        'snapshots/s.yml':
          `snapshots: [{name: snap, relation: "source('raw', 't')", config: {unique_key: id, strategy: check, ` +
          `check_cols: all, hard_deletes: ${deletes}}}]\n`,
      });
      const source = async (rows: string): Promise<void> => {
        await lab.rows('drop table if exists raw.t sync');
        await lab.rows(`create table raw.t engine = MergeTree order by id as ${rows}`);
      };
      await source('select number as id from numbers(3)');
      await run('snapshot');
      await source(`select number as id, ${select} from numbers(1, 3)`);
      await run('snapshot');
      expect(await typesOf('snap')).toEqual(
        EXPECTED.map(([name, type]) => [name, deletes === 'ignore' ? type : withNull(type!)]),
      );
      await source(`select number as id, ${select} from numbers(3)`);
      await run('snapshot');
      await run('snapshot');
      const current = 'select id from s.snap where dbt_valid_to is null order by id';
      expect(await lab.rows(current)).toEqual(
        deletes === 'ignore' ? [[0], [1], [2], [3]] : deletes === 'invalidate' ? [[0], [1], [2]] : [[0], [1], [2], [3]],
      );
    });
  });

  it.each(['DateTime', "DateTime('Asia/Tokyo')", "DateTime64(3, 'UTC')", 'Date', 'Date32', 'String'])(
    'a snapshot by a %s ends current versions at a text',
    async (type) => {
      await lab.rows('drop database if exists s sync');
      await lab.rows('create database if not exists raw');
      lab.write({
        'models/raw.yml': 'sources: [{name: raw, schema: raw, tables: [{name: t}]}]\n',
        'snapshots/s.yml':
          `snapshots: [{name: snap, relation: "source('raw', 't')", config: {unique_key: id, strategy: timestamp, ` +
          `updated_at: at, hard_deletes: ${type === 'String' ? 'ignore' : 'invalidate'}, ` +
          `dbt_valid_to_current: "'9999-12-31'"}}]\n`,
      });
      for (const [day, rows] of [
        [1, 2],
        [2, 3],
        [2, 3],
        [3, 1],
      ]) {
        await lab.rows('drop table if exists raw.t sync');
        await lab.rows(
          `create table raw.t engine = MergeTree order by id as select number as id, ` +
            `cast('2024-01-0${day}' as ${type}) as at from numbers(${rows})`,
        );
        await run('snapshot');
      }
      expect(
        await lab.rows(
          "select id, count(), countIf(toString(dbt_valid_to) like '9999%') from s.snap group by id order by id",
        ),
      ).toEqual([
        [0, 3, 1],
        [1, 2, type === 'String' ? 1 : 0],
        [2, 1, type === 'String' ? 1 : 0],
      ]);
    },
  );

  it.each(['String', 'UInt32', 'LowCardinality(Nullable(String))'])(
    'a snapshot by a %s cannot end deleted rows, and fails before its first version',
    async (type) => {
      await lab.rows('drop database if exists s sync');
      await lab.rows('create database if not exists raw');
      await lab.rows('drop table if exists raw.t sync');
      await lab.rows(`create table raw.t (id UInt64, at ${type}) engine = MergeTree order by id`);
      await lab.rows("insert into raw.t values (1, '2024'), (2, '2024')");
      const snapshot = (deletes: string) =>
        lab.write({
          'models/raw.yml': 'sources: [{name: raw, schema: raw, tables: [{name: t}]}]\n',
          'snapshots/s.yml':
            `snapshots: [{name: snap, relation: "source('raw', 't')", config: {unique_key: id, strategy: timestamp, ` +
            `updated_at: at, hard_deletes: ${deletes}}}]\n`,
        });
      const why = `'hard_deletes' needs a date or time in 'updated_at', found ${type === 'UInt32' ? type : 'String'}.`;
      for (const deletes of ['invalidate', 'new_record']) {
        snapshot(deletes);
        await expect(run('snapshot')).rejects.toThrow(why);
      }
      expect(await lab.rows("select name from system.tables where database = 's'")).toEqual([]);
      snapshot('ignore');
      await run('snapshot');
      const before = await lab.rows('select * from s.snap order by id');
      await lab.rows('delete from raw.t where id = 1');
      snapshot('invalidate');
      await expect(run('snapshot')).rejects.toThrow(why);
      expect(await lab.rows('select * from s.snap order by id')).toEqual(before);
    },
  );

  it('is kept by an audit, a publication and a comparison', async () => {
    const [, output = ''] = /dev: (\{.*\})\}\}/.exec(lab.read('profiles.yml')) ?? [];
    lab.env = { DBT_ENV_SECRET_HERE: /password: "(.*?)"/.exec(output)?.[1] ?? '' };
    const here = output.replace(/password: ".*?"/, `password: "{{ env_var('DBT_ENV_SECRET_HERE') }}"`);
    lab.write({
      'connections.yml': `here: ${here}\n`,
      'models/raw.yml': 'sources: []\n',
      'snapshots/s.yml': 'snapshots: []\n',
      'models/m.sql': model("materialized='table'", `select 1 as id, ${select}`),
      'models/m.yml':
        'models: [{name: m, config: {meta: {tsdbt: {audit: true, publish: [{to: here, table: s.copy, key: id}]}}}, ' +
        'columns: [{name: id, data_tests: [unique, not_null]}]}]\n',
    });
    await run('build', '--select', 'm');
    expect(await typesOf('copy')).toEqual(EXPECTED);
    // States of aggregates are not compared.
    const aggregate = `c${TYPES.findIndex(({ type }) => type.startsWith('SimpleAggregate'))}`;
    await run('diff', '--select', 'm', '--copies', '--exclude-columns', aggregate);
    const statements = await run('publish', '--select', 'm');
    expect(statements.filter((sql) => /^insert into .*copy/.test(sql))).toEqual([]);
  });
});
