// Tests that a view is rebuilt only when it has changed, and that dependants survive a rebuild.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import pg from 'pg';
import { FaultProject } from './project.ts';

let project: FaultProject;
const identity = (name: string): Promise<string | undefined> =>
  project.one(`select oid || ' ' || xmin from pg_class where oid = 's.${name}'::regclass`);
/** Changes when a view is defined anew, but not with its grants. */
const rule = (name: string): Promise<string | undefined> =>
  project.one(`select oid || ' ' || xmin from pg_rewrite where ev_class = 's.${name}'::regclass`);
const build = async (...args: string[]): Promise<string> => {
  const { code, out } = await project.run(['build', ...args]);
  expect(out).not.toContain('ERROR creating');
  expect(code, out).toBe(0);
  return out;
};

beforeAll(async () => {
  project = await FaultProject.open({
    'seeds/people.csv': 'id,name\n1,a\n2,b\n',
    'models/t.sql': "{{ config(materialized='table') }} select id, name from {{ ref('people') }}",
    'models/v.sql':
      "{{ config(materialized='view', post_hook=\"insert into public.hooked values ('v')\") }} select * from " +
      'public.base',
    'models/w.sql': "{{ config(materialized='view') }} select id from {{ ref('v') }}",
  });
  await project.client.query(
    'create table public.base as select 1 as id; create table public.hooked (name text); create role reader_of_views',
  );
  await build();
});
afterAll(async () => {
  await project.client.query('drop owned by reader_of_views; drop role reader_of_views').catch(() => undefined);
  await project.close();
});

