// Tests the ClickHouse adapter on its embedded server: values and types of results, errors with their position, the
// catalogue, loading of rows, sessions.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Session } from '../../../src/adapters/adapter.ts';
import type { ClickHouseAdapter } from '../../../src/adapters/clickhouse/adapter.ts';
import { ClickHouseSession } from '../../../src/adapters/clickhouse/session.ts';
import { inferTable } from '../../../src/adapters/table-inference.ts';
import { TsdbtError } from '../../../src/errors.ts';
import { toRepr } from '../../../src/values/text.ts';
import { sleep } from '../../../src/within.ts';
import { clickhouseAdapter, clickhouseMissing } from '../support/clickhouse.ts';
import { FOR_EVENTS } from '../support/events.ts';

const SCHEMA = 'adapter_test';

describe.skipIf(clickhouseMissing !== null)(
  `the ClickHouse adapter${clickhouseMissing === null ? '' : ` (skipped: ${clickhouseMissing})`}`,
  () => {
    let adapter: ClickHouseAdapter;
    let session: Session;
    const run = (sql: string) => session.execute(sql, { fetch: true });
    const failure = async (sql: string): Promise<TsdbtError> => {
      try {
        await run(sql);
      } catch (error) {
        if (error instanceof TsdbtError) return error;
        throw error;
      }
      throw new Error('it did not fail');
    };

    beforeAll(async () => {
      adapter = clickhouseAdapter(SCHEMA);
      session = adapter.session({ name: 'test' });
      await session.execute(`create database if not exists ${SCHEMA}`);
    });
    afterAll(async () => {
      await session?.release();
      await adapter?.close();
    });

    it('releases a claimed name when it is closed, because a run closes it before its session ends', async () => {
      const [first, other] = [clickhouseAdapter(SCHEMA), adapter.session({ name: 'other' })];
      const owner = first.session({ name: 'owner' });
      expect(await first.claim(owner, 'the run')).toBeNull();
      expect(await adapter.claim(other, 'the run')).toMatch(/^process \d+ on /);
      await first.close();
      await owner.release();
      expect(await adapter.claim(other, 'the run')).toBeNull();
      await other.release();
    });

    it("does not share a released session's server session with another for a late statement", async () => {
      const first = adapter.session({ name: 'released' });
      if (!(first instanceof ClickHouseSession)) throw new Error('it is no session of ClickHouse');
      await first.execute('select 1');
      let late: Promise<string> = Promise.resolve('nothing');
      // An ending asks the server beside the session, as that of a lease does.
      first.endings.push(async () => {
        late = first.execute('select sleep(1.5)').then(() => 'late');
        await run('select 1');
      });
      const released = first.release();
      // By then the session is released, unless that waits.
      await Promise.race([released, sleep(500)]);
      const next = adapter.session({ name: 'next' });
      expect(await Promise.race([late, next.execute('select 2').then(() => 'next')])).toBe('next');
      expect(await late).toBe('late');
      await released;
      await next.release();
    });

    // What dbt-clickhouse 1.10.3 gives for the same query: `run_query(sql).rows[0]` and the names of agate's types.
    const values: readonly (readonly [sql: string, value: string, type: string])[] = [
      ['toUInt8(7)', '7', 'Integer'],
      ["toUInt64('18446744073709551615')", '18446744073709551615', 'Integer'],
      ["toInt128('-170141183460469231731687303715884105728')", '-170141183460469231731687303715884105728', 'Integer'],
      ['toFloat64(0.1)', "Decimal('0.1')", 'Number'],
      ['toFloat32(0.1)', "Decimal('0.10000000149011612')", 'Number'],
      ["toDecimal64('12.50', 4)", "Decimal('12.5000')", 'Number'],
      ["'005'", "'005'", 'Text'],
      ["cast('x', 'LowCardinality(Nullable(String))')", "'x'", 'Text'],
      ["cast(null, 'Nullable(String)')", 'None', 'Integer'],
      ['true', 'True', 'Boolean'],
      ["toDate('2026-01-02')", 'datetime.date(2026, 1, 2)', 'Date'],
      ["toDateTime('2026-01-02 03:04:05', 'UTC')", 'datetime.datetime(2026, 1, 2, 3, 4, 5)', 'DateTime'],
      [
        "toDateTime64('2026-01-02 03:04:05.678', 3, 'UTC')",
        'datetime.datetime(2026, 1, 2, 3, 4, 5, 678000)',
        'DateTime',
      ],
      ["toDateTime('2026-07-02 03:04:05', 'Europe/Berlin')", 'datetime.datetime(2026, 7, 2, 1, 4, 5)', 'DateTime'],
      ['toFloat64(3)', "Decimal('3.0')", 'Number'],
      ["cast((1, 'a'), 'Tuple(x Int8, y String)')", '\'{"x": 1, "y": "a"}\'', 'Text'],
      ["toFixedString('ab', 3)", toRepr("b'ab\\x00'"), 'Text'],
      ['cast(\'{"a":1,"b":[1,2]}\', \'JSON\')', '\'{"a": 1, "b": [1, 2]}\'', 'Text'],
      ["[toDecimal32('1.5', 2)]", "'[1.5]'", 'Text'],
      ["[toDate('2026-01-02')]", '\'["2026-01-02"]\'', 'Text'],
      ["map(toUInt64('18446744073709551615'), 'b')", '\'{"18446744073709551615": "b"}\'', 'Text'],
      ['toTime64(3600, 3)', "'1:00:00'", 'Text'],
      ["toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')", "'61f0c404-5cb3-11e7-907b-a6006ad3dba0'", 'Text'],
      ['[1, 2]', "'[1, 2]'", 'Text'],
      ["map('a', 1)", '\'{"a": 1}\'', 'Text'],
      ["(1, 'a')", '\'[1, "a"]\'', 'Text'],
    ];
    it.each(values)('reads %s as %s', async (sql, value, type) => {
      const { table } = await run(`select ${sql} as x`);
      expect([toRepr(table.rows[0]!.values[0]!), table.types[0]!.name]).toEqual([value, type]);
    });

    it("reports the server's code and name, and the position of a syntax error", async () => {
      const sql = 'select 1,\n  2\nfrom numbers(3) whre 1';
      const error = await failure(sql);
      expect(error.message).toMatch(/^Code: 62\. DB::Exception: Syntax error: .*\(SYNTAX_ERROR\)$/s);
      expect([error.details.code, sql.slice(error.details.position! - 1)]).toEqual(['62', '1']);
    });

    it('points to an unknown column that is mentioned once', async () => {
      const sql = 'select number,\n  amout\nfrom numbers(3)';
      const error = await failure(sql);
      expect([error.details.code, sql.slice(error.details.position! - 1)]).toEqual(['47', 'amout\nfrom numbers(3)']);
    });

    it('never shows rows of a failed statement before those of the next', async () => {
      await failure("select throwIf(number = 150000), repeat('x', 50) from numbers(200000)");
      const { table } = await run('select 42 as x');
      expect(table.rows.map((row) => row.values)).toEqual([[42]]);
    });

    it('reads the catalogue of several schemas in one statement', async () => {
      const other = `${SCHEMA}_other`;
      for (const sql of [
        `create database if not exists ${other}`,
        `create or replace table ${SCHEMA}.Orders (id Int64) engine = MergeTree order by id`,
        `create or replace view ${SCHEMA}.orders as select 1 as id`,
        `create table if not exists ${other}.target (id Int64) engine = MergeTree order by id`,
        `create materialized view if not exists ${other}.writer to ${other}.target as select id from ${SCHEMA}.Orders`,
      ])
        await session.execute(sql);
      await adapter.fillCache(session, [
        { database: '', schema: SCHEMA },
        { database: '', schema: other },
      ]);
      const facts = (schema: string) =>
        adapter.cache
          .list('', schema)
          .map((r) => [r.render(), r.type, r.fields.own['can_exchange']])
          .sort();
      expect(facts(SCHEMA)).toEqual([
        ['`adapter_test`.`Orders`', 'table', true],
        ['`adapter_test`.`orders`', 'view', false],
      ]);
      expect(facts(other)).toEqual([
        ['`adapter_test_other`.`target`', 'table', true],
        ['`adapter_test_other`.`writer`', 'materialized_view', false],
      ]);
      const target = adapter.cache.get({ database: '', schema: other, identifier: 'target' })!;
      expect(toRepr(target.fields.own['mvs_pointing_to_it']!)).toContain("'name': 'writer'");
      expect(await adapter.existingSchemas(session, [SCHEMA, 'nowhere'])).toEqual(new Set([SCHEMA]));
    });

    it('returns a new mark for a table whose rows or columns have changed, and none for a view', async () => {
      await session.execute(`create or replace table ${SCHEMA}.marked (id Int64) engine = MergeTree order by id`);
      await session.execute(`create or replace view ${SCHEMA}.seen as select 1 as id`);
      const relations = ['marked', 'seen', 'nothing'].map((identifier) =>
        adapter.createRelation({ schema: SCHEMA, identifier }),
      );
      const [first, view, nothing] = await adapter.fetchChangeMarks(session, relations);
      expect([view, nothing]).toEqual([null, null]);
      expect((await adapter.fetchChangeMarks(session, relations))[0]).toBe(first);
      await session.execute(`insert into ${SCHEMA}.marked values (1)`);
      const second = (await adapter.fetchChangeMarks(session, relations))[0];
      expect(second).not.toBe(first);
      await session.execute(`alter table ${SCHEMA}.marked delete where id = 1`);
      expect((await adapter.fetchChangeMarks(session, relations))[0]).not.toBe(second);
    });

    it('loads rows with quotes, line breaks, nulls and times', async () => {
      await session.execute(
        `create or replace table ${SCHEMA}.loaded (id Int32, name Nullable(String), at ` +
          "Nullable(DateTime('UTC')), ok Bool) engine = MergeTree order by id",
      );
      const table = inferTable(
        ['id', 'name', 'at', 'ok'],
        [
          ['1', 'a\t"b"\n\\c', '2026-01-02 03:04:05', 'true'],
          ['2', null, null, 'false'],
        ],
      );
      expect(
        await adapter.loadTable(session, adapter.createRelation({ schema: SCHEMA, identifier: 'loaded' }), table),
      ).toBe(2);
      const { table: read } = await run(`select * from ${SCHEMA}.loaded order by id`);
      expect(read.rows.map((row) => row.values.map(toRepr))).toEqual([
        ['1', toRepr('a\t"b"\n\\c'), 'datetime.datetime(2026, 1, 2, 3, 4, 5)', 'True'],
        ['2', 'None', 'None', 'False'],
      ]);
    });

    it('describes the columns of a query without running it', async () => {
      expect(await session.describe("select throwIf(1) as a, cast('x', 'LowCardinality(String)') as b")).toEqual([
        { name: 'a', typeName: 'UInt8' },
        { name: 'b', typeName: 'LowCardinality(String)' },
      ]);
    });

    it('limits settings and temporary tables to the session that made them', async () => {
      await session.execute('create temporary table mine as select 7 as x');
      const other = adapter.session({ name: 'other' });
      try {
        expect((await run('select x from mine')).table.rows[0]!.values).toEqual([7]);
        await expect(other.execute('select x from mine', { fetch: true })).rejects.toThrow('UNKNOWN_TABLE');
      } finally {
        await other.release();
      }
    });

    it('knows the capabilities of the server', async () => {
      expect(await adapter.facts()).toEqual({
        version: expect.stringMatching(/^\d+\.\d+/) as string,
        timezone: expect.any(String) as string,
        database: SCHEMA,
        engine: 'Atomic',
        atomicExchange: true,
        lightweightDeletes: true,
      });
    });

    it('can cancel a running statement', async () => {
      const running = run(
        'select sleepEachRow(1) from numbers(304) settings max_block_size = 1, ' +
          'function_sleep_max_microseconds_per_block = 60000000',
      );
      running.catch(() => undefined);
      const other = adapter.session({ name: 'other' });
      const seen = async () =>
        (
          await other.execute("select count() from system.processes where query like '%from numbers(304)%'", {
            fetch: true,
          })
        ).table.rows[0]!.values[0];
      // This question and the statement.
      await expect.poll(seen, FOR_EVENTS).toBe(2);
      await session.cancel();
      await expect(running).rejects.toThrow();
      // Gone by now, and nothing follows.
      expect(await seen()).toBe(1);
      await other.release();
      await expect(run('select 1 as x')).rejects.toThrow('Query was cancelled');
      await session.release();
      expect((await run('select 1 as x')).table.rows[0]!.values).toEqual([1]);
    });
  },
);
