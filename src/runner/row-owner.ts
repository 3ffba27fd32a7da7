// Records which node filled a table. Rows of one node are never added to those of another, which would happen if two
// models swapped their aliases.
import type { Session } from '../adapters/adapter.ts';
import type { Relation } from '../adapters/relation.ts';
import { relationFrom } from '../context/relations.ts';
import type { ManifestNode } from '../contracts/node.ts';
import { errorOf } from '../error-table.ts';
import type { RunContext } from './context.ts';

/** Materializations that modify an existing table. */
const ADDING: ReadonlySet<unknown> = new Set(['incremental', 'distributed_incremental', 'snapshot']);

/**
 * Called before a node's materialization.
 * @throws if the node would add rows to a table that another node of the project filled. Without a record, or if that
 *   node no longer exists, the table counts as the node's own: dbt keeps no records, and a model may be renamed
 */
export function requireOwnRows(ctx: RunContext, node: ManifestNode, session: Session): void {
  const { materialized, full_refresh } = configOf(node);
  if (!ADDING.has(materialized)) return;
  if (materialized !== 'snapshot' && (full_refresh ?? ctx.config.flags.full_refresh)) return;
  const relation = relationOf(ctx, node);
  if (ctx.adapter.cache.get(relation, session)?.type !== 'table') return;
  const owner = ctx.views.noted(nameOf(relation));
  if (owner === undefined || owner === node.unique_id || ctx.manifest.nodes[owner] === undefined) return;
  throw errorOf('rowsOfAnotherNode', {
    relation: relation.render(),
    owner,
    node: node.unique_id,
    remedy: materialized === 'snapshot' ? 'Rename the tables in the database' : 'Run the node with --full-refresh',
  });
}

/** Records that the node filled its table. */
export function noteOwner(ctx: RunContext, node: ManifestNode): void {
  if (configOf(node).materialized === 'view') return;
  ctx.views.set(nameOf(relationOf(ctx, node)), node.unique_id);
}

const configOf = (node: ManifestNode): { materialized?: unknown; full_refresh?: boolean | null } =>
  node.config as object;

const relationOf = (ctx: RunContext, node: ManifestNode): Relation =>
  relationFrom(ctx.adapter, ctx.config.project.quoting, node as Parameters<typeof relationFrom>[2]);

const nameOf = (relation: Relation): string => `${relation.render()} filled by`;
