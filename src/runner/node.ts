// One node from start line to result line: compile, execute, time both, turn whatever goes wrong into an error result.
// The kind (model, seed, test …) defines the execution; workers.ts decides about skips and the order.
import type { Session } from '../adapters/adapter.ts';
import type { GraphNode } from '../contracts/node.ts';
import type { AdapterResponse, RunResult, TimingInfo } from '../contracts/results.ts';
import { withoutBuiltIn } from '../compiler/source-map.ts';
import { formatError, TsdbtError } from '../errors.ts';
import { note } from '../events/index.ts';
import { isEphemeral, keepNode } from './nodes.ts';
import { bareResult, isoMicros, nodeFields } from './results.ts';
import type { RunContext } from './context.ts';
import type { NodeProgress } from './node-info.ts';

/** How often a node that collided with another run is retried, and milliseconds before the first retry. */
const RETRIES = 5;
const RETRY_PAUSE = 100;

/** What executing a node gives; time and thread are added outside. */
export interface Outcome {
  readonly status: RunResult['status'];
  readonly message: string | null;
  readonly response: AdapterResponse | Record<string, never>;
  readonly failures: number | null;
  /** The node as it is after execution, when that differs from the compiled one. */
  readonly node?: GraphNode;
  readonly batches?: RunResult['batch_results'];
  readonly overloads?: RunResult['overload_results'];
}

/** How nodes of one sort are run. */
export interface NodeKind<N extends GraphNode = GraphNode> {
  /** Says that the node begins; nothing for silent kinds. */
  start(ctx: RunContext, p: NodeProgress, node: N): void;
  /** Gives the compiled node; the node itself when there is nothing to compile. */
  compile(ctx: RunContext, node: N, session: Session): Promise<N>;
  execute(ctx: RunContext, node: N, session: Session, p: NodeProgress, work: Work): Promise<Outcome>;
  /** Says how it ended. */
  finish(ctx: RunContext, p: NodeProgress, node: N, result: RunResult): void;
  /** Status of a node that failed by an error. */
  readonly errorStatus?: RunResult['status'];
  /** Ephemeral models too are executed (`show`). */
  readonly runsEphemeral?: boolean;
}

/** What the runner does for a node that it runs. */
export interface Work {
  /** Opens a session of the node; the runner keeps the newest to cancel what runs. */
  open(node: GraphNode): Session;
  /** True when the command is to stop: nothing new may begin. */
  halted(): boolean;
}

/** Runs one node. Never throws: an error is a result. */
export async function executeNode(
  ctx: RunContext,
  kind: NodeKind,
  node: GraphNode,
  p: NodeProgress,
  work: Work,
): Promise<RunResult> {
  const began = ctx.now();
  p.started = isoMicros(began);
  p.status = 'started';
  ctx.log.nodeStart(p);
  if (!isEphemeral(node)) kind.start(ctx, p, node);
  ctx.journal?.begin(node.unique_id, p.started);
  let attempt = await attemptNode(ctx, kind, node, p, began, work);
  for (let again = 1; attempt.result === null; again++) {
    const msg =
      `${node.unique_id} collided with another transaction and was rolled back; starting it again (${again} of ` +
      `${RETRIES})`;
    note(ctx.logger, msg, { thread: p.thread });
    await new Promise((resolve) => {
      setTimeout(resolve, RETRY_PAUSE * again * (0.5 + Math.random()));
    });
    attempt = await attemptNode(ctx, kind, node, p, began, work, RETRIES - again);
  }
  const { result, current } = attempt;
  p.finished = isoMicros(ctx.now());
  p.status = result.status;
  if (!isEphemeral(node)) kind.finish(ctx, p, result.node ?? current, result);
  ctx.log.nodeFinished(p, result);
  return result;
}

interface Attempt {
  /** null: to be started again. */ readonly result: RunResult | null;
  readonly current: GraphNode;
}

async function attemptNode(
  ctx: RunContext,
  kind: NodeKind,
  node: GraphNode,
  p: NodeProgress,
  began: number,
  work: Work,
  retriesLeft = RETRIES,
): Promise<Attempt> {
  const timing: TimingInfo[] = [];
  let current = node;
  const session = work.open(node);
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
    p.status = 'executing';
    ctx.log.nodeExecuting(p);
    const outcome = await timed(ctx, 'execute', timing, () => kind.execute(ctx, current, session, p, work));
    const result: RunResult = {
      status: outcome.status,
      timing,
      thread_id: p.thread,
      execution_time: (ctx.now() - began) / 1000,
      adapter_response: outcome.response,
      message: outcome.message,
      failures: outcome.failures,
      batch_results: outcome.batches ?? null,
      overload_results: outcome.overloads ?? null,
      ...nodeFields(outcome.node ?? current),
    };
    return { current, result };
  } catch (error) {
    // The server has rolled the node back, so it can be retried, unless a hook outside of its transaction has run.
    if (retriesLeft > 0 && !session.lasting && isCollision(error, retriesLeft)) return { current: node, result: null };
    const message = errorText(ctx, error, current, p);
    return {
      current,
      result: {
        ...bareResult(current, kind.errorStatus ?? 'error', message, p.thread),
        timing,
        execution_time: (ctx.now() - began) / 1000,
      },
    };
  } finally {
    await session.release();
  }
}

/**
 * Deadlock, serialization failure, something of the catalogue that somebody else changed at the same moment. The next
 * attempt finds a dependant that was created after the node listed its dependants. If the error stays, no other run
 * caused it.
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

/** The message of a failed node in dbt's words; an error that is no TsdbtError is a defect and is logged at once. */
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
