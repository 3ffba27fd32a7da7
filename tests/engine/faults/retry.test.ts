// What a killed run leaves is as good as the results of one that failed: for retry, for result:, here and as the state
// of another environment; and clone, which must never put a view in the place of the data that it reads.
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from './project.ts';

let project: FaultProject;

async function killedBuild(): Promise<void> {
  rmSync(join(project.dir, 'target'), { recursive: true, force: true });
  await project.client.query(
    'drop schema if exists s cascade; create table if not exists public.gate (open boolean); truncate gate',
  );
  const build = project.start(['build', '--vars', '{note: first}', '--threads', '2']);
  await project.until(
    'select exists (select from pg_stat_activity where pid <> pg_backend_pid() and datname = ' +
      "current_database() and query like '%wait_for_gate%' and query like '%b__dbt_tmp%')",
  );
  await project.until("select to_regclass('s.a') is not null");
  build.child.kill('SIGKILL');
  await build.ended;
}

function results(): Record<string, string> {
  const { results: list } = JSON.parse(readFileSync(join(project.dir, 'target/run_results.json'), 'utf8')) as {
    results: { unique_id: string; status: string }[];
  };
  return Object.fromEntries(list.map(({ unique_id, status }) => [unique_id.split('.')[2]!, status]));
}

beforeAll(async () => {
  project = await FaultProject.open({
    'models/a.sql': "{{ config(materialized='table') }} select 1 as id",
    'models/b.sql':
      "{{ config(materialized='table') }} select id, '{{ var('note', 'none') }}' as note, " +
      "public.wait_for_gate() as waited from {{ ref('a') }}",
    'models/c.sql': "{{ config(materialized='table') }} select * from {{ ref('b') }}",
  });
  await project.client.query(
    `create table gate (open boolean);
    create function wait_for_gate() returns int volatile language plpgsql as $$ begin while not exists ` +
      '(select from public.gate) loop perform pg_sleep(0.05); end loop; return 1; end $$',
  );
});
afterAll(async () => {
  await project.close();
});

describe('after SIGKILL', () => {
  it('retry runs what was running or had not begun, with the arguments of the first command', async () => {
    await killedBuild();
    expect(existsSync(join(project.dir, 'target/run_results.json'))).toBe(false);
    await project.client.query('insert into gate values (true)');
    const { code, out } = await project.run(['retry']);
    expect(code, out).toBe(0);
    expect(results()).toEqual({ b: 'success', c: 'success' });
    expect(await project.rows('select id, note from s.c')).toEqual([['1', 'first']]);
    const again = await project.run(['retry']);
    expect([again.code, again.out.includes('Nothing to do')]).toEqual([0, true]);
  });

  it('result: selects by the status that each node had', async () => {
    await killedBuild();
    cpSync(join(project.dir, 'target'), join(project.dir, 'state'), { recursive: true });
    const listed = async (criterion: string): Promise<string> =>
      (await project.run(['ls', '--select', criterion, '--state', 'state', '--quiet'])).out.trim();
    expect(await listed('result:success')).toBe('faults.a');
    expect(await listed('result:error')).toBe('faults.b');
    expect(await listed('result:error+')).toBe('faults.b\nfaults.c');
    expect(await listed('result:skipped')).toBe('faults.c');
    await project.client.query('insert into gate values (true)');
    const { code, out } = await project.run(['retry', '--state', 'state', '--vars', '{note: second}']);
    expect(code, out).toBe(0);
    expect(await project.rows('select id, note from s.c')).toEqual([['1', 'second']]);
  });
});

describe('the clone command', () => {
  it('skips a relation that is the one to be cloned', async () => {
    await project.client.query('insert into gate values (true)');
    expect((await project.run(['run'])).code).toBe(0);
    rmSync(join(project.dir, 'state'), { recursive: true, force: true });
    cpSync(join(project.dir, 'target'), join(project.dir, 'state'), { recursive: true });
    const { code, out } = await project.run(['clone', '--state', 'state', '--full-refresh']);
    expect(code, out).toBe(0);
    expect(
      await project.rows(
        "select relname, relkind from pg_class where relnamespace = 's'::regnamespace and relkind in ('r', " +
          "'v') order by 1",
      ),
    ).toEqual([
      ['a', 'r'],
      ['b', 'r'],
      ['c', 'r'],
    ]);
  });
});

describe('after a failed hook', () => {
  it.each(['on-run-end', 'on-run-start'])('retry runs the hooks again when %s failed and no node did', async (when) => {
    const settings = project.read('dbt_project.yml');
    await project.client.query('drop table if exists hook_log; drop schema if exists s cascade');
    project.write({
      'dbt_project.yml':
        `${settings}${when}: ["insert into public.hook_log values (1)"]\n` +
        (when === 'on-run-start' ? 'on-run-end: ["select 1"]\n' : ''),
    });
    try {
      expect((await project.run(['run', '--select', 'a'])).code).toBe(1);
      const again = await project.run(['retry']);
      expect(again.code, again.out).toBe(1);
      await project.client.query('create table hook_log (n int)');
      const mended = await project.run(['retry']);
      expect(mended.code, mended.out).toBe(0);
      expect(await project.one('select count(*) from hook_log')).toBe('1');
      expect(await project.one('select id from s.a')).toBe('1');
      const nothing = await project.run(['retry']);
      expect([nothing.code, nothing.out]).toEqual([0, expect.stringContaining('Nothing to do')]);
    } finally {
      project.write({ 'dbt_project.yml': settings });
    }
  });
});
