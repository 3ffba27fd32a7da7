// Facts in, verdicts out: each kind of promise kept, broken and unknown, with the words that a person reads.
import { describe, expect, it } from 'vitest';
import {
  evaluate,
  type Facts,
  type PastRun,
  pastJobRun,
  pastNodeRun,
} from '../../../../../src/serve/sla/evaluate-sla.ts';
import type { Promised, PromiseSubject, PromiseTerms } from '../../../../../src/serve/sla/sla-types.ts';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const job: PromiseSubject = { kind: 'job', id: 'fast', shown: 'job fast', owner: null, path: 'jobs.yml', line: 2 };
const node: PromiseSubject = { ...job, kind: 'node', id: 'model.p.a', shown: 'model a' };
const promised = (terms: PromiseTerms, subject = job, looks = 2): Promised => ({ key: 'k', subject, terms, looks });
const none: Facts = {
  now: NOW,
  measured: new Map(),
  runs: new Map(),
  claimed: new Map(),
  due: new Map(),
  paused: new Set(),
};
let due = NOW;
const ran = (
  outcome: PastRun['outcome'],
  minutesAgo: number,
  seconds: number,
  more: Partial<PastRun> = {},
): PastRun => ({
  outcome,
  startedAt: NOW - minutesAgo * MINUTE,
  finishedAt: NOW - minutesAgo * MINUTE + seconds * 1000,
  reason: null,
  attempt: 1,
  dueAt: due--,
  ...more,
});
const ofRuns = (...runs: PastRun[]): Facts => ({ ...none, runs: new Map([['fast', runs]]) });
const told = (one: Promised, facts: Facts): [state: string, reason: string] => {
  const [verdict] = evaluate([one], facts);
  return [verdict!.state, verdict!.reason];
};

describe('the freshness objective', () => {
  const rows = promised({ kind: 'freshness', maxMs: 15 * MINUTE, field: 'at', filter: null, by: 'rows' }, node);
  const at = (newest: number | null): Facts => ({
    ...none,
    measured: new Map([['k', { kind: 'newest', newest, at: NOW }]]),
  });
  it.each<[string, Facts, [string, string]]>([
    ['at its bound', at(NOW - 15 * MINUTE), ['kept', '15m old']],
    ['a second later', at(NOW - 15 * MINUTE - 1000), ['broken', '15m1s old, expected at most 15m']],
    ['of no rows', at(null), ['broken', 'has no rows, expected at most 15m old']],
    ['in the future', at(NOW + MINUTE), ['kept', '0ms old']],
    ['that nobody measured', none, ['unknown', 'was not measured']],
    [
      'that cannot be measured',
      { ...none, measured: new Map([['k', { kind: 'error', reason: 'no such table' }]]) },
      ['unknown', 'no such table'],
    ],
  ])('is evaluated %s', (_name, facts, expected) => {
    expect(told(rows, facts)).toEqual(expected);
  });
  it('reports when it can be broken at the earliest', () => {
    expect(evaluate([rows], at(NOW - MINUTE))[0]).toMatchObject({
      value: MINUTE,
      limit: 15 * MINUTE,
      breaksAt: NOW + 14 * MINUTE,
    });
  });

  const runs = promised({ kind: 'freshness', maxMs: 15 * MINUTE, field: null, filter: null, by: 'runs' });
  it('by runs is the age of the last successful run', () => {
    expect(told(runs, ofRuns(ran('bad', 1, 1), ran('good', 21, 60)))).toEqual([
      'broken',
      '20m old, expected at most 15m',
    ]);
    expect(told(runs, ofRuns(ran('good', 11, 60)))).toEqual(['kept', '10m old']);
    expect(told(runs, ofRuns(ran('bad', 11, 60)))).toEqual(['unknown', 'no run that succeeded is known']);
  });
});

it('the lag objective is the delay of the loader', () => {
  const lag = promised({ kind: 'lag', maxMs: MINUTE }, node);
  const behind = (ms: number): Facts => ({ ...none, measured: new Map([['k', { kind: 'lag', ms, at: NOW }]]) });
  expect(told(lag, behind(MINUTE))).toEqual(['kept', '1m behind its topics']);
  expect(told(lag, behind(90_000))).toEqual(['broken', '1m30s behind its topics, expected at most 1m']);
});

