// What a dialect decides about its relations, as data. What a relation is and does is in relation.ts.
import type { Value } from '../values/value.ts';
import type { Relation, RelationInput } from './relation.ts';

export type RelationType =
  | 'table'
  | 'view'
  | 'cte'
  | 'materialized_view'
  | 'ephemeral'
  | 'external'
  | 'pointer_table'
  | 'function'
  | 'dictionary';
export type PathPart = 'database' | 'schema' | 'identifier';
export type PolicyValues = Readonly<Record<PathPart, boolean>>;

/** The rules of a dialect for its relations. */
export interface RelationDialect {
  /** Python's class name, shown in `<PostgresRelation "a"."b">`. */
  readonly className: string;
  /** The class with its Python module, as jinja2's messages name it. */
  readonly typeName: string;
  readonly quoteCharacter: string;
  readonly quotePolicy: PolicyValues;
  readonly includePolicy: PolicyValues;
  /** Does a subquery in `from` need an alias (`--empty`, `--sample`)? */
  readonly requireAlias: boolean;
  readonly renameable: readonly RelationType[];
  readonly replaceable: readonly RelationType[];
  /** Longest identifier in characters and bytes; null: unlimited. */
  readonly maxIdentifier: number | null;
  /** Types that a relation may have. */
  readonly types: readonly RelationType[];
  /**
   * The dialect's name, when names have no database. That part is the empty text then, and only the schema's own name
   * may be given for it.
   */
  readonly noDatabase?: string;
  /** Names that differ by case are different, whatever their quoting. */
  readonly exactNames?: boolean;
  /** Quotes a name, whatever it contains. */
  readonly quote: (name: string) => string;
  /** Renders a part that the policy does not quote; absent: unchanged. */
  readonly showPart?: (part: string) => string;
  /** The SQL expression that a column of event times is compared with; absent: the time as text. */
  readonly timeBound?: (column: string, moment: Value) => string;
  /**
   * Fields in addition to dbt's, with their defaults. Templates read them, and pass them to `create` and `incorporate`.
   */
  readonly ownFields?: Readonly<Record<string, Value>>;
  /** Attributes and methods that add to or replace dbt's. */
  readonly members?: Readonly<Record<string, (relation: Relation) => Value>>;
  /** The same for the class: `api.Relation.x`. */
  readonly statics?: Readonly<Record<string, Value>>;
  /** How `create_from` differs from other dialects for a node. */
  readonly fromNode?: (node: NodeOfRelation) => Pick<RelationInput, 'database' | 'schema' | 'own'>;
  /** Compares a materialized view with its configuration: `relation.get_materialized_view_config_change_collection`. */
  readonly materializedViewChanges?: (results: Value, config: Value) => Value;
}

/** The fields of a node that `fromNode` reads. */
export interface NodeOfRelation {
  readonly resource_type?: unknown;
  readonly database?: unknown;
  readonly schema?: unknown;
  readonly source_name?: unknown;
  readonly config?: unknown;
}

/** The database of a relation's name: empty text if names have none, whatever a macro returns. */
export function databaseIn(
  { noDatabase }: Pick<RelationDialect, 'noDatabase'>,
  database: string | null,
): string | null {
  return noDatabase === undefined ? database : '';
}
