// A job for tests, as jobs.yml would give it: a build of everything, every five minutes, without retries.
import type { Job } from '../../../src/serve/jobs/job.ts';

export function job(name: string, change: Partial<Job> = {}): Job {
  return {
    name,
    path: 'jobs.yml',
    line: 1,
    work: {
      kind: 'command',
      command: 'build',
      select: null,
      exclude: [],
      selector: null,
      vars: {},
      fullRefresh: false,
      ifChanged: false,
      reuse: false,
    },
    timing: { kind: 'every', ms: 300_000 },
    windowMs: null,
    timeoutMs: null,
    retries: { times: 0, backoffMs: 1000 },
    overlap: 'skip',
    catchUp: 'latest',
    owner: null,
    sla: null,
    description: null,
    ...change,
  };
}
