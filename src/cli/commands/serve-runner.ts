// Runs jobs with the engine in this process: an attempt is one invocation with its own adapter, and a retry runs what
// remains. The scheduler decides when, how often and for how long.
import { resolve } from 'node:path';
import type { RunResult } from '../../contracts/results.ts';
import { TsdbtError } from '../../errors.ts';
import { note } from '../../events/index.ts';
import {
  execute,
  type Freshness,
  freshnessKind,
  hasFreshness,
  madeOf,
  outsideInputs,
  type ParsedProject,
  printRunEnd,
  projectHash,
  relationOf,
  type Selection,
  select,
  succeeded,
  writeFreshness,
} from '../../index.ts';
import type { LoadMetrics } from '../../loader/metrics.ts';
import type { Finding } from '../../serve/alerts/alert-subject.ts';
import type { JobRunner, JobTry, Mark, TryEnd } from '../../serve/job-runner.ts';
import type { Job } from '../../serve/jobs/job.ts';
import { durationText } from '../../values/duration.ts';
import type { Claim } from '../../serve/store/serve-store.ts';
import { stopReason } from '../../within.ts';
import { type CommandSession, now } from '../command-session.ts';
import { TSDBT_VERSION } from '../version.ts';
import { generateCommand } from './docs.ts';
import { type Done, isStill, marksOf, oneLine } from './every.ts';
import { loadOrigin } from '../../project/load-config.ts';
import { loadCommand } from './load.ts';
import { withLineage } from './run.ts';
import { jobLogger, jobSession } from './serve-session.ts';
import { KeptProject, type KeptProjectWatcher } from './serve-project.ts';
import { type Left, leftOf, nodeRun, reasonOf, restBefore } from './serve-record.ts';

/** Milliseconds within which a cancelled statement must end on the server before its connection is closed. */
const PATIENCE_MS = 120_000;

export interface EngineRunnerOptions {
  readonly session: CommandSession;
  /** Answers queries about sources; stays open. */
  readonly adapter: ParsedProject['adapter'];
  /** The last project that was read, for queries about sources. */
  readonly project: () => ParsedProject;
  readonly watcher: KeptProjectWatcher;
  /** What a run must prove before it publishes. Null: nothing. */
  readonly fence: (claim: Claim) => ParsedProject['fence'] | null;
  readonly seen: RunViewer;
}

/** First rows of failed tests, by unique_id. */
export type FirstRows = ReadonlyMap<string, NonNullable<Finding['rows']>>;

/** Observes details of runs that history does not store. */
export interface RunViewer {
  /** The number of nodes in a run. */
  total(runId: string, total: number): void;
  /** A line of a node's log. */
  line(runId: string, uniqueId: string, text: string): void;
  /** First rows of failed tests, by unique_id. */
  rows(runId: string, tables: FirstRows): void;
  /** Loaders of a job are running. Null: they have stopped. */
  loading(job: string, metrics: LoadMetrics | null): void;
}

/** State kept between the runs of one job. */
interface KeptJob {
  readonly project: KeptProject;
  readonly shown: Set<string>;
  done: Done | null;
}

type Retried = NonNullable<Left['retried']>;

const UNCHANGED: TryEnd = { state: 'success', reason: 'nothing has changed', project: null, counts: null, again: null };

export class EngineRunner implements JobRunner {
  readonly #options: EngineRunnerOptions;
  readonly #kept = new Map<string, KeptJob>();

  constructor(options: EngineRunnerOptions) {
    this.#options = options;
  }

  run(first: JobTry): Promise<TryEnd> {
    return this.#try(first, null, []);
  }

  async load({ job, signal }: Pick<JobTry, 'job' | 'signal'>): Promise<void> {
    const { session, seen } = this.#options;
    const logger = jobLogger(session.logger, this.#keptOf(job).shown, () => undefined);
    try {
      await loadCommand(jobSession(job, { session, signal, logger }), (metrics) => seen.loading(job.name, metrics));
    } finally {
      seen.loading(job.name, null);
    }
  }

  async marks(jobs: readonly Job[]): Promise<ReadonlyMap<string, Mark>> {
    const marks = new Map<string, Mark>();
    for (const { name, timing } of jobs) {
      if (timing.kind !== 'after') continue;
      try {
        const mark = await this.#markOf(timing.sources);
        if (mark !== null) marks.set(name, { mark });
      } catch (error) {
        marks.set(name, { unread: oneLine(error) });
      }
    }
    return marks;
  }

  /** @param criteria sources in selection syntax @returns null if their state is unknown */
  async #markOf(criteria: readonly string[]): Promise<string | null> {
    const { adapter } = this.#options;
    const parsed = this.#options.project();
    const sources = criteria.flatMap((criterion) => sourcesOf(parsed, criterion));
    const session = adapter.session({ name: 'serve' });
    try {
      const relations = sources.map((source) => relationOf(adapter, source));
      const found = await adapter.fetchChangeMarks(session, relations);
      const texts: string[] = [];
      for (const [i, source] of sources.entries()) {
        const state =
          found[i] == null ? await adapter.loadedState(session, source, loadOrigin(source) ?? 'topics') : null;
        texts.push(found[i] ?? (state === null ? '' : `${state.rows} ${String(state.newestLoad)}`));
      }
      return texts.some((text) => text !== '') ? texts.join(' | ') : null;
    } finally {
      await session.release();
    }
  }

