// Tests batches of a microbatch model that fail, never run or are killed: the next run builds them before new ones,
// because finished intervals are recorded in the database with each batch.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { clockAt } from '../support/clock.ts';
import { FaultProject } from './project.ts';
import { OWN_SERVER } from '../adapters/servers.ts';

let project: FaultProject;
/** Of the commands' clock. */
const NOW = '2026-03-04T10:30:05Z';
/** Minutes of the last half hour; the newest is still running. */
const MINUTES = 30;
const BEGIN =
  "(modules.datetime.datetime.utcnow() - modules.datetime.timedelta(minutes=var('minutes', " +
  "6))).strftime('%Y-%m-%dT%H:%M:00')";
const model = (config: string): string =>
  "{{ config(materialized='incremental', incremental_strategy='microbatch', event_time='at', lookback=1, " +
  `unique_key='id', ${config}) }}
with e as (select * from {{ source('raw', 'events') }})
select e.*, now() as built_at from e where 1 / (e.id - {{ var('bad', -1) }}) is not null and public.pass('minute ' ` +
  '|| e.id) is not null';

const vars = (values: Readonly<Record<string, string | number>>): string[] => ['--vars', JSON.stringify(values)];
/** How many batches a run began. */
const begun = (out: string): number => (out.match(/ START batch /g) ?? []).length;

async function run(args: readonly string[] = [], code = 0): Promise<string> {
  const ended = await project.run(['run', '--select', 'm', ...args]);
  expect(ended.code, ended.out).toBe(code);
  return ended.out;
}

/** Ids (minutes since the oldest) in the table. */
const built = async (): Promise<number[]> =>
  (await project.rows('select id from s.m order by 1')).map(([id]) => Number(id));
const intervals = async (): Promise<number> =>
  Number(await project.one("select count(*) from s.tsdbt_intervals where relation_name = 'm'"));
/** The ids that a model which began `minutes` ago must hold. */
const expected = (minutes: number): number[] => Array.from({ length: minutes + 1 }, (_, i) => MINUTES - minutes + i);

/** Of a model that began six minutes ago, the gate that its third batch passes. */
const THIRD = `minute ${MINUTES - 4}`;

/** What a server says, or its silence, when it is stopped in the midst of a statement. */
const CUT =
  /terminating connection|server closed the connection|Connection terminated|shutting down|starting up|refused/i;

beforeAll(async () => {
  project = await FaultProject.open(
    {
      'models/m.sql': model(`begin=${BEGIN}, batch_size='1m'`),
      'models/raw.yml': 'sources: [{name: raw, schema: raw, tables: [{name: events, config: {event_time: at}}]}]\n',
    },
    // One that may be crashed.
    OWN_SERVER,
  );
  project.env = clockAt(NOW);
  await project.makeGates();
  await project.client.query('create schema raw; create table raw.events (id int, at timestamptz)');
});
beforeEach(async () => {
  await project.client.query(
    `drop schema if exists s cascade; truncate raw.events;
    insert into raw.events select i, date_trunc('minute', timestamptz '${NOW}') - ` +
      `make_interval(mins => ${MINUTES} - i) from generate_series(0, ${MINUTES}) i`,
  );
});
afterAll(async () => {
  await project.close();
});

