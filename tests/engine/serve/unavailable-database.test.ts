// Tests `tsdbt serve` as a process while its database is unavailable or hangs, and when signals arrive meanwhile: its
// messages, how it continues, how it ends and what it leaves.
import { afterEach, expect, it } from 'vitest';
import { OWN_SERVER } from '../adapters/servers.ts';
import { BACKENDS, FaultProject, pause } from '../faults/project.ts';
import { HoleProxy } from '../support/hole-proxy.ts';
import type { Running } from '../support/program.ts';
import { quietPort } from '../support/quiet-port.ts';
import { receiveWebhooks } from './webhook-receiver.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function open(files: Record<string, string>, server?: typeof OWN_SERVER): Promise<FaultProject> {
  const project = await FaultProject.open(files, server);
  closers.push(() => project.close());
  return project;
}

function serve(project: FaultProject, ...more: string[]): Running {
  const running = project.start(['serve', '--port', '0', ...more]);
  closers.push(async () => {
    if (running.child.exitCode === null) running.child.kill('SIGKILL');
    await running.ended;
  });
  return running;
}

async function until(running: Running, asked: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 200_000; Date.now() < end; await pause(30)) {
    if (running.child.exitCode !== null) break;
    if (await asked()) return;
  }
  throw new Error(`never\n${running.out()}`);
}

const says = (running: Running, text: string): number => running.out().split(text).length - 1;
const urlOf = (running: Running): string => /jobs of \S+ at (http:\S+)/.exec(running.out())?.[1] ?? '';
const good = (job: string): string =>
  `select count(*) > 0 from tsdbt.job_runs where job = '${job}' and state = 'success'`;
const running = (job: string): string =>
  `select count(*) > 0 from tsdbt.job_runs where job = '${job}' and state = 'running'`;
/** The model `long` of a job is running. */
const LONG_RUNS =
  'select count(*) > 0 from pg_stat_activity where datname = current_database() and query ~ ' +
  "'create  table.*pg_sleep\\(600'";
const AWAY = 'The database is away';
const BACK = 'The database is back';

/** Opens a separate port for the project's server, on which nothing listens yet. */
async function wayTo(project: FaultProject): Promise<() => Promise<HoleProxy>> {
  const profile = project.read('profiles.yml');
  const [, host = '', port] = /host: (\S+), port: (\d+)/.exec(profile) ?? [];
  const own = await quietPort();
  project.write({ 'profiles.yml': profile.replace(`port: ${port}`, `port: ${own}`) });
  return async () => {
    const proxy = await HoleProxy.open({ host, port: Number(port) }, own);
    closers.push(() => proxy.close());
    return proxy;
  };
}

it('serve waits for an unavailable database at its start, reports it once, and continues', async () => {
  const project = await open({
    'models/a.sql': 'select 1 as id',
    'jobs.yml': 'jobs:\n  fast: { every: 2s, run:  }\n',
  });
  const connect = await wayTo(project);
  const host = serve(project);
  await until(host, () => says(host, AWAY) > 0);
  const url = urlOf(host);
  await pause(3000);
  const states = async (): Promise<number[]> =>
    Promise.all(['/readyz', '/livez'].map(async (path) => (await fetch(`${url}${path}`)).status));
  expect(await states()).toEqual([503, 200]);
  await connect();
  await project.until(good('fast'));
  await until(host, () => says(host, BACK) > 0);
  expect(await states()).toEqual([200, 200]);
  host.child.kill('SIGTERM');
  const { code, out } = await host.ended;
  expect([code, says(host, AWAY), says(host, BACK)], out).toEqual([0, 1, 1]);
});

it('serve alerts once that the database is unavailable, and once that it is back', async () => {
  const receiver = await receiveWebhooks<{
    readonly key: string;
    readonly occasion: string;
    readonly reason: string;
  }>();
  closers.push(async () => receiver.close());
  const project = await open({
    'models/a.sql': 'select 1 as id',
    'jobs.yml': `jobs:
  fast: { every: 2s, run:  }
alerts:
  hook: { webhook: "http://127.0.0.1:${receiver.port}/" }
`,
  });
  const connect = await wayTo(project);
  const host = serve(project, '--away-after', '1s');
  const told = (): string[] => receiver.received.map(({ key, occasion }) => `${key} ${occasion}`);
  const [away, back] = ['database:away opened', 'database:away recovered'];
  await until(host, () => told().length > 0);
  await pause(3000);
  const proxy = await connect();
  await project.until(good('fast'));
  await until(host, () => told().length > 1);
  await proxy.close();
  await until(host, () => told().length > 2);
  expect(told()).toEqual([away, back, away]);
  expect(receiver.received[0]?.reason).toMatch(/ cannot reach the database, and starts no job until it can: .+/);
  await connect();
  await until(host, () => told().length > 3);
  host.child.kill('SIGTERM');
  expect((await host.ended).code, host.out()).toBe(0);
  expect(told()).toEqual([away, back, away, back]);
});

it('serve rejects an invalid duration', async () => {
  const project = await open({ 'jobs.yml': 'jobs:\n  fast: { every: 2s, run:  }\n' });
  const { code, out } = await project.run(['serve', '--away-after', 'soon']);
  expect([code, out]).toEqual([2, expect.stringContaining("'--away-after': 'soon' is not a duration.")]);
});

