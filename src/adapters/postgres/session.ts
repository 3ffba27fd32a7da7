// One unit of work on Postgres: statements in order on one connection, with the transactions that dbt and psycopg2
// would have around them. Takes a connection of the pool with its first statement. What the statements are is decided
// by macros.
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
import { isClosed } from './open-end.ts';
import { decodeTable, type RawResult, type ResultField, typeName } from './result.ts';

/** What holds inside each transaction and, because a pooler may give each one another server, nowhere else. */
export interface TransactionSettings {
  readonly role: string | null;
  readonly searchPath: string | null;
  /** `autocommit: true` in the profile: dbt's BEGIN and COMMIT are not sent. */
  readonly autocommit: boolean;
  /** Told before a statement that may change any relation's columns. */
  readonly onChange?: () => void;
  /** Told what has become of what a session has changed. */
  readonly onEnd?: (session: PostgresSession, how: 'committed' | 'undone' | 'unknown') => void;
}

/** The part of `pg`'s wire connection that a query uses. */
interface Wire {
  query(text: string): void;
  sendCopyFail(message: string): void;
}

const LEAVES_STATE = new RegExp(
  String.raw`\b(?:set|reset|temp|temporary|prepare|listen|load|declare|set_config(?!\('tsdbt\.)` +
    String.raw`|pg_advisory_lock\w*|pg_try_advisory_lock\w*|setseed)\b`,
  'i',
);

const NUL = 'A string literal cannot contain NUL (0x00) characters.';

/** How long a backend runs on after its client is gone. */
const CHECK_INTERVAL = '2s';

export class PostgresSession implements Session {
  readonly name: string;
  readonly columns = new Map<string, Value>();
  readonly publishing: string[] = [];
  nextMayWait = false;
  /** Does it build a relation and change nothing else? */
  builds = false;
  /** To be done before anything is sent: a lock that is not needed when nothing is. */
  beforeFirst: (() => Promise<void>) | null = null;
  private readonly pool: ConnectionPool;
  private readonly settings: TransactionSettings;
  private readonly options: SessionOptions;
  private connection: Connection | null = null;
  private last: Promise<unknown> = Promise.resolve();
  private transactionOpen = false;
  /** psycopg2 begins a transaction before the first statement of a connection, and after that only when told to. */
  private begun = false;
  /** A BEGIN that goes out in one message with the next statement. */
  private unsent = '';
  /** Statements that go out with what comes next. */
  private waiting: { readonly sql: string; readonly answered: (result: ExecuteResult) => void }[] = [];
  /** How many statements were sent. */
  private sent = 0;
  private lasts = false;
  /** Has a statement perhaps left something in the connection: a setting, a temporary table, a lock? */
  private stateful = false;
  /** Nothing more is to be begun. */
  private cancelled = false;

  constructor(pool: ConnectionPool, settings: TransactionSettings, options: SessionOptions) {
    this.pool = pool;
    this.settings = settings;
    this.options = options;
    this.name = options.name;
  }

  get inTransaction(): boolean {
    return this.transactionOpen;
  }
  get lasting(): boolean {
    return this.lasts;
  }
  get pending(): boolean {
    return (
      this.unsent !== '' || this.waiting.length > 0 || (this.connection !== null && this.connection.status !== 'I')
    );
  }
  /** Grows with every message to the server: nothing of this session can have changed anything while it stays. */
  get messages(): number {
    return this.sent + this.waiting.length;
  }

  /** Milliseconds of a clock that never goes back. */
  get clock(): number {
    return performance.now();
  }

  async execute(sql: string, options: ExecuteOptions = {}): Promise<ExecuteResult> {
    await this.first();
    return this.inOrder(async () => {
      if (options.autoBegin && !this.transactionOpen) await this.openTransaction();
      const text = options.bindings ? bind(sql, options.bindings) : sql;
      if (!keepsColumns(sql, options.fetch === true)) this.mayChange();
      const result = await this.run(text, options.comment ?? true, options.every === true);
      const response = responseOf(result);
      const tables = options.every
        ? { tables: [...(result.before ?? []), result].map((one) => decodeTable(one, null)) }
        : {};
      const table = options.fetch ? decodeTable(result, options.limit ?? null) : Table.empty();
      return { response, table: table.printingTo(this.options.print), ...tables };
    });
  }

