// Invalidates the ledger of built intervals when a node that does not run in batches rebuilds a table that did.
import type { IntervalLedger, Session } from '../adapters/adapter.ts';
import type { Relation } from '../adapters/relation.ts';
import { relationFrom } from '../context/relations.ts';
import type { ModelNode } from '../contracts/node.ts';
import type { RunContext } from './context.ts';

/** SQL that records that no interval of the relation is built. */
export function nothingBuiltSql(ledger: IntervalLedger, relation: Relation): string {
  return ledger.beginSql?.(relation) ?? ledger.markSql(relation, { start: 0, end: 0 }, true);
}

/**
 * Records that no interval of the model's table is built, if the ledger has entries, because the model replaces the
 * rows. If it becomes a microbatch model again, all its batches run.
 */
export async function forgetIntervals(ctx: RunContext, model: ModelNode, session: Session): Promise<void> {
  const { intervals, cache } = ctx.adapter;
  const { materialized, full_refresh: ownRefresh } = model.config;
  if (intervals === null || materialized === 'view' || materialized === 'ephemeral') return;
  const relation = relationFrom(ctx.adapter, ctx.config.project.quoting, model);
  if (!intervals.exists(relation, session)) return;
  const refresh = ownRefresh ?? ctx.config.flags.full_refresh;
  if (materialized === 'incremental' && !refresh && cache.get(relation)?.type === 'table') return;
  if (!(await intervals.named(session, relation)).has(relation.identifier ?? '')) return;
  await ctx.adapter.lockRelation(session, relation, { builds: true });
  const done = await intervals.read(session, relation);
  if (done.some(({ start, end }) => start < end))
    await session.execute(nothingBuiltSql(intervals, relation), { autoBegin: true });
}
