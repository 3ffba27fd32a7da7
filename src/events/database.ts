// Events of adapters: connections, statements, the relation cache, unsupported features.
import { warningTag } from '../log.ts';
import { event } from './event.ts';

export interface Connection {
  readonly conn_name: string;
  readonly conn_type: string;
}
export interface Constraint {
  readonly constraint: string;
  readonly adapter: string;
}
export interface OfAdapter {
  readonly name: string;
  readonly base_msg: string;
}

export const DATABASE_EVENTS = {
  AdapterRegistered: event<{ readonly adapter_name: string; readonly adapter_version: string }>(
    'E034',
    'info',
    ({ adapter_name, adapter_version }) => `Registered adapter: ${adapter_name}${adapter_version}`,
  ),
  NewConnection: event<Connection>('E005', 'debug', (e) => `Acquiring new ${e.conn_type} connection '${e.conn_name}'`),
  ConnectionReused: event<{ readonly orig_conn_name: string; readonly conn_name: string }>(
    'E006',
    'debug',
    (e) => `Re-using an available connection from the pool (formerly ${e.orig_conn_name}, now ${e.conn_name})`,
  ),
  ConnectionUsed: event<Connection>('E015', 'debug', (e) => `Using ${e.conn_type} connection "${e.conn_name}"`),
  SQLQuery: event<{ readonly conn_name: string; readonly sql: () => string }>(
    'E016',
    'debug',
    (e) => `On ${e.conn_name}: ${e.sql()}`,
  ),
  SQLQueryStatus: event<{ readonly status: string; readonly elapsed: number }>(
    'E017',
    'debug',
    ({ status, elapsed }) => `SQL status: ${status} in ${elapsed.toFixed(3)} seconds`,
  ),
  AdapterEventDebug: event<OfAdapter>(
    'E001',
    'debug',
    ({ name, base_msg }) => `${name} adapter: ${name} error: ${base_msg}`,
  ),
  AdapterEventWarning: event<OfAdapter>('E003', 'warn', ({ name, base_msg }) => `${name} adapter: ${base_msg}`),
  CacheMiss: event<{ readonly conn_name?: unknown; readonly database?: unknown; readonly schema?: unknown }>(
    'E013',
    'debug',
    (e) => `On "${e.conn_name}": cache miss for schema "${e.database}.${e.schema}", this is inefficient`,
  ),
  ColTypeChange: event<{ readonly orig_type?: unknown; readonly new_type?: unknown; readonly table?: unknown }>(
    'E019',
    'debug',
    (e) => `Changing col type from ${e.orig_type} to ${e.new_type} in table ${e.table}`,
  ),
  SchemaCreation: event<{ readonly relation?: unknown }>(
    'E025',
    'debug',
    ({ relation }) => `Creating schema "${relation}"`,
  ),
  SchemaDrop: event<{ readonly relation?: unknown }>(
    'E026',
    'debug',
    ({ relation }) => `Dropping schema "${relation}".`,
  ),
  ConstraintNotEnforced: event<Constraint>('E048', 'warn', ({ constraint, adapter }) =>
    warningTag(
      `The constraint type ${constraint} is not enforced by ${adapter}. The constraint will be included in this ` +
        "model's DDL statement, but it will not guarantee anything about the underlying data. Set " +
        "'warn_unenforced: false' on this constraint to ignore this warning.",
    ),
  ),
  ConstraintNotSupported: event<Constraint>('E049', 'warn', ({ constraint, adapter }) =>
    warningTag(
      `The constraint type ${constraint} is not supported by ${adapter}, and will be ignored. Set ` +
        "'warn_unsupported: false' on this constraint to ignore this warning.",
    ),
  ),
  CollectFreshnessReturnSignature: event('D012', 'warn', () =>
    warningTag(
      "Deprecated functionality\n\nThe 'collect_freshness' macro signature has changed to return the full query " +
        'result, rather than just a table of values. See the v1.5 migration guide for details on how to update your ' +
        'custom macro: https://docs.getdbt.com/guides/migration/versions/upgrading-to-v1.5',
    ),
  ),
  TypeCodeNotFound: event<{ readonly type_code?: unknown }>('E050', 'debug', ({ type_code }) =>
    warningTag(
      `The \`type_code\` ${type_code} was not recognized, which may affect error messages for enforced contracts ` +
        'that fail as well as `Column.data_type` values returned by `get_column_schema_from_query`',
    ),
  ),
  BehaviorChangeEvent: event<{ readonly flag_name: string }>(
    'D000',
    'debug',
    ({ flag_name }) => `The behaviour flag ${flag_name} is off`,
  ),
};
