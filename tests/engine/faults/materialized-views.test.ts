// Tests that a Postgres materialized view contains the rows of its query after each successful run, whatever has
// changed.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FaultProject } from './project.ts';

let project: FaultProject;
const QUERY = "select id from {{ ref('t') }} where name in ('a', 'b')";
const view = (config = '', query = QUERY): Record<string, string> => ({
  'models/m.sql': `{{ config(materialized='materialized_view'${config}) }} ${query}`,
});
const INDEXED = ", indexes=[{'columns': ['id'], 'unique': true}]";
const oid = (): Promise<string | undefined> => project.one("select 's.m'::regclass::oid");
const ids = (): Promise<string | undefined> => project.one("select string_agg(id::text, ',' order by id) from s.m");
const insert = (id: number): Promise<unknown> => project.client.query(`insert into s.t values (${id}, 'a')`);
const run = async (...args: string[]): Promise<{ code: number | null; out: string }> =>
  project.run(['run', '--select', 'm', ...args]);

beforeAll(async () => {
  project = await FaultProject.open({
    'models/t.sql': "{{ config(materialized='table') }} select 1 as id, 'a'::varchar(5) as name",
    ...view(),
  });
  expect((await project.run(['run'])).code).toBe(0);
});
afterAll(() => project.close());

it('a materialized view is refreshed by a run that adds or drops an index', async () => {
  const before = await oid();
  await insert(2);
  project.write(view(INDEXED));
  expect((await run()).code).toBe(0);
  expect(await ids()).toBe('1,2');
  await insert(3);
  project.write(view());
  expect((await run()).code).toBe(0);
  expect(await ids()).toBe('1,2,3');
  expect(await project.one("select count(*) from pg_index where indrelid = 's.m'::regclass")).toBe('0');
  expect(await oid()).toBe(before);
});

it('a materialized view is refreshed despite a change that on_configuration_change ignores', async () => {
  await insert(4);
  project.write(view(`${INDEXED}, on_configuration_change='continue'`));
  const { code, out } = await run();
  expect(code, out).toBe(0);
  expect(out).toContain('`on_configuration_change` was set to `continue`');
  expect(await ids()).toBe('1,2,3,4');
  expect(await project.one("select count(*) from pg_index where indrelid = 's.m'::regclass")).toBe('0');
});

it('a materialized view gets a changed query, and keeps its readers', async () => {
  project.write(view());
  await project.client.query(
    "create view public.reads_m as select id from s.m; comment on view public.reads_m is 'kept'",
  );
  const before = await oid();
  project.write(view('', `${QUERY} and id > 1`));
  const { code, out } = await run();
  expect(code, out).toBe(0);
  expect(await ids()).toBe('2,3,4');
  expect(await oid()).not.toBe(before);
  expect(await project.one("select obj_description('public.reads_m'::regclass)")).toBe('kept');
});

it('a materialized view with on_configuration_change: fail rejects a changed query', async () => {
  project.write(view(", on_configuration_change='fail'"));
  const { code, out } = await run();
  expect(code).toBe(1);
  expect(out).toContain('`on_configuration_change` was set to `fail`');
  expect(await ids()).toBe('2,3,4');
});

it('a materialized view with an unchanged query is only refreshed, even after its table was rebuilt', async () => {
  project.write(view());
  expect((await run()).code).toBe(0);
  expect((await project.run(['run', '--select', 't'])).code).toBe(0);
  const restored = await oid();
  await insert(5);
  expect((await run()).code).toBe(0);
  expect(await ids()).toBe('1,5');
  expect(await oid()).toBe(restored);
});
