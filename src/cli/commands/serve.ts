// serve: runs the jobs of jobs.yml on schedule until a signal. Assembles the parts: project, store, scheduler, job
// runner, SLA monitoring, HTTP server.
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { errorOf } from '../../error-table.ts';
import { note } from '../../events/index.ts';
import { docsPage } from '../../docs/serve.ts';
import type { LoadMetrics } from '../../loader/metrics.ts';
import { duePlan, nextDue } from '../../serve/jobs/schedule.ts';
import { type Live, LiveRuns } from '../../serve/live-state.ts';
import { serveHttp } from '../../serve/http/serve-http.ts';
import { Scheduler } from '../../serve/scheduler.ts';
import type { ServeEvent } from '../../serve/serve-events.ts';
import { createStore } from '../../serve/store/create-store.ts';
import { durationMs } from '../../values/duration.ts';
import { LONGEST_TIMER } from '../../within.ts';
import { type CommandSession, now } from '../command-session.ts';
import { allowedHosts, portOf } from '../port.ts';
import { pause } from '../pause.ts';
import { measuresPromises } from '../measure-promises.ts';
import { EngineRunner } from './serve-runner.ts';
import { JobsFile } from './serve-jobs-file.ts';
import { firstProject } from './serve-start.ts';
import { ServeWatch } from './serve-watch.ts';
import { jobLogger, projectSession } from './serve-session.ts';
import { serveLine } from './serve-lines.ts';
import { TSDBT_VERSION } from '../version.ts';
import { oneLine } from './every.ts';
import { dueBefore } from './sla.ts';

/** A request with this token may pause, resume and run jobs. */
const TOKEN = 'TSDBT_SERVE_TOKEN';
/** A request with this token may read rows and SQL. */
const READ_TOKEN = 'TSDBT_SERVE_READ_TOKEN';
/** Duration of a lease in seconds, for tests: all hosts need the same. */
const LEASE = 'TSDBT_LEASE';

