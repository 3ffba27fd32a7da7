// Tests Postgres tables synced into ClickHouse: equal after each sync, with late commits and interruptions, and
// complete for readers. TSDBT_SYNC_KILLS kills, 2 at each point, and one process killed at each point.
import pg from 'pg';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClickHouseAdapter } from '../../../src/adapters/clickhouse/adapter.ts';
import { PostgresAdapter } from '../../../src/adapters/postgres/adapter.ts';
import { ClickHouseSync } from '../../../src/loader/clickhouse/sync.ts';
import type { SyncTarget } from '../../../src/loader/sync/config.ts';
import type { Synced, SyncPoint } from '../../../src/loader/sync/sync.ts';
import type { PyDateTime } from '../../../src/values/datetime.ts';
import { OWN_SERVER } from '../adapters/servers.ts';
import { FaultProject } from '../faults/project.ts';
import { clickhouseAdapter, clickhouseFolder, clickhouseMissing, textsOf } from '../support/clickhouse.ts';
import { whileChanging } from './changing-source.ts';

const KILLS = Number(process.env['TSDBT_SYNC_KILLS'] ?? 8);
const POINTS: readonly SyncPoint[] = ['before_stage', 'before_merge', 'before_commit', 'after_commit'];
const SCHEMA = 'synced_ch';
const USERS = 'id bigint primary key, name text, updated_at timestamptz';
const FULL = { strategy: 'full', cursor: null, lookback: null } as const;

class Killed extends Error {}

