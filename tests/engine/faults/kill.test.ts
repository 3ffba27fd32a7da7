// Tests SIGKILL of a build at any moment, then the same command again: the result equals that of an undisturbed build.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BACKENDS, FaultProject, pause } from './project.ts';

/** Passes a gate on the way, and takes its time for kills at any moment. */
const SLOW = (gate: string, sql: string): string =>
  `select x.* from (${sql}) x, (select public.pass('${gate}'), pg_sleep(0.1)) z`;
const TABLES = ['events', 'a', 'b', 'c', 'inc', 'snap', 'v'];
let project: FaultProject;
let untouched: Record<string, string>;

async function contents(schema: string): Promise<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const name of TABLES) {
    const columns = name === 'snap' ? 'id, value, dbt_valid_to' : '*';
    out[name] = (await project.one(
      `select coalesce(string_agg(t::text, ';' order by t::text), '') from (select ${columns} from ` +
        `${schema}.${name}) t`,
    ))!;
  }
  out['failures'] = (await project.one('select count(*) from s_dbt_test__audit.over_two'))!;
  return out;
}

async function fresh(): Promise<void> {
  await project.client.query(
    'drop schema if exists s cascade; drop schema if exists s_dbt_test__audit cascade; truncate public.hooked',
  );
}

/** The command again must put right what a kill has left. */
async function recovers(command: readonly string[]): Promise<void> {
  const { code, out } = await project.run(command);
  expect(code, out).toBe(0);
  expect(await contents('s')).toEqual(untouched);
  expect(await project.orphans()).toEqual([]);
  await project.until(`select (${BACKENDS}) = 0`);
}

beforeAll(async () => {
  project = await FaultProject.open({
    'seeds/events.csv': 'id,value\n1,10\n2,20\n3,30\n',
    'seeds/seeds.yml': 'seeds: [{name: events, config: {post_hook: "select public.pass(\'seed\')"}}]\n',
    'models/a.sql':
      "{{ config(materialized='table', pre_hook=[{'sql': \"insert into public.hooked values ('before')\", " +
      "'transaction': false}], post_hook=[{'sql': \"insert into public.hooked select public.pass('after')\", " +
      `'transaction': false}]) }} ${SLOW('tables', "select * from {{ ref('events') }}")}`,
    'models/b.sql':
      "{{ config(materialized='table', indexes=[{'columns': ['id'], 'unique': true}]) }} " +
      `${SLOW('tables', "select id, value * 2 as value from {{ ref('events') }}")}`,
    'models/c.sql':
      "{{ config(materialized='table', post_hook='select pg_sleep(0.1)') }} " +
      `${SLOW('tables', "select id from {{ ref('events') }}")}`,
    'models/inc.sql':
      "{{ config(materialized='incremental') }} " +
      SLOW(
        'inc',
        "select * from {{ ref('a') }} {% if is_incremental() %} " +
          'where id > (select coalesce(max(id), 0) from {{ this }}) {% endif %}',
      ),
    'models/v.sql':
      "{{ config(materialized='view', post_hook='select pg_sleep(0.05)') }} select b.id, c.id as other from {{ " +
      "ref('b') }} b join {{ ref('c') }} c using (id)",
    'snapshots/snap.sql':
      "{% snapshot snap %}{{ config(target_schema='s', unique_key='id', strategy='check', check_cols=['value']) " +
      `}} ${SLOW('snap', "select * from {{ ref('b') }}")}{% endsnapshot %}`,
    'tests/over_two.sql':
      "{{ config(store_failures=true, severity='warn') }} " +
      SLOW('failures', "select id from {{ ref('a') }} where id >= 2"),
  });
  await project.client.query('create table public.hooked (name text)');
  await project.makeGates();
  const { code, out } = await project.run(['build']);
  expect(code, out).toBe(0);
  untouched = await contents('s');
  expect(untouched).toMatchObject({ events: '(1,10);(2,20);(3,30)', failures: '2' });
});
afterAll(async () => {
  await project.close();
});

describe('a killed build', () => {
  /** The gate that is shut at the moment, and how many stand there. */
  const moments: readonly (readonly [what: string, gate: string, count: number])[] = [
    ['while a seed is in its transaction', 'seed', 1],
    ['while several tables are being made', 'tables', 3],
    ['in a hook after the commit', 'after', 1],
    ['while the incremental model is being made', 'inc', 1],
    ['while the snapshot is being made', 'snap', 1],
    ['while failing rows are being stored', 'failures', 1],
  ];
  it.each(moments)('%s is repaired by the same command', async (_what, gate, count) => {
    await fresh();
    await project.shutGate(gate);
    const build = project.start(['build']);
    await project.waitAtGate(gate, count);
    build.child.kill('SIGKILL');
    await build.ended;
    await project.openGate(gate);
    await recovers(['build']);
  });

  it('at any moment of a second build is repaired by the same command, without duplicates', async () => {
    for (let round = 0; round < 6; round++) {
      const build = project.start(['build', ...(round % 2 === 0 ? [] : ['--full-refresh'])]);
      await pause(350 + Math.random() * 1000);
      build.child.kill('SIGKILL');
      await build.ended;
    }
    await recovers(['build']);
  });

  it('leaves no active backend, however long its statement', async () => {
    project.write({
      'models/long.sql': "{{ config(materialized='table', tags=['long']) }} select pg_sleep(30)::text as s",
    });
    const build = project.start(['run', '--select', 'long']);
    await project.until(
      'select exists (select from pg_stat_activity where datname = current_database() and query like ' +
        "'%pg_sleep(30)%' and pid <> pg_backend_pid())",
    );
    build.child.kill('SIGKILL');
    await build.ended;
    await project.until(`select (${BACKENDS}) = 0`);
    expect(await project.one("select to_regclass('s.long') is null and to_regclass('s.long__dbt_tmp') is null")).toBe(
      'true',
    );
  });
});
