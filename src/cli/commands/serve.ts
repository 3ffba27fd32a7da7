// serve: runs the jobs of jobs.yml at their times until a signal. Puts the parts together: project, store, scheduler,
// the runner over the engine, the HTTP server.
import { hostname } from 'node:os';
import { statSync } from 'node:fs';
import { note } from '../../events/index.ts';
import { type ParsedProject, select } from '../../index.ts';
import { checkJobs } from '../../serve/jobs/check-jobs.ts';
import type { JobFile } from '../../serve/jobs/job.ts';
import { duePlan, nextDue } from '../../serve/jobs/schedule.ts';
import { type Live, LiveRuns } from '../../serve/live.ts';
import { serveHttp } from '../../serve/http/serve-http.ts';
import { Scheduler } from '../../serve/scheduler.ts';
import type { ServeEvent } from '../../serve/serve-events.ts';
import { createStore } from '../../serve/store/create-store.ts';
import { type CommandSession, now } from '../command-session.ts';
import { pause } from '../pause.ts';
import { readJobFile } from '../read-job-file.ts';
import { EngineRunner, sourcesOf } from './serve-runner.ts';
import { jobLogger, projectSession } from './serve-session.ts';
import { serveLine } from './serve-lines.ts';
import { TSDBT_VERSION } from '../version.ts';
import { oneLine } from './every.ts';
import { loadAndParse } from './run.ts';

/** Who sends it may pause, resume and run jobs. */
const TOKEN = 'TSDBT_SERVE_TOKEN';

/** @returns true; what is wrong with the project or jobs.yml at the start is thrown */
export async function serveJobsCommand(session: CommandSession): Promise<boolean> {
  const { flags, logger, signal, secondSignal, env } = session;
  const shown = new Set<string>();
  const own = projectSession(
    session,
    jobLogger(logger, shown, () => undefined),
  );
  let project = await loadAndParse(own);
  const { adapter } = project;
  const jobs = new JobsFile(session, project);
  const store = createStore(adapter);
  const host = `${hostname()}:${process.pid}`;
  const runs = new LiveRuns();
  let broken: string | null = null;
  let turnedAt: number | null = null;
  const say = (text: string, level: 'info' | 'warn' | 'error' = 'info'): void => note(logger, text, { level });
  const runner = new EngineRunner({
    session,
    adapter,
    project: () => project,
    fence: (claim) => store.fence(claim),
    watcher: {
      broken(error) {
        const reason = oneLine(error);
        if (reason !== broken) say(`The project cannot be read: ${reason}. The one before goes on.`, 'error');
        broken = reason;
        void store.openIncident('project:broken', reason).catch(() => undefined);
      },
      read(parsed) {
        if (parsed.config.cli_vars === project.config.cli_vars || broken !== null) project = { ...project, ...parsed };
        if (broken === null) return;
        say('The project can be read again: recovered');
        broken = null;
        void closeIncidents(store, 'project:broken');
      },
    },
  });
  const scheduler = new Scheduler({
    jobs: () => {
      turnedAt = now();
      return jobs.current(say);
    },
    schedule: {
      next: ({ timing }, after) => nextDue(timing, after),
      due: (job, last, until) => duePlan(job, last, until).start,
    },
    store,
    clock: { now, sleep: pause },
    runner,
    host,
    drain: signal,
    stop: secondSignal,
    emit(event) {
      tell(runs, event);
      const line = serveLine(event);
      if (line !== null) say(line.text, line.level === 'info' ? 'info' : line.level === 'warn' ? 'warn' : 'error');
    },
    random: Math.random,
    historyMs: () => jobs.file.historyMs,
  });
  const live: Live = {
    host,
    project: project.config.project.project_name,
    version: TSDBT_VERSION,
    runs,
    now: () => scheduler.now(),
    lastTurn: () => turnedAt,
    notReady: () => [
      ...(scheduler.ready ? [] : ['the database is away']),
      ...(broken === null ? [] : [`the project cannot be read: ${broken}`]),
    ],
    jobs: () =>
      scheduler.live().map(({ job, nextDue: next, paused }) => ({ job, nextAt: paused ? null : next, paused })),
    nodes: () => new Set(Object.keys(project.manifest.nodes)),
    loaders: () => [],
    loaderMetrics: () => [],
    promises: async () => [],
  };
  const server = await serveHttp({
    live,
    store,
    host: String(flags['host'] ?? '127.0.0.1'),
    port: Number(flags['port'] ?? 8080),
    names: [],
    token: env[TOKEN] ?? null,
  });
  say(`Serving ${jobs.file.jobs.length} jobs of ${jobs.file.path} at ${server.url}`);
  try {
    await scheduler.run();
  } finally {
    await server.close();
    await store.close();
    await adapter.close();
  }
  return true;
}

