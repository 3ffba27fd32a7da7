// Processes that are stopped (SIGSTOP) within a transaction on Postgres, idle and in the midst of COPY: they lose their
// session within a minute, the next process goes on, and a stopped one that is continued changes nothing.
import { afterAll, describe, expect, it } from 'vitest';
import { openLab, type PublishLab } from '../publish/lab.ts';
import type { Running } from '../support/program.ts';
import { pause } from './project.ts';

/** Seconds: 30 of silence, then 20 and 4 until the next process looks; and a busy machine. */
const BOUND = 100;
const PUBLISH = { to: 'lookup', table: 'serving.m' };
const labs: PublishLab[] = [];
afterAll(async () => {
  for (const lab of labs) await lab.close();
});

async function labOf(): Promise<PublishLab> {
  const lab = await openLab();
  labs.push(lab);
  return lab;
}

/** Stops a process as soon as the query finds something. */
async function stopWhen(running: Running, ask: () => Promise<string[][]>): Promise<void> {
  for (; (await ask())[0]?.[0] !== 'true'; await pause(5)) expect(running.child.exitCode, running.out()).toBeNull();
  running.child.kill('SIGSTOP');
}

/** Lets a stopped process go on to its end. */
async function continued({ child, ended }: Running): Promise<{ readonly code: number | null; readonly out: string }> {
  child.kill('SIGCONT');
  return ended;
}

const COPIES = (what: string): string =>
  `select exists (select from pg_stat_activity where datname = current_database() and state = 'active' and query ~* ` +
  `'copy ${what}' and pid <> pg_backend_pid() and wait_event like 'Client%')`;
const BIG = 'select g as id, repeat(md5(g::text), 5) as text from generate_series(1, 400000) g';
const STOPPED = /This process was stopped for \d+ s, and the server has ended its transaction/;

