// Copies in ClickHouse that are kept by partitions, from both databases: what is sent, what goes on, what retention
// ends; and publishers killed while readers look at several partitions. TSDBT_PUBLISH_ROUNDS kills.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClickHouseAdapter } from '../../../src/adapters/clickhouse/adapter.ts';
import { clickhouseAdapter, clickhouseFolder, clickhouseMissing, textsOf } from '../support/clickhouse.ts';
import { openLab, type PublishLab } from './lab.ts';

const ROUNDS = Number(process.env['TSDBT_PUBLISH_ROUNDS'] ?? 6);
const TABLE = "{{ config(materialized='table') }}\n";

for (const from of ['postgres', 'clickhouse'] as const)
  describe.skipIf(clickhouseMissing !== null)(`a partitioned publication from ${from} to ClickHouse`, () => {
    const schema = `parted_${from}`;
    let lab: PublishLab;
    let adapter: ClickHouseAdapter;
    beforeAll(async () => {
      lab = await openLab();
      lab.project.write({
        'connections.yml': `analytics: {type: clickhouse, path: ${clickhouseFolder()}, schema: ${schema}}\n`,
      });
      if (from === 'clickhouse')
        lab.project.write({
          'profiles.yml':
            `faults: {target: dev, outputs: {dev: {type: clickhouse, path: ${clickhouseFolder()}, ` +
            'schema: parted_source, threads: 2}}}\n',
        });
      adapter = clickhouseAdapter(schema);
    });
    afterAll(async () => {
      await adapter?.close();
      await lab?.close();
    });
    const there = (sql: string): Promise<string[][]> => textsOf(adapter, sql);
    const publish = (sql: string, settings: unknown, ...args: string[]) => {
      lab.model(TABLE + sql, settings);
      return lab.project.run(['build', ...args]);
    };
    /** Rows of id, days ago, country (null without), text. */
    const rows = (...list: readonly (readonly [number, number, string | null, string])[]): string =>
      list
        .map(([id, age, country, v]) =>
          from === 'postgres'
            ? `select ${id} as id, date_trunc('day', now() at time zone 'UTC') - interval '${age} days' as at, ` +
              `${country === null ? 'null' : `'${country}'`}::text as country, '${v}'::text as v`
            : `select toInt32(${id}) as id, toDateTime64(toStartOfDay(now('UTC')), 3, 'UTC') - interval ${age} day ` +
              `as at, cast(${country === null ? 'null' : `'${country}'`} as Nullable(String)) as country, '${v}' as v`,
        )
        .join(' union all ');
    const settings = (table: string, more: object = {}) => ({
      to: 'analytics',
      table: `${schema}.${table}`,
      mode: 'partitions',
      partition_by: ['day(at)', 'country'],
      key: ['id'],
      ...more,
    });
    const held = async (table: string): Promise<string> =>
      (await there(`select concat(toString(id), v) from ${schema}.${table} order by id`)).flat().join(' ');
    /** The data files of a table by inode: a partition that goes on is linked under the name of another part. */
    const files = async (table: string): Promise<readonly number[]> =>
      (
        await there(
          `select path from system.parts where active and database = '${schema}' and table = '${table}' order by path`,
        )
      ).flatMap(([path = '']) =>
        readdirSync(path)
          .filter((name) => name.endsWith('.bin'))
          .map((name) => statSync(join(path, name)).ino),
      );

    it('sends what has changed, keeps what the model no longer has, and drops what has expired', async () => {
      const kept = settings('kept', { retention: '90 days' });
      const first = await publish(
        rows([1, 1, 'de', 'a'], [2, 2, "a''b", 'a'], [3, 80, null, 'a'], [7, 95, 'de', 'a']),
        kept,
      );
      expect(first.out).toContain('PUBLISH 3');
      expect(await held('kept')).toBe('1a 2a 3a');
      const next = await publish(
        rows([1, 1, 'de', 'a'], [4, 1, 'fr', 'b'], [5, 80, null, 'b'], [6, 95, 'de', 'b']),
        kept,
      );
      expect(next.out).toContain('PUBLISH 4');
      expect(await held('kept')).toBe('1a 2a 4b 5b');
      const { stdout } = await lab.project.run(['publish', '--list', '--output', 'json']);
      expect(JSON.parse(stdout).copies).toMatchObject([{ table: `${schema}.kept`, mode: 'partitions', rows: 4 }]);
      // The one that is too old is only in the model, the one that is gone there only in the copy.
      const { stdout: differs } = await lab.project.run(['diff', '--copies', '--output', 'json']);
      expect(JSON.parse(differs).comparisons).toMatchObject([{ rows: { only_here: 1, only_there: 1, differs: 0 } }]);
      expect((await lab.project.run(['publish'])).out).toContain('it holds this version already');
      // A shorter time ends partitions although the model's rows are the same.
      const model = lab.project.read('models/m.sql').replace(TABLE, '');
      expect((await publish(model, { ...kept, retention: '50 days' })).code).toBe(0);
      expect(await held('kept')).toBe('1a 2a 4b');
      await publish(model, kept);
      expect(await held('kept')).toBe('1a 2a 4b 5b');
      expect((await there(`select name from system.tables where database = '${schema}'`)).flat()).toEqual(['kept']);
    });

    it('leaves the files of unchanged partitions as they are', async () => {
      const own = settings('files');
      await publish(rows([1, 1, 'de', 'a'], [2, 2, 'de', 'a'], [3, 3, 'de', 'a']), own);
      const before = await files('files');
      expect(before).toHaveLength(3);
      await publish(rows([1, 1, 'de', 'a'], [2, 2, 'de', 'b'], [3, 3, 'de', 'a']), own);
      expect((await files('files')).filter((file) => before.includes(file))).toHaveLength(2);
      expect(await held('files')).toBe('1a 2b 3a');
    });

    it('accepts other keys, another order and an adopted table, and rejects other columns', async () => {
      const own = settings('changed');
      const [time, text] =
        from === 'postgres'
          ? ["Nullable(DateTime64(6, 'UTC'))", 'Nullable(String)']
          : ["DateTime64(3, 'UTC')", 'String'];
      await there(
        `create table ${schema}.changed (id Int32, at ${time}, country Nullable(String), v ${text}) engine = ` +
          'MergeTree order by v settings allow_nullable_key = 1',
      );
      await there(`insert into ${schema}.changed values (9, now() - interval 9 day, 'xx', 'old')`);
      const two = rows([1, 1, 'de', 'a'], [2, 2, 'de', 'a']);
      const refused = await publish(two, own);
      expect([refused.code, refused.out.includes('is not overwritten')], refused.out).toEqual([1, true]);
      const adopted = await publish(two, { ...own, adopt: true });
      expect(adopted.code, adopted.out).toBe(0);
      expect(await held('changed')).toBe('1a 2a 9old');
      const monthly = { ...own, partition_by: ['country'], order_by: ['id'], key: null };
      const nulls = await publish(rows([3, 1, 'de', 'c']), monthly);
      expect(nulls.code, nulls.out).toBe(0);
      expect(await held('changed')).toBe('3c 9old');
      const other = await publish(`select id, at, country, v, 1 as more from (${rows([4, 1, 'de', 'd'])}) q`, monthly);
      expect([other.code, other.out.includes('its columns are others by now')], other.out).toEqual([1, true]);
      expect(await held('changed')).toBe('3c 9old');
      const anew = await lab.project.run(['publish', '--full-refresh']);
      expect(anew.code, anew.out).toBe(0);
      expect(await held('changed')).toBe('4d');
      const more = await publish(`select id, at, country, v, 1 as more from (${rows([6, 1, 'us', 'e'])}) q`, monthly);
      expect([more.code, await held('changed')], more.out).toEqual([0, '4d 6e']);
      // What the model lacks goes, also where the columns are the same.
      const again = await lab.project.run(['publish', '--full-refresh']);
      expect([again.code, await held('changed')], again.out).toEqual([0, '6e']);
      const twice = await publish(
        `select id, at, country, v, 1 as more from (${rows([5, 1, 'fr', 'd'], [6, 1, 'it', 'd'])}) q`,
        { ...own, partition_by: 'country' },
      );
      expect([twice.code, twice.out.includes('is not unique')], twice.out).toEqual([1, true]);
      expect(await held('changed')).toBe('6e');
    });

    it.runIf(from === 'clickhouse')('rejects times without a zone, and accepts those with one', async () => {
      const by = (type: string) =>
        publish(`select 1 as id, cast(0 as ${type}) as at`, settings('zones', { partition_by: 'at' }));
      for (const type of ['DateTime', 'Nullable(DateTime64(3))']) {
        const { code, out } = await by(type);
        expect([code, out.includes(`Column 'at' of type ${type}`)], out).toEqual([1, true]);
      }
      expect(await there(`select name from system.tables where database = '${schema}' and name = 'zones'`)).toEqual([]);
      for (const type of ["DateTime('Europe/Berlin')", "Nullable(DateTime64(3, 'UTC'))"]) {
        const { code, out } = await by(type);
        expect(code, out).toBe(0);
        await there(`drop table ${schema}.zones`);
      }
    });

    it('is complete for readers while publishers are killed, and leaves nothing', { timeout: 3_600_000 }, async () => {
      const count = 40_000;
      const numbers = from === 'postgres' ? `generate_series(1, ${count}) g (number)` : `numbers(1, ${count})`;
      lab.model(
        `${TABLE}select number as id, number % 6 as part, case when number % 6 = 0 then 0 else {{ var('version') }} ` +
          `end as version from ${numbers}`,
        { to: 'analytics', table: `${schema}.read`, mode: 'partitions', partition_by: 'part', key: 'id' },
      );
      const version = (n: number) => ['--vars', `{version: ${n}}`];
      const built = await lab.project.run(['build', ...version(0)]);
      expect(built.code, built.out).toBe(0);
      let over = false;
      let looks = 0;
      const wrong: string[][] = [];
      const reading = (async () => {
        while (!over) {
          const [row = []] = await there(
            `select count(), minIf(version, part > 0) = maxIf(version, part > 0), uniqExact(part) from ${schema}.read`,
          );
          looks++;
          if (row[0] !== String(count) || row[1] === '0' || row[1] === 'False' || row[2] !== '6') wrong.push(row);
          await pause(5);
        }
      })();
      let killed = 0;
      const beside = `select count() from system.tables where database = '${schema}' and name like 'read__%'`;
      for (let round = 1; round <= ROUNDS; round++) {
        await lab.project.run(['run', ...version(round)]);
        const started = lab.project.start(['publish', ...version(round)]);
        // From its stage on, a little later each time.
        while (started.child.exitCode === null && (await there(beside))[0]?.[0] === '0') await pause(2);
        await Promise.race([started.ended, pause(((round - 1) * 500) / ROUNDS)]);
        if (started.child.exitCode === null) killed++;
        started.child.kill('SIGKILL');
        await started.ended;
      }
      const last = await lab.project.run(['publish', ...version(ROUNDS)]);
      expect(last.code, last.out).toBe(0);
      over = true;
      await reading;
      expect(wrong).toEqual([]);
      if (ROUNDS > 6) process.stdout.write(`${looks} looks\n`);
      expect(looks).toBeGreaterThan(ROUNDS);
      expect(killed).toBeGreaterThan(0);
      expect(await there(`select toString(max(version)), toString(count()) from ${schema}.read`)).toEqual([
        [String(ROUNDS), String(count)],
      ]);
      expect(await there(`select name from system.tables where database = '${schema}' and name like 'read%'`)).toEqual([
        ['read'],
      ]);
    });
  });
