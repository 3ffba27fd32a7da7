// Tests that a batch replaces the same time range as it reads, for every type and time zone of the event time column
// and the server, and across a daylight saving change.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { clockAt } from '../support/clock.ts';
import { ClickhouseLab } from './clickhouse-lab.ts';
import { FaultProject } from './project.ts';

/** Three days around the night in which Santiago's clocks go back, at 2026-04-05 03:00 UTC. */
const BEGIN = '2026-04-04';
const END = '2026-04-07';
const HOURS = 72;
const WINDOW = ['--event-time-start', BEGIN, '--event-time-end', END];
const MIDDLE = ['--event-time-start', '2026-04-05', '--event-time-end', '2026-04-06'];
const SANTIAGO = 'America/Santiago';

const CLICKHOUSE_TYPES = [
  'DateTime',
  "DateTime('UTC')",
  "DateTime('Asia/Tokyo')",
  "Nullable(DateTime('Asia/Tokyo'))",
  "LowCardinality(DateTime('Asia/Kolkata'))",
  'DateTime64(3)',
  `DateTime64(6, '${SANTIAGO}')`,
  'Date',
  'Date32',
  'String',
  'LowCardinality(Nullable(String))',
];
const POSTGRES_TYPES = ['timestamp', 'timestamptz', 'timestamptz(0)', 'date', 'text'];

const table = (_type: string, i: number): string => `{name: ev_${i}, config: {event_time: at}}`;
const sources = (types: readonly string[]): string =>
  `sources: [{name: s, schema: raw, tables: [${types.map(table).join(', ')}]}]\n`;
const model = (i: number, more: string): string =>
  "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at', batch_size='day', " +
  `begin='${BEGIN}', lookback=0${more}) }}\nselect id, at, v from {{ source('s', 'ev_${i}') }}\n`;

describe.skipIf(clickhouseMissing !== null).each([SANTIAGO, 'Asia/Tokyo'])(
  'a microbatch model on a ClickHouse server of the time zone %s',
  (zone) => {
    let lab: ClickhouseLab;
    const own = process.env['TZ'];
    const keys = { keyed: ", unique_key='id'", keyless: '' };

    beforeAll(async () => {
      // The embedded server takes its time zone from the environment.
      process.env['TZ'] = zone;
      try {
        lab = await ClickhouseLab.open({
          'models/sources.yml': sources([...CLICKHOUSE_TYPES, 'DateTime']),
          ...Object.fromEntries(
            CLICKHOUSE_TYPES.flatMap((_, i) =>
              Object.entries(keys).map(([name, key]) => [`models/${name}_${i}.sql`, model(i, `${key}, order_by='id'`)]),
            ),
          ),
        });
      } finally {
        if (own === undefined) delete process.env['TZ'];
        else process.env['TZ'] = own;
      }
      lab.write({
        'profiles.yml': lab
          .read('profiles.yml')
          .replace('retries: 0', 'custom_settings: {allow_suspicious_low_cardinality_types: 1}'),
      });
      await lab.rows('create database raw');
      for (const [i, type] of CLICKHOUSE_TYPES.entries()) {
        const at = type.includes('String') ? 'toString(u)' : type.includes('Date32') ? 'toDate32(u)' : 'u';
        await lab.rows(
          `create table raw.ev_${i} (id UInt64, at ${type}, v String) engine = MergeTree order by id ` +
            'settings allow_suspicious_low_cardinality_types = 1',
        );
        await lab.rows(
          `insert into raw.ev_${i} select number, ${at}, 'old' from (select number, ` +
            `toDateTime('${BEGIN} 00:00:00', 'UTC') + number * 3600 as u from numbers(${HOURS}))`,
        );
      }
    });
    afterAll(async () => {
      await lab?.close();
    });

    const state = async (): Promise<unknown[][]> => {
      const found: unknown[][] = [];
      for (const [i, type] of CLICKHOUSE_TYPES.entries())
        for (const name of Object.keys(keys))
          found.push([
            type,
            name,
            ...(await lab.rows(`select count(), uniqExact(id), countIf(v = 'new') from s.${name}_${i}`))
              .flat()
              .map(Number),
          ]);
      return found;
    };
    const expected = (fresh: number): unknown[][] =>
      CLICKHOUSE_TYPES.flatMap((type) => Object.keys(keys).map((name) => [type, name, HOURS, HOURS, fresh]));

    it('has every row once, even after a batch ran again', async () => {
      expect((await lab.rows('select timezone()')).flat()).toEqual([zone]);
      const first = await lab.run(['run', ...WINDOW]);
      expect(first.code, first.out).toBe(0);
      expect(await state()).toEqual(expected(0));
      for (const i of CLICKHOUSE_TYPES.keys())
        await lab.rows(`alter table raw.ev_${i} update v = 'new' where 1 settings mutations_sync = 2`);
      const again = await lab.run(['run', ...MIDDLE]);
      expect(again.code, again.out).toBe(0);
      expect(await state()).toEqual(expected(24));
    });

    it('has the rows of the current hour in the hourly batch of this hour', async () => {
      lab.write({
        'models/hourly.sql': model(CLICKHOUSE_TYPES.length, ", order_by='id'")
          .replace("'day'", "'hour'")
          .replace('lookback=0', 'lookback=1'),
      });
      lab.env = clockAt('2026-04-04T05:30:00Z');
      const into = `raw.ev_${CLICKHOUSE_TYPES.length}`;
      await lab.rows(`create table ${into} (id UInt64, at DateTime, v String) engine = MergeTree order by id`);
      await lab.rows(`insert into ${into} select 1, toDateTime('2026-04-04 05:29:59', 'UTC'), 'a'`);
      expect((await lab.run(['run', '--select', 'hourly'])).code).toBe(0);
      expect((await lab.rows('select count() from s.hourly')).flat().map(Number)).toEqual([1]);
      lab.env = {};
    });
  },
);

