// Tests locked project tables: other nodes are built meanwhile, and those that need them are built after the lock is
// released.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Running } from '../support/program.ts';
import { FaultProject, pause } from './project.ts';

let project: FaultProject;
let holder: pg.Client;

/** Resolves when a command has said something; fails when it ends without. */
async function said(running: Running, text: RegExp): Promise<void> {
  let over = false;
  void running.ended.then(() => {
    over = true;
  });
  while (!text.test(running.out())) {
    if (over) throw new Error(`ended without ${String(text)}:\n${running.out()}`);
    await pause(20);
  }
}

async function locked<T>(names: readonly string[], work: () => Promise<T>): Promise<T> {
  await holder.query(`begin; lock table ${names.join(', ')} in access exclusive mode`);
  try {
    return await work();
  } finally {
    await holder.query('rollback');
  }
}

beforeAll(async () => {
  const table = "{{ config(materialized='table') }} select 1 as id";
  project = await FaultProject.open({
    'seeds/rows.csv': 'id\n1\n',
    'models/t1.sql': table,
    'models/t2.sql': table,
    'models/v2.sql': "select * from {{ ref('t2') }}",
    'models/v3.sql': "select * from {{ ref('v2') }}",
    'models/m2.sql': "{{ config(materialized='materialized_view') }} select * from {{ ref('t2') }}",
    'models/more.sql': "{{ config(materialized='incremental', unique_key='id') }} select 1 as id",
    'models/fed.sql': "select * from {{ source('raw', 'fed') }}",
    'models/quiet.sql': "{{ config(materialized='table') }} select id from {{ source('raw', 'still') }}",
    'models/models.yml': `
sources:
  - name: raw
    schema: outside
    loaded_at_field: at
    config: {freshness: {warn_after: {count: 1, period: day}}}
    tables: [{name: fed}, {name: still}]
models: [{name: t1, columns: [{name: id, data_tests: [not_null]}]}]`,
  });
  await project.client.query(
    'create schema outside; create table outside.fed as select 1 as id, now() as at; create table ' +
      'outside.still as select 1 as id, now() as at',
  );
  const { code, out } = await project.run(['build']);
  expect(code, out).toBe(0);
  const { host, port, user, password, database } = project.client;
  holder = new pg.Client({ host, port, user, password: password ?? '', database: database ?? '' });
  await holder.connect();
});
afterAll(async () => {
  await holder?.end();
  await project?.close();
});

describe('while a table is locked', () => {
  it('a run builds what does not need it, then waits with the one model', async () => {
    const run = project.start(['run', '--threads', '4']);
    await run.ended;
    const again = await locked(['s.t2'], async () => {
      const waiting = project.start(['run', '--threads', '4']);
      for (const name of ['t1', 'more', 'fed', 'quiet']) await said(waiting, new RegExp(`OK created .* s\\.${name} `));
      await project.until(
        "select count(*) > 0 from pg_stat_activity where application_name = 'under test' and wait_event_type = " +
          "'Lock' and datname = current_database()",
      );
      expect(waiting.out()).not.toMatch(/(OK|ERROR) created .* s\.t2 /);
      return waiting;
    });
    const { code, out } = await again.ended;
    expect(code, out).toBe(0);
    expect(out).toContain('PASS=8 WARN=0 ERROR=0');
  });

  it('no command that reads or builds something else requests it', async () => {
    const others = ['s.t2', 's.v2', 's.v3', 's.fed', 's.rows', 's.more', 'outside.fed'];
    const commands = [
      ['run', '--select', 't1', 'quiet'],
      ['test', '--select', 't1'],
      ['build', '--select', 't1'],
      ['show', '--select', 't1'],
      ['compile', '--select', 't1', 'v2'],
      ['docs', 'generate'],
      ['source', 'freshness', '--select', 'source:raw.still'],
      ['run', '--select', 'v2', 'v3', 'fed'],
    ];
    await locked(others, async () => {
      for (const command of commands) {
        const { code, out } = await project.run(command);
        expect(code, `${command.join(' ')}\n${out}`).toBe(0);
      }
    });
  });

  it('the freshness of other sources is measured', async () => {
    const waiting = await locked(['outside.fed'], async () => {
      const running = project.start(['source', 'freshness', '--threads', '2']);
      await said(running, /PASS freshness of raw\.still/);
      return running;
    });
    const { code, out } = await waiting.ended;
    expect(code, out).toBe(0);
    expect(out).toMatch(/PASS freshness of raw\.fed/);
  });

  it('--if-changed treats it as changed and runs', async () => {
    const every = await locked(['outside.fed'], async () => {
      const running = project.start(['run', '--select', 'fed', 'quiet', '--every', '300ms', '--if-changed']);
      await said(running, /Tick 2 ok/);
      return running;
    });
    await said(every, /Tick \d+ unchanged/);
    every.child.kill('SIGTERM');
    expect((await every.ended).code).toBe(0);
  });
});
