// The `adapter` methods of every dialect, with Python's argument binding. adapters/sql-adapter.ts executes them; a
// dialect adds its own in its template methods.
import { errorOf } from '../error-table.ts';
import { createHash } from 'node:crypto';
import { renderColumns, renderModel } from '../adapters/constraints.ts';
import { dependantValue } from '../adapters/dependants.ts';
import { Relation } from '../adapters/relation.ts';
import { ResponseObject } from '../adapters/response.ts';
import { Table } from '../adapters/table.ts';
import type { TsdbtError } from '../errors.ts';
import { getItem } from '../values/access.ts';
import { type ArgumentBinder, argumentBinder, FunctionFace } from '../values/callable.ts';
import { PyDict } from '../values/dict.ts';
import { markedJson } from '../values/float.ts';
import { iterate } from '../values/iterate.ts';
import { toJson } from '../values/json.ts';
import { toText } from '../values/text.ts';
import { isTruthy } from '../values/truth.ts';
import { PyTuple } from '../values/tuple.ts';
import { typeName } from '../values/type-name.ts';
import { Undefined } from '../values/undefined.ts';
import type { Callable, Value } from '../values/value.ts';
import { flagValue, quotePart } from './adapter-config.ts';
import type { AdapterObject, AdapterObjectOptions } from './adapter-object.ts';
import { buildCatalogRelation, hardDeletes, noCatalog } from './node-settings.ts';

const BUILTIN_STRATEGIES = ['append', 'delete+insert', 'merge', 'insert_overwrite', 'microbatch'];

/** A method, bound to its `adapter` object. */
type Method = (self: AdapterObject) => Callable;

/** Parses the signature once, not per node. */
function method(
  name: string,
  signature: string,
  fn: (self: AdapterObject, ...args: Value[]) => Value | Promise<Value>,
): Method {
  let bind: ArgumentBinder | undefined;
  const face = new FunctionFace(name);
  return (self) => {
    const call: Callable = (args, kwargs) => fn(self, ...(bind ??= argumentBinder(name, signature))(args, kwargs));
    call.face = face;
    return call;
  };
}

function relationArgument(method: string, argument: string, value: Value): Relation {
  if (value instanceof Relation) return value;
  throw errorOf('noRelation', { method, argument, value: toText(value), type: typeName(value) });
}

function nameArgument(value: Value): string | null {
  return value === null || value instanceof Undefined ? null : toText(value);
}

function quoteFlag(self: AdapterObject, key: Value): boolean {
  if (key !== 'database' && key !== 'schema' && key !== 'identifier') return false;
  return quotePart(self.options.config, self.adapter, key);
}