it('serve ends at a signal while the database is unavailable', async () => {
  const project = await open({ 'models/a.sql': 'select 1 as id', 'jobs.yml': 'jobs:\n  fast: { every: 2s, run: }\n' });
  await wayTo(project);
  const host = serve(project);
  await until(host, () => says(host, AWAY) > 0);
  host.child.kill('SIGTERM');
  expect((await host.ended).code, host.out()).toBe(0);
});

it('serve continues after the server has crashed during runs, and the mart lacks nothing', async () => {
  const project = await open(
    {
      'models/mart.sql': `{{ config(materialized='incremental') }}
with slow as materialized (select pg_sleep(3)) select id from public.events, slow
{% if is_incremental() %} where id > (select coalesce(max(id), 0) from {{ this }}) {% endif %}`,
      'jobs.yml': 'jobs:\n  fast: { every: 2s, run: , retries: { times: 3, backoff: 1s } }\n',
    },
    OWN_SERVER,
  );
  await project.client.query('create table public.events (id bigserial)');
  const arrive = (): Promise<unknown> => project.one('insert into public.events select from generate_series(1, 10)');
  await arrive();
  const host = serve(project);
  for (let times = 1; times <= 2; times++) {
    await project.until(good('fast'));
    await arrive();
    // A run that has just begun: a crash between two runs ends before serve queries anything.
    await project.until(
      "select count(*) > 0 from pg_stat_activity where state = 'active' and datname = current_database() and " +
        "query ~ 'pg_sleep.3.' and pid <> pg_backend_pid() and clock_timestamp() - query_start < interval '1 s'",
    );
    await project.crash();
    await until(host, () => says(host, BACK) === times);
    await arrive();
  }
  const now = await project.one('select clock_timestamp()::text');
  await project.until(`select exists (select from tsdbt.job_runs where state = 'success' and started_at > '${now}')`);
  for (const [one, other] of [
    ['public.events', 's.mart'],
    ['s.mart', 'public.events'],
  ])
    expect(await project.rows(`select id from ${one} except all select id from ${other}`)).toEqual([]);
  host.child.kill('SIGTERM');
  expect((await host.ended).code, host.out()).toBe(0);
  expect(says(host, AWAY), host.out()).toBe(2);
  expect(await project.one(running('fast'))).toBe('false');
});

it('serve lets a run finish at the first signal, and cancels it at the second one', async () => {
  const project = await open({
    'models/short.sql': "{{ config(materialized='table') }} select public.pass('short') as id",
    'models/long.sql': "{{ config(materialized='table') }} select pg_sleep(600)::text as id",
    'jobs.yml': 'jobs:\n  short: { every: 1d, run: short }\n  long: { every: 1d, run: long }\n',
  });
  await project.makeGates();
  await project.shutGate('short');
  const host = serve(project);
  await project.waitAtGate('short');
  await project.until(LONG_RUNS);
  host.child.kill('SIGTERM');
  await until(host, () => says(host, '2 at work come to their end') > 0);
  await project.openGate('short');
  await project.until(good('short'));
  expect(await project.rows(`select job from tsdbt.job_runs where state = 'running'`)).toEqual([['long']]);
  // Two signals in quick succession count as one.
  await pause(400);
  host.child.kill('SIGTERM');
  expect((await host.ended).code, host.out()).toBe(0);
  expect(await project.rows('select job, state, reason from tsdbt.job_runs order by job')).toEqual([
    ['long', 'cancelled', 'serve was stopped'],
    ['short', 'success', 'null'],
  ]);
  expect(await project.one(BACKENDS)).toBe('0');
  expect(await project.orphans()).toEqual([]);
});

it('serve cancels running jobs after its grace period', async () => {
  const project = await open({
    'models/long.sql': "{{ config(materialized='table') }} select pg_sleep(600)::text as id",
    'jobs.yml': 'jobs:\n  long: { every: 1d, run: }\n',
  });
  const host = serve(project, '--grace', '1s');
  await project.until(LONG_RUNS);
  host.child.kill('SIGTERM');
  expect((await host.ended).code, host.out()).toBe(0);
  expect(await project.rows('select state from tsdbt.job_runs')).toEqual([['cancelled']]);
  expect(await project.one(BACKENDS)).toBe('0');
});

it('serve ends at a signal while the database hangs and an objective is being measured', async () => {
  const project = await open({
    'models/a.sql': 'select 1 as id',
    'models/sources.yml': `sources:
  - name: raw
    schema: public
    tables:
      - name: events
        config: { loaded_at_field: at, meta: { tsdbt: { sla: { freshness: 1d } } } }
`,
    'jobs.yml': 'jobs:\n  seldom: { every: 1d, run:  }\n',
  });
  await project.client.query('create table public.events (id int, at timestamptz default now())');
  const connect = await wayTo(project);
  const proxy = await connect();
  const host = serve(project);
  await project.until(good('seldom'));
  await proxy.until(() => proxy.sent.includes('max(at)'));
  proxy.swallow('all');
  const before = proxy.sent.length;
  // A query is sent and not answered.
  await proxy.until(() => proxy.sent.length > before);
  await pause(11_000);
  host.child.kill('SIGTERM');
  expect((await host.ended).code, host.out()).toBe(0);
});