describe('a view', () => {
  it('that is unchanged is kept, while its hooks run and the result is the same', async () => {
    const before = [await identity('v'), await identity('w')];
    await project.client.query('truncate public.hooked');
    const out = await build('--select', 'v', 'w');
    expect([await identity('v'), await identity('w')]).toEqual(before);
    expect(out).toMatch(/OK created sql view model s\.v \.+ \[CREATE VIEW in /);
    expect(await project.one('select count(*) from public.hooked')).toBe('1');
  });

  it('that is missing, or that another client has changed, is built again', async () => {
    await project.client.query('create or replace view s.w as select id + 1 as id from s.v');
    await build('--select', 'w');
    expect(await project.rows('select id from s.w')).toEqual([['1']]);
    await project.client.query('drop view s.w');
    await build('--select', 'w');
    expect(await project.rows('select id from s.w')).toEqual([['1']]);
  });

  it('of `select *` is built again if its input has more columns', async () => {
    await project.client.query('alter table public.base add column more int default 7');
    await build('--select', 'v');
    expect(await project.rows('select * from s.v')).toEqual([['1', '7']]);
  });

  it('is built again if its SQL, its configuration or --full-refresh requires it', async () => {
    let before = await identity('w');
    project.write({ 'models/w.sql': "{{ config(materialized='view') }} select id * 3 as id from {{ ref('v') }}" });
    await build('--select', 'w');
    expect(await project.rows('select id from s.w')).toEqual([['3']]);
    expect(await identity('w')).not.toBe(before);
    before = await identity('w');
    project.write({
      'models/w.sql': "{{ config(materialized='view', meta={'owner': 'me'}) }} select id * 3 as id from {{ ref('v') }}",
    });
    await build('--select', 'w');
    expect(await identity('w')).not.toBe(before);
    before = await identity('w');
    await build('--select', 'w', '--full-refresh');
    expect(await identity('w')).not.toBe(before);
  });

  it('that is kept still gets the configured grants', async () => {
    project.write({
      'models/w.sql':
        "{{ config(materialized='view', grants={'select': ['reader_of_views']}) }} select id * 3 as id from {{ " +
        "ref('v') }}",
    });
    await build('--select', 'w');
    const before = await rule('w');
    await project.client.query('revoke all on s.w from reader_of_views');
    await build('--select', 'w');
    expect(await project.one("select has_table_privilege('reader_of_views', 's.w', 'select')")).toBe('true');
    expect(await rule('w')).toBe(before);
  });
});

describe('a view that was checked before the first node', () => {
  const columns = (name: string): Promise<string | undefined> =>
    project.one(
      "select string_agg(attname, ',' order by attnum) from pg_attribute where attrelid = " +
        `'s.${name}'::regclass and attnum > 0`,
    );
  const change = (name: string): string =>
    `{{ 'alter table raw.${name} add column more int' if var('change', '') == '${name}' else 'select 1' }}`;

  beforeAll(async () => {
    await project.client.query(
      'create schema raw; create table raw.hooked as select 1 as id; create table raw.queried as select 1 as ' +
        'id; create table raw.made as select 1 as id; create table raw.started as select 1 as id',
    );
    project.write({
      'dbt_project.yml': `${project.read('dbt_project.yml')}
on-run-start: "${change('started')}"
`,
      'macros/plain.sql':
        "{% materialization plain, default %}{% call statement('main') %}{{ sql }}{% endcall %}{% do " +
        "adapter.commit() %}{{ return({'relations': []}) }}{% endmaterialization %}",
      'models/quiet/table.sql':
        "{{ config(materialized='table') }} select 1 as id {{ ', 2 as more' if var('change', '') == 'table' }}",
      'models/quiet/of_table.sql': "select * from {{ ref('table') }}",
      'models/quiet/of_of_table.sql': "select * from {{ ref('of_table') }}",
      'models/quiet/lower.sql': "select 1 as id {{ ', 2 as more' if var('change', '') == 'lower' }}",
      'models/quiet/of_lower.sql': "select * from {{ ref('lower') }}",
      'models/quiet/hooked.sql': `{{ config(materialized='table', pre_hook="${change('hooked')}") }} select 1 as id`,
      'models/quiet/of_hooked.sql': "-- depends_on: {{ ref('hooked') }}\nselect * from raw.hooked",
      'models/quiet/queried.sql':
        "{{ config(materialized='table') }} {% if execute and var('change', '') == 'queried' %}{% do " +
        "run_query('alter table raw.queried add column more int') %}{% endif %} select 1 as id",
      'models/quiet/of_queried.sql': "-- depends_on: {{ ref('queried') }}\nselect * from raw.queried",
      'models/quiet/made.sql': `{{ config(materialized='plain') }} ${change('made')}`,
      'models/quiet/of_made.sql': "-- depends_on: {{ ref('made') }}\nselect * from raw.made",
      'models/quiet/of_started.sql': 'select * from raw.started',
    });
    await build('--select', 'quiet');
  });
  afterAll(() => project.client.query('drop schema raw cascade'));

  it('costs no statement if nothing has changed', async () => {
    const before = await identity('of_lower');
    project.write({ 'logs-target/dbt.log': '' });
    const out = await build('--select', 'lower', 'of_lower', 'of_started');
    expect(out).toContain('PASS=4');
    expect(await identity('of_lower')).toBe(before);
    const log = project.read('logs-target/dbt.log');
    expect(log).toContain('On list_views: ');
    expect(log).toContain('Began running node model.faults.of_lower');
    expect(log).not.toContain('On model.');
  });

  it('has its SQL in target/run, and its path in the manifest', async () => {
    await build('--select', 'of_lower');
    const path = 'target/run/faults/models/quiet/of_lower.sql';
    const text = project.read(path);
    expect(text).toContain('create view');
    project.remove(path);
    await build('--select', 'of_lower');
    expect(project.read(path)).toBe(text);
    await build('--select', 'of_lower');
    expect(JSON.parse(project.read('target/manifest.json')).nodes['model.faults.of_lower'].build_path).toBe(path);
  });

  it('is built by its materialization if the project overrides a macro of it', async () => {
    project.write({
      'macros/own.sql':
        "{% macro postgres__persist_docs(relation, model, for_relation, for_columns) %}{% do log('documented: " +
        "' ~ relation.identifier, info=true) %}{% endmacro %}",
    });
    for (let again = 0; again < 3; again++)
      expect(await build('--select', 'of_lower')).toContain('documented: of_lower');
    project.remove('macros/own.sql');
    expect(await build('--select', 'of_lower')).not.toContain('documented');
  });

  it('is built again if its configuration or its rendered SQL changes', async () => {
    const before = await identity('of_lower');
    project.write({ 'models/quiet/of_lower.sql': "{{ config(meta={'a': 1}) }}select * from {{ ref('lower') }}" });
    await build('--select', 'of_lower');
    const second = await identity('of_lower');
    expect(second).not.toBe(before);
    project.write({
      'models/quiet/of_lower.sql':
        "{{ config(meta={'a': 1}) }}select * from {{ ref('lower') }} where id = {{ var('least', 1) }}",
    });
    await build('--select', 'of_lower');
    await build('--select', 'of_lower');
    const third = await identity('of_lower');
    await build('--select', 'of_lower', '--vars', 'least: 2');
    expect(await project.rows('select * from s.of_lower')).toEqual([]);
    expect(await identity('of_lower')).not.toBe(third);
  });

  it.each([
    ['the table below it', 'table', 'of_table'],
    ['a table further below', 'table', 'of_of_table'],
    ['the view below it', 'lower', 'of_lower'],
    ['a hook of another model', 'hooked', 'of_hooked'],
    ['code of another model', 'queried', 'of_queried'],
    ['a materialization of the project', 'made', 'of_made'],
    ['the start of the run', 'started', 'of_started'],
  ])('is built again if the same run has changed its input: %s', async (_how, changed, view) => {
    await build('--select', 'quiet');
    await project.client.query(
      'alter table raw.hooked drop column if exists more cascade; alter table raw.queried drop column if ' +
        'exists more cascade; alter table raw.made drop column if exists more cascade; alter table raw.started ' +
        'drop column if exists more cascade',
    );
    await build('--select', 'quiet');
    expect(await columns(view)).toBe('id');
    await build('--select', 'quiet', '--vars', `change: ${changed}`);
    expect(await columns(view)).toBe('id,more');
  });
});

describe('the dependant of a table', () => {
  it.each([['run'], ['run --full-refresh']])(
    'survives `%s` with owner, grants, comments and options',
    async (command) => {
      await project.client.query(
        `drop schema if exists other cascade; create schema other;
      grant create, usage on schema other to reader_of_views;
      create view other.seen with (security_barrier) as select id, name from s.t;
      create view other.again as select count(*) as n from other.seen;
      create materialized view other.kept as select id from s.t; create unique index kept_id on ` +
          `other.kept (id);
      grant select on other.seen to reader_of_views; comment on view other.seen is 'ours'; comment on ` +
          "column other.seen.id is 'key'; alter view other.again owner to reader_of_views",
      );
      const before = await project.one("select oid from pg_class where oid = 's.t'::regclass");
      const { code, out } = await project.run([...command.split(' '), '--select', 't']);
      expect(code, out).toBe(0);
      expect(await project.one("select oid from pg_class where oid = 's.t'::regclass")).not.toBe(before);
      expect(
        await project.rows(
          'select (select count(*) from other.seen), (select count(*) from other.kept), ' +
            `has_table_privilege('reader_of_views', 'other.seen', 'select'),
      obj_description('other.seen'::regclass), col_description('other.seen'::regclass, 1), (select ` +
            `reloptions::text from pg_class where oid = 'other.seen'::regclass),
      (select relowner::regrole::text from pg_class where oid = 'other.again'::regclass), (select ` +
            "count(*) from pg_indexes where schemaname = 'other')",
        ),
      ).toEqual([['2', '2', 'true', 'ours', 'key', '{security_barrier=true}', 'reader_of_views', '1']]);
      await project.client.query('drop schema other cascade');
    },
  );

  it('prevents any change if it no longer compiles, and is named', async () => {
    await project.client.query('create view public.foreign_reader as select name from s.t');
    project.write({ 'models/t.sql': "{{ config(materialized='table') }} select id from {{ ref('people') }}" });
    const { code, out } = await project.run(['run', '--select', 't']);
    expect(code).toBe(1);
    expect(out).toContain('foreign_reader');
    expect(await project.one('select count(*) from public.foreign_reader')).toBe('2');
    await project.client.query('drop view public.foreign_reader');
  });

  it('does not affect a reader with an old snapshot, which keeps the rows of a seed', async () => {
    const { host, port, user, password, database } = project.client;
    const reader = new pg.Client({ host, port, user: user!, password: password as string, database: database! });
    await reader.connect();
    try {
      await reader.query('begin isolation level repeatable read; select 1 from pg_class limit 1');
      project.write({ 'seeds/people.csv': 'id,name\n1,a\n2,b\n3,c\n' });
      await build('--select', 'people');
      expect((await reader.query('select id from s.people order by 1')).rows).toEqual([{ id: 1 }, { id: 2 }]);
      expect(await project.one('select count(*) from s.people')).toBe('3');
    } finally {
      await reader.end();
    }
  });

  it.each(['53100', '57014', '55P03'])(
    'is not given up, though the project builds it, if the server fails temporarily (%s)',
    async (code) => {
      await project.client.query(
        `create or replace function public.fits() returns int language plpgsql as $$ begin
      if to_regclass('public.full') is not null then raise 'not now' using errcode = '${code}'; end if; ` +
          'return 1; end $$',
      );
      project.write({
        'models/t.sql': "{{ config(materialized='table') }} select id, name from {{ ref('people') }}",
        'models/mv.sql':
          "{{ config(materialized='materialized_view') }} select id, public.fits() as fits from {{ ref('t') }}",
      });
      try {
        await build('--select', 't', 'mv');
        const before = await project.rows("select oid from pg_class where relname in ('t', 'mv') order by relname");
        await project.client.query('create table public.full ()');
        const { code: exit, out } = await project.run(['run', '--select', 't']);
        expect(out).toContain('not now');
        expect(exit).toBe(1);
        expect(await project.rows("select oid from pg_class where relname in ('t', 'mv') order by relname")).toEqual(
          before,
        );
      } finally {
        await project.client.query(
          'drop table if exists public.full; drop materialized view if exists s.mv; drop function public.fits()',
        );
        project.remove('models/mv.sql');
      }
    },
  );
});
