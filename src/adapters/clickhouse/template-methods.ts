// ClickHouse's methods of `adapter`, with dbt-clickhouse's names and arguments: server facts, strategies, SETTINGS
// clauses, S3, columns of a query.
import type { Column } from '../column.ts';
import { renderModel } from '../constraints.ts';
import { Relation } from '../relation.ts';
import { Row, Table } from '../table.ts';
import type { MethodCall, TemplateMethods } from '../template-method.ts';
import type { Capabilities } from '../adapter.ts';
import { TsdbtError } from '../../errors.ts';
import {
  getItem,
  isTruthy,
  iterate,
  PyDict,
  PyTuple,
  toText,
  Undefined,
  type HostObject,
  type Value,
} from '../../values/index.ts';
import { fromJson } from '../../values/json.ts';
import { csvText } from './csv-text.ts';
import { exactCast, mayLoseDigits } from './exact-casts.ts';
import { quoteDouble, quoteUnlessBare, quoteWritten } from './literal.ts';
import { completeSettings, settingsClause, settingsOfEngine } from './model-settings.ts';
import { onCluster, timeBound } from './relation.ts';
import { s3Source } from './s3-source.ts';
import { SCHEMA_CHANGE_MODES, schemaChanges } from './schema-changes.ts';
import { type ServerFacts, exchangesTables, isBefore } from './server-facts.ts';

/** Strategies of incremental models that delete rows by mutation. */
const DELETING = ['delete_insert', 'microbatch'];
/** Strategies that accept `incremental_predicates`. */
const NARROWED = [...DELETING, 'atomic_upsert'];
const STRATEGIES = ['legacy', 'append', 'insert_overwrite', ...NARROWED];

/**
 * @param facts the server's capabilities, read once for all sessions
 * @param constraintSupport from the adapter's capabilities
 */
