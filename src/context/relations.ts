// Relations of nodes for contexts: `this`, and the results of ref() and source(). The project's quoting applies to
// nodes, not to sources.
import type { Adapter } from '../adapters/adapter.ts';
import type { EventTimeFilter, Relation } from '../adapters/relation.ts';
import type { RelationType } from '../adapters/relation-dialect.ts';
import { writtenPolicy } from '../adapters/relation-path.ts';
import type { Quoting } from '../contracts/node.ts';

export type RelationFactory = Pick<Adapter, 'createRelation' | 'relations'>;

/** The fields that form a resource's name in the database. */
export interface Located {
  readonly database?: string | null;
  readonly schema?: string | null;
  readonly alias?: string | null;
  readonly identifier?: string | null;
  readonly quoting?: Quoting | null;
  readonly config?: unknown;
  readonly resource_type?: unknown;
  readonly source_name?: unknown;
}

export interface RelationMore {
  readonly type?: RelationType;
  readonly limit?: number | null;
  readonly eventTimeFilter?: EventTimeFilter | null;
}

/**
 * dbt's `Relation.create_from(config, node)`. A `quoting` in a node's config has no effect.
 * @param quoting of the project; null for sources, to which it does not apply
 */
export function relationFrom(
  adapter: RelationFactory,
  quoting: Quoting | null,
  node: Located,
  more: RelationMore = {},
): Relation {
  const own: Quoting = node.quoting ?? {};
  const others = quoting ?? adapter.relations.quotePolicy;
  const quotePolicy = writtenPolicy({
    database: own.database ?? others.database,
    schema: own.schema ?? others.schema,
    identifier: own.identifier ?? others.identifier,
  });
  const relation = adapter.createRelation({
    database: node.database ?? null,
    schema: node.schema ?? null,
    identifier: node.identifier ?? node.alias ?? null,
    type: more.type ?? null,
    quotePolicy,
    ...adapter.relations.fromNode?.(node),
  });
  return limited(relation, more);
}

/** The name under which an ephemeral model is inlined. */
export function ephemeralRelation(adapter: RelationFactory, identifier: string, more: RelationMore = {}): Relation {
  const relation = adapter
    .createRelation({ identifier: `${EPHEMERAL_PREFIX}${identifier}`, type: 'cte' })
    .quote({ identifier: false });
  return limited(relation, more);
}

export const EPHEMERAL_PREFIX = '__dbt__cte__';

function limited(relation: Relation, { limit = null, eventTimeFilter = null }: RelationMore): Relation {
  return limit === null && eventTimeFilter === null ? relation : relation.with({ limit, eventTimeFilter });
}
