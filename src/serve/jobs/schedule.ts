// When a job is due: by period, by cron pattern with time zone, after downtime, and when the clock jumps. Pure
// functions. The scheduler claims due times, and decides what happens to them while the job is still running.
import type { Cron } from 'croner';
import type { Moment } from '../store/serve-store.ts';
import type { Job, JobTiming } from './job.ts';
import { cronOf } from './job-values.ts';

type CronTiming = Extract<JobTiming, { kind: 'cron' }>;

/** A due time that starts within this time was not missed. */
const ON_TIME = 60_000;
/** `catch_up: all` catches up on this many of the newest due times. Earlier ones are skipped. */
export const MOST_CAUGHT_UP = 1000;
const SECOND = 1000;

/** Patterns are parsed once, because a timing never changes. */
const patterns = new WeakMap<CronTiming, Cron>();

function cronFor(timing: CronTiming): Cron {
  let cron = patterns.get(timing);
  if (cron === undefined) {
    cron = cronOf(timing.pattern, timing.timeZone);
    patterns.set(timing, cron);
  }
  return cron;
}

/**
 * The first due time after a moment.
 *
 * `every` is due at the multiples of its period since 1970-01-01 00:00 UTC: so all hosts agree without coordination, a
 * restart does not shift due times, and 5m is due every full five minutes.
 *
 * A cron pattern is due by the wall clock of its time zone. If a clock is put forward, a fixed time in the gap is due
 * when the gap ends. If it is put back, a fixed time is due only the first time. With `*` in minute or hour the pattern
 * is due whenever the clock shows such a time, as in cron.
 * @returns null: the job is not due by time
 */
export function nextDue(timing: JobTiming, after: Moment): Moment | null {
  if (timing.kind === 'every') return (Math.floor(after / timing.ms) + 1) * timing.ms;
  if (timing.kind === 'cron') return cronFor(timing).nextRun(new Date(after))?.getTime() ?? null;
  return null;
}

/**
 * Due times after one moment, up to and including another, oldest first.
 * @param limit the maximum number, the newest ones
 */
export function dueBetween(timing: JobTiming, after: Moment, until: Moment, limit = MOST_CAUGHT_UP): Moment[] {
  if (timing.kind === 'every') {
    const newest = Math.floor(until / timing.ms);
    const oldest = Math.max(Math.floor(after / timing.ms) + 1, newest - limit + 1);
    return Array.from({ length: Math.max(0, newest - oldest + 1) }, (_, i) => (oldest + i) * timing.ms);
  }
  if (timing.kind !== 'cron' || until <= after) return [];
  // croner starts from a whole second, and excludes it.
  const end = new Date((Math.floor(until / SECOND) + 1) * SECOND);
  const cron = cronFor(timing);
  const found: Moment[] = [];
  // The first request is small, because usually there is none or one.
  for (let ask = 2; ; ask *= 4) {
    const runs = cron.previousRuns(Math.min(ask, limit), end).map((date) => date.getTime());
    found.splice(0, found.length, ...runs.filter((due) => due > after));
    if (ask >= limit || found.length < runs.length || runs.length < ask) return found.reverse();
  }
}

/** Consecutive due times. */
export interface DueTimes {
  readonly first: Moment;
  readonly last: Moment;
  /** For a pattern, only the newest 1,000 are counted. */
  readonly count: number;
}

/** What a job needs now. */
export interface DuePlan {
  /** Due times to claim, oldest first. */
  readonly start: readonly Moment[];
  /** Skipped due times in the past: `missed` by `catch_up`, `late` by `window`. null: none */
  readonly missed: DueTimes | null;
  readonly late: DueTimes | null;
  /** The next due time; null: the job is not due by time. */
  readonly next: Moment | null;
}

/**
 * Which due times of a job are to be run now. The caller claims each. One that was already claimed is not run again, so
 * this may be called at any time.
 *
 * If several have passed, `none` runs the newest if it is on time, `latest` runs the newest, `all` runs each. `window`
 * skips those that are later than it allows. A job without history is due immediately with `every`, which guarantees an
 * age, and with cron at its next time, unless it is on time now.
 *
 * A clock that jumps forward counts as downtime. A clock that is put back repeats no due time, because those were
 * claimed. If the last due time is in the future, the clock that claimed it was wrong: it is ignored, so that the job
 * continues.
 * @param last the last due time that was claimed or skipped by any host; null: unknown
 */
export function duePlan(job: Pick<Job, 'timing' | 'catchUp' | 'windowMs'>, last: Moment | null, now: Moment): DuePlan {
  const { timing, catchUp, windowMs } = job;
  const unknown = last === null || last > now;
  // Shortcut for the most frequent case, between two due times.
  const first = nextDue(timing, unknown ? now : last);
  if (first === null || (!unknown && first > now)) return { start: [], missed: null, late: null, next: first };
  const next = nextDue(timing, now);
  const passed = unknown ? newest(timing, now, catchUp) : dueBetween(timing, last, now);
  const wanted =
    catchUp === 'all' ? passed : passed.slice(-1).filter((due) => catchUp === 'latest' || now - due <= ON_TIME);
  const start = windowMs === null ? wanted : wanted.filter((due) => now - due <= windowMs);
  // `wanted` is the tail of `passed`, and `start` is the tail of `wanted`.
  const missed = timesOf(passed.slice(0, passed.length - wanted.length));
  const late = timesOf(wanted.slice(0, wanted.length - start.length));
  return { start, missed: unknown ? missed : withEarlier(missed, timing, last, passed[0] ?? now), late, next };
}

function timesOf(dues: readonly Moment[]): DueTimes | null {
  const [first, last] = [dues[0], dues.at(-1)];
  return first === undefined || last === undefined ? null : { first, last, count: dues.length };
}

/** Adds the due times of a period before the listed ones. @param listed the first listed one */
function withEarlier(times: DueTimes | null, timing: JobTiming, after: Moment, listed: Moment): DueTimes | null {
  if (timing.kind !== 'every') return times;
  const first = (Math.floor(after / timing.ms) + 1) * timing.ms;
  const earlier = Math.round((listed - first) / timing.ms);
  if (earlier <= 0) return times;
  return { first, last: times?.last ?? listed - timing.ms, count: earlier + (times?.count ?? 0) };
}

/** The first due time of a job without history. */
function newest(timing: JobTiming, now: Moment, catchUp: Job['catchUp']): Moment[] {
  const since = timing.kind === 'every' && catchUp !== 'none' ? now - timing.ms : now - ON_TIME;
  return dueBetween(timing, since, now, 1);
}
