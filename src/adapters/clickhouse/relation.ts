// ClickHouse's rules for relations. Names have two levels, because dbt's schema is ClickHouse's database, and are
// always quoted. A relation knows about clusters, EXCHANGE, and materialized views that write to it. ../relation.ts
// renders and compares.

import { TsdbtError } from '../../errors.ts';
import { callable } from '../../values/callable.ts';
import { PyDate } from '../../values/date.ts';
import { PyDateTime } from '../../values/datetime.ts';
import { PyDict } from '../../values/dict.ts';
import { toText } from '../../values/text.ts';
import { isTruthy } from '../../values/truth.ts';
import type { Value } from '../../values/value.ts';
import type { NodeOfRelation, RelationDialect, RelationType } from '../relation-dialect.ts';
import { Relation, type RelationInput } from '../relation.ts';
import { quoteText, quoteWritten } from './literal.ts';

/** Keys of a profile that determine whether statements run on the whole cluster. */
export interface ClusterSettings {
  readonly cluster: string | null;
  readonly databaseEngine: string | null;
}

const TYPES: readonly RelationType[] = [
  'table',
  'view',
  'cte',
  'materialized_view',
  'external',
  'ephemeral',
  'dictionary',
];

/** Whether DDL is sent with ON CLUSTER. A replicated database distributes DDL itself. */
export function onCluster({ cluster, databaseEngine }: ClusterSettings): boolean {
  return (cluster ?? '').trim() !== '' && !(databaseEngine ?? '').toLowerCase().includes('replicated');
}

/** The relation's `can_on_cluster`; None if it has none. */
function canOnCluster(relation: Relation): Value {
  return relation.fields.own['can_on_cluster'] ?? null;
}

/** Creates the dialect of a profile. With a cluster, nodes are created on all of its servers. */
export function clickhouseRelation(settings: ClusterSettings): RelationDialect {
  const dialect: RelationDialect = {
    className: 'ClickHouseRelation',
    typeName: 'dbt.adapters.clickhouse.relation.ClickHouseRelation',
    quoteCharacter: '`',
    quote: quoteWritten,
    quotePolicy: { database: true, schema: true, identifier: true },
    includePolicy: { database: false, schema: true, identifier: true },
    requireAlias: false,
    renameable: [],
    replaceable: [],
    maxIdentifier: null,
    types: TYPES,
    noDatabase: 'clickhouse',
    exactNames: true,
    showPart: quoteWritten,
    timeBound,
    // Facts become known at different times: the first three from catalogue or profile, the rest from the deployed DDL.
    ownFields: {
      can_exchange: false,
      can_on_cluster: false,
      is_temporary: false,
      mvs_pointing_to_it: [],
      is_refreshable: false,
      refreshable_append: false,
    },
    fromNode: (node) => fromNode(node, settings),
    members: {
      should_on_cluster: (relation) => (relation.fields.includePolicy.identifier ? canOnCluster(relation) : true),
      derivative: (relation) =>
        callable(
          'derivative',
          'suffix, relation_type=None, interpret_suffix_as_full_identifier=False',
          (suffix, type, whole) => {
            const identifier = isTruthy(whole) ? toText(suffix) : `${relation.identifier ?? ''}${toText(suffix)}`;
            return Relation.create(dialect, {
              schema: relation.schema,
              identifier,
              type: isTruthy(type) ? validType(type) : relation.type,
              own: { can_on_cluster: canOnCluster(relation) },
            });
          },
        ),
      matches: (relation) =>
        callable('matches', "database='', schema=None, identifier=None", (database, schema, identifier) => {
          if (isTruthy(schema))
            throw new TsdbtError('runtime', `Passed unexpected schema value ${toText(schema)} to Relation.matches`);
          return relation.database === database && relation.identifier === identifier;
        }),
    },
    statics: {
      get_on_cluster: callable('get_on_cluster', "cluster='', database_engine=None", (cluster, engine) =>
        onCluster({ cluster: toText(cluster), databaseEngine: isTruthy(engine) ? toText(engine) : null }),
      ),
    },
  };
  return dialect;
}

function validType(value: Value): RelationType {
  const type = TYPES.find((known) => known === value);
  if (type === undefined)
    throw new TsdbtError('compilation', `'${toText(value)}' is not a valid ClickHouseRelationType`);
  return type;
}

function fromNode(node: NodeOfRelation, settings: ClusterSettings): Pick<RelationInput, 'database' | 'schema' | 'own'> {
  if (node.resource_type === 'source') {
    // A source whose schema is its name by default lies in the database that it names.
    const named =
      node.schema === node.source_name && typeof node.database === 'string' && node.database !== ''
        ? { schema: node.database }
        : {};
    return { database: '', ...named, own: { can_on_cluster: null } };
  }
  const disabled = configOf(node.config, 'disable_on_cluster');
  return {
    database: '',
    own: { can_on_cluster: onCluster(settings) && disabled.toLowerCase() !== 'true' ? true : null },
  };
}

/** A setting of a node, whose config is plain data, or a dict of a template. */
function configOf(config: unknown, name: string): string {
  const value =
    config instanceof PyDict
      ? config.get(name)
      : config !== null && typeof config === 'object'
        ? (config as { readonly [key: string]: unknown })[name]
        : undefined;
  return typeof value === 'string' ? value : String(value ?? '');
}

/**
 * The same instant whatever the time zones of the column and of the server. A column of texts is compared as text, any
 * other as a time of UTC: `toTypeName` is a constant, so that indexes are used.
 */
export function timeBound(column: string, moment: Value): string {
  const time = moment instanceof PyDateTime ? moment.isoformat().slice(11, 19) : '00:00:00';
  const text = moment instanceof PyDate ? `${moment.isoDate()} ${time}` : toText(moment);
  return (
    `cast(toDateTime64(${quoteText(text)}, 0, 'UTC'), ` +
    `if(position(toTypeName(${column}), 'String') > 0, 'String', 'DateTime64(0, \\'UTC\\')'))`
  );
}
