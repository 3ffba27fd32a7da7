// A whole run: database made ready, on-run-start, nodes, on-run-end, results. Decides nothing about single nodes;
// writing artifacts and the words at the end are its caller's.
import type { Session } from '../adapters/adapter.ts';
import { unlessAborted } from '../within.ts';
import type { GraphNode } from '../contracts/node.ts';
import type { RunResult } from '../contracts/results.ts';
import { TsdbtError } from '../errors.ts';
import type { Queue } from '../graph/queue.ts';
import { PyTuple, type Value } from '../values/index.ts';
import { projectHooks, runProjectHooks } from './hooks.ts';
import { openSession } from './open-session.ts';
import { operationNode } from './operation-node.ts';
import { prepareDatabase, readViews } from './prepare-database.ts';
import { resultValue } from './result-value.ts';
import { bareResult, isEphemeral, lookupNode, type RunContext } from './run-context.ts';
import { type ExecuteOptions, executeNodes } from './workers.ts';
import { runCounts } from './summary.ts';

export interface RunOptions extends ExecuteOptions {
  /** Commands that build: schemas are created and project hooks run. */
  readonly hooks: boolean;
  readonly createSchemas: boolean;
  /** compile and show without queries of their own need no database. */
  readonly connect: boolean;
  /** Commands that print `Finished running …`. */
  readonly countsLine: boolean;
  /** Told what the nodes gave, when the run ends with an error after them: an on-run-end that cannot be rendered. */
  readonly stopped?: ((outcome: RunOutcome) => void) | undefined;
}

export interface RunOutcome {
  readonly results: RunResult[] /** Seconds. */;
  readonly elapsed: number;
  readonly interrupted: boolean;
}

/**
 * @throws {TsdbtError} what keeps the whole run from going on: no database, a hook that does not compile
 */
export async function run(ctx: RunContext, queue: Queue, options: RunOptions): Promise<RunOutcome> {
  const { log, config } = ctx;
  log.formatting();
  log.concurrency(options.threads, config.profile.target_name, countExecutable(ctx));
  log.formatting();
  const began = ctx.now();
  const results: RunResult[] = [];
  let interrupted = false;
  let failure: unknown;
  let through = false;
  try {
    // Outside of nodes a signal ends the wait at once; closing the connections then stops what the server does.
    const before = options.connect ? beforeRun(ctx, options) : Promise.resolve({ may: true, hooks: [] });
    const started = await unlessAborted(options.signal, before);
    results.push(...(started?.value.hooks ?? []));
    if (started === null) interrupted = true;
    else if (started.value.may || config.flags['skip_nodes_if_on_run_start_fails'] === false) {
      const execution = await executeNodes(ctx, queue, options);
      results.push(...execution.results);
      interrupted = execution.interrupted;
    } else skipAll(ctx, results);
    through = true;
    if (options.hooks && !interrupted) {
      // A hook that goes on after a signal adds nothing any more.
      const ended: RunResult[] = [];
      try {
        interrupted = (await unlessAborted(options.signal, afterRun(ctx, results, ended))) === null;
      } finally {
        results.push(...ended);
      }
    }
    if (interrupted) addSkipped(ctx, results);
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    await ctx.adapter.close();
    const elapsed = (ctx.now() - began) / 1000;
    if (options.countsLine) {
      log.formatting();
      log.finishedRunning(runCounts(results.flatMap((r) => (r.node ? [r.node] : []))), elapsed);
    }
    // As dbt: a run whose on-run-start cannot be rendered leaves nothing.
    if (through && failure instanceof TsdbtError) options.stopped?.({ results, elapsed, interrupted });
  }
  return { results, elapsed: (ctx.now() - began) / 1000, interrupted };
}

function countExecutable(ctx: RunContext): number {
  let count = 0;
  for (const id of ctx.selected) {
    const node = lookupNode(ctx.manifest, id);
    if (node !== undefined && !isEphemeral(node)) count++;
  }
  return count;
}

/** dbt's `clear_transaction`: what follows runs outside a transaction. */
async function clearTransaction(session: Session): Promise<void> {
  await session.begin();
  await session.commit();
}

async function withMaster<T>(ctx: RunContext, work: (session: Session) => Promise<T>): Promise<T> {
  const session = openSession(ctx, 'master', operationNode(ctx.config, 'master'));
  try {
    return await work(session);
  } finally {
    await session.release();
  }
}

interface Before {
  /** Nodes may run. */ readonly may: boolean;
  readonly hooks: readonly RunResult[];
}

async function beforeRun(ctx: RunContext, options: RunOptions): Promise<Before> {
  return withMaster(ctx, async (session) => {
    const hooked = options.hooks && projectHooks(ctx, 'on-run-start').length > 0;
    await prepareDatabase(ctx, session, options.createSchemas, options.createSchemas && !hooked);
    if (!hooked) return { may: true, hooks: [] };
    await clearTransaction(session);
    const hooks = await runProjectHooks(ctx, 'on-run-start', session, new Map());
    if (options.createSchemas) await readViews(ctx);
    return { may: hooks.every((r) => r.status === 'success'), hooks };
  });
}

/** on-run-end sees what the nodes gave and the schemas that something was built in. */
async function afterRun(ctx: RunContext, results: readonly RunResult[], ended: RunResult[]): Promise<void> {
  if (projectHooks(ctx, 'on-run-end').length === 0) return;
  const schemas = new Map<string, [string | null, string]>();
  for (const r of results) {
    const { node } = r;
    if (node === undefined || r.status === 'error' || r.status === 'fail' || r.status === 'skipped') continue;
    if (node.resource_type !== 'model' && node.resource_type !== 'seed' && node.resource_type !== 'snapshot') continue;
    schemas.set(`${node.database}.${node.schema}`, [node.database, node.schema]);
  }
  const pairs = [...schemas.values()];
  const extra = new Map<string, Value>([
    ['results', results.filter((r) => r.thread_id !== 'main' || r.status === 'error').map(resultValue)],
    ['schemas', [...new Set(pairs.map(([, schema]) => schema))]],
    ['database_schemas', pairs.map((pair) => new PyTuple(pair))],
  ]);
  await withMaster(ctx, async (session) => {
    await clearTransaction(session);
    await runProjectHooks(ctx, 'on-run-end', session, extra, ended);
  });
}

/** What a signal before the first node has kept from running. */
function addSkipped(ctx: RunContext, results: RunResult[]): void {
  const done = new Set(results.map((r) => r.unique_id));
  for (const id of ctx.selected) {
    const node = lookupNode(ctx.manifest, id);
    if (node === undefined || done.has(id)) continue;
    results.push(bareResult(node, 'skipped', 'Skipping due to keyboard interrupt', 'MainThread'));
  }
}

function skipAll(ctx: RunContext, results: RunResult[]): void {
  const done = new Set(results.map((r) => r.unique_id));
  let index = 0;
  for (const id of ctx.selected) {
    const node: GraphNode | undefined = lookupNode(ctx.manifest, id);
    if (node === undefined || done.has(id)) continue;
    index++;
    ctx.log.skipping({
      node,
      started: '',
      finished: '',
      status: 'skipped',
      index,
      total: ctx.selected.size,
      thread: 'MainThread',
    });
    results.push(bareResult(node, 'skipped', null, 'MainThread'));
  }
}
