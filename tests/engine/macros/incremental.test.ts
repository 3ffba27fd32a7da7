// What incremental models ask of Postgres, statement by statement, for each state of the database and each strategy.
import { describe, expect, test } from 'vitest';
import { statementsOf } from './recorder.ts';

const id = { name: 'id', type: 'integer' };
const name = { name: 'name', type: 'text' };
const present = { relations: { m: 'table' }, columns: { m: [id, name], m__dbt_tmp: [id, name] } } as const;

describe('an incremental model', () => {
  test('without a table creates it under its own name', async () => {
    expect(await statementsOf({ materialization: 'incremental' })).toMatchInlineSnapshot(`
      [
        "begin",
        "lock",
        "main: create table "db"."s"."m" as (select 1 as id);",
        "commit",
      ]
    `);
  });

  test('adds rows if it has no key', async () => {
    expect(await statementsOf({ materialization: 'incremental', state: present })).toMatchInlineSnapshot(`
      [
        "begin",
        "lock",
        "create temporary table "m__dbt_tmp<time>" as (select 1 as id);",
        "columns of m",
        "columns of m__dbt_tmp",
        "main: insert into "db"."s"."m" ("id", "name") (select "id", "name" from "m__dbt_tmp<time>")",
        "drop table if exists "m__dbt_tmp<time>" cascade",
        "commit",
      ]
    `);
  });

  test('deletes and inserts by its key', async () => {
    expect(
      await statementsOf({ materialization: 'incremental', state: present, config: { unique_key: 'id' } }),
    ).toMatchInlineSnapshot(
      `
      [
        "begin",
        "lock",
        "create temporary table "m__dbt_tmp<time>" as (select 1 as id);",
        "columns of m",
        "columns of m__dbt_tmp",
        "main: delete from "db"."s"."m" as DBT_INTERNAL_DEST where (id) in (select distinct id from ` +
        '"m__dbt_tmp<time>" as DBT_INTERNAL_SOURCE); insert into "db"."s"."m" ("id", "name") (select "id", "name" ' +
        `from "m__dbt_tmp<time>")",
        "drop table if exists "m__dbt_tmp<time>" cascade",
        "commit",
      ]
    `,
    );
  });

  test('deletes by a key of several columns, within its predicates', async () => {
    const config = {
      unique_key: ['id', 'name'],
      incremental_strategy: 'delete+insert',
      incremental_predicates: ['id > 3', 'true'],
    };
    expect(
      (await statementsOf({ materialization: 'incremental', state: present, config })).find((sql) =>
        sql.startsWith('main'),
      ),
    ).toMatchInlineSnapshot(
      '"main: delete from "db"."s"."m" as DBT_INTERNAL_DEST where (id, name) in (select distinct id, name from ' +
        '"m__dbt_tmp<time>" as DBT_INTERNAL_SOURCE) and (id > 3) and (true); insert into "db"."s"."m" ("id", "name") ' +
        '(select "id", "name" from "m__dbt_tmp<time>")"',
    );
  });

  test('merges, and updates only the columns that are not excluded', async () => {
    const config = { unique_key: 'id', incremental_strategy: 'merge', merge_exclude_columns: ['ID'] };
    expect(
      (await statementsOf({ materialization: 'incremental', state: present, config })).find((sql) =>
        sql.startsWith('main'),
      ),
    ).toMatchInlineSnapshot(
      '"main: merge into "db"."s"."m" as DBT_INTERNAL_DEST using "m__dbt_tmp<time>" as DBT_INTERNAL_SOURCE on ' +
        '((DBT_INTERNAL_SOURCE.id = DBT_INTERNAL_DEST.id)) when matched then update set "name" = ' +
        'DBT_INTERNAL_SOURCE."name" when not matched then insert ("id", "name") values ("id", "name")"',
    );
  });

  test('merges a batch of a microbatch model separately from other batches', async () => {
    const config = { unique_key: 'id', incremental_strategy: 'microbatch' };
    const node = { batch: { id: '20260102', event_time_start: null, event_time_end: null } };
    expect(await statementsOf({ materialization: 'incremental', state: present, config, node })).toMatchInlineSnapshot(
      `
      [
        "begin",
        "lock",
        "create temporary table "m__dbt_tmp_20260102030405000000" as (select 1 as id);",
        "columns of m",
        "columns of m__dbt_tmp_20260102",
        "main: merge into "db"."s"."m" as DBT_INTERNAL_DEST using "m__dbt_tmp_20260102030405000000" as ` +
        'DBT_INTERNAL_SOURCE on ((DBT_INTERNAL_SOURCE.id = DBT_INTERNAL_DEST.id)) when matched then update set ' +
        '"id" = DBT_INTERNAL_SOURCE."id", "name" = DBT_INTERNAL_SOURCE."name" when not matched then insert ("id", ' +
        `"name") values ("id", "name")",
        "drop table if exists "m__dbt_tmp_20260102030405000000" cascade",
        "commit",
      ]
    `,
    );
  });

  test('is rebuilt on a full refresh, with its readers', async () => {
    const state = { ...present, dependants: [['v', 'select 1']] } as const;
    expect(await statementsOf({ materialization: 'incremental', state, fullRefresh: true })).toMatchInlineSnapshot(
      `
      [
        "begin",
        "lock",
        "main: create table "db"."s"."m__dbt_tmp" as (select 1 as id);",
        "look for dependants",
        "alter table "db"."s"."m" rename to "m__dbt_backup"; alter table "db"."s"."m__dbt_tmp" rename to ` +
        `"m"; drop view s.v; drop table if exists "db"."s"."m__dbt_backup"",
        "create view s.v as select 1; comment on view s.v is 'c'",
        "commit",
      ]
    `,
    );
  });

  test('is not rebuilt on a full refresh if its config forbids it', async () => {
    const config = { full_refresh: false };
    expect(
      (await statementsOf({ materialization: 'incremental', state: present, config, fullRefresh: true })).some((sql) =>
        sql.includes('rename'),
      ),
    ).toBe(false);
  });

  test('replaces a view', async () => {
    expect(
      await statementsOf({ materialization: 'incremental', state: { relations: { m: 'view' } } }),
    ).toMatchInlineSnapshot(
      `
      [
        "begin",
        "lock",
        "main: create table "db"."s"."m__dbt_tmp" as (select 1 as id);",
        "alter view "db"."s"."m" rename to "m__dbt_backup"; alter table "db"."s"."m__dbt_tmp" rename to ` +
        `"m"; drop view if exists "db"."s"."m__dbt_backup"",
        "commit",
      ]
    `,
    );
  });

  test('widens a text column of its table, and keeps its readers', async () => {
    const state = {
      relations: { m: 'table' },
      dependants: [['v', 'select 1']],
      columns: {
        m: [{ name: 'name', type: 'character varying', length: 5 }],
        m__dbt_tmp: [{ name: 'name', type: 'character varying', length: 9 }],
      },
    } as const;
    expect(await statementsOf({ materialization: 'incremental', state })).toMatchInlineSnapshot(
      `
      [
        "begin",
        "lock",
        "create temporary table "m__dbt_tmp<time>" as (select 1 as id);",
        "columns of m",
        "columns of m__dbt_tmp",
        "select pg_catalog.format('%I.%I', n.nspname, l.collname) from ` +
        'pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid join ' +
        'pg_catalog.pg_collation l on l.oid = a.attcollation join pg_catalog.pg_namespace n on n.oid = ' +
        "l.collnamespace join pg_catalog.pg_type w on w.oid = pg_catalog.to_regtype('character " +
        'varying(9)\') where a.attrelid = \'"db"."s"."m"\'::regclass and a.attname = \'name\' and ' +
        `a.attcollation <> t.typcollation and w.typcollation <> 0",
        "look for dependants",
        "drop view s.v; alter table "db"."s"."m" alter column "name" type character varying(9)",
        "create view s.v as select 1; comment on view s.v is 'c'",
        "columns of m",
        "columns of m__dbt_tmp",
        "main: insert into "db"."s"."m" ("name") (select "name" from "m__dbt_tmp<time>")",
        "drop table if exists "m__dbt_tmp<time>" cascade",
        "commit",
      ]
    `,
    );
  });
});

