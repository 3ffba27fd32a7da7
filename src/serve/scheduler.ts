// The loop of serve: which job is due, whether it may start now, and what happens to a due time that may not.
// job-turn.ts runs a due time, the schedule computes due times, the runner does the work. Hosts with one store share
// the work: each due time is claimed by one.
import { unlessAborted, within } from '../within.ts';
import { Arrivals } from './arrivals.ts';
import { Alarm, type Clock } from './clock.ts';
import { History } from './history.ts';
import type { JobRunner } from './job-runner.ts';
import { type Due, JobTurn, type TurnHost } from './job-turn.ts';
import type { Job } from './jobs/job.ts';
import { Leases } from './lease-heartbeat.ts';
import { Resident } from './resident.ts';
import type { DuePlan, DueTimes } from './jobs/schedule.ts';
import type { Emit } from './serve-events.ts';
import { leaseTimes } from './store/lease-rules.ts';
import { StoreLink } from './store-link.ts';
import type { JobRequest, LeftOut, Moment, Store } from './store/serve-store.ts';

/** Computes when jobs are due. Pure. */
export interface Schedule {
  /** The first due time after a moment; null: the job is not due by time. */
  next(job: Job, after: Moment): Moment | null;
  /**
   * Due times after `last` up to now: those that are to be run, and those that `catch_up` and `window` skip.
   * @param last the last one that was claimed or skipped; null: the job has never been due
   */
  due(job: Job, last: Moment | null, now: Moment): Pick<DuePlan, 'start' | 'missed' | 'late'>;
}

export interface SchedulerOptions {
  /** The current jobs: a changed file takes effect at the next check. */
  readonly jobs: () => readonly Job[];
  readonly schedule: Schedule;
  readonly store: Store;
  readonly clock: Clock;
  readonly runner: JobRunner;
  /** Identifies this host and process to others. */
  readonly host: string;
  /** Aborted: nothing new starts, and current runs continue to their end. */
  readonly drain: AbortSignal;
  /** Aborted: current runs are cancelled. */
  readonly stop: AbortSignal;
  readonly emit: Emit;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly historyMs: () => number;
  /** Milliseconds of the store's leases; absent: the default of `lease-rules.ts`. */
  readonly leaseMs?: number | undefined;
}

/** The state of a job on this host. */
export interface LiveJob {
  readonly job: Job;
  /** null: unknown. */
  readonly nextDue: Moment | null;
  /** Since when it runs here; null: it does not. */
  readonly startedAt: Moment | null;
  readonly paused: boolean;
  /** Due times that wait for the end of the previous run. */
  readonly waiting: readonly Moment[];
  /** Why it is unknown whether rows have arrived for it; null: it is known, or the job does not wait for rows. */
  readonly unread: string | null;
}

/** Interval between checks for requests, pauses and arrivals. */
const LOOK_MS = 2000;
const CLOCK_MS = 60_000;
const DURATIONS_MS = 600_000;
const PRUNE_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Pauses while the database is unavailable. */
const [FIRST_AWAY_MS, LONGEST_AWAY_MS] = [500, 10_000];
/** Time limit for the last writes when serve ends. */
const LAST_MS = 5000;
/** Due times are computed again only if the clock was set back by more than this. */
const SET_BACK_MS = 60_000;

