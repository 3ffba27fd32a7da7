// Tests the command `jobs` on a real database: lists as text and JSON, pause, resume, run, and what is rejected.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FaultProject } from '../faults/project.ts';

const JOBS = `# comment
jobs:
  fast: { every: 5m, build: "tag:fast", exclude: "tag:slow", owner: data }
  night: { cron: "0 2 * * *", tz: Europe/Berlin, run: , full_refresh: true }
  rows: { after: source:raw.events, test: }
  load: { load: "source:raw.*" }
  by-hand: { seed: , description: on request }
`;

let project: FaultProject;
beforeAll(async () => {
  project = await FaultProject.open({ 'jobs.yml': JOBS });
});
afterAll(() => project.close());

const jobs = (...args: string[]) => project.run(['jobs', ...args]);
const plain = (text: string): string[] => text.split('\n').map((line) => line.replace(/^\d\d:\d\d:\d\d\s+/, ''));

interface Listed {
  readonly generated_at: string;
  readonly jobs: readonly {
    readonly name: string;
    readonly next: string | null;
    readonly paused: boolean;
    readonly left_out: object | null;
  }[];
}
async function listed(): Promise<Listed> {
  const { stdout, code } = await jobs('--output', 'json');
  expect(code).toBe(0);
  return JSON.parse(stdout) as Listed;
}

