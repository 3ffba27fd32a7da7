// Stores the state of serve in memory, for tests of what uses a store. Hosts that share one `MemoryData` see each
// other, like hosts of one database.
import { randomUUID } from 'node:crypto';
import { DURATION_RUNS, LEASE_MS } from '../../../src/serve/store/lease-rules.ts';
import type {
  Claim,
  FreshnessRun,
  Incident,
  JobRequest,
  JobRun,
  LeftOutFilter,
  LeftOutTimes,
  Moment,
  NodeRun,
  RunEnd,
  RunFilter,
  SentAlarm,
  Store,
} from '../../../src/serve/store/serve-store.ts';

type Changing<T> = { -readonly [key in keyof T]: T[key] };
type KeptRun = Changing<JobRun> & { seenAt: Moment; againAt: Moment | null };

/** The data that hosts of one store share. */
export class MemoryData {
  /** In the order of their claims. */
  readonly runs = new Map<string, KeptRun>();
  readonly begins = new Map<string, string>();
  readonly nodes = new Map<string, NodeRun>();
  readonly freshness = new Map<string, FreshnessRun>();
  /** By job, reason and the due time of the previous run. */
  readonly leftOut = new Map<string, LeftOutTimes>();
  readonly paused = new Set<string>();
  readonly requests = new Map<string, Moment>();
  readonly incidents: Changing<Incident>[] = [];
  readonly alarms: SentAlarm[] = [];
  token = 0n;
}

export interface MemoryOptions {
  readonly now: () => Moment;
  /** Absent: a separate store. */
  readonly data?: MemoryData;
  readonly leaseMs?: number;
  /** Generates ids of runs and incidents. Absent: random ids. */
  readonly newId?: () => string;
}

export class MemoryStore implements Store {
  readonly #data: MemoryData;
  readonly #now: () => Moment;
  readonly #leaseMs: number;
  readonly #newId: () => string;

  constructor({ now, data = new MemoryData(), leaseMs = LEASE_MS, newId = randomUUID }: MemoryOptions) {
    this.#data = data;
    this.#now = now;
    this.#leaseMs = leaseMs;
    this.#newId = newId;
  }

  async exists(): Promise<boolean> {
    return true;
  }

  async open(): Promise<void> {}

  async now(): Promise<Moment> {
    return this.#now();
  }

  async claim(job: string, dueAt: Moment, attempt: number, host: string): Promise<Claim | null> {
    for (const run of this.#data.runs.values())
      if (run.job === job && run.dueAt === dueAt && run.attempt === attempt) return null;
    this.#data.token += 1n;
    const claim = { runId: this.#newId(), job, dueAt, attempt, host, token: this.#data.token };
    const at = this.#now();
    this.#data.runs.set(claim.runId, {
      ...claim,
      state: 'running',
      startedAt: at,
      finishedAt: null,
      reason: null,
      project: null,
      seenAt: at,
      againAt: null,
    });
    return claim;
  }

  async claimAlone(job: string, dueAt: Moment, attempt: number, host: string): Promise<Claim | 'busy' | null> {
    const goesOn = [...this.#data.runs.values()].some((run) => run.job === job && run.state === 'running');
    return goesOn ? 'busy' : this.claim(job, dueAt, attempt, host);
  }

  #expired(run: KeptRun): boolean {
    return this.#now() - run.seenAt > this.#leaseMs;
  }

