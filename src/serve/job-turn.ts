// One due time of one job, from its claim to its end: attempts with a timeout, pauses between them, and reports to the
// store. The scheduler decides when a due time is run.
import { unlessAborted } from '../within.ts';
import type { Clock } from './clock.ts';
import type { History } from './history.ts';
import type { JobRunner, JobTry, TryEnd, TryStop } from './job-runner.ts';
import type { Job } from './jobs/job.ts';
import type { Leases } from './lease-heartbeat.ts';
import { madeBefore } from './completed-work.ts';
import type { Emit } from './serve-events.ts';
import type { Claim, Moment, RunEnd, Store } from './store/serve-store.ts';
import type { StoreLink } from './store-link.ts';

/** Shared by all turns of a host. */
export interface TurnHost {
  readonly host: string;
  readonly link: StoreLink;
  readonly clock: Clock;
  readonly runner: JobRunner;
  readonly history: History;
  readonly leases: Leases;
  readonly emit: Emit;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly durations: () => ReadonlyMap<string, number>;
  /** The job's first due time after a moment; null: unknown. */
  readonly nextDue: (job: Job, after: Moment) => Moment | null;
}

/** A due time that is waiting to be run. */
export interface Due {
  readonly at: Moment;
  /** The number of the first attempt: above 1 if an earlier one was lost with its host. */
  readonly attempt: number;
  /** Attempts that another host has used. */
  readonly tried: number;
  /** Requested by a user: pauses and windows are ignored. */
  readonly asked: boolean;
  /** Skipped after the earlier ones in the queue have started. Absent: it is run. */
  readonly isPaused?: boolean;
}

/** `taken`: another host has claimed it. `busy`: another host runs the job. `away`: the database did not respond. */
export type TurnEnd = 'done' | 'taken' | 'busy' | 'away';

export class JobTurn {
  readonly #host: TurnHost;
  readonly #job: Job;
  readonly #due: Due;
  /** Ends a pause between attempts. */
  readonly #over = new AbortController();
  #trying: AbortController | null = null;
  /** Why the current attempt must end. */
  #why: TryStop | null = null;
  #drained = false;

  constructor(host: TurnHost, job: Job, due: Due) {
    this.#host = host;
    this.#job = job;
    this.#due = due;
  }

  get dueAt(): Moment {
    return this.#due.at;
  }

  /** Prevents further attempts. */
  drain(): void {
    this.#drained = true;
    this.#over.abort();
  }