  async executeLater(sql: string, answered: (result: ExecuteResult) => void): Promise<void> {
    await this.first();
    return this.inOrder(async () => {
      if (!this.transactionOpen) await this.openTransaction();
      if (!keepsColumns(sql, false)) this.mayChange();
      // Where each statement lasts by itself, the next one may not begin before this one is known to have worked.
      // And what has an open end would take the others in.
      if (this.connection?.status !== 'T' || ENDS_TRANSACTION.test(sql) || !isClosed(sql)) {
        const result = await this.run(sql);
        answered({ response: responseOf(result), table: decodeTable(result, null) });
        return;
      }
      if (sql.includes('\0')) throw new TsdbtError('database', NUL, { sql });
      if (LEAVES_STATE.test(sql)) this.stateful = true;
      this.waiting.push({ sql, answered });
    });
  }

  async describe(sql: string): Promise<ColumnDescription[]> {
    await this.first();
    return this.inOrder(async () => {
      const result = await this.run(sql);
      return (result.fields ?? []).map((field) => ({ name: field.name, typeName: typeName(field.typeOid) }));
    });
  }

  async attempt(sql: string): Promise<TsdbtError | null> {
    await this.first();
    return this.inOrder(async () => {
      const connection = await this.ready();
      await this.sendBegin(connection);
      // With `autocommit: true` there is nothing to come back to.
      const inside = connection.status === 'T';
      if (inside) await this.send(connection, 'SAVEPOINT tsdbt_attempt');
      try {
        await this.observed(sql, async () => {
          const result = await this.send(connection, sql);
          return { value: result, response: responseOf(result) };
        });
        if (inside) await this.send(connection, 'RELEASE SAVEPOINT tsdbt_attempt');
        return null;
      } catch (error) {
        if (connection.broken) throw databaseError(error, sql, sql, 0);
        if (inside) await this.send(connection, 'ROLLBACK TO SAVEPOINT tsdbt_attempt; RELEASE SAVEPOINT tsdbt_attempt');
        return databaseError(error, sql, sql, 0);
      }
    });
  }

  /** Tells that the next statement waits for somebody else. */
  notifyWait(message: string): void {
    this.options.onWait?.(message);
  }

  async begin(): Promise<void> {
    await this.first();
    return this.inOrder(async () => {
      if (this.transactionOpen)
        throw new TsdbtError(
          'internal',
          `Tried to begin a new transaction on connection "${this.name}", but it already had one open!`,
        );
      await this.openTransaction();
    });
  }

  async commit(): Promise<void> {
    return this.inOrder(async () => {
      if (!this.transactionOpen)
        throw new TsdbtError(
          'internal',
          `Tried to commit transaction on connection "${this.name}", but it does not have one open!`,
        );
      this.transactionOpen = false;
      this.columns.clear();
      if (this.settings.autocommit) return;
      if (this.waiting.length > 0) await this.sendWaiting('COMMIT');
      else if (this.unsent === '') await this.run('COMMIT', false);
      else {
        this.unsent = '';
        this.told('COMMIT');
        this.settings.onEnd?.(this, 'committed');
      }
    });
  }

  async rollback(): Promise<void> {
    this.beforeFirst = null;
    return this.inOrder(() => this.rollBack());
  }

  async copyIn(sql: string, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
    await this.first();
    return this.inOrder(async () => {
      const connection = await this.ready();
      await this.sendBegin(connection);
      const { text, prefix } = this.commented(sql);
      return this.observed(sql, async () => {
        const { copyFrom } = await import('./copy-stream.ts');
        const answered = this.pool.watch(connection, text, (message) => this.notifyWait(message));
        const stream = connection.client.query(copyFrom(text));
        try {
          await pipeline(Readable.from(chunks), stream);
        } catch (error) {
          await this.settle(connection);
          await this.rollBack();
          throw databaseError(connection.lost ?? error, text, sql, [...prefix].length);
        } finally {
          answered();
        }
        await this.settle(connection);
        const count = stream.rowCount ?? 0;
        return { value: count, response: { _message: `COPY ${count}`, code: 'COPY', rows_affected: count } };
      });
    });
  }