interface Lane {
  job: Job;
  /** Due times up to this one have been handled. */
  handled: Moment | null;
  /** By the schedule, after `handled`. */
  next: Moment | null;
  queue: Due[];
  turn: JobTurn | null;
  startedAt: Moment | null;
  /** When to check again, if another host runs the job. */
  notBefore: Moment;
  readonly arrivals: Arrivals | null;
  /** Why the last check did not find out whether rows have arrived. */
  unread: { readonly reason: string; readonly isTold: boolean } | null;
}

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #link: StoreLink;
  readonly #leases: Leases;
  readonly #history: History;
  readonly #alarm: Alarm;
  readonly #reapMs: number;
  readonly #lanes = new Map<string, Lane>();
  readonly #residents = new Map<string, { readonly resident: Resident; readonly done: Promise<void> }>();
  readonly #turns = new Set<Promise<void>>();
  readonly #turnHost: TurnHost;
  /** Time of the last check of each kind. */
  readonly #looked = new Map<string, Moment>();
  #jobs: readonly Job[] | null = null;
  #paused: ReadonlySet<string> = new Set();
  #durations: ReadonlyMap<string, number> = new Map();
  #ready = false;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    const { store, clock, emit, runner, host, random, schedule, leaseMs } = options;
    const { heartbeatMs, reapMs } = leaseTimes(leaseMs);
    this.#reapMs = reapMs;
    this.#link = new StoreLink(store, clock, emit);
    this.#leases = new Leases(this.#link, clock, emit, heartbeatMs);
    this.#history = new History(this.#link, clock, emit);
    this.#alarm = new Alarm(clock);
    this.#turnHost = {
      host,
      link: this.#link,
      clock,
      runner,
      history: this.#history,
      leases: this.#leases,
      emit,
      random,
      durations: () => this.#durations,
      nextDue: (job, after) => schedule.next(job, after),
    };
  }

  /** Whether the database responds and the jobs' times are known. */
  get ready(): boolean {
    return this.#ready && !this.#link.away;
  }

  /** By the database's clock. */
  now(): Moment {
    return this.#link.now();
  }

  /** The jobs of this host, for `Live`. */
  live(): LiveJob[] {
    return (this.#jobs ?? []).map((job) => {
      const lane = this.#lanes.get(job.name);
      return {
        job,
        nextDue: lane?.arrivals?.due ?? lane?.next ?? null,
        startedAt: lane?.startedAt ?? this.#residents.get(job.name)?.resident.startedAt ?? null,
        paused: this.#paused.has(job.name),
        waiting: lane?.queue.filter((due) => due.isPaused !== true).map((due) => due.at) ?? [],
        unread: lane?.unread?.isTold === true ? lane.unread.reason : null,
      };
    });
  }

  /** Runs until `drain` is aborted and all current runs have ended. Does not throw if the database is unavailable. */
  async run(): Promise<void> {
    const { drain, stop, emit } = this.#options;
    const ring = (): void => this.#alarm.ring();
    const cancel = (): void => {
      for (const { turn } of this.#lanes.values()) turn?.stop('stopped');
    };
    drain.addEventListener('abort', ring);
    stop.addEventListener('abort', cancel);
    // A database that hangs must not delay the end.
    for (let away = 0; !drain.aborted; ) {
      if (this.#link.away && !(await unlessAborted(drain, this.#open()))?.value) {
        await this.#alarm.sleep(Math.min(LONGEST_AWAY_MS, FIRST_AWAY_MS * 2 ** away++));
        continue;
      }
      away = 0;
      await unlessAborted(drain, this.#look());
      if (drain.aborted) break;
      await this.#alarm.sleep(this.#link.away ? FIRST_AWAY_MS : this.#untilNext());
    }
    for (const { turn, job, queue } of this.#lanes.values()) {
      turn?.drain();
      // A request stays in the store for the next host.
      for (const due of queue)
        if (!due.asked) emit({ kind: 'left_out', job: job.name, ...single(due.at), why: 'draining' });
    }
    for (const { resident } of this.#residents.values()) resident.stop();
    if (this.#turns.size > 0) emit({ kind: 'draining', running: this.#turns.size });
    await Promise.all([...this.#turns, ...[...this.#residents.values()].map(({ done }) => done)]);
    await within(this.#history.close(), LAST_MS);
    await within(this.#leases.close(), LAST_MS);
    drain.removeEventListener('abort', ring);
    stop.removeEventListener('abort', cancel);
  }

  async #open(): Promise<boolean> {
    if (!(await this.#link.open())) return false;
    // Checks everything at once, to find what happened in the meantime.
    this.#looked.clear();
    return true;
  }

  /** Checks everything that may have changed and starts what may start. */
  async #look(): Promise<void> {
    if (this.#isTime('clock', CLOCK_MS)) await this.#link.syncClock();
    if (this.#isTime('store', LOOK_MS)) {
      const told = await this.#link.ask(async (store) => ({
        paused: await store.paused(),
        asked: await store.requests(),
      }));
      if (told === null) return;
      this.#paused = told.value.paused;
      if (!(await this.#adopt(this.#options.jobs()))) return;
      for (const { resident } of this.#residents.values()) resident.look();
      for (const request of told.value.asked) this.#ask(request);
      await this.#lookForRows();
    }
    if (this.#isTime('reap', this.#reapMs)) {
      const lost = await this.#link.ask((store) => store.reap());
      for (const run of lost?.value ?? []) this.#options.emit({ kind: 'run_lost', run });
      // Includes runs that another host marked as lost before it died.
      await this.#link.ask((store) => this.#takeOver(store));
    }
    if (this.#isTime('prune', PRUNE_MS)) {
      const before = this.now() - this.#options.historyMs();
      void this.#link.ask((store) => store.prune(before));
    }
    if (this.#isTime('durations', DURATIONS_MS))
      void this.#link.ask(async (store) => {
        this.#durations = await store.durations();
      });
    if (this.#link.away || this.#options.drain.aborted) return;
    if (!this.#ready) {
      this.#ready = true;
      this.#options.emit({ kind: 'ready' });
    }
    if (!(await this.#skipHandled())) return;
    const now = this.now();
    for (const lane of this.#lanes.values()) this.#queueDue(lane, now);
    for (const lane of this.#lanes.values()) this.#startNext(lane, now);
  }

  #isTime(what: string, every: number): boolean {
    const now = this.#options.clock.now();
    const last = this.#looked.get(what);
    if (last !== undefined && now - last < every) return false;
    this.#looked.set(what, now);
    return true;
  }

  /** Milliseconds until the next check. */
  #untilNext(): number {
    const { clock } = this.#options;
    const now = this.now();
    let until = LOOK_MS - (clock.now() - (this.#looked.get('store') ?? 0));
    for (const { job, next, arrivals, turn, queue, notBefore } of this.#lanes.values()) {
      const paused = this.#paused.has(job.name);
      const start = turn !== null ? null : queue.length > 0 ? now : paused ? null : (arrivals?.due ?? null);
      if (start !== null) until = Math.min(until, Math.max(start, notBefore) - now);
      if (next !== null) until = Math.min(until, next - now);
    }
    return Math.max(1, until);
  }

  /** Adopts the list of jobs. @returns whether the database returned its state of new ones */
  async #adopt(jobs: readonly Job[]): Promise<boolean> {
    if (jobs === this.#jobs) return true;
    const known = await this.#link.ask(lastHandled);
    if (known === null) return false;
    const now = this.now();
    const names = new Set(jobs.map(({ name }) => name));
    for (const [name, lane] of this.#lanes) if (!names.has(name) && lane.turn === null) this.#lanes.delete(name);
    for (const [name, { resident }] of this.#residents) {
      const job = jobs.find((each) => each.name === name);
      if (JSON.stringify(job) === JSON.stringify(resident.job)) continue;
      resident.stop();
      this.#residents.delete(name);
    }
    for (const job of jobs) {
      if (job.timing.kind === 'resident') this.#startResident(job);
      else this.#adoptJob(job, known.value(job.name), now);
    }
    this.#jobs = jobs;
    this.#looked.delete('reap');
    return true;
  }

  /** @param last the last due time that was claimed or skipped; null: unknown */
  #adoptJob(job: Job, last: Moment | null, now: Moment): void {
    const { schedule } = this.#options;
    const lane = this.#lanes.get(job.name);
    if (lane !== undefined && sameTiming(lane.job, job)) {
      lane.job = job;
      return;
    }
    // If the times of a job have changed, the new ones apply from now on.
    const changed = lane !== undefined;
    const unknown = job.catchUp === 'none' ? now : null;
    const handled = changed ? now : last === null ? unknown : Math.min(last, now);
    const arrivals = job.timing.kind === 'after' ? new Arrivals(job.timing.debounceMs) : null;
    if (job.catchUp !== 'none' && !changed) arrivals?.assume(now);
    this.#lanes.set(job.name, {
      job,
      handled,
      next: schedule.next(job, handled ?? now),
      queue: [],
      turn: lane?.turn ?? null,
      startedAt: lane?.startedAt ?? null,
      notBefore: 0,
      arrivals,
      unread: null,
    });
  }

  #startResident(job: Job): void {
    if (this.#residents.has(job.name)) return;
    const { clock, runner, host, emit } = this.#options;
    const resident = new Resident(job, {
      host,
      link: this.#link,
      clock,
      runner,
      leases: this.#leases,
      emit,
      isPaused: (name) => this.#paused.has(name),
    });
    this.#residents.set(job.name, { resident, done: resident.run() });
  }

  /** A request for a run at any time. It is found again until it has ended. */
  #ask({ job, at }: JobRequest): void {
    const lane = this.#lanes.get(job);
    // If no host has the job after this time, it was removed.
    if (lane === undefined && this.now() - at > DAY_MS) void this.#link.ask((store) => store.endRequest({ job, at }));
    if (lane === undefined || lane.turn?.dueAt === at || lane.queue.some((due) => due.asked)) return;
    lane.queue.push({ at, attempt: 1, tried: 0, asked: true });
  }

  /**
   * Runs due times again whose host was lost or whose announced retry did not come. If the job has since continued, it
   * does so only if every due time counts. Those of a paused job wait, and those whose window is over are dropped.
   */
  async #takeOver(store: Store): Promise<void> {
    const now = this.now();
    const open = (await store.abandoned()).flatMap((run) => {
      const lane = this.#lanes.get(run.job);
      if (lane === undefined || this.#paused.has(run.job)) return [];
      const { retries, windowMs } = lane.job;
      const isOver = run.attempt > retries.times + 1 || (windowMs !== null && now - run.dueAt > windowMs);
      return isOver ? [] : [{ run, lane }];
    });
    const last = open.some(({ lane }) => lane.job.catchUp !== 'all')
      ? await store.lastDue()
      : new Map<string, Moment>();
    for (const { run, lane } of open) {
      if (lane.job.catchUp !== 'all' && run.dueAt < (last.get(run.job) ?? run.dueAt)) continue;
      if (lane.turn?.dueAt === run.dueAt || lane.queue.some((due) => due.at === run.dueAt)) continue;
      // An attempt on a lost host does not count.
      const tried = run.state === 'lost' ? 0 : run.attempt;
      lane.queue.unshift({ at: run.dueAt, attempt: run.attempt + 1, tried, asked: false });
    }
  }

  async #lookForRows(): Promise<void> {
    const lanes = [...this.#lanes.values()].filter(({ arrivals }) => arrivals !== null);
    if (lanes.length === 0) return;
    const marks = await this.#options.runner.marks(lanes.map(({ job }) => job));
    const now = this.now();
    for (const lane of lanes) {
      const found = marks.get(lane.job.name) ?? { mark: null };
      lane.arrivals?.look('mark' in found ? found.mark : null, now);
      this.#noteUnread(lane, 'unread' in found ? found.unread : null);
    }
  }

  /** @param reason why the last check found out nothing; null: it succeeded */
  #noteUnread(lane: Lane, reason: string | null): void {
    const { job, unread } = lane;
    const { emit } = this.#options;
    if (reason === null) {
      if (unread?.isTold === true) emit({ kind: 'rows_read', job: job.name });
      lane.unread = null;
      return;
    }
    // A single broken connection is not reported. The next query to the store shows if the database is unavailable.
    if (unread?.isTold === false) emit({ kind: 'rows_unread', job: job.name, reason });
    lane.unread = { reason, isTold: unread !== null };
  }

  /** Queues due times, or skips them. */
  #queueDue(lane: Lane, now: Moment): void {
    const { job, arrivals } = lane;
    const { schedule } = this.#options;
    const paused = this.#paused.has(job.name);
    if (arrivals !== null) {
      const { due } = arrivals;
      if (due === null || due > now || paused || lane.turn !== null || lane.queue.length > 0) return;
      lane.queue.push({ at: due, attempt: 1, tried: 0, asked: false });
      return;
    }
    // The clock was set back: repeated times are already claimed, so none is run twice.
    if (lane.handled !== null && lane.handled > now + SET_BACK_MS) lane.next = schedule.next(job, (lane.handled = now));
    if (lane.handled !== null && (lane.next === null || lane.next > now)) return;
    const { start: dues, missed, late } = schedule.due(job, lane.handled, now);
    lane.next = schedule.next(job, (lane.handled = now));
    if (missed !== null) this.#leaveOut(job, missed, 'missed');
    if (late !== null) this.#leaveOut(job, late, 'window_over');
    if (paused) {
      // After a restart, scheduling continues from the last skipped due time, so it must not pass those still waiting.
      const isInTurn = job.catchUp === 'all' && lane.queue.some((due) => !due.asked);
      for (const at of dues) {
        if (isInTurn) lane.queue.push({ at, attempt: 1, tried: 0, asked: false, isPaused: true });
        else this.#leaveOut(job, single(at), 'paused');
      }
      return;
    }
    const busy = lane.turn !== null || lane.queue.some((due) => !due.asked);
    for (const at of dues) {
      if (busy && job.overlap === 'skip') this.#leaveOut(job, single(at), 'still_running');
      else lane.queue.push({ at, attempt: 1, tried: 0, asked: false });
    }
    if (job.catchUp === 'all') return;
    // Of several that wait, the latest sees what all would see.
    const waiting = lane.queue.filter((due) => !due.asked && due.attempt === 1);
    for (const due of waiting.slice(0, -1)) {
      lane.queue.splice(lane.queue.indexOf(due), 1);
      this.#leaveOut(job, single(due.at), 'still_running');
    }
  }

  /**
   * A host that was disconnected has missed what others have run: it continues from their state.
   * @returns whether the database responded, if a query was needed
   */
  async #skipHandled(): Promise<boolean> {
    const { schedule, drain } = this.#options;
    const now = this.now();
    const behind = [...this.#lanes.values()].filter(({ job, handled, next }) => {
      if (handled === null || handled > now || next === null || next > now) return false;
      const { missed, late } = schedule.due(job, handled, now);
      return missed !== null || late !== null;
    });
    if (behind.length === 0) return true;
    const known = await this.#link.ask(lastHandled);
    if (known === null || drain.aborted) return false;
    for (const lane of behind) {
      const last = Math.min(known.value(lane.job.name) ?? 0, now);
      if (last <= (lane.handled ?? 0)) continue;
      lane.handled = last;
      lane.next = schedule.next(lane.job, last);
    }
    return true;
  }

  #startNext(lane: Lane, now: Moment): void {
    if (lane.turn !== null || now < lane.notBefore) return;
    for (;;) {
      const due = lane.queue.shift();
      if (due === undefined) return;
      const { windowMs } = lane.job;
      if (due.isPaused === true) {
        this.#leaveOut(lane.job, single(due.at), 'paused');
        continue;
      }
      if (windowMs !== null && !due.asked && now - due.at > windowMs) {
        this.#leaveOut(lane.job, single(due.at), 'window_over');
        continue;
      }
      const turn = new JobTurn(this.#turnHost, lane.job, due);
      lane.turn = turn;
      lane.startedAt = now;
      const done = this.#turn(lane, turn, due).finally(() => {
        this.#turns.delete(done);
        lane.turn = null;
        lane.startedAt = null;
        this.#alarm.ring();
      });
      this.#turns.add(done);
      return;
    }
  }

  async #turn(lane: Lane, turn: JobTurn, due: Due): Promise<void> {
    const { job, arrivals } = lane;
    const since = arrivals?.since ?? null;
    const asked = await unlessAborted(this.#options.drain, this.#elsewhere(job, due, since));
    const elsewhere = asked?.value ?? 'away';
    if (elsewhere === 'covered') {
      if (due.asked) await this.#link.ask((store) => store.endRequest({ job: job.name, at: due.at }));
      arrivals?.begin();
      return;
    }
    if (elsewhere === 'away' || this.#options.drain.aborted) {
      lane.queue.unshift(due);
      return;
    }
    if (elsewhere === 'running') {
      this.#waitFor(lane, due);
      return;
    }
    // A run that was taken over skips completed nodes, which may have been built without the waiting rows.
    if (due.attempt === 1) arrivals?.begin();
    const end = await turn.run();
    if (end === 'done' || end === 'taken') return;
    arrivals?.assume(this.now());
    if (end === 'busy') this.#waitFor(lane, due);
    else if (arrivals === null) lane.queue.unshift(due);
  }

  /** Handles a due time while another host runs the job. */
  #waitFor(lane: Lane, due: Due): void {
    const { job, arrivals } = lane;
    if (job.overlap === 'skip' && !due.asked && due.attempt === 1 && arrivals === null) {
      this.#leaveOut(job, single(due.at), 'still_running');
      return;
    }
    if (arrivals === null) lane.queue.unshift(due);
    lane.notBefore = this.now() + LOOK_MS;
  }

  /** What other hosts do with the job. `covered`: one has this due time, or has started after the rows arrived. */
  async #elsewhere(job: Job, due: Due, since: Moment | null): Promise<'nothing' | 'running' | 'covered' | 'away'> {
    const answer = await this.#link.ask((store) => store.runs({ job: job.name, limit: 1 }));
    if (answer === null) return 'away';
    const [newest] = answer.value;
    if (newest === undefined) return 'nothing';
    if (due.attempt === 1 && !due.asked && newest.dueAt === due.at) return 'covered';
    // Only a first attempt builds everything. A start in the future is from before the clock was set back.
    const isSince = since !== null && newest.startedAt >= since && newest.startedAt <= this.now();
    if (isSince && newest.attempt === 1) return 'covered';
    return newest.state === 'running' ? 'running' : 'nothing';
  }

  #leaveOut(job: Job, times: DueTimes, why: LeftOut): void {
    const left = { job: job.name, why, ...times };
    this.#history.addLeftOut(left);
    this.#options.emit({ kind: 'left_out', ...left });
  }
}

function single(at: Moment): DueTimes {
  return { first: at, last: at, count: 1 };
}

/** The last due time of each job that any host has claimed or skipped. */
async function lastHandled(store: Store): Promise<(job: string) => Moment | null> {
  const [last, leftOut] = [await store.lastDue(), await store.lastLeftOut()];
  return (job) => latest(last.get(job), leftOut.get(job));
}

/** @returns null if neither is known */
function latest(one: Moment | undefined, other: Moment | undefined): Moment | null {
  return one === undefined ? (other ?? null) : Math.max(one, other ?? one);
}

function sameTiming(one: Job, other: Job): boolean {
  return JSON.stringify(one.timing) === JSON.stringify(other.timing);
}
