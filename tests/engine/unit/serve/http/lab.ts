// A host of serve without a scheduler: what is live is told by the test, what is kept is a fake.
import { job as anyJob } from '../../../serve/job.ts';
import type { Job } from '../../../../../src/serve/jobs/job.ts';
import { type JobState, type Live, LiveRuns } from '../../../../../src/serve/live-state.ts';
import type { Claim, JobRun, NodeRun, Store } from '../../../../../src/serve/store/serve-store.ts';

export const START = Date.UTC(2027, 2, 28, 12);

export function job(name: string, more: Partial<Job> = {}): Job {
  return anyJob(name, { line: 2, retries: { times: 0, backoffMs: 0 }, ...more });
}

export function claim(runId: string, name = 'fast', dueAt = START): Claim {
  return { runId, job: name, dueAt, attempt: 1, host: 'h1', token: 1n };
}

export function jobRun(runId: string, more: Partial<JobRun> = {}): JobRun {
  return {
    ...claim(runId),
    state: 'success',
    startedAt: START,
    finishedAt: START + 2000,
    reason: null,
    project: null,
    ...more,
  };
}

export function nodeRun(runId: string, uniqueId: string, more: Partial<NodeRun> = {}): NodeRun {
  return {
    runId,
    uniqueId,
    status: 'success',
    thread: 'Thread-1 (worker)',
    startedAt: START,
    seconds: 1.5,
    rows: null,
    readRows: null,
    readBytes: null,
    failures: null,
    message: null,
    checksum: null,
    ...more,
  };
}

/** A store of which only what is given answers. */
export function fakeStore(given: Partial<Store> = {}): Store {
  const empty: Partial<Store> = {
    runs: async () => [],
    leftOut: async () => [],
    nodes: async () => [],
    nodeHistory: async () => [],
    freshness: async () => [],
    openIncidents: async () => [],
    paused: async () => new Set(),
  };
  return new Proxy({} as Store, {
    get: (_, name: keyof Store) => given[name] ?? empty[name] ?? (() => Promise.reject(new Error(`no ${name} here`))),
  });
}

export interface Told {
  now: number;
  turned: number | null;
  notReady: string[];
  jobs: JobState[];
  nodes: Set<string> | null;
  loaderMetrics: string[];
}

/** What is live, and the values that the test changes. */
export function lab(jobs: readonly Job[] = [job('fast')]): { readonly live: Live; readonly told: Told } {
  const told: Told = {
    now: START,
    turned: START,
    notReady: [],
    jobs: jobs.map((j) => ({ job: j, nextAt: START + 300_000, paused: false, unread: null })),
    nodes: null,
    loaderMetrics: [],
  };
  const live: Live = {
    host: 'h1',
    project: 'shop',
    version: '1',
    runs: new LiveRuns(),
    now: () => told.now,
    lastTurn: () => told.turned,
    notReady: () => told.notReady,
    jobs: () => told.jobs,
    nodes: () => told.nodes,
    loaders: () => [],
    loaderMetrics: () => told.loaderMetrics,
    promises: async () => [],
  };
  return { live, told };
}