describe('the success objective', () => {
  const success = promised({ kind: 'success', min: 0.75, overMs: 60 * MINUTE });
  const three = [ran('good', 20, 1), ran('good', 30, 1), ran('good', 40, 1)];
  it('is the share of successful runs that ended within the window', () => {
    expect(told(success, ofRuns(ran('bad', 10, 1), ...three))).toEqual(['kept', '75% of 4 runs within 1h succeeded']);
    expect(told(success, ofRuns(ran('bad', 5, 1, { reason: 'no disk' }), ran('bad', 10, 1), ...three))).toEqual([
      'broken',
      '60% of 5 runs within 1h succeeded, expected 75%; last failure: no disk',
    ]);
  });
  it('counts a run once, however often it was retried', () => {
    const tries = [
      ran('good', 10, 1, { attempt: 3, dueAt: 5 }),
      ran('bad', 11, 1, { attempt: 2, dueAt: 5 }),
      ran('bad', 12, 1, { dueAt: 5 }),
    ];
    expect(told(success, ofRuns(...tries))).toEqual(['kept', '100% of 1 run within 1h succeeded']);
    expect(
      told(success, ofRuns(ran('bad', 5, 1, { attempt: 2, dueAt: 6 }), ran('bad', 6, 1, { dueAt: 6 }), ...tries)),
    ).toEqual(['broken', '50% of 2 runs within 1h succeeded, expected 75%']);
  });
  it('ignores older and skipped runs', () => {
    expect(told(success, ofRuns(ran('neither', 1, 1), ran('good', 10, 1), ran('bad', 70, 1)))).toEqual([
      'kept',
      '100% of 1 run within 1h succeeded',
    ]);
    expect(told(success, ofRuns(ran('bad', 70, 1)))).toEqual(['unknown', 'no run within 1h is known']);
  });
});

describe('the duration objective', () => {
  const newest = promised({ kind: 'duration', maxMs: MINUTE, percentile: null, overMs: 0 });
  it('is broken after as many consecutive slow runs as looks', () => {
    expect(told(newest, ofRuns(ran('good', 5, 90), ran('good', 10, 30)))).toEqual(['kept', 'took 1m30s']);
    expect(told(newest, ofRuns(ran('good', 5, 90), ran('bad', 7, 1), ran('good', 10, 70), ran('good', 15, 3)))).toEqual(
      ['broken', 'took 1m30s, 1m10s, expected at most 1m'],
    );
  });
  it('is broken as soon as a running run takes too long', () => {
    expect(told(newest, ofRuns(ran('neither', 3, 0, { finishedAt: null }), ran('good', 10, 30)))).toEqual([
      'broken',
      'has been running for 3m, expected at most 1m',
    ]);
  });
  it('of a percentile covers a window', () => {
    const terms = { kind: 'duration', maxMs: MINUTE, percentile: 75, overMs: 60 * MINUTE } as const;
    const slow = [ran('good', 5, 300), ran('good', 10, 61), ran('good', 15, 3), ran('good', 20, 2)];
    expect(told(promised(terms), ofRuns(...slow))).toEqual([
      'broken',
      '75% of 4 runs within 1h took 1m1s or less, expected at most 1m',
    ]);
    expect(told(promised({ ...terms, percentile: 50 }), ofRuns(...slow))).toEqual([
      'kept',
      '50% of 4 runs within 1h took 3s or less',
    ]);
  });
});

