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

const env = { HOW_OFTEN: '5m', DBT_ENV_SECRET_SLACK: 'https://hooks/T0/B0/xyz', DBT_ENV_SECRET_SIGN: 'sign-with-me' };
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
const COMMAND = { select: null, exclude: [], selector: null, vars: {}, fullRefresh: false, ifChanged: false };

it('reads each key, and gives what is left out', () => {
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
    alerts: null,
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

it('gives a job without more than its work the least', () => {
  expect(read('jobs:\n  all: { build: }\n  raw: { load: }\n  out: { publish: m, full_refresh: true }\n')).toEqual({
    path: 'jobs.yml',
    alerts: null,
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

it('takes a zone, a window and a pause of the defaults where a job has use for them', () => {
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

it('gives alerts as they are, rendered, and tells of their secrets', () => {
  const seen: string[] = [];
  const { alerts } = read(
    [
      'jobs: { a: { run: } }',
      'alerts:',
      '  oncall: { slack: "{{ env_var(\'DBT_ENV_SECRET_SLACK\') }}", channel: "#ops", on: [failed, stale], after: 2 }',
      '  hook: { webhook: "http://me:hidden@host/x", secret: "{{ env_var(\'DBT_ENV_SECRET_SIGN\') }}" }',
    ].join('\n'),
    (text) => seen.push(text),
  );
  expect(alerts).toEqual({
    oncall: { slack: 'https://hooks/T0/B0/xyz', channel: '#ops', on: ['failed', 'stale'], after: 2 },
    hook: { webhook: 'http://me:hidden@host/x', secret: 'sign-with-me' },
  });
  expect(seen.filter((text) => text !== '')).toEqual(['https://hooks/T0/B0/xyz', 'hidden', 'sign-with-me']);
});

it('reads the jobs of this project', () => {
  const { jobs } = read(readFileSync(join(import.meta.dirname, '../../../../../jobs.yml'), 'utf8'));
  expect(jobs.map(({ name, timing }) => [name, timing.kind])).toEqual([
    ['marts', 'every'],
    ['freshness', 'every'],
    ['site', 'cron'],
  ]);
});

const job = (keys: string): string => `jobs:\n  fast: { ${keys} }\n`;

it('lets due times wait where each of them counts', () => {
  const overlaps = (keys: string): string[] =>
    read(`jobs:\n  a: { run: , ${keys} }`).jobs.map(({ overlap, catchUp }) => `${catchUp} ${overlap}`);
  expect(overlaps('every: 5m, catch_up: all')).toEqual(['all wait']);
  expect(overlaps('every: 5m')).toEqual(['latest skip']);
});

describe('refuses', () => {
  it.each([
    // The file.
    ['', /: the file is empty\n {4}jobs.yml line 1, column 1\n[\s\S]*jobs:\n\s+fresh: \{ every: 5m/],
    ['# nothing\n', /: the file is empty/],
    ['- a\n', /expected 'jobs:', found \["a"\]/],
    ['jobs:\n', /: there is no job\n {4}jobs.yml line 1, column 1\n/],
    ['jobs: {}\n', /: there is no job/],
    ['jobs: [a]\n', /'jobs' must be names with their jobs, found \["a"\]\n {4}jobs.yml line 1/],
    ['history: 1d\n', /: there is no job/],
    [
      'job: {a: {run: }}\n',
      /unknown key: 'job'\n {4}jobs.yml line 1, column 1\n {2}did you mean 'jobs'\? Keys: defaults, jobs/,
    ],
    [`${job('run: ')}history: 5h\n`, /'history' must be at least 1d, found "5h"\n {4}jobs.yml line 3, column 1/],
    [`${job('run: ')}  fast: { test: }\n`, /: 'fast' is written twice\n {4}jobs.yml line 3, column 3/],
    [job('run: a, run: b'), /: 'run' is written twice\n {4}jobs.yml line 2/],
    ['jobs: {a\n', /Syntax error near line/],
    // A job.
    ['jobs:\n  fast: build\n', /job 'fast' must be a dictionary, found "build"\n {4}jobs.yml line 2, column 3/],
    ['jobs:\n  fast:\n', /job 'fast' must be a dictionary, found null/],
    ['jobs:\n  "a b": { run: }\n', /"a b" cannot be the name of a job/],
    [job('every: 5m'), /job 'fast' says nothing to do[\s\S]*One of: build, run, test/],
    [
      job('biuld: x, every: 5m'),
      /unknown key of job 'fast': 'biuld'\n {4}jobs.yml line 2, column 11\n[\s\S]*\^\n {2}did you mean 'build'\? Keys/,
    ],
    [job('source_freshness: '), /unknown key of job 'fast': 'source_freshness'[\s\S]*did you mean 'source freshness'/],
    [job('run: a, build: b'), /job 'fast' has 'run' and 'build'; one of them must go\n {4}jobs.yml line 2, column 19/],
    [job('run: , every: 5m, cron: "* * * * *"'), /job 'fast' has 'every' and 'cron'; one of them must go/],
    [job('run: , cron: "* * * * *", after: source:a.b'), /has 'cron' and 'after'/],
    [job('load: , every: 5m'), /'every' of job 'fast' has no meaning beside load, which runs all the time/],
    [job('load: , timeout: 5m'), /'timeout' of job 'fast' has no meaning beside load/],
    [job('load: , vars: {a: 1}'), /'vars' of job 'fast' has no meaning beside load/],
    [job('run: , every: 5m, tz: UTC'), /'tz' of job 'fast' has no meaning without cron/],
    [job('run: , every: 5m, debounce: 5s'), /'debounce' of job 'fast' has no meaning without after/],
    [job('run: , after: source:a.b, catch_up: all'), /'catch_up' of job 'fast' has no meaning without every or cron/],
    [job('run: , window: 3h'), /'window' of job 'fast' has no meaning without every or cron/],
    [job('run: a, selector: b'), /'selector' of job 'fast' and a selection beside 'run' are given; one of them/],
    [job('run: , selector: b, exclude: c'), /'exclude' of job 'fast' has no meaning beside a selector/],
    [job('seed: , if_changed: true'), /'if_changed' of job 'fast' goes with build, run, test only/],
    [job('test: , full_refresh: true'), /'full_refresh' of job 'fast' goes with build, run, seed, publish only/],
    // Values.
    [job('run: true'), /'run' must be a selection, as --select takes it, or a list of such, found true[\s\S]*'run:'/],
    [job('run: ""'), /'run' must name something, found ""/],
    [job('run: [a, 3]'), /'run' must be a selection.*found \["a",3\]/],
    [
      job('run: "tag:a+ --exclude tag:b"'),
      /'run' has the option "--exclude" in its selection\n[\s\S]*Options are keys of the job, beside it: exclude/,
    ],
    [job('run: , exclude: 3'), /'exclude' must be a selection/],
    [job('run: , vars: 3'), /'vars' must be a dictionary, found 3/],
    [job('run: , full_refresh: 1'), /'full_refresh' must be true or false, found 1/],
    [job('run: , selector: []'), /'selector' must be a text, found \[\]/],
    [job('run: , owner: ""'), /'owner' must be a text, found ""/],
    [job('run: , overlap: skp'), /'overlap' must be one of skip, wait, found "skp"[\s\S]*did you mean 'skip'\?/],
    [
      job('run: , every: 5m, catch_up: all, overlap: skip'),
      /job 'fast' has 'catch_up: all' and 'overlap: skip'; one of/,
    ],
    [job('run: , every: 5m, catch_up: last'), /'catch_up' must be one of none, latest, all, found "last"/],
    // Durations.
    [
      job('run: , every: 5'),
      /'every' must be a duration such as 30s, 5m or 1h30m, found 5\n[\s\S]*A number needs its unit: 5s, 5m or 5h/,
    ],
    [job('run: , every: 5.0'), /'every' must be a duration .*, found 5\n/],
    [job('run: , every: '), /'every' must be a duration .*, found null/],
    [job('run: , every: -5m'), /'every' must be a duration .*, found "-5m"\n[\s\S]*A duration has no sign/],
    [job('run: , every: -5'), /'every' must be a duration .*, found -5\n/],
    [job('run: , every: 5 minutes'), /found "5 minutes"\n[\s\S]*Units: ms, s, m, h, d; found 'minutes'/],
    [job('run: , every: 0s'), /'every' must be at least 1s, found "0s"/],
    [job('run: , every: 500ms'), /'every' must be at least 1s, found "500ms"/],
    [job('run: , every: 30d'), /'every' must be at most 24d, found "30d"\n[\s\S]*cron pattern/],
    [job('run: , every: [5m]'), /'every' must be a duration .*, found \["5m"\]/],
    [job('run: , timeout: forever'), /'timeout' must be a duration .*, found "forever"/],
    [job('run: , retries: -1'), /'retries' must be a whole number from 0 to 100, found -1/],
    [job('run: , retries: 1.5'), /'retries' must be a whole number from 0 to 100, found 1.5/],
    [job('run: , retries: 101'), /'retries' must be a whole number/],
    [job('run: , retries: {time: 3}'), /unknown key 'time' of 'retries'[\s\S]*did you mean 'times'/],
    [job('run: , retries: {backoff: 3}'), /'backoff' must be a duration/],
    // Cron and zones.
    [job('run: , cron: 5'), /'cron' must be a text such as/],
    [job('run: , cron: "0 0 31 2 *"'), /'cron' "0 0 31 2 \*" is never due: no month that it names has such a day/],
    [job('run: , cron: "0 0 31 4,6,9,11 *"'), /is never due/],
    [
      job('run: , cron: "61 * * * *"'),
      /'cron' "61 \* \* \* \*" cannot be read: Invalid value for minute: 61\n[\s\S]*five fields: minute 0-59/,
    ],
    [job('run: , cron: "0 0 0 * *"'), /Invalid value for day: 0\n/],
    [job('run: , cron: "* * * *"'), /'cron' must have five fields, or six with seconds in front, found "\* \* \* \*"/],
    [job('run: , cron: "0 0 0 1 1 * 2030"'), /'cron' must have five fields/],
    [job('run: , cron: "2026-01-01T00:00:00"'), /'cron' must have five fields/],
    [job('run: , cron: "@reboot"'), /'cron' "@reboot" cannot be read: @reboot is not supported/],
    [job('run: , cron: "@often"'), /'cron' "@often" cannot be read/],
    [
      job('run: , cron: "0 2 * * *", tz: Europe/Berln'),
      /there is no time zone "Europe\/Berln"\n[\s\S]*did you mean 'Europe\/Berlin'\?/,
    ],
    [
      job('run: , cron: "0 2 * * *", tz: New York'),
      /there is no time zone "New York"\n[\s\S]*did you mean 'America\/New_York'\?/,
    ],
    [job('run: , cron: "0 2 * * *", tz: Mars/Phobos'), /there is no time zone "Mars\/Phobos"\n[\s\S]*IANA/],
    [job('run: , cron: "0 2 * * *", tz: "+02:00"'), /'tz' must be a time zone such as Europe\/Berlin, found "\+02:00"/],
    [job('run: , cron: "0 2 * * *", tz: 2'), /'tz' must be a time zone/],
    // Sources.
    [
      job('run: , after: raw.events'),
      /such as source:raw.events, found "raw.events"\n[\s\S]*did you mean 'source:raw.events'/,
    ],
    [job('run: , after: tag:x'), /'after' must name sources/],
    [job('run: , after: "source:a.b+"'), /'after' must name sources/],
    [job('run: , after: '), /'after' must name sources, such as source:raw.events, found null/],
    // Defaults are refused where they stand.
    [
      `defaults: { tiemout: 5m }\n${job('run: ')}`,
      /unknown default: 'tiemout'\n {4}jobs.yml line 1, column 13[\s\S]*did you mean 'timeout'/,
    ],
    [`defaults: { every: 5m }\n${job('run: ')}`, /unknown default: 'every'/],
    [
      `defaults: { tz: Berlin }\n${job('run: ')}`,
      /there is no time zone "Berlin"\n {4}jobs.yml line 1, column 13\n[\s\S]*did you mean 'Europe\/Berlin'/,
    ],
    [
      `defaults: { retries: -2 }\n${job('run: ')}`,
      /'retries' must be a whole number from 0 to 100, found -2\n {4}jobs.yml line 1/,
    ],
    [`defaults: [1]\n${job('run: ')}`, /'defaults' must be a dictionary, found \[1\]/],
    // Templates and secrets.
    [`${job('run: ')}alert: { a: { secret: abc-def } }\n`, /unknown key: 'alert'[\s\S]*did you mean 'alerts'/],
    [job('runn: , secret: abc-def'), /unknown key of job 'fast': 'runn'/],
    [job(`run: "{{ env_var('NOT_SET') }}"`), /Env var required but not provided: 'NOT_SET'/],
    [
      job(`run: "{{ env_var('DBT_ENV_SECRET_SIGN') }}"`),
      /Secret env vars are allowed only in profiles.yml or packages.yml/,
    ],
    [
      `${job('run: ')}alerts:\n  a: { webhook: x, secret: abc-def }\n`,
      /The secret 'a.secret' is written in plain text\n {4}jobs.yml line 4\n/,
    ],
  ])('%j', (text, expected) => {
    expect(refusal(text)).toMatch(expected);
    expect(refusal(text)).not.toContain('abc-def');
  });
});
