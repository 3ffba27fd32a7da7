// Decides for each SLA whether it is met, missed or unknown. Pure functions: facts in, verdicts out. sla-facts.ts
// collects facts, watch-slas.ts turns verdicts into incidents.
import type { NodeStatus } from '../../contracts/results.ts';
import type { JobRun, Moment, NodeRun, RunState } from '../store/serve-store.ts';
import type { Promised, PromiseTerms, Verdict } from './sla-types.ts';
import { durationText } from '../../values/duration.ts';

/** The measurement for one SLA of freshness or lag. */
export type Measured =
  /** The newest time among the rows; null: there are no rows. */
  | { readonly kind: 'newest'; readonly newest: Moment | null; readonly at: Moment }
  | { readonly kind: 'lag'; readonly ms: number; readonly at: Moment }
  /** It could not be measured. */
  | { readonly kind: 'error'; readonly reason: string };

/** A run of a node or a job, reduced to what SLAs need. */
export interface PastRun {
  readonly outcome: 'good' | 'bad' | 'neither';
  readonly startedAt: Moment;
  /** null: it is running. */
  readonly finishedAt: Moment | null;
  readonly reason: string | null;
  /** For a job: the number of the attempt at this due time, and the due time. */
  readonly attempt: number;
  readonly dueAt: Moment | null;
}

export interface Facts {
  readonly now: Moment;
  /** By the SLA's key. */
  readonly measured: ReadonlyMap<string, Measured>;
  /** Newest first, by the subject's id; no entry: unknown. */
  readonly runs: ReadonlyMap<string, readonly PastRun[]>;
  /** By job name: the newest due time that was claimed, or that was skipped because of a pause. */
  readonly claimed: ReadonlyMap<string, Moment>;
  /** By job name: the newest due time in the past; no entry: there is none. */
  readonly due: ReadonlyMap<string, Moment>;
  readonly paused: ReadonlySet<string>;
}

const GOOD: readonly (NodeStatus | RunState)[] = ['success', 'pass', 'warn', 'no-op', 'reused'];
const BAD: readonly (NodeStatus | RunState)[] = [
  'error',
  'fail',
  'runtime error',
  'partial success',
  'failed',
  'timeout',
  'lost',
];
/** Milliseconds that the next attempt of a job may need to start after its pause. */
const PATIENCE_MS = 10_000;

/** A loader that has run this long after a failure has recovered. */
const WORKS_MS = 60_000;

/** Returns verdicts in the order of the SLAs. */
export function evaluate(promises: readonly Promised[], facts: Facts): Verdict[] {
  return promises.map((promised) => evaluateOne(promised, facts));
}

function evaluateOne(promised: Promised, facts: Facts): Verdict {
  const { terms, subject } = promised;
  const runs = facts.runs.get(subject.id);
  const verdict = (
    state: Verdict['state'],
    reason: string,
    more: Partial<Pick<Verdict, 'value' | 'limit' | 'looks' | 'breaksAt'>> = {},
  ): Verdict => ({ promised, state, reason, value: null, limit: boundOf(terms), looks: 1, breaksAt: null, ...more });
  if (subject.kind === 'job' && facts.paused.has(subject.id)) return verdict('unknown', 'paused');
  switch (terms.kind) {
    case 'freshness':
      return terms.by === 'rows'
        ? byRows(promised, terms.maxMs, facts, verdict)
        : byRuns(promised, terms, facts, verdict);
    case 'lag': {
      const found = facts.measured.get(promised.key);
      if (found?.kind !== 'lag') return verdict('unknown', unmeasured(found));
      const broken = found.ms > terms.maxMs;
      const reason = `${durationText(found.ms)} behind its topics${broken ? promisedAtMost(terms.maxMs) : ''}`;
      return verdict(broken ? 'broken' : 'kept', reason, { value: found.ms, looks: promised.looks });
    }
    case 'success':
      return success(terms, subject.kind === 'job' ? lastTries(runs ?? []) : runs, facts.now, verdict);
    case 'duration':
      return duration(promised, terms, runs, facts.now, verdict);
    case 'failed':
      return failed(promised, terms, runs, facts.now, verdict);
    case 'late':
      return late(promised, terms.maxMs, facts, verdict);
    default:
      return terms satisfies never;
  }
}

