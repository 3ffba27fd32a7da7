// Tests builds with --reuse on ClickHouse: which nodes run after which change.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';

const FILES = {
  'seeds/countries.csv': 'id,name\n1,one\n2,two\n',
  'models/sources.yml':
    'sources: [{name: raw, schema: raw, tables: [{name: events}]}]\nmodels:\n  - name: daily\n    columns: ' +
    '[{name: id, ' +
    'data_tests: [unique, not_null]}]\n',
  'models/base.sql': "select id, amount from {{ source('raw', 'events') }}",
  'models/daily.sql':
    "{{ config(materialized='table', order_by='id') }} select id, sum(amount) as total from {{ " +
    "ref('base') }} group by id",
  'models/named.sql':
    "{{ config(materialized='table', order_by='id') }} select c.id as id, c.name as name from {{ ref('countries') }} c",
  'models/added.sql':
    "{{ config(materialized='incremental', unique_key='id', order_by='id') }} select id, amount from " +
    "{{ source('raw', 'events') }} {% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}",
};

describe.skipIf(clickhouseMissing !== null)('a build with --reuse on ClickHouse', () => {
  let lab: ClickhouseLab;
  let last = '';
  const ran = async (): Promise<string[]> => {
    const { code, out } = await lab.run(['build', '--reuse', '--explain']);
    expect(code, out).toBe(0);
    last = out;
    return [...out.matchAll(/runs \w+\.faults\.(\w+)/g)].map(([, name = '']) => name.replace(/_id$/, '')).sort();
  };

  beforeAll(async () => {
    lab = await ClickhouseLab.open(FILES);
    await lab.rows('create database raw');
    await lab.rows('create table raw.events (id Int32, amount Nullable(Int32)) engine = MergeTree order by id');
    await lab.rows('insert into raw.events values (1, 10), (2, 20)');
    expect(await ran(), last).toHaveLength(7);
  });
  afterAll(() => lab.close());

  it('runs nothing if nothing has changed', async () => {
    expect(await ran(), last).toEqual([]);
    expect(last).toContain('REUSED=7 TOTAL=7');
  });

  it('runs only readers of a source that has new rows, and nothing after a merge of its parts', async () => {
    await lab.rows('insert into raw.events values (3, 30)');
    expect(await ran(), last).toEqual(['added', 'daily', 'not_null_daily', 'unique_daily']);
    await lab.rows('optimize table raw.events final');
    await lab.rows('optimize table s.added final');
    expect(await ran(), last).toEqual([]);
  });

  it('stops where a node that ran has the same rows', async () => {
    await lab.rows('insert into raw.events values (3, 0)');
    expect(await ran(), last).toEqual(['added', 'daily']);
    expect(await ran(), last).toEqual([]);
  });

  it.each([
    ['dropped', ['drop table s.named']],
    ['truncated', ['truncate table s.named']],
    ['altered', ['alter table s.named add column more Int32']],
    ['replaced', ['create table s.other as s.named', 'exchange tables s.other and s.named', 'drop table s.other']],
    ['written to', ["insert into s.named values (9, 'x')"]],
  ])('runs a node whose table was %s', async (_what, statements) => {
    for (const sql of statements) await lab.rows(sql);
    expect(await ran(), last).toEqual(['named']);
    expect(await lab.rows('select id, name from s.named order by id')).toEqual([
      [1, 'one'],
      [2, 'two'],
    ]);
    expect(await ran(), last).toEqual([]);
  });

  it('runs a view that was dropped or replaced', async () => {
    await lab.rows('drop view s.base');
    expect(await ran(), last).toEqual(['base']);
    await lab.rows('create or replace view s.base as select id, amount from raw.events where id = 1');
    expect(await ran(), last).toEqual(['base']);
    expect(await ran(), last).toEqual([]);
  });

  it('runs a node with a volatile function each time', async () => {
    lab.write({ 'models/clock.sql': "{{ config(materialized='table', order_by='at') }} select now() as at" });
    expect(await ran(), last).toEqual(['clock']);
    expect(await ran(), last).toEqual(['clock']);
    lab.remove('models/clock.sql');
  });

  it('runs a node that calls a function of users each time, unless it does not depend on time or tables', async () => {
    await lab.rows('create function more as (n) -> n + toUnixTimestamp(now())');
    lab.write({
      'models/called.sql':
        "{{ config(materialized='table', order_by='id') }} select more(c.id) as id from {{ ref('countries') }} c",
    });
    expect(await ran(), last).toContain('called');
    expect(await ran(), last).toEqual(['called']);
    await lab.rows('create or replace function more as (n) -> n + 1');
    expect(await ran(), last).toEqual(['called']);
    expect(await ran(), last).toEqual([]);
    await lab.rows('create or replace function more as (n) -> n + 2');
    expect(await ran(), last).toEqual(['called']);
    lab.remove('models/called.sql');
    await lab.rows('drop function more');
  });
});
