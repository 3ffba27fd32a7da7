// Tests a Postgres table synced into ClickHouse, whose server crashes, or whose loader is killed, at one statement
// after the other: readers see one complete state, and the next sync makes both equal and leaves nothing.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SERVERS } from '../adapters/servers.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickhouseLab, type Fault } from './clickhouse-lab.ts';

const ROWS = 5000;
/** Faults of each kind; `npm run faults -- clickhouse` tries each of them at each statement. */
const LONG = process.env['TSDBT_FAULT_KILLS'] !== undefined;
const FAULTS = 2;
const HOW: readonly Fault['how'][] = LONG ? ['server', 'before', 'after', 'late'] : ['server', 'after'];

describe.skipIf(clickhouseMissing !== null)('a table synced into ClickHouse, under faults,', () => {
  let lab: ClickhouseLab;
  let server: Awaited<ReturnType<(typeof SERVERS)[number]['open']>>;
  let source: pg.Client;
  beforeAll(async () => {
    server = await SERVERS[0]!.open();
    const { host, port, user, password, database } = server.credentials as unknown as pg.ClientConfig;
    source = new pg.Client({ host, port, user, password, database } as pg.ClientConfig);
    await source.connect();
    lab = await ClickhouseLab.open({
      'connections.yml':
        `app_db: {type: postgres, host: ${host}, port: ${port}, user: ${user}, dbname: ${database}, ` +
        `password: "{{ env_var('SOURCE_PASSWORD') }}"}\n`,
    });
    lab.env = { SOURCE_PASSWORD: String(password) };
  });
  afterAll(async () => {
    await lab?.close();
    await source?.end();
    await server?.close();
  });

  for (const strategy of ['incremental', 'full'] as const)
    it(`is complete, and equal to its source after the next sync: ${strategy}`, {
      timeout: LONG ? 3_600_000 : 180_000,
    }, async () => {
      const table = `synced_${strategy}`;
      const cursor = strategy === 'incremental' ? ', cursor: updated_at' : '';
      lab.write({
        'models/sources.yml': `sources:
  - name: app
    tables:
      - name: ${table}
        config: { meta: { tsdbt: { load: { connection: app_db, table: ${table}, strategy: ${strategy}${cursor} } } } }
`,
      });
      await source.query(`create table ${table} (id bigint primary key, v int, updated_at timestamptz)`);
      await source.query(`insert into ${table} select i, 0, clock_timestamp() from generate_series(1, ${ROWS}) i`);
      const change = (version: number) =>
        source.query(`update ${table} set v = ${version}, updated_at = clock_timestamp()`);
      const synced = async () => {
        const ended = await lab.run(['load', '--once']);
        expect(ended.code, ended.out).toBe(0);
        return ended.statements.length;
      };
      await synced();
      await change(1);
      const statements = await synced();
      let version = 1;
      const look = `select toString(count()), toString(min(v)), toString(max(v)) from app.${table}`;
      for (const how of HOW) {
        const faults = LONG ? statements : FAULTS;
        for (let fault = 1; fault <= faults; fault++) {
          await change(++version);
          // The later half: there the table changes.
          const at = LONG ? fault - 1 : statements - 1 - Math.floor(((fault - 1) * statements) / (2 * FAULTS));
          const [, { states }] = await lab.watch(look, async () => {
            await lab.run(['load', '--once'], { fault: { at, how } });
            await synced();
          });
          const whole = [version - 1, version].map((v) => JSON.stringify([[String(ROWS), String(v), String(v)]]));
          expect(
            [...states].filter((state) => !whole.includes(state)),
            `${how} at ${at} of ${statements}`,
          ).toEqual([]);
          expect(await lab.rows(look)).toEqual([[String(ROWS), String(version), String(version)]]);
          expect(await lab.orphans()).toEqual([]);
        }
      }
    });
});