describe('a microbatch model of minutes', () => {
  it('records finished batches as one interval, without the current minute', async () => {
    expect(begun(await run(vars({ minutes: 5 })))).toBe(6);
    expect(await built()).toEqual(expected(5));
    expect(
      await project.rows(
        "select extract(epoch from done_to - done_from) / 60, done_to = date_trunc('minute', timestamptz " +
          `'${NOW}') from s.tsdbt_intervals`,
      ),
    ).toEqual([['5.0000000000000000', 'true']]);
    expect(begun(await run(vars({ minutes: 5 })))).toBe(2);
  });

  it('retries failed batches before new ones', async () => {
    const out = await run(vars({ minutes: 5, bad: MINUTES - 3 }), 1);
    expect(out).toContain('PARTIAL SUCCESS (5/6)');
    expect(await built()).toEqual(expected(5).filter((id) => id !== MINUTES - 3));
    expect(await intervals()).toBe(2);
    // It fails again, and does not hold up the others.
    expect(await run(vars({ minutes: 5, bad: MINUTES - 3 }), 1)).toContain('PARTIAL SUCCESS (2/3)');
    const again = await run(vars({ minutes: 5 }));
    expect(again).toContain("m: a batch before this run's window is not finished and runs first");
    expect(begun(again)).toBe(3);
    expect(await built()).toEqual(expected(5));
    expect(await intervals()).toBe(1);
  });

  it('continues after a kill', async () => {
    await project.shutGate(THIRD);
    const killed = project.start(['run', '--select', 'm', ...vars({ minutes: 6 })]);
    await project.waitAtGate(THIRD);
    killed.child.kill('SIGKILL');
    await killed.ended;
    await project.openGate(THIRD);
    await project.until(
      "select count(*) = 0 from pg_stat_activity where application_name = 'under test' and state <> 'idle'",
    );
    expect(await built()).toEqual(expected(6).slice(0, 2));
    await run(vars({ minutes: 6 }));
    expect(await built()).toEqual(expected(6));
    expect(await intervals()).toBe(1);
  });

  it('continues after a server restart in the middle of a batch, with one clear error', async () => {
    await project.shutGate(THIRD);
    const run1 = project.start(['run', '--select', 'm', ...vars({ minutes: 6 })]);
    await project.waitAtGate(THIRD);
    await project.crash();
    const { code, out } = await run1.ended;
    expect(code).toBe(1);
    expect(out).toMatch(CUT);
    expect(out).not.toMatch(/Internal Error|\n\s+at .*:\d+:\d+/);
    const rows = await built();
    expect(new Set(rows).size).toBe(rows.length);
    expect(await project.orphans()).toEqual([]);
    await run(vars({ minutes: 6 }));
    expect(await built()).toEqual(expected(6));
    expect(await intervals()).toBe(1);
  });

  it('treats a table that was built without records as complete', async () => {
    await project.client.query(
      'create schema s; create table s.m as select *, now() as built_at from raw.events where id < 3',
    );
    expect(begun(await run(vars({ minutes: 20 })))).toBe(2);
    expect(await built()).toEqual([0, 1, 2, MINUTES - 1, MINUTES]);
    // What passes from now on without a run is missed.
    await project.client.query("update s.tsdbt_intervals set done_to = done_to - interval '4 minutes'");
    expect(begun(await run(vars({ minutes: 20 })))).toBe(5);
    expect(await built()).toEqual([0, 1, 2, ...expected(4)]);
  });

  it('records nothing about the past for an explicit window, and forgets the records on a full refresh', async () => {
    const at = (ago: number): string => new Date(Date.parse(NOW) - ago * 60_000).toISOString().slice(0, 19);
    await run([...vars({ minutes: 9 }), '--event-time-start', at(8), '--event-time-end', at(6)]);
    expect(await project.one("select to_regclass('s.tsdbt_intervals')")).toBe('null');
    expect(begun(await run(vars({ minutes: 9 })))).toBe(2);
    expect(begun(await run([...vars({ minutes: 3 }), '--full-refresh']))).toBe(4);
    expect(await built()).toEqual(expected(3));
    expect(await intervals()).toBe(1);
  });

  it.each([['--empty'], ['--sample', '2 hours']])(
    'builds every batch after a table was created under %s',
    async (...flags) => {
      await run([...vars({ minutes: 9 }), ...flags]);
      expect(begun(await run(vars({ minutes: 9 })))).toBe(10);
      expect(await built()).toEqual(expect.arrayContaining(expected(9)));
      expect(begun(await run(vars({ minutes: 9 })))).toBe(2);
    },
  );

  it('builds every batch after --full-refresh --empty emptied the table', async () => {
    await run(vars({ minutes: 4 }));
    await run([...vars({ minutes: 4 }), '--full-refresh', '--empty']);
    expect(await built()).toEqual([]);
    expect(begun(await run(vars({ minutes: 4 })))).toBe(5);
    expect(await built()).toEqual(expected(4));
  });

  it.each(['with', 'without'])('builds the batches of an --empty run in a table %s records again', async (notes) => {
    await run(vars({ minutes: 6 }));
    if (notes === 'without') await project.client.query('drop table s.tsdbt_intervals');
    await run([...vars({ minutes: 6 }), '--empty']);
    project.env = clockAt('2026-03-04T10:33:05Z');
    try {
      const out = await run(vars({ minutes: 9 }));
      expect(out).toMatch(/before this run's window/);
    } finally {
      project.env = clockAt(NOW);
    }
    expect(await built()).toEqual(expected(6));
  });

  it('builds every batch of an empty table without records', async () => {
    await project.client.query(
      'create schema s; create table s.m as select *, now() as built_at from raw.events limit 0',
    );
    expect(begun(await run(vars({ minutes: 8 })))).toBe(9);
    expect(await built()).toEqual(expected(8));
  });

  it('builds every batch after the model was a table in between', async () => {
    const batched = model(`begin=${BEGIN}, batch_size='1m'`);
    await run(vars({ minutes: 9 }));
    project.write({
      'models/m.sql':
        "{{ config(materialized='table') }} " +
        "select *, now() as built_at from {{ source('raw', 'events') }} where id > 27",
    });
    await run();
    project.write({ 'models/m.sql': batched });
    expect(begun(await run(vars({ minutes: 9 })))).toBe(10);
    expect(await built()).toEqual(expected(9));
  });

  it('keeps the records of a model to which a merge adds rows in between', async () => {
    const batched = model(`begin=${BEGIN}, batch_size='1m'`);
    await run(vars({ minutes: 9 }));
    project.write({
      'models/m.sql':
        "{{ config(materialized='incremental', incremental_strategy='append') }} " +
        "select *, now() as built_at from {{ source('raw', 'events') }} limit 0",
    });
    await run();
    project.write({ 'models/m.sql': batched });
    expect(begun(await run(vars({ minutes: 9 })))).toBe(2);
  });

  it('lets several models of a new schema create the ledger at the same time', async () => {
    const names = Array.from({ length: 8 }, (_, i) => `first${i}`);
    for (const name of names) project.write({ [`models/${name}.sql`]: model(`begin=${BEGIN}, batch_size='1m'`) });
    try {
      for (let round = 0; round < 3; round++) {
        await project.client.query('drop schema if exists s cascade');
        const ended = await project.run(['run', '--select', ...names, '--threads', '8', ...vars({ minutes: 1 })]);
        expect(ended.code, ended.out).toBe(0);
      }
      expect(await project.one('select count(*) from s.tsdbt_intervals')).toBe('8');
    } finally {
      for (const name of names) project.remove(`models/${name}.sql`);
    }
  });
});

describe('a server restart in the middle of a model', () => {
  it.each(['table', 'incremental', 'view'])(
    'of type %s causes one clear error and no partial result, and the next run repairs it',
    async (materialized) => {
      const sql = (value: number, pause: number): string =>
        `{{ config(materialized='${materialized}', post_hook='select pg_sleep(${pause})') }} select ${value} as id`;
      project.write({ 'models/plain.sql': sql(1, 0) });
      expect((await project.run(['run', '--select', 'plain'])).code).toBe(0);
      project.write({ 'models/plain.sql': sql(2, 77) });
      const cut = project.start(['run', '--select', 'plain']);
      await project.until(
        "select count(*) > 0 from pg_stat_activity where query like '%pg_sleep(77)%' and pid <> pg_backend_pid()",
      );
      await project.crash();
      const { code, out } = await cut.ended;
      expect(code, out).toBe(1);
      expect(out.match(/Database Error in model plain/g)).toHaveLength(1);
      expect(out).toMatch(CUT);
      expect(out).not.toMatch(/Internal Error|\n\s+at .*:\d+:\d+/);
      expect([await project.rows('select id from s.plain'), await project.orphans()]).toEqual([[['1']], []]);
      project.write({ 'models/plain.sql': sql(3, 0) });
      expect((await project.run(['run', '--select', 'plain'])).code).toBe(0);
      expect([await project.one('select max(id) from s.plain'), await project.orphans()]).toEqual(['3', []]);
    },
  );
});

describe('a message about batch settings', () => {
  it('is not shown for a size that dbt accepts, too, and for disabled records', async () => {
    project.write({
      'models/m.sql': model(`begin=${BEGIN}, batch_size='hour', meta={'tsdbt': {'batch_size': '5m', 'ledger': false}}`),
    });
    const out = await run(vars({ minutes: 14 }));
    expect(begun(out)).toBe(4);
    expect(await project.one("select to_regclass('s.tsdbt_intervals')")).toBe('null');
  });

  it.each([
    ['7m', "'7m' does not divide a day into equal parts"],
    ['week', "must provide a 'batch_size' config that is one of ['hour', 'day', 'month', 'year'], but got: week."],
  ])('explains an invalid size: %s', async (size, words) => {
    project.write({ 'models/m.sql': model(`begin='2026-01-01', batch_size='${size}'`) });
    expect(await run([], 2)).toContain(words);
  });
});
