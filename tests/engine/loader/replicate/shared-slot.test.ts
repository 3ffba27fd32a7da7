// Several replicated tables that share a replication slot: one slot and publication, and no table stops or overtakes
// the others.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FaultProject, pause } from '../../faults/project.ts';
import type { Running } from '../../support/program.ts';
import { SourceServer } from './source-server.ts';
import { ordersTable, Workload } from './workload.ts';

const COLUMNS = ['id bigint', 'total numeric(20,4)', 'note text', 'at timestamptz'];
const TABLES = ['orders', 'items', 'prices'];
const LIMIT_MS = 120_000;

describe('tables that share a slot', () => {
  let source: SourceServer;
  let project: FaultProject;
  beforeAll(async () => {
    source = await SourceServer.open();
    project = await FaultProject.open({});
    project.env = source.env;
    project.write({ 'connections.yml': `app_db: ${source.connection}\n` });
  });
  afterAll(async () => {
    await project.close();
    await source.close();
  });
  beforeEach(async () => {
    for (const table of [...TABLES, 'added'])
      await source.query(
        `drop table if exists ${table}`,
        ordersTable(table),
        `insert into ${table} select i, i, 'snapshot', now() from generate_series(1, 2000) as i`,
      );
    await source.query(
      'drop publication if exists shop',
      'select pg_drop_replication_slot(slot_name) from pg_replication_slots',
    );
    await project.client.query('drop schema if exists app cascade; drop schema if exists tsdbt cascade');
    declare(TABLES);
  });

  /** @param options of the load config, by table */
  function declare(tables: readonly string[], options: Readonly<Record<string, string>> = {}): void {
    const columns = COLUMNS.map((column) => {
      const [name, type] = column.split(' ');
      return `          - { name: ${name}, data_type: "${type}" }\n`;
    }).join('');
    project.write({
      'models/sources.yml': `sources:
  - name: app
    config:
      meta:
        tsdbt:
          load: { connection: app_db, slot: shop, deletes: hard, truncate: apply, flush: { age: 50ms } }
    tables:
${tables
  .map(
    (table) => `      - name: ${table}
        config: { meta: { tsdbt: { load: { replicate: ${table}, key: [id]${options[table] ?? ''} } } } }
        columns:
${columns}`,
  )
  .join('')}`,
    });
  }

  const load = async (...more: readonly string[]): Promise<void> => {
    const { code, out } = await project.run(['load', '--once', ...more]);
    expect(code, out).toBe(0);
  };
  const SELECTED = 'id, total, note, at';
  const differences = async (table: string): Promise<number> => {
    const sql = (schema: string): string => `select ${SELECTED} from ${schema}.${table} order by id`;
    const [theirs, ours] = [await source.query(sql('public')), await project.rows(sql('app'))];
    const [one, two] = [theirs, ours].map((rows) => new Set(rows.map((row) => row.map(String).join('|'))));
    return [...one!].filter((row) => !two!.has(row)).length + ours.length - theirs.length + (two!.size - ours.length);
  };
  const expectEqual = async (...tables: readonly string[]): Promise<void> => {
    for (const table of tables) expect(await differences(table), table).toBe(0);
    expect(await project.rows('select error from tsdbt.dead_letters')).toEqual([]);
  };
  const untilEqual = async (...tables: readonly string[]): Promise<void> => {
    for (const end = Date.now() + 30_000; Date.now() < end; await pause(100)) {
      let unequal = 0;
      for (const table of tables) unequal += await differences(table);
      if (unequal === 0) return;
    }
    await expectEqual(...tables);
  };
  const slots = (): Promise<unknown[][]> => source.query('select slot_name from pg_replication_slots order by 1');
  const confirmed = async (): Promise<bigint> =>
    BigInt(
      String(
        (
          await source.query(
            "select (confirmed_flush_lsn - '0/0')::text from pg_replication_slots where slot_name = 'shop'",
          )
        )[0],
      ),
    );
  const positionOf = async (table: string): Promise<bigint> =>
    BigInt((await project.one(`select next_offset from tsdbt.load_offsets where relation like '%"${table}"'`)) ?? '-1');
  /** Changes a table until the slot is confirmed beyond a position. */
  const untilConfirmed = async (position: bigint): Promise<void> => {
    for (const end = Date.now() + 60_000; Date.now() < end && (await confirmed()) <= position; await pause(500))
      await change('orders');
    expect(await confirmed()).toBeGreaterThan(position);
  };
  const change = (table: string): Promise<unknown> =>
    source.query(
      `update ${table} set total = total + 1 where id % 3 = 0`,
      `delete from ${table} where id % 17 = 0`,
      `insert into ${table} select coalesce(max(id), 0) + 1, 5, 'new', now() from ${table}`,
      `update ${table} set id = id + 10000000 where id % 101 = 0 and id < 10000000`,
    );
  const during = async (work: (running: Running) => Promise<void>): Promise<void> => {
    const running = project.start(['load']);
    try {
      await work(running);
    } finally {
      running.child.kill('SIGTERM');
      await running.ended;
    }
  };
  const printed = async (running: Running, what: RegExp): Promise<void> => {
    for (const end = Date.now() + 30_000; Date.now() < end; await pause(50)) if (what.test(running.out())) return;
    expect(running.out()).toMatch(what);
  };

  it('have one slot and one publication, and get their snapshots and changes', { timeout: LIMIT_MS }, async () => {
    await load();
    await expectEqual(...TABLES);
    expect(await slots()).toEqual([['shop']]);
    expect(await source.query('select count(*) from pg_publication_tables where pubname = $$shop$$')).toEqual([['3']]);
    for (const table of TABLES) await change(table);
    await source.query('begin', 'truncate items, prices', "insert into items values (1, 1, 'again', now())", 'commit');
    await load();
    await expectEqual(...TABLES);
    await during(async () => {
      for (const table of TABLES) await change(table);
      await untilEqual(...TABLES);
      expect(await slots()).toEqual([['shop']]);
    });
  });

  it('are confirmed up to the lowest position, also of tables that are not selected', {
    timeout: LIMIT_MS,
  }, async () => {
    await load();
    for (let i = 0; i < 3; i++) {
      for (const table of TABLES) await change(table);
      await load('--select', 'source:app.orders');
    }
    await expectEqual('orders');
    expect(await confirmed()).toBeLessThanOrEqual(await positionOf('items'));
    expect(await positionOf('orders')).toBeGreaterThan(await positionOf('items'));
    await load('--select', 'source:app.items');
    await load();
    await expectEqual(...TABLES);
    // With all tables, the slot moves on.
    const before = await confirmed();
    await during(() => untilConfirmed(before));
    await load();
    await expectEqual(...TABLES);
  });

  it('hold the log while one is paused, which does not stop the others', { timeout: LIMIT_MS }, async () => {
    await load();
    await during(async (running) => {
      expect((await project.run(['load', 'pause', '--select', 'source:app.items'])).code).toBe(0);
      await printed(running, /app\.items.*paused/);
      for (let i = 0; i < 5; i++) for (const table of TABLES) await change(table);
      await untilEqual('orders', 'prices');
      const held = await positionOf('items');
      await source.query("select pg_logical_emit_message(false, 'x', repeat('x', 3000000))");
      const status = await project.run(['load', 'status']);
      expect(status.out).toMatch(
        /slot 'shop' keeps [\d.]+ MiB of the source's log, from the position of app.items \(paused\) on/,
      );
      expect(await differences('items')).toBeGreaterThan(0);
      expect(await confirmed()).toBeLessThanOrEqual(held);
      expect((await project.run(['load', 'resume', '--select', 'source:app.items'])).code).toBe(0);
      await untilEqual(...TABLES);
      // It has met the others: its own copy of the slot is gone.
      for (const end = Date.now() + 20_000; Date.now() < end && (await slots()).length > 1; ) await pause(200);
      expect(await slots()).toEqual([['shop']]);
      for (const table of TABLES) await change(table);
      await untilEqual(...TABLES);
      await untilConfirmed(held);
    });
    await load();
    await expectEqual(...TABLES);
  });

  it('go on when one of them fails', { timeout: LIMIT_MS }, async () => {
    await load();
    declare(TABLES, { items: ', schema_drift: fail' });
    await during(async (running) => {
      await source.query('alter table items add column extra text', "update items set extra = 'x' where id < 10");
      await printed(running, /app\.items.*declares no such column/);
      for (let i = 0; i < 3; i++) for (const table of TABLES) await change(table);
      await untilEqual('orders', 'prices');
      expect(await confirmed()).toBeLessThanOrEqual(await positionOf('items'));
    });
    declare(TABLES, { items: ', schema_drift: add_column' });
    await load();
    await expectEqual(...TABLES);
    expect(await project.one("select count(*)::text from app.items where extra = 'x'")).toBe(
      String((await source.query("select count(*) from items where extra = 'x'"))[0]),
    );
  });

  it('do not wait for one whose table is locked', { timeout: LIMIT_MS }, async () => {
    await load();
    await during(async () => {
      let isLocked = true;
      const locked = project
        .asSuperuser('begin; lock table app.items; select pg_sleep(25); commit')
        .finally(() => (isLocked = false));
      // More than is read ahead.
      for (let i = 0; i < 12; i++)
        await source.query(
          `insert into items select ${200_000 + i * 1000} + i, 0, repeat('x', 1000), now() from ` +
            'generate_series(1, 999) as i',
        );
      await change('orders');
      await untilEqual('orders');
      expect(isLocked).toBe(true);
      await locked;
      await untilEqual(...TABLES);
    });
    await load();
    await expectEqual(...TABLES);
    expect(await slots()).toEqual([['shop']]);
  });

  it('wait until the slot is created', { timeout: LIMIT_MS }, async () => {
    const [writer, creator] = [source.login(), source.login()];
    for (const client of [writer, creator]) await client.connect();
    // The slot has no position before this transaction ends.
    await writer.query('begin; select pg_current_xact_id()');
    const created = creator.query("select pg_create_logical_replication_slot('shop', 'pgoutput')");
    const loaded = project.run(['load', '--once']);
    await pause(4000);
    expect(await source.query('select confirmed_flush_lsn from pg_replication_slots')).toEqual([[null]]);
    await writer.query('commit');
    await created;
    const { code, out } = await loaded;
    expect([code, out]).toEqual([0, expect.stringContaining("slot 'shop' is being created by process")]);
    await expectEqual(...TABLES);
    for (const client of [writer, creator]) await client.end();
  });

  it('get a further one, which is killed in its snapshot and its first changes', { timeout: LIMIT_MS }, async () => {
    await load();
    const workload = new Workload(source, 3, [...TABLES, 'added']);
    workload.start();
    try {
      declare([...TABLES, 'added']);
      await source.query(
        "insert into added select i, i, repeat('s', 300), now() from generate_series(500000, 520000) as i",
      );
      for (const wait of [1500, 2500, 4000, 6000]) {
        const running = project.start(['load']);
        await pause(wait);
        running.child.kill('SIGKILL');
        await running.ended;
      }
    } finally {
      await workload.stop();
    }
    await load();
    await expectEqual(...TABLES, 'added');
    expect(await slots()).toEqual([['shop']]);
  });

  it('get a new snapshot of one after a rewind, while the others go on', { timeout: LIMIT_MS }, async () => {
    await load();
    await during(async () => {
      for (const table of TABLES) await change(table);
      // One transaction with more changes than the log has bytes after it.
      await source.query("insert into items select 300000 + i, 1, 'many', now() from generate_series(1, 3000) as i");
      const rewind = await project.run(['load', 'rewind', '--select', 'source:app.items', '--to', 'earliest']);
      expect(rewind.code, rewind.out).toBe(0);
      await source.query("insert into items select 400000 + i, 1, 'many', now() from generate_series(1, 3000) as i");
      for (const table of TABLES) await change(table);
      await untilEqual(...TABLES);
    });
    await load();
    await expectEqual(...TABLES);
    expect(await slots()).toEqual([['shop']]);
  });

  it('go on after a transaction with more changes than the log has bytes after it', { timeout: LIMIT_MS }, async () => {
    await load();
    await source.query("insert into items select 300000 + i, 1, '', now() from generate_series(1, 30000) as i");
    await load();
    await load();
    await change('items');
    await load();
    await expectEqual(...TABLES);
    // A position that no transaction of the log has reached.
    await project.rows(
      "update tsdbt.load_offsets set next_offset = next_offset + 1000000000 where relation like '%items%'",
    );
    await during((running) => printed(running, /app\.items.*the server's log ends at/));
  });

  it('each stop if the slot was dropped, and go on after a rewind of all', { timeout: LIMIT_MS }, async () => {
    await load();
    await source.query("select pg_drop_replication_slot('shop')");
    for (const table of TABLES) await change(table);
    expect((await project.run(['load', '--once'])).out).toContain("slot 'shop' does not exist");
    expect((await project.run(['load', 'rewind', '--select', 'source:app.orders', '--to', 'earliest'])).code).toBe(0);
    await load('--select', 'source:app.orders');
    // The slot of the new snapshot does not have the changes that the others lack.
    const { code, out } = await project.run(['load', '--once']);
    expect(code, out).toBe(2);
    expect(out).toContain("slot 'shop' is at");
    expect((await project.run(['load', 'rewind', '--to', 'earliest'])).code).toBe(0);
    await load();
    await expectEqual(...TABLES);
  });

  it('must agree about the slot', { timeout: LIMIT_MS }, async () => {
    declare(TABLES, { items: ', max_slot_lag: 1GiB' });
    const { code, out } = await project.run(['load', 'check']);
    expect(code).toBe(2);
    expect(out).toContain("app.items shares slot 'shop' with app.orders, and has another max_slot_lag");
  });
});
