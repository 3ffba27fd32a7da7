// Tests that a host whose lease was lost publishes nothing, wherever it was suspended: sessions with a fence, on both
// databases.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Adapter, Session } from '../../../src/adapters/adapter.ts';
import type { ClickHouseAdapter } from '../../../src/adapters/clickhouse/adapter.ts';
import { createPostgresAdapter } from '../../../src/adapters/postgres/create.ts';
import { createStore } from '../../../src/serve/store/create-store.ts';
import type { Claim, Store } from '../../../src/serve/store/serve-store.ts';
import { SERVERS } from '../adapters/servers.ts';
import { clickhouseAdapter, clickhouseMissing } from '../support/clickhouse.ts';

const LONG = 600_000;
const pause = (ms: number) =>
  new Promise<void>((resolve) => {
    setTimeout(resolve, ms);
  });

let due = 0;

/** Returns a claimed run, and a session that may publish for it. */
async function fenced(adapter: Adapter, store: Store): Promise<{ claim: Claim; session: Session; check: string }> {
  const claim = await store.claim('fenced', ++due, 1, 'host a');
  const fence = claim === null ? null : store.fence(claim);
  if (claim === null || fence === null) throw new Error('no claim');
  return { claim, session: adapter.session({ name: 'model.p.m', fence }), check: fence.check };
}

/** Lets another host reap every run. */
async function takeOver(adapter: Adapter): Promise<readonly string[]> {
  await pause(20);
  return (await createStore(adapter, 1).reap()).map(({ runId }) => runId);
}

for (const server of SERVERS)
  describe(`the fence on ${server.name}`, () => {
    let adapter: Adapter;
    let store: Store;
    let end: () => Promise<void>;
    beforeAll(async () => {
      const { credentials, close } = await server.open();
      end = close;
      const profile = { profile_name: 'test', target_name: 'test', threads: 4, profiles_dir: null, credentials };
      adapter = createPostgresAdapter(profile, { quoting: {}, projectDir: process.cwd(), env: {} });
      store = createStore(adapter, LONG);
      await store.open();
    });
    afterAll(async () => {
      await adapter.close();
      await end();
    });

    const exists = async (name: string): Promise<unknown> => {
      const session = adapter.session({ name: 'look' });
      const { table } = await session.execute(`select to_regclass('${name}') is not null`, { fetch: true });
      await session.release();
      return table.rows[0]?.at(0);
    };

    it('lets a run publish that holds its lease', async () => {
      const { session } = await fenced(adapter, store);
      await session.begin();
      await session.execute('create table kept (a int)');
      await session.commit();
      // And a statement that waits for the commit.
      await session.begin();
      await session.execute('select 1');
      let told = false;
      await session.executeLater('create table kept_later (a int)', () => {
        told = true;
      });
      await session.commit();
      await session.release();
      expect([await exists('kept'), await exists('kept_later'), told]).toEqual([true, true, true]);
    });

    it('rolls back the transaction of a run that was lost before the commit', async () => {
      for (const later of [false, true]) {
        const { claim, session } = await fenced(adapter, store);
        await session.begin();
        await session.execute('create table gone (a int)');
        if (later) await session.executeLater('comment on table gone is $$x$$', () => undefined);
        expect(await takeOver(adapter)).toContain(claim.runId);
        await expect(session.commit()).rejects.toThrow(`run ${claim.runId} of job fenced has lost its lease`);
        await session.release();
        expect(await exists('gone')).toBe(false);
      }
    });

    it('prevents a run from being lost while it publishes', async () => {
      const { claim, session, check } = await fenced(adapter, store);
      await session.begin();
      await session.execute('create table in_flight (a int)');
      await session.execute(check);
      expect(await takeOver(adapter)).not.toContain(claim.runId);
      await session.commit();
      await session.release();
      expect(await exists('in_flight')).toBe(true);
      expect(await takeOver(adapter)).toContain(claim.runId);
    });

    it('rejects a COMMIT in a macro, and statements outside of a transaction', async () => {
      const { claim, session } = await fenced(adapter, store);
      await session.execute('create table by_hand (a int)');
      // A later claim of the job has overtaken it.
      await store.claim('fenced', ++due, 1, 'host b');
      await expect(session.execute('commit')).rejects.toThrow(claim.runId);
      await session.release();
      expect(await exists('by_hand')).toBe(false);
      const over = await fenced(adapter, store);
      await over.session.begin();
      await over.session.commit();
      expect(await takeOver(adapter)).toContain(over.claim.runId);
      await expect(over.session.execute('vacuum')).rejects.toThrow(over.claim.runId);
      await over.session.release();
    });

    it('ends the transaction of a host that is suspended within it', async () => {
      const claim = await store.claim('stopped', ++due, 1, 'host a');
      const fence = claim === null ? null : store.fence(claim);
      if (fence === null) throw new Error('no claim');
      const session = adapter.session({ name: 'model.p.m', fence: { ...fence, holds: 1 } });
      await session.begin();
      await session.execute("select pg_advisory_xact_lock(hashtext('stopped'))");
      // Another host gets the lock although the first one stays silent.
      const other = adapter.session({ name: 'other' });
      await other.begin();
      await other.execute("select pg_advisory_xact_lock(hashtext('stopped'))");
      await other.commit();
      await other.release();
      await expect(session.commit()).rejects.toThrow();
      await session.release();
    });
  });

