// jobs.yml as a value, and what is refused, where, with which advice.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../../../src/contracts/node.ts';
import { formatError } from '../../../../../src/errors.ts';
import { renderTree } from '../../../../../src/project/renderer.ts';
import { createYamlRenderer } from '../../../../../src/project/yaml-renderer.ts';
import type { JobFile } from '../../../../../src/serve/jobs/job.ts';
import { readJobs } from '../../../../../src/serve/jobs/read-jobs.ts';
import { REFUSED } from './refused-jobs.ts';

const SIGN = 'sign-with-me-and-nobody-else';
const env = { HOW_OFTEN: '5m', DBT_ENV_SECRET_SLACK: 'https://hooks/T0/B0/xyz', DBT_ENV_SECRET_SIGN: SIGN };
const render = createYamlRenderer({
  env,
  logger: { log: () => undefined, minimumLevel: 'error' } as never,
  invocation: { invocation_id: 'x', started_at: new Date(0), args: {}, command: '' } as never,
  now: () => 0,
});

function read(text: string, onSecret: (text: string) => void = () => undefined): JobFile {
  return readJobs({
    path: 'jobs.yml',
    text,
    onSecret,
    render: (value: Json, secrets) =>
      renderTree(value, { target: { name: 'dev' }, vars: {}, requireVars: true, env, secrets }, render),
  });
}

function refusal(text: string): string {
  try {
    read(text);
  } catch (error) {
    return formatError(error);
  }
  return 'nothing is refused';
}

const DEFAULTS = {
  path: 'jobs.yml',
  timing: { kind: 'manual' },
  windowMs: null,
  timeoutMs: null,
  retries: { times: 2, backoffMs: 5000 },
  overlap: 'skip',
  catchUp: 'latest',
  owner: null,
  description: null,
  sla: null,
};
const COMMAND = {
  select: null,
  exclude: [],
  selector: null,
  vars: {},
  fullRefresh: false,
  ifChanged: false,
  reuse: false,
};

it('readJobs reads each key and completes missing ones', () => {
  const file = read(
    [
      'defaults: { timeout: 240s, retries: { times: 3, backoff: 2s }, overlap: wait, catch_up: all, owner: data }',
      'jobs:',
      '  load: { load: "source:raw.*", exclude: "source:raw.old" }',
      '  fast: { every: "{{ env_var(\'HOW_OFTEN\') }}", build: "tag:fast tag:new", if_changed: true, timeout: null }',
      '  sessions:',
      '    after: source:raw.session_events',
      '    debounce: 1500ms',
      '    build: ["source:raw.session_events+", "tag:x"]',
      '    retries: 0',
      '  offpeak: { cron: "0 2 * * *", tz: Europe/Berlin, window: 1h30m, run: tag:heavy, full_refresh: yes }',
      '  fresh: { every: 1d, source freshness: }',
      '  by-hand: { test: , selector: nightly, vars: { day: 3 }, description: on request, sla: { success_rate: 0.9 } }',
      'history: 30d',
    ].join('\n'),
  );
  const shared = { ...DEFAULTS, timeoutMs: 240_000, owner: 'data', overlap: 'wait', catchUp: 'all' };
  const retries = { times: 3, backoffMs: 2000 };
  const command = { ...COMMAND, kind: 'command' };
  expect(file).toEqual({
    path: 'jobs.yml',
    channels: [],
    historyMs: 30 * 86_400_000,
    jobs: [
      {
        ...shared,
        name: 'load',
        line: 3,
        work: { kind: 'load', select: ['source:raw.*'], exclude: ['source:raw.old'] },
        timing: { kind: 'resident' },
        timeoutMs: null,
        retries,
      },
      {
        ...shared,
        name: 'fast',
        line: 4,
        work: { ...command, command: 'build', select: ['tag:fast', 'tag:new'], ifChanged: true },
        timing: { kind: 'every', ms: 300_000 },
        timeoutMs: null,
        retries,
      },
      {
        ...shared,
        name: 'sessions',
        line: 5,
        work: { ...command, command: 'build', select: ['source:raw.session_events+', 'tag:x'] },
        timing: { kind: 'after', sources: ['source:raw.session_events'], debounceMs: 1500 },
        retries: { times: 0, backoffMs: 5000 },
      },
      {
        ...shared,
        name: 'offpeak',
        line: 10,
        work: { ...command, command: 'run', select: ['tag:heavy'], fullRefresh: true },
        timing: { kind: 'cron', pattern: '0 2 * * *', timeZone: 'Europe/Berlin' },
        windowMs: 5_400_000,
        retries,
      },
      {
        ...shared,
        name: 'fresh',
        line: 11,
        work: { ...command, command: 'source freshness' },
        timing: { kind: 'every', ms: 86_400_000 },
        retries,
      },
      {
        ...shared,
        name: 'by-hand',
        line: 12,
        work: { ...command, command: 'test', selector: 'nightly', vars: { day: 3 } },
        description: 'on request',
        sla: { success_rate: 0.9 },
        retries,
      },
    ],
  });
});

