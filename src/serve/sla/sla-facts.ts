// Collects the facts for SLAs: runs from the store, of which only new ones are read again, and measurements, taken no
// earlier than they can change the verdict. evaluate-sla.ts evaluates them.
import type { JobRun, Moment, NodeRun, Store } from '../store/serve-store.ts';
import { type Facts, type Measured, type PastRun, pastJobRun, pastNodeRun } from './evaluate-sla.ts';
import type { Promised, Verdict } from './sla-types.ts';

/** The part of the store that SLAs read. */
export type PromiseHistory = Pick<Store, 'now' | 'runs' | 'nodeHistory' | 'lastDue' | 'leftOut' | 'paused'>;

/** Measures freshness and lag now. Each failed measurement has its own error. */
export type Measure = (promises: readonly Promised[]) => Promise<ReadonlyMap<string, Measured>>;

/** The newest due time of a job that is not after the moment; null: there is none. */
export type DueBefore = (job: string, moment: Moment) => Moment | null;

/** Milliseconds between two checks. */
export const LOOK_MS = 10_000;
/** Maximum interval between measurements, and thus the maximum age of values on a page. */
const LONGEST_UNMEASURED_MS = 300_000;
/** Runs of all jobs read per check. */
const NEWEST = 200;
/** Runs of one job or node read at first. */
const MOST = 20_000;
/** Runs read if no SLA has a time window. */
const FEW = 150;
/** Runs of nodes are written after the end of their job's run. For this long they are searched. */
const WRITTEN_BEHIND_MS = 60_000;

export class FactFinder {
  readonly #history: PromiseHistory;
  readonly #measure: Measure;
  readonly #dueBefore: DueBefore;
  readonly #jobs = new Map<string, Map<string, JobRun>>();
  readonly #nodes = new Map<string, readonly NodeRun[]>();
  readonly #measured = new Map<string, Measured>();
  readonly #measureAt = new Map<string, Moment>();
  #known: ReadonlySet<string> = new Set();
  #changedAt: Moment | null = null;

  constructor(history: PromiseHistory, measure: Measure, dueBefore: DueBefore) {
    this.#history = history;
    this.#measure = measure;
    this.#dueBefore = dueBefore;
  }

