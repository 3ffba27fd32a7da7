// Snapshots: models with their own start and result lines.
import { compileNode } from '../../compiler/compile.ts';
import { relationFrom } from '../../context/relations.ts';
import type { SnapshotNode } from '../../contracts/node.ts';
import { showJson } from '../../values/index.ts';
import { executeRelational } from './model.ts';
import { nodeRepresentation } from '../materialize.ts';
import type { RunContext } from '../context.ts';
import type { NodeKind, Outcome } from '../node.ts';

/** With `--empty` and `--sample` most rows are missing, not deleted, so an existing snapshot is left unchanged. */
function keptHistory(ctx: RunContext, node: SnapshotNode): Outcome | null {
  const option = ctx.config.flags.empty === true ? '--empty' : ctx.scopes.sample !== null ? '--sample' : null;
  const relation = relationFrom(ctx.adapter, ctx.config.project.quoting, node);
  if (option === null || ctx.adapter.cache.get(relation) === undefined) return null;
  ctx.log.note(`${node.name}: ${option} leaves the rows of a snapshot as they are`);
  return { status: 'success', message: 'UNCHANGED', response: {}, failures: null };
}

/** How snapshots run. */
export const snapshotKind: NodeKind<SnapshotNode> = {
  start(ctx, p, node) {
    ctx.log.startLine(`snapshot ${nodeRepresentation(ctx, node)}`, p);
  },
  compile: (ctx, node, session) => compileNode(ctx, node, session),
  execute: async (ctx, node, session, _p, { audit }) =>
    keptHistory(ctx, node) ?? executeRelational(ctx, node, session, audit),
  finish(ctx, p, node, result) {
    const cfg = Object.fromEntries(
      Object.entries(node.config)
        .filter(([, v]) => v !== null && v !== undefined)
        .map(([k, v]) => [k, typeof v === 'string' ? v : showJson(v)]),
    );
    ctx.log.snapshotResult(
      nodeRepresentation(ctx, node),
      result.status,
      result.message ?? '',
      result.execution_time,
      cfg,
      p,
    );
  },
};