async function closeIncidents(store: ReturnType<typeof createStore>, key: string): Promise<void> {
  try {
    for (const incident of await store.openIncidents())
      if (incident.key === key) await store.closeIncident(incident.id);
  } catch {
    // The database is away; the incident is closed with the next commit that can be read.
  }
}

/** jobs.yml, read again when it has changed; what cannot be read leaves the one before. */
class JobsFile {
  readonly #session: CommandSession;
  readonly #project: ParsedProject;
  #file: JobFile;
  #mark: string | null;
  #broken: string | null = null;

  /** @throws what is wrong with the file */
  constructor(session: CommandSession, project: ParsedProject) {
    this.#session = session;
    this.#project = project;
    this.#file = this.#read();
    this.#mark = this.#markOf();
  }

  get file(): JobFile {
    return this.#file;
  }

  current(say: (text: string, level?: 'info' | 'error') => void): JobFile['jobs'] {
    const mark = this.#markOf();
    if (mark === this.#mark) return this.#file.jobs;
    this.#mark = mark;
    try {
      this.#file = this.#read();
      say(`${this.#file.path} was read again${this.#broken === null ? '' : ': recovered'}`);
      this.#broken = null;
    } catch (error) {
      const reason = oneLine(error);
      if (reason !== this.#broken) say(`The jobs cannot be read: ${reason}. Those before go on.`, 'error');
      this.#broken = reason;
    }
    return this.#file.jobs;
  }

  #markOf(): string | null {
    const stat = statSync(this.#file.path, { throwIfNoEntry: false });
    return stat === undefined ? null : `${stat.mtimeMs} ${stat.size}`;
  }

  #read(): JobFile {
    const parsed = this.#project;
    const file = readJobFile(this.#session, parsed.config);
    checkJobs(file, {
      select(work) {
        const { exclude, kind } = work;
        const selector = kind === 'command' ? work.selector : null;
        const { flags } = parsed.config;
        const chosen = {
          ...flags,
          select: work.select === null ? null : [...work.select],
          exclude: [...exclude],
          selector,
        };
        const changed = { ...parsed, config: { ...parsed.config, flags: chosen } };
        if (kind === 'load')
          return select(changed, { accepts: (id) => parsed.manifest.sources[id] !== undefined }).selected;
        return work.command === 'source freshness' || work.command === 'docs generate'
          ? select(changed, { which: work.command === 'docs generate' ? 'generate' : 'freshness' }).selected
          : select(changed, { which: work.command }).selected;
      },
      sources: (criterion) => sourcesOf(parsed, criterion).map(({ unique_id }) => unique_id),
      known: () =>
        Object.values(parsed.manifest.sources).map(({ source_name, name }) => `source:${source_name}.${name}`),
    });
    return file;
  }
}

/** Tells what is live to the page and the metrics. */
function tell(runs: LiveRuns, event: ServeEvent): void {
  switch (event.kind) {
    case 'run_started':
      runs.started(event.claim, event.at);
      break;
    case 'run_ended':
      runs.ended(event.claim, event.end, event.at);
      runs.jobsChanged();
      break;
    case 'node_started':
      runs.nodeStarted(event.claim.runId, event.uniqueId, event.thread, event.at);
      break;
    case 'node_ended':
      runs.nodeFinished(event.node);
      break;
    default:
  }
}
