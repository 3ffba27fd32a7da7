// A snapshot keeps one current row per key on both databases: what would break that is refused, and the table stays as
// it is.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { FaultProject } from '../faults/project.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import type { Ended } from '../support/program.ts';

interface Place {
  write(files: Readonly<Record<string, string>>): void;
  run(args: readonly string[]): Promise<Pick<Ended, 'code' | 'out'>>;
  rows(sql: string): Promise<unknown[][]>;
  close(): Promise<void>;
}

const SOURCES = 'sources: [{name: raw, schema: raw, tables: [{name: t, config: {event_time: at}}]}]\n';
const config = (more: string): Readonly<Record<string, string>> => ({
  'snapshots/s.yml': `snapshots: [{name: s, relation: "source('raw', 't')", config: {unique_key: id, ${more}}}]\n`,
});
const CHECK = 'strategy: check, check_cols: [v]';

let place: Place;

/** A source of these rows: id, v, and the time. */
async function source(...rows: readonly (readonly [id: number | null, v: string, at: string | null])[]): Promise<void> {
  await place.rows('truncate table raw.t');
  for (const [id, v, at] of rows)
    await place.rows(`insert into raw.t values (${id ?? 'null'}, '${v}', ${at === null ? 'null' : `'${at}'`})`);
}

async function snapshot(code = 0, ...args: readonly string[]): Promise<string> {
  const ended = await place.run(['snapshot', ...args]);
  expect(ended.code, ended.out).toBe(code);
  return ended.out.replaceAll(/\s+/g, ' ');
}

const DAY = '2024-01-01 00:00:00';
/** All rows of the snapshot, as text: key, value, when it ends. */
const history = async (): Promise<unknown[][]> =>
  (await place.rows('select id, v, dbt_valid_to from s.s order by 1, 2, 3')).map((row) => row.map(String));
const current = async (where = 'dbt_valid_to is null'): Promise<unknown[][]> =>
  (await place.rows(`select id, v from s.s where ${where} order by 1, 2`)).map((row) => row.map(String));

