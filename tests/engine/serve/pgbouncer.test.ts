// Tests two `tsdbt serve` through PgBouncer in transaction mode: each due time runs once, rows start their job, a hung
// query is cancelled on the server, a suspended host publishes nothing, and a restarted pooler is used again.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SERVERS } from '../adapters/servers.ts';
import { FaultProject, pause } from '../faults/project.ts';
import { Bouncer, type BouncedServer, bouncerMissing } from '../support/pgbouncer.ts';
import type { Running } from '../support/program.ts';

/** Seconds: long enough that a busy machine loses no lease. */
const LEASE = 8;
/** Concurrent transactions of both hosts: four threads each, and their state. */
const POOL = 10;
/** Other sessions in the project's database, because tests of other files use the same server. */
const OTHERS = 'from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()';

let project: FaultProject;
let bouncer: Bouncer;
let hosts: Running[] = [];

beforeAll(async () => {
  if (bouncerMissing !== null) return;
  let address: BouncedServer | null = null;
  project = await FaultProject.open(
    {
      'models/appended.sql':
        "{{ config(materialized='incremental') }} select '{{ invocation_id }}' as made_by, clock_timestamp() as at",
      'models/counted.sql': "{{ config(materialized='table') }} select count(*) as n from {{ source('raw', 'gate') }}",
      'models/hung.sql': "{{ config(materialized='table') }} select pg_sleep(600)::text as id",
      'models/mart.sql':
        "{{ config(materialized='table') }} select number as id, '{{ invocation_id }}' as made_by, " +
        'pg_sleep(0.1)::text as s from generate_series(1, 80) as number',
      'models/sources.yml': 'sources: [{ name: raw, schema: public, tables: [{ name: gate }] }]\n',
      'jobs.yml': `jobs:
  fast: { every: 2s, run: appended, retries: 0 }
  rows: { after: "source:raw.gate", debounce: 1s, run: counted }
  hung: { run: hung, timeout: 2s, retries: 0 }
  long: { run: mart }
`,
    },
    {
      name: 'behind PgBouncer',
      async open() {
        const server = await SERVERS.at(-1)!.open();
        const { host, port, user, password, database } = server.credentials as unknown as BouncedServer;
        address = { host, port, user, password, database };
        return server;
      },
    },
  );
  if (address === null) throw new Error('no server');
  bouncer = await Bouncer.open(address, POOL);
  const { port, host } = address as BouncedServer;
  const profiles = project.read('profiles.yml');
  project.write({
    'profiles.yml': profiles.replace(`host: ${host}, port: ${port}`, `host: 127.0.0.1, port: ${bouncer.port}`),
  });
  project.env = { TSDBT_LEASE: String(LEASE) };
  await project.client.query('create table public.gate (id int)');
  hosts = ['a', 'b'].map((name) => project.start(['serve', '--port', '0'], `target-${name}`));
});
afterAll(async () => {
  if (bouncerMissing !== null) return;
  for (const { child } of hosts) if (child.exitCode === null) child.kill('SIGKILL');
  for (const { ended } of hosts) await ended;
  await bouncer.close();
  await project.close();
});

const said = (): string => hosts.map(({ out }) => out()).join('\n---\n');
async function until(what: string, asked: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 200_000; Date.now() < end; await pause(50)) if (await asked()) return;
  throw new Error(`never: ${what}\n${said()}`);
}
const holds = (what: string, sql: string): Promise<void> =>
  until(what, async () => (await project.one(`select (${sql})::text`)) === 'true');
const good = `select count(*) from tsdbt.job_runs where job = 'fast' and state = 'success'`;

it.skipIf(bouncerMissing !== null)('serve works through a transaction pooler', { timeout: 600_000 }, async () => {
  await until('both serve', () => hosts.every(({ out }) => /jobs of \S+ at http/.test(out())));
  await project.until(`select (${good}) >= 3`);
  await project.client.query('insert into public.gate values (1), (2)');
  await holds('the rows are counted', `select coalesce((select n = 2 from s.counted), false)`);

  expect((await project.run(['jobs', 'run', 'hung'], 'asks')).code).toBe(0);
  await holds(
    'the query is cancelled',
    `select count(*) = 1 from tsdbt.job_runs where job = 'hung' and state = 'timeout'`,
  );
  // The session's transaction may end slightly after its query.
  await holds(
    'nothing is left of the query',
    `select count(*) = 0 ${OTHERS} and query ~ 'pg_sleep.600' and state <> 'idle'`,
  );

  expect((await project.run(['jobs', 'run', 'long'], 'asks')).code).toBe(0);
  await holds('it runs', `select count(*) = 1 ${OTHERS} and query ~ 'pg_sleep.0.1' and state = 'active'`);
  let stopped: (typeof hosts)[number] | undefined;
  await until('a host runs it', async () => {
    const owners = await project.rows(`select host from tsdbt.job_runs where job = 'long'`);
    stopped = hosts.find(({ child }) => owners.some(([owner]) => owner?.endsWith(`:${child.pid}`)));
    return stopped !== undefined;
  });
  stopped?.child.kill('SIGSTOP');
  await holds(
    'another host has made it',
    `select count(*) = 1 from tsdbt.job_runs where job = 'long' and state = 'success'`,
  );
  const made = await project.rows('select made_by, count(*)::text from s.mart group by made_by');
  expect(made.map(([, n]) => n)).toEqual(['80']);
  stopped?.child.kill('SIGCONT');
  await until('it learns that it is lost', () => /lease/.test(stopped?.out() ?? ''));
  expect(await project.rows('select made_by, count(*)::text from s.mart group by made_by')).toEqual(made);

  await bouncer.stop();
  await until('both miss the database', () => hosts.every(({ out }) => out().includes('The database is away')));
  await bouncer.start();
  await until('both are back', () => hosts.every(({ out }) => /The database is back/.test(out())));
  const before = Number(await project.one(good));
  await until('due times run again', async () => Number(await project.one(good)) >= before + 2);

  for (const { child } of hosts) child.kill('SIGTERM');
  for (const { ended } of hosts) expect((await ended).code, said()).toBe(0);
  expect(await project.rows(`select job from tsdbt.job_runs where state = 'running'`)).toEqual([]);
  // Each successful run of a due time has added its row, and no other run has.
  expect(await project.one('select count(*)::text from s.appended')).toBe(await project.one(`select (${good})::text`));
  expect(await project.rows('select made_by from s.appended group by 1 having count(*) > 1')).toEqual([]);
});
