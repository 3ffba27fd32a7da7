// What `build --reuse` would do: decides about all selected nodes, parents first, without running any. Writes nothing.
import type { GraphNode } from '../contracts/node.ts';
import { TsdbtError } from '../errors.ts';
import { isEphemeral } from '../graph/node-facts.ts';
import { createQueue } from '../graph/queue.ts';
import { auditsOf } from '../runner/audit.ts';
import { createRunContext, type RunContext } from '../runner/context.ts';
import { kindFor } from '../runner/kinds/index.ts';
import { isMicrobatch } from '../runner/kinds/microbatch.ts';
import { lookupNode, nodeWithRows } from '../runner/nodes.ts';
import { openSession } from '../runner/open-session.ts';
import { operationNode } from '../runner/operation-node.ts';
import type { ParsedProject } from '../runner/parsed-project.ts';
import { prepareDatabase } from '../runner/prepare-database.ts';
import type { Took } from '../runner/reuse/decide.ts';
import { isDynamic } from '../runner/reuse/fingerprint.ts';
import { ReuseRun } from '../runner/reuse/reuse-run.ts';
import { reuseKeyOf } from './parse.ts';

/** What happens to a node. `depends`: it runs if the data of nodes that run before it change. */
export interface PlannedNode {
  readonly node: GraphNode;
  readonly decision: 'runs' | 'depends' | 'reused';
  readonly reason: string;
  readonly took: Took | null;
}

/** @param parsed with the flags of `build --reuse` */
export async function planBuild(parsed: ParsedProject, selected: ReadonlySet<string>): Promise<PlannedNode[]> {
  const ctx: RunContext = { ...createRunContext(parsed, selected), write: () => undefined };
  try {
    const session = openSession(ctx, 'plan', operationNode(ctx.config, 'plan'));
    await prepareDatabase(ctx, session, false, false).finally(() => session.release());
    const plan = new Plan(ctx, reuseKeyOf(parsed) ?? '');
    for (const audited of auditsOf(parsed.manifest, parsed.dag, selected)) plan.audits.set(...audited);
    await plan.reuse?.prepare();
    const queue = createQueue(parsed.dag, selected);
    for (let id = queue.next(); id !== undefined; id = queue.next()) {
      await plan.add(id);
      queue.done(id);
    }
    return plan.nodes;
  } finally {
    await Promise.all([ctx.adapter.close(), ctx.receivers.close()]);
  }
}

const DOES_NOTHING: ReadonlySet<string> = new Set(['exposure', 'saved_query']);

class Plan {
  readonly nodes: PlannedNode[] = [];
  readonly audits = new Map<string, readonly string[]>();
  readonly reuse: ReuseRun | null;
  readonly #ctx: RunContext;
  /** Decisions about tests that run before their node is published. */
  readonly #audited = new Map<string, Pick<PlannedNode, 'decision' | 'reason'>>();

  constructor(ctx: RunContext, key: string) {
    const { reuse } = ctx.adapter;
    this.#ctx = ctx;
    this.reuse = reuse === null ? null : new ReuseRun(ctx, reuse, key);
  }

  async add(id: string): Promise<void> {
    const node = lookupNode(this.#ctx.manifest, id);
    if (node === undefined || isEphemeral(node) || DOES_NOTHING.has(node.resource_type)) return;
    const decided = { ...(await this.#decide(node)), ...this.#audited.get(id) };
    this.nodes.push({ node, ...decided });
    if (decided.decision === 'reused') return;
    if (nodeWithRows(node) !== null) this.reuse?.uncertain.add(id);
    const reason = decided.decision === 'runs' ? `it is part of the audit of ${id}` : `${id} runs`;
    for (const test of this.audits.get(id) ?? []) this.#audited.set(test, { decision: decided.decision, reason });
  }

  async #decide(node: GraphNode): Promise<Omit<PlannedNode, 'node'>> {
    const { reuse } = this;
    const always = { decision: 'runs', took: null } as const;
    if (reuse === null) return { ...always, reason: 'states are not available on this cluster' };
    const before = reuse.explained.length;
    const waits = reuse.uncertainInputs(node);
    const reused = await reuse.early(node, 'plan');
    // The text of a node that asks the database may change when its parents have run.
    let asks = false;
    if (reused === null && reuse.isOpen(node.unique_id)) {
      const error = await this.#compile(node, reuse);
      asks = waits.length > 0 && isDynamic(this.#ctx, node);
      if (error !== null && !asks) return { ...always, reason: `it does not compile: ${error}` };
    }
    const found = reuse.explained[before];
    if (found === undefined && !asks) return { ...always, reason: 'it is not reused' };
    const took = found?.took ?? null;
    if (found?.what === 'run' && !asks) return { decision: 'runs', reason: found.reason, took };
    if (waits.length === 0) return { decision: 'reused', reason: found?.reason ?? '', took };
    return { decision: 'depends', reason: `the data of ${waits.join(', ')} change`, took };
  }

  /** @returns the error */
  async #compile(node: GraphNode, reuse: ReuseRun): Promise<string | null> {
    const kind = kindFor('build', (model) => isMicrobatch(this.#ctx, model))(node);
    const session = openSession(this.#ctx, node.unique_id, node);
    try {
      reuse.compiled(await kind.compile(this.#ctx, node, session), 'plan');
      return null;
    } catch (error) {
      if (error instanceof TsdbtError) return error.message;
      throw error;
    } finally {
      await session.release();
    }
  }
}
