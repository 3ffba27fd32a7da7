// Exposures and saved queries in a build: nothing is executed, and the log says so.
import type { GraphNode } from '../../contracts/node.ts';
import type { NodeKind } from '../node.ts';

/** How nodes without any work run. */
export const noOpKind: NodeKind<GraphNode> = {
  start: () => undefined,
  compile: async (_ctx, node) => node,
  execute: async () => ({ status: 'no-op', message: 'NO-OP', response: {}, failures: 0 }),
  finish(ctx, p, node) {
    ctx.log.noOpResult(`${node.resource_type === 'exposure' ? 'exposure' : 'saved query'} ${node.name}`, p);
  },
};
