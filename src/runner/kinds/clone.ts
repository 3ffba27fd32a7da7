// `clone`: uses the materialization `clone` whatever the node's config. The node is not compiled and has no progress
// lines.
import type { ManifestNode } from '../../contracts/node.ts';
import { openScope } from '../../compiler/node-scope.ts';
import { materialize } from '../materialize.ts';
import type { NodeKind } from '../node.ts';

export const cloneKind: NodeKind<ManifestNode> = {
  start: () => undefined,
  compile: async (_ctx, node) => node,
  async execute(ctx, node, session) {
    const scope = openScope(ctx, node, session);
    for (const relation of await materialize(ctx, node, scope, 'clone')) ctx.adapter.cache.replace(relation, session);
    const main = scope.statement('main');
    return { status: 'success', message: main?.message ?? 'No-op', response: main?.response ?? {}, failures: null };
  },
  finish: () => undefined,
};
