// Tests microbatch models on ClickHouse: a batch is visible at once, and the next run builds unfinished batches,
// because a batch is recorded after it is published. A kill between the two makes a batch run twice, without effect.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { clockAt } from '../support/clock.ts';
import { ClickhouseLab, type Ended, type Fault } from './clickhouse-lab.ts';

/** The model began so many days ago; today is a batch that is not over. */
const DAYS = 3;
/** Of the commands' clock. */
const TODAY = '2026-03-04';
/** Two days later. */
const LATER = '2026-03-06';
const ROWS = 30;
const NOTE = /insert into `s`\.`?tsdbt_intervals`? .*'done'/i;
const PUBLISH = /exchange tables \S*m__tsdbt_shadow/i;
const BEGIN =
  "(modules.datetime.datetime.utcnow() - modules.datetime.timedelta(days=var('days', " +
  `${DAYS}))).strftime('%Y-%m-%d')`;

let lab: ClickhouseLab;

const begun = ({ out }: Ended): number => (out.match(/ START batch /g) ?? []).length;

async function run(args: readonly string[] = [], code = 0): Promise<Ended> {
  const ended = await lab.run(['run', '--select', 'm', ...args]);
  expect(ended.code, ended.out).toBe(code);
  return ended;
}

async function killed(fault: Fault, args: readonly string[] = []): Promise<void> {
  expect((await lab.run(['run', '--select', 'm', ...args], { fault })).killed).toBe(true);
}

/** Rows of each day since the model began, oldest first; -1 where a row is there twice. */
const built = async (days = DAYS): Promise<unknown[]> =>
  (
    await lab.rows(
      `select if(count() = uniqExact(id), count(), -1) from s.m where at >= toDate('${TODAY}') - ${days} group by ` +
        'toDate(at) order by toDate(at)',
    )
  )
    .flat()
    .map(Number);
const whole = (days = DAYS): number[] => Array.from({ length: days + 1 }, () => ROWS);
const ledger = async (): Promise<unknown[][]> =>
  lab.rows(
    "select word, dateDiff('day', done_from, done_to) from s.tsdbt_intervals where relation_name = 'm' order " +
      'by noted_at',
  );

