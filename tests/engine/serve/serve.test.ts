// Tests `tsdbt serve` as a process on a real database: jobs run, a broken objective is alerted once, page and metrics
// respond, and a signal ends it.
import { get } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';
import type { Running } from '../support/program.ts';
import { receiveWebhooks, type WebhookReceiver } from './webhook-receiver.ts';

interface Message {
  readonly occasion: string;
  readonly key: string;
  readonly kind: string;
  readonly project: string;
  readonly parts: readonly unknown[];
}

let receiver: WebhookReceiver<Message>;
let project: FaultProject;
let serve: Running;

beforeAll(async () => {
  receiver = await receiveWebhooks();
  project = await FaultProject.open({
    'models/good.sql': "{{ config(materialized='table') }} select 1 as id, now() as at",
    'models/bad.sql': "{{ config(materialized='table') }} select 1 / (select count(*) from public.gate) as id",
    'models/counted.sql': "{{ config(materialized='table') }} select count(*) as rows from {{ source('raw', 'gate') }}",
    'models/sources.yml': `sources:
  - name: raw
    schema: public
    tables:
      - { name: gate, columns: [{ name: id, data_tests: [not_null] }] }
      - name: late
      - name: watched
      - name: old
        config: { loaded_at_field: at, freshness: { error_after: { count: 1, period: hour } } }
`,
    'jobs.yml': `jobs:
  rows: { after: "source:raw.gate", debounce: 1s, run: counted }
  late: { after: "source:raw.late", debounce: 1s, run: counted }
  watched: { after: "source:raw.watched", debounce: 1s, run: counted }
  fast: { every: 2s, run: good }
  sick: { every: 2s, run: bad, retries: 0, overlap: skip }
  age: { source freshness: }
  checked: { test: }
alerts:
  hook: { webhook: "http://127.0.0.1:${receiver.port}/", on: [failed, recovered], job: sick }
`,
  });
  await project.client.query('create table public.gate (id int)');
  await project.client.query("create table public.old as select now() - interval '2 days' as at");
  serve = project.start(['serve', '--port', '0', '--allowed-hosts', 'jobs.example.org', 'other']);
});
afterAll(async () => {
  if (serve.child.exitCode === null) serve.child.kill('SIGKILL');
  await serve.ended;
  await project.close();
  receiver.close();
});

async function until(what: string, asked: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 200_000; Date.now() < end; ) {
    if (serve.child.exitCode !== null) break;
    if (await asked()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`never: ${what}\n${serve.out()}`);
}

