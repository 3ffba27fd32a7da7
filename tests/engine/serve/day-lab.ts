// A day of serve on a fake clock: hosts that die or are suspended, an unavailable store, runs that fail, hang or take
// long, all from a seed. Each run updates a mart, which must equal a full recompute.
import type { JobTry, TryEnd } from '../../../src/serve/job-runner.ts';
import type { Job } from '../../../src/serve/jobs/job.ts';
import { seeded } from '../support/seeded.ts';
import { bad, clockTime, GOOD, type Host, Lab, MINUTE } from './scheduler-lab.ts';

const SECOND = 1000;
/** The interval at which a row arrives in the source. */
const ROW_MS = 7 * SECOND;
/** Milliseconds before each full five minutes in which nothing fails, if each due time has to succeed. */
const LAST_MS = 150 * SECOND;

/** The possible faults, each with its probability. */
export interface Faults {
  /** Per try of a job. */
  readonly transient: number;
  readonly sql: number;
  readonly long: number;
  readonly hang: number;
  /** Per minute of the day. */
  readonly kill: number;
  readonly stop: number;
  readonly away: number;
  readonly jump: number;
  /** Only transient faults, early enough that a retry ends before the next due time. */
  readonly mild: boolean;
}

export const NONE: Faults = {
  transient: 0,
  sql: 0,
  long: 0,
  hang: 0,
  kill: 0,
  stop: 0,
  away: 0,
  jump: 0,
  mild: true,
};

/** The rows of the source in a mart. Each run appends from where the last one ended. */
interface Mart {
  readonly ids: number[];
}

interface LiveHost {
  readonly host: Host;
  /** Resolved while the process is running. */
  gate: Promise<void>;
  isStopped: boolean;
}

export class Day {
  readonly lab: Lab;
  readonly marts = new Map<string, Mart>();
  /** The number of faults per kind. */
  readonly happened = new Map<string, number>();
  /** Periods without a host that could have started a run, by the store's clock. */
  readonly outages: (readonly [from: number, to: number])[] = [];
  /** Runs that published concurrently with another run of their job, with the runs before and after them. */
  readonly overlaps: (readonly string[])[] = [];
  readonly #random: () => number;
  readonly #faults: Faults;
  readonly #hosts = new Map<string, LiveHost>();
  readonly #start: number;
  /** Faults per due time: more would exhaust its tries. */
  readonly #hurt = new Map<string, number>();
  #names = 0;

  constructor(start: string, jobs: readonly Job[], faults: Faults, seed: number) {
    this.lab = new Lab(start, jobs);
    this.#start = this.lab.clock.now();
    this.#faults = faults;
    this.#random = seeded(seed);
    this.lab.play = (attempt) => this.#play(attempt);
  }

