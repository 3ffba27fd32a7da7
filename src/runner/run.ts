// The entry point of a run: prepares the database, runs the project's hooks around the nodes and writes the journal, as
// the command requires. workers.ts schedules the nodes; the caller writes the artifacts.
import { join } from 'node:path';
import type { Session } from '../adapters/adapter.ts';
import type { Table } from '../adapters/table.ts';
import type { GraphNode } from '../contracts/node.ts';
import type { RunResult } from '../contracts/results.ts';
import { errorOf } from '../error-table.ts';
import { TsdbtError } from '../errors.ts';
import { print } from '../events/index.ts';
import { Dag } from '../graph/dag.ts';
import { createQueue, type Queue } from '../graph/queue.ts';
import { deprecation } from '../project/deprecations.ts';
import { Journal } from '../state/journal.ts';
import { PyTuple, type Value } from '../values/index.ts';
import { stopReason, unlessAborted, within } from '../within.ts';
import { auditsOf } from './audit.ts';
import { createRunContext, type RetriedRun, type RunContext } from './context.ts';
import { HOOK_TYPES, type Master, projectHooks, runProjectHooks } from './hooks.ts';
import { kindFor } from './kinds/index.ts';
import { isMicrobatch } from './kinds/microbatch.ts';
import type { NodeKind } from './node.ts';
import { countNodes } from './nodes.ts';
import { openSession } from './open-session.ts';
import { operationNode } from './operation-node.ts';
import type { ParsedProject } from './parsed-project.ts';
import { prepareDatabase, readViews } from './prepare-database.ts';
import { skipRest } from './results.ts';
import { type Explained, ReuseRun } from './reuse/reuse-run.ts';
import { resultValue } from './result-value.ts';
import { runCounts } from './summary.ts';
import { type ExecuteOptions, executeNodes, type Progress } from './workers.ts';

export interface RunRequest {
  /** unique_ids returned by `select`. */
  readonly selected: ReadonlySet<string>;
  /** Aborting it stops the run: running statements are cancelled on the server. */
  readonly signal?: AbortSignal | null | undefined;
  /** Set for `retry`. */
  readonly retry?: RetriedRun | null | undefined;
  /** Usual duration of nodes in seconds, by unique_id: those on the longest path start first. */
  readonly durations?: ReadonlyMap<string, number> | undefined;
  /** Milliseconds within which cancelled nodes must end before their connections are closed. */
  readonly patience?: number | undefined;
  readonly progress?: Progress | undefined;
  /** With `--reuse`: a hash of everything that the nodes depend on, except data. */
  readonly reuseKey?: string | undefined;
}

export interface RunOptions {
  /** The settings of another command; by default those of the command in the flags. */
  readonly which?: string | undefined;
  readonly ctx?: RunContext | undefined;
  /** Overrides the kind of each node. */
  readonly kindOf?: ((node: GraphNode) => NodeKind) | undefined;
  /**
   * Receives the nodes' results if the run throws after them, because an on-run-end hook cannot be rendered. Without
   * it, the results stay in the journal for the next command.
   */
  readonly stopped?: ((outcome: RunOutcome) => void) | undefined;
}

/** The nodes' results. */
export interface RunOutcome {
  readonly results: RunResult[];
  /** Seconds. */
  readonly elapsed: number;
  readonly interrupted: boolean;
  readonly ctx: RunContext;
}

/** How commands differ in running nodes. */
interface Manner {
  /** Whether schemas are created and the journal is written. */
  readonly builds: boolean;
  /** Whether on-run-start and on-run-end run. */
  readonly hooks: boolean;
  /** Whether `Finished running …` is logged. */
  readonly counts: boolean;
  /** Whether the first error ends the command. */
  readonly raiseFirst: boolean;
}

const BUILDS: Manner = { builds: true, hooks: true, counts: true, raiseFirst: false };
const COMPILES: Manner = { builds: false, hooks: false, counts: false, raiseFirst: true };