it('readJobs uses the defaults for a job that has only its work', () => {
  expect(read('jobs:\n  all: { build: }\n  raw: { load: }\n  out: { publish: m, full_refresh: true }\n')).toEqual({
    path: 'jobs.yml',
    channels: [],
    historyMs: 90 * 86_400_000,
    jobs: [
      { ...DEFAULTS, name: 'all', line: 2, work: { ...COMMAND, kind: 'command', command: 'build' } },
      {
        ...DEFAULTS,
        name: 'raw',
        line: 3,
        work: { kind: 'load', select: ['source:*'], exclude: [] },
        timing: { kind: 'resident' },
      },
      {
        ...DEFAULTS,
        name: 'out',
        line: 4,
        work: { ...COMMAND, kind: 'command', command: 'publish', select: ['m'], fullRefresh: true },
      },
    ],
  });
});

it('readJobs applies the default tz, window and debounce only to jobs that use them', () => {
  const { jobs } = read(
    'defaults: { tz: Asia/Kathmandu, window: 2h, debounce: 3s }\njobs:\n  a: { every: 2s, run: }\n' +
      '  b: { cron: "@daily", run: }\n  c: { after: source:x.y, run: }\n  d: { run: }\n  e: { load: }\n' +
      '  f: { cron: "@hourly", tz: UTC, window: null, run: }\n',
  );
  expect(jobs.map(({ timing, windowMs }) => ({ ...timing, windowMs }))).toEqual([
    { kind: 'every', ms: 2000, windowMs: 7_200_000 },
    { kind: 'cron', pattern: '@daily', timeZone: 'Asia/Kathmandu', windowMs: 7_200_000 },
    { kind: 'after', sources: ['source:x.y'], debounceMs: 3000, windowMs: null },
    { kind: 'manual', windowMs: null },
    { kind: 'resident', windowMs: null },
    { kind: 'cron', pattern: '@hourly', timeZone: 'UTC', windowMs: null },
  ]);
});

it('readJobs reads rendered alert channels and reports their secrets', () => {
  const seen: string[] = [];
  const { channels } = read(
    [
      'jobs: { a: { run: } }',
      'alerts:',
      '  oncall: { slack: "{{ env_var(\'DBT_ENV_SECRET_SLACK\') }}", on: [failed, stale], after: 2 }',
      '  hook: { webhook: "http://host/x", secret: "{{ env_var(\'DBT_ENV_SECRET_SIGN\') }}" }',
    ].join('\n'),
    (text) => seen.push(text),
  );
  expect(channels).toMatchObject([
    { name: 'oncall', kind: 'slack', slack: 'https://hooks/T0/B0/xyz', on: new Set(['failed', 'stale']), after: 2 },
    { name: 'hook', kind: 'webhook', webhook: 'http://host/x' },
  ]);
  expect(seen.filter((text) => text !== '')).toEqual(['https://hooks/T0/B0/xyz', '/T0/B0/xyz', SIGN]);
});

it('readJobs reads the jobs of this project', () => {
  const { jobs } = read(readFileSync(join(import.meta.dirname, '../../../../../jobs.yml'), 'utf8'));
  expect(jobs.map(({ name, timing }) => [name, timing.kind])).toEqual([
    ['marts', 'every'],
    ['freshness', 'every'],
    ['site', 'cron'],
  ]);
});

it('readJobs lets due times wait if each of them counts', () => {
  const overlaps = (keys: string): string[] =>
    read(`jobs:\n  a: { run: , ${keys} }`).jobs.map(({ overlap, catchUp }) => `${catchUp} ${overlap}`);
  expect(overlaps('every: 5m, catch_up: all')).toEqual(['all wait']);
  expect(overlaps('every: 5m')).toEqual(['latest skip']);
});

describe('readJobs rejects', () => {
  it.each(REFUSED)('%j', (text, ...says) => {
    const lines = refusal(text).split(/\n */);
    for (const line of says)
      expect(
        lines.some((each) => each.startsWith(line)),
        `${line} in\n${lines.join('\n')}`,
      ).toBe(true);
    expect(refusal(text)).not.toContain('abc-def');
  });
});
