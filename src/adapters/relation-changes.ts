// Arguments of a relation's `create`, `incorporate` and `replace` in templates, as changes of its fields.
import { TsdbtError } from '../errors.ts';
import { PyDateTime } from '../values/datetime.ts';
import { PyDict } from '../values/dict.ts';
import { toRepr, toText } from '../values/text.ts';
import type { Value } from '../values/value.ts';
import type { Relation, RelationFields } from './relation.ts';
import type { RelationDialect, RelationType } from './relation-dialect.ts';
import { changePath, changePolicy, entriesOf } from './relation-path.ts';

/**
 * Keyword arguments of `incorporate`, `replace` and `create` as changes; what dbt's dataclass does not know is passed
 * over.
 */
export function changesFrom(relation: Relation, kwargs: Iterable<readonly [string, Value]>): Partial<RelationFields> {
  const changes: { -readonly [K in keyof RelationFields]?: RelationFields[K] } = {};
  for (const [key, value] of kwargs) {
    switch (key) {
      case 'path':
        changes.path = changePath(relation.fields.path, entriesOf(value));
        break;
      case 'type':
        changes.type = relationType(relation.dialect, value);
        break;
      case 'quote_policy':
        changes.quotePolicy = changePolicy(relation.fields.quotePolicy, entriesOf(value));
        break;
      case 'include_policy':
        changes.includePolicy = changePolicy(relation.fields.includePolicy, entriesOf(value));
        break;
      case 'quote_character':
        changes.quoteCharacter = toText(value);
        break;
      case 'dbt_created':
        changes.dbtCreated = value === true;
        break;
      case 'limit':
        changes.limit = typeof value === 'number' ? value : null;
        break;
      case 'require_alias':
        changes.requireAlias = value === true;
        break;
      case 'catalog':
        changes.catalog = textOrNull(value);
        break;
      case 'information_schema_view':
        changes.informationSchemaView = textOrNull(value);
        break;
      case 'event_time_filter':
        changes.eventTimeFilter =
          value === null
            ? null
            : {
                fieldName: toText(member(value, 'field_name')),
                start: momentOf(member(value, 'start')),
                end: momentOf(member(value, 'end')),
              };
        break;
      default:
        if (Object.hasOwn(relation.dialect.ownFields ?? {}, key))
          changes.own = { ...relation.fields.own, ...changes.own, [key]: value };
    }
  }
  return changes;
}

/** A relation type or None, as given by a template. @throws where the dialect does not know the type */
export function relationType(dialect: RelationDialect, value: Value): RelationType | null {
  if (value === null || isRelationType(dialect, value)) return value;
  throw new TsdbtError(
    'compilation',
    `Field "type" of type Optional[RelationType] in ${dialect.className} has invalid value ${toRepr(value)}`,
  );
}

/** Is it the name of a type that the dialect knows? */
export function isRelationType(dialect: RelationDialect, value: Value): value is RelationType {
  return typeof value === 'string' && dialect.types.some((type) => type === value);
}

/** A bound of a filter: a moment, or its ISO text. */
function momentOf(value: Value): Value {
  return typeof value === 'string' ? PyDateTime.fromIso(value) : value;
}

/** A text, or null for whatever is none. */
export function textOrNull(value: Value): string | null {
  return typeof value === 'string' ? value : null;
}

/** A member of a dict or of an object; None where there is none. */
export function member(value: Value, key: string): Value {
  if (value instanceof PyDict) return value.get(key) ?? null;
  if (value !== null && typeof value === 'object' && !Array.isArray(value))
    return value.jinjaGet(key) ?? value.jinjaItem?.(key) ?? null;
  return null;
}
