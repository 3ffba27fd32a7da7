// What a template calls `adapter`: the methods that dbt's adapters make available, with Python's binding of arguments.
// While parsing, those that would ask the database answer as dbt's parser does. The work is done by
// adapters/sql-adapter.ts.
import { createHash } from 'node:crypto';
import type { Adapter, ExecuteMacro, Session } from '../adapters/adapter.ts';
import { ColumnClass } from '../adapters/column.ts';
import { type ConstraintWarning, renderColumns, renderModel } from '../adapters/constraints.ts';
import { dependantValue } from '../adapters/dependants.ts';
import { Relation, RelationClass } from '../adapters/relation.ts';
import { writtenPolicy } from '../adapters/relation-path.ts';
import { ResponseObject } from '../adapters/response.ts';
import { SqlAdapter } from '../adapters/sql-adapter.ts';
import { Table } from '../adapters/table.ts';
import type { MethodCall, TemplateMethod } from '../adapters/template-method.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import { TsdbtError } from '../errors.ts';
import { type ArgumentBinder, argumentBinder, callable, FunctionFace } from '../values/callable.ts';
import { PyDict } from '../values/dict.ts';
import { fromJson, toJson } from '../values/json.ts';
import { getItem } from '../values/access.ts';
import { iterate } from '../values/iterate.ts';
import { toRepr, toText } from '../values/text.ts';
import { isTruthy } from '../values/truth.ts';
import { PyTuple } from '../values/tuple.ts';
import { typeName } from '../values/type-name.ts';
import { Undefined } from '../values/undefined.ts';
import type { Callable, HostObject, Value } from '../values/value.ts';

export interface AdapterObjectOptions {
  readonly adapter: Adapter;
  readonly config: RuntimeConfig;
  /** `adapter.dispatch`: the macro that answers to the name, for the adapter. */
  readonly dispatch: (name: string, namespace: string | null) => Callable;
  /** Null while parsing: nothing is asked of the database then. */
  readonly session: Session | null;
  readonly executeMacro?: ExecuteMacro | undefined;
  /** See SqlAdapterOptions. */
  readonly builds?: ((relation: Relation) => boolean) | undefined;
  readonly onEvent?: ((name: string, data: Readonly<Record<string, unknown>>) => void) | undefined;
  /** Constraints that the database will not hold. */
  readonly onConstraint?: ConstraintWarning | undefined;
  /** A warning of the dialect's own methods. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Behaviour flags that were read while off: dbt tells once of each. */
  readonly onBehaviorFlag?: ((name: string) => void) | undefined;
  /**
   * What `view_unchanged` compares with: fingerprints by rendered name, of views that were built. Set before the node's
   * commit.
   */
  readonly views?:
    | { get(name: string): string | undefined; set(name: string, fingerprint: string, state: string): void }
    | undefined;
  /** Are all macros that run now the engine's own? */
  readonly builtIn?: (() => boolean) | undefined;
  /** See SqlAdapterOptions. */
  readonly overridden?: ((macro: string) => boolean) | undefined;
  /** Now, for names of indexes, which change from run to run; milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
}

/** Flags of dbt's adapters and their defaults. */
const BEHAVIOR_FLAGS: readonly (readonly [name: string, byDefault: boolean])[] = [
  ['require_batched_execution_for_custom_microbatch_strategy', false],
  ['enable_truthy_nulls_equals_macro', false],
  ['postgres_skip_autocommit_transaction_statements', true],
];
const BUILTIN_STRATEGIES = ['append', 'delete+insert', 'merge', 'insert_overwrite', 'microbatch'];

/** The `adapter` of a scope. */
export function createAdapterObject(options: AdapterObjectOptions): AdapterObject {
  return new AdapterObject(options);
}

/** A method, bound to the `adapter` that it is asked of. */
type Method = (self: AdapterObject) => Callable;

/** The signature is read once, not for each node. */
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

/** `adapter`. Its methods are made when first named. */
export class AdapterObject implements HostObject {
  readonly jinjaType: string;
  readonly options: AdapterObjectOptions;
  private readonly made = new Map<string, Value>();
  private own: SqlAdapter | undefined;

  constructor(options: AdapterObjectOptions) {
    this.options = options;
    this.jinjaType =
      options.session === null
        ? 'dbt.context.providers.ParseDatabaseWrapper'
        : 'dbt.context.providers.RuntimeDatabaseWrapper';
  }