  async cancel(): Promise<void> {
    this.cancelled = true;
    if (this.connection !== null) await this.pool.cancel(this.connection);
  }

  async release(): Promise<void> {
    this.beforeFirst = null;
    try {
      await this.inOrder(async () => {
        if (this.connection === null) return;
        if (this.connection.status !== 'I' || this.connection.broken) await this.rollBack();
        // dbt closes the connection; ours goes to another node, without what this one has set or left in it.
        if (this.stateful && !this.connection.broken) await this.send(this.connection, 'DISCARD ALL');
      });
    } catch {
      if (this.connection !== null) this.connection.broken = true;
    } finally {
      const connection = this.connection;
      this.connection = null;
      this.transactionOpen = false;
      this.begun = false;
      this.unsent = '';
      this.waiting = [];
      this.stateful = false;
      if (connection !== null) this.pool.release(connection);
    }
  }

  private async first(): Promise<void> {
    const work = this.beforeFirst;
    this.beforeFirst = null;
    await work?.();
  }

  private mayChange(): void {
    this.columns.clear();
    if (!this.builds) this.settings.onChange?.();
  }

  /** Statements of a session run one after the other, whatever the caller waits for. */
  private async inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work, work);
    this.last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  private async openTransaction(): Promise<void> {
    this.transactionOpen = true;
    if (this.settings.autocommit) return;
    const connection = await this.take();
    this.begun = true;
    if (connection.status === 'I') await this.beginOn(connection);
  }

  private async take(): Promise<Connection> {
    this.connection ??= await this.pool.acquire();
    // Also a session that had to wait for a connection until others were stopped.
    if (this.cancelled) throw new TsdbtError('database', 'canceling statement due to user request');
    const { broken, lost } = this.connection;
    if (broken) throw lost ?? databaseError(new Error('Connection terminated'), '', '', 0);
    return this.connection;
  }

  /**
   * The connection, with the transaction that psycopg2 would have begun by now, and what was to go with the next
   * statement.
   */
  private async ready(): Promise<Connection> {
    if (this.waiting.length > 0) await this.sendWaiting();
    this.sent++;
    const connection = await this.take();
    if (!this.begun && !this.settings.autocommit) {
      this.begun = true;
      if (connection.status === 'I') await this.beginOn(connection);
    }
    return connection;
  }

  private async beginOn(connection: Connection): Promise<void> {
    const { role, searchPath } = this.settings;
    let sql = 'BEGIN';
    if (role !== null) sql += `; SET LOCAL ROLE ${role}`;
    if (searchPath !== null) sql += `; SELECT set_config('search_path', ${quoteText(searchPath)}, true)`;
    const observe = async (text: string): Promise<void> => {
      await this.observed('BEGIN', async () => {
        const result = await this.send(connection, text);
        return { value: result, response: responseOf(result) };
      });
    };
    const checked = `${sql}; SET LOCAL client_connection_check_interval = '${CHECK_INTERVAL}'`;
    // A role may be refused, and then that is what failed.
    if (this.pool.checkInterval !== undefined && role === null) {
      this.unsent = `${this.pool.checkInterval ? checked : sql}; `;
      this.told('BEGIN');
      return;
    }
    try {
      await observe(this.pool.checkInterval === false ? sql : checked);
      this.pool.checkInterval ??= true;
    } catch (error) {
      // Postgres 13 does not know the setting and some systems cannot do it.
      if (this.pool.checkInterval !== undefined || connection.broken) throw databaseError(error, sql, sql, 0);
      this.pool.checkInterval = false;
      await this.send(connection, 'ROLLBACK');
      try {
        await observe(sql);
      } catch (second) {
        await this.send(connection, 'ROLLBACK').catch(() => undefined);
        throw databaseError(second, sql, sql, 0);
      }
    }
  }

  /**
   * What a statement carries in front of it: the BEGIN that has not been sent. A comment alone gives no answer that
   * could be told apart.
   */
  private async beginFor(connection: Connection, sql: string): Promise<string> {
    if (this.unsent !== '' && BLANK_OR_COMMENT.test(sql)) await this.sendBegin(connection);
    const begin = this.unsent;
    this.unsent = '';
    return begin;
  }

  private async sendBegin(connection: Connection): Promise<void> {
    const begin = this.unsent;
    this.unsent = '';
    if (begin !== '') await this.send(connection, begin);
  }

  /** Says in the log what the server is spared or gets with the next statement. */
  private told(sql: string): void {
    this.options.onStatement?.({ sql, phase: 'start' });
    this.options.onStatement?.({ sql, phase: 'end', ms: 0, response: { _message: sql, code: sql, rows_affected: -1 } });
  }

  /** @returns with what the text begins before the statement does */
  private commented(sql: string): { text: string; prefix: string } {
    const comment = this.options.comment?.() ?? null;
    const words = comment?.text.trim() ?? '';
    if (comment === null || words === '') return { text: sql, prefix: '' };
    if (comment.append) {
      const body = sql.trimEnd();
      return {
        text: body.endsWith(';') ? `${body.slice(0, -1)}\n/* ${words} */;` : `${body}\n/* ${words} */`,
        prefix: '',
      };
    }
    const prefix = `/* ${words} */\n`;
    return { text: prefix + sql, prefix };
  }

  private async run(sql: string, comment = true, every = false): Promise<RawResult> {
    const connection = await this.ready();
    const { text, prefix } = comment ? this.commented(sql) : { text: sql, prefix: '' };
    if (LEAVES_STATE.test(sql)) this.stateful = true;
    if (text.includes('\0')) throw new TsdbtError('database', NUL, { sql });
    const begin = await this.beginFor(connection, sql);
    try {
      return await this.observed(sql, async () => {
        const result =
          begin === ''
            ? await this.sendWithSettings(connection, text, every)
            : await this.send(connection, begin + text, every);
        if (connection.status === 'I') this.hasEnded(result.tag);
        return { value: result, response: responseOf(result) };
      });
    } catch (error) {
      const known = databaseError(shifted(error, begin), text, sql, [...prefix].length);
      await this.rollBack();
      throw known;
    }
  }

  /**
   * Sends what waits in one message, and a COMMIT behind it. The server stops at the first that fails, and commits
   * nothing then.
   */
  private async sendWaiting(last?: 'COMMIT'): Promise<void> {
    const connection = await this.take();
    const waiting = this.waiting.splice(0);
    this.sent++;
    const texts = waiting.map(({ sql }) => this.commented(sql));
    const parts = texts.map(({ text }) => text);
    // The first may be several statements: what it gave ends at an answer that only we ask for.
    const marked = parts.length > 1;
    if (marked) parts.splice(1, 0, `select null as ${MARK}`);
    const observer = this.options.onStatement;
    const started = performance.now();
    observer?.({ sql: waiting[0]!.sql, phase: 'start' });
    let results: RawResult[];
    try {
      const result = await this.send(
        connection,
        [...parts, ...(last === undefined ? [] : [last])].join(SEPARATOR),
        true,
      );
      if (connection.status === 'I') this.hasEnded(result.tag);
      results = [...(result.before ?? []), result];
    } catch (error) {
      const failed = placed(error, parts);
      // The one between the first two is nobody's.
      const index = marked && failed > 0 ? failed - 1 : failed;
      const { text, prefix } = texts[index]!;
      observer?.({ sql: waiting[index]!.sql, phase: 'error', ms: performance.now() - started, error });
      const known = databaseError(error, text, waiting[index]!.sql, [...prefix].length);
      await this.rollBack();
      throw known;
    }
    const ms = performance.now() - started;
    const end = marked
      ? results.findIndex(({ fields }) => fields?.[0]?.name === MARK)
      : results.length - (last === undefined ? 0 : 1);
    // Of the others only the second may be several.
    const own = [results[end - 1], ...results.slice(end + 1).slice(1 - waiting.length - (last === undefined ? 0 : 1))];
    waiting.forEach(({ sql, answered }, i) => {
      const response = responseOf(own[i]!);
      if (i > 0) observer?.({ sql, phase: 'start' });
      observer?.({ sql, phase: 'end', ms, response });
      answered({ response, table: decodeTable(own[i]!, null) });
    });
    if (last !== undefined) this.told(last);
  }

  /**
   * Outside of a transaction (VACUUM, CREATE INDEX CONCURRENTLY) role and search path are set for the statement alone.
   */
  private async sendWithSettings(connection: Connection, text: string, every: boolean): Promise<RawResult> {
    const { role, searchPath } = this.settings;
    if (connection.status !== 'I' || (role === null && searchPath === null)) return this.send(connection, text, every);
    if (role !== null) await this.send(connection, `SET ROLE ${role}`);
    if (searchPath !== null)
      await this.send(connection, `SELECT set_config('search_path', ${quoteText(searchPath)}, false)`);
    try {
      return await this.send(connection, text, every);
    } finally {
      if (!connection.broken && connection.status === 'I') {
        if (role !== null) await this.send(connection, 'RESET ROLE');
        if (searchPath !== null) await this.send(connection, 'RESET search_path');
      }
    }
  }

  private async observed<T>(sql: string, work: () => Promise<{ value: T; response: AdapterResponse }>): Promise<T> {
    const observer = this.options.onStatement;
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
  private hasEnded(tag: string): void {
    this.lasts = true;
    this.settings.onEnd?.(this, tag === 'ROLLBACK' ? 'undone' : 'committed');
  }

  private async rollBack(): Promise<void> {
    await this.sendRollback();
    this.settings.onEnd?.(this, this.connection?.broken === true ? 'unknown' : 'undone');
  }

  private async sendRollback(): Promise<void> {
    this.transactionOpen = false;
    this.sent++;
    this.columns.clear();
    this.begun = false;
    this.unsent = '';
    this.waiting = [];
    const { connection } = this;
    if (connection === null || connection.broken || connection.status === 'I') return;
    try {
      await this.observed('ROLLBACK', async () => {
        const result = await this.send(connection, 'ROLLBACK');
        return { value: result, response: responseOf(result) };
      });
    } catch {
      connection.broken = true;
    }
  }

  /** Waits until the server is ready again, after a COPY. */
  private async settle(connection: Connection): Promise<void> {
    if (!connection.broken) await this.send(connection, '').catch(() => undefined);
  }

  /**
   * One message of the simple protocol; of several statements the last one's result counts, as with psycopg2.
   * @param every the others' are kept too
   */
  private send(connection: Connection, text: string, every = false): Promise<RawResult> {
    return new Promise((resolve, reject) => {
      let current: { fields: readonly ResultField[] | null; rows: (string | null)[][] } = { fields: null, rows: [] };
      let last: RawResult = { tag: '', fields: null, rows: [] };
      let before: RawResult[] | undefined;
      let failure: unknown;
      const client = connection.client as unknown as { _txStatus: string | null; query(query: object): void };
      const answered = this.pool.watch(connection, text, (message) => this.notifyWait(message));
      const finish = (): void => {
        answered();
        connection.status = client._txStatus ?? 'I';
        if (failure === undefined) resolve(before === undefined ? last : { ...last, before });
        else reject(connection.lost ?? failure);
      };
      client.query({
        callback() {},
        submit(wire: Wire) {
          wire.query(text);
        },
        handleRowDescription(message: { fields: readonly { name: string; dataTypeID: number }[] }) {
          current = {
            fields: message.fields.map((field) => ({ name: field.name, typeOid: field.dataTypeID })),
            rows: [],
          };
        },
        handleDataRow(message: { fields: (string | null)[] }) {
          current.rows.push(message.fields);
        },
        handleCommandComplete(message: { text: string }) {
          if (every && last.tag !== '') (before ??= []).push(last);
          last = { tag: message.text, fields: current.fields, rows: current.rows };
          current = { fields: null, rows: [] };
        },
        handleEmptyQuery() {
          last = { tag: '', fields: null, rows: [] };
        },
        handleCopyInResponse(wire: Wire) {
          wire.sendCopyFail('COPY FROM STDIN needs a file: not possible in a statement');
        },
        handleCopyData() {},
        handlePortalSuspended() {},
        handleReadyForQuery: finish,
        // `pg` forgets the query here; the server is ready again only later.
        handleError(error: unknown) {
          failure = error;
          if (connection.broken || !isOpen(connection)) {
            connection.broken = true;
            finish();
            return;
          }
          void ready(connection).then(finish, () => {
            connection.broken = true;
            finish();
          });
        },
      });
    });
  }
}

