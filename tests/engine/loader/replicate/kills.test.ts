// `load` with `replicate` is killed again and again while an application writes: nothing is lost or doubled, in
// Postgres and in ClickHouse. TSDBT_REPLICATE_KILLS sets how often.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClickhouseLab } from '../../faults/clickhouse-lab.ts';
import { FaultProject } from '../../faults/project.ts';
import { start } from '../../support/program.ts';
import { SourceServer } from './source-server.ts';
import { ORDERS, Workload } from './workload.ts';

const KILLS = Number(process.env['TSDBT_REPLICATE_KILLS'] ?? 4);
/** Points of a flush, the second of which is often within the snapshot; null: at any time. */
const POINTS = ['before_commit:2', null, 'after_commit:3', 'before_copy:4', null, 'after_commit:1', 'before_commit:1'];
const ANY_MS = 4000;
const LIMIT_MS = 120_000 + KILLS * 60_000;

interface Target {
  readonly dir: string;
  env: Readonly<Record<string, string>>;
  write(files: Readonly<Record<string, string>>): void;
  close(): Promise<void>;
}

const sources = (types: readonly string[]): string => `sources:
  - name: app
    config: { meta: { tsdbt: { load: { connection: app_db, deletes: hard, flush: { age: 50ms, rows: 500 } } } } }
    tables:
      - name: orders
        config: { meta: { tsdbt: { load: { replicate: public.orders, key: [id] } } } }
        columns:
          - { name: id, data_type: ${types[0]} }
          - { name: total, data_type: "${types[1]}" }
          - { name: note, data_type: ${types[2]} }
          - { name: at, data_type: "${types[3]}" }
`;

describe('a killed load of a replicated table', () => {
  let source: SourceServer;
  beforeAll(async () => {
    source = await SourceServer.open();
  });
  afterAll(() => source.close());

  async function expectExact(target: Target, types: readonly string[], found: () => Promise<unknown>): Promise<void> {
    target.write({ 'connections.yml': `app_db: ${source.connection}\n`, 'models/sources.yml': sources(types) });
    await source.query('drop table if exists orders', ORDERS);
    await source.query(
      "insert into orders select i, i, 'snapshot', now() from generate_series(1, 399) as i",
      "insert into orders select i, i, repeat('s', 100), now() from generate_series(500000, 503000) as i",
    );
    const place = { cwd: target.dir, env: { ...process.env, DBT_PROFILES_DIR: target.dir, ...source.env } };
    const workload = new Workload(source, 7);
    workload.start();
    try {
      for (let kill = 0; kill < KILLS; kill++) {
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
    expect(await found()).toEqual(
      await source.query(
        "select id::text, total::text, note, to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') from " +
          'orders order by 1',
      ),
    );
  }

  it(
    'loses and doubles nothing in Postgres',
    async () => {
      const project = await FaultProject.open({});
      try {
        await expectExact(project, ['bigint', 'numeric(20,4)', 'text', 'timestamptz'], async () => {
          const sql =
            "select id::text, total::text, note, to_char(at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') from " +
            'app.orders order by 1';
          return (await project.client.query({ text: sql, rowMode: 'array' })).rows;
        });
        expect((await project.client.query('select error from tsdbt.dead_letters')).rows).toEqual([]);
      } finally {
        await project.close();
      }
    },
    LIMIT_MS,
  );

  it(
    'loses and doubles nothing in ClickHouse',
    async () => {
      const lab = await ClickhouseLab.open({});
      try {
        await expectExact(lab, ['Int64', 'Decimal(20,4)', 'String', "DateTime64(6, 'UTC')"], () =>
          lab.rows(
            'select toString(id), toDecimalString(total, 4), note, toString(at) from app.orders final where not ' +
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
