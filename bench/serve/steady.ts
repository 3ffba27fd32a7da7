// `serve` for 90 minutes at `every: 2s`, while rows arrive and faults happen: memory and files stay flat, each due time
// is run once, no lease is left, the marts equal a full recompute. `--small` is one minute.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import pg from 'pg';
import { embeddedPostgres } from '../../src/adapters/postgres/embedded.ts';
import { seeded } from '../../tests/engine/support/seeded.ts';

const MODELS: Readonly<Record<string, string>> = {
  // Rows are added in the order of their ids, by one writer.
  appended: `{{ config(materialized='incremental') }}
select id, user_id, amount from {{ source('raw', 'events') }}
{% if is_incremental() %}where id > (select coalesce(max(id), 0) from {{ this }}){% endif %}`,
  per_user: `{{ config(materialized='incremental', unique_key='user_id') }}
select user_id, count(*) as events, sum(amount) as amount, max(id) as newest from {{ source('raw', 'events') }}
{% if is_incremental() %}where user_id in (select e.user_id from {{ source('raw', 'events') }} as e
where e.id > (select coalesce(max(newest), 0) from {{ this }})){% endif %} group by user_id`,
  total: `{{ config(materialized='table') }}
select count(*) as events, sum(amount) as amount from {{ ref('appended') }}`,
};
/** What each mart must be at the end. */
const WHOLE: Readonly<Record<string, string>> = {
  appended: 'select id, user_id, amount from raw.events',
  per_user:
    'select user_id, count(*) as events, sum(amount) as amount, max(id) as newest from raw.events group by user_id',
  total: 'select count(*) as events, sum(amount) as amount from raw.events',
};
const SECOND = 1000;

interface Host {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
  out(): string;
}

interface Sample {
  readonly minute: number;
  readonly megabytes: number;
  readonly descriptors: number;
  readonly files: number;
  readonly kilobytes: number;
  readonly sessions: number;
}