  /** Cancels the current attempt. */
  stop(why: TryStop): void {
    if (why !== 'timeout') this.drain();
    if (this.#trying === null || this.#why !== null) return;
    this.#why = why;
    this.#trying.abort(why);
  }

  async run(): Promise<TurnEnd> {
    const { link, clock, emit } = this.#host;
    let work = (next: JobTry): Promise<TryEnd> => this.#host.runner.run(next);
    for (let tries = 0; ; tries++) {
      const claimed = await this.#claim(this.#due.attempt + tries);
      if (claimed === null) return tries === 0 ? 'away' : 'done';
      const claim = claimed.value;
      if (this.#due.asked && claim !== 'busy')
        await this.#ask((store) => store.endRequest({ job: this.#job.name, at: this.#due.at }));
      if (claim === null) return tries === 0 ? 'taken' : 'done';
      if (claim === 'busy') return claim;
      const startedAt = link.now();
      emit({ kind: 'run_started', claim, at: startedAt });
      const { end, tried } = await this.#try(claim, work);
      const at = link.now();
      // No retry is announced for what serve cancels at its end.
      const next = end.state === 'success' || end.state === 'cancelled' ? null : tried.again;
      const pause = next === null ? null : this.#pauseBefore(this.#due.tried + tries, at);
      const againAt = pause === null ? null : at + pause;
      const known = await this.#finish(claim, { ...end, againAt });
      emit({
        kind: 'run_ended',
        claim,
        at,
        seconds: (at - startedAt) / 1000,
        end: known ? end : { state: 'lost', reason: 'its lease was lost' },
        counts: tried.counts,
        againAt: known ? againAt : null,
        nextDue: this.#host.nextDue(this.#job, Math.max(at, this.#due.at)),
      });
      if (!known || next === null || pause === null) return 'done';
      await clock.sleep(pause, this.#over.signal);
      if (this.#drained) return 'done';
      work = next;
    }
  }

  /** Between attempts, keeps trying while the database is unavailable, so that a started due time is not abandoned. */
  async #claim(attempt: number): Promise<{ readonly value: Claim | 'busy' | null } | null> {
    const { clock, host } = this.#host;
    const isRetry = attempt > this.#due.attempt;
    for (;;) {
      // Concurrent runs could append rows twice: during the pause another host may have started a later due time.
      const claimed = await this.#ask((store) => store.claimAlone(this.#job.name, this.#due.at, attempt, host));
      if (!isRetry) return claimed;
      if (this.#drained) return claimed?.value === 'busy' ? null : claimed;
      if (claimed !== null && claimed.value !== 'busy') return claimed;
      await clock.sleep(AWAY_MS, this.#over.signal);
    }
  }

  /** @returns milliseconds; null: no further attempt */
  #pauseBefore(tries: number, now: Moment): number | null {
    const { times, backoffMs } = this.#job.retries;
    if (tries >= times) return null;
    // Jitter, so that hosts that failed together do not retry together.
    const pause = backoffMs * 2 ** Math.min(tries, 20) * (1 + this.#host.random() / 4);
    // If every due time counts, the next one waits. Otherwise it sees what a late retry would see.
    if (this.#job.catchUp === 'all') return pause;
    const next = this.#host.nextDue(this.#job, Math.max(this.#due.at, now - 1));
    return next !== null && now + pause >= next ? null : pause;
  }

  async #try(
    claim: Claim,
    work: (next: JobTry) => Promise<TryEnd>,
  ): Promise<{ readonly end: RunEnd; readonly tried: TryEnd }> {
    const { clock, history, leases, emit, durations } = this.#host;
    const trying = new AbortController();
    const { signal } = trying;
    this.#trying = trying;
    this.#why = null;
    signal.addEventListener('abort', () => emit({ kind: 'stopping', claim, why: this.#why ?? 'stopped' }));
    const ended = new AbortController();
    const { timeoutMs } = this.#job;
    if (timeoutMs !== null)
      void clock.sleep(timeoutMs, ended.signal).then(() => {
        if (!ended.signal.aborted) this.stop('timeout');
      });
    leases.hold(claim, () => this.stop('lost'));
    const next: JobTry = {
      job: this.#job,
      claim,
      signal,
      durations: durations(),
      made: async (madeOf) =>
        (await this.#ask((store) => madeBefore(store, claim, madeOf)))?.value ?? new Set<string>(),
      progress: {
        begun: (madeOf) => history.addBegin(claim.runId, madeOf),
        started: (node) => emit({ kind: 'node_started', claim, ...node }),
        ended(node) {
          history.addNode(node);
          emit({ kind: 'node_ended', claim, node });
        },
        measured(freshness) {
          history.addFreshness(freshness);
          emit({ kind: 'measured', freshness });
        },
      },
    };
    let tried: TryEnd;
    try {
      tried = await work(next);
    } catch (error) {
      const [reason = ''] = (error instanceof Error ? error.message : String(error)).trim().split('\n');
      tried = { state: 'failed', reason, project: null, counts: null, again: null };
    }
    ended.abort();
    this.#trying = null;
    leases.release(claim);
    return { end: this.#endOf(tried), tried };
  }

  /** A run that succeeded although it was told to stop counts as a success. */
  #endOf({ state, reason, project }: TryEnd): RunEnd {
    if (this.#why === null || state === 'success') return { state, reason, project };
    switch (this.#why) {
      case 'timeout':
        return { state: 'timeout', reason: `it took longer than ${seconds(this.#job.timeoutMs)}`, project };
      case 'lost':
        return { state: 'lost', reason: 'its lease was lost', project };
      default:
        return { state: 'cancelled', reason: 'serve was stopped', project };
    }
  }

  /** @returns null if the database does not respond, or hangs while serve ends */
  async #ask<T>(question: (store: Store) => Promise<T>): Promise<{ readonly value: T } | null> {
    const asked = await unlessAborted(this.#over.signal, this.#host.link.ask(question), LAST_MS);
    return asked?.value ?? null;
  }

  /** Records the end, however long it takes: a run without an end would block the job for the length of a lease. */
  async #finish(claim: Claim, end: RunEnd): Promise<boolean> {
    const { clock } = this.#host;
    const stopped = end.state === 'cancelled';
    for (let times = 1; ; times++) {
      const answer = await this.#ask((store) => store.finish(claim, end));
      if (answer !== null) return answer.value;
      // A process that is ending does not wait for the database: the lease expires.
      if (stopped || (this.#drained && times >= 3)) return true;
      await clock.sleep(AWAY_MS, this.#over.signal);
      if (this.#drained) await clock.sleep(200, new AbortController().signal);
    }
  }
}

/** How long a process that is ending waits for a response. */
const LAST_MS = 5000;
/** Pause before the database is queried again. */
const AWAY_MS = 2000;

function seconds(ms: number | null): string {
  return ms === null ? 'its limit' : `${ms / 1000} s`;
}
