// Runs the nodes of a queue on as many workers as there are threads: decides what starts, what is skipped and why, and
// when to stop early. The kind defines what a node does; the queue defines the order.
import { errorOf } from '../error-table.ts';
import type { Session } from '../adapters/adapter.ts';
import { stopReason, unlessAborted, within } from '../within.ts';
import type { Relation } from '../adapters/relation.ts';
import type { GraphNode, ManifestNode, ModelNode, SnapshotNode } from '../contracts/node.ts';
import type { RunResult } from '../contracts/results.ts';
import { TsdbtError } from '../errors.ts';
import type { Queue } from '../graph/queue.ts';
import { audit, stagedContext, withPublishedName, worse } from './audit.ts';
import { auditTestKind } from './kinds/data-test.ts';
import { NoIntrospection } from './no-introspection.ts';
import { openSession } from './open-session.ts';
import { countNodes, keepNode, lookupNode } from './nodes.ts';
import { bareResult, isoMicros, skipRest, stopsChildren } from './results.ts';
import type { RunContext } from './context.ts';
import { type NodeProgress, templateLogger } from './node-info.ts';
import { type NodeKind, executeNode } from './node.ts';
import { printResultError } from './summary.ts';
import { isHeldToTests, noteBuilt } from './tested-rows.ts';
import { isEphemeral } from '../graph/node-facts.ts';

export interface ExecuteOptions {
  readonly threads: number;
  /** Whether templates may run statements; false with `--no-introspect`. */
  readonly queries: boolean;
  /** Whether statements may change data; false with `--read-only`. */
  readonly changes: boolean;
  /** `build`: a failed test or a skipped node stops its descendants. */
  readonly build: boolean;
  readonly failFast: boolean;
  /** Whether the first error ends the command (compile, show). */
  readonly raiseFirst: boolean;
  readonly kindOf: (node: GraphNode) => NodeKind;
  /** Unit tests to run before their model. */
  readonly unitTests: ReadonlyMap<string, readonly string[]>;
  readonly descendants: (id: string) => Iterable<string>;
  /** Tests that run before their node is published, by its unique_id. */
  readonly audits: ReadonlyMap<string, readonly string[]>;
  /** Whether ephemeral models have results (compile and show with a selection). */
  readonly keepEphemeral: boolean;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal | null;
  /** Milliseconds within which cancelled nodes must end. */
  readonly patience?: number | undefined;
  readonly progress?: Progress | undefined;
}

/** Observes the start and the end of nodes. */
export interface Progress {
  begun(node: GraphNode, thread: string): void;
  ended(result: RunResult): void;
}

export interface Execution {
  readonly results: RunResult[];
  readonly interrupted: boolean;
}

/**
 * Executes every node of the queue.
 * @throws {TsdbtError} the first error, if `raiseFirst`
 */
export async function executeNodes(ctx: RunContext, queue: Queue, options: ExecuteOptions): Promise<Execution> {
  return new Workers(ctx, queue, options).run();
}

/**
 * Milliseconds within which nodes must end after Ctrl-C: once they are cancelled, and once their connections are
 * closed.
 */
const CANCELLED_MS = 3000;
const CLOSED_MS = 1000;

type Stop =
  | { readonly why: 'failFast'; readonly result: RunResult }
  | { readonly why: 'raise'; readonly message: string }
  | { readonly why: 'interrupt' };

class Workers {
  readonly #ctx: RunContext;
  readonly #contexts = new Map<string, RunContext>();
  /** What each thread runs. */
  readonly #current = new Map<string, NodeProgress>();
  readonly #queue: Queue;
  readonly #options: ExecuteOptions;
  readonly #results: RunResult[] = [];
  readonly #skipped = new Map<string, RunResult | null>();
  /** Sessions of each running node: the target's, and those of other databases. */
  readonly #sessions = new Map<string, readonly Session[]>();
  /** Results of the tests of audited nodes, by the nodes' unique_ids. */
  readonly #audited = new Map<string, Map<string, RunResult>>();
  readonly #free: number[];
  readonly #total: number;
  #started = 0;
  #running = 0;
  #stop: Stop | null = null;
  #wake: () => void = () => undefined;

