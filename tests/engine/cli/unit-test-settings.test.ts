// Tests `meta.tsdbt.now` and `meta.tsdbt.cte` of unit tests on both databases.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClickhouseLab } from '../faults/clickhouse-lab.ts';
import { FaultProject } from '../faults/project.ts';
import { clickhouseMissing } from '../support/clickhouse.ts';

interface Lab {
  run(args: readonly string[]): Promise<{ code: number | null; out: string }>;
  write(files: Readonly<Record<string, string>>): void;
  close(): Promise<unknown>;
}

const NOW = '2024-01-31 23:30:00.25+02:00';
const AT = `{now: '${NOW}'}`;
const JINJA = "[{started: '2024-01-31 21:30:00.250000+00:00', day: '2024-01-31', id: 1}]";
const NAMES = "[{id: 1, now: 'now()', current_date: 7}, {id: 2, now: 'now()', current_date: 7}]";
/** A unit test with these settings. */
const test = (name: string, model: string, expected: string, settings: string): string => `
  - name: ${name}
    model: ${model}
    given: [{input: ref('raw'), rows: [{id: 1, at: '2024-01-31 10:00:00'}, {id: 2, at: '2024-01-30 10:00:00'}]}]
    expect: {rows: ${expected}}
    config: {meta: {tsdbt: ${settings}}}
`;

const MODELS = `
models: [{name: raw, columns: [{name: id, data_type: COLUMN_INT}, {name: at, data_type: COLUMN_TIME}]}]
unit_tests:
${test('clock', 'clock', 'CLOCK', AT)}
${test('jinja', 'jinja', JINJA, AT)}
${test('names', 'names', NAMES, AT)}
${test('first_step', 'steps', '[{id: 1}]', `{now: 2024-01-31 12:00:00, cte: today}`)}
${test('second_step', 'steps', '[{doubled: 2}]', `{now: 2024-01-31 12:00:00, cte: Twice}`)}
${test('whole_model', 'steps', '[{n: 1}]', `{now: 2024-01-31}`)}
${test('no_such_cte', 'steps', '[{n: 1}]', `{cte: twise}`)}
${test('no_cte', 'clock', 'CLOCK', `{cte: x}`)}
`;

const FILES = {
  'models/raw.sql': 'select 1 as id',
  'models/jinja.sql':
    "select '{{ run_started_at }}' as started, '{{ modules.datetime.datetime.utcnow().date() }}' as day, id from " +
    "{{ ref('raw') }} where id = 1",
  'models/steps.sql':
    "with today as (select id from {{ ref('raw') }} where cast(at as date) = IS_TODAY), -- with other as (\n" +
    '"Twice" as (select id * 2 as doubled from today) select count(*) as n from "Twice"',
};

interface Dialect {
  readonly clock: string;
  readonly expected: string;
  readonly names: string;
  readonly today: string;
  readonly types: readonly [int: string, time: string];
}