describe.each([
  ['Postgres', null, 's cascade', () => FaultProject.open({ 'models/raw.yml': SOURCES })],
  ['ClickHouse', clickhouseMissing, 's sync', () => ClickhouseLab.open({ 'models/raw.yml': SOURCES })],
] as const)('a snapshot on %s', (name, missing, dropped, open) => {
  describe.skipIf(missing !== null)(missing ?? 'keeps one current row per key', () => {
    const isPostgres = name === 'Postgres';
    beforeAll(async () => {
      place = (await open()) as unknown as Place;
      await place.rows(isPostgres ? 'create schema raw' : 'create database raw');
      await place.rows(
        isPostgres
          ? 'create table raw.t (id int, v text, at timestamp)'
          : 'create table raw.t (id Nullable(Int32), v String, at Nullable(DateTime)) engine = MergeTree order by v',
      );
    });
    afterAll(async () => {
      await place?.close();
    });
    const fresh = async (more: string): Promise<void> => {
      await place.rows(`drop ${isPostgres ? 'schema' : 'database'} if exists ${dropped}`);
      place.write(config(more));
    };

    it('adds no versions if a column is checked twice, and rejects what is not a column of the query', async () => {
      await fresh('strategy: check, check_cols: [v, v]');
      await source([1, 'a', DAY], [2, 'b', DAY]);
      await snapshot();
      await snapshot();
      expect(await history()).toHaveLength(2);
      // On Postgres both names are of one column.
      place.write(config('strategy: check, check_cols: [v, V]'));
      expect(await snapshot(1)).toMatch(isPostgres ? /check_cols contains "v", "V", which is "v_2"/ : /identifier `V`/);
      expect(await history()).toHaveLength(2);
    });

    it('rejects a changed row whose updated_at is NULL, and accepts it once it has one', async () => {
      await fresh(`${CHECK}, updated_at: at`);
      await source([1, 'a', null], [2, 'x', null]);
      await snapshot();
      await source([1, 'b', null], [2, 'x', null], [3, 'new', null]);
      expect(await snapshot(1)).toMatch(/their updated_at is NULL, .*: .*1.*\. The table was not changed\./);
      expect(await current()).toEqual([
        ['1', 'a'],
        ['2', 'x'],
      ]);
      await source([1, 'b', DAY], [2, 'x', null]);
      await snapshot();
      expect(await current()).toEqual([
        ['1', 'b'],
        ['2', 'x'],
      ]);
    });

    it('rejects several rows of one key and names it', async () => {
      await fresh(CHECK);
      await source([1, 'a', DAY], [2, 'x', DAY]);
      await snapshot();
      await source([1, 'b', DAY], [1, 'c', DAY], [2, 'y', DAY]);
      expect(await snapshot(1)).toMatch(/several current rows for one unique_key: \S*1\S* \(2 rows\)/);
      await source([1, 'a', DAY], [2, 'x', DAY], [7, 'b', DAY], [7, 'b', DAY]);
      expect(await snapshot(1)).toMatch(/several current rows for one unique_key: \S*7\S* \(2 rows\)/);
      expect(await current()).toEqual([
        ['1', 'a'],
        ['2', 'x'],
      ]);
    });

    it.each(['invalidate', 'new_record'])('rejects a text in updated_at with hard_deletes %s', async (deletes) => {
      await fresh(`strategy: timestamp, updated_at: v, hard_deletes: ${deletes}`);
      await source([1, 'a', DAY]);
      expect(await snapshot(1)).toMatch(
        /'hard_deletes' needs a date or time in 'updated_at', found \w+\. Nothing was changed\./,
      );
      await expect(history()).rejects.toThrow();
    });

    it.each([
      ['invalidate', "'9999-12-31'", "'2999-12-31'"],
      ['ignore', "'9999-12-31'", null],
      ['new_record', "'9999-12-31'", null],
    ])('with hard_deletes %s rejects another end of current versions: %s, then %s', async (deletes, first, second) => {
      const end = (value: string | null): string =>
        value === null
          ? ''
          : `, dbt_valid_to_current: "${isPostgres ? `${value}::timestamp` : `toDateTime64(${value}, 0)`}"`;
      const type = isPostgres ? 'at' : 'toDateTime64(at, 0)';
      const settings = `strategy: timestamp, updated_at: "${isPostgres ? type : 'moment'}", hard_deletes: ${deletes}`;
      await fresh(settings);
      await source([1, 'a', DAY], [2, 'x', DAY]);
      if (!isPostgres) {
        // DateTime ends in 2106.
        place.write({
          'models/m.sql':
            "{{ config(materialized='view') }} select id, v, toDateTime64(at, 0) as moment from " +
            "{{ source('raw', 't') }}",
        });
        expect((await place.run(['run'])).code).toBe(0);
      }
      const of = (value: string | null): Readonly<Record<string, string>> => {
        const [text = ''] = Object.values(config(`${settings}${end(value)}`));
        return { 'snapshots/s.yml': isPostgres ? text : text.replace("source('raw', 't')", "ref('m')") };
      };
      place.write(of(first));
      await snapshot();
      await source([1, 'a', DAY], [2, 'y', '2024-01-02 00:00:00'], [3, 'new', DAY]);
      await snapshot();
      const before = await history();
      expect(before).toHaveLength(4);
      place.write(of(second));
      expect(await snapshot(1)).toMatch(
        /versions in the table end at 9999-12-31.*not dbt_valid_to_current \((not set|.*2999.*)\).*: \S*[123]\S*; /,
      );
      expect(await history()).toEqual(before);
      place.write(of(first));
      await snapshot();
      expect(await history()).toEqual(before);
      // A row that was deleted and came back has a version that is over: nothing is wrong with it.
      await source([2, 'y', '2024-01-02 00:00:00'], [3, 'new', DAY]);
      await snapshot();
      await source([1, 'back', '2024-01-03 00:00:00'], [2, 'y', '2024-01-02 00:00:00'], [3, 'new', DAY]);
      await snapshot();
      const open = `${isPostgres ? 'dbt_valid_to::text' : 'toString(dbt_valid_to)'} like '9999%'`;
      expect((await current(open)).map(([id]) => id)).toEqual(['1', '2', '3']);
    });

    it('is not changed by --empty and --sample', async () => {
      place.write({ 'models/m.sql': 'select 1 as id' });
      await fresh(`${CHECK}, hard_deletes: invalidate`);
      await source([1, 'a', DAY], [2, 'x', DAY]);
      await snapshot();
      await source([1, 'b', DAY]);
      const before = await history();
      for (const flags of [['--empty'], ['--sample', '3 days']]) {
        const ended = await place.run(['build', '--select', 's', ...flags]);
        expect(ended.code, ended.out).toBe(0);
        expect(ended.out).toContain(`s: ${flags[0]} leaves the rows of a snapshot as they are`);
        expect(await history()).toEqual(before);
      }
      await snapshot();
      expect(await current()).toEqual([['1', 'b']]);
    });

    it('is created without rows by --empty, and gets them all afterwards', async () => {
      await fresh(CHECK);
      await source([1, 'a', DAY], [2, 'x', DAY]);
      expect((await place.run(['build', '--select', 's', '--empty'])).code).toBe(0);
      expect(await current()).toEqual([]);
      await snapshot();
      expect(await current()).toEqual([
        ['1', 'a'],
        ['2', 'x'],
      ]);
    });

    it.runIf(isPostgres)('rejects a row without a key, even if only a part of it is missing', async () => {
      await fresh(CHECK);
      await source([1, 'a', DAY], [null, 'x', DAY]);
      await snapshot();
      expect(await snapshot(1)).toMatch(/the unique_key of a row is NULL, .*: NULL\. The table was not changed\./);
      expect(await current()).toEqual([
        ['1', 'a'],
        ['null', 'x'],
      ]);
      const composite = CHECK.replace('[v]', '[at]');
      await fresh(composite);
      place.write({
        'snapshots/s.yml': Object.values(config(composite))[0]!.replace('unique_key: id', 'unique_key: [v, id]'),
      });
      await snapshot();
      expect(await snapshot(1)).toMatch(/NULL, .*: x, NULL\./);
      // Two nulls are equal with dbt's flag: such a key is whole.
      place.write({
        'dbt_project.yml':
          'name: faults\nversion: "1.0"\nprofile: faults\n' +
          'flags: {send_anonymous_usage_stats: false, enable_truthy_nulls_equals_macro: true}\n',
      });
      await snapshot();
      expect(await current()).toHaveLength(2);
    });
  });
});
