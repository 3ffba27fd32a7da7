// One unit of work on ClickHouse: statements in order, in one server session. There are no transactions: the effect of
// a statement is permanent.
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { TsdbtError } from '../../errors.ts';
import { InOrder } from '../../in-order.ts';
import type { Value } from '../../values/value.ts';
import type { AdapterResponse } from '../../contracts/results.ts';
import type { ColumnDescription, ExecuteOptions, ExecuteResult, Session, SessionOptions } from '../adapter.ts';
import type { Fence } from '../fence.ts';
import { Table } from '../table.ts';
import { type Answer, type Connection, discard } from './connection.ts';
import { databaseError } from './database-error.ts';
import { readTable, RESULT_FORMAT, RESULT_SETTINGS, type ResultColumn } from './result.ts';
import { LONG_QUERY } from './long-query.ts';
import type { Lane, Server } from './server.ts';

/** Statements whose rows dbt-clickhouse does not read: on a cluster they return a table of hosts. */
const DDL = /^\s*(?:\/\*[\s\S]*?\*\/\s*)?(?:CREATE|DROP|ALTER)\s/i;
/**
 * A comment must match in exactly one way: otherwise the time doubles with each comment before a statement that is not
 * a query.
 */
const READS =
  /^(?:\s|\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\/|--[^\n]*\n|\()*(?:select|with|show|describe|desc|explain|exists)\b/i;
const LEAVES_STATE = /\b(?:set|use|temporary)\b/i;
const UNKNOWN_DATABASE = '81';
/**
 * Names of working tables in statements that create, drop and rename them; before the suffix, as much as contains no
 * space.
 */
const WORKING = /(?<![^\s`"'.()])[^\s`"'.()]*__(?:tsdbt_[a-z]+|dbt_(?:tmp|backup|new_data))_[0-9a-f]{12,32}/g;
const INSERTS = /^\s*insert\s+into\b/i;
const NEW_TABLE = /^\s*create\s+table\s+(?:if\s+not\s+exists\s+)?(`(?:[^`\\]|\\.)+`\.`(?:[^`\\]|\\.)+`)/i;
const NAMES_TABLES = /^\s*(?:drop|alter|rename|exchange)\s+tables?\s+(?:if\s+(?:not\s+)?exists\s+)?`/i;
const MAKES = /^\s*(?:\/\*[\s\S]*?\*\/\s*)?create\b/i;
const ENDS = /^\s*(?:\/\*[\s\S]*?\*\/\s*)?(?:drop|rename)\b/i;

/** Writes to a working table, which has no readers. */
const UNSEEN = new RegExp(
  '^\\s*(?:/\\*[\\s\\S]*?\\*/\\s*)?(?:insert\\s+into|' +
    'create\\s+(?:or\\s+replace\\s+)?(?:temporary\\s+)?(?:table|view)|drop\\s+(?:table|view)|alter\\s+table|' +
    'truncate\\s+table)\\s+(?:if\\s+(?:not\\s+)?exists\\s+)?' +
    '[^\\s(]*__(?:tsdbt_[a-z]+|dbt_(?:tmp|backup|new_data))_[0-9a-f]{12,32}',
  'i',
);
/** The server's code for an unknown session. */
const SESSION_GONE = '372';
/** How often a statement is sent again that was later than its fence allowed. */
const FENCED_TRIES = 3;
/** Number of three-byte letters that every server accepts: 256 KiB. */
const LONG = 80_000;

export class ClickHouseSession implements Session {
  readonly name: string;
  readonly inTransaction = false;
  readonly columns = new Map<string, Value>();
  readonly publishing: string[] = [];
  nextMayWait = false;
  /** Releases the leases of this session. */
  readonly endings: (() => Promise<void>)[] = [];
  /** Relations whose lease this session holds. */
  readonly locked = new Set<string>();
  /** Working tables that it has created and not dropped. */
  readonly #working = new Set<string>();
  readonly options: SessionOptions;
  readonly #server: Server;
  #lane: Lane | null = null;
  /** One session runs one statement at a time. */
  readonly #statements = new InOrder();
  #lasts = false;
  #running: { queryId: string; abort: AbortController } | null = null;
  /** Resolves when the server has ended what was cancelled. */
  #ending: Promise<void> | null = null;
  #cancelled = false;

  readonly #own: boolean;

  /** @param own see `Server.takeLane` */
  constructor(server: Server, options: SessionOptions, own = false) {
    this.#server = server;
    this.#own = own;
    this.options = options;
    this.name = options.name;
  }

  get lasting(): boolean {
    return this.#lasts;
  }

  /** No other run changes columns of a relation whose lease this session holds. */
  get keepsColumns(): boolean {
    return this.locked.size > 0;
  }

  /** Whether every working table is dropped or renamed. */
  get clean(): boolean {
    return this.#working.size === 0;
  }

  /** Another part of the program has dropped a working table. */
  dropped(identifier: string): void {
    for (const name of identifier.match(WORKING) ?? []) this.#working.delete(name);
  }

  async execute(sql: string, options: ExecuteOptions = {}): Promise<ExecuteResult> {
    // Ignores `bindings`, as dbt-clickhouse does.
    return this.#statements.run(async () => {
      const fetch = options.fetch === true && !DDL.test(sql);
      const { table, response } = await this.#run(sql, await this.#restricted(options), fetch);
      return { response, table: table.printingTo(this.options.print) };
    });
  }

  /** A user whose profile is read-only may not set the setting again. */
  async #restricted(options: ExecuteOptions): Promise<ExecuteOptions> {
    if (options.readOnly !== true) return options;
    const { table } = await this.#run("SELECT toInt64(getSetting('readonly'))", { internal: true }, true);
    const isReadOnly = Number(table.rows[0]?.values[0] ?? 0) > 0;
    return isReadOnly ? options : { ...options, settings: { ...options.settings, readonly: '2' } };
  }

  async executeLater(sql: string, answered: (result: ExecuteResult) => void): Promise<void> {
    answered(await this.execute(sql));
  }

  async describe(sql: string, readOnly = false): Promise<ColumnDescription[]> {
    return this.#statements.run(async () => {
      const options = await this.#restricted({ readOnly });
      const { columns } = await this.#run(`SELECT * FROM ( \n${sql} \n) LIMIT 0`, options, true);
      return columns.map(({ name, type }) => ({ name, typeName: type }));
    });
  }

  async attempt(sql: string): Promise<TsdbtError | null> {
    try {
      await this.execute(sql);
      return null;
    } catch (error) {
      if (error instanceof TsdbtError) return error;
      throw error;
    }
  }

  /** Sends rows with `INSERT INTO … FORMAT …`. @param settings for this statement only */
  async insert(
    sql: string,
    data: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    settings: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await this.#statements.run(() => this.#run(sql, { internal: true, settings }, false, Readable.from(data)));
  }

  /**
   * @param sql with a FORMAT; the server answers after the query has ended, so that a failure never leaves a partial
   *   answer
   */
  async copyOut<T>(sql: string, take: (rows: AsyncIterable<Uint8Array>) => Promise<T>): Promise<T> {
    return this.#statements.run(async () => {
      let taken: { readonly value: T } | undefined;
      // A user who may not change settings can still send short queries.
      const settings = sql.length > LONG ? LONG_QUERY : {};
      await this.#run(sql, { internal: true, settings }, false, undefined, async (body) => {
        taken = { value: await take(body) };
      });
      if (taken === undefined) throw new TsdbtError('internal', 'a query gave no answer');
      return taken.value;
    });
  }

  async begin(): Promise<void> {
    await this.#server.connect();
  }
  async commit(): Promise<void> {
    /* What has run lasts. */
  }
  async rollback(): Promise<void> {
    /* There is nothing to go back to. */
  }

  copyIn(): Promise<number> {
    return Promise.reject(new TsdbtError('internal', 'ClickHouse loads rows by INSERT, not by COPY'));
  }

  /** Waits until the server has ended the statement. Nothing follows it. */
  async cancel(): Promise<void> {
    this.#cancelled = true;
    if (this.#running === null) return;
    const { queryId, abort } = this.#running;
    this.#ending ??= this.#server.end(queryId, abort);
    await this.#ending;
  }

  async release(): Promise<void> {
    try {
      await this.#statements.ended;
      // What was begun is cleaned up in any case.
      this.#cancelled = false;
      for (const end of this.endings.splice(0).reverse()) await end();
    } catch {
      // The next run that builds the relation drops what is left.
    }
    // Statements that arrived in the meantime end in their lane; later ones take another lane.
    await this.#statements.run(async () => {
      const lane = this.#lane;
      this.#lane = null;
      this.columns.clear();
      if (lane !== null) this.#server.giveBack(lane);
    });
  }

  async #run(
    sql: string,
    options: ExecuteOptions,
    fetch: boolean,
    data?: Readable,
    take?: (body: Readable) => Promise<void>,
  ): Promise<{ table: Table; columns: readonly ResultColumn[]; response: AdapterResponse }> {
    const connection = await this.#server.connect();
    const { fence } = this.options;
    this.#lane ??= await this.#server.takeLane(fence?.holds, this.#own);
    // Between two statements, or while it waited for others.
    this.#refuseCancelled();
    const lane = this.#lane;
    const { text, start } =
      options.internal === true ? { text: sql.trim(), start: -leading(sql) } : this.#commented(sql);
    if (LEAVES_STATE.test(sql)) lane.stateful = true;
    if (!READS.test(sql)) {
      this.#lasts = true;
      forgetColumns(this.columns, sql);
      // A failed CREATE may have created the table.
      if (MAKES.test(sql)) for (const name of sql.match(WORKING)?.slice(0, 1) ?? []) this.#working.add(name);
    }
    const observer = this.options.onStatement;
    const queryId = fence === undefined ? randomUUID() : `${fence.runId}:${randomUUID()}`;
    const abort = new AbortController();
    this.#running = { queryId, abort };
    this.#server.begun(queryId, abort);
    observer?.({ sql, phase: 'start' });
    const started = performance.now();
    try {
      const settings = {
        ...this.#server.settings,
        ...(options.internal === true || this.options.ofModels !== true ? this.#server.rowSettings : {}),
        ...(fetch ? RESULT_SETTINGS : {}),
        ...options.settings,
        wait_end_of_query: '1',
        ...(fetch ? { default_format: RESULT_FORMAT } : {}),
      };
      const request = {
        queryId,
        sessionId: lane.sessionId,
        settings,
        abort,
        data,
        doubt: (message: string) => this.options.onWait?.(message),
      };
      const answer = await (fence === undefined
        ? this.#send(connection, text, request)
        : this.#sendFenced(connection, text, request, fence, READS.test(sql) || UNSEEN.test(sql)));
      let result: Awaited<ReturnType<typeof readTable>> = { table: Table.empty(), columns: [] };
      if (fetch && answer.format === RESULT_FORMAT) {
        const lines = createInterface({ input: answer.body, crlfDelay: Number.POSITIVE_INFINITY });
        result = await readTable(lines, options.limit ?? null);
        answer.body.destroy();
      } else if (take !== undefined) await take(answer.body).finally(() => answer.body.destroy());
      else await discard(answer);
      const { table, columns } = result;
      if (ENDS.test(sql)) this.dropped(sql);
      const response: AdapterResponse = { _message: 'OK', query_id: queryId };
      const cost = answer.cost !== null && options.hook === true ? { ...answer.cost, writtenRows: 0 } : answer.cost;
      observer?.({ sql, phase: 'end', ms: performance.now() - started, response, cost });
      return { table, columns, response };
    } catch (error) {
      // An abandoned request says nothing about the statement.
      await this.#ending;
      observer?.({ sql, phase: 'error', ms: performance.now() - started, error });
      const failure = databaseError(error, { sql, text, start }, connection.address.embedded);
      if (connection.address.embedded !== null && failure.details.code === undefined) this.#server.lost();
      throw failure;
    } finally {
      this.#running = null;
      this.#ending = null;
      this.#server.over(queryId);
    }
  }

  #refuseCancelled(): void {
    if (this.#cancelled) throw new TsdbtError('database', 'Query was cancelled', { code: '394' });
  }

  /**
   * Checks the fence before a statement whose effect others see. The server drops the session soon after the check, so
   * it rejects a statement that this process sends late because it was stopped in between.
   */
  async #sendFenced(
    connection: Connection,
    text: string,
    request: Omit<Parameters<Connection['send']>[0], 'sql'>,
    { check, holds, runId }: Fence,
    unseen: boolean,
  ): Promise<Answer> {
    const settings = { ...request.settings, session_timeout: String(holds) };
    if (unseen) return this.#send(connection, text, { ...request, settings });
    for (let tries = 1; ; tries++) {
      await discard(
        await this.#send(connection, check, {
          queryId: `${runId}:${randomUUID()}`,
          sessionId: request.sessionId,
          settings: { ...this.#server.settings, session_timeout: String(holds), wait_end_of_query: '1' },
          abort: request.abort,
        }),
      );
      this.#refuseCancelled();
      try {
        return await this.#send(connection, text, { ...request, settings: { ...settings, session_check: '1' } });
      } catch (error) {
        const late = error instanceof Error && 'code' in error && error.code === SESSION_GONE;
        if (!late || request.data !== undefined || tries === FENCED_TRIES) throw error;
      }
    }
  }

  /** A dropped database cannot be the default: the statement that creates it again is sent without one. */
  async #send(
    connection: Connection,
    sql: string,
    request: Omit<Parameters<Connection['send']>[0], 'sql'>,
  ): Promise<Answer> {
    const { database } = this.#server;
    if (database === null) return connection.send({ sql, ...request });
    try {
      return await connection.send({ sql, ...request, settings: { ...request.settings, database } });
    } catch (error) {
      const gone =
        error instanceof Error && 'code' in error && error.code === UNKNOWN_DATABASE && request.data === undefined;
      if (!gone) throw error;
      return connection.send({ sql, ...request });
    }
  }

  #commented(sql: string): { text: string; start: number } {
    const comment = this.options.comment?.() ?? null;
    const words = comment?.text.trim() ?? '';
    const body = sql.trim();
    if (comment === null || words === '') return { text: body, start: -leading(sql) };
    if (comment.append)
      return { text: `${body.endsWith(';') ? body.slice(0, -1) : body}\n/* ${words} */`, start: -leading(sql) };
    const prefix = `/* ${words} */\n`;
    return { text: prefix + body, start: [...prefix].length - leading(sql) };
  }
}

/** Drops cached columns that a statement may change. Macros quote names; any other text may change all. */
function forgetColumns(columns: Map<string, Value>, sql: string): void {
  if (INSERTS.test(sql)) return;
  const made = NEW_TABLE.exec(sql)?.[1];
  if (made === undefined && !NAMES_TABLES.test(sql)) columns.clear();
  for (const name of columns.keys()) if ((made ?? sql).includes(name)) columns.delete(name);
}

/** Length of the text that is cut off at the start. */
function leading(sql: string): number {
  return [...sql].length - [...sql.trimStart()].length;
}
