// One unit of work on Postgres: statements in order on one connection, with the transactions that dbt and psycopg2
// would have around them. Takes a connection of the pool with its first statement. What the statements are is decided
// by macros, what their texts tell by statements.ts, how they are put together by message.ts and sent by wire.ts.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TsdbtError } from '../../errors.ts';
import type { AdapterResponse } from '../../contracts/results.ts';
import type { ColumnDescription, ExecuteOptions, ExecuteResult, Session, SessionOptions } from '../adapter.ts';
import { Table } from '../table.ts';
import type { Value } from '../../values/value.ts';
import type { Connection, ConnectionPool } from './connection.ts';
import { databaseError } from './database-error.ts';
import { bind, quoteText } from './literal.ts';
import { withOutcome } from './lost-commit.ts';
import {
  type CommentedStatement,
  failedStatement,
  joinStatements,
  resultsOf,
  shiftPosition,
  withComment,
} from './message.ts';
import { decodeTable, type RawResult, typeName } from './result.ts';
import { keepsColumns, leavesState, mayBeComment, mayBeJoined } from './statements.ts';
import { SessionTransaction, type TransactionSettings } from './transaction.ts';
import { responseOf, sendMessage } from './wire.ts';

/** What a session is to do besides what it is asked. */
export interface SessionSettings extends TransactionSettings {
  /** Told before a statement that may change any relation's columns. */
  readonly onChange?: () => void;
  /** Told what has become of what a session has changed. */
  readonly onEnd?: (session: PostgresSession, how: 'committed' | 'undone' | 'unknown') => void;
}

/** A statement that goes out with the next ones. */
interface WaitingStatement {
  readonly sql: string;
  readonly answered: (result: ExecuteResult) => void;
}

/** Of what was committed, when its answer is lost. */
const UNTOLD: AdapterResponse = { _message: 'COMMIT', code: 'COMMIT', rows_affected: -1 };

const NUL = 'A string literal cannot contain NUL (0x00) characters.';