  get adapter(): Adapter {
    return this.options.adapter;
  }

  /** The methods on the session. @throws while parsing */
  get sql(): SqlAdapter {
    const { adapter, session, executeMacro, config, builds, onEvent, onWarning, overridden } = this.options;
    if (session === null || executeMacro === undefined)
      throw new TsdbtError('internal', 'the database was asked for while parsing');
    this.own ??= new SqlAdapter({
      adapter,
      session,
      executeMacro,
      quoting: config.project.quoting,
      builds,
      onEvent,
      onWarning,
      overridden,
    });
    return this.own;
  }

  jinjaGet(name: string): Value | undefined {
    const known = this.made.get(name);
    if (known !== undefined) return known;
    const value = this.make(name);
    if (value !== undefined) this.made.set(name, value);
    return value;
  }

  private make(name: string): Value | undefined {
    const { templateMethods = {} } = this.adapter;
    const own = Object.hasOwn(templateMethods, name) ? templateMethods[name] : undefined;
    if (own !== undefined) return this.bound(name, own);
    if (this.options.session === null) {
      const answer = Object.hasOwn(PARSE_ANSWERS, name) ? PARSE_ANSWERS[name] : undefined;
      if (answer !== undefined) return callable(name, '*args, **kwargs', () => answer());
    }
    if (Object.hasOwn(METHODS, name)) return METHODS[name]!(this);
    switch (name) {
      case 'Relation':
        return new RelationClass(this.adapter.relations, writtenPolicy(this.options.config.project.quoting));
      case 'Column':
        return new ColumnClass(this.adapter.columns);
      case 'config':
        return configObject(this.options.config, this.adapter);
      case 'behavior':
        return behaviorObject(this.options);
      default:
        return undefined;
    }
  }

  private bound(name: string, { signature, run, parsing }: TemplateMethod): Callable {
    if (this.options.session === null && parsing !== undefined)
      return callable(name, '*args, **kwargs', () => parsing());
    const { options } = this;
    const sql = (): SqlAdapter => this.sql;
    const call: MethodCall = {
      get sql() {
        return sql();
      },
      config: options.config,
      onConstraint: warningOf(this),
      warn: (message) => options.onWarning?.(message),
    };
    return callable(name, signature, (...args) => run(call, ...args));
  }

