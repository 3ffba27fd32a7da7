// Tests builds with --reuse on Postgres: which nodes run after which change, and why.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';

const FILES = {
  'seeds/countries.csv': 'id,name\n1,one\n2,two\n',
  'models/sources.yml':
    'sources: [{name: raw, schema: raw, tables: [{name: events}]}]\nmodels:\n  - name: daily\n    columns: ' +
    '[{name: id, data_tests: ' +
    '[unique, not_null]}]\n',
  'models/base.sql': "select id, amount from {{ source('raw', 'events') }}",
  'models/daily.sql':
    "{{ config(materialized='table') }} select id, sum(amount) as total from {{ ref('base') }} group by 1",
  'models/named.sql': "{{ config(materialized='table') }} select c.id, c.name from {{ ref('countries') }} c /* one */",
  'models/top.sql':
    "{{ config(materialized='table') }} select d.id, n.name from {{ ref('daily') }} d join {{ " +
    "ref('named') }} n using (id)",
  'models/added.sql':
    "{{ config(materialized='incremental', unique_key='id') }} select id, amount from {{ source('raw', 'events') }} " +
    '{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}',
};

describe('a build with --reuse', () => {
  let project: FaultProject;
  /** Names of what ran. */
  const ran = async (args: readonly string[] = ['build']): Promise<string[]> => {
    const { code, out } = await project.run([...args, '--reuse', '--explain']);
    expect(code, out).toBe(0);
    last = out;
    return [...out.matchAll(/runs \w+\.faults\.(\w+)/g)].map(([, name = '']) => name.replace(/_id$/, '')).sort();
  };
  let last = '';

  beforeAll(async () => {
    project = await FaultProject.open(FILES);
    await project.client.query(
      'create schema raw; create table raw.events (id int, amount int); insert into raw.events values (1, 10), (2, 20)',
    );
    expect(await ran()).toHaveLength(8);
  });
  afterAll(() => project.close());

  it('runs nothing if nothing has changed, and says so in run_results.json', async () => {
    expect(await ran(), last).toEqual([]);
    expect(last).toContain('PASS=0 WARN=0 ERROR=0 SKIP=0 NO-OP=0 REUSED=8 TOTAL=8');
    const { results } = JSON.parse(project.read('target/run_results.json')) as { results: { status: string }[] };
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['reused']));
  });

  it('runs only readers of a source that has new rows, through views', async () => {
    await project.client.query('insert into raw.events values (3, 30)');
    expect(await ran(), last).toEqual(['added', 'daily', 'not_null_daily', 'top', 'unique_daily']);
    expect(await ran(), last).toEqual([]);
  });

  it('stops where a node that ran has the same rows', async () => {
    await project.client.query('insert into raw.events values (3, 0)');
    expect(await ran(), last).toEqual(['added', 'daily']);
    expect(await ran(), last).toEqual([]);
  });

  it('runs a node whose SQL has changed, and not for comments and white space', async () => {
    project.write({ 'models/named.sql': `${FILES['models/named.sql'].replaceAll(' ', '\n  ')} -- and\n` });
    expect(await ran(), last).toEqual([]);
    expect(last).toMatch(/of 8 START sql table model s\.named .*\n(?:.*\n)*?.*of 8 REUSED model named \.+ \[REUSED in/);
    project.write({ 'models/named.sql': FILES['models/named.sql'].replace('c.name', 'upper(c.name) as name') });
    expect(await ran(), last).toEqual(['named', 'top']);
    expect(last).toContain('runs model.faults.named because its SQL has changed');
    expect(last).toContain('runs model.faults.top because model.faults.named ran and changed data');
  });

  it('runs a seed whose file has changed', async () => {
    project.write({ 'seeds/countries.csv': 'id,name\n1,one\n2,zwei\n' });
    expect(await ran(), last).toEqual(['countries', 'named', 'top']);
  });

  it.each([
    ['dropped', 'drop table s.named cascade'],
    ['truncated', 'truncate s.named'],
    ['altered', 'alter table s.named add column more int'],
    ['replaced', 'create table s.other as table s.named; drop table s.named; alter table s.other rename to named'],
    ['written to', "update s.named set name = 'x' where id = 1"],
  ])('runs a node whose table was %s, and its readers only if rows change', async (_what, sql) => {
    await project.client.query(sql);
    expect(await ran(), last).toEqual(['named']);
    expect(await project.rows('select id, name from s.named order by id')).toEqual([
      ['1', 'ONE'],
      ['2', 'ZWEI'],
    ]);
    expect(await ran(), last).toEqual([]);
  });

  it('runs a view that was dropped or replaced', async () => {
    await project.client.query('drop view s.base');
    expect(await ran(), last).toEqual(['base']);
    await project.client.query('create or replace view s.base as select id, amount from raw.events where id = 1');
    expect(await ran(), last).toEqual(['base']);
    expect(await ran(), last).toEqual([]);
  });

  it('runs a node with a volatile function each time', async () => {
    project.write({ 'models/clock.sql': "{{ config(materialized='table') }} select now() as at" });
    expect(await ran(), last).toEqual(['clock']);
    expect(await ran(), last).toEqual(['clock']);
    expect(last).toContain('runs model.faults.clock because it contains now(), whose value changes');
    project.write({
      'models/clock.sql': "{{ config(materialized='table', meta={'tsdbt': {'max_age': '1h'}}) }} select now() as at",
    });
    expect(await ran(), last).toEqual(['clock']);
    expect(await ran(), last).toEqual([]);
    project.remove('models/clock.sql');
  });

  it('runs what reads a view whose rows change by themselves', async () => {
    project.write({
      'models/recent.sql':
        "{{ config(materialized='view') }} select id, clock_timestamp() as at from {{ ref('named') }}",
      'models/seen.sql': "{{ config(materialized='table') }} select id, at from {{ ref('recent') }}",
    });
    expect(await ran(), last).toEqual(['recent', 'seen']);
    expect(await ran(), last).toEqual(['recent', 'seen']);
    project.remove('models/recent.sql');
    project.remove('models/seen.sql');
  });

  it.each([
    ['a source without source()', 'select count(*) as n from raw.counted'],
    ['a relation of another schema after a comma', "select count(*) as n from {{ ref('named') }} n, other.counted"],
    ['a relation found by search_path', 'select (select count(*) from counted) as n'],
    ['an age relative to today', "select age(max(coalesce(null::timestamp, '2026-01-01'))) as n"],
    ['a function that reads a table', 'select {{ function("counting") }}() as n'],
  ])('runs a node each time that reads %s', async (_what, sql) => {
    await project.client.query(
      'create schema if not exists other; create table if not exists other.counted (id int); create table if not ' +
        'exists raw.counted (id int); create table if not exists public.counted (id int)',
    );
    project.write({
      'models/more.yml': 'sources: [{name: more, schema: raw, tables: [{name: counted}]}]\n',
      'functions/counting.sql': 'select count(*) from other.counted',
      'functions/counting.yml': 'functions: [{name: counting, returns: {data_type: bigint}}]',
      'models/counts.sql': `{{ config(materialized='table') }} ${sql}`,
    });
    await ran();
    await project.client.query(
      'insert into other.counted values (1); insert into raw.counted values (1); insert into public.counted values (1)',
    );
    expect(await ran(), last).toContain('counts');
    project.remove('models/counts.sql');
    project.remove('models/more.yml');
    project.remove('functions/counting.sql');
    project.remove('functions/counting.yml');
  });

  it('runs an incremental model whose next text contains a volatile call', async () => {
    project.write({
      'models/later.sql':
        "{{ config(materialized='incremental') }} select id from {{ ref('named') }} " +
        '{% if is_incremental() %} where now() is null {% endif %}',
    });
    expect(await ran(), last).toEqual(['later']);
    expect(await ran(), last).toEqual(['later']);
    project.remove('models/later.sql');
  });

  it('loads a seed that was emptied by --empty', async () => {
    await ran(['build', '--empty', '--select', 'countries']);
    expect(await project.one('select count(*) from s.countries')).toBe('0');
    expect(await ran(), last).toContain('countries');
    expect(await project.one('select count(*) from s.countries')).toBe('2');
  });

  it('repeats a test that failed', async () => {
    await project.client.query('insert into raw.events values (null, 1)');
    const { out, code } = await project.run(['build', '--reuse', '--explain']);
    expect([code, out]).toEqual([1, expect.stringContaining('ERROR=1 ')]);
    const again = await project.run(['build', '--reuse', '--explain']);
    expect([again.code, again.out]).toEqual([1, expect.stringContaining('because its last result is fail')]);
    await project.client.query('delete from raw.events where id is null');
    await ran();
    expect(await ran(), last).toEqual([]);
  });

  it('runs a node that calls a function of users each time, unless it is immutable and the same', async () => {
    const define = (body: string, volatility: string): Promise<unknown> =>
      project.client.query(
        `create or replace function raw.more(n int) returns int language sql ${volatility} as $$ select ${body} $$`,
      );
    await define('n + 1', 'stable');
    project.write({
      'models/called.sql':
        "{{ config(materialized='table') }} select raw.more(c.id) as id from {{ ref('countries') }} c",
    });
    expect(await ran(), last).toContain('called');
    expect(await ran(), last).toEqual(['called']);
    expect(last).toContain('runs model.faults.called because it contains more(), whose value changes');
    await define('n + 1', 'immutable');
    expect(await ran(), last).toEqual(['called']);
    expect(await ran(), last).toEqual([]);
    await define('n + 2', 'immutable');
    expect(await ran(), last).toEqual(['called']);
    expect(await ran(), last).toEqual([]);
    // The server believes the declaration.
    const bodies = [
      'n + (select count(*)::int from raw.told)',
      'n + extract(epoch from now())::int % 2',
      'n + raw.below(n)',
    ];
    await project.rows('create table raw.told as select 1 as id');
    await project.rows(
      'create function raw.below(n int) returns int language plpgsql immutable as $$ ' +
        'begin return (table raw.told); end $$',
    );
    for (const body of bodies) {
      await define(body, 'immutable');
      expect(await ran(), last).toEqual(['called']);
      expect(await ran(), last).toEqual(['called']);
    }
    await define("extract(day from (date '2024-01-01' + n))::int", 'immutable');
    expect(await ran(), last).toEqual(['called']);
    expect(await ran(), last).toEqual([]);
    project.remove('models/called.sql');
  });

  it('runs all nodes if a setting of the profile that changes results has changed', async () => {
    const profiles = project.read('profiles.yml');
    project.write({ 'profiles.yml': profiles.replace('schema: s', 'search_path: public, schema: s') });
    expect(await ran(), last).toHaveLength(8);
    project.write({ 'profiles.yml': profiles });
    await ran();
    expect(await ran(), last).toEqual([]);
  });
});