describe.skipIf(clickhouseMissing !== null)('a Postgres table synced into ClickHouse', () => {
  let server: Awaited<ReturnType<typeof OWN_SERVER.open>>;
  let source: pg.Client;
  let adapter: ClickHouseAdapter;
  let tables = 0;
  const connect = async (): Promise<pg.Client> => {
    const { host, port, user, password, database } = server.credentials as unknown as pg.ClientConfig;
    const client = new pg.Client({ host, port, user, password, database } as pg.ClientConfig);
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  beforeAll(async () => {
    server = await OWN_SERVER.open();
    source = await connect();
    adapter = clickhouseAdapter(SCHEMA);
  });
  afterAll(async () => {
    await adapter?.close();
    await source?.end();
    await server?.close();
  });

  const there = (sql: string): Promise<string[][]> => textsOf(adapter, sql);
  /** A new table at the source, and what syncs it. @param columns as DDL */
  const made = async (columns: string, more: Partial<SyncTarget> = {}): Promise<SyncTarget> => {
    const name = `t${++tables}`;
    await source.query(`create table ${name} (${columns})`);
    return {
      uniqueId: `source.p.app.${name}`,
      name: `app.${name}`,
      path: 'models/s.yml',
      schema: SCHEMA,
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
  const syncOf = (target: SyncTarget, reached?: (point: SyncPoint) => void): ClickHouseSync =>
    new ClickHouseSync(
      target,
      new PostgresAdapter({ credentials: server.credentials, threads: 2, quoting: {} }),
      adapter,
      reached,
    );
  const synced = async (target: SyncTarget, reached?: (point: SyncPoint) => void): Promise<Synced> => {
    const sync = syncOf(target, reached);
    try {
      return await sync.run();
    } finally {
      await sync.close();
    }
  };
  /** Both ways: rows of id, name, time and others as texts. */
  const expectEqual = async ({ identifier }: SyncTarget, more = ''): Promise<void> => {
    const wanted = await source.query({
      text:
        `select t.id::text as key, coalesce(name, 'null'), coalesce(to_char(updated_at at time zone 'UTC', ` +
        `'YYYY-MM-DD HH24:MI:SS.US'), 'null')${more === '' ? '' : `, ${more}::text`} from ${identifier} t ` +
        'order by t.id',
      rowMode: 'array',
    });
    expect(
      await there(
        `select toString(id), ifNull(name, 'null'), ifNull(toString(updated_at), 'null')` +
          `${more === '' ? '' : `, toString(${more})`} from ${SCHEMA}.${identifier} order by id`,
      ),
    ).toEqual(wanted.rows);
  };
  const left = ({ identifier }: SyncTarget): Promise<string[][]> =>
    there(
      `select name from system.tables where database = '${SCHEMA}' and startsWith(name, '${identifier}__tsdbt_sync')`,
    );

  it('is synced together with all others, even if there are more than the target has sessions', async () => {
    // The adapter has four threads, hence six sessions.
    const targets = await Promise.all(
      Array.from({ length: 8 }, () => made('id int primary key', { strategy: 'full', cursor: null })),
    );
    await Promise.all(targets.map((target) => synced(target)));
    for (const { identifier } of targets)
      expect(await there(`select count() from ${SCHEMA}.${identifier}`)).toEqual([['0']]);
  });

  it('reports since when it equals the source', async () => {
    const target = await made(USERS);
    const state = async (): Promise<unknown> => {
      const session = adapter.session({ name: 'test' });
      try {
        const found = await adapter.loadedState(session, { ...target, unique_id: target.uniqueId }, 'table');
        return found && { rows: found.rows, since: (found.newestMessage as PyDateTime).isoformat() };
      } finally {
        await session.release();
      }
    };
    expect(await state()).toBe(null);
    await source.query(`insert into ${target.identifier} values (1, 'a', now())`);
    await synced(target);
    const sync = syncOf(target);
    const { syncedAt } = (await sync.state()) ?? {};
    await sync.close();
    expect(await state()).toEqual({ rows: 1, since: syncedAt?.replace('Z', '') });
  });

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
      const [uuid] = await there(`select toString(uuid) from system.tables where name = '${target.identifier}'`);
      expect((await synced(target)).changed).toBe(0);
      // What is equal stays the same table, with a newer position.
      expect(await there(`select toString(uuid) from system.tables where name = '${target.identifier}'`)).toEqual([
        uuid,
      ]);
    });

    it(`receives rows of late transactions and of equal times, by ${cursor}`, async () => {
      const target = await made(USERS, { cursor, lookback });
      const late = await connect();
      const idle = await connect();
      try {
        await source.query(`insert into ${target.identifier} values (1, 'a', now())`);
        await late.query(`begin; insert into ${target.identifier} values (2, 'late', now())`);
        await late.query('savepoint inner_one');
        await late.query(`insert into ${target.identifier} values (3, 'late too', now())`);
        await idle.query('begin; select now()');
        await source.query('select pg_sleep(0.05)');
        await source.query(`insert into ${target.identifier} values (4, 'b', now())`);
        await synced(target);
        await synced(target);
        await idle.query(`insert into ${target.identifier} values (5, 'began early', now()); commit`);
        await source.query(`insert into ${target.identifier} values (6, 'c', now())`);
        await synced(target);
        await late.query('commit');
        await synced(target);
        await expectEqual(target);
        const time = (await source.query('select clock_timestamp()::text as at')).rows[0].at;
        for (const id of [11, 12, 13]) {
          await source.query(`insert into ${target.identifier} values (${id}, 'n', '${time}')`);
          await synced(target);
        }
        await expectEqual(target);
      } finally {
        await late.end();
        await idle.end();
      }
    });

    it(`equals the source after ${KILLS} kills while it changes, by ${cursor}`, async () => {
      const target = await made(`${USERS}, v integer`, { cursor, lookback });
      const writers = await Promise.all([1, 2, 3].map(() => connect()));
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
      await expectEqual(target, 'v');
      expect(await left(target)).toEqual([]);
    }, 300_000);
  }

  it('is complete for readers in every strategy, with and without a key', async () => {
    const keyed = await made(USERS, FULL);
    const bare = await made('id bigint, name text, updated_at timestamptz', FULL);
    const changing = await made(USERS);
    for (const target of [keyed, bare, changing]) {
      const write = (text: string): Promise<unknown> =>
        source.query(
          `truncate ${target.identifier}; insert into ${target.identifier} select i, '${text}', clock_timestamp() ` +
            'from generate_series(1, 5000) i',
        );
      await write('a');
      await synced(target);
      const seen = new Set<string>();
      let done = false;
      const looking = (async () => {
        while (!done) {
          seen.add(
            (await there(`select toString(count()), min(name), max(name) from ${SCHEMA}.${target.identifier}`)).join(),
          );
          await pause(1);
        }
      })();
      for (const text of ['b', 'c', 'd']) {
        await write(text);
        await synced(target);
      }
      done = true;
      await looking;
      const whole = ['a', 'b', 'c', 'd'].map((text) => `5000,${text},${text}`);
      expect([...seen].filter((each) => !whole.includes(each))).toEqual([]);
      await expectEqual(target);
    }
  });

  it('loses deleted rows with strategy: full, and the number of changes is reported', async () => {
    const target = await made(USERS, FULL);
    await source.query(`insert into ${target.identifier} select i, 'n', now() from generate_series(1, 50) i`);
    await synced(target);
    await source.query(
      `delete from ${target.identifier} where id > 10; update ${target.identifier} set name = 'm' where id = 1`,
    );
    expect(await synced(target)).toEqual({ read: 10, changed: 41 });
    await expectEqual(target);
    expect(await synced(target)).toEqual({ read: 10, changed: 0 });
    await source.query(`truncate ${target.identifier}`);
    expect(await synced(target)).toEqual({ read: 0, changed: 10 });
    await expectEqual(target);
    await source.query(`insert into ${target.identifier} values (1, 'again', now())`);
    await synced(target);
    await expectEqual(target);
  });

  it('is read completely if the source was created again or has a new column', async () => {
    const target = await made(USERS);
    await source.query(`insert into ${target.identifier} values (1, 'old', now() - interval '1 day'), (2, 'b', now())`);
    await synced(target);
    await source.query(`delete from ${target.identifier} where id = 2`);
    await source.query(`alter table ${target.identifier} add column v integer not null default 7`);
    await synced(target);
    expect(
      await there(`select id, ifNull(toString(v), 'null') from ${SCHEMA}.${target.identifier} order by id`),
    ).toEqual([
      ['1', '7'],
      ['2', 'null'],
    ]);
    await there(`drop table ${SCHEMA}.${target.identifier}`);
    await synced(target);
    await expectEqual(target, 'v');
  });

  it('receives values of every type exactly, including an enum and a declared type', async () => {
    await source.query("create type mood as enum ('glad', 'sad'); create domain small as integer check (value < 100)");
    const target = await made(
      'id bigint primary key, name text, updated_at timestamptz, i smallint, n numeric(38, 9), f float8, r real, ' +
        'b boolean, u uuid, d date, t timestamp, j jsonb, c char(4), m mood, s small, a integer[], k integer',
      {
        ...FULL,
        types: new Map([
          ['a', 'String'],
          ['k', 'UInt8'],
          ['name', 'LowCardinality(Nullable(String))'],
        ]),
      },
    );
    await source.query(
      `insert into ${target.identifier} values (1, e'a\\tb\\\\c\\nd''e', '2026-11-23 08:00:00.123456+02', -32768, ` +
        `12345678901234567890123456789.123456789, 0.1, 3.4028235e38, true, '11111111-2222-3333-4444-555555555555', ` +
        `'1900-01-01', '1969-12-31 23:59:59.5', '{"k": 1.10}', 'x', 'sad', 42, '{1,2}', 255), ` +
        "(2, null, null, null, null, 'NaN', '-Infinity', null, null, null, null, null, null, null, null, '{}', 0)",
    );
    await synced(target);
    expect(
      await there(
        'select toString(tuple(name, toString(updated_at), i, n, toString(f), toString(r), b, u, d, toString(t), j, ' +
          'c, m, s, a, k)) ' +
          `from ${SCHEMA}.${target.identifier} order by id`,
      ),
    ).toEqual([
      [
        "('a\\tb\\\\c\\nd\\'e','2026-11-23 06:00:00.123456',-32768,12345678901234567890123456789.123456789,'0.1'," +
          "'3.4028235e38',true,'11111111-2222-3333-4444-555555555555','1900-01-01','1969-12-31 23:59:59.500000'," +
          "'{\"k\": 1.10}','x','sad',42,'{1,2}',255)",
      ],
      ["(NULL,NULL,NULL,NULL,'nan','-inf',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{}',0)"],
    ]);
    expect((await synced(target)).changed).toBe(0);
    await source.query(`update ${target.identifier} set k = 256 where id = 1`);
    await expect(synced(target)).rejects.toThrow('cannot be safely converted into type');
    expect(await left(target)).toEqual([]);
  });

  it('receives a time that moves within the hour that clocks repeat', async () => {
    for (const more of [FULL, {}]) {
      const target = await made(USERS, more);
      await there(
        `create table ${SCHEMA}.${target.identifier} (id Int64, name Nullable(String), updated_at ` +
          "Nullable(DateTime64(6, 'Europe/Berlin'))) engine = MergeTree order by id",
      );
      const at = `select toString(updated_at, 'UTC') from ${SCHEMA}.${target.identifier}`;
      await source.query(`insert into ${target.identifier} values (1, 'a', '2026-10-25 00:30+00')`);
      await synced(target);
      await source.query(`update ${target.identifier} set updated_at = '2026-10-25 01:30+00'`);
      expect(await synced(target)).toEqual({ read: 1, changed: 1 });
      expect(await there(at)).toEqual([['2026-10-25 01:30:00.000000']]);
    }
  });

  it('is synced further if the database makes it a SharedMergeTree', async () => {
    const target = await made(USERS, FULL);
    const shared = clickhouseAdapter(SCHEMA);
    const open = shared.session.bind(shared);
    // As such a database would answer.
    shared.session = (options) => {
      const session = open(options);
      const execute = session.execute.bind(session);
      session.execute = (sql, more) =>
        execute(sql.replace('SELECT engine, concat(', "SELECT concat('Shared', engine), concat("), more);
      return session;
    };
    const from = new PostgresAdapter({ credentials: server.credentials, threads: 2, quoting: {} });
    const sync = new ClickHouseSync(target, from, shared);
    try {
      for (const id of [1, 2]) {
        await source.query(`insert into ${target.identifier} values (${id}, 'a', now())`);
        expect(await sync.run()).toEqual({ read: id, changed: 1 });
      }
      await expectEqual(target);
    } finally {
      await sync.close();
      await shared.close();
    }
  });

  it('rejects numbers that its declared type would truncate, and receives those that fit', async () => {
    const cases: readonly (readonly [type: string, wanted: string, fits: readonly string[], lost: string])[] = [
      ['numeric(9, 3)', 'Decimal(10, 2)', ['1.23', '-0.050'], '1.239'],
      ['numeric(9, 3)', 'Nullable(Int32)', ['7', '-3'], '1.5'],
      ['numeric(9, 3)', 'Float64', ['0.29', '123456.789'], ''],
      ['numeric(30, 17)', 'Float64', ['0.29', '-1.5'], '0.12345678901234567'],
      ['numeric(30, 17)', 'Float32', ['0.5', '1.25'], '0.123456789'],
      ['numeric', 'Decimal(38, 9)', ['1.23', '-0.0500000000000'], '0.0000000001'],
      ['numeric', 'Float64', ['0.290', '100'], '0.12345678901234567891'],
      ['text', 'Decimal(10, 2)', ['007.50', '+1.2', '12'], '1.239'],
      ['text', 'Decimal(10, 2)', [], '1.5e-3'],
      ['text', "DateTime64(3, 'UTC')", ['2026-11-23 08:00:00.125'], '2026-11-23 08:00:00.123456'],
      ['float8', 'Decimal(10, 2)', ['0.29', '-1.1'], '0.291'],
      ['real', 'Decimal(10, 2)', ['0.29', '-1.1'], '0.291'],
      ['bigint', 'Bool', ['0', '1'], '2'],
      ['integer', 'Decimal(12, 2)', ['7', '-1'], ''],
    ];
    for (const [type, wanted, fits, lost] of cases) {
      const target = await made(`id bigint primary key, v ${type}`, { ...FULL, types: new Map([['v', wanted]]) });
      const insert = (id: number, value: string): Promise<unknown> =>
        source.query(`insert into ${target.identifier} values (${id}, '${value}')`);
      for (const [id, value] of fits.entries()) await insert(id, value);
      expect((await synced(target)).read, `${type} ${wanted}`).toBe(fits.length);
      const found = await there(`select toString(v) from ${SCHEMA}.${target.identifier} order by id`);
      if (wanted !== 'Bool' && !wanted.startsWith('Date')) expect(found.map(Number)).toEqual(fits.map(Number));
      if (lost === '') continue;
      await insert(100, lost);
      await expect(synced(target), `${type} ${wanted}`).rejects.toThrow(
        `column 'v' has 1 value that ${wanted} does not hold exactly, such as ${lost}`,
      );
      expect(await left(target)).toEqual([]);
      expect(await there(`select toString(v) from ${SCHEMA}.${target.identifier} order by id`)).toEqual(found);
    }
  });

  it('rejects by name what cannot be stored or belongs to others', async () => {
    const refused = async (columns: string, row: string, more: Partial<SyncTarget> = {}): Promise<string> => {
      const target = await made(`id bigint${columns}`, { ...FULL, ...more });
      await source.query(`insert into ${target.identifier} values (${row})`);
      const error: unknown = await synced(target).then(
        () => null,
        (failure: unknown) => failure,
      );
      expect(error).toMatchObject({ kind: 'validation' });
      expect(await left(target)).toEqual([]);
      return (error as Error).message;
    };
    expect(await refused(', a integer[]', "1, '{}'")).toContain(
      "column 'a' of type integer[] has no place in ClickHouse: it has no equal",
    );
    expect(await refused(', n numeric', '1, 1')).toContain('it has no precision');
    expect(await refused(', d date', "1, 'infinity'")).toContain(
      "column 'd' has 1 value without a place in ClickHouse: it holds times from 1900-01-01 until 2300-01-01, " +
        'such as infinity',
    );
    expect(await refused(', k integer', '1, null', { types: new Map([['k', 'Int32']]) })).toContain('takes no null');
    expect(await refused(', t timestamp', '1, now()', { types: new Map([['t', 'DateTime']]) })).toContain(
      'is DateTime in ClickHouse, which does not hold all of its values',
    );
    expect(await refused(', k integer', '1, 1), (2, 1', { key: ['k'] })).toContain('several rows have the key k: (1)');
    const target = await made(USERS, FULL);
    await there(
      `create table ${SCHEMA}.${target.identifier} (id Int64, name Nullable(String)) engine = MergeTree order by id`,
    );
    await there(`insert into ${SCHEMA}.${target.identifier} values (9, 'theirs')`);
    await expect(synced(target)).rejects.toThrow('holds rows that no sync wrote');
    const asked = syncOf(target);
    expect((await asked.check()).problems[0]).toContain('holds rows that no sync wrote');
    await asked.close();
    await source.query(`insert into ${target.identifier} values (1, 'a', now())`);
    await synced({ ...target, adopt: true });
    await expectEqual(target);
    const clustered = clickhouseAdapter(SCHEMA, { cluster: 'east' });
    const from = new PostgresAdapter({ credentials: server.credentials, threads: 2, quoting: {} });
    const onCluster = new ClickHouseSync(target, from, clustered);
    await expect(onCluster.run()).rejects.toThrow("has the cluster 'east'");
    await onCluster.close();
    await clustered.close();
    const view = await made(USERS, FULL);
    await there(`create view ${SCHEMA}.${view.identifier} as select 1 as id`);
    await expect(synced({ ...view, adopt: true })).rejects.toThrow('is of the engine View');
  });

  it('keeps its order, partitions and other columns when it is adopted', async () => {
    const target = await made(USERS, { adopt: true });
    const name = `${SCHEMA}.${target.identifier}`;
    await there(
      `create table ${name} (id Int64, name Nullable(String), updated_at Nullable(DateTime64(6, 'UTC')), twice Int64 ` +
        'materialized id * 2) engine = MergeTree partition by id % 3 order by (id)',
    );
    await source.query(`insert into ${target.identifier} select i, 'n', now() from generate_series(1, 10) i`);
    await synced(target);
    await source.query(`update ${target.identifier} set name = 'm', updated_at = clock_timestamp() where id in (1, 2)`);
    expect((await synced(target)).changed).toBe(2);
    await expectEqual(target);
    expect(
      await there(
        `select partition_key, toString((select sum(twice) from ${name})) from system.tables where ` +
          `database = '${SCHEMA}' and name = '${target.identifier}'`,
      ),
    ).toEqual([['id % 3', '110']]);
  });

  it('is synced by a command whose processes are killed, and which reports when', async () => {
    const project = await FaultProject.open({});
    try {
      const { host, port, user, password, database } = server.credentials as unknown as pg.ClientConfig;
      const target = await made(USERS);
      project.env = { SOURCE_PASSWORD: String(password) };
      project.write({
        'profiles.yml':
          `faults: {target: dev, outputs: {dev: {type: clickhouse, path: ${clickhouseFolder()}, ` +
          `schema: ${SCHEMA}, threads: 2}}}\n`,
        'connections.yml':
          `app_db: {type: postgres, host: ${host}, port: ${port}, user: ${user}, dbname: ${database}, password: ` +
          `"{{ env_var('SOURCE_PASSWORD') }}"}\n`,
        'models/sources.yml': `sources:
  - name: app
    schema: ${SCHEMA}
    tables:
      - name: ${target.identifier}
        config:
          meta:
            tsdbt:
              load: { connection: app_db, table: ${target.identifier}, strategy: incremental, cursor: updated_at }
`,
      });
      const env = project.env;
      for (const [round, point] of POINTS.entries()) {
        await source.query(
          `insert into ${target.identifier} select i, 'r${round}', clock_timestamp() from generate_series(1, 50) i ` +
            'on conflict (id) do update set name = excluded.name, updated_at = excluded.updated_at',
        );
        project.env = { ...env, TSDBT_FAULT_POINT: point };
        const ended = await project.start(['load', '--once']).ended;
        expect(ended.code, ended.out).not.toBe(0);
      }
      project.env = env;
      const ended = await project.run(['load', '--once']);
      expect(ended.code, ended.out).toBe(0);
      await expectEqual(target);
      expect(await left(target)).toEqual([]);
      const status = await project.run(['load', 'status', '--output', 'json']);
      expect(JSON.parse(status.out.trim().split('\n').at(-1) ?? '').syncs).toMatchObject([
        {
          strategy: 'incremental',
          synced_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
          border: expect.stringMatching(/^\d{4}-\d\d-\d\d /),
        },
      ]);
      const check = await project.run(['load', 'check']);
      expect(check.out).toContain(': OK');
      expect(check.out).toContain('does not see rows that are deleted');
    } finally {
      await project.close();
    }
  });
});
