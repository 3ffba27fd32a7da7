// Citus passes a whole message to its workers and rejects one with several statements. An event trigger simulates this
// here.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cutStatements } from '../../../src/adapters/postgres/open-end.ts';
import { FaultProject } from './project.ts';

let project: FaultProject;

beforeAll(async () => {
  project = await FaultProject.open({
    'seeds/sown.csv': 'id\n1\n',
    'models/t.sql':
      "{{ config(materialized='table', indexes=[{'columns': ['id']}]) }} select id from {{ ref('sown') }}",
    'models/plain.sql': "{{ config(materialized='table') }} select 1 as id",
    'models/v.sql':
      "{{ config(materialized='view') }} select id {{ ', 2 as n' if var('more', false) }} from {{ ref('t') }}",
    'models/i.sql':
      "{{ config(materialized='incremental', unique_key='id', on_schema_change='sync_all_columns') }} " +
      "select 1 as id, 'x'::text as c{{ ', 3 as more' if var('more', false) }}",
    'models/m.sql': "{{ config(materialized='materialized_view') }} select id from {{ ref('t') }}",
  });
  await project.asSuperuser(`
    set allow_system_table_mods = on;
    insert into pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    values (99999, 'citus', 10, 'public'::regnamespace, false, '13.0');
    create function public.one_statement() returns event_trigger language plpgsql as $$
      begin
        if regexp_replace(current_query(), '/\\*.*?\\*/', '', 'g') ~ ';[\\s;]*[^\\s;]'
        then raise exception 'cannot execute multiple utility events: %', current_query(); end if;
      end $$;
    create event trigger one_statement on ddl_command_start
      when tag in ('ALTER TABLE', 'CREATE TABLE', 'DROP TABLE', 'CREATE VIEW', 'DROP VIEW', 'CREATE INDEX', 'COMMENT',
        'CREATE TABLE AS', 'CREATE MATERIALIZED VIEW', 'GRANT')
      execute function public.one_statement()`);
});
afterAll(() => project.close());

it('Citus receives every statement that changes a definition in a separate message', async () => {
  for (const args of [['build'], ['build', '--vars', '{more: true}'], ['build', '--full-refresh']]) {
    const { code, out } = await project.run(args);
    expect(code, out).toBe(0);
  }
  expect(await project.rows('select v.id, n.id, i.c from s.v, s.m n, s.i')).toEqual([['1', '1', 'x']]);
});

it('cutStatements splits a text at statements that change definitions, and never within quotes', () => {
  const cut = (sql: string): string[] => {
    const pieces = cutStatements(sql);
    expect(pieces.join('')).toBe(sql);
    return pieces.map((piece) => piece.trim());
  };
  expect(cut("select ';'; select 1; /* a; */ alter table a; select 2; COMMIT")).toEqual([
    "select ';'; select 1;",
    '/* a; */ alter table a;',
    'select 2; COMMIT',
  ]);
  expect(cut('do $a$ begin; end; $a$; drop view "x;y"; \n')).toEqual(['do $a$ begin; end; $a$;', 'drop view "x;y";']);
  expect(cut('create function f() begin atomic; select 1; end; drop table t')).toHaveLength(1);
});
