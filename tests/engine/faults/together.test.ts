// Tests two concurrent builds on one target, the number of connections and catalogue queries of a build, and repeated
// builds.
import { hostname } from 'node:os';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Running } from '../support/program.ts';
import { BACKENDS, FaultProject, pause } from './project.ts';

let project: FaultProject;

async function state(): Promise<string[]> {
  const out: string[] = [];
  for (const name of ['seeded', 't', 'v', 'w', 'inc', 'snap'])
    out.push((await project.one(`select count(*) || ' ' || count(distinct id) from s.${name}`))!);
  return out;
}

beforeAll(async () => {
  project = await FaultProject.open({
    'seeds/seeded.csv': 'id,value\n1,10\n2,20\n3,30\n',
    'models/t.sql':
      "{{ config(materialized='table') }} select s.* from {{ ref('seeded') }} s, (select pg_sleep(0.05)) z",
    'models/v.sql': "{{ config(materialized='view') }} select * from {{ ref('t') }}",
    'models/w.sql': "{{ config(materialized='view') }} select * from {{ ref('v') }}",
    'models/inc.sql':
      "{{ config(materialized='incremental') }} select t.* from {{ ref('t') }} t, (select pg_sleep(0.2)) z {% " +
      'if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}',
    'snapshots/snap.sql':
      "{% snapshot snap %}{{ config(target_schema='s', unique_key='id', strategy='check', check_cols='all') }} " +
      "select * from {{ ref('t') }}{% endsnapshot %}",
    'models/p.yml': 'models: [{name: t, columns: [{name: id, tests: [unique, not_null]}]}]\n',
  });
  await project.makeGates();
});
afterAll(async () => {
  await project.close();
});

describe('two concurrent builds', () => {
  it.each([
    [[], []],
    [[], []],
    [['--full-refresh'], []],
    [['--full-refresh'], ['--full-refresh']],
    [['--full-refresh'], ['--full-refresh']],
  ])('with %j and %j both succeed and leave every row once', async (first, second) => {
    if (first.length === 0) await project.client.query('drop schema if exists s cascade');
    const [a, b] = await Promise.all([
      project.start(['build', ...first], 'one').ended,
      project.start(['build', ...second], 'two').ended,
    ]);
    expect(a.code, a.out).toBe(0);
    expect(b.code, b.out).toBe(0);
    expect(await state()).toEqual(Array.from({ length: 6 }, () => '3 3'));
    expect(await project.orphans()).toEqual([]);
  });

  it('keep a view that is created while its table is being rebuilt', async () => {
    project.write({ 'models/late.sql': "{{ config(materialized='table') }} select 1 as id" });
    expect((await project.run(['run', '--select', 'late'])).code).toBe(0);
    project.write({
      'models/late.sql': "{{ config(materialized='table') }} select 2 as id from public.pass('late')",
    });
    await project.shutGate('late');
    const run = project.start(['run', '--select', 'late']);
    await project.waitAtGate('late');
    await project.client.query('create view public.came_late as select id from s.late');
    await project.openGate('late');
    const { code, out } = await run.ended;
    expect(code, out).toBe(0);
    expect(await project.rows('select id from public.came_late')).toEqual([['2']]);
    await project.client.query('drop view public.came_late');
    project.write({ 'models/late.sql': '{{ config(enabled=false) }} select 1 as id' });
  });

  it('restart a node that loses a deadlock only if none of its work was committed', async () => {
    await project.client.query(
      `create table public.tries (n int); create sequence public.tried;
      create function public.collide() returns void language plpgsql as $$ begin if ` +
        "nextval('public.tried') = 1 then raise 'collision' using errcode = '40P01'; end if; end $$",
    );
    project.write({
      'models/again.sql':
        "{{ config(materialized='table', pre_hook='insert into public.tries values (1)') }} select 1 as id, " +
        'public.collide()::text as done',
    });
    const { code, out } = await project.run(['run', '--select', 'again']);
    expect(code, out).toBe(0);
    expect(out).toContain('starting it again');
    expect(await project.one('select count(*) from public.tries')).toBe('1');
    await project.client.query("truncate public.tries; select setval('public.tried', 1, false)");
    project.write({
      'models/again.sql':
        "{{ config(materialized='table', pre_hook={'sql': 'insert into public.tries values (1)', " +
        "'transaction': false}) }} select 1 as id, public.collide()::text as done",
    });
    expect((await project.run(['run', '--select', 'again'])).code).toBe(1);
    expect(await project.one('select count(*) from public.tries')).toBe('1');
    project.write({ 'models/again.sql': '{{ config(enabled=false) }} select 1 as id' });
  });
});