  /** @param hosts how many share the store */
  async run(hours: number, hosts: number): Promise<void> {
    for (let i = 0; i < hosts; i++) this.#begin();
    for (let minute = 0; minute < hours * 60; minute++) {
      await this.lab.pass(MINUTE);
      this.#trouble();
    }
    // Completes what was begun or lost.
    this.lab.away = false;
    this.#faultsOver = true;
    await this.lab.pass(12 * MINUTE);
    const live = [...this.#hosts.values()];
    for (const { host } of live) host.drain();
    await this.lab.clock.finish(Promise.all(live.map(({ host }) => host.ended)));
  }

  #faultsOver = false;

  /** Returns the number of rows that had arrived in the source at a time of the day. */
  rowsAt(moment: number): number {
    return Math.max(0, Math.floor((moment - this.#start) / ROW_MS));
  }

  #chance(share: number): boolean {
    return this.#random() < share;
  }

  #note(what: string): void {
    this.happened.set(what, (this.happened.get(what) ?? 0) + 1);
  }

  #begin(): void {
    const name = `host ${++this.#names}`;
    const live: LiveHost = {
      gate: Promise.resolve(),
      isStopped: false,
      host: this.lab.host(name, { gate: () => this.#hosts.get(name)?.gate ?? live.gate }),
    };
    this.#hosts.set(name, live);
  }

  #trouble(): void {
    const { kill, stop, away, jump } = this.#faults;
    const { lab } = this;
    const up = [...this.#hosts].filter(([, { isStopped }]) => !isStopped);
    const victim = up[Math.floor(this.#random() * up.length)];
    if (victim !== undefined && this.#chance(kill)) {
      this.#note('kill');
      const [name, live] = victim;
      live.gate = new Promise(() => undefined);
      this.#hosts.delete(name);
      // A dead process never continues.
      this.#outage(3 * MINUTE);
      setLater(lab, this.#random() * 2 * MINUTE, () => this.#begin());
    } else if (victim !== undefined && this.#chance(stop)) {
      this.#note('stop');
      const [, live] = victim;
      const ms = (5 + this.#random() * 115) * SECOND;
      let goOn = (): void => undefined;
      live.isStopped = true;
      live.gate = new Promise((resolve) => {
        goOn = resolve;
      });
      this.#outage(ms + MINUTE);
      setLater(lab, ms, () => {
        live.isStopped = false;
        goOn();
      });
    }
    if (!lab.away && this.#chance(away)) {
      this.#note('away');
      const ms = (5 + this.#random() * (this.#faults.mild ? 40 : 900)) * SECOND;
      lab.away = true;
      this.#outage(ms + MINUTE);
      setLater(lab, ms, () => {
        lab.away = false;
      });
    }
    if (this.#chance(jump)) {
      this.#note('jump');
      const to = (this.#random() - 0.5) * 120 * MINUTE;
      this.outages.push([
        lab.clock.now() + Math.min(lab.skew, to) - 2 * MINUTE,
        lab.clock.now() + Math.max(lab.skew, to) + 2 * MINUTE,
      ]);
      lab.skew = to;
    }
  }

  #outage(ms: number): void {
    const now = this.lab.clock.now() + this.lab.skew;
    this.outages.push([now - MINUTE, now + ms]);
  }

  async #play(attempt: JobTry): Promise<TryEnd> {
    const { claim, job, signal } = attempt;
    const { transient, sql, long, hang, mild } = this.#faults;
    const { lab } = this;
    const live = this.#hosts.get(claim.host);
    const sleep = async (ms: number): Promise<void> => {
      await lab.clock.sleep(ms, signal);
      await live?.gate;
    };
    const again = (next: JobTry): Promise<TryEnd> => this.#play(next);
    const key = `${job.name} ${claim.dueAt}`;
    const period = 5 * MINUTE;
    const isLate = mild && period - ((lab.clock.now() + lab.skew) % period) < LAST_MS;
    const mayFail = !this.#faultsOver && !isLate && (!mild || (this.#hurt.get(key) ?? 0) < 2);
    const hurt = (what: string): boolean => {
      this.#note(what);
      this.#hurt.set(key, (this.#hurt.get(key) ?? 0) + 1);
      return true;
    };
    // An incremental run reads the position of the mart, then the source, and publishes after its work.
    let mart = this.marts.get(job.name);
    if (mart === undefined) this.marts.set(job.name, (mart = { ids: [] }));
    const startedHere = lab.clock.now();
    const from = mart.ids.at(-1) ?? 0;
    const to = this.rowsAt(lab.clock.now());
    await sleep((1 + this.#random() * 20) * SECOND);
    if (mayFail && this.#chance(transient) && hurt('transient')) return bad('deadlock detected', again);
    if (mayFail && this.#chance(sql) && hurt('sql')) return bad('division by zero');
    if (mayFail && this.#chance(hang) && hurt('hang')) await sleep(1e9);
    else if (mayFail && this.#chance(long) && hurt('long')) await sleep(this.#random() * 14 * MINUTE);
    if (signal.aborted) return bad('canceled', again);
    // Like the fence: a run whose lease was lost does not publish.
    if (lab.data.runs.get(claim.runId)?.state !== 'running') return bad('its lease is lost');
    if ((mart.ids.at(-1) ?? 0) !== from) {
      const runs = (await lab.runs(job.name)).filter(({ startedAt }) => startedAt > startedHere - 20 * MINUTE);
      this.overlaps.push([
        `${key} ${claim.attempt} ${claim.host}`,
        ...runs.map(
          (run) =>
            `${clockTime(run.dueAt)} ${run.attempt} ${run.host} ${clockTime(run.startedAt)} to ` +
            `${run.finishedAt === null ? '' : clockTime(run.finishedAt)} ${run.state}`,
        ),
      ]);
    }
    for (let id = from + 1; id <= to; id++) mart.ids.push(id);
    return GOOD;
  }
}

function setLater(lab: Lab, ms: number, work: () => void): void {
  void lab.clock.sleep(ms, new AbortController().signal).then(work);
}
