// Rows that another user of the database writes into the tables of serve must not stop its jobs: the tables reject
// values with which later statements would fail.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Adapter } from '../../../src/adapters/adapter.ts';
import { createClickHouseAdapter } from '../../../src/adapters/clickhouse/create.ts';
import { createPostgresAdapter } from '../../../src/adapters/postgres/create.ts';
import { createStore } from '../../../src/serve/store/create-store.ts';
import type { Store } from '../../../src/serve/store/serve-store.ts';
import { SERVERS } from '../adapters/servers.ts';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';

interface Opened {
  readonly adapter: Adapter;
  readonly close: () => Promise<unknown>;
}

const LONG = 1_000_000;

const PROFILE = { profile_name: 'test', target_name: 'test', threads: 1, profiles_dir: null };
const RUN = 'insert into tsdbt.job_runs (run_id, job, due_at, attempt, host, token, state)';

const POSTGRES = [
  `${RUN} values ('h1', 'j', now(), 2147483647, 'h', 5, 'lost')`,
  `${RUN} values ('h2', 'j', now(), 1, 'h', 9223372036854775807, 'success')`,
  `${RUN} values ('h3', 'j', 'infinity', 1, 'h', 6, 'success')`,
  `${RUN} values ('h4', 'j', '-infinity', 1, 'h', 7, 'lost')`,
  "insert into tsdbt.due_left_out values ('j', 'missed', '2020-01-01', '-infinity', 'infinity', 1)",
  "insert into tsdbt.due_left_out values ('j', 'paused', '2020-01-01', '2020-01-01', '2020-01-01', -5)",
  "insert into tsdbt.job_requests values ('k', 'infinity')",
  "insert into tsdbt.incidents values ('i', 'job:k:failed', 'infinity', null, 'r')",
  "insert into tsdbt.alarms_sent values ('i', 'c', 'opened', 'infinity')",
  "insert into tsdbt.node_runs (run_id, unique_id, status, thread, started_at, seconds) values ('h', 'model.a.b', " +
    "'success', 't', 'infinity', 1)",
  "insert into tsdbt.freshness_runs values ('h', 'source.a.b.c', 'pass', 'infinity', 1, now())",
];
const POSTGRES_LONG = [
  `${RUN.replace('state)', 'state, reason)')} values ('l1', 'l', now(), 1, 'h', 1, 'failed', repeat('x', ${LONG}))`,
  `insert into tsdbt.incidents select 'l' || i, 'l' || i, now(), null, repeat('x', ${LONG}) from ` +
    'generate_series(1, 2) i',
  "insert into tsdbt.incidents select 'm' || i, 'm' || i, now(), null, 'r' from generate_series(1, 1500) i",
];
const CLICKHOUSE_LONG = [
  "insert into tsdbt.job_claims values ('l', 1, 'l1', now64(3), 1, 'h', now64(3))",
  `insert into tsdbt.job_ends values ('l1', 'failed', repeat('x', ${LONG}), null, 'h', now64(3), null)`,
  `insert into tsdbt.incidents select concat('l', toString(number)), 1, concat('l', toString(number)), ` +
    `repeat('x', ${LONG}), now64(3) from numbers(2)`,
  "insert into tsdbt.incidents select concat('m', toString(number)), 1, concat('m', toString(number)), 'r', " +
    'now64(3) from numbers(1500)',
];
const CLICKHOUSE = [
  "insert into tsdbt.job_claims values ('j', 18446744073709551615, 'h1', now64(3), 1, 'h', now64(3))",
  "insert into tsdbt.job_requests values ('j', 18446744073709551615, 'taken', 'h', now64(3))",
  "insert into tsdbt.incidents values ('job:k:failed', 18446744073709551615, 'i', 'r', now64(3))",
];

function cases(name: string, open: () => Promise<Opened>, hostile: readonly string[], long: readonly string[]): void {
  describe(`the tables of serve on ${name}`, () => {
    let opened: Opened;
    let store: Store;
    beforeAll(async () => {
      opened = await open();
      store = createStore(opened.adapter);
      await store.open();
    }, 120_000);
    afterAll(() => opened.close());

    it.each(hostile)('do not accept a row that stops all jobs: %s', async (sql) => {
      const session = opened.adapter.session({ name: 'test' });
      await expect(session.execute(sql)).rejects.toThrow(/_values/);
      await session.release();
    });

    it('are read only in part if texts are long or incidents are many', async () => {
      const session = opened.adapter.session({ name: 'test' });
      await session.begin();
      for (const sql of long) await session.execute(sql);
      await session.commit();
      await session.release();
      const [run] = await store.runs({ job: 'l', limit: 1 });
      expect(run?.reason).toHaveLength(10_000);
      const open = await store.openIncidents();
      expect(open).toHaveLength(1000);
      expect(Math.max(...open.map(({ reason }) => reason.length))).toBeLessThanOrEqual(10_000);
    });

    it('accept what serve writes', async () => {
      const claim = await store.claim('j', Date.now(), 1, 'h');
      expect(claim?.token).toBe(1n);
      if (claim !== null) await store.finish(claim, { state: 'success', reason: null, againAt: Date.now() });
      await store.request('j');
      await store.leaveOut([{ job: 'k', why: 'missed', first: 0, last: 1000, count: 2 }]);
      const { incident } = await store.openIncident('job:k:failed', 'r');
      await store.noteAlarm({ incident: incident.id, channel: 'c', occasion: 'opened' });
      expect(await store.abandoned()).toEqual([]);
      expect([...(await store.lastDue()).keys()]).toContain('j');
      expect((await store.leftOut({ limit: 5 })).map(({ count }) => count)).toEqual([2]);
      expect((await store.requests()).map(({ job }) => job)).toEqual(['j']);
    });
  });
}

for (const server of SERVERS.slice(0, 1))
  cases(
    server.name,
    async () => {
      const { credentials, close } = await server.open();
      const options = { quoting: {}, projectDir: process.cwd(), env: {} };
      const adapter = createPostgresAdapter({ ...PROFILE, credentials }, options);
      return { adapter, close: () => adapter.close().then(close) };
    },
    POSTGRES,
    POSTGRES_LONG,
  );

if (clickhouseMissing === null)
  cases(
    'ClickHouse',
    async () => {
      const lab = await ClickhouseLab.open({});
      const options = { quoting: {}, projectDir: process.cwd(), threads: 1 };
      const adapter = createClickHouseAdapter({ ...PROFILE, credentials: lab.credentials }, options);
      return { adapter, close: () => adapter.close().then(() => lab.close()) };
    },
    CLICKHOUSE,
    CLICKHOUSE_LONG,
  );