function proves(open: (files: Readonly<Record<string, string>>) => Promise<Lab>, dialect: Dialect): void {
  let lab: Lab;
  beforeAll(async () => {
    lab = await open({
      ...FILES,
      'models/clock.sql': dialect.clock,
      'models/names.sql': dialect.names,
      'models/steps.sql': FILES['models/steps.sql'].replace('IS_TODAY', dialect.today),
      'models/m.yml': MODELS.replaceAll('CLOCK', dialect.expected)
        .replaceAll('COLUMN_INT', dialect.types[0])
        .replaceAll('COLUMN_TIME', dialect.types[1]),
    });
  });
  afterAll(() => lab.close());

  it('now is the time of each function of the clock', async () => {
    const { code, out } = await lab.run(['test', '--select', 'clock,test_type:unit', '--exclude', 'no_cte']);
    expect(code, out).toBe(0);
  });

  it('now is the time of Jinja', async () => {
    const { code, out } = await lab.run(['test', '--select', 'jinja,test_type:unit']);
    expect(code, out).toBe(0);
  });

  it('now leaves texts, comments and names of columns as they are', async () => {
    const { code, out } = await lab.run(['test', '--select', 'names,test_type:unit']);
    expect(code, out).toBe(0);
  });

  it('cte expects the rows of a CTE, also of one in quotes', async () => {
    const { code, out } = await lab.run(['test', '--select', 'first_step', 'second_step', 'whole_model']);
    expect(code, out).toBe(0);
    expect(out).toContain('PASS=3');
  });

  it('cte names the CTEs of the model if it has no such one', async () => {
    const wrong = await lab.run(['test', '--select', 'no_such_cte', 'no_cte']);
    expect(wrong.code).toBe(1);
    expect(wrong.out).toMatch(
      /'no_such_cte' expects rows of the CTE 'twise', which 'steps' does not have.*\n.*CTEs: today, Twice/,
    );
    expect(wrong.out).toMatch(/'no_cte' expects rows of the CTE 'x'.*\n.*has no CTE/);
  });

  it('a misspelled setting and a time that is none are refused with their line', async () => {
    for (const [settings, said] of [
      ['{nwo: 2024-01-31}', /nwo.*\n?.*did you mean 'now'/s],
      ['{now: soon}', /must be a time such as 2024-01-31 12:00:00.*found "?soon/],
    ] as const) {
      lab.write({ 'models/bad.yml': `unit_tests:${test('bad', 'steps', '[{n: 1}]', settings)}` });
      const { code, out } = await lab.run(['parse']);
      lab.write({ 'models/bad.yml': '' });
      expect(code).toBe(2);
      expect(out).toMatch(said);
      expect(out).toMatch(/models\/bad\.yml/);
    }
  });
}

describe('settings of unit tests on Postgres', () => {
  proves((files) => FaultProject.open(files), {
    clock: `select now() at time zone 'UTC' as a, pg_catalog.now() = clock_timestamp() as b,
      current_timestamp(0) at time zone 'UTC' as c, CURRENT_DATE - date '2024-01-01' as d,
      localtimestamp = statement_timestamp()::timestamp as e, localtime(0)::text as f,
      'today'::date = current_date as g,
      date 'tomorrow' - current_date as h, timestamp 'now' = localtimestamp as i,
      age(timestamp '2024-01-01')::text as j,
      age(timestamp '2024-01-03', timestamp '2024-01-01')::text as k,
      extract(epoch from transaction_timestamp())::float8 as l,
      id from {{ ref('raw') }} where id = 1`,
    expected:
      "[{a: '2024-01-31 21:30:00.25', b: true, c: '2024-01-31 21:30:00', d: 30, e: true, f: '21:30:00', g: true, " +
      "h: 1, i: true, j: '30 days', k: '2 days', l: 1706736600.25}]",
    names: `select id, 'now()' as now, 7 as current_date /* now() */ from {{ ref('raw') }} -- current_date`,
    today: 'current_date',
    types: ['int', 'timestamp'],
  });
});

describe.skipIf(clickhouseMissing !== null)('settings of unit tests on ClickHouse', () => {
  proves((files) => ClickhouseLab.open(files), {
    clock: `select toTimeZone(now(), 'UTC') as a, toString(now64(6, 'UTC')) as b, toString(now64(3, 'Asia/Tokyo')) as c,
      today() - yesterday() as d, current_date() = CURRENT_DATE as e, CURRENT_TIMESTAMP = now() as f,
      toString(now('UTC')) as g, toString(UTCTimestamp()) as h, id from {{ ref('raw') }} where id = 1`,
    expected:
      "[{a: '2024-01-31 21:30:00', b: '2024-01-31 21:30:00.250000', c: '2024-02-01 06:30:00.250', d: 1, e: true, " +
      "f: true, g: '2024-01-31 21:30:00', h: '2024-01-31 21:30:00'}]",
    names: `select id, 'now()' as now, 7 as current_date /* now() */ from {{ ref('raw') }} -- current_date`,
    today: "toDate(now('UTC'))",
    types: ['Int32', 'DateTime'],
  });
});
