// Alerts of a whole pipeline: `serve` with resident loaders on a real broker, and the real Prometheus with the shipped
// rules. While it is healthy, through restarts and quiet topics, neither raises one; each of twenty planted troubles is
// told once, and once when it is over. TSDBT_ALERT_MINUTES: how long it is healthy, 2 unless said otherwise; from 10
// on, the jobs of the troubles run each three minutes instead of each 30 seconds.
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findPrometheus } from '../../../scripts/prometheus.mjs';
import { receiveWebhooks, type WebhookReceiver } from '../serve/webhook-receiver.ts';
import type { Running } from '../support/program.ts';
import { quietPort } from '../support/quiet-port.ts';
import { KafkaLab } from './kafka-lab.ts';

const MINUTES = Number(process.env['TSDBT_ALERT_MINUTES'] ?? 2);
const MINUTE = 60_000;
/** When the jobs of the troubles run, each at another moment, how long they may take, and the busy topic's SLA. */
const PACE =
  MINUTES < 10
    ? { cron: (i: number) => `${i},${i + 30} * * * * *`, timeout: '15s', freshness: '45s' }
    : { cron: (i: number) => `${i % 3}-59/3 * * * *`, timeout: '90s', freshness: '3m' };
/** Restarts of serve while all is well. */
const RESTARTS = Math.max(2, Math.floor(MINUTES / 10));
const rules = fileURLToPath(new URL('../../../monitoring/rules.yml', import.meta.url));
const programs = findPrometheus();

interface Message {
  readonly occasion: string;
  readonly key: string;
  readonly text: string;
}

/** A kind of trouble of one job: SQL that plants it and SQL that takes it away. Its job is `t_NAME`. */
interface Trouble {
  readonly name: string;
  /** What the job does, and its further options. */
  readonly work: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly plant: string;
  readonly mend: string;
}

/** A job whose node fails while its row is in `public.wrong`. */
function failing(name: string, sql: string, kind = 'run'): Trouble {
  const folder = kind === 'test' ? 'tests' : 'models';
  return {
    name,
    work: `${kind}: t_${name}`,
    files: { [`${folder}/t_${name}.sql`]: sql },
    plant: `insert into public.wrong values ('${name}')`,
    mend: `delete from public.wrong where name = '${name}'`,
  };
}
const count = (name: string): string => `(select count(*) from public.wrong where name = '${name}')`;
const table = "{{ config(materialized='table') }} ";
const gone = (name: string, sql: string, plant: string, mend: string): Trouble => {
  return { ...failing(name, sql), plant, mend };
};

const TROUBLES: readonly Trouble[] = [
  failing('division', `${table}select 1 / (1 - ${count('division')}) as id`),
  failing('cast', `${table}select (case when ${count('cast')} = 0 then '1' else 'x' end)::int as id`),
  failing('overflow', `${table}select (2147483647 + ${count('overflow')})::int as id`),
  failing('root', `${table}select sqrt(1 - 2 * ${count('root')}) as id`),
  failing('incremental', `{{ config(materialized='incremental') }} select 1 / (1 - ${count('incremental')}) as id`),
  failing(
    'unique_index',
    "{{ config(materialized='table', indexes=[{'columns': ['id'], 'unique': true}]) }} " +
      `select 1 as id union all select 2 - ${count('unique_index')}`,
  ),
  failing('pre_hook', `{{ config(pre_hook="select 1 / (1 - ${count('pre_hook')})") }} select 1 as id`),
  failing('post_hook', `{{ config(post_hook="select 1 / (1 - ${count('post_hook')})") }} select 1 as id`),
  failing('date', `${table}select make_date(2026, 1 + 12 * ${count('date')}::int, 1) as day`),
  failing('json', `${table}select (case when ${count('json')} = 0 then '{}' else '{' end)::json as value`),
  failing('subquery', `${table}select (select 1 union all select 2 limit 1 + ${count('subquery')}) as id`),
  failing('singular', `select 1 as id where ${count('singular')} > 0`, 'test'),
  failing('second_test', `select name from public.wrong where name = 'second_test'`, 'test'),
  failing('timeout', `${table}select 1 as id from pg_sleep(600 * ${count('timeout')})`),
  gone(
    'dropped',
    `${table}select * from public.needed`,
    'alter table public.needed rename to needed_no_more',
    'alter table public.needed_no_more rename to needed',
  ),
  gone(
    'column',
    `${table}select wanted from public.columns`,
    'alter table public.columns rename wanted to unwanted',
    'alter table public.columns rename unwanted to wanted',
  ),
  gone(
    'function',
    `${table}select public.called() as id`,
    'alter function public.called() rename to not_called',
    'alter function public.not_called() rename to called',
  ),
  gone(
    'enum',
    `${table}select 'one'::public.kind as kind`,
    `alter type public.kind rename value 'one' to 'none'`,
    `alter type public.kind rename value 'none' to 'one'`,
  ),
];

