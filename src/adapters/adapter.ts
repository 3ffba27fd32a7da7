// The interface of adapters and database sessions for the layers above. Types only, so that context and runner depend
// on this file and never on a dialect.
import type { Json } from '../contracts/node.ts';
import type { AdapterResponse } from '../contracts/results.ts';
import type { Kwargs, Value } from '../values/value.ts';
import type { Column, ColumnDialect } from './column.ts';
import type { Dependant } from './dependants.ts';
import type { TsdbtError } from '../errors.ts';
import type { Fence } from './fence.ts';
import type { Relation, RelationInput } from './relation.ts';
import type { RelationDialect } from './relation-dialect.ts';
import type { Listing, RelationCache, SchemaName } from './relation-cache.ts';
import type { ReuseStore } from './node-states.ts';
import type { Table } from './table.ts';
import type { TemplateMethods } from './template-method.ts';

export interface ExecuteOptions {
  /** Opens a transaction first if none is open (dbt's auto_begin). */
  readonly autoBegin?: boolean;
  /** Whether to read the rows; otherwise the table is empty. */
  readonly fetch?: boolean;
  /** The text contains several queries; the rows of each are returned. */
  readonly every?: boolean;
  /** Maximum number of rows to read; null or absent: all. */
  readonly limit?: number | null;
  /** Values for `%s` placeholders, in order. */
  readonly bindings?: readonly Value[];
  /** The engine's own statement in a session of models: no query comment, and settings that keep values exact. */
  readonly internal?: boolean;
  /** Server settings for this statement only, if the dialect supports them. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The server rejects changes of data, and several statements. */
  readonly readOnly?: boolean;
  /** The statement is part of a hook: rows that it writes are not the node's. */
  readonly hook?: boolean;
}

export interface ExecuteResult {
  readonly response: AdapterResponse;
  readonly table: Table;
  /** With `every`: the rows of each statement, in order. */
  readonly tables?: readonly Table[];
}

/** A column of a query for contract checks, with the driver's name of its type (`INTEGER`, `STRING`). */
export interface ColumnDescription {
  readonly name: string;
  readonly typeName: string;
  /** The server's code of a type without a known name. */
  readonly unknownCode?: number;
}

/**
 * The connection of one unit of work: dbt's "connection of a thread". It takes a connection from the bounded pool for
 * its first statement, holds it while a transaction is open and returns it on `release`. Statements of one session run
 * one after the other.
 */
