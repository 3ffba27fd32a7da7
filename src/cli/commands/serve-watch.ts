// Monitors the project and its jobs while `serve` runs, and sends alerts: evaluates SLAs periodically, and opens and
// closes incidents of a broken project. src/serve/ evaluates, formats and delivers.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ParsedProject } from '../../index.ts';
import { AwayAlarms } from '../../serve/alerts/database-unavailable.ts';
import { Alarms, type AlarmsOptions } from '../../serve/alerts/alert-routing.ts';
import type { Channel } from '../../serve/alerts/channel.ts';
import { type AlarmProject, type Finding, nodeSubject, troubleOf } from '../../serve/alerts/alert-subject.ts';
import type { JobFile } from '../../serve/jobs/job.ts';
import type { LiveRuns, PromiseState } from '../../serve/live-state.ts';
import { type DueBefore, LOOK_MS, type Measure } from '../../serve/sla/sla-facts.ts';
import type { Promised } from '../../serve/sla/sla-types.ts';
import { jobPromises } from '../../serve/sla/read-slas.ts';
import { promiseStates } from '../../serve/sla/sla-states.ts';
import { type Look, Watch } from '../../serve/sla/watch-slas.ts';
import type { Incident, NodeRun, Store } from '../../serve/store/serve-store.ts';
import { within } from '../../within.ts';
import { now } from '../command-session.ts';
import { pause } from '../pause.ts';
import { promisesOfNodes } from '../promise-place.ts';
import { oneLine } from './every.ts';
import type { FirstRows } from './serve-runner.ts';

/** The incident of a project that cannot be read. */
export const PROJECT_BROKEN = 'project:broken';
/** Incidents of files that cannot be read: the project and jobs.yml. */
const UNREAD = { project: PROJECT_BROKEN, jobs: 'jobs:broken' } as const;
const CLOCK = { now, sleep: pause };
/** Milliseconds in which pending messages are still delivered when serve ends. */
const LAST_MS = 5000;
/** Number of runs whose failing rows are kept for messages. */
const MOST_RUNS = 20;
const FAILED: readonly string[] = ['error', 'fail', 'partial success', 'runtime error'];

export interface ServeWatchOptions {
  readonly project: () => ParsedProject;
  readonly jobs: () => JobFile;
  readonly channels: () => readonly Channel[];
  readonly store: Store;
  readonly runs: LiveRuns;
  readonly measure: Measure;
  readonly dueBefore: DueBefore;
  /** Whether the database is available. */
  readonly ready: () => boolean;
  /** Identifies this host and process. */
  readonly host: string;
  /** Milliseconds that the database may be unavailable before an alert is sent. */
  readonly awayMs: number;
  /** URL of the page; null until it listens. */
  readonly url: () => string | null;
  readonly mask: (text: string) => string;
  readonly say: (text: string) => void;
}

export class ServeWatch {
  readonly #options: ServeWatchOptions;
  readonly #watch: Watch;
  readonly #stop = new AbortController();
  /** First failing rows of tests, by run and node. */
  readonly #rows = new Map<string, FirstRows>();
  #channels: readonly Channel[];
  #alarms: Alarms;
  readonly #away: AwayAlarms;
  #promises: { readonly of: readonly unknown[]; readonly list: readonly Promised[] } | null = null;
  #states: readonly PromiseState[] = [];
  #loop: Promise<void> | null = null;
  readonly #broken = new Set<string>();
  /** Whether incidents of readable files were closed, including those of an earlier process. */
  #isTidy = false;
  #told: string | null = null;