describe.skipIf(clickhouseMissing !== null)(
  `a microbatch model on ClickHouse${clickhouseMissing === null ? '' : ` (skipped: ${clickhouseMissing})`}`,
  () => {
    beforeAll(async () => {
      lab = await ClickhouseLab.open({
        'models/m.sql':
          "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at', " +
          `batch_size='day', begin=${BEGIN}, order_by='id', partition_by='id % 3') }}
select id, at, throwIf(toDate(at) = toDate('${TODAY}') - {{ var('bad', -1) }}) as fails from {{ source('raw', ` +
          "'events') }}",
        'models/raw.yml': 'sources: [{name: raw, schema: raw, tables: [{name: events, config: {event_time: at}}]}]\n',
      });
      lab.env = clockAt(`${TODAY}T10:30:05Z`);
      await lab.rows('create database raw');
      await lab.rows(
        'create table raw.events engine = MergeTree order by id as select number as id, ' +
          `toDateTime(toDate('${TODAY}') - intDiv(number, ${ROWS})) + number % ${ROWS} as at from ` +
          `numbers(${ROWS * (DAYS + 4)})`,
      );
    });
    beforeEach(async () => {
      await lab.rows('drop database if exists s sync');
    });
    afterAll(async () => {
      await lab?.close();
    });

    it('records finished batches, and then runs only the newest', async () => {
      expect(begun(await run())).toBe(DAYS + 1);
      expect(await built()).toEqual(whole());
      expect(await ledger()).toEqual([['begun anew', 0], ...Array.from({ length: DAYS }, () => ['done', 1])]);
      expect(begun(await run())).toBe(2);
      expect(await built()).toEqual(whole());
    });

    it('runs all batches after it was killed between the first batch and its record', async () => {
      await killed({ at: NOTE, how: 'before' });
      expect(await built()).toEqual([ROWS]);
      expect(begun(await run())).toBe(DAYS + 1);
      expect(await built()).toEqual(whole());
      expect(begun(await run())).toBe(2);
      expect(await lab.orphans()).toEqual([]);
    });

    it(
      'loses and duplicates nothing when killed at or after publishing a batch, and readers see complete ' + 'batches',
      async () => {
        const [, reading] = await lab.watch(
          'select groupUniqArray(n) from (select count() as n from s.m group by toDate(at))',
          async () => {
            for (const fault of [
              { at: PUBLISH, how: 'late', delay: 200 },
              { at: PUBLISH, how: 'after' },
            ] as const) {
              await lab.rows('drop database if exists s sync');
              await run(['--vars', '{days: 1}']);
              await lab.rows("alter table s.tsdbt_intervals delete where word = 'done'");
              await killed(fault);
              await run();
              expect(await built()).toEqual(whole());
              expect(await lab.orphans()).toEqual([]);
            }
          },
        );
        for (const state of reading.states) expect(['no table', '[[[]]]', `[[[${ROWS}]]]`]).toContain(state);
        expect(reading.looks).toBeGreaterThan(5);
      },
    );

    it('retries failed batches before new ones', async () => {
      expect((await run(['--vars', '{bad: 2}'], 1)).out).toContain(`PARTIAL SUCCESS (${DAYS}/${DAYS + 1})`);
      const again = await run();
      expect(again.out).toContain("m: a batch before this run's window is not finished and runs first");
      expect(begun(again)).toBe(3);
      expect(await built()).toEqual(whole());
    });

    it('treats no earlier batch as done after a killed full refresh', async () => {
      await run();
      await killed({ at: NOTE, how: 'before' }, ['--full-refresh']);
      expect(begun(await run())).toBe(DAYS + 1);
      expect(await built()).toEqual(whole());
    });

    it.each([['--empty'], ['--sample', '2 days']])(
      'builds every batch after a table was created under %s',
      async (...flags) => {
        await run(flags);
        expect(begun(await run())).toBe(DAYS + 1);
        expect(await built()).toEqual(whole());
        expect(begun(await run())).toBe(2);
      },
    );

    it('builds the batches again that --empty emptied, and every batch of an empty table without records', async () => {
      await run();
      await run(['--empty']);
      expect(await built()).toEqual(whole().slice(0, DAYS - 1));
      lab.env = clockAt(`${LATER}T10:30:05Z`);
      try {
        await run();
      } finally {
        lab.env = clockAt(`${TODAY}T10:30:05Z`);
      }
      expect(await built()).toEqual(whole());
      await lab.rows('truncate table s.m');
      await lab.rows('drop table s.tsdbt_intervals sync');
      await run();
      expect(await built()).toEqual(whole());
    });

    it('builds every batch after the model was a table in between', async () => {
      await run();
      const batched = lab.read('models/m.sql');
      lab.write({
        'models/m.sql':
          "{{ config(materialized='table', order_by='id', partition_by='id % 3') }} " +
          "select id, at, toUInt8(0) as fails from {{ source('raw', 'events') }} limit 5",
      });
      await run();
      lab.write({ 'models/m.sql': batched });
      expect(begun(await run())).toBe(DAYS + 1);
      expect(await built()).toEqual(whole());
    });

    it('treats a table without records as complete, and records nothing for an explicit window', async () => {
      await lab.rows('create database s');
      await lab.rows(
        'create table s.m engine = MergeTree order by id partition by id % 3 as select id, at, toUInt8(0) as ' +
          `fails from raw.events where at >= toDate('${TODAY}') - 1`,
      );
      expect(begun(await run())).toBe(2);
      expect(await ledger()).toEqual([
        ['done', DAYS - 1],
        ['done', 1],
      ]);
      await lab.rows('drop database s sync');
      const date = (ago: number): string => new Date(Date.parse(TODAY) - ago * 86_400_000).toISOString().slice(0, 10);
      await run(['--event-time-start', date(2), '--event-time-end', date(1)]);
      expect(await lab.rows("select count() from system.tables where name = 'tsdbt_intervals'")).toEqual([[0]]);
    });

    it('warns of rows without a key that are not in the window, because repeated batches add them again', async () => {
      lab.write({
        'models/outside.sql':
          "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at', " +
          `batch_size='day', begin='${TODAY}', order_by='tuple()') }} select at from {{ source('raw', 'events') }} ` +
          "union all select toDateTime('2020-01-01 00:00:00') union all select NULL::Nullable(DateTime)",
      });
      const outside = (): Promise<Ended> => lab.run(['run', '--select', 'outside']);
      await outside();
      const { code, out } = await outside();
      lab.remove('models/outside.sql');
      expect(code, out).toBe(0);
      expect(out.replaceAll(/\s+/g, ' ')).toContain('contains 2 rows that are not in its window (at >= ');
      expect((await run()).out).not.toContain('not in its window');
    });
  },
);