const METHODS: Readonly<Record<string, Method>> = {
  type: method('type', '', (self) => self.adapter.type),
  dispatch: method('dispatch', 'macro_name, macro_namespace=None, packages=None', (self, name, namespace, packages) =>
    dispatch(self.options, name, namespace, packages),
  ),
  commit: method('commit', '', async (self) => {
    await self.sql.commit();
    return null;
  }),
  quote: method('quote', 'identifier', (self, identifier) => self.adapter.quote(toText(identifier))),
  quote_text: method('quote_text', 'text', (self, text) => self.adapter.quoteText(toText(text))),
  quote_written: method('quote_written', 'name', (self, name) => self.adapter.quoteWritten(toText(name))),
  quote_as_configured: method('quote_as_configured', 'identifier, quote_key', (self, identifier, key) =>
    quoteFlag(self, key) ? self.adapter.quote(toText(identifier)) : identifier,
  ),
  quote_seed_column: method('quote_seed_column', 'column, quote_config', (self, column, flag) => {
    if (flag !== null && typeof flag !== 'boolean') {
      throw errorOf('badQuoteColumns', { type: typeName(flag) });
    }
    const name = toText(column);
    if (flag !== false) return self.adapter.quote(name);
    // dbt writes the name without quoting it, so that a seed's header could become SQL.
    if (self.adapter.quoteWritten(name) !== name) throw errorOf('seedHeader', { name });
    return name;
  }),
  convert_type: method('convert_type', 'agate_table, col_idx', (self, table, index) =>
    table instanceof Table && typeof index === 'number' ? self.adapter.convertType(table, index) : null,
  ),
  verify_database: method('verify_database', 'database', (self, database) => {
    self.adapter.verifyDatabase(toText(database));
    return '';
  }),
  // Only hooks, grants and comments follow the main statement of a materialization, so the server can receive it
  // together with the commit.
  /** Not dbt's: a `statement` block begins a transaction where none is open. */
  commit_if_open: method('commit_if_open', '', async (self) => {
    if (self.sql.session.inTransaction) await self.sql.session.commit();
    return null;
  }),
  commit_soon: method('commit_soon', '', (self) => {
    self.sql.session.nextMayWait = self.options.builtIn?.() === true;
    return null;
  }),
  execute: method(
    'execute',
    'sql, auto_begin=False, fetch=False, limit=None',
    async (self, sql, autoBegin, fetch, limit) => {
      const { session } = self.sql;
      if (session.nextMayWait) {
        session.nextMayWait = false;
        const inside = isTruthy(autoBegin) || session.inTransaction;
        if (!isTruthy(fetch) && inside && self.options.builtIn?.() === true) {
          const response = { _message: '', code: '', rows_affected: -1 };
          await session.executeLater(toText(sql), (result) => void Object.assign(response, result.response));
          return new PyTuple([new ResponseObject(response), Table.empty()]);
        }
      }
      const { response, table } = await self.sql.execute(toText(sql), {
        autoBegin: isTruthy(autoBegin),
        fetch: isTruthy(fetch),
        limit: typeof limit === 'number' ? limit : null,
        hook: self.options.inHook?.() === true,
      });
      return new PyTuple([response, table]);
    },
  ),
  add_query: method(
    'add_query',
    'sql, auto_begin=True, bindings=None, abridge_sql_log=False',
    async (self, sql, autoBegin, bindings) => {
      await self.sql.session.execute(toText(sql), {
        autoBegin: isTruthy(autoBegin),
        // Macros send the rows of seeds by it: settings that skip or change rows do not apply.
        internal: true,
        ...(bindings === null ? {} : { bindings: [...iterate(bindings)] }),
      });
      return new PyTuple([null, null]);
    },
  ),
  load_table: method('load_table', 'relation, agate_table, columns=None', (self, relation, table, columns) =>
    table instanceof Table
      ? self.adapter.loadTable(
          self.sql.session,
          relationArgument('load_table', 'relation', relation),
          table,
          typeof columns === 'string' ? columns : undefined,
        )
      : 0,
  ),
  get_column_schema_from_query: method('get_column_schema_from_query', 'sql', (self, sql) =>
    self.sql.getColumnSchemaFromQuery(toText(sql)),
  ),
  check_schema_exists: method('check_schema_exists', 'database, schema', (self, database, schema) =>
    self.sql.checkSchemaExists(toText(database), toText(schema)),
  ),
  create_schema: method('create_schema', 'relation', async (self, relation) => {
    await self.sql.createSchema(relationArgument('create_schema', 'relation', relation));
    return null;
  }),
  drop_schema: method('drop_schema', 'relation', async (self, relation) => {
    await self.sql.dropSchema(relationArgument('drop_schema', 'relation', relation));
    return null;
  }),
  get_relation: method('get_relation', 'database, schema, identifier', (self, database, schema, identifier) =>
    self.sql.getRelation(nameArgument(database), nameArgument(schema), nameArgument(identifier)),
  ),
  already_exists: method(
    'already_exists',
    'schema, name',
    async (self, schema, name) =>
      (await self.sql.getRelation(
        self.options.config.profile.credentials.database,
        nameArgument(schema),
        nameArgument(name),
      )) !== null,
  ),
  drop_relation: method('drop_relation', 'relation', async (self, relation) => {
    if (relation === null) throw errorOf('dropsNull', { session: self.sql.session.name });
    await self.sql.dropRelation(relationArgument('drop_relation', 'relation', relation));
    return null;
  }),
  truncate_relation: method('truncate_relation', 'relation', async (self, relation) => {
    await self.sql.truncateRelation(relationArgument('truncate_relation', 'relation', relation));
    return null;
  }),
  rename_relation: method('rename_relation', 'from_relation, to_relation', async (self, from, to) => {
    if (from === null || to === null) throw renameToNone(self, from, to);
    await self.sql.renameRelation(
      relationArgument('rename_relation', 'from_relation', from),
      relationArgument('rename_relation', 'to_relation', to),
    );
    return null;
  }),
  cache_added: method('cache_added', 'relation', (self, relation) => {
    if (relation === null) throw errorOf('cachesNull', { session: self.options.session?.name ?? '<None>' });
    self.adapter.cache.replace(
      relationArgument('cache_added', 'relation', relation),
      self.options.session ?? undefined,
    );
    return '';
  }),
  cache_dropped: method('cache_dropped', 'relation', (self, relation) => {
    if (relation === null) throw errorOf('dropsNull', { session: self.options.session?.name ?? '<None>' });
    self.adapter.cache.drop(relationArgument('cache_dropped', 'relation', relation), self.options.session ?? undefined);
    return '';
  }),
  cache_renamed: method('cache_renamed', 'from_relation, to_relation', (self, from, to) => {
    if (from === null || to === null) throw renameToNone(self, from, to);
    const [old, renamed] = [
      relationArgument('cache_renamed', 'from_relation', from),
      relationArgument('cache_renamed', 'to_relation', to),
    ];
    self.adapter.cache.checkRename(renamed);
    self.adapter.cache.rename(old, renamed, self.options.session ?? undefined);
    return '';
  }),
  get_columns_in_relation: method('get_columns_in_relation', 'relation', (self, relation) =>
    self.sql.columnsOf(relationArgument('get_columns_in_relation', 'relation', relation)),
  ),
  get_columns_in_table: method('get_columns_in_table', 'schema, identifier', (self, schema, identifier) =>
    self.sql.columnsOf(
      self.adapter.createRelation({
        database: self.options.config.profile.credentials.database,
        schema: toText(schema),
        identifier: toText(identifier),
      }),
    ),
  ),
  get_missing_columns: method('get_missing_columns', 'from_relation, to_relation', (self, from, to) =>
    self.sql.getMissingColumns(
      relationArgument('get_missing_columns', 'from_relation', from),
      relationArgument('get_missing_columns', 'to_relation', to),
    ),
  ),
  expand_target_column_types: method(
    'expand_target_column_types',
    'from_relation, to_relation',
    async (self, from, to) => {
      await self.sql.expandColumnTypes(
        relationArgument('expand_target_column_types', 'from_relation', from),
        relationArgument('expand_target_column_types', 'to_relation', to),
      );
      return null;
    },
  ),
  valid_snapshot_target: method(
    'valid_snapshot_target',
    'relation, column_names=None',
    async (self, relation, names) => {
      await self.sql.validSnapshotTarget(relationArgument('valid_snapshot_target', 'relation', relation), names);
      return null;
    },
  ),
  assert_valid_snapshot_target_given_strategy: method(
    'assert_valid_snapshot_target_given_strategy',
    'relation, column_names, strategy',
    async (self, relation, names, strategy) => {
      const target = relationArgument('assert_valid_snapshot_target_given_strategy', 'relation', relation);
      const newRecord = getItem(strategy, 'hard_deletes') === 'new_record';
      await self.sql.validSnapshotTarget(
        target,
        names,
        newRecord ? ['dbt_scd_id', 'dbt_valid_from', 'dbt_valid_to', 'dbt_is_deleted'] : [],
      );
      return null;
    },
  ),
  standardize_grants_dict: method('standardize_grants_dict', 'grants_table', (_self, table) => {
    const grants = new PyDict();
    for (const row of iterate(table)) {
      const privilege = getItem(row, 'privilege_type');
      const grantees = grants.get(privilege);
      if (Array.isArray(grantees)) grantees.push(getItem(row, 'grantee'));
      else grants.set(privilege, [getItem(row, 'grantee')]);
    }
    return grants;
  }),
  get_incremental_strategy_macro: method(
    'get_incremental_strategy_macro',
    'model_context, strategy',
    (self, context, strategy) => incrementalMacro(self, context, strategy),
  ),
  get_hard_deletes_behavior: method('get_hard_deletes_behavior', 'config', (_self, config) => hardDeletes(config)),
  render_raw_columns_constraints: method('render_raw_columns_constraints', 'raw_columns', (self, columns) =>
    renderColumns(columns, self.adapter, self.adapter.capabilities.constraintSupport, self.onConstraint),
  ),
  render_raw_model_constraints: method('render_raw_model_constraints', 'raw_constraints', (self, constraints) =>
    renderModel(constraints, self.adapter, self.adapter.capabilities.constraintSupport, self.onConstraint),
  ),
  build_catalog_relation: method('build_catalog_relation', 'config', (_self, config) => buildCatalogRelation(config)),
  get_catalog_integration: method('get_catalog_integration', 'name', (_self, name) => {
    throw noCatalog(toText(name));
  }),
  get_partitions_metadata: method('get_partitions_metadata', 'table', () => {
    throw errorOf('noPartitionsMetadata', {});
  }),
  lock_relation: method('lock_relation', 'relation', async (self, relation) => {
    const target = relationArgument('lock_relation', 'relation', relation);
    await self.sql.lockRelation(target, self.options.views?.get(target.render()) !== undefined);
    return null;
  }),
  // Returns true if the project or a package overrides one of the macros, by name or by dispatch.
  overridden: method('overridden', '*names', (self, names) =>
    [...iterate(names)].some((name) => self.options.overridden?.(toText(name)) === true),
  ),
  on_publish: method('on_publish', 'sql', (self, sql) => {
    self.sql.session.publishing.push(toText(sql));
    return null;
  }),
  // Returns true if tests must run on what the materialization is about to publish.
  audited: method('audited', '', (self) => self.options.audit !== undefined),
  // Fails if a test of the relation fails. The relation must then not be published.
  audit: method('audit', 'staged_relation', async (self, relation) => {
    await self.options.audit?.(relationArgument('audit', 'staged_relation', relation));
    return null;
  }),
  // Returns dependants first, the order in which they can be dropped. altered: the relation is changed, not replaced.
  dependants: method('dependants', 'relation, altered=False', async (self, relation, altered) =>
    [...(await self.sql.dependants(relationArgument('dependants', 'relation', relation), isTruthy(altered)))]
      .reverse()
      .map(dependantValue),
  ),
  restore_dependants: method(
    'restore_dependants',
    '',
    (self) => self.sql.restoreDependants()?.then(() => null) ?? null,
  ),
  // Returns true if the view has the same SQL, config and parent columns as after the last run. query: the SELECT
  // alone, for databases that report the columns of a query but not the parents of a view.
  view_unchanged: method(
    'view_unchanged',
    'relation, sql, config=None, query=None',
    async (self, relation, sql, config, query) => {
      const view = relationArgument('view_unchanged', 'relation', relation);
      const known = self.options.views?.get(view.render());
      return (
        known !== undefined &&
        known === fingerprint(await self.adapter.fetchViewState(self.sql.session, view, textOrNull(query)), sql, config)
      );
    },
  ),
  view_published: method(
    'view_published',
    'relation, sql, config=None, query=None',
    async (self, relation, sql, config, query) => {
      const view = relationArgument('view_published', 'relation', relation);
      const { views } = self.options;
      if (views) {
        await self.adapter.notePublishedView(self.sql.session, view, textOrNull(query), (state) => {
          const made = fingerprint(state, sql, config);
          if (state !== null && made !== null) views.set(view.render(), made, state);
        });
      }
      return null;
    },
  ),
  can_replace_view: method('can_replace_view', 'existing, wanted', (self, existing, wanted) =>
    self.sql.canReplaceView(
      relationArgument('can_replace_view', 'existing', existing),
      relationArgument('can_replace_view', 'wanted', wanted),
    ),
  ),
};

