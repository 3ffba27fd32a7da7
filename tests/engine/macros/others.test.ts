// What seeds, snapshots, tests, materialized views and clones ask of Postgres, statement by statement.
import { describe, expect, test } from 'vitest';
import { inferTable } from '../../../src/adapters/table-inference.ts';
import { statementsOf } from './recorder.ts';

describe('a seed', () => {
  const seed = inferTable(
    ['id', 'Name'],
    [
      ['1', 'a\tb'],
      ['2', ''],
    ],
  );
  const node = { resource_type: 'seed', config: {} };
  const run = (more: object): Promise<string[]> => statementsOf({ materialization: 'seed', seed, node, ...more });

  test('that does not exist is created and filled', async () => {
    expect(await run({})).toMatchInlineSnapshot(`
      [
        "begin",
        "lock",
        "create table "db"."s"."m" ("id" integer, "Name" text)",
        "copy "s"."m" ("id", "Name") from stdin <- "1\\ta\\\\tb\\n2\\t\\\\N\\n"",
        "commit",
      ]
    `);
  });

  test('that exists is emptied without TRUNCATE and filled', async () => {
    expect(await run({ state: { relations: { m: 'table' } } })).toMatchInlineSnapshot(`
      [
        "begin",
        "lock",
        "delete from "db"."s"."m"",
        "copy "s"."m" ("id", "Name") from stdin <- "1\\ta\\\\tb\\n2\\t\\\\N\\n"",
        "commit",
      ]
    `);
  });

  test('is replaced on a full refresh, with its readers', async () => {
    expect(
      await run({ state: { relations: { m: 'table' }, dependants: [['v', 'select 1']] }, fullRefresh: true }),
    ).toMatchInlineSnapshot(
      `
      [
        "begin",
        "lock",
        "look for dependants",
        "drop table if exists "db"."s"."m__dbt_backup" cascade; alter table "db"."s"."m" rename to ` +
        `"m__dbt_backup"; drop view s.v; drop table if exists "db"."s"."m__dbt_backup"",
        "create table "db"."s"."m" ("id" integer, "Name" text)",
        "copy "s"."m" ("id", "Name") from stdin <- "1\\ta\\\\tb\\n2\\t\\\\N\\n"",
        "create view s.v as select 1; comment on view s.v is 'c'",
        "commit",
      ]
    `,
    );
  });

  test('never replaces a view', async () => {
    await expect(run({ state: { relations: { m: 'view' } } })).rejects.toThrow(
      `Cannot seed to '"db"."s"."m"', it is a view`,
    );
  });
});

describe('a snapshot', () => {
  const config = { strategy: 'timestamp', unique_key: 'id', updated_at: 'at' };
  const meta = ['dbt_scd_id', 'dbt_valid_from', 'dbt_valid_to', 'dbt_updated_at'].map((name) => ({
    name,
    type: 'text',
  }));
  const columns = [
    { name: 'id', type: 'integer' },
    { name: 'at', type: 'timestamp without time zone' },
  ];

  test('that does not exist is created with every row current', async () => {
    expect(
      await statementsOf({ materialization: 'snapshot', config, node: { resource_type: 'snapshot' } }),
    ).toMatchInlineSnapshot(
      `
      [
        "begin",
        "lock",
        "describe: select * from (select *, md5(coalesce(cast(id as varchar), '') || '|' || ` +
        "coalesce(cast(at as varchar), '')) as dbt_scd_id, at as dbt_updated_at, at as dbt_valid_from, " +
        'coalesce(nullif(at, at), null) as dbt_valid_to from (select 1 as id) sbq) as __dbt_sbq where false limit ' +
        `0",
        "describe: select * from (select now()::timestamp without time zone as dbt_snapshot_time) as ` +
        `__dbt_sbq where false limit 0",
        "main: create table "db"."s"."m" as (select *, md5(coalesce(cast(id as varchar), '') || '|' || ` +
        "coalesce(cast(at as varchar), '')) as dbt_scd_id, at as dbt_updated_at, at as dbt_valid_from, " +
        `coalesce(nullif(at, at), null) as dbt_valid_to from (select 1 as id) sbq);",
        "commit",
      ]
    `,
    );
  });

  test('that exists gets new columns, ends old versions and adds new ones', async () => {
    const state = {
      relations: { m: 'table' },
      columns: {
        m: [columns[0]!, ...meta],
        m__dbt_tmp: [
          { name: 'dbt_change_type', type: 'text' },
          ...columns,
          { name: 'dbt_unique_key', type: 'integer' },
          ...meta,
        ],
      },
    } as const;
    const statements = await statementsOf({
      materialization: 'snapshot',
      config,
      node: { resource_type: 'snapshot' },
      state,
    });
    expect(
      statements
        .filter((sql) => !sql.startsWith('create temporary table') && !sql.startsWith('describe'))
        .map((sql) => (sql.includes("'no key' as problem") ? 'look for what would break one row per key' : sql)),
    ).toMatchInlineSnapshot(
      `
      [
        "begin",
        "lock",
        "columns of m",
        "columns of m__dbt_tmp",
        "look for what would break one row per key",
        "alter table "db"."s"."m" add column "at" timestamp without time zone;",
        "columns of m__dbt_tmp",
        "main: update "db"."s"."m" set dbt_valid_to = DBT_INTERNAL_SOURCE.dbt_valid_to from ` +
        '"m__dbt_tmp<time>" as DBT_INTERNAL_SOURCE where DBT_INTERNAL_SOURCE.dbt_scd_id::text = ' +
        '"db"."s"."m".dbt_scd_id::text and DBT_INTERNAL_SOURCE.dbt_change_type::text in (\'update\'::text, ' +
        '\'delete\'::text) and "db"."s"."m".dbt_valid_to is null and (select ' +
        'DBT_INTERNAL_SOURCE.dbt_unique_key is not distinct from (id) from (select "db"."s"."m".*) as ' +
        'DBT_INTERNAL_DEST); insert into "db"."s"."m" ("id", "at", "dbt_scd_id", "dbt_valid_from", ' +
        '"dbt_valid_to", "dbt_updated_at") select DBT_INTERNAL_SOURCE."id", DBT_INTERNAL_SOURCE."at", ' +
        'DBT_INTERNAL_SOURCE."dbt_scd_id", DBT_INTERNAL_SOURCE."dbt_valid_from", ' +
        'DBT_INTERNAL_SOURCE."dbt_valid_to", DBT_INTERNAL_SOURCE."dbt_updated_at" from ' +
        '"m__dbt_tmp<time>" as DBT_INTERNAL_SOURCE where DBT_INTERNAL_SOURCE.dbt_change_type::text = ' +
        `'insert'::text;",
        "drop table if exists "m__dbt_tmp<time>" cascade",
        "commit",
      ]
    `,
    );
  });
});