describe.concurrent('a process that is stopped on Postgres', () => {
  it('is a publisher whose transaction is idle at the receiver', { timeout: 300_000 }, async ({ expect }) => {
    const { project, ...lab } = await labOf();
    await project.makeGates();
    await project.rows('create table public.base as select 1 as id');
    lab.model("select id, public.pass('rows') as gate from public.base", PUBLISH);
    expect((await project.start(['run']).ended).code).toBe(0);
    await project.shutGate('rows');
    const stopped = project.start(['publish'], 'target-1');
    await project.waitAtGate('rows');
    stopped.child.kill('SIGSTOP');
    await project.openGate('rows');
    await project.rows('update public.base set id = 2');
    const began = performance.now();
    const next = await project.start(['publish'], 'target-2').ended;
    expect(next.out).toContain('PUBLISH 1');
    expect((performance.now() - began) / 1000).toBeLessThan(BOUND);
    const { code, out } = await continued(stopped);
    expect(out).toMatch(STOPPED);
    expect(code).toBe(1);
    expect(await lab.there('select id from serving.m')).toEqual([['2']]);
  });

  it('is a publisher in the midst of COPY', { timeout: 300_000 }, async ({ expect }) => {
    const { project, ...lab } = await labOf();
    lab.model(`{{ config(materialized='table') }} ${BIG}`, PUBLISH);
    expect((await project.start(['run']).ended).code).toBe(0);
    const stopped = project.start(['publish'], 'target-1');
    await stopWhen(stopped, () => lab.there(COPIES('.*__tsdbt_')));
    const began = performance.now();
    const next = await project.start(['publish'], 'target-2').ended;
    expect(next.out).toContain('PUBLISH 400000');
    expect((performance.now() - began) / 1000).toBeLessThan(BOUND);
    // The source's table is free, too.
    expect((await project.start(['run', '--vars', '{v: 2}']).ended).code).toBe(0);
    const { code, out } = await continued(stopped);
    expect(out).toMatch(STOPPED);
    expect(code).toBe(1);
    expect(await lab.there('select run_id from tsdbt.published where row_count = 400000')).toHaveLength(1);
  });

  it('is a publisher in COPY that nobody waits for', { timeout: 300_000 }, async ({ expect }) => {
    const { project, ...lab } = await labOf();
    // The rows are counted in no time, and each takes a while to be sent.
    lab.model(
      'select g as id, pg_sleep(0.05)::text as text from generate_series(1, 2000) g where ' +
        "current_query() like '/* tsdbt%' or g < 3",
      PUBLISH,
    );
    expect((await project.start(['run']).ended).code).toBe(0);
    const stopped = project.start(['publish'], 'target-1');
    await stopWhen(stopped, () => lab.there(COPIES('.*__tsdbt_')));
    stopped.child.kill('SIGCONT');
    // A COPY that lasts has a pulse.
    await pause(15_000);
    stopped.child.kill('SIGSTOP');
    for (const end = performance.now() + BOUND * 1000; ; await pause(500)) {
      const [open] = await lab.there(COPIES('.*__tsdbt_'));
      if (open?.[0] === 'false') break;
      expect(performance.now()).toBeLessThan(end);
    }
    const { code, out } = await continued(stopped);
    expect(out).toMatch(STOPPED);
    expect(code).toBe(1);
  });

  it('is a sync in the midst of COPY', { timeout: 300_000 }, async ({ expect }) => {
    const { project } = await labOf();
    const { host, port, user, password, database } = project.client;
    project.env = { ...project.env, APP_PASSWORD: String(password) };
    project.write({
      'connections.yml':
        `app: {type: postgres, host: ${host}, port: ${port}, user: ${user}, dbname: ${database}, schema: public, ` +
        'password: "{{ env_var(\'APP_PASSWORD\') }}"}\n',
      'models/raw.yml':
        'sources: [{name: raw, schema: raw, tables: [{name: big, config: {meta: {tsdbt: {load: {connection: app, ' +
        'table: public.big, strategy: full, every: 1h}}}}}]}]\n',
    });
    await project.rows(`create table public.big as ${BIG}`);
    const load = (target: string): Running => project.start(['load', '--once', '--select', 'source:raw.big'], target);
    const stopped = load('target-1');
    await stopWhen(stopped, () => project.rows(COPIES('tsdbt_sync_stage')));
    const began = performance.now();
    const next = await load('target-2').ended;
    expect(next.out).toContain('400000 rows read');
    expect((performance.now() - began) / 1000).toBeLessThan(BOUND);
    const { code, out } = await continued(stopped);
    expect(out).toMatch(STOPPED);
    // It syncs anew, with the rows of another snapshot.
    expect(out).toMatch(/tried again in 1 s[\s\S]*400000 rows read/);
    expect(code).toBe(0);
    expect(await project.rows('select count(*) from raw.big')).toEqual([['400000']]);
    expect(await project.rows('select syncs from tsdbt.sync_positions')).toEqual([['2']]);
  });

  it('is a loader in the midst of COPY', { timeout: 300_000 }, async ({ expect }) => {
    const { project } = await labOf();
    const rows = (from: number, to: number): string =>
      Array.from({ length: to - from }, (_, i) => `{"id": ${from + i}, "t": "${'y'.repeat(200)}"}\n`).join('');
    project.write({
      'models/raw.yml':
        'sources: [{name: raw, schema: raw, tables: [{name: ev, config: {meta: {tsdbt: {load: {topic: ev, mode: ' +
        'append}}}}, columns: [{name: id, data_type: bigint}, {name: t, data_type: text}]}]}]\n',
      'ev.json': rows(0, 3),
    });
    const load = (target: string): Running =>
      project.start(['load', '--from', 'ev.json', '--select', 'source:raw.ev'], target);
    expect((await load('target-1').ended).code).toBe(0);
    project.write({ 'ev.json': rows(0, 20_000) });
    await project.rows('begin');
    await project.rows('lock table raw.ev in access exclusive mode');
    const stopped = load('target-1');
    await stopWhen(stopped, () =>
      project.rows(
        // Locks are not of the snapshot: the holder sees who waits.
        "select exists (select from pg_locks where not granted and relation = 'raw.ev'::regclass and database = " +
          '(select oid from pg_database where datname = current_database()))',
      ),
    );
    await project.rows('commit');
    const began = performance.now();
    expect((await load('target-2').ended).code).toBe(0);
    expect((performance.now() - began) / 1000).toBeLessThan(BOUND);
    expect(await project.rows('select count(*), count(distinct id) from raw.ev')).toEqual([['20000', '20000']]);
    await continued(stopped);
    expect(await project.rows('select count(*), count(distinct id) from raw.ev')).toEqual([['20000', '20000']]);
  });

  it('is a build between two statements of a node', { timeout: 300_000 }, async ({ expect }) => {
    const { project } = await labOf();
    await project.makeGates();
    project.write({
      'models/m.sql':
        "{{ config(materialized='table', post_hook=\"select public.pass('{{ var('gate', 'free') }}')\") }}\n" +
        "select {{ var('id', 1) }} as id",
    });
    expect((await project.start(['run']).ended).code).toBe(0);
    await project.shutGate('shut');
    const stopped = project.start(['run', '--vars', '{gate: shut, id: 2}'], 'target-1');
    await project.waitAtGate('shut');
    stopped.child.kill('SIGSTOP');
    await project.openGate('shut');
    // A reader, of which nobody knows, waits no longer.
    const began = performance.now();
    expect(await project.rows('select id from s.m')).toEqual([['1']]);
    expect((performance.now() - began) / 1000).toBeLessThan(BOUND);
    expect((await project.start(['run', '--vars', '{id: 3}'], 'target-2').ended).code).toBe(0);
    const { code, out } = await continued(stopped);
    expect(out).toMatch(STOPPED);
    expect(code).toBe(1);
    expect(await project.rows('select id from s.m')).toEqual([['3']]);
  });
});