type MakeVerdict = (
  state: Verdict['state'],
  reason: string,
  more?: Partial<Pick<Verdict, 'value' | 'limit' | 'looks' | 'breaksAt'>>,
) => Verdict;
type Terms<K extends PromiseTerms['kind']> = Extract<PromiseTerms, { kind: K }>;

function byRows({ key, looks }: Promised, maxMs: number, facts: Facts, verdict: MakeVerdict): Verdict {
  const found = facts.measured.get(key);
  if (found?.kind !== 'newest') return verdict('unknown', unmeasured(found));
  if (found.newest === null) return verdict('broken', `has no rows${promisedAtMost(maxMs)} old`, { looks });
  return aged(found.at - found.newest, found.newest + maxMs, maxMs, looks, verdict);
}

function byRuns(promised: Promised, terms: Terms<'freshness'>, facts: Facts, verdict: MakeVerdict): Verdict {
  const good = facts.runs.get(promised.subject.id)?.find(({ outcome }) => outcome === 'good')?.finishedAt;
  if (good == null) return verdict('unknown', 'no run that succeeded is known');
  return aged(facts.now - good, good + terms.maxMs, terms.maxMs, promised.looks, verdict);
}

function aged(age: number, breaksAt: Moment, maxMs: number, looks: number, verdict: MakeVerdict): Verdict {
  const value = Math.max(0, age);
  if (value > maxMs)
    return verdict('broken', `${durationText(value)} old${promisedAtMost(maxMs)}`, { value, looks, breaksAt });
  return verdict('kept', `${durationText(value)} old`, { value, looks, breaksAt });
}

function success(
  { min, overMs }: Terms<'success'>,
  runs: readonly PastRun[] | undefined,
  now: Moment,
  verdict: MakeVerdict,
): Verdict {
  const counted = (runs ?? []).filter(
    ({ outcome, finishedAt }) => outcome !== 'neither' && finishedAt !== null && finishedAt > now - overMs,
  );
  if (counted.length === 0) return verdict('unknown', `no run within ${durationText(overMs)} is known`);
  const bad = counted.filter(({ outcome }) => outcome === 'bad');
  const value = 1 - bad.length / counted.length;
  const words =
    `${percent(value)} of ${counted.length} ${counted.length === 1 ? 'run' : 'runs'} within ` +
    `${durationText(overMs)} succeeded`;
  if (value >= min) return verdict('kept', words, { value });
  const last = bad[0]?.reason;
  return verdict('broken', `${words}, expected ${percent(min)}${last == null ? '' : `; last failure: ${last}`}`, {
    value,
  });
}

/** The last attempt of each due time: a run that succeeded in a retry counts as one successful run. Newest first. */
function lastTries(runs: readonly PastRun[]): PastRun[] {
  const seen = new Set<Moment | null>();
  return runs.filter(({ dueAt }) => dueAt === null || (!seen.has(dueAt) && seen.add(dueAt)));
}

function duration(
  { looks }: Promised,
  { maxMs, percentile, overMs }: Terms<'duration'>,
  runs: readonly PastRun[] | undefined,
  now: Moment,
  verdict: MakeVerdict,
): Verdict {
  const took = (run: PastRun): number => (run.finishedAt ?? now) - run.startedAt;
  const ended = (runs ?? []).filter(({ outcome, finishedAt }) => outcome === 'good' && finishedAt !== null);
  if (percentile !== null) {
    const times = ended.filter(({ finishedAt }) => (finishedAt ?? 0) > now - overMs).map(took);
    if (times.length === 0) return verdict('unknown', `no run within ${durationText(overMs)} is known`);
    times.sort((a, b) => a - b);
    const value = times[Math.max(0, Math.ceil((percentile / 100) * times.length) - 1)] ?? 0;
    const words = `${percentile}% of ${times.length} runs within ${durationText(overMs)} took ${durationText(value)}`;
    const broken = value > maxMs;
    return verdict(broken ? 'broken' : 'kept', `${words} or less${broken ? promisedAtMost(maxMs) : ''}`, { value });
  }
  const running = (runs ?? []).find(({ finishedAt }) => finishedAt === null);
  if (running !== undefined && took(running) > maxMs) {
    const value = took(running);
    return verdict('broken', `has been running for ${durationText(value)}${promisedAtMost(maxMs)}`, { value });
  }
  const newest = ended.slice(0, looks).map(took);
  const [value] = newest;
  const breaksAt = running === undefined ? null : running.startedAt + maxMs;
  if (value === undefined) return verdict('unknown', 'no run that succeeded is known', { breaksAt });
  const slow = newest.length === looks && newest.every((ms) => ms > maxMs);
  const times = looks === 1 ? `took ${durationText(value)}` : `took ${newest.map(durationText).join(', ')}`;
  if (slow) return verdict('broken', `${times}${promisedAtMost(maxMs)}`, { value, breaksAt });
  return verdict('kept', `took ${durationText(value)}`, { value, breaksAt });
}

