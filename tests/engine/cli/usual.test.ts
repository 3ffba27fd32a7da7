// Tests the built-in generic test `usual` on both databases: its own history, the history of periods, bounds, messages,
// and remains.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AnyProject, PROJECT_DATABASES } from '../support/any-project.ts';
import { toText } from '../../../src/values/index.ts';

interface Dialect {
  readonly type: keyof typeof PROJECT_DATABASES;
  /** A table of so many rows: `n` counts from 0. */
  readonly create: (table: string, columns: string) => string;
  /** `n` rows of these expressions. */
  readonly rows: (table: string, expressions: string, count: number) => string;
  readonly ago: (count: string, unit: string) => string;
}

const SCHEMA = `usual_${process.pid}`;
const DIALECTS: readonly Dialect[] = [
  {
    type: 'postgres',
    create: (table, columns) => `create table ${table} (${columns.replaceAll('time', 'timestamptz')})`,
    rows: (table, expressions, count) =>
      `insert into ${table} select ${expressions} from generate_series(0, ${count - 1}) as g(n)`,
    ago: (count, unit) => `date_trunc('${unit}', now()) - (${count}) * interval '1 ${unit}'`,
  },
  {
    type: 'clickhouse',
    create: (table, columns) =>
      `create table ${table} (${columns.replaceAll('time', 'DateTime').replaceAll('text', 'Nullable(String)')}) ` +
      'engine = MergeTree order by tuple()',
    rows: (table, expressions, count) =>
      `insert into ${table} select ${expressions} from (select toInt64(number) as n from numbers(${count}))`,
    ago: (count, unit) => `dateAdd(${unit}, -(${count}), toDateTime(date_trunc('${unit}', now())))`,
  },
];

