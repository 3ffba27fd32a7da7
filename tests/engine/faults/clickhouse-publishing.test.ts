// How rows come into tables of ClickHouse that are being read: the strategies atomic_upsert and append, and snapshots,
// on a real engine. Beside some of them stands what dbt-clickhouse's own strategy does at the same moment; its
// statements are those of dbt-clickhouse, see macros/clickhouse.test.ts.
import { beforeAll, describe, expect, it } from 'vitest';
import { PyDateTime } from '../../../src/values/datetime.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickhouseSchema } from '../support/clickhouse-build.ts';
import { publishingBench, UPSERT } from './clickhouse-publishing.ts';

describe.skipIf(clickhouseMissing !== null)(
  `publishing on ClickHouse${clickhouseMissing === null ? '' : ` (skipped: ${clickhouseMissing})`}`,
  () => {
    const bench = publishingBench('publishing');
    const { content, monthly, select, watched, publishes } = bench;
    let db: ClickhouseSchema;
    beforeAll(() => {
      db = bench.db;
    });

    it('replaces one partition by one statement, and readers see either all old or all new rows', async () => {
      await monthly('one', "(1, '2024-01-01', 'a'), (2, '2024-01-02', 'a'), (3, '2024-02-01', 'a')");
      const look = "select countIf(v = 'a'), countIf(v = 'b') from publishing.one";
      const build = { name: 'one', sql: select("(1, '2024-01-01', 'b'), (9, '2024-01-09', 'b')"), config: UPSERT };
      expect(await watched(build, look)).toEqual(new Set(['3 0', '2 2']));
      expect(await content('one')).toEqual(['1 2024-01-01 b', '2 2024-01-02 a', '3 2024-02-01 a', '9 2024-01-09 b']);
      expect(await db.tables()).toEqual(['one']);

      // dbt-clickhouse deletes first: key 1 is not there for a while.
      const theirs = {
        ...build,
        sql: select("(1, '2024-01-01', 'c'), (9, '2024-01-09', 'c')"),
        config: { incremental_strategy: 'delete_insert', unique_key: 'id' },
      };
      expect(await watched(theirs, 'select count() from publishing.one')).toContain('2');
    });

    it('replaces several partitions, and keys that move between them, by one EXCHANGE', async () => {
      await monthly('several', "(1, '2024-01-01', 'a'), (2, '2024-02-02', 'a'), (3, '2024-03-01', 'a')");
      const statements: string[] = [];
      const seen = new Set<string>();
      statements.push(
        ...(await db.build({
          name: 'several',
          sql: select("(1, '2024-02-01', 'b'), (3, '2024-03-03', 'b')"),
          config: UPSERT,
          before: async () => {
            seen.add((await content('several')).join());
          },
        })),
      );
      expect(seen).toEqual(
        new Set(['1 2024-01-01 a,2 2024-02-02 a,3 2024-03-01 a', '1 2024-02-01 b,2 2024-02-02 a,3 2024-03-03 b']),
      );
      expect(publishes(statements, 'several').map((sql) => sql.split(' ').slice(0, 2).join(' ').toLowerCase())).toEqual(
        ['exchange tables'],
      );
      expect(statements.filter((sql) => /^(delete|alter table \S+ (delete|update))/i.test(sql))).toEqual([]);
    });

    it('attaches a new key in one partition without reading old rows, and NULL is a key', async () => {
      await monthly('nulls', "(NULL, '2024-01-01', 'a'), (1, '2024-01-01', 'a')");
      expect(
        publishes(await db.build({ name: 'nulls', sql: select("(5, '2024-01-05', 'b')"), config: UPSERT }), 'nulls'),
      ).toEqual([expect.stringContaining("attach partition id '202401'")]);
      await db.build({ name: 'nulls', sql: select("(NULL, '2024-04-01', 'c')"), config: UPSERT });
      expect(await content('nulls')).toEqual(['1 2024-01-01 a', '5 2024-01-05 b', 'null 2024-04-01 c']);
      expect(
        publishes(
          await db.build({ name: 'nulls', sql: `${select("(5, '2024-01-05', 'b')")} where 0`, config: UPSERT }),
          'nulls',
        ),
      ).toEqual([]);
    });

    it('writes identical rows once, and rejects different rows of one key without any change', async () => {
      await monthly('doubles', "(1, '2024-01-01', 'a')");
      await db.build({
        name: 'doubles',
        sql: select("(2, '2024-01-01', 'b'), (2, '2024-01-01', 'b')"),
        config: UPSERT,
      });
      await expect(
        db.build({
          name: 'doubles',
          sql: select("(1, '2024-01-01', 'x'), (1, '2024-01-01', 'y'), (7, '2024-01-01', 'z')"),
          config: UPSERT,
        }),
      ).rejects.toThrow('several different rows for one unique_key (id): (1) (2 rows)');
      expect(await content('doubles')).toEqual(['1 2024-01-01 a', '2 2024-01-01 b']);
      expect(await db.tables()).not.toContainEqual(expect.stringContaining('doubles__'));
    });

    it("supports a key of several columns and any partition expression, and keeps the table's settings", async () => {
      const ddl =
        '(id Int64, k LowCardinality(Nullable(String)), at DateTime codec(Delta, LZ4), third UInt8 materialized ' +
        `id % 3, other String alias k, e Int32 default 7,
      index by_k k type bloom_filter granularity 1, projection by_at (select at, count() group by at), ` +
        `constraint positive check id >= 0)
      engine = ReplacingMergeTree(at) order by id partition by (toYYYYMM(at), k) ttl at + interval 60 ` +
        `year
      settings allow_nullable_key = 1, deduplicate_merge_projection_mode = 'rebuild', ` +
        "non_replicated_deduplication_window = 100 comment 'of the table'";
      await db.rows(`create table publishing.shapes ${ddl}`);
      await db.rows(
        'insert into publishing.shapes (id, k, at) select number, if(number % 3 = 0, null, toString(number % ' +
          "3)), toDateTime('2024-01-01') + number * 100000 from numbers(300)",
      );
      const described = (): Promise<string[][]> =>
        db.rows("select create_table_query from system.tables where database = 'publishing' and name = 'shapes'");
      const before = await described();
      await db.build({
        name: 'shapes',
        config: { ...UPSERT, unique_key: ['id', 'k'] },
        sql:
          "select 9 as e, toDateTime('2024-02-01') + number * 200000 as at, if(number * 2 % 3 = 0, null, " +
          'toString(number * 2 % 3)) as k, toInt64(number * 2) as id from numbers(300)',
      });
      expect(await described()).toEqual(before);
      expect(
        await db.rows(
          'select count(), uniqExact(id, k), countIf(e = 9), countIf(e = 7), sum(third) = sum(id % 3) from ' +
            'publishing.shapes',
        ),
      ).toEqual([['450', '300', '300', '150', '1']]);
    });

    it('keeps old versions that incremental_predicates do not cover', async () => {
      await monthly('predicates', "(1, '2024-01-01', 'a'), (1, '2024-02-01', 'a')");
      await db.build({
        name: 'predicates',
        sql: select("(1, '2024-02-02', 'b')"),
        config: { ...UPSERT, incremental_predicates: ["day >= '2024-02-01'"] },
      });
      expect(await content('predicates')).toEqual(['1 2024-01-01 a', '1 2024-02-02 b']);
    });

    it('applies on_schema_change to the new table, so that no reader sees the columns without the rows', async () => {
      const changed = "select 1::Nullable(Int64) as id, toDate('2024-01-01') as day, 5 as extra";
      for (const [mode, result] of [
        ['ignore', null],
        ['fail', null],
        ['append_new_columns', null],
        ['sync_all_columns', ['1 2024-01-01 5', '2 2024-01-02 0']],
      ] as const) {
        await monthly(`change_${mode}`, "(1, '2024-01-01', 'a'), (2, '2024-01-02', 'a')");
        const seen = new Set<string>();
        const build = db.build({
          name: `change_${mode}`,
          sql: changed,
          config: { ...UPSERT, on_schema_change: mode },
          before: async () => {
            seen.add((await content(`change_${mode}`)).join());
          },
        });
        if (result === null)
          await expect(build).rejects.toThrow(mode === 'ignore' ? /Unknown expression identifier `v`/ : /out of sync/);
        else await build;
        const old = '1 2024-01-01 a,2 2024-01-02 a';
        expect(seen).toEqual(new Set(result === null ? [old] : [old, result.join()]));
      }
      await db.build({
        name: 'change_ignore',
        sql: "select 1::Nullable(Int64) as id, toDate('2024-01-01') as day, 'b' as v, 5 as extra",
        config: { ...UPSERT, on_schema_change: 'append_new_columns' },
      });
      expect(await content('change_ignore')).toEqual(['1 2024-01-01 b 5', '2 2024-01-02 a 0']);
    });

    it("shows an append at once, and an INSERT's written rows when it fails", async () => {
      const rows =
        "select number as id, toDate('2024-01-01') + number % 90 as day, throwIf(number = 190000) as v from " +
        'numbers(200000) settings max_block_size = 10000, min_insert_block_size_rows = 10000, max_threads = 1, ' +
        'max_insert_threads = 1';
      await db.rows(
        'create table publishing.appended (id UInt64, day Date, v UInt8) engine = MergeTree order by id ' +
          'partition by toYYYYMM(day)',
      );
      await expect(db.build({ name: 'appended', sql: rows })).rejects.toThrow('FUNCTION_THROW_IF');
      expect(await content('appended')).toEqual([]);
      await db.build({ name: 'appended', sql: rows.replace('190000', '200000') });
      expect(await db.rows('select count() from publishing.appended')).toEqual([['200000']]);

      await db.rows('create table publishing.inserted as publishing.appended');
      await expect(db.rows(`insert into publishing.inserted ${rows}`)).rejects.toThrow('FUNCTION_THROW_IF');
      expect(Number((await db.rows('select count() from publishing.inserted'))[0]![0])).toBeGreaterThan(0);
    });

    describe('a batch of a microbatch model', () => {
      const day = (n: number): PyDateTime => PyDateTime.fromIso(`2024-01-${String(n).padStart(2, '0')}T00:00:00`);
      const batch = (
        from: number,
        more: Readonly<Record<string, unknown>> = {},
      ): Readonly<Record<string, unknown>> => ({
        incremental_strategy: 'microbatch',
        event_time: 'day',
        __dbt_internal_microbatch_event_time_start: day(from),
        __dbt_internal_microbatch_event_time_end: day(from + 1),
        ...more,
      });
      const states = async (
        name: string,
        sql: string,
        config: Readonly<Record<string, unknown>>,
      ): Promise<Set<string>> => {
        const seen = new Set<string>();
        await db.build({
          name,
          sql,
          config,
          before: async () => {
            seen.add((await content(name)).join());
          },
        });
        return seen.add((await content(name)).join());
      };

      it('replaces its window at once, with the same result twice, and keeps the rest', async () => {
        await monthly(
          'window',
          "(1, '2024-01-04', 'a'), (2, '2024-01-05', 'a'), (3, '2024-01-05', 'a'), (4, '2024-01-06', 'a')",
        );
        const [old, fresh] = [
          '1 2024-01-04 a,2 2024-01-05 a,3 2024-01-05 a,4 2024-01-06 a',
          '1 2024-01-04 a,3 2024-01-05 b,4 2024-01-06 a,5 2024-01-05 b,5 2024-01-05 b',
        ];
        const rows = select("(3, '2024-01-05', 'b'), (5, '2024-01-05', 'b'), (5, '2024-01-05', 'b')");
        expect(await states('window', rows, batch(5))).toEqual(new Set([old, fresh]));
        expect(await states('window', rows, batch(5))).toEqual(new Set([fresh]));
        expect(await states('window', `${rows} where 0`, batch(5))).toEqual(
          new Set([fresh, '1 2024-01-04 a,4 2024-01-06 a']),
        );
        expect(await db.tables()).not.toContainEqual(expect.stringContaining('window__'));
      });

      it('with a unique_key replaces only its keys within the window', async () => {
        await monthly('keyed', "(1, '2024-01-05', 'a'), (2, '2024-01-05', 'a'), (1, '2024-01-06', 'a')");
        expect(await states('keyed', select("(1, '2024-01-05', 'b')"), batch(5, { unique_key: 'id' }))).toEqual(
          new Set(['1 2024-01-05 a,1 2024-01-06 a,2 2024-01-05 a', '1 2024-01-05 b,1 2024-01-06 a,2 2024-01-05 a']),
        );
      });

      it('of several partitions is published in one step, including partitions that become empty', async () => {
        await db.rows(
          'create table publishing.split (id Int64, day Date, v String) engine = MergeTree order by id ' +
            "partition by (id % 3) as select number, toDate('2024-01-05') + (number >= 4), 'a' from numbers(6)",
        );
        const [old, fresh] = [
          '0 2024-01-05 a,1 2024-01-05 a,2 2024-01-05 a,3 2024-01-05 a,4 2024-01-06 a,5 2024-01-06 a',
          '0 2024-01-05 b,1 2024-01-05 b,4 2024-01-06 a,5 2024-01-06 a',
        ];
        expect(
          await states('split', "select number as id, toDate('2024-01-05') as day, 'b' as v from numbers(2)", batch(5)),
        ).toEqual(new Set([old, fresh]));
        expect(
          await states('split', "select 0 as id, toDate('2024-01-06') as day, 'c' as v where 0", batch(6)),
        ).toEqual(new Set([fresh, '0 2024-01-05 b,1 2024-01-05 b']));
        expect(
          await states('split', "select 0 as id, toDate('2024-01-06') as day, 'c' as v where 0", batch(5)),
        ).toEqual(new Set(['0 2024-01-05 b,1 2024-01-05 b', '']));
      });

      it('is published together with its new columns', async () => {
        await monthly('widened', "(1, '2024-01-05', 'a'), (2, '2024-01-06', 'a')");
        expect(
          await states(
            'widened',
            "select 1::Nullable(Int64) as id, toDate('2024-01-05') as day, 'b' as v, 5 as extra",
            batch(5, { on_schema_change: 'append_new_columns' }),
          ),
        ).toEqual(new Set(['1 2024-01-05 a,2 2024-01-06 a', '1 2024-01-05 b 5,2 2024-01-06 a 0']));
      });

      it('is deleted and inserted visibly if views must see its rows', async () => {
        await monthly('batches_read', "(1, '2024-01-05', 'a')");
        await db.rows(
          'create materialized view publishing.batches_reader engine = MergeTree order by v as select v from ' +
            'publishing.batches_read',
        );
        expect(await states('batches_read', select("(1, '2024-01-05', 'b')"), batch(5))).toEqual(
          new Set(['1 2024-01-05 a', '', '1 2024-01-05 b']),
        );
        expect(await content('batches_reader')).toEqual(['b']);
        await db.rows('drop table publishing.batches_reader');
      });
    });

    it('shows insert_overwrite of several partitions at once, including rows that others write meanwhile', async () => {
      const config = { incremental_strategy: 'insert_overwrite', partition_by: 'toYYYYMM(day)', order_by: 'day' };
      await db.build({
        name: 'overwritten',
        sql: select("(1, '2024-01-01', 'a'), (2, '2024-02-01', 'a'), (3, '2024-03-01', 'a')"),
        config,
      });
      const seen = new Set<string>();
      let written = 0;
      await db.build({
        name: 'overwritten',
        sql: select("(1, '2024-01-09', 'b'), (2, '2024-02-09', 'b'), (4, '2024-04-09', 'b')"),
        config,
        before: async (sql) => {
          seen.add(
            (
              await db.rows(
                "select arrayStringConcat(arraySort(groupArray(concat(toString(id), v))), ' ') from " +
                  "publishing.overwritten where v <> 'other'",
              )
            )[0]![0]!,
          );
          if (written < 3 && /^(exchange|alter)/i.test(sql))
            await db.rows(
              "insert into publishing.overwritten select * from values('id Nullable(Int64), day Date, v " +
                `String', (${100 + written++}, '2024-03-02', 'other'))`,
            );
        },
      });
      expect(seen).toEqual(new Set(['1a 2a 3a', '1b 2b 3a 4b']));
      expect(
        await db.rows("select countIf(v = 'other'), uniqExactIf(id, v = 'other') from publishing.overwritten"),
      ).toEqual([[`${written}`, `${written}`]]);
      expect(await db.tables()).not.toContainEqual(expect.stringContaining('overwritten__'));
    });

    it('inserts new rows into a table that materialized views read, and rejects atomic_upsert', async () => {
      await monthly('read', "(1, '2024-01-01', 'a')");
      await db.rows(
        'create materialized view publishing.reader engine = MergeTree order by v as select v from publishing.read',
      );
      await expect(db.build({ name: 'read', sql: select("(1, '2024-01-01', 'b')"), config: UPSERT })).rejects.toThrow(
        "The strategy 'atomic_upsert' cannot write to `publishing`.`read`: materialized views read it " +
          '(publishing.reader): they see rows of an INSERT only. Nothing was changed.',
      );
      await db.build({ name: 'read', sql: select("(2, '2024-01-01', 'c')") });
      expect([await content('read'), await content('reader')]).toEqual([['1 2024-01-01 a', '2 2024-01-01 c'], ['c']]);
      await db.rows('drop table publishing.reader');
    });

    it('keeps rows that others write during the build, each once', async () => {
      await monthly('shared', "(1, '2024-01-01', 'a'), (2, '2024-02-01', 'a')");
      let written = 0;
      const others = async (sql: string): Promise<void> => {
        if (
          !/^(insert|exchange|create|select distinct)/i.test(sql) &&
          !(/attach partition/.test(sql) && written % 8 < 4)
        )
          return;
        await db.rows(
          "insert into publishing.shared select * from values('id Nullable(Int64), day Date, v String', " +
            `(${1000 + written}, '2024-02-0${1 + (written % 5)}', 'other'), (${1001 + written}, '2025-01-01', ` +
            "'other'))",
        );
        written += 2;
        if (written % 3 === 0) await db.rows('optimize table publishing.shared').catch(() => undefined);
      };
      const ours = "v <> 'other'";
      const counts = async (): Promise<string> =>
        (
          await db.rows(
            "select countIf(v = 'other'), uniqExactIf(id, v = 'other'), " +
              `arrayStringConcat(groupArrayIf(concat(toString(id), v), ${ours}), ' ') from (select * from ` +
              'publishing.shared order by id, v)',
          )
        )[0]!.join(' ');
      await db.build({ name: 'shared', sql: select("(2, '2024-02-05', 'b')"), config: UPSERT, before: others });
      expect(await counts()).toBe(`${written} ${written} 1a 2b`);
      await db.build({
        name: 'shared',
        sql: select("(1, '2024-02-05', 'c'), (2, '2024-03-05', 'c')"),
        config: UPSERT,
        before: others,
      });
      expect(await counts()).toBe(`${written} ${written} 1c 2c`);
      await db.build({
        name: 'shared',
        sql: select("(77, '2024-02-05', 'd'), (78, '2024-03-05', 'd')"),
        before: others,
      });
      expect(await counts()).toBe(`${written} ${written} 1c 2c 77d 78d`);
      expect(await db.tables()).not.toContainEqual(expect.stringContaining('shared__'));
    });

    it('waits for an INSERT that began before the EXCHANGE and ends after it', async () => {
      await monthly('slow', "(1, '2024-01-01', 'a'), (2, '2024-02-01', 'a')");
      let slow: Promise<unknown> = Promise.resolve();
      await db.build({
        name: 'slow',
        sql: select("(1, '2024-01-01', 'b'), (2, '2024-02-01', 'b')"),
        config: UPSERT,
        before: async (sql) => {
          if (!/^exchange/i.test(sql)) return;
          slow = db.rows(
            "insert into publishing.slow select 10 + number, '2024-05-01', toString(sleepEachRow(0.3)) from " +
              'numbers(3) settings max_block_size = 1',
          );
          await new Promise((resolve) => {
            setTimeout(resolve, 200);
          });
        },
      });
      await slow;
      expect(await content('slow')).toEqual([
        '1 2024-01-01 b',
        '2 2024-02-01 b',
        '10 2024-05-01 0',
        '11 2024-05-01 0',
        '12 2024-05-01 0',
      ]);
    });

    it('rejects what cannot be published this way, before any change', async () => {
      await db.rows("create table publishing.memory engine = Memory as select 1 as id, 'a' as v");
      await expect(db.build({ name: 'memory', sql: "select 1 as id, 'b' as v", config: UPSERT })).rejects.toThrow(
        'its engine is Memory, expected one of the MergeTree family. Nothing was changed.',
      );
      await monthly('keyless', "(1, '2024-01-01', 'a')");
      await expect(
        db.build({
          name: 'keyless',
          sql: select("(1, '2024-01-01', 'b')"),
          config: { incremental_strategy: 'atomic_upsert' },
        }),
      ).rejects.toThrow('unique_key');
      const ordinary = await ClickhouseSchema.open('publishing_ordinary', 'Ordinary');
      try {
        await ordinary.rows(
          "create table publishing_ordinary.t engine = MergeTree order by id as select 1 as id, 'a' as v",
        );
        await expect(ordinary.build({ name: 't', sql: "select 1 as id, 'b' as v", config: UPSERT })).rejects.toThrow(
          'the database `publishing_ordinary` has no EXCHANGE TABLES',
        );
        expect([await ordinary.tables(), await ordinary.rows('select * from publishing_ordinary.t')]).toEqual([
          ['t'],
          [['1', 'a']],
        ]);
      } finally {
        await ordinary.close();
      }
    });

    it('shows a first build and a full refresh when they are complete', async () => {
      const seen: string[][] = [];
      const look = async (): Promise<void> => {
        seen.push(await db.tables().then((names) => (names.includes('fresh') ? content('fresh') : ['none'])));
      };
      await db.build({ name: 'fresh', sql: "select 1 as id, 'a' as v", config: UPSERT, before: look });
      await db.build({
        name: 'fresh',
        sql: "select 2 as id, 'b' as v",
        config: UPSERT,
        fullRefresh: true,
        before: look,
      });
      expect([...new Set(seen.map((rows) => rows.join()))]).toEqual(['none', '1 a', '2 b']);
    });

    it('runs two concurrent builds of one table one after the other', async () => {
      await monthly('twice', "(1, '2024-01-01', 'a'), (2, '2024-02-01', 'a')");
      const other = await Promise.all(
        [1, 2, 3].map(async (n) =>
          db.build({
            name: 'twice',
            sql: select(`(1, '2024-01-0${n}', 'b${n}'), (2, '2024-02-01', 'b${n}'), (${10 + n}, '2024-03-01', 'c')`),
            config: UPSERT,
          }),
        ),
      );
      expect(other).toHaveLength(3);
      expect(
        await db.rows('select count(), uniqExact(id), uniqExactIf(substring(v, 1, 2), id < 10) from publishing.twice'),
      ).toEqual([['5', '5', '1']]);
    });
  },
);