describe('the jobs command', () => {
  it('creates no tables while it only reads, and reports that there is no history', async () => {
    const none = 'There is no history yet';
    for (const args of [['jobs'], ['runs'], ['runs', 'show', 'x']]) {
      const { code, out } = await project.run(args);
      expect([code, out]).toEqual([args.length > 1 ? 2 : 0, expect.stringContaining(none)]);
    }
    const { stdout } = await project.run(['runs', '--output', 'json']);
    expect(JSON.parse(stdout)).toEqual({ generated_at: expect.any(String), runs: [], left_out: [] });
    expect((await listed()).jobs).toHaveLength(5);
    expect(await project.rows(`select nspname from pg_namespace where nspname = 'tsdbt'`)).toEqual([]);
  });

  it('shows for each job what it does, when, and that it has not run', async () => {
    const { code, stdout } = await jobs();
    expect(code).toBe(0);
    const lines = plain(stdout);
    const at = lines.findIndex((line) => line.startsWith('JOB'));
    const cells = lines.slice(at, at + 6).map((line) => line.split(/ {2,}/));
    expect(cells).toEqual([
      ['JOB', 'RUNS', 'WHEN', 'LAST (UTC)', 'NEXT (UTC)'],
      [
        'fast',
        'build tag:fast --exclude tag:slow',
        'every 5m',
        '-',
        expect.stringMatching(/^\d{4}-.* \d\d:\d[05]:00$/),
      ],
      ['night', 'run --full-refresh', '0 2 * * * Europe/Berlin', '-', expect.stringMatching(/ 0[01]:00:00$/)],
      ['rows', 'test', 'after source:raw.events', '-', '-'],
      ['load', 'load source:raw.*', 'all the time', '-', '-'],
      ['by-hand', 'seed', 'on request', '-', '-'],
    ]);
  });

  it('writes one JSON document', async () => {
    const { generated_at, ...document } = await listed();
    expect(Date.parse(generated_at)).toBeGreaterThan(0);
    const none = { every_seconds: null, cron: null, tz: null, after: null, resident: false };
    const rest = { select: null, exclude: [], selector: null, owner: null, description: null, paused: false };
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:00\.000Z$/);
    expect(document).toEqual({
      path: `${project.dir}/jobs.yml`,
      jobs: [
        {
          ...none,
          ...rest,
          name: 'fast',
          line: 3,
          command: 'build',
          select: ['tag:fast'],
          exclude: ['tag:slow'],
          every_seconds: 300,
          owner: 'data',
          next: time,
          last: null,
          left_out: null,
        },
        {
          ...none,
          ...rest,
          name: 'night',
          line: 4,
          command: 'run',
          cron: '0 2 * * *',
          tz: 'Europe/Berlin',
          next: time,
          last: null,
          left_out: null,
        },
        {
          ...none,
          ...rest,
          name: 'rows',
          line: 5,
          command: 'test',
          after: ['source:raw.events'],
          next: null,
          last: null,
          left_out: null,
        },
        {
          ...none,
          ...rest,
          name: 'load',
          line: 6,
          command: 'load',
          select: ['source:raw.*'],
          resident: true,
          next: null,
          last: null,
          left_out: null,
        },
        {
          ...none,
          ...rest,
          name: 'by-hand',
          line: 7,
          command: 'seed',
          description: 'on request',
          next: null,
          last: null,
          left_out: null,
        },
      ],
    });
  });

  it('pauses and resumes a job, and requests a run', async () => {
    const said = async (...args: string[]): Promise<string | undefined> => {
      const { stdout, code } = await jobs(...args);
      expect(code).toBe(0);
      return plain(stdout).find((line) => line.startsWith('fast: ') || line.startsWith('{'));
    };
    expect(await said('pause', 'fast')).toBe('fast: paused');
    expect(await said('pause', 'fast')).toBe('fast: was paused');
    const [fast, night] = (await listed()).jobs;
    expect([fast?.paused, fast?.next, night?.paused]).toEqual([true, null, false]);
    expect(plain((await jobs()).stdout).find((line) => line.startsWith('fast'))).toMatch(/ paused$/);
    expect(await said('resume', 'fast', '--output', 'json')).toBe('{"job":"fast","paused":false,"changed":true}');
    expect(await said('resume', 'fast')).toBe('fast: was not paused');
    expect(await said('run', 'fast')).toBe('fast: asked for; the next host that serves runs it');
    expect(await said('run', 'fast', '--output', 'json')).toBe('{"job":"fast","requested":true}');
  });

  it('shows due times that were left out', async () => {
    const [first, last] = [Date.UTC(2026, 10, 23, 10, 5), Date.UTC(2026, 10, 23, 10, 15)];
    await project.client.query(
      `insert into tsdbt.due_left_out values ('fast', 'paused', to_timestamp(0), to_timestamp(${first / 1000}), ` +
        `to_timestamp(${last / 1000}), 3)`,
    );
    const lines = plain((await jobs()).stdout);
    expect(lines.find((line) => line.startsWith('JOB'))).toMatch(/ LEFT OUT \(UTC\)$/);
    expect(lines.find((line) => line.startsWith('fast'))).toMatch(
      / {2}until 2026-11-23 10:15:00, 3 due times: the job was paused$/,
    );
    expect(lines.find((line) => line.startsWith('night'))).toMatch(/ {2}-$/);
    expect((await listed()).jobs.map(({ left_out }) => left_out)).toEqual([
      {
        job: 'fast',
        why: 'paused',
        first_due_at: '2026-11-23T10:05:00.000Z',
        last_due_at: '2026-11-23T10:15:00.000Z',
        due_times: 3,
      },
      null,
      null,
      null,
      null,
    ]);
    await project.client.query('delete from tsdbt.due_left_out');
  });

  it('shows the last run with its reason', async () => {
    const { MemoryStore } = await import('./memory-store.ts');
    const { jobOverviews } = await import('../../../src/serve/jobs/job-overview.ts');
    const { readJobs } = await import('../../../src/serve/jobs/read-jobs.ts');
    const now = Date.UTC(2026, 10, 23, 10, 2);
    const store = new MemoryStore({ now: () => now });
    const claim = await store.claim('fast', now - 120_000, 1, 'h');
    if (claim === null) throw new Error('nobody else claims');
    await store.finish(claim, { state: 'failed', reason: 'two tests failed' });
    const file = readJobs({ path: 'jobs.yml', text: JOBS, render: (value) => value, onSecret: () => undefined });
    const [fast, night] = await jobOverviews(file, store);
    expect([fast?.last?.runId, fast?.last?.reason, fast?.next, night?.last, night?.next]).toEqual([
      claim.runId,
      'two tests failed',
      Date.UTC(2026, 10, 23, 10, 5),
      null,
      Date.UTC(2026, 10, 24, 1),
    ]);
  });

  it.each([
    [['pause'], /Usage: tsdbt jobs \[OPTIONS\] \[ACTION\] \[NAME\][\s\S]*Error: Missing argument 'NAME'\./],
    [['stop', 'fast'], /Invalid value for '\[ACTION\]': 'stop' is not one of 'pause', 'resume', 'run', 'check'\./],
    [['run', 'fast', 'more'], /Got unexpected extra argument \(more\)/],
    [['pause', 'fats'], /Job 'fats' does not exist in jobs.yml\n[\s\S]*did you mean 'fast'\? Jobs: fast, night, rows/],
    [['run', 'load'], /Job 'load' of jobs.yml loads all the time, so it cannot be asked for\n.*jobs.yml line 6/],
  ])('rejects %j', async (args, expected) => {
    const { code, out } = await jobs(...args);
    expect(out).toMatch(expected);
    expect(code).toBe(2);
  });

  it.each(['topic: t', 'topics: [t, u]', "topic_pattern: '^t'", 'table: public.t'])(
    'detects two loaders of a table with %s before serve starts',
    async (origin) => {
      const table = `{ name: t, meta: { tsdbt: { load: { ${origin} } } } }`;
      project.write({
        'models/raw.yml': `sources: [{ name: raw, tables: [${table}] }]\n`,
        'jobs.yml': 'jobs:\n  one: { load: "source:raw.*" }\n  two: { load: source:raw.t }\n',
      });
      const { code, out } = await project.run(['serve', '--port', '0']);
      project.remove('models/raw.yml');
      project.write({ 'jobs.yml': JOBS });
      expect(out).toContain("Job 'two' of jobs.yml loads source.faults.raw.t, which job 'one' loads, too");
      expect(code).toBe(2);
    },
  );

  it('rejects an invalid file with its position, and shows no secret', async () => {
    const env = { DBT_ENV_SECRET_HOOK: 'sign-with-this-and-more-of-it' };
    project.env = env;
    const secret = `alerts: { hook: { webhook: http://x, secret: "{{ env_var('DBT_ENV_SECRET_HOOK') }}" } }\n`;
    project.write({ 'jobs.yml': `${secret}jobs:\n  fast: { evry: 5m, run: }\n` });
    const bad = await jobs();
    expect(bad.out).toMatch(
      /Invalid jobs.yml: unknown key 'evry' of job 'fast'\n[\s\S]*line 3, column 11[\s\S]*did you mean 'every'/,
    );
    expect([bad.code, bad.out.includes('sign-with-this')]).toEqual([2, false]);
    project.remove('jobs.yml');
    const none = await jobs();
    expect(none.out).toMatch(/\S*jobs.yml does not exist. It defines the jobs/);
    expect(none.code).toBe(2);
    project.write({ 'jobs.yml': JOBS });
    project.env = {};
  });

  it('reports that the database is unavailable', async () => {
    project.write({
      'profiles.yml':
        'faults: {target: dev, outputs: {dev: {type: postgres, host: 127.0.0.1, port: 1, user: u, ' +
        'password: pass-word, dbname: d, schema: s}}}\n',
    });
    const { code, out } = await jobs();
    expect(out).toMatch(/Database Error|connection|refused/i);
    expect([code, /\n\s+at .*\.ts/.test(out), out.includes('pass-word')]).toEqual([2, false, false]);
  });
});
