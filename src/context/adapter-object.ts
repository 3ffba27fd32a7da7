// The `adapter` object of templates: the methods that dbt's adapters provide. During parsing, methods that would query
// the database return what dbt's parser returns. The methods are in adapter-methods.ts; adapters/sql-adapter.ts
// executes them.
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
  /** `adapter.dispatch`: finds the adapter's implementation of a macro. */
  readonly dispatch: (name: string, namespace: string | null) => Callable;
  /** Null during parsing, when the database is not queried. */
  readonly session: Session | null;
  readonly executeMacro?: ExecuteMacro | undefined;
  /** See SqlAdapterOptions. */
  readonly builds?: ((relation: Relation) => boolean) | undefined;
  readonly onEvent?: ((name: SchemaEvent, data: Readonly<Record<string, unknown>>) => void) | undefined;
  /** Receives constraints that the database will not enforce. */
  readonly onConstraint?: ConstraintWarning | undefined;
  /** Receives warnings of the dialect's own methods. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** See MethodCall. */
  readonly onSecret?: ((secret: string) => void) | undefined;
  /** Receives behavior flags that were read while off; dbt reports each one once. */
  readonly onBehaviorFlag?: ((name: string) => void) | undefined;
  /**
   * Fingerprints of views that were built, by rendered name; `view_unchanged` compares with them. Set before the node's
   * commit.
   */
  readonly views?:
    | { get(name: string): string | undefined; set(name: string, fingerprint: string, state: string): void }
    | undefined;
  /** Returns true if all macros on the call stack are built in. */
  readonly builtIn?: (() => boolean) | undefined;
  /** Returns true while hooks of the node run. */
  readonly inHook?: (() => boolean) | undefined;
  /** See SqlAdapterOptions. */
  readonly overridden?: ((macro: string) => boolean) | undefined;
  /**
   * Runs the tests of an audited node on the result that is about to be published. Absent if the node is not audited.
   */
  readonly audit?: ((staged: Relation) => Promise<void>) | undefined;
  /** The clock, in milliseconds since 1970, for index names that must differ between runs. */
  readonly now?: (() => number) | undefined;
}

/** Creates the `adapter` of a scope. */
export function createAdapterObject(options: AdapterObjectOptions): AdapterObject {
  return new AdapterObject(options);
}

/** `adapter`. Methods are created on first access. */
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

  /** Receives constraints that the database will not enforce. */
  get onConstraint(): ConstraintWarning {
    return this.options.onConstraint ?? (() => {});
  }

  /** Methods that use the session. @throws during parsing */
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

/** What dbt returns during parsing, when it does not query the database. */
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
      'commit_if_open',
      'commit_soon',
      'restore_dependants',
      'load_table',
      'view_published',
      'on_publish',
      'audit',
    ].map((name) => [name, () => null]),
  ),
};