describe('on_schema_change', () => {
  const state = {
    relations: { m: 'table' },
    columns: { m: [id, { name: 'gone', type: 'text' }], m__dbt_tmp: [{ name: 'id', type: 'bigint' }, name] },
  } as const;
  const run = (on_schema_change: string): Promise<string[]> =>
    statementsOf({ materialization: 'incremental', state, config: { on_schema_change } });
  const changes = async (on_schema_change: string): Promise<string[]> =>
    (await run(on_schema_change)).filter((sql) => sql.startsWith('alter'));

  test('append_new_columns adds columns', async () => {
    expect(await changes('append_new_columns')).toMatchInlineSnapshot(`
      [
        "alter table "db"."s"."m" add column "name" text",
      ]
    `);
  });

  test('sync_all_columns adds, drops and retypes columns', async () => {
    expect(await changes('sync_all_columns')).toMatchInlineSnapshot(`
      [
        "alter table "db"."s"."m" add column "name" text, drop column "gone"",
        "alter table "db"."s"."m" alter column "id" type bigint",
      ]
    `);
  });

  test('ignore and unknown values change nothing', async () => {
    expect(await changes('ignore')).toEqual([]);
    expect(await changes('append_new')).toEqual([]);
  });

  test('fail raises an error that names the columns', async () => {
    await expect(run('fail')).rejects.toThrow(
      /out of sync![\s\S]*Source columns not in target: .*name[\s\S]*Target columns not in source: .*gone/,
    );
  });
});