describe.skipIf(programs === null)("serve's alerts", () => {
  let lab: KafkaLab;
  let receiver: WebhookReceiver<Message>;
  let serve: Running | null = null;
  let prometheus: ChildProcess | null = null;
  let port = 0;
  let prometheusUrl = '';
  let sent = 0;

  const send = (topic: string, times: number): Promise<void> =>
    lab.writer.send(
      Array.from({ length: times }, () => {
        return { topic, key: Buffer.from(`k${sent}`), value: Buffer.from(`{"id": ${sent++}}`) };
      }),
    );
  const start = async (): Promise<void> => {
    serve = lab.project.start(['serve', '--port', String(port)]);
    const { child, out } = serve;
    while (!/jobs of \S+ at http/.test(out())) {
      if (child.exitCode !== null) throw new Error(out());
      await pause(200);
    }
  };
  const stop = async (): Promise<void> => {
    serve?.child.kill('SIGTERM');
    expect((await serve?.ended)?.code).toBe(0);
  };
  const jobs = (more: string): string => `jobs:
  load: { load: "source:raw.*" }
  fresh: { every: 20s, run: fresh }
  still: { every: 20s, run: still, if_changed: true }
  arrived: { after: "source:raw.quiet", debounce: 2s, run: still }
  looked: { every: 1m, test: healthy }
${more}alerts:
  hook: { webhook: "http://127.0.0.1:${receiver.port}/" }
`;
  const told = (): string[] => receiver.received.map(({ occasion, key, text }) => `${occasion} ${key} ${text}`);
  /** Names of alerts that fired. */
  const fired = async (): Promise<string[]> => {
    const query = `max_over_time(ALERTS{alertstate="firing"}[${Math.ceil(MINUTES) + 60}m])`;
    const answer = await fetch(`${prometheusUrl}/api/v1/query?${new URLSearchParams({ query })}`);
    const { data } = (await answer.json()) as { data: { result: { metric: Record<string, string> }[] } };
    return data.result.map(({ metric }) => JSON.stringify(metric));
  };

  beforeAll(async () => {
    receiver = await receiveWebhooks();
    lab = await KafkaLab.open({ retries: 20, retryDelay: 500 });
    port = await quietPort();
    lab.sources({ busy: ', flush: { age: 2s }', quiet: ', flush: { age: 20s }' }, { id: 'integer' });
    const { project } = lab;
    const promised = (topic: string, sla: string): string =>
      project
        .read('models/sources.yml')
        .replace(`topic: ${topic}`, (all) => all)
        .replace(new RegExp(`(- name: ${topic}\\n\\s+config: \\{ meta: \\{ tsdbt: \\{)`), `$1 sla: ${sla},`);
    project.write({ 'models/sources.yml': promised('busy', `{ freshness: ${PACE.freshness}, lag: 2m }`) });
    project.write({ 'models/sources.yml': promised('quiet', '{ lag: 2m }') });
    for (const topic of ['busy', 'quiet']) await lab.writer.create(topic, { partitions: 2 });
    await project.client.query(`create table public.wrong (name text); create table public.needed as select 1 as id;
      create table public.columns as select 1 as wanted;
      create type public.kind as enum ('one');
      create function public.called() returns int language sql as 'select 1'`);
    for (const { files = {} } of TROUBLES) project.write(files);
    project.write({
      'models/fresh.sql': `${table}select count(*) as rows from {{ source('raw', 'busy') }}`,
      'models/still.sql': `${table}select count(*) as rows from {{ source('raw', 'quiet') }}`,
      'tests/healthy.sql': 'select 1 as id where false',
      'jobs.yml': jobs(''),
    });
    writeFileSync(
      join(project.dir, 'prometheus.yml'),
      `global: { scrape_interval: 5s, evaluation_interval: 5s }
rule_files: ["${rules}"]
scrape_configs: [{ job_name: tsdbt, static_configs: [{ targets: ["127.0.0.1:${port}"] }] }]
`,
    );
    // The tables that the jobs read, as docs/jobs.md says.
    expect((await project.run(['load', '--once'])).code).toBe(0);
    await start();
    const address = `127.0.0.1:${await quietPort()}`;
    prometheusUrl = `http://${address}`;
    prometheus = spawn(
      join(programs ?? '', 'prometheus'),
      [
        `--config.file=${project.dir}/prometheus.yml`,
        `--storage.tsdb.path=${project.dir}/prometheus`,
        `--web.listen-address=${address}`,
      ],
      { stdio: 'ignore' },
    );
    const ready = async (): Promise<boolean> =>
      (await fetch(`${prometheusUrl}/-/ready`).catch(() => null))?.status === 200;
    while (prometheus.exitCode === null && !(await ready())) await pause(200);
  });
  afterAll(async () => {
    serve?.child.kill('SIGKILL');
    await serve?.ended;
    if (prometheus !== null) {
      const ended = new Promise((done) => prometheus?.once('exit', done));
      prometheus.kill();
      await ended;
    }
    await lab?.close();
    receiver?.close();
  });

  it(
    `are none in ${MINUTES} minutes of a healthy serve that is restarted, with a busy and a quiet topic`,
    async () => {
      const end = Date.now() + MINUTES * MINUTE;
      let restartAt = Date.now() + (MINUTES * MINUTE) / (RESTARTS + 1);
      let quietAt = Date.now();
      let restarts = 0;
      let saidAt = Date.now();
      while (Date.now() < end) {
        await send('busy', 20);
        if (Date.now() >= quietAt) {
          await send('quiet', 1);
          quietAt += Math.max(MINUTE, (MINUTES * MINUTE) / 6);
        }
        if (Date.now() >= restartAt && restarts < RESTARTS) {
          restartAt += (MINUTES * MINUTE) / (RESTARTS + 1);
          restarts++;
          await stop();
          await start();
        }
        await pause(1000);
        if (Date.now() - saidAt < 5 * MINUTE) continue;
        saidAt = Date.now();
        const left = Math.round((end - saidAt) / MINUTE);
        process.stderr.write(`${left} minutes left: ${JSON.stringify([told(), await fired()])}\n`);
      }
      const late = lab.project.rows(
        'select job, state, reason, count(*) from tsdbt.job_runs group by 1, 2, 3 order by 1',
      );
      process.stderr.write(`${MINUTES} minutes, ${restarts} restarts, ${sent} messages\n${(await late).join('\n')}\n`);
      expect([told(), await fired()]).toEqual([[], []]);
    },
    (MINUTES + 5) * MINUTE,
  );

  it(
    'begin and end exactly once for each of twenty incidents',
    async () => {
      const keys = [
        ...TROUBLES.map(({ name }) => `job:t_${name}:failed`),
        'project:broken',
        'sla:source.faults.raw.busy:freshness',
      ].sort();
      expect(keys).toHaveLength(20);
      const before = receiver.received.length;
      const since = (): string[] =>
        receiver.received
          .slice(before)
          .map(({ occasion, key }) => `${occasion} ${key}`)
          .sort();
      const waits = { timeout: 15 * MINUTE, interval: 1000 };
      const lines = TROUBLES.map(
        ({ name, work }, i) =>
          `  t_${name}: { cron: "${PACE.cron(i)}", ${work}, timeout: ${PACE.timeout}, overlap: skip }\n`,
      );
      lab.project.write({ 'jobs.yml': jobs(lines.join('')) });
      // Waits until each of the jobs has ended so, this many times.
      const each = async (states: string, times: number): Promise<void> => {
        const jobs = `select count(*) from (select job from tsdbt.job_runs where job like 't\\_%'
          and state in (${states}) group by job having count(*) >= ${times}) as jobs`;
        while ((await lab.project.one(jobs)) !== String(TROUBLES.length)) await pause(1000);
      };
      await each("'success'", 1);
      // Nothing is sent to the busy topic from now on.
      for (const { plant } of TROUBLES) await lab.project.client.query(plant);
      lab.project.write({ 'models/broken.sql': '{% if %}' });
      await expect.poll(since, waits).toEqual(keys.map((key) => `opened ${key}`));
      // A second failure of each job says nothing new.
      await each("'failed', 'timeout'", 2);
      await pause(5000);
      expect(since()).toEqual(keys.map((key) => `opened ${key}`));
      for (const { mend } of TROUBLES) await lab.project.client.query(mend);
      lab.project.remove('models/broken.sql');
      const sending = setInterval(() => void send('busy', 20), 1000);
      const over = [...keys.map((key) => `opened ${key}`), ...keys.map((key) => `recovered ${key}`)];
      try {
        await expect.poll(since, waits).toEqual(over.sort());
        await pause(MINUTE / 4);
        expect(since()).toEqual(over);
      } finally {
        clearInterval(sending);
      }
    },
    45 * MINUTE,
  );
});
