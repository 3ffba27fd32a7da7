// Tests relations on every available Postgres server: the cache, locks of concurrent builds, dependants of a replaced
// table, and a killed command.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import type { PostgresAdapter } from '../../../src/adapters/postgres/adapter.ts';
import type { Relation } from '../../../src/adapters/relation.ts';
import { SqlAdapter } from '../../../src/adapters/sql-adapter.ts';
import { TsdbtError } from '../../../src/errors.ts';
import type { Credentials } from '../../../src/contracts/project.ts';
import { SERVERS } from './servers.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { failure, noMacro, postgresBench } from './postgres-bench.ts';

describe.each(SERVERS)('$name', (server) => {
  const bench = postgresBench(server);
  const { make, withSession, run, rows, needsRoles, rel } = bench;
  let adapter: PostgresAdapter;
  let credentials: Credentials;
  beforeAll(() => {
    ({ adapter, credentials } = bench);
  });

  test('fills the cache with two queries, including relation types and readers', async () => {
    await run(
      'create schema filled',
      'create table filled.t (n int)',
      'create view filled.v as select * from filled.t',
      'create materialized view filled.m as select * from filled.v',
      'create table filled."Mixed" (n int)',
    );
    const statements: string[] = [];
    const own = make();
    const session = own.session({
      name: 'cache',
      onStatement: ({ sql, phase }) => {
        if (phase === 'end') statements.push(sql);
      },
    });
    await own.fillCache(session, [
      { database: null, schema: 'filled' },
      { database: null, schema: 'Absent' },
    ]);
    await session.release();
    expect(statements.filter((sql) => sql.includes('pg_catalog.pg_class'))).toHaveLength(2);
    const database = String(credentials.database);
    const sql = new SqlAdapter({ adapter: own, session, executeMacro: noMacro, quoting: {} });
    expect((await sql.getRelation(database, 'filled', 't'))?.type).toBe('table');
    expect((await sql.getRelation(database, 'filled', 'v'))?.type).toBe('view');
    expect((await sql.getRelation(database, 'filled', 'm'))?.type).toBe('materialized_view');
    expect(await sql.getRelation(database, 'filled', 'none')).toBeNull();
    expect(await sql.getRelation(database, 'absent', 'none')).toBeNull();
    expect((await failure((async () => sql.getRelation(database, 'filled', 'mixed'))())).message).toContain(
      'dbt found an approximate match',
    );
    own.cache.drop({ database, schema: 'filled', identifier: 't' });
    expect(await sql.getRelation(database, 'filled', 'm')).toBeNull();
    await own.close();
    await run('drop schema filled cascade');
  });

  test('sends deferred statements with the commit, in order, and commits nothing if one fails', async () => {
    await run('create table later (n int)');
    const said: string[] = [];
    const session = adapter.session({
      name: 'later',
      onStatement: ({ sql, phase, response }) =>
        said.push(`${phase} ${sql}${response ? `: ${response._message}` : ''}`),
    });
    await session.begin();
    await session.execute('insert into later values (1)');
    said.length = 0;
    const answers: string[] = [];
    await session.executeLater(
      'alter table later rename to later_on; alter table later_on rename to later',
      ({ response }) => answers.push(response._message),
    );
    await session.executeLater('select max(n) from later', ({ table }) =>
      answers.push(String(table.rows[0]!.values[0])),
    );
    expect([said, answers]).toEqual([[], []]);
    await session.commit();
    expect(answers).toEqual(['ALTER TABLE', '1']);
    expect(said.filter((text) => !text.startsWith('start'))).toEqual([
      'end alter table later rename to later_on; alter table later_on rename to later: ALTER TABLE',
      'end select max(n) from later: SELECT 1',
      'end COMMIT: COMMIT',
    ]);
    await session.begin();
    await session.execute('insert into later values (2)');
    await session.executeLater('alter table nowhere rename to x', () => answers.push('never'));
    const error = await failure(session.commit());
    expect([error.message.split('\n')[0], session.inTransaction]).toEqual(['relation "nowhere" does not exist', false]);
    await session.release();
    expect(await rows('select n from later')).toEqual([[1]]);
    await run('drop table later');
  });

  test("waits for the named holder of a relation's lock, and then sees its changes", async () => {
    const waits: string[] = [];
    const first = adapter.session({ name: 'first' });
    const second = adapter.session({ name: 'second', onWait: (text) => waits.push(text) });
    const target = rel('locked', 'table');
    await adapter.lockRelation(first, target);
    await first.execute('create table locked (n int)');
    let taken = false;
    const waiting = adapter.lockRelation(second, target).then(() => {
      taken = true;
    });
    await expect.poll(() => waits.length, FOR_EVENTS).toBe(1);
    expect(taken).toBe(false);
    expect(waits[0]).toMatch(/"locked" is being built by another thread of this run; waiting for it$/);
    await first.commit();
    await waiting;
    expect(adapter.cache.get(target)?.type).toBe('table');
    await second.execute('drop table locked');
    await second.commit();
    await Promise.all([first.release(), second.release()]);
    await withSession((session) => adapter.lockRelation(session, target));
    expect(adapter.cache.get(target)).toBeUndefined();
  });

  test('retries after a deadlock, and takes locks before reading if a retry is impossible', async () => {
    await run(
      'create table parent (n int)',
      'create table child (n int)',
      'create view above as select child.n from child, parent',
    );
    const [first, second] = [adapter.session({ name: 'first' }), adapter.session({ name: 'second' })];
    await second.execute('select * from parent', { autoBegin: true });
    await adapter.lockRelation(first, rel('above', 'view'));
    const renaming = first.execute('lock table parent in access exclusive mode', { autoBegin: true });
    const error = await failure(adapter.fetchDependants(second, rel('child', 'table')));
    expect(error.details.code).toBe('40P01');
    await second.rollback();
    await renaming;
    await first.commit();
    await second.execute('commit');
    expect(second.lasting).toBe(true);
    await adapter.lockRelation(second, rel('child', 'table'));
    let taken = false;
    const waiting = adapter.lockRelation(first, rel('above', 'view')).then(() => {
      taken = true;
    });
    const waiters =
      "select count(*) from pg_locks where locktype = 'advisory' and not granted and database = " +
      '(select oid from pg_database where datname = current_database())';
    await expect.poll(() => rows(waiters), FOR_EVENTS).toEqual([[1]]);
    expect(taken).toBe(false);
    await second.commit();
    await waiting;
    await Promise.all([first.release(), second.release()]);
    await run('drop view above', 'drop table parent, child');
  });

  async function rebuild(
    identifier: string,
    newTable: string,
    builds: (relation: Relation) => boolean = () => false,
  ): Promise<readonly string[]> {
    return withSession(async (session) => {
      const sql = new SqlAdapter({ adapter, session, executeMacro: noMacro, quoting: {}, builds });
      await sql.lockRelation(rel(identifier, 'table'));
      await session.execute(`create table ${identifier}__dbt_tmp as ${newTable}`);
      const dependants = await sql.dependants(rel(identifier, 'table'));
      await session.execute(
        `alter table ${identifier} rename to ${identifier}__dbt_backup; alter table ${identifier}__dbt_tmp ` +
          `rename to ${identifier}`,
      );
      for (const dependant of dependants.toReversed()) await session.execute(dependant.dropSql);
      await session.execute(`drop table ${identifier}__dbt_backup`);
      await sql.restoreDependants();
      await sql.commit();
      return dependants.map((dependant) => `${dependant.kind} ${dependant.schema}.${dependant.name}`);
    });
  }

  test('restores the dependants of a rebuilt table', async (context) => {
    await needsRoles(context);
    await run(
      'create role tsdbt_reader',
      'create role tsdbt_owner',
      'grant tsdbt_owner to current_user',
      'grant create, usage on schema public to tsdbt_owner',
      'create schema other',
      'grant create, usage on schema other to tsdbt_owner',
      'create table base (id int primary key, name text)',
      "insert into base values (1, 'one')",
      'grant select on base to tsdbt_owner',
      'create view v1 with (security_barrier = true) as select id, name as "Name" from base',
      "comment on view v1 is 'it''s a view'",
      'comment on column v1."Name" is \'the name\'',
      'grant select on v1 to tsdbt_reader with grant option',
      'grant select on v1 to tsdbt_owner',
      'grant update (id) on v1 to tsdbt_reader',
      'create view other.v2 as select * from v1 where id > 0',
      'create materialized view mv as select count(*) as n from other.v2',
      'create unique index mv_n on mv (n)',
      'create materialized view unfilled as select * from v1 with no data',
      'alter view other.v2 owner to tsdbt_owner',
      'create table log_of (id int)',
      'create rule noted as on insert to log_of do also update base set name = name',
      "comment on rule noted on log_of is 'a rule'",
      'alter table log_of disable rule noted',
      "comment on index mv_n is 'an index'",
      'alter materialized view mv cluster on mv_n',
      'alter materialized view mv alter column n set statistics 7',
      `create function of_v1(v1) returns text language sql as 'select $1."Name"'`,
      'revoke all on function of_v1 from public',
      'grant execute on function of_v1 to tsdbt_reader',
      'set client_min_messages = error; create publication told for table base; reset client_min_messages',
      'create table points_to (id int references base(id) deferrable initially deferred)',
    );
    const shape = async (): Promise<unknown> =>
      rows(
        'select c.relname, c.relkind, pg_get_userbyid(c.relowner)::text, c.relacl::text, c.reloptions::text, ' +
          `obj_description(c.oid), pg_get_viewdef(c.oid), c.relispopulated,
      (select string_agg(a.attname || ' ' || coalesce(a.attacl::text, '') || ` +
          "coalesce(col_description(c.oid, a.attnum), ''), ', ' order by a.attnum) from pg_attribute a where " +
          `a.attrelid = c.oid and attnum > 0),
      (select string_agg(pg_get_indexdef(indexrelid), ';') from pg_index where indrelid = c.oid)
      from pg_class c where c.relname in ('v1', 'v2', 'mv', 'unfilled') order by 1`,
      );
    const rest = async (): Promise<unknown> => [
      await rows("select ev_enabled, obj_description(oid, 'pg_rewrite') from pg_rewrite where rulename = 'noted'"),
      await rows("select proacl::text from pg_proc where proname = 'of_v1'"),
      await rows(
        "select obj_description(indexrelid, 'pg_class'), indisclustered, attstattarget from pg_index join " +
          "pg_attribute on attrelid = indrelid and attname = 'n' where indexrelid = 'mv_n'::regclass",
      ),
      await rows("select tablename from pg_publication_tables where pubname = 'told'"),
    ];
    const before = await shape();
    const restBefore = await rest();
    const dependants = await rebuild('base', "select 1 as id, 'new'::text as name, true as more").catch(
      (error: unknown) => error,
    );
    // The new table has no key: the constraint that points to it cannot come back.
    expect(dependants).toBeInstanceOf(TsdbtError);
    expect((dependants as TsdbtError).message).toMatch(
      new RegExp(
        '^foreign key points_to_id_fkey of .*"points_to" depends on the relation and cannot be created ' +
          String.raw`on its new form:\nthere is no unique constraint matching given keys`,
      ),
    );
    expect(await shape()).toEqual(before);
    await run('drop table points_to');
    const restored = await rebuild('base', "select 1 as id, 'new'::text as name, true as more");
    expect([...restored].sort()).toEqual([
      'function public.of_v1',
      'materialized_view public.mv',
      'materialized_view public.unfilled',
      'publication public.base',
      'rule public.log_of',
      'view other.v2',
      'view public.v1',
    ]);
    expect(await shape()).toEqual(before);
    expect(await rest()).toEqual(restBefore);
    expect(await rows('select "Name" from other.v2')).toEqual([['new']]);
    await run(
      'drop publication told',
      'drop function of_v1',
      'drop materialized view unfilled, mv',
      'drop view other.v2, v1',
      'drop table log_of',
      'drop table base',
      'drop schema other',
      'revoke all on schema public from tsdbt_owner',
      'drop role tsdbt_reader',
      'drop role tsdbt_owner',
    );
  });

  test('stops the rebuild and names a dependant that this user may not create', async (context) => {
    await needsRoles(context);
    await run(
      'create role tsdbt_plain',
      'create table read_by (a int)',
      'create view of_another as select * from read_by',
      'grant tsdbt_plain to current_user',
    );
    const error = await withSession(async (session) => {
      await session.execute('set role tsdbt_plain', { autoBegin: true });
      return failure(
        new SqlAdapter({ adapter, session, executeMacro: noMacro, quoting: {} }).dependants(rel('read_by', 'table')),
      );
    });
    expect(error.message).toMatch(
      /^.*"read_by" cannot be replaced: this user may not drop and create what reads it:\nview .*"of_another" of /,
    );
    await run('drop view of_another', 'drop table read_by', 'drop role tsdbt_plain');
  });

  test('stops the rebuild for a dependant that no longer compiles, unless this project builds it', async () => {
    await run(
      'create table wide (a int, b int)',
      'create view on_b as select b from wide',
      'create view on_on_b as select * from on_b',
      'create view on_a as select a from wide',
    );
    const error = await failure(rebuild('wide', 'select 1 as a'));
    expect(error.message).toMatch(
      /^view .*"on_b" depends on the relation and cannot be created on its new form:\ncolumn .*b"? does not exist/,
    );
    expect(await rows('select count(*) from on_on_b')).toEqual([[0]]);
    await rebuild('wide', 'select 1 as a', (relation) => relation.identifier?.startsWith('on_') === true);
    expect(await rows('select * from on_a')).toEqual([[1]]);
    expect(await rows("select relname from pg_class where relname in ('on_b', 'on_on_b')")).toEqual([]);
    await run('drop view on_a', 'drop table wide');
  });

  test('rebuilds tables with a common reader concurrently', async () => {
    await run(
      'create table left_t (n int)',
      'create table right_t (n int)',
      'create view both_t as select l.n from left_t l, right_t r',
    );
    for (let round = 0; round < 5; round++)
      await Promise.all([rebuild('left_t', 'select 1 as n'), rebuild('right_t', 'select 2 as n')]);
    expect(await rows('select n from both_t')).toEqual([[1]]);
    await run('drop view both_t', 'drop table left_t, right_t');
  });

  test('reports whether a view can be replaced in place', async () => {
    await run(
      'create view now_v as select 1 as a, 2 as b',
      'create view more_v as select 1 as a, 2 as b, 3 as c',
      'create view other_v as select 1::bigint as a, 2 as b',
    );
    await withSession(async (session) => {
      expect(await adapter.canReplaceView(session, rel('now_v', 'view'), rel('more_v', 'view'))).toBe(true);
      expect(await adapter.canReplaceView(session, rel('more_v', 'view'), rel('now_v', 'view'))).toBe(false);
      expect(await adapter.canReplaceView(session, rel('now_v', 'view'), rel('other_v', 'view'))).toBe(false);
    });
    await run('drop view now_v, more_v, other_v');
  });

  test('detects that a view has changed', async () => {
    await run('create table under (a int)', 'create view seen_v as select * from under');
    const state = () => withSession((session) => adapter.fetchViewState(session, rel('seen_v', 'view')));
    const first = await state();
    expect(first).toMatch(/^[0-9a-f]{32}$/);
    await run('insert into under values (1)', 'grant select on seen_v to public', "comment on view seen_v is 'x'");
    expect(await state()).toBe(first);
    await run('alter table under add column b int');
    const wider = await state();
    expect(wider).not.toBe(first);
    await run('create or replace view seen_v as select a from under where true');
    const other = await state();
    expect(other).not.toBe(wider);
    await run('drop view seen_v', 'create view seen_v as select a from under where true');
    expect(await state()).not.toBe(other);
    await run(
      'create function named(bigint) returns text immutable language sql as $$ select null::text $$',
      'create or replace view seen_v as select a, named(a) from under',
    );
    const bound = await state();
    await run('create function named(int) returns text immutable language sql as $$ select null::text $$');
    expect(await state()).not.toBe(bound);
    await run('drop view seen_v', 'drop function named(int)', 'drop function named(bigint)');
    expect(await state()).toBeNull();
    await run('drop table under');
  });

  test('keeps no backend and no work after SIGKILL of a command during a statement', async (context) => {
    const [[version]] = (await rows('show server_version_num')) as [[string]];
    if (Number(version) < 140000) context.skip('the server does not look for its clients');
    const dir = mkdtempSync(join(tmpdir(), 'tsdbt-kill-'));
    const script = join(dir, 'work.mjs');
    await build({
      stdin: {
        contents:
          `import { PostgresAdapter } from './src/adapters/postgres/adapter.ts';
          const adapter = new PostgresAdapter({ credentials: { ...JSON.parse(process.argv[2]), ` +
          `application_name: 'tsdbt_killed' }, threads: 1, quoting: {} });
          const session = adapter.session({ name: 'killed' });
          await session.begin();
          await session.execute('create table half_built as select 1 as n');
          console.log('ready');
          await session.execute('select pg_sleep(60)');`,
        resolveDir: join(import.meta.dirname, '../../..'),
        loader: 'ts',
      },
      outfile: script,
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      logLevel: 'silent',
      external: ['pg-native'],
      banner: {
        js:
          "import { createRequire as __createRequire } from 'node:module'; const require = " +
          '__createRequire(import.meta.url);',
      },
    });
    const child = spawn(process.execPath, [script, JSON.stringify(credentials)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve) => {
      child.stdout.once('data', resolve);
    });
    const running =
      "select count(*) from pg_stat_activity where application_name = 'tsdbt_killed' and state <> 'idle' and " +
      'pid <> pg_backend_pid()';
    await expect.poll(() => rows(running), FOR_EVENTS).toEqual([[1]]);
    child.kill('SIGKILL');
    await expect.poll(() => rows(running), FOR_EVENTS).toEqual([[0]]);
    expect(await rows("select 1 from pg_class where relname = 'half_built'")).toEqual([]);
    rmSync(dir, { recursive: true, force: true });
  });
});