  async heartbeat(claims: readonly Claim[]): Promise<readonly Claim[]> {
    return claims.filter(({ runId }) => {
      const run = this.#data.runs.get(runId);
      if (run?.state !== 'running' || this.#expired(run)) return true;
      run.seenAt = this.#now();
      return false;
    });
  }

  async finish({ runId }: Claim, { state, reason, project = null, againAt = null }: RunEnd): Promise<boolean> {
    const run = this.#data.runs.get(runId);
    if (run === undefined || run.state === 'lost') return false;
    if (run.state !== 'running') return true;
    const lost = state !== 'success' && this.#expired(run);
    Object.assign(run, { state: lost ? 'lost' : state, reason, project, againAt, finishedAt: this.#now() });
    return !lost;
  }

  async reap(): Promise<readonly JobRun[]> {
    const silent = [...this.#data.runs.values()].filter((run) => run.state === 'running' && this.#expired(run));
    for (const run of silent) Object.assign(run, { state: 'lost', finishedAt: this.#now() });
    return silent.map(shown);
  }

  async abandoned(): Promise<readonly JobRun[]> {
    const all = [...this.#data.runs.values()];
    const again = new Set(all.map(({ job, dueAt, attempt }) => `${dueAt} ${attempt - 1} ${job}`));
    return all
      .filter(({ state, againAt }) => state === 'lost' || (againAt !== null && againAt < this.#now() - this.#leaseMs))
      .filter(({ job, dueAt, attempt }) => !again.has(`${dueAt} ${attempt} ${job}`))
      .sort((a, b) => b.dueAt - a.dueAt)
      .map(shown);
  }

  /** No database publishes with this store. */
  fence(): null {
    return null;
  }

  async lastDue(): Promise<ReadonlyMap<string, Moment>> {
    const last = new Map<string, Moment>();
    for (const { job, dueAt } of this.#data.runs.values()) last.set(job, Math.max(dueAt, last.get(job) ?? dueAt));
    return last;
  }

  async leaveOut(times: readonly LeftOutTimes[]): Promise<void> {
    const { runs, leftOut } = this.#data;
    for (const each of times) {
      const dues = [...runs.values()].filter(({ job }) => job === each.job).map(({ dueAt }) => dueAt);
      if (dues.includes(each.last)) continue;
      const key = JSON.stringify([each.job, each.why, Math.max(0, ...dues.filter((due) => due < each.last))]);
      const known = leftOut.get(key);
      if (known === undefined) leftOut.set(key, each);
      else if (known.last < each.first)
        leftOut.set(key, { ...known, last: each.last, count: known.count + each.count });
    }
  }

  async leftOut({ job, before, since, limit }: LeftOutFilter): Promise<readonly LeftOutTimes[]> {
    return [...this.#data.leftOut.values()]
      .filter(
        (each) =>
          (job === undefined || each.job === job) &&
          (before === undefined || each.last < before) &&
          (since === undefined || each.last >= since),
      )
      .sort((a, b) => b.last - a.last || (a.job < b.job ? -1 : 1))
      .slice(0, limit);
  }

  async lastLeftOut(): Promise<ReadonlyMap<string, Moment>> {
    const last = new Map<string, Moment>();
    for (const each of this.#data.leftOut.values())
      last.set(each.job, Math.max(each.last, last.get(each.job) ?? each.last));
    return last;
  }

  async begun(runId: string, madeOf: string): Promise<void> {
    this.#data.begins.set(runId, madeOf);
  }

  async madeOf(runIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return new Map([...this.#data.begins].filter(([runId]) => runIds.includes(runId)));
  }

  async record(nodes: readonly NodeRun[], freshness: readonly FreshnessRun[]): Promise<void> {
    for (const node of nodes) this.#data.nodes.set(`${node.runId} ${node.uniqueId}`, node);
    for (const measured of freshness) this.#data.freshness.set(`${measured.runId} ${measured.uniqueId}`, measured);
  }

  async runs({ runId, job, states, before, limit }: RunFilter): Promise<readonly JobRun[]> {
    return [...this.#data.runs.values()]
      .filter(
        (run) =>
          (runId === undefined || run.runId.startsWith(runId)) &&
          (job === undefined || run.job === job) &&
          (states === undefined || states.includes(run.state)) &&
          (before === undefined || run.startedAt < before),
      )
      .sort((a, b) => b.startedAt - a.startedAt || Number(b.token - a.token))
      .slice(0, limit)
      .map(shown);
  }

  async nodes(runId: string): Promise<readonly NodeRun[]> {
    return [...this.#data.nodes.values()]
      .filter((node) => node.runId === runId)
      .sort((a, b) => a.startedAt - b.startedAt || (a.uniqueId < b.uniqueId ? -1 : 1));
  }

  async nodeHistory(uniqueId: string, limit: number): Promise<readonly NodeRun[]> {
    return [...this.#data.nodes.values()]
      .filter((node) => node.uniqueId === uniqueId)
      .sort((a, b) => b.startedAt - a.startedAt)
      .slice(0, limit);
  }

  async freshness(): Promise<readonly FreshnessRun[]> {
    const newest = new Map<string, FreshnessRun>();
    for (const measured of this.#data.freshness.values()) {
      const known = newest.get(measured.uniqueId);
      if (known === undefined || known.at <= measured.at) newest.set(measured.uniqueId, measured);
    }
    return [...newest.values()].sort((a, b) => (a.uniqueId < b.uniqueId ? -1 : 1));
  }

  async durations(): Promise<ReadonlyMap<string, number>> {
    const seconds = new Map<string, number[]>();
    for (const node of [...this.#data.nodes.values()].sort((a, b) => b.startedAt - a.startedAt)) {
      if (node.status !== 'success' && node.status !== 'pass') continue;
      const known = seconds.get(node.uniqueId) ?? [];
      if (known.length < DURATION_RUNS) known.push(node.seconds);
      seconds.set(node.uniqueId, known);
    }
    return new Map([...seconds].map(([uniqueId, known]) => [uniqueId, medianOf(known)]));
  }

  async paused(): Promise<ReadonlySet<string>> {
    return new Set(this.#data.paused);
  }

  async setPaused(job: string, paused: boolean): Promise<void> {
    if (paused) this.#data.paused.add(job);
    else this.#data.paused.delete(job);
  }

  async request(job: string): Promise<void> {
    if (!this.#data.requests.has(job)) this.#data.requests.set(job, this.#now());
  }

  async requests(): Promise<readonly JobRequest[]> {
    return [...this.#data.requests].map(([job, at]) => ({ job, at }));
  }

  async endRequest({ job, at }: JobRequest): Promise<void> {
    if (this.#data.requests.get(job) === at) this.#data.requests.delete(job);
  }

  async openIncidents(): Promise<readonly Incident[]> {
    return this.#data.incidents.filter(({ closedAt }) => closedAt === null).map((incident) => ({ ...incident }));
  }

  async openIncident(key: string, reason: string): Promise<{ incident: Incident; opened: boolean }> {
    const known = this.#data.incidents.find((incident) => incident.key === key && incident.closedAt === null);
    if (known !== undefined) return { incident: { ...known }, opened: false };
    const incident = { id: this.#newId(), key, openedAt: this.#now(), closedAt: null, reason };
    this.#data.incidents.push(incident);
    return { incident: { ...incident }, opened: true };
  }

  async closeIncident(id: string): Promise<boolean> {
    const incident = this.#data.incidents.find((known) => known.id === id && known.closedAt === null);
    if (incident === undefined) return false;
    incident.closedAt = this.#now();
    return true;
  }

  async noteAlarm({ incident, channel, occasion }: Omit<SentAlarm, 'at'>): Promise<boolean> {
    const same = (sent: SentAlarm) =>
      sent.incident === incident && sent.channel === channel && sent.occasion === occasion;
    if (this.#data.alarms.some(same)) return false;
    this.#data.alarms.push({ incident, channel, occasion, at: this.#now() });
    return true;
  }

  async alarms(incident: string): Promise<readonly SentAlarm[]> {
    return this.#data.alarms.filter((sent) => sent.incident === incident);
  }

  async prune(before: Moment): Promise<void> {
    const { runs, nodes, freshness, leftOut, incidents, alarms } = this.#data;
    // The newest claim of a job is kept: it determines which due times have passed.
    const newest = new Map([...runs.values()].map((run) => [run.job, run.token]));
    for (const run of [...runs.values()])
      if (run.state !== 'running' && run.startedAt < before && newest.get(run.job) !== run.token)
        runs.delete(run.runId);
    for (const runId of this.#data.begins.keys()) if (!runs.has(runId)) this.#data.begins.delete(runId);
    const running = (runId: string) => runs.get(runId)?.state === 'running';
    for (const [key, node] of nodes) if (node.startedAt < before && !running(node.runId)) nodes.delete(key);
    for (const [key, measured] of freshness)
      if (measured.at < before && !running(measured.runId)) freshness.delete(key);
    for (const [key, each] of leftOut) if (each.last < before) leftOut.delete(key);
    const stays = incidents.filter(({ closedAt }) => closedAt === null || closedAt >= before);
    const open = new Set(stays.map(({ id }) => id));
    incidents.splice(0, incidents.length, ...stays);
    const kept = alarms.filter(({ incident, at }) => at >= before || open.has(incident));
    alarms.splice(0, alarms.length, ...kept);
  }

  async close(): Promise<void> {}
}

function shown({ seenAt, againAt, ...run }: KeptRun): JobRun {
  return run;
}

/** The lower median; 0 for an empty list. */
function medianOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1] ?? 0;
}
