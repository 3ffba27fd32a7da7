// Metrics of jobs and nodes as Prometheus text: counted from events on this host, completed from the history of all
// hosts. Nine families. The label is `job_name`, because Prometheus calls its own targets `job`.
import { family, histogram, type Sample } from '../../http/metrics-text.ts';
import type { Job } from '../jobs/job.ts';
import type { Change, Live } from '../live-state.ts';
import type { Claim, FreshnessRun, Moment, NodeRun, RunEnd, Store } from '../store/serve-store.ts';

/** Upper bounds of a job's duration, in seconds. */
const BUCKETS = [1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];
/** Every counter starts at 0, because Prometheus sees no increase to the first value of a series. */
const ENDS: readonly RunEnd['state'][] = ['success', 'failed', 'timeout', 'lost', 'skipped', 'cancelled'];
const BUILT = /^(model|seed|snapshot)\./;

interface Counted {
  lastSuccess: Moment | null;
  slip: number | null;
  runs: number;
  seconds: number;
  readonly buckets: number[];
  readonly ends: Map<RunEnd['state'], number>;
  /** The newest run read from the history. */
  read: string | null;
}

interface Measured {
  startedAt: Moment;
  seconds: number;
  rows: number | null;
  failures: number | null;
  /** End of the last successful run, or start of one that found nothing to build. */
  builtAt: Moment | null;
  job: string | null;
}

export class RunMetrics {
  readonly #live: Live;
  readonly #jobs = new Map<string, Counted>();
  readonly #nodes = new Map<string, Measured>();
  /** Time of the newest row of each source. */
  readonly #loaded = new Map<string, Moment>();

  constructor(live: Live) {
    this.#live = live;
  }

  observe(change: Change): void {
    if (change.kind === 'started') this.#started(change.claim, change.at);
    else if (change.kind === 'node' && change.node.ended !== null)
      this.#node(change.node.ended, this.#live.runs.run(change.runId)?.claim.job ?? null);
    else if (change.kind === 'freshness') this.#freshness(change.rows);
    else if (change.kind === 'left_out') this.#leftOut(change.job, change.count);
    else if (change.kind === 'ended') this.#ended(change.claim, change.end, change.startedAt, change.at);
  }

  /**
   * Reads what other hosts did, and this one before it was started: the last run and the last successful run of each
   * job.
   * @throws errors of the store
   */
  async read(store: Store): Promise<void> {
    this.#freshness(await store.freshness());
    for (const { job } of this.#live.jobs()) {
      const counted = this.#counted(job.name);
      // A resident job has neither due times nor a meaningful end. Its loaders have separate metrics.
      if (job.timing.kind === 'resident') continue;
      const [last] = await store.runs({ job: job.name, states: ['success', 'failed', 'timeout'], limit: 1 });
      if (last === undefined || last.runId === counted.read) continue;
      counted.read = last.runId;
      counted.slip ??= (last.startedAt - last.dueAt) / 1000;
      const [good] =
        last.state === 'success' ? [last] : await store.runs({ job: job.name, states: ['success'], limit: 1 });
      if (good?.finishedAt != null) counted.lastSuccess = Math.max(counted.lastSuccess ?? 0, good.finishedAt);
      for (const run of good === undefined || good === last ? [last] : [good, last])
        for (const node of await store.nodes(run.runId)) this.#node(node, job.name);
    }
  }

