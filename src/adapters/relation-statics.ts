// What `api.Relation.x` and `relation.x` share: constructors, constants and static methods of the class.
import { TsdbtError } from '../errors.ts';
import { callable } from '../values/callable.ts';
import { toRepr, toText } from '../values/text.ts';
import type { Value } from '../values/value.ts';
import type { Relation } from './relation.ts';
import { changesFrom, isRelationType, member, relationType, textOrNull } from './relation-changes.ts';
import type { PolicyValues, RelationDialect, RelationType } from './relation-dialect.ts';
import { entriesOf, pathPart, PathParts } from './relation-path.ts';

/** The names by which a template requests a relation type: `Relation.View`, `relation.MaterializedView` … */
const RELATION_TYPES: Readonly<Record<string, RelationType>> = {
  Table: 'table',
  View: 'view',
  CTE: 'cte',
  MaterializedView: 'materialized_view',
  Ephemeral: 'ephemeral',
  External: 'external',
  PointerTable: 'pointer_table',
  Function: 'function',
};
export const DEFAULT_TYPES: readonly RelationType[] = Object.values(RELATION_TYPES);

/** The prefix of an ephemeral model where it is inlined. */
export function addEphemeralPrefix(name: string): string {
  return `__dbt__cte__${name}`;
}

/**
 * Returns a static member of the class; undefined if the name is unknown.
 * @param cls the class that creates relations, Python's `cls`
 * @param quoting the project's quoting, merged below the arguments of `create` (dbt's RelationProxy); null: only the
 *   dialect's
 */
export function relationStatic(
  cls: typeof Relation,
  dialect: RelationDialect,
  quoting: Partial<PolicyValues> | null,
  name: string,
): Value | undefined {
  const type = Object.hasOwn(RELATION_TYPES, name) ? RELATION_TYPES[name] : undefined;
  if (type !== undefined && name !== 'Ephemeral') return type;
  if (dialect.statics && Object.hasOwn(dialect.statics, name)) return dialect.statics[name];
  switch (name) {
    case 'create':
      return callable(
        'create',
        'database=None, schema=None, identifier=None, type=None, **kwargs',
        (database = null, schema = null, identifier = null, given = null, kwargs = null) => {
          const empty = cls.create(dialect, quoting ? { quotePolicy: quoting } : {});
          const changes = changesFrom(empty, entriesOf(kwargs));
          return empty.with({
            ...changes,
            path: { database: pathPart(database), schema: pathPart(schema), identifier: pathPart(identifier) },
            type: relationType(dialect, given),
          });
        },
      );
    case 'create_from':
      return callable('create_from', 'quoting, relation_config, **kwargs', (_quoting, node = null, kwargs = null) => {
        const facts = { database: textOrNull(member(node, 'database')), schema: textOrNull(member(node, 'schema')) };
        const relation = cls.create(dialect, {
          ...(quoting ? { quotePolicy: quoting } : {}),
          ...facts,
          identifier: textOrNull(member(node, 'identifier')) ?? textOrNull(member(node, 'alias')),
          ...dialect.fromNode?.({
            ...facts,
            resource_type: member(node, 'resource_type'),
            source_name: member(node, 'source_name'),
            config: member(node, 'config'),
          }),
        });
        return relation.with(changesFrom(relation, entriesOf(kwargs)));
      });
    case 'create_ephemeral_from':
      return callable('create_ephemeral_from', 'relation_config, limit=None, event_time_filter=None', (node, limit) =>
        cls.createEphemeral(
          dialect,
          textOrNull(member(node, 'identifier')) ?? textOrNull(member(node, 'alias')) ?? '',
          { limit: typeof limit === 'number' ? limit : null },
        ),
      );
    case 'add_ephemeral_prefix':
      return callable('add_ephemeral_prefix', 'name', (text) => addEphemeralPrefix(toText(text)));
    case 'scd_args':
      return callable('scd_args', 'primary_key, updated_at', (key, updatedAt) => [
        ...(Array.isArray(key) ? key : [key]),
        updatedAt,
      ]);
    case 'get_default_quote_policy':
      return callable(name, '', () => new PathParts('Policy', dialect.quotePolicy));
    case 'get_default_include_policy':
      return callable(name, '', () => new PathParts('Policy', dialect.includePolicy));
    case 'get_relation_type':
      return callable(name, 'value', (value) => {
        if (isRelationType(dialect, value)) return value;
        throw new TsdbtError('compilation', `${toRepr(value)} is not a valid RelationType`);
      });
    default:
      return undefined;
  }
}
