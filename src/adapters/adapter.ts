// What an adapter and a database session must offer to the layers above; a dialect lives in its own folder. Types only,
// so that context and runner depend on this file and never on a dialect.
import type { AdapterResponse } from '../contracts/results.ts';
import type { Kwargs, Value } from '../values/value.ts';
import type { Column, ColumnDialect } from './column.ts';
import type { Dependant } from './dependants.ts';
import type { TsdbtError } from '../errors.ts';
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
  /** The text is several queries, and the rows of each are wanted. */
  readonly every?: boolean;
  /** At most so many rows are read; null and absent: all. */
  readonly limit?: number | null;
  /** Values for `%s` placeholders, in order. */
  readonly bindings?: readonly Value[];
  /** False: the query comment is left out. */
  readonly comment?: boolean;
  /** Settings of the server for this statement alone, where the dialect has such. */
  readonly settings?: Readonly<Record<string, string>>;
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
}

/**
 * One unit of work's use of the database: dbt's "connection of a thread". It takes a connection of the capped pool with
 * its first statement, keeps it while a transaction is open and gives it back on `release`. Statements of one session
 * run one after the other.
 */
export interface Session {
  readonly name: string;
  readonly inTransaction: boolean;
  /**
   * Has anything been made to last by now, by a commit or by a statement outside of a transaction? If not, a rollback
   * undoes everything.
   */
  readonly lasting: boolean;
  /** Is there something that nobody else sees yet, and that may be undone? Absent where there are no transactions. */
  readonly pending?: boolean;
  /**
   * What `get_columns_in_relation` answered for a relation in this transaction; forgotten with any statement that may
   * have changed one.
   */
  readonly columns: Map<string, Value>;
  /** May `columns` be kept now? Where absent: in a transaction. */
  readonly keepsColumns?: boolean;
  /**
   * Statements that the node's code has asked for, to be run in the transaction that publishes it: the last of its
   * hooks inside.
   */
  readonly publishing: string[];
  /** A materialization's word that nothing will look at the answer of the next statement: `executeLater` will do. */
  nextMayWait: boolean;
  execute(sql: string, options?: ExecuteOptions): Promise<ExecuteResult>;
  /**
   * A statement of the transaction whose answer nothing waits for: it may go to the server with what comes next, at the
   * latest with the commit, and then what is wrong with it is thrown there.
   * @param answered told when it has succeeded, the commit too if they went together
   */
  executeLater(sql: string, answered: (result: ExecuteResult) => void): Promise<void>;
  /** The columns of a query, which is run. */
  describe(sql: string): Promise<ColumnDescription[]>;
  /** Runs a statement inside a savepoint: when it fails, what was done before stays. @returns the failure, or null */
  attempt(sql: string): Promise<TsdbtError | null>;
  begin(): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Streams CSV text into `COPY … FROM STDIN` or the dialect's bulk load. @returns rows loaded */
  copyIn(sql: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number>;
  /** Asks the server to stop the running statement; safe when nothing runs. */
  cancel(): Promise<void>;
  /** Rolls back what is open and gives the connection back. Never throws. */
  release(): Promise<void>;
}

/** Calls a macro by name with the session's own context, so that overrides of users and packages count. */
export type ExecuteMacro = (name: string, args: readonly Value[], kwargs?: Kwargs) => Promise<Value>;

/** What a statement is about, for the query comment and for errors. */
export interface SessionOptions {
  readonly name: string;
  /** Text put in front of (or behind) each statement; null for none. Called for each statement. */
  readonly comment?: (() => { text: string; append: boolean } | null) | undefined;
  /** Told when a statement has to wait for somebody else. */
  readonly onWait?: ((message: string) => void) | undefined;
  /** Where `table.print_table()` of this session's results writes. */
  readonly print?: ((text: string) => void) | undefined;
  /** Sees each statement before and after: debug log, journal, error mapping. */
  readonly onStatement?:
    | ((event: {
        sql: string;
        phase: 'start' | 'end' | 'error';
        ms?: number;
        response?: AdapterResponse;
        error?: unknown;
      }) => void)
    | undefined;
}

/** What differs between dialects, as data: the engine asks here and never for a dialect's name. */
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

/** What is not fit for being run often: readers can see it half done, or a run costs much. */
export interface Seldom {
  /** Milliseconds between two runs from which on it is. */
  readonly every: number;
  /** What to do instead. */
  readonly instead: string;
  /**
   * @param readByViews do materialized views of the project read it?
   * @returns what of the node is meant, and what happens; null: it is fit
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

/** A source of which the loader may know something. */
export interface LoadedSource {
  readonly unique_id: string;
  readonly schema: string;
  readonly identifier: string;
}

/** What `tsdbt load` has brought into a source's table. */
export interface LoadedState {
  readonly rows: number;
  /**
   * Moment of the newest message, of the newest flush that brought rows, and now; the first two null before there was
   * one.
   */
  readonly newestMessage: Value;
  readonly newestLoad: Value;
  readonly now: Value;
}

/** Remembers in the database which intervals of a microbatch model are built. */
export interface IntervalLedger {
  /** Has anything been noted in the relation's schema? */
  exists(relation: Relation): boolean;
  /** Those of a relation, oldest first; none when nothing is known of it. Makes what it needs to remember. */
  read(session: Session, relation: Relation): Promise<DoneInterval[]>;
  /**
   * Notes an interval; runs in the transaction that built it.
   * @param anew the relation was built anew: forget what was noted before
   */
  markSql(relation: Relation, interval: DoneInterval, anew: boolean): string;
  forgetSql(relation: Relation): string;
  /**
   * Where a batch and its note are no transaction: runs before a table is made anew, and says that nothing of it is
   * built. `markSql` then need not forget. Cut off after it, the next run builds all intervals.
   */
  beginSql?(relation: Relation): string;
}

/** What a lock is for. */
export interface LockOptions {
  /** The relation is going to be built in this session, and nothing else is changed there. */
  readonly builds?: boolean;
  /** `fetchViewState` is going to be asked, of the view as it is now. */
  readonly viewState?: boolean;
}

/** A database of one dialect. Created once a command from the profile; opens no connection before it is needed. */
export interface Adapter {
  readonly type: string;
  readonly capabilities: Capabilities;
  /** SQL for this moment: `sql_now` of templates. */
  readonly dateFunction?: string;
  readonly cache: RelationCache;
  readonly relations: RelationDialect;
  readonly columns: ColumnDialect;
  /** What `adapter` has in templates beside the methods of every dialect. */
  readonly templateMethods?: TemplateMethods;
  /** Null where nothing can be noted that every server of the database sees. */
  readonly intervals: IntervalLedger | null;
  /** Absent where readers see nothing half done and nothing costs more the oftener it runs. */
  readonly seldom?: Seldom;
  /** From the loader's bookkeeping; null where it has none of this source's table. */
  loadedState(session: Session, source: LoadedSource): Promise<LoadedState | null>;
  /** Connection facts fit for `debug`, `target` and logs: never a secret. In dbt's order. */
  connectionInfo(): readonly (readonly [key: string, value: Value])[];
  session(options: SessionOptions): Session;
  /** Fails with a `connection` error that names host and port. */
  check(): Promise<void>;
  quote(identifier: string): string;
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
  /** All relations of the schemas into the cache, listed before or not, by `askCatalogue`. */
  fillCache(session: Session, schemas: readonly SchemaName[]): Promise<void>;
  /**
   * All relations of the schemas, with who reads whom, in at most two queries. Schemas that do not exist count as
   * empty.
   */
  askCatalogue(session: Session, schemas: readonly SchemaName[]): Promise<Listing>;
  /**
   * The relations in what the macro `list_relations_without_caching` gives, where dbt's four columns do not say all.
   */
  listed?(table: Table): Promise<readonly Relation[]>;
  /** The macro that tells who reads whom, as pairs of schema and name: the reader's, then what it reads. */
  readonly linksMacro?: string;
  /** Which of the schemas exist, in one query. */
  existingSchemas(session: Session, schemas: readonly string[]): Promise<ReadonlySet<string>>;
  /** See `SqlAdapter.lockRelation`. */
  lockRelation(session: Session, relation: Relation, options?: LockOptions): Promise<void>;
  /**
   * What tells whether rows or columns of the relations have changed since it was last asked, in one statement.
   * @returns a text for each in the same order, null where it cannot be known (views, foreign tables, what does not
   *   exist)
   */
  fetchChangeMarks(session: Session, relations: readonly Relation[]): Promise<readonly (string | null)[]>;
  /**
   * Takes a name for the session's transaction, without waiting. Nobody else on this database gets it until that ends.
   * @param holder what others are told
   * @returns null, or who holds it
   */
  claim(session: Session, name: string, holder: string): Promise<string | null>;
  /** What stands on the relation, in creation order, locked against other runs. */
  fetchDependants(session: Session, relation: Relation): Promise<readonly Dependant[]>;
  /**
   * A text that changes when a view is another object, says something else, or when columns of what it reads change;
   * null when there is no such view.
   * @param query what the view is to give, for databases that tell the columns of a query and not what a view reads
   */
  fetchViewState(session: Session, relation: Relation, query: string | null): Promise<string | null>;
  /**
   * Reads what many views are like, in one statement. `fetchViewState` answers from it, and a view is locked only when
   * something is done about it, until this command does what may change the view or what it reads.
   */
  readViewStates?(session: Session, views: readonly Relation[]): Promise<void>;
  /** The answer of `readViewStates` for a view, undefined when it does not hold any more. */
  knownViewState?(session: Session, view: Relation): string | undefined;
  /** Something is going to run of which nobody knows what it changes. */
  distrustViewStates?(): void;
  /** The same of a view that has just been made; told at the latest when the transaction is committed. */
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
  /** Cancels what runs and closes every connection; safe to call twice. */
  close(): Promise<void>;
}
