// Tests the Postgres adapter on every available Postgres server. Relations are in postgres-relations.test.ts.
import { beforeAll, describe, expect, test } from 'vitest';
import type { Session } from '../../../src/adapters/adapter.ts';
import { PostgresAdapter } from '../../../src/adapters/postgres/adapter.ts';
import { SqlAdapter } from '../../../src/adapters/sql-adapter.ts';
import { inferTable } from '../../../src/adapters/table-inference.ts';
import type { Credentials } from '../../../src/contracts/project.ts';
import { toRepr } from '../../../src/values/text.ts';
import { SERVERS } from './servers.ts';
import { FOR_EVENTS } from '../support/events.ts';
import { failure, noMacro, postgresBench } from './postgres-bench.ts';

describe.each(SERVERS)('$name', (server) => {
  const bench = postgresBench(server);
  const { make, withSession, run, rows, runs, needsRoles, rel } = bench;
  let adapter: PostgresAdapter;
  let credentials: Credentials;
  beforeAll(() => {
    ({ adapter, credentials } = bench);
  });

  test('reports the same response to a statement as dbt', async () => {
    await withSession(async (session) => {
      const say = async (sql: string): Promise<unknown> => (await session.execute(sql)).response;
      expect(await say('create table said (n int)')).toEqual({
        _message: 'CREATE TABLE',
        code: 'CREATE TABLE',
        rows_affected: -1,
      });
      expect(await say('insert into said values (1), (2)')).toEqual({
        _message: 'INSERT 0 2',
        code: 'INSERT',
        rows_affected: 2,
      });
      expect(await say('create table said2 as select * from said')).toEqual({
        _message: 'SELECT 2',
        code: 'SELECT',
        rows_affected: 2,
      });
      expect(await say('update said set n = n')).toEqual({ _message: 'UPDATE 2', code: 'UPDATE', rows_affected: 2 });
      expect(await say('select 1; create view v_said as select 1 as one')).toEqual({
        _message: 'CREATE VIEW',
        code: 'CREATE VIEW',
        rows_affected: -1,
      });
      expect(await say('show search_path')).toEqual({ _message: 'SHOW', code: 'SHOW', rows_affected: 1 });
      expect(await say('explain select 1')).toEqual({ _message: 'EXPLAIN', code: 'EXPLAIN', rows_affected: 1 });
    });
  });

  test('ends a COPY between two sessions at once when one of them fails', async () => {
    const failed = await withSession((from) =>
      withSession(async (into) => {
        await into.execute('create temporary table copied (n int check (n < 1000))');
        return failure(
          from.copyOut!('copy (select generate_series(1, 1000000)) to stdout', (copied) =>
            into.copyIn('copy copied from stdin', copied),
          ),
        );
      }),
    );
    expect(failed.message).toContain('violates check constraint');
  });

  test("does not share a released session's connection with another for a late statement", async () => {
    const session = adapter.session({ name: 'released' });
    await session.execute('select 1');
    const released = session.release();
    const late = failure(session.execute('select nothing'));
    await released;
    expect(await rows('select 1')).toEqual([[1]]);
    expect((await late).message).toContain('column "nothing" does not exist');
    await session.release();
  });

  test('returns values as psycopg2 and agate do', async () => {
    const { table } = await withSession((session) =>
      session.execute(
        'select 1 as i, 9007199254740993 as big, 1.50::numeric as num, 1::float8 as f, 1e20::float8 as huge, ' +
          `true as b, 'x' as t, '005' as padded, null as nothing,
      date '2024-02-29' as d, timestamp '2024-02-29 10:00:00.5' as ts, timestamptz '2024-02-29 ` +
          `10:00+00' at time zone 'UTC' as utc, '{"a": [1, "é"]}'::json as j, array[1, null, 2] as ints,
      array['a', 'b c', null] as texts, interval '1 day 02:03:04.5' as span, time '10:00' as clock, ` +
          "'{}'::jsonb as empty, 'NaN'::numeric as nan, 1 as i",
        { fetch: true },
      ),
    );
    expect(table.columnNames).toEqual([
      'i',
      'big',
      'num',
      'f',
      'huge',
      'b',
      't',
      'padded',
      'nothing',
      'd',
      'ts',
      'utc',
      'j',
      'ints',
      'texts',
      'span',
      'clock',
      'empty',
      'nan',
      'i_2',
    ]);
    expect(table.types.map((type) => type.name)).toEqual([
      'Integer',
      'Integer',
      'Number',
      'Number',
      'Number',
      'Boolean',
      'Text',
      'Text',
      'Integer',
      'Date',
      'DateTime',
      'DateTime',
      'Text',
      'Text',
      'Text',
      'Text',
      'Text',
      'Text',
      'Number',
      'Integer',
    ]);
    expect(table.rows[0]!.values.map(toRepr)).toEqual([
      '1',
      '9007199254740993',
      "Decimal('1.50')",
      "Decimal('1.0')",
      "Decimal('1E+20')",
      'True',
      "'x'",
      "'005'",
      'None',
      'datetime.date(2024, 2, 29)',
      'datetime.datetime(2024, 2, 29, 10, 0, 0, 500000)',
      'datetime.datetime(2024, 2, 29, 10, 0)',
      `'{"a": [1, "\\\\u00e9"]}'`,
      "'[1, null, 2]'",
      `'["a", "b c", null]'`,
      "'1 day, 2:03:04.500000'",
      "'10:00:00'",
      "'{}'",
      "Decimal('NaN')",
      '1',
    ]);
  });

  test('keeps the time zone of a timestamp', async () => {
    const { table } = await withSession((session) =>
      session.execute("set local timezone = 'Europe/Berlin'; select timestamptz '2024-07-01 10:00:00+00' as at", {
        fetch: true,
      }),
    );
    expect(toRepr(table.rows[0]!.values[0]!)).toBe(
      'datetime.datetime(2024, 7, 1, 12, 0, tzinfo=datetime.timezone(datetime.timedelta(seconds=7200)))',
    );
  });

  test('returns the result of the last of several statements, and limits its rows', async () => {
    await withSession(async (session) => {
      const { table } = await session.execute('select 1 as a; select n from generate_series(1, 9) n', {
        fetch: true,
        limit: 3,
      });
      expect(table.rows.map((row) => row.values[0])).toEqual([1, 2, 3]);
      expect(
        (await session.execute('select 1; create temp table gone (n int)', { fetch: true })).table.columnNames,
      ).toEqual([]);
    });
  });

  test('inserts values into placeholders', async () => {
    const { table } = await withSession((session) =>
      session.execute("select %s::text as a, %s::int as b, %s::text as c, '100%%' as d, -%s as e", {
        fetch: true,
        bindings: ["it's \\ %s", 5, null, -3],
      }),
    );
    expect([...table.rows[0]!.values]).toEqual(["it's \\ %s", 5, null, '100%', 3]);
  });

  test('reports an error as psycopg2 does, with code and position', async () => {
    const error = await failure(withSession((session) => session.execute('select 1,\n  nope\nfrom (select 1 as x) t')));
    expect(error.kind).toBe('database');
    expect(error.message).toBe('column "nope" does not exist\nLINE 2:   nope\n          ^');
    expect(error.details).toMatchObject({
      code: '42703',
      position: 13,
      sql: 'select 1,\n  nope\nfrom (select 1 as x) t',
    });
  });

  test('reports the position of an error without the query comment', async () => {
    const session = adapter.session({ name: 'test', comment: () => ({ text: ' über ', append: false }) });
    const error = await failure(session.execute('select nope'));
    await session.release();
    expect(error.message).toBe('column "nope" does not exist\nLINE 2: select nope\n               ^');
    expect(error.details.position).toBe(8);
  });

  test('shows the detail and hint of an error', async () => {
    await run('create table parent (id int primary key)', 'create table child (id int references parent)');
    const error = await failure(run('insert into child values (1)'));
    expect(error.message).toBe(
      'insert or update on table "child" violates foreign key constraint "child_id_fkey"\nDETAIL:  Key ' +
        '(id)=(1) is not present in table "parent".',
    );
    await run('drop table child, parent');
  });

  test('rejects a statement with a NUL instead of truncating it', async () => {
    expect((await failure(withSession((session) => session.execute("select 'a\0b'")))).message).toBe(
      'A string literal cannot contain NUL (0x00) characters.',
    );
  });

  test('rolls back uncommitted work when the session ends', async () => {
    await withSession(async (session) => {
      await session.begin();
      await session.execute('create table half_done (n int)');
      expect(session.inTransaction).toBe(true);
    });
    await withSession((session) => session.execute('create table implicit (n int)'));
    expect(await rows("select relname from pg_class where relname in ('half_done', 'implicit')")).toEqual([]);
  });

  test("runs statements in autocommit after dbt's commit, as VACUUM requires", async () => {
    await run('create table cleaned (n int)');
    await withSession(async (session) => {
      await session.begin();
      await session.execute('insert into cleaned values (1)');
      await session.commit();
      await session.execute('vacuum cleaned');
      await session.execute('insert into cleaned values (2)');
    });
    expect(await rows('select count(*) from cleaned')).toEqual([[2]]);
    await run('drop table cleaned');
  });

  test('ends the transaction of a failed statement, and the session can continue', async () => {
    await withSession(async (session) => {
      await session.begin();
      await session.execute('create table lost (n int)');
      await failure(session.execute('select nope'));
      expect(session.inTransaction).toBe(false);
      await session.execute('select 1');
    });
  });

  test('undoes only the failed attempt', async () => {
    await withSession(async (session) => {
      await session.begin();
      await session.execute('create table kept (n int)');
      expect((await session.attempt('select nope'))?.message).toContain('column "nope" does not exist');
      expect(await session.attempt('insert into kept values (1)')).toBeNull();
      await session.commit();
    });
    expect(await rows('select n from kept')).toEqual([[1]]);
    await run('drop table kept');
  });

  test('opens at most threads + 2 connections, and the rest wait', async () => {
    const small = make({ application_name: 'tsdbt_cap' }, 1);
    try {
      const most = await Promise.all(
        Array.from({ length: 12 }, () =>
          withSession(async (session) => {
            const { table } = await session.execute(
              "select count(*) from pg_stat_activity where application_name = 'tsdbt_cap'",
              { fetch: true },
            );
            await session.execute('select pg_sleep(0.02)');
            return Number(table.rows[0]!.values[0]);
          }, small),
        ),
      );
      expect(Math.max(...most)).toBeLessThanOrEqual(3);
    } finally {
      await small.close();
    }
  });

  test('can cancel a running statement', async () => {
    await withSession(async (session) => {
      const waiting = failure(session.execute('select pg_sleep(301)'));
      await runs('pg_sleep(301)');
      await session.cancel();
      expect((await waiting).message).toBe('canceling statement due to user request');
    });
  });

  test('cancels running statements when the adapter is closed', async () => {
    const other = make({ application_name: 'tsdbt_close' });
    const session = other.session({ name: 'test' });
    const waiting = failure(session.execute('select pg_sleep(302)'));
    await runs('pg_sleep(302)');
    await other.close();
    expect((await waiting).kind).toBe('database');
    await session.release();
    // Behind a pooler the connection itself lives on.
    const running =
      "select 1 from pg_stat_activity where application_name = 'tsdbt_close' and state <> 'idle' and pid <> " +
      'pg_backend_pid()';
    await expect.poll(() => rows(running), FOR_EVENTS).toEqual([]);
  });

  test('applies role and search path in and outside of transactions, and resets them', async (context) => {
    await needsRoles(context);
    await run(
      'create role tsdbt_role_test',
      'create schema "Odd path"',
      'grant create, usage on schema "Odd path" to tsdbt_role_test',
    );
    const other = make({ role: 'tsdbt_role_test', search_path: '"Odd path", public' }, 1);
    try {
      const see = "select current_user::text, current_setting('search_path')";
      await withSession(async (session) => {
        expect([...(await session.execute(see, { fetch: true })).table.rows[0]!.values]).toEqual([
          'tsdbt_role_test',
          '"Odd path", public',
        ]);
        await session.begin();
        await session.commit();
        expect([...(await session.execute(see, { fetch: true })).table.rows[0]!.values]).toEqual([
          'tsdbt_role_test',
          '"Odd path", public',
        ]);
      }, other);
    } finally {
      await other.close();
      await run('drop schema "Odd path"', 'drop role tsdbt_role_test');
    }
  });

  test('resets what a session sets before another session uses the connection', async () => {
    const other = make({ application_name: 'tsdbt_state' }, 1);
    try {
      const pid = 'select pg_backend_pid()';
      const ask = async (session: Session, sql: string) =>
        (await session.execute(sql, { fetch: true })).table.rows[0]!.values[0];
      const first = await withSession(async (session) => {
        await session.begin();
        await session.execute("set statement_timeout = '7min'; create temporary table left_over (n int)");
        await session.commit();
        return ask(session, pid);
      }, other);
      await withSession(async (session) => {
        expect(await ask(session, 'show statement_timeout')).toBe('0');
        expect(await ask(session, "select to_regclass('pg_temp.left_over') is null")).toBe(true);
        expect(await ask(session, 'show application_name')).toBe('tsdbt_state');
        expect(await ask(session, pid)).toBe(first);
      }, other);
    } finally {
      await other.close();
    }
  });

  test('commits each statement with autocommit', async () => {
    const other = make({ autocommit: true });
    try {
      await withSession(async (session) => {
        await session.begin();
        await session.execute('create table at_once (n int)');
        expect(await session.attempt('select nope')).not.toBeNull();
      }, other);
      expect(await rows("select count(*) from pg_class where relname = 'at_once'")).toEqual([[1]]);
    } finally {
      await other.close();
      await run('drop table if exists at_once');
    }
  });

  test('makes the backend check for a lost client if the server supports it', async () => {
    const [[version]] = (await rows('show server_version_num')) as [[string]];
    const seen = await withSession(
      async (session) =>
        (await session.execute("select current_setting('client_connection_check_interval', true)", { fetch: true }))
          .table.rows[0]!.values[0],
    );
    expect(seen).toBe(Number(version) >= 140000 ? '2s' : null);
  });

  test('loads rows by COPY, whatever they contain', async () => {
    const table = inferTable(
      ['id', 'text', 'num', 'flag', 'day', 'at'],
      [
        ['1', 'tab\tand\nline \\ "quote"', '1.5', 'true', '2024-01-31', '2024-01-31 10:00:00'],
        ['2', '\\N', '', 'false', '', ''],
        ['1,000', 'é😀', '2', '', '2024-02-01', '2024-01-31 10:00:01'],
        ['50.00', '', '0.00000000', '', '', ''],
      ],
    );
    await run('create table loaded (id integer, text text, num float8, flag boolean, day date, at timestamp)');
    await withSession(async (session) => {
      expect(await adapter.loadTable(session, rel('loaded', 'table'), table)).toBe(4);
      await session.commit();
    });
    expect(await rows('select id, text, num::text, flag, day::text, at::text from loaded order by id')).toEqual([
      [1, 'tab\tand\nline \\ "quote"', '1.5', true, '2024-01-31', '2024-01-31 10:00:00'],
      [2, '\\N', null, false, null, null],
      [50, null, '0', null, null, null],
      [1000, 'é😀', '2', null, '2024-02-01', '2024-01-31 10:00:01'],
    ]);
    await run('drop table loaded');
  });

  test('converts timestamps with a zone to that of the session, as INSERT does', async () => {
    const table = inferTable(['at'], [['2024-01-31T10:00:00+02:00']]);
    await run('create table moments (at timestamp without time zone)');
    await withSession(async (session) => {
      await session.execute("set timezone = 'UTC'", { autoBegin: true });
      await adapter.loadTable(session, rel('moments', 'table'), table);
      await session.commit();
    });
    expect(await rows('select at::text from moments')).toEqual([['2024-01-31 08:00:00']]);
    await run('drop table moments');
  });

  test('names the table of a failed load, and the session stays usable', async () => {
    await run('create table refused (n integer)');
    await withSession(async (session) => {
      const error = await failure(
        adapter.loadTable(session, rel('refused', 'table'), inferTable(['n'], [['1'], ['99999999999']])),
      );
      expect(error.message).toContain('value "99999999999" is out of range for type integer');
      await session.execute('select 1');
    });
    await run('drop table refused');
  });

  test('names the types of a query as contracts compare them', async () => {
    await withSession(async (session) => {
      const sql = new SqlAdapter({ adapter, session, executeMacro: noMacro, quoting: {} });
      const columns = await sql.getColumnSchemaFromQuery(
        "select 1 as a, 'x'::text as b, 1.5 as c, now() as d, '{}'::int[] as e, point '(1,2)' as f",
      );
      expect(columns.map((column) => [column.name, column.dtype])).toEqual([
        ['a', 'INTEGER'],
        ['b', 'TEXT'],
        ['c', 'DECIMAL'],
        ['d', 'DATETIMETZ'],
        ['e', 'INTEGERARRAY'],
        ['f', 'unknown type_code 600'],
      ]);
    });
  });

  test('supports identifiers with quotes, letters of any script and 63 bytes', async () => {
    const name = `ü${'x'.repeat(61)}`;
    await run(`create table "${name}" (n int)`);
    const own = make();
    await withSession((session) => own.fillCache(session, [{ database: null, schema: 'public' }]), own);
    expect(own.cache.get({ database: String(credentials.database), schema: 'public', identifier: name })?.type).toBe(
      'table',
    );
    await own.close();
    await run(`drop table "${name}"`);
  });
});