  jinjaText(): string {
    return `<${this.jinjaType} object>`;
  }
}

/** What dbt answers while parsing instead of asking the database. */
const PARSE_ANSWERS: Readonly<Record<string, () => Value>> = {
  add_query: () => new PyTuple([null, null]),
  execute: () => new PyTuple(['', Table.empty()]),
  get_partitions_metadata: () => new PyTuple(['', Table.empty()]),
  get_column_schema_from_query: () => [],
  get_columns_in_relation: () => [],
  get_columns_in_table: () => [],
  get_missing_columns: () => [],
  dependants: () => [],
  check_schema_exists: () => false,
  already_exists: () => false,
  can_replace_view: () => false,
  view_unchanged: () => false,
  ...Object.fromEntries(
    [
      'drop_relation',
      'truncate_relation',
      'rename_relation',
      'valid_snapshot_target',
      'assert_valid_snapshot_target_given_strategy',
      'expand_target_column_types',
      'get_relation',
      'create_schema',
      'drop_schema',
      'get_incremental_strategy_macro',
      'get_hard_deletes_behavior',
      'commit',
      'lock_relation',
      'commit_soon',
      'restore_dependants',
      'load_table',
      'view_published',
      'on_publish',
    ].map((name) => [name, () => null]),
  ),
};

function relationArgument(method: string, argument: string, value: Value): Relation {
  if (value instanceof Relation) return value;
  throw new TsdbtError(
    'compilation',
    `'adapter.${method}' expects ${argument} to be of type <class 'Relation'>, instead got ${toText(value)} ` +
      `(${typeName(value)})`,
  );
}

function nameArgument(value: Value): string | null {
  return value === null || value instanceof Undefined ? null : toText(value);
}

function quoteFlag(self: AdapterObject, key: Value): boolean {
  if (key !== 'database' && key !== 'schema' && key !== 'identifier') return false;
  return self.options.config.project.quoting[key] ?? self.adapter.relations.quotePolicy[key];
}

const METHODS: Readonly<Record<string, Method>> = {
  type: method('type', '', (self) => self.adapter.type),
  dispatch: method('dispatch', 'macro_name, macro_namespace=None, packages=None', (self, name, namespace, packages) =>
    dispatch(self.options, name!, namespace!, packages!),
  ),
  commit: method('commit', '', async (self) => {
    await self.sql.commit();
    return null;
  }),
  quote: method('quote', 'identifier', (self, identifier) => self.adapter.quote(toText(identifier!))),
  quote_as_configured: method('quote_as_configured', 'identifier, quote_key', (self, identifier, key) =>
    quoteFlag(self, key!) ? self.adapter.quote(toText(identifier!)) : identifier!,
  ),
  quote_seed_column: method('quote_seed_column', 'column, quote_config', (self, column, flag) => {
    if (flag !== null && typeof flag !== 'boolean') {
      throw new TsdbtError(
        'compilation',
        `The seed configuration value of "quote_columns" has an invalid type <class '${typeName(flag!)}'>`,
      );
    }
    return flag === false ? column! : self.adapter.quote(toText(column!));
  }),
  convert_type: method('convert_type', 'agate_table, col_idx', (self, table, index) =>
    table instanceof Table && typeof index === 'number' ? self.adapter.convertType(table, index) : null,
  ),
  verify_database: method('verify_database', 'database', (self, database) => {
    self.adapter.verifyDatabase(toText(database!));
    return '';
  }),
  // What a materialization is about to run is the last but hooks, grants and comments: it may go to the server with the
  // commit.
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
        if (!isTruthy(fetch!) && isTruthy(autoBegin!) && self.options.builtIn?.() === true) {
          const response = { _message: '', code: '', rows_affected: -1 };
          await session.executeLater(toText(sql!), (result) => void Object.assign(response, result.response));
          return new PyTuple([new ResponseObject(response), Table.empty()]);
        }
      }
      const { response, table } = await self.sql.execute(toText(sql!), {
        autoBegin: isTruthy(autoBegin!),
        fetch: isTruthy(fetch!),
        limit: typeof limit === 'number' ? limit : null,
      });
      return new PyTuple([response, table]);
    },
  ),
  add_query: method(
    'add_query',
    'sql, auto_begin=True, bindings=None, abridge_sql_log=False',
    async (self, sql, autoBegin, bindings) => {
      await self.sql.session.execute(toText(sql!), {
        autoBegin: isTruthy(autoBegin!),
        comment: false,
        ...(bindings === null ? {} : { bindings: [...iterate(bindings!)] }),
      });
      return new PyTuple([null, null]);
    },
  ),
  load_table: method('load_table', 'relation, agate_table, columns=None', (self, relation, table, columns) =>
    table instanceof Table
      ? self.adapter.loadTable(
          self.sql.session,
          relationArgument('load_table', 'relation', relation!),
          table,
          typeof columns === 'string' ? columns : undefined,
        )
      : 0,
  ),
  get_column_schema_from_query: method('get_column_schema_from_query', 'sql', (self, sql) =>
    self.sql.getColumnSchemaFromQuery(toText(sql!)),
  ),
  check_schema_exists: method('check_schema_exists', 'database, schema', (self, database, schema) =>
    self.sql.checkSchemaExists(toText(database!), toText(schema!)),
  ),
  create_schema: method('create_schema', 'relation', async (self, relation) => {
    await self.sql.createSchema(relationArgument('create_schema', 'relation', relation!));
    return null;
  }),
  drop_schema: method('drop_schema', 'relation', async (self, relation) => {
    await self.sql.dropSchema(relationArgument('drop_schema', 'relation', relation!));
    return null;
  }),
  get_relation: method('get_relation', 'database, schema, identifier', (self, database, schema, identifier) =>
    self.sql.getRelation(nameArgument(database!), nameArgument(schema!), nameArgument(identifier!)),
  ),
  already_exists: method(
    'already_exists',
    'schema, name',
    async (self, schema, name) =>
      (await self.sql.getRelation(
        self.options.config.profile.credentials.database,
        nameArgument(schema!),
        nameArgument(name!),
      )) !== null,
  ),
  drop_relation: method('drop_relation', 'relation', async (self, relation) => {
    if (relation === null)
      throw new TsdbtError('compilation', `Attempted to drop a null relation for ${self.sql.session.name}`);
    await self.sql.dropRelation(relationArgument('drop_relation', 'relation', relation!));
    return null;
  }),
  truncate_relation: method('truncate_relation', 'relation', async (self, relation) => {
    await self.sql.truncateRelation(relationArgument('truncate_relation', 'relation', relation!));
    return null;
  }),
  rename_relation: method('rename_relation', 'from_relation, to_relation', async (self, from, to) => {
    if (from === null || to === null) throw renameToNone(self, from!, to!);
    await self.sql.renameRelation(
      relationArgument('rename_relation', 'from_relation', from!),
      relationArgument('rename_relation', 'to_relation', to!),
    );
    return null;
  }),
  cache_added: method('cache_added', 'relation', (self, relation) => {
    if (relation === null)
      throw new TsdbtError(
        'compilation',
        `Attempted to cache a null relation for ${self.options.session?.name ?? '<None>'}`,
      );
    self.adapter.cache.replace(
      relationArgument('cache_added', 'relation', relation!),
      self.options.session ?? undefined,
    );
    return '';
  }),
  cache_dropped: method('cache_dropped', 'relation', (self, relation) => {
    if (relation === null)
      throw new TsdbtError(
        'compilation',
        `Attempted to drop a null relation for ${self.options.session?.name ?? '<None>'}`,
      );
    self.adapter.cache.drop(
      relationArgument('cache_dropped', 'relation', relation!),
      self.options.session ?? undefined,
    );
    return '';
  }),
  cache_renamed: method('cache_renamed', 'from_relation, to_relation', (self, from, to) => {
    if (from === null || to === null) throw renameToNone(self, from!, to!);
    const [old, renamed] = [
      relationArgument('cache_renamed', 'from_relation', from!),
      relationArgument('cache_renamed', 'to_relation', to!),
    ];
    self.adapter.cache.checkRename(renamed);
    self.adapter.cache.rename(old, renamed, self.options.session ?? undefined);
    return '';
  }),
  get_columns_in_relation: method('get_columns_in_relation', 'relation', (self, relation) =>
    self.sql.columnsOf(relationArgument('get_columns_in_relation', 'relation', relation!)),
  ),
  get_columns_in_table: method('get_columns_in_table', 'schema, identifier', (self, schema, identifier) =>
    self.sql.columnsOf(
      self.adapter.createRelation({
        database: self.options.config.profile.credentials.database,
        schema: toText(schema!),
        identifier: toText(identifier!),
      }),
    ),
  ),
  get_missing_columns: method('get_missing_columns', 'from_relation, to_relation', (self, from, to) =>
    self.sql.getMissingColumns(
      relationArgument('get_missing_columns', 'from_relation', from!),
      relationArgument('get_missing_columns', 'to_relation', to!),
    ),
  ),
  expand_target_column_types: method(
    'expand_target_column_types',
    'from_relation, to_relation',
    async (self, from, to) => {
      await self.sql.expandColumnTypes(
        relationArgument('expand_target_column_types', 'from_relation', from!),
        relationArgument('expand_target_column_types', 'to_relation', to!),
      );
      return null;
    },
  ),
  valid_snapshot_target: method(
    'valid_snapshot_target',
    'relation, column_names=None',
    async (self, relation, names) => {
      await self.sql.validSnapshotTarget(relationArgument('valid_snapshot_target', 'relation', relation!), names!);
      return null;
    },
  ),
  assert_valid_snapshot_target_given_strategy: method(
    'assert_valid_snapshot_target_given_strategy',
    'relation, column_names, strategy',
    async (self, relation, names, strategy) => {
      const target = relationArgument('assert_valid_snapshot_target_given_strategy', 'relation', relation!);
      const newRecord = getItem(strategy!, 'hard_deletes') === 'new_record';
      await self.sql.validSnapshotTarget(
        target,
        names!,
        newRecord ? ['dbt_scd_id', 'dbt_valid_from', 'dbt_valid_to', 'dbt_is_deleted'] : [],
      );
      return null;
    },
  ),
  standardize_grants_dict: method('standardize_grants_dict', 'grants_table', (_self, table) => {
    const grants = new PyDict();
    for (const row of iterate(table!)) {
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
    (self, context, strategy) => incrementalMacro(self, context!, strategy!),
  ),
  get_hard_deletes_behavior: method('get_hard_deletes_behavior', 'config', (_self, config) => hardDeletes(config!)),
  render_raw_columns_constraints: method('render_raw_columns_constraints', 'raw_columns', (self, columns) =>
    renderColumns(
      columns!,
      (name) => self.adapter.quote(name),
      self.adapter.capabilities.constraintSupport,
      warningOf(self),
    ),
  ),
  render_raw_model_constraints: method('render_raw_model_constraints', 'raw_constraints', (self, constraints) =>
    renderModel(constraints!, self.adapter.capabilities.constraintSupport, warningOf(self)),
  ),
  parse_index: method('parse_index', 'raw_index', (self, raw) => parseIndex(raw!, self.options.now ?? (() => 0))),
  build_catalog_relation: method('build_catalog_relation', 'config', (_self, config) => buildCatalogRelation(config!)),
  get_catalog_integration: method('get_catalog_integration', 'name', (_self, name) => {
    throw noCatalog(toText(name!));
  }),
  get_partitions_metadata: method('get_partitions_metadata', 'table', () => {
    throw new TsdbtError('runtime', '`get_partitions_metadata` is not implemented for this adapter!');
  }),
  lock_relation: method('lock_relation', 'relation', async (self, relation) => {
    const target = relationArgument('lock_relation', 'relation', relation!);
    await self.sql.lockRelation(target, self.options.views?.get(target.render()) !== undefined);
    return null;
  }),
  // Has a project or a package its own macro for what is called by one of the names, itself or by dispatch?
  overridden: method('overridden', '*names', (self, names) =>
    [...iterate(names!)].some((name) => self.options.overridden?.(toText(name)) === true),
  ),
  on_publish: method('on_publish', 'sql', (self, sql) => {
    self.sql.session.publishing.push(toText(sql!));
    return null;
  }),
  // Readers first: the order in which they can be dropped.
  dependants: method('dependants', 'relation', async (self, relation) =>
    [...(await self.sql.dependants(relationArgument('dependants', 'relation', relation!)))]
      .reverse()
      .map(dependantValue),
  ),
  restore_dependants: method(
    'restore_dependants',
    '',
    (self) => self.sql.restoreDependants()?.then(() => null) ?? null,
  ),
  // Is the view as the last run left it, with this SQL and configuration, and are the columns of what it reads the
  // same? query: the SELECT alone, for databases that cannot tell what a view reads but what columns a query gives.
  view_unchanged: method(
    'view_unchanged',
    'relation, sql, config=None, query=None',
    async (self, relation, sql, config, query) => {
      const view = relationArgument('view_unchanged', 'relation', relation!);
      const known = self.options.views?.get(view.render());
      return (
        known !== undefined &&
        known ===
          fingerprint(await self.adapter.fetchViewState(self.sql.session, view, textOrNull(query!)), sql!, config!)
      );
    },
  ),
  view_published: method(
    'view_published',
    'relation, sql, config=None, query=None',
    async (self, relation, sql, config, query) => {
      const view = relationArgument('view_published', 'relation', relation!);
      const { views } = self.options;
      if (views) {
        await self.adapter.notePublishedView(self.sql.session, view, textOrNull(query!), (state) => {
          const made = fingerprint(state, sql!, config!);
          if (made !== null) views.set(view.render(), made, state!);
        });
      }
      return null;
    },
  ),
  can_replace_view: method('can_replace_view', 'existing, wanted', (self, existing, wanted) =>
    self.sql.canReplaceView(
      relationArgument('can_replace_view', 'existing', existing!),
      relationArgument('can_replace_view', 'wanted', wanted!),
    ),
  ),
};

function fingerprint(state: string | null, sql: Value, config: Value): string | null {
  return state === null
    ? null
    : createHash('sha256')
        .update(JSON.stringify([state, toText(sql), toJson(config)]))
        .digest('hex');
}

function textOrNull(value: Value): string | null {
  return value === null ? null : toText(value);
}

function warningOf(self: AdapterObject): ConstraintWarning {
  return self.options.onConstraint ?? (() => {});
}

function renameToNone(self: AdapterObject, from: Value, to: Value): TsdbtError {
  const name = (value: Value): string => (value === null ? 'null relation' : toText(value));
  return new TsdbtError(
    'compilation',
    `Attempted to rename ${name(from)} to ${name(to)} for ${self.options.session?.name ?? '<None>'}`,
  );
}

function dispatch(options: AdapterObjectOptions, name: Value, namespace: Value, packages: Value): Callable {
  const macro = toText(name);
  if (macro.includes('.')) {
    const [suggested, rest] = [macro.slice(0, macro.indexOf('.')), macro.slice(macro.indexOf('.') + 1)];
    throw new TsdbtError(
      'compilation',
      `In adapter.dispatch, got a macro name of "${macro}", but "." is not a valid macro name component. Did ` +
        'you mean ' +
        `\`adapter.dispatch("${rest}", macro_namespace="${suggested}")\`?`,
    );
  }
  if (packages !== null) {
    throw new TsdbtError(
      'compilation',
      'The "packages" argument of adapter.dispatch() has been deprecated.\nUse the "macro_namespace" argument ' +
        `instead.\n\nRaised during dispatch for: ${macro}\n\n` +
        'For more information, see:\n\nhttps://docs.getdbt.com/reference/dbt-jinja-functions/dispatch',
    );
  }
  if (namespace !== null && typeof namespace !== 'string') {
    throw new TsdbtError(
      'compilation',
      `In adapter.dispatch, got a <class '${typeName(namespace)}'> macro_namespace argument ` +
        `("${toText(namespace)}"), but macro_namespace should be None or a string.`,
    );
  }
  return options.dispatch(macro, namespace);
}

function incrementalMacro(self: AdapterObject, context: Value, given: Value): Value {
  const strategy = given === null ? 'default' : toText(given);
  const { capabilities } = self.adapter;
  const batched = flagValue(self.options, 'require_batched_execution_for_custom_microbatch_strategy', false);
  const builtin = batched ? BUILTIN_STRATEGIES.filter((name) => name !== 'microbatch') : BUILTIN_STRATEGIES;
  if (builtin.includes(strategy) && !capabilities.validIncrementalStrategies.includes(strategy)) {
    throw new TsdbtError('runtime', `The incremental strategy '${strategy}' is not valid for this adapter`);
  }
  const name = `get_incremental_${strategy.replaceAll('+', '_')}_sql`;
  const macro = getItem(context, name);
  if (macro instanceof Undefined) {
    throw new TsdbtError(
      'runtime',
      `dbt could not find an incremental strategy macro with the name "${name}" in ` +
        `${self.options.config.project.project_name}`,
    );
  }
  return macro;
}

/** A member of a dict, of `config` (by its `get`) or of any object; None when there is none. */
function setting(config: Value, name: string): Value {
  if (config instanceof PyDict) return config.get(name) ?? null;
  const get = getItem(config, 'get');
  const value = typeof get === 'function' ? get([name], new Map()) : getItem(config, name);
  return value instanceof Promise ||
    value instanceof Undefined ||
    (typeof value === 'object' && value !== null && 'next' in value)
    ? null
    : (value as Value);
}

function hardDeletes(config: Value): string {
  const invalidate = setting(config, 'invalidate_hard_deletes');
  const mode = setting(config, 'hard_deletes');
  if (invalidate !== null && mode !== null) {
    throw new TsdbtError(
      'validation',
      'You cannot set both the invalidate_hard_deletes and hard_deletes config properties on the same snapshot.',
    );
  }
  if (isTruthy(invalidate) || mode === 'invalidate') return 'invalidate';
  if (mode === 'new_record') return 'new_record';
  if (mode === null || mode === 'ignore') return 'ignore';
  throw new TsdbtError('validation', 'Invalid setting for property hard_deletes.');
}

function buildCatalogRelation(config: Value): Value {
  const own = config instanceof PyDict ? (config.get('config') ?? null) : setting(config, 'config');
  if (own === null || !isTruthy(own)) return null;
  const name = setting(own, 'catalog_name') ?? setting(own, 'catalog');
  if (name !== null && isTruthy(name)) throw noCatalog(toText(name));
  return null;
}

function noCatalog(name: string): TsdbtError {
  return new TsdbtError('validation', `Catalog not found.\nReceived: ${name}\nExpected one of: `);
}

/** An entry of `indexes:`; `None` stays so. */
function parseIndex(raw: Value, now: () => number): Value {
  if (raw === null) return null;
  if (!(raw instanceof PyDict)) {
    throw new TsdbtError(
      'compilation',
      `Invalid index config:\n  Got: ${toText(raw)}\n  Expected a dictionary with at minimum a "columns" key`,
    );
  }
  const columns = raw.get('columns');
  const unique = raw.get('unique') ?? false;
  const type = raw.get('type') ?? null;
  const problem = !Array.isArray(columns)
    ? columns === undefined
      ? "'columns' is a required property"
      : `${toRepr(columns)} is not of type 'array'`
    : columns.some((column) => typeof column !== 'string')
      ? `${toRepr(columns.find((column) => typeof column !== 'string')!)} is not of type 'string'`
      : typeof unique !== 'boolean'
        ? `${toRepr(unique)} is not of type 'boolean'`
        : type !== null && typeof type !== 'string'
          ? `${toRepr(type)} is not valid under any of the given schemas`
          : null;
  if (problem !== null) throw new TsdbtError('compilation', `Could not parse index config: ${problem}`);
  const names = (columns as Value[]).map(toText);
  const fields: Readonly<Record<string, Value>> = {
    columns: names,
    unique,
    type,
    // The moment makes the name new: the old table's index has its own until it is dropped.
    render: callable('render', 'relation', (relation) => {
      const moment = new Date(now()).toISOString().slice(0, -1);
      const text = [
        ...names,
        relation instanceof Relation ? relation.render() : toText(relation!),
        toText(unique),
        toText(type),
        moment,
      ].join('_');
      return createHash('md5').update(text).digest('hex');
    }),
  };
  return {
    jinjaType: 'PostgresIndexConfig',
    jinjaGet: (name) => (Object.hasOwn(fields, name) ? fields[name] : undefined),
    jinjaText: () => `PostgresIndexConfig(columns=${toRepr(names)}, unique=${toRepr(unique)}, type=${toRepr(type)})`,
  };
}

function flagValue(options: AdapterObjectOptions, name: string, byDefault: boolean): boolean {
  const own = options.config.project.flags[name] ?? options.config.flags[name];
  return typeof own === 'boolean' ? own : byDefault;
}

function behaviorObject(options: AdapterObjectOptions): HostObject {
  return {
    jinjaType: 'dbt_common.behavior_flags.Behavior',
    jinjaGet: (name) => {
      const flag = BEHAVIOR_FLAGS.find(([known]) => known === name);
      if (!flag) throw new TsdbtError('compilation', `The flag ${name} has not been registered.`);
      const value = flagValue(options, name, flag[1]);
      return {
        jinjaType: 'dbt_common.behavior_flags.BehaviorFlagRendered',
        jinjaGet: (field) => (field === 'no_warn' || field === 'setting' ? value : field === 'name' ? name : undefined),
        jinjaTruth: () => {
          if (!value) options.onBehaviorFlag?.(name);
          return value;
        },
        jinjaText: () => String(value),
      };
    },
  };
}

/** `adapter.config`: what dbt keeps there and templates read; the credentials without the password. */
function configObject(config: RuntimeConfig, adapter: Adapter): HostObject {
  const { project, profile } = config;
  const credentials = PyDict.from([
    ['type', adapter.type] as const,
    ...adapter.connectionInfo().map(([key, value]) => [key, value] as const),
  ]);
  const fields: Readonly<Record<string, () => Value>> = {
    credentials: () => ({
      jinjaType: 'Credentials',
      jinjaGet: (name: string) => credentials.get(name),
      jinjaItem: (key: Value) => credentials.get(key),
      jinjaText: () => '<Credentials>',
    }),
    quoting: () =>
      fromJson({
        database: quotePart(config, adapter, 'database'),
        schema: quotePart(config, adapter, 'schema'),
        identifier: quotePart(config, adapter, 'identifier'),
      }),
    project_name: () => project.project_name,
    version: () => project.version,
    project_root: () => project.project_root,
    target_path: () => project.target_path,
    profile_name: () => profile.profile_name,
    target_name: () => profile.target_name,
    threads: () => profile.threads,
    packages_install_path: () => project.packages_install_path,
  };
  return {
    jinjaType: 'dbt.config.runtime.RuntimeConfig',
    jinjaGet: (name) => (Object.hasOwn(fields, name) ? fields[name]!() : undefined),
  };
}

function quotePart(config: RuntimeConfig, adapter: Adapter, part: 'database' | 'schema' | 'identifier'): boolean {
  return config.project.quoting[part] ?? adapter.relations.quotePolicy[part];
}
