// One unit of work on Postgres: statements in order on one connection, with the transactions that dbt and psycopg2
// would use. Takes a connection from the pool with its first statement. statements.ts classifies statements, message.ts
// combines them and wire.ts sends them.
import { errorOf } from '../../error-table.ts';
import { TsdbtError } from '../../errors.ts';
import { InOrder } from '../../in-order.ts';
import type { AdapterResponse } from '../../contracts/results.ts';
import type { ColumnDescription, ExecuteOptions, ExecuteResult, Session, SessionOptions } from '../adapter.ts';
import { Table } from '../table.ts';
import type { Value } from '../../values/value.ts';
import type { Connection, ConnectionPool } from './connection.ts';
import { type Copied, type Copy, copyRowsIn, copyRowsOut } from './copy.ts';
import { databaseError } from './database-error.ts';
import { bind, quoteText, quoteWritten } from './literal.ts';
import { withOutcome } from './lost-commit.ts';
import {
  type CommentedStatement,
  failedStatement,
  joinStatements,
  resultsOf,
  sendPieces,
  shiftPosition,
  withComment,
} from './message.ts';
import { cutStatements } from './open-end.ts';
import { columnDescription, decodeTable, type RawResult } from './result.ts';
import { keepsColumns, leavesState, mayBeComment, mayBeJoined } from './statements.ts';
import { TemporaryTables } from './temporary-tables.ts';
import { beginText, SessionTransaction, type TransactionSettings } from './transaction.ts';
import { type Answers, responseOf, sendMessage } from './wire.ts';

const withResponse = (value: RawResult): { value: RawResult; response: AdapterResponse } => ({
  value,
  response: responseOf(value),
});

/** Callbacks and settings of a session. */
export interface SessionSettings extends TransactionSettings {
  /** Called before a statement that may change any relation's columns. */
  readonly onChange?: () => void;
  /** Called when a session's changes are committed or undone. */
  readonly onEnd?: (session: PostgresSession, how: 'committed' | 'undone' | 'unknown') => void;
}

/** A statement that is sent together with the next one. */
interface WaitingStatement {
  readonly sql: string;
  readonly answered: (result: ExecuteResult) => void;
}

const COMMITS = /^(?:\s|\/\*(?:[^*]|\*(?!\/))*\*\/)*(?:commit|end)\b/i;

/** The response of a COMMIT whose answer was lost. */
const UNANSWERED_COMMIT: AdapterResponse = { _message: 'COMMIT', code: 'COMMIT', rows_affected: -1 };

const NUL = 'A string literal cannot contain NUL (0x00) characters.';

export class PostgresSession implements Session {
  readonly name: string;
  readonly columns = new Map<string, Value>();
  readonly publishing: string[] = [];
  nextMayWait = false;
  /** Whether it builds a relation and changes nothing else. */
  builds = false;
  /** The mark of the open transaction; null: none. */
  mark: string | null = null;
  /** Runs before anything is sent: takes a lock that is unnecessary if nothing is sent. */
  beforeFirst: (() => Promise<void>) | null = null;
  readonly #pool: ConnectionPool;
  readonly #settings: SessionSettings;
  readonly #transaction: SessionTransaction;
  readonly #options: SessionOptions;
  #connection: Connection | null = null;
  /** One session runs one statement at a time. */
  readonly #statements = new InOrder();
  #waiting: WaitingStatement[] = [];
  readonly #temporary = new TemporaryTables();
  /** Number of statements sent. */
  #sent = 0;
  #lasts = false;
  /** Whether a statement may have left state in the connection: a setting, a temporary table, a lock. */
  #stateful = false;
  /** Whether the session is closed to new statements. */
  #cancelled = false;
  /** Whether the work of `hold` is running. */
  #held = false;

