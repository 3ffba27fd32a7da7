// `load` with `replicate` is killed again and again while an application writes: nothing is lost or doubled, in
// Postgres and in ClickHouse, with one table or several that share a slot. TSDBT_REPLICATE_KILLS sets how often.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClickhouseLab } from '../../faults/clickhouse-lab.ts';
import { FaultProject } from '../../faults/project.ts';
import { start } from '../../support/program.ts';
import { SourceServer } from './source-server.ts';
import { ordersTable, Workload } from './workload.ts';

const KILLS = Number(process.env['TSDBT_REPLICATE_KILLS'] ?? 4);
/** Points of a flush, the second of which is often within the snapshot; null: at any time. */
const POINTS = ['before_commit:2', null, 'after_commit:3', 'before_copy:4', null, 'after_commit:1', 'before_commit:1'];
const ANY_MS = 4000;
const LIMIT_MS = 120_000 + KILLS * 60_000;
/** Tables that share a slot: one that changes seldom, and one that is added after half of the kills. */
const SHARED = ['orders', 'items', 'seldom', 'added'];

interface Target {
  readonly dir: string;
  env: Readonly<Record<string, string>>;
  write(files: Readonly<Record<string, string>>): void;
  close(): Promise<void>;
}

const sources = (types: readonly string[], tables: readonly string[]): string => `sources:
  - name: app
    config:
      meta:
        tsdbt:
          load: { connection: app_db, slot: app_${tables[0]}, deletes: hard, flush: { age: 50ms, rows: 500 } }
    tables:
${tables
  .map(
    (table) => `      - name: ${table}
        config: { meta: { tsdbt: { load: { replicate: public.${table}, key: [id] } } } }
        columns:
          - { name: id, data_type: ${types[0]} }
          - { name: total, data_type: "${types[1]}" }
          - { name: note, data_type: ${types[2]} }
          - { name: at, data_type: "${types[3]}" }
`,
  )
  .join('')}`;

describe('a killed load of a replicated table', () => {
  let source: SourceServer;
  beforeAll(async () => {
    source = await SourceServer.open();
  });
  afterAll(() => source.close());

  async function expectExact(
    target: Target,
    types: readonly string[],
    tables: readonly string[],
    found: (table: string) => Promise<unknown>,
  ): Promise<void> {
    const declare = (some: readonly string[]): void =>
      target.write({ 'connections.yml': `app_db: ${source.connection}\n`, 'models/sources.yml': sources(types, some) });
    for (const table of tables)
      await source.query(
        `drop table if exists ${table}`,
        ordersTable(table),
        `insert into ${table} select i, i, 'snapshot', now() from generate_series(1, 399) as i`,
        `insert into ${table} select i, i, repeat('s', 100), now() from generate_series(500000, 503000) as i`,
      );
    await source.query(
      'drop publication if exists app_orders',
      "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = 'app_orders'",
    );
    const place = { cwd: target.dir, env: { ...process.env, DBT_PROFILES_DIR: target.dir, ...source.env } };
    const workload = new Workload(source, 7, tables.slice(0, 2));
    workload.start();
    try {
      for (let kill = 0; kill < KILLS; kill++) {
        declare(kill < KILLS / 2 ? tables.slice(0, 3) : tables);
        const table = tables[kill % tables.length];
        await source.query(`update ${table} set total = -total where id between ${kill} and ${kill + 5}`);
        const point = POINTS[kill % POINTS.length];
        const fault = point == null ? {} : { TSDBT_FAULT_POINT: point };
        const running = start(['load'], { ...place, env: { ...place.env, ...fault } });
        const timer = setTimeout(() => running.child.kill('SIGKILL'), point == null ? ANY_MS + kill * 700 : 60_000);
        const { out } = await running.ended;
        clearTimeout(timer);
        expect(running.child.signalCode, out).toBe('SIGKILL');
      }
    } finally {
      await workload.stop();
    }
    const { code, out } = await start(['load', '--once'], place).ended;
    expect(code, out).toBe(0);
    expect(workload.committed).toBeGreaterThan(10);
    for (const table of tables)
      expect(await found(table), table).toEqual(
        await source.query(
          "select id::text, total::text, note, to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') from " +
            `${table} order by 1`,
        ),
      );
    const slots = await source.query('select slot_name from pg_replication_slots where not temporary');
    expect(slots).toEqual([['app_orders']]);
  }

  it.each([
    ['a table', ['orders']],
    ['tables that share a slot', SHARED],
  ])(
    'loses and doubles nothing of %s in Postgres',
    async (_what, tables) => {
      const project = await FaultProject.open({});
      try {
        await expectExact(project, ['bigint', 'numeric(20,4)', 'text', 'timestamptz'], tables, async (table) => {
          const sql =
            "select id::text, total::text, note, to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') from " +
            `app.${table} order by 1`;
          return (await project.client.query({ text: sql, rowMode: 'array' })).rows;
        });
        expect((await project.client.query('select error from tsdbt.dead_letters')).rows).toEqual([]);
      } finally {
        await project.close();
      }
    },
    LIMIT_MS,
  );

  it.each([
    ['a table', ['orders']],
    ['tables that share a slot', SHARED],
  ])(
    'loses and doubles nothing of %s in ClickHouse',
    async (_what, tables) => {
      const lab = await ClickhouseLab.open({});
      try {
        await expectExact(lab, ['Int64', 'Decimal(20,4)', 'String', "DateTime64(6, 'UTC')"], tables, (table) =>
          lab.rows(
            `select toString(id), toDecimalString(total, 4), note, toString(at) from app.${table} final where not ` +
              '_deleted order by 1',
          ),
        );
        expect(await lab.rows('select error from tsdbt.dead_letters')).toEqual([]);
      } finally {
        await lab.close();
      }
    },
    LIMIT_MS,
  );
});