export interface Session {
  readonly name: string;
  readonly inTransaction: boolean;
  /**
   * Whether a commit, or a statement outside of a transaction, has made a change permanent. If not, a rollback undoes
   * everything.
   */
  readonly lasting: boolean;
  /** Whether there are uncommitted changes that a rollback undoes. Absent for dialects without transactions. */
  readonly pending?: boolean;
  /** Cache of `get_columns_in_relation` in this transaction; cleared by any statement that may change columns. */
  readonly columns: Map<string, Value>;
  /** Whether `columns` may be filled now. Absent: in a transaction. */
  readonly keepsColumns?: boolean;
  /**
   * Statements of the node's code that run in the transaction that publishes it, after its other hooks inside the
   * transaction.
   */
  readonly publishing: string[];
  /** Set by a materialization that ignores the next statement's result: `executeLater` may send it. */
  nextMayWait: boolean;
  /** Lists a schema for the cache if templates may not run statements. Absent: they may. */
  listing?<T>(work: () => Promise<T>): Promise<T>;
  execute(sql: string, options?: ExecuteOptions): Promise<ExecuteResult>;
  /**
   * Sends a statement of the transaction together with a later one, at the latest with the commit, which then throws
   * its error.
   * @param answered called when it has succeeded; if both were sent together, the commit too
   */
  executeLater(sql: string, answered: (result: ExecuteResult) => void): Promise<void>;
  /** Runs a query and returns its columns. @param readOnly the database rejects changes */
  describe(sql: string, readOnly?: boolean): Promise<ColumnDescription[]>;
  /**
   * Runs statements inside a savepoint: their failure does not undo earlier ones.
   * @param single several are rejected
   * @returns the failure, or null
   */
  attempt(sql: string, single?: boolean): Promise<TsdbtError | null>;
  /**
   * Runs work inside the open transaction. The work cannot commit, roll back or release, and a failing statement in it
   * does not undo earlier ones. Absent for dialects without transactions.
   * @throws {TsdbtError} if there is no transaction, or it has ended afterwards
   */
  hold?<T>(work: () => Promise<T>): Promise<T>;
  begin(): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Streams CSV text into `COPY … FROM STDIN` or the dialect's bulk load. @returns the number of rows */
  copyIn(sql: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number>;
  /**
   * Streams the rows of a statement in the server's own text or binary format, at the consumer's speed. The session
   * waits until `take` has ended.
   */
  copyOut?<T>(sql: string, take: (rows: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T>;
  /** Asks the server to cancel the running statement. Has no effect if none is running. */
  cancel(): Promise<void>;
  /** Rolls back an open transaction and returns the connection to the pool. Never throws. */
  release(): Promise<void>;
}

/** Calls a macro by name in the session's context, so that overrides of users and packages apply. */
export type ExecuteMacro = (name: string, args: readonly Value[], kwargs?: Kwargs) => Promise<Value>;

/** What a statement cost on the server. */
export interface StatementCost {
  readonly readRows: number;
  readonly readBytes: number;
  readonly writtenRows: number;
}

/** The purpose of a session, for the query comment and for errors. */
export interface SessionOptions {
  readonly name: string;
  /** Returns the query comment and its position for a statement; null: none. */
  readonly comment?: (() => { text: string; append: boolean } | null) | undefined;
  /** Its statements are the user's: server settings that change values stay as the user set them. */
  readonly ofModels?: boolean;
  /** Checked before any work of the session becomes visible; absent: no check. */
  readonly fence?: Fence | undefined;
  /** Called if a statement waits for another session. */
  readonly onWait?: ((message: string) => void) | undefined;
  /** Prints the output of `table.print_table()` for this session's results. */
  readonly print?: ((text: string) => void) | undefined;
  /** Observes each statement before and after it runs: debug log, journal, error mapping. */
  readonly onStatement?:
    | ((event: {
        sql: string;
        phase: 'start' | 'end' | 'error';
        ms?: number;
        response?: AdapterResponse;
        /** Null: the server does not report it. */
        cost?: StatementCost | null;
        error?: unknown;
      }) => void)
    | undefined;
}

/** The differences between dialects, as data: the engine reads these and never compares a dialect's name. */
export interface Capabilities {
  readonly transactions: boolean;
  readonly transactionalDdl: boolean;
  /** Maximum length of an identifier in bytes. */
  readonly maxIdentifierBytes: number;
  readonly schemaMetadataByRelations: boolean;
  readonly tableLastModifiedMetadata: boolean;
  readonly microbatchConcurrency: boolean;
  readonly constraintSupport: Readonly<
    Record<
      'check' | 'not_null' | 'unique' | 'primary_key' | 'foreign_key',
      'enforced' | 'not_enforced' | 'not_supported'
    >
  >;
  /** dbt's defaults for models without a strategy, with and without unique_key. The macros resolve `default`. */
  readonly validIncrementalStrategies: readonly string[];
}

/** Nodes that are unsuitable for frequent runs: readers see them incomplete, or a run is expensive. */
export interface Seldom {
  /** Runs closer together than this many milliseconds are frequent. */
  readonly every: number;
  /** Advice on what to do instead. */
  readonly instead: string;
  /**
   * @param readByViews whether materialized views of the project read it
   * @returns the unsuitable setting and the reason; null: the node is suitable
   */
  of(
    config: Readonly<Record<string, unknown>>,
    readByViews: boolean,
  ): { readonly name: string; readonly why: string } | null;
}

/** An interval of event time in UTC milliseconds since 1970; the end is exclusive. */
export interface DoneInterval {
  readonly start: number;
  readonly end: number;
}

/** A source that `tsdbt load` may fill. */
export interface LoadedSource {
  readonly unique_id: string;
  readonly schema: string;
  readonly identifier: string;
}

/** The origin of a loaded table: Kafka topics, or a table of another database. */
export type LoadOrigin = 'topics' | 'table';

/** What `tsdbt load` has loaded into a source's table. */
export interface LoadedState {
  /** For a table of another database: the rows that the last sync read. */
  readonly rows: number;
  /**
   * Times of the newest message, of the last flush with rows, and of now; the first two are null before the first one.
   * For a table of another database both are the start of the last sync.
   */
  readonly newestMessage: Value;
  readonly newestLoad: Value;
  readonly now: Value;
}

/** Records in the database which intervals of a microbatch model are built. */
export interface IntervalLedger {
  /** Whether the session sees a ledger in the relation's schema. */
  exists(relation: Relation, session: Session): boolean;
  /** Relations of the schema with entries in the ledger; read once per command. The schema must have a ledger. */
  named(session: Session, relation: Relation): Promise<ReadonlySet<string>>;
  /** Returns the relation's built intervals, oldest first. Creates the ledger if it does not exist. */
  read(session: Session, relation: Relation): Promise<DoneInterval[]>;
  /**
   * SQL that records an interval; runs in the transaction that built it.
   * @param anew the relation was rebuilt: drops earlier intervals
   */
  markSql(relation: Relation, interval: DoneInterval, anew: boolean): string;
  forgetSql(relation: Relation): string;
  /**
   * For dialects without transactions: runs before a table is rebuilt, and records that none of it is built, so that
   * `markSql` need not drop earlier intervals. After a kill the next run builds all intervals.
   */
  beginSql?(relation: Relation): string;
}

/** The purpose of a lock. */
export interface LockOptions {
  /** The session builds the relation and changes nothing else there. */
  readonly builds?: boolean;
  /** `fetchViewState` will be called for the view in its current state. */
  readonly viewState?: boolean;
}

export interface UnitTestSql {
  /** Replaces the calls of the database's clock. @param at microseconds since 1970 */
  readonly withFixedClock: (sql: string, at: bigint) => string;
  /** An array as a fixture has it. */
  readonly fixtureArray: (items: readonly Json[]) => Json;
  /** How the dialect escapes a quote in a text: see `sqlMask`. */
  readonly texts: 'plain' | 'escaped';
}

/** A database of one dialect, created once per command from the profile. Connects with the first statement. */
export interface Adapter {
  readonly type: string;
  readonly capabilities: Capabilities;
  /** SQL for the current time: `sql_now` of templates. */
  readonly dateFunction?: string;
  readonly cache: RelationCache;
  readonly relations: RelationDialect;
  readonly columns: ColumnDialect;
  /** Members of `adapter` in templates in addition to those of every dialect. */
  readonly templateMethods?: TemplateMethods;
  /** Null if not every server of the database would see a ledger. */
  readonly intervals: IntervalLedger | null;
  /** Null if not every server of the database would see the states of nodes. */
  readonly reuse: ReuseStore | null;
  /** For unit tests that fix the time, or read a CTE. */
  readonly unitTests: UnitTestSql;
  /** Absent if every node is suitable for frequent runs. */
  readonly seldom?: Seldom;
  /** Reads the loader's bookkeeping; null if it has no entry for the source's table. */
  loadedState(session: Session, source: LoadedSource, origin: LoadOrigin): Promise<LoadedState | null>;
  /** Connection facts for `debug`, `target` and logs, in dbt's order. Never a secret. */
  connectionInfo(): readonly (readonly [key: string, value: Value])[];
  session(options: SessionOptions): Session;
  /**
   * Whether an error is transient: a lost connection, a deadlock, a lock timeout, an overloaded server. The same
   * statement may succeed later; an error in the SQL is never transient.
   */
  isTransient(error: TsdbtError): boolean;
  /** Connects. Fails with a `connection` error that names host and port. */
  check(): Promise<void>;
  /** Quotes a name, whatever it contains. */
  quote(identifier: string): string;
  /** Formats a name that a project wrote as SQL: a bare or quoted identifier is kept, anything else is quoted. */
  quoteWritten(name: string): string;
  /** Formats a text as a string literal, whatever it contains. */
  quoteText(text: string): string;
  /** @throws if the database is not the connected one and the dialect cannot reach it */
  verifyDatabase(database: string): void;
  /** `api.Relation.create(...)`. */
  createRelation(fields: RelationInput): Relation;
  createColumn(
    name: string,
    dataType: string,
    charSize?: number | null,
    numericPrecision?: number | null,
    numericScale?: number | null,
  ): Column;
  /** Returns the SQL type for a column of an inferred (agate) type. */
  convertType(table: Table, columnIndex: number): string;
  /** Fills the cache with all relations of the schemas by `askCatalogue`, including schemas that were listed before. */
  fillCache(session: Session, schemas: readonly SchemaName[]): Promise<void>;
  /**
   * Returns all relations of the schemas and their dependencies, with at most two queries. A schema that does not exist
   * is empty.
   */
  askCatalogue(session: Session, schemas: readonly SchemaName[]): Promise<Listing>;
  /**
   * Reads relations from the result of the macro `list_relations_without_caching`, if dbt's four columns are not
   * sufficient.
   */
  listed?(table: Table): Promise<readonly Relation[]>;
  /** The macro that lists dependencies as pairs of schema and name: the reader, then what it reads. */
  readonly linksMacro?: string;
  /** Returns which of the schemas exist, with one query. */
  existingSchemas(session: Session, schemas: readonly string[]): Promise<ReadonlySet<string>>;
  /** See `SqlAdapter.lockRelation`. */
  lockRelation(session: Session, relation: Relation, options?: LockOptions): Promise<void>;
  /**
   * Returns marks that change when rows or columns of the relations change, with one statement.
   * @returns a text per relation in the same order; null if none is known (views, foreign tables, missing relations)
   */
  fetchChangeMarks(session: Session, relations: readonly Relation[]): Promise<readonly (string | null)[]>;
  /**
   * Claims a name for the session's transaction without waiting. No other session of this database can claim it in the
   * meantime.
   * @param holder shown to others
   * @returns null, or the current holder
   */
  claim(session: Session, name: string, holder: string): Promise<string | null>;
  /** Whether the relation had no dependants when the session locked it. Absent: unknown. */
  isBare?(session: Session, relation: Relation): boolean;
  /** Settings of a model that change the table it creates in this dialect, in addition to those of every dialect. */
  readonly tableSettings?: readonly string[];
  /** Returns the dependants of a relation in creation order, locked against other runs. */
  fetchDependants(session: Session, relation: Relation): Promise<readonly Dependant[]>;
  /**
   * Returns a text that changes with a view's identity, its definition, or the columns of what it reads; null if the
   * view does not exist.
   * @param query the view's query, for databases that report the columns of a query but not what a view reads
   */
  fetchViewState(session: Session, relation: Relation, query: string | null): Promise<string | null>;
  /**
   * Reads the states of many views with one statement. `fetchViewState` answers from them without locking until this
   * command does something that may change a view or what it reads.
   */
  readViewStates?(session: Session, views: readonly Relation[]): Promise<void>;
  /** Returns the state of a view from `readViewStates`; undefined if it is outdated. */
  knownViewState?(session: Session, view: Relation): string | undefined;
  /** Invalidates all states from `readViewStates`: the code that runs next may change any view. */
  invalidateViewStates?(): void;
  /** Reads the state of a view that was just created; `note` is called at the latest when the transaction commits. */
  notePublishedView(
    session: Session,
    relation: Relation,
    query: string | null,
    note: (state: string | null) => void,
  ): Promise<void>;
  canReplaceView(session: Session, existing: Relation, wanted: Relation): Promise<boolean>;
  /**
   * Inserts a table's rows into a relation, column by column in order, by the dialect's fastest way.
   * @param columnList names of the columns as SQL; by default those of the table, quoted
   * @returns the number of rows
   */
  loadTable(session: Session, relation: Relation, table: Table, columnList?: string): Promise<number>;
  /** Cancels running statements and closes every connection. Can be called twice. */
  close(): Promise<void>;
}
