// What a template calls `adapter`: the methods that dbt's adapters make available. While parsing, those that would ask
// the database answer as dbt's parser does. The methods are in adapter-methods.ts, the work is done by adapters/sql-
// adapter.ts.
import { errorOf } from '../error-table.ts';
import type { Adapter, ExecuteMacro, Session } from '../adapters/adapter.ts';
import { ColumnClass } from '../adapters/column.ts';
import type { ConstraintWarning } from '../adapters/constraints.ts';
import { type Relation, RelationClass } from '../adapters/relation.ts';
import { writtenPolicy } from '../adapters/relation-path.ts';
import { type SchemaEvent, SqlAdapter } from '../adapters/sql-adapter.ts';
import { Table } from '../adapters/table.ts';
import type { MethodCall, TemplateMethod } from '../adapters/template-method.ts';
import type { RuntimeConfig } from '../contracts/project.ts';
import { callable } from '../values/callable.ts';
import { PyTuple } from '../values/tuple.ts';
import type { Callable, HostObject, Value } from '../values/value.ts';
import { behaviorObject, configObject } from './adapter-config.ts';
import { adapterMethod } from './adapter-methods.ts';

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
  readonly onEvent?: ((name: SchemaEvent, data: Readonly<Record<string, unknown>>) => void) | undefined;
  /** Constraints that the database will not hold. */
  readonly onConstraint?: ConstraintWarning | undefined;
  /** A warning of the dialect's own methods. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** See MethodCall. */
  readonly onSecret?: ((secret: string) => void) | undefined;
  /** Behaviour flags that were read while off: dbt tells once of each. */
  readonly onBehaviorFlag?: ((name: string) => void) | undefined;
  /**
   * What `view_unchanged` compares with: fingerprints by rendered name, of views that were built. Set before the node's
   * commit.
   */
  readonly views?:
    | { get(name: string): string | undefined; set(name: string, fingerprint: string, state: string): void }
    | undefined;
  /** True when all macros on the call stack are the engine's own. */
  readonly builtIn?: (() => boolean) | undefined;
  /** True while hooks of the node run. */
  readonly inHook?: (() => boolean) | undefined;
  /** See SqlAdapterOptions. */
  readonly overridden?: ((macro: string) => boolean) | undefined;
  /** Runs the tests of a node that is audited on what is to be published; absent: it is not audited. */
  readonly audit?: ((staged: Relation) => Promise<void>) | undefined;
  /** The clock, for names of indexes that differ from run to run; milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
}

/** The `adapter` of a scope. */
export function createAdapterObject(options: AdapterObjectOptions): AdapterObject {
  return new AdapterObject(options);
}

/** `adapter`. Its methods are made when first named. */
export class AdapterObject implements HostObject {
  readonly jinjaType: string;
  readonly options: AdapterObjectOptions;
  readonly #made = new Map<string, Value>();
  #own: SqlAdapter | undefined;

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

  /** Told of constraints that the database will not hold. */
  get onConstraint(): ConstraintWarning {
    return this.options.onConstraint ?? (() => {});
  }

  /** The methods on the session. @throws while parsing */
  get sql(): SqlAdapter {
    const { adapter, session, executeMacro, config, builds, onEvent, onWarning, overridden } = this.options;
    if (session === null || executeMacro === undefined) throw errorOf('databaseWhileParsing', {});
    this.#own ??= new SqlAdapter({
      adapter,
      session,
      executeMacro,
      quoting: config.project.quoting,
      builds,
      onEvent,
      onWarning,
      overridden,
    });
    return this.#own;
  }

  jinjaGet(name: string): Value | undefined {
    const known = this.#made.get(name);
    if (known !== undefined) return known;
    const value = this.#make(name);
    if (value !== undefined) this.#made.set(name, value);
    return value;
  }

  #make(name: string): Value | undefined {
    const { templateMethods = {} } = this.adapter;
    const own = Object.hasOwn(templateMethods, name) ? templateMethods[name] : undefined;
    if (own !== undefined) return this.#bound(name, own);
    if (this.options.session === null) {
      const answer = Object.hasOwn(PARSE_ANSWERS, name) ? PARSE_ANSWERS[name] : undefined;
      if (answer !== undefined) return callable(name, '*args, **kwargs', () => answer());
    }
    const method = adapterMethod(this, name);
    if (method !== undefined) return method;
    switch (name) {
      case 'Relation':
        return new RelationClass(this.adapter.relations, writtenPolicy(this.options.config.project.quoting));
      case 'Column':
        return new ColumnClass(this.adapter.columns);
      case 'config':
        return configObject(this.options.config, this.adapter);
      case 'behavior':
        return behaviorObject(this.options.config, this.options.onBehaviorFlag);
      default:
        return undefined;
    }
  }

  #bound(name: string, { signature, run, parsing }: TemplateMethod): Callable {
    if (this.options.session === null && parsing !== undefined)
      return callable(name, '*args, **kwargs', () => parsing());
    const { options } = this;
    const sql = (): SqlAdapter => this.sql;
    const call: MethodCall = {
      get sql() {
        return sql();
      },
      config: options.config,
      onConstraint: this.onConstraint,
      onSecret: (secret) => options.onSecret?.(secret),
      warn: (message) => options.onWarning?.(message),
      now: options.now ?? (() => 0),
    };
    return callable(name, signature, (...args) => run(call, ...args));
  }

  jinjaText(): string {
    return `<${this.jinjaType} object>`;
  }
}

/** dbt's answers while parsing, when it does not ask the database. */
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
  audited: () => false,
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
      'audit',
    ].map((name) => [name, () => null]),
  ),
};
