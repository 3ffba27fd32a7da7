// The page and the commands over a history of 10,000 runs of 1,000 nodes: how long each answer takes, when the page is
// interactive in a real browser, how much it loads. `--small` is 200 runs; a second word names the database.
import { chromium as playwright } from 'playwright-core';
import { CREATE_STATE as CLICKHOUSE_STATE } from '../../src/serve/store/clickhouse/tables.ts';
import { CREATE_STATE as POSTGRES_STATE } from '../../src/serve/store/postgres/tables.ts';
import { chromium } from '../../tests/engine/support/browser.ts';
import { addressOf, type Bench, type Kind, load, median, openBench, pause, run, start, writeJobs } from './setup.ts';

const NODES = 1000;
const FILLED = 'run_id, unique_id, status, thread, started_at, seconds, rows, message, checksum';
/** Between two runs: all are younger than `history`. */
const MINUTES = 12;
const JOBS = `defaults: { catch_up: none }
jobs:
  marts: { cron: "0 0 1 1 *", run: , sla: { success: 90%, duration: 4m } }
  other: { cron: "0 0 1 1 *", run: mart_00001 }
`;

export async function main(small: boolean, args: readonly string[]): Promise<void> {
  const runs = small ? 200 : 10_000;
  const kinds = (['postgres', 'clickhouse'] as const).filter((kind) => !args.some(isKind) || args.includes(kind));
  for (const kind of kinds) {
    const bench = await openBench(kind, NODES);
    try {
      const began = Date.now();
      await fill(bench, runs);
      process.stdout.write(`${kind}: filled in ${((Date.now() - began) / 1000).toFixed(0)} s, load ${load()}\n`);
      await measure(bench, runs);
    } finally {
      await bench.close();
    }
  }
}

function isKind(text: string): text is Kind {
  return text === 'postgres' || text === 'clickhouse';
}

async function fill({ kind, ask }: Bench, runs: number): Promise<void> {
  if (kind === 'postgres') {
    const late = POSTGRES_STATE.filter((sql) => /node_runs_of_node/.test(sql));
    for (const sql of POSTGRES_STATE) if (!late.includes(sql)) await ask(sql);
    const at = (column: string): string => `now() - interval '${MINUTES} minutes' * ${column}`;
    await ask(`insert into tsdbt.job_runs (run_id, job, due_at, attempt, host, token, state, started_at, finished_at)
      select md5(n::text), 'marts', ${at('n')}, 1, 'host', ${runs} - n + 1,
        case when n % 50 = 3 then 'failed' else 'success' end, ${at('n')}, ${at('n')} + interval '90 seconds'
      from generate_series(1, ${runs}) as n`);
    await ask('alter table tsdbt.node_runs drop constraint node_runs_pkey');
    await ask(`insert into tsdbt.node_runs (${FILLED})
      select md5(n::text), 'model.bench.mart_' || lpad(m::text, 5, '0'),
        case when n % 50 = 3 and m = 7 then 'error' else 'success' end, 'Thread-' || (m % 4 + 1),
        ${at('n')} + interval '80 milliseconds' * m, 0.25 + m % 7 / 10.0, m * 10,
        case when n % 50 = 3 and m = 7 then 'division by zero' end, md5(m::text)
      from generate_series(1, ${runs}) as n, generate_series(0, ${NODES - 1}) as m`);
    await ask('alter table tsdbt.node_runs add primary key (run_id, unique_id)');
    for (const sql of late) await ask(sql);
    await ask('analyze tsdbt.node_runs');
    await ask('analyze tsdbt.job_runs');
    return;
  }
  for (const sql of CLICKHOUSE_STATE) await ask(sql);
  const at = `now64(3, 'UTC') - toIntervalMinute(${MINUTES} * n)`;
  const id = 'lower(hex(MD5(toString(n))))';
  await ask(`INSERT INTO tsdbt.job_claims (job, token, run_id, due_at, attempt, host, started_at)
    SELECT 'marts', ${runs} - n + 1, ${id}, ${at}, 1, 'host', ${at}
    FROM (SELECT number + 1 AS n FROM numbers(${runs}))`);
  await ask(`INSERT INTO tsdbt.job_ends (run_id, state, ended_by, finished_at)
    SELECT ${id}, if(n % 50 = 3, 'failed', 'success'), 'host', ${at} + toIntervalSecond(90)
    FROM (SELECT number + 1 AS n FROM numbers(${runs}))`);
  await ask(`INSERT INTO tsdbt.node_runs (${FILLED})
    SELECT ${id}, concat('model.bench.mart_', leftPad(toString(m), 5, '0')),
      if(n % 50 = 3 AND m = 7, 'error', 'success'), concat('Thread-', toString(m % 4 + 1)),
      ${at} + toIntervalMillisecond(80 * m), 0.25 + m % 7 / 10, m * 10,
      if(n % 50 = 3 AND m = 7, 'division by zero', NULL), lower(hex(MD5(toString(m))))
    FROM (SELECT intDiv(number, ${NODES}) + 1 AS n, number % ${NODES} AS m FROM numbers(${runs * NODES}))`);
}

