// State of serve that is not in the database: jobs with their next times, current runs, logs of their nodes. Bounded in
// memory. The scheduler and its runner update it; the HTTP server and the metrics read it and receive changes.
import type { Job } from './jobs/job.ts';
import type { Claim, FreshnessRun, Moment, NodeRun, RunEnd } from './store/serve-store.ts';

/** The current state of a job. */
export interface JobState {
  readonly job: Job;
  /** null: it is not due by time, or it is paused. */
  readonly nextAt: Moment | null;
  readonly paused: boolean;
  /** Why it is unknown whether rows have arrived for it; null: no problem. */
  readonly unread: string | null;
}

/** A table that a resident loader fills. */
export interface LoaderState {
  readonly table: string;
  readonly topic: string;
  readonly ok: boolean;
  readonly paused: boolean;
  /** Why it makes no progress. Empty while it does. */
  readonly reasons: readonly string[];
  /** Decimal digits, because offsets have 64 bits. */
  readonly lag_rows: string;
  readonly lag_seconds: number | null;
  /** Bytes of the source's log that the replication slot keeps; null: there is none, or it is unknown. */
  readonly slot_retained_bytes: number | null;
}

/** The current state of an SLA of `meta.tsdbt.sla`. */
export interface PromiseState {
  /** unique_id, or the job's name. */
  readonly subject: string;
  /** The kind of SLA: `freshness`, `success rate`, `duration`. */
  readonly promise: string;
  /** In words: `at most 15 minutes`. */
  readonly limit: string;
  /** In words: `4 minutes`; null: not known yet. */
  readonly value: string | null;
  readonly state: 'kept' | 'breaking' | 'broken' | 'unknown';
  /** Start of the open incident; null: none is open. */
  readonly since: Moment | null;
  readonly owner: string | null;
  /** The open incident, with its current reason; null: none is open. */
  readonly incident: { readonly id: string; readonly reason: string } | null;
}

/** First failing rows of a test, as text. */
export interface FailingRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** A node of a run that is running or has just ended. */
export interface LiveNode {
  readonly uniqueId: string;
  readonly thread: string;
  readonly startedAt: Moment;
  /** null: it is running. */
  readonly ended: NodeRun | null;
}

export interface LiveRun {
  readonly claim: Claim;
  readonly startedAt: Moment;
  /** Time of the last lease renewal. */
  readonly heartbeatAt: Moment;
  /** Number of nodes in the run; null: not known yet. */
  readonly total: number | null;
  /** null: it is running. */
  readonly end: RunEnd | null;
  /** In the order of their starts. */
  readonly nodes: readonly LiveNode[];
}

export type Change =
  | { readonly kind: 'jobs' }
  | { readonly kind: 'started'; readonly claim: Claim; readonly at: Moment }
  | { readonly kind: 'total'; readonly runId: string; readonly total: number }
  | { readonly kind: 'node'; readonly runId: string; readonly node: LiveNode }
  | { readonly kind: 'line'; readonly runId: string; readonly uniqueId: string; readonly line: string }
  /** The number of due times of a job that are skipped. */
  | { readonly kind: 'left_out'; readonly job: string; readonly count: number }
  | { readonly kind: 'freshness'; readonly rows: readonly FreshnessRun[] }
  | {
      readonly kind: 'ended';
      readonly claim: Claim;
      readonly end: RunEnd;
      readonly startedAt: Moment;
      readonly at: Moment;
    };

/** What the HTTP server and the metrics read. */
export interface Live {
  readonly host: string;
  /** Name of the dbt project. */
  readonly project: string;
  readonly version: string;
  readonly runs: LiveRuns;
  now(): Moment;
  /** Time of the last iteration of the scheduler's loop; null: none yet. */
  lastTurn(): Moment | null;
  /** Why no job can run now: the database is unavailable. Empty: no problem, or the last valid project runs. */
  notReady(): readonly string[];
  jobs(): readonly JobState[];
  /** Nodes and sources of the current project, by unique_id. Others get no metrics. null: not known */
  nodes(): ReadonlySet<string> | null;
  loaders(): readonly LoaderState[];
  /** Prometheus texts of the loaders in this process. */
  loaderMetrics(): readonly string[];
  promises(): Promise<readonly PromiseState[]>;
}

interface Kept {
  claim: Claim;
  startedAt: Moment;
  heartbeatAt: Moment;
  total: number | null;
  end: RunEnd | null;
  readonly nodes: Map<string, LiveNode>;
  readonly lines: Map<string, string[]>;
  readonly rows: Map<string, FailingRows>;
}

/** Ended runs whose logs are kept, in addition to the newest run and the newest unsuccessful runs of each job. */
const ENDED = 20;
const BAD = 3;
/** Number of last log lines kept per node. */
const LINES = 400;
const LINE_LENGTH = 4000;
const ROWS = 20;