describe('a build uses', () => {
  it('at most two connections more than threads, and few catalogue queries', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [
        `models/many/m${i}.sql`,
        i % 2
          ? `{{ config(materialized='view') }} select ${i} as id, 'view' as s`
          : `{{ config(materialized='table') }} select ${i} as id, public.pass('many') as s`,
      ]),
    );
    project.write(files);
    await project.shutGate('many');
    const build = project.start(['--debug', 'build', '--select', 'path:models/many', '--threads', '3']);
    await project.waitAtGate('many', 3);
    let most = Number(await project.one(BACKENDS));
    await project.openGate('many');
    let done = false;
    void build.ended.then(() => {
      done = true;
    });
    for (; !done; await pause(5)) most = Math.max(most, Number(await project.one(BACKENDS)));
    const { code, out } = await build.ended;
    expect(code, out).toBe(0);
    expect(most).toBeGreaterThanOrEqual(3);
    expect(most).toBeLessThanOrEqual(5);
    const asked = out
      .split(/^\d\d:\d\d:\d\d {2}/m)
      .map((event) => /^On (\S+): (.*)/s.exec(event))
      .filter((match) => match !== null && /pg_(?:class|namespace|catalog)|information_schema/.test(match[2]!));
    const byName = new Map<string, number>();
    for (const match of asked) byName.set(match![1]!, (byName.get(match![1]!) ?? 0) + 1);
    expect(byName.get('master')).toBeLessThanOrEqual(5);
    // The look that comes with the lock, and what a view is noted by.
    for (let i = 0; i < 20; i++) expect(byName.get(`model.faults.m${i}`), `m${i}`).toBeLessThanOrEqual(i % 2 ? 2 : 1);
  });
});