  #keptOf({ name, work }: Job): KeptJob {
    const key = JSON.stringify([name, work]);
    let kept = this.#kept.get(key);
    if (kept === undefined) {
      for (const old of this.#kept.keys()) if (old.startsWith(`[${JSON.stringify(name)},`)) this.#kept.delete(old);
      kept = { project: new KeptProject(this.#options.watcher), shown: new Set(), done: null };
      this.#kept.set(key, kept);
    }
    return kept;
  }

  /** @param lasting failures of earlier attempts that this one does not fix */
  async #try(attempt: JobTry, retried: Retried | null, lasting: readonly RunResult[]): Promise<TryEnd> {
    const { job, signal } = attempt;
    const kept = this.#keptOf(job);
    let counts: string | null = null;
    const { seen } = this.#options;
    const logger = jobLogger(
      this.#options.session.logger,
      kept.shown,
      (text) => {
        counts = text;
      },
      (uniqueId, text) => seen.line(attempt.claim.runId, uniqueId, text),
    );
    const session = jobSession(job, { session: this.#options.session, signal, logger });
    if (session.which === 'generate') return this.#docs(session, attempt);
    let parsed: ParsedProject;
    try {
      parsed = await kept.project.open(session, this.#options.fence(attempt.claim) ?? undefined);
    } catch (error) {
      return { ...ended(false), reason: oneLine(error) };
    }
    const again = (next: Retried | null, more: readonly RunResult[]): TryEnd['again'] => {
      return (other) => this.#try(other, next, more);
    };
    const project = projectHash(parsed);
    try {
      const identity = madeOf(parsed, [job.work, TSDBT_VERSION]);
      attempt.progress.begun(identity);
      if (session.which === 'freshness') return { ...(await measure(parsed, attempt)), project };
      const last = retried === null ? kept.done : null;
      if (last !== null && (await isStill(last, parsed))) return { ...UNCHANGED, project };
      const rest = retried === null ? restBefore(parsed, await attempt.made(identity)) : null;
      if (rest?.left.size === 0) return { ...ended(true), project, reason: rest.reason };
      const chosen = retried?.selected ?? rest?.left ?? null;
      const { results, interrupted } = await this.#execute(session, parsed, attempt, { retried, chosen, kept });
      const left = leftOf(parsed, results);
      const failed = [...lasting, ...left.failed];
      if (succeeded(results) && lasting.length === 0) {
        // Stopped in an on-run-end hook, which leaves no result: the whole attempt is repeated.
        const reason = 'stopped within a hook';
        if (interrupted) return { ...ended(false), counts, project, reason, again: again(retried, lasting) };
        return { ...ended(true), counts, project, reason: rest?.reason ?? null };
      }
      const passing = results.filter(
        (r) => !succeeded([r]) && (r.transient === true || left.retried?.selected.has(r.unique_id)),
      );
      return {
        ...ended(false),
        counts,
        project,
        reason: reasonOf([...failed, ...passing], results.length + lasting.length),
        // Hooks run with their nodes: the whole attempt is repeated.
        again: left.isHook ? again(retried, lasting) : left.retried === null ? null : again(left.retried, failed),
      };
    } catch (error) {
      const passes = signal.aborted || (error instanceof TsdbtError && parsed.adapter.isTransient(error));
      const reason = oneLine(error);
      return { ...ended(false), counts, project, reason, again: passes ? again(retried, lasting) : null };
    } finally {
      await parsed.adapter.close();
    }
  }

  /** `docs generate`. */
  async #docs(session: CommandSession, { signal }: JobTry): Promise<TryEnd> {
    try {
      return ended(await generateCommand(session, PATIENCE_MS));
    } catch (error) {
      const passes = signal.aborted || (error instanceof TsdbtError && this.#options.adapter.isTransient(error));
      const again = (next: JobTry): Promise<TryEnd> => this.#try(next, null, []);
      return { ...ended(false), reason: oneLine(error), again: passes ? again : null };
    }
  }

  async #execute(
    session: CommandSession,
    parsed: ParsedProject,
    { claim, signal, durations, progress, job }: JobTry,
    { retried, chosen, kept }: Executed,
  ): Promise<{ readonly results: readonly RunResult[]; readonly interrupted: boolean }> {
    const selection: Selection =
      chosen === null ? select(parsed) : { selected: new Set(chosen), warnings: [], defaultSelector: null };
    const watched = job.work.kind === 'command' && job.work.ifChanged && chosen === null;
    const inputs = watched ? outsideInputs(parsed.manifest, selection.selected, parsed.adapter) : [];
    const marks = watched ? await marksOf(parsed, inputs) : [];
    kept.done = null;
    this.#options.seen.total(claim.runId, selection.selected.size);
    const started = new Map<string, number>();
    const { ctx, results, interrupted } = await withLineage(session, parsed, [], (seen, told) =>
      execute(seen, selection, {
        signal,
        durations,
        patience: PATIENCE_MS,
        retry: retried,
        progress: {
          begun(node, thread) {
            const at = now();
            started.set(node.unique_id, at);
            progress.started({ uniqueId: node.unique_id, thread, at });
          },
          ended(result) {
            told?.(result);
            progress.ended(nodeRun(claim.runId, result, started.get(result.unique_id) ?? null));
            started.delete(result.unique_id);
          },
        },
        stopped: (partial) => printRunEnd(partial.ctx.log, partial.results, null, partial.ctx.tables, true),
      }),
    );
    this.#options.seen.rows(claim.runId, ctx.tables);
    if (selection.selected.size === 0) {
      note(session.logger, `Job ${job.name} selects nothing`, { level: 'warn' });
      return { results, interrupted };
    }
    printRunEnd(ctx.log, results, interrupted ? stopReason(signal) : null, ctx.tables);
    if (watched && !interrupted && succeeded(results)) kept.done = { parsed, inputs, marks };
    return { results, interrupted };
  }
}

/** The part of a job that an attempt runs. */
interface Executed {
  readonly retried: Retried | null;
  /** Null: the job's selection. */
  readonly chosen: ReadonlySet<string> | null;
  readonly kept: KeptJob;
}

function ended(good: boolean): TryEnd {
  return { state: good ? 'success' : 'failed', reason: null, project: null, counts: null, again: null };
}

/** `source freshness`. */
async function measure(parsed: ParsedProject, { claim, signal, progress }: JobTry): Promise<TryEnd> {
  const measured = new Map<string, Freshness>();
  const kind = freshnessKind(measured);
  const selection = select(parsed, { accepts: (id) => hasFreshness(parsed.manifest, id) });
  const outcome = await execute(parsed, selection, { signal, kindOf: () => kind, patience: PATIENCE_MS });
  writeFreshness(parsed, outcome, measured, resolve(parsed.targetPath, 'sources.json'));
  const at = Math.round(now());
  for (const { unique_id: uniqueId, status } of outcome.results) {
    if (status !== 'pass' && status !== 'warn' && status !== 'error' && status !== 'runtime error') continue;
    const found = measured.get(uniqueId);
    progress.measured({
      runId: claim.runId,
      uniqueId,
      status,
      maxLoadedAt: found === undefined ? null : Date.parse(found.maxLoadedAt),
      seconds: found?.age ?? null,
      at,
    });
  }
  const good = succeeded(outcome.results) && !outcome.interrupted;
  if (good) return ended(true);
  const failed = outcome.results
    .filter((result) => !succeeded([result]))
    .map((result) => {
      const found = measured.get(result.unique_id);
      if (found === undefined) return result;
      return { ...result, message: `the newest row is ${durationText(found.age * 1000)} old` };
    });
  return { ...ended(false), reason: reasonOf(failed, outcome.results.length) };
}

/** Source tables that a criterion selects. */
export function sourcesOf(parsed: ParsedProject, criterion: string): ParsedProject['manifest']['sources'][string][] {
  const { manifest } = parsed;
  // Resource types of `load`: those of the parsed command, `build`, exclude sources.
  const accepts = (id: string): boolean => manifest.sources[id] !== undefined;
  const { selected } = select(parsed, { which: 'load', select: [criterion], accepts });
  return [...selected].flatMap((id) => manifest.sources[id] ?? []);
}