export class PostgresSession implements Session {
  readonly name: string;
  readonly columns = new Map<string, Value>();
  readonly publishing: string[] = [];
  nextMayWait = false;
  /** Does it build a relation and change nothing else? */
  builds = false;
  /** What tells the open transaction from all others; null: not known. */
  mark: string | null = null;
  /** To be done before anything is sent: a lock that is not needed when nothing is. */
  beforeFirst: (() => Promise<void>) | null = null;
  readonly #pool: ConnectionPool;
  readonly #settings: SessionSettings;
  readonly #transaction: SessionTransaction;
  readonly #options: SessionOptions;
  #connection: Connection | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #waiting: WaitingStatement[] = [];
  /** How many statements were sent. */
  #sent = 0;
  #lasts = false;
  /** Has a statement perhaps left something in the connection: a setting, a temporary table, a lock? */
  #stateful = false;
  /** Nothing more is to be begun. */
  #cancelled = false;

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
          return { value: result, response: responseOf(result) };
        }),
      tellBegin: () => this.#told('BEGIN'),
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
  /** Grows with every message to the server: nothing of this session can have changed anything while it stays. */
  get messages(): number {
    return this.#sent + this.#waiting.length;
  }

  /** Milliseconds of a clock that never goes back. */
  get clock(): number {
    return performance.now();
  }

  async execute(sql: string, options: ExecuteOptions = {}): Promise<ExecuteResult> {
    await this.#first();
    return this.#inOrder(async () => {
      if (options.autoBegin && !this.#transaction.open) await this.#transaction.begin(() => this.#take());
      const text = options.bindings ? bind(sql, options.bindings) : sql;
      if (!keepsColumns(sql, options.fetch === true)) this.#mayChange();
      const result = await this.#run(text, options.comment ?? true, options.every === true);
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
    return this.#inOrder(async () => {
      if (!this.#transaction.open) await this.#transaction.begin(() => this.#take());
      if (!keepsColumns(sql, false)) this.#mayChange();
      // Where each statement lasts by itself, the next one may not begin before this one is known to have worked.
      // And what has an open end would take the others in.
      if (this.#connection?.status !== 'T' || !mayBeJoined(sql)) {
        const result = await this.#run(sql);
        answered({ response: responseOf(result), table: decodeTable(result, null) });
        return;
      }
      if (sql.includes('\0')) throw new TsdbtError('database', NUL, { sql });
      if (leavesState(sql)) this.#stateful = true;
      this.#waiting.push({ sql, answered });
    });
  }

  async describe(sql: string): Promise<ColumnDescription[]> {
    await this.#first();
    return this.#inOrder(async () => {
      const result = await this.#run(sql);
      return (result.fields ?? []).map((field) => ({ name: field.name, typeName: typeName(field.typeOid) }));
    });
  }

  async attempt(sql: string): Promise<TsdbtError | null> {
    await this.#first();
    return this.#inOrder(async () => {
      const connection = await this.#ready();
      await this.#sendBegin(connection);
      // With `autocommit: true` there is nothing to come back to.
      const inside = connection.status === 'T';
      if (inside) await this.#send(connection, 'SAVEPOINT tsdbt_attempt');
      try {
        await this.#observed(sql, async () => {
          const result = await this.#send(connection, sql);
          return { value: result, response: responseOf(result) };
        });
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

  /** Tells that the next statement waits for somebody else. */
  notifyWait(message: string): void {
    this.#options.onWait?.(message);
  }

  async begin(): Promise<void> {
    await this.#first();
    return this.#inOrder(async () => {
      if (this.#transaction.open)
        throw new TsdbtError(
          'internal',
          `Tried to begin a new transaction on connection "${this.name}", but it already had one open!`,
        );
      await this.#transaction.begin(() => this.#take());
    });
  }

  async commit(): Promise<void> {
    return this.#inOrder(async () => {
      if (!this.#transaction.open)
        throw new TsdbtError(
          'internal',
          `Tried to commit transaction on connection "${this.name}", but it does not have one open!`,
        );
      const sent = this.#transaction.commit();
      this.columns.clear();
      if (!sent) return;
      const { mark } = this;
      const waiting = [...this.#waiting];
      try {
        await this.#sendCommit();
      } catch (error) {
        if (mark === null || this.#connection?.broken !== true) throw error;
        const outcome = await this.#pool.outcome(mark);
        if (outcome !== 'committed') throw withOutcome(error, outcome);
        for (const { answered } of waiting) answered({ response: UNTOLD, table: Table.empty() });
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
    this.beforeFirst = null;
    return this.#inOrder(() => this.#rollBack());
  }

  async copyIn(sql: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
    await this.#first();
    return this.#inOrder(async () => {
      const connection = await this.#ready();
      await this.#sendBegin(connection);
      const { text, prefix } = this.#commented(sql);
      return this.#observed(sql, async () => {
        const { copyFrom } = await import('./copy-stream.ts');
        const answered = this.#pool.watch(connection, text, (message) => this.notifyWait(message));
        const stream = connection.client.query(copyFrom(text));
        try {
          await pipeline(Readable.from(chunks), stream);
        } catch (error) {
          await this.#settle(connection);
          await this.#rollBack();
          throw databaseError(connection.lost ?? error, text, sql, [...prefix].length);
        } finally {
          answered();
        }
        await this.#settle(connection);
        const count = stream.rowCount ?? 0;
        return { value: count, response: { _message: `COPY ${count}`, code: 'COPY', rows_affected: count } };
      });
    });
  }

  async cancel(): Promise<void> {
    this.#cancelled = true;
    if (this.#connection !== null) await this.#pool.cancel(this.#connection);
  }

  async release(): Promise<void> {
    this.beforeFirst = null;
    try {
      await this.#inOrder(async () => {
        if (this.#connection === null) return;
        if (this.#connection.status !== 'I' || this.#connection.broken) await this.#rollBack();
        // dbt closes the connection; ours goes to another node, without what this one has set or left in it.
        if (this.#stateful && !this.#connection.broken) await this.#send(this.#connection, 'DISCARD ALL');
      });
    } catch {
      if (this.#connection !== null) this.#connection.broken = true;
    } finally {
      const connection = this.#connection;
      this.#connection = null;
      this.#transaction.reset();
      this.#waiting = [];
      this.#stateful = false;
      if (connection !== null) this.#pool.release(connection);
    }
  }

  async #first(): Promise<void> {
    const work = this.beforeFirst;
    this.beforeFirst = null;
    await work?.();
  }

  #mayChange(): void {
    this.columns.clear();
    if (!this.builds) this.#settings.onChange?.();
  }

  /** Statements of a session run one after the other, whatever the caller waits for. */
  async #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work);
    this.#last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  async #take(): Promise<Connection> {
    this.#connection ??= await this.#pool.acquire();
    // Also a session that had to wait for a connection until others were stopped.
    if (this.#cancelled) throw new TsdbtError('database', 'canceling statement due to user request');
    const { broken, lost } = this.#connection;
    if (broken) throw lost ?? databaseError(new Error('Connection terminated'), '', '', 0);
    return this.#connection;
  }

  /**
   * The connection, with the transaction that psycopg2 would have begun by now, and what was to go with the next
   * statement.
   */
  async #ready(): Promise<Connection> {
    if (this.#waiting.length > 0) await this.#sendWaiting();
    this.#sent++;
    const connection = await this.#take();
    await this.#transaction.beginOnce(connection);
    return connection;
  }

  /**
   * What a statement carries in front of it: the BEGIN that has not been sent. A comment alone gives no answer that
   * could be told apart.
   */
  async #beginFor(connection: Connection, sql: string): Promise<string> {
    if (mayBeComment(sql)) await this.#sendBegin(connection);
    return this.#transaction.takeUnsent();
  }

  async #sendBegin(connection: Connection): Promise<void> {
    const begin = this.#transaction.takeUnsent();
    if (begin !== '') await this.#send(connection, begin);
  }

  /** Says in the log what the server is spared or gets with the next statement. */
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

  async #run(sql: string, comment = true, every = false): Promise<RawResult> {
    const connection = await this.#ready();
    const { text, prefix } = comment ? this.#commented(sql) : { text: sql, prefix: '' };
    if (leavesState(sql)) this.#stateful = true;
    if (text.includes('\0')) throw new TsdbtError('database', NUL, { sql });
    const begin = await this.#beginFor(connection, sql);
    try {
      return await this.#observed(sql, async () => {
        const result =
          begin === ''
            ? await this.#sendWithSettings(connection, text, every)
            : await this.#send(connection, begin + text, every);
        if (connection.status === 'I') this.#hasEnded(result.tag);
        return { value: result, response: responseOf(result) };
      });
    } catch (error) {
      const known = databaseError(shiftPosition(error, begin), text, sql, [...prefix].length);
      await this.#rollBack();
      throw known;
    }
  }

  /**
   * Sends what waits in one message, and a COMMIT behind it. The server stops at the first that fails, and commits
   * nothing then.
   */
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
      const result = await this.#send(connection, joined.text, true);
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
   * Outside of a transaction (VACUUM, CREATE INDEX CONCURRENTLY) role and search path are set for the statement alone.
   */
  async #sendWithSettings(connection: Connection, text: string, every: boolean): Promise<RawResult> {
    const { role, searchPath } = this.#settings;
    if (connection.status !== 'I' || (role === null && searchPath === null)) return this.#send(connection, text, every);
    if (role !== null) await this.#send(connection, `SET ROLE ${role}`);
    if (searchPath !== null)
      await this.#send(connection, `SELECT set_config('search_path', ${quoteText(searchPath)}, false)`);
    try {
      return await this.#send(connection, text, every);
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

  /** The server has ended a transaction: a COMMIT after a failure is answered by ROLLBACK. */
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
    this.#waiting = [];
    this.mark = null;
    const connection = this.#connection;
    if (connection === null || connection.broken || connection.status === 'I') return;
    try {
      await this.#observed('ROLLBACK', async () => {
        const result = await this.#send(connection, 'ROLLBACK');
        return { value: result, response: responseOf(result) };
      });
    } catch {
      connection.broken = true;
    }
  }

  /** Waits until the server is ready again, after a COPY. */
  async #settle(connection: Connection): Promise<void> {
    if (!connection.broken) await this.#send(connection, '').catch(() => undefined);
  }

  async #send(connection: Connection, text: string, every = false): Promise<RawResult> {
    const answered = this.#pool.watch(connection, text, (message) => this.notifyWait(message));
    try {
      return await sendMessage(connection, text, every);
    } finally {
      answered();
    }
  }
}
