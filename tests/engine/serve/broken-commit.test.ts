// Tests a commit that breaks the project of `tsdbt serve`: a job that has never run uses the last valid project, and a
// start on such a commit is alerted once. An invalid objective breaks a commit, too.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FaultProject, pause } from '../faults/project.ts';
import type { Running } from '../support/program.ts';
import { receiveWebhooks, type WebhookReceiver } from './webhook-receiver.ts';

interface Message {
  readonly occasion: string;
  readonly key: string;
  readonly title: string;
  readonly reason: string;
  readonly parts: readonly { readonly path: string; readonly line: number; readonly message: string }[];
}

const BROKEN = { 'models/new.sql': "select * from {{ ref('nothing_like_this') }}" };
let receiver: WebhookReceiver<Message>;
let project: FaultProject;
const hosts: Running[] = [];

function serve(): Running {
  const host = project.start(['serve', '--port', '0']);
  hosts.push(host);
  return host;
}

async function until(host: Running, what: string, asked: () => boolean): Promise<void> {
  for (const end = Date.now() + 200_000; Date.now() < end && host.child.exitCode === null; await pause(30))
    if (asked()) return;
  throw new Error(`never: ${what}\n${host.out()}`);
}

const told = (): string[] => receiver.received.map(({ key, occasion }) => `${key} ${occasion}`);
const runOf = (job: string): string => `select count(*) > 0 from tsdbt.job_runs where job = '${job}'`;
const ended = (job: string): string => `${runOf(job)} and finished_at is not null`;
const states = (job: string): Promise<string[][]> =>
  project.rows(`select distinct state, reason from tsdbt.job_runs where job = '${job}'`);

beforeAll(async () => {
  receiver = await receiveWebhooks();
  project = await FaultProject.open({
    'models/good.sql': "{{ config(materialized='table') }} select 1 as id, '{{ var('v', 'none') }}' as v",
    'jobs.yml': `jobs:
  fast: { every: 2s, run: }
  later: { run: }
  other: { run: , vars: { v: own }, retries: 0 }
alerts:
  hook: { webhook: "http://127.0.0.1:${receiver.port}/", on: [failed, project, recovered] }
`,
  });
});
afterAll(async () => {
  for (const { child, ended: over } of hosts) {
    if (child.exitCode === null) child.kill('SIGKILL');
    await over;
  }
  await project.close();
  receiver.close();
});

it('serve runs a job for the first time with the last valid project', async () => {
  const host = serve();
  await project.until(`${runOf('fast')} and state = 'success'`);
  project.write(BROKEN);
  await until(host, 'it is told', () => told().includes('project:broken opened'));
  for (const job of ['later', 'other']) {
    expect((await project.run(['jobs', 'run', job])).code).toBe(0);
    await project.until(ended(job));
  }
  expect(await states('later'), host.out()).toEqual([['success', 'null']]);
  // Its own vars may make it a different project, of which no version was ever valid.
  expect(await states('other'), host.out()).toEqual([['failed', expect.stringContaining('nothing_like_this')]]);
  project.remove('models/new.sql');
  await until(host, 'it is over', () => told().includes('project:broken recovered'));
  host.child.kill('SIGTERM');
  expect((await host.ended).code, host.out()).toBe(0);
  expect(told().filter((each) => each.startsWith('project:'))).toEqual([
    'project:broken opened',
    'project:broken recovered',
  ]);
});

it('serve alerts once about a start on a broken commit, and runs when it is repaired', async () => {
  const before = told().length;
  project.write(BROKEN);
  for (let times = 0; times < 2; times++) {
    const { code, out } = await serve().ended;
    expect([code, out]).toEqual([2, expect.stringContaining('nothing_like_this')]);
    expect(told().slice(before)).toEqual(['project:broken opened']);
  }
  project.remove('models/new.sql');
  const host = serve();
  await until(host, 'it is over', () => told().length > before + 1);
  expect(told().slice(before)).toEqual(['project:broken opened', 'project:broken recovered']);
  host.child.kill('SIGTERM');
  expect((await host.ended).code, host.out()).toBe(0);
});

const properties = (sla: string): { [path: string]: string } => ({
  'models/good.yml':
    `models:\n  - name: good\n    config: { meta: { tsdbt: { sla: { ${sla} } } } }\n` +
    'sources: [{ name: raw, tables: [{ name: events }] }]\n',
});

it('serve keeps the previous objectives and alerts when a commit or jobs.yml breaks one', async () => {
  project.write(properties('success: 50%'));
  const before = receiver.received.length;
  const since = (): readonly Message[] => receiver.received.slice(before);
  const host = serve();
  await until(host, 'it serves', () => host.out().includes('Serving'));
  const jobs = project.read('jobs.yml');
  const steps: [string, string, () => void, () => void, string][] = [
    [
      'project:broken',
      'the project',
      () => project.write(properties('succes: 50%')),
      () => project.write(properties('success: 50%')),
      "models/good.yml line 3, column 39: unknown key 'meta.tsdbt.sla.succes' of model.faults.good",
    ],
    [
      'jobs:broken',
      'jobs.yml',
      () => project.write({ 'jobs.yml': jobs.replace('every: 2s, run:', 'every: 2s, sla: { succes: 50% }, run:') }),
      () => project.write({ 'jobs.yml': jobs }),
      "sla of job 'fast': unknown key 'succes'",
    ],
    [
      'jobs:broken',
      'jobs.yml',
      () => project.write({ 'jobs.yml': jobs.replace('alerts:', '  rows: { load: "source:*" }\nalerts:') }),
      () => project.write({ 'jobs.yml': jobs }),
      "Job 'rows' of jobs.yml selects nothing: load source:*",
    ],
  ];
  for (const [i, [key, what, breaks, mends, reason]] of steps.entries()) {
    breaks();
    await until(host, reason, () => since().length > i * 2);
    expect(since()[i * 2]).toMatchObject({ key, occasion: 'opened', title: `[BROKEN PROJECT] faults: ${what}` });
    expect(since()[i * 2]?.reason).toContain(reason);
    mends();
    await until(host, `${reason} is over`, () => since().length > i * 2 + 1);
    expect(since()[i * 2 + 1]).toMatchObject({ key, occasion: 'recovered', title: `[RECOVERED] faults: ${what}` });
  }
  expect(host.out()).not.toContain('SLAs cannot be evaluated');
  host.child.kill('SIGTERM');
  expect((await host.ended).code, host.out()).toBe(0);
});

it('serve names the line of a model that a commit has broken, in history and alerts', async () => {
  const before = receiver.received.length;
  const host = serve();
  await until(host, 'it serves', () => host.out().includes('Serving'));
  project.write({ 'models/wrong.sql': "{{ config(materialized='table') }}\n\nselect no_such as x" });
  await until(host, 'it is told', () => receiver.received.length > before);
  expect(receiver.received[before]?.parts).toMatchObject([
    { path: 'models/wrong.sql', line: 3, message: 'column "no_such" does not exist' },
  ]);
  const reason = 'column "no_such" does not exist (models/wrong.sql line 3)';
  expect(await project.rows(`select distinct message from tsdbt.node_runs where status = 'error'`)).toEqual([[reason]]);
  expect(
    await project.rows(`select distinct reason from tsdbt.job_runs where job = 'fast' and state = 'failed'`),
  ).toEqual([[`1 of 2 failed: model.faults.wrong: ${reason}`]]);
  host.child.kill('SIGTERM');
  expect((await host.ended).code, host.out()).toBe(0);
});
