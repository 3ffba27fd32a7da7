// What an adapter and a database session must offer to the layers above; a dialect lives in its own folder. Types only,
// so that context and runner depend on this file and never on a dialect.
import type { AdapterResponse } from '../contracts/results.ts';
import type { Kwargs, Value } from '../values/value.ts';
import type { Column, ColumnDialect } from './column.ts';
import type { Dependant } from './dependants.ts';
import type { TsdbtError } from '../errors.ts';
import type { Fence } from './fence.ts';
import type { Relation, RelationInput } from './relation.ts';
import type { RelationDialect } from './relation-dialect.ts';
import type { Listing, RelationCache, SchemaName } from './relation-cache.ts';
import type { Table } from './table.ts';
import type { TemplateMethods } from './template-method.ts';

export interface ExecuteOptions {
  /** Open a transaction first when none is open (dbt's auto_begin). */
  readonly autoBegin?: boolean;
  /** Read the rows; without it the table is empty. */
  readonly fetch?: boolean;
  /** The text is several queries; the rows of each are wanted. */
  readonly every?: boolean;
  /** At most so many rows are read; null and absent: all. */
  readonly limit?: number | null;
  /** Values for `%s` placeholders, in order. */
  readonly bindings?: readonly Value[];
  /** False: the query comment is left out. */
  readonly comment?: boolean;
  /** Server settings for this statement alone, where the dialect has such. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Part of a hook: the rows that it writes are not the node's. */
  readonly hook?: boolean;
}

export interface ExecuteResult {
  readonly response: AdapterResponse;
  readonly table: Table;
  /** With `every`: the rows of each statement, in order. */
  readonly tables?: readonly Table[];
}

/** A column of a query as contracts compare it: the driver's name of its type (`INTEGER`, `STRING`). */
export interface ColumnDescription {
  readonly name: string;
  readonly typeName: string;
  /** The server's code of a type that has no name here. */
  readonly unknownCode?: number;
}

/**
 * The connection of one unit of work: dbt's "connection of a thread". It takes a connection of the capped pool with its
 * first statement, holds it while a transaction is open and gives it back on `release`. Statements of one session run
 * one after the other.
 */