  constructor(pool: ConnectionPool, settings: SessionSettings, options: SessionOptions) {
    this.#pool = pool;
    this.#settings = settings;
    this.#options = options;
    this.name = options.name;
    this.#transaction = new SessionTransaction(settings, pool, {
      send: (connection, text) => this.#send(connection, text),
      sendBegin: (connection, text) =>
        this.#observed('BEGIN', async () => {
          const result = await this.#send(connection, text);
          return withResponse(result);
        }),
      logBegin: () => this.#told('BEGIN'),
    });
  }

  get inTransaction(): boolean {
    return this.#transaction.open;
  }
  get lasting(): boolean {
    return this.#lasts;
  }
  get pending(): boolean {
    return (
      this.#transaction.isUnsent ||
      this.#waiting.length > 0 ||
      (this.#connection !== null && this.#connection.status !== 'I')
    );
  }
  /** Increases with every message: while it stays the same, this session has changed nothing. */
  get messages(): number {
    return this.#sent + this.#waiting.length;
  }

  /** A monotonic clock in milliseconds. */
  get clock(): number {
    return performance.now();
  }

  async execute(sql: string, options: ExecuteOptions = {}): Promise<ExecuteResult> {
    await this.#first();
    return this.#statements.run(async () => {
      if (options.autoBegin && !this.#transaction.open) await this.#transaction.begin(() => this.#take());
      const text = options.bindings ? bind(sql, options.bindings) : sql;
      if (!keepsColumns(sql, options.fetch === true || options.every === true)) this.#mayChange(sql);
      if (options.readOnly) await this.#makeReadOnly();
      const comment = options.internal !== true;
      const answers = options.readOnly ? 'single' : options.every ? 'every' : 'last';
      const result = this.#held ? await this.#runHeld(text, comment, answers) : await this.#run(text, comment, answers);
      this.#temporary.executed(sql);
      const response = responseOf(result);
      const tables = options.every
        ? { tables: [...(result.before ?? []), result].map((one) => decodeTable(one, null)) }
        : {};
      const table = options.fetch ? decodeTable(result, options.limit ?? null) : Table.empty();
      return { response, table: table.printingTo(this.#options.print), ...tables };
    });
  }

  async executeLater(sql: string, answered: (result: ExecuteResult) => void): Promise<void> {
    await this.#first();
    return this.#statements.run(async () => {
      if (!this.#transaction.open) await this.#transaction.begin(() => this.#take());
      if (!keepsColumns(sql, false)) this.#mayChange(sql);
      // In autocommit each statement must succeed before the next is sent; an unclosed quote would swallow it.
      if (this.#held || this.#connection?.status !== 'T' || !mayBeJoined(sql)) {
        const result = this.#held ? await this.#runHeld(sql, true) : await this.#run(sql);
        answered({ response: responseOf(result), table: decodeTable(result, null) });
        return;
      }
      if (sql.includes('\0')) throw new TsdbtError('database', NUL, { sql });
      if (leavesState(sql)) this.#stateful = true;
      this.#waiting.push({ sql, answered });
    });
  }

  async describe(sql: string, readOnly = false): Promise<ColumnDescription[]> {
    await this.#first();
    return this.#statements.run(async () => {
      if (readOnly) await this.#makeReadOnly();
      const result = await this.#run(sql, true, readOnly ? 'single' : 'last');
      return (result.fields ?? []).map(columnDescription);
    });
  }

  async attempt(sql: string, single = false): Promise<TsdbtError | null> {
    await this.#first();
    return this.#statements.run(async () => {
      const connection = await this.#ready();
      await this.#sendBegin(connection);
      // With `autocommit: true` there is nothing to roll back.
      const inside = connection.status === 'T';
      if (inside) await this.#send(connection, 'SAVEPOINT tsdbt_attempt');
      try {
        await this.#observed(sql, async () =>
          withResponse(await this.#send(connection, sql, single ? 'single' : 'last')),
        );
        if (inside) await this.#send(connection, 'RELEASE SAVEPOINT tsdbt_attempt');
        return null;
      } catch (error) {
        if (connection.broken) throw databaseError(error, sql, sql, 0);
        if (inside)
          await this.#send(connection, 'ROLLBACK TO SAVEPOINT tsdbt_attempt; RELEASE SAVEPOINT tsdbt_attempt');
        return databaseError(error, sql, sql, 0);
      }
    });
  }

  /** Reports that the next statement waits for another session. */
  notifyWait(message: string): void {
    this.#options.onWait?.(message);
  }

  async hold<T>(work: () => Promise<T>): Promise<T> {
    const check = (): void => {
      if (this.#connection?.status !== 'T') throw errorOf('auditWithoutTransaction', {});
    };
    await this.#first();
    await this.#statements.run(async () => this.#sendBegin(await this.#ready()));
    check();
    this.#held = true;
    try {
      const done = await work();
      // The error of failed work takes precedence.
      check();
      return done;
    } finally {
      this.#held = false;
    }
  }

  async begin(): Promise<void> {
    if (this.#held) return;
    await this.#first();
    return this.#statements.run(async () => {
      if (this.#transaction.open)
        throw new TsdbtError(
          'internal',
          `Tried to begin a new transaction on connection "${this.name}", but it already had one open!`,
        );
      await this.#transaction.begin(() => this.#take());
    });
  }

  async commit(): Promise<void> {
    if (this.#held) return;
    return this.#statements.run(async () => {
      if (!this.#transaction.open)
        throw new TsdbtError(
          'internal',
          `Tried to commit transaction on connection "${this.name}", but it does not have one open!`,
        );
      const sent = this.#transaction.commit();
      this.columns.clear();
      if (!sent) return;
      const { mark } = this;
      const { fence } = this.#options;
      // Sent in one message with COMMIT: nothing can come between them, however long this process is stopped.
      if (fence !== undefined && !this.#transaction.isUnsent && this.#connection?.status === 'T')
        this.#waiting.push({ sql: fence.check, answered: () => undefined });
      const waiting = [...this.#waiting];
      try {
        await this.#sendCommit();
      } catch (error) {
        if (mark === null || this.#connection?.broken !== true) throw error;
        const outcome = await this.#pool.outcome(mark);
        if (outcome !== 'committed') throw withOutcome(error, outcome);
        for (const { answered } of waiting) answered({ response: UNANSWERED_COMMIT, table: Table.empty() });
        this.#lasts = true;
      }
    });
  }

  async #sendCommit(): Promise<void> {
    if (this.#waiting.length > 0) await this.#sendWaiting(true);
    else if (this.#transaction.takeUnsent() === '') await this.#run('COMMIT', false);
    else {
      this.#told('COMMIT');
      this.#settings.onEnd?.(this, 'committed');
    }
  }

  async rollback(): Promise<void> {
    if (this.#held) return;
    this.beforeFirst = null;
    return this.#statements.run(() => this.#rollBack());
  }

  async copyIn(sql: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
    return this.#copy(sql, (copy) => copyRowsIn(copy, chunks));
  }

  async copyOut<T>(sql: string, take: (rows: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T> {
    return this.#copy(sql, (copy) => copyRowsOut(copy, take));
  }

  /** Begins a COPY, and reports if it waits for another session. @param work sends it and reads its answer */
  async #copy<T>(sql: string, work: (begun: Copy) => Promise<Copied<T>>): Promise<T> {
    await this.#first();
    return this.#statements.run(async () => {
      const connection = await this.#ready();
      await this.#sendBegin(connection);
      const commented = this.#commented(sql);
      return this.#observed(sql, async () => {
        const { text, ended } = this.#pool.life.copy(commented.text);
        const added = text.length - commented.text.length + [...commented.prefix].length;
        const answered = this.#pool.watch(connection, text, (message) => this.notifyWait(message));
        const failed = async (error: unknown): Promise<TsdbtError> => {
          await this.#settle(connection);
          await this.#rollBack();
          return databaseError(connection.lost ?? error, text, sql, added);
        };
        try {
          return await work({ connection, text, settle: () => this.#settle(connection), failed });
        } finally {
          ended();
          answered();
        }
      });
    });
  }

  async cancel(): Promise<void> {
    this.#cancelled = true;
    if (this.#connection !== null) await this.#pool.cancel(this.#connection);
  }

  /** Between two statements of a transaction: the server would end it otherwise. */
  beat(): void {
    const connection = this.#connection;
    if (connection === null || connection.broken || connection.status === 'I' || !this.#statements.isIdle) return;
    void this.#statements.run(async () => {
      if (connection === this.#connection) await this.#sendOne(connection, '', 'last').catch(() => undefined);
    });
  }

  async release(): Promise<void> {
    if (this.#held) return;
    this.beforeFirst = null;
    // Work that still waits finds a session without a connection, never one that now belongs to another session.
    await this.#statements.run(async () => {
      try {
        if (this.#connection === null) return;
        if (this.#connection.status !== 'I' || this.#connection.broken) await this.#rollBack();
        // dbt closes the connection; here it is reused, without settings or state of this node.
        if (this.#stateful && !this.#connection.broken) await this.#send(this.#connection, 'DISCARD ALL');
      } catch {
        if (this.#connection !== null) this.#connection.broken = true;
      } finally {
        const connection = this.#connection;
        this.#connection = null;
        this.#transaction.reset();
        this.#temporary.forget();
        this.#waiting = [];
        this.#stateful = false;
        this.#pool.life.remove(this);
        if (connection !== null) this.#pool.release(connection);
      }
    });
  }

  async #first(): Promise<void> {
    const work = this.beforeFirst;
    this.beforeFirst = null;
    await work?.();
  }

  #mayChange(sql: string): void {
    this.columns.clear();
    if (this.#temporary.isDropped(sql)) return;
    this.#temporary.forget();
    if (!this.builds) this.#settings.onChange?.();
  }

  async #take(): Promise<Connection> {
    this.#connection ??= await this.#pool.acquire();
    this.#pool.life.add(this);
    // Also for a session that waited for a connection until others were cancelled.
    if (this.#cancelled) throw new TsdbtError('database', 'canceling statement due to user request');
    const { broken, lost } = this.#connection;
    if (broken) throw lost ?? databaseError(new Error('Connection terminated'), '', '', 0);
    return this.#connection;
  }

  /** Returns the connection in the transaction that psycopg2 would have begun, and the next statement's prefix. */
  async #ready(): Promise<Connection> {
    if (this.#waiting.length > 0) await this.#sendWaiting();
    this.#sent++;
    const connection = await this.#take();
    await this.#transaction.beginOnce(connection);
    return connection;
  }

  /** The prefix of a statement: a BEGIN that was not sent yet. A comment alone produces no distinguishable result. */
  async #beginFor(connection: Connection, sql: string): Promise<string> {
    if (mayBeComment(sql)) await this.#sendBegin(connection);
    return this.#transaction.takeUnsent();
  }

  async #sendBegin(connection: Connection): Promise<void> {
    const begin = this.#transaction.takeUnsent();
    if (begin !== '') await this.#send(connection, begin);
  }

  /** Logs a statement that is skipped, or sent together with the next one. */
  #told(sql: string): void {
    this.#options.onStatement?.({ sql, phase: 'start' });
    this.#options.onStatement?.({
      sql,
      phase: 'end',
      ms: 0,
      response: { _message: sql, code: sql, rows_affected: -1 },
    });
  }

  #commented(sql: string): CommentedStatement {
    return withComment(sql, this.#options.comment?.() ?? null);
  }

  async #run(sql: string, comment = true, answers: Answers = 'last'): Promise<RawResult> {
    const connection = await this.#ready();
    const { text, prefix } = comment ? this.#commented(sql) : { text: sql, prefix: '' };
    if (leavesState(sql)) this.#stateful = true;
    if (text.includes('\0')) throw new TsdbtError('database', NUL, { sql });
    const begin = await this.#beginFor(connection, sql);
    const { fence } = this.#options;
    try {
      // Outside of a transaction each statement publishes; inside one, a COMMIT written by a macro.
      if (fence !== undefined && begin === '' && (connection.status === 'I' || COMMITS.test(sql)))
        await this.#send(connection, fence.check);
      return await this.#observed(sql, async () => {
        const result =
          begin === ''
            ? await this.#sendWithSettings(connection, text, answers)
            : await this.#send(connection, begin + text, answers);
        if (connection.status === 'I') this.#hasEnded(result.tag);
        return { value: result, response: responseOf(result) };
      });
    } catch (error) {
      const known = databaseError(shiftPosition(error, begin), text, sql, [...prefix].length);
      await this.#rollBack();
      throw known;
    }
  }

  /** The transaction stays read-only until it ends. */
  async #makeReadOnly(): Promise<void> {
    const connection = await this.#ready();
    await this.#sendBegin(connection);
    // With `autocommit: true` no transaction has begun.
    const begin = connection.status === 'T' ? '' : `${beginText(this.#settings, false)}; `;
    await this.#send(connection, `${begin}SET TRANSACTION READ ONLY`);
  }

  /** Inside a savepoint. */
  async #runHeld(sql: string, comment: boolean, answers: Answers = 'last'): Promise<RawResult> {
    const connection = await this.#ready();
    const { text, prefix } = comment ? this.#commented(sql) : { text: sql, prefix: '' };
    if (leavesState(sql)) this.#stateful = true;
    if (text.includes('\0')) throw new TsdbtError('database', NUL, { sql });
    await this.#send(connection, 'SAVEPOINT tsdbt_held');
    try {
      const result = await this.#observed(sql, async () => withResponse(await this.#send(connection, text, answers)));
      await this.#send(connection, 'RELEASE SAVEPOINT tsdbt_held');
      return result;
    } catch (error) {
      const known = databaseError(error, text, sql, [...prefix].length);
      // A server that shuts down reports it before it closes the connection; later errors would hide the reason.
      if (!connection.broken)
        await this.#send(connection, 'ROLLBACK TO SAVEPOINT tsdbt_held; RELEASE tsdbt_held').catch(() => undefined);
      throw known;
    }
  }

  /** Sends the waiting statements and a COMMIT in one message. The server stops at the first failure. */
  async #sendWaiting(commits = false): Promise<void> {
    const connection = await this.#take();
    const waiting = this.#waiting.splice(0);
    const [first] = waiting;
    if (first === undefined) return;
    this.#sent++;
    const statements = waiting.map(({ sql, answered }) => ({ sql, answered, ...this.#commented(sql) }));
    const joined = joinStatements(
      statements.map(({ text }) => text),
      commits,
    );
    const observer = this.#options.onStatement;
    const started = performance.now();
    observer?.({ sql: first.sql, phase: 'start' });
    let results: readonly RawResult[];
    try {
      const result = await this.#send(connection, joined.text, 'every');
      if (connection.status === 'I') this.#hasEnded(result.tag);
      results = [...(result.before ?? []), result];
    } catch (error) {
      const { sql, text, prefix } = statements[failedStatement(joined, error)]!;
      observer?.({ sql, phase: 'error', ms: performance.now() - started, error });
      const known = databaseError(error, text, sql, [...prefix].length);
      await this.#rollBack();
      throw known;
    }
    const ms = performance.now() - started;
    resultsOf(joined, results).forEach((result, i) => {
      const { sql, answered } = statements[i]!;
      const response = responseOf(result);
      if (i > 0) observer?.({ sql, phase: 'start' });
      observer?.({ sql, phase: 'end', ms, response });
      answered({ response, table: decodeTable(result, null) });
    });
    if (commits) this.#told('COMMIT');
  }

  /**
   * Outside of a transaction (VACUUM, CREATE INDEX CONCURRENTLY), sets role and search path for this statement only.
   */
  async #sendWithSettings(connection: Connection, text: string, answers: Answers): Promise<RawResult> {
    const { role, searchPath } = this.#settings;
    if (connection.status !== 'I' || (role === null && searchPath === null))
      return this.#send(connection, text, answers);
    if (role !== null) await this.#send(connection, `SET ROLE ${quoteWritten(role)}`);
    if (searchPath !== null)
      await this.#send(connection, `SELECT set_config('search_path', ${quoteText(searchPath)}, false)`);
    try {
      return await this.#send(connection, text, answers);
    } finally {
      if (!connection.broken && connection.status === 'I') {
        if (role !== null) await this.#send(connection, 'RESET ROLE');
        if (searchPath !== null) await this.#send(connection, 'RESET search_path');
      }
    }
  }

  async #observed<T>(sql: string, work: () => Promise<{ value: T; response: AdapterResponse }>): Promise<T> {
    const observer = this.#options.onStatement;
    observer?.({ sql, phase: 'start' });
    const started = performance.now();
    try {
      const { value, response } = await work();
      observer?.({ sql, phase: 'end', ms: performance.now() - started, response });
      return value;
    } catch (error) {
      observer?.({ sql, phase: 'error', ms: performance.now() - started, error });
      throw error;
    }
  }

  /** The server has ended the transaction: it answers COMMIT after a failure with ROLLBACK. */
  #hasEnded(tag: string): void {
    this.#lasts = true;
    this.mark = null;
    this.#settings.onEnd?.(this, tag === 'ROLLBACK' ? 'undone' : 'committed');
  }

  async #rollBack(): Promise<void> {
    await this.#sendRollback();
    this.#settings.onEnd?.(this, this.#connection?.broken === true ? 'unknown' : 'undone');
  }

  async #sendRollback(): Promise<void> {
    this.#transaction.reset();
    this.#sent++;
    this.columns.clear();
    this.#temporary.forget();
    this.#waiting = [];
    this.mark = null;
    const connection = this.#connection;
    if (connection === null || connection.broken || connection.status === 'I') return;
    try {
      await this.#observed('ROLLBACK', async () => withResponse(await this.#send(connection, 'ROLLBACK')));
    } catch {
      connection.broken = true;
    }
  }

  /** Waits until the server is ready again, after a COPY. */
  async #settle(connection: Connection): Promise<void> {
    if (!connection.broken) await this.#send(connection, '').catch(() => undefined);
  }

  async #send(connection: Connection, text: string, answers: Answers = 'last'): Promise<RawResult> {
    const pieces = this.#pool.singly && answers !== 'single' ? cutStatements(text) : [text];
    return pieces.length < 2
      ? this.#sendOne(connection, text, answers)
      : sendPieces(pieces, answers === 'every', (piece) => this.#sendOne(connection, piece, 'every'));
  }

  async #sendOne(connection: Connection, text: string, answers: Answers): Promise<RawResult> {
    const answered = this.#pool.watch(connection, text, (message) => this.notifyWait(message));
    try {
      return await sendMessage(connection, text, answers);
    } finally {
      answered();
    }
  }
}
