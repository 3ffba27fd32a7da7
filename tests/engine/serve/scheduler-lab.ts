// Hosts that serve jobs on one store and one fake clock, with a runner whose tries end as the test decides.
import type { JobRunner, JobTry, Mark, TryEnd } from '../../../src/serve/job-runner.ts';
import type { Job } from '../../../src/serve/jobs/job.ts';
import { type LiveJob, Scheduler } from '../../../src/serve/scheduler.ts';
import type { ServeEvent } from '../../../src/serve/serve-events.ts';
import { MemoryData, MemoryStore } from './memory-store.ts';
import type { JobRun, Store } from '../../../src/serve/store/serve-store.ts';
import { duePlan, nextDue } from '../../../src/serve/jobs/schedule.ts';
import { FakeClock } from './fake-clock.ts';
import { job } from './job.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export const loadJob = (name: string): Job =>
  job(name, { work: { kind: 'load', select: ['source:raw.*'], exclude: [] }, timing: { kind: 'resident' } });

export const GOOD: TryEnd = { state: 'success', reason: null, project: null, counts: null, again: null };
export const bad = (reason: string, again: TryEnd['again'] = null): TryEnd => ({
  ...GOOD,
  state: 'failed',
  reason,
  again,
});

/** How a try ends: at once, or after some time unless it is aborted. */
export type Play = (attempt: JobTry, lab: Lab) => Promise<TryEnd> | TryEnd;

export class Lab {
  readonly clock: FakeClock;
  readonly data = new MemoryData();
  readonly events: ServeEvent[] = [];
  /** Started due times and attempts: `fast 12:05 1`. */
  readonly begun: string[] = [];
  jobs: readonly Job[];
  play: Play = () => GOOD;
  marks = new Map<string, string>();
  /** The reason why sources cannot be read, by job. */
  readonly unread = new Map<string, string>();
  load: (work: { readonly job: Job; readonly signal: AbortSignal }) => Promise<void> = async ({ signal }) => {
    await this.clock.sleep(1e12, signal);
  };
  /** While it is true, the store throws. */
  away = false;
  /** Added to the clock of the store. */
  skew = 0;

  constructor(start: string, jobs: readonly Job[]) {
    this.clock = new FakeClock(Date.parse(start));
    this.jobs = jobs;
  }

  get store(): Store {
    return new MemoryStore({ now: () => this.clock.now() + this.skew, data: this.data });
  }

  /** Starts a host. @param options `gate`: what its process waits for after each wait, while it is stopped */
  host(name = 'a', options: { readonly away?: () => boolean; readonly gate?: () => Promise<void> } = {}): Host {
    return new Host(this, name, options.away ?? (() => this.away), options.gate ?? (async () => undefined));
  }

  async pass(ms: number): Promise<void> {
    await this.clock.pass(this.clock.now() + ms);
  }

  /** Waits like a running node. @returns whether it was cancelled */
  async work(ms: number, { signal }: JobTry): Promise<boolean> {
    await this.clock.sleep(ms, signal);
    return signal.aborted;
  }

  async runs(name?: string): Promise<readonly JobRun[]> {
    const found = await this.store.runs({ ...(name === undefined ? {} : { job: name }), limit: 100_000 });
    return [...found].sort((a, b) => a.startedAt - b.startedAt || a.dueAt - b.dueAt || a.attempt - b.attempt);
  }

  /** `12:05 1 success`, in the order of their starts. */
  async told(name?: string): Promise<string[]> {
    return (await this.runs(name)).map((run) => `${clockTime(run.dueAt)} ${run.attempt} ${run.state}`);
  }

  /** `fast 12:05 to 12:10, 2 paused`, oldest first. */
  async leftOut(): Promise<string[]> {
    const found = await this.store.leftOut({ limit: 100_000 });
    return [...found]
      .reverse()
      .map(
        ({ job: name, first, last, count, why }) =>
          `${name} ${clockTime(first)} to ${clockTime(last)}, ${count} ${why}`,
      );
  }

  kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }
}

export class Host {
  readonly #drain = new AbortController();
  readonly #stop = new AbortController();
  readonly #scheduler: Scheduler;
  readonly ended: Promise<void>;

  constructor(lab: Lab, name: string, away: () => boolean, gate: () => Promise<void>) {
    const runner: JobRunner = {
      async run(attempt) {
        lab.begun.push(`${attempt.job.name} ${clockTime(attempt.claim.dueAt)} ${attempt.claim.attempt}`);
        return lab.play(attempt, lab);
      },
      load: (work) => lab.load(work),
      marks: async () => {
        const told = [...lab.marks].map(([name, mark]) => [name, { mark }] as const);
        const unread = away() ? lab.jobs.map(({ name: each }) => [each, 'no database'] as const) : [...lab.unread];
        return new Map<string, Mark>([...told, ...unread.map(([each, why]) => [each, { unread: why }] as const)]);
      },
    };
    this.#scheduler = new Scheduler({
      jobs: () => lab.jobs,
      schedule: {
        next: ({ timing }, after) => nextDue(timing, after),
        due: duePlan,
      },
      store: faulty(lab.store, away, gate),
      clock: {
        now: () => lab.clock.now(),
        async sleep(ms, signal) {
          await lab.clock.sleep(ms, signal);
          await gate();
        },
      },
      runner,
      host: name,
      drain: this.#drain.signal,
      stop: this.#stop.signal,
      emit: (event) => lab.events.push(event),
      random: () => 0,
      historyMs: () => 90 * 24 * HOUR,
    });
    this.ended = this.#scheduler.run();
  }

  live(): LiveJob[] {
    return this.#scheduler.live();
  }

  drain(): void {
    this.#drain.abort();
  }

  cancel(): void {
    this.#stop.abort();
  }
}

/** A store that throws while the database is unavailable. */
function faulty(store: Store, away: () => boolean, gate: () => Promise<void>): Store {
  return new Proxy(store, {
    get(target, name, receiver) {
      const member: unknown = Reflect.get(target, name, receiver);
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]) => {
        await gate();
        if (away()) throw new Error('connection refused\nat the server');
        const answer: unknown = await Reflect.apply(member, target, args);
        await gate();
        return answer;
      };
    },
  });
}

/** `12:05`, with seconds and milliseconds where there are some. */
export function clockTime(ms: number): string {
  return new Date(ms)
    .toISOString()
    .slice(11, 23)
    .replace(/(:00)?\.000$/, '');
}
