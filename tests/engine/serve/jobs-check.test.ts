// Tests `jobs check` as CI calls it: no database is available, only logs and the parse cache are written, and what
// serve would reject at its start is rejected.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';

const GOOD = `jobs:
  fast: { every: 5m, build: "tag:fast" }
  rows: { after: source:raw.events, run: }
  load: { load: source:raw.loaded }
alerts:
  hook: { webhook: "http://127.0.0.1:1/" }
`;
const SOURCES = `models: [{ name: a, config: { tags: [fast] } }]
sources:
  - name: raw
    tables:
      - { name: events }
      - name: loaded
        columns: [{ name: id, data_type: bigint }]
        config: { meta: { tsdbt: { load: { topic: t, connection: k } } } }
`;

let project: FaultProject;
beforeAll(async () => {
  project = await FaultProject.open({
    'models/a.sql': 'select 1 as id',
    'models/a.yml': SOURCES,
    'connections.yml': 'connections: { k: { type: kafka, brokers: 127.0.0.1:1 } }\n',
    'profiles.yml':
      'faults: {target: dev, outputs: {dev: {type: postgres, host: 127.0.0.1, port: 1, user: u, ' +
      'password: pass-word, dbname: d, schema: s}}}\n',
  });
});
afterAll(() => project.close());

async function check(files: Readonly<Record<string, string>>, ...more: string[]) {
  project.write({ 'jobs.yml': GOOD, 'models/a.yml': SOURCES, ...files });
  return project.run(['jobs', 'check', ...more]);
}

describe('jobs check', () => {
  it('accepts what serve would start with, and writes no artifact', async () => {
    const { code, out } = await check({});
    expect(out).toContain(`${project.dir}/jobs.yml fits the project: 3 jobs, 1 channel of alerts`);
    expect(code, out).toBe(0);
    const written = readdirSync(join(project.dir, 'target'), { recursive: true }).map(String);
    expect(written.filter((name) => /manifest|run_results/.test(name))).toEqual([]);
    const asJson = await check({}, '--output', 'json');
    expect([asJson.code, JSON.parse(asJson.stdout)]).toEqual([
      0,
      { valid: true, path: `${project.dir}/jobs.yml`, jobs: ['fast', 'rows', 'load'], channels: ['hook'], error: null },
    ]);
  });

  it.each([
    ['fast: { every: 5m, build: "tag:none" }', /Job 'fast' of jobs.yml selects nothing: build tag:none/],
    ['rows: { after: source:raw.event, run: }', /waits for source:raw.event.*no such source[\s\S]*source:raw.events/],
    ['load: { load: source:raw.events }', /selects nothing: load source:raw.events[\s\S]*meta.tsdbt.load/],
    ['fast: { every: 5m, run: , sla: { succes: 99% } }', /sla of job 'fast': unknown key 'succes'/],
    ['fast: { evry: 5m, run: }', /unknown key 'evry' of job 'fast'/],
  ])('rejects %s', async (job, expected) => {
    const { code, out } = await check({ 'jobs.yml': `jobs:\n  ${job}\n` });
    expect(out).toMatch(expected);
    expect([code, /\n\s+at .*\.ts/.test(out)]).toEqual([2, false]);
  });

  it.each(['column:a.id+', 'state:modified.columns+', '+column:a'])(
    'rejects the criterion %s of columns',
    async (asked) => {
      const jobs = {
        'jobs.yml': `jobs:\n  all: { every: 1h, run: }\n  fast: { every: 5m, build: "${asked}" }\n`,
      };
      const { code, out } = await check(jobs);
      expect(out).toContain(
        `Job 'fast' of jobs.yml: Error: '${asked.replaceAll('+', '')}' cannot be used here, because columns are not ` +
          'analyzed.',
      );
      expect(out).toContain(`${project.dir}/jobs.yml line 3`);
      expect(out).toContain('Use the option --select of a command, or name the selected nodes.');
      expect([code, /\n\s+at .*\.ts/.test(out)]).toEqual([2, false]);
      const asJson = await check(jobs, '--output', 'json');
      expect(JSON.parse(asJson.stdout)).toMatchObject({ valid: false, error: { code: 'T1045' } });
    },
  );

  it('rejects invalid alerts, an invalid objective of a model and an unreadable project', async () => {
    const alerts = await check({ 'jobs.yml': GOOD.replace('webhook:', 'webhok:') });
    expect([alerts.code, alerts.out]).toEqual([2, expect.stringContaining('webhok')]);
    const tags = 'tags: [fast]';
    const promise = await check({
      'models/a.yml': SOURCES.replace(tags, `${tags}, meta: { tsdbt: { sla: { x: 1 } } }`),
    });
    expect([promise.code, promise.out]).toEqual([
      2,
      expect.stringContaining("unknown key 'meta.tsdbt.sla.x' of model."),
    ]);
    const broken = await check({ 'models/a.yml': `${SOURCES}nonsense: [` });
    expect([broken.code, broken.out]).toEqual([2, expect.stringContaining('a.yml')]);
  });

  it('reports errors and their position as JSON', async () => {
    const jobs = 'jobs:\n  fast: { every: 5m, build: "tag:none" }\n';
    const { code, stdout } = await check({ 'jobs.yml': jobs }, '--output', 'json');
    expect([code, JSON.parse(stdout)]).toEqual([
      2,
      {
        valid: false,
        path: `${project.dir}/jobs.yml`,
        jobs: [],
        channels: [],
        error: {
          code: expect.stringMatching(/^T\d{4}$/),
          message: "Job 'fast' of jobs.yml selects nothing: build tag:none",
          line: 2,
          column: null,
          hint: null,
        },
      },
    ]);
  });
});