/** Current runs of this host. Calls for unknown runs have no effect. */
export class LiveRuns {
  readonly #runs = new Map<string, Kept>();
  readonly #watchers = new Set<(change: Change) => void>();

  started(claim: Claim, at: Moment): void {
    this.#runs.set(claim.runId, {
      claim,
      startedAt: at,
      heartbeatAt: at,
      total: null,
      end: null,
      nodes: new Map(),
      lines: new Map(),
      rows: new Map(),
    });
    this.#tell({ kind: 'started', claim, at });
  }

  total(runId: string, total: number): void {
    const run = this.#runs.get(runId);
    if (run === undefined) return;
    run.total = total;
    this.#tell({ kind: 'total', runId, total });
  }

  heartbeat(runId: string, at: Moment): void {
    const run = this.#runs.get(runId);
    if (run !== undefined) run.heartbeatAt = at;
  }

  nodeStarted(runId: string, uniqueId: string, thread: string, at: Moment): void {
    this.#node(runId, { uniqueId, thread, startedAt: at, ended: null });
  }

  nodeFinished(record: NodeRun): void {
    const { runId, uniqueId, thread, startedAt } = record;
    this.#node(runId, { uniqueId, thread, startedAt, ended: record });
  }

  /** Adds a line to a node's log, without colours, with secrets masked. */
  line(runId: string, uniqueId: string, text: string): void {
    const run = this.#runs.get(runId);
    if (run === undefined) return;
    const lines = run.lines.get(uniqueId) ?? [];
    run.lines.set(uniqueId, lines);
    const line = text.length > LINE_LENGTH ? `${text.slice(0, LINE_LENGTH)} …` : text;
    lines.push(line);
    if (lines.length > LINES) lines.shift();
    this.#tell({ kind: 'line', runId, uniqueId, line });
  }

  /** Sets the first failing rows of a test. */
  failing(runId: string, uniqueId: string, { columns, rows }: FailingRows): void {
    this.#runs.get(runId)?.rows.set(uniqueId, { columns, rows: rows.slice(0, ROWS) });
  }

  freshness(rows: readonly FreshnessRun[]): void {
    this.#tell({ kind: 'freshness', rows });
  }

  leftOut(job: string, count: number): void {
    this.#tell({ kind: 'left_out', job, count });
  }

  /** Times of jobs have changed, or a job was paused or resumed. */
  jobsChanged(): void {
    this.#tell({ kind: 'jobs' });
  }

  ended(claim: Claim, end: RunEnd, at: Moment): void {
    const run = this.#runs.get(claim.runId);
    if (run !== undefined) {
      run.end = end;
      // The map is ordered by start. Ended runs are moved to its end.
      this.#runs.delete(claim.runId);
      this.#runs.set(claim.runId, run);
      this.#forget();
    }
    this.#tell({ kind: 'ended', claim, end, startedAt: run?.startedAt ?? at, at });
  }

  /** Runs that have not ended. */
  running(): readonly LiveRun[] {
    return [...this.#runs.values()].filter(({ end }) => end === null).map(shown);
  }

  /** @returns null: not a run of this host, or too old */
  run(runId: string): LiveRun | null {
    const run = this.#runs.get(runId);
    return run === undefined ? null : shown(run);
  }

  /** @returns the last lines of a node; null: none are kept */
  log(runId: string, uniqueId: string): readonly string[] | null {
    return this.#runs.get(runId)?.lines.get(uniqueId) ?? null;
  }

  /** @returns null: none are kept */
  failingRows(runId: string, uniqueId: string): FailingRows | null {
    return this.#runs.get(runId)?.rows.get(uniqueId) ?? null;
  }

  /** Adds a watcher, which must not throw. @returns a function that removes it */
  watch(watcher: (change: Change) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Runs every few seconds must not displace a failed run that a user wants to inspect. */
  #forget(): void {
    const over = [...this.#runs.values()].filter(({ end }) => end !== null).reverse();
    const seen = new Map<string, { all: number; bad: number }>();
    for (const [i, { claim, end }] of over.entries()) {
      const of = seen.get(claim.job) ?? { all: 0, bad: 0 };
      seen.set(claim.job, of);
      const isBad = end?.state !== 'success';
      of.all += 1;
      if (isBad) of.bad += 1;
      if (i >= ENDED && of.all > 1 && !(isBad && of.bad <= BAD)) this.#runs.delete(claim.runId);
    }
  }

  #node(runId: string, node: LiveNode): void {
    const run = this.#runs.get(runId);
    if (run === undefined) return;
    run.nodes.set(node.uniqueId, node);
    this.#tell({ kind: 'node', runId, node });
  }

  #tell(change: Change): void {
    for (const watcher of this.#watchers) watcher(change);
  }
}

function shown({ claim, startedAt, heartbeatAt, total, end, nodes }: Kept): LiveRun {
  return { claim, startedAt, heartbeatAt, total, end, nodes: [...nodes.values()] };
}
