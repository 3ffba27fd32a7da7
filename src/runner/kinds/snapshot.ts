// Snapshots: models with a start and a result line of their own.
import { compileNode } from '../../compiler/compile.ts';
import type { SnapshotNode } from '../../contracts/node.ts';
import { stringifyJson } from '../../values/index.ts';
import { executeRelational } from './model.ts';
import { nodeRepresentation } from '../materialize.ts';
import type { NodeKind } from '../node.ts';

/** How snapshots run. */
export const snapshotKind: NodeKind<SnapshotNode> = {
  start(ctx, p, node) {
    ctx.log.startLine(`snapshot ${nodeRepresentation(ctx, node)}`, p);
  },
  compile: (ctx, node, session) => compileNode(ctx, node, session),
  execute: (ctx, node, session, _p, { audit }) => executeRelational(ctx, node, session, audit),
  finish(ctx, p, node, result) {
    const cfg = Object.fromEntries(
      Object.entries(node.config)
        .filter(([, v]) => v !== null && v !== undefined)
        .map(([k, v]) => [k, typeof v === 'string' ? v : stringifyJson(v)]),
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
