// jobs: lists the jobs of jobs.yml with their last and next run, as lines or one JSON document; pauses, resumes and
// runs them. Requests are stored in the database, where hosts with `serve` find them.
import { inColumns } from '../columns.ts';
import { dateTime, isoTime } from '../../values/utc-text.ts';
import { errorOf } from '../../error-table.ts';
import { print } from '../../events/index.ts';
import type { Job, JobFile, JobTiming, JobWork } from '../../serve/jobs/job.ts';
import {
  type JobOverview,
  jobOverviews,
  leftOutInWords,
  timingInWords,
  workInWords,
} from '../../serve/jobs/job-overview.ts';
import { createStore } from '../../serve/store/create-store.ts';
import type { JobRun, Store } from '../../serve/store/serve-store.ts';
import { knownWords } from '../../values/close-matches.ts';
import { type CommandSession, now } from '../command-session.ts';
import { readJobFile } from '../read-job-file.ts';
import { checkJobsCommand } from './jobs-check.ts';
import { loadProject } from './run.ts';
import { leftOutDocument, NO_HISTORY } from './runs.ts';

export async function jobsCommand(session: CommandSession): Promise<boolean> {
  if (session.positional[0] === 'check') return checkJobsCommand(session);
  const { adapter, config } = await loadProject(session);
  try {
    const file = readJobFile(session, config, false);
    const [action, name] = session.positional;
    const job = name === undefined ? null : jobOf(file, name);
    if (job !== null && action === 'run') refuseLoader(job);
    const store = createStore(adapter);
    try {
      print(
        session.logger,
        job === null ? await listed(session, file, store) : await changed(session, job, action, store),
      );
    } finally {
      await store.close();
    }
  } finally {
    await adapter.close();
  }
  return true;
}

function jobOf({ jobs, path }: JobFile, name: string): Job {
  const names = jobs.map((job) => job.name);
  const found = jobs.find((job) => job.name === name);
  if (found === undefined) throw errorOf('unknownJob', { job: name, known: knownWords('Jobs', name, names) }, { path });
  return found;
}

function refuseLoader({ name, path, line, timing }: Job): void {
  if (timing.kind === 'resident')
    throw errorOf('emptyJob', { job: name, why: 'loads all the time, so it cannot be asked for' }, { path, line });
}

const isJson = ({ flags }: CommandSession): boolean => flags['output'] === 'json';

async function changed(
  session: CommandSession,
  { name }: Job,
  action: string | undefined,
  store: Store,
): Promise<string> {
  await store.open();
  if (action === 'run') {
    await store.request(name);
    return isJson(session)
      ? JSON.stringify({ job: name, requested: true })
      : `${name}: asked for; the next host that serves runs it`;
  }
  const paused = action === 'pause';
  const before = (await store.paused()).has(name);
  await store.setPaused(name, paused);
  if (isJson(session)) return JSON.stringify({ job: name, paused, changed: paused !== before });
  return `${name}: ${paused ? (before ? 'was paused' : 'paused') : before ? 'goes on' : 'was not paused'}`;
}

async function listed(session: CommandSession, file: JobFile, store: Store): Promise<string> {
  const kept = await store.exists();
  const states = await jobOverviews(file, kept ? store : withoutHistory(store));
  if (isJson(session))
    return JSON.stringify({
      generated_at: isoTime(now()),
      path: file.path,
      jobs: states.map(jobDocument),
    });
  const some = states.some(({ leftOut }) => leftOut !== null);
  const rows = inColumns([
    ['JOB', 'RUNS', 'WHEN', 'LAST (UTC)', 'NEXT (UTC)', ...(some ? ['LEFT OUT (UTC)'] : [])],
    ...states.map(({ job, paused, last, leftOut, next }) => [
      job.name,
      workInWords(job.work),
      timingInWords(job.timing),
      last === null ? '-' : runInWords(last),
      paused ? 'paused' : next === null ? '-' : dateTime(next),
      ...(some ? [leftOut === null ? '-' : `until ${dateTime(leftOut.last)}, ${leftOutInWords(leftOut)}`] : []),
    ]),
  ]);
  return [...rows, ...(kept ? [] : ['', NO_HISTORY])].join('\n');
}

/** State of a job without runs. */
function withoutHistory(store: Store): Pick<Store, 'now' | 'paused' | 'runs' | 'leftOut'> {
  return { now: () => store.now(), paused: async () => new Set(), runs: async () => [], leftOut: async () => [] };
}

/** The keys are documented in docs/jobs.md and must not change. */
function jobDocument({ job, paused, last, leftOut, next }: JobOverview): object {
  const { name, line, work, timing, owner, description } = job;
  return {
    name,
    line,
    ...workDocument(work),
    ...timingDocument(timing),
    owner,
    description,
    paused,
    next: next === null ? null : isoTime(next),
    last:
      last === null
        ? null
        : {
            run_id: last.runId,
            due_at: isoTime(last.dueAt),
            attempt: last.attempt,
            state: last.state,
            started_at: isoTime(last.startedAt),
            finished_at: last.finishedAt === null ? null : isoTime(last.finishedAt),
            host: last.host,
            reason: last.reason,
          },
    left_out: leftOut === null ? null : leftOutDocument(leftOut),
  };
}

function workDocument(work: JobWork): object {
  const { select, exclude } = work;
  return work.kind === 'load'
    ? { command: 'load', select, exclude, selector: null }
    : { command: work.command, select, exclude, selector: work.selector };
}

function timingDocument(timing: JobTiming): object {
  return {
    every_seconds: timing.kind === 'every' ? timing.ms / 1000 : null,
    cron: timing.kind === 'cron' ? timing.pattern : null,
    tz: timing.kind === 'cron' ? timing.timeZone : null,
    after: timing.kind === 'after' ? timing.sources : null,
    resident: timing.kind === 'resident',
  };
}

/** `success 2026-11-23 10:05:00 in 12.1s`, with the reason of a failure. */
function runInWords({ state, startedAt, finishedAt, attempt, reason }: JobRun): string {
  const took = finishedAt === null ? '' : ` in ${((finishedAt - startedAt) / 1000).toFixed(1)}s`;
  const tries = attempt === 1 ? '' : `, try ${attempt}`;
  return `${state} ${dateTime(startedAt)}${took}${tries}${reason === null ? '' : `: ${reason}`}`;
}
