// What the text of a statement reveals before it is sent (src/adapters/postgres/statements.ts).
import { describe, expect, it } from 'vitest';
import {
  isMeantToLast,
  keepsColumns,
  leavesState,
  mayBeComment,
  mayBeJoined,
} from '../../../../../src/adapters/postgres/statements.ts';

describe('a Postgres statement', () => {
  it.each([
    'set search_path = a',
    'SET LOCAL work_mem = 1',
    'reset all',
    'create temp table t (a int)',
    'create TEMPORARY view v as select 1',
    'prepare p as select 1',
    'listen c',
    "load 'auto_explain'",
    'declare c cursor for select 1',
    "select set_config('a.b', 'c', false)",
    'select pg_advisory_lock(1)',
    'select pg_advisory_lock_shared(1)',
    'select pg_try_advisory_lock(1)',
    'select setseed(0.5)',
    // A keyword in a string literal only costs an extra DISCARD.
    "select 'a temp table'",
    'update t set a = 1',
  ])('may leave state in its connection: %s', (sql) => expect(leavesState(sql)).toBe(true));

  it.each([
    'select 1',
    'create table t as select 1',
    'select pg_advisory_xact_lock(1)',
    "select set_config('tsdbt.run', 'x', true)",
    'insert into settings values (1)',
    'select offset_1, temperature from t',
  ])('leaves no state in its connection: %s', (sql) => expect(leavesState(sql)).toBe(false));

  it.each(['select 1', "comment on table t is 'commit'", 'select 1; select 2', 'select 1 -- commit', 'select ended'])(
    'may share its message with later statements: %s',
    (sql) => expect(mayBeJoined(sql)).toBe(true),
  );

  it.each([
    'commit',
    'select 1; commit',
    'select 1;\n-- then\n/* and */ ROLLBACK',
    'end',
    "prepare transaction 'a'",
    "select 'open",
    'select 1 /* open',
    'select $$',
  ])('may end its transaction or is incomplete: %s', (sql) => expect(mayBeJoined(sql)).toBe(false));

  it.each(['', '  ', '-- a', '/* a */', ';', '\n/* a */ select 1'])('may be only a comment: %j', (sql) =>
    expect(mayBeComment(sql)).toBe(true),
  );
  it.each(['select 1', 'select 1 -- a'])('is not only a comment: %s', (sql) => expect(mayBeComment(sql)).toBe(false));

  it.each<[string, boolean]>([
    ['insert into t select 1', false],
    ['  UPDATE t set a = 1', false],
    ['create table t as select 1', false],
    ['create unlogged table t (a int)', false],
    ['grant select on t to public', false],
    ['select a from t', true],
    ['with a as (select 1) select * from a', true],
  ])('keeps the columns of existing relations: %s (its rows are fetched: %s)', (sql, fetch) =>
    expect(keepsColumns(sql, fetch)).toBe(true),
  );

  it.each<[string, boolean]>([
    ['select f()', false],
    ['alter table t add a int', false],
    ['drop table t', true],
    ['create view v as select 1', false],
    ['create or replace view v as select 1', false],
    ['do $$ begin end $$', true],
    ['-- a\nselect 1', true],
    ['insert into t select 1; drop table u', false],
    ['create table t as select 1; alter table u rename to v', false],
  ])('may change columns: %s (its rows are fetched: %s)', (sql, fetch) => expect(keepsColumns(sql, fetch)).toBe(false));

  it.each<[string, boolean, boolean]>([
    ['vacuum t', true, true],
    ['insert into t select 1', false, false],
    ['commit', false, true],
    ['insert into t select 1\n;\nCOMMIT', false, true],
    ['BEGIN; select 1', true, false],
    ["insert into t values ('commit')", false, false],
  ])('is meant to be permanent: %s (sent outside of a transaction: %s) %s', (sql, idle, lasts) =>
    expect(isMeantToLast(sql, idle)).toBe(lasts),
  );
});
