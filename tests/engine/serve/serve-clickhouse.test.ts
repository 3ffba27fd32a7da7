// Tests `tsdbt serve` as a process on ClickHouse: jobs run when rows arrive, the history is written, a failure and its
// end are alerted once, page and metrics respond, and a signal ends it without leaving a run.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AnyProject, PROJECT_DATABASES } from '../support/any-project.ts';
import { type Running, start } from '../support/program.ts';
import { receiveWebhooks, type WebhookReceiver } from './webhook-receiver.ts';

const { missing } = PROJECT_DATABASES.clickhouse;
/** Other test files have jobs on the same server, perhaps in the same process. */
const SCHEMA = `serve_${process.pid}`;
const [FAST, SICK, ROWS] = [`${SCHEMA}_fast`, `${SCHEMA}_sick`, `${SCHEMA}_rows`];

interface Message {
  readonly occasion: string;
  readonly key: string;
  readonly parts: readonly unknown[];
}

interface RunLine {
  readonly run_id: string;
  readonly due_at: string;
  readonly state: string;
}

let receiver: WebhookReceiver<Message>;
let project: AnyProject;
let serve: Running | undefined;

beforeAll(async () => {
  if (missing !== null) return;
  receiver = await receiveWebhooks();
  project = await AnyProject.open(PROJECT_DATABASES.clickhouse, SCHEMA, { 'models/first.sql': 'select 1 as id' });
  await ask(`create table ${SCHEMA}.events (id UInt32) engine = MergeTree order by id`);
  project.write({
    'models/sources.yml': `sources: [{name: raw, schema: ${SCHEMA}, tables: [{name: events}]}]\n`,
    'models/appended.sql':
      "{{ config(materialized='incremental') }} select id from {{ source('raw', 'events') }} " +
      '{% if is_incremental() %}where id > (select max(id) from {{ this }}){% endif %}',
    'models/counted.sql': "{{ config(materialized='table') }} select count() as n from {{ source('raw', 'events') }}",
    'models/bad.sql':
      "{{ config(materialized='table') }} select throwIf(count() = 0, 'no rows yet') as ok from " +
      "{{ source('raw', 'events') }}",
    'jobs.yml': `jobs:
  ${FAST}: { every: 2s, build: appended }
  ${SICK}: { every: 2s, run: bad, retries: 0 }
  ${ROWS}: { after: "source:raw.events", debounce: 1s, run: counted }
alerts:
  hook: { webhook: "http://127.0.0.1:${receiver.port}/", on: [failed, recovered], job: ${SICK} }
`,
  });
  serve = start(['serve', '--port', '0', '--no-use-colors'], {
    cwd: project.dir,
    env: { ...process.env, DBT_PROFILES_DIR: project.dir },
  });
});
afterAll(async () => {
  if (missing !== null) return;
  if (serve?.child.exitCode === null) serve.child.kill('SIGKILL');
  await serve?.ended;
  await project.close();
  receiver.close();
});

async function ask(sql: string): Promise<string[][]> {
  const session = project.adapter.session({ name: 'test' });
  try {
    const { table } = await session.execute(sql, { fetch: true });
    return table.rows.map((row) => row.values.map(String));
  } finally {
    await session.release();
  }
}

async function runs(job: string): Promise<readonly RunLine[]> {
  const { stdout } = await project.tsdbt('runs', '--job', job, '--output', 'json', '--quiet', '--limit', '500');
  return (JSON.parse(stdout) as { runs: RunLine[] }).runs;
}

async function until(what: string, asked: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 200_000; Date.now() < end; ) {
    if (serve?.child.exitCode !== null) break;
    if (await asked()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`never: ${what}\n${serve?.out()}`);
}

it.skipIf(missing !== null)(
  'serve on ClickHouse runs jobs, keeps their history, reports failures, and ends at a signal',
  async () => {
    const address = (): string | undefined => /jobs of \S+ at (http:\S+)/.exec(serve?.out() ?? '')?.[1];
    await until('it serves', () => address() !== undefined);
    const url = address() ?? '';
    await until('an alarm', () => receiver.received.length > 0);
    expect(receiver.received.map(({ occasion, key }) => [occasion, key])).toEqual([['opened', `job:${SICK}:failed`]]);
    expect(JSON.stringify(receiver.received[0]?.parts)).toMatch(/model.*\.bad.*no rows yet/);

    await ask(`insert into ${SCHEMA}.events select number + 1 from numbers(1000)`);
    await until('the rows are counted', async () => (await ask(`select n from ${SCHEMA}.counted`)).join() === '1000');
    await until('it is over', () => receiver.received.length > 1);
    expect(receiver.received.map(({ occasion }) => occasion)).toEqual(['opened', 'recovered']);

    expect(await (await fetch(`${url}/metrics`)).text()).toMatch(
      new RegExp(`tsdbt_job_runs_total{job_name="${SICK}",status="failed"} [1-9]`),
    );
    const [, token] = /\?token=(\S+)/.exec(serve?.out() ?? '') ?? [];
    const page = await fetch(`${url}/`, { headers: { authorization: `Bearer ${token}` } });
    expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<html')]);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);

    await ask(`insert into ${SCHEMA}.events select number + 1001 from numbers(500)`);
    await until(
      'the rows are appended',
      async () => (await ask(`select count() from ${SCHEMA}.appended`)).join() === '1500',
    );
    serve?.child.kill('SIGTERM');
    const { code, out } = (await serve?.ended) ?? {};
    expect([code, out]).toEqual([0, expect.stringContaining('Serving 3 jobs')]);

    const fast = await runs(FAST);
    expect(new Set(fast.map(({ due_at }) => due_at)).size).toBe(fast.length);
    expect(fast.filter(({ state }) => state !== 'success')).toEqual([]);
    expect((await runs(SICK)).map(({ state }) => state)).toContain('failed');
    expect((await runs(ROWS)).filter(({ state }) => state === 'running')).toEqual([]);
    const shown = await project.tsdbt('runs', 'show', fast[0]?.run_id ?? '', '--output', 'json', '--quiet');
    expect((JSON.parse(shown.stdout) as { nodes: { unique_id: string; status: string }[] }).nodes).toEqual([
      expect.objectContaining({ unique_id: expect.stringMatching(/\.appended$/), status: 'success' }),
    ]);
    // The appended rows equal the source, each once.
    expect(await ask(`select count(), uniqExact(id), max(id) from ${SCHEMA}.appended`)).toEqual([
      ['1500', '1500', '1500'],
    ]);
  },
);