describe('a command with --every', () => {
  const ticks = (run: Running): string[] =>
    run
      .out()
      .split('\n')
      .filter((line) => line.includes('Tick '));
  const waitFor = async (run: Running, done: () => boolean): Promise<void> => {
    for (const end = Date.now() + 200_000; !done(); await pause(30))
      if (Date.now() > end) throw new Error(`waited in vain:\n${run.out()}`);
  };

  it('prints one line per tick, sees changes, continues after a failure and exits with 0', async () => {
    project.write({
      'models/tick.sql':
        "{{ config(materialized='table') }} select '{{ run_started_at }}' as at, '{{ invocation_id }}' as invocation",
    });
    const run = project.start(['run', '--select', 'tick', '--every', '1s']);
    await waitFor(run, () => ticks(run).length >= 2);
    const first = await project.rows('select at, invocation from s.tick');
    project.write({ 'models/tick.sql': "{{ config(materialized='table') }} select 1/0 as at" });
    await waitFor(run, () => ticks(run).some((line) => line.includes('failed')));
    project.write({
      'models/tick.sql':
        "{{ config(materialized='table') }} select 'changed' as at, '{{ invocation_id }}' as invocation",
    });
    const failed = ticks(run).length;
    await waitFor(run, () =>
      ticks(run)
        .slice(failed)
        .some((line) => / ok, recovered at \d{4}-\d\d-\d\d .*, PASS=1 /.test(line)),
    );
    const second = await project.rows('select at, invocation from s.tick');
    expect(second[0]![0]).toBe('changed');
    expect(second[0]![1]).not.toBe(first[0]![1]);
    run.child.kill('SIGTERM');
    const { code, out } = await run.ended;
    expect(code, out).toBe(0);
    expect(out).toContain('division by zero');
    const calm = out.slice(0, out.indexOf('Tick 2'));
    expect(calm.trim().split('\n').length, out).toBeLessThanOrEqual(3);
    await project.until(`select (${BACKENDS}) = 0`);
  });

  it('and --if-changed does nothing while the project and its tables are unchanged', async () => {
    await project.client.query(
      'create table s.events as select 1 as n; create view s.seen as select 1 as n; create table s.parts (n ' +
        'int) partition by list (n); create table s.part1 partition of s.parts for values in (1)',
    );
    project.write({
      'models/events.yml': 'sources: [{name: raw, schema: s, tables: [{name: events}, {name: seen}, {name: parts}]}]\n',
      'models/passing.sql':
        "{{ config(materialized='ephemeral') }} select n from {{ source('raw', 'events') }} union all select n " +
        "from {{ source('raw', 'parts') }}",
      'models/tick.sql': "{{ config(materialized='table') }} select count(*) as n from {{ ref('passing') }}",
    });
    const run = project.start(['run', '--select', 'tick', '--every', '1s', '--if-changed']);
    const told = (words: RegExp): number => ticks(run).filter((line) => words.test(line)).length;
    const goesOn = async (change: () => unknown): Promise<void> => {
      await waitFor(run, () => / unchanged /.test(ticks(run).at(-1) ?? ''));
      const before = told(/ ok /);
      await change();
      await waitFor(run, () => told(/ ok /) > before);
    };
    await goesOn(() => project.client.query('insert into s.events values (2)'));
    await project.until('select n = 2 from s.tick');
    await goesOn(() => project.client.query('insert into s.parts values (1)'));
    await project.until('select n = 3 from s.tick');
    await goesOn(() => project.client.query('truncate s.events'));
    await goesOn(() => project.client.query('update s.parts set n = 1'));
    await goesOn(() => project.client.query('alter table s.events add column more int'));
    await goesOn(() =>
      project.write({
        'models/tick.sql':
          "{{ config(materialized='table') }} select count(*) as n from {{ ref('passing') }} -- edited",
      }),
    );
    await waitFor(run, () => / unchanged /.test(ticks(run).at(-1) ?? ''));
    project.write({
      'models/tick.sql': "{{ config(materialized='table') }} select 1/0 as n from {{ ref('passing') }}",
    });
    await waitFor(run, () => told(/ failed /) >= 2);
    run.child.kill('SIGTERM');
    expect((await run.ended).code, run.out()).toBe(0);
    // Nothing tells whether what a view shows is new.
    project.write({
      'models/tick.sql': "{{ config(materialized='table') }} select * from {{ source('raw', 'seen') }}",
    });
    const seen = project.start(['run', '--select', 'tick', '--every', '1s', '--if-changed']);
    await waitFor(seen, () => ticks(seen).filter((line) => line.includes(' ok ')).length >= 2);
    expect(seen.out()).toContain('--if-changed runs each time: nothing tells whether');
    seen.child.kill('SIGTERM');
    await seen.ended;
    // A source that a seed of the run fills is the run's own work.
    project.write({
      'seeds/fruit.csv': 'n\n1\n',
      'models/events.yml': 'sources: [{name: raw, schema: s, tables: [{name: fruit}]}]\n',
      'models/passing.sql': "{{ config(materialized='ephemeral') }} select 1 as n",
      'models/tick.sql': "{{ config(materialized='table') }} select * from {{ source('raw', 'fruit') }}",
    });
    const seeded = project.start(['build', '--select', 'fruit', 'tick', '--every', '1s', '--if-changed']);
    await waitFor(seeded, () => / unchanged /.test(ticks(seeded).at(-1) ?? ''));
    seeded.child.kill('SIGTERM');
    await seeded.ended;
  });

  it('is stopped by SIGTERM within a tick', async () => {
    project.write({ 'models/tick.sql': "{{ config(materialized='table') }} select public.pass('tick') as s" });
    await project.shutGate('tick');
    const run = project.start(['run', '--select', 'tick', '--every', '1s']);
    await project.waitAtGate('tick');
    run.child.kill('SIGTERM');
    // Nobody opens the gate before: the tick ends because it is stopped.
    expect((await run.ended).code, run.out()).toBe(0);
    await project.until(`select (${BACKENDS}) = 0`);
    await project.openGate('tick');
  });

  it('skips a tick while another command has the project and target, and names it', async () => {
    project.write({ 'models/tick.sql': "{{ config(materialized='table') }} select public.pass('tick') as s" });
    await project.shutGate('tick');
    const first = project.start(['run', '--select', 'tick', '--every', '1s'], 'one');
    await project.waitAtGate('tick');
    const second = project.start(['run', '--select', 'tick', '--every', '1s'], 'two');
    await waitFor(second, () => ticks(second).length >= 1);
    expect(ticks(second)[0]).toContain('skipped');
    expect(ticks(second)[0]).toContain(`tsdbt run --every, ${hostname()}`.slice(0, 40));
    await project.openGate('tick');
    for (const run of [first, second]) {
      run.child.kill('SIGTERM');
      expect((await run.ended).code, run.out()).toBe(0);
    }
    expect(readFileSync(join(project.dir, 'logs-one/dbt.log'), 'utf8')).toContain('START sql table model s.tick');
  });
});