export function createTemplateMethods(
  facts: () => Promise<Omit<ServerFacts, 'timezone'>>,
  constraintSupport: Capabilities['constraintSupport'],
): TemplateMethods {
  /** Engine of each database that was queried. */
  const engines = new Map<string, string>();
  const empty = (): Value => new PyDict();
  const none = (): Value => null;

  async function database(call: MethodCall, schema: string): Promise<HostObject | null> {
    const answer = await call.sql.macro('clickhouse__get_database', { database: schema });
    const row = answer instanceof Table ? answer.rows[0] : undefined;
    if (!(row instanceof Row)) return null;
    const field = (name: string): Value => row.get(name) ?? null;
    engines.set(schema, toText(field('engine')));
    return {
      jinjaType: 'ClickHouseDatabase',
      jinjaGet: (name) => (['name', 'engine', 'comment'].includes(name) ? field(name) : undefined),
      jinjaText: () => `ClickHouseDatabase(${toText(field('name'))})`,
    };
  }

  const before = async (version: Value): Promise<boolean> => isBefore((await facts()).version, toText(version));

  return {
    get_clickhouse_cluster_name: {
      signature: '',
      parsing: empty,
      run: (call) => {
        const cluster = setting(call, 'cluster');
        return cluster === '' ? null : quoteDouble(cluster);
      },
    },
    get_clickhouse_local_suffix: {
      signature: '',
      parsing: empty,
      run: (call) => {
        const suffix = setting(call, 'local_suffix', 'local');
        return suffix === '' || suffix.startsWith('_') ? suffix : `_${suffix}`;
      },
    },
    get_clickhouse_local_db_prefix: {
      signature: '',
      parsing: empty,
      run: (call) => {
        const prefix = setting(call, 'local_db_prefix');
        return prefix === '' || prefix.endsWith('_') ? prefix : `${prefix}_`;
      },
    },
    clickhouse_db_engine_clause: {
      signature: '',
      parsing: () => '',
      run: (call) => {
        const engine = setting(call, 'database_engine');
        return engine === '' ? '' : `ENGINE ${engine}`;
      },
    },
    is_before_version: { signature: 'version', parsing: () => false, run: (_call, version) => before(version) },
    is_at_or_after_version: {
      signature: 'version',
      parsing: () => false,
      run: async (_call, version) => !(await before(version)),
    },
    check_schema_exists: {
      signature: 'database, schema',
      parsing: () => false,
      run: async (call, name, schema) => (await call.sql.listSchemas(toText(name))).includes(toText(schema)),
    },
    supports_atomic_exchange: { signature: '', parsing: none, run: async () => (await facts()).atomicExchange },
    can_exchange: {
      signature: 'schema, rel_type',
      parsing: none,
      run: async (call, schema, type) => {
        if (type !== 'table' || !isTruthy(schema) || !(await facts()).atomicExchange) return false;
        const name = toText(schema);
        if (!engines.has(name)) await database(call, name);
        return exchangesTables(engines.get(name) ?? '');
      },
    },
    // Not in dbt-clickhouse: whether CREATE TABLE … AS SELECT fills the table, exactly once.
    fills_as_created: {
      signature: 'relation',
      parsing: none,
      run: async (call, relation) => {
        if (!(relation instanceof Relation) || setting(call, 'cluster') !== '') return false;
        const name = relation.schema ?? '';
        const { database: own, engine } = await facts();
        if (name !== own && !engines.has(name)) await database(call, name);
        return (name === own ? engine : engines.get(name)) === 'Atomic';
      },
    },
    // Not in dbt-clickhouse: the expression that event-time columns are compared with.
    event_time_bound: {
      signature: 'column, moment',
      parsing: () => '',
      run: (_call, column, moment) => timeBound(toText(column), moment),
    },
    get_ch_database: { signature: 'schema', parsing: none, run: (call, schema) => database(call, toText(schema)) },
    should_on_cluster: {
      signature: "materialized='', engine=''",
      parsing: none,
      run: (call) => onCluster({ cluster: setting(call, 'cluster'), databaseEngine: setting(call, 'database_engine') }),
    },

    calculate_incremental_strategy: {
      signature: 'strategy',
      parsing: none,
      run: async (call, strategy) => {
        if (isTruthy(strategy) && strategy !== 'default') return toText(strategy).replaceAll('+', '_');
        return credential(call, 'use_lw_deletes') === true && (await facts()).lightweightDeletes
          ? 'delete_insert'
          : 'legacy';
      },
    },
    validate_incremental_strategy: {
      signature: 'strategy, predicates, unique_key, partition_by',
      parsing: none,
      run: async (_call, strategy, predicates, uniqueKey, partitionBy) => {
        checkStrategy(toText(strategy), isTruthy(predicates), isTruthy(uniqueKey), isTruthy(partitionBy));
        if (DELETING.includes(toText(strategy)) && !(await facts()).lightweightDeletes) {
          throw new TsdbtError(
            'runtime',
            `'${toText(strategy)}' strategy requires lightweight deletes, but the setting ` +
              "'allow_nondeterministic_mutations' is off on this server and this user may not change it.",
          );
        }
        return null;
      },
    },
    check_incremental_schema_changes: {
      signature: "on_schema_change, existing, target_sql, materialization='incremental', query_settings=None",
      parsing: none,
      run: async (call, mode, existing, sql, materialization, settings) => {
        if (!SCHEMA_CHANGE_MODES.includes(toText(mode))) {
          throw new TsdbtError(
            'runtime',
            `Only ${SCHEMA_CHANGE_MODES.map((name) => `\`${name}\``).join(', ')} supported for ` +
              `\`on_schema_change\`, found ${toText(mode)}.`,
          );
        }
        if (!(existing instanceof Relation))
          throw new TsdbtError(
            'compilation',
            `check_incremental_schema_changes expects a relation, found ${toText(existing)}`,
          );
        return schemaChanges(
          toText(mode),
          await call.sql.getColumnsInRelation(existing),
          await columnsOfQuery(call, toText(sql), settings),
          toText(materialization),
        );
      },
    },
    get_column_schema_from_query: {
      signature: 'sql, *args, query_settings=None, **kwargs',
      parsing: () => [],
      run: (call, sql, args, settings) =>
        columnsOfQuery(call, toText(sql), settings ?? (args instanceof PyTuple ? (args.items[0] ?? null) : null)),
    },
    exact_columns: {
      signature: 'given, wanted, names, by_position=False, digits=False',
      parsing: () => [],
      run: (call, given, wanted, names, byPosition, digits) => {
        const of = (column: Value): readonly [string, string] => [
          toText(getItem(column, 'name')),
          toText(getItem(column, 'expanded_data_type')),
        ];
        const found = [...iterate(given)].map(of);
        const types = new Map(
          wanted instanceof PyDict
            ? [...wanted.entries()].map(([name, type]) => [toText(name), toText(type)] as const)
            : [...iterate(wanted)].map(of),
        );
        return [...iterate(names)].map((each, index) => {
          const name = toText(each);
          const [column = name, type] = isTruthy(byPosition)
            ? (found[index] ?? [])
            : (found.find(([known]) => known === name) ?? []);
          const to = types.get(name);
          const quoted = quoteDouble(column);
          if (type === undefined || to === undefined) return quoted;
          const keepsDigits = isTruthy(digits);
          if (!keepsDigits && mayLoseDigits(type, to))
            call.warn(
              `Values of the column ${name} may lose digits: it is ${to}, but the query returns ${type}. Set ` +
                'on_schema_change to sync_all_columns, or cast the column in the query.',
            );
          return exactCast(quoted, type, to, keepsDigits) ?? quoted;
        });
      },
    },
    format_columns: {
      signature: 'columns',
      parsing: () => [],
      run: (_call, columns) =>
        [...iterate(columns)].map((column) =>
          PyDict.from({ name: getItem(column, 'name'), data_type: getItem(column, 'data_type') }),
        ),
    },

    get_model_settings: {
      signature: "model, engine='MergeTree'",
      run: (call, model, engine) => {
        const config = getItem(model, 'config');
        const settings = completeSettings(
          getItem(config, 'settings'),
          getItem(config, 'materialized'),
          credential(call, 'allow_automatic_deduplication') === true,
        );
        return `\n-- end_of_sql\n${settingsClause(settingsOfEngine(settings, toText(engine), call.warn))}`;
      },
    },
    filter_settings_by_engine: {
      signature: 'settings, engine',
      run: (call, settings, engine) => settingsOfEngine(dictOf(settings), toText(engine), call.warn),
    },
    get_model_query_settings: {
      signature: 'model',
      run: (_call, model) => {
        const clause = settingsClause(dictOf(getItem(getItem(model, 'config'), 'query_settings')));
        return clause === '' ? '' : `\n-- settings_section\n${clause}`;
      },
    },
    get_csv_data: { signature: 'table', run: (_call, table) => (table instanceof Table ? csvText(table) : '') },
    get_credentials: {
      signature: 'connection_overrides',
      parsing: empty,
      run: (call, overrides) => {
        const given = dictOf(overrides);
        const known = PyDict.from(
          Object.fromEntries(['user', 'password', 'host', 'port'].map((name) => [name, credential(call, name)])),
        );
        for (const [key, value] of given.entries()) {
          if (isTruthy(value)) known.set(key, value);
          else known.delete(key);
        }
        return known;
      },
    },
    s3source_clause: {
      signature:
        'config_name, s3_model_config, bucket, path, fmt, structure, aws_access_key_id, aws_secret_access_key, ' +
        "role_arn, compression='', external_id=''",
      parsing: none,
      run: (
        { config, onSecret },
        name,
        own,
        bucket,
        path,
        fmt,
        structure,
        key,
        secret,
        role,
        compression,
        external,
      ) => {
        const configured = new PyDict(dictOf(fromJson(config.project.vars[toText(name)] ?? null)).entries());
        for (const [field, value] of dictOf(own).entries()) configured.set(field, value);
        return s3Source(
          {
            bucket,
            path,
            fmt,
            structure,
            aws_access_key_id: key,
            aws_secret_access_key: secret,
            role_arn: role,
            compression,
            external_id: external,
          },
          configured,
          onSecret,
        );
      },
    },

    render_raw_columns_constraints: {
      signature: 'raw_columns',
      run: (call, columns) =>
        [...(columns instanceof PyDict ? columns.values() : iterate(columns))].map((column) => {
          const field = (name: string): Value => {
            const value = getItem(column, name);
            return isTruthy(value) ? value : '';
          };
          if (isTruthy(field('constraints'))) call.onConstraint('ConstraintNotSupported', 'column');
          const [codec, ttl] = [toText(field('codec')), toText(field('ttl'))];
          return [
            quoteWritten(toText(field('name'))),
            toText(field('data_type')),
            ...(codec === '' ? [] : [`CODEC(${codec})`]),
            ...(ttl === '' ? [] : [`TTL ${ttl}`]),
          ].join(' ');
        }),
    },
    render_raw_model_constraints: {
      signature: 'raw_constraints',
      run: (call, constraints) => {
        const all = [...iterate(constraints)];
        const checks = all.filter(
          (constraint) => getItem(constraint, 'type') === 'check' && isTruthy(getItem(constraint, 'expression')),
        );
        if (checks.some((constraint) => !isTruthy(getItem(constraint, 'name'))))
          throw new TsdbtError('runtime', "CHECK Constraint 'name' is required");
        // The others only cause a warning.
        const names = { quote: quoteDouble, quoteWritten: quoteUnlessBare };
        return renderModel(all, names, constraintSupport, call.onConstraint).filter((text) =>
          /^constraint (?:`(?:[^`\\]|\\.)+`|\S+) check /s.test(text),
        );
      },
    },
  };
}

function credential({ config }: MethodCall, name: string): Value {
  const value = config.profile.credentials[name];
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}

function setting(call: MethodCall, name: string, byDefault = ''): string {
  const value = credential(call, name);
  return value === null ? byDefault : toText(value);
}

function dictOf(value: Value): PyDict {
  return value instanceof PyDict ? value : new PyDict();
}

/** @throws naming the setting of the model that the strategy does not allow */
function checkStrategy(strategy: string, predicates: boolean, uniqueKey: boolean, partitionBy: boolean): void {
  const problem = !STRATEGIES.includes(strategy)
    ? `The incremental strategy '${strategy}' is not valid for ClickHouse. Expected one of: ${STRATEGIES.join(', ')}`
    : ['delete_insert', 'atomic_upsert'].includes(strategy) && !uniqueKey
      ? `'${strategy}' strategy requires a non-empty 'unique_key'.`
      : !NARROWED.includes(strategy) && predicates
        ? `Cannot apply incremental predicates with '${strategy}' strategy.`
        : strategy === 'insert_overwrite' && !partitionBy
          ? `'${strategy}' strategy requires non-empty 'partition_by'.`
          : strategy === 'insert_overwrite' && uniqueKey
            ? `'${strategy}' strategy does not support unique_key.`
            : null;
  if (problem !== null) throw new TsdbtError('runtime', problem);
}

/** The columns of a query by DESCRIBE, which does not run it, under the settings of the later run. */
async function columnsOfQuery(
  { sql: { adapter, session } }: MethodCall,
  sql: string,
  settings: Value,
): Promise<Column[]> {
  const clause = settings instanceof Undefined ? '' : settingsClause(dictOf(settings));
  const { table } = await session.execute(`describe table (\n${sql}\n) ${clause}`, { fetch: true });
  return table.rows.map((row) => adapter.createColumn(row.textAt(0), row.textAt(1)));
}