describe.each(DIALECTS)('the usual test on $type', ({ type, create, rows, ago }) => {
  const { missing } = PROJECT_DATABASES[type];
  let project: AnyProject;
  const write: AnyProject['write'] = (files) => project.write(files);
  const sql = async (...statements: string[]): Promise<string[][]> => {
    const session = project.adapter.session({ name: 'test' });
    let found: string[][] = [];
    try {
      for (const statement of statements) {
        const { table } = await session.execute(statement, { fetch: statement.startsWith('select'), autoBegin: true });
        found = table.rows.map(({ values }) => values.map((value) => (value === null ? 'null' : toText(value))));
      }
      if (session.inTransaction) await session.commit();
      return found;
    } finally {
      await session.release();
    }
  };
  const tsdbt: AnyProject['tsdbt'] = (...args) => project.tsdbt(...args);
  const messages = (): [string, string | null][] =>
    (
      JSON.parse(readFileSync(join(project.dir, 'target/run_results.json'), 'utf8')) as {
        results: { status: string; message: string | null }[];
      }
    ).results.map(({ status, message }) => [status, message]);
  /** A table in the test's schema, which a source names, and tests of it. */
  const declare = (table: string, tests: string): void =>
    write({
      'models/raw.yml':
        `sources: [{name: raw, schema: ${SCHEMA}, tables: [{name: ${table}, ` + `data_tests: [${tests}]}]}]\n`,
    });

  beforeAll(async () => {
    if (missing !== null) return;
    project = await AnyProject.open(PROJECT_DATABASES[type], SCHEMA, {
      'models/a.sql': 'select 1 as id',
    });
  });
  afterAll(() => project?.close());
  const test = it.skipIf(missing !== null);

  test('compares a row count with those of earlier runs, to which each run adds one', async () => {
    const table = `${SCHEMA}.counted`;
    await sql(create(table, 'id bigint'));
    declare('counted', '{usual: {arguments: {min_history: 4, window: 10}}}');
    for (const count of [100, 2, 1, 3]) {
      await sql(rows(table, 'n', count));
      const { code, out } = await tsdbt('test');
      expect(code, out).toBe(0);
    }
    expect(messages()).toEqual([['pass', null]]);
    // Neither what only compiles nor an empty run leaves a value behind.
    for (const args of [['compile'], ['build', '--empty'], ['docs', 'generate', '--empty-catalog']]) {
      const { code, out } = await tsdbt(...args);
      expect(code, out).toBe(0);
    }
    await sql(rows(table, 'n', 400));
    expect((await tsdbt('test', '--quiet')).code).toBe(1);
    const [[status, message]] = messages() as [[string, string]];
    expect([status, message.replace(/usual is .*? to [\d.]+/, 'usual is …')]).toEqual([
      'fail',
      'Got 1 result, configured to fail if != 0; row_count is 506, usual is …; last values: 106, 103, 102, 100',
    ]);
    expect(
      await sql(
        `select value, reason = '' from tsdbt.test_values where target_schema = '${SCHEMA}' order by measured_at`,
      ),
    ).toEqual([
      ...[100, 102, 103, 106].map((n) => [`${n}.0`, expect.stringMatching(/1|True/)]),
      ['506.0', expect.stringMatching(/0|False/)],
    ]);
    // An unusual value is no measure for the next one.
    expect((await tsdbt('retry')).code).toBe(1);
    expect(messages()[0]![1]).toContain('last values: 106, 103, 102, 100');
    expect((await tsdbt('show', '--select', 'test_type:generic')).code).toBe(0);
  });

  test('accepts a permanent change after a while', async () => {
    const table = `${SCHEMA}.moved`;
    await sql(create(table, 'id bigint'));
    declare('moved', '{usual: {arguments: {min_history: 2, window: 4, drop: "20%", rise: 0.5}}}');
    const codes: (number | null)[] = [];
    for (const more of [10, 0, 90, 0, 0, 0]) {
      if (more > 0) await sql(rows(table, 'n', more));
      codes.push((await tsdbt('test')).code);
    }
    expect(codes).toEqual([0, 0, 1, 1, 1, 0]);
  });

  test('fails for daily users that fall by a fifth since yesterday', async () => {
    const table = `${SCHEMA}.visits`;
    await sql(create(table, 'at time, user_id bigint'));
    // Ten users a day for ten days, seven on the last whole one, two so far today.
    await sql(
      rows(table, `${ago('2 + n % 10', 'day')}, n / 10`, 100),
      rows(table, `${ago('1', 'day')}, n`, 7),
      rows(table, `${ago('0', 'day')}, n`, 2),
    );
    const value = 'value: count(distinct user_id), time_column: at';
    declare('visits', `{usual: {arguments: {${value}, drop: 20%}}}, {usual: {arguments: {${value}, drop: 40%}}}`);
    const { code, out } = await tsdbt('test');
    expect(code, out).toBe(1);
    expect(messages().sort()).toEqual([
      [
        'fail',
        'Got 1 result, configured to fail if != 0; count(distinct user_id) is 7, 30% below the previous 10; ' +
          'last values: 10, 10, 10, 10, 10',
      ],
      ['pass', null],
    ]);
    expect(await sql(`select count(*) from tsdbt.test_values where test_id like '%usual_raw_visits%'`)).toEqual([
      ['0'],
    ]);
    // A day without rows is a day with 0 users.
    await sql(`delete from ${table} where at >= ${ago('1', 'day')}`);
    expect((await tsdbt('test')).code).toBe(1);
    expect(messages()[0]![1]).toContain('count(distinct user_id) is 0, 100% below the previous 10');
  });

  test('needs no history for an error rate with an upper bound', async () => {
    const table = `${SCHEMA}.requests`;
    await sql(create(table, 'code bigint'), rows(table, 'case when n < 3 then 500 else 200 end', 100));
    const value = 'value: avg(case when code >= 500 then 1.0 else 0.0 end)';
    declare(
      'requests',
      `{usual: {arguments: {${value}, above: 2%}}}, {usual: {arguments: {value: row_count, below: 50}}}`,
    );
    expect((await tsdbt('test')).code).toBe(1);
    expect(messages().sort()[0]![1]).toBe(
      'Got 1 result, configured to fail if != 0; avg(case when code >= 500 then 1.0 else 0.0 end) is 0.03, above 0.02',
    );
  });

  test('compares a session length per country, with a where, in minutes rather than days', async () => {
    const table = `${SCHEMA}.sessions`;
    await sql(create(table, 'at time, country text, seconds bigint, bot bigint'));
    await sql(
      ...['DE', 'AT'].map((country) => rows(table, `${ago('2 + n % 8', 'minute')}, '${country}', 300 + n % 8, 0`, 80)),
      rows(table, `${ago('1', 'minute')}, 'DE', 60, 0`, 5),
      rows(table, `${ago('1', 'minute')}, 'AT', 301, 0`, 5),
      rows(table, `${ago('1', 'minute')}, 'AT', 9000, 1`, 5),
    );
    const config = 'config: {severity: warn, where: "bot = 0"}';
    const value = 'value: avg(seconds), time_column: at, period: minute, group_by: country, window: 6, sigma: 3';
    declare('sessions', `{usual: {arguments: {${value}}, ${config}}}`);
    const { code, out } = await tsdbt('test');
    expect(code, out).toBe(0);
    // A minute may have passed since the rows were made.
    const [[status, message]] = messages() as [[string, string]];
    expect(status).toBe('warn');
    expect(message).toMatch(
      new RegExp(
        '^Got [12] results?, configured to warn if != 0; (AT: .*; )?DE: avg\\(seconds\\) (is 60, usual is ' +
          '29\\d\\.\\d+ to 3\\d\\d\\.?\\d*; last values: 30\\d, 30\\d, 30\\d, 30\\d, 30\\d$|has no value)',
      ),
    );
  });

  test('checks a rate of nulls and an age on a column', async () => {
    const table = `${SCHEMA}.people`;
    await sql(create(table, 'at time, name text'), rows(table, `${ago('1', 'day')}, 'x'`, 4));
    const tests = '{usual: {arguments: {value: null_rate, rise: 50%, above: 40%}}}';
    const age = '{usual: {arguments: {value: freshness, above: 3600}}}';
    write({
      'models/raw.yml':
        `sources: [{name: raw, schema: ${SCHEMA}, tables: [{name: people, columns: [` +
        `{name: name, data_tests: [${tests}]}, {name: at, data_tests: [${age}]}]}]}]\n`,
    });
    await sql(rows(table, `${ago('1', 'day')}, null`, 4));
    expect((await tsdbt('test')).code).toBe(1);
    expect(
      messages()
        .map(([, message]) => message?.replace(/is \d{5,}(\.\d+)?/, 'is …'))
        .sort(),
    ).toEqual([
      'Got 1 result, configured to fail if != 0; freshness of at is …, above 3600',
      'Got 1 result, configured to fail if != 0; null_rate of name is 0.5, above 0.4',
    ]);
  });

  test.each([
    ['value: null_rate', "The argument 'value' of the test usual needs a column"],
    ['drop: a lot', 'The argument \'drop\' of the test usual must be a number or a share such as 20%; found "a lot"'],
    ['drop: 120%', "'drop' of the test usual must be at most 100%"],
    ['sigma: 0', "'sigma' of the test usual must be more than 0"],
    ['window: 2', "'min_history' of the test usual must not be more than the window of 2; found 5"],
    ['window: 2.5', "'window' of the test usual must be a whole number from 1 to 1000; found 2.5"],
    ['against: yesterday', "'against' of the test usual must be previous, mean, or how many values ago"],
    ['time_column: at, period: decade', "'period' of the test usual must be one of minute, hour, day, week, month"],
    ['value: freshness, column_name: at, time_column: at', "'time_column' of the test usual is of no use"],
  ])('rejects %s', async (args, words) => {
    declare('counted', `{usual: {arguments: {${args}}}}`);
    const { code, out } = await tsdbt('test');
    // While parsing: no statement has been sent.
    expect([code, out.replaceAll('\\"', '"')]).toEqual([2, expect.stringContaining(words)]);
  });

  test('is replaced by a test of this name in the project', async () => {
    write({ 'tests/generic/usual.sql': '{% test usual(model, word) %}select {{ word }} as reason{% endtest %}' });
    declare('counted', '{usual: {arguments: {word: 7}}}');
    expect((await tsdbt('test')).code).toBe(1);
    expect(messages()).toEqual([['fail', 'Got 1 result, configured to fail if != 0']]);
    rmSync(join(project.dir, 'tests'), { recursive: true });
  });
});
