// Models, and what seeds and snapshots share with them: runs the materialization and adds its relations to the cache.
// node.ts handles start, timing and errors.
import type { Session } from '../../adapters/adapter.ts';
import { compileNode } from '../../compiler/compile.ts';
import { relationFrom } from '../../context/relations.ts';
import type { ManifestNode, ModelNode } from '../../contracts/node.ts';
import type { RunResult } from '../../contracts/results.ts';
import { errorOf } from '../../error-table.ts';
import { createLatestVersionPointer } from '../latest-version-pointer.ts';
import { type NodeScope, openScope, type OpenScopeOptions } from '../../compiler/node-scope.ts';
import type { RunContext } from '../context.ts';
import { forgetIntervals } from '../interval-notes.ts';
import { requireAuditable } from '../audit.ts';
import type { NodeKind, Outcome, Work } from '../node.ts';
import { plainTable } from '../plain-table.ts';
import { noteOwner, requireOwnRows } from '../row-owner.ts';
import { rememberView, unchangedView } from '../unchanged-view.ts';
import { materialize, nodeRepresentation } from '../materialize.ts';

/**
 * Executes a model, seed or snapshot.
 * @param audit runs the tests of an audited node; absent: it is not audited
 * @param prepare opens the context, for example for one batch of a model; by default a new one
 */
export async function executeRelational(
  ctx: RunContext,
  node: ManifestNode,
  session: Session,
  audit?: Work['audit'],
  prepare?: (options: OpenScopeOptions) => NodeScope,
): Promise<Outcome & { scope: NodeScope }> {
  const audited = node.resource_type === 'model' || node.resource_type === 'snapshot' ? node : null;
  if (audit !== undefined && audited !== null) requireAuditable(ctx, audited);
  requireOwnRows(ctx, node, session);
  const { config } = node as { config: { 'pre-hook'?: readonly unknown[]; 'post-hook'?: readonly unknown[] } };
  if (config['pre-hook']?.length || config['post-hook']?.length) ctx.adapter.invalidateViewStates?.();
  const options: OpenScopeOptions =
    audit === undefined || audited === null ? {} : { audit: (staged) => audit(ctx, audited, staged, session) };
  const scope = prepare?.(options) ?? openScope(ctx, node, session, options);
  const relations = await materialize(ctx, node, scope);
  if (node.resource_type === 'model' && prepare === undefined)
    relations.push(...(await createLatestVersionPointer(ctx, node, relations, session)));
  for (const relation of relations) ctx.adapter.cache.replace(relation, session);
  const main = scope.statement('main');
  if (main === null) throw errorOf('noMainStatement', { what: 'model' });
  noteOwner(ctx, node);
  return { status: 'success', message: main.message, response: main.response, failures: null, scope };
}

/** How models run. */
export const modelKind: NodeKind<ModelNode> = {
  start(ctx, p, node) {
    ctx.log.startLine(describe(ctx, node), p);
  },
  async compile(ctx, node, session) {
    // The code reads the table's current rows: the lock keeps other runs from changing them until the node is done.
    if (node.config.materialized === 'incremental')
      await ctx.adapter.lockRelation(session, relationFrom(ctx.adapter, ctx.config.project.quoting, node));
    return compileNode(ctx, node, session);
  },
  async execute(ctx, node, session, _p, { audit }) {
    const left = unchangedView(ctx, node, session);
    if (left !== null) return left;
    await forgetIntervals(ctx, node, session);
    const made = audit === undefined ? await plainTable(ctx, node, session) : null;
    if (made !== null) {
      noteOwner(ctx, node);
      return made;
    }
    const outcome = await executeRelational(ctx, node, session, audit);
    rememberView(ctx, node, session);
    return outcome;
  },
  finish(ctx, p, node, result) {
    ctx.log.modelResult(describe(ctx, node), shownStatus(result), result.execution_time, p);
  },
};

function describe(ctx: RunContext, node: ModelNode): string {
  return `${node.language} ${node.config.materialized} model ${nodeRepresentation(ctx, node)}`;
}

function shownStatus(result: RunResult): string {
  return result.status === 'error' ? 'error' : (result.message ?? '');
}