if (clickhouseMissing === null)
  describe('the fence on ClickHouse', () => {
    let adapter: ClickHouseAdapter;
    let store: Store;
    beforeAll(async () => {
      adapter = clickhouseAdapter('serve_fence');
      store = createStore(adapter, LONG);
      await store.open();
      await run('create or replace table serve_fence.target (a UInt8) engine = MergeTree order by a');
      await run('insert into serve_fence.target values (1)');
    });
    afterAll(async () => adapter.close());

    const run = async (sql: string): Promise<string> => {
      const session = adapter.session({ name: 'look' });
      const { table } = await session.execute(sql, { fetch: true });
      await session.release();
      return table.rows.map((row) => row.textAt(0)).join();
    };
    const target = () => run('select toString(a) from serve_fence.target order by a');
    const built = async (session: Session, value: number): Promise<string> => {
      const name = `serve_fence.target__tsdbt_new_${String(value).padStart(12, '0')}`;
      await session.execute(`create table ${name} (a UInt8) engine = MergeTree order by a`);
      await session.execute(`insert into ${name} values (${value})`);
      return name;
    };

    it('lets a run publish that holds its lease', async () => {
      const { session } = await fenced(adapter, store);
      const name = await built(session, 2);
      await session.execute(`exchange tables ${name} and serve_fence.target`);
      await session.execute(`drop table ${name}`);
      await session.execute('insert into serve_fence.target values (3)');
      await session.release();
      expect(await target()).toBe('2,3');
    });

    it('publishes nothing of a lost run, and lets it clean up', async () => {
      const { claim, session } = await fenced(adapter, store);
      const before = await target();
      const name = await built(session, 4);
      expect(await takeOver(adapter)).toContain(claim.runId);
      for (const sql of [
        `exchange tables ${name} and serve_fence.target`,
        'insert into serve_fence.target values (5)',
        `alter table serve_fence.target attach partition all from ${name}`,
        'create or replace view serve_fence.lost as select 1',
      ])
        await expect(session.execute(sql)).rejects.toThrow(/has lost its lease/);
      await session.execute(`drop table ${name}`);
      await session.release();
      expect(await target()).toBe(before);
    });

    it('rejects a statement that comes long after its fence was checked', async () => {
      const { claim, session } = await fenced(adapter, createStore(adapter, 8000));
      const before = await target();
      const name = await built(session, 6);
      // The process is suspended between the two messages, and another host takes over meanwhile.
      const connection = await adapter.server.connect();
      const send = connection.send.bind(connection);
      let late = 0;
      connection.send = async (request) => {
        if (/^exchange tables/.test(request.sql) && late++ === 0) {
          expect(await takeOver(adapter)).toContain(claim.runId);
          await pause(8000);
        }
        return send(request);
      };
      await expect(session.execute(`exchange tables ${name} and serve_fence.target`)).rejects.toThrow(
        /has lost its lease/,
      );
      await session.release();
      expect(await target()).toBe(before);
      expect(late).toBeLessThanOrEqual(1);
    });
  });