  constructor(ctx: RunContext, queue: Queue, options: ExecuteOptions) {
    this.#ctx = ctx;
    this.#queue = queue;
    this.#options = options;
    this.#free = Array.from({ length: Math.max(1, options.threads) }, (_, i) => options.threads - i);
    this.#total = countNodes(ctx);
  }

  async run(): Promise<Execution> {
    const { signal } = this.#options;
    const interrupt = (): void => {
      this.#stop ??= { why: 'interrupt' };
      this.#wake();
    };
    signal?.addEventListener('abort', interrupt);
    if (signal?.aborted) interrupt();
    try {
      for (;;) {
        this.#startReady();
        if (this.#stop !== null || this.#queue.remaining === 0) break;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          if (this.#stop !== null) resolve();
        });
      }
      if (this.#stop !== null) await this.#end(this.#stop);
    } finally {
      signal?.removeEventListener('abort', interrupt);
    }
    return { results: this.#results, interrupted: this.#stop?.why === 'interrupt' };
  }

  #startReady(): void {
    for (;;) {
      const thread = this.#free.at(-1);
      if (this.#stop !== null || thread === undefined) return;
      const id = this.#queue.next();
      if (id === undefined) {
        if (this.#running === 0 && this.#queue.remaining > 0)
          throw errorOf('nodesNeverRun', { count: this.#queue.remaining });
        return;
      }
      this.#free.pop();
      this.#running++;
      void this.#work(id, `Thread-${thread} (worker)`).then(
        () => this.#freed(id, thread),
        (error: unknown) => {
          this.#stop ??= { why: 'raise', message: error instanceof Error ? error.message : String(error) };
          this.#freed(id, thread);
        },
      );
    }
  }

  #freed(id: string, thread: number): void {
    this.#running--;
    this.#free.push(thread);
    this.#free.sort((a, b) => b - a);
    this.#queue.done(id);
    this.#wake();
  }

  async #work(id: string, thread: string): Promise<void> {
    const node = lookupNode(this.#ctx.manifest, id);
    if (node === undefined) throw errorOf('selectedNotInManifest', { node: id });
    if (this.#isAudited(node)) return;
    for (const unitTestId of this.#options.unitTests.get(id) ?? []) {
      const unitTest = this.#ctx.manifest.unit_tests[unitTestId];
      if (unitTest === undefined || this.#isHalted(id)) continue;
      const result = this.#skipped.has(id)
        ? this.#skip(unitTest, null, thread)
        : await this.#reuseOrRun(unitTest, thread);
      this.#record(unitTest, result);
      if (stopsChildren(result.status, this.#options.build) && !this.#skipped.has(id)) {
        for (const below of [id, ...this.#options.descendants(id)]) this.#skipped.set(below, null);
      }
    }
    if (this.#isHalted(id)) return;
    const cause = this.#skipped.get(id);
    const result = cause === undefined ? await this.#reuseOrRun(node, thread) : this.#skip(node, cause, thread);
    if (result.status === 'success' && this.#options.build && isHeldToTests(this.#ctx, node))
      await this.#noteBuilt(node, thread);
    const before = this.#stop;
    for (const audited of this.#audited.get(id)?.values() ?? [])
      if (audited.node !== undefined) this.#record(audited.node, audited, before);
    this.#record(node, result, before);
  }

  async #noteBuilt(node: ManifestNode, thread: string): Promise<void> {
    const session = openSession(this.#ctx, node.unique_id, node, this.#progress(node, thread, false));
    try {
      await noteBuilt(this.#ctx, node, session);
    } finally {
      await session.release();
    }
  }

  /**
   * A model that has started and is skipped because of its own unit test is reported as such, as in dbt, also under
   * --fail-fast.
   */
  #isHalted(id: string): boolean {
    return this.#stop !== null && !(this.#stop.why === 'failFast' && this.#skipped.has(id));
  }

  /** Has the test been run before its node was published? */
  #isAudited(node: GraphNode): boolean {
    if (this.#audited.size === 0 || node.resource_type !== 'test') return false;
    return [...this.#audited.values()].some((results) => results.has(node.unique_id));
  }

  /** The context of a worker: its templates see `thread_id`, and their events its node. */
  #contextOf(thread: string): RunContext {
    let ctx = this.#contexts.get(thread);
    if (ctx === undefined) {
      const { scopes } = this.#ctx;
      const logger = templateLogger(scopes.context.logger, thread, () => this.#current.get(thread));
      this.#contexts.set(
        thread,
        (ctx = { ...this.#ctx, scopes: { ...scopes, context: { ...scopes.context, threadId: thread, logger } } }),
      );
    }
    return ctx;
  }

  #progress(node: GraphNode, thread: string, counts = !isEphemeral(node)): NodeProgress {
    if (counts) this.#started++;
    return {
      node,
      started: '',
      finished: '',
      status: '',
      index: this.#started,
      total: this.#total,
      thread,
      cost: null,
    };
  }

  /** With `--reuse`, returns at once for a node that is reused. */
  async #reuseOrRun(node: GraphNode, thread: string): Promise<RunResult> {
    const { reuse } = this.#ctx;
    if (reuse === null) return this.#one(node, thread);
    const reused = await reuse.early(node, thread);
    if (reused !== null) {
      this.#started++;
      return reused;
    }
    const result = await this.#one(node, thread);
    await reuse.ended(node, result);
    return result;
  }

  async #one(node: GraphNode, thread: string): Promise<RunResult> {
    try {
      const p = this.#progress(node, thread);
      this.#current.set(thread, p);
      this.#options.progress?.begun(node, thread);
      return await executeNode(this.#contextOf(thread), this.#options.kindOf(node), node, p, {
        open: (n, adapter) => {
          const opened = openSession(this.#ctx, n.unique_id, n, p, adapter);
          const { queries, changes } = this.#options;
          const session = queries && changes ? opened : new NoIntrospection(opened, true, queries);
          const beside = adapter === undefined ? [] : (this.#sessions.get(node.unique_id) ?? []);
          this.#sessions.set(node.unique_id, [...beside, session]);
          return session;
        },
        halted: () => this.#stop !== null,
        cancel: () => Promise.all((this.#sessions.get(node.unique_id) ?? []).map((session) => session.cancel())),
        audit: this.#options.audits.has(node.unique_id)
          ? (ctx, audited, staged, session) => this.#audit(ctx, audited, staged, session, thread)
          : undefined,
      });
    } finally {
      this.#current.delete(thread);
      this.#sessions.delete(node.unique_id);
      // The trace of a node maps errors of its statements to lines; that of an ephemeral model serves its readers too.
      if (!isEphemeral(node)) this.#ctx.sources.delete(node.unique_id);
    }
  }

  /** Runs the tests of a node on what it is about to publish. @throws {TsdbtError} when one does not pass */
  async #audit(
    ctx: RunContext,
    node: ModelNode | SnapshotNode,
    staged: Relation,
    session: Session,
    thread: string,
  ): Promise<void> {
    const { manifest } = this.#ctx;
    const results = this.#audited.get(node.unique_id) ?? new Map<string, RunResult>();
    this.#audited.set(node.unique_id, results);
    const tests = (this.#options.audits.get(node.unique_id) ?? []).flatMap((id) => {
      const test = manifest.nodes[id];
      return test?.resource_type === 'test' ? [test] : [];
    });
    const ids = tests.map(({ unique_id }) => unique_id);
    const staging = stagedContext(ctx, node, staged, ids);
    await audit(node, session, tests, async (test, held) => {
      const p = this.#progress(test, thread, !results.has(test.unique_id));
      const work = {
        open: (): Session => {
          if (held !== null) return held;
          const opened = openSession(this.#ctx, test.unique_id, test, p);
          this.#sessions.set(test.unique_id, [opened]);
          return opened;
        },
        halted: (): boolean => this.#stop !== null,
        cancel: (): Promise<unknown> => {
          const running = held === null ? (this.#sessions.get(test.unique_id) ?? []) : [held];
          return Promise.all(running.map((each) => each.cancel()));
        },
      };
      try {
        const given = await executeNode(staging, auditTestKind, test, p, work);
        const result = withPublishedName(ctx, node, staged, given);
        results.set(test.unique_id, worse(results.get(test.unique_id), result));
        return result;
      } finally {
        this.#sessions.delete(test.unique_id);
        this.#ctx.sources.delete(test.unique_id);
      }
    });
  }

  #skip(node: GraphNode, cause: RunResult | null, thread: string): RunResult {
    const p = this.#progress(node, thread);
    p.started = isoMicros(this.#ctx.now());
    p.status = 'started';
    this.#ctx.log.nodeStart(p);
    p.status = 'skipped';
    let message: string | null = null;
    if (!isEphemeral(node)) {
      if (cause?.node && isEphemeral(cause.node)) {
        this.#ctx.log.skipBecauseError(p, cause.status);
        printResultError(this.#ctx.log, cause, { newline: false });
        message =
          `Compilation Error in ${node.unique_id}, caused by compilation error in referenced ephemeral model ` +
          `${cause.node.unique_id}`;
      } else this.#ctx.log.skipping(p);
    }
    const result = bareResult(node, 'skipped', message, thread);
    this.#ctx.log.nodeFinished(p, result);
    return result;
  }

  /** @param stop why the run had stopped when the node ended; by default, now */
  #record(node: GraphNode, result: RunResult, stop = this.#stop): void {
    // The finished batches of a halted microbatch model count, and after a failure all that ended before its
    // cancellation came; what was cancelled has an error.
    const ended = stop?.why === 'failFast' && result.status !== 'error';
    if (stop !== null && !ended && result.batch_results === null) return;
    const ephemeral = isEphemeral(node);
    this.#ctx.finished.add(node.unique_id);
    if (result.node) keepNode(this.#ctx, result.node);
    if (!ephemeral || this.#options.keepEphemeral) {
      this.#results.push(result);
      this.#ctx.journal?.result(result);
      this.#options.progress?.ended(result);
    }
    const goesOn = node.resource_type === 'model' && node.config['on_error'] === 'continue';
    if (!goesOn && stopsChildren(result.status, this.#options.build)) {
      this.#ctx.log.markSkipped(node.unique_id, result);
      // What is below a node that was skipped is marked already.
      const marked = result.status === 'skipped' && result.message === null && !ephemeral;
      for (const id of marked ? [] : this.#options.descendants(node.unique_id))
        this.#skipped.set(id, ephemeral ? result : null);
    }
    if (
      this.#options.failFast &&
      (result.status === 'error' || result.status === 'fail' || result.status === 'partial success')
    )
      this.#stop ??= { why: 'failFast', result };
    else if (this.#options.raiseFirst && result.status === 'error')
      this.#stop ??= { why: 'raise', message: result.message ?? '' };
  }

  /**
   * Cancels running nodes and waits until they stop, after Ctrl-C with a time limit. Nodes without a result are
   * skipped.
   */
  async #end(stop: Stop): Promise<void> {
    for (const id of this.#sessions.keys()) {
      const node = lookupNode(this.#ctx.manifest, id);
      if (node === undefined || !isEphemeral(node)) this.#ctx.log.cancelLine(id);
    }
    const cancelled = Promise.all([...this.#sessions.values()].flat().map((session) => session.cancel()));
    const idle = cancelled.then(() => this.#untilIdle());
    if ((await unlessAborted(this.#options.signal, idle, this.#options.patience ?? CANCELLED_MS)) === null) {
      await Promise.all([this.#ctx.adapter.close(), this.#ctx.receivers.close()]);
      await within(idle, CLOSED_MS);
    }
    if (stop.why === 'raise') throw new TsdbtError('runtime', stop.message);
    const message =
      stop.why === 'failFast' ? 'Skipping due to fail_fast' : `Skipping due to ${stopReason(this.#options.signal)}`;
    skipRest(this.#ctx, this.#results, message);
    if (stop.why === 'failFast') printResultError(this.#ctx.log, stop.result);
  }

  async #untilIdle(): Promise<void> {
    while (this.#running > 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
