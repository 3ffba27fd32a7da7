// Tests `tsdbt load --from` into ClickHouse, and a model with `new_rows`: the command or the server is killed at each
// kind of statement, and each record is in the table, its view and the model once.
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickhouseLab, type Fault } from './clickhouse-lab.ts';

const SOURCE = `sources:
  - name: raw
    tables:
      - name: events
        config: { meta: { tsdbt: { load: { topic: events, flush: { rows: 20 } } } } }
        columns: [{ name: id, data_type: Int64 }, { name: at, data_type: "DateTime64(3, 'UTC')" }]
`;
const MODEL = `{{ config(materialized='incremental') }}
select id, at, _offset as place from {{ new_rows(source('raw', 'events')) }} as fresh
`;
const WINDOW = 'settings non_replicated_deduplication_window = 10000';
const TABLES = [
  'create database raw',
  'create table raw.events (id Nullable(Int64), at DateTime64(3), processing_ts DateTime64(3), _rest ' +
    'Nullable(String), _topic String, _partition Int32, _offset Int64, _kafka_ts Nullable(DateTime64(3)), ' +
    '_loaded_at DateTime64(3) ' +
    'default now64(3), _load_id String, _deleted Bool) engine = MergeTree partition by toYYYYMM(at) order by _offset ' +
    WINDOW,
  `create table raw.total (ids Int64, n UInt64) engine = SummingMergeTree order by tuple() ${WINDOW}`,
  'create materialized view raw.total_mv to raw.total as select sum(id) as ids, count() as n from raw.events',
];
/** Of what kinds the faults are; `npm run faults -- clickhouse` tries all at each statement. */
const LONG = process.env['TSDBT_FAULT_KILLS'] !== undefined;
const HOW: readonly Fault['how'][] = LONG ? ['before', 'after', 'late', 'server'] : ['after', 'late', 'server'];
const BUILD_HOW: readonly Fault['how'][] = LONG ? HOW : ['after', 'server'];
/** Statements of a flush. */
const FLUSH: Readonly<Record<string, RegExp>> = {
  intent: /^INSERT INTO tsdbt\.load_flushes .*'flush'/,
  letters: /^INSERT INTO tsdbt\.dead_letters/,
  rows: /^INSERT INTO `raw`\.`events`/,
  done: /^INSERT INTO tsdbt\.load_flushes .*'done'/,
};
/** Statements of a build that publishes new rows. */
const PUBLISHING: Readonly<Record<string, RegExp>> = {
  staging: /insert into `s`\.`m__tsdbt_new/i,
  noting: /insert into tsdbt\.consumed_offsets (?!.*00000000-0000)/i,
  exchanging: /exchange tables/i,
  'noting for good': /insert into tsdbt\.consumed_offsets .*00000000-0000/i,
};

describe.skipIf(clickhouseMissing !== null)('a load into ClickHouse with a fault', () => {
  let lab: ClickhouseLab;
  let produced = 0;
  beforeAll(async () => {
    lab = await ClickhouseLab.open({ 'models/sources.yml': SOURCE, 'models/m.sql': MODEL });
    for (const sql of TABLES) await lab.rows(sql);
  });
  afterAll(() => lab.close());

  /** Appends records of four months to the file; one in ten is no JSON. */
  const append = (count: number): void => {
    for (const last = produced + count; produced < last; produced++)
      appendFileSync(
        join(lab.dir, 'events.ndjson'),
        produced % 10 === 9 ? 'no JSON\n' : `{"id": ${produced}, "at": "2026-0${1 + (produced % 4)}-05T00:00:00Z"}\n`,
      );
  };
  const load = (fault?: Fault): ReturnType<ClickhouseLab['run']> =>
    lab.run(['load', '--from', 'events.ndjson'], fault === undefined ? {} : { fault });
  const expectLoaded = async (): Promise<void> => {
    const ids = Array.from({ length: produced }, (_, id) => id).filter((id) => id % 10 !== 9);
    const sum = ids.reduce((total, id) => total + id, 0);
    expect(await lab.rows('select count(), uniqExact(id), sum(id) from raw.events')).toEqual([
      [ids.length, ids.length, sum],
    ]);
    expect(await lab.rows('select sum(n), sum(ids) from raw.total')).toEqual([[ids.length, sum]]);
    expect(await lab.rows('select count(), uniqExact(offset) from tsdbt.dead_letters')).toEqual([
      [produced - ids.length, produced - ids.length],
    ]);
  };
  const expectBuilt = async (): Promise<void> => {
    expect(await lab.rows('select count(), uniqExact(place), sum(id) from s.m')).toEqual(
      await lab.rows('select count(), uniqExact(_offset), sum(id) from raw.events'),
    );
  };

  describe.each(Object.keys(FLUSH))('at the %s of a flush', (name) => {
    it.each(HOW)('loses and duplicates nothing: %s', async (how) => {
      append(40);
      const at = FLUSH[name] ?? /^$/;
      const { statements, killed, code } = await load({ at, how });
      expect(statements.some((sql) => at.test(sql))).toBe(true);
      expect([killed, code]).toEqual(how === 'server' ? [false, 0] : [true, null]);
      const again = await load();
      expect(again.code, again.out).toBe(0);
      await expectLoaded();
    });
  });

  it('duplicates nothing if a proxy sends each INSERT twice', async () => {
    append(60);
    lab.repeats = /^INSERT/;
    const { code, out } = await load();
    lab.repeats = null;
    expect(code, out).toBe(0);
    await expectLoaded();
  });

  it('recovers in the first build and in the second', async () => {
    append(20);
    await load();
    for (const at of ['rename table', 'consumed_offsets']) {
      const { killed } = await lab.run(['run', '-s', 'm'], { fault: { at: new RegExp(at, 'i'), how: 'after' } });
      expect(killed).toBe(true);
    }
    expect((await lab.run(['run', '-s', 'm'])).code).toBe(0);
    await expectBuilt();
  });

  describe.each(Object.keys(PUBLISHING))('at the %s of a build', (name) => {
    it.each(BUILD_HOW)('loses and duplicates nothing: %s', async (how) => {
      append(20);
      await load();
      const at = PUBLISHING[name] ?? /^$/;
      const { statements } = await lab.run(['run', '-s', 'm'], { fault: { at, how } });
      expect(statements.some((sql) => at.test(sql))).toBe(true);
      const again = await lab.run(['run', '-s', 'm']);
      expect(again.code, again.out).toBe(0);
      await expectBuilt();
    });
  });

  it('passes what came since the last build to the next one, even if the clock was set back', async () => {
    append(20);
    await load();
    expect((await lab.run(['run', '-s', 'm'])).code).toBe(0);
    // As of an hour that comes yet.
    await lab.rows(
      'insert into tsdbt.consumed_offsets select * replace (noted_at + interval 1 hour as noted_at) from ' +
        'tsdbt.consumed_offsets',
    );
    for (let times = 0; times < 2; times++) {
      append(20);
      await load();
      expect((await lab.run(['run', '-s', 'm'])).code).toBe(0);
      await expectBuilt();
    }
  });

  it('is built without a fenced flush, even if the clock was set back', async () => {
    append(20);
    await load();
    await lab.rows(
      "insert into tsdbt.load_flushes select * replace ('fenced' as id, chain + 1 as chain, written_at - interval 1 " +
        'hour as written_at) from tsdbt.load_flushes where (topic, partition, seq) in (select topic, partition, ' +
        "max(seq) from tsdbt.load_flushes group by topic, partition) and kind = 'flush'",
    );
    expect((await lab.run(['run', '-s', 'm'])).code).toBe(0);
    await expectBuilt();
  });

  it('requires a full refresh after a rewind', async () => {
    expect((await lab.run(['load', 'rewind', '--from', 'events.ndjson', '--to', '5'])).code).toBe(0);
    await load();
    expect(await lab.rows('select count() = uniqExact(_offset), max(_offset) from raw.events')).toEqual([
      [1, produced - 2],
    ]);
    const { code, out } = await lab.run(['run', '-s', 'm']);
    expect(code).toBe(1);
    expect(out).toContain('were set back since this model was built');
    expect((await lab.run(['run', '-s', 'm', '--full-refresh'])).code).toBe(0);
    await expectBuilt();
  });
});
