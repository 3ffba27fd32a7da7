// Tables of one Postgres server synced into another: equal after each sync, whatever commits late, whatever the clocks
// say, whatever is cut off. TSDBT_SYNC_KILLS kills, 2 at each point.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PostgresAdapter } from '../../../src/adapters/postgres/adapter.ts';
import type { Credentials } from '../../../src/contracts/project.ts';
import { PostgresSync } from '../../../src/loader/postgres/sync.ts';
import type { SyncTarget } from '../../../src/loader/sync/config.ts';
import { keepSynced, type Synced, type SyncPoint } from '../../../src/loader/sync/sync.ts';
import { OWN_SERVER, SERVERS } from '../adapters/servers.ts';
import { whileChanging } from './changing-source.ts';

const KILLS = Number(process.env['TSDBT_SYNC_KILLS'] ?? 8);
const POINTS: readonly SyncPoint[] = ['before_stage', 'before_merge', 'before_commit', 'after_commit'];

class Killed extends Error {}

type Server = Awaited<ReturnType<typeof OWN_SERVER.open>>;

async function connect({ host, port, user, password, database }: Credentials): Promise<pg.Client> {
  const client = new pg.Client({
    host: String(host),
    port: Number(port),
    user: String(user),
    password: String(password),
    database: String(database),
  });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

describe('a table synced from another Postgres', () => {
  let from: Server;
  let into: Server;
  let source: pg.Client;
  let copy: pg.Client;
  let adapter: PostgresAdapter;
  let tables = 0;
  beforeAll(async () => {
    [from, into] = [await OWN_SERVER.open(), await SERVERS[0]!.open()];
    [source, copy] = [await connect(from.credentials), await connect(into.credentials)];
    adapter = new PostgresAdapter({ credentials: into.credentials, threads: 4, quoting: {} });
  });
  afterAll(async () => {
    await adapter?.close();
    await source?.end();
    await copy?.end();
    await from?.close();
    await into?.close();
  });

  /** A new table at the source, and what syncs it. @param columns as DDL */
  const made = async (columns: string, more: Partial<SyncTarget> = {}): Promise<SyncTarget> => {
    const name = `t${++tables}`;
    await source.query(`create table ${name} (${columns})`);
    return {
      uniqueId: `source.p.app.${name}`,
      name: `app.${name}`,
      path: 'models/s.yml',
      schema: 'app',
      identifier: name,
      connection: 'app_db',
      table: { schema: 'public', name },
      strategy: 'incremental',
      cursor: 'updated_at',
      lookback: { ms: 0 },
      key: [],
      columns: [],
      hash: [],
      drop: [],
      types: new Map(),
      adopt: false,
      everyMs: 1000,
      ...more,
    };
  };
  const syncOf = (
    target: SyncTarget,
    reached?: (point: SyncPoint) => void,
    credentials = from.credentials,
  ): PostgresSync =>
    new PostgresSync(target, new PostgresAdapter({ credentials, threads: 2, quoting: {} }), adapter, reached);
  const synced = async (target: SyncTarget, reached?: (point: SyncPoint) => void): Promise<Synced> => {
    const sync = syncOf(target, reached);
    try {
      return await sync.run();
    } finally {
      await sync.close();
    }
  };
  const rowsOf = async (client: pg.Client, relation: string): Promise<string[]> =>
    (await client.query(`select t::text as row from ${relation} as t order by 1`)).rows.map(({ row }) => row);
  const expectEqual = async ({ identifier }: SyncTarget): Promise<void> => {
    expect(await rowsOf(copy, `app.${identifier}`)).toEqual(await rowsOf(source, identifier));
  };
  const USERS = 'id bigint primary key, name text, updated_at timestamptz';

  for (const cursor of ['updated_at', 'xmin']) {
    const lookback = cursor === 'xmin' ? null : { ms: 0 };

    it(`receives what is new and changed, by ${cursor}`, async () => {
      const target = await made(USERS, { cursor, lookback });
      await source.query(`insert into ${target.identifier} select i, 'n' || i, now() from generate_series(1, 100) i`);
      expect(await synced(target)).toEqual({ read: 100, changed: 100 });
      await source.query(`update ${target.identifier} set name = 'x', updated_at = clock_timestamp() where id <= 3`);
      await source.query(`insert into ${target.identifier} values (101, 'new', clock_timestamp()), (102, null, null)`);
      expect((await synced(target)).changed).toBe(5);
      await expectEqual(target);
      expect((await synced(target)).changed).toBe(0);
    });

    it(`receives rows of transactions that commit late, by ${cursor}`, async () => {
      const target = await made(USERS, { cursor, lookback });
      const late = await connect(from.credentials);
      const idle = await connect(from.credentials);
      try {
        await source.query(`insert into ${target.identifier} values (1, 'a', now())`);
        // One has written before the sync looks, one has only begun.
        await late.query(`begin; insert into ${target.identifier} values (2, 'late', now())`);
        await late.query('savepoint inner_one');
        await late.query(`insert into ${target.identifier} values (3, 'late too', now())`);
        await idle.query('begin; select now()');
        await source.query('select pg_sleep(0.05)');
        await source.query(`insert into ${target.identifier} values (4, 'b', now())`);
        await synced(target);
        await synced(target);
        expect(await rowsOf(copy, `app.${target.identifier}`)).toHaveLength(2);
        await idle.query(`insert into ${target.identifier} values (5, 'began early', now()); commit`);
        await source.query(`insert into ${target.identifier} values (6, 'c', now())`);
        await synced(target);
        await late.query('commit');
        await synced(target);
        await expectEqual(target);
        expect(await rowsOf(copy, `app.${target.identifier}`)).toHaveLength(6);
      } finally {
        await late.end();
        await idle.end();
      }
    });

    it(`receives later rows with an equal time, by ${cursor}`, async () => {
      const target = await made(USERS, { cursor, lookback });
      const time = (await source.query('select clock_timestamp()::text as at')).rows[0].at;
      for (let i = 0; i < 5; i++) {
        await source.query(`insert into ${target.identifier} values (${i}, 'n', '${time}')`);
        await synced(target);
      }
      await expectEqual(target);
    });

    it(`equals the source after ${KILLS} kills while it changes, by ${cursor}`, async () => {
      const target = await made(`${USERS}, v integer`, { cursor, lookback });
      const writers = await Promise.all([1, 2, 3].map(() => connect(from.credentials)));
      let killed = 0;
      await whileChanging(writers, target.identifier, async () => {
        for (let i = 0; i < KILLS; i++) {
          const point = POINTS[i % POINTS.length];
          await synced(target, (at) => {
            if (at === point) throw new Killed(at);
          }).catch((error: unknown) => {
            if (!(error instanceof Killed)) throw error;
            killed++;
          });
          if (i % 3 === 0) await synced(target);
        }
      });
      expect(killed).toBe(KILLS);
      await synced(target);
      await expectEqual(target);
      expect((await rowsOf(source, target.identifier)).length).toBeGreaterThan(10);
    }, 300_000);
  }

  it('receives values that compare as equal and are not the same', async () => {
    const target = await made('id numeric primary key, term interval, price numeric, zone timetz', {
      strategy: 'full',
      cursor: null,
    });
    const { identifier: name } = target;
    await source.query(`insert into ${name} values (1, '30 days', 1.0, '10:00+00'), (2, '1 day', 2, null)`);
    expect((await synced(target)).changed).toBe(2);
    await source.query(`update ${name} set id = 1.00, term = '1 mon', price = 1.00 where id = 1`);
    expect((await synced(target)).changed).toBe(1);
    await expectEqual(target);
    expect((await synced(target)).changed).toBe(0);
  });

  for (const cursor of ['updated_at', 'xmin']) {
    it(`by ${cursor} receives a partition that was attached with old rows`, async () => {
      const target = await made(USERS, { cursor, lookback: cursor === 'xmin' ? null : { ms: 0 } });
      const { identifier: name } = target;
      await source.query(`drop table ${name}; create table ${name} (id bigint, name text, updated_at timestamptz,
        primary key (id)) partition by range (id);
        create table ${name}_a partition of ${name} for values from (0) to (10);
        create table ${name}_b (like ${name} including all);
        insert into ${name}_b select i, 'old', '2020-01-01' from generate_series(10, 19) i;
        insert into ${name} select i, 'first', now() from generate_series(1, 9) i`);
      await synced(target);
      // Later writers move the border beyond the rows of the other table.
      await source.query(`update ${name} set updated_at = clock_timestamp() where id = 1`);
      expect((await synced(target)).changed).toBe(1);
      await source.query(`alter table ${name} attach partition ${name}_b for values from (10) to (20)`);
      expect((await synced(target)).changed).toBe(10);
      await expectEqual(target);
    });

    it(`by ${cursor} receives every row of a table that replaced its source by a rename`, async () => {
      const target = await made(USERS, { cursor, lookback: cursor === 'xmin' ? null : { ms: 0 } });
      const { identifier: name } = target;
      await source.query(`create table ${name}_next (like ${name} including all);
        insert into ${name}_next select i, 'next', '2020-01-01' from generate_series(1, 9) i;
        insert into ${name} values (1, 'first', now())`);
      await synced(target);
      await source.query(`update ${name} set updated_at = clock_timestamp()`);
      await synced(target);
      await source.query(`alter table ${name} rename to ${name}_before; alter table ${name}_next rename to ${name}`);
      expect((await synced(target)).changed).toBe(9);
      await expectEqual(target);
    });
  }

  it('receives rows after one whose clock is ahead', async () => {
    const target = await made(USERS);
    await source.query(`insert into ${target.identifier} values (1, 'future', now() + interval '1 year')`);
    await synced(target);
    await source.query(`insert into ${target.identifier} values (2, 'now', now())`);
    await synced(target);
    await expectEqual(target);
  });

  it('receives rows of clocks that are behind by less than lookback', async () => {
    const target = await made(USERS, { lookback: { ms: 600_000 } });
    await source.query(`insert into ${target.identifier} values (1, 'now', now())`);
    await synced(target);
    await source.query(`insert into ${target.identifier} values (2, 'behind', now() - interval '9 minutes')`);
    await synced(target);
    await expectEqual(target);
  });

  it('can have a cursor of numbers, or of times without a zone', async () => {
    const numbers = await made('id bigint primary key, seq bigint', { cursor: 'seq', lookback: { steps: 5 } });
    const times = await made('id bigint primary key, at timestamp', { cursor: 'at', lookback: null });
    for (const target of [numbers, times]) {
      const value = (i: number): string => (target === numbers ? String(i * 2) : `now()::timestamp + interval '${i}s'`);
      for (const i of [1, 2, 3]) {
        await source.query(`insert into ${target.identifier} values (${i}, ${value(i)})`);
        await synced(target);
      }
      await source.query(`insert into ${target.identifier} values (9, ${value(2)})`);
      await synced(target);
      await expectEqual(target);
    }
  });

  it('loses deleted rows with strategy: full, and its views stay', async () => {
    const target = await made('id bigint primary key, j json, x xml', {
      strategy: 'full',
      cursor: null,
      lookback: null,
    });
    await source.query(`insert into ${target.identifier} select i, '{"a":1}', '<a/>' from generate_series(1, 50) i`);
    await synced(target);
    await copy.query(`create view app.v_${target.identifier} as select id from app.${target.identifier}`);
    await source.query(
      `delete from ${target.identifier} where id > 10; update ${target.identifier} set j = '[]' where id = 1`,
    );
    expect(await synced(target)).toEqual({ read: 10, changed: 41 });
    await expectEqual(target);
    expect(await rowsOf(copy, `app.v_${target.identifier}`)).toHaveLength(10);
  });

  it.each([
    ['full', 'primary key', 'inserted'],
    ['incremental', 'primary key', 'inserted'],
    ['full', '', 'inserted'],
    ['full', 'primary key', 'updated'],
    ['incremental', 'primary key', 'updated'],
    ['full', 'primary key', 'deleted'],
    ['full', '', 'deleted'],
  ] as const)('fails with strategy: %s (%s) where a trigger skips rows that are %s', async (strategy, key, what) => {
    const target = await made(`id int ${key}, name text`, { strategy, cursor: strategy === 'full' ? null : 'xmin' });
    const table = `app.${target.identifier}`;
    await source.query(`insert into ${target.identifier} values (1, 'a'), (2, 'b')`);
    await synced(target);
    const statement = { inserted: 'insert', updated: 'update', deleted: 'delete' }[what];
    await copy.query(
      `create or replace function app.skip() returns trigger language plpgsql as $$ begin return null; end $$; ` +
        `create trigger skips before ${statement} on ${table} for each row execute function app.skip()`,
    );
    const before = await rowsOf(copy, table);
    const changes = {
      inserted: `insert into ${target.identifier} values (3, 'c')`,
      updated: `update ${target.identifier} set name = 'z'`,
      deleted: `delete from ${target.identifier} where id = 1`,
    };
    await source.query(changes[what]);
    await expect(synced(target)).rejects.toThrow(new RegExp(`not ${what}, because .* has triggers or rules: skips`));
    expect(await rowsOf(copy, table)).toEqual(before);
    await copy.query(`drop trigger skips on ${table}`);
    await synced(target);
    await expectEqual(target);
  });

  it('may have a trigger that changes rows', async () => {
    const target = await made('id int primary key, name text', { strategy: 'full', cursor: null });
    await source.query(`insert into ${target.identifier} values (1, 'a'), (2, 'b')`);
    await synced(target);
    await copy.query(
      `create function app.upper() returns trigger language plpgsql as $$ begin new.name := upper(new.name); return ` +
        `new; end $$; create trigger changes before insert or update on app.${target.identifier} ` +
        'for each row execute function app.upper()',
    );
    await source.query(`update ${target.identifier} set name = 'z' where id = 1`);
    await synced(target);
    expect(await rowsOf(copy, `app.${target.identifier}`)).toEqual(['(1,Z)', '(2,b)']);
  });

  it('is replaced in one step with strategy: full if it has no key', async () => {
    const target = await made('a integer, b text', { strategy: 'full', cursor: null, lookback: null });
    await source.query(`insert into ${target.identifier} select 1, 'x' from generate_series(1, 200)`);
    await synced(target);
    const seen = new Set<string>();
    let done = false;
    const reader = await connect(into.credentials);
    const looking = (async () => {
      while (!done)
        seen.add((await reader.query(`select count(*)::text || max(b) as n from app.${target.identifier}`)).rows[0].n);
    })();
    for (const text of ['y', 'z']) {
      await source.query(`update ${target.identifier} set b = '${text}'`);
      await synced(target);
    }
    done = true;
    await looking;
    await reader.end();
    expect([...seen].filter((each) => !['200x', '200y', '200z'].includes(each))).toEqual([]);
    await expectEqual(target);
  });

  it('is read after a transaction that truncates the source at that moment', async () => {
    const target = await made(USERS, { strategy: 'full', cursor: null, lookback: null });
    await source.query(`insert into ${target.identifier} values (1, 'old', now())`);
    await synced(target);
    const other = await connect(from.credentials);
    try {
      await other.query(`begin; truncate ${target.identifier}`);
      await other.query(`insert into ${target.identifier} select i, 'new', now() from generate_series(1, 50) i`);
      const running = synced(target);
      const waiting = `select from pg_locks where relation = '${target.identifier}'::regclass and not granted`;
      while ((await source.query(waiting)).rowCount === 0) await source.query('select pg_sleep(0.01)');
      await other.query('commit');
      expect((await running).read).toBe(50);
    } finally {
      await other.end();
    }
    await expectEqual(target);
  });

  it('can be a materialized view, or a table of which the role may read some columns', async () => {
    const { identifier } = await made(USERS);
    await source.query(
      `insert into ${identifier} values (1, 'a', now()); create materialized view mv_${identifier} as select * from ` +
        `${identifier}; create role some_columns login password 'some'; grant select (id) on ${identifier} to ` +
        'some_columns',
    );
    const full = { strategy: 'full', cursor: null, lookback: null, key: ['id'] } as const;
    const view = await made(USERS, { ...full, table: { schema: 'public', name: `mv_${identifier}` } });
    expect((await synced(view)).read).toBe(1);
    const some = await made(USERS, { ...full, columns: ['id'], table: { schema: 'public', name: identifier } });
    const sync = syncOf(some, undefined, { ...from.credentials, user: 'some_columns', password: 'some' });
    expect((await sync.run()).read).toBe(1);
    await sync.close();
  });

  it('is read completely if the source was created again or has a new column', async () => {
    const target = await made(USERS);
    await source.query(`insert into ${target.identifier} values (1, 'old', now() - interval '1 day'), (2, 'b', now())`);
    await synced(target);
    await source.query(`alter table ${target.identifier} add column v integer default 7`);
    await synced(target);
    await expectEqual(target);
    await copy.query(`drop table app.${target.identifier}`);
    await synced(target);
    await expectEqual(target);
  });

  it.each(['updated_at', 'xmin'])('has each row once after its key column was dropped, by %s', async (cursor) => {
    const target = await made(USERS, { cursor, lookback: cursor === 'xmin' ? null : { ms: 0 } });
    await source.query(`insert into ${target.identifier} values (1, 'a', now()), (2, 'b', now())`);
    await synced(target);
    await copy.query(`alter table app.${target.identifier} drop column id`);
    await synced(target);
    const rows = (client: pg.Client, relation: string): Promise<pg.QueryResult> =>
      client.query(`select id, name from ${relation} order by 1, 2`);
    expect((await rows(copy, `app.${target.identifier}`)).rows).toEqual((await rows(source, target.identifier)).rows);
  });

  it('keeps rows of others unless it may adopt them, and never replaces its own source', async () => {
    const target = await made(USERS, { strategy: 'full', cursor: null, lookback: null });
    await copy.query(`create schema if not exists app`);
    await copy.query(
      `create table app.${target.identifier} (${USERS}); insert into app.${target.identifier} values (9)`,
    );
    await expect(synced(target)).rejects.toMatchObject({
      kind: 'validation',
      message: `app.${target.identifier} cannot be synced: "app"."${target.identifier}" holds rows that no sync wrote`,
    });
    const asked = syncOf(target);
    expect((await asked.check()).problems[0]).toContain('holds rows that no sync wrote');
    await asked.close();
    expect(await rowsOf(copy, `app.${target.identifier}`)).toEqual(['(9,,)']);
    const own = { ...target, adopt: true, table: { schema: 'app', name: target.identifier } };
    const itself = syncOf(own, undefined, into.credentials);
    await expect(itself.run()).rejects.toThrow('is its own source');
    await itself.close();
    await synced({ ...target, adopt: true });
    await expectEqual(target);
    await source.query(`insert into ${target.identifier} values (1)`);
    await synced(target);
    await expectEqual(target);
  });

  it('is not blocked by a time far in the future, infinity or NaN', async () => {
    const cases = [
      ['timestamp', "'2999-01-01'", "(now() at time zone 'UTC') + interval '15 hours'"],
      ['timestamp', "'infinity'", 'localtimestamp'],
      ['date', "'infinity'", 'current_date'],
      ['timestamptz', "'infinity'", 'now()'],
      ['numeric', "'NaN'", '5'],
    ] as const;
    for (const [type, far, later] of cases) {
      const target = await made(`id bigint primary key, at ${type}`, { cursor: 'at', lookback: null });
      await source.query(`insert into ${target.identifier} values (1, ${far})`);
      await synced(target);
      await synced(target);
      await source.query(`insert into ${target.identifier} values (2, ${later})`);
      await synced(target);
      await source.query(`insert into ${target.identifier} values (3, ${later})`);
      await synced(target);
      await expectEqual(target);
    }
  });

  it('keeps values of all types', async () => {
    const target = await made(
      'id uuid primary key, n numeric(12,3), f double precision, b bytea, a text[], t timestamptz, d date, i ' +
        'interval, j jsonb, c char(3), net inet, r int4range, g integer generated always as (1) stored',
      { strategy: 'full', cursor: null, lookback: null },
    );
    await source.query(
      `insert into ${target.identifier} values (gen_random_uuid(), 'NaN', 'Infinity', '\\x00ff5c', ` +
        `'{"a,b",null,"\\\\"}', ` +
        "'infinity', '0044-03-15 BC', '1 year -2 days 03:04:05.6', '{\"a\": 1.10}', 'x', '::1/64', '[1,5)'), " +
        "(gen_random_uuid(), null, 0.1, null, null, '2026-05-01 12:00:00.123456+05', null, null, null, E'\\t\\n', " +
        'null, null)',
    );
    await synced(target);
    for (const client of [source, copy]) await client.query("set timezone = 'UTC'; set intervalstyle = 'iso_8601'");
    await expectEqual(target);
    expect((await synced(target)).changed).toBe(0);
  });

  it('names the type that the target lacks, and stores it as text if declared', async () => {
    await source.query("create type mood as enum ('glad', 'sad')");
    const target = await made('id integer primary key, m mood', { strategy: 'full', cursor: null, lookback: null });
    await source.query(`insert into ${target.identifier} values (1, 'glad')`);
    await expect(synced(target)).rejects.toMatchObject({
      kind: 'validation',
      message: `app.${target.identifier} cannot be synced: column 'm' has the type mood, which the target lacks`,
    });
    await synced({ ...target, types: new Map([['m', 'text']]) });
    await expectEqual(target);
    await synced({ ...target, identifier: 'only_ids', columns: ['id'] });
    expect(await rowsOf(copy, 'app.only_ids')).toEqual(['(1)']);
  });

  it('reports what the source lacks, and what to do', async () => {
    const target = await made(USERS);
    await source.query(
      `create role reader login password 'reader'; create view v as select * from ${target.identifier}`,
    );
    const bare = await made('a integer, updated_at timestamptz');
    const odd = await made('id integer primary key, updated_at text');
    const reader = { ...from.credentials, user: 'reader', password: 'reader' };
    const says = async (wanted: SyncTarget, credentials = from.credentials): Promise<readonly string[]> => {
      const sync = syncOf(wanted, undefined, credentials);
      const { problems } = await sync.check();
      await sync.close();
      return problems.map((problem) => problem.replaceAll(`app.${wanted.identifier}`, 'T'));
    };
    const at = "connection 'app_db'";
    expect(await says({ ...target, table: { schema: 'nowhere', name: 'x' } })).toEqual([
      `T cannot be synced: there is no schema 'nowhere' at ${at}`,
    ]);
    expect(await says({ ...target, table: { schema: 'public', name: 'x' } })).toEqual([
      `T cannot be synced: there is no table public.x at ${at}`,
    ]);
    expect(await says({ ...target, cursor: 'changed' })).toEqual([
      `T cannot be synced: public.${target.identifier} has no column 'changed', the cursor. Columns: id, name, ` +
        'updated_at.',
    ]);
    expect(await says({ ...target, columns: ['id', 'mail'] })).toEqual([
      `T cannot be synced: public.${target.identifier} has no column 'mail', which 'columns' names. ` +
        'Columns: id, name, ' +
        'updated_at.',
    ]);
    expect(await says({ ...target, cursor: 'xmin', table: { schema: 'public', name: 'v' } })).toEqual([
      'T cannot be synced: public.v is no table, and only tables have xmin. cursor: a column that grows with changes.',
    ]);
    expect((await says(bare))[0]).toContain('has no primary key, and strategy: incremental needs one');
    expect(await says(target, reader)).toEqual([
      `T cannot be synced: the role of ${at} may not read public.${target.identifier}. grant select on ` +
        `public.${target.identifier}`,
    ]);
    await expect(synced(odd)).rejects.toThrow("the cursor 'updated_at' is of type text; it must be a time or a number");
    const sync = syncOf(target);
    expect(await sync.check()).toEqual({
      problems: [],
      notes: ['strategy: incremental does not see rows that are deleted, or whose key changes; strategy: full does.'],
    });
    await sync.close();
    await source.query(`grant select on ${target.identifier} to reader`);
    const limited = syncOf(target, undefined, reader);
    expect((await limited.check()).notes[1]).toContain('pg_read_all_stats');
    await limited.close();
  });

  it('is synced at its times, even after a restart, and waits for an unavailable source', async () => {
    const target = await made(USERS, { everyMs: 3_600_000 });
    await source.query(`insert into ${target.identifier} values (1, 'a', now())`);
    const waits: number[] = [];
    const said: string[] = [];
    const keep = async (away = 0): Promise<void> => {
      const end = new AbortController();
      const sync = syncOf(target);
      let left = away;
      const run = sync.run.bind(sync);
      await keepSynced({
        target,
        sync: {
          run: async () => {
            if (left-- > 0) {
              const { TsdbtError } = await import('../../../src/errors.ts');
              throw new TsdbtError('connection', 'the source is away');
            }
            return run();
          },
          check: () => sync.check(),
          state: () => sync.state(),
          stop: () => sync.stop(),
          close: () => sync.close(),
        },
        once: false,
        signal: end.signal,
        pause: async (ms) => {
          waits.push(ms);
          if (ms > 100_000) end.abort();
        },
        say: (message) => said.push(message.replace(/ in .*/, '')),
      });
    };
    await keep(2);
    expect(said).toEqual([
      `app.${target.identifier}: the source is away; tried again`,
      `app.${target.identifier}: the source is away; tried again`,
      `app.${target.identifier}: 1 row read, 1 changed`,
    ]);
    expect(waits.slice(0, 2)).toEqual([1000, 2000]);
    expect(waits[2]).toBeGreaterThan(3_500_000);
    said.length = 0;
    await keep();
    expect(said).toEqual([]);
    expect(waits.at(-1)).toBeGreaterThan(3_500_000);
  });

  it('reports its failure and continues after a repair', async () => {
    const target = await made(USERS, { everyMs: 50_000 });
    await source.query(`alter table ${target.identifier} rename to away`);
    const end = new AbortController();
    const [said, waits]: [string[], number[]] = [[], []];
    await keepSynced({
      target,
      sync: syncOf(target),
      once: false,
      signal: end.signal,
      pause: async (ms) => {
        waits.push(ms);
        if (waits.length === 1) await source.query(`alter table away rename to ${target.identifier}`);
        else end.abort();
      },
      say: (message) => said.push(message.replace(/ in [\d.]+s$/, '')),
    });
    expect(said).toEqual([
      expect.stringMatching(/there is no table.*tried again in 50 s$/),
      `app.${target.identifier}: 0 rows read, 0 changed`,
    ]);
    expect(waits[0]).toBe(50_000);
  });
});