  /** Returns Prometheus' text format 0.0.4. */
  text(): string {
    const now = this.#live.now();
    const named = new Set(this.#live.jobs().map(({ job }) => job.name));
    for (const name of named) this.#counted(name);
    const known = this.#live.nodes();
    const jobs = [...this.#jobs].filter(([job]) => named.has(job));
    const nodes = [...this.#nodes].filter(([node]) => known?.has(node) !== false);
    const loaded = [...this.#loaded].filter(([node]) => known?.has(node) !== false);
    const ofJob = (value: (counted: Counted) => number | null): Sample[] =>
      jobs.flatMap(([job, counted]) => sample({ job_name: job }, value(counted)));
    const ofNode = (value: (measured: Measured) => number | null): Sample[] =>
      nodes.flatMap(([node, measured]) => sample({ node }, value(measured)));
    const seconds = (moment: Moment | null): number | null => (moment === null ? null : moment / 1000);
    const age = (moment: Moment | null): number | null => (moment === null ? null : Math.max(0, now - moment) / 1000);
    const lines = [
      family(
        'tsdbt_job_last_success_timestamp_seconds',
        'gauge',
        'When the last good run of the job ended.',
        ofJob(({ lastSuccess }) => seconds(lastSuccess)),
      ),
      family(
        'tsdbt_job_duration_seconds',
        'histogram',
        'Time of a run of the job.',
        jobs.flatMap(([job, c]) =>
          c.runs === 0 ? [] : histogram({ job_name: job }, BUCKETS, c.buckets, c.runs, c.seconds),
        ),
      ),
      family(
        'tsdbt_job_slip_seconds',
        'gauge',
        'How long after its due time the last run started.',
        ofJob(({ slip }) => slip),
      ),
      family(
        'tsdbt_job_runs_total',
        'counter',
        'Runs of the job that ended on this host, and due times that this host left out (skipped).',
        jobs.flatMap(([job, { ends }]) =>
          [...ends].map(([status, value]) => ({ labels: { job_name: job, status }, value })),
        ),
      ),
      family(
        'tsdbt_node_duration_seconds',
        'gauge',
        'Time of the last run of the node.',
        ofNode(({ seconds: last }) => last),
      ),
      family(
        'tsdbt_node_rows',
        'gauge',
        'Rows that the last run of the node changed, by the answer of the database.',
        ofNode(({ rows }) => rows),
      ),
      family('tsdbt_model_staleness_seconds', 'gauge', 'Age of the last good run; of a source, of its newest row.', [
        ...ofNode(({ builtAt }) => age(builtAt)),
        ...loaded.flatMap(([node, at]) => sample({ node }, age(at))),
      ]),
      family(
        'tsdbt_test_failures',
        'gauge',
        'Failing rows of the last run of the test.',
        ofNode(({ failures }) => failures),
      ),
      family(
        'tsdbt_lease_age_seconds',
        'gauge',
        'Time since the lease of a run that goes on was renewed.',
        leases(this.#live).map(([job, at]) => ({ labels: { job_name: job }, value: age(at) ?? 0 })),
      ),
    ];
    return `${lines.flat().join('\n')}\n`;
  }

  #started({ job, dueAt }: Claim, at: Moment): void {
    if (!this.#isResident(job)) this.#counted(job).slip = Math.max(0, at - dueAt) / 1000;
  }

  #isResident(name: string): boolean {
    return this.#live.jobs().some(({ job }) => job.name === name && job.timing.kind === 'resident');
  }

  #ended({ job }: Claim, { state }: RunEnd, startedAt: Moment, at: Moment): void {
    const counted = this.#counted(job);
    counted.ends.set(state, (counted.ends.get(state) ?? 0) + 1);
    if (state === 'success' && !this.#isResident(job)) counted.lastSuccess = at;
    if (state === 'skipped') return;
    if (state === 'success' && this.#live.jobs().some((each) => each.job.name === job && isLazy(each.job)))
      for (const node of this.#nodes.values())
        if (node.job === job && node.builtAt !== null) node.builtAt = Math.max(node.builtAt, startedAt);
    const seconds = (at - startedAt) / 1000;
    counted.runs++;
    counted.seconds += seconds;
    for (const [i, bound] of BUCKETS.entries())
      if (seconds <= bound) counted.buckets[i] = (counted.buckets[i] ?? 0) + 1;
  }

  #leftOut(job: string, count: number): void {
    const { ends } = this.#counted(job);
    ends.set('skipped', (ends.get('skipped') ?? 0) + count);
  }

  #node({ uniqueId, status, startedAt, seconds, rows, failures }: NodeRun, job: string | null): void {
    const before = this.#nodes.get(uniqueId);
    // A skipped node did nothing.
    if (status === 'skipped' || (before !== undefined && before.startedAt > startedAt)) return;
    const built = BUILT.test(uniqueId) && status === 'success';
    const builtAt = built ? startedAt + seconds * 1000 : (before?.builtAt ?? null);
    this.#nodes.set(uniqueId, { startedAt, seconds, rows, failures, builtAt, job });
  }

  #freshness(rows: readonly FreshnessRun[]): void {
    for (const { uniqueId, maxLoadedAt } of rows) if (maxLoadedAt !== null) this.#loaded.set(uniqueId, maxLoadedAt);
  }

  #counted(job: string): Counted {
    const found = this.#jobs.get(job) ?? {
      lastSuccess: null,
      slip: null,
      runs: 0,
      seconds: 0,
      buckets: BUCKETS.map(() => 0),
      ends: new Map(ENDS.map((state) => [state, 0])),
      read: null,
    };
    this.#jobs.set(job, found);
    return found;
  }
}

/** Whether the job skips unchanged nodes. They count as up to date after a check. */
const isLazy = ({ work }: Job): boolean => work.kind === 'command' && work.ifChanged;

/** The oldest lease renewal of each running job. */
function leases(live: Live): readonly (readonly [string, Moment])[] {
  const oldest = new Map<string, Moment>();
  for (const { claim, heartbeatAt } of live.runs.running())
    oldest.set(claim.job, Math.min(heartbeatAt, oldest.get(claim.job) ?? heartbeatAt));
  return [...oldest];
}

const sample = (labels: Readonly<Record<string, string>>, value: number | null): Sample[] =>
  value === null ? [] : [{ labels, value }];
