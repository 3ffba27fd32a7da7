// A job that runs continuously: its loaders are started, and restarted when they end, with growing pauses. One host
// runs it; the others check whether it is free.
import { unlessAborted } from '../within.ts';
import type { Clock } from './clock.ts';
import type { Job } from './jobs/job.ts';
import type { JobRunner } from './job-runner.ts';
import type { Leases } from './lease-heartbeat.ts';
import type { Emit } from './serve-events.ts';
import type { Claim, Moment, RunEnd } from './store/serve-store.ts';
import type { StoreLink } from './store-link.ts';

const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [1000, 60_000];
/** Loaders that ran this long have recovered. */
const RECOVERED_MS = 300_000;
/** How long a process that is ending waits for a response. */
const LAST_MS = 5000;
/** Interval between checks whether another host has released it. */
const LOOK_MS = 5000;

export interface ResidentHost {
  readonly host: string;
  readonly link: StoreLink;
  readonly clock: Clock;
  readonly runner: Pick<JobRunner, 'load'>;
  readonly leases: Leases;
  readonly emit: Emit;
  readonly isPaused: (job: string) => boolean;
}

export class Resident {
  readonly job: Job;
  readonly #host: ResidentHost;
  readonly #over = new AbortController();
  #loading: AbortController | null = null;
  #holder: string | null = null;
  #startedAt: Moment | null = null;

  constructor(job: Job, host: ResidentHost) {
    this.job = job;
    this.#host = host;
  }

  /** Since when it loads on this host; null: it does not. */
  get startedAt(): Moment | null {
    return this.#startedAt;
  }

  stop(): void {
    this.#over.abort();
    this.#loading?.abort();
  }

  /** Ends the loaders if the job was paused. */
  look(): void {
    if (this.#host.isPaused(this.job.name)) this.#loading?.abort();
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    const { clock, emit, isPaused } = this.#host;
    const { name } = this.job;
    const { signal } = this.#over;
    let failures = 0;
    while (!signal.aborted) {
      const claim = isPaused(name) ? null : await this.#claim();
      if (claim === null) {
        await clock.sleep(LOOK_MS, signal);
        continue;
      }
      const began = clock.now();
      const reason = await this.#load(claim);
      if (signal.aborted || reason === null) continue;
      if (clock.now() - began >= RECOVERED_MS) failures = 0;
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures++, 10));
      emit({ kind: 'loader_ended', job: name, reason, againMs: pause });
      await clock.sleep(pause, signal);
    }
  }

  /** The due time is the moment after the last run, so that two hosts that claim at once claim the same. */
  async #claim(): Promise<Claim | null> {
    const { link, host, emit } = this.#host;
    const { name } = this.job;
    const question = link.ask(async (store) => {
      const [running] = await store.runs({ job: name, states: ['running'], limit: 1 });
      if (running !== undefined) return running.host;
      // If the database's clock was set back, the run that started last may not be the one claimed last.
      const [last] = await store.runs({ job: name, limit: 1 });
      const due = (await store.lastDue()).get(name);
      const free = last === undefined ? 0 : Math.max(due ?? 0, last.dueAt, last.finishedAt ?? last.startedAt) + 1;
      const claimed = await store.claimAlone(name, free, 1, host);
      return claimed === 'busy' ? null : claimed;
    });
    const answer = await unlessAborted(this.#over.signal, question);
    const taken = answer?.value?.value ?? null;
    if (typeof taken !== 'string') {
      if (taken !== null) this.#holder = null;
      return taken;
    }
    if (taken !== this.#holder && taken !== host) emit({ kind: 'loader_taken', job: name, by: taken });
    this.#holder = taken;
    return null;
  }

  /** @returns why it ended by itself; null: it was stopped */
  async #load(claim: Claim): Promise<string | null> {
    const { link, clock, leases, runner, emit } = this.#host;
    const loading = new AbortController();
    this.#loading = loading;
    if (this.#over.signal.aborted || this.#host.isPaused(this.job.name)) loading.abort();
    this.#startedAt = link.now();
    emit({ kind: 'run_started', claim, at: this.#startedAt });
    leases.hold(claim, () => loading.abort());
    let reason: string | null = null;
    try {
      await runner.load({ job: this.job, claim, signal: loading.signal });
      if (!loading.signal.aborted) reason = 'it ended by itself';
    } catch (error) {
      const [line = ''] = (error instanceof Error ? error.message : String(error)).trim().split('\n');
      if (!loading.signal.aborted) reason = line;
    }
    leases.release(claim);
    this.#loading = null;
    const seconds = (link.now() - this.#startedAt) / 1000;
    this.#startedAt = null;
    const end: RunEnd =
      reason === null ? { state: 'success', reason: null, project: null } : { state: 'failed', reason, project: null };
    // A lease that is not released expires, and the next claim waits for that.
    for (let times = 0; times < 3; times++) {
      const answer = link.ask((store) => store.finish(claim, end));
      if ((await unlessAborted(this.#over.signal, answer, LAST_MS))?.value != null) break;
      await clock.sleep(LOOK_MS, this.#over.signal);
    }
    emit({
      kind: 'run_ended',
      claim,
      at: link.now(),
      seconds,
      end,
      counts: null,
      againAt: null,
      nextDue: null,
    });
    return reason;
  }
}
