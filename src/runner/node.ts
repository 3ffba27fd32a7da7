// Runs one node from start line to result line: compiles, executes, times both, and turns any error into a result. The
// kind (model, seed, test …) defines the execution; workers.ts decides about skips and the order.
import type { Adapter, Session } from '../adapters/adapter.ts';
import type { Relation } from '../adapters/relation.ts';
import type { GraphNode, ModelNode, SnapshotNode } from '../contracts/node.ts';
import type { AdapterResponse, RunResult, TimingInfo } from '../contracts/results.ts';
import { withoutBuiltIn } from '../compiler/source-map.ts';
import { formatError, TsdbtError } from '../errors.ts';
import { note } from '../events/index.ts';
import { errorOf } from '../error-table.ts';
import { NO_LIMITS, type NodeLimits, nodeLimits } from './node-limits.ts';
import { keepNode } from './nodes.ts';
import { bareResult, isoMicros, nodeFields } from './results.ts';
import type { RunContext } from './context.ts';
import { withCost } from './cost.ts';
import type { NodeProgress } from './node-info.ts';
import { sleep } from '../within.ts';
import { isEphemeral } from '../graph/node-facts.ts';

/** How often a node that conflicts with another run is retried, and milliseconds before the first retry. */
const RETRIES = 5;
const RETRY_PAUSE = 100;
/** Milliseconds before the first of a node's own `retries`; doubles each time. */
const RETRY_MS = 1000;

/** The result of executing a node; time and thread are added by the caller. */
export interface Outcome {
  readonly status: RunResult['status'];
  readonly message: string | null;
  readonly response: AdapterResponse | Record<string, never>;
  readonly failures: number | null;
  /** The node after execution, if it differs from the compiled one. */
  readonly node?: GraphNode;
  readonly batches?: RunResult['batch_results'];
  readonly overloads?: RunResult['overload_results'];
  /** Whether what failed may succeed later. */
  readonly transient?: boolean;
}

/** How nodes of one kind are run. */
export interface NodeKind<N extends GraphNode = GraphNode> {
  /** Logs the start of the node; nothing for silent kinds. */
  start(ctx: RunContext, p: NodeProgress, node: N): void;
  /** Returns the compiled node, or the node itself if there is nothing to compile. */
  compile(ctx: RunContext, node: N, session: Session): Promise<N>;
  execute(ctx: RunContext, node: N, session: Session, p: NodeProgress, work: Work): Promise<Outcome>;
  /** Logs the result. */
  finish(ctx: RunContext, p: NodeProgress, node: N, result: RunResult): void;
  /** Status of a node that ended with an error. */
  readonly errorStatus?: RunResult['status'];
  /** Whether ephemeral models are executed as well (`show`). */
  readonly runsEphemeral?: boolean;
  /** Whether its parts are nodes, each with the node's limits. */
  readonly limitsParts?: boolean;
}

/** What the runner provides to a running node. */
export interface Work {
  /**
   * Opens a session of the node. The runner keeps the newest session of the target, and those of other databases, to
   * cancel their statements.
   * @param adapter of another database than the target
   */
  open(node: GraphNode, adapter?: Adapter): Session;
  /** Returns true if the command is stopping: nothing new may begin. */
  halted(): boolean;
  /** Cancels the statements of these sessions on their servers. */
  cancel(): Promise<unknown>;
  /**
   * Runs the tests of an audited node; absent: it is not audited.
   * @throws {TsdbtError} if a test does not pass
   */
  readonly audit?:
    | ((ctx: RunContext, node: ModelNode | SnapshotNode, staged: Relation, session: Session) => Promise<void>)
    | undefined;
}

/** Runs one node. Never throws: an error is a result. */
export async function executeNode(
  ctx: RunContext,
  kind: NodeKind,
  node: GraphNode,
  p: NodeProgress,
  work: Work,
): Promise<RunResult> {
  // A test of an audit: its node started earlier.
  if (work.halted()) return bareResult(node, kind.errorStatus ?? 'error', 'The command was stopped.', p.thread);
  const began = ctx.now();
  p.started = isoMicros(began);
  p.status = 'started';
  ctx.log.nodeStart(p);
  if (!isEphemeral(node)) kind.start(ctx, p, node);
  ctx.journal?.begin(node.unique_id, p.started);
  const limits = kind.limitsParts === true ? NO_LIMITS : nodeLimits(node);
  let attempt = await attemptUntilWhole(ctx, kind, node, p, began, work, limits);
  for (let tries = 0; mayRetry(attempt, tries, limits, work); tries++) {
    const pause = RETRY_MS * 2 ** Math.min(tries, 6);
    const msg =
      `${node.unique_id} failed by what may pass; trying it again in ${pause / 1000} s (${tries + 1} of ` +
      `${limits.retries})`;
    note(ctx.logger, msg, { thread: p.thread });
    await sleep(pause);
    if (work.halted()) break;
    attempt = await attemptUntilWhole(ctx, kind, node, p, ctx.now(), work, limits);
  }
  const { result, current } = attempt;
  p.finished = isoMicros(ctx.now());
  p.status = result.status;
  // A node cancelled by the end of the command counts as skipped, so no line of its error is printed.
  const cancelled = result.status === 'error' && result.batch_results === null && work.halted();
  if (result.status === 'reused') ctx.log.reusedResult(node, result.execution_time, p);
  else if (!isEphemeral(node) && !cancelled) kind.finish(ctx, p, result.node ?? current, result);
  ctx.log.nodeFinished(p, result);
  return result;
}

