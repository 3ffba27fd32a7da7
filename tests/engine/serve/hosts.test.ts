// Tests two `tsdbt serve` on one Postgres while rows arrive and hosts are killed, or suspended for longer than their
// lease: each due time has one success, the marts equal their source, and nothing is left over. `npm run faults --
// serve` makes 200 faults instead of six.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BACKENDS, FaultProject, pause } from '../faults/project.ts';
import { FOR_EVENTS } from '../support/events.ts';
import type { Running } from '../support/program.ts';

const FAULTS = Number(process.env['TSDBT_SERVE_FAULTS'] ?? 6);
/** Seconds: ten times shorter than in production, so that a suspension soon exceeds it. */
const LEASE = 3;
const SEED = Number(process.env['TSDBT_SEED'] ?? Date.now() % 1e6);

let state = SEED;
/** From 0 to 1, the same sequence for a seed. */
function random(): number {
  state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
  return state / 2 ** 31;
}

let project: FaultProject;
const hosts: Running[] = [];
/** The output of killed hosts. */
const before: string[] = [];
let writes = true;
let writing: Promise<void>;

function start(i: number): void {
  const old = hosts[i];
  if (old !== undefined) before.push(old.out());
  hosts[i] = project.start(['serve', '--port', '0'], `target-${i}`);
}

beforeAll(async () => {
  project = await FaultProject.open({
    // Most faults hit during the pause, between a node's read and its publication.
    'models/mart.sql': `{{ config(materialized='incremental') }}
with slow as materialized (select pg_sleep(0.2))
select id, v from public.events, slow
{% if is_incremental() %} where id > (select coalesce(max(id), 0) from {{ this }}) {% endif %}`,
    'models/total.sql': `{{ config(materialized='table') }}
select count(*) as n, coalesce(sum(v), 0) as s from {{ ref('mart') }}`,
    'jobs.yml': `jobs:
  fast: { every: 2s, run: , catch_up: all, overlap: wait, retries: { times: 20, backoff: 1s }, timeout: 60s }
`,
  });
  project.env = { TSDBT_LEASE: String(LEASE) };
  await project.client.query('create table public.events (id bigserial, v int)');
  writing = (async () => {
    while (writes) {
      await project.one(
        `insert into public.events (v) select g from generate_series(1, ${1 + Math.floor(random() * 9)}) g`,
      );
      await pause(50);
    }
  })();
});

afterAll(async () => {
  writes = false;
  await writing;
  for (const { child, ended } of hosts) {
    if (child.exitCode === null) child.kill('SIGKILL');
    await ended;
  }
  await project.close();
});

/** Kills one host, or suspends it for longer than its lease. The other may be hit meanwhile. */
async function fault(): Promise<string> {
  const i = Math.floor(random() * 2);
  const { child, ended } = hosts[i] as Running;
  if (random() < 0.5) {
    child.kill('SIGKILL');
    await ended;
    await pause(random() * 1500);
    start(i);
    return 'kill';
  }
  child.kill('SIGSTOP');
  const other = random() < 0.3 ? hosts[1 - i] : undefined;
  if (other !== undefined) {
    await pause(random() * LEASE * 1000);
    other.child.kill('SIGKILL');
    await other.ended;
    start(1 - i);
  }
  await pause((LEASE + 0.5 + random() * 2) * 1000);
  child.kill('SIGCONT');
  return other === undefined ? 'stop' : 'stop and kill';
}

it(`two hosts run each due time once over ${FAULTS} faults`, { timeout: 300_000 + FAULTS * 30_000 }, async () => {
  start(0);
  start(1);
  await project.until(`select count(*) > 1 from tsdbt.job_runs where state = 'success'`);
  const made = new Map<string, number>();
  for (let i = 0; i < FAULTS; i++) {
    await pause(random() * 1500);
    const kind = await fault();
    made.set(kind, (made.get(kind) ?? 0) + 1);
  }
  const said = (): string => `seed ${SEED}\n${[...before, ...hosts.map((host) => host.out())].join('\n---\n')}`;
  // Missed due times are caught up.
  const last = await project.one(`select extract(epoch from date_trunc('second', now()))::bigint / 2 * 2`);
  await project
    .until(
      `select max(due_at) >= to_timestamp(${last}) and not exists (select from tsdbt.job_runs group by due_at having ` +
        `bool_and(state <> 'success')) from tsdbt.job_runs where state = 'success'`,
    )
    .catch(async (error: unknown) => {
      const left = await project.rows(
        `select due_at, string_agg(attempt || ' ' || state || ' ' || host || ' ' || coalesce(reason, ''), ', ') from ` +
          `tsdbt.job_runs group by due_at having bool_and(state <> 'success')`,
      );
      throw new Error(`${String(error)}\n${left.join('\n')}\n${said()}`);
    });
  writes = false;
  await writing;
  // A run that begins after the last row.
  const runs = await project.one(`select clock_timestamp()::text`);
  await project.until(`select exists (select from tsdbt.job_runs where state = 'success' and started_at > '${runs}')`);
  // A host that was just restarted may not accept a signal yet.
  for (const { out } of hosts) await expect.poll(out, FOR_EVENTS).toMatch(/jobs of \S+ at http/);
  for (const { child } of hosts) child.kill('SIGTERM');
  const codes = await Promise.all(hosts.map(async ({ ended }) => (await ended).code));
  expect(codes, said()).toEqual([0, 0]);

  const wrong = `select due_at::text, count(*) filter (where state = 'success')::text, string_agg(attempt || ' ' ||
    state || ' ' || host, ', ' order by attempt) from tsdbt.job_runs group by due_at having count(*) filter (where
    state = 'success') <> 1`;
  expect(await project.rows(wrong), said()).toEqual([]);
  const [[due, expected, lost] = []] = await project.rows(
    `select count(distinct due_at), extract(epoch from max(due_at) - min(due_at))::bigint / 2 + 1, count(*) filter
     (where state = 'lost') from tsdbt.job_runs`,
  );
  expect(due, said()).toBe(expected);
  for (const [one, other] of [
    ['public.events', 's.mart'],
    ['s.mart', 'public.events'],
  ])
    expect(await project.rows(`select id, v from ${one} except all select id, v from ${other}`), said()).toEqual([]);
  expect(await project.rows('select n, s from s.total')).toEqual(
    await project.rows('select count(*), sum(v) from public.events'),
  );
  expect(await project.rows(`select job, host from tsdbt.job_runs where state = 'running'`)).toEqual([]);
  await project.until(BACKENDS.replace('count(*)', 'count(*) = 0'));
  const locks =
    `select objid from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where ` +
    'datname = current_database())';
  expect(await project.rows(locks)).toEqual([]);
  expect(await project.orphans()).toEqual([]);
  const [[rows] = []] = await project.rows('select count(*) from s.mart');
  const faults = JSON.stringify(Object.fromEntries(made));
  process.stdout.write(`serve: ${due} due times, ${lost} runs lost, ${rows} rows, ${faults}, seed ${SEED}\n`);
});