/** Returns a method of every dialect, bound to the `adapter` object; undefined if the name is unknown. */
export function adapterMethod(self: AdapterObject, name: string): Callable | undefined {
  return Object.hasOwn(METHODS, name) ? METHODS[name]?.(self) : undefined;
}

function fingerprint(state: string | null, sql: Value, config: Value): string | null {
  return state === null
    ? null
    : createHash('sha256')
        .update(markedJson([state, toText(sql), toJson(config)]))
        .digest('hex');
}

function textOrNull(value: Value): string | null {
  return value === null ? null : toText(value);
}

function renameToNone(self: AdapterObject, from: Value, to: Value): TsdbtError {
  const name = (value: Value): string => (value === null ? 'null relation' : toText(value));
  return errorOf('renamesNull', {
    from: name(from),
    to: name(to),
    session: self.options.session?.name ?? '<None>',
  });
}

function dispatch(options: AdapterObjectOptions, name: Value, namespace: Value, packages: Value): Callable {
  const macro = toText(name);
  if (macro.includes('.')) {
    const [suggested, rest] = [macro.slice(0, macro.indexOf('.')), macro.slice(macro.indexOf('.') + 1)];
    throw errorOf('dispatchWithDot', { macro, rest, namespace: suggested });
  }
  if (packages !== null) {
    throw errorOf('dispatchWithPackages', { macro });
  }
  if (namespace !== null && typeof namespace !== 'string') {
    throw errorOf('badDispatchNamespace', { type: typeName(namespace), value: toText(namespace) });
  }
  return options.dispatch(macro, namespace);
}

function incrementalMacro(self: AdapterObject, context: Value, given: Value): Value {
  const strategy = given === null ? 'default' : toText(given);
  const { capabilities } = self.adapter;
  const batched = flagValue(self.options.config, 'require_batched_execution_for_custom_microbatch_strategy', false);
  const builtin = batched ? BUILTIN_STRATEGIES.filter((name) => name !== 'microbatch') : BUILTIN_STRATEGIES;
  if (builtin.includes(strategy) && !capabilities.validIncrementalStrategies.includes(strategy)) {
    throw errorOf('strategyNotValid', { strategy });
  }
  const name = `get_incremental_${strategy.replaceAll('+', '_')}_sql`;
  const macro = getItem(context, name);
  if (macro instanceof Undefined) {
    throw errorOf('noStrategyMacro', { macro: name, project: self.options.config.project.project_name });
  }
  return macro;
}
