// What view and table models ask of Postgres, statement by statement, for each state of the database.
import { describe, expect, test } from 'vitest';
import { statementsOf } from './recorder.ts';

const id = { name: 'id', type: 'integer' };

describe('a view', () => {
  test('that does not exist is built under its working name and renamed', async () => {
    expect(await statementsOf({ materialization: 'view' })).toMatchInlineSnapshot(`
      [
        "begin",
        "lock",
        "main: create view "db"."s"."m__dbt_tmp" as (select 1 as id);",
        "alter table "db"."s"."m__dbt_tmp" rename to "m"",
        "commit",
      ]
    `);
  });

  test('with unchanged columns is replaced in place, without a query for its readers', async () => {
    const state = {
      relations: { m: 'view' },
      columns: { m: [id], m__dbt_tmp: [id, { name: 'more', type: 'text' }] },
      dependants: [['reader', 'select 1']],
    } as const;
    expect(await statementsOf({ materialization: 'view', state })).toMatchInlineSnapshot(`
      [
        "begin",
        "lock",
        "main: create view "db"."s"."m__dbt_tmp" as (select 1 as id);",
        "compare columns",
        "look for leftovers",
        "drop view if exists "db"."s"."m__dbt_tmp" cascade; create or replace view "db"."s"."m" as (select 1 as id);",
        "commit",
      ]
    `);
  });

  test('with changed columns is swapped, and its readers are built again', async () => {
    const state = {
      relations: { m: 'view' },
      columns: { m: [id], m__dbt_tmp: [{ name: 'id', type: 'bigint' }] },
      dependants: [
        ['v', 'select 1'],
        ['w', 'select 2'],
      ],
    } as const;
    expect(await statementsOf({ materialization: 'view', state })).toMatchInlineSnapshot(
      `
      [
        "begin",
        "lock",
        "main: create view "db"."s"."m__dbt_tmp" as (select 1 as id);",
        "compare columns",
        "look for dependants",
        "alter view "db"."s"."m" rename to "m__dbt_backup"; alter view "db"."s"."m__dbt_tmp" rename to ` +
        `"m"; drop view s.w; drop view s.v; drop view if exists "db"."s"."m__dbt_backup"",
        "create view s.v as select 1; comment on view s.v is 'c'",
        "create view s.w as select 2; comment on view s.w is 'c'",
        "commit",
      ]
    `,
    );
  });

  test('is kept if it and its inputs are unchanged, and hooks and grants are applied', async () => {
    const views = new Map<string, string>();
    const run = (parent: string, config = {}): Promise<string[]> =>
      statementsOf({
        materialization: 'view',
        views,
        config: {
          'post-hook': [{ sql: 'a hook', transaction: true, index: null }],
          grants: { select: ['ann'] },
          ...config,
        },
        state: {
          relations: { m: 'view' },
          columns: { m: [id], m__dbt_tmp: [id], parent: [{ name: 'id', type: parent }] },
        },
      });
    await run('integer');
    expect(await run('integer')).toMatchInlineSnapshot(`
      [
        "begin",
        "lock",
        "look at the view",
        "show grants",
        "grant select on "db"."s"."m" to ann;",
        "a hook",
        "commit",
      ]
    `);
    const built = (statements: string[]): boolean => statements.some((sql) => sql.startsWith('main: create view'));
    expect([
      built(await run('bigint')),
      built(await run('bigint')),
      built(await run('bigint', { meta: { a: 1 } })),
    ]).toEqual([true, false, true]);
  });

  test('replaces a table', async () => {
    expect(await statementsOf({ materialization: 'view', state: { relations: { m: 'table' } } })).toMatchInlineSnapshot(
      `
      [
        "begin",
        "lock",
        "main: create view "db"."s"."m__dbt_tmp" as (select 1 as id);",
        "alter table "db"."s"."m" rename to "m__dbt_backup"; alter view "db"."s"."m__dbt_tmp" rename to ` +
        `"m"; drop table if exists "db"."s"."m__dbt_backup"",
        "commit",
      ]
    `,
    );
  });

  test('drops what a killed run has left under its working names', async () => {
    const relations = { m__dbt_tmp: 'view', m__dbt_backup: 'table' } as const;
    expect(await statementsOf({ materialization: 'view', state: { relations } })).toMatchInlineSnapshot(`
      [
        "begin",
        "lock",
        "drop view if exists "db"."s"."m__dbt_tmp" cascade",
        "drop table if exists "db"."s"."m__dbt_backup" cascade",
        "main: create view "db"."s"."m__dbt_tmp" as (select 1 as id);",
        "alter table "db"."s"."m__dbt_tmp" rename to "m"",
        "commit",
      ]
    `);
  });

  test('that is replaced in place keeps its grants, so those that are not configured are revoked', async () => {
    const state = {
      relations: { m: 'view' },
      columns: { m: [id], m__dbt_tmp: [id] },
      grants: [['bob', 'select']],
    } as const;
    expect(
      await statementsOf({ materialization: 'view', state, config: { grants: { select: ['ann'] } } }),
    ).toMatchInlineSnapshot(`
      [
        "begin",
        "lock",
        "main: create view "db"."s"."m__dbt_tmp" as (select 1 as id);",
        "compare columns",
        "look for leftovers",
        "drop view if exists "db"."s"."m__dbt_tmp" cascade; create or replace view "db"."s"."m" as (select 1 as id);",
        "show grants",
        "revoke select on "db"."s"."m" from "bob"; grant select on "db"."s"."m" to ann;",
        "commit",
      ]
    `);
  });

  test('runs hooks outside and inside of its transaction', async () => {
    const config = {
      'pre-hook': [
        { sql: 'before begin', transaction: false, index: null },
        { sql: 'in, before', transaction: true, index: null },
      ],
      'post-hook': [
        { sql: 'in, after', transaction: true, index: null },
        { sql: 'after commit', transaction: false, index: null },
      ],
    };
    expect(await statementsOf({ materialization: 'view', config })).toMatchInlineSnapshot(`
      [
        "commit;",
        "before begin",
        "begin",
        "lock",
        "in, before",
        "main: create view "db"."s"."m__dbt_tmp" as (select 1 as id);",
        "alter table "db"."s"."m__dbt_tmp" rename to "m"",
        "in, after",
        "commit",
        "commit;",
        "after commit",
      ]
    `);
  });
});