/** @returns true. Errors in the project or jobs.yml at the start are thrown */
export async function serveJobsCommand(session: CommandSession): Promise<boolean> {
  const { flags, logger, signal, secondSignal, env } = session;
  const graceMs = graceOf(flags['grace']);
  const awayMs = durationOf('--away-after', flags['away_after']);
  const port = portOf(flags['port'] ?? 8080);
  const shown = new Set<string>();
  const own = projectSession(
    session,
    jobLogger(logger, shown, () => undefined),
  );
  const leaseMs = env[LEASE] === undefined ? undefined : Number(env[LEASE]) * 1000;
  let project = await firstProject(session, own);
  const { adapter } = project;
  const jobs = new JobsFile(session, () => project);
  const store = createStore(adapter, leaseMs);
  const host = `${hostname()}:${process.pid}`;
  const runs = new LiveRuns();
  let broken: string | null = null;
  let turnedAt: number | null = null;
  let url: string | null = null;
  /** By job. */
  const loaders = new Map<string, LoadMetrics>();
  const say = (text: string, level: 'info' | 'warn' | 'error' = 'info'): void => note(logger, text, { level });
  const watch: ServeWatch = new ServeWatch({
    project: () => project,
    jobs: () => jobs.file,
    channels: () => jobs.channels,
    store,
    runs,
    measure: (promises) => measuresPromises(own, project, adapter)(promises),
    dueBefore: (job, moment) => dueBefore(jobs.file.jobs, job, moment),
    ready: () => scheduler.ready,
    host,
    awayMs,
    url: () => url,
    mask: (text) => session.secrets.mask(text),
    say: (text) => say(text, 'warn'),
  });
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
        watch.unreadable('project', reason);
      },
      read(parsed) {
        // A job with vars may have a different project.
        if (isDeepStrictEqual(parsed.config.cli_vars, project.config.cli_vars)) {
          const { flags: ownFlags, invocation } = project.config;
          const config = { ...parsed.config, flags: ownFlags, invocation };
          const { logger: ownLogger, targetPath } = project;
          project = { ...parsed, config, adapter, logger: ownLogger, targetPath, fence: undefined };
        }
        if (broken === null) return;
        say('The project can be read again: recovered');
        broken = null;
        watch.readable('project');
      },
      last: () => project,
    },
    seen: {
      total: (runId, total) => runs.total(runId, total),
      line: (runId, uniqueId, text) => runs.line(runId, uniqueId, session.secrets.mask(text)),
      rows: (runId, tables) => watch.rows(runId, tables),
      loading: (job, metrics) => (metrics === null ? loaders.delete(job) : loaders.set(job, metrics)),
    },
  });
  const scheduler: Scheduler = new Scheduler({
    jobs: () => {
      turnedAt = now();
      return jobs.current({
        say,
        broken: (reason) => watch.unreadable('jobs', reason),
        read: () => watch.readable('jobs'),
      });
    },
    schedule: {
      next: ({ timing }, after) => nextDue(timing, after),
      due: duePlan,
    },
    store,
    clock: { now, sleep: pause },
    runner,
    host,
    drain: signal,
    stop: AbortSignal.any([secondSignal, graceOver(signal, graceMs)]),
    emit(event) {
      tell(runs, event);
      if (event.kind === 'database_away') watch.databaseAway(event.reason);
      else if (event.kind === 'database_back') watch.databaseBack();
      const line = serveLine(event);
      if (line !== null) say(line.text, line.level === 'info' ? 'info' : line.level === 'warn' ? 'warn' : 'error');
    },
    random: Math.random,
    historyMs: () => jobs.file.historyMs,
    leaseMs,
  });
  const live: Live = {
    host,
    project: project.config.project.project_name,
    version: TSDBT_VERSION,
    runs,
    now: () => scheduler.now(),
    lastTurn: () => turnedAt,
    notReady: () => (scheduler.ready ? [] : ['the database is away']),
    jobs: () =>
      scheduler.live().map(({ job, nextDue: next, paused, unread }) => ({
        job,
        nextAt: paused ? null : next,
        paused,
        unread: unread === null ? null : session.secrets.mask(unread),
      })),
    nodes: () => new Set([...Object.keys(project.manifest.nodes), ...Object.keys(project.manifest.sources)]),
    loaders: () => [...loaders.values()].flatMap((metrics) => metrics.health().tables),
    loaderMetrics: () => [...loaders.values()].map((metrics) => metrics.text()),
    promises: async () => watch.states,
  };
  const readToken = flags['read_token'] === false ? null : (env[READ_TOKEN] ?? randomBytes(24).toString('base64url'));
  for (const token of [readToken, env[TOKEN]]) if (token) session.secrets.add(token);
  const server = await serveHttp({
    live,
    store,
    host: String(flags['host'] ?? '127.0.0.1'),
    port,
    names: allowedHosts(flags['allowed_hosts']),
    token: env[TOKEN] ?? null,
    readToken,
    docs: (nonce, page) => docsPage({ targetDir: project.targetPath, version: TSDBT_VERSION }, nonce, page),
  });
  url = server.url;
  say(`Serving ${jobs.file.jobs.length} jobs of ${jobs.file.path} at ${server.url}`);
  // Only on the console: the log file masks it.
  if (readToken !== null && env[READ_TOKEN] === undefined)
    note(logger, `Its page: ${server.url}/?token=${readToken}`, { revealed: true });
  watch.start();
  try {
    await scheduler.run();
  } finally {
    await watch.close();
    await server.close();
    await store.close();
    await adapter.close();
  }
  return true;
}

/** @returns milliseconds; null: unlimited */
function graceOf(given: unknown): number | null {
  return given === null || given === undefined ? null : durationOf('--grace', given);
}

/** @returns milliseconds @throws `usage` error for an invalid duration */
function durationOf(option: string, given: unknown): number {
  const ms = durationMs(String(given));
  if (ms === null) throw errorOf('badOptionValue', { option, why: `'${String(given)}' is not a duration.` });
  return Math.min(ms, LONGEST_TIMER);
}

/** A signal that aborts the given time after another one. */
function graceOver(signal: AbortSignal, ms: number | null): AbortSignal {
  const over = new AbortController();
  if (ms !== null) signal.addEventListener('abort', () => setTimeout(() => over.abort(), ms).unref());
  return over.signal;
}

/** Passes live state to the page and the metrics. */
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
    case 'left_out':
      if (event.why !== 'draining') runs.leftOut(event.job, event.count);
      break;
    case 'rows_unread':
    case 'rows_read':
      runs.jobsChanged();
      break;
    case 'measured':
      runs.freshness([event.freshness]);
      break;
    case 'heartbeat':
      for (const { runId } of event.claims) runs.heartbeat(runId, event.at);
      break;
    default:
  }
}
