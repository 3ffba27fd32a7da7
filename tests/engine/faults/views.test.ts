// A view is built again only when something about it has changed; what stands on top of relations survives their being built again.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import pg from 'pg';
import { FaultProject } from './project.ts';

let project: FaultProject;
const identity = (name: string): Promise<string | undefined> => project.one(`select oid || ' ' || xmin from pg_class where oid = 's.${name}'::regclass`);
/** Changes when a view is defined anew, but not with its grants. */
const rule = (name: string): Promise<string | undefined> => project.one(`select oid || ' ' || xmin from pg_rewrite where ev_class = 's.${name}'::regclass`);
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
    'models/v.sql': "{{ config(materialized='view', post_hook=\"insert into public.hooked values ('v')\") }} select * from public.base",
    'models/w.sql': "{{ config(materialized='view') }} select id from {{ ref('v') }}",
  });
  await project.client.query('create table public.base as select 1 as id; create table public.hooked (name text); create role reader_of_views');
  await build();
});
afterAll(async () => {
  await project.client.query('drop owned by reader_of_views; drop role reader_of_views').catch(() => undefined);
  await project.close();
});

describe('a view', () => {
  it('that nothing has changed for is left alone, while its hooks run and the result stays the same', async () => {
    const before = [await identity('v'), await identity('w')];
    await project.client.query('truncate public.hooked');
    const out = await build('--select', 'v', 'w');
    expect([await identity('v'), await identity('w')]).toEqual(before);
    expect(out).toMatch(/OK created sql view model s\.v \.+ \[CREATE VIEW in /);
    expect(await project.one('select count(*) from public.hooked')).toBe('1');
  });

  it('that is gone, or that somebody else has changed, is built again', async () => {
    await project.client.query('create or replace view s.w as select id + 1 as id from s.v');
    await build('--select', 'w');
    expect(await project.rows('select id from s.w')).toEqual([['1']]);
    await project.client.query('drop view s.w');
    await build('--select', 'w');
    expect(await project.rows('select id from s.w')).toEqual([['1']]);
  });

  it('of `select *` is built again when what it reads has more columns', async () => {
    await project.client.query('alter table public.base add column more int default 7');
    await build('--select', 'v');
    expect(await project.rows('select * from s.v')).toEqual([['1', '7']]);
  });

  it('is built again when its SQL, its configuration or --full-refresh says so', async () => {
    let before = await identity('w');
    project.write({ 'models/w.sql': "{{ config(materialized='view') }} select id * 3 as id from {{ ref('v') }}" });
    await build('--select', 'w');
    expect(await project.rows('select id from s.w')).toEqual([['3']]);
    expect(await identity('w')).not.toBe(before);
    before = await identity('w');
    project.write({ 'models/w.sql': "{{ config(materialized='view', meta={'owner': 'me'}) }} select id * 3 as id from {{ ref('v') }}" });
    await build('--select', 'w');
    expect(await identity('w')).not.toBe(before);
    before = await identity('w');
    await build('--select', 'w', '--full-refresh');
    expect(await identity('w')).not.toBe(before);
  });

  it('that is left alone still gets the grants of its configuration', async () => {
    project.write({ 'models/w.sql': "{{ config(materialized='view', grants={'select': ['reader_of_views']}) }} select id * 3 as id from {{ ref('v') }}" });
    await build('--select', 'w');
    const before = await rule('w');
    await project.client.query('revoke all on s.w from reader_of_views');
    await build('--select', 'w');
    expect(await project.one("select has_table_privilege('reader_of_views', 's.w', 'select')")).toBe('true');
    expect(await rule('w')).toBe(before);
  });
});

describe('what stands on a table', () => {
  it.each([['run'], ['run --full-refresh']])('survives `%s` with owner, grants, comments and options', async (command) => {
    await project.client.query(`drop schema if exists other cascade; create schema other;
      create view other.seen with (security_barrier) as select id, name from s.t;
      create view other.again as select count(*) as n from other.seen;
      create materialized view other.kept as select id from s.t; create unique index kept_id on other.kept (id);
      grant select on other.seen to reader_of_views; comment on view other.seen is 'ours'; comment on column other.seen.id is 'key'; alter view other.again owner to reader_of_views`);
    const before = await project.one("select oid from pg_class where oid = 's.t'::regclass");
    const { code, out } = await project.run([...command.split(' '), '--select', 't']);
    expect(code, out).toBe(0);
    expect(await project.one("select oid from pg_class where oid = 's.t'::regclass")).not.toBe(before);
    expect(await project.rows(`select (select count(*) from other.seen), (select count(*) from other.kept), has_table_privilege('reader_of_views', 'other.seen', 'select'),
      obj_description('other.seen'::regclass), col_description('other.seen'::regclass, 1), (select reloptions::text from pg_class where oid = 'other.seen'::regclass),
      (select relowner::regrole::text from pg_class where oid = 'other.again'::regclass), (select count(*) from pg_indexes where schemaname = 'other')`))
      .toEqual([['2', '2', 'true', 'ours', 'key', '{security_barrier=true}', 'reader_of_views', '1']]);
    await project.client.query('drop schema other cascade');
  });

  it('keeps the run from changing anything when it no longer compiles, and is named', async () => {
    await project.client.query('create view public.foreign_reader as select name from s.t');
    project.write({ 'models/t.sql': "{{ config(materialized='table') }} select id from {{ ref('people') }}" });
    const { code, out } = await project.run(['run', '--select', 't']);
    expect(code).toBe(1);
    expect(out).toContain('foreign_reader');
    expect(await project.one('select count(*) from public.foreign_reader')).toBe('2');
    await project.client.query('drop view public.foreign_reader');
  });

  it('does not matter to a reader with an old snapshot: its rows of a seed stay', async () => {
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
});
