// Keeps the ledger of built intervals true when a node that is not run in batches rebuilds a table that was.
import type { IntervalLedger, Session } from '../adapters/adapter.ts';
import type { Relation } from '../adapters/relation.ts';
import { relationFrom } from '../context/relations.ts';
import type { ModelNode } from '../contracts/node.ts';
import type { RunContext } from './context.ts';

/** SQL that notes: no interval of the relation is built. */
export function nothingBuiltSql(ledger: IntervalLedger, relation: Relation): string {
  return ledger.beginSql?.(relation) ?? ledger.markSql(relation, { start: 0, end: 0 }, true);
}

/**
 * Notes that no interval of the model's table is built, if the ledger says otherwise: the model now replaces the rows.
 * When it becomes a microbatch model again, all its batches run.
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