it('serve runs jobs, reports a failure once and its end once, and ends at a signal', async () => {
  const address = (): string | undefined => /jobs of \S+ at (http:\S+)/.exec(serve.out())?.[1];
  await until('it serves', () => address() !== undefined);
  const url = address() ?? '';
  await until('an alarm', () => receiver.received.length > 0);
  const failures = `select count(*) >= 6 from tsdbt.job_runs where job = 'sick' and state = 'failed'`;
  await project.until(failures);
  expect(receiver.received.map(({ occasion, key, kind }) => [occasion, key, kind])).toEqual([
    ['opened', 'job:sick:failed', 'failed'],
  ]);
  expect(receiver.received[0]?.parts).toHaveLength(1);
  expect(JSON.stringify(receiver.received[0]?.parts)).toMatch(/model.*faults.bad.*division by zero/);

  const metrics = await (await fetch(`${url}/metrics`)).text();
  expect(metrics).toMatch(/tsdbt_job_runs_total{job_name="sick",status="failed"} [1-9]/);
  const [shown = '', token = ''] = /http:\S+\?token=(\S+)/.exec(serve.out()) ?? [];
  expect(project.read('logs-target/dbt.log')).not.toContain(token);
  expect((await fetch(`${url}/`)).status).toBe(401);
  const opened = await fetch(shown, { redirect: 'manual' });
  const cookie = opened.headers.get('set-cookie')?.split(';')[0] ?? '';
  const page = await fetch(`${url}/`, { headers: { cookie } });
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<html')]);
  const headers = { authorization: `Bearer ${token}` };
  const ask = async (path: string): Promise<string> => (await fetch(`${url}/api/${path}`, { headers })).text();
  const [, failed = ''] = /"id":"([^"]+)"/.exec(await ask('runs?job=sick&state=failed&limit=1')) ?? [];
  const { log } = JSON.parse(await ask(`runs/${failed}/nodes/model.faults.bad`)) as { log: readonly string[] };
  expect(log.join('\n')).toMatch(/START[\s\S]*\[ERROR in [\s\S]*division by zero/);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  const named = (name: string) =>
    new Promise<number | undefined>((resolve) => {
      get(`${url}/readyz`, { headers: { host: name } }, (answer) => resolve(answer.resume().statusCode));
    });
  expect([
    await named('jobs.example.org'),
    await named('JOBS.example.org:80'),
    await named('evil.example.org'),
  ]).toEqual([200, 200, 403]);
  const docs = await fetch(`${url}/docs/`, { headers: { cookie } });
  expect([docs.status, await docs.text()]).toEqual([200, expect.stringContaining('model.faults.good')]);

  for (const job of ['age', 'checked']) expect((await project.run(['jobs', 'run', job])).code).toBe(0);
  const runs = `from tsdbt.job_runs where finished_at is not null and job`;
  await project.until(`select count(*) = 2 ${runs} in ('age', 'checked')`);
  expect(await project.rows(`select reason ${runs} = 'age'`)).toEqual([
    [expect.stringMatching(/^1 of 1 failed: source\.faults\.raw\.old: the newest row is 2d\S* old$/)],
  ]);
  await project.until(`select count(*) = 1 from tsdbt.node_runs where unique_id like 'test.%'`);
  const test = `select status, failures, rows from tsdbt.node_runs where unique_id like 'test.%'`;
  expect(await project.rows(test)).toEqual([['pass', '0', 'null']]);

  // A table that is created with its rows after the host has looked for it.
  const late = (times: number): string =>
    `select count(*) = ${times} from tsdbt.job_runs where job = 'late' and state = 'success'`;
  await project.until(late(1));
  await project.client.query('create table public.late as select 1 as id');
  await project.until(late(2));

  await project.client.query('insert into public.gate values (1)');
  await until('it is over', () => receiver.received.length > 1);
  expect(receiver.received.map(({ occasion }) => occasion)).toEqual(['opened', 'recovered']);

  await project.until('select rows = 1 from s.counted');

  // An error that hides rows from one job is reported, and does not affect others.
  await project.client.query('create table tsdbt.load_offsets (wrong int)');
  await until('one waits', () =>
    /watched waits: nobody can tell whether rows have arrived: .*column/.test(serve.out()),
  );
  expect(JSON.parse(await ask('now'))).toMatchObject({
    jobs: expect.arrayContaining([
      expect.objectContaining({ name: 'watched', unread: expect.stringContaining('column') }),
      expect.objectContaining({ name: 'rows', unread: null }),
    ]),
  });
  await project.client.query('insert into public.gate values (2)');
  await project.until('select rows = 2 from s.counted');
  await project.client.query('drop table tsdbt.load_offsets');
  await until('it is told again', () => serve.out().includes('watched: its sources tell again'));

  // A commit that breaks a job, and one that repairs it.
  const jobs = project.read('jobs.yml');
  project.write({ 'jobs.yml': jobs.replace('run: good', 'run: nothing_like_this').replace(', job: sick', '') });
  const open = (key: string) => `select count(*) = 1 from tsdbt.incidents where key = '${key}' and closed_at is null`;
  await project.until(open('jobs:broken'));
  project.write({ 'jobs.yml': jobs });
  await project.until(open('jobs:broken').replace('= 1', '= 0'));
  const hashes = await project.rows(
    `select distinct project from tsdbt.job_runs where job = 'fast' and state = 'success'`,
  );
  expect(hashes).toEqual([[expect.stringMatching(/^[0-9a-f]{12}$/)]]);

  serve.child.kill('SIGTERM');
  const { code, out } = await serve.ended;
  expect([code, out]).toEqual([0, expect.stringContaining('Serving 7 jobs')]);
  expect(await project.rows(`select job from tsdbt.job_runs where state = 'running'`)).toEqual([]);
  expect(receiver.received).toHaveLength(2);
});

it('serve rejects an invalid port', async () => {
  const { code, out } = await project.run(['serve', '--port', '99999']);
  expect([code, out]).toEqual([2, expect.stringContaining("'--port': 99999 is not a port, 0 to 65535.")]);
});