/** Counts due times, not attempts: a failure that will be retried does not count yet. */
function failed(
  { looks }: Promised,
  { retries, resident }: Terms<'failed'>,
  runs: readonly PastRun[] | undefined,
  now: Moment,
  verdict: MakeVerdict,
): Verdict {
  const [newest] = runs ?? [];
  if (resident && newest?.finishedAt === null && now - newest.startedAt >= WORKS_MS)
    return verdict('kept', `it has been running for ${durationText(now - newest.startedAt)}`);
  const final = lastTries(runs ?? []).filter(({ outcome, finishedAt, attempt }, at) => {
    if (outcome === 'neither' || finishedAt === null) return false;
    const pause = retries.backoffMs * 2 ** (attempt - 1) + PATIENCE_MS;
    return !(outcome === 'bad' && at === 0 && attempt <= retries.times && now < finishedAt + pause);
  });
  const [last] = final;
  if (last === undefined) return verdict('unknown', 'no run is known');
  if (last.outcome === 'good') return verdict('kept', 'the last run succeeded');
  const count = final.findIndex(({ outcome }) => outcome === 'good');
  const bad = count === -1 ? final.length : count;
  const words = last.reason ?? 'the run failed';
  if (bad < looks) return verdict('kept', `${bad} of ${looks} runs in turn failed: ${words}`);
  return verdict('broken', bad === 1 ? words : `${bad} runs in turn failed; the last: ${words}`, { value: bad });
}

function late({ subject, looks }: Promised, maxMs: number, facts: Facts, verdict: MakeVerdict): Verdict {
  const [claimed, due] = [facts.claimed.get(subject.id), facts.due.get(subject.id)];
  if (claimed === undefined) return verdict('unknown', 'nobody has run it yet');
  if (due === undefined || due <= claimed) return verdict('kept', 'started as it was due', { looks });
  const running = facts.runs.get(subject.id)?.some(({ finishedAt }) => finishedAt === null) === true;
  if (running) return verdict('kept', 'is running', { looks });
  const value = facts.now - due;
  const reason = `was due ${durationText(value)} ago and has not started`;
  if (value <= maxMs) return verdict('kept', reason, { value, looks, breaksAt: due + maxMs });
  return verdict('broken', `${reason}${promisedAtMost(maxMs)}`, { value, looks, breaksAt: due + maxMs });
}

/** Returns a run of a job as a fact. */
export function pastJobRun({ state, startedAt, finishedAt, reason, attempt, dueAt }: JobRun): PastRun {
  return { outcome: outcomeOf(state), startedAt, finishedAt, reason: reason ?? wordsOf(state), attempt, dueAt };
}

/** Returns a run of a node as a fact. */
export function pastNodeRun({ status, startedAt, seconds, message }: NodeRun): PastRun {
  return {
    outcome: outcomeOf(status),
    startedAt,
    finishedAt: startedAt + seconds * 1000,
    reason: message,
    attempt: 1,
    dueAt: null,
  };
}

/** Skipped and cancelled runs say nothing about the work. */
function outcomeOf(status: NodeStatus | RunState): PastRun['outcome'] {
  return GOOD.includes(status) ? 'good' : BAD.includes(status) ? 'bad' : 'neither';
}

function wordsOf(state: RunState): string | null {
  if (state === 'timeout') return 'ran into its timeout';
  return state === 'lost' ? 'its host fell silent' : null;
}

function boundOf(terms: PromiseTerms): number | null {
  switch (terms.kind) {
    case 'failed':
      return null;
    case 'success':
      return terms.min;
    default:
      return terms.maxMs;
  }
}

function unmeasured(found: Measured | undefined): string {
  return found?.kind === 'error' ? found.reason : 'was not measured';
}

function promisedAtMost(maxMs: number): string {
  return `, expected at most ${durationText(maxMs)}`;
}

/** `99%`, `99.95%`. */
export function percent(share: number): string {
  return `${Number((share * 100).toFixed(2))}%`;
}