function mayRetry({ result }: Whole, tries: number, { retries }: NodeLimits, work: Work): boolean {
  return tries < retries && result.transient === true && !work.halted();
}

/** Restarts the node while it conflicts with other transactions. */
async function attemptUntilWhole(
  ctx: RunContext,
  kind: NodeKind,
  node: GraphNode,
  p: NodeProgress,
  began: number,
  work: Work,
  limits: NodeLimits,
): Promise<Whole> {
  let attempt = await attemptNode(ctx, kind, node, p, began, work, limits);
  for (let again = 1; attempt.result === null; again++) {
    const msg =
      `${node.unique_id} collided with another transaction and was rolled back; starting it again (${again} of ` +
      `${RETRIES})`;
    note(ctx.logger, msg, { thread: p.thread });
    await sleep(RETRY_PAUSE * again * (0.5 + Math.random()));
    attempt = await attemptNode(ctx, kind, node, p, began, work, limits, RETRIES - again);
  }
  return attempt;
}

interface Whole {
  readonly result: RunResult;
  readonly current: GraphNode;
}

/** A null result means: start again. */
type Attempt = Whole | { readonly result: null; readonly current: GraphNode };

async function attemptNode(
  ctx: RunContext,
  kind: NodeKind,
  node: GraphNode,
  p: NodeProgress,
  began: number,
  work: Work,
  { timeoutMs }: NodeLimits,
  retriesLeft = RETRIES,
): Promise<Attempt> {
  const timing: TimingInfo[] = [];
  let current = node;
  const session = work.open(node);
  let late = false;
  const timer =
    timeoutMs === null
      ? undefined
      : setTimeout(() => {
          late = true;
          void work.cancel();
        }, timeoutMs);
  try {
    p.status = 'compiling';
    ctx.log.nodeCompiling(p);
    current = await timed(ctx, 'compile', timing, () => kind.compile(ctx, node, session));
    keepNode(ctx, current);
    if (isEphemeral(node) && !kind.runsEphemeral) {
      return {
        current,
        result: {
          ...bareResult(current, 'success', null, p.thread),
          timing,
          execution_time: (ctx.now() - began) / 1000,
        },
      };
    }
    const reused = ctx.reuse?.compiled(current, p.thread) ?? null;
    if (reused !== null) return { current, result: { ...reused, timing, execution_time: (ctx.now() - began) / 1000 } };
    p.status = 'executing';
    ctx.log.nodeExecuting(p);
    const outcome = await timed(ctx, 'execute', timing, () => kind.execute(ctx, current, session, p, work));
    const result: RunResult = {
      status: outcome.status,
      timing,
      thread_id: p.thread,
      execution_time: (ctx.now() - began) / 1000,
      adapter_response: withCost(outcome.response, p.cost),
      message: outcome.message,
      failures: outcome.failures,
      batch_results: outcome.batches ?? null,
      overload_results: outcome.overloads ?? null,
      ...(outcome.transient === true ? { transient: true } : {}),
      ...nodeFields(outcome.node ?? current),
    };
    return { current, result };
  } catch (thrown) {
    const error = late && !work.halted() ? errorOf('nodeTooSlow', { seconds: (timeoutMs ?? 0) / 1000 }) : thrown;
    // The server has rolled the node back, so it can be retried, unless a hook outside of its transaction has run.
    if (retriesLeft > 0 && !session.lasting && isCollision(error, retriesLeft)) return { current: node, result: null };
    const message = errorText(ctx, error, current, p);
    return {
      current,
      result: {
        ...bareResult(current, kind.errorStatus ?? 'error', message, p.thread),
        timing,
        execution_time: (ctx.now() - began) / 1000,
        ...(late || (error instanceof TsdbtError && ctx.adapter.isTransient(error)) ? { transient: true } : {}),
      },
    };
  } finally {
    clearTimeout(timer);
    await session.release();
  }
}

/**
 * Deadlock, serialization failure, or a catalog entry that another session changed at the same moment. The next attempt
 * finds a dependant that was created after the node listed its dependants. If the error persists, no other run caused
 * it.
 */
function isCollision(error: unknown, retriesLeft: number): boolean {
  if (!(error instanceof TsdbtError)) return false;
  switch (error.details.code) {
    case '40P01':
    case '40001':
      return true;
    case '2BP01':
      return retriesLeft > RETRIES - 2;
    case 'XX000':
      return /^(?:tuple concurrently |could not open relation with OID|cache lookup failed)/.test(error.message);
    default:
      return false;
  }
}

async function timed<T>(
  ctx: RunContext,
  name: TimingInfo['name'],
  timing: TimingInfo[],
  work: () => Promise<T>,
): Promise<T> {
  const started_at = `${isoMicros(ctx.now())}Z`;
  try {
    return await work();
  } finally {
    timing.push({ name, started_at, completed_at: `${isoMicros(ctx.now())}Z` });
  }
}

/** The message of a failed node in dbt's form. An error that is not a TsdbtError is a defect and is logged at once. */
function errorText(ctx: RunContext, error: unknown, node: GraphNode, p: NodeProgress): string {
  if (error instanceof TsdbtError) {
    const built = error.kind === 'database' ? (node as { build_path?: string | null }).build_path : null;
    const located =
      error.kind === 'internal' || error.kind === 'connection'
        ? error
        : withoutBuiltIn(ctx, error, node.package_name).with({ node, ...(built ? { compiledPath: built } : {}) });
    const text = formatError(located);
    ctx.log.caughtError(text, located.errorCode, p);
    return text;
  }
  const text = error instanceof Error ? error.message : String(error);
  ctx.log.uncaughtError(text, p);
  return text;
}
