// Native partitions of Postgres tables (`partition_by`): created before rows, attached without blocking readers,
// exchanged by microbatches, dropped by `retention`.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from './project.ts';

/** In CI a small form. */
const BUILDS = Number(process.env['TSDBT_PARTITION_BUILDS'] ?? 6);

let project: FaultProject;

beforeAll(async () => {
  project = await FaultProject.open({});
});
afterAll(() => project.close());

/** The model `name` with a config and a query. */
const model = (name: string, config: string, sql: string): void =>
  project.write({ [`models/${name}.sql`]: `{{ config(${config}) }}\n${sql}` });

async function build(name: string, ...args: string[]): Promise<string> {
  const { code, out } = await project.run(['run', '-s', name, ...args]);
  expect(code, out).toBe(0);
  return out;
}

async function failure(name: string, ...args: string[]): Promise<string> {
  const { code, out } = await project.run(['run', '-s', name, ...args]);
  expect(code, out).toBe(1);
  return out.replaceAll(/\s+/g, ' ');
}

/** Name and bound of each partition, in the order of names. */
const partitions = (name: string): Promise<string[][]> =>
  project.rows(
    `select c.relname, pg_get_expr(c.relpartbound, c.oid) from pg_inherits i join pg_class c on c.oid = i.inhrelid ` +
      `where i.inhparent = '${name}'::regclass order by 1`,
  );

