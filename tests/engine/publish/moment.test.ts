// Tests a relation that is replaced while its publication begins, and a source that does not end.
import { describe, expect, it } from 'vitest';
import { labForAll, type PublishLab } from './lab.ts';

const TO = { to: 'lookup', table: 'serving.m' };

describe('a publication whose source changes meanwhile', () => {
  let lab: PublishLab;
  labForAll((opened) => {
    lab = opened;
  });

  /** Publishes while a transaction holds the lock, and ends that when publishing waits for it. */
  const whileHeld = async (change: string): Promise<string> => {
    await lab.project.client.query(`begin; ${change}`);
    const running = lab.project.start(['publish']);
    // Locks are not of the snapshot: the holder sees who waits.
    await lab.project.until(
      "select exists (select from pg_locks where not granted and relation = 's.m'::regclass and database = (select " +
        'oid from pg_database where datname = current_database()))',
    );
    await lab.project.client.query('commit');
    return (await running.ended).out;
  };

  it('is given up at the timeout while the source works', async () => {
    lab.model('select 1 as id from pg_sleep(600)', TO);
    lab.project.write({
      'models/m.yml': lab.project.read('models/m.yml').replace('tsdbt:\n', 'tsdbt:\n          timeout: 2s\n'),
    });
    expect((await lab.project.run(['run'])).code).toBe(0);
    const { code, out } = await lab.project.run(['publish']);
    expect(out).toContain('2 s');
    expect(code).toBe(1);
    expect(await lab.there("select to_regclass('serving.m')")).toEqual([['null']]);
  });

  it('contains the new rows of a replaced table', async () => {
    lab.model("{{ config(materialized='table') }}\nselect 1 as id", TO);
    expect((await lab.project.run(['build'])).code).toBe(0);
    expect(await whileHeld('truncate s.m; insert into s.m values (7), (8)')).toContain('PUBLISH 2');
    expect(await lab.there('select * from serving.m order by id')).toEqual([['7'], ['8']]);
  });

  it('contains the new rows of a replaced materialized view', async () => {
    await lab.project.client.query('create table public.base as select 1 as id');
    lab.model("{{ config(materialized='materialized_view') }}\nselect * from public.base", TO);
    expect((await lab.project.run(['build'])).out).toContain('PUBLISH 1');
    const out = await whileHeld('insert into public.base values (2); refresh materialized view s.m');
    expect(out).toContain('PUBLISH 2');
    expect(await lab.there('select * from serving.m order by id')).toEqual([['1'], ['2']]);
  });

  it('does not contain rows that another run built after the tests had begun', async () => {
    const { project } = lab;
    await project.client.query(`create table public.gate (id int);
      create function public.waits() returns setof int language plpgsql volatile as $$ begin
        while not exists (select from public.gate) loop perform pg_sleep(0.05); end loop; return; end $$`);
    lab.model("{{ config(materialized='table') }}\nselect 1 as id", TO, ['not_null']);
    project.write({ 'tests/waits.sql': "select 1 as id from {{ ref('m') }}, public.waits()" });
    const running = project.start(['build']);
    await project.until(
      "select count(*) > 0 from pg_stat_activity where state = 'active' and query like '%, public.waits()%' and pid " +
        '<> pg_backend_pid()',
    );
    await project.client.query('insert into s.m values (7); insert into public.gate values (1)');
    const held = await running.ended;
    expect(held.out).toMatch(/another run changed the rows of m after their tests ran/);
    expect(await lab.there("select to_regclass('serving.m')")).toEqual([['null']]);
    expect((await project.run(['build'])).out).toContain('PUBLISH 1');
    expect(await lab.there('select * from serving.m')).toEqual([['1']]);
  });
});