/** By dbt's name of the command. */
const MANNERS = {
  run: BUILDS,
  build: BUILDS,
  seed: BUILDS,
  snapshot: BUILDS,
  test: BUILDS,
  publish: { ...BUILDS, hooks: false },
  clone: { ...BUILDS, hooks: false, counts: false },
  freshness: { ...BUILDS, builds: false },
  compile: COMPILES,
  show: COMPILES,
  generate: COMPILES,
} as const satisfies Readonly<Record<string, Manner>>;

function mannerOf(which: string): Manner {
  const manners: Readonly<Record<string, Manner>> = MANNERS;
  const manner = manners[which];
  if (manner === undefined) throw errorOf('commandRunsNothing', { command: which });
  return manner;
}

/** Whether the command only compiles its nodes (and `show` reads their first rows): nothing is built. */
export function compilesOnly(which: string): boolean {
  return mannerOf(which) === COMPILES;
}

/**
 * Runs the selected nodes as the command requires and returns one result per node. All connections are then closed.
 * @throws {TsdbtError} an error that stops the whole run: an unreachable database, a hook that does not compile; for
 *   commands that only compile, the first error of a node
 */
export async function run(parsed: ParsedProject, request: RunRequest, options: RunOptions = {}): Promise<RunOutcome> {
  const { flags } = parsed.config;
  const which = options.which ?? flags.which;
  const manner = mannerOf(which);
  const threads = threadsOf(parsed);
  const hooks = manner.hooks && !(which === 'freshness' && flags['source_freshness_run_project_hooks'] === false);
  const journal = manner.builds && flags.write_json ? openJournal(parsed, request.selected) : null;
  const base = options.ctx ?? createRunContext(parsed, request.selected);
  const reuse = request.reuseKey === undefined ? null : openReuse(base, request.reuseKey);
  const ctx: RunContext = { ...base, journal, retry: request.retry ?? null, reuse };
  if (manner.hooks && !hooks && HOOK_TYPES.some((type) => projectHooks(ctx, type).length > 0))
    deprecation(ctx.logger, 'SourceFreshnessProjectHooksNotRun', {});
  const { nodes, unitTests } = which === 'build' ? besideModels(parsed, request.selected) : withoutTests(request);
  // Clones do not read each other.
  const graph = which === 'clone' ? new Dag([...nodes], []) : parsed.dag;
  const keep = (): void => {
    ctx.views.save();
    ctx.tests.save();
  };
  try {
    const outcome = await runBetweenHooks(ctx, createQueue(graph, nodes, request.durations), {
      threads,
      build: which === 'build',
      failFast: flags.fail_fast,
      raiseFirst: manner.raiseFirst,
      kindOf: options.kindOf ?? kindFor(which, (model) => isMicrobatch(ctx, model)),
      unitTests,
      audits: which === 'build' ? auditsOf(parsed.manifest, graph, request.selected) : new Map(),
      descendants: (id) => (graph.has(id) ? graph.dependants(id) : []),
      keepEphemeral: which === 'show' || (which === 'compile' && Boolean(flags.select?.length || flags.inline)),
      signal: request.signal ?? null,
      patience: request.patience,
      progress: request.progress,
      hooks,
      reuse,
      createSchemas: manner.builds,
      countsLine: manner.counts,
      queries: flags.introspect || manner.builds,
      changes: flags['read_only'] !== true,
      stopped(stopped) {
        keep();
        options.stopped?.(stopped);
      },
    });
    keep();
    return outcome;
  } catch (error) {
    // A run that throws keeps its journal, like a killed run.
    journal?.close();
    throw error;
  }
}

/** @throws {TsdbtError} usage, if it is less than one */
function threadsOf({ config: { flags, profile } }: ParsedProject): number {
  const threads = flags['single_threaded'] === true ? 1 : (flags.threads ?? profile.threads);
  if (threads < 1) throw errorOf('threadsBelowOne', { threads });
  return threads;
}

function openReuse(ctx: RunContext, key: string): ReuseRun | null {
  if (ctx.adapter.reuse !== null) return new ReuseRun(ctx, ctx.adapter.reuse, key);
  ctx.log.note('--reuse has no effect: not every server of this cluster would see the states of nodes.', 'warn');
  return null;
}