describe('a table', () => {
  test('that does not exist is built under its working name and renamed', async () => {
    expect(await statementsOf({ materialization: 'table' })).toMatchInlineSnapshot(`
      [
        "begin",
        "lock",
        "main: create table "db"."s"."m__dbt_tmp" as (select 1 as id);",
        "alter table "db"."s"."m__dbt_tmp" rename to "m"",
        "commit",
      ]
    `);
  });

  test('that exists is swapped', async () => {
    expect(
      await statementsOf({ materialization: 'table', state: { relations: { m: 'table' } } }),
    ).toMatchInlineSnapshot(
      `
      [
        "begin",
        "lock",
        "main: create table "db"."s"."m__dbt_tmp" as (select 1 as id);",
        "alter table "db"."s"."m" rename to "m__dbt_backup"; alter table "db"."s"."m__dbt_tmp" rename to ` +
        `"m"; drop table if exists "db"."s"."m__dbt_backup"",
        "commit",
      ]
    `,
    );
  });

  test('replaces a view', async () => {
    expect(await statementsOf({ materialization: 'table', state: { relations: { m: 'view' } } })).toMatchInlineSnapshot(
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

  test('drops its readers by name and builds them again in order', async () => {
    const state = {
      relations: { m: 'table' },
      dependants: [
        ['v', 'select * from s.m'],
        ['w', 'select * from s.v'],
      ],
    } as const;
    expect(await statementsOf({ materialization: 'table', state })).toMatchInlineSnapshot(
      `
      [
        "begin",
        "lock",
        "main: create table "db"."s"."m__dbt_tmp" as (select 1 as id);",
        "look for dependants",
        "alter table "db"."s"."m" rename to "m__dbt_backup"; alter table "db"."s"."m__dbt_tmp" rename to ` +
        `"m"; drop view s.w; drop view s.v; drop table if exists "db"."s"."m__dbt_backup"",
        "create view s.v as select * from s.m; comment on view s.v is 'c'",
        "create view s.w as select * from s.v; comment on view s.w is 'c'",
        "commit",
      ]
    `,
    );
  });

  test('drops a reader that no longer compiles if the project builds it, and fails otherwise', async () => {
    const state = { relations: { m: 'table' }, dependants: [['v', 'select * from s.m']], broken: ['s.v'] } as const;
    expect((await statementsOf({ materialization: 'table', state, builds: ['v'] })).at(-1)).toBe('commit');
    await expect(statementsOf({ materialization: 'table', state: { ...state } })).rejects.toThrow(
      'view "db"."s"."v" depends on the relation and cannot be created on its new form',
    );
  });

  test('gets its indexes before it is visible, unlogged, with comments and grants', async () => {
    const config = {
      unlogged: true,
      indexes: [
        { columns: ['id'], unique: true },
        { columns: ['a', 'b'], type: 'hash' },
      ],
      grants: { select: ['ann', 'bob'] },
      persist_docs: { relation: true, columns: true },
    };
    const node = { description: "it's", columns: { id: { name: 'id', description: 'the key', quote: null } } };
    expect(
      await statementsOf({ materialization: 'table', config, node, state: { columns: { m: [id] } } }),
    ).toMatchInlineSnapshot(`
      [
        "begin",
        "lock",
        "main: create unlogged table "db"."s"."m__dbt_tmp" as (select 1 as id);",
        "create unique index if not exists "414239b6fe223c9efd4128d6126db32a" on "db"."s"."m__dbt_tmp" (id)",
        "create index if not exists "4be1575955135f38c25208de7461c1c0" on "db"."s"."m__dbt_tmp" using hash (a, b)",
        "alter table "db"."s"."m__dbt_tmp" rename to "m"",
        "grant select on "db"."s"."m" to ann, bob;",
        "comment on table "db"."s"."m" is $dbt_comment_literal_block$it's$dbt_comment_literal_block$;",
        "columns of m",
        "comment on column "db"."s"."m".id is $dbt_comment_literal_block$the key$dbt_comment_literal_block$;",
        "commit",
      ]
    `);
  });

  test('with a contract is created with its constraints and then filled, in the declared column order', async () => {
    const config = { contract: { enforced: true, alias_types: true } };
    const columns = {
      id: {
        name: 'id',
        data_type: 'integer',
        constraints: [{ type: 'not_null' }, { type: 'check', expression: 'id > 0' }],
      },
    };
    expect(
      await statementsOf({ materialization: 'table', config, node: { columns, contract: config.contract } }),
    ).toMatchInlineSnapshot(
      `
      [
        "begin",
        "lock",
        "describe: select * from (select 1 as id) as __dbt_sbq where false limit 0",
        "describe: select * from (select cast(null as integer) as id) as __dbt_sbq where false limit 0",
        "main: create table "db"."s"."m__dbt_tmp" (id integer not null check (id > 0)); insert into ` +
        `"db"."s"."m__dbt_tmp" (id) (select id from (select 1 as id) as model_subq);",
        "alter table "db"."s"."m__dbt_tmp" rename to "m"",
        "commit",
      ]
    `,
    );
  });
});