describe('the failed objective of a job', () => {
  const failed = promised({ kind: 'failed', retries: { times: 1, backoffMs: 5000 } }, job, 1);
  const bad = (minutesAgo: number, more: Partial<PastRun> = {}) =>
    ran('bad', minutesAgo, 1, { reason: 'boom', ...more });
  it('is broken when the last try failed', () => {
    expect(told(failed, ofRuns(bad(5), ran('good', 10, 1)))).toEqual(['broken', 'boom']);
    expect(told(failed, ofRuns(bad(5), bad(10), ran('good', 15, 1)))).toEqual([
      'broken',
      '2 runs in turn failed; the last: boom',
    ]);
    expect(told(failed, ofRuns(ran('good', 5, 1), bad(10)))).toEqual(['kept', 'the last run succeeded']);
    expect(told(failed, none)).toEqual(['unknown', 'no run is known']);
  });
  it('is kept while a retry for the same due time may follow or is running', () => {
    const soon = bad(0, { startedAt: NOW - 3000, finishedAt: NOW - 2000 });
    expect(told(failed, ofRuns(soon, ran('good', 10, 1)))).toEqual(['kept', 'the last run succeeded']);
    expect(told(failed, ofRuns({ ...soon, attempt: 2 }, ran('good', 10, 1)))).toEqual(['broken', 'boom']);
    const again = ran('neither', 1, 0, { finishedAt: null, attempt: 2, dueAt: 7 });
    expect(told(failed, ofRuns(again, bad(3, { dueAt: 7 }), ran('good', 10, 1)))).toEqual([
      'kept',
      'the last run succeeded',
    ]);
    expect(told(failed, ofRuns(ran('good', 1, 1, { attempt: 2, dueAt: 8 }), bad(3, { dueAt: 8 })))).toEqual([
      'kept',
      'the last run succeeded',
    ]);
  });
  it('is kept for a resident job that has been running for a minute since', () => {
    const loads = promised({ kind: 'failed', retries: { times: 0, backoffMs: 0 }, resident: true }, job, 1);
    const running = (minutesAgo: number): PastRun => ran('neither', minutesAgo, 0, { finishedAt: null });
    expect(told(loads, ofRuns(running(1), bad(5)))).toEqual(['kept', 'it has been running for 1m']);
    expect(told(loads, ofRuns(running(0.9), bad(5)))).toEqual(['broken', 'boom']);
    expect(told(loads, ofRuns(bad(5), running(9)))).toEqual(['broken', 'boom']);
    expect(told(failed, ofRuns(running(1), bad(5)))).toEqual(['broken', 'boom']);
  });
  it('counts consecutive runs if more looks are required', () => {
    const patient = { ...failed, looks: 2 };
    expect(told(patient, ofRuns(bad(5), ran('good', 10, 1)))).toEqual(['kept', '1 of 2 runs in turn failed: boom']);
    expect(told(patient, ofRuns(bad(5), bad(10)))[0]).toBe('broken');
  });
});

describe('the late objective of a job', () => {
  const late = promised({ kind: 'late', maxMs: 2 * MINUTE });
  const facts = (claimed: number | null, due: number, runs: PastRun[] = []): Facts => ({
    ...ofRuns(...runs),
    claimed: claimed === null ? new Map() : new Map([['fast', claimed]]),
    due: new Map([['fast', due]]),
  });
  it.each<[string, Facts, [string, string]]>([
    ['started', facts(NOW - MINUTE, NOW - MINUTE), ['kept', 'started as it was due']],
    ['has time', facts(NOW - 6 * MINUTE, NOW - MINUTE), ['kept', 'was due 1m ago and has not started']],
    [
      'has none left',
      facts(NOW - 6 * MINUTE, NOW - 3 * MINUTE),
      ['broken', 'was due 3m ago and has not started, expected at most 2m'],
    ],
    [
      'still runs',
      facts(NOW - 6 * MINUTE, NOW - 3 * MINUTE, [ran('neither', 6, 0, { finishedAt: null })]),
      ['kept', 'is running'],
    ],
    ['never ran', facts(null, NOW - 3 * MINUTE), ['unknown', 'nobody has run it yet']],
    ['is paused', { ...facts(1, NOW - 3 * MINUTE), paused: new Set(['fast']) }, ['unknown', 'paused']],
  ])('is evaluated %s', (_name, given, expected) => {
    expect(told(late, given)).toEqual(expected);
  });
});

it('pastJobRun classifies a stored run as good, bad or neither', () => {
  const claim = { runId: 'r', job: 'fast', dueAt: 5, attempt: 2, host: 'h', token: 1n, project: null };
  const outcome = (state: 'success' | 'failed' | 'timeout' | 'lost' | 'skipped' | 'cancelled' | 'running') =>
    pastJobRun({ ...claim, state, startedAt: 1, finishedAt: state === 'running' ? null : 9, reason: null });
  expect(outcome('success')).toEqual({
    outcome: 'good',
    startedAt: 1,
    finishedAt: 9,
    reason: null,
    attempt: 2,
    dueAt: 5,
  });
  expect(outcome('timeout')).toMatchObject({ outcome: 'bad', reason: 'ran into its timeout' });
  expect(outcome('lost')).toMatchObject({ outcome: 'bad', reason: 'its host fell silent' });
  expect(['failed', 'skipped', 'cancelled', 'running'].map((state) => outcome(state as 'failed').outcome)).toEqual([
    'bad',
    'neither',
    'neither',
    'neither',
  ]);
  const past = pastNodeRun({
    runId: 'r',
    uniqueId: 'model.p.a',
    status: 'error',
    thread: 't',
    startedAt: 1000,
    seconds: 1.5,
    rows: null,
    readRows: null,
    readBytes: null,
    failures: null,
    message: 'no such column',
    checksum: null,
  });
  expect(past).toEqual({
    outcome: 'bad',
    startedAt: 1000,
    finishedAt: 2500,
    reason: 'no such column',
    attempt: 1,
    dueAt: null,
  });
});
