// When a job is due: by period, by cron pattern with time zone, after an absence, with a clock that jumps. Pure:
// moments in, moments out. The scheduler claims due times, and decides what becomes of them while the job still runs.
import type { Cron } from 'croner';
import type { Moment } from '../store/store.ts';
import type { Job, JobTiming } from './job.ts';
import { cronOf } from './job-values.ts';

type CronTiming = Extract<JobTiming, { kind: 'cron' }>;

/** A due time that is started this much later was not missed. */
const ON_TIME = 60_000;
/** `catch_up: all` makes up for the newest so many due times; earlier ones are left out. */
export const MOST_CAUGHT_UP = 1000;
const SECOND = 1000;

/** Patterns are parsed once; a timing is never changed. */
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
 * The first due time behind a moment.
 *
 * `every` is due at the multiples of its period since 1970-01-01 00:00 UTC: so all hosts agree on the due times without
 * asking one another, a restart moves none, and 5m falls on the full five minutes.
 *
 * A cron pattern is due by the wall clock of its time zone. Where a clock is put forward, a fixed time that does not
 * exist is due when the gap ends; where it is put back, a fixed time is due the first time only. With `*` in minute or
 * hour the pattern is due whenever the clock shows such a time, as in cron.
 * @returns null: no clock makes the job due
 */
export function nextDue(timing: JobTiming, after: Moment): Moment | null {
  if (timing.kind === 'every') return (Math.floor(after / timing.ms) + 1) * timing.ms;
  if (timing.kind === 'cron') return cronFor(timing).nextRun(new Date(after))?.getTime() ?? null;
  return null;
}

/**
 * Due times behind one moment up to another, oldest first.
 * @param limit the newest so many
 */
export function dueBetween(timing: JobTiming, after: Moment, until: Moment, limit = MOST_CAUGHT_UP): Moment[] {
  if (timing.kind === 'every') {
    const newest = Math.floor(until / timing.ms);
    const oldest = Math.max(Math.floor(after / timing.ms) + 1, newest - limit + 1);
    return Array.from({ length: Math.max(0, newest - oldest + 1) }, (_, i) => (oldest + i) * timing.ms);
  }
  if (timing.kind !== 'cron' || until <= after) return [];
  // croner looks from a whole second, and leaves that second out.
  const end = new Date((Math.floor(until / SECOND) + 1) * SECOND);
  const cron = cronFor(timing);
  const found: Moment[] = [];
  // Few are asked for first, because usually there is none or one.
  for (let ask = 2; ; ask *= 4) {
    const runs = cron.previousRuns(Math.min(ask, limit), end).map((date) => date.getTime());
    found.splice(0, found.length, ...runs.filter((due) => due > after));
    if (ask >= limit || found.length < runs.length || runs.length < ask) return found.reverse();
  }
}

/** Due times one after another. */
export interface DueTimes {
  readonly first: Moment;
  readonly last: Moment;
  /** Of a pattern, the newest 1,000 are counted. */
  readonly count: number;
}

/** What is to be done about a job now. */
export interface DuePlan {
  /** Due times to claim, oldest first. */
  readonly start: readonly Moment[];
  /** Passed due times left out: `missed` by `catch_up`, `late` by `window`. null: none */
  readonly missed: DueTimes | null;
  readonly late: DueTimes | null;
  /** The next due time; null: no clock makes the job due. */
  readonly next: Moment | null;
}

/**
 * Which due times of a job are to be run now. Whoever runs them claims each: one that was claimed before is not run
 * again, so this may be asked as often as one likes.
 *
 * Of several that have passed, `none` runs the newest if it is on time, `latest` runs the newest, `all` runs each.
 * `window` leaves out what is later than it allows. A job of which nothing is known is due at once by `every`, since it
 * promises an age, and at its next time by cron, unless it is on time.
 *
 * A clock that jumps forward is an absence. A clock that is put back repeats no due time: those were claimed. When the
 * last due time lies ahead, the clock that claimed it was wrong: it is taken as unknown, so the job goes on.
 * @param last the last due time that anybody has claimed or left out; null: none is known
 */
export function duePlan(job: Pick<Job, 'timing' | 'catchUp' | 'windowMs'>, last: Moment | null, now: Moment): DuePlan {
  const { timing, catchUp, windowMs } = job;
  const unknown = last === null || last > now;
  // Between two due times, which is nearly always, one step says so.
  const first = nextDue(timing, unknown ? now : last);
  if (first === null || (!unknown && first > now)) return { start: [], missed: null, late: null, next: first };
  const next = nextDue(timing, now);
  const passed = unknown ? newest(timing, now, catchUp) : dueBetween(timing, last, now);
  const wanted =
    catchUp === 'all' ? passed : passed.slice(-1).filter((due) => catchUp === 'latest' || now - due <= ON_TIME);
  const start = windowMs === null ? wanted : wanted.filter((due) => now - due <= windowMs);
  // What is wanted is the newest of what has passed, and what is started the newest of that.
  const missed = timesOf(passed.slice(0, passed.length - wanted.length));
  const late = timesOf(wanted.slice(0, wanted.length - start.length));
  return { start, missed: unknown ? missed : withEarlier(missed, timing, last, passed[0] ?? now), late, next };
}

function timesOf(dues: readonly Moment[]): DueTimes | null {
  const [first, last] = [dues[0], dues.at(-1)];
  return first === undefined || last === undefined ? null : { first, last, count: dues.length };
}

/** Counts the due times of a period before those that were listed, too. @param listed the first one of those */
function withEarlier(times: DueTimes | null, timing: JobTiming, after: Moment, listed: Moment): DueTimes | null {
  if (timing.kind !== 'every') return times;
  const first = (Math.floor(after / timing.ms) + 1) * timing.ms;
  const earlier = Math.round((listed - first) / timing.ms);
  if (earlier <= 0) return times;
  return { first, last: times?.last ?? listed - timing.ms, count: earlier + (times?.count ?? 0) };
}

/** The due time that a job without a past begins with. */
function newest(timing: JobTiming, now: Moment, catchUp: Job['catchUp']): Moment[] {
  const since = timing.kind === 'every' && catchUp !== 'none' ? now - timing.ms : now - ON_TIME;
  return dueBetween(timing, since, now, 1);
}
