// Tests what a rebuild, a retyped column or a dropped column must keep: routines, operators and columns of a row type,
// row-level security, policies, triggers, rules, and everything that depends on a column.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from './project.ts';

let project: FaultProject;
const build = async (...args: string[]): Promise<string> => {
  const { code, out } = await project.run(['run', ...args]);
  expect(code, out).toBe(0);
  return out;
};
const table = (sql: string, config = ''): string => `{{ config(materialized='table'${config}) }} ${sql}`;

beforeAll(async () => {
  project = await FaultProject.open({
    'models/t.sql': table("select 1 as id, 'x'::text as v"),
    'models/w.sql': "{{ config(materialized='view') }} select id from {{ ref('t') }}",
    'models/guarded.sql': table("select 1 as id, 'me'::text as owner union all select 2, 'you'"),
    'models/hooked.sql': table(
      'select 1 as id',
      ", post_hook=['alter table {{ this }} enable row level security', " +
        "'create policy mine on {{ this }} using (true)'" +
        ", 'create trigger stamp before insert on {{ this }} for each row execute function public.stamp()']",
    ),
    'models/i.sql':
      "{{ config(materialized='incremental', on_schema_change='sync_all_columns', unique_key='id', " +
      "indexes=[{'columns': ['n']}]) }} select 1 as id, 5{{ var('as', '') }} as n",
  });
  await project.client.query(
    'create function public.stamp() returns trigger language plpgsql as $$ begin return new; end $$; ' +
      'create role reader_of_rows',
  );
  await build();
});
afterAll(async () => {
  await project.client.query('drop owned by reader_of_rows; drop role reader_of_rows').catch(() => undefined);
  await project.close();
});