  /** @throws for an invalid SLA */
  constructor(options: ServeWatchOptions) {
    this.#options = options;
    const { store, measure, dueBefore } = options;
    this.#channels = options.channels();
    this.#alarms = this.#newAlarms(store);
    this.#away = new AwayAlarms({
      graceMs: options.awayMs,
      host: options.host,
      clock: CLOCK,
      alarms: (own) => this.#newAlarms(own),
      describe: (incident) => troubleOf(incident, this.#project()),
    });
    this.#watch = new Watch({
      store,
      measure,
      dueBefore,
      closing: async ({ incident }) => this.#alarms.recovered(incident),
    });
    this.#promised();
  }

  start(): void {
    this.#alarms.start();
    this.#loop ??= this.#looks();
  }

  /** The SLAs as last evaluated. */
  get states(): readonly PromiseState[] {
    return this.#states;
  }

  /** The first failing rows of a run's tests. */
  rows(runId: string, tables: FirstRows): void {
    const tests = [...tables].filter(([id]) => /^(test|unit_test)\./.test(id));
    if (tests.length === 0) return;
    this.#rows.set(runId, new Map(tests));
    for (const old of [...this.#rows.keys()].slice(0, -MOST_RUNS)) this.#rows.delete(old);
    const project = this.#project();
    for (const [uniqueId, rows] of tests) {
      const found = nodeSubject({ uniqueId, message: null, rows, failures: null }, project).rows;
      if (found !== null) this.#options.runs.failing(runId, uniqueId, found);
    }
  }

  /** The file cannot be read. Called each time. */
  unreadable(what: keyof typeof UNREAD, reason: string): void {
    this.#broken.add(UNREAD[what]);
    const { store } = this.#options;
    store.openIncident(UNREAD[what], this.#options.mask(reason)).then(
      ({ incident }) => this.#alarms.broken(troubleOf(incident, this.#project())),
      () => undefined,
    );
  }

  /** The file can be read again. */
  readable(what: keyof typeof UNREAD): void {
    this.#broken.delete(UNREAD[what]);
    this.#isTidy = false;
  }

  /** The database is unavailable. */
  databaseAway(reason: string): void {
    this.#away.away(reason);
  }

  /** The database is available again. */
  databaseBack(): void {
    this.#away.back();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    const away = this.#away.close(LAST_MS);
    // An evaluation whose database does not respond is abandoned.
    if (this.#loop !== null) await within(this.#loop, LAST_MS);
    await Promise.all([this.#alarms.close(LAST_MS), away]);
  }

  async #looks(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      if (this.#options.ready()) await this.#lookOnce();
      await pause(LOOK_MS, signal);
    }
  }

  async #lookOnce(): Promise<void> {
    const { channels, say } = this.#options;
    try {
      if (channels() !== this.#channels) this.#renewAlarms();
      if (!this.#isTidy) await this.#closeRead();
      const look = await this.#watch.look(this.#promised());
      this.#states = promiseStates(
        look.verdicts,
        look.open.map(({ incident }) => incident),
      );
      await this.#tell(look);
      this.#told = null;
    } catch (error) {
      // The scheduler reports that the database is unavailable.
      const reason = oneLine(error);
      if (reason !== this.#told && this.#options.ready()) say(`SLAs cannot be evaluated: ${reason}`);
      this.#told = reason;
    }
  }

  async #tell({ open }: Look): Promise<void> {
    const project = this.#project();
    for (const { incident, verdict } of open) {
      if (verdict.state !== 'broken') continue;
      const { subject } = verdict.promised;
      const run = subject.kind === 'job' ? await this.#lastFailed(subject.id) : undefined;
      this.#alarms.broken(troubleOf(incident, project, run));
    }
  }

  /** What failed in the newest failed run of a job. */
  async #lastFailed(job: string): Promise<{ runId: string | null; failed: readonly Finding[] }> {
    const { store, runs } = this.#options;
    const [run] = await store.runs({ job, states: ['failed', 'timeout'], limit: 1 });
    if (run === undefined) return { runId: null, failed: [] };
    const { runId } = run;
    // History is written after the end of a run.
    const live = runs.run(runId)?.nodes.flatMap(({ ended }) => ended ?? []);
    const nodes: readonly NodeRun[] = live ?? (await store.nodes(runId));
    const rows = this.#rows.get(runId);
    return {
      runId,
      failed: nodes
        .filter(({ status }) => FAILED.includes(status))
        .map(({ uniqueId, message, failures }) => ({ uniqueId, message, failures, rows: rows?.get(uniqueId) ?? null })),
    };
  }

  async #closeRead(): Promise<void> {
    const { store } = this.#options;
    for (const incident of await store.openIncidents()) {
      if (!Object.values<string>(UNREAD).includes(incident.key) || this.#broken.has(incident.key)) continue;
      this.#alarms.recovered(incident);
      await store.closeIncident(incident.id);
    }
    this.#isTidy = true;
  }

  #promised(): readonly Promised[] {
    const parsed = this.#options.project();
    const { jobs } = this.#options.jobs();
    const of = [parsed.manifest, jobs];
    if (this.#promises === null || this.#promises.of.some((each, i) => each !== of[i]))
      this.#promises = { of, list: [...promisesOfNodes(parsed), ...jobPromises(jobs)] };
    return this.#promises.list;
  }

  #project(): AlarmProject {
    const { manifest, config } = this.#options.project();
    const root = config.project.project_root;
    return {
      manifest,
      jobs: this.#options.jobs().jobs,
      read(path, packageName) {
        if (packageName !== config.project.project_name) return null;
        try {
          return readFileSync(join(root, path), 'utf8');
        } catch {
          return null;
        }
      },
    };
  }

  /** A recorded message is not sent again by later evaluations. */
  #renewAlarms(): void {
    const before = this.#alarms;
    this.#channels = this.#options.channels();
    this.#alarms = this.#newAlarms(this.#options.store);
    this.#alarms.start();
    void before.close(LAST_MS);
  }

  #newAlarms(store: AlarmsOptions['store']): Alarms {
    const { channels, project, mask, say, url } = this.#options;
    return new Alarms({
      channels: channels(),
      store,
      clock: CLOCK,
      random: Math.random,
      fetch,
      project: project().config.project.project_name,
      linkOf: ({ runId }) => {
        const page = url();
        return page === null || runId === null ? page : `${page}/#/run/${runId}`;
      },
      describe: (incident: Incident) => troubleOf(incident, this.#project()),
      mask,
      say,
    });
  }
}