/** Prints the decision about each node. */
function explain({ logger }: RunContext, decisions: readonly Explained[]): void {
  for (const { node, what, reason } of decisions) {
    const { unique_id } = node;
    const decision = what === 'reuse' ? 'reused' : 'runs';
    const msg = `${decision} ${unique_id} because ${reason}`;
    print(logger, msg, { data: () => ({ msg, unique_id, decision, reason }) });
  }
}

function openJournal({ config, targetPath, pid, secrets }: ParsedProject, selected: ReadonlySet<string>): Journal {
  const { invocation_id, command, args, started_at } = config.invocation;
  return Journal.open(
    join(targetPath, 'run.journal'),
    { invocation_id, command, args, started_at: started_at.toISOString(), pid, selected: [...selected] },
    secrets,
  );
}

/** The queue, and the unit tests that run with their model, by its unique_id. */
interface Queued {
  readonly nodes: ReadonlySet<string>;
  readonly unitTests: ReadonlyMap<string, readonly string[]>;
}

function withoutTests({ selected }: RunRequest): Queued {
  return { nodes: selected, unitTests: new Map() };
}

/** A unit test whose model is also selected runs before the model and is not in the queue. */
function besideModels({ manifest }: ParsedProject, selected: ReadonlySet<string>): Queued {
  const nodes = new Set(selected);
  const unitTests = new Map<string, string[]>();
  for (const id of selected) {
    const model = manifest.unit_tests[id]?.depends_on.nodes[0];
    if (model === undefined || !selected.has(model)) continue;
    unitTests.set(model, [...(unitTests.get(model) ?? []), id]);
    nodes.delete(id);
  }
  return { nodes, unitTests };
}

interface HookedOptions extends ExecuteOptions {
  readonly hooks: boolean;
  readonly reuse: ReuseRun | null;
  readonly createSchemas: boolean;
  readonly countsLine: boolean;
  readonly stopped: (outcome: RunOutcome) => void;
}

/** Prepares the database, then runs on-run-start, nodes and on-run-end. */
async function runBetweenHooks(ctx: RunContext, queue: Queue, options: HookedOptions): Promise<RunOutcome> {
  const { log, config } = ctx;
  log.formatting();
  log.concurrency(options.threads, config.profile.target_name, countNodes(ctx));
  log.formatting();
  const began = ctx.now();
  const results: RunResult[] = [];
  let interrupted = false;
  let failure: unknown;
  let through = false;
  const masters = new Set<Session>();
  let outside: Promise<unknown> = Promise.resolve();
  try {
    // Outside of nodes a signal ends the wait at once; closing the connections cancels the running statements. compile
    // without introspective queries needs no database.
    const before = options.queries ? beforeRun(ctx, options, masters) : Promise.resolve({ may: true, hooks: [] });
    outside = before;
    const started = await unlessAborted(options.signal, before);
    results.push(...(started?.value.hooks ?? []));
    if (started === null) interrupted = true;
    else if (started.value.may || config.flags['skip_nodes_if_on_run_start_fails'] === false) {
      const { reuse } = options;
      if (reuse !== null) await unlessAborted(options.signal, reuse.prepare());
      const execution = await executeNodes(ctx, queue, options);
      results.push(...execution.results);
      interrupted = execution.interrupted;
      if (reuse !== null && !interrupted) await unlessAborted(options.signal, reuse.finish());
      if (reuse !== null && config.flags['explain'] === true) explain(ctx, reuse.explained);
    } else skipAll(ctx, results);
    through = true;
    if (options.hooks && !interrupted) {
      // A hook that ends after a signal adds no results.
      const ended: RunResult[] = [];
      try {
        const after = afterRun(ctx, results, ended, masters);
        outside = after;
        interrupted = (await unlessAborted(options.signal, after)) === null;
      } finally {
        results.push(...ended);
      }
    }
    // Nodes that did not run because of a signal before the first node.
    if (interrupted) skipRest(ctx, results, `Skipping due to ${stopReason(options.signal)}`);
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    if (interrupted && options.patience !== undefined) {
      const cancelled = Promise.all([...masters].map((session) => session.cancel()));
      await within(Promise.all([cancelled, outside]), options.patience);
    }
    await Promise.all([ctx.adapter.close(), ctx.receivers.close()]);
    const elapsed = (ctx.now() - began) / 1000;
    if (options.countsLine) {
      log.formatting();
      log.finishedRunning(runCounts(results.flatMap((r) => (r.node ? [r.node] : []))), elapsed);
    }
    // As in dbt, a run whose on-run-start cannot be rendered leaves no artifacts.
    if (through && failure instanceof TsdbtError) options.stopped({ results, elapsed, interrupted, ctx });
  }
  return { results, elapsed: (ctx.now() - began) / 1000, interrupted, ctx };
}