describe('a data test', () => {
  const config = { fail_calc: 'count(*)', warn_if: '!= 0', error_if: '> 10', limit: 5 };

  test('is one query outside of any transaction', async () => {
    expect(
      await statementsOf({ materialization: 'test', config, node: { resource_type: 'test' } }),
    ).toMatchInlineSnapshot(
      `
      [
        "main: select count(*) as failures, count(*) != 0 as should_warn, count(*) > 10 as should_error ` +
        `from (select 1 as id limit 5) dbt_internal_test",
      ]
    `,
    );
  });

  test('stores its failures in a table, replaced in one transaction', async () => {
    const state = { relations: { m: 'view' } } as const;
    expect(
      await statementsOf({
        materialization: 'test',
        config: { ...config, store_failures: true },
        node: { resource_type: 'test' },
        state,
      }),
    ).toMatchInlineSnapshot(
      `
      [
        "begin",
        "lock",
        "drop view if exists "db"."s"."m" cascade",
        "create table "db"."s"."m" as (select 1 as id limit 5);",
        "commit",
        "main: select count(*) as failures, count(*) != 0 as should_warn, count(*) > 10 as should_error ` +
        `from (select * from "db"."s"."m") dbt_internal_test",
      ]
    `,
    );
  });
});

describe('a materialized view', () => {
  test('that does not exist is created with its indexes', async () => {
    expect(
      await statementsOf({ materialization: 'materialized_view', config: { indexes: [{ columns: ['id'] }] } }),
    ).toMatchInlineSnapshot(
      `
      [
        "begin",
        "lock",
        "main: create materialized view if not exists "db"."s"."m" as select 1 as id; create index if not ` +
        `exists "dfa81b6fd31fc3ed5c9bba49e31ff780" on "db"."s"."m" (id)",
        "commit",
      ]
    `,
    );
  });

  test('replaces a table', async () => {
    expect(
      await statementsOf({ materialization: 'materialized_view', state: { relations: { m: 'table' } } }),
    ).toMatchInlineSnapshot(
      `
      [
        "begin",
        "lock",
        "main: drop table if exists "db"."s"."m__dbt_backup" cascade; alter table "db"."s"."m" rename to ` +
        '"m__dbt_backup"; create materialized view if not exists "db"."s"."m" as select 1 as id;; drop table if ' +
        `exists "db"."s"."m__dbt_backup"",
        "commit",
      ]
    `,
    );
  });

  test('that exists unchanged is refreshed', async () => {
    const statements = await statementsOf({
      materialization: 'materialized_view',
      state: { relations: { m: 'materialized_view' } },
      config: { on_configuration_change: 'apply' },
    });
    expect(statements.filter((sql) => !sql.includes('pg_index'))).toMatchInlineSnapshot(`
      [
        "begin",
        "lock",
        "compare the query",
        "drop view "db"."s"."m__dbt_tmp"",
        "main: refresh materialized view "db"."s"."m"",
        "commit",
      ]
    `);
  });
});

test("a clone is a view on the other environment's relation", async () => {
  const node = {
    defer_relation: { database: 'db', schema: 'prod', alias: 'm' },
    compiled_code: 'select * from "db"."prod"."m"',
  };
  expect(await statementsOf({ materialization: 'clone', node })).toMatchInlineSnapshot(
    `
    [
      "begin",
      "lock",
      "select 'db' as database, tablename as name, schemaname as schema, 'table' as type from pg_tables ` +
      "where schemaname ilike 'prod' union all select 'db' as database, viewname as name, schemaname as schema, " +
      "'view' as type from pg_views where schemaname ilike 'prod' union all select 'db' as database, matviewname " +
      "as name, schemaname as schema, 'materialized_view' as type from pg_matviews where schemaname ilike 'prod' " +
      "union all select distinct 'db' as database, proname as name, ns.nspname as schema, 'function' as type from " +
      `pg_proc join pg_namespace as ns on pronamespace = ns.oid where ns.nspname ilike 'prod'",
      "lock",
      "main: create view "db"."s"."m__dbt_tmp" as (select * from "db"."prod"."m");",
      "alter table "db"."s"."m__dbt_tmp" rename to "m"",
      "commit",
    ]
  `,
  );
});
