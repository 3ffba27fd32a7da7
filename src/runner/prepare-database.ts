// Before the first node: creates the schemas that the run writes to and fills the relation cache. A whole run takes a
// handful of catalog queries; other schemas are listed on demand.
import { SqlAdapter } from '../adapters/sql-adapter.ts';
import type { Session } from '../adapters/adapter.ts';
import type { Relation } from '../adapters/relation.ts';
import type { SchemaName } from '../adapters/relation-cache.ts';
import { relationFrom } from '../context/relations.ts';
import type { DeferRelation, GraphNode } from '../contracts/node.ts';
import { withoutBuiltIn } from '../compiler/source-map.ts';
import { TsdbtError } from '../errors.ts';
import { openScope } from '../compiler/node-scope.ts';
import { openSession } from './open-session.ts';
import { operationNode } from './operation-node.ts';
import { lookupNode } from './nodes.ts';
import type { RunContext } from './context.ts';
import { isEphemeral } from '../graph/node-facts.ts';

/** Whether a node has a relation in the database. */
function isRelational(ctx: RunContext, node: GraphNode): boolean {
  switch (node.resource_type) {
    case 'model':
      return !isEphemeral(node);
    case 'seed':
    case 'snapshot':
    case 'function':
      return true;
    case 'test':
      return node.config.store_failures === true || ctx.config.flags.store_failures;
    default:
      return false;
  }
}

/** Schemas of the selected nodes, without duplicates. */
function requiredSchemas(ctx: RunContext): Relation[] {
  const found = new Map<string, Relation>();
  for (const id of ctx.selected) {
    const node = lookupNode(ctx.manifest, id);
    if (node === undefined || !isRelational(ctx, node)) continue;
    const { database, schema } = node as { database: string | null; schema: string };
    const name = `${database ?? ''}.${schema}`;
    const key = ctx.adapter.relations.exactNames === true ? name : name.toLowerCase();
    if (!found.has(key))
      found.set(
        key,
        relationFrom(
          ctx.adapter,
          ctx.config.project.quoting,
          node as Parameters<typeof relationFrom>[2],
        ).withoutIdentifier(),
      );
  }
  return [...found.values()];
}

/** Schemas that `clone` reads: those of the nodes in the other environment, if this connection can see them. */
function clonedSchemas(ctx: RunContext): SchemaName[] {
  if (ctx.config.flags.which !== 'clone') return [];
  return [...ctx.selected].flatMap((id) => {
    const original = (lookupNode(ctx.manifest, id) as { defer_relation?: DeferRelation | null } | undefined)
      ?.defer_relation;
    return original != null && isConnectedTo(ctx, original.database)
      ? [{ database: original.database, schema: original.schema }]
      : [];
  });
}

function isConnectedTo(ctx: RunContext, database: string | null): boolean {
  try {
    if (database !== null) ctx.adapter.verifyDatabase(database);
    return true;
  } catch {
    // The node that reads the schema reports the error.
    return false;
  }
}

/** Two runs can both find a schema missing on Postgres, which then refuses the second CREATE: the schema exists. */
async function createSchema(ctx: RunContext, sql: SqlAdapter, relation: Relation): Promise<void> {
  try {
    await sql.createSchema(relation);
  } catch (error) {
    if (!(error instanceof TsdbtError)) throw error;
    if (error.details.code !== '23505' && error.details.code !== '42P06') throw withoutBuiltIn(ctx, error);
    await sql.createSchema(relation);
  }
}

/** Reads, at once, all views that an earlier run of this target created. */
export async function readViews(ctx: RunContext): Promise<void> {
  const {
    adapter,
    config: { project },
  } = ctx;
  if (adapter.readViewStates === undefined || !ctx.config.flags.populate_cache) return;
  const views: Relation[] = [];
  for (const id of ctx.selected) {
    const node = ctx.manifest.nodes[id];
    if (node?.resource_type !== 'model' || node.config.materialized !== 'view') continue;
    const relation = relationFrom(adapter, project.quoting, node);
    if (ctx.views.get(relation.render()) !== undefined) views.push(relation);
  }
  if (views.length === 0) return;
  const session = openSession(ctx, 'list_views', operationNode(ctx.config, 'list_views'));
  try {
    await adapter.readViewStates(session, views);
  } finally {
    await session.release();
  }
}

/**
 * Sends at most three queries, and one per missing schema.
 * @param create false: does not create schemas (compile, show)
 * @param views true: runs `readViews` concurrently
 * @throws {TsdbtError} if a schema cannot be created or the database cannot be reached
 */
export async function prepareDatabase(
  ctx: RunContext,
  session: Session,
  create: boolean,
  views: boolean,
): Promise<void> {
  const { adapter, config } = ctx;
  const schemas = requiredSchemas(ctx).filter(
    (relation): relation is Relation & { schema: string } => relation.schema !== null,
  );
  for (const relation of schemas) if (relation.database !== null) adapter.verifyDatabase(relation.database);
  const scope = openScope(ctx, operationNode(config, 'create_schema'), session);
  const sql = new SqlAdapter({
    adapter,
    session,
    quoting: config.project.quoting,
    executeMacro: (name, args, kwargs) => scope.callNamed(name, args, kwargs),
    overridden: (name) => ctx.resolver.overridden(name),
  });
  if (create && schemas.length > 0) {
    const existing = await sql.existingSchemas(schemas);
    const fold = (name: string): string => (adapter.relations.exactNames === true ? name : name.toLowerCase());
    const folded = new Set([...existing].map(fold));
    const missing = schemas.filter((relation) => !folded.has(fold(relation.schema)));
    for (const relation of missing) await createSchema(ctx, sql, relation);
  }
  // An unreachable database ends the command, instead of failing each node.
  if (create && schemas.length === 0 && config.flags.populate_cache) await session.begin();
  if (config.flags.populate_cache) {
    const known = [...schemas.map(({ database, schema }) => ({ database, schema })), ...clonedSchemas(ctx)];
    await Promise.all([sql.fillCache(known), views ? readViews(ctx) : undefined]);
  }
  if (session.inTransaction) await session.commit();
}