export async function main(small: boolean): Promise<void> {
  const seconds = small ? 60 : Number(process.env['BENCH_SECONDS'] ?? 5400);
  const random = seeded(Number(process.env['BENCH_SEED'] ?? 16));
  const dir = mkdtempSync(join(tmpdir(), 'tsdbt-steady-'));
  const server = await embeddedPostgres({ dir: join(dir, 'pg/.tsdbt/pg') });
  const { host, port, user, password } = server;
  const address = { host, port, user, password };
  const admin = new pg.Client({ ...address, database: 'postgres', application_name: 'bench' });
  await admin.connect();
  await admin.query('create database steady');
  const client = (): pg.Client => {
    const made = new pg.Client({ ...address, database: 'steady', application_name: 'bench' });
    made.on('error', () => undefined);
    return made;
  };
  let db = client();
  await db.connect();
  for (const sql of [
    'create schema raw',
    'create table raw.events (id bigserial primary key, at timestamptz default now(), user_id int, amount int)',
    'create table raw.faults (kind text primary key)',
  ])
    await db.query(sql);

  const alarms = new Map<string, number>();
  const receiver = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { occasion, key } = JSON.parse(Buffer.concat(parts).toString()) as { occasion: string; key: string };
      alarms.set(`${key} ${occasion}`, (alarms.get(`${key} ${occasion}`) ?? 0) + 1);
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const hook = receiver.address();
  const project = join(dir, 'project');
  writeProject(project, {
    'profiles.yml':
      `steady: {target: dev, outputs: {dev: {type: postgres, host: ${host}, port: ${port}, user: ${user}, password: ` +
      `"${password}", dbname: steady, schema: marts, threads: 2, application_name: steady serve}}}\n`,
    'jobs.yml': jobs(typeof hook === 'object' ? (hook?.port ?? 0) : 0),
  });

  const start = (name: string): Host => startHost(project, name);
  const hosts = { a: start('a'), b: start('b') };
  const began = Date.now();
  const over = (): boolean => Date.now() - began > seconds * SECOND;
  const faults = new Map<string, number>();
  const samples: Sample[] = [];
  let rows = 0;
  let writing = true;

  const write = async (): Promise<void> => {
    while (writing) {
      const count = 1 + Math.floor(random() * 40);
      try {
        await db.query(
          `insert into raw.events (user_id, amount) select (random() * 500)::int, (random() * 1000)::int from ` +
            `generate_series(1, ${count})`,
        );
        rows += count;
      } catch {
        // A query of a client that could not connect would wait for ever: ask until one is connected.
        do {
          await pause(500);
          void db.end().catch(() => undefined);
          db = client();
        } while (writing && !(await connected(db)));
      }
      await pause(300 + random() * 900);
    }
  };
  const onOwn = async (work: (own: pg.Client) => Promise<void>): Promise<void> => {
    const own = client();
    await own.connect();
    try {
      await work(own);
    } finally {
      await own.end();
    }
  };
  const set = (kind: string, ms: number): Promise<void> =>
    onOwn(async (own) => {
      await own.query('insert into raw.faults values ($1) on conflict do nothing', [kind]);
      await pause(ms);
      await own.query('delete from raw.faults where kind = $1', [kind]);
    });
  const ofServe = "application_name like '%steady serve%' and datname = 'steady'";
  const FAULTS: Readonly<Record<string, () => Promise<void>>> = {
    'all connections cut': async () =>
      void (await admin.query(`select pg_terminate_backend(pid) from pg_stat_activity where ${ofServe}`)),
    'one connection cut': async () =>
      void (await admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where ${ofServe} order by random() limit 1`,
      )),
    'database away for 8 s': async () => {
      await admin.query('alter database steady with allow_connections false');
      await admin.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'steady'");
      await pause(8 * SECOND);
      await admin.query('alter database steady with allow_connections true');
    },
    'source locked for 3 s': () =>
      onOwn(async (own) => {
        await own.query('begin');
        await own.query('lock table raw.events in access exclusive mode');
        await pause(3 * SECOND);
        await own.query('rollback');
      }),
    'a model fails for 10 s': () => set('fails', 10 * SECOND),
    'a model hangs for 8 s': () => set('hangs', 8 * SECOND),
    'host b killed': async () => {
      hosts.b.child.kill('SIGKILL');
      await hosts.b.ended;
      hosts.b = start('b');
    },
    'host b stopped for 34 s': async () => {
      hosts.b.child.kill('SIGSTOP');
      await pause(small ? 5 * SECOND : 34 * SECOND);
      hosts.b.child.kill('SIGCONT');
    },
    'host a stopped for 4 s': async () => {
      hosts.a.child.kill('SIGSTOP');
      await pause(4 * SECOND);
      hosts.a.child.kill('SIGCONT');
    },
  };
  const writer = write();
  const troubles = (async () => {
    const names = Object.keys(FAULTS);
    await pause(10 * SECOND);
    while (!over()) {
      const name = names[Math.floor(random() * names.length)] ?? '';
      faults.set(name, (faults.get(name) ?? 0) + 1);
      try {
        await FAULTS[name]?.();
      } catch (error) {
        process.stderr.write(`fault '${name}': ${String(error)}\n`);
      }
      await pause((small ? 2 : 5 + random() * 20) * SECOND);
    }
  })();
  let sampled = 0;
  while (!over()) {
    await pause(SECOND);
    const minute = Math.floor((Date.now() - began) / (small ? 10 : 60) / SECOND);
    if (hosts.a.child.exitCode !== null) throw new Error(`host a has ended:\n${hosts.a.out().slice(-4000)}`);
    if (minute <= sampled) continue;
    sampled = minute;
    const sample = await sampleOf(hosts.a.child.pid ?? 0, project, minute, admin, ofServe);
    samples.push(sample);
    process.stdout.write(`${JSON.stringify(sample)} load ${loadavg()[0]?.toFixed(1)}\n`);
  }
  await troubles;
  writing = false;
  await writer;
  void db.end().catch(() => undefined);
  db = client();
  await db.connect();
  await db.query('delete from raw.faults');
  // One run that began after the last row.
  const { rows: clock } = await db.query<{ now: string }>('select clock_timestamp()::text as now');
  for (let i = 0; i < 600; i++) {
    const { rowCount } = await db.query(
      "select from tsdbt.job_runs where job = 'marts' and state = 'success' and started_at > $1 limit 1",
      [clock[0]?.now],
    );
    if ((rowCount ?? 0) > 0) break;
    await pause(500);
  }
  // A host that was killed leaves its runs until their lease has ended; then the other host says that they were lost.
  const living = Object.values(hosts).map(({ child }) => `%:${child.pid}`);
  for (let i = 0; i < 180; i++) {
    const { rowCount } = await db.query(
      "select from tsdbt.job_runs where state = 'running' and not host like any ($1) limit 1",
      [living],
    );
    if (rowCount === 0) break;
    await pause(500);
  }
  for (const { child } of Object.values(hosts)) child.kill('SIGTERM');
  const codes = [await hosts.a.ended, await hosts.b.ended];
  const one = async (sql: string): Promise<string> =>
    String(Object.values((await db.query<Record<string, unknown>>(sql)).rows[0] ?? {})[0]);
  const found: Record<string, string> = {
    'ended with': codes.join(', '),
    rows: `${rows} sent, ${await one('select count(*) from raw.events')} in the source`,
  };
  const wrong: string[] = [];
  const expectZero = async (what: string, sql: string): Promise<void> => {
    const count = await one(sql);
    found[what] = count;
    if (count !== '0') wrong.push(`${what}: ${count}`);
  };
  if (codes.some((code) => code !== 0)) wrong.push(`ended with ${codes.join(', ')}`);
  for (const [name, whole] of Object.entries(WHOLE)) {
    const columns = /^select (.*?) from/.exec(whole)?.[1]?.replace(/[^ ]*\([^)]*\) as /g, '') ?? '*';
    const mart = `select ${columns} from marts.${name}`;
    await expectZero(
      `rows of ${name} that differ`,
      `select count(*) from ((${mart} except all ${whole}) union all (${whole} except all ${mart})) as d`,
    );
  }
  await expectZero('leases left', "select count(*) from tsdbt.job_runs where state = 'running'");
  await expectZero(
    'due times with two successful runs',
    `select count(*) from (select from tsdbt.job_runs where state = 'success' group by job, due_at
     having count(*) > 1) d`,
  );
  await expectZero(
    'successful runs without their nodes (host a)',
    `select count(*) from tsdbt.job_runs as r where job = 'marts' and state = 'success' and host like
     '%:${hosts.a.child.pid}' and (select count(*) from tsdbt.node_runs as n where n.run_id = r.run_id) = 0`,
  );
  await expectZero('relations that only a run should have', "select count(*) from pg_class where relname ~ '__dbt_'");
  await expectZero('sessions left', `select count(*) from pg_stat_activity where ${ofServe}`);
  const states = await db.query<{ job: string; state: string; count: string }>(
    'select job, state, count(*) from tsdbt.job_runs group by 1, 2 order by 1, 2',
  );
  found['runs'] = states.rows.map(({ job, state, count }) => `${job} ${state} ${count}`).join('; ');
  found['due times of marts'] = await one("select count(distinct due_at) from tsdbt.job_runs where job = 'marts'");
  found['longest time without a good end of marts, s'] = await one(
    `select max(extract(epoch from gap))::int from (select finished_at - lag(finished_at) over (order by finished_at)
     as gap from tsdbt.job_runs where job = 'marts' and state = 'success') d`,
  );
  found['open incidents'] = await one('select count(*) from tsdbt.incidents where closed_at is null');
  found['alarms'] = [...alarms].map(([key, count]) => `${key} ${count}`).join('; ');
  found['faults'] = [...faults].map(([name, count]) => `${name} ${count}`).join('; ');
  // The first third fills caches; from then on nothing grows.
  const third = Math.ceil(samples.length / 3);
  for (const key of ['megabytes', 'descriptors', 'files', 'kilobytes', 'sessions'] as const) {
    const [middle, last] = [samples.slice(third, 2 * third), samples.slice(2 * third)].map(
      (part) => part.reduce((sum, sample) => sum + sample[key], 0) / Math.max(1, part.length),
    );
    const most = Math.max(...samples.map((sample) => sample[key]));
    found[key] = `middle third ${middle?.toFixed(0)}, last third ${last?.toFixed(0)}, most ${most.toFixed(0)}`;
  }
  console.table(found);
  await db.end();
  await admin.end();
  receiver.close();
  await server.release();
  if (wrong.length === 0) rmSync(dir, { recursive: true, force: true });
  else {
    process.stderr.write(`Wrong: ${wrong.join('; ')}. Logs: ${project}\n${hosts.a.out().slice(-4000)}\n`);
    process.exitCode = 1;
  }
}

const connected = async (client: pg.Client): Promise<boolean> => {
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  }
};

function writeProject(dir: string, more: Readonly<Record<string, string>>): void {
  const files: Record<string, string> = {
    'dbt_project.yml': 'name: steady\nversion: "1.0"\nprofile: steady\nflags: {send_anonymous_usage_stats: false}\n',
    'models/sources.yml':
      'sources: [{name: raw, schema: raw, tables: [{name: events, loaded_at_field: at, freshness: {warn_after: ' +
      '{count: 1, period: minute}}}, {name: faults}]}]\n' +
      'models: [{name: appended, columns: [{name: id, data_tests: [unique, not_null]}]}]\n',
    'models/flaky.sql':
      "{{ config(materialized='table') }} select 1 / (1 - count(*)) as one from {{ source('raw', 'faults') }} " +
      "where kind = 'fails'",
    'models/hung.sql':
      "{{ config(materialized='table') }} select kind, pg_sleep(600)::text as slept from " +
      "{{ source('raw', 'faults') }} where kind = 'hangs'",
    'models/fresh.sql': "{{ config(materialized='table') }} select max(id) as id from {{ source('raw', 'events') }}",
    ...Object.fromEntries(Object.entries(MODELS).map(([name, sql]) => [`models/marts/${name}.sql`, sql])),
    ...more,
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
}

function jobs(port: number): string {
  return `defaults: { retries: { times: 3, backoff: 500ms } }
jobs:
  marts: { every: 2s, build: "path:models/marts", timeout: 60s, overlap: wait }
  flaky: { every: 6s, run: flaky, retries: 0, sla: { success: { min: 90%, over: 1h } } }
  hung: { every: 20s, run: hung, timeout: 3s, overlap: skip }
  rows: { after: "source:raw.events", debounce: 2s, run: fresh }
  measured: { every: 30s, source freshness: "source:raw.events" }
alerts:
  hook: { webhook: "http://127.0.0.1:${port}/", on: [failed, recovered] }
`;
}

function startHost(project: string, name: string): Host {
  const args = ['serve', '--port', '0', '--target-path', `target-${name}`, '--log-path', `logs-${name}`];
  const child = spawn(process.execPath, [resolve('bin/tsdbt.js'), ...args, '--no-use-colors'], {
    cwd: project,
    env: { ...process.env, DBT_PROFILES_DIR: project },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      out = (out + text).slice(-100_000);
    });
  const ended = once(child, 'close').then(() => child.exitCode);
  return { child, ended, out: () => out };
}

async function sampleOf(pid: number, dir: string, minute: number, admin: pg.Client, ofServe: string): Promise<Sample> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const { rows } = await admin.query<{ count: string }>(`select count(*) from pg_stat_activity where ${ofServe}`);
  // The files of host b are left out: it dies and starts anew.
  const own = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((path) => !/(target|logs)-b/.test(path));
  const sizes = own.map((path) => statSync(join(dir, path), { throwIfNoEntry: false })?.size ?? 0);
  return {
    minute,
    megabytes: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    files: own.length,
    kilobytes: sizes.reduce((sum, size) => sum + size, 0) / 1024,
    sessions: Number(rows[0]?.count ?? 0),
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, ms);
  });
}