test('a Postgres error names the host and port of an unreachable server, but never the password', async () => {
  const adapter = new PostgresAdapter({
    credentials: {
      type: 'postgres',
      host: '127.0.0.1',
      port: 1,
      user: 'someone',
      password: 'hunter2',
      database: 'd',
      schema: 's',
      retries: 0,
    } as Credentials,
    threads: 1,
    quoting: {},
  });
  const error = await failure(adapter.check());
  expect(error.kind).toBe('connection');
  expect(error.message).toBe(
    'connection to server at "127.0.0.1", port 1 failed: Connection refused\n\tIs the server running on that ' +
      'host and accepting TCP/IP connections?',
  );
  expect(JSON.stringify(error) + String(error.stack) + JSON.stringify(adapter.connectionInfo())).not.toContain(
    'hunter2',
  );
  await adapter.close();
});

test('a Postgres error reports a host that does not exist', async () => {
  const adapter = new PostgresAdapter({
    credentials: {
      type: 'postgres',
      host: 'no-such-host.invalid',
      port: 5432,
      user: 'u',
      password: 'p',
      database: 'd',
      schema: 's',
      retries: 0,
    } as Credentials,
    threads: 1,
    quoting: {},
  });
  expect((await failure(adapter.check())).message).toMatch(
    /^could not translate host name "no-such-host.invalid" to address: .*\(port 5432\)$/,
  );
  await adapter.close();
});
