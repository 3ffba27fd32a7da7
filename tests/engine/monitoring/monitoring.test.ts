// What monitoring/ ships, by the real Prometheus: promtool takes our text and passes the tests of the rules, and each
// query of each dashboard is asked. Its programs come from `node scripts/prometheus.mjs`. The SQL of panels is asked of
// both databases by tests/engine/cli/sample.test.ts.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { findPrometheus } from '../../../scripts/prometheus.mjs';
import { LoadMetrics } from '../../../src/loader/metrics.ts';
import { serveHttp } from '../../../src/serve/http/serve-http.ts';
import { loadTargetOf } from '../support/load-target.ts';
import { quietPort } from '../support/quiet-port.ts';
import { claim, fakeStore, lab, nodeRun, START } from '../unit/serve/http/lab.ts';
import { dashboards } from './dashboards.ts';

const programs = findPrometheus();
const monitoring = fileURLToPath(new URL('../../../monitoring/', import.meta.url));
const promtool = (args: string[], input = ''): string =>
  execFileSync(join(programs ?? '', 'promtool'), args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] });

/** Every family with a sample, the loader's beside ours. */
async function text(): Promise<string> {
  const { live, told } = lab();
  told.loaderMetrics = [new LoadMetrics([loadTargetOf('events')], () => START).text()];
  const served = await serveHttp({
    live,
    store: fakeStore(),
    host: '127.0.0.1',
    port: 0,
    names: [],
    token: null,
    readToken: null,
    docs: null,
  });
  live.runs.started(claim('1'), START);
  live.runs.nodeFinished(nodeRun('1', 'model.p.a', { rows: 3 }));
  live.runs.nodeFinished(nodeRun('1', 'test.p."t\\"', { failures: 1, status: 'fail' }));
  live.runs.ended(claim('1'), { state: 'success', reason: null }, START + 1000);
  live.runs.started(claim('2'), START + 2000);
  try {
    return await (await fetch(`${served.url}/metrics`)).text();
  } finally {
    await served.close();
  }
}

describe('the monitoring configuration', () => {
  it('queries only existing metric families, and all of them', async () => {
    const known = new Set([...(await text()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
    const rules = readFileSync(join(monitoring, 'rules.yml'), 'utf8');
    const expressions = dashboards.flatMap(({ panels }) => panels.flatMap(({ promql }) => promql));
    const asked = [rules, ...expressions].flatMap((where) => where.match(/\btsdbt_\w+/g) ?? []);
    const families = new Set(asked.map((name) => name.replace(/_(bucket|sum|count)$/, '')));
    expect([...families].filter((name) => !known.has(name))).toEqual([]);
    expect([...known].filter((name) => !families.has(name ?? ''))).toEqual([]);
    expect(known.size).toBeLessThanOrEqual(23);
  });

  it('has a test for each rule', () => {
    type Rules = { groups: { rules: { alert: string }[] }[] };
    type Tests = { tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[] };
    const rules = parse(readFileSync(join(monitoring, 'rules.yml'), 'utf8')) as Rules;
    const tests = parse(readFileSync(join(monitoring, 'rules.test.yml'), 'utf8')) as Tests;
    const fired = tests.tests.flatMap(({ alert_rule_test: cases }) => cases.filter((one) => one.exp_alerts.length > 0));
    expect([...new Set(fired.map(({ alertname }) => alertname))].sort()).toEqual(
      rules.groups.flatMap(({ rules: all }) => all.map(({ alert }) => alert)).sort(),
    );
  });
});

describe.skipIf(programs === null)('the monitoring configuration in a real Prometheus', () => {
  let server: ChildProcess;
  let folder = '';
  let url = '';
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tsdbt-prometheus-'));
    writeFileSync(join(folder, 'prometheus.yml'), `rule_files: ["${join(monitoring, 'rules.yml')}"]\n`);
    const address = `127.0.0.1:${await quietPort()}`;
    url = `http://${address}`;
    const options = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`];
    server = spawn(join(programs ?? '', 'prometheus'), [...options, `--web.listen-address=${address}`], {
      stdio: 'ignore',
    });
    const ready = async (): Promise<boolean> => (await fetch(`${url}/-/ready`).catch(() => null))?.status === 200;
    while (server.exitCode === null && !(await ready())) await new Promise((done) => setTimeout(done, 100));
  });
  afterAll(async () => {
    const gone = new Promise((done) => server.once('exit', done));
    server.kill();
    await gone;
    rmSync(folder, { recursive: true, force: true });
  });

  it('has metrics without promtool findings', async () => {
    expect(promtool(['check', 'metrics'], await text())).toBe('');
  });

  it('passes the tests of its rules', () => {
    expect(promtool(['test', 'rules', join(monitoring, 'rules.test.yml')])).toContain('SUCCESS');
    expect(promtool(['check', 'config', '--lint=none', join(monitoring, 'prometheus.yml')])).toContain('SUCCESS');
  });

  const queries = dashboards.flatMap(({ title, panels }) =>
    panels.flatMap((panel) => panel.promql.map((query) => [title, panel.title, query] as const)),
  );
  it.each(queries)('gets an answer for %s: %s', async (_, __, query) => {
    const asked = new URLSearchParams({ query: query.replaceAll('$__rate_interval', '1m') });
    const answer = await fetch(`${url}/api/v1/query?${asked}`);
    expect(await answer.json()).toMatchObject({ status: 'success' });
  });
});
