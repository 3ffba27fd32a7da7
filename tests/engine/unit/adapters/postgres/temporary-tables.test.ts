// Tests which statements create and drop temporary tables of a session.
import { describe, expect, it } from 'vitest';
import { TemporaryTables } from '../../../../../src/adapters/postgres/temporary-tables.ts';

const DROP = 'drop table if exists "a__dbt_tmp" cascade';

/** After `create temporary table "a__dbt_tmp" …`. */
function created(sql = '\n  create temporary table "a__dbt_tmp"\n  as (select 1);\n'): TemporaryTables {
  const tables = new TemporaryTables();
  tables.executed(sql);
  return tables;
}

describe('the list of temporary tables in a session', () => {
  it.each([DROP, '\n  DROP TABLE IF EXISTS "a__dbt_tmp";\n'])('recognizes the drop of all of them in: %s', (sql) =>
    expect(created().isDropped(sql)).toBe(true),
  );

  it.each([
    'drop table if exists "b" cascade',
    'drop table if exists "public"."a__dbt_tmp" cascade',
    'drop table if exists "a__dbt_tmp", "b" cascade',
    'drop table if exists "a__dbt_tmp"; drop table "b"',
    'drop view if exists "a__dbt_tmp" cascade',
  ])('recognizes that more is dropped in: %s', (sql) => expect(created().isDropped(sql)).toBe(false));

  it.each([
    'create table "a__dbt_tmp" as (select 1)',
    'create temporary table if not exists "a__dbt_tmp" as (select 1)',
    'create temporary table "a__dbt_tmp" on commit drop as (select 1)',
    'create temporary view "a__dbt_tmp" as (select 1)',
  ])('does not count a table that may not have been created by: %s', (sql) =>
    expect(created(sql).isDropped(DROP)).toBe(false),
  );

  it('forgets tables when a statement may have dropped them', () => {
    const tables = created();
    tables.forget();
    expect(tables.isDropped(DROP)).toBe(false);
  });
});