  /** @returns the facts, and the keys of SLAs that were measured for them */
  async gather(promises: readonly Promised[]): Promise<{ readonly facts: Facts; readonly fresh: ReadonlySet<string> }> {
    const now = await this.#history.now();
    const fresh = await this.#measureDue(promises, now);
    const runs = await this.#runs(promises, now);
    const names = [...new Set(promises.filter(ofJob).map(({ subject }) => subject.id))];
    const dues = names.map((name) => [name, this.#dueBefore(name, now)] as const);
    return {
      fresh,
      facts: {
        now,
        measured: this.#measured,
        runs,
        claimed: names.length === 0 ? new Map() : await this.#claimed(dues),
        due: new Map(dues.flatMap(([name, due]) => (due === null ? [] : [[name, due] as const]))),
        paused: names.length === 0 ? new Set() : await this.#history.paused(),
      },
    };
  }

  /**
   * The newest due time of each job that was claimed, or skipped because the job was paused: it counts as started. One
   * that was skipped for another reason has not started.
   */
  async #claimed(dues: readonly (readonly [job: string, due: Moment | null])[]): Promise<ReadonlyMap<string, Moment>> {
    const claimed = new Map(await this.#history.lastDue());
    for (const [job, due] of dues) {
      const last = claimed.get(job);
      if (due === null || last === undefined || due <= last) continue;
      const leftOut = await this.#history.leftOut({ job, since: due, limit: NEWEST });
      for (const times of leftOut)
        if (times.why === 'paused') claimed.set(job, Math.max(times.last, claimed.get(job) ?? last));
    }
    return claimed;
  }

  /** Decides when an SLA is measured next. @param watched whether an incident of it is open or may open */
  plan({ promised, state, breaksAt }: Verdict, watched: boolean, now: Moment): void {
    const soon = now + LOOK_MS;
    const quiet = state === 'kept' && !watched && breaksAt !== null;
    const next = quiet ? Math.min(Math.max(breaksAt, soon), now + LONGEST_UNMEASURED_MS) : soon;
    this.#measureAt.set(promised.key, next);
  }

  async #measureDue(promises: readonly Promised[], now: Moment): Promise<ReadonlySet<string>> {
    const due = promises.filter((each) => isMeasured(each) && (this.#measureAt.get(each.key) ?? now) <= now);
    if (due.length === 0) return new Set();
    const found = await this.#measure(due);
    for (const { key } of due) this.#measured.set(key, found.get(key) ?? { kind: 'error', reason: 'was not measured' });
    return new Set(due.map(({ key }) => key));
  }

  async #runs(promises: readonly Promised[], now: Moment): Promise<ReadonlyMap<string, readonly PastRun[]>> {
    const read = promises.filter((each) => !isMeasured(each));
    const runs = new Map<string, readonly PastRun[]>();
    if (read.length === 0) return runs;
    await this.#readJobs(read.filter(ofJob), now);
    for (const [name, known] of this.#jobs)
      runs.set(
        name,
        [...known.values()].sort((a, b) => b.startedAt - a.startedAt || b.attempt - a.attempt).map(pastJobRun),
      );
    const nodes = read.filter((each) => !ofJob(each));
    const changed = this.#changedAt === null || now - this.#changedAt < WRITTEN_BEHIND_MS;
    for (const [id, of] of bySubject(nodes)) {
      const known = this.#nodes.get(id);
      if (known === undefined || changed) {
        const more = await this.#history.nodeHistory(id, known === undefined ? sizeOf(of) : FEW);
        this.#nodes.set(id, joined(more, known ?? [], now - windowOf(of)));
      }
      runs.set(id, (this.#nodes.get(id) ?? []).map(pastNodeRun));
    }
    if (this.#changedAt === null) this.#changedAt = now;
    return runs;
  }

  /** Needs one query for all jobs, as long as its result contains everything that changed since the last one. */
  async #readJobs(promises: readonly Promised[], now: Moment): Promise<void> {
    const newest = await this.#history.runs({ limit: NEWEST });
    const seen = new Set(newest.map(keyOf));
    const states = new Set(newest.map((run) => `${keyOf(run)} ${run.state}`));
    if ([...states].some((state) => !this.#known.has(state))) this.#changedAt = now;
    const gap = newest.length === NEWEST && ![...states].some((state) => this.#known.has(state));
    this.#known = states;
    for (const [name, of] of bySubject(promises)) {
      const known = this.#jobs.get(name);
      const stuck = [...(known?.values() ?? [])].some((run) => run.finishedAt === null && !seen.has(keyOf(run)));
      const all =
        known === undefined || gap || stuck
          ? await this.#history.runs({ job: name, limit: sizeOf(of) })
          : [...newest.filter(({ job }) => job === name), ...known.values()];
      const kept = new Map<string, JobRun>();
      const since = now - windowOf(of);
      for (const run of all) {
        if (kept.has(keyOf(run))) continue;
        if (kept.size < FEW || (run.finishedAt ?? now) > since) kept.set(keyOf(run), run);
      }
      this.#jobs.set(name, kept);
    }
  }
}

/** New rows before known ones, without duplicates. Except for the newest, only those in the window. */
function joined(newest: readonly NodeRun[], known: readonly NodeRun[], since: Moment): NodeRun[] {
  const all = new Map<string, NodeRun>();
  for (const run of [...newest, ...known]) if (!all.has(run.runId)) all.set(run.runId, run);
  return [...all.values()].filter((run, at) => at < FEW || run.startedAt > since);
}

function bySubject(promises: readonly Promised[]): ReadonlyMap<string, readonly Promised[]> {
  const found = new Map<string, Promised[]>();
  for (const each of promises) found.set(each.subject.id, [...(found.get(each.subject.id) ?? []), each]);
  return found;
}

function windowOf(promises: readonly Promised[]): number {
  return Math.max(
    0,
    ...promises.map(({ terms }) =>
      terms.kind === 'success' || (terms.kind === 'duration' && terms.percentile !== null) ? terms.overMs : 0,
    ),
  );
}

function sizeOf(promises: readonly Promised[]): number {
  return windowOf(promises) > 0 ? MOST : FEW;
}

function keyOf({ runId, attempt }: JobRun): string {
  return `${runId} ${attempt}`;
}

function ofJob({ subject }: Promised): boolean {
  return subject.kind === 'job';
}

/** Whether an SLA is measured in the database or by the loader, and not derived from runs. */
export function isMeasured({ terms }: Promised): boolean {
  return terms.kind === 'lag' || (terms.kind === 'freshness' && terms.by === 'rows');
}