describe.each([SANTIAGO, 'Asia/Tokyo', 'UTC'])('a microbatch model on a Postgres of the time zone %s', (zone) => {
  let project: FaultProject;

  beforeAll(async () => {
    project = await FaultProject.open({
      'models/sources.yml': sources(POSTGRES_TYPES),
      ...Object.fromEntries(POSTGRES_TYPES.map((_, i) => [`models/keyed_${i}.sql`, model(i, ", unique_key='id'")])),
    });
    await project.client.query(
      `create schema raw; do $$ begin execute format('alter database %I set timezone = ''${zone}''', ` +
        'current_database()); end $$',
    );
    for (const [i, type] of POSTGRES_TYPES.entries()) {
      const at = type.startsWith('timestamptz') ? `u at time zone 'UTC'` : type === 'text' ? "u || '+00:00'" : 'u';
      await project.client.query(
        `create table raw.ev_${i} as select id, (${at})::${type} as at, 'old' as v from (select id, ` +
          `timestamp '${BEGIN}' + id * interval '1 hour' as u from generate_series(0, ${HOURS - 1}) id) rows`,
      );
    }
  });
  afterAll(async () => {
    await project?.close();
  });

  const state = async (): Promise<unknown[][]> => {
    const found: unknown[][] = [];
    for (const [i, type] of POSTGRES_TYPES.entries())
      found.push([
        type,
        ...(
          await project.rows(`select count(*), count(distinct id), count(*) filter (where v = 'new') from s.keyed_${i}`)
        ).flat(),
      ]);
    return found;
  };
  const expected = (fresh: number): unknown[][] =>
    POSTGRES_TYPES.map((type) => [type, String(HOURS), String(HOURS), String(fresh)]);

  it('has every row once, even after a batch ran again', async () => {
    const first = await project.run(['run', ...WINDOW]);
    expect(first.code, first.out).toBe(0);
    expect(await state()).toEqual(expected(0));
    for (const i of POSTGRES_TYPES.keys()) await project.client.query(`update raw.ev_${i} set v = 'new'`);
    const again = await project.run(['run', ...MIDDLE]);
    expect(again.code, again.out).toBe(0);
    expect(await state()).toEqual(expected(24));
  });
});
