// Seeds: loaded by their materialization; the loaded table is kept for `seed --show` and for on-run-end. A table that
// `tsdbt load` fills is left unchanged.
import type { Session } from '../../adapters/adapter.ts';
import type { SeedNode, SourceDefinition } from '../../contracts/node.ts';
import { loadOrigin } from '../../project/load-config.ts';
import type { RunContext } from '../context.ts';
import { projectHooks } from '../hooks.ts';
import { executeRelational } from './model.ts';
import { nodeRepresentation } from '../materialize.ts';
import { relationKey } from '../nodes.ts';
import type { NodeKind } from '../node.ts';

/**
 * Whether the loader has written rows into the source's table, or, for a table of another database, whether it was ever
 * synced.
 */
async function isFilled(ctx: RunContext, session: Session, source: SourceDefinition): Promise<boolean> {
  const origin = loadOrigin(source) ?? 'topics';
  const state = await ctx.adapter.loadedState(session, source, origin);
  return state !== null && (origin === 'table' || state.rows > 0);
}

/** How seeds run. */
export const seedKind: NodeKind<SeedNode> = {
  start(ctx, p, node) {
    ctx.log.startLine(`seed file ${nodeRepresentation(ctx, node)}`, p);
  },
  compile: async (_ctx, node) => node,
  async execute(ctx, node, session) {
    const source = ctx.loadedSources().get(relationKey(node.database, node.schema, node.alias));
    if (source !== undefined && (await isFilled(ctx, session, source))) {
      return { status: 'no-op', message: 'NO-OP', response: {}, failures: null };
    }
    const { scope, ...outcome } = await executeRelational(ctx, node, session);
    const hooks = projectHooks(ctx, 'on-run-end').length > 0;
    if (hooks || ctx.config.flags['show'] === true || ctx.config.flags.which === 'show') {
      const loaded = scope.statement('agate_table');
      if (loaded !== null) ctx.tables.set(node.unique_id, loaded.table);
    }
    return outcome;
  },
  finish(ctx, p, node, result) {
    if (result.status === 'no-op')
      ctx.log.noOpResult(`seed file ${nodeRepresentation(ctx, node)}: \`tsdbt load\` fills its table`, p);
    else ctx.log.seedResult(node.schema, node.alias, result.status, result.message ?? '', result.execution_time, p);
  },
};
