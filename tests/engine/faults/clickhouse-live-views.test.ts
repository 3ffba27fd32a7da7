// Tests that replacing ClickHouse materialized views during inserts loses and duplicates no row, even if the run is
// killed at a statement.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clickhouseMissing } from '../support/clickhouse.ts';
import { ClickhouseLab, type Fault } from './clickhouse-lab.ts';
import { pause } from './project.ts';

/** `npm run faults -- clickhouse` kills at every statement. */
const LONG = process.env['TSDBT_FAULT_KILLS'] !== undefined;
const VIEW = "{{ config(materialized='materialized_view', order_by='n') }}\n";

describe.skipIf(clickhouseMissing !== null)('ClickHouse materialized views with concurrent inserts', () => {
  let lab: ClickhouseLab;
  let next = 1000;
  beforeAll(async () => {
    lab = await ClickhouseLab.open({
      'models/m1.sql': `${VIEW}select n, n * 2 as twice from x.src`,
      'models/m2.sql': `${VIEW}select n, twice + 1 as more from {{ ref('m1') }}`,
      'models/tgt.sql': "{{ config(materialized='table', order_by='n') }} select 0::UInt64 as n, '' as v where 0",
      'models/v.sql':
        "{{ config(materialized='materialized_view') }} {{ materialization_target_table(ref('tgt')) }} select n, " +
        "'{{ var('text', 'a') }}' as v from x.src",
    });
    await lab.rows('create database x');
    await lab.rows('create table x.src (n UInt64) engine = MergeTree order by n');
    await lab.rows('insert into x.src select number from numbers(1000)');
  });
  afterAll(() => lab.close());

  /** Writes up to 100 rows per second for as long as the work takes. @returns rows that were written */
  const whileWriting = async (table: string, work: () => Promise<unknown>): Promise<number> => {
    let done = false;
    let written = 0;
    const client = async (): Promise<void> => {
      while (!done) {
        const began = Date.now();
        await lab.rows(`insert into ${table} values (${next++})`);
        written++;
        await pause(Math.max(1, 10 - (Date.now() - began)));
      }
    };
    const writer = client();
    try {
      await work();
    } finally {
      done = true;
      await writer;
    }
    return written;
  };
  const run = async (args: readonly string[], fault?: Fault): Promise<readonly string[]> => {
    const { code, out, killed, statements } = await lab.run(['run', ...args], {
      beside: true,
      ...(fault && { fault }),
    });
    if (fault === undefined) expect(code, out).toBe(0);
    else expect(killed, out).toBe(true);
    return statements;
  };
  const expectExact = async (...names: string[]): Promise<void> => {
    const [source] = await lab.rows('select count(), sum(n) from x.src');
    for (const name of names)
      expect([name, ...(await lab.rows(`select count(), uniqExact(n), sum(n) from s.${name}`))[0]!]).toEqual([
        name,
        source![0],
        source![0],
        source![1],
      ]);
  };
  const expectTidy = async (): Promise<void> => {
    expect(await lab.orphans()).toEqual([]);
    expect(
      await lab.rows("select name, comment from system.tables where database = 's' and name like 'm_' order by name"),
    ).toEqual([
      ['m1', ''],
      ['m2', ''],
    ]);
    expect(
      await lab.rows(
        "select name, as_select from system.tables where engine = 'MaterializedView' and name like 'm%' order by name",
      ),
    ).toEqual([
      ['m1_mv', 'SELECT n, n * 2 AS twice FROM x.src'],
      ['m2_mv', 'SELECT n, twice + 1 AS more FROM s.m1'],
    ]);
  };

  it('miss no row in a first run, a full refresh of all and one of the first alone', async () => {
    for (const args of [
      ['-s', 'm1', 'm2'],
      ['-s', 'm1', 'm2', '--full-refresh'],
      ['-s', 'm1', '--full-refresh'],
    ]) {
      expect(await whileWriting('x.src', () => run(args))).toBeGreaterThan(5);
      await expectExact('m1', 'm2');
      await expectTidy();
    }
  });

  it('miss no row in the run after a full refresh that was killed at any statement', async () => {
    let statements: readonly string[] = [];
    await whileWriting('x.src', async () => {
      statements = await run(['--full-refresh', '-s', 'm1']);
    });
    const changes = statements
      .map((sql, at) => ({ sql, at }))
      .filter(({ sql }) => !/^\s*(?:select|describe)/i.test(sql));
    const chosen = LONG
      ? changes.map(({ at }) => at)
      : [
          /create materialized view .*arriving/i,
          /insert into .*additional_table_filters/i,
          /alter table .* modify query .* < \d/i,
          /exchange tables/i,
          /create materialized view .*m1_mv/i,
          /insert into `s`\.`m1` /i,
          /alter table .* modify query (?!.*begun|.*initialQuery)/i,
        ];
    for (const at of chosen)
      for (const how of LONG ? (['before', 'after'] as const) : (['after'] as const)) {
        await whileWriting('x.src', async () => {
          await run(['--full-refresh', '-s', 'm1'], { at, how });
          await pause(300);
          await run(['-s', 'm1', 'm2']);
        });
        await expectExact('m1', 'm2').catch((error: unknown) => {
          throw new Error(`killed ${how} ${String(at)}`, { cause: error });
        });
      }
    await expectTidy();
  });

  it('write each row once to the table of another model, whatever is refreshed', async () => {
    for (const args of [[], ['--full-refresh'], ['--full-refresh', '-s', 'v']]) {
      await whileWriting('x.src', () => run([...args, ...(args.includes('-s') ? [] : ['-s', 'tgt', 'v'])]));
      await expectExact('tgt');
    }
    await run(['--full-refresh', '-s', 'v', '--vars', '{text: b}']);
    await lab.rows(`insert into x.src values (${next++})`);
    expect(await lab.rows('select v, count() > 1 from s.tgt group by v order by v')).toEqual([
      ['a', 1],
      ['b', 0],
    ]);
    await expectExact('tgt');
    expect(await lab.orphans()).toEqual([]);
  });

  it('add each row once in the run after a kill while the table of another model is filled', async () => {
    const args = ['--full-refresh', '-s', 'tgt', 'v'];
    let statements: readonly string[] = [];
    await whileWriting('x.src', async () => {
      statements = await run(args);
    });
    const chosen = LONG
      ? statements.flatMap((sql, at) => (/^\s*(?:select|describe)/i.test(sql) ? [] : [at]))
      : [
          /insert into .*additional_table_filters/i,
          /create materialized view `s`\.`v` /i,
          /insert into .*filling_later/i,
          /modify comment .*moving/i,
          /move partition/i,
          /alter table `s`\.`v` modify query/i,
        ];
    for (const at of chosen)
      for (const how of LONG ? (['before', 'after'] as const) : (['after'] as const)) {
        await whileWriting('x.src', async () => {
          await run(args, { at, how });
          await pause(300);
          await run(['-s', 'tgt', 'v']);
        });
        await expectExact('tgt').catch((error: unknown) => {
          throw new Error(`killed ${how} ${String(at)}`, { cause: error });
        });
      }
    expect(await lab.orphans()).toEqual([]);
  });

  it('that cannot be replaced live miss no row in the run after a kill', async () => {
    lab.write({
      'macros/mv.sql':
        '{% macro clickhouse__create_mv(mv_relation, target_relation, cluster_clause, refreshable_clause, view_sql, ' +
        "is_main_statement=False) %}{% call statement('create mv') %}create materialized view if not exists " +
        '{{ mv_relation }} to {{ target_relation }} as {{ view_sql }} comment ' +
        '{{ adapter.quote_text(clickhouse__own_view_comment()) }}{% endcall %}{% endmacro %}',
    });
    const cases = [
      { args: ['--full-refresh'], at: /drop view .*m1_mv/i },
      { args: ['--full-refresh'], at: /exchange tables/i },
      { args: ['--full-refresh'], at: /create materialized view .*m1_mv/i },
      { args: [], at: /rename table/i },
      { args: [], at: /modify comment 'tsdbt: not filled'/i },
    ];
    try {
      await run(['-s', 'm1', 'm2']);
      for (const { args, at } of cases) {
        if (args.length === 0) for (const sql of ['drop view s.m1_mv', 'drop table s.m1']) await lab.rows(sql);
        await run(['-s', 'm1', ...args], { at, how: 'after' });
        await lab.rows(`insert into x.src values (${next++})`);
        await run(['-s', 'm1', 'm2']);
        await lab.rows(`insert into x.src values (${next++})`);
        await expectExact('m1').catch((error: unknown) => {
          throw new Error(`killed after ${String(at)}`, { cause: error });
        });
      }
      await run(['-s', 'm1', 'm2', '--full-refresh']);
      await expectTidy();
    } finally {
      lab.remove('macros/mv.sql');
    }
  });

  it('have each row once if their query filters tables', async () => {
    lab.write({
      'models/m3.sql':
        "{{ config(materialized='materialized_view', order_by='n', query_settings={" +
        "'function_sleep_max_microseconds_per_block': 60000000, 'additional_table_filters': " +
        "{'x.src': 'sleepEachRow(0.0003) = 0'}}) }}\nselect n from x.src",
    });
    try {
      for (const args of [[], ['--full-refresh']]) {
        expect(await whileWriting('x.src', () => run(['-s', 'm3', ...args]))).toBeGreaterThan(5);
        expect(await lab.rows('select n from s.m3 group by n having count() > 1')).toEqual([]);
        expect(await lab.rows('select count() >= 1000 from s.m3')).toEqual([[1]]);
      }
    } finally {
      lab.remove('models/m3.sql');
    }
  });
});