describe('partition_by on Postgres', () => {
  it('creates the partitions that a table needs, and only these', async () => {
    const days = "select n as id, timestamptz '2026-03-01 22:00+00' + n * interval '1 hour' as at from generate_series";
    model('ranges', "materialized='table', partition_by={'field': 'at', 'every': 'day'}", `${days}(0, 3) n`);
    await build('ranges');
    expect(await partitions('s.ranges')).toEqual([
      ['ranges_p20260301', expect.stringContaining("FROM ('2026-03-01 00:00:00+00') TO ('2026-03-02 00:00:00+00')")],
      ['ranges_p20260302', expect.stringContaining("FROM ('2026-03-02 00:00:00+00') TO ('2026-03-03 00:00:00+00')")],
    ]);
    expect(await project.rows('select tableoid::regclass::text, count(*) from s.ranges group by 1 order by 1')).toEqual(
      [
        ['s.ranges_p20260301', '2'],
        ['s.ranges_p20260302', '2'],
      ],
    );
    const plan = await project.rows("explain select * from s.ranges where at >= '2026-03-02 00:00+00'");
    expect(plan.join()).toContain('ranges_p20260302');
    expect(plan.join()).not.toContain('ranges_p20260301');
  });

  it('rejects rows that need too many partitions', async () => {
    const hours = "select timestamp '2000-01-01' + n * interval '1 hour' as at from generate_series(1, 200000) n";
    model('scattered', "materialized='table', partition_by={'field': 'at', 'every': 'hour'}", hours);
    expect(await failure('scattered')).toContain(
      'need more than 5000 new partitions, each of one hour, from 2000-01-01 01:00:00.',
    );
  });

  it.each([
    ['hour', "timestamp '2026-03-01 10:30'", 'p2026030110', "('2026-03-01 10:00:00') TO ('2026-03-01 11:00:00')"],
    ['week', "date '2026-03-04'", 'p20260302', "('2026-03-02') TO ('2026-03-09')"],
    [
      'month',
      "timestamptz '2026-02-28 23:30-05'",
      'p202603',
      "('2026-03-01 00:00:00+00') TO ('2026-04-01 00:00:00+00')",
    ],
    ['quarter', "date '2026-05-04'", 'p2026q2', "('2026-04-01') TO ('2026-07-01')"],
    ['year', "date '2026-05-04'", 'p2026', "('2026-01-01') TO ('2027-01-01')"],
  ])('supports a partition every %s, in every time zone of the session', async (every, value, suffix, bound) => {
    const config = `materialized='incremental', partition_by={'field': 'at', 'every': '${every}'}`;
    model('spans', config, `select ${value} as at`);
    await project.rows("alter role current_user set timezone = 'America/Lima'");
    try {
      await build('spans', '--full-refresh');
      await build('spans');
    } finally {
      await project.rows('alter role current_user reset timezone');
    }
    expect(await partitions('s.spans')).toEqual([
      [expect.stringMatching(`^spans_${suffix}(_2)?$`), `FOR VALUES FROM ${bound}`],
    ]);
    expect(await project.one('select count(*) from s.spans')).toBe('2');
  });

  it('attaches partitions for new rows, and keeps views, grants, indexes and rows without a time', async () => {
    const config =
      "materialized='incremental', unique_key='id', indexes=[{'columns': ['id']}], " +
      "grants={'select': ['pg_monitor']}, partition_by={'field': 'day', 'every': 'month'}";
    model('grows', config, "select {{ var('id', 1) }} as id, cast({{ var('day', \"'2026-01-15'\") }} as date) as day");
    model('reader', "materialized='view'", "select * from {{ ref('grows') }}");
    await build('grows reader');
    await build('grows', '--vars', '{id: 2, day: "\'2026-02-15\'"}');
    await build('grows', '--vars', '{id: 3, day: "null"}');
    await build('grows', '--vars', '{id: 3, day: "\'infinity\'"}');
    await build('grows', '--vars', '{id: 1, day: "\'2026-02-16\'"}');
    expect(await project.rows('select id, day from s.reader order by 1')).toEqual([
      ['1', expect.stringContaining('Feb 16 2026')],
      ['2', expect.stringContaining('Feb 15 2026')],
      ['3', 'Infinity'],
    ]);
    expect((await partitions('s.grows')).map(([name]) => name)).toEqual([
      'grows_default',
      'grows_p202601',
      'grows_p202602',
    ]);
    const indexes = "select count(*) from pg_indexes where schemaname = 's' and tablename like 'grows_p%'";
    expect(await project.one(indexes)).toBe('2');
    await build('grows', '--full-refresh');
    expect(await project.rows('select id from s.reader')).toEqual([['1']]);
    expect(await project.one("select has_table_privilege('pg_monitor', 's.grows', 'select')")).toBe('true');
  });

  it('drops partitions that are older than the retention, and says so', async () => {
    const config = "materialized='incremental', partition_by={'field': 'at', 'every': 'day', 'retention': '5d'}";
    const sql = "select now() - n * interval '1 day' as at from generate_series(0, {{ var('days', 2) }}) n";
    model('kept', config, sql);
    await build('kept', '--vars', '{days: 20}');
    expect(await partitions('s.kept')).toHaveLength(6);
    await project.rows("create table s.kept_old partition of s.kept for values from ('2020-01-01') to ('2020-01-02')");
    expect(await build('kept')).toMatch(/Dropped partitions of "\w+"\."s"\."kept" older than 5d: s\.kept_old/);
    expect(await partitions('s.kept')).toHaveLength(6);
  });

  it('partitions by lists of values and by hash', async () => {
    const lists = "materialized='incremental', partition_by={'field': 'country', 'list': ['de', ['fr', 'it'], none]}";
    model('lists', lists, "select unnest(array['de', 'fr', 'es', null, 'o''']) as country");
    model('hashes', "materialized='table', partition_by={'field': 'id', 'hash': 2}", 'select 1 as id');
    await build('lists hashes');
    await build('lists');
    expect(await partitions('s.lists')).toEqual([
      ['lists_default', 'DEFAULT'],
      ['lists_p1', "FOR VALUES IN ('de')"],
      ['lists_p2', "FOR VALUES IN ('fr', 'it')"],
      ['lists_p3', 'FOR VALUES IN (NULL)'],
    ]);
    expect(await project.one('select count(*) from s.lists_default')).toBe('4');
    expect(await partitions('s.hashes')).toEqual([
      ['hashes_p0', 'FOR VALUES WITH (modulus 2, remainder 0)'],
      ['hashes_p1', 'FOR VALUES WITH (modulus 2, remainder 1)'],
    ]);
  });

  it('supports contracts, long names, and columns that must be quoted', async () => {
    const name = `é${'n'.repeat(58)}`;
    model(
      name,
      "materialized='table', partition_by={'field': 'The \"day\"', 'every': 'day'}, contract={'enforced': true}",
      'select 1 as id, date \'2026-03-01\' as "The ""day"""',
    );
    project.write({
      'models/long.yml':
        `models: [{name: ${name}, columns: [{name: id, data_type: int, constraints: [{type: not_null}]}, ` +
        `{name: 'The "day"', data_type: date, quote: true}]}]\n`,
    });
    await build(name);
    await build(name);
    expect(await partitions(`s."${name}"`)).toHaveLength(1);
    project.remove('models/long.yml');
  });

  it('exchanges the partition of a batch, so that rows that disappeared are not kept', async () => {
    const hours = "timestamptz '2026-03-01 00:00+00' + n * interval '1 hour' as at from generate_series(0, 47) n";
    model(
      'events',
      "materialized='table', event_time='at'",
      `select n as id, ${hours} where n % {{ var('without', 100) }} <> 1`,
    );
    const config =
      "materialized='incremental', incremental_strategy='microbatch', unique_key='id', event_time='at', " +
      "begin='2026-03-01', batch_size='day', partition_by={'field': 'at', 'every': 'day'}";
    model('batches', config, "select * from {{ ref('events') }}");
    const window = ['--event-time-start', '2026-03-01', '--event-time-end', '2026-03-03'];
    await build('events batches', ...window);
    expect(await project.one('select count(*) from s.batches')).toBe('47');
    await build('events batches', ...window, '--vars', '{without: 2}');
    expect(await project.rows('select at::date::text, count(*) from s.batches group by 1 order by 1')).toEqual([
      ['2026-03-01', '12'],
      ['2026-03-02', '12'],
    ]);
    expect((await partitions('s.batches')).map(([name]) => name?.replace(/_2$/, ''))).toEqual([
      'batches_p20260301',
      'batches_p20260302',
    ]);
  });

  it('shows readers each version whole, also when builds are killed', async () => {
    const version = "{{ var('version') }}";
    const days = "{'field': 'at', 'every': 'day'}";
    model(
      'whole',
      `materialized='incremental', unique_key='id', partition_by=${days}`,
      `select n as id, ${version} as version, date '2026-01-01' + n % 20 as at ` +
        `from generate_series(1, 100 + ${version}) n`,
    );
    const hours = "timestamptz '2026-03-01 00:00+00' + n * interval '1 hour' as at from generate_series(0, 71) n";
    model('hours', "materialized='table', event_time='at'", `select n as id, ${version} as version, ${hours}`);
    model(
      'by_day',
      "materialized='incremental', incremental_strategy='microbatch', unique_key='id', event_time='at', " +
        `begin='2026-03-01', batch_size='day', partition_by=${days}`,
      "select * from {{ ref('hours') }}",
    );
    const command = (round: number, more: readonly string[] = []): string[] => [
      ...['run', '-s', 'whole hours by_day', '--event-time-start', '2026-03-01', '--event-time-end', '2026-03-04'],
      ...['--vars', `{version: ${round}}`, ...more],
    ];
    expect((await project.run(command(0))).code).toBe(0);
    let done = false;
    const builds = (async () => {
      for (let round = 1; round <= BUILDS; round++) {
        const { child, ended, out } = project.start(command(round, round % 5 === 0 ? ['--full-refresh'] : []));
        const killed = round % 2 === 1;
        if (killed) setTimeout(() => child.kill('SIGKILL'), 300 + Math.random() * 900);
        const { code } = await ended;
        if (!killed) expect(code, out()).toBe(0);
      }
    })().finally(() => (done = true));
    builds.catch(() => undefined);
    const wrong: string[] = [];
    let looks = 0;
    for (; !done; looks++) {
      const [[rows, low, high] = []] = await project.rows('select count(*), min(version), max(version) from s.whole');
      if (low !== high || Number(rows) !== 100 + Number(low)) wrong.push(`whole: ${rows} rows of ${low} to ${high}`);
      const mixed = await project.rows(
        'select day, count(*), min(version), max(version) from (select at::date as day, * from s.by_day) t ' +
          'group by 1 having count(*) <> 24 or min(version) <> max(version)',
      );
      if (mixed.length > 0) wrong.push(`by_day: ${JSON.stringify(mixed)}`);
    }
    await builds;
    expect(wrong).toEqual([]);
    expect(looks).toBeGreaterThan(BUILDS);
    expect((await project.run(command(BUILDS + 1))).code).toBe(0);
    expect(await project.rows('select count(*), min(version) from s.whole')).toEqual([
      [String(101 + BUILDS), String(BUILDS + 1)],
    ]);
    expect(await project.rows('select count(*), min(version) from s.by_day')).toEqual([['72', String(BUILDS + 1)]]);
    expect(await project.orphans()).toEqual([]);
  });

  it.each([
    ["{'field': 'at', 'every': 'fortnight'}", '`partition_by` needs a `field`, and one of `every`'],
    ["{'field': 'at', 'every': 'day', 'hash': 2}", 'needs a `field`, and one of'],
    ["{'every': 'day'}", 'needs a `field`, and one of'],
    ["{'field': 'at', 'hash': 0}", 'needs a `field`, and one of'],
    ["{'field': 'at', 'list': 'de'}", 'needs a `field`, and one of'],
    ["{'field': 'at', 'every': 'day', 'retain': '5d'}", 'Found: {"field": "at", "every": "day", "retain": "5d"}'],
    ["{'field': 'id', 'every': 'day'}", 'needs a date or a timestamp, but the type of id is integer'],
    ["{'field': 'at', 'every': 'day', 'retention': 'long'}", 'invalid input syntax for type interval: "long"'],
    ["{'field': 'missing', 'every': 'day'}", 'column "missing" does not exist'],
  ])('rejects %s', async (partitionBy, message) => {
    model('wrong', `materialized='table', partition_by=${partitionBy}`, "select 1 as id, date '2026-03-01' as at");
    expect(await failure('wrong')).toContain(message);
  });

  it('asks for a full refresh when the config does not fit the existing table', async () => {
    const sql = "select 1 as id, date '2026-03-01' + {{ var('days', 0) }} as at";
    model('changed', "materialized='incremental'", sql);
    await build('changed');
    model('changed', "materialized='incremental', partition_by={'field': 'at', 'every': 'day'}", sql);
    expect(await failure('changed')).toContain(
      'exists, and is not partitioned by range (at) as `partition_by` says. Run once with --full-refresh',
    );
    await build('changed', '--full-refresh');
    model('changed', "materialized='incremental', partition_by={'field': 'at', 'every': 'month'}", sql);
    expect(await failure('changed', '--vars', '{days: 3}')).toContain(
      'covers a part of the month 2026-03-01 00:00:00. Run with --full-refresh after changing `every`',
    );
    expect(await project.one('select count(*) from s.changed')).toBe('1');
  });

  it('ignores the form of BigQuery, as dbt does', async () => {
    const form = "{'field': 'at', 'data_type': 'date', 'granularity': 'day'}";
    model('other', `materialized='table', partition_by=${form}`, "select date '2026-03-01' as at");
    await build('other');
    expect(await project.one("select relkind from pg_class where oid = 's.other'::regclass")).toBe('r');
  });
});