async function measure(bench: Bench, runs: number): Promise<void> {
  writeJobs(bench, JOBS);
  const table: Record<string, string>[] = [];
  const serve = start(bench, ['serve', '--port', '0']);
  const url = await addressOf(serve);
  try {
    await pause(3000);
    const { runs: newest } = (await (await fetch(`${url}/api/runs`)).json()) as {
      runs: { runId?: string; id?: string }[];
    };
    const id = newest[0]?.runId ?? newest[0]?.id ?? '';
    const node = 'model.bench.mart_00007';
    const asked = ['', 'api/now', 'api/runs', `api/runs/${id}`, `api/runs/${id}/nodes/${node}`, `api/nodes/${node}`];
    for (const path of [...asked, 'api/promises', 'metrics', 'readyz']) {
      const [times, sizes]: [number[], number[]] = [[], []];
      for (let i = 0; i < 7; i++) {
        const began = performance.now();
        const answer = await fetch(`${url}/${path}`);
        sizes.push((await answer.arrayBuffer()).byteLength);
        times.push(performance.now() - began);
        if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
      }
      table.push({ what: `/${path.replace(id, 'ID')}`, ...told(times), kB: ((sizes[0] ?? 0) / 1000).toFixed(1) });
    }
    const program = chromium();
    if (program !== null) table.push(...(await inBrowser(program, url, id)));
  } finally {
    serve.child.kill('SIGTERM');
    await serve.ended;
  }
  for (const args of [['runs'], ['runs', '--status', 'failed'], ['runs', 'show', 'last'], ['sla']]) {
    const times: number[] = [];
    const cpus: number[] = [];
    for (let i = 0; i < 3; i++) {
      const last = JSON.parse((await run(bench, ['runs', '--limit', '1', '--output', 'json', '--quiet'])).out) as {
        runs: { run_id: string }[];
      };
      const { wall, cpu } = await run(
        bench,
        args.map((word) => (word === 'last' ? (last.runs[0]?.run_id ?? '') : word)),
      );
      times.push(wall * 1000);
      cpus.push(cpu);
    }
    table.push({ what: `tsdbt ${args.join(' ')}`, ...told(times), 'CPU s': Math.min(...cpus).toFixed(2) });
  }
  process.stdout.write(`${bench.kind}, ${runs} runs of ${NODES} nodes, load ${load()}\n`);
  console.table(table);
}

/** From the navigation until the newest run can be opened, and until the bars of its nodes are there. */
async function inBrowser(program: string, url: string, id: string): Promise<Record<string, string>[]> {
  const browser = await playwright.launch({ executablePath: program, args: ['--no-sandbox', '--disable-gpu'] });
  const [ready, opened]: [number[], number[]] = [[], []];
  let bytes = 0;
  try {
    for (let i = 0; i < 5; i++) {
      const context = await browser.newContext();
      const page = await context.newPage();
      bytes = 0;
      page.on('response', (response) => {
        if (!response.url().includes('/api/'))
          void response.body().then(
            (body) => (bytes += body.byteLength),
            () => undefined,
          );
      });
      let began = performance.now();
      await page.goto(`${url}/`, { waitUntil: 'commit' });
      await page.waitForSelector(`a[href*="${id.slice(0, 8)}"]`);
      ready.push(performance.now() - began);
      began = performance.now();
      await page.goto(`${url}/#/run/${id}`);
      await page.waitForSelector('.node');
      opened.push(performance.now() - began);
      await context.close();
    }
  } finally {
    await browser.close();
  }
  return [
    { what: 'browser: the newest runs are links', ...told(ready), kB: (bytes / 1000).toFixed(1) },
    { what: 'browser: nodes of a run', ...told(opened) },
  ];
}

function told(times: readonly number[]): Record<string, string> {
  return { 'min ms': Math.min(...times).toFixed(0), 'median ms': median(times).toFixed(0) };
}