const KEEPS_COLUMNS =
  /^\s*(?:insert|update|delete|merge|copy|grant|revoke|comment|create\s+(?:(?:temporary|temp|unlogged)\s+)?table)\b/i;
/** May it end the transaction that it runs in? */
const ENDS_TRANSACTION =
  /(?:^|;)(?:\s|--.*(?:\n|$)|\/\*(?:[^*]|\*(?!\/))*\*\/)*(?:commit|end|rollback|abort|prepare)\b/i;
const BLANK_OR_COMMENT = /^\s*(?:--|\/\*|;|$)/;
const QUERY = /^\s*(?:select|with)\b/i;
const CHANGES_COLUMNS = /\b(?:alter|drop|rename|replace)\b/i;

/**
 * Is it sure that a statement changes no column of a relation that was there? A query without an answer may call
 * anything.
 */
function keepsColumns(sql: string, fetch: boolean): boolean {
  return (KEEPS_COLUMNS.test(sql) || (fetch && QUERY.test(sql))) && !CHANGES_COLUMNS.test(sql);
}

/** Stands between the first statement and the others. */
const MARK = 'tsdbt_first_done';
/** Between statements that go out together. */
const SEPARATOR = '\n;\n';

/**
 * Which part of a message an error is about, by its place; the place becomes one in that part. Without a place it is
 * the first.
 */
