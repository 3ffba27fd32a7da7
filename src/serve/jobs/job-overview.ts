// The current state of each job: whether it is paused, its last run, its next due time. For the command `jobs` and the
// screen. The scheduler has its own view.
import { writtenDuration } from '../../values/duration.ts';
import type { JobRun, LeftOut, LeftOutTimes, Moment, Store } from '../store/serve-store.ts';
import type { Job, JobFile, JobTiming, JobWork } from './job.ts';
import { nextDue } from './schedule.ts';

export interface JobOverview {
  readonly job: Job;
  readonly paused: boolean;
  /** The newest run, even if it is still running; null: none is stored. */
  readonly last: JobRun | null;
  /** The newest skipped due times; null: none are stored. */
  readonly leftOut: LeftOutTimes | null;
  /** Null: the job is paused, or is not due by time. */
  readonly next: Moment | null;
}

/** In the order of the file. @throws if the database is unavailable */
export async function jobOverviews(
  { jobs }: JobFile,
  store: Pick<Store, 'now' | 'paused' | 'runs' | 'leftOut'>,
): Promise<JobOverview[]> {
  const [now, pausedJobs] = [await store.now(), await store.paused()];
  const states: JobOverview[] = [];
  for (const job of jobs) {
    const [last = null] = await store.runs({ job: job.name, limit: 1 });
    const paused = pausedJobs.has(job.name);
    const [leftOut = null] = await store.leftOut({ job: job.name, limit: 1 });
    states.push({ job, paused, last, leftOut, next: paused ? null : nextDue(job.timing, now) });
  }
  return states;
}

/** Why due times were skipped, in words. */
export const LEFT_OUT_WORDS: Readonly<Record<LeftOut, string>> = {
  still_running: 'the run before went on',
  paused: 'the job was paused',
  window_over: 'its window was over',
  missed: 'no host could start it then',
};

/** `3 due times: the run before went on`. */
export function leftOutInWords({ count, why }: Pick<LeftOutTimes, 'count' | 'why'>): string {
  return `${count} due time${count === 1 ? '' : 's'}: ${LEFT_OUT_WORDS[why]}`;
}

/** `build tag:fast --exclude x`, as a command line. */
export function workInWords(work: JobWork): string {
  const words = [work.kind === 'load' ? 'load' : work.command, ...(work.select ?? [])];
  if (work.exclude.length > 0) words.push('--exclude', ...work.exclude);
  if (work.kind === 'load') return words.join(' ');
  if (work.selector !== null) words.push('--selector', work.selector);
  if (work.fullRefresh) words.push('--full-refresh');
  if (work.ifChanged) words.push('--if-changed');
  if (work.reuse) words.push('--reuse');
  return words.join(' ');
}

/** `every 5m`, `0 2 * * * Europe/Berlin`, `after source:raw.events`. */
export function timingInWords(timing: JobTiming): string {
  switch (timing.kind) {
    case 'every':
      return `every ${writtenDuration(timing.ms)}`;
    case 'cron':
      return `${timing.pattern} ${timing.timeZone}`;
    case 'after':
      return `after ${timing.sources.join(' ')}`;
    case 'resident':
      return 'all the time';
    case 'manual':
      return 'on request';
  }
}