/** dbt's `clear_transaction`: what follows runs outside of a transaction. */
async function clearTransaction(session: Session): Promise<void> {
  await session.begin();
  await session.commit();
}

/** @param open receives the session while it is in use */
async function withMaster<T>(ctx: RunContext, open: Set<Session>, work: (master: Master) => Promise<T>): Promise<T> {
  const at: Master['at'] = {};
  const session = openSession(ctx, 'master', operationNode(ctx.config, 'master'), () => at.hook);
  open.add(session);
  try {
    return await work({ session, at });
  } finally {
    open.delete(session);
    await session.release();
  }
}

interface Before {
  /** Whether nodes may run. */
  readonly may: boolean;
  readonly hooks: readonly RunResult[];
}

async function beforeRun(ctx: RunContext, options: HookedOptions, open: Set<Session>): Promise<Before> {
  return withMaster(ctx, open, async (master) => {
    const { session } = master;
    const hooked = options.hooks && projectHooks(ctx, 'on-run-start').length > 0;
    await prepareDatabase(ctx, session, options.createSchemas, options.createSchemas && !hooked);
    if (!hooked) return { may: true, hooks: [] };
    await clearTransaction(session);
    const hooks = await runProjectHooks(ctx, 'on-run-start', master, new Map());
    if (options.createSchemas) await readViews(ctx);
    return { may: hooks.every((r) => r.status === 'success'), hooks };
  });
}

/** The table from which a seed was loaded. */
function seedOf({ tables }: RunContext, { node, unique_id }: RunResult): Table | null {
  return node?.resource_type === 'seed' ? (tables.get(unique_id) ?? null) : null;
}

/** Database and schema of what a node built; null if it builds nothing there. */
function schemaOf(ctx: RunContext, node: GraphNode): [string | null, string] | null {
  switch (node.resource_type) {
    case 'model':
    case 'seed':
    case 'snapshot':
    case 'function':
      return [node.database, node.schema];
    case 'test':
      return node.config.store_failures || ctx.config.flags.store_failures ? [node.database, node.schema] : null;
    default:
      return null;
  }
}

/** on-run-end sees the nodes' results and the schemas in which something was built. */
async function afterRun(
  ctx: RunContext,
  results: readonly RunResult[],
  ended: RunResult[],
  open: Set<Session>,
): Promise<void> {
  if (projectHooks(ctx, 'on-run-end').length === 0) return;
  const schemas = new Map<string, [string | null, string]>();
  for (const r of results) {
    const { node } = r;
    if (node === undefined || r.status === 'error' || r.status === 'fail' || r.status === 'skipped') continue;
    const place = schemaOf(ctx, node);
    if (place !== null) schemas.set(place.join('.'), place);
  }
  const pairs = [...schemas.values()];
  const extra = new Map<string, Value>([
    [
      'results',
      results
        .filter((r) => r.thread_id !== 'main' || r.status === 'error')
        .map((r) => resultValue(r, ctx.logger, seedOf(ctx, r))),
    ],
    ['schemas', [...new Set(pairs.map(([, schema]) => schema))]],
    ['database_schemas', pairs.map((pair) => new PyTuple(pair))],
  ]);
  await withMaster(ctx, open, async (master) => {
    await clearTransaction(master.session);
    await runProjectHooks(ctx, 'on-run-end', master, extra, ended);
  });
}

/** Nothing runs after a failed on-run-start. */
function skipAll(ctx: RunContext, results: RunResult[]): void {
  const total = ctx.selected.size;
  skipRest(ctx, results, null, (node, index) =>
    ctx.log.skipping({
      node,
      started: '',
      finished: '',
      status: 'skipped',
      index,
      total,
      thread: 'MainThread',
      cost: null,
    }),
  );
}