function placed(error: unknown, parts: readonly string[]): number {
  const known = error as { position?: string } | null;
  if (known?.position === undefined) return 0;
  let rest = Number(known.position);
  for (const [index, part] of parts.entries()) {
    const length = [...part].length;
    if (rest <= length + SEPARATOR.length) {
      known.position = String(rest);
      return index;
    }
    rest -= length + SEPARATOR.length;
  }
  return 0;
}

/** The server counts from the start of the message; the statement begins after the BEGIN in front of it. */
function shifted(error: unknown, begin: string): unknown {
  const placed = error as { position?: string } | null;
  if (begin !== '' && placed?.position !== undefined)
    placed.position = String(Number(placed.position) - [...begin].length);
  return error;
}

function isOpen(connection: Connection): boolean {
  const client = connection.client as unknown as { _ended: boolean; _queryable: boolean };
  return !client._ended && client._queryable;
}

/** Resolves with the server's next "ready": nothing else is in flight on this connection. */
function ready(connection: Connection): Promise<void> {
  return new Promise((resolve, reject) => {
    const wire = (connection.client as unknown as { connection: NodeJS.EventEmitter }).connection;
    const done = (): void => {
      wire.off('end', lost);
      resolve();
    };
    const lost = (): void => {
      wire.off('readyForQuery', done);
      reject(new Error('Connection terminated'));
    };
    wire.once('readyForQuery', done);
    wire.once('end', lost);
  });
}

/** dbt's response of a statement: the tag, the tag without numbers, the rows. */
function responseOf(result: RawResult): AdapterResponse {
  if (!/\d$/.test(result.tag)) return { _message: result.tag, code: result.tag, rows_affected: -1 };
  const words = result.tag.split(' ').filter((word) => word !== '');
  const rows = /^(?:INSERT \d+|SELECT|UPDATE|DELETE|MERGE|MOVE|FETCH|COPY) (\d+)$/.exec(result.tag);
  return {
    _message: result.tag,
    code: words.filter((word) => !/^\d+$/.test(word)).join(' '),
    rows_affected: rows ? Number(rows[1]) : -1,
  };
}