export interface Session {
  readonly name: string;
  readonly inTransaction: boolean;
  /**
   * Has a commit, or a statement outside of a transaction, made a change permanent? If not, a rollback undoes
   * everything.
   */
  readonly lasting: boolean;
  /** Are there uncommitted changes, which a rollback may undo? Absent where there are no transactions. */
  readonly pending?: boolean;
  /** Cache of `get_columns_in_relation` in this transaction; emptied by any statement that may change columns. */
  readonly columns: Map<string, Value>;
  /** May `columns` be filled now? Where absent: in a transaction. */
  readonly keepsColumns?: boolean;
  /** Statements of the node's code that run in the transaction that publishes it, as the last of its hooks inside. */
  readonly publishing: string[];
  /** Set by a materialization that ignores the next statement's answer: `executeLater` may send it. */
  nextMayWait: boolean;
  /** Lists a schema for the cache where templates may run no statement. Absent: they may. */
  listing?<T>(work: () => Promise<T>): Promise<T>;
  execute(sql: string, options?: ExecuteOptions): Promise<ExecuteResult>;
  /**
   * Sends a statement of the transaction together with a later one, at the latest with the commit, which then throws
   * its error.
   * @param answered called when it has succeeded; when they went together, the commit too
   */
  executeLater(sql: string, answered: (result: ExecuteResult) => void): Promise<void>;
  /** Runs a query. @returns its columns */
  describe(sql: string): Promise<ColumnDescription[]>;
  /** Runs a statement inside a savepoint: a failure undoes nothing before it. @returns the failure, or null */
  attempt(sql: string): Promise<TsdbtError | null>;
  /**
   * Runs work inside the open transaction: nothing in it commits, rolls back or releases, and a statement that fails
   * undoes nothing before it. Absent where there are no transactions.
   * @throws {TsdbtError} when there is no transaction, or it is gone afterwards
   */
  hold?<T>(work: () => Promise<T>): Promise<T>;
  begin(): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Streams CSV text into `COPY … FROM STDIN` or the dialect's bulk load. @returns rows loaded */
  copyIn(sql: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number>;
  /**
   * Streams the rows of a statement in the server's own text or binary form, as fast as they are taken. The session
   * waits until `take` has ended.
   */
  copyOut?<T>(sql: string, take: (rows: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T>;
  /** Asks the server to cancel the running statement; safe when nothing runs. */
  cancel(): Promise<void>;
  /** Rolls back what is open and gives the connection back. Never throws. */
  release(): Promise<void>;
}

/** Calls a macro by name with the session's own context, so that overrides of users and packages count. */
export type ExecuteMacro = (name: string, args: readonly Value[], kwargs?: Kwargs) => Promise<Value>;

/** What a statement made the server do. */
export interface StatementCost {
  readonly readRows: number;
  readonly readBytes: number;
  readonly writtenRows: number;
}

/** The purpose of a session, for the query comment and for errors. */
export interface SessionOptions {
  readonly name: string;
  /** The query comment of each statement, before or behind it; null: none. Called for each statement. */
  readonly comment?: (() => { text: string; append: boolean } | null) | undefined;
  /** Asked before anything of the session becomes visible; absent: nothing is asked. */
  readonly fence?: Fence | undefined;
  /** Called when a statement waits for another session. */
  readonly onWait?: ((message: string) => void) | undefined;
  /** Prints what `table.print_table()` of this session's results writes. */
  readonly print?: ((text: string) => void) | undefined;
  /** Sees each statement before and after: debug log, journal, error mapping. */
  readonly onStatement?:
    | ((event: {
        sql: string;
        phase: 'start' | 'end' | 'error';
        ms?: number;
        response?: AdapterResponse;
        /** null: the server does not say. */
        cost?: StatementCost | null;
        error?: unknown;
      }) => void)
    | undefined;
}

/** The differences of dialects, as data: the engine asks here and never for a dialect's name. */
export interface Capabilities {
  readonly transactions: boolean;
  readonly transactionalDdl: boolean;
  /** Longest identifier in bytes. */
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
  /** dbt's default when a model names no strategy and has / has no unique_key; `default` is answered by the macros. */
  readonly validIncrementalStrategies: readonly string[];
}

/** Nodes unfit for frequent runs: readers see them half done, or a run costs much. */
export interface Seldom {
  /** Runs closer together than so many milliseconds count as frequent. */
  readonly every: number;
  /** What to do instead, in words. */
  readonly instead: string;
  /**
   * @param readByViews do materialized views of the project read it?
   * @returns the unfit setting, and the reason; null: the node is fit
   */
  of(
    config: Readonly<Record<string, unknown>>,
    readByViews: boolean,
  ): { readonly name: string; readonly why: string } | null;
}

/** An interval of event time, in UTC milliseconds since 1970; the end is not part of it. */
export interface DoneInterval {
  readonly start: number;
  readonly end: number;
}

/** A source that the loader may have loaded. */
export interface LoadedSource {
  readonly unique_id: string;
  readonly schema: string;
  readonly identifier: string;
}

/** What `tsdbt load` fills a table from: topics of Kafka, or a table of another database. */
export type LoadOrigin = 'topics' | 'table';

/** What `tsdbt load` has loaded into a source's table. */
export interface LoadedState {
  /** Of a table of another database: those that the last sync has read. */
  readonly rows: number;
  /**
   * Times of the newest message, of the newest flush with rows, and of now; the first two are null before there was
   * one. Of a table of another database both are the beginning of the last sync.
   */
  readonly newestMessage: Value;
  readonly newestLoad: Value;
  readonly now: Value;
}

/** Remembers in the database which intervals of a microbatch model are built. */
export interface IntervalLedger {
  /** Does the session see a ledger in the relation's schema? */
  exists(relation: Relation, session: Session): boolean;
  /** Relations of the schema that the ledger names; read once per command. The schema must have a ledger. */
  named(session: Session, relation: Relation): Promise<ReadonlySet<string>>;
  /** The relation's built intervals, oldest first. Creates the ledger where it is missing. */
  read(session: Session, relation: Relation): Promise<DoneInterval[]>;
  /**
   * Notes an interval; runs in the transaction that built it.
   * @param anew the relation was rebuilt: forget earlier intervals
   */
  markSql(relation: Relation, interval: DoneInterval, anew: boolean): string;
  forgetSql(relation: Relation): string;
  /**
   * For dialects without transactions: runs before a table is rebuilt, and notes that nothing of it is built. `markSql`
   * then need not forget. After a kill the next run builds all intervals.
   */
  beginSql?(relation: Relation): string;
}

/** The purpose of a lock. */
export interface LockOptions {
  /** The session builds the relation, and changes nothing else there. */
  readonly builds?: boolean;
  /** `fetchViewState` will be asked about the view as it is now. */
  readonly viewState?: boolean;
}

/** A database of one dialect, created once a command from the profile. Connects with the first statement. */
export interface Adapter {
  readonly type: string;
  readonly capabilities: Capabilities;
  /** SQL for the current time: `sql_now` of templates. */
  readonly dateFunction?: string;
  readonly cache: RelationCache;
  readonly relations: RelationDialect;
  readonly columns: ColumnDialect;
  /** Members of `adapter` in templates beside those of every dialect. */
  readonly templateMethods?: TemplateMethods;
  /** Null where a ledger would not be visible to every server of the database. */
  readonly intervals: IntervalLedger | null;
  /** Absent where every node is fit for frequent runs. */
  readonly seldom?: Seldom;
  /** Reads the loader's bookkeeping; null where it does not know the source's table. */
  loadedState(session: Session, source: LoadedSource, origin: LoadOrigin): Promise<LoadedState | null>;
  /** Connection facts for `debug`, `target` and logs, in dbt's order. Never a secret. */
  connectionInfo(): readonly (readonly [key: string, value: Value])[];
  session(options: SessionOptions): Session;
  /**
   * Whether an error may pass: a lost connection, a deadlock, a lock that was not had in time, a server that is full.
   * The same statement may succeed later; an error of the SQL is none of these.
   */
  isTransient(error: TsdbtError): boolean;
  /** Fails with a `connection` error that names host and port. */
  check(): Promise<void>;
  /** A name in quotes, whatever it contains. */
  quote(identifier: string): string;
  /** A name that a project wrote as SQL: a bare or quoted identifier stays as it is, anything else is quoted. */
  quoteWritten(name: string): string;
  /** A text as a string literal, whatever it contains. */
  quoteText(text: string): string;
  /** @throws when the database is another than the one connected to and the dialect cannot reach it */
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
  /** SQL type for a column of an inferred (agate) type. */
  convertType(table: Table, columnIndex: number): string;
  /** Fills the cache with all relations of the schemas, by `askCatalogue`, whether they were listed before or not. */
  fillCache(session: Session, schemas: readonly SchemaName[]): Promise<void>;
  /**
   * All relations of the schemas and their dependencies, in at most two queries. A schema that does not exist is empty.
   */
  askCatalogue(session: Session, schemas: readonly SchemaName[]): Promise<Listing>;
  /**
   * Reads relations from the result of the macro `list_relations_without_caching`, where dbt's four columns do not
   * suffice.
   */
  listed?(table: Table): Promise<readonly Relation[]>;
  /** The macro that lists dependencies, as pairs of schema and name: the reader, then what it reads. */
  readonly linksMacro?: string;
  /** Which of the schemas exist, in one query. */
  existingSchemas(session: Session, schemas: readonly string[]): Promise<ReadonlySet<string>>;
  /** See `SqlAdapter.lockRelation`. */
  lockRelation(session: Session, relation: Relation, options?: LockOptions): Promise<void>;
  /**
   * Marks that change when rows or columns of the relations change, in one statement.
   * @returns a text for each in the same order, null where none is known (views, foreign tables, missing relations)
   */
  fetchChangeMarks(session: Session, relations: readonly Relation[]): Promise<readonly (string | null)[]>;
  /**
   * Claims a name for the session's transaction, without waiting. No other session of this database gets it until then.
   * @param holder shown to others
   * @returns null, or who holds it
   */
  claim(session: Session, name: string, holder: string): Promise<string | null>;
  /** Did the relation have no dependants when the session locked it? Absent: it is not known then. */
  isBare?(session: Session, relation: Relation): boolean;
  /** Settings of a model with which the dialect makes another table, beside those that every dialect knows. */
  readonly tableSettings?: readonly string[];
  /** The dependants of a relation, in creation order, locked against other runs. */
  fetchDependants(session: Session, relation: Relation): Promise<readonly Dependant[]>;
  /**
   * A text that changes with a view's identity, its definition, or the columns of what it reads; null: there is no such
   * view.
   * @param query the view's query, for databases that know the columns of a query and not what a view reads
   */
  fetchViewState(session: Session, relation: Relation, query: string | null): Promise<string | null>;
  /**
   * Reads the states of many views in one statement. `fetchViewState` answers from them without locking, until this
   * command does something that may change a view or what it reads.
   */
  readViewStates?(session: Session, views: readonly Relation[]): Promise<void>;
  /** The state of a view by `readViewStates`; undefined when it is out of date. */
  knownViewState?(session: Session, view: Relation): string | undefined;
  /** Invalidates all states of `readViewStates`: the code that runs next may change any view. */
  invalidateViewStates?(): void;
  /** The state of a view that was just made; `note` is called at the latest when the transaction commits. */
  notePublishedView(
    session: Session,
    relation: Relation,
    query: string | null,
    note: (state: string | null) => void,
  ): Promise<void>;
  canReplaceView(session: Session, existing: Relation, wanted: Relation): Promise<boolean>;
  /**
   * Puts a table's rows into a relation, column by column in order, as fast as the dialect can.
   * @param columnList names of the columns as SQL; by default those of the table, quoted
   * @returns rows
   */
  loadTable(session: Session, relation: Relation, table: Table, columnList?: string): Promise<number>;
  /** Cancels running statements and closes every connection; safe to call twice. */
  close(): Promise<void>;
}