describe('a rebuilt table', () => {
  it('keeps functions, procedures, aggregates, operators, arrays and columns of its row type', async () => {
    await project.client.query(`
      create function s.ft(x s.t) returns int language sql as 'select x.id';
      create function s.fw(x s.w) returns int language sql as 'select x.id';
      create function s.every_t(x s.t[]) returns int language sql as 'select cardinality(x)';
      create function s.new_t() returns setof s.t language sql as 'select * from s.t';
      create procedure s.pt(x s.t) language sql as 'select 1';
      create function s.more(n int, x s.t) returns int language sql as 'select n + x.id';
      create aggregate s.sum_t(s.t) (sfunc = s.more, stype = int, initcond = '0');
      create function s.same(a s.t, b s.t) returns boolean language sql as 'select a.id = b.id';
      create operator s.=== (leftarg = s.t, rightarg = s.t, function = s.same, commutator = operator(s.===));
      comment on function s.ft(s.t) is 'computed';
      comment on operator s.=== (s.t, s.t) is 'alike';
      revoke all on function s.ft(s.t) from public;
      grant execute on function s.ft(s.t) to reader_of_rows;
      create view public.of_function as select s.ft(t) as id from s.t where t operator(s.===) t;
      create view public.only_function as select s.ft(null::s.t) as id;
      create table public.holder (id int, one s.t default row(3, 'd')::s.t, many s.t[]);
      insert into public.holder values (1, row(1, 'a,b "q"'), array[row(1, 'y'), row(2, null)]::s.t[]);
      create view public.of_column as select (one).v from public.holder`);
    const shape = async (): Promise<unknown> => [
      await project.rows(
        "select p.oid::regprocedure::text, prokind, proacl::text, obj_description(p.oid, 'pg_proc') from pg_proc p " +
          "where pronamespace = 's'::regnamespace order by 1",
      ),
      await project.rows(
        'select o.oid::regoperator::text, oprcode::text, oprcom::regoperator::text, obj_description(o.oid, ' +
          "'pg_operator') from pg_operator o where oprnamespace = 's'::regnamespace",
      ),
      await project.rows(
        'select h::text, s.ft(one), pg_typeof(one), pg_typeof(many), (select s.sum_t(t) from s.t) from public.holder h',
      ),
      await project.rows('select * from public.of_function, public.of_column'),
      await project.rows('select * from public.only_function'),
      await project.rows(
        "select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = 'public.holder'::regclass",
      ),
    ];
    const before = await shape();
    expect(before).toHaveLength(6);
    await build('--select', 't', 'w');
    expect(await shape()).toEqual(before);
    await build('--full-refresh');
    expect(await shape()).toEqual(before);
  });

  it('is not replaced if a function no longer fits, which is named', async () => {
    project.write({ 'models/w.sql': "{{ config(materialized='view') }} select id as other from {{ ref('t') }}" });
    const { code, out } = await project.run(['run', '--select', 'w']);
    expect(code).toBe(1);
    expect(out).toMatch(/function .*"fw" depends on the relation and cannot be created on its new form/);
    expect(await project.one('select s.fw(w) from s.w')).toBe('1');
    project.write({ 'models/w.sql': "{{ config(materialized='view') }} select id from {{ ref('t') }}" });
  });

  it('keeps row-level security, policies, triggers and rules', async () => {
    await project.client.query(`
      grant usage on schema s to reader_of_rows;
      alter table s.guarded enable row level security;
      alter table s.guarded force row level security;
      create policy "who's" on s.guarded as restrictive for select to reader_of_rows, current_user
        using (owner = 'me' and exists (select from s.t));
      comment on policy "who's" on s.guarded is 'a policy';
      create policy written on s.guarded for insert with check (id > 0);
      create trigger "x; drop" before update of owner on s.guarded for each row when (old.id > 0)
        execute function public.stamp();
      alter table s.guarded disable trigger "x; drop";
      create rule noted as on delete to s.guarded do also select 1;
      create table public.other (id int);
      create policy reads on public.other using (id in (select id from s.guarded))`);
    const shape = async (): Promise<unknown> => [
      await project.rows(
        'select schemaname, tablename, policyname, permissive, roles::text, cmd, qual, with_check ' +
          'from pg_policies order by 3',
      ),
      await project.rows("select obj_description(oid, 'pg_policy') from pg_policy order by polname"),
      await project.rows(
        "select pg_get_triggerdef(oid), tgenabled from pg_trigger where tgrelid = 's.guarded'::regclass",
      ),
      await project.rows("select pg_get_ruledef(oid) from pg_rewrite where ev_class = 's.guarded'::regclass"),
      await project.rows("select relrowsecurity, relforcerowsecurity from pg_class where oid = 's.guarded'::regclass"),
    ];
    const before = await shape();
    await build('--select', 'guarded', 't');
    expect(await shape()).toEqual(before);
  });

  it('as a seed keeps its policies, and as a view its INSTEAD OF triggers', async () => {
    project.write({ 'seeds/sown.csv': 'id\n1\n', 'models/over.sql': 'select 1 as id' });
    const whole = ['build', '--select', 'sown', 'over', '--full-refresh'];
    expect((await project.run(whole)).code).toBe(0);
    await project.client.query(`
      alter table s.sown enable row level security;
      create policy seeds on s.sown using (id > 0);
      create trigger writes instead of insert on s.over for each row execute function public.stamp()`);
    project.write({ 'models/over.sql': "select 'text' as id" });
    const { code, out } = await project.run(whole);
    expect(code, out).toBe(0);
    expect(
      await project.rows(
        'select policyname, relrowsecurity, tgname, pg_typeof(v.id) from pg_policies, pg_class c, ' +
          'pg_trigger g, s.over v ' +
          "where tablename = 'sown' and c.oid = 's.sown'::regclass and tgrelid = 's.over'::regclass",
      ),
    ).toEqual([['seeds', 'true', 'writes', 'text']]);
  });

  it('whose hooks create its policies and triggers again is rebuilt as before', async () => {
    await build('--select', 'hooked');
    await build('--select', 'hooked');
    expect(
      await project.rows(
        "select policyname, (select count(*) from pg_trigger where tgrelid = 's.hooked'::regclass and " +
          "not tgisinternal) from pg_policies where tablename = 'hooked'",
      ),
    ).toEqual([['mine', '1']]);
  });

  it('is not replaced if a policy does not fit its new columns', async () => {
    project.write({ 'models/guarded.sql': table('select 1 as id') });
    await project.client.query('drop trigger "x; drop" on s.guarded');
    const { code, out } = await project.run(['run', '--select', 'guarded']);
    expect(code).toBe(1);
    expect(out).toMatch(/policy who's of .*"guarded" depends on the relation and cannot be created on its new form/);
    await project.client.query('alter table s.guarded disable row level security');
    expect(await project.one('select count(*) from s.guarded')).toBe('2');
  });
});

describe('a column with a new type', () => {
  it('keeps index, constraints, default, trigger, comment, grants and policies', async () => {
    await project.client.query(`
      alter table s.i alter n set default 7, alter n set not null, add constraint positive check (n > 0),
        alter n set statistics 9;
      create index by_hand on s.i (n) where n > 1;
      comment on column s.i.n is 'counted';
      grant select (n) on s.i to reader_of_rows;
      alter table s.i enable row level security;
      create policy small on s.i using (n < 100);
      create trigger changed before update of n on s.i for each row when (new.n > 3) execute function public.stamp();
      create view public.of_i as select n from s.i`);
    const shape = async (): Promise<unknown> => [
      await project.rows("select indexname from pg_indexes where tablename = 'i' order by 1"),
      await project.rows(
        "select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = 's.i'::regclass",
      ),
      await project.rows(
        'select attnum, attnotnull, attacl::text, attstattarget, col_description(attrelid, attnum), ' +
          '(select pg_get_expr(adbin, adrelid) from pg_attrdef where adrelid = attrelid and adnum = attnum) ' +
          "from pg_attribute where attrelid = 's.i'::regclass and attname = 'n'",
      ),
      await project.rows("select policyname, cmd from pg_policies where tablename = 'i'"),
      await project.rows("select tgname from pg_trigger where tgrelid = 's.i'::regclass"),
      await project.rows("select relrowsecurity from pg_class where oid = 's.i'::regclass"),
      await project.rows('select n from public.of_i'),
    ];
    const before = await shape();
    const oid = await project.one("select 's.i'::regclass::oid");
    await build('--select', 'i', '--vars', '{as: "::bigint"}');
    expect(await project.one('select pg_typeof(n) from public.of_i')).toBe('bigint');
    expect(await shape()).toEqual(before);
    expect(await project.one("select 's.i'::regclass::oid")).toBe(oid);
  });

  it('keeps its collation if the new type has one', async () => {
    project.write({
      'models/c.sql':
        "{{ config(materialized='incremental', on_schema_change='sync_all_columns') }} select 'a'::" +
        "{{ var('as', 'varchar(5)') }} as v, 'b'::{{ var('as', 'varchar(5)') }} as w",
    });
    const columns = (): Promise<unknown> =>
      project.rows(
        'select format_type(atttypid, atttypmod), attcollation::regcollation::text from pg_attribute ' +
          "where attrelid = 's.c'::regclass and attnum > 0 and not attisdropped order by attnum",
      );
    await build('--select', 'c');
    await project.client.query(
      `create collation public."o'K" from "C"; alter table s.c alter v type varchar(5) collate public."o'K"`,
    );
    for (const type of ['varchar(9)', 'text']) {
      await build('--select', 'c', '--vars', `{as: "${type}"}`);
      const full = type.replace('varchar', 'character varying');
      expect(await columns()).toEqual([
        [full, `"o'K"`],
        [full, '"default"'],
      ]);
    }
    project.remove('models/c.sql');
  });

  it('is rejected if a constraint does not fit the new type', async () => {
    const { code, out } = await project.run(['run', '--select', 'i', '--vars', '{as: "::text"}']);
    expect(code).toBe(1);
    expect(out).toContain('operator does not exist: text > integer');
    expect(await project.one('select pg_typeof(n) from public.of_i')).toBe('bigint');
  });
});
